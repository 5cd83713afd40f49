package reduceprocessor

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	// startTolerance: start times have a grain of 10 ms (clock ticks); a later one is a new instance.
	startTolerance = 10_000_000
	// birthTolerance: start times are cut to seconds, and processes are listed before they are read.
	birthTolerance = 2_000_000_000
	// bitTolerance: the last bit of a double must not turn a fall of one tick into a reset.
	bitTolerance   = 1 + 1e-9
	nanosPerSecond = 1e9
)

// plan is what one batch will change, once the next consumer has accepted it.
type plan struct {
	hosts     []hostPlan
	processes []process
	work      []work
	// drops are the positions of resources that do not leave.
	drops []bool
	// unknownPoints and droppedPoints of rest processes.
	unknownPoints, droppedPoints int64
}

// hostPlan is the scrape of one host.
type hostPlan struct {
	host       *host
	isRepeated bool
	// isSplit: a further part of the scrape before.
	isSplit bool
	// hasDelta: some of its monotonic sums came as increases.
	hasDelta    bool
	first, last uint64
	// previousFirst and previous are the first and the latest time of the scrape before; 0 without one.
	previousFirst, previous uint64
	processes               []process
	facts                   hostFacts
	level                   levelState
	limits                  limits
	seriesOut               int
	refused                 int64
	buckets                 []*bucket
}

// process is one process resource of a scrape.
type process struct {
	resource int // position in the batch
	instance *instance
	start    uint64
	// first and time are the first and the latest time of its points.
	first, time uint64
	namesHash   uint64
	next        choice
	rates       [rankingCount]float64
	from, to    int // its work
	// ranks among those that no rule before top-k decided about, 1 for the most; 0 beyond k + margin, and for none.
	ranks [rankingCount]int
	// isNew: a life that the state does not know.
	isNew bool
	// isReused: the pid was another instance's.
	isReused  bool
	isRefused bool
	// hasUnknown: some metric of it is not known to be additive.
	hasUnknown                 bool
	unknownPoints, noSumPoints int64
	// leaves: it was kept until now. needsBase: its values begin anew.
	leaves, needsBase bool
	host              int
}

// work is one point of a process that can be summed.
type work struct {
	value number
	// running is the value as a cumulative one; the same unless the input is delta.
	running  number
	increase number
	// base is what is taken off in cumulative output, and since when, where the instance is re-based.
	base      number
	baseStart uint64
	start     uint64
	kind      uint32
	slot      int32 // in the instance's series; -1 if it is new
}

func (p *plan) reset(resources int) {
	clear(p.hosts)
	clear(p.processes) // they point into the batch before
	p.hosts, p.processes, p.work = p.hosts[:0], p.processes[:0], p.work[:0]
	p.drops = slices.Grow(p.drops[:0], resources)[:resources]
	clear(p.drops)
	p.unknownPoints, p.droppedPoints = 0, 0
}

// read walks every point of a process once and notes what can be summed.
func (p *reduce) read(one *process, resource pmetric.ResourceMetrics) {
	one.from = len(p.plan.work)
	position := 0
	for _, scope := range resource.ScopeMetrics().All() {
		for _, metric := range scope.Metrics().All() {
			kind := p.table.metricOf(metric, position)
			position++
			switch kind.kind {
			case unknownAdditivity:
				one.hasUnknown = true
				one.unknownPoints += int64(pointCount(metric))
			case noSum:
				one.noSumPoints += int64(pointCount(metric))
			case increases, currentValues:
				p.readPoints(one, kind, numberPoints(metric))
			}
		}
	}
	one.to = len(p.plan.work)
}

func pointCount(metric pmetric.Metric) int {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		return metric.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return metric.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return metric.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return metric.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return metric.Summary().DataPoints().Len()
	case pmetric.MetricTypeEmpty:
	}
	return 0
}

// numberPoints are the points of a gauge or a sum.
func numberPoints(metric pmetric.Metric) pmetric.NumberDataPointSlice {
	if metric.Type() == pmetric.MetricTypeGauge {
		return metric.Gauge().DataPoints()
	}
	return metric.Sum().DataPoints()
}

func (p *reduce) readPoints(one *process, kind *metricKind, points pmetric.NumberDataPointSlice) {
	for position, point := range points.All() {
		if point.Flags().NoRecordedValue() {
			continue
		}
		series, ok := p.table.seriesOf(kind, point.Attributes(), position)
		if !ok {
			one.unknownPoints++
			continue
		}
		p.plan.work = append(p.plan.work, work{
			value: numberOf(point), kind: series, start: uint64(point.StartTimestamp()),
		})
	}
}

// advance computes what each point of the process adds to the totals, and its rates.
func (p *reduce) advance(host *hostPlan, one *process) {
	works := p.plan.work[one.from:one.to]
	guess := 0
	for i := range works {
		works[i].slot = -1
		if p.table.kinds[works[i].kind].metric.kind == increases {
			works[i].slot = int32(one.instance.slotOf(works[i].kind, guess)) //nolint:gosec // below maxSeriesKinds
			guess++
		}
	}
	if !one.isNew && p.fellBack(one.instance, works) {
		one.next = choice{} // what was decided was about another
	}
	for i := range works {
		p.advancePoint(host, one, works, i)
	}
	p.rate(host, one, works)
}

