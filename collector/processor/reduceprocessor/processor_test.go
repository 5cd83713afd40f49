package reduceprocessor

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"example.com/phoenix/reduceprocessor/internal/metadatatest"
)

// stand is a processor with its sink and its own metrics.
type stand struct {
	t         *testing.T
	telemetry *componenttest.Telemetry
	next      *sink
	reducer   *reduce
}

func newStand(t *testing.T, change func(*Config)) *stand {
	cfg := createDefaultConfig().(*Config)
	change(cfg)
	require.NoError(t, cfg.Validate())
	made := &stand{t: t, telemetry: componenttest.NewTelemetry(), next: &sink{}}
	var err error
	made.reducer, err = newReduce(context.Background(), metadatatest.NewSettings(made.telemetry), cfg, made.next)
	require.NoError(t, err)
	require.NoError(t, made.reducer.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, made.reducer.Shutdown(context.Background())) })
	return made
}

// scrape hands a batch over; what left of it.
func (s *stand) scrape(md pmetric.Metrics) pmetric.Metrics {
	s.next.batches = nil
	require.NoError(s.t, s.reducer.ConsumeMetrics(context.Background(), md))
	require.Len(s.t, s.next.batches, 1)
	return s.next.batches[0]
}

func secondsAfterNoon(k int) uint64 {
	return noon + uint64(k)*second //nolint:gosec // tests last seconds, and do not go back
}

// a host of lives at second k.
func hostAt(k int, lives ...life) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for i := range lives {
		lives[i].write(md, secondsAfterNoon(k)+uint64(i)*50_000)
	}
	return md
}

func aLife(pid int64, name string, ticks int64) life {
	return life{pid: pid, name: name, start: noon - 100*second, ticks: [2]int64{ticks, 0}, io: [2]int64{ticks, 0}, rss: 1000, hasIO: true}
}

// lines are the points that left: resource, metric, attributes, value, start and flags.
func lines(md pmetric.Metrics) []string {
	var found []string
	for _, resource := range md.ResourceMetrics().All() {
		attributes := resource.Resource().Attributes()
		var names strings.Builder
		for _, key := range []string{attributeName, attributePid, categoryAttribute, attributeOwner} {
			if value, ok := attributes.Get(key); ok {
				names.WriteString(value.AsString() + " ")
			}
		}
		who := names.String()
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				if metric.Type() != pmetric.MetricTypeGauge && metric.Type() != pmetric.MetricTypeSum {
					found = append(found, who+metric.Name())
					continue
				}
				for _, point := range numberPoints(metric).All() {
					found = append(found, who+lineOf(metric, point))
				}
			}
		}
	}
	return found
}

func lineOf(metric pmetric.Metric, point pmetric.NumberDataPoint) string {
	words := []string{strings.TrimPrefix(metric.Name(), "process.")}
	for _, value := range point.Attributes().All() {
		words = append(words, value.AsString())
	}
	words = append(words, fmt.Sprint(math.Round(numberOf(point).double()*1e6)/1e6))
	if metric.Type() == pmetric.MetricTypeSum && metric.Sum().IsMonotonic() {
		since := point.StartTimestamp().AsTime().Sub(pcommon.Timestamp(noon).AsTime())
		words = append(words, "since", strconv.Itoa(int(since/time.Second)))
	}
	if point.Flags().NoRecordedValue() {
		words = append(words, "ended")
	}
	return strings.Join(words, " ")
}

func onlyCPU(all []string) []string {
	var found []string
	for _, line := range all {
		if strings.Contains(line, "cpu.time user") {
			found = append(found, line)
		}
	}
	return found
}

func TestAProcessThatComesBackBeginsAtTheScrapeBefore(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.TopK = TopK{CPU: 1, LeaveAfter: 1} })
	stand.scrape(hostAt(1, aLife(1, "a", 100), aLife(2, "b", 100)))
	require.Equal(t, []string{"a 1 cpu.time user 0.5 since 1", "_other cpu.time user 0.01 since 1"},
		onlyCPU(lines(stand.scrape(hostAt(2, aLife(1, "a", 150), aLife(2, "b", 101))))), "a was rest in the first scrape: nobody had a rate")
}

