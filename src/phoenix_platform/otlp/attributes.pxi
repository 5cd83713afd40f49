# From raw attributes to Python values; part of kernel.pyx. Only spellings never seen before come here.
#
# Where protobuf says that a message given twice is merged, the parts are joined and read as one:
# joining is what merging means on the wire.

cdef enum:
    # Fields of KeyValue, ArrayValue and KeyValueList, as tags.
    KEY = 0x0A
    VALUE = 0x12
    ITEM = 0x0A
    # Fields of AnyValue, as tags.
    STRING = 0x0A
    BOOL = 0x10
    INT = 0x18
    DOUBLE = 0x21
    ARRAY = 0x2A
    KVLIST = 0x32
    BYTES = 0x3A
    STRING_INDEX = 0x40  # of the profiles signal; has no meaning here


cdef str text_of(Reader span):
    return span.at[: span.end - span.at].decode("utf-8", "surrogateescape")


cdef dict attributes_of(
    Reader reader, uint32_t attribute_tag, int depth, Allowance* allowance
):
    """The attributes of a message at `depth`; its other fields are passed over. Of a key given twice, the last counts."""
    cdef dict attributes = {}
    cdef uint32_t tag = 0
    cdef Reader span
    while reader.at < reader.end:
        read_tag(&reader, &tag)
        if tag == attribute_tag:
            read_span(&reader, &span)
            take_value(allowance, span.at)
            add_attribute(attributes, span, depth + 1, allowance)
        else:
            skip(&reader, tag, depth)
    return attributes


cdef int add_attribute(
    dict attributes, Reader reader, int depth, Allowance* allowance
) except -1:
    cdef str key = ""
    cdef bytes joined = None
    cdef bint has_value = False
    cdef uint32_t tag = 0
    cdef Reader span
    cdef Reader value
    if depth > MAX_DEPTH:
        fail("more than 100 levels", reader.at)
    value.at = value.end = reader.at
    while reader.at < reader.end:
        read_tag(&reader, &tag)
        if tag == KEY:
            read_span(&reader, &span)
            allow_key(allowance, span.end - span.at, span.at)
            key = text_of(span)
        elif tag == VALUE:
            read_span(&reader, &span)
            if has_value:
                # Joining would heal a part that is cut off, so each is read for itself as well.
                value_of(value, depth + 1, allowance)
                value_of(span, depth + 1, allowance)
                joined = value.at[: value.end - value.at] + span.at[: span.end - span.at]
                value.at = joined
                value.end = value.at + len(joined)
            else:
                has_value = True
                value = span
        else:
            skip(&reader, tag, depth)
    attributes[key] = value_of(value, depth + 1, allowance)
    return 0


cdef object value_of(Reader reader, int depth, Allowance* allowance):
    """The value of an AnyValue; the last field counts, except that lists of one kind add up."""
    cdef object value = None
    cdef uint32_t which = 0
    cdef uint32_t tag = 0
    cdef uint64_t bits = 0
    cdef Reader span
    if depth > MAX_DEPTH:
        fail("more than 100 levels", reader.at)
    while reader.at < reader.end:
        read_tag(&reader, &tag)
        if tag == STRING:
            read_span(&reader, &span)
            allow_value(allowance, span.end - span.at, span.at)
            value = text_of(span)
        elif tag == BYTES:
            read_span(&reader, &span)
            allow_value(allowance, span.end - span.at, span.at)
            value = span.at[: span.end - span.at]
        elif tag == BOOL:
            read_varint(&reader, &bits)
            value = bits != 0
        elif tag == INT:
            read_varint(&reader, &bits)
            value = <int64_t>bits
        elif tag == DOUBLE:
            read_fixed64(&reader, &bits)
            value = double_of(bits)
        elif tag == ARRAY:
            read_span(&reader, &span)
            if which != ARRAY:
                value = []
            add_items(value, span, depth + 1, allowance)
        elif tag == KVLIST:
            read_span(&reader, &span)
            if which != KVLIST:
                value = {}
            value.update(attributes_of(checked(span, depth + 1), ITEM, depth + 1, allowance))
        elif tag == STRING_INDEX:
            read_varint(&reader, &bits)
            value = None
        else:
            skip(&reader, tag, depth)
            continue
        which = tag
    return tuple(value) if which == ARRAY else value


cdef Reader checked(Reader reader, int depth) except *:
    if depth > MAX_DEPTH:
        fail("more than 100 levels", reader.at)
    return reader


cdef int add_items(list items, Reader reader, int depth, Allowance* allowance) except -1:
    cdef uint32_t tag = 0
    cdef Reader span
    reader = checked(reader, depth)
    while reader.at < reader.end:
        read_tag(&reader, &tag)
        if tag == ITEM:
            read_span(&reader, &span)
            take_value(allowance, span.at)
            items.append(value_of(span, depth + 1, allowance))
        else:
            skip(&reader, tag, depth)
    return 0
