package reduceprocessor

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	// otherBucket stands where a key attribute is missing, and for the single bucket.
	otherBucket = "_other"
	// categoryAttribute names the bucket of a category.
	categoryAttribute = "phoenix.process.category"
	// countMetric is the number of processes in a bucket.
	countMetric = "phoenix.process.count"
	// totalPrefix begins the names of sums over all processes, kept and rest.
	totalPrefix = "phoenix.host."
)

// bucket sums what rest processes did. Its running sums never fall, whatever happens to members.
type bucket struct {
	key        string
	attributes pcommon.Map
	series     []bucketSeries
	// slots finds the series of a series kind; 0 is none, else position + 1.
	slots []int32
	// order are the positions of the series with those of one metric together; nil after a change of the series.
	order []int
	// emptySince counts the scrapes without a member.
	emptySince int

	// Of the batch under way.
	scan      uint64
	processes int
	isNew     bool
	added     int // series appended in this scrape
}

// bucketSeries is the sum of one series kind over the members of the bucket.
type bucketSeries struct {
	kind  uint32
	start uint64
	// isDouble once a member had a double: then the sum is one for good.
	isDouble bool
	running  sum
	// add is what this scrape adds (increases), or the sum of its current values.
	add sum
}

// sum adds integers exactly and doubles beside them.
type sum struct {
	ints    int64
	doubles float64
}

func (s *sum) take(value number) {
	if value.isInt {
		s.ints += value.int()
	} else {
		s.doubles += value.double()
	}
}

func (s *sum) plus(other sum) sum {
	return sum{s.ints + other.ints, s.doubles + other.doubles}
}

func (s *sum) number(isDouble bool) number {
	if isDouble {
		return doubleNumber(float64(s.ints) + s.doubles)
	}
	return intNumber(s.ints)
}

// take adds what one point of a member counts for.
func (b *bucket) take(kind uint32, value number, start uint64) {
	for int(kind) >= len(b.slots) {
		b.slots = append(b.slots, 0)
	}
	slot := b.slots[kind] - 1
	if slot < 0 {
		b.series = append(b.series, bucketSeries{kind: kind, start: start})
		b.order = nil
		b.added++
		slot = int32(len(b.series) - 1) //nolint:gosec // below maxSeriesKinds
		b.slots[kind] = slot + 1
	}
	one := &b.series[slot]
	one.add.take(value)
	one.isDouble = one.isDouble || !value.isInt
}

// begin forgets what an earlier scrape left to be added.
func (b *bucket) begin() {
	b.processes, b.added = 0, 0
	for i := range b.series {
		b.series[i].add = sum{}
	}
}

// commit makes the scrape under way part of the running sums.
func (b *bucket) commit(table *seriesTable) {
	for i := range b.series {
		if table.kinds[b.series[i].kind].metric.kind == increases {
			b.series[i].running = b.series[i].running.plus(b.series[i].add)
		}
	}
	if b.processes > 0 {
		b.emptySince = 0
	} else {
		b.emptySince++
	}
	b.isNew, b.added = false, 0
}

// rollback takes the scrape under way out again.
func (b *bucket) rollback() {
	for _, one := range b.series[len(b.series)-b.added:] {
		b.slots[one.kind] = 0
	}
	b.series = b.series[:len(b.series)-b.added]
	b.order = nil
	b.begin()
}

// attributesOf are what a bucket is called by, from its first member.
func (c *chooser) attributesOf(key string, names *names) pcommon.Map {
	attributes := pcommon.NewMap()
	switch {
	case len(c.categories) > 0:
		attributes.PutStr(attributeName, otherBucket)
		attributes.PutStr(categoryAttribute, key)
	case len(c.groupBy) == 0:
		attributes.PutStr(attributeName, otherBucket)
	default:
		for _, attribute := range c.groupBy {
			value, ok := names.of(attribute)
			if !ok || value == "" {
				value = otherBucket
			}
			attributes.PutStr(attribute, value)
		}
	}
	return attributes
}

// nameOf is a bucket in one word, for the ledger.
func nameOf(attributes pcommon.Map) string {
	if category, ok := attributes.Get(categoryAttribute); ok {
		return category.Str()
	}
	name := ""
	for _, value := range attributes.All() {
		if name != "" {
			name += " "
		}
		name += value.Str()
	}
	return name
}

// writer lets the buckets of one scrape out.
type writer struct {
	table *seriesTable
	// temporality of monotonic sums; the input's where it is empty.
	temporality Temporality
	// previous and now are the times of the scrape before (0: none) and of this one.
	previous, now uint64
}