func TestEverythingOfARoundTripThroughTheRest(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.TopK = TopK{CPU: 1, LeaveAfter: 1} })
	born := func(ticks int64) life { one := aLife(1, "a", ticks); one.start = noon + 1*second; return one }
	stand.scrape(hostAt(1, aLife(2, "b", 100)))
	require.Equal(t, []string{"a 1 cpu.time user 0.5 since 1", "_other cpu.time user 0.01 since 1"},
		onlyCPU(lines(stand.scrape(hostAt(2, born(50), aLife(2, "b", 101))))), "new and kept: as it came")
	require.Equal(t, []string{"a 1 cpu.time user 0 since 1 ended", "b 2 cpu.time user 0.99 since 2", "_other cpu.time user 0.02 since 1"},
		onlyCPU(lines(stand.scrape(hostAt(3, born(51), aLife(2, "b", 200))))), "a leaves with its last interval in the bucket")
	require.Equal(t, []string{"a 1 cpu.time user 0.49 since 3", "b 2 cpu.time user 0 since -100 ended", "_other cpu.time user 0.03 since 1"},
		onlyCPU(lines(stand.scrape(hostAt(4, born(100), aLife(2, "b", 201))))), "a comes back: what it did in between is in the bucket")
	require.Equal(t, []string{"a 1 cpu.time user 0.99 since 3", "_other cpu.time user 0.04 since 1"},
		onlyCPU(lines(stand.scrape(hostAt(5, born(150), aLife(2, "b", 202))))))
}

func TestIncreasesLeaveWithTheIntervalTheyAreOf(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.Critical = []string{"a"}; c.OutputTemporality = TemporalityDelta })
	require.Equal(t, []string{"a 1 memory.usage 1000", "_other memory.usage 1000", "_other phoenix.count 1"},
		renamed(lines(stand.scrape(hostAt(1, aLife(1, "a", 100), aLife(2, "b", 100))))), "there is no interval yet")
	left := lines(stand.scrape(hostAt(2, aLife(1, "a", 130), aLife(2, "b", 101))))
	require.Contains(t, left, "a 1 cpu.time user 0.3 since 1")
	require.Contains(t, left, "a 1 disk.io read 30 since 1")
	require.Contains(t, left, "_other disk.io read 1 since 1")
}

func renamed(all []string) []string {
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "phoenix.process.count", "phoenix.count")
	}
	return all
}

func TestAllPointsOfOneScrapeLeaveWithItsLatestTime(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.Critical = []string{"*"} })
	md := stand.scrape(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1), aLife(3, "c", 1)))
	for _, resource := range md.ResourceMetrics().All() {
		for _, metric := range resource.ScopeMetrics().At(0).Metrics().All() {
			for _, point := range numberPoints(metric).All() {
				require.Equal(t, pcommon.Timestamp(noon+second+100_000), point.Timestamp())
			}
		}
	}
}

func TestAnEmptyBucketLingersAndEnds(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.Critical = []string{"a"}; c.BucketLinger = 1; c.GroupBy = []string{attributeName} })
	stand.scrape(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1)))
	stand.scrape(hostAt(2, aLife(1, "a", 1), aLife(2, "b", 5)))
	require.Equal(t, []string{"a 1 cpu.time user 0.01 since -100", "b cpu.time user 0.04 since 1"},
		onlyCPU(lines(stand.scrape(hostAt(3, aLife(1, "a", 1))))))
	ended := lines(stand.scrape(hostAt(4, aLife(1, "a", 1))))
	require.Contains(t, ended, "b cpu.time user 0 since 1 ended")
	require.Contains(t, ended, "b memory.usage 0 ended")
	require.Contains(t, ended, "b phoenix.process.count 0 ended")
	require.Equal(t, []string{"a 1 cpu.time user 0.01 since -100"}, onlyCPU(lines(stand.scrape(hostAt(5, aLife(1, "a", 1))))))
}

