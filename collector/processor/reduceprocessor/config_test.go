package reduceprocessor

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func loaded(t *testing.T, name string) *Config {
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	one, err := all.Sub(name)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, one.Unmarshal(cfg))
	require.NoError(t, cfg.Validate())
	return cfg
}

func TestEveryKeyIsReadAsItIsWritten(t *testing.T) {
	id := component.MustNewID("file_storage")
	require.Equal(t, &Config{
		Critical:   []string{"nginx", "postgres*", "/^java.*$/", "owner:root"},
		AlwaysKeep: []string{"command:/usr/sbin/sshd"},
		NeverKeep:  []string{"cron"},
		Prefer:     []string{"cgroup:*kubepods*"},
		Thresholds: Thresholds{CPUCores: 0.5, RSSBytes: 1 << 30, IOBytesPerSecond: 1e7},
		TopK:       TopK{CPU: 10, RSS: 5, IO: 3, Margin: 2, LeaveAfter: 4},
		Levels: []Level{{
			Name:       "busy",
			Enter:      Conditions{CPUUtilization: new(0.8), Load1m: new(16.0), Processes: new(500), Series: new(4000)},
			Leave:      Conditions{CPUUtilization: new(0.6)},
			EnterAfter: 2, LeaveAfter: 10, MinStay: 30,
			TopK:       &LevelTopK{CPU: new(3), RSS: new(0)},
			Thresholds: &Thresholds{CPUCores: 2},
		}},
		GroupBy: []string{"process.owner"}, HostTotals: true, AdditiveMetrics: []string{"process.custom.requests"},
		OnUnknown: OnUnknownDrop, OutputTemporality: TemporalityDelta, StaleMarkers: new(true), BucketLinger: 2,
		ForgetAfter: 3, MaxProcesses: 1000,
		Ledger: &LedgerConfig{Path: "/var/lib/otelcol/reduce.jsonl", MaxMegabytes: 20}, Storage: &id,
	}, loaded(t, "reduce/everything"))
}

func TestWhatIsNotGivenHasItsDefault(t *testing.T) {
	require.Equal(t, &Config{
		TopK: TopK{CPU: 10, RSS: 5, Margin: 5, LeaveAfter: 3}, OnUnknown: OnUnknownKeep,
		BucketLinger: 5, ForgetAfter: 5, MaxProcesses: 100_000,
	}, loaded(t, "reduce"))
	require.Equal(t, []Category{{Name: "databases", Match: []string{"postgres*", "mysqld"}}}, loaded(t, "reduce/categories").Categories)
}

