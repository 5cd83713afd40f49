package reduceprocessor

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// splitShare of the interval: what follows sooner and holds none of the same processes is the rest of the
// scrape before.
const splitShare = 10

// shortestInterval stands for the interval while it is not known; nanoseconds.
const shortestInterval = 500_000_000

// scan finds the processes of a batch and whose they are; false if a process stands in it twice, and then
// the batch must be normalised first.
func (p *reduce) scan(md pmetric.Metrics) bool {
	resources := md.ResourceMetrics()
	p.plan.reset(resources.Len())
	p.scans++
	clear(p.unknownPids)
	for i, resource := range resources.All() {
		attributes := resource.Resource().Attributes()
		facts := p.factsOf(attributes)
		if !facts.isProcess {
			continue
		}
		found := process{resource: i, time: 0}
		var isMixed bool
		found.start, found.time, found.first, isMixed = timesOf(resource)
		if found.time == 0 {
			continue // nothing in it: it leaves as it came
		}
		found.host = p.hostPlanOf(attributes, resource)
		host := &p.plan.hosts[found.host]
		if isMixed || !p.isFirst(host.host, facts.pid, &found) {
			return false
		}
		host.first, host.last = min(host.first, found.first), max(host.last, found.time)
		found.namesHash = facts.namesHash
		p.plan.processes = append(p.plan.processes, found)
	}
	p.gather()
	return true
}

// isFirst notes that a process stands in the batch; false if it does for the second time.
func (p *reduce) isFirst(host *host, pid int64, found *process) bool {
	known, ok := host.instances[pid]
	if !ok {
		key := pidOfHost{host, pid}
		if _, again := p.unknownPids[key]; again {
			return false
		}
		p.unknownPids[key] = struct{}{}
		found.instance = &instance{pid: pid}
		found.isNew = true
		return true
	}
	if known.scan == p.scans {
		return false
	}
	known.scan = p.scans
	found.instance = known
	found.next = known.choice
	return true
}

type pidOfHost struct {
	host *host
	pid  int64
}

// timesOf are the latest start, the latest and the first time of a resource's points; mixed if one metric
// has points of several times.
func timesOf(resource pmetric.ResourceMetrics) (start, last, first uint64, isMixed bool) {
	for _, scope := range resource.ScopeMetrics().All() {
		for _, metric := range scope.Metrics().All() {
			if metric.Type() != pmetric.MetricTypeGauge && metric.Type() != pmetric.MetricTypeSum {
				continue
			}
			var here uint64
			isDelta := metric.Type() == pmetric.MetricTypeSum &&
				metric.Sum().AggregationTemporality() == pmetric.AggregationTemporalityDelta
			for _, point := range numberPoints(metric).All() {
				at := uint64(point.Timestamp())
				isMixed = isMixed || (here != 0 && at != here)
				here = at
				if !isDelta { // an increase starts with its interval, not with the process
					start = max(start, uint64(point.StartTimestamp()))
				}
			}
			if here == 0 {
				continue
			}
			last = max(last, here)
			if first == 0 || here < first {
				first = here
			}
		}
	}
	return start, last, first, isMixed
}

// hostPlanOf is the plan of the host that a resource belongs to, made at its first process in the batch.
func (p *reduce) hostPlanOf(attributes pcommon.Map, resource pmetric.ResourceMetrics) int {
	p.scratch = appendAttributes(p.scratch[:0], attributes, isOfHost)
	known, ok := p.hosts[string(p.scratch)]
	if !ok {
		known = newHost(string(p.scratch), hostAttributes(attributes))
		known.scope = scopeIn(resource)
		p.hosts[known.key] = known
	}
	if known.scan == p.scans {
		return known.scanIndex
	}
	known.scan, known.scanIndex = p.scans, len(p.plan.hosts)
	p.plan.hosts = append(p.plan.hosts, hostPlan{host: known, first: ^uint64(0)})
	return known.scanIndex
}

func scopeIn(resource pmetric.ResourceMetrics) scopeOf {
	found := scopeOf{resourceSchema: string([]byte(resource.SchemaUrl()))}
	if resource.ScopeMetrics().Len() > 0 {
		scope := resource.ScopeMetrics().At(0)
		found.name, found.version = string([]byte(scope.Scope().Name())), string([]byte(scope.Scope().Version()))
		found.scopeSchema = string([]byte(scope.SchemaUrl()))
	}
	return found
}

// gather puts the processes of each host side by side and says what the scrape is to its host.
func (p *reduce) gather() {
	if len(p.plan.hosts) > 1 {
		slices.SortStableFunc(p.plan.processes, func(a, b process) int { return a.host - b.host })
	}
	from := 0
	for i := range p.plan.hosts {
		plan := &p.plan.hosts[i]
		to := from
		for to < len(p.plan.processes) && p.plan.processes[to].host == i {
			to++
		}
		plan.processes = p.plan.processes[from:to]
		from = to
		plan.place()
	}
}

// place says which interval the scrape ends, or that there is none.
func (h *hostPlan) place() {
	before := h.host
	h.previousFirst, h.previous = before.first, before.last
	switch {
	case before.last == 0:
	case h.last <= before.last:
		h.isRepeated = true
	case h.continuesScrape():
		h.isSplit = true
		h.previousFirst, h.previous = before.previousFirst, before.previous
	}
}

// continuesScrape: it follows at once and holds none of the processes of the part before.
func (h *hostPlan) continuesScrape() bool {
	before := h.host
	interval := uint64(shortestInterval)
	if before.previous > 0 {
		interval = before.last - before.previous
	}
	if h.first > before.last+interval/splitShare {
		return false
	}
	for i := range h.processes {
		if !h.processes[i].isNew && h.processes[i].instance.seen == before.scrapes {
			return false
		}
	}
	return true
}
