package reduceprocessor

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"example.com/phoenix/reduceprocessor/internal/metadata"
	"example.com/phoenix/reduceprocessor/internal/metadatatest"
)

func utilization(metric pmetric.Metric) {
	metric.SetName("process.cpu.utilization")
	point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
	point.Attributes().PutStr("state", "user")
	point.SetDoubleValue(0.25)
	point.SetTimestamp(pcommon.Timestamp(noon))
}

func TestAProcessIsKeptFromTheThresholdOn(t *testing.T) {
	for name, one := range map[string]struct {
		thresholds Thresholds
		by         ranking
		value      float64
		reason     rule
	}{
		"cpu": {Thresholds{CPUCores: 0.5}, rankingCPU, 0.5, ruleThresholdCPU},
		"rss": {Thresholds{RSSBytes: 100}, rankingRSS, 100, ruleThresholdRSS},
		"io":  {Thresholds{IOBytesPerSecond: 7}, rankingIO, 7, ruleThresholdIO},
	} {
		processes := ranked(0, 0)
		processes[0].rates[one.by], processes[1].rates[one.by] = one.value, one.value*0.999
		(&chooser{leaveAfter: 1}).choose(processes, &limits{thresholds: one.thresholds})
		require.Equal(t, []int64{1}, keptPids(processes), name)
		require.Equal(t, one.reason, processes[0].next.rule, name)
	}
}

func TestBeyondTheBoundACriticalProcessGoesToTheRestToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	stand := newStand(t, func(c *Config) {
		c.MaxProcesses, c.Critical, c.Ledger = 1, []string{"*"}, &LedgerConfig{Path: path, MaxMegabytes: 1}
	})
	for k := 1; k <= 3; k++ {
		left := lines(stand.scrape(hostAt(k, aLife(1, "a", int64(k)), aLife(2, "b", int64(k)))))
		require.Contains(t, left, "_other phoenix.process.count 1")
	}
	require.Len(t, readLedger(t, path), 1, "who has no state is counted, not noted in every scrape")
	require.Equal(t, int64(1), stand.reducer.hosts[keyOfHostA()].counts[ruleNoRoom])
}

func keyOfHostA() string {
	attributes := pcommon.NewMap()
	attributes.PutStr("host.name", "a")
	return string(appendAttributes(nil, attributes, allAttributes))
}

func TestAHostWhoseEveryScrapeWasRefusedIsNotRemembered(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	stand.next.refuses = true
	require.ErrorIs(t, stand.reducer.ConsumeMetrics(context.Background(), hostAt(1, aLife(1, "a", 1))), errRefused)
	require.Empty(t, stand.reducer.hosts)
}

func TestASilentHostIsForgottenAfterAnHour(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	other := hostAt(1, aLife(1, "a", 1))
	other.ResourceMetrics().At(0).Resource().Attributes().PutStr("host.name", "silent")
	stand.scrape(other)
	stand.scrape(hostAt(1, aLife(1, "a", 1)))
	stand.scrape(hostAt(3601, aLife(1, "a", 1)))
	require.Len(t, stand.reducer.hosts, 2)
	stand.scrape(hostAt(3602+60, aLife(1, "a", 1)))
	require.Len(t, stand.reducer.hosts, 1)
	metadatatest.AssertEqualProcessorReduceBuckets(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
	require.Equal(t, 1, stand.reducer.tracked)
}

// everyType adds a metric of every type that is not known to be additive.
func everyType(md pmetric.Metrics) pmetric.Metrics {
	for _, add := range []func(pmetric.Metric){
		func(m pmetric.Metric) { m.SetEmptyGauge().DataPoints().AppendEmpty() },
		func(m pmetric.Metric) { m.SetEmptySum().DataPoints().AppendEmpty() },
		func(m pmetric.Metric) { m.SetEmptyHistogram().DataPoints().AppendEmpty() },
		func(m pmetric.Metric) { m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty() },
		func(m pmetric.Metric) { m.SetEmptySummary().DataPoints().AppendEmpty() },
		func(pmetric.Metric) {},
	} {
		withMetric(md, func(metric pmetric.Metric) {
			add(metric)
			metric.SetName("process.other." + metric.Type().String())
		})
	}
	return md
}

func TestMetricsOfEveryTypeLeaveAKeptProcessWithTheTimeOfTheScrape(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.Critical = []string{"a"} })
	left := stand.scrape(everyType(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1))))
	want := pcommon.Timestamp(secondsAfterNoon(1) + 50_000)
	seen := 0
	for _, resource := range left.ResourceMetrics().All() {
		for _, metric := range resource.ScopeMetrics().At(0).Metrics().All() {
			switch metric.Name() {
			case "process.other.Histogram":
				require.Equal(t, want, metric.Histogram().DataPoints().At(0).Timestamp())
			case "process.other.ExponentialHistogram":
				require.Equal(t, want, metric.ExponentialHistogram().DataPoints().At(0).Timestamp())
			case "process.other.Summary":
				require.Equal(t, want, metric.Summary().DataPoints().At(0).Timestamp())
			default:
				continue
			}
			seen++
		}
	}
	require.Equal(t, 2*3, seen, "of the kept one, and of the rest under its own identity")
	metadatatest.AssertEqualProcessorReduceUnknownPoints(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 5}}, metricdatatest.IgnoreTimestamp())
}

