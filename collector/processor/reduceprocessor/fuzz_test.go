package reduceprocessor

import (
	"context"
	"testing"

	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
	"gopkg.in/yaml.v3"

	"example.com/phoenix/reduceprocessor/internal/metadata"
)

func FuzzConsume(f *testing.F) {
	marshaler := &pmetric.ProtoMarshaler{}
	for k := range int64(3) {
		body, err := marshaler.MarshalMetrics(steadyHost(3, noon+uint64(k)*second, k))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, body, byte(k))
	}
	f.Fuzz(func(t *testing.T, first, second []byte, options byte) {
		cfg := createDefaultConfig().(*Config)
		cfg.TopK.CPU, cfg.Critical = int(options%4), []string{"worker-1"}
		cfg.OutputTemporality = []Temporality{TemporalityInput, TemporalityDelta, TemporalityCumulative}[options%3]
		cfg.OnUnknown = []OnUnknown{OnUnknownKeep, OnUnknownDrop, OnUnknownError}[options/3%3]
		cfg.HostTotals = options&128 != 0
		if options&64 != 0 {
			cfg.GroupBy = []string{attributeName}
		}
		reducer, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range [][]byte{first, second, first} {
			md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(body)
			if err == nil {
				_ = reducer.ConsumeMetrics(context.Background(), md) // refusing is allowed, panicking is not
			}
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("top_k: {cpu: 10}\ncritical: ['/^a$/', 'owner:b*']\nlevels: [{enter: {processes: 1}, top_k: {cpu: 1}}]"))
	f.Add([]byte("group_by: [process.owner]\ncategories: [{name: a, match: ['*']}]\nledger: {path: x, max_megabytes: 1}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var raw map[string]any
		if yaml.Unmarshal(text, &raw) != nil {
			return
		}
		cfg := createDefaultConfig().(*Config)
		if confmap.NewFromStringMap(raw).Unmarshal(cfg) != nil || cfg.Validate() != nil {
			return
		}
		cfg.Storage, cfg.Ledger = nil, nil
		reducer, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		if err != nil {
			t.Fatalf("a valid configuration is refused: %v", err)
		}
		for k := range int64(2) {
			if err := reducer.ConsumeMetrics(context.Background(), steadyHost(3, noon+uint64(k)*second, k)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
