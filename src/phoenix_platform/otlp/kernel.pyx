# cython: language_level=3
"""The compiled decoder: an OTLP metrics body to columns, without a Python object per data point.

`decoding.py` is its only caller. How it is fast: the raw bytes of a resource, a scope, a metric's head and a
point's attributes are interned in C hash tables, and the four numbers name a row of the `SeriesTable`.
Only a spelling never seen before is parsed into Python objects; a second spelling of a known series (other
order of attributes, say) then leads to the same row. And because scrapes come in the same order again
and again, each point first tries the series that followed its predecessor last time: then nothing
needs to be hashed, comparing suffices.

What the fast path skips (descriptions, exemplars, buckets, schema URLs) is not looked into.
Fields and numbers: opentelemetry-proto, metrics/v1/metrics.proto; merging of repeated fields:
https://protobuf.dev/programming-guides/encoding/#last-one-wins.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize

from phoenix_platform.otlp.errors import BodyTooLargeError, MalformedBodyError
from phoenix_platform.otlp.series import Kind, Temporality
from phoenix_platform.otlp.series_table import Metric

include "wire.pxi"
include "allowances.pxi"
include "tables.pxi"
include "attributes.pxi"
include "json.pxi"

cdef enum:
    # Fields as tags: number << 3 | wire type.
    RESOURCE_METRICS = 0x0A
    RESOURCE = 0x0A
    SCOPE_METRICS = 0x12
    RESOURCE_ATTRIBUTES = 0x0A
    SCOPE = 0x0A
    METRICS = 0x12
    SCOPE_NAME = 0x0A
    SCOPE_VERSION = 0x12
    SCOPE_ATTRIBUTES = 0x1A
    METRIC_NAME = 0x0A
    METRIC_UNIT = 0x1A
    GAUGE = 0x2A
    SUM = 0x3A
    HISTOGRAM = 0x4A
    EXPONENTIAL_HISTOGRAM = 0x52
    SUMMARY = 0x5A
    DATA_POINTS = 0x0A
    TEMPORALITY = 0x10
    IS_MONOTONIC = 0x18
    # Levels of messages, the body being 0.
    RESOURCE_METRICS_DEPTH = 1
    RESOURCE_DEPTH = 2
    SCOPE_METRICS_DEPTH = 2
    METRIC_DEPTH = 3
    SCOPE_DEPTH = 3
    DATA_DEPTH = 4
    POINT_DEPTH = 5
    # Kinds, as indexes of PARTS and KINDS.
    NO_KIND = 5
    FIRST_POINTS = 64
    METRIC_HEAD = 8  # bytes before the name in an interned metric

cdef struct Head:
    # What a Metric message says about its points.
    Reader name
    Reader unit
    uint8_t kind
    uint8_t temporality
    uint8_t is_monotonic

cdef PointTags[5] PARTS
PARTS[0] = PARTS[1] = PointTags(attributes=0x3A, number=0x21, integer=0x31, flags=0x40)
PARTS[2] = PointTags(attributes=0x4A, number=0x29, integer=0, flags=0x50)
PARTS[3] = PointTags(attributes=0x0A, number=0x29, integer=0, flags=0x50)
PARTS[4] = PointTags(attributes=0x3A, number=0x29, integer=0, flags=0x40)

KINDS = (Kind.GAUGE, Kind.SUM, Kind.HISTOGRAM, Kind.EXPONENTIAL_HISTOGRAM, Kind.SUMMARY)
TEMPORALITIES = (Temporality.UNSPECIFIED, Temporality.DELTA, Temporality.CUMULATIVE)

COLUMN_WIDTHS = (4, 8, 8, 8, 4)  # bytes: row, time, start time, value, flags

cdef double NAN_VALUE = float("nan")
cdef uint64_t LAST_INT64 = 0x7FFFFFFFFFFFFFFFu


cdef inline uint8_t kind_of(uint32_t tag) noexcept:
    if tag == SUM:
        return 1
    if tag == GAUGE:
        return 0
    if tag == HISTOGRAM:
        return 2
    if tag == EXPONENTIAL_HISTOGRAM:
        return 3
    return 4 if tag == SUMMARY else NO_KIND


cdef inline bint has_temporality(uint8_t kind) noexcept:
    return 1 <= kind <= 3


cdef inline int64_t saturated(uint64_t time) noexcept:
    return <int64_t>min(time, LAST_INT64)


cdef void keep(list objects, uint32_t entry, object value):
    if entry == len(objects):
        objects.append(value)
    else:
        objects[entry] = value


@cython.final
cdef class Kernel:
    """Decodes into the rows of `table`. Not for several threads at once."""

    cdef object table
    cdef Allowance allowance
    cdef list fresh
    cdef uint64_t seed
    cdef Names resources
    cdef Names scopes
    cdef Names metrics
    cdef Names attributes
    cdef Keys keys
    cdef list resource_objects  # by entry of `resources`, and so on
    cdef list scope_objects
    cdef list metric_objects
    cdef list attribute_objects
    cdef uint32_t* first_key  # by row
    cdef uint32_t rows
    cdef list columns  # what `decode` returns: five bytearrays, and below where they lie
    cdef uint32_t* row_column
    cdef int64_t* time_column
    cdef int64_t* start_time_column
    cdef double* value_column
    cdef uint32_t* flags_column
    cdef size_t count
    cdef size_t capacity
    cdef uint32_t previous  # the key of the last point, or NONE
    cdef uint32_t guess  # the key that followed it last time, or NONE
    # The message being read: where it and its parts are, and their entries or NONE.
    cdef const uint8_t* message_at
    cdef Reader scattered_point  # the point whose attributes do not stand together, or nothing
    cdef Reader resource_span
    cdef Reader scope_span
    cdef Head head
    cdef uint32_t resource
    cdef uint32_t scope
    cdef uint32_t metric
    cdef object new_resource  # what an unknown one says, until a point makes it known
    cdef object new_scope
    cdef Bytes joined_resource
    cdef Bytes joined_scope
    cdef Bytes joined_attributes
    cdef Bytes spelled_metric

    def __cinit__(self, table, uint64_t seed, limits):
        self.table = table
        self.allowance.limits = limits_of(limits)
        self.seed = seed
        self.fresh = []
        self.resource_objects, self.scope_objects = [], []
        self.metric_objects, self.attribute_objects = [], []
        self.previous = self.guess = NONE
        names_open(&self.resources)
        names_open(&self.scopes)
        names_open(&self.metrics)
        names_open(&self.attributes)
        keys_open(&self.keys)

    def __dealloc__(self):
        names_close(&self.resources)
        names_close(&self.scopes)
        names_close(&self.metrics)
        names_close(&self.attributes)
        keys_close(&self.keys)
        free(self.first_key)
        free(self.joined_resource.content)
        free(self.joined_scope.content)
        free(self.joined_attributes.content)
        free(self.spelled_metric.content)

    def decode(self, bytes body not None):
        """Rows, times, start times, values, flags, each as packed native numbers, and the list of fresh rows."""
        cdef const uint8_t* start = body
        cdef Reader reader = Reader(start, start + len(body))
        self.fresh = []
        self.message_at = start
        self.allowance.new_values = 0
        self.scattered_point = Reader(start, start)
        self.columns = [bytearray() for _ in COLUMN_WIDTHS]
        try:
            # As many as the last body had: scrapes are much alike.
            self._resize_columns(min(max(self.count, <size_t>FIRST_POINTS), self._most_points()))
            self.count = 0
            self._read_body(reader)
            self._resize_columns(self.count)
            return *self.columns, self.fresh
        except (WireFault, LimitFault) as wrong:
            self._undo()
            raise refusal_of(
                wrong, <uintptr_t>start, <uintptr_t>self.message_at, len(body), "protobuf"
            ) from None
        except BaseException:
            self._undo()
            raise
        finally:
            self.columns = None

    def forget(self, list rows not None):
        """Free distinct `rows` that are in use, with every spelling of theirs."""
        for row in rows:
            self._release_row(row)
        self.table.free(rows)

    def sizes(self):
        """How many raw resources, scopes, metrics, attribute sets and keys are held, for tests of forgetting."""
        return (
            self.resources.index.used,
            self.scopes.index.used,
            self.metrics.index.used,
            self.attributes.index.used,
            self.keys.index.used,
        )

    cdef int _undo(self) except -1:
        """Take back what a refused body has added."""
        for row in self.fresh:
            self._release_row(row)
        self.table.take_back(self.fresh)
        self.fresh = []
        return 0

    cdef int _release_row(self, uint32_t row) except -1:
        cdef uint32_t entry = self.first_key[row]
        cdef uint32_t next_entry
        cdef Key* key
        while entry != NONE:
            key = &self.keys.keys[entry]
            next_entry = key.next
            if names_release(&self.resources, key.resource):
                self.resource_objects[key.resource] = None
            if names_release(&self.scopes, key.scope):
                self.scope_objects[key.scope] = None
            if names_release(&self.metrics, key.metric):
                self.metric_objects[key.metric] = None
            if names_release(&self.attributes, key.attributes):
                self.attribute_objects[key.attributes] = None
            keys_release(&self.keys, entry)
            entry = next_entry
        self.first_key[row] = NONE
        self.previous = self.guess = NONE
        return 0

    cdef size_t _most_points(self) noexcept:
        return self.allowance.limits.points

    cdef int _resize_columns(self, size_t points) except -1:
        """Make room for `points`; what is there stays."""
        cdef Py_ssize_t width
        for column, width in zip(self.columns, COLUMN_WIDTHS):
            PyByteArray_Resize(column, points * width)
        self.row_column = <uint32_t*>PyByteArray_AS_STRING(self.columns[0])
        self.time_column = <int64_t*>PyByteArray_AS_STRING(self.columns[1])
        self.start_time_column = <int64_t*>PyByteArray_AS_STRING(self.columns[2])
        self.value_column = <double*>PyByteArray_AS_STRING(self.columns[3])
        self.flags_column = <uint32_t*>PyByteArray_AS_STRING(self.columns[4])
        self.capacity = points
        return 0

    cdef int _read_body(self, Reader reader) except -1:
        cdef uint32_t tag = 0
        cdef Reader span
        while reader.at < reader.end:
            read_tag(&reader, &tag)
            if tag == RESOURCE_METRICS:
                read_span(&reader, &span)
                self._read_resource_metrics(span)
            else:
                skip(&reader, tag, 0)
        return 0

    cdef int _read_resource_metrics(self, Reader message) except -1:
        cdef Reader reader = message
        cdef Reader span
        cdef uint32_t tag = 0
        self.message_at = message.at
        find_part(
            message, RESOURCE, RESOURCE_METRICS_DEPTH, &self.resource_span,
            &self.joined_resource, RESOURCE_ATTRIBUTES, &self.allowance,
        )
        self.resource = NONE
        if self.guess != NONE:
            self.resource = self.keys.keys[self.guess].resource
        self.resource = find(&self.resources, self.resource, self.resource_span, self.seed)
        if self.resource == NONE:
            self.new_resource = self._parsed_resource()
        while reader.at < reader.end:
            read_tag(&reader, &tag)
            if tag == SCOPE_METRICS:
                read_span(&reader, &span)
                self._read_scope_metrics(span)
            else:
                skip(&reader, tag, RESOURCE_METRICS_DEPTH)
        return 0

    cdef int _read_scope_metrics(self, Reader message) except -1:
        cdef Reader reader = message
        cdef Reader span
        cdef uint32_t tag = 0
        self.message_at = message.at
        find_part(
            message, SCOPE, SCOPE_METRICS_DEPTH, &self.scope_span,
            &self.joined_scope, SCOPE_ATTRIBUTES, &self.allowance,
        )
        self.scope = NONE
        if self.guess != NONE:
            self.scope = self.keys.keys[self.guess].scope
        self.scope = find(&self.scopes, self.scope, self.scope_span, self.seed)
        if self.scope == NONE:
            self.new_scope = self._parsed_scope()
        while reader.at < reader.end:
            read_tag(&reader, &tag)
            if tag == METRICS:
                read_span(&reader, &span)
                self._read_metric(span)
            else:
                skip(&reader, tag, SCOPE_METRICS_DEPTH)
        return 0

    cdef int _read_metric(self, Reader message) except -1:
        """Read the head first: name and temporality may stand behind the points."""
        cdef Reader reader = message
        cdef Reader span
        cdef Reader data
        cdef const uint8_t* start
        cdef uint32_t tag = 0
        cdef uint8_t kind
        cdef bint in_parts = False
        cdef Reader nothing = Reader(message.at, message.at)
        cdef Reader replaced = nothing
        self.head = Head(nothing, nothing, NO_KIND, 0, 0)
        data = nothing
        while reader.at < reader.end:
            start = reader.at
            read_tag(&reader, &tag)
            if tag == METRIC_NAME:
                read_span(&reader, &self.head.name)
                continue
            if tag == METRIC_UNIT:
                read_span(&reader, &self.head.unit)
                continue
            kind = kind_of(tag)
            if kind == NO_KIND:
                skip(&reader, tag, METRIC_DEPTH)
                continue
            read_span(&reader, &span)
            if kind == self.head.kind:
                in_parts = True
            else:  # a `oneof`: another kind replaces what was there
                in_parts = False
                if self.head.kind != NO_KIND:
                    replaced.end = start
                self.head.kind = kind
                self.head.temporality = self.head.is_monotonic = 0
                message.at = start
                data = span
            self._read_data_head(span)
        if self.head.kind == NO_KIND:
            return 0
        if replaced.at != replaced.end:
            check_data(replaced, &self.allowance)
        self.metric = self._find_metric()
        if not in_parts:
            return self._read_points(data)
        while message.at < message.end:
            read_tag(&message, &tag)
            if kind_of(tag) == self.head.kind:
                read_span(&message, &span)
                self._read_points(span)
            else:
                skip(&message, tag, METRIC_DEPTH)
        return 0

    cdef int _read_data_head(self, Reader reader) except -1:
        cdef Head* head = &self.head
        cdef uint32_t tag = 0
        cdef uint64_t number = 0
        if not has_temporality(head.kind):
            return 0
        while reader.at < reader.end:
            read_tag(&reader, &tag)
            if tag == TEMPORALITY:
                read_varint(&reader, &number)
                number &= 0xFFFFFFFFu  # an enum has 32 bits
                head.temporality = <uint8_t>number if number <= 2 else 0
            elif tag == IS_MONOTONIC and head.kind == 1:
                read_varint(&reader, &number)
                head.is_monotonic = number != 0
            else:
                skip(&reader, tag, DATA_DEPTH)
        return 0

    cdef uint32_t _find_metric(self) except? NONE:
        cdef Head* head = &self.head
        cdef Name* name
        cdef size_t name_length = head.name.end - head.name.at
        cdef size_t unit_length = head.unit.end - head.unit.at
        cdef uint8_t[METRIC_HEAD] start
        start[0] = head.kind
        start[1] = head.temporality
        start[2] = head.is_monotonic
        start[3] = 0
        cdef uint32_t short_length = <uint32_t>name_length
        memcpy(&start[4], &short_length, 4)
        if self.guess != NONE:
            name = &self.metrics.names[self.keys.keys[self.guess].metric]
            if (
                name.length == METRIC_HEAD + name_length + unit_length
                and load64(name.content) == load64(start)
                and is_same(name.content + METRIC_HEAD, head.name.at, name_length)
                and is_same(name.content + METRIC_HEAD + name_length, head.unit.at, unit_length)
            ):
                return self.keys.keys[self.guess].metric
        cdef Bytes* spelled = &self.spelled_metric
        spelled.length = 0
        bytes_append(spelled, start, METRIC_HEAD)
        bytes_append(spelled, head.name.at, name_length)
        bytes_append(spelled, head.unit.at, unit_length)
        return names_find(
            &self.metrics,
            hash_of(self.seed, spelled.content, spelled.length),
            spelled.content,
            spelled.length,
        )

    cdef int _read_points(self, Reader reader) except -1:
        cdef const PointTags* tags = &PARTS[self.head.kind]
        cdef Reader span
        cdef uint32_t tag = 0
        while reader.at < reader.end:
            read_tag(&reader, &tag)
            if tag == DATA_POINTS:
                read_span(&reader, &span)
                self._read_point(span, tags)
            else:
                skip(&reader, tag, DATA_DEPTH)
        return 0

    cdef int _read_point(self, Reader message, const PointTags* tags) except -1:
        cdef Point point
        cdef size_t count = self.count
        point.time = point.start_time = 0
        point.value = 0.0 if self.head.kind == 4 else NAN_VALUE  # a summary's sum is not optional
        point.flags = 0
        point.scattered = False
        point.attributes = Reader(message.at, message.at)
        read_point(message, tags, POINT_DEPTH, &point)
        if point.scattered:
            self._join_attributes(message, tags.attributes)
            point.attributes.at = self.joined_attributes.content
            point.attributes.end = point.attributes.at + self.joined_attributes.length
            self.scattered_point = message
        cdef uint32_t row = self._row_of(point.attributes, tags.attributes)
        if point.scattered:
            self.scattered_point.end = self.scattered_point.at
        if count == self.capacity:
            allow_points(&self.allowance.limits, count + 1, message.at)
            self._resize_columns(min(2 * count, self._most_points()))
        self.row_column[count] = row
        self.time_column[count] = saturated(point.time)
        self.start_time_column[count] = saturated(point.start_time)
        self.value_column[count] = point.value
        self.flags_column[count] = point.flags
        self.count = count + 1
        return 0

    cdef int _join_attributes(self, Reader reader, uint32_t attributes_tag) except -1:
        cdef Bytes* joined = &self.joined_attributes
        cdef const uint8_t* start
        cdef uint32_t tag = 0
        joined.length = 0
        while reader.at < reader.end:
            start = reader.at
            read_tag(&reader, &tag)
            skip(&reader, tag, POINT_DEPTH)
            if tag == attributes_tag:
                bytes_append(joined, start, reader.at - start)
        return 0

    cdef inline uint32_t _row_of(self, Reader raw, uint32_t attributes_tag) except? NONE:
        cdef uint32_t entry = self.guess
        cdef uint32_t attributes = NONE
        cdef uint32_t hash_
        if entry != NONE:
            attributes = self.keys.keys[entry].attributes
            if name_is(&self.attributes, attributes, raw.at, raw.end - raw.at):
                if key_is(&self.keys, entry, self.resource, self.scope, self.metric, attributes):
                    return self._step_to(entry)
        attributes = find(&self.attributes, NONE, raw, self.seed)
        entry = NONE
        if NONE not in (self.resource, self.scope, self.metric, attributes):
            hash_ = hash_of_key(self.seed, self.resource, self.scope, self.metric, attributes)
            entry = keys_find(
                &self.keys, hash_, self.resource, self.scope, self.metric, attributes
            )
        if entry == NONE:
            entry = self._meet(raw, attributes_tag, attributes)
        if self.previous != NONE:
            self.keys.keys[self.previous].successor = entry
        return self._step_to(entry)

    cdef inline uint32_t _step_to(self, uint32_t entry) noexcept:
        cdef uint32_t successor = self.keys.keys[entry].successor
        self.previous = entry
        # A successor may have been freed, or be another series by now: `key_is` will see.
        if successor != NONE and self.keys.keys[successor].row == NONE:
            successor = NONE
        self.guess = successor
        return self.keys.keys[entry].row

    cdef uint32_t _meet(self, Reader raw, uint32_t attributes_tag, uint32_t attributes) except NONE:
        """Take in a spelling seen for the first time; the key of it.

        Whatever can find fault with the bytes comes before anything is interned.
        """
        cdef object resource = self.new_resource
        cdef object scope = self.new_scope
        cdef object metric = self._metric_object()
        cdef object block
        if self.resource != NONE:
            resource = self.resource_objects[self.resource]
        if self.scope != NONE:
            scope = self.scope_objects[self.scope]
        cdef uint32_t row
        if attributes == NONE:
            block = self._parsed_attributes(raw, attributes_tag)
        else:
            block = self.attribute_objects[attributes]
        row, is_new = self.table.add(metric, resource, scope, block)
        self._make_room(row)
        if is_new:
            self.first_key[row] = NONE
            self.fresh.append(row)
        if self.resource == NONE:
            self.resource = intern(&self.resources, self.resource_span, self.seed)
            keep(self.resource_objects, self.resource, resource)
        if self.scope == NONE:
            self.scope = intern(&self.scopes, self.scope_span, self.seed)
            keep(self.scope_objects, self.scope, scope)
        if self.metric == NONE:
            self.metric = intern(&self.metrics, self._spelled_metric(), self.seed)
            keep(self.metric_objects, self.metric, metric)
        if attributes == NONE:
            attributes = intern(&self.attributes, raw, self.seed)
            keep(self.attribute_objects, attributes, block)
        return self._add_key(row, attributes)

    cdef uint32_t _add_key(self, uint32_t row, uint32_t attributes) except NONE:
        cdef Key key = Key(
            resource=self.resource,
            scope=self.scope,
            metric=self.metric,
            attributes=attributes,
            hash=hash_of_key(self.seed, self.resource, self.scope, self.metric, attributes),
            row=row,
            next=self.first_key[row],
            successor=NONE,
        )
        cdef uint32_t entry = keys_add(&self.keys, key)
        self.first_key[row] = entry
        self.resources.names[self.resource].references += 1
        self.scopes.names[self.scope].references += 1
        self.metrics.names[self.metric].references += 1
        self.attributes.names[attributes].references += 1
        return entry

    cdef int _make_room(self, uint32_t row) except -1:
        cdef uint32_t rows
        if row >= self.rows:
            rows = max(<uint32_t>FIRST_SLOTS, 2 * row)
            self.first_key = <uint32_t*>widened(self.first_key, rows * sizeof(uint32_t))
            self.rows = rows
        return 0

    cdef object _parsed_attributes(self, Reader raw, uint32_t attributes_tag):
        """Those of a point. If they are scattered they are read where they stand, for the offset of an error."""
        if self.scattered_point.at != self.scattered_point.end:
            raw = self.scattered_point
        self.message_at = raw.at
        self.allowance.values = 0
        return self.table.block(
            attributes_of(raw, attributes_tag, POINT_DEPTH, &self.allowance)
        )

    cdef object _parsed_resource(self):
        self.allowance.values = 0
        return self.table.block(
            attributes_of(
                self.resource_span, RESOURCE_ATTRIBUTES, RESOURCE_DEPTH, &self.allowance
            )
        )

    cdef object _parsed_scope(self):
        cdef Reader reader = self.scope_span
        cdef Reader span
        cdef uint32_t tag = 0
        cdef str name = ""
        cdef str version = ""
        self.allowance.values = 0
        cdef dict attributes = attributes_of(
            self.scope_span, SCOPE_ATTRIBUTES, SCOPE_DEPTH, &self.allowance
        )
        while reader.at < reader.end:
            read_tag(&reader, &tag)
            if tag == SCOPE_NAME:
                read_span(&reader, &span)
                name = text_of(span)
            elif tag == SCOPE_VERSION:
                read_span(&reader, &span)
                version = text_of(span)
            else:
                skip(&reader, tag, SCOPE_DEPTH)
        return self.table.scope(name, version, attributes)

    cdef object _metric_object(self):
        if self.metric != NONE:
            return self.metric_objects[self.metric]
        return Metric(
            text_of(self.head.name),
            text_of(self.head.unit),
            KINDS[self.head.kind],
            TEMPORALITIES[self.head.temporality],
            self.head.is_monotonic != 0,
        )

    cdef Reader _spelled_metric(self):
        """The metric as `_find_metric` has just spelled it: it is asked for unknown ones only."""
        cdef Bytes* spelled = &self.spelled_metric
        return Reader(spelled.content, spelled.content + spelled.length)


cdef inline uint32_t find(Names* table, uint32_t guess, Reader raw, uint64_t seed) noexcept:
    cdef size_t length = raw.end - raw.at
    if guess != NONE and name_is(table, guess, raw.at, length):
        return guess
    return names_find(table, hash_of(seed, raw.at, length), raw.at, length)


cdef uint32_t intern(Names* table, Reader raw, uint64_t seed) except NONE:
    cdef size_t length = raw.end - raw.at
    return names_add(table, hash_of(seed, raw.at, length), raw.at, length)


cdef int find_part(
    Reader reader,
    uint32_t wanted,
    int depth,
    Reader* part,
    Bytes* joined,
    uint32_t attributes,
    Allowance* allowance,
) except -1:
    """Set `part` to a message field, wherever it stands; the parts are joined if there are several.

    Joining would heal a part that is cut off, so each is read for itself as well.
    """
    cdef Reader span
    cdef uint32_t tag = 0
    cdef bint seen = False
    part.at = part.end = reader.at
    while reader.at < reader.end:
        read_tag(&reader, &tag)
        if tag != wanted:
            skip(&reader, tag, depth)
            continue
        read_span(&reader, &span)
        if not seen:
            seen = True
            part[0] = span
            joined.length = 0
            continue
        if joined.length == 0:
            allowance.values = 0
            attributes_of(part[0], attributes, depth + 1, allowance)
            bytes_append(joined, part.at, part.end - part.at)
        allowance.values = 0
        attributes_of(span, attributes, depth + 1, allowance)
        bytes_append(joined, span.at, span.end - span.at)
        part.at = joined.content
        part.end = joined.content + joined.length
    return 0


cdef int check_data(Reader message, Allowance* allowance) except -1:
    """Refuse what cannot be read in data that other data replaced: it has no points, but it must be sound."""
    cdef Reader span
    cdef Reader point
    cdef uint32_t tag = 0
    cdef uint8_t kind
    while message.at < message.end:
        read_tag(&message, &tag)
        kind = kind_of(tag)
        if kind == NO_KIND:
            skip(&message, tag, METRIC_DEPTH)
            continue
        read_span(&message, &span)
        while span.at < span.end:
            read_tag(&span, &tag)
            if tag == DATA_POINTS:
                read_span(&span, &point)
                allowance.values = 0
                attributes_of(point, PARTS[kind].attributes, POINT_DEPTH, allowance)
            else:
                skip(&span, tag, DATA_DEPTH)
    return 0


cdef object refusal_of(object wrong, uintptr_t start, uintptr_t message, size_t length, str encoding):
    """The error for a fault at an address: its offset in a body of `length` bytes at `start`.

    What stands in several parts is joined elsewhere before it is read; then the offset is that of its `message`.
    """
    address = wrong.args[-1]
    offset = (address if start <= address <= start + length else message) - start
    if type(wrong) is WireFault:
        return MalformedBodyError(
            f"not an OTLP metrics request in {encoding}: {wrong.args[0]}, at byte {offset} of {length}",
            offset=offset,
        )
    what, amount, limit, _ = wrong.args
    is_size = what in {"points", "new values of attributes"}
    fix = "send smaller batches" if is_size else "shorten it or leave it out"
    return (BodyTooLargeError if is_size else MalformedBodyError)(
        f"{what}: {amount} at byte {offset} of {length}, but the limit is {limit}; {fix}",
        offset=offset,
        limit=limit,
    )
