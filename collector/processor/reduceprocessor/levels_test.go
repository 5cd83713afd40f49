package reduceprocessor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestALevelIsEnteredAfterSomeScrapesAndLeftAfterItsMinimumStay(t *testing.T) {
	levels := []Level{{
		Enter: Conditions{Processes: new(100)}, Leave: Conditions{Processes: new(80)},
		EnterAfter: 2, LeaveAfter: 2, MinStay: 4,
	}}
	var state levelState
	var seen []int
	for _, processes := range []int{100, 99, 100, 120, 90, 79, 79, 79, 79, 79} {
		state = nextLevel(state, levels, &hostFacts{processes: processes})
		seen = append(seen, state.level)
	}
	require.Equal(t, []int{0, 0, 0, 1, 1, 1, 1, 0, 0, 0}, seen)
}

func TestLevelsAreWalkedOneByOneAndEachOverridesThoseBefore(t *testing.T) {
	cfg := &Config{
		TopK: TopK{CPU: 20, RSS: 10, IO: 5}, Thresholds: Thresholds{CPUCores: 1},
		Levels: []Level{
			{Enter: Conditions{Processes: new(100)}, TopK: &LevelTopK{CPU: new(10)}},
			{Enter: Conditions{Processes: new(200)}, TopK: &LevelTopK{CPU: new(3), IO: new(0)}, Thresholds: &Thresholds{}},
		},
	}
	state := nextLevel(levelState{}, cfg.Levels, &hostFacts{processes: 500})
	require.Equal(t, 1, state.level)
	state = nextLevel(state, cfg.Levels, &hostFacts{processes: 500})
	require.Equal(t, 2, state.level)
	require.Equal(t, limits{k: [rankingCount]int{20, 10, 5}, thresholds: Thresholds{CPUCores: 1}}, limitsAt(cfg, 0))
	require.Equal(t, limits{k: [rankingCount]int{10, 10, 5}, thresholds: Thresholds{CPUCores: 1}}, limitsAt(cfg, 1))
	require.Equal(t, limits{k: [rankingCount]int{3, 10, 0}}, limitsAt(cfg, 2))
}

func TestAConditionThatCannotBeReadIsNeverMet(t *testing.T) {
	level := Level{Enter: Conditions{CPUUtilization: new(0.0), Load1m: new(0.0)}}
	require.False(t, level.isEntered(&hostFacts{}))
	require.True(t, level.isEntered(&hostFacts{load1m: new(0.0)}))
	require.True(t, level.isLeft(&hostFacts{}))
}

// systemResource is what the cpu and load scrapers say about a host.
func systemResource(utilization map[string]float64, times map[string]float64, load *float64) pmetric.ResourceMetrics {
	resource := pmetric.NewResourceMetrics()
	resource.Resource().Attributes().PutStr("host.name", "a")
	metrics := resource.ScopeMetrics().AppendEmpty().Metrics()
	if utilization != nil {
		metric := metrics.AppendEmpty()
		metric.SetName("system.cpu.utilization")
		for state, share := range utilization {
			point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
			point.Attributes().PutStr("state", state)
			point.SetDoubleValue(share)
		}
	}
	if times != nil {
		metric := metrics.AppendEmpty()
		metric.SetName("system.cpu.time")
		points := metric.SetEmptySum().DataPoints()
		for state, seconds := range times {
			point := points.AppendEmpty()
			point.Attributes().PutStr("cpu.mode", state)
			point.SetDoubleValue(seconds)
		}
	}
	if load != nil {
		metric := metrics.AppendEmpty()
		metric.SetName("system.cpu.load_average.1m")
		metric.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(*load)
	}
	return resource
}

func TestTheHostIsReadFromTheSystemMetricsOfTheSameStream(t *testing.T) {
	var facts hostFacts
	facts.readHost(systemResource(map[string]float64{"idle": 0.25}, nil, new(3.5)))
	require.InDelta(t, 0.75, *facts.cpuUtilization, 1e-12)
	require.InDelta(t, 3.5, *facts.load1m, 0)

	var first, second hostFacts
	first.readHost(systemResource(nil, map[string]float64{"idle": 100, "user": 50}, nil))
	first.useTimes(&levelState{})
	require.Nil(t, first.cpuUtilization, "one reading is no interval")
	second.readHost(systemResource(nil, map[string]float64{"idle": 101, "user": 53}, nil))
	second.useTimes(&levelState{busy: first.busy, all: first.all, hasTimes: true})
	require.InDelta(t, 0.75, *second.cpuUtilization, 1e-12)
}
