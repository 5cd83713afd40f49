package reduceprocessor

import (
	"cmp"
	"slices"
	"strings"
)

// rule is why a process is kept or rolled up: the first that matched.
type rule uint8

const (
	ruleRest rule = iota
	ruleCritical
	ruleAlwaysKeep
	ruleNeverKeep
	ruleThresholdCPU
	ruleThresholdRSS
	ruleThresholdIO
	ruleTopKCPU
	ruleTopKRSS
	ruleTopKIO
	// ruleNoRoom: beyond max_processes a process has no state, so that nothing it did can be told apart.
	ruleNoRoom
	ruleCount
)

var nameOfRule = [ruleCount]string{
	"rest", "critical", "always_keep", "never_keep", "threshold_cpu", "threshold_rss", "threshold_io",
	"top_k_cpu", "top_k_rss", "top_k_io", "no_room",
}

func (r rule) String() string { return nameOfRule[r] }

// ranking is one of the three top-k.
type ranking uint8

const (
	rankingCPU ranking = iota
	rankingRSS
	rankingIO
	rankingCount
)

// choice is what was decided about an instance, and what the next decision needs to know.
type choice struct {
	// bucket is the key of the bucket it belongs to while it is rest.
	bucket string
	// pattern that matched, where the rule is of patterns.
	pattern   string
	namesHash uint64
	isMember  [rankingCount]bool
	below     [rankingCount]uint8
	isDecided bool
	isKept    bool
	prefers   bool
	rule      rule
	// class is the rule that holds whatever the process uses: critical, a class, or rest.
	class rule
}

// limits are top-k and thresholds at the level in effect.
type limits struct {
	k          [rankingCount]int
	thresholds Thresholds
}

// chooser decides once per scrape about whole processes.
type chooser struct {
	critical, alwaysKeep, neverKeep, prefer patterns
	categories                              []category
	groupBy                                 []string
	margin, leaveAfter                      int
	scratch                                 []int32
	key                                     []byte
}

type category struct {
	name  string
	match patterns
}

func newChooser(cfg *Config) (*chooser, error) {
	made := &chooser{groupBy: cfg.GroupBy, margin: cfg.TopK.Margin, leaveAfter: cfg.TopK.LeaveAfter}
	for _, one := range []struct {
		texts []string
		into  *patterns
	}{
		{cfg.Critical, &made.critical},
		{cfg.AlwaysKeep, &made.alwaysKeep},
		{cfg.NeverKeep, &made.neverKeep},
		{cfg.Prefer, &made.prefer},
	} {
		parsed, err := parsePatterns(one.texts)
		if err != nil {
			return nil, err
		}
		*one.into = parsed
	}
	for _, one := range cfg.Categories {
		match, err := parsePatterns(one.Match)
		if err != nil {
			return nil, err
		}
		made.categories = append(made.categories, category{one.Name, match})
	}
	return made, nil
}

