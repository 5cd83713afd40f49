package reduceprocessor

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.uber.org/zap"

	"example.com/phoenix/reduceprocessor/internal/metadata"
)

const (
	// forgetHostAfter is how long a host may be silent before its state is dropped.
	forgetHostAfter = time.Hour
	// sweepEvery is how often that is looked for.
	sweepEvery = time.Minute
)

// reduce plans what a batch changes, hands the batch on, and changes its state once it was accepted.
type reduce struct {
	// helper counts the items in and out and hands on what prepare left of a batch.
	helper processor.Metrics
	cfg    *Config
	logger *zap.Logger
	meters *meters
	ledger *ledger
	store  *store

	mutex            sync.Mutex // one batch at a time: a scrape is decided about as a whole
	chooser          *chooser
	choiceAttributes []string
	table            *seriesTable
	hosts            map[string]*host
	plan             plan
	seed             maphash.Seed
	scans            uint64
	unknownPids      map[pidOfHost]struct{}
	shifts           []int64
	scratch          []byte
	tracked          int
	sums             stateSums
	// newest is the time of the latest scrape of all hosts, sweptAt that of the last look for silent ones.
	newest, sweptAt uint64
	wasWarned       bool
	// isAdvanced: the state is already as after the batch under way; with storage only.
	isAdvanced bool
}

func newReduce(ctx context.Context, set processor.Settings, cfg *Config, next consumer.Metrics) (*reduce, error) {
	chooser, err := newChooser(cfg)
	if err != nil {
		return nil, err
	}
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	made := &reduce{
		cfg: cfg, logger: set.Logger, meters: newMeters(builder), chooser: chooser, choiceAttributes: chooser.attributes(),
		table: newSeriesTable(cfg.AdditiveMetrics), hosts: map[string]*host{}, seed: maphash.MakeSeed(),
		unknownPids: map[pidOfHost]struct{}{},
	}
	if cfg.Storage != nil {
		made.store = &store{id: *cfg.Storage, component: set.ID}
	}
	// prepare runs inside the helper, the state changes outside: only there is known what the next consumer said.
	made.helper, err = processorhelper.NewMetrics(ctx, set, cfg, next, made.prepare,
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}))
	return made, err
}

// Capabilities says that batches are changed in place.
func (p *reduce) Capabilities() consumer.Capabilities { return p.helper.Capabilities() }

// Start opens the ledger and reads the stored state.
func (p *reduce) Start(ctx context.Context, host component.Host) error {
	if p.cfg.Ledger != nil {
		opened, err := openLedger(*p.cfg.Ledger)
		if err != nil {
			return fmt.Errorf("'ledger::path': %w", err)
		}
		p.ledger = opened
	}
	if p.store != nil {
		if err := p.store.open(ctx, host); err != nil {
			return fmt.Errorf("'storage': %w", err)
		}
		if err := p.load(ctx); err != nil {
			return fmt.Errorf("'storage': %w", err)
		}
	}
	return p.helper.Start(ctx, host)
}

// Shutdown closes what Start opened.
func (p *reduce) Shutdown(ctx context.Context) error {
	err := p.helper.Shutdown(ctx)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.ledger != nil {
		err = errors.Join(err, p.ledger.close())
	}
	if p.store != nil {
		err = errors.Join(err, p.store.close(ctx))
	}
	p.meters.builder.Shutdown()
	return err
}

// ConsumeMetrics takes one batch, which mostly is one scrape of one host.
func (p *reduce) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.scan(md) {
		return p.consume(ctx, md)
	}
	for _, wave := range p.normalise(md) {
		if !p.scan(wave) {
			return consumererror.NewPermanent(errors.New("reduce: a process stands twice in one scrape"))
		}
		if err := p.consume(ctx, wave); err != nil {
			return err
		}
	}
	return nil
}

func (p *reduce) consume(ctx context.Context, md pmetric.Metrics) error {
	if p.store != nil {
		return p.consumeStored(ctx, md)
	}
	if err := p.helper.ConsumeMetrics(ctx, md); err != nil {
		p.rollback()
		return err
	}
	p.commit(ctx)
	return nil
}

