package reduceprocessor

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	// ledgerFiles are the current one and the one before, which share the bound.
	ledgerFiles   = 2
	bytesPerMega  = 1_000_000
	previousLedge = ".1"
)

// ledgerEntry is one line: since when a process is where, and why. No command line: it may carry secrets.
type ledgerEntry struct {
	Time    string         `json:"time"`
	Host    map[string]any `json:"host"`
	Name    string         `json:"name,omitempty"`
	Pid     int64          `json:"pid,omitempty"`
	Started string         `json:"started,omitempty"`
	Kept    bool           `json:"kept"`
	Bucket  string         `json:"bucket,omitempty"`
	Rule    string         `json:"rule"`
	Level   int            `json:"level"`
	// What the process used in the interval; no value where there was no interval yet.
	CPUCores *float64 `json:"cpu_cores,omitempty"`
	RSSBytes *float64 `json:"rss_bytes,omitempty"`
	IORate   *float64 `json:"io_bytes_per_second,omitempty"`
	// Ranks in the rankings that have a k, where top-k decided: nothing before it matched.
	Ranks map[string]ledgerRank `json:"ranks,omitempty"`
}

// ledgerRank is where a process stood in one ranking, and how many of it were kept at the level in effect.
type ledgerRank struct {
	// Rank is 1 for who uses most; none beyond k + margin, and for who uses nothing.
	Rank int `json:"rank,omitempty"`
	K    int `json:"k"`
}

var nameOfRanking = [rankingCount]string{"cpu", "rss", "io"}

// ranksOf are the ranks of a process that top-k decided about.
func ranksOf(one *process, limits *limits) map[string]ledgerRank {
	if rule := one.next.rule; rule != ruleRest && rule != ruleTopKCPU && rule != ruleTopKRSS && rule != ruleTopKIO {
		return nil
	}
	found := map[string]ledgerRank{}
	for by, k := range limits.k {
		if k > 0 {
			found[nameOfRanking[by]] = ledgerRank{one.ranks[by], k}
		}
	}
	return found
}

// ledger appends changes to a bounded file; what a refused batch would have changed is not written.
type ledger struct {
	path    string
	most    int64 // bytes of one file
	file    *os.File
	size    int64
	pending []ledgerEntry
}

func openLedger(cfg LedgerConfig) (*ledger, error) {
	made := &ledger{path: cfg.Path, most: int64(cfg.MaxMegabytes) * bytesPerMega / ledgerFiles}
	return made, made.reopen()
}

func (l *ledger) reopen() error {
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	facts, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.size = file, facts.Size()
	return nil
}

// note plans an entry if the process changes its place.
func (l *ledger) note(host *hostPlan, one *process, attributes pcommon.Map, bucketName string) {
	before := &one.instance.choice
	if before.isDecided && before.isKept == one.next.isKept && (one.next.isKept || before.bucket == one.next.bucket) {
		return
	}
	entry := ledgerEntry{
		Time: instant(host.last), Host: host.host.attributes.AsRaw(), Pid: one.instance.pid, Started: instant(one.start),
		Kept: one.next.isKept, Rule: reasonOf(&one.next), Level: host.level.level,
	}
	if name, ok := attributes.Get(attributeName); ok {
		entry.Name = name.AsString()
	}
	if !one.next.isKept {
		entry.Bucket = bucketName
	}
	if host.previous > 0 {
		cpu, io := one.rates[rankingCPU], one.rates[rankingIO]
		entry.CPUCores, entry.IORate = &cpu, &io
	}
	rss := one.rates[rankingRSS]
	entry.RSSBytes = &rss
	entry.Ranks = ranksOf(one, &host.limits)
	l.pending = append(l.pending, entry)
}

// noteLevel plans an entry for a change of the adaptive level.
func (l *ledger) noteLevel(host *hostPlan, name string) {
	l.pending = append(l.pending, ledgerEntry{
		Time: instant(host.last), Host: host.host.attributes.AsRaw(), Rule: "level " + name, Level: host.level.level,
	})
}

func instant(nanos uint64) string {
	if nanos == 0 {
		return ""
	}
	return time.Unix(0, int64(nanos)).UTC().Format(time.RFC3339Nano) //nolint:gosec // times of this century
}

func (l *ledger) discard() { l.pending = l.pending[:0] }

// flush writes what was noted; how many entries could not be written.
func (l *ledger) flush() (lost int, err error) {
	if len(l.pending) == 0 {
		return 0, nil
	}
	defer l.discard()
	var errs []error
	writer := bufio.NewWriter(l.file)
	waiting := 0 // entries that are in no file yet
	for i := range l.pending {
		line, err := json.Marshal(&l.pending[i])
		if err != nil { // a rate that is no number, from a point that was none
			errs = append(errs, err)
			lost++
			continue
		}
		line = append(line, '\n')
		if l.size > 0 && l.size+int64(len(line)) > l.most {
			if err := writer.Flush(); err != nil {
				return lost + waiting + len(l.pending) - i, errors.Join(append(errs, err)...)
			}
			waiting = 0
			if err := l.rotate(); err != nil {
				return lost + len(l.pending) - i, errors.Join(append(errs, err)...)
			}
			writer.Reset(l.file)
		}
		if _, err := writer.Write(line); err != nil {
			return lost + waiting + len(l.pending) - i, errors.Join(append(errs, err)...)
		}
		l.size += int64(len(line))
		waiting++
	}
	if err := writer.Flush(); err != nil {
		lost, errs = lost+waiting, append(errs, err)
	}
	return lost, errors.Join(errs...)
}

func (l *ledger) rotate() error {
	if err := errors.Join(l.file.Close(), os.Rename(l.path, l.path+previousLedge)); err != nil {
		return errors.Join(err, l.reopen())
	}
	return l.reopen()
}

func (l *ledger) close() error { return l.file.Close() }
