package reduceprocessor

import "go.opentelemetry.io/collector/pdata/pcommon"

// Documented bounds of the state: bytes per process instance, per series of it, per series of a bucket.
const (
	bytesPerInstance     = 200
	bytesPerSeries       = 16
	bytesPerBucketSeries = 64
)

// host is the state of one host, between two scrapes.
type host struct {
	key        string
	attributes pcommon.Map
	scope      scopeOf
	// scrapes accepted by the next consumer so far.
	scrapes uint64
	// first and last time of the last scrape, nanoseconds since 1970; 0 before there was one.
	first, last uint64
	// previousFirst and previous are the same of the scrape before that one.
	previousFirst, previous uint64
	instances               map[int64]*instance
	buckets                 map[string]*bucket
	// total sums all processes, where it is asked for.
	total     *bucket
	level     levelState
	seriesOut int
	counts    [ruleCount]int64
	// counters in the state of its instances.
	counters int
	// counted is what of it is in the sums over all hosts.
	counted stateSize
	// stored is the encoded state that was last accepted, pending the one under way; with storage only.
	stored, pending []byte

	// Of the batch under way; meaningless between two.
	scan      uint64
	scanIndex int
}

type scopeOf struct {
	name, version, scopeSchema, resourceSchema string
}

func newHost(key string, attributes pcommon.Map) *host {
	return &host{key: key, attributes: attributes, instances: map[int64]*instance{}, buckets: map[string]*bucket{}}
}

// instance is one life of a process on a host.
type instance struct {
	pid int64
	// start time, nanoseconds since 1970, as the last scrape gave it; 0 if unknown.
	start uint64
	// seen is the number of the host's scrape that last held it.
	seen   uint64
	series []seriesState
	choice choice
	// rebased is set from the moment the instance came back from rest, with cumulative output.
	rebased *rebase
	// wasRest is true once it was in a bucket.
	wasRest bool

	// Of the scan under way; meaningless between two.
	scan uint64
}

// seriesState is the last value of one series of an instance: 16 bytes.
type seriesState struct {
	bits  uint64
	kind  uint32
	isInt bool
}

func (s seriesState) value() number {
	return number{bits: s.bits, isInt: s.isInt}
}

// rebase is what is taken off the values of an instance that came back, and since when.
type rebase struct {
	bases []baseState
}

// baseState belongs to one series: a counter that begins again while it is re-based begins at a new time.
type baseState struct {
	seriesState
	start uint64
}

func (r *rebase) of(kind uint32) (*baseState, bool) {
	for i := range r.bases {
		if r.bases[i].kind == kind {
			return &r.bases[i], true
		}
	}
	return nil, false
}

// slotOf finds a series of the instance, beginning where it most likely is; -1 if it is new.
func (i *instance) slotOf(kind uint32, guess int) int {
	if guess < len(i.series) && i.series[guess].kind == kind {
		return guess
	}
	for slot := range i.series {
		if i.series[slot].kind == kind {
			return slot
		}
	}
	return -1
}