func withMetric(md pmetric.Metrics, add func(pmetric.Metric)) pmetric.Metrics {
	for _, resource := range md.ResourceMetrics().All() {
		add(resource.ScopeMetrics().At(0).Metrics().AppendEmpty())
	}
	return md
}

func uptime(metric pmetric.Metric) {
	metric.SetName("process.uptime")
	metric.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(7)
}

func mystery(metric pmetric.Metric) {
	metric.SetName("process.mystery")
	metric.SetEmptyHistogram().DataPoints().AppendEmpty().SetCount(3)
}

func TestWhatHasNoSumIsDroppedFromTheRestAndCounted(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.Critical = []string{"a"} })
	left := lines(stand.scrape(withMetric(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1), aLife(3, "b", 1)), uptime)))
	require.Contains(t, left, "a 1 uptime 7")
	require.Len(t, strings.Split(strings.Join(left, "\n"), "uptime"), 2)
	metadatatest.AssertEqualProcessorReduceDroppedPoints(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
}

func TestWhatIsUnknownIsKeptDroppedOrRefused(t *testing.T) {
	scrape := func() pmetric.Metrics { return withMetric(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1)), mystery) }
	for name, want := range map[OnUnknown]int{OnUnknownKeep: 2, OnUnknownDrop: 1} {
		stand := newStand(t, func(c *Config) { c.Critical = []string{"a"}; c.OnUnknown = name })
		left := strings.Join(lines(stand.scrape(scrape())), "\n")
		require.Equal(t, want, strings.Count(left, "process.mystery"), left)
		require.NotContains(t, left, "b 2 cpu")
		metadatatest.AssertEqualProcessorReduceUnknownPoints(t, stand.telemetry,
			[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
	}
	stand := newStand(t, func(c *Config) { c.Critical = []string{"a"}; c.OnUnknown = OnUnknownError })
	require.ErrorContains(t, stand.reducer.ConsumeMetrics(context.Background(), scrape()), "'additive_metrics'")
	require.Contains(t, lines(stand.scrape(hostAt(1, aLife(1, "a", 1)))), "a 1 cpu.time user 0.01 since -100", "the state is as before")
}

func TestAMetricDeclaredAdditiveIsSummed(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.AdditiveMetrics = []string{"process.requests"} })
	requests := func(metric pmetric.Metric) {
		metric.SetName("process.requests")
		metric.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(21)
		metric.Gauge().DataPoints().At(0).SetTimestamp(pcommon.Timestamp(noon))
	}
	require.Contains(t, lines(stand.scrape(withMetric(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1)), requests))), "_other requests 42")
}

func TestCategoriesAndOwnersNameTheBucket(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.Categories = []Category{{"databases", []string{"postgres*"}}} })
	left := lines(stand.scrape(hostAt(1, aLife(1, "postgres", 1), aLife(2, "b", 1))))
	require.Contains(t, left, "_other databases phoenix.process.count 1")
	require.Contains(t, left, "_other _other phoenix.process.count 1")

	stand = newStand(t, func(c *Config) { c.GroupBy = []string{attributeOwner} })
	md := hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1))
	md.ResourceMetrics().At(0).Resource().Attributes().PutStr(attributeOwner, "root")
	left = lines(stand.scrape(md))
	require.Contains(t, left, "root phoenix.process.count 1")
	require.Contains(t, left, "_other phoenix.process.count 1")
}

func TestHostTotalsSumKeptAndRestUnderNamesOfTheirOwn(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.Critical = []string{"a"}; c.HostTotals = true })
	stand.scrape(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1)))
	left := lines(stand.scrape(hostAt(2, aLife(1, "a", 11), aLife(2, "b", 31))))
	require.Contains(t, left, "phoenix.host.process.memory.usage 2000")
	require.Contains(t, left, "phoenix.host.process.disk.io read 40 since 1")
	require.Contains(t, left, "phoenix.host.process.count 2")
}