func TestEveryMistakeIsNamedWithTheKeyAsTheUserWroteIt(t *testing.T) {
	for _, one := range []struct {
		name  string
		spoil func(*Config)
		says  string
	}{
		{"critical", func(c *Config) { c.Critical = []string{"ok", "/(/"} }, `'critical::1': pattern "/(/"`},
		{"always_keep", func(c *Config) { c.AlwaysKeep = []string{""} }, "'always_keep::0'"},
		{"never_keep", func(c *Config) { c.NeverKeep = []string{"owner:"} }, "'never_keep::0'"},
		{"prefer", func(c *Config) { c.Prefer = []string{"/[/"} }, "'prefer::0'"},
		{"cpu_cores", func(c *Config) { c.Thresholds.CPUCores = -1 }, "'thresholds::cpu_cores' must be 0 (off) or more, not -1"},
		{"rss_bytes", func(c *Config) { c.Thresholds.RSSBytes = -1 }, "'thresholds::rss_bytes'"},
		{"io", func(c *Config) { c.Thresholds.IOBytesPerSecond = -0.5 }, "'thresholds::io_bytes_per_second'"},
		{"cpu", func(c *Config) { c.TopK.CPU = -1 }, "'top_k::cpu' must be 0 or more, not -1"},
		{"rss", func(c *Config) { c.TopK.RSS = -1 }, "'top_k::rss'"},
		{"top io", func(c *Config) { c.TopK.IO = -1 }, "'top_k::io'"},
		{"margin", func(c *Config) { c.TopK.Margin = -1 }, "'top_k::margin'"},
		{"leave_after", func(c *Config) { c.TopK.LeaveAfter = 0 }, "'top_k::leave_after' must be from 1 to 255, not 0"},
		{"no condition", func(c *Config) { c.Levels = []Level{{TopK: &LevelTopK{}}} }, "'levels::0::enter' needs a condition"},
		{"share", func(c *Config) {
			c.Levels = []Level{{Enter: Conditions{CPUUtilization: new(80.0)}, TopK: &LevelTopK{}}}
		}, "'levels::0::enter::cpu_utilization' is a share of the host from 0 to 1, not 80"},
		{"load", func(c *Config) {
			c.Levels = []Level{{Enter: Conditions{Load1m: new(-1.0)}, TopK: &LevelTopK{}}}
		}, "'levels::0::enter::load_1m'"},
		{"processes", func(c *Config) {
			c.Levels = []Level{{Enter: Conditions{Processes: new(-1)}, TopK: &LevelTopK{}}}
		}, "'levels::0::enter::processes'"},
		{"leave above enter", func(c *Config) {
			c.Levels = []Level{{Enter: Conditions{Series: new(10)}, Leave: Conditions{Series: new(20)}, TopK: &LevelTopK{}}}
		}, "'levels::0::leave::series' must not be above enter's 10, it is 20"},
		{"changes nothing", func(c *Config) { c.Levels = []Level{{Enter: Conditions{Processes: new(1)}}} }, "'levels::0' changes nothing"},
		{"level k", func(c *Config) {
			c.Levels = []Level{{Enter: Conditions{Processes: new(1)}, TopK: &LevelTopK{CPU: new(-1)}}}
		}, "'levels::0::top_k::cpu'"},
		{"level thresholds", func(c *Config) {
			c.Levels = []Level{{Enter: Conditions{Processes: new(1)}, Thresholds: &Thresholds{CPUCores: -1}}}
		}, "'levels::0::thresholds::cpu_cores'"},
		{"min_stay", func(c *Config) {
			c.Levels = []Level{{Enter: Conditions{Processes: new(1)}, TopK: &LevelTopK{}, MinStay: -1}}
		}, "'levels::0::min_stay'"},
		{"both keys", func(c *Config) {
			c.GroupBy, c.Categories = []string{"process.owner"}, []Category{{Name: "a", Match: []string{"b"}}}
		}, "'group_by' and 'categories' both name the bucket"},
		{"pid as key", func(c *Config) { c.GroupBy = []string{"process.pid"} }, "'group_by::0': process.pid is another one for nearly every process"},
		{"empty key", func(c *Config) { c.GroupBy = []string{""} }, "'group_by::0' is empty"},
		{"category without a name", func(c *Config) { c.Categories = []Category{{Match: []string{"b"}}} }, "'categories::0::name' is empty"},
		{"category without a pattern", func(c *Config) { c.Categories = []Category{{Name: "a"}} }, "'categories::0::match' needs a pattern"},
		{"category pattern", func(c *Config) { c.Categories = []Category{{Name: "a", Match: []string{"/(/"}}} }, "'categories::0::match::0'"},
		{"sum of uptimes", func(c *Config) { c.AdditiveMetrics = []string{"process.uptime"} }, "'additive_metrics::0': the sum of process.uptime over processes means nothing"},
		{"empty metric", func(c *Config) { c.AdditiveMetrics = []string{""} }, "'additive_metrics::0' is empty"},
		{"on_unknown", func(c *Config) { c.OnUnknown = "ignore" }, `'on_unknown' is keep, drop or error, not "ignore"`},
		{"output", func(c *Config) { c.OutputTemporality = "rate" }, "'output_temporality' is delta, cumulative"},
		{"linger", func(c *Config) { c.BucketLinger = -1 }, "'bucket_linger'"},
		{"forget", func(c *Config) { c.ForgetAfter = 0 }, "'forget_after' must be 1 or more, not 0"},
		{"most", func(c *Config) { c.MaxProcesses = 0 }, "'max_processes'"},
		{"ledger path", func(c *Config) { c.Ledger = &LedgerConfig{Path: " ", MaxMegabytes: 1} }, "'ledger::path' is empty"},
		{"ledger size", func(c *Config) { c.Ledger = &LedgerConfig{Path: "a"} }, "'ledger::max_megabytes' must be 1 or more, not 0"},
	} {
		t.Run(one.name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			one.spoil(cfg)
			require.ErrorContains(t, cfg.Validate(), one.says)
		})
	}
}

func TestAllMistakesAreNamedAtOnce(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.TopK.CPU, cfg.BucketLinger, cfg.OnUnknown = -1, -1, ""
	err := cfg.Validate()
	for _, key := range []string{"top_k::cpu", "bucket_linger", "on_unknown"} {
		require.ErrorContains(t, err, key)
	}
}
