package reduceprocessor

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"
)

const (
	second = uint64(1_000_000_000)
	noon   = 1_800_000_000 * second
)

// life is a process of a made-up host.
type life struct {
	pid           int64
	name          string
	start         uint64
	ticks         [2]int64 // of CPU time, user and system; 10 ms
	io            [2]int64
	rss           int64
	hasIO         bool
	scrapesToHide int
	// shown is what it was at the last scrape that showed it, for delta.
	shown *life
	at    uint64
}

// population is a host whose processes are born, work, reset, hide and die.
type population struct {
	t     *rapid.T
	lives []*life
	now   uint64
	pids  int64
	// isDelta: its monotonic sums come as increases.
	isDelta bool
}

func newPopulation(t *rapid.T) *population {
	made := &population{t: t, now: noon, pids: 100}
	for range rapid.IntRange(0, 8).Draw(t, "old") {
		made.bear(made.now - rapid.Uint64Range(10, 1000).Draw(t, "age")*second)
	}
	return made
}

func (p *population) bear(start uint64) *life {
	p.pids++
	made := &life{
		pid: p.pids, start: start - start%10_000_000,
		name:  rapid.SampledFrom([]string{"nginx", "postgres", "sh", "java", "cron"}).Draw(p.t, "name"),
		ticks: [2]int64{rapid.Int64Range(0, 1_000_000).Draw(p.t, "user"), rapid.Int64Range(0, 1000).Draw(p.t, "system")},
		io:    [2]int64{rapid.Int64Range(0, 1<<40).Draw(p.t, "read"), rapid.Int64Range(0, 1000).Draw(p.t, "write")},
		rss:   rapid.Int64Range(1, 1<<33).Draw(p.t, "rss"),
		hasIO: rapid.IntRange(0, 4).Draw(p.t, "io?") > 0,
	}
	p.lives = append(p.lives, made)
	return made
}

// pass lets one interval go by.
func (p *population) pass() {
	p.now += rapid.Uint64Range(900, 1500).Draw(p.t, "ms") * 1_000_000
	for _, one := range p.lives {
		p.live(one)
	}
	if len(p.lives) > 0 && rapid.IntRange(0, 3).Draw(p.t, "death?") == 0 {
		i := rapid.IntRange(0, len(p.lives)-1).Draw(p.t, "dead")
		dead := p.lives[i]
		p.lives = slices.Delete(p.lives, i, i+1)
		if rapid.IntRange(0, 2).Draw(p.t, "reuse?") == 0 {
			born := p.bear(p.now - rapid.Uint64Range(0, 800).Draw(p.t, "ms")*1_000_000)
			born.pid, born.name = dead.pid, rapid.SampledFrom([]string{dead.name, "sh"}).Draw(p.t, "reused name")
		}
	}
	for range rapid.IntRange(0, 2).Draw(p.t, "births") {
		born := p.bear(p.now - rapid.Uint64Range(0, 800).Draw(p.t, "ms")*1_000_000)
		born.ticks = [2]int64{rapid.Int64Range(0, 80).Draw(p.t, "user"), rapid.Int64Range(0, 20).Draw(p.t, "system")}
		born.io = [2]int64{rapid.Int64Range(0, 5000).Draw(p.t, "read"), 0}
	}
}

func (p *population) live(one *life) {
	if one.scrapesToHide > 0 {
		one.scrapesToHide--
	}
	switch rapid.IntRange(0, 30).Draw(p.t, "event") {
	case 0: // a counter begins again
		one.io[0] = rapid.Int64Range(0, 100).Draw(p.t, "reset")
	case 1: // a rounding step of the kernel
		if one.ticks[1] > 0 {
			one.ticks[1]--
		}
	case 2: // a failed read of /proc
		one.scrapesToHide = rapid.IntRange(1, 8).Draw(p.t, "hidden")
	case 3: // exec: another name, the same life
		one.name = rapid.SampledFrom([]string{"nginx", "postgres", "sh"}).Draw(p.t, "exec")
	case 4:
		one.hasIO = !one.hasIO
	case 5, 6, 7, 8, 9, 10, 11, 12:
	default:
		one.ticks[0] += rapid.Int64Range(0, 150).Draw(p.t, "user")
		one.ticks[1] += rapid.Int64Range(0, 30).Draw(p.t, "system")
		one.io[0] += rapid.Int64Range(0, 1<<30).Draw(p.t, "read")
		one.io[1] += rapid.Int64Range(0, 5).Draw(p.t, "write")
		one.rss = rapid.Int64Range(1, 1<<33).Draw(p.t, "rss")
	}
}