func TestWhatIsNoProcessPassesUntouchedInItsPlace(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	md := pmetric.NewMetrics()
	systemResource(map[string]float64{"idle": 0.5}, nil, nil).CopyTo(md.ResourceMetrics().AppendEmpty())
	one := aLife(1, "a", 1)
	one.write(md, noon)
	systemResource(nil, nil, new(2.0)).CopyTo(md.ResourceMetrics().AppendEmpty())
	left := lines(stand.scrape(md))
	require.Equal(t, []string{"system.cpu.utilization idle 0.5", "system.cpu.load_average.1m 2"}, left[:2])
}

func TestABatchWithoutProcessesPasses(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	md := pmetric.NewMetrics()
	systemResource(nil, nil, new(2.0)).CopyTo(md.ResourceMetrics().AppendEmpty())
	require.Equal(t, []string{"system.cpu.load_average.1m 2"}, lines(stand.scrape(md)))
}

func TestARepeatedScrapeIsDroppedAndCounted(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	stand.scrape(hostAt(2, aLife(1, "a", 1)))
	stand.next.batches = nil
	require.NoError(t, stand.reducer.ConsumeMetrics(context.Background(), hostAt(2, aLife(1, "a", 1))))
	require.NoError(t, stand.reducer.ConsumeMetrics(context.Background(), hostAt(1, aLife(1, "a", 1))))
	require.Empty(t, stand.next.batches)
	metadatatest.AssertEqualProcessorReduceRepeatedScrapes(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
}

func TestAScrapeInPiecesIsCountedAndForgetsNobody(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.ForgetAfter = 1 })
	for k := 1; k <= 4; k++ {
		for piece := range 5 {
			one := aLife(int64(piece+1), "a", int64(k*10))
			md := pmetric.NewMetrics()
			one.write(md, noon+uint64(k)*second+uint64(piece)*50_000)
			stand.scrape(md)
		}
	}
	left := onlyCPU(lines(stand.next.batches[0]))
	require.Equal(t, []string{"_other cpu.time user 1.5 since 1"}, left, "five processes, three intervals of 0.1 s each")
	metadatatest.AssertEqualProcessorReduceSplitScrapes(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 16}}, metricdatatest.IgnoreTimestamp())
}

func TestAClockCorrectionIsNoNewInstance(t *testing.T) {
	for name, shift := range map[string]int64{"ahead": nanosPerSecond, "back": -nanosPerSecond} {
		t.Run(name, func(t *testing.T) {
			stand := newStand(t, func(*Config) {})
			shifted := func(ticks int64) []life {
				all := []life{aLife(1, "a", ticks), aLife(2, "b", ticks), aLife(3, "c", ticks)}
				for i := range all {
					all[i].start = uint64(int64(all[i].start) + shift) //nolint:gosec // times of this century
				}
				return all
			}
			stand.scrape(hostAt(1, aLife(1, "a", 100), aLife(2, "b", 100), aLife(3, "c", 100)))
			stand.scrape(hostAt(2, aLife(1, "a", 101), aLife(2, "b", 101), aLife(3, "c", 101)))
			require.Equal(t, []string{"_other cpu.time user 0.06 since 1"}, onlyCPU(lines(stand.scrape(hostAt(3, shifted(102)...)))))

			began := shifted(103)
			began[2].start += second / 2 // the pid's next owner, which did more at once
			require.Equal(t, []string{"_other cpu.time user 1.11 since 1"}, onlyCPU(lines(stand.scrape(hostAt(4, began...)))))
		})
	}
}

func TestBeyondTheBoundNewProcessesGoToTheRestWithoutABase(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.MaxProcesses = 2; c.TopK.CPU = 10 })
	stand.scrape(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1)))
	born := aLife(3, "c", 500)
	born.start = noon + second
	left := lines(stand.scrape(hostAt(2, aLife(1, "a", 2), aLife(2, "b", 2), born)))
	require.Contains(t, left, "_other cpu.time user 0 since 1")
	require.Contains(t, left, "_other phoenix.process.count 1")
	metadatatest.AssertEqualProcessorReduceRefusedProcesses(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
}