func TestWhatEndsIsMarkedAndOnlyWhatIsUnknownGoesOn(t *testing.T) {
	for onUnknown, goesOn := range map[OnUnknown]bool{OnUnknownKeep: true, OnUnknownDrop: false} {
		stand := newStand(t, func(c *Config) {
			c.TopK, c.OnUnknown, c.OutputTemporality = TopK{RSS: 1, LeaveAfter: 1}, onUnknown, TemporalityCumulative
		})
		scrape := func(k int, rss int64) pmetric.Metrics {
			one, two := aLife(1, "a", 1), aLife(2, "b", 1)
			one.rss = rss
			return everyType(withMetric(hostAt(k, one, two), uptime))
		}
		stand.scrape(scrape(1, 2000))
		text := strings.Join(lines(stand.scrape(scrape(2, 1))), "\n")
		require.Contains(t, text, "a 1 memory.usage 0 ended")
		require.Contains(t, text, "a 1 uptime 0 ended")
		require.Equal(t, goesOn, strings.Contains(text, "a 1 process.other.Histogram"), text)
	}
}

func TestStaleMarkersAreAsConfigured(t *testing.T) {
	for _, marks := range []bool{false, true} {
		stand := newStand(t, func(c *Config) { c.TopK, c.StaleMarkers = TopK{RSS: 1, LeaveAfter: 1}, &marks })
		rich, poor := aLife(1, "a", 1), aLife(1, "a", 1)
		rich.rss, poor.rss = 2000, 1
		stand.scrape(hostAt(1, rich, aLife(2, "b", 1)))
		text := strings.Join(lines(stand.scrape(hostAt(2, poor, aLife(2, "b", 1)))), "\n")
		require.Equal(t, marks, strings.Contains(text, "ended"), text)
	}
}

func TestATypeThatDoesNotFitItsNameIsUnknown(t *testing.T) {
	sum := func(isMonotonic bool, temporality pmetric.AggregationTemporality) func(pmetric.Metric) {
		return func(m pmetric.Metric) {
			m.SetEmptySum().SetIsMonotonic(isMonotonic)
			m.Sum().SetAggregationTemporality(temporality)
		}
	}
	gauge := func(m pmetric.Metric) { m.SetEmptyGauge() }
	const cumulative, delta = pmetric.AggregationTemporalityCumulative, pmetric.AggregationTemporalityDelta
	table := newSeriesTable([]string{"declared"})
	for i, one := range []struct {
		name string
		make func(pmetric.Metric)
		want additivity
	}{
		{"process.cpu.time", gauge, unknownAdditivity},
		{"process.cpu.time", sum(false, cumulative), unknownAdditivity},
		{"process.cpu.time", sum(true, delta), increases},
		{"process.cpu.time", sum(true, pmetric.AggregationTemporalityUnspecified), unknownAdditivity},
		{"process.cpu.time", func(m pmetric.Metric) { m.SetEmptySummary() }, unknownAdditivity},
		{"process.memory.usage", sum(true, cumulative), unknownAdditivity},
		{"process.memory.usage", sum(false, delta), unknownAdditivity},
		{"process.memory.usage", gauge, currentValues},
		{"declared", gauge, currentValues},
		{"declared", sum(true, cumulative), increases},
		{"declared", sum(false, cumulative), currentValues},
		{"declared", func(m pmetric.Metric) { m.SetEmptyHistogram() }, unknownAdditivity},
		{"process.uptime", gauge, noSum},
		{"anything", gauge, unknownAdditivity},
	} {
		metric := pmetric.NewMetric()
		metric.SetName(one.name)
		one.make(metric)
		require.Equal(t, one.want, table.metricOf(metric, 0).kind, "case %d: %s", i, one.name)
	}
}