// scrape is what the host shows now, every process with its own time.
func (p *population) scrape() pmetric.Metrics {
	md := pmetric.NewMetrics()
	at := p.now
	for _, one := range p.lives {
		if one.scrapesToHide > 0 {
			continue
		}
		at += 50_000
		if p.isDelta {
			one.writeSince(md, at)
		} else {
			one.write(md, at)
		}
	}
	return md
}

// writeSince writes what the process did since it was last shown.
func (l *life) writeSince(md pmetric.Metrics, at uint64) {
	since, start := life{}, l.start
	if l.shown != nil {
		since, start = *l.shown, l.at
	}
	now := *l
	now.start = start
	for i := range 2 {
		now.ticks[i] = max(0, l.ticks[i]-since.ticks[i])
		now.io[i] = max(0, l.io[i]-since.io[i])
	}
	now.write(md, at)
	for _, metric := range md.ResourceMetrics().At(md.ResourceMetrics().Len() - 1).ScopeMetrics().At(0).Metrics().All() {
		if metric.Sum().IsMonotonic() {
			metric.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		} else {
			metric.Sum().DataPoints().At(0).SetStartTimestamp(pcommon.Timestamp(l.start))
		}
	}
	shown := *l
	l.shown, l.at = &shown, at
}

func (l *life) write(md pmetric.Metrics, at uint64) {
	resource := md.ResourceMetrics().AppendEmpty()
	attributes := resource.Resource().Attributes()
	attributes.PutStr("host.name", "a")
	attributes.PutInt(attributePid, l.pid)
	attributes.PutStr(attributeName, l.name)
	attributes.PutStr(attributeCommandLine, "/usr/bin/"+l.name)
	metrics := resource.ScopeMetrics().AppendEmpty().Metrics()
	cpu := aSum(metrics, "process.cpu.time", "s", true)
	for i, state := range []string{"user", "system"} {
		aPoint(cpu, l.start, at, "state", state).SetDoubleValue(float64(l.ticks[i]) / 100)
	}
	if l.hasIO {
		io := aSum(metrics, "process.disk.io", "By", true)
		for i, direction := range []string{"read", "write"} {
			aPoint(io, l.start, at, "direction", direction).SetIntValue(l.io[i])
		}
	}
	rss := aSum(metrics, "process.memory.usage", "By", false)
	aPoint(rss, l.start, at, "", "").SetIntValue(l.rss)
}

func aSum(metrics pmetric.MetricSlice, name, unit string, isMonotonic bool) pmetric.NumberDataPointSlice {
	metric := metrics.AppendEmpty()
	metric.SetName(name)
	metric.SetUnit(unit)
	sum := metric.SetEmptySum()
	sum.SetIsMonotonic(isMonotonic)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return sum.DataPoints()
}

func aPoint(points pmetric.NumberDataPointSlice, start, at uint64, key, value string) pmetric.NumberDataPoint {
	point := points.AppendEmpty()
	if key != "" {
		point.Attributes().PutStr(key, value)
	}
	point.SetStartTimestamp(pcommon.Timestamp(start))
	point.SetTimestamp(pcommon.Timestamp(at))
	return point
}

// total is a sum over all processes of one metric and attribute set in one scrape.
type total struct {
	ints    int64
	doubles float64
	largest float64 // running value
}

// reader computes totals of a stream of scrapes the way any consumer that knows start times does. It shares
// no code with the processor. A process is known by its pid: its names may change while it runs.
type reader struct {
	scrapes int
	last    map[string]*owner
}

// owner is an instance, or whatever else has series.
type owner struct {
	start    uint64
	scrape   int
	reusedIn int // the scrape in which it followed another of the same name
	values   map[string]reading
}

type reading struct {
	value     number
	start, at uint64
}

// beginsAnew: a later start, beyond the grain of clock ticks, or one at or after the last point.
func (r reading) beginsAnew(start uint64) bool {
	return start > r.start+10_000_000 || (start > r.start && start >= r.at)
}

