package reducebench

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	second = uint64(1_000_000_000)
	noon   = 1_800_000_000 * second
	names  = 50
)

// pointsPerProcess of host_metrics with its cpu, memory and io metrics.
const pointsPerProcess = 7

// host makes scrapes as the process scraper hands them over: a resource per process, all with one time.
type host struct {
	template pmetric.Metrics
	began    uint64
	scrapes  int64
}

func newHost(processes int) *host {
	md := pmetric.NewMetrics()
	for i := range processes {
		resource := md.ResourceMetrics().AppendEmpty()
		attributes := resource.Resource().Attributes()
		name := fmt.Sprintf("worker-%d", i%names)
		attributes.PutStr("host.name", "a")
		attributes.PutInt("process.pid", int64(1000+i))
		attributes.PutInt("process.parent_pid", 1)
		attributes.PutStr("process.executable.name", name)
		attributes.PutStr("process.executable.path", "/usr/lib/workers/"+name)
		attributes.PutStr("process.command", "/usr/lib/workers/"+name)
		attributes.PutStr("process.command_line", fmt.Sprintf("/usr/lib/workers/%s --shard %d --config /etc/workers/%s.yaml", name, i, name))
		attributes.PutStr("process.owner", "worker")
		scope := resource.ScopeMetrics().AppendEmpty()
		scope.Scope().SetName("github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/scraper/processscraper")
		addSum(scope.Metrics(), "process.cpu.time", "s", true, "state", "system", "user", "wait")
		addSum(scope.Metrics(), "process.disk.io", "By", true, "direction", "read", "write")
		addSum(scope.Metrics(), "process.memory.usage", "By", false, "", "")
		addSum(scope.Metrics(), "process.memory.virtual", "By", false, "", "")
	}
	return &host{template: md, began: noon}
}

func addSum(metrics pmetric.MetricSlice, name, unit string, isMonotonic bool, key string, values ...string) {
	metric := metrics.AppendEmpty()
	metric.SetName(name)
	metric.SetUnit(unit)
	metric.SetEmptySum().SetIsMonotonic(isMonotonic)
	metric.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for _, value := range values {
		point := metric.Sum().DataPoints().AppendEmpty()
		if key != "" {
			point.Attributes().PutStr(key, value)
		}
	}
}

// scrape is the next one, a second later, of processes that work evenly. Nothing of it is shared with others.
func (h *host) scrape() pmetric.Metrics {
	next := h.scrapes + 1
	return h.scrapeOf(func(process, series int) int64 { return next * int64(process%17+series) })
}

// scrapeOf is the next one with these running values: CPU ticks of 10 ms, and pages of 4 KiB.
func (h *host) scrapeOf(value func(process, series int) int64) pmetric.Metrics {
	h.scrapes++
	md := pmetric.NewMetrics()
	h.template.CopyTo(md)
	at := pcommon.Timestamp(h.began + uint64(h.scrapes)*second) //nolint:gosec // counts up from 1
	for process, resource := range md.ResourceMetrics().All() {
		series := 0
		for _, metric := range resource.ScopeMetrics().At(0).Metrics().All() {
			for _, point := range metric.Sum().DataPoints().All() {
				point.SetTimestamp(at)
				point.SetStartTimestamp(pcommon.Timestamp(h.began - 1000*second))
				if metric.Unit() == "s" {
					point.SetDoubleValue(float64(value(process, series)) / 100)
				} else {
					point.SetIntValue(value(process, series) * 4096)
				}
				series++
			}
		}
	}
	return md
}