func TestVanishedProcessesAreDroppedFromTheState(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.ForgetAfter = 2 })
	stand.scrape(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1)))
	for k := 2; k <= 4; k++ {
		stand.scrape(hostAt(k, aLife(1, "a", 1)))
	}
	metadatatest.AssertEqualProcessorReduceTrackedProcesses(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualProcessorReduceStateSize(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: bytesPerInstance + 4*bytesPerSeries + 5*bytesPerBucketSeries}}, metricdatatest.IgnoreTimestamp())
}

func TestProcessesAreCountedByTheRuleThatDecided(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.Critical = []string{"a"} })
	stand.scrape(hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1), aLife(3, "b", 1)))
	var points []metricdata.DataPoint[int64]
	for one := range ruleCount {
		points = append(points, metricdata.DataPoint[int64]{
			Attributes: attribute.NewSet(attribute.String("rule", one.String())),
			Value:      map[rule]int64{ruleCritical: 1, ruleRest: 2}[one],
		})
	}
	metadatatest.AssertEqualProcessorReduceProcesses(t, stand.telemetry, points, metricdatatest.IgnoreTimestamp())
}

func TestTwoHostsInOneBatchDoNotKnowEachOther(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	both := func(k int, ticks int64) pmetric.Metrics {
		md := hostAt(k, aLife(1, "a", ticks), aLife(1, "a", 10*ticks))
		md.ResourceMetrics().At(1).Resource().Attributes().PutStr("host.name", "b")
		return md
	}
	stand.scrape(both(1, 1))
	require.Equal(t, []string{"_other cpu.time user 0.01 since 1", "_other cpu.time user 0.1 since 1"},
		onlyCPU(lines(stand.scrape(both(2, 2)))))
}

func TestSeveralScrapesInOneBatchAreTakenOneByOne(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	md := hostAt(1, aLife(1, "a", 1), aLife(2, "b", 1))
	hostAt(2, aLife(3, "c", 0), aLife(1, "a", 3), aLife(2, "b", 1)).ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
	hostAt(3, aLife(1, "a", 6)).ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
	stand.next.batches = nil
	require.NoError(t, stand.reducer.ConsumeMetrics(context.Background(), md))
	require.Len(t, stand.next.batches, 3)
	require.Equal(t, []string{"_other cpu.time user 0.02 since 1"}, onlyCPU(lines(stand.next.batches[1])))
	require.Contains(t, lines(stand.next.batches[1]), "_other phoenix.process.count 3")
	require.Equal(t, []string{"_other cpu.time user 0.05 since 1"}, onlyCPU(lines(stand.next.batches[2])))
}

func TestOneResourceWithPointsOfSeveralTimesIsSeveralScrapes(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	md := hostAt(1, aLife(1, "a", 1))
	later := hostAt(2, aLife(1, "a", 3))
	into := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	for i, metric := range later.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		numberPoints(metric).MoveAndAppendTo(numberPoints(into.At(i)))
	}
	require.NoError(t, stand.reducer.ConsumeMetrics(context.Background(), md))
	require.Len(t, stand.next.batches, 2)
	require.Equal(t, []string{"_other cpu.time user 0.02 since 1"}, onlyCPU(lines(stand.next.batches[1])))
}

func TestAProcessInTwoResourcesOfOneTimeIsOneProcess(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	md := hostAt(1, aLife(1, "a", 1))
	other := hostAt(1, aLife(1, "a", 1))
	other.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().RemoveIf(func(m pmetric.Metric) bool { return m.Name() != "process.memory.usage" })
	other.ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
	require.Contains(t, lines(stand.scrape(md)), "_other phoenix.process.count 1")
}

