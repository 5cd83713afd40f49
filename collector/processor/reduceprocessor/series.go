package reduceprocessor

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxSeriesKinds bounds the table of metrics and point attributes. Those of processes are enumerations
// (state, direction, type): some thirty in all. Beyond the bound a point counts as unknown.
const maxSeriesKinds = 4096

// noGuess says that nothing is known about where a metric or a point may stand.
const noGuess = math.MaxInt

// seriesKind is a metric with one set of point attributes: what a process has one value of.
type seriesKind struct {
	metric     *metricKind
	attributes pcommon.Map
	// isBusy is false for CPU time in which the process waited.
	isBusy bool
}

// metricKind is a metric as its points are summed.
type metricKind struct {
	name, unit, description string
	kind                    additivity
	use                     use
	resolution              float64
	metricType              pmetric.MetricType
	isMonotonic             bool
	temporality             pmetric.AggregationTemporality
	sets                    []uint32          // ids of its series kinds, in the order of their first sight
	byAttributes            map[string]uint32 // canonical attributes to id
}

func (m *metricKind) isDelta() bool {
	return m.temporality == pmetric.AggregationTemporalityDelta
}

type metricKey struct {
	name, unit  string
	metricType  pmetric.MetricType
	isMonotonic bool
	temporality pmetric.AggregationTemporality
}

// seriesTable numbers the series kinds of all hosts; it only grows, up to its bound.
type seriesTable struct {
	declared map[string]struct{}
	kinds    []seriesKind
	metrics  map[metricKey]*metricKind
	guesses  []*metricKind // the last process's metrics: the next one mostly has the same
	scratch  []byte
}

func newSeriesTable(declared []string) *seriesTable {
	table := &seriesTable{declared: map[string]struct{}{}, metrics: map[metricKey]*metricKind{}}
	for _, name := range declared {
		table.declared[name] = struct{}{}
	}
	return table
}

// metricOf finds the kind of a metric; `position` is where it stands in its process.
func (t *seriesTable) metricOf(metric pmetric.Metric, position int) *metricKind {
	key := keyOf(metric)
	if position < len(t.guesses) {
		guess := t.guesses[position]
		if guess.name == key.name && guess.metricType == key.metricType && guess.temporality == key.temporality &&
			guess.isMonotonic == key.isMonotonic && guess.unit == key.unit {
			return guess
		}
	}
	found, ok := t.metrics[key]
	if !ok {
		found = t.newMetric(metric, key)
	}
	if position < len(t.guesses) {
		t.guesses[position] = found
	} else if position == len(t.guesses) {
		t.guesses = append(t.guesses, found)
	}
	return found
}

func keyOf(metric pmetric.Metric) metricKey {
	key := metricKey{name: metric.Name(), unit: metric.Unit(), metricType: metric.Type()}
	if key.metricType == pmetric.MetricTypeSum {
		sum := metric.Sum()
		key.isMonotonic, key.temporality = sum.IsMonotonic(), sum.AggregationTemporality()
	}
	return key
}

func (t *seriesTable) newMetric(metric pmetric.Metric, key metricKey) *metricKind {
	kind, _ := t.kindOf(metric)
	// The strings of pdata may share memory with a whole request; a table that lives on must not keep it.
	key.name, key.unit = string([]byte(key.name)), string([]byte(key.unit))
	made := &metricKind{
		name: key.name, unit: key.unit, description: string([]byte(metric.Description())),
		kind: kind, resolution: 1, metricType: key.metricType, isMonotonic: key.isMonotonic, temporality: key.temporality,
		byAttributes: map[string]uint32{},
	}
	if step, ok := resolutionOf[key.name]; ok {
		made.resolution = step
	}
	if kind == increases || kind == currentValues {
		made.use = usesOf[key.name]
	}
	if len(t.metrics) < maxSeriesKinds {
		t.metrics[key] = made
	} else {
		made.kind = unknownAdditivity
	}
	return made
}

// seriesOf numbers a point; false when the table is full.
func (t *seriesTable) seriesOf(metric *metricKind, attributes pcommon.Map, position int) (uint32, bool) {
	if position < len(metric.sets) {
		guess := metric.sets[position]
		if equalAttributes(t.kinds[guess].attributes, attributes) {
			return guess, true
		}
	}
	t.scratch = appendAttributes(t.scratch[:0], attributes, allAttributes)
	if id, ok := metric.byAttributes[string(t.scratch)]; ok {
		return id, true
	}
	if len(t.kinds) >= maxSeriesKinds {
		return 0, false
	}
	id := uint32(len(t.kinds)) //nolint:gosec // below maxSeriesKinds
	kept := pcommon.NewMap()
	attributes.CopyTo(kept)
	t.kinds = append(t.kinds, seriesKind{metric: metric, attributes: kept, isBusy: isBusy(kept)})
	metric.sets = append(metric.sets, id)
	metric.byAttributes[string(t.scratch)] = id
	return id, true
}

func isBusy(attributes pcommon.Map) bool {
	for _, key := range []string{"state", "cpu.mode"} {
		if value, ok := attributes.Get(key); ok {
			switch value.AsString() {
			case "wait", "iowait", "idle":
				return false
			}
		}
	}
	return true
}

// equalAttributes is true for the same pairs in the same order; another order is found by its key.
func equalAttributes(known, other pcommon.Map) bool {
	if known.Len() != other.Len() {
		return false
	}
	for key, value := range known.All() {
		found, ok := other.Get(key)
		if !ok || found.Type() != value.Type() {
			return false
		}
		if value.Type() == pcommon.ValueTypeStr {
			if value.Str() != found.Str() {
				return false
			}
		} else if !value.Equal(found) {
			return false
		}
	}
	return true
}

// appendAttributes appends a canonical form of the chosen attributes: pairs by key, with type and length.
func appendAttributes(buffer []byte, attributes pcommon.Map, isChosen func(key string) bool) []byte {
	type pair struct {
		key   string
		value pcommon.Value
	}
	var room [8]pair
	pairs := room[:0]
	for key, value := range attributes.All() {
		if isChosen(key) {
			pairs = append(pairs, pair{key, value})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	for _, one := range pairs {
		buffer = appendText(buffer, one.key)
		buffer = append(buffer, byte(one.value.Type())) //nolint:gosec // seven types
		buffer = appendText(buffer, one.value.AsString())
	}
	return buffer
}

func allAttributes(string) bool { return true }

func isOfHost(key string) bool { return !strings.HasPrefix(key, processPrefix) }

func appendText(buffer []byte, text string) []byte {
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(text))) //nolint:gosec // no attribute has 4 GiB
	return append(buffer, text...)
}
