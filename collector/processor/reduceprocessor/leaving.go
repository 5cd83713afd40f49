package reduceprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// leave changes a process resource into what leaves of it; false if nothing does.
func (p *reduce) leave(host *hostPlan, one *process, resource pmetric.ResourceMetrics) bool {
	switch {
	case one.next.isKept:
		p.leaveKept(host, one, resource)
		host.seriesOut += one.to - one.from
		return true
	case one.leaves && p.marksStale(host):
		p.leaveStale(host, resource)
		return true
	case one.hasUnknown && p.cfg.OnUnknown == OnUnknownKeep:
		return p.leaveUnknown(host, resource)
	}
	return false
}

// marksStale: a consumer of cumulative series learns that one ended; increases need no end.
func (p *reduce) marksStale(host *hostPlan) bool {
	if p.cfg.StaleMarkers != nil {
		return *p.cfg.StaleMarkers
	}
	switch p.cfg.OutputTemporality {
	case TemporalityDelta:
		return false
	case TemporalityCumulative:
		return true
	case TemporalityInput:
	}
	return !host.hasDelta
}

// leaveKept unifies the times of a kept process and rewrites its monotonic sums as the output wants them.
func (p *reduce) leaveKept(host *hostPlan, one *process, resource pmetric.ResourceMetrics) {
	next, position := one.from, 0
	for _, scope := range resource.ScopeMetrics().All() {
		scope.Metrics().RemoveIf(func(metric pmetric.Metric) bool {
			kind := p.table.metricOf(metric, position)
			position++
			if kind.kind != increases && kind.kind != currentValues {
				unifyTimes(metric, host.last)
				return false
			}
			points := numberPoints(metric)
			if kind.kind == increases && p.hasNoInterval(host, kind) {
				next += p.numbered(kind, points)
				return true
			}
			if kind.kind == increases && p.cfg.OutputTemporality != TemporalityInput {
				metric.Sum().SetAggregationTemporality(p.outputOf(kind))
			}
			for index, point := range points.All() {
				point.SetTimestamp(pcommon.Timestamp(host.last))
				if point.Flags().NoRecordedValue() || !p.isNumbered(kind, point, index) {
					continue
				}
				if kind.kind == increases {
					p.rewrite(host, one, &p.plan.work[next], kind, point)
				}
				next++
			}
			return false
		})
	}
}

// isNumbered is false for the points that reading left out because the table of series was full.
func (p *reduce) isNumbered(kind *metricKind, point pmetric.NumberDataPoint, index int) bool {
	_, ok := p.table.seriesOf(kind, point.Attributes(), index)
	return ok
}

// numbered counts the points that reading took in.
func (p *reduce) numbered(kind *metricKind, points pmetric.NumberDataPointSlice) int {
	count := 0
	for index, point := range points.All() {
		if !point.Flags().NoRecordedValue() && p.isNumbered(kind, point, index) {
			count++
		}
	}
	return count
}

func (p *reduce) outputOf(kind *metricKind) pmetric.AggregationTemporality {
	switch p.cfg.OutputTemporality {
	case TemporalityDelta:
		return pmetric.AggregationTemporalityDelta
	case TemporalityCumulative:
		return pmetric.AggregationTemporalityCumulative
	case TemporalityInput:
	}
	return kind.temporality
}

// hasNoInterval: increases are asked for, and there is no scrape before that they could begin at.
func (p *reduce) hasNoInterval(host *hostPlan, kind *metricKind) bool {
	return host.previous == 0 && !kind.isDelta() && p.outputOf(kind) == pmetric.AggregationTemporalityDelta
}

// rewrite puts the value and the start that leave.
func (p *reduce) rewrite(host *hostPlan, one *process, this *work, kind *metricKind, point pmetric.NumberDataPoint) {
	isDeltaOut := p.outputOf(kind) == pmetric.AggregationTemporalityDelta
	switch {
	case isDeltaOut && kind.isDelta():
	case isDeltaOut:
		this.increase.put(point)
		point.SetStartTimestamp(pcommon.Timestamp(host.previous))
	case one.needsBase || one.instance.rebased != nil:
		this.running.minus(this.base).put(point)
		point.SetStartTimestamp(pcommon.Timestamp(this.baseStart))
	}
}

// leaveStale ends every series of a process that is kept no longer.
func (p *reduce) leaveStale(host *hostPlan, resource pmetric.ResourceMetrics) {
	position := 0
	for _, scope := range resource.ScopeMetrics().All() {
		scope.Metrics().RemoveIf(func(metric pmetric.Metric) bool {
			kind := p.table.metricOf(metric, position)
			position++
			if kind.kind == unknownAdditivity {
				unifyTimes(metric, host.last)
				return p.cfg.OnUnknown != OnUnknownKeep
			}
			if kind.kind == increases && p.cfg.OutputTemporality != TemporalityInput {
				metric.Sum().SetAggregationTemporality(p.outputOf(kind))
			}
			if metric.Type() != pmetric.MetricTypeGauge && metric.Type() != pmetric.MetricTypeSum {
				return true
			}
			for _, point := range numberPoints(metric).All() {
				numberOf(point).zero().put(point)
				point.SetTimestamp(pcommon.Timestamp(host.last))
				point.SetFlags(point.Flags().WithNoRecordedValue(true))
			}
			return false
		})
	}
}

// leaveUnknown lets out what has no known sum; false if there is no point of it.
func (p *reduce) leaveUnknown(host *hostPlan, resource pmetric.ResourceMetrics) bool {
	position, left := 0, false
	for _, scope := range resource.ScopeMetrics().All() {
		scope.Metrics().RemoveIf(func(metric pmetric.Metric) bool {
			kind := p.table.metricOf(metric, position)
			position++
			if kind.kind != unknownAdditivity {
				return true
			}
			unifyTimes(metric, host.last)
			left = true
			return false
		})
	}
	return left
}

// unifyTimes gives all points of a metric the time of the scrape.
func unifyTimes(metric pmetric.Metric, at uint64) {
	now := pcommon.Timestamp(at)
	switch metric.Type() {
	case pmetric.MetricTypeGauge, pmetric.MetricTypeSum:
		for _, point := range numberPoints(metric).All() {
			point.SetTimestamp(now)
		}
	case pmetric.MetricTypeHistogram:
		for _, point := range metric.Histogram().DataPoints().All() {
			point.SetTimestamp(now)
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, point := range metric.ExponentialHistogram().DataPoints().All() {
			point.SetTimestamp(now)
		}
	case pmetric.MetricTypeSummary:
		for _, point := range metric.Summary().DataPoints().All() {
			point.SetTimestamp(now)
		}
	case pmetric.MetricTypeEmpty:
	}
}
