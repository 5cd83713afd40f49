package reducebench

import (
	"context"
	"slices"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/cumulativetodeltaprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/groupbyattrsprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"example.com/phoenix/reduceprocessor"
)

// stage is one processor of a chain with its configuration.
type stage struct {
	factory  processor.Factory
	settings map[string]any
}

func statements(contexts ...map[string]any) map[string]any {
	all := make([]any, 0, len(contexts))
	for _, one := range contexts {
		all = append(all, one)
	}
	return map[string]any{"metric_statements": all}
}

// stock is the catalog entry process-aggregated-stock-v1: the correct form of the recipe of stock parts.
func stock() []stage {
	return []stage{
		{cumulativetodeltaprocessor.NewFactory(), nil},
		{transformprocessor.NewFactory(), statements(
			map[string]any{"context": "datapoint", "statements": []any{
				`set(attributes["process.executable.name"], resource.attributes["process.executable.name"])`,
				`set(time, TruncateTime(time, Duration("1s")))`,
				`set(start_time, TruncateTime(start_time, Duration("1s")))`,
			}},
			map[string]any{"context": "resource", "statements": []any{`keep_keys(attributes, ["host.name","service.name"])`}},
		)},
		{groupbyattrsprocessor.NewFactory(), nil},
		{transformprocessor.NewFactory(), statements(
			map[string]any{"context": "metric", "statements": []any{
				`aggregate_on_attributes("sum", ["process.executable.name","state","direction"])`,
			}},
		)},
	}
}

// aggregated is the same by reduce: increases, by executable name.
func aggregated() []stage {
	return []stage{{reduceprocessor.NewFactory(), map[string]any{
		"group_by": []any{"process.executable.name"}, "output_temporality": "delta",
	}}}
}

// top keeps the processes that use most; the rest in one bucket.
func top() []stage {
	return []stage{{reduceprocessor.NewFactory(), map[string]any{
		"critical": []any{"worker-7"}, "top_k": map[string]any{"cpu": 10, "rss": 5, "io": 5},
	}}}
}

func deltaOnly() []stage {
	return []stage{{cumulativetodeltaprocessor.NewFactory(), nil}}
}

// began is a chain with all its processors started.
func began(t require.TestingT, stages []stage, last consumer.Metrics) consumer.Metrics {
	next := last
	for _, one := range slices.Backward(stages) {
		cfg := one.factory.CreateDefaultConfig()
		require.NoError(t, confmap.NewFromStringMap(one.settings).Unmarshal(cfg))
		made, err := one.factory.CreateMetrics(context.Background(), processortest.NewNopSettings(one.factory.Type()), cfg, next)
		require.NoError(t, err)
		require.NoError(t, made.Start(context.Background(), componenttest.NewNopHost()))
		next = made
	}
	return next
}

// sink keeps the last batch.
type sink struct{ last pmetric.Metrics }

func (s *sink) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (s *sink) ConsumeMetrics(_ context.Context, md pmetric.Metrics) error {
	s.last = md
	return nil
}
