package reduceprocessor

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"example.com/phoenix/reduceprocessor/internal/metadata"
)

// meters are the processor's own metrics.
type meters struct {
	builder *metadata.TelemetryBuilder
	byRule  [ruleCount]metric.MeasurementOption
}

func newMeters(builder *metadata.TelemetryBuilder) *meters {
	made := &meters{builder: builder}
	for one := range ruleCount {
		made.byRule[one] = metric.WithAttributeSet(attribute.NewSet(attribute.String("rule", one.String())))
	}
	return made
}

func (m *meters) decided(ctx context.Context, took time.Duration) {
	m.builder.ProcessorReduceDecisionDuration.Record(ctx, took.Seconds())
}

// accepted counts what happened in a batch that the next consumer accepted.
func (m *meters) accepted(ctx context.Context, plan *plan) {
	add := func(counter metric.Int64Counter, count int64) {
		if count > 0 {
			counter.Add(ctx, count)
		}
	}
	add(m.builder.ProcessorReduceUnknownPoints, plan.unknownPoints)
	add(m.builder.ProcessorReduceDroppedPoints, plan.droppedPoints)
	for i := range plan.hosts {
		host := &plan.hosts[i]
		add(m.builder.ProcessorReduceRefusedProcesses, host.refused)
		if host.isRepeated {
			add(m.builder.ProcessorReduceRepeatedScrapes, 1)
		}
		if host.isSplit {
			add(m.builder.ProcessorReduceSplitScrapes, 1)
		}
	}
}

// state records what is held now.
func (m *meters) state(ctx context.Context, p *reduce) {
	for one, count := range p.sums.counts {
		m.builder.ProcessorReduceProcesses.Record(ctx, count, m.byRule[one])
	}
	level := len(p.sums.hostsAt) - 1
	for level > 0 && p.sums.hostsAt[level] == 0 {
		level--
	}
	size := p.tracked*bytesPerInstance + p.sums.counters*bytesPerSeries + p.sums.bucketSeries*bytesPerBucketSeries
	m.builder.ProcessorReduceBuckets.Record(ctx, int64(p.sums.buckets))
	m.builder.ProcessorReduceLevel.Record(ctx, int64(max(0, level)))
	m.builder.ProcessorReduceTrackedProcesses.Record(ctx, int64(p.tracked))
	m.builder.ProcessorReduceStateSize.Record(ctx, int64(size))
}

// stateSize is what the state of one host, or of all, holds.
type stateSize struct {
	counts                          [ruleCount]int64
	buckets, bucketSeries, counters int
	level                           int
	isCounted                       bool
}

// stateSums are the sums over all hosts, kept up to date host by host: a scrape must not cost more because
// there are other hosts.
type stateSums struct {
	stateSize
	// hostsAt is how many hosts are at each adaptive level.
	hostsAt []int
}

// count takes a host in as it is now.
func (s *stateSums) count(host *host) {
	s.uncount(host)
	now := stateSize{counts: host.counts, buckets: len(host.buckets), counters: host.counters, level: host.level.level, isCounted: true}
	for _, one := range host.buckets {
		now.bucketSeries += len(one.series)
	}
	s.add(&now, 1)
	host.counted = now
}

// uncount takes out what was counted of a host.
func (s *stateSums) uncount(host *host) {
	if host.counted.isCounted {
		s.add(&host.counted, -1)
		host.counted = stateSize{}
	}
}

func (s *stateSums) add(one *stateSize, times int) {
	for i := range one.counts {
		s.counts[i] += one.counts[i] * int64(times)
	}
	s.buckets += one.buckets * times
	s.bucketSeries += one.bucketSeries * times
	s.counters += one.counters * times
	for len(s.hostsAt) <= one.level {
		s.hostsAt = append(s.hostsAt, 0)
	}
	s.hostsAt[one.level] += times
}

func (m *meters) ledgerFailed(ctx context.Context, lost int) {
	m.builder.ProcessorReduceLedgerErrors.Add(ctx, int64(lost))
}

func (m *meters) lostInterval(ctx context.Context) {
	m.builder.ProcessorReduceLostIntervals.Add(ctx, 1)
}
