package reduceprocessor

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"

	"example.com/phoenix/reduceprocessor/internal/metadata"
)

// steadyHost is a scrape of so many processes, as host_metrics hands it over.
func steadyHost(processes int, at uint64, k int64) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for i := range processes {
		one := life{
			pid: int64(1000 + i), name: fmt.Sprintf("worker-%d", i%50), start: noon - 1000*second, hasIO: true,
			ticks: [2]int64{k * int64(i%17), k * int64(i%5)}, io: [2]int64{k * int64(i) * 4096, k * 512}, rss: int64(i+1) << 20,
		}
		one.write(md, at+uint64(i)*50_000)
	}
	return md
}

func BenchmarkReduce(b *testing.B) {
	for _, processes := range []int{100, 1_000, 10_000} {
		b.Run(strconv.Itoa(processes), func(b *testing.B) {
			cfg := createDefaultConfig().(*Config)
			cfg.TopK.CPU, cfg.TopK.RSS = 10, 5
			cfg.Critical = []string{"worker-7"}
			reducer, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
			require.NoError(b, err)
			b.ReportAllocs()
			points := 0
			for k := int64(1); b.Loop(); k++ {
				b.StopTimer()
				md := steadyHost(processes, noon+uint64(k)*second, k)
				points += md.DataPointCount()
				b.StartTimer()
				if err := reducer.ConsumeMetrics(context.Background(), md); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(points), "ns/point")
		})
	}
}
