# Hash tables of the kernel; part of kernel.pyx. They hold C data only, so a point needs no Python object.
#
# `Names` interns byte strings (the raw messages of resources, scopes, metrics, attribute sets) and
# counts who refers to them; `Keys` finds the row of four interned names. Both give out indexes that
# stay valid until released, and both are `Slots` with linear probing underneath.

from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

cdef extern from "buffers.h":
    ctypedef struct Bytes:
        uint8_t* content
        size_t length
        size_t capacity

    int bytes_append(Bytes* buffer, const void* content, size_t length) except -1

cdef enum:
    NONE = 0xFFFFFFFFu  # no index
    FIRST_SLOTS = 64

cdef struct Slot:
    uint32_t hash
    uint32_t index

cdef struct Slots:
    Slot* slots
    uint32_t mask  # number of slots - 1, a power of two - 1
    uint32_t used

cdef struct Name:
    uint8_t* content
    size_t length
    uint32_t hash
    uint32_t references  # keys that use it; of a free entry, the next free one

cdef struct Names:
    Slots index
    Name* names
    uint32_t count
    uint32_t capacity
    uint32_t first_free

cdef struct Key:
    uint32_t resource
    uint32_t scope
    uint32_t metric
    uint32_t attributes
    uint32_t hash
    uint32_t row  # NONE in a free entry
    uint32_t next  # another spelling of the same row; of a free entry, the next free one
    uint32_t successor  # the key that followed it last time, or NONE

cdef struct Keys:
    Slots index
    Key* keys
    uint32_t count
    uint32_t capacity
    uint32_t first_free


cdef inline uint32_t hash_of(uint64_t seed, const uint8_t* content, size_t length) noexcept:
    """A hash in the manner of wyhash (https://github.com/wangyi-fudan/wyhash): 16 bytes a multiplication.

    Seeded, because senders choose the bytes: without the seed they cannot make everything collide.
    """
    cdef uint64_t state = seed ^ mix(<uint64_t>length, 0x9E3779B97F4A7C15u)
    cdef uint64_t a = 0
    cdef uint64_t b = 0
    cdef const uint8_t* at = content
    cdef size_t left = length
    while left > 16:
        state = mix(load64(at) ^ 0xA0761D6478BD642Fu, load64(at + 8) ^ state)
        at += 16
        left -= 16
    if left >= 8:
        a = load64(at)
        b = load64(at + left - 8)
    elif left >= 4:
        a = load32(at)
        b = load32(at + left - 4)
    elif left > 0:
        a = (<uint64_t>at[0] << 16) | (<uint64_t>at[left >> 1] << 8) | at[left - 1]
    state = mix(a ^ 0xE7037ED1A0B428DBu, b ^ state)
    return <uint32_t>(state ^ (state >> 32))


cdef int slots_open(Slots* index) except -1:
    index.slots = NULL
    index.mask = 0
    index.used = 0
    return slots_resize(index, FIRST_SLOTS)


cdef int slots_resize(Slots* index, size_t size) except -1:
    cdef Slot* old = index.slots
    cdef size_t old_size = <size_t>index.mask + 1
    cdef Slot* slots = <Slot*>malloc(size * sizeof(Slot))
    cdef size_t position
    if slots == NULL:
        raise MemoryError
    memset(slots, 0xFF, size * sizeof(Slot))
    index.slots = slots
    index.mask = <uint32_t>(size - 1)
    if old != NULL:
        for position in range(old_size):
            if old[position].index != NONE:
                slots_put(index, old[position].hash, old[position].index)
        free(old)
    return 0


cdef inline void slots_put(Slots* index, uint32_t hash_, uint32_t entry) noexcept:
    cdef uint32_t position = hash_ & index.mask
    while index.slots[position].index != NONE:
        position = (position + 1) & index.mask
    index.slots[position].hash = hash_
    index.slots[position].index = entry


cdef int slots_add(Slots* index, uint32_t hash_, uint32_t entry) except -1:
    if (<size_t>index.used + 1) * 2 > index.mask:
        slots_resize(index, (<size_t>index.mask + 1) * 2)
    slots_put(index, hash_, entry)
    index.used += 1
    return 0


cdef void slots_remove(Slots* index, uint32_t hash_, uint32_t entry) noexcept:
    """Remove an entry that is there, and move up what had been pushed behind it."""
    cdef uint32_t hole = hash_ & index.mask
    cdef uint32_t position
    cdef uint32_t home
    while index.slots[hole].index != entry:
        hole = (hole + 1) & index.mask
    position = hole
    while True:
        position = (position + 1) & index.mask
        if index.slots[position].index == NONE:
            break
        home = index.slots[position].hash & index.mask
        # It may move into the hole unless its home lies behind the hole (cyclically).
        if ((position - home) & index.mask) >= ((position - hole) & index.mask):
            index.slots[hole] = index.slots[position]
            hole = position
    index.slots[hole].index = NONE
    index.used -= 1


cdef int names_open(Names* table) except -1:
    table.names = NULL
    table.count = table.capacity = 0
    table.first_free = NONE
    return slots_open(&table.index)


