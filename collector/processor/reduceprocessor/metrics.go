package reduceprocessor

import "go.opentelemetry.io/collector/pdata/pmetric"

// additivity says how the values of several processes become one.
type additivity uint8

const (
	unknownAdditivity additivity = iota
	// increases of monotonic sums add up: work.
	increases
	// currentValues of one scrape add up: state.
	currentValues
	// noSum is known to have no meaningful sum.
	noSum
)

// additivityOf is the one table of what may be summed; old and new semantic conventions.
var additivityOf = map[string]additivity{
	"process.cpu.time":                   increases,
	"process.disk.io":                    increases,
	"process.disk.operations":            increases,
	"process.context_switches":           increases,
	"process.paging.faults":              increases,
	"process.memory.usage":               currentValues,
	"process.memory.virtual":             currentValues,
	"process.threads":                    currentValues,
	"process.thread.count":               currentValues,
	"process.open_file_descriptors":      currentValues,
	"process.unix.file_descriptor.count": currentValues,
	"process.handles":                    currentValues,
	"process.signals_pending":            currentValues,
	"process.cpu.utilization":            currentValues,
	"process.memory.utilization":         currentValues,
}

// notAdditive are metrics whose sum over processes means nothing.
var notAdditive = map[string]struct{}{
	"process.uptime": {},
}

// resolutionOf is the step of a counter in its unit, where it is not 1: clock ticks of 10 ms.
var resolutionOf = map[string]float64{"process.cpu.time": 0.01}

// use is what a ranking or a threshold looks at.
type use uint8

const (
	useNone use = iota
	useCPU
	useRSS
	useIO
)

// usesOf are the metrics that rankings and thresholds look at.
var usesOf = map[string]use{
	"process.cpu.time":     useCPU,
	"process.memory.usage": useRSS,
	"process.disk.io":      useIO,
}

// kindOf is how this metric is summed, given its type; unknown where type and name do not go together.
func (t *seriesTable) kindOf(metric pmetric.Metric) (kind additivity, delta bool) {
	name := metric.Name()
	if _, none := notAdditive[name]; none {
		return noSum, false
	}
	named, known := additivityOf[name]
	if !known {
		if _, declared := t.declared[name]; !declared {
			return unknownAdditivity, false
		}
	}
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		if named == increases {
			return unknownAdditivity, false
		}
		return currentValues, false
	case pmetric.MetricTypeSum:
		sum := metric.Sum()
		delta = sum.AggregationTemporality() == pmetric.AggregationTemporalityDelta
		switch {
		case sum.AggregationTemporality() == pmetric.AggregationTemporalityUnspecified:
			return unknownAdditivity, false
		case sum.IsMonotonic() && named != currentValues:
			return increases, delta
		case !sum.IsMonotonic() && !delta && named != increases:
			return currentValues, false
		}
	case pmetric.MetricTypeEmpty, pmetric.MetricTypeHistogram, pmetric.MetricTypeExponentialHistogram, pmetric.MetricTypeSummary:
	}
	return unknownAdditivity, false
}
