package reduceprocessor

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// entry is a process resource in a batch that holds a process several times.
type entry struct {
	resource pmetric.ResourceMetrics
	host     string
	pid      int64
	time     uint64
}

// normalise cuts a batch into batches of at most one scrape of each host, in which every process is one
// resource. What is no process stays in the first.
func (p *reduce) normalise(md pmetric.Metrics) []pmetric.Metrics {
	waves := []pmetric.Metrics{pmetric.NewMetrics()}
	byHost := map[string][]entry{}
	var order []string
	for _, resource := range md.ResourceMetrics().All() {
		facts := p.factsOf(resource.Resource().Attributes())
		if _, last, _, _ := timesOf(resource); !facts.isProcess || last == 0 {
			resource.CopyTo(waves[0].ResourceMetrics().AppendEmpty())
			continue
		}
		key := string(appendAttributes(nil, resource.Resource().Attributes(), isOfHost))
		if _, ok := byHost[key]; !ok {
			order = append(order, key)
		}
		for _, one := range byTime(resource) {
			_, last, _, _ := timesOf(one)
			byHost[key] = append(byHost[key], entry{one, key, facts.pid, last})
		}
	}
	for _, key := range order {
		for i, scrape := range scrapesIn(merged(byHost[key])) {
			if i == len(waves) {
				waves = append(waves, pmetric.NewMetrics())
			}
			for _, one := range scrape {
				one.resource.CopyTo(waves[i].ResourceMetrics().AppendEmpty())
			}
		}
	}
	return waves
}

// byTime are copies of a resource, one for each time of its points.
func byTime(resource pmetric.ResourceMetrics) []pmetric.ResourceMetrics {
	var times []uint64
	for _, scope := range resource.ScopeMetrics().All() {
		for _, metric := range scope.Metrics().All() {
			if metric.Type() == pmetric.MetricTypeGauge || metric.Type() == pmetric.MetricTypeSum {
				for _, point := range numberPoints(metric).All() {
					times = append(times, uint64(point.Timestamp()))
				}
			}
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)
	if _, _, _, isMixed := timesOf(resource); !isMixed {
		times = times[len(times)-1:]
	}
	copies := make([]pmetric.ResourceMetrics, 0, len(times))
	for i, at := range times {
		one := pmetric.NewResourceMetrics()
		resource.CopyTo(one)
		keepTime(one, at, i == len(times)-1, len(times) == 1)
		copies = append(copies, one)
	}
	return copies
}

// keepTime removes the points of other times; metrics that are no numbers stay with the last time.
func keepTime(resource pmetric.ResourceMetrics, at uint64, isLast, isAll bool) {
	if isAll {
		return
	}
	for _, scope := range resource.ScopeMetrics().All() {
		scope.Metrics().RemoveIf(func(metric pmetric.Metric) bool {
			if metric.Type() != pmetric.MetricTypeGauge && metric.Type() != pmetric.MetricTypeSum {
				return !isLast
			}
			points := numberPoints(metric)
			points.RemoveIf(func(point pmetric.NumberDataPoint) bool { return uint64(point.Timestamp()) != at })
			return points.Len() == 0
		})
	}
}

// merged are the entries with those of one process at one time made one, in the order of time.
func merged(entries []entry) []entry {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.pid, b.pid))
	})
	kept := entries[:0]
	for _, one := range entries {
		if last := len(kept) - 1; last >= 0 && kept[last].pid == one.pid && kept[last].time == one.time {
			one.resource.ScopeMetrics().MoveAndAppendTo(kept[last].resource.ScopeMetrics())
			continue
		}
		kept = append(kept, one)
	}
	return kept
}

// scrapesIn cuts entries in the order of time where a process comes again: at the widest gap since it
// was there before.
func scrapesIn(entries []entry) [][]entry {
	var scrapes [][]entry
	from := 0
	seen := map[int64]int{}
	for i := 0; i < len(entries); i++ {
		before, again := seen[entries[i].pid]
		if !again {
			seen[entries[i].pid] = i
			continue
		}
		cut := i
		for j := before + 1; j <= i; j++ {
			if entries[j].time-entries[j-1].time > entries[cut].time-entries[cut-1].time {
				cut = j
			}
		}
		scrapes = append(scrapes, entries[from:cut])
		from, i = cut, cut-1
		clear(seen)
	}
	return append(scrapes, entries[from:])
}
