// Package reducebench measures the reduce processor beside the chain of stock processors that does nearly the
// same: the time and the allocations of one scrape. `make reduce-bench` runs it.
package reducebench

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func BenchmarkScrape(b *testing.B) {
	for _, chain := range []struct {
		name   string
		stages func() []stage
	}{{"reduce-by-name", aggregated}, {"reduce-top-k", top}, {"stock-by-name", stock}, {"cumulative-to-delta", deltaOnly}} {
		for _, processes := range []int{100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", chain.name, processes), func(b *testing.B) {
				measure(b, chain.stages(), processes)
			})
		}
	}
}

func measure(b *testing.B, stages []stage, processes int) {
	first, made := began(b, stages, consumertest.NewNop()), newHost(processes)
	require.NoError(b, first.ConsumeMetrics(context.Background(), made.scrape())) // the base
	b.ReportAllocs()
	scrapes, spent := 0, time.Duration(0)
	for b.Loop() {
		b.StopTimer()
		md := made.scrape()
		scrapes++
		before := cpuTime(b)
		b.StartTimer()
		if err := first.ConsumeMetrics(context.Background(), md); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		spent += cpuTime(b) - before
		b.StartTimer()
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(scrapes), "cpu-ns/op")
	b.ReportMetric(float64(spent.Nanoseconds())/float64(scrapes*processes*pointsPerProcess), "cpu-ns/point")
}

// cpuTime of this process, collecting garbage included: what else the machine does must not count.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestBothGiveTheSameSums: otherwise their speeds could not be compared.
func TestBothGiveTheSameSums(t *testing.T) {
	sums := make([]map[string]float64, 0, 2)
	for _, stages := range [][]stage{aggregated(), stock()} {
		last, made := &sink{}, newHost(200)
		first := began(t, stages, last)
		for range 3 {
			require.NoError(t, first.ConsumeMetrics(context.Background(), made.scrape()))
		}
		sums = append(sums, increasesIn(last.last))
	}
	require.NotEmpty(t, sums[0])
	require.Equal(t, slices.Sorted(maps.Keys(sums[0])), slices.Sorted(maps.Keys(sums[1])))
	for series, sum := range sums[0] {
		require.InDelta(t, sum, sums[1][series], 1e-9*sum, series)
	}
}

// increasesIn are the values of monotonic sums by name, metric and attributes; the name stands in the resource or the point.
func increasesIn(md pmetric.Metrics) map[string]float64 {
	found := map[string]float64{}
	for _, resource := range md.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				if metric.Type() != pmetric.MetricTypeSum || !metric.Sum().IsMonotonic() {
					continue
				}
				for _, point := range metric.Sum().DataPoints().All() {
					who, ok := resource.Resource().Attributes().Get("process.executable.name")
					if !ok {
						who, _ = point.Attributes().Get("process.executable.name")
					}
					of := who.AsString() + " " + metric.Name() + " " + kindOf(point)
					found[of] += valueOf(point)
				}
			}
		}
	}
	return found
}

// kindOf is the attribute that both chains leave a point: its state or direction.
func kindOf(point pmetric.NumberDataPoint) string {
	for _, key := range []string{"state", "direction"} {
		if value, ok := point.Attributes().Get(key); ok {
			return value.AsString()
		}
	}
	return ""
}
