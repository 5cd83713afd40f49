package reducebench

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/cumulativetodeltaprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"example.com/phoenix/reduceprocessor"
)

// watch counts how often a process came back to those that are kept.
type watch struct {
	kept, cameBack map[string]int
	scrapes        int
}

func (w *watch) see(md pmetric.Metrics) {
	w.scrapes++
	for _, resource := range md.ResourceMetrics().All() {
		pid, ok := resource.Resource().Attributes().Get("process.pid")
		if !ok || isEnd(resource) {
			continue
		}
		if last, known := w.kept[pid.AsString()]; known && last < w.scrapes-1 {
			w.cameBack[pid.AsString()]++
		}
		w.kept[pid.AsString()] = w.scrapes
	}
}

func isEnd(resource pmetric.ResourceMetrics) bool {
	return resource.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).Flags().NoRecordedValue()
}

// TestCumulativeToDeltaCountsAProcessThatComesBackOnce: the real processor behind reduce's cumulative output.
func TestCumulativeToDeltaCountsAProcessThatComesBackOnce(t *testing.T) {
	const processes, intervals = 12, 300
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test that is the same every time
	last := &sink{}
	deltas := began(t, []stage{{cumulativetodeltaprocessor.NewFactory(), nil}}, last)
	between := &sink{}
	reduce := began(t, []stage{{reduceprocessor.NewFactory(), map[string]any{
		"top_k": map[string]any{"cpu": 2, "margin": 0, "leave_after": 1},
	}}}, between)
	seen := &watch{kept: map[string]int{}, cameBack: map[string]int{}}
	made := newHost(processes)
	made.began = uint64(time.Now().UnixNano()) // what began before its own start, cumulative_to_delta takes as a base
	var work [processes][7]int64
	for interval := range intervals {
		var added [7]int64
		for i := range work {
			for j := range work[i] {
				step := random.Int64N(100)
				work[i][j] += step
				added[j] += step
			}
		}
		scrape := made.scrapeOf(func(process, series int) int64 { return work[process][series] })
		require.NoError(t, reduce.ConsumeMetrics(context.Background(), scrape))
		handedOn := pmetric.NewMetrics()
		between.last.CopyTo(handedOn)
		seen.see(handedOn)
		last.last = pmetric.NewMetrics()
		require.NoError(t, deltas.ConsumeMetrics(context.Background(), handedOn))
		if interval == 0 {
			continue // the base
		}
		left := totalsIn(last.last)
		for j, of := range []string{"process.cpu.time system", "process.cpu.time user", "process.cpu.time wait"} {
			require.InDelta(t, float64(added[j])/100, left[of], 1e-6, "interval %d: %s", interval, of)
		}
		require.InDelta(t, float64(added[3]*4096), left["process.disk.io read"], 0, "interval %d", interval)
		require.InDelta(t, float64(added[4]*4096), left["process.disk.io write"], 0, "interval %d", interval)
	}
	require.Len(t, seen.cameBack, processes, "every process came back from the rest at least once")
}

// totalsIn adds up the increases of all processes and buckets.
func totalsIn(md pmetric.Metrics) map[string]float64 {
	found := map[string]float64{}
	for _, resource := range md.ResourceMetrics().All() {
		for _, metric := range resource.ScopeMetrics().At(0).Metrics().All() {
			if metric.Type() != pmetric.MetricTypeSum || !metric.Sum().IsMonotonic() {
				continue
			}
			for _, point := range metric.Sum().DataPoints().All() {
				if point.Flags().NoRecordedValue() {
					continue
				}
				found[metric.Name()+" "+only(point.Attributes())] += valueOf(point)
			}
		}
	}
	return found
}

func only(attributes pcommon.Map) string {
	for _, value := range attributes.All() {
		return value.AsString()
	}
	return ""
}

func valueOf(point pmetric.NumberDataPoint) float64 {
	if point.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return float64(point.IntValue())
	}
	return point.DoubleValue()
}