func TestBeyondItsBoundTheTableOfSeriesTakesNothingUp(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.AdditiveMetrics, c.Critical = []string{"requests"}, []string{"a"} })
	stand.scrape(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1)))
	scrape := func(k int) pmetric.Metrics {
		return withMetric(hostAt(k, aLife(1, "a", int64(k)), aLife(2, "b", int64(k))), func(metric pmetric.Metric) {
			points := aSum(pmetric.NewMetricSlice(), "requests", "1", true)
			for i := range maxSeriesKinds + 10 {
				aPoint(points, noon-100*second, secondsAfterNoon(k), "route", strconv.Itoa(i)).SetIntValue(int64(k))
			}
			metric.SetName("requests")
			metric.SetEmptySum().SetIsMonotonic(true)
			metric.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			points.MoveAndAppendTo(metric.Sum().DataPoints())
		})
	}
	left := stand.scrape(scrape(2))
	require.Len(t, stand.reducer.table.kinds, maxSeriesKinds)
	routes := 0
	for _, metric := range left.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		if metric.Name() == "requests" {
			routes = metric.Sum().DataPoints().Len()
		}
	}
	require.Equal(t, maxSeriesKinds+10, routes, "the kept process has all of them")
	require.Equal(t, []string{"a 1 cpu.time user 0.03 since -100", "_other cpu.time user 0.02 since 1"}, onlyCPU(lines(stand.scrape(scrape(3)))))
}

func TestBeyondItsBoundTheTableOfMetricsTakesThemAsUnknown(t *testing.T) {
	table := newSeriesTable([]string{"declared"})
	metric := pmetric.NewMetric()
	metric.SetEmptyGauge()
	for i := range maxSeriesKinds {
		metric.SetName(fmt.Sprint("metric ", i))
		table.metricOf(metric, 0)
	}
	metric.SetName("declared")
	require.Equal(t, unknownAdditivity, table.metricOf(metric, 0).kind)
	require.Len(t, table.metrics, maxSeriesKinds)
}

func TestPointAttributesOfAnyTypeTellSeriesApart(t *testing.T) {
	known, same, other, longer := pcommon.NewMap(), pcommon.NewMap(), pcommon.NewMap(), pcommon.NewMap()
	require.NoError(t, known.FromRaw(map[string]any{"core": 1}))
	require.NoError(t, same.FromRaw(map[string]any{"core": 1}))
	require.NoError(t, other.FromRaw(map[string]any{"core": 2}))
	require.NoError(t, longer.FromRaw(map[string]any{"core": 1, "state": "user"}))
	text := pcommon.NewMap()
	text.PutStr("core", "1")
	require.True(t, equalAttributes(known, same))
	for _, one := range []pcommon.Map{other, longer, text, pcommon.NewMap()} {
		require.False(t, equalAttributes(known, one))
	}
}

func TestTheLedgerNamesTheLevel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	stand := newStand(t, func(c *Config) {
		c.Ledger = &LedgerConfig{Path: path, MaxMegabytes: 1}
		c.Levels = []Level{
			{Name: "busy", Enter: Conditions{Processes: new(2)}, TopK: &LevelTopK{CPU: new(1)}},
			{Enter: Conditions{Processes: new(2)}, TopK: &LevelTopK{CPU: new(0)}},
		}
	})
	two := []life{aLife(1, "a", 1), aLife(2, "b", 1)}
	stand.scrape(hostAt(1, two...))
	stand.scrape(hostAt(2, two...))
	stand.scrape(hostAt(3, two[0]))
	stand.scrape(hostAt(4, two[0]))
	var rules []string
	for _, entry := range readLedger(t, path) {
		if strings.HasPrefix(entry.Rule, "level") {
			rules = append(rules, fmt.Sprint(entry.Level, " ", entry.Rule))
		}
	}
	require.Equal(t, []string{"1 level busy", "2 level 2", "1 level busy", "0 level base"}, rules)
}

func TestALedgerThatCannotBeOpenedStopsTheStart(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Ledger = &LedgerConfig{Path: t.TempDir(), MaxMegabytes: 1}
	reducer, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.ErrorContains(t, reducer.Start(context.Background(), componenttest.NewNopHost()), "'ledger::path': ")
	require.NoError(t, reducer.Shutdown(context.Background()))
}

func TestEntriesThatCannotBeWrittenAreCountedAndTheScrapeLeaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	stand := newStand(t, func(c *Config) { c.Ledger = &LedgerConfig{Path: path, MaxMegabytes: 1} })
	readOnly, err := os.Open(filepath.Clean(path))
	require.NoError(t, err)
	require.NoError(t, stand.reducer.ledger.file.Close())
	stand.reducer.ledger.file = readOnly
	stand.scrape(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1)))
	metadatatest.AssertEqualProcessorReduceLedgerErrors(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
}

func TestAnEntryThatIsNoJSONIsLeftOutAndCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	one, err := openLedger(LedgerConfig{Path: path, MaxMegabytes: 1})
	require.NoError(t, err)
	one.pending = []ledgerEntry{{Name: "no rate", CPUCores: new(math.NaN())}, {Name: "next"}}
	lost, err := one.flush()
	require.Error(t, err)
	require.Equal(t, 1, lost)
	require.Len(t, readLedger(t, path), 1)
	require.NoError(t, one.close())
}

