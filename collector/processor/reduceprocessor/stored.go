package reduceprocessor

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"hash/crc32"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// storedFormat is the first byte of a stored host; another one is not read.
const storedFormat = 1

// The stored forms: plain fields, series kinds by what they are.
type storedHost struct {
	Key                                  string
	Attributes                           map[string]any
	Scope                                [4]string
	Scrapes                              uint64
	First, Last, PreviousFirst, Previous uint64
	Kinds                                []storedKind
	Instances                            []storedInstance
	Buckets                              []storedBucket
	Total                                *storedBucket
	Level                                [4]int
	Busy, All                            float64
	HasTimes                             bool
	SeriesOut                            int
}

type storedKind struct {
	Name, Unit, Description string
	MetricType              int32
	IsMonotonic             bool
	Temporality             int32
	Attributes              map[string]any
}

type storedSeries struct {
	Bits  uint64
	Kind  uint32
	IsInt bool
}

type storedInstance struct {
	Pid             int64
	Start, Seen     uint64
	Series          []storedSeries
	HasBase         bool
	Bases           []storedBase
	WasRest         bool
	Bucket, Pattern string
	IsMember        [rankingCount]bool
	Below           [rankingCount]uint8
	IsDecided       bool
	IsKept          bool
	Prefers         bool
	Rule, Class     uint8
}

type storedBase struct {
	Series storedSeries
	Start  uint64
}

type storedBucket struct {
	Key        string
	Attributes map[string]any
	EmptySince int
	Series     []storedBucketSeries
}

type storedBucketSeries struct {
	Kind     uint32
	Start    uint64
	IsDouble bool
	Ints     int64
	Doubles  float64
}

// encode is the state of a host with a checksum, so that a torn write is seen.
func (p *reduce) encode(host *host) ([]byte, error) {
	kept := storedHost{
		Key: host.key, Attributes: host.attributes.AsRaw(),
		Scope:   [4]string{host.scope.name, host.scope.version, host.scope.scopeSchema, host.scope.resourceSchema},
		Scrapes: host.scrapes, First: host.first, Last: host.last, PreviousFirst: host.previousFirst, Previous: host.previous,
		Level: [4]int{host.level.level, host.level.stayed, host.level.entering, host.level.leaving},
		Busy:  host.level.busy, All: host.level.all, HasTimes: host.level.hasTimes, SeriesOut: host.seriesOut,
	}
	for i := range p.table.kinds {
		one := &p.table.kinds[i]
		kept.Kinds = append(kept.Kinds, storedKind{
			Name: one.metric.name, Unit: one.metric.unit, Description: one.metric.description,
			MetricType: int32(one.metric.metricType), IsMonotonic: one.metric.isMonotonic,
			Temporality: int32(one.metric.temporality), Attributes: one.attributes.AsRaw(),
		})
	}
	for _, one := range host.instances {
		kept.Instances = append(kept.Instances, storedOf(one))
	}
	for _, one := range host.buckets {
		kept.Buckets = append(kept.Buckets, storedBucketOf(one))
	}
	if host.total != nil {
		total := storedBucketOf(host.total)
		kept.Total = &total
	}
	var body bytes.Buffer
	body.Write(make([]byte, 5))
	if err := gob.NewEncoder(&body).Encode(&kept); err != nil {
		return nil, err
	}
	encoded := body.Bytes()
	encoded[0] = storedFormat
	binary.LittleEndian.PutUint32(encoded[1:5], crc32.ChecksumIEEE(encoded[5:]))
	return encoded, nil
}

func storedOf(one *instance) storedInstance {
	kept := storedInstance{
		Pid: one.pid, Start: one.start, Seen: one.seen, Series: storedSeriesOf(one.series), WasRest: one.wasRest,
		Bucket: one.choice.bucket, Pattern: one.choice.pattern, IsMember: one.choice.isMember, Below: one.choice.below,
		IsDecided: one.choice.isDecided, IsKept: one.choice.isKept, Prefers: one.choice.prefers,
		Rule: uint8(one.choice.rule), Class: uint8(one.choice.class),
	}
	if one.rebased != nil {
		kept.HasBase = true
		for _, base := range one.rebased.bases {
			kept.Bases = append(kept.Bases, storedBase{storedSeries{base.bits, base.kind, base.isInt}, base.start})
		}
	}
	return kept
}

func storedSeriesOf(series []seriesState) []storedSeries {
	kept := make([]storedSeries, len(series))
	for i, one := range series {
		kept[i] = storedSeries{one.bits, one.kind, one.isInt}
	}
	return kept
}

func storedBucketOf(one *bucket) storedBucket {
	kept := storedBucket{Key: one.key, Attributes: one.attributes.AsRaw(), EmptySince: one.emptySince}
	for _, series := range one.series {
		kept.Series = append(kept.Series, storedBucketSeries{
			series.kind, series.start, series.isDouble, series.running.ints, series.running.doubles,
		})
	}
	return kept
}

