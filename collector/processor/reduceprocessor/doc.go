// Package reduceprocessor cuts process metrics without lying: processes that matter keep their name,
// the others are summed, and for every additive metric what leaves equals what came in.
package reduceprocessor // import "example.com/phoenix/reduceprocessor"

//go:generate mdatagen metadata.yaml