cdef void names_close(Names* table) noexcept:
    cdef uint32_t entry
    for entry in range(table.count):
        free(table.names[entry].content)
    free(table.names)
    free(table.index.slots)


cdef inline bint name_is(Names* table, uint32_t entry, const uint8_t* content, size_t length) noexcept:
    return (
        table.names[entry].length == length
        and is_same(table.names[entry].content, content, length)
    )


cdef inline uint32_t names_find(Names* table, uint32_t hash_, const uint8_t* content, size_t length) noexcept:
    cdef uint32_t position = hash_ & table.index.mask
    cdef Slot slot = table.index.slots[position]
    while slot.index != NONE:
        if slot.hash == hash_ and name_is(table, slot.index, content, length):
            return slot.index
        position = (position + 1) & table.index.mask
        slot = table.index.slots[position]
    return NONE


cdef uint32_t names_add(Names* table, uint32_t hash_, const uint8_t* content, size_t length) except NONE:
    """Intern bytes that are not there yet; nobody refers to them so far."""
    cdef uint32_t entry = table.first_free
    cdef uint32_t capacity
    cdef void* grown
    cdef uint8_t* copy
    if entry == NONE and table.count == table.capacity:
        capacity = max(<uint32_t>FIRST_SLOTS, table.capacity * 2)
        grown = realloc(table.names, capacity * sizeof(Name))
        if grown == NULL:
            raise MemoryError
        table.names = <Name*>grown
        table.capacity = capacity
    copy = <uint8_t*>malloc(max(length, <size_t>1))
    if copy == NULL:
        raise MemoryError
    if length > 0:
        memcpy(copy, content, length)
    if entry == NONE:
        entry = table.count
        table.count += 1
    else:
        table.first_free = table.names[entry].references
    table.names[entry] = Name(copy, length, hash_, 0)
    try:
        slots_add(&table.index, hash_, entry)
    except MemoryError:
        names_recycle(table, entry)
        raise
    return entry


cdef void names_recycle(Names* table, uint32_t entry) noexcept:
    free(table.names[entry].content)
    table.names[entry] = Name(NULL, 0, 0, table.first_free)
    table.first_free = entry


cdef bint names_release(Names* table, uint32_t entry) noexcept:
    """One reference less; whether it was the last, so that the entry is free now."""
    if table.names[entry].references > 1:
        table.names[entry].references -= 1
        return False
    slots_remove(&table.index, table.names[entry].hash, entry)
    names_recycle(table, entry)
    return True


cdef int keys_open(Keys* table) except -1:
    table.keys = NULL
    table.count = table.capacity = 0
    table.first_free = NONE
    return slots_open(&table.index)


cdef void keys_close(Keys* table) noexcept:
    free(table.keys)
    free(table.index.slots)


cdef inline uint32_t hash_of_key(
    uint64_t seed, uint32_t resource, uint32_t scope, uint32_t metric, uint32_t attributes
) noexcept:
    cdef uint64_t state = mix(
        (<uint64_t>resource << 32 | scope) ^ 0xA0761D6478BD642Fu,
        (<uint64_t>metric << 32 | attributes) ^ seed,
    )
    return <uint32_t>(state ^ (state >> 32))


cdef inline bint key_is(
    Keys* table, uint32_t entry, uint32_t resource, uint32_t scope, uint32_t metric, uint32_t attributes
) noexcept:
    cdef Key* key = &table.keys[entry]
    return (
        key.resource == resource
        and key.scope == scope
        and key.metric == metric
        and key.attributes == attributes
    )


cdef inline uint32_t keys_find(
    Keys* table,
    uint32_t hash_,
    uint32_t resource,
    uint32_t scope,
    uint32_t metric,
    uint32_t attributes,
) noexcept:
    cdef uint32_t position = hash_ & table.index.mask
    cdef Slot slot = table.index.slots[position]
    while slot.index != NONE:
        if slot.hash == hash_ and key_is(table, slot.index, resource, scope, metric, attributes):
            return slot.index
        position = (position + 1) & table.index.mask
        slot = table.index.slots[position]
    return NONE


cdef uint32_t keys_add(Keys* table, Key key) except NONE:
    """Take in a key that is not there yet."""
    cdef uint32_t entry = table.first_free
    cdef uint32_t capacity
    cdef void* grown
    if entry == NONE and table.count == table.capacity:
        capacity = max(<uint32_t>FIRST_SLOTS, table.capacity * 2)
        grown = realloc(table.keys, capacity * sizeof(Key))
        if grown == NULL:
            raise MemoryError
        table.keys = <Key*>grown
        table.capacity = capacity
    slots_add(&table.index, key.hash, table.count if entry == NONE else entry)
    if entry == NONE:
        entry = table.count
        table.count += 1
    else:
        table.first_free = table.keys[entry].next
    table.keys[entry] = key
    return entry


cdef void keys_release(Keys* table, uint32_t entry) noexcept:
    slots_remove(&table.index, table.keys[entry].hash, entry)
    table.keys[entry].row = NONE
    table.keys[entry].next = table.first_free
    table.first_free = entry


cdef void* widened(void* array, size_t size) except NULL:
    cdef void* grown = realloc(array, size)
    if grown == NULL:
        raise MemoryError
    return grown
