# JSON bodies to protobuf bodies; part of kernel.pyx. The work is done in json_bodies.h.

cdef extern from "json_bodies.h":
    ctypedef struct Json:
        const uint8_t* at
        const uint8_t* end
        Bytes unescaped
        Bytes out
        Allowance allowance

    int json_body(Json* json) except -1


def protobuf_of(bytes body not None, limits):
    """`body`, OTLP metrics in JSON, as protobuf; fields the decoder does not read are left out."""
    cdef const uint8_t* start = body
    cdef Json json
    memset(&json, 0, sizeof(Json))
    json.at = start
    json.end = start + len(body)
    json.allowance.limits = limits_of(limits)
    json.allowance.limits.new_values = ~<uint64_t>0  # which are new, only the decoder knows
    try:
        json_body(&json)
        return json.out.content[: json.out.length]
    except (WireFault, LimitFault) as wrong:
        raise refusal_of(wrong, <uintptr_t>start, <uintptr_t>start, len(body), "JSON") from None
    finally:
        free(json.unescaped.content)
        free(json.out.content)