// prepare decides about the scanned batch and rewrites it; the state is as before.
func (p *reduce) prepare(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	started := time.Now()
	resources := md.ResourceMetrics()
	p.readHosts(resources)
	for i := range p.plan.hosts {
		host := &p.plan.hosts[i]
		if host.isRepeated {
			for j := range host.processes {
				p.plan.drops[host.processes[j].resource] = true
			}
			continue
		}
		if err := p.decide(host, resources); err != nil {
			return md, err
		}
	}
	p.write(resources)
	p.meters.decided(ctx, time.Since(started))
	if p.store != nil {
		if err := p.save(ctx); err != nil {
			return md, err
		}
	}
	if resources.Len() == 0 {
		return md, processorhelper.ErrSkipProcessingData
	}
	return md, nil
}

// readHosts takes in what adaptive levels look at.
func (p *reduce) readHosts(resources pmetric.ResourceMetricsSlice) {
	if len(p.cfg.Levels) == 0 {
		return
	}
	for _, resource := range resources.All() {
		attributes := resource.Resource().Attributes()
		if _, isProcess := attributes.Get(attributePid); isProcess {
			continue
		}
		p.scratch = appendAttributes(p.scratch[:0], attributes, allAttributes)
		if known, ok := p.hosts[string(p.scratch)]; ok && known.scan == p.scans {
			p.plan.hosts[known.scanIndex].facts.readHost(resource)
		}
	}
}

// decide reads the scrape of one host and chooses who is kept.
func (p *reduce) decide(host *hostPlan, resources pmetric.ResourceMetricsSlice) error {
	p.setLevel(host)
	var shift int64
	shift, p.shifts = clockShift(host, p.shifts)
	added := 0
	for i := range host.processes {
		one := &host.processes[i]
		resource := resources.At(one.resource)
		switch {
		case one.isNew:
			if one.isRefused = p.tracked+added >= p.cfg.MaxProcesses; !one.isRefused {
				added++
			}
		case !host.isSplit && p.isForgotten(one.instance, host.host.scrapes+1):
			one.replaceInstance()
		case isLaterStart(one, shift):
			one.replaceInstance()
			one.isReused = true
		}
		p.read(one, resource)
		p.advance(host, one)
		if !one.next.isDecided || one.next.namesHash != one.namesHash {
			names := names{resource.Resource().Attributes()}
			one.next = p.chooser.classify(one.next, &names, one.namesHash)
		}
	}
	p.chooser.choose(host.processes, &host.limits)
	for i := range host.processes {
		if err := p.settle(host, &host.processes[i], resources); err != nil {
			return err
		}
	}
	return nil
}

func isLaterStart(one *process, shift int64) bool {
	before := one.instance.start
	if before == 0 || one.start == 0 {
		return false
	}
	return int64(one.start)-int64(before)-shift > startTolerance //nolint:gosec // times of this century
}

func (p *reduce) setLevel(host *hostPlan) {
	host.facts.processes, host.facts.series = len(host.processes), host.host.seriesOut
	host.facts.useTimes(&host.host.level)
	host.level = host.host.level
	if !host.isSplit {
		host.level = nextLevel(host.host.level, p.cfg.Levels, &host.facts)
	}
	if p.ledger != nil && host.level.level != host.host.level.level {
		p.ledger.noteLevel(host, p.levelName(host.level.level))
	}
	host.limits = limitsAt(p.cfg, host.level.level)
	p.warnOnce(host)
}

func (p *reduce) levelName(level int) string {
	if level == 0 {
		return "base"
	}
	if name := p.cfg.Levels[level-1].Name; name != "" {
		return name
	}
	return strconv.Itoa(level)
}

// warnOnce says that an adaptive condition reads what the stream does not have.
func (p *reduce) warnOnce(host *hostPlan) {
	if p.wasWarned || host.host.scrapes < 2 {
		return
	}
	p.wasWarned = true
	for i := range p.cfg.Levels {
		for _, one := range p.cfg.Levels[i].conditions() {
			if _, ok := host.facts.of(one.name); !ok {
				p.logger.Warn("an adaptive condition reads metrics that are not in this stream; it is never met",
					zap.Int("level", i), zap.String("condition", one.name))
			}
		}
	}
}

