package reduceprocessor

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pipeline"
	"go.uber.org/zap"
)

const (
	storedHostsKey = "hosts"
	storedPrefix   = "host/"
	acceptedPrefix = "accepted/"
)

// store keeps the state of every host in a storage extension: written once per scrape before the scrape
// is handed on, with a mark after it was accepted. A kill between the two loses that scrape and is seen at
// the next start; it never counts a scrape twice.
type store struct {
	id        component.ID
	component component.ID
	client    storage.Client
	known     map[string]struct{}
}

func (s *store) open(ctx context.Context, host component.Host) error {
	extension, ok := host.GetExtensions()[s.id]
	if !ok {
		return fmt.Errorf("no extension %q runs; add it under service::extensions", s.id)
	}
	keeper, ok := extension.(storage.Extension)
	if !ok {
		return fmt.Errorf("the extension %q is no storage", s.id)
	}
	client, err := keeper.GetClient(ctx, component.KindProcessor, s.component, pipeline.SignalMetrics.String())
	if err != nil {
		return err
	}
	s.client, s.known = client, map[string]struct{}{}
	return nil
}

func (s *store) close(ctx context.Context) error {
	if s.client == nil {
		return nil
	}
	return s.client.Close(ctx)
}

// load reads the state that a run before left.
func (p *reduce) load(ctx context.Context) error {
	index, err := p.store.client.Get(ctx, storedHostsKey)
	if err != nil || index == nil {
		return err
	}
	var keys []string
	if err := gob.NewDecoder(bytes.NewReader(index)).Decode(&keys); err != nil {
		p.logger.Warn("the index of the stored state is damaged; beginning anew", zap.Error(err))
		return nil
	}
	for _, key := range keys {
		if err := p.loadHost(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (p *reduce) loadHost(ctx context.Context, key string) error {
	encoded, err := p.store.client.Get(ctx, storedPrefix+key)
	if err != nil || encoded == nil {
		return err
	}
	accepted, err := p.store.client.Get(ctx, acceptedPrefix+key)
	if err != nil {
		return err
	}
	found, err := p.decode(encoded)
	if err != nil {
		p.meters.lostInterval(ctx)
		p.logger.Warn("the stored state of a host cannot be read; its next scrape is a new base", zap.Error(err))
		return nil
	}
	if !bytes.Equal(accepted, acceptedMark(found)) {
		// Stored, and not known to have been accepted: it may have left or not, and is not sent again.
		p.meters.lostInterval(ctx)
	}
	found.stored = encoded
	p.hosts[key] = found
	p.tracked += len(found.instances)
	p.sums.count(found)
	p.store.known[key] = struct{}{}
	return nil
}

func acceptedMark(host *host) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, host.scrapes), host.last)
}

// consumeStored is consume with the state written before the batch is handed on.
func (p *reduce) consumeStored(ctx context.Context, md pmetric.Metrics) error {
	p.isAdvanced = false
	err := p.helper.ConsumeMetrics(ctx, md)
	switch {
	case err == nil:
		p.report(ctx)
		p.markAccepted(ctx)
		return nil
	case p.isAdvanced:
		return errors.Join(err, p.restore(ctx))
	}
	p.rollback()
	return err
}

// save writes the state as it is once the batch is accepted; prepare calls it last.
func (p *reduce) save(ctx context.Context) error {
	p.advanceState()
	p.isAdvanced = true
	var operations []*storage.Operation
	isNew := false
	for i := range p.plan.hosts {
		host := p.plan.hosts[i].host
		if p.plan.hosts[i].isRepeated {
			continue
		}
		encoded, err := p.encode(host)
		if err != nil {
			return err
		}
		host.pending = encoded
		operations = append(operations, storage.SetOperation(storedPrefix+host.key, encoded))
		if _, known := p.store.known[host.key]; !known {
			p.store.known[host.key] = struct{}{}
			isNew = true
		}
	}
	if isNew || len(p.store.known) > len(p.hosts) {
		index, forgotten, err := p.index()
		if err != nil {
			return err
		}
		operations = append(append(operations, storage.SetOperation(storedHostsKey, index)), forgotten...)
	}
	return p.store.client.Batch(ctx, operations...)
}

// index lists the hosts in the store, and what is to be deleted of those that are no longer known.
func (p *reduce) index() ([]byte, []*storage.Operation, error) {
	var keys []string
	var forgotten []*storage.Operation
	for key := range p.store.known {
		if _, ok := p.hosts[key]; ok {
			keys = append(keys, key)
			continue
		}
		delete(p.store.known, key)
		forgotten = append(forgotten, storage.DeleteOperation(storedPrefix+key), storage.DeleteOperation(acceptedPrefix+key))
	}
	slices.Sort(keys)
	var body bytes.Buffer
	err := gob.NewEncoder(&body).Encode(keys)
	return body.Bytes(), forgotten, err
}

// markAccepted says in the store that the state there is the one after the last scrape that left.
func (p *reduce) markAccepted(ctx context.Context) {
	var operations []*storage.Operation
	for i := range p.plan.hosts {
		host := p.plan.hosts[i].host
		if host.pending != nil {
			host.stored, host.pending = host.pending, nil
			operations = append(operations, storage.SetOperation(acceptedPrefix+host.key, acceptedMark(host)))
		}
	}
	if len(operations) == 0 {
		return
	}
	if err := p.store.client.Batch(ctx, operations...); err != nil {
		// The scrape has left; refusing it now would have it sent again.
		p.logger.Warn("cannot store that a scrape was accepted", zap.Error(err))
	}
}

// restore puts back the state before the batch, here and in the store.
func (p *reduce) restore(ctx context.Context) error {
	if p.ledger != nil {
		p.ledger.discard()
	}
	var operations []*storage.Operation
	for i := range p.plan.hosts {
		now := p.plan.hosts[i].host
		if now.pending == nil {
			continue
		}
		before := newHost(now.key, now.attributes)
		before.scope = now.scope
		if now.stored != nil {
			decoded, err := p.decode(now.stored)
			if err != nil {
				return err
			}
			before = decoded
			before.stored = now.stored
			operations = append(operations, storage.SetOperation(storedPrefix+now.key, now.stored))
		} else {
			operations = append(operations, storage.DeleteOperation(storedPrefix+now.key))
			delete(p.store.known, now.key) // so that the index is written with its first accepted scrape
		}
		p.tracked += len(before.instances) - len(now.instances)
		p.sums.uncount(now)
		p.sums.count(before)
		p.hosts[now.key] = before
		p.forgetUnknown(before)
	}
	if len(operations) == 0 {
		return nil
	}
	return p.store.client.Batch(ctx, operations...)
}
