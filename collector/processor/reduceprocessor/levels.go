package reduceprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// levelState is the adaptive level of one host; 0 is the configuration's own.
type levelState struct {
	level int
	// stayed is for how many scrapes the level has lasted.
	stayed int
	// entering and leaving count the scrapes in a row in which the conditions were met.
	entering, leaving int
	// busy and all CPU time of the host at the last scrape, seconds; for utilisation.
	busy, all float64
	hasTimes  bool
}

// hostFacts are what adaptive conditions read; nil means not in the scrape.
type hostFacts struct {
	cpuUtilization, load1m *float64
	processes, series      int

	busy, all      float64
	hasTimes       bool
	idleShares     float64
	processorCount int
}

type condition struct {
	name         string
	enter, leave float64
}

func (l *Level) conditions() []condition {
	pick := func(leave, enter *float64) float64 {
		if leave != nil {
			return *leave
		}
		return *enter
	}
	var found []condition
	add := func(name string, enter, leave *float64) {
		if enter != nil {
			found = append(found, condition{name, *enter, pick(leave, enter)})
		}
	}
	add("cpu_utilization", l.Enter.CPUUtilization, l.Leave.CPUUtilization)
	add("load_1m", l.Enter.Load1m, l.Leave.Load1m)
	add("processes", asDouble(l.Enter.Processes), asDouble(l.Leave.Processes))
	add("series", asDouble(l.Enter.Series), asDouble(l.Leave.Series))
	return found
}

func asDouble(value *int) *float64 {
	if value == nil {
		return nil
	}
	converted := float64(*value)
	return &converted
}

func (f *hostFacts) of(name string) (float64, bool) {
	switch name {
	case "cpu_utilization":
		if f.cpuUtilization != nil {
			return *f.cpuUtilization, true
		}
	case "load_1m":
		if f.load1m != nil {
			return *f.load1m, true
		}
	case "processes":
		return float64(f.processes), true
	case "series":
		return float64(f.series), true
	}
	return 0, false
}

// isEntered: one condition is reached.
func (l *Level) isEntered(facts *hostFacts) bool {
	for _, one := range l.conditions() {
		if value, ok := facts.of(one.name); ok && value >= one.enter {
			return true
		}
	}
	return false
}

// isLeft: every condition that can be read is fallen below.
func (l *Level) isLeft(facts *hostFacts) bool {
	for _, one := range l.conditions() {
		if value, ok := facts.of(one.name); ok && value >= one.leave {
			return false
		}
	}
	return true
}

// nextLevel walks at most one level per scrape: up when a higher level's conditions held long enough,
// down when this one's no longer do.
func nextLevel(state levelState, levels []Level, facts *hostFacts) levelState {
	state.busy, state.all, state.hasTimes = facts.busy, facts.all, facts.hasTimes
	state.stayed++
	if state.level < len(levels) {
		above := &levels[state.level]
		if above.isEntered(facts) {
			state.entering++
		} else {
			state.entering = 0
		}
		if state.entering >= max(1, above.EnterAfter) {
			return state.moveTo(state.level + 1)
		}
	}
	if state.level > 0 {
		here := &levels[state.level-1]
		if here.isLeft(facts) {
			state.leaving++
		} else {
			state.leaving = 0
		}
		if state.leaving >= max(1, here.LeaveAfter) && state.stayed >= here.MinStay {
			return state.moveTo(state.level - 1)
		}
	}
	return state
}

func (s levelState) moveTo(level int) levelState {
	s.level, s.stayed, s.entering, s.leaving = level, 0, 0, 0
	return s
}

// limitsAt are top-k and thresholds at a level: every level up to it overrides those before.
func limitsAt(cfg *Config, level int) limits {
	found := limits{k: [rankingCount]int{cfg.TopK.CPU, cfg.TopK.RSS, cfg.TopK.IO}, thresholds: cfg.Thresholds}
	for i := range cfg.Levels[:level] {
		if override := cfg.Levels[i].TopK; override != nil {
			for by, k := range []*int{override.CPU, override.RSS, override.IO} {
				if k != nil {
					found.k[by] = *k
				}
			}
		}
		if override := cfg.Levels[i].Thresholds; override != nil {
			found.thresholds = *override
		}
	}
	return found
}

// readHost takes in what one resource that is no process says about the host.
func (f *hostFacts) readHost(resource pmetric.ResourceMetrics) {
	for _, scope := range resource.ScopeMetrics().All() {
		for _, metric := range scope.Metrics().All() {
			switch metric.Name() {
			case "system.cpu.utilization":
				if metric.Type() == pmetric.MetricTypeGauge {
					f.readUtilization(metric.Gauge().DataPoints())
				}
			case "system.cpu.time":
				if metric.Type() == pmetric.MetricTypeSum {
					f.readTimes(metric.Sum().DataPoints())
				}
			case "system.cpu.load_average.1m":
				if metric.Type() == pmetric.MetricTypeGauge && metric.Gauge().DataPoints().Len() > 0 {
					load := numberOf(metric.Gauge().DataPoints().At(0)).double()
					f.load1m = &load
				}
			}
		}
	}
}

func (f *hostFacts) readUtilization(points pmetric.NumberDataPointSlice) {
	for _, point := range points.All() {
		if isIdle(point.Attributes()) {
			f.idleShares += numberOf(point).double()
			f.processorCount++
		}
	}
	if f.processorCount > 0 {
		busy := 1 - f.idleShares/float64(f.processorCount)
		f.cpuUtilization = &busy
	}
}

func (f *hostFacts) readTimes(points pmetric.NumberDataPointSlice) {
	for _, point := range points.All() {
		value := numberOf(point).double()
		f.all += value
		if !isIdle(point.Attributes()) {
			f.busy += value
		}
		f.hasTimes = true
	}
}

func isIdle(attributes pcommon.Map) bool {
	for _, key := range []string{"state", "cpu.mode"} {
		if value, ok := attributes.Get(key); ok {
			return value.AsString() == "idle"
		}
	}
	return false
}

// useTimes computes the utilisation from two readings of CPU times where the host does not give it.
func (f *hostFacts) useTimes(before *levelState) {
	if f.cpuUtilization != nil || !f.hasTimes || !before.hasTimes {
		return
	}
	if all := f.all - before.all; all > 0 {
		share := min(1, max(0, (f.busy-before.busy)/all))
		f.cpuUtilization = &share
	}
}