func readLedger(t *testing.T, path string) []ledgerEntry {
	var found []ledgerEntry
	for line := range strings.Lines(contentOf(t, path)) {
		var entry ledgerEntry
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		found = append(found, entry)
	}
	return found
}

func contentOf(t *testing.T, path string) string {
	content, err := fs.ReadFile(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	require.NoError(t, err)
	return string(content)
}

func TestTheLedgerHoldsChangesOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	stand := newStand(t, func(c *Config) {
		c.Critical = []string{"crit*"}
		c.TopK = TopK{CPU: 1, LeaveAfter: 1}
		c.Ledger = &LedgerConfig{Path: path, MaxMegabytes: 1}
	})
	stand.scrape(hostAt(1, aLife(1, "a", 100), aLife(2, "critical", 100)))
	stand.scrape(hostAt(2, aLife(1, "a", 100), aLife(2, "critical", 101)))
	stand.next.refuses = true
	require.Error(t, stand.reducer.ConsumeMetrics(context.Background(), hostAt(3, aLife(1, "a", 150), aLife(2, "critical", 101))))
	stand.next.refuses = false
	require.Len(t, readLedger(t, path), 2, "what was refused changed nothing")
	stand.scrape(hostAt(3, aLife(1, "a", 150), aLife(2, "critical", 101)))
	entries := readLedger(t, path)
	require.Len(t, entries, 3)
	require.Equal(t, "a", entries[0].Name)
	require.Equal(t, "_other", entries[0].Bucket)
	require.Equal(t, "rest", entries[0].Rule)
	require.Nil(t, entries[0].CPUCores, "no interval yet")
	require.Equal(t, "critical crit*", entries[1].Rule)
	require.True(t, entries[2].Kept)
	require.Equal(t, "top_k_cpu", entries[2].Rule)
	require.InDelta(t, 0.5, *entries[2].CPUCores, 1e-3)
	require.NotContains(t, contentOf(t, path), "/usr/bin", "command lines may carry secrets")
}

func TestTheLedgerHoldsTheRanksThatTopKDecidedBy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	stand := newStand(t, func(c *Config) {
		c.Critical = []string{"critical"}
		c.TopK = TopK{CPU: 1, RSS: 2, Margin: 1, LeaveAfter: 1}
		c.Ledger = &LedgerConfig{Path: path, MaxMegabytes: 1}
	})
	at := func(k int, a, b, c, d int64) pmetric.Metrics {
		lives := []life{aLife(1, "a", a), aLife(2, "b", b), aLife(3, "c", c), aLife(4, "d", d), aLife(5, "critical", 900)}
		for i := range lives {
			lives[i].rss = int64(10 - i) // in the order of their pids
		}
		return hostAt(k, lives...)
	}
	stand.scrape(at(1, 100, 100, 100, 100))
	stand.scrape(at(2, 100, 120, 130, 150))
	stand.scrape(at(3, 100, 180, 140, 160))
	ranksOfPid := map[int64][]map[string]ledgerRank{}
	for _, entry := range readLedger(t, path) {
		ranksOfPid[entry.Pid] = append(ranksOfPid[entry.Pid], entry.Ranks)
	}
	require.Equal(t, map[int64][]map[string]ledgerRank{
		1: {{"cpu": {0, 1}, "rss": {1, 2}}},
		2: {{"cpu": {0, 1}, "rss": {2, 2}}},
		3: {{"cpu": {0, 1}, "rss": {3, 2}}},
		4: {{"cpu": {0, 1}, "rss": {0, 2}}, {"cpu": {1, 1}, "rss": {0, 2}}},
		5: {nil},
	}, ranksOfPid, "b keeps its place by memory when it leads by CPU, and d stays near: no change, no entry")
}

func TestTheLedgerLeavesRankingsWithoutAKOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	stand := newStand(t, func(c *Config) { c.Ledger = &LedgerConfig{Path: path, MaxMegabytes: 1} })
	stand.scrape(hostAt(1, aLife(1, "a", 100)))
	require.Len(t, readLedger(t, path), 1)
	require.NotContains(t, contentOf(t, path), "ranks")
}

func TestTheLedgerIsBoundedAndSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	one, err := openLedger(LedgerConfig{Path: path, MaxMegabytes: 1})
	require.NoError(t, err)
	for range 30_000 {
		one.pending = append(one.pending, ledgerEntry{Time: "t", Name: "some name", Rule: "rest"})
	}
	lost, err := one.flush()
	require.NoError(t, err)
	require.Zero(t, lost)
	require.NoError(t, one.close())
	again, err := openLedger(LedgerConfig{Path: path, MaxMegabytes: 1})
	require.NoError(t, err)
	again.pending = append(again.pending, ledgerEntry{Name: "after"})
	_, err = again.flush()
	require.NoError(t, err)
	require.NoError(t, again.close())
	var size int64
	for _, name := range []string{path, path + previousLedge} {
		facts, err := os.Stat(name)
		require.NoError(t, err)
		size += facts.Size()
	}
	require.LessOrEqual(t, size, int64(bytesPerMega))
	entries := readLedger(t, path)
	require.Equal(t, "after", entries[len(entries)-1].Name)
	require.Greater(t, len(entries), 1)
}

func TestAdaptiveLevelsChangeWhoIsKept(t *testing.T) {
	stand := newStand(t, func(c *Config) {
		c.TopK = TopK{CPU: 2, LeaveAfter: 1}
		c.Levels = []Level{{Name: "busy", Enter: Conditions{CPUUtilization: new(0.9)}, TopK: &LevelTopK{CPU: new(0)}}}
	})
	scrape := func(k int, idle float64, ticks int64) pmetric.Metrics {
		md := hostAt(k, aLife(1, "a", ticks), aLife(2, "b", ticks))
		systemResource(map[string]float64{"idle": idle}, nil, nil).CopyTo(md.ResourceMetrics().AppendEmpty())
		return md
	}
	stand.scrape(scrape(1, 0.5, 1))
	require.Len(t, onlyCPU(lines(stand.scrape(scrape(2, 0.5, 2)))), 3, "a, b and the empty bucket")
	busy := lines(stand.scrape(scrape(3, 0.05, 3)))
	require.Contains(t, busy, "a 1 cpu.time user 0 since -100 ended")
	metadatatest.AssertEqualProcessorReduceLevel(t, stand.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
}

func TestNewSemanticConventionsCountOnce(t *testing.T) {
	stand := newStand(t, func(*Config) {})
	both := func(k int, value int64) pmetric.Metrics {
		return withMetric(hostAt(k, aLife(1, "a", 1)), func(metric pmetric.Metric) {
			metric.SetName("process.context_switches")
			sum := metric.SetEmptySum()
			sum.SetIsMonotonic(true)
			sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			point := aPoint(sum.DataPoints(), noon-second, secondsAfterNoon(k), "type", "voluntary")
			point.Attributes().PutStr("process.context_switch.type", "voluntary")
			point.SetIntValue(value)
		})
	}
	stand.scrape(both(1, 5))
	require.Contains(t, lines(stand.scrape(both(2, 8))), "_other context_switches voluntary voluntary 3 since 1")
}

func TestAPidTakenOverUnseenSomeScrapesAgoBeginsAtTheScrapeBefore(t *testing.T) {
	stand := newStand(t, func(c *Config) { c.Critical = []string{"a"} })
	stand.scrape(hostAt(1, aLife(1, "old", 500), aLife(2, "b", 1)))
	for k := 2; k <= 4; k++ {
		stand.scrape(hostAt(k, aLife(2, "b", 1)))
	}
	taken := aLife(1, "a", 30)
	taken.start = noon + second*3/2
	require.Equal(t, []string{"a 1 cpu.time user 0.3 since 4"}, onlyCPU(lines(stand.scrape(hostAt(5, taken, aLife(2, "b", 1)))))[:1],
		"its own start would hide from a consumer what it did unseen")
}
