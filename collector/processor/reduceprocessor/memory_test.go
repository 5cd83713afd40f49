//go:build !race

// The race detector has memory of its own, so what is measured here is measured without it.

package reduceprocessor

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"

	"example.com/phoenix/reduceprocessor/internal/metadata"
)

// Documented bounds of the working memory: bytes per process and per point that can be summed, of the largest batch.
const (
	workingBytesPerProcess = 320
	workingBytesPerPoint   = 110
)

// TestAProcessCostsTheDocumentedMemory measures the heap itself: the size that the processor reports is computed
// from the documented figures, and would not notice what a scrape leaves behind.
func TestAProcessCostsTheDocumentedMemory(t *testing.T) {
	// Maps are emptiest just after they grew, so per process 14,500 cost more than 20,000.
	for _, processes := range []int{14_500, 20_000} {
		t.Run(strconv.Itoa(processes), func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			cfg.TopK.CPU, cfg.TopK.RSS, cfg.TopK.IO = 10, 10, 5
			reducer, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
			require.NoError(t, err)
			at := noon
			scrape := func(k int64, processes int) {
				at += second
				require.NoError(t, reducer.ConsumeMetrics(context.Background(), steadyHost(processes, at, k)))
			}
			scrape(1, 1) // what does not depend on the number of processes is there from now on
			before := heapInUse()
			for k := int64(2); k <= 5; k++ {
				scrape(k, processes)
			}
			whole := heapInUse() - before
			points := len(reducer.plan.work)
			reducer.plan, reducer.unknownPids = plan{}, nil
			state := heapInUse() - before

			counters := reducer.sums.counters
			require.Equal(t, 4*processes, counters)
			most := float64(processes*bytesPerInstance + counters*bytesPerSeries)
			mostWorking := float64(processes*workingBytesPerProcess + points*workingBytesPerPoint)
			t.Logf("a process: %.0f bytes of state, %.0f of working memory with %d points",
				state/float64(processes), (whole-state)/float64(processes), points/processes)
			assert.LessOrEqual(t, state, most)
			assert.LessOrEqual(t, whole-state, mostWorking)
			assert.Greater(t, 2*state, most, "the documented figure is more than twice the true one")
			runtime.KeepAlive(reducer)
		})
	}
}

// heapInUse is what is reachable, bytes.
func heapInUse() float64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold survives the first
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

// TestProcessesThatAreGoneLeaveNothingBehind is the long run of a host with much churn, without waiting: 25 births a
// scrape, each alive for two, with a command line of its own, beside a population that stays.
func TestProcessesThatAreGoneLeaveNothingBehind(t *testing.T) {
	const births, scrapes = 25, 4_000
	cfg := createDefaultConfig().(*Config)
	cfg.TopK.CPU, cfg.TopK.RSS, cfg.TopK.IO = 10, 10, 5
	cfg.Critical = []string{"worker-7", "command:--never"}
	reducer, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	at, pid := noon, int64(100_000)
	var heap []float64
	for k := int64(1); k <= scrapes; k++ {
		at += second
		md := steadyHost(200, at, k)
		for i := range int64(2 * births) { // the second half was there in the scrape before
			bornAgo := uint64(i/births) * second
			one := life{pid: pid - i, name: "hook", start: at - bornAgo - second/2, rss: 1 << 20, hasIO: true}
			one.write(md, at)
			attributes := md.ResourceMetrics().At(md.ResourceMetrics().Len() - 1).Resource().Attributes()
			attributes.PutStr(attributeCommandLine, "/bin/hook --event="+strconv.FormatInt(one.pid, 36))
		}
		pid += births
		require.NoError(t, reducer.ConsumeMetrics(context.Background(), md))
		if k%(scrapes/4) == 0 {
			heap = append(heap, heapInUse())
		}
	}
	t.Logf("bytes in use: %.0f", heap)
	// 75,000 processes came and went between the first reading and the last: a byte of each would be seen.
	assert.InDelta(t, heap[0], heap[len(heap)-1], 75_000)
	runtime.KeepAlive(reducer)
}