var errTorn = errors.New("the stored state is damaged")

// decode makes a host of its stored state; its series kinds get the numbers of this process.
func (p *reduce) decode(encoded []byte) (*host, error) {
	if len(encoded) < 5 || encoded[0] != storedFormat || binary.LittleEndian.Uint32(encoded[1:5]) != crc32.ChecksumIEEE(encoded[5:]) {
		return nil, errTorn
	}
	var kept storedHost
	if err := gob.NewDecoder(bytes.NewReader(encoded[5:])).Decode(&kept); err != nil {
		return nil, errors.Join(errTorn, err)
	}
	numbers, err := p.kindsAgain(kept.Kinds)
	if err != nil {
		return nil, err
	}
	made := newHost(kept.Key, emptyMap())
	if err := made.attributes.FromRaw(kept.Attributes); err != nil {
		return nil, err
	}
	made.scope = scopeOf{kept.Scope[0], kept.Scope[1], kept.Scope[2], kept.Scope[3]}
	made.scrapes, made.first, made.last = kept.Scrapes, kept.First, kept.Last
	made.previousFirst, made.previous, made.seriesOut = kept.PreviousFirst, kept.Previous, kept.SeriesOut
	made.level = levelState{
		level: min(kept.Level[0], len(p.cfg.Levels)), stayed: kept.Level[1], entering: kept.Level[2], leaving: kept.Level[3],
		busy: kept.Busy, all: kept.All, hasTimes: kept.HasTimes,
	}
	for i := range kept.Instances {
		one := kept.Instances[i].instance(numbers)
		made.instances[one.pid] = one
		made.counters += len(one.series)
	}
	for i := range kept.Buckets {
		one, err := kept.Buckets[i].bucket(numbers)
		if err != nil {
			return nil, err
		}
		made.buckets[one.key] = one
	}
	if kept.Total != nil {
		made.total, err = kept.Total.bucket(numbers)
	}
	return made, err
}

// kindsAgain are the numbers that stored series kinds have in this process.
func (p *reduce) kindsAgain(kinds []storedKind) ([]uint32, error) {
	numbers := make([]uint32, len(kinds))
	for i, kind := range kinds {
		metric := pmetric.NewMetric()
		metric.SetName(kind.Name)
		metric.SetUnit(kind.Unit)
		metric.SetDescription(kind.Description)
		if pmetric.MetricType(kind.MetricType) == pmetric.MetricTypeGauge {
			metric.SetEmptyGauge()
		} else {
			sum := metric.SetEmptySum()
			sum.SetIsMonotonic(kind.IsMonotonic)
			sum.SetAggregationTemporality(pmetric.AggregationTemporality(kind.Temporality))
		}
		attributes := pcommon.NewMap()
		if err := attributes.FromRaw(kind.Attributes); err != nil {
			return nil, err
		}
		number, ok := p.table.seriesOf(p.table.metricOf(metric, noGuess), attributes, noGuess)
		if !ok {
			return nil, errors.New("the stored state has too many kinds of series")
		}
		numbers[i] = number
	}
	return numbers, nil
}

func (s *storedInstance) instance(numbers []uint32) *instance {
	made := &instance{
		pid: s.Pid, start: s.Start, seen: s.Seen, series: seriesAgain(s.Series, numbers), wasRest: s.WasRest,
		choice: choice{
			bucket: s.Bucket, pattern: s.Pattern, isMember: s.IsMember, below: s.Below, isDecided: s.IsDecided,
			isKept: s.IsKept, prefers: s.Prefers, rule: rule(s.Rule), class: rule(s.Class),
		},
	}
	if s.HasBase {
		made.rebased = &rebase{}
		for _, base := range s.Bases {
			state := seriesState{base.Series.Bits, numbers[base.Series.Kind], base.Series.IsInt}
			made.rebased.bases = append(made.rebased.bases, baseState{state, base.Start})
		}
	}
	return made
}

func seriesAgain(stored []storedSeries, numbers []uint32) []seriesState {
	made := make([]seriesState, len(stored))
	for i, one := range stored {
		made[i] = seriesState{one.Bits, numbers[one.Kind], one.IsInt}
	}
	return made
}

func (s *storedBucket) bucket(numbers []uint32) (*bucket, error) {
	made := &bucket{key: s.Key, attributes: emptyMap(), emptySince: s.EmptySince}
	if err := made.attributes.FromRaw(s.Attributes); err != nil {
		return nil, err
	}
	for _, one := range s.Series {
		made.take(numbers[one.Kind], number{isInt: !one.IsDouble}, one.Start)
		series := &made.series[len(made.series)-1]
		series.running = sum{one.Ints, one.Doubles}
	}
	made.added = 0
	return made, nil
}
