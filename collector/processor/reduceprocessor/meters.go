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
	var counts [ruleCount]int64
	var buckets, level int
	size := p.tracked * bytesPerInstance
	for _, host := range p.hosts {
		for one, count := range host.counts {
			counts[one] += count
		}
		buckets += len(host.buckets)
		level = max(level, host.level.level)
		size += host.counters * bytesPerSeries
		for _, one := range host.buckets {
			size += len(one.series) * bytesPerBucketSeries
		}
	}
	for one, count := range counts {
		m.builder.ProcessorReduceProcesses.Record(ctx, count, m.byRule[one])
	}
	m.builder.ProcessorReduceBuckets.Record(ctx, int64(buckets))
	m.builder.ProcessorReduceLevel.Record(ctx, int64(level))
	m.builder.ProcessorReduceTrackedProcesses.Record(ctx, int64(p.tracked))
	m.builder.ProcessorReduceStateSize.Record(ctx, int64(size))
}

func (m *meters) ledgerFailed(ctx context.Context, lost int) {
	m.builder.ProcessorReduceLedgerErrors.Add(ctx, int64(lost))
}

func (m *meters) lostInterval(ctx context.Context) {
	m.builder.ProcessorReduceLostIntervals.Add(ctx, 1)
}