func TestALedgerThatCannotBeRotatedGoesOnInItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	require.NoError(t, os.MkdirAll(filepath.Join(path+previousLedge, "in the way"), 0o700))
	one, err := openLedger(LedgerConfig{Path: path, MaxMegabytes: 1})
	require.NoError(t, err)
	one.most = 10
	one.pending = []ledgerEntry{{Name: "first"}, {Name: "second"}}
	lost, err := one.flush()
	require.Error(t, err)
	require.Equal(t, 1, lost)
	require.Len(t, readLedger(t, path), 1)
	require.NoError(t, one.close())
}

func TestWhatAConditionCannotReadIsSaidOnce(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	set := processortest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	cfg := createDefaultConfig().(*Config)
	cfg.Levels = []Level{{Enter: Conditions{Load1m: new(8.0), Series: new(9)}, TopK: &LevelTopK{}}}
	reducer, err := newReduce(context.Background(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	for k := 1; k <= 5; k++ {
		require.NoError(t, reducer.ConsumeMetrics(context.Background(), hostAt(k, aLife(1, "a", 1))))
	}
	require.Equal(t, 1, logs.Len())
	require.Equal(t, "load_1m", logs.All()[0].ContextMap()["condition"])
}

func TestPatternsThatWereNotValidatedAreRefusedAtTheStart(t *testing.T) {
	for _, spoil := range []func(*Config){
		func(c *Config) { c.Critical = []string{"/(/"} },
		func(c *Config) { c.Categories = []Category{{"a", []string{"/(/"}}} },
	} {
		cfg := createDefaultConfig().(*Config)
		spoil(cfg)
		_, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		require.ErrorContains(t, err, "missing closing )")
	}
}

func TestAProcessWhoseStartIsNotKnownIsOneInstance(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	startless := func(ticks int64) life { one := aLife(1, "a", ticks); one.start = 0; return one }
	stand.scrape(hostAt(1, startless(10)))
	require.Equal(t, []string{"_other cpu.time user 0.02 since 1"}, onlyCPU(lines(stand.scrape(hostAt(2, startless(12))))))
	require.Equal(t, []string{"_other cpu.time user 0.03 since 1"}, onlyCPU(lines(stand.scrape(hostAt(3, aLife(1, "a", 13))))))
}

func TestASeriesThatStandsTwiceInAScrapeCountsOnce(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	twice := func(k int, ticks int64) pmetric.Metrics {
		md := hostAt(k, aLife(1, "a", ticks))
		cpu := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints()
		cpu.At(0).CopyTo(cpu.AppendEmpty())
		return md
	}
	stand.scrape(twice(1, 10))
	require.Equal(t, []string{"_other cpu.time user 0.05 since 1"}, onlyCPU(lines(stand.scrape(twice(2, 15)))))
}

func TestTimeInWhichAProcessWaitsIsNoUse(t *testing.T) {
	for _, one := range []struct {
		key, value string
		isBusy     bool
	}{{"state", "user", true}, {"state", "wait", false}, {"cpu.mode", "iowait", false}, {"cpu.mode", "system", true}, {"x", "wait", true}} {
		attributes := pcommon.NewMap()
		attributes.PutStr(one.key, one.value)
		require.Equal(t, one.isBusy, isBusy(attributes), one.key+one.value)
		require.False(t, isIdle(attributes))
	}
}

func TestAProcessThatComesAsIncreasesStaysTheSameInstance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	stand := newStand(t, func(c *Config) {
		c.TopK, c.Ledger = TopK{CPU: 1, LeaveAfter: 3}, &LedgerConfig{Path: path, MaxMegabytes: 1}
	})
	busy, idle := aLife(1, "a", 100), aLife(2, "b", 100)
	for k := 1; k <= 4; k++ {
		md := pmetric.NewMetrics()
		busy.ticks[0] += 50
		busy.writeSince(md, secondsAfterNoon(k))
		idle.writeSince(md, secondsAfterNoon(k))
		stand.scrape(md)
	}
	require.Len(t, readLedger(t, path), 3, "a and b are rest at first, then a is kept: no new life in every interval")
}

func TestABucketBeginsAtTheScrapeBeforeItsFirstMember(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.GroupBy = []string{attributeName} })
	stand.scrape(hostAt(1, aLife(1, "a", 1)))
	stand.scrape(hostAt(2, aLife(1, "a", 1)))
	born := aLife(2, "b", 30)
	born.start = noon + 2*second
	require.Contains(t, lines(stand.scrape(hostAt(3, aLife(1, "a", 1), born))), "b cpu.time user 0.3 since 2",
		"a start at its own time would tell consumers that nothing was done yet")
}