// write appends one resource with everything the bucket has; how many points that were.
func (w *writer) write(into pmetric.ResourceMetricsSlice, host *host, one *bucket, isEnd bool) int {
	resource := into.AppendEmpty()
	host.attributes.CopyTo(resource.Resource().Attributes())
	for key, value := range one.attributes.All() {
		value.CopyTo(resource.Resource().Attributes().PutEmpty(key))
	}
	metrics := host.scope.appendTo(resource)
	written := 0
	order := one.byMetric(w.table)
	for from := 0; from < len(order); {
		metric := w.table.kinds[one.series[order[from]].kind].metric
		to := from
		for to < len(order) && w.table.kinds[one.series[order[to]].kind].metric == metric {
			to++
		}
		written += w.writeMetric(metrics, metric, one, order[from:to], isEnd)
		from = to
	}
	count := metrics.AppendEmpty()
	count.SetName(countMetric)
	count.SetDescription("Processes in the bucket.")
	count.SetUnit("{process}")
	point := count.SetEmptyGauge().DataPoints().AppendEmpty()
	point.SetTimestamp(pcommon.Timestamp(w.now))
	point.SetIntValue(int64(one.processes))
	if isEnd {
		point.SetFlags(point.Flags().WithNoRecordedValue(true))
	}
	return written + 1
}

// byMetric are the positions of the series, those of one metric together, in the order of first sight.
func (b *bucket) byMetric(table *seriesTable) []int {
	if b.order != nil {
		return b.order
	}
	order := make([]int, len(b.series))
	first := make(map[*metricKind]int, 8)
	for i := range order {
		order[i] = i
		metric := table.kinds[b.series[i].kind].metric
		if _, ok := first[metric]; !ok {
			first[metric] = i
		}
	}
	slices.SortStableFunc(order, func(a, c int) int {
		return first[table.kinds[b.series[a].kind].metric] - first[table.kinds[b.series[c].kind].metric]
	})
	b.order = order
	return order
}

func (w *writer) writeMetric(metrics pmetric.MetricSlice, metric *metricKind, one *bucket, positions []int, isEnd bool) int {
	isDelta := metric.isDelta()
	if metric.kind == increases && w.temporality != TemporalityInput {
		isDelta = w.temporality == TemporalityDelta
	}
	if metric.kind == increases && isDelta && w.previous == 0 && !metric.isDelta() {
		return 0 // there is no interval yet that an increase could be of
	}
	written := metrics.AppendEmpty()
	written.SetName(metric.name)
	written.SetDescription(metric.description)
	written.SetUnit(metric.unit)
	points := pointsOf(written, metric, isDelta)
	points.EnsureCapacity(len(positions))
	for _, position := range positions {
		series := &one.series[position]
		point := points.AppendEmpty()
		w.table.kinds[series.kind].attributes.CopyTo(point.Attributes())
		point.SetTimestamp(pcommon.Timestamp(w.now))
		switch {
		case metric.kind != increases:
			series.add.number(series.isDouble).put(point)
		case isDelta:
			point.SetStartTimestamp(pcommon.Timestamp(w.previous))
			series.add.number(series.isDouble).put(point)
		default:
			point.SetStartTimestamp(pcommon.Timestamp(series.start))
			running := series.running.plus(series.add)
			running.number(series.isDouble).put(point)
		}
		if isEnd {
			number{isInt: !series.isDouble}.put(point)
			point.SetFlags(point.Flags().WithNoRecordedValue(true))
		}
	}
	return len(positions)
}

func pointsOf(written pmetric.Metric, metric *metricKind, isDelta bool) pmetric.NumberDataPointSlice {
	if metric.metricType == pmetric.MetricTypeGauge {
		return written.SetEmptyGauge().DataPoints()
	}
	sum := written.SetEmptySum()
	sum.SetIsMonotonic(metric.isMonotonic)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	if isDelta {
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	}
	return sum.DataPoints()
}

func (s *scopeOf) appendTo(resource pmetric.ResourceMetrics) pmetric.MetricSlice {
	resource.SetSchemaUrl(s.resourceSchema)
	scope := resource.ScopeMetrics().AppendEmpty()
	scope.SetSchemaUrl(s.scopeSchema)
	scope.Scope().SetName(s.name)
	scope.Scope().SetVersion(s.version)
	return scope.Metrics()
}

// writeTotals appends the sums over all processes of the host, under names of their own.
func (w *writer) writeTotals(into pmetric.ResourceMetricsSlice, host *host, total *bucket) int {
	from := into.Len()
	written := w.write(into, host, total, false)
	for _, metric := range into.At(from).ScopeMetrics().At(0).Metrics().All() {
		if metric.Name() == countMetric {
			metric.SetName(totalPrefix + "process.count")
			metric.SetDescription("Processes of the host.")
		} else {
			metric.SetName(totalPrefix + metric.Name())
		}
	}
	return written
}
