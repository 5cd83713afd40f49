package reduceprocessor

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"go.opentelemetry.io/collector/component"
)

// Config says which processes keep their name. The rest is summed per bucket, so that totals hold.
type Config struct {
	// Critical processes are always kept; patterns.
	Critical []string `mapstructure:"critical"`
	// AlwaysKeep are processes of a class that is kept; patterns.
	AlwaysKeep []string `mapstructure:"always_keep"`
	// NeverKeep are processes of a class that goes to the rest whatever it uses; patterns.
	NeverKeep []string `mapstructure:"never_keep"`
	// Prefer are processes that rank before all others in every top-k; patterns.
	Prefer []string `mapstructure:"prefer"`
	// Thresholds keep a process that uses at least so much.
	Thresholds Thresholds `mapstructure:"thresholds"`
	// TopK keeps the processes that use most, beside those kept by the rules before it.
	TopK TopK `mapstructure:"top_k"`
	// Levels tighten or loosen top-k and thresholds while the host is busy; later ones are tighter.
	Levels []Level `mapstructure:"levels"`

	// GroupBy are resource attributes whose values name the bucket of a rest process. None: one bucket.
	GroupBy []string `mapstructure:"group_by"`
	// Categories name the bucket of a rest process by the first category that it matches.
	Categories []Category `mapstructure:"categories"`
	// HostTotals adds the sum over all processes, kept and rest, as metrics named `phoenix.host.…`.
	HostTotals bool `mapstructure:"host_totals"`
	// AdditiveMetrics are further metrics of which the values of several processes may be added up.
	AdditiveMetrics []string `mapstructure:"additive_metrics"`
	// OnUnknown says what happens to metrics of rest processes not known to be additive: keep, drop, error.
	OnUnknown OnUnknown `mapstructure:"on_unknown"`
	// OutputTemporality of monotonic sums: delta, cumulative, or empty for the input's own.
	OutputTemporality Temporality `mapstructure:"output_temporality"`
	// StaleMarkers ends a series that leaves kept with a NoRecordedValue point. Default: with cumulative output.
	StaleMarkers *bool `mapstructure:"stale_markers"`
	// BucketLinger is how many scrapes an empty bucket is still reported.
	BucketLinger int `mapstructure:"bucket_linger"`

	// ForgetAfter is how many complete scrapes a process may be missing without being forgotten.
	ForgetAfter int `mapstructure:"forget_after"`
	// MaxProcesses bounds the state; instances beyond it go to the rest without a base.
	MaxProcesses int `mapstructure:"max_processes"`
	// Ledger records every change of a process between kept and a bucket. Off by default.
	Ledger *LedgerConfig `mapstructure:"ledger"`
	// Storage is a storage extension that keeps the state over a restart. None by default.
	Storage *component.ID `mapstructure:"storage"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Thresholds keep a process that uses at least so much; 0 turns one off.
type Thresholds struct {
	// CPUCores is CPU time per second of the interval, in cores.
	CPUCores float64 `mapstructure:"cpu_cores"`
	// RSSBytes is resident memory, in bytes.
	RSSBytes int64 `mapstructure:"rss_bytes"`
	// IOBytesPerSecond is read and written bytes per second of the interval.
	IOBytesPerSecond float64 `mapstructure:"io_bytes_per_second"`
}

// TopK says how many processes are kept by each ranking; 0 turns one off.
type TopK struct {
	// CPU is how many processes are kept by CPU rate.
	CPU int `mapstructure:"cpu"`
	// RSS is how many processes are kept by resident memory.
	RSS int `mapstructure:"rss"`
	// IO is how many processes are kept by I/O rate.
	IO int `mapstructure:"io"`
	// Margin is how far below k a kept process may rank and stay for good.
	Margin int `mapstructure:"margin"`
	// LeaveAfter is how many scrapes in a row below k + margin end it.
	LeaveAfter int `mapstructure:"leave_after"`
}

// Level overrides k and thresholds from the moment its enter conditions hold.
type Level struct {
	// Name of the level in the ledger.
	Name string `mapstructure:"name"`
	// Enter is met when one of its conditions is reached.
	Enter Conditions `mapstructure:"enter"`
	// Leave is met when all of its conditions are fallen below; what is not given is as in enter.
	Leave Conditions `mapstructure:"leave"`
	// EnterAfter is for how many scrapes in a row enter must be met.
	EnterAfter int `mapstructure:"enter_after"`
	// LeaveAfter is for how many scrapes in a row leave must be met.
	LeaveAfter int `mapstructure:"leave_after"`
	// MinStay is the least number of scrapes that the level lasts.
	MinStay int `mapstructure:"min_stay"`
	// TopK overrides the rankings' sizes; nil leaves them.
	TopK *LevelTopK `mapstructure:"top_k"`
	// Thresholds override all three thresholds; nil leaves them.
	Thresholds *Thresholds `mapstructure:"thresholds"`
}

// LevelTopK overrides the sizes of the rankings; what is not given stays.
type LevelTopK struct {
	// CPU is how many processes are kept by CPU rate at this level.
	CPU *int `mapstructure:"cpu"`
	// RSS is how many processes are kept by resident memory at this level.
	RSS *int `mapstructure:"rss"`
	// IO is how many processes are kept by I/O rate at this level.
	IO *int `mapstructure:"io"`
}

// Conditions on the host; nil is no condition.
type Conditions struct {
	// CPUUtilization of the whole host, 0 to 1 (system.cpu.utilization or system.cpu.time).
	CPUUtilization *float64 `mapstructure:"cpu_utilization"`
	// Load1m is the load average of one minute (system.cpu.load_average.1m).
	Load1m *float64 `mapstructure:"load_1m"`
	// Processes in the scrape.
	Processes *int `mapstructure:"processes"`
	// Series of process metrics that left in the scrape before.
	Series *int `mapstructure:"series"`
}

// Category is a bucket with a name of its own.
type Category struct {
	// Name of the bucket, the value of its attribute phoenix.process.category.
	Name string `mapstructure:"name"`
	// Match are patterns; one must match.
	Match []string `mapstructure:"match"`
}

// LedgerConfig says where changes are recorded.
type LedgerConfig struct {
	// Path of the file; a second one beside it, with .1 at its end, holds what was before.
	Path string `mapstructure:"path"`
	// MaxMegabytes bounds both files together, in units of 10^6 bytes.
	MaxMegabytes int `mapstructure:"max_megabytes"`
}

// OnUnknown is what happens to a metric of rest processes that is not known to be additive.
type OnUnknown string

const (
	// OnUnknownKeep lets it pass under the process's own identity.
	OnUnknownKeep OnUnknown = "keep"
	// OnUnknownDrop drops and counts it.
	OnUnknownDrop OnUnknown = "drop"
	// OnUnknownError refuses the scrape.
	OnUnknownError OnUnknown = "error"
)

// Temporality of the monotonic sums that leave.
type Temporality string

const (
	// TemporalityInput leaves it as it came.
	TemporalityInput Temporality = ""
	// TemporalityDelta lets increases leave.
	TemporalityDelta Temporality = "delta"
	// TemporalityCumulative lets running values leave.
	TemporalityCumulative Temporality = "cumulative"
)

var _ component.Config = (*Config)(nil)

func createDefaultConfig() component.Config {
	return &Config{
		TopK:         TopK{Margin: 5, LeaveAfter: 3},
		OnUnknown:    OnUnknownKeep,
		BucketLinger: 5,
		ForgetAfter:  5,
		MaxProcesses: 100_000,
	}
}

// Validate names every mistake at once, each with the key as the user wrote it.
func (c *Config) Validate() error {
	return errors.Join(
		validPatterns("critical", c.Critical),
		validPatterns("always_keep", c.AlwaysKeep),
		validPatterns("never_keep", c.NeverKeep),
		validPatterns("prefer", c.Prefer),
		c.Thresholds.valid("thresholds"),
		c.TopK.valid(),
		c.validLevels(),
		c.validBuckets(),
		c.validMetrics(),
		c.validLimits(),
	)
}

func (t Thresholds) valid(key string) error {
	var errs []error
	for _, one := range []struct {
		name  string
		value float64
	}{{"cpu_cores", t.CPUCores}, {"rss_bytes", float64(t.RSSBytes)}, {"io_bytes_per_second", t.IOBytesPerSecond}} {
		if one.value < 0 || math.IsNaN(one.value) || math.IsInf(one.value, 0) {
			errs = append(errs, fmt.Errorf("'%s::%s' must be 0 (off) or more, not %v", key, one.name, one.value))
		}
	}
	return errors.Join(errs...)
}

func (t TopK) valid() error {
	return errors.Join(
		atLeast("top_k::cpu", t.CPU, 0),
		atLeast("top_k::rss", t.RSS, 0),
		atLeast("top_k::io", t.IO, 0),
		atLeast("top_k::margin", t.Margin, 0),
		between("top_k::leave_after", t.LeaveAfter, 1, math.MaxUint8),
	)
}

func (c *Config) validLevels() error {
	var errs []error
	for i := range c.Levels {
		level, key := &c.Levels[i], fmt.Sprintf("levels::%d", i)
		if level.Enter == (Conditions{}) {
			errs = append(errs, fmt.Errorf("'%s::enter' needs a condition: cpu_utilization, load_1m, processes or series", key))
		}
		errs = append(errs,
			level.Enter.valid(key+"::enter"),
			level.Leave.valid(key+"::leave"),
			level.leavesBelowEnter(key),
			atLeast(key+"::enter_after", level.EnterAfter, 0),
			atLeast(key+"::leave_after", level.LeaveAfter, 0),
			atLeast(key+"::min_stay", level.MinStay, 0),
		)
		if level.TopK != nil {
			errs = append(errs,
				atLeastIfGiven(key+"::top_k::cpu", level.TopK.CPU),
				atLeastIfGiven(key+"::top_k::rss", level.TopK.RSS),
				atLeastIfGiven(key+"::top_k::io", level.TopK.IO),
			)
		}
		if level.Thresholds != nil {
			errs = append(errs, level.Thresholds.valid(key+"::thresholds"))
		}
		if level.TopK == nil && level.Thresholds == nil {
			errs = append(errs, fmt.Errorf("'%s' changes nothing; give it 'top_k' or 'thresholds'", key))
		}
	}
	return errors.Join(errs...)
}

func (l *Level) leavesBelowEnter(key string) error {
	var errs []error
	for _, one := range l.conditions() {
		if one.leave > one.enter {
			errs = append(errs, fmt.Errorf("'%s::leave::%s' must not be above enter's %v, it is %v", key, one.name, one.enter, one.leave))
		}
	}
	return errors.Join(errs...)
}

func (c Conditions) valid(key string) error {
	var errs []error
	if c.CPUUtilization != nil && !(*c.CPUUtilization >= 0 && *c.CPUUtilization <= 1) {
		errs = append(errs, fmt.Errorf("'%s::cpu_utilization' is a share of the host from 0 to 1, not %v", key, *c.CPUUtilization))
	}
	if c.Load1m != nil && !(*c.Load1m >= 0) {
		errs = append(errs, fmt.Errorf("'%s::load_1m' must be 0 or more, not %v", key, *c.Load1m))
	}
	return errors.Join(append(errs,
		atLeastIfGiven(key+"::processes", c.Processes),
		atLeastIfGiven(key+"::series", c.Series),
	)...)
}

func (c *Config) validBuckets() error {
	var errs []error
	if len(c.GroupBy) > 0 && len(c.Categories) > 0 {
		errs = append(errs, errors.New("'group_by' and 'categories' both name the bucket; use one of them"))
	}
	for i, name := range c.GroupBy {
		switch name {
		case "":
			errs = append(errs, fmt.Errorf("'group_by::%d' is empty", i))
		case attributePid, "process.parent_pid", attributeCommandLine:
			errs = append(errs, fmt.Errorf("'group_by::%d': %s is another one for nearly every process; nothing would be rolled up", i, name))
		}
	}
	for i, category := range c.Categories {
		key := fmt.Sprintf("categories::%d", i)
		if category.Name == "" {
			errs = append(errs, fmt.Errorf("'%s::name' is empty", key))
		}
		if len(category.Match) == 0 {
			errs = append(errs, fmt.Errorf("'%s::match' needs a pattern", key))
		}
		errs = append(errs, validPatterns(key+"::match", category.Match))
	}
	return errors.Join(errs...)
}

func (c *Config) validMetrics() error {
	var errs []error
	for i, name := range c.AdditiveMetrics {
		if _, known := notAdditive[name]; known {
			errs = append(errs, fmt.Errorf("'additive_metrics::%d': the sum of %s over processes means nothing", i, name))
		}
		if name == "" {
			errs = append(errs, fmt.Errorf("'additive_metrics::%d' is empty", i))
		}
	}
	switch c.OnUnknown {
	case OnUnknownKeep, OnUnknownDrop, OnUnknownError:
	default:
		errs = append(errs, fmt.Errorf("'on_unknown' is keep, drop or error, not %q", string(c.OnUnknown)))
	}
	switch c.OutputTemporality {
	case TemporalityInput, TemporalityDelta, TemporalityCumulative:
	default:
		errs = append(errs, fmt.Errorf("'output_temporality' is delta, cumulative or empty for the input's own, not %q", string(c.OutputTemporality)))
	}
	return errors.Join(errs...)
}

func (c *Config) validLimits() error {
	errs := []error{
		atLeast("bucket_linger", c.BucketLinger, 0),
		atLeast("forget_after", c.ForgetAfter, 1),
		atLeast("max_processes", c.MaxProcesses, 1),
	}
	if c.Ledger != nil {
		if strings.TrimSpace(c.Ledger.Path) == "" {
			errs = append(errs, errors.New("'ledger::path' is empty; name a file"))
		}
		errs = append(errs, atLeast("ledger::max_megabytes", c.Ledger.MaxMegabytes, 1))
	}
	return errors.Join(errs...)
}

func atLeast(key string, value, least int) error {
	if value < least {
		return fmt.Errorf("'%s' must be %d or more, not %d", key, least, value)
	}
	return nil
}

func atLeastIfGiven(key string, value *int) error {
	if value == nil {
		return nil
	}
	return atLeast(key, *value, 0)
}

func between(key string, value, least, most int) error {
	if value < least || value > most {
		return fmt.Errorf("'%s' must be from %d to %d, not %d", key, least, most, value)
	}
	return nil
}