func newReader() *reader {
	return &reader{last: map[string]*owner{}}
}

func (r *reader) read(md pmetric.Metrics, previousFirst uint64) map[string]*total {
	r.scrapes++
	totals := map[string]*total{}
	for _, resource := range md.ResourceMetrics().All() {
		who := r.meet(resource)
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				if strings.HasPrefix(metric.Name(), "phoenix.") {
					continue
				}
				for _, point := range numberPoints(metric).All() {
					if !point.Flags().NoRecordedValue() {
						r.take(totals, who, metric, point, previousFirst)
					}
				}
			}
		}
	}
	return totals
}

func (r *reader) take(totals map[string]*total, who *owner, metric pmetric.Metric, point pmetric.NumberDataPoint, previousFirst uint64) {
	of := metric.Name() + " " + textOf(point.Attributes())
	into := totals[of]
	if into == nil {
		into = &total{}
		totals[of] = into
	}
	value := numberOf(point)
	if metric.Type() == pmetric.MetricTypeSum && metric.Sum().IsMonotonic() &&
		metric.Sum().AggregationTemporality() == pmetric.AggregationTemporalityCumulative {
		into.largest = math.Max(into.largest, math.Abs(value.double()))
		value = r.increase(who, of, reading{value, uint64(point.StartTimestamp()), uint64(point.Timestamp())}, previousFirst)
	}
	into.largest = math.Max(into.largest, math.Abs(value.double()))
	if value.isInt {
		into.ints += value.int()
	} else {
		into.doubles += value.double()
	}
}

// meet finds the owner of a resource's series. Another process under the same pid began later with all
// of its series; a bucket's series begin when they are first needed.
func (r *reader) meet(resource pmetric.ResourceMetrics) *owner {
	pid, isProcess := resource.Resource().Attributes().Get(attributePid)
	who := textOf(resource.Resource().Attributes())
	if isProcess {
		who = pid.AsString()
	}
	known, began := r.last[who], earliestStart(resource)
	switch {
	case known == nil || r.scrapes-known.scrape > 5:
		known = &owner{values: map[string]reading{}}
	case isProcess && began > known.start+10_000_000:
		known = &owner{values: map[string]reading{}, reusedIn: r.scrapes}
	}
	known.start, known.scrape = began, r.scrapes
	r.last[who] = known
	return known
}

func earliestStart(resource pmetric.ResourceMetrics) uint64 {
	found := uint64(math.MaxUint64)
	for _, scope := range resource.ScopeMetrics().All() {
		for _, metric := range scope.Metrics().All() {
			for _, point := range numberPoints(metric).All() {
				if !point.Flags().NoRecordedValue() && metric.Type() == pmetric.MetricTypeSum && metric.Sum().IsMonotonic() {
					found = min(found, uint64(point.StartTimestamp()))
				}
			}
		}
	}
	return found
}

func (r *reader) increase(who *owner, series string, now reading, previousFirst uint64) number {
	before, ok := who.values[series]
	who.values[series] = now
	value, start := now.value, now.start
	step := 1.0
	if strings.HasPrefix(series, "process.cpu.time") {
		step = 0.01
	}
	switch {
	case !ok && (who.reusedIn == r.scrapes || (previousFirst > 0 && start+2*second >= previousFirst)):
		return value
	case !ok:
		return value.zero()
	case before.beginsAnew(start):
		return value
	case value.less(before.value) && before.value.double()-value.double() <= step*(1+1e-9):
		return value.zero()
	case value.less(before.value):
		return value
	}
	return value.minus(before.value)
}

func textOf(attributes pcommon.Map) string {
	var parts []string
	for key, value := range attributes.All() {
		parts = append(parts, fmt.Sprintf("%s=%s;", key, value.AsString()))
	}
	slices.Sort(parts)
	return strings.Join(parts, "")
}

// firstTime is when a scrape began.
func firstTime(md pmetric.Metrics) uint64 {
	found := uint64(0)
	for _, resource := range md.ResourceMetrics().All() {
		_, _, first, _ := timesOf(resource)
		if found == 0 || (first > 0 && first < found) {
			found = first
		}
	}
	return found
}