// replaceInstance begins a new life under a pid that was another's.
func (one *process) replaceInstance() {
	one.isNew = true
	one.instance = &instance{pid: one.instance.pid}
	one.next = choice{}
}

// fellBack is true when the process's CPU time fell by more than a tick: another life under the same pid.
func (p *reduce) fellBack(before *instance, works []work) bool {
	var was, is float64
	for i := range works {
		metric := p.table.kinds[works[i].kind].metric
		if metric.use == useCPU && works[i].slot >= 0 && !metric.isDelta() {
			was += before.series[works[i].slot].value().double()
			is += works[i].value.double()
		}
	}
	return was-is > resolutionOf["process.cpu.time"]*bitTolerance
}

func (p *reduce) advancePoint(host *hostPlan, one *process, works []work, i int) {
	this := &works[i]
	metric := p.table.kinds[this.kind].metric
	this.running = this.value
	if metric.kind == currentValues {
		this.increase = this.value
		return
	}
	last, isKnown := lastOf(one, works, i)
	switch {
	case metric.isDelta():
		host.hasDelta = true
		this.increase = this.value
		if isKnown {
			this.running = last.plus(this.value)
		}
	case one.isRefused:
		this.increase = this.value.zero()
	case isKnown && !this.value.less(last):
		this.increase = this.value.minus(last)
	case isKnown && last.double()-this.value.double() <= metric.resolution*bitTolerance:
		this.increase = this.value.zero() // a rounding step
	case isKnown || one.isReused:
		this.increase = this.value
	default:
		this.increase = firstSight(host, this)
	}
	baseOf(host, one, this, last, isKnown)
}

// lastOf is the value before: of the same scrape, where the series stands in it twice, or of the state.
func lastOf(one *process, works []work, i int) (number, bool) {
	for before := i - 1; before >= 0; before-- {
		if works[before].kind == works[i].kind {
			return works[before].running, true
		}
	}
	if works[i].slot < 0 {
		return number{}, false
	}
	return one.instance.series[works[i].slot].value(), true
}

// firstSight is the increase of a counter that was never seen: all of it if it began after the scrape
// before, else nothing, because when it was done is not known.
func firstSight(host *hostPlan, this *work) number {
	if host.previous > 0 && this.start+birthTolerance >= host.previousFirst {
		return this.value
	}
	return this.value.zero()
}

// baseOf keeps the value and the time that a re-based series begins at.
func baseOf(host *hostPlan, one *process, this *work, last number, isKnown bool) {
	rebased := one.instance.rebased
	if rebased == nil {
		return
	}
	base, ok := rebased.of(this.kind)
	switch {
	case !ok:
		this.beginBase(host)
	case isKnown && this.running.less(last) && this.increase == this.running:
		// The counter began again. It may exceed what left before, so that only a new start shows it.
		this.beginBase(host)
	case this.running.less(base.value()):
		this.base, this.baseStart = this.running, base.start // a rounding step below the base
	default:
		this.base, this.baseStart = base.value(), base.start
	}
}

// beginBase lets the series begin at the scrape before, with the increase since then.
func (w *work) beginBase(host *hostPlan) {
	w.base, w.baseStart = w.running.minus(w.increase), host.previous
	if w.baseStart == 0 {
		w.baseStart = w.start
	}
}

// rate fills what rankings and thresholds look at: CPU cores, resident bytes, bytes per second.
func (p *reduce) rate(host *hostPlan, one *process, works []work) {
	seconds := 0.0
	if host.previous > 0 && host.last > host.previous {
		seconds = float64(host.last-host.previous) / nanosPerSecond
	}
	for i := range works {
		kind := &p.table.kinds[works[i].kind]
		switch kind.metric.use {
		case useRSS:
			one.rates[rankingRSS] += works[i].value.double()
		case useCPU:
			if kind.isBusy && seconds > 0 {
				one.rates[rankingCPU] += works[i].increase.double() / seconds
			}
		case useIO:
			if seconds > 0 {
				one.rates[rankingIO] += works[i].increase.double() / seconds
			}
		case useNone:
		}
	}
}

// clockShift is the correction of start times common to the scrape: the median over the processes that
// cannot have been born since the scrape before. The scraper computes start times from a boot time that it
// reads anew when it is restarted.
func clockShift(host *hostPlan, scratch []int64) (int64, []int64) {
	scratch = scratch[:0]
	for i := range host.processes {
		one := &host.processes[i]
		before := one.instance
		isOld := one.start > 0 && one.start+birthTolerance < host.previousFirst
		if !one.isNew && isOld && before.start > 0 && before.seen == host.host.scrapes {
			scratch = append(scratch, int64(one.start)-int64(before.start)) //nolint:gosec // times of this century
		}
	}
	if len(scratch) == 0 {
		return 0, scratch
	}
	slices.Sort(scratch)
	return scratch[(len(scratch)-1)/2], scratch
}
