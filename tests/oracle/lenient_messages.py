"""The official messages without what a metrics decoder has no use for, and with text as bytes.

The official parser also looks into exemplars, buckets and descriptions and insists on UTF-8. The kernel
does not. Parsing with these descriptors, made from the official ones, draws the line where the kernel
draws it, so that tests can demand that both refuse the same bodies.
"""

from typing import Final, cast

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2

_UNREAD: Final = {
    "schema_url",
    "dropped_attributes_count",
    "entity_refs",
    "key_strindex",
    "description",
    "metadata",
    "exemplars",
    "count",
    "bucket_counts",
    "explicit_bounds",
    "min",
    "max",
    "scale",
    "zero_count",
    "zero_threshold",
    "positive",
    "negative",
    "quantile_values",
}


def _lenient(message: DescriptorProto) -> None:
    fields = [field for field in message.field if field.name not in _UNREAD]
    # Optional fields live in a oneof of their own, which goes with them.
    oneofs = [
        message.oneof_decl[index]
        for index in sorted({f.oneof_index for f in fields if f.HasField("oneof_index")})
    ]
    places = {oneof.name: place for place, oneof in enumerate(oneofs)}
    for field in fields:
        if field.HasField("oneof_index"):
            field.oneof_index = places[message.oneof_decl[field.oneof_index].name]
        if field.type == FieldDescriptorProto.TYPE_STRING:
            field.type = FieldDescriptorProto.TYPE_BYTES
    kept = DescriptorProto(
        name=message.name, field=fields, oneof_decl=oneofs, enum_type=message.enum_type
    )
    message.CopyFrom(kept)


def _lenient_request() -> type[metrics_service_pb2.ExportMetricsServiceRequest]:
    pool = DescriptorPool()
    for module in (common_pb2, resource_pb2, metrics_pb2, metrics_service_pb2):
        file = FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        for message in file.message_type:
            _lenient(message)
        file.ClearField("service")
        pool.Add(file)
    name = "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest"
    lenient = GetMessageClass(pool.FindMessageTypeByName(name))
    return cast("type[metrics_service_pb2.ExportMetricsServiceRequest]", lenient)


LENIENT_REQUEST: Final = _lenient_request()
