// Command opampproto writes the protobuf descriptors of OpAMP, as the Go module opamp-go carries them, to stdout.
//
// The module is served without its .proto files, but its generated code holds their descriptors, which is all that
// protoc needs. scripts/opamp_proto.sh calls it.
package main

import (
	"fmt"
	"os"
	"path"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

// folder is where the Python classes live: protoc derives their import lines from the files' names.
const folder = "phoenix_platform/opamp"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	anyvalue := protodesc.ToFileDescriptorProto(protobufs.File_anyvalue_proto)
	opamp := protodesc.ToFileDescriptorProto(protobufs.File_opamp_proto)
	set := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{anyvalue, opamp}}
	for _, file := range set.File {
		file.Name = proto.String(path.Join(folder, file.GetName()))
		for i, name := range file.Dependency {
			file.Dependency[i] = path.Join(folder, name)
		}
	}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(bytes)
	return err
}