// settle says what a decision means for the process's series, and adds it to its bucket if it is rest.
func (p *reduce) settle(host *hostPlan, one *process, resources pmetric.ResourceMetricsSlice) error {
	if one.isRefused {
		host.refused++
	}
	before := &one.instance.choice
	one.leaves = before.isDecided && before.isKept && !one.next.isKept
	if p.ledger != nil && !one.isRefused { // a process without state would be noted in every scrape
		p.note(host, one, resources)
	}
	works := p.plan.work[one.from:one.to]
	if p.cfg.HostTotals {
		p.addTo(host, p.totalOf(host), works)
	}
	if one.next.isKept {
		cameBack := before.isDecided && !before.isKept && one.instance.wasRest
		beginsRunning := host.hasDelta && p.cfg.OutputTemporality == TemporalityCumulative && one.instance.rebased == nil
		// It took over a pid some scrapes ago, unseen: all it did counts now, which its old start would hide.
		tookOver := one.isReused && one.start+birthTolerance < host.previousFirst
		if one.needsBase = cameBack || beginsRunning || tookOver; one.needsBase {
			for i := range works {
				works[i].beginBase(host)
			}
		}
		return nil
	}
	if one.hasUnknown && p.cfg.OnUnknown == OnUnknownError {
		return consumererror.NewPermanent(fmt.Errorf(
			"reduce: a process of the rest has metrics that are not known to be additive (%d points); keep it, name them in 'additive_metrics', or set 'on_unknown' to keep or drop", one.unknownPoints))
	}
	p.plan.unknownPoints += one.unknownPoints
	p.plan.droppedPoints += one.noSumPoints
	p.addTo(host, p.bucketOf(host, one, resources), works)
	return nil
}

func (p *reduce) note(host *hostPlan, one *process, resources pmetric.ResourceMetricsSlice) {
	attributes := resources.At(one.resource).Resource().Attributes()
	names := names{attributes}
	p.ledger.note(host, one, attributes, nameOf(p.chooser.attributesOf(one.next.bucket, &names)))
}

func (p *reduce) bucketOf(host *hostPlan, one *process, resources pmetric.ResourceMetricsSlice) *bucket {
	found, ok := host.host.buckets[one.next.bucket]
	if !ok {
		names := names{resources.At(one.resource).Resource().Attributes()}
		found = &bucket{key: one.next.bucket, attributes: p.chooser.attributesOf(one.next.bucket, &names), isNew: true}
		host.host.buckets[found.key] = found
	}
	return found
}

func (p *reduce) totalOf(host *hostPlan) *bucket {
	if host.host.total == nil {
		host.host.total = &bucket{attributes: emptyMap()}
	}
	return host.host.total
}

func (p *reduce) addTo(host *hostPlan, into *bucket, works []work) {
	if into.scan != p.scans {
		into.begin()
		into.scan = p.scans
	}
	into.processes++
	start := host.previous
	if start == 0 {
		start = host.last
	}
	for i := range works {
		into.take(works[i].kind, works[i].increase, start)
	}
}

// write lets kept processes and buckets out, and takes the others out of the batch.
func (p *reduce) write(resources pmetric.ResourceMetricsSlice) {
	for i := range p.plan.hosts {
		host := &p.plan.hosts[i]
		if host.isRepeated {
			continue
		}
		for j := range host.processes {
			one := &host.processes[j]
			if !p.leave(host, one, resources.At(one.resource)) {
				p.plan.drops[one.resource] = true
			}
		}
	}
	index := -1
	resources.RemoveIf(func(pmetric.ResourceMetrics) bool {
		index++
		return p.plan.drops[index]
	})
	for i := range p.plan.hosts {
		if host := &p.plan.hosts[i]; !host.isRepeated {
			p.writeBuckets(host, resources)
		}
	}
}

func (p *reduce) writeBuckets(host *hostPlan, resources pmetric.ResourceMetricsSlice) {
	writer := writer{table: p.table, temporality: p.cfg.OutputTemporality, previous: host.previous, now: host.last}
	for _, one := range host.host.buckets {
		host.buckets = append(host.buckets, one)
	}
	slices.SortFunc(host.buckets, func(a, b *bucket) int { return compareKeys(a.key, b.key) })
	for _, one := range host.buckets {
		if one.scan != p.scans {
			one.begin()
			one.scan = p.scans
		}
		isEnd := one.processes == 0 && one.emptySince >= p.cfg.BucketLinger
		if isEnd && !p.marksStale(host) {
			continue
		}
		host.seriesOut += writer.write(resources, host.host, one, isEnd)
	}
	if host.host.total != nil {
		host.seriesOut += writer.writeTotals(resources, host.host, host.host.total)
	}
}