// attributes that the choice rests on, each once.
func (c *chooser) attributes() []string {
	found := slices.Clone(c.groupBy)
	all := []patterns{c.critical, c.alwaysKeep, c.neverKeep, c.prefer}
	for _, one := range c.categories {
		all = append(all, one.match)
	}
	for _, ps := range all {
		for i := range ps {
			found = append(found, ps[i].attribute)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// classify finds what does not depend on use: class, preference and bucket.
func (c *chooser) classify(known choice, names *names, namesHash uint64) choice {
	known.namesHash = namesHash
	known.class, known.pattern = ruleRest, ""
	for _, one := range []struct {
		patterns patterns
		rule     rule
	}{{c.critical, ruleCritical}, {c.alwaysKeep, ruleAlwaysKeep}, {c.neverKeep, ruleNeverKeep}} {
		if text, ok := one.patterns.first(names); ok {
			known.class, known.pattern = one.rule, text
			break
		}
	}
	_, known.prefers = c.prefer.first(names)
	known.bucket = c.bucketOf(names)
	return known
}

// bucketOf is the key of the bucket: the values of group_by, or a category, with lengths, so that no two
// lists of values have the same key.
func (c *chooser) bucketOf(names *names) string {
	if len(c.categories) > 0 {
		for i := range c.categories {
			if _, ok := c.categories[i].match.first(names); ok {
				return c.categories[i].name
			}
		}
		return otherBucket
	}
	c.key = c.key[:0]
	for _, attribute := range c.groupBy {
		value, ok := names.of(attribute)
		if !ok || value == "" {
			value = otherBucket
		}
		c.key = appendText(c.key, value)
	}
	return string(c.key)
}

// choose decides about every process of a scrape.
func (c *chooser) choose(processes []process, limits *limits) {
	for i := range processes {
		one := &processes[i]
		one.next.isDecided = true
		one.next.rule = one.next.class
		one.next.isKept = one.next.class == ruleCritical || one.next.class == ruleAlwaysKeep
		switch {
		case one.isRefused:
			one.next.rule, one.next.isKept = ruleNoRoom, false
		case one.next.class == ruleRest:
			if reached := reachedThreshold(one, &limits.thresholds); reached != ruleRest {
				one.next.rule, one.next.isKept = reached, true
			}
		}
	}
	c.rank(processes, rankingCPU, ruleTopKCPU, limits.k[rankingCPU])
	c.rank(processes, rankingRSS, ruleTopKRSS, limits.k[rankingRSS])
	c.rank(processes, rankingIO, ruleTopKIO, limits.k[rankingIO])
}

func reachedThreshold(one *process, thresholds *Thresholds) rule {
	switch {
	case thresholds.CPUCores > 0 && one.rates[rankingCPU] >= thresholds.CPUCores:
		return ruleThresholdCPU
	case thresholds.RSSBytes > 0 && one.rates[rankingRSS] >= float64(thresholds.RSSBytes):
		return ruleThresholdRSS
	case thresholds.IOBytesPerSecond > 0 && one.rates[rankingIO] >= thresholds.IOBytesPerSecond:
		return ruleThresholdIO
	}
	return ruleRest
}

// rank keeps the k processes that use most, with hysteresis. Ranked is whom no earlier rule than top-k
// decided about; a process that uses nothing has no rank.
func (c *chooser) rank(processes []process, by ranking, reason rule, k int) {
	if k <= 0 {
		for i := range processes {
			processes[i].next.isMember[by], processes[i].next.below[by] = false, 0
		}
		return
	}
	best := c.best(processes, by, k+c.margin)
	for position, index := range best {
		processes[index].ranks[by] = position + 1
	}
	for i := range processes {
		one := &processes[i]
		rank := one.ranks[by]
		stay(&one.next, by, rank > 0 && rank <= k, rank > 0, c.leaveAfter)
		if one.next.isMember[by] && one.next.rule == ruleRest {
			one.next.rule, one.next.isKept = reason, true
		}
	}
}

// stay is the hysteresis of one process in one ranking.
func stay(next *choice, by ranking, isIn, isNear bool, leaveAfter int) {
	switch {
	case isIn:
		next.isMember[by], next.below[by] = true, 0
	case isNear:
		next.below[by] = 0
	case next.isMember[by]:
		next.below[by]++
		if int(next.below[by]) >= leaveAfter {
			next.isMember[by], next.below[by] = false, 0
		}
	}
}

// best are the indices of the first n processes of a ranking, in its order.
func (c *chooser) best(processes []process, by ranking, n int) []int32 {
	heap := c.scratch[:0]
	before := func(a, b int32) int { return compareRank(&processes[a], &processes[b], by) }
	for i := range processes {
		one := &processes[i]
		isTaken := one.next.rule != ruleRest && one.next.rule < ruleTopKCPU
		if isTaken || one.isRefused || !(one.rates[by] > 0) {
			continue
		}
		index := int32(i)
		switch {
		case len(heap) < n:
			heap = append(heap, index)
			up(heap, before)
		case before(index, heap[0]) < 0:
			heap[0] = index
			down(heap, before)
		}
	}
	slices.SortFunc(heap, before)
	c.scratch = heap
	return heap
}

// compareRank orders by preference, use, start time and pid: the same input gives the same order.
func compareRank(a, b *process, by ranking) int {
	if a.next.prefers != b.next.prefers {
		if a.next.prefers {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.rates[by], a.rates[by]),
		cmp.Compare(a.start, b.start),
		cmp.Compare(a.instance.pid, b.instance.pid),
	)
}

// up and down keep the last in order at heap[0], so that it is the one to replace.
func up(heap []int32, before func(a, b int32) int) {
	for child := len(heap) - 1; child > 0; {
		parent := (child - 1) / 2
		if before(heap[child], heap[parent]) <= 0 {
			return
		}
		heap[child], heap[parent] = heap[parent], heap[child]
		child = parent
	}
}

func down(heap []int32, before func(a, b int32) int) {
	for parent := 0; ; {
		child := 2*parent + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && before(heap[child+1], heap[child]) > 0 {
			child++
		}
		if before(heap[child], heap[parent]) <= 0 {
			return
		}
		heap[child], heap[parent] = heap[parent], heap[child]
		parent = child
	}
}

// reasonOf is the rule in words for the ledger, with the pattern where there is one.
func reasonOf(one *choice) string {
	if one.pattern == "" || one.rule != one.class {
		return one.rule.String()
	}
	return strings.Join([]string{one.rule.String(), one.pattern}, " ")
}
