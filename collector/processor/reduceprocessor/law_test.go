package reduceprocessor

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
	"pgregory.net/rapid"

	"example.com/phoenix/reduceprocessor/internal/metadata"
)

// sink keeps what it accepts and refuses on demand.
type sink struct {
	refuses bool
	batches []pmetric.Metrics
	// onBatch, if given, is called with every batch.
	onBatch func()
}

var errRefused = errors.New("refused")

func (s *sink) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (s *sink) ConsumeMetrics(_ context.Context, md pmetric.Metrics) error {
	if s.refuses {
		return errRefused
	}
	if s.onBatch != nil {
		s.onBatch()
	}
	kept := pmetric.NewMetrics()
	md.CopyTo(kept)
	s.batches = append(s.batches, kept)
	return nil
}

func drawConfig(t *rapid.T) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Critical = rapid.SampledFrom([][]string{nil, {"nginx"}}).Draw(t, "critical")
	cfg.NeverKeep = rapid.SampledFrom([][]string{nil, {"cron"}}).Draw(t, "never_keep")
	cfg.Prefer = rapid.SampledFrom([][]string{nil, {"java"}}).Draw(t, "prefer")
	cfg.TopK.CPU = rapid.IntRange(0, 3).Draw(t, "cpu")
	cfg.TopK.RSS = rapid.IntRange(0, 2).Draw(t, "rss")
	cfg.TopK.IO = rapid.IntRange(0, 2).Draw(t, "io")
	cfg.TopK.Margin = rapid.IntRange(0, 2).Draw(t, "margin")
	cfg.TopK.LeaveAfter = rapid.IntRange(1, 3).Draw(t, "leave_after")
	cfg.GroupBy = rapid.SampledFrom([][]string{nil, {attributeName}}).Draw(t, "group_by")
	cfg.OutputTemporality = rapid.SampledFrom([]Temporality{TemporalityInput, TemporalityCumulative, TemporalityDelta}).Draw(t, "output")
	cfg.BucketLinger = rapid.IntRange(0, 3).Draw(t, "linger")
	if rapid.Bool().Draw(t, "levels") {
		processes, k := 6, 0
		cfg.Levels = []Level{{Enter: Conditions{Processes: &processes}, TopK: &LevelTopK{CPU: &k}}}
	}
	return cfg
}

// run is a host whose scrapes go through a processor, with both sides of the law read.
type run struct {
	t             *rapid.T
	cfg           *Config
	next          *sink
	reducer       *reduce
	host          *population
	raw, output   *reader
	previousFirst uint64
	// compared intervals so far; those in which nobody was shown have nothing to compare.
	compared int
}

func newRun(t *rapid.T) *run {
	made := &run{t: t, cfg: drawConfig(t), next: &sink{}, raw: newReader(), output: newReader()}
	require.NoError(t, made.cfg.Validate())
	made.host = newPopulation(t)
	made.host.isDelta = rapid.IntRange(0, 3).Draw(t, "delta?") == 0
	made.begin()
	return made
}

// begin starts a processor.
func (r *run) begin() {
	made, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), r.cfg, r.next)
	require.NoError(r.t, err)
	r.reducer = made
}

// interval lets one pass and compares what came in with what left.
func (r *run) interval() {
	r.host.pass()
	scrape := r.host.scrape()
	if scrape.ResourceMetrics().Len() == 0 {
		return
	}
	if rapid.IntRange(0, 9).Draw(r.t, "refused?") == 0 {
		r.refuse(scrape)
	}
	r.next.batches = nil
	first := firstTime(scrape)
	came := r.raw.read(scrape, r.previousFirst)
	require.NoError(r.t, r.reducer.ConsumeMetrics(context.Background(), copied(scrape)))
	require.Len(r.t, r.next.batches, 1)
	left := r.output.read(r.next.batches[0], r.previousFirst)
	isFirst := r.previousFirst == 0
	r.previousFirst = first
	if isFirst && r.host.isDelta && r.cfg.OutputTemporality == TemporalityCumulative {
		return // a consumer of running values has no base yet
	}
	compare(r.t, came, left, isFirst)
	r.compared++
}

// refuse offers a scrape while the next consumer accepts nothing: the state must stay as it was.
func (r *run) refuse(scrape pmetric.Metrics) {
	r.next.refuses = true
	require.ErrorIs(r.t, r.reducer.ConsumeMetrics(context.Background(), copied(scrape)), errRefused)
	r.next.refuses = false
}

func copied(md pmetric.Metrics) pmetric.Metrics {
	made := pmetric.NewMetrics()
	md.CopyTo(made)
	return made
}

// TestWhatLeavesIsWhatCameIn is the law: for every additive metric, attribute set and scrape.
func TestWhatLeavesIsWhatCameIn(t *testing.T) {
	drawn := 0
	rapid.Check(t, func(t *rapid.T) {
		run := newRun(t)
		for range rapid.IntRange(1, 40).Draw(t, "intervals") {
			run.interval()
		}
		drawn += run.compared
	})
	t.Logf("%d intervals drawn", drawn) // scripts/reduce_law.py adds them up
}

func compare(t require.TestingT, came, left map[string]*total, isFirst bool) {
	for _, of := range slices.Sorted(maps.Keys(came)) {
		in := came[of]
		out := left[of]
		if out == nil {
			// Increases have no interval in the first scrape; there they are 0.
			require.True(t, isFirst && in.ints == 0 && in.doubles == 0, "%s did not leave", of)
			continue
		}
		require.Equal(t, in.ints, out.ints, of)
		largest := math.Max(in.largest, out.largest)
		tolerance := 1e-9*math.Abs(in.doubles) + 4*(math.Nextafter(largest, math.Inf(1))-largest)
		require.InDelta(t, in.doubles, out.doubles, tolerance, of)
	}
	for of, out := range left {
		if came[of] == nil {
			require.True(t, out.ints == 0 && out.doubles == 0, "%s came from nowhere", of)
		}
	}
}
