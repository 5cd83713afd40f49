package reduceprocessor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func namesOf(t *testing.T, pairs map[string]any) *names {
	attributes := pcommon.NewMap()
	require.NoError(t, attributes.FromRaw(pairs))
	return &names{attributes}
}

func TestAPatternMatchesTheAttributeOfItsPrefix(t *testing.T) {
	process := namesOf(t, map[string]any{
		attributeName: "java", attributePath: "/opt/jdk/bin/java", attributeCommand: "java",
		attributeCommandLine: "java -jar shop.jar", attributeOwner: "shop", attributeCgroup: "/kubepods/pod1",
	})
	for text, matches := range map[string]bool{
		"java": true, "jav": false, "j*": true, "j??a": true, "j?a": false, "*": true, "/^ja/": true, "/^va/": false,
		"/va/": true, "name:java": true, "path:/opt/*": true, "command:java": true, "command_line:*shop.jar": true,
		"owner:shop": true, "owner:root": false, "cgroup:*pod1": true, "java*.jar": false, "unknown:java": false,
	} {
		parsed, err := parsePattern(text)
		require.NoError(t, err, text)
		require.Equal(t, matches, parsed.matches(process), text)
	}
	nameless := namesOf(t, map[string]any{attributePid: 1})
	every, err := parsePattern("*")
	require.NoError(t, err)
	require.False(t, every.matches(nameless), "what is not there is not matched")
}

func TestAGlobTakesItsOtherSignsLiterally(t *testing.T) {
	parsed, err := parsePattern("a.b*[x]")
	require.NoError(t, err)
	require.True(t, parsed.matches(namesOf(t, map[string]any{attributeName: "a.b--[x]"})))
	require.False(t, parsed.matches(namesOf(t, map[string]any{attributeName: "aXb--x"})))
}

// ranked are processes with these CPU rates, pids from 1.
func ranked(rates ...float64) []process {
	made := make([]process, len(rates))
	for i, rate := range rates {
		made[i] = process{instance: &instance{pid: int64(i + 1)}}
		made[i].rates[rankingCPU] = rate
	}
	return made
}

// again are the same processes in the next scrape, with other rates.
func again(before []process, rates ...float64) []process {
	made := ranked(rates...)
	for i := range made {
		made[i].next = before[i].next
	}
	return made
}

func keptPids(processes []process) []int64 {
	var kept []int64
	for i := range processes {
		if processes[i].next.isKept {
			kept = append(kept, processes[i].instance.pid)
		}
	}
	return kept
}

func topCPU(k int) *limits { return &limits{k: [rankingCount]int{k, 0, 0}} }

func TestAProcessEntersAtRankKAndLeavesAfterSomeScrapesBelowTheMargin(t *testing.T) {
	chooser := &chooser{margin: 1, leaveAfter: 2}
	first := ranked(5, 4, 3, 2, 1)
	chooser.choose(first, topCPU(2))
	require.Equal(t, []int64{1, 2}, keptPids(first))
	second := again(first, 5, 3, 4, 2, 1) // 2 has rank 3: within the margin
	chooser.choose(second, topCPU(2))
	require.Equal(t, []int64{1, 2, 3}, keptPids(second))
	third := again(second, 5, 0.5, 4, 2, 1) // rank 5: once below
	chooser.choose(third, topCPU(2))
	require.Equal(t, []int64{1, 2, 3}, keptPids(third))
	fourth := again(third, 5, 3, 4, 2, 1) // near again: the count begins anew
	chooser.choose(fourth, topCPU(2))
	fifth := again(fourth, 5, 0.5, 4, 2, 1)
	chooser.choose(fifth, topCPU(2))
	require.Equal(t, []int64{1, 2, 3}, keptPids(fifth))
	sixth := again(fifth, 5, 0.5, 4, 2, 1)
	chooser.choose(sixth, topCPU(2))
	require.Equal(t, []int64{1, 3}, keptPids(sixth))
	seventh := again(sixth, 5, 0.5, 4, 2, 1)
	chooser.choose(seventh, topCPU(0))
	require.Empty(t, keptPids(seventh), "a ranking that is off keeps nobody")
}

func TestTiesAreBrokenByStartTimeAndPid(t *testing.T) {
	processes := ranked(1, 1, 1, 1)
	processes[0].start, processes[1].start, processes[2].start, processes[3].start = 9, 7, 7, 8
	(&chooser{leaveAfter: 1}).choose(processes, topCPU(2))
	require.Equal(t, []int64{2, 3}, keptPids(processes))
}

func TestPreferredRankFirstAndIdleOnesNotAtAll(t *testing.T) {
	processes := ranked(9, 8, 1, 0)
	processes[2].next.prefers, processes[3].next.prefers = true, true
	(&chooser{leaveAfter: 1}).choose(processes, topCPU(2))
	require.Equal(t, []int64{1, 3}, keptPids(processes))
}

func TestTheFirstRuleThatMatchesIsTheReason(t *testing.T) {
	processes := ranked(9, 8, 7, 6, 5, 4)
	processes[0].next.class, processes[1].next.class, processes[2].next.class = ruleCritical, ruleAlwaysKeep, ruleNeverKeep
	processes[3].rates[rankingRSS] = 100
	(&chooser{leaveAfter: 1}).choose(processes, &limits{k: [rankingCount]int{1, 2, 0}, thresholds: Thresholds{CPUCores: 100, RSSBytes: 100}})
	reasons := make([]string, 0, len(processes))
	for i := range processes {
		reasons = append(reasons, processes[i].next.rule.String())
	}
	require.Equal(t, []string{"critical", "always_keep", "never_keep", "threshold_rss", "top_k_cpu", "rest"}, reasons)
	require.Equal(t, []int64{1, 2, 4, 5}, keptPids(processes))
}

func TestTheBestOfManyAreThoseOfAFullSort(t *testing.T) {
	rates := make([]float64, 1000)
	for i := range rates {
		rates[i] = float64((i * 7919) % 1000)
	}
	processes := ranked(rates...)
	best := (&chooser{}).best(processes, rankingCPU, 25)
	require.Len(t, best, 25)
	for position, index := range best {
		require.InDelta(t, float64(999-position), processes[index].rates[rankingCPU], 0)
	}
}
