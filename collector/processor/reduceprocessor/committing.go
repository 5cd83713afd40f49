package reduceprocessor

import (
	"context"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

func compareKeys(a, b string) int { return strings.Compare(a, b) }

func emptyMap() pcommon.Map { return pcommon.NewMap() }

// commit makes the planned batch the state: the next consumer accepted it.
func (p *reduce) commit(ctx context.Context) {
	p.advanceState()
	p.report(ctx)
}

// report writes the ledger and the own telemetry of a batch that was accepted.
func (p *reduce) report(ctx context.Context) {
	if p.ledger != nil {
		if lost, err := p.ledger.flush(); err != nil {
			p.meters.ledgerFailed(ctx, lost)
		}
	}
	p.meters.accepted(ctx, &p.plan)
	p.meters.state(ctx, p)
}

func (p *reduce) advanceState() {
	for i := range p.plan.hosts {
		if host := &p.plan.hosts[i]; !host.isRepeated {
			p.advanceHost(host)
		}
	}
	p.forgetHosts()
}

func (p *reduce) advanceHost(plan *hostPlan) {
	host := plan.host
	if !plan.isSplit {
		host.scrapes++
		host.previousFirst, host.previous = host.first, host.last
		host.first = plan.first
		clear(host.counts[:])
	}
	host.last = plan.last
	host.level, host.seriesOut = plan.level, plan.seriesOut
	for i := range plan.processes {
		one := &plan.processes[i]
		host.counts[one.next.rule]++
		if !one.isRefused {
			p.advanceInstance(host, one)
		}
	}
	p.forgetInstances(host, plan)
	for _, one := range plan.buckets {
		if one.processes == 0 && one.emptySince >= p.cfg.BucketLinger {
			delete(host.buckets, one.key)
			continue
		}
		one.commit(p.table)
	}
	if host.total != nil {
		host.total.commit(p.table)
	}
	p.sums.count(host)
}

func (p *reduce) advanceInstance(host *host, one *process) {
	known := one.instance
	if one.isNew {
		if before, ok := host.instances[known.pid]; ok {
			host.counters -= len(before.series)
		} else {
			p.tracked++
		}
		host.instances[known.pid] = known
		known.scan = p.scans
	}
	known.start, known.seen = max(one.start, 0), host.scrapes
	works := p.plan.work[one.from:one.to]
	if known.series == nil {
		known.series = make([]seriesState, 0, p.counters(works))
	}
	for i := range works {
		if p.table.kinds[works[i].kind].metric.kind == increases {
			host.counters += known.remember(&works[i])
		}
	}
	p.advanceBases(known, one, works)
	known.wasRest = known.wasRest || !one.next.isKept
	known.choice = one.next
}

func (p *reduce) counters(works []work) int {
	count := 0
	for i := range works {
		if p.table.kinds[works[i].kind].metric.kind == increases {
			count++
		}
	}
	return count
}

// remember keeps the value of a counter; 1 if it is a new one.
func (i *instance) remember(this *work) (added int) {
	state := seriesState{bits: this.running.bits, kind: this.kind, isInt: this.running.isInt}
	slot := int(this.slot)
	if slot < 0 {
		slot = i.slotOf(this.kind, len(i.series))
	}
	if slot < 0 {
		i.series = append(i.series, state)
		return 1
	}
	i.series[slot] = state
	return 0
}

// advanceBases keeps what is taken off the values of an instance that came back.
func (p *reduce) advanceBases(known *instance, one *process, works []work) {
	if !one.next.isKept {
		known.rebased = nil
		return
	}
	if one.needsBase {
		known.rebased = &rebase{}
	}
	if known.rebased == nil {
		return
	}
	for i := range works {
		this := &works[i]
		if p.table.kinds[this.kind].metric.kind != increases {
			continue
		}
		state := baseState{seriesState{this.base.bits, this.kind, this.base.isInt}, this.baseStart}
		if base, ok := known.rebased.of(this.kind); ok {
			*base = state
		} else {
			known.rebased.bases = append(known.rebased.bases, state)
		}
	}
}

// isForgotten: it was in none of the last scrapes before the one of this number.
func (p *reduce) isForgotten(known *instance, scrape uint64) bool {
	return scrape-known.seen > uint64(p.cfg.ForgetAfter) //nolint:gosec // validated to be positive
}

// forgetInstances drops the state of processes that were missing for too long.
func (p *reduce) forgetInstances(host *host, plan *hostPlan) {
	if len(host.instances) == len(plan.processes)-int(plan.refused) {
		return // all of them are here
	}
	for pid, known := range host.instances {
		if p.isForgotten(known, host.scrapes) {
			delete(host.instances, pid)
			host.counters -= len(known.series)
			p.tracked--
		}
	}
}

// forgetHosts drops the state of hosts that were silent for long, by the times of the others' scrapes. It
// looks once a minute of these, so that a scrape costs the same whatever other hosts there are.
func (p *reduce) forgetHosts() {
	for i := range p.plan.hosts {
		p.newest = max(p.newest, p.plan.hosts[i].host.last)
	}
	if p.newest-p.sweptAt < uint64(sweepEvery) {
		return
	}
	p.sweptAt = p.newest
	for key, host := range p.hosts {
		if host.last > 0 && p.newest-host.last > uint64(forgetHostAfter) {
			p.tracked -= len(host.instances)
			p.sums.uncount(host)
			delete(p.hosts, key)
		}
	}
}

// forgetUnknown drops a host of which no scrape was ever accepted.
func (p *reduce) forgetUnknown(host *host) {
	if host.scrapes == 0 {
		delete(p.hosts, host.key)
	}
}

// rollback leaves the state as it was: the next consumer refused the batch.
func (p *reduce) rollback() {
	for i := range p.plan.hosts {
		plan := &p.plan.hosts[i]
		for key, one := range plan.host.buckets {
			if one.isNew {
				delete(plan.host.buckets, key)
			} else if one.scan == p.scans {
				one.rollback()
			}
		}
		if plan.host.total != nil {
			plan.host.total.rollback()
		}
		p.forgetUnknown(plan.host)
	}
	if p.ledger != nil {
		p.ledger.discard()
	}
}
