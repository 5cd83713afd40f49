package reduceprocessor

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"pgregory.net/rapid"

	"example.com/phoenix/reduceprocessor/internal/metadata"
	"example.com/phoenix/reduceprocessor/internal/metadatatest"
)

// storageHost is a collector with the real file storage in a folder.
type storageHost struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h *storageHost) GetExtensions() map[component.ID]component.Component { return h.extensions }

func startStorage(t require.TestingT, folder string) *storageHost {
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory, cfg.FSync = folder, false
	made, err := factory.Create(context.Background(), extensiontest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, made.Start(context.Background(), componenttest.NewNopHost()))
	id := component.NewID(factory.Type())
	return &storageHost{componenttest.NewNopHost(), map[component.ID]component.Component{id: made}}
}

func (h *storageHost) stop(t require.TestingT) {
	for _, one := range h.extensions {
		require.NoError(t, one.Shutdown(context.Background()))
	}
}

// restart ends the processor in order and begins another one over the same folder.
func (r *run) restart(host *storageHost, folder string) *storageHost {
	require.NoError(r.t, r.reducer.Shutdown(context.Background()))
	host.stop(r.t)
	return r.startStored(folder)
}

func (r *run) startStored(folder string) *storageHost {
	host := startStorage(r.t, folder)
	r.begin()
	require.NoError(r.t, r.reducer.Start(context.Background(), host))
	return host
}

func TestTheLawHoldsOverRestartsWithStorage(t *testing.T) {
	parent, drawn, folders := t.TempDir(), 0, 0
	rapid.Check(t, func(t *rapid.T) {
		folders++
		folder := filepath.Join(parent, strconv.Itoa(folders))
		require.NoError(t, os.Mkdir(folder, 0o700))
		id := component.NewID(filestorage.NewFactory().Type())
		run := newRun(t)
		run.cfg.Storage = &id
		host := run.startStored(folder)
		for range rapid.IntRange(1, 20).Draw(t, "intervals") {
			if rapid.IntRange(0, 4).Draw(t, "restart?") == 0 {
				host = run.restart(host, folder)
			}
			run.interval()
		}
		drawn += run.compared
		require.NoError(t, run.reducer.Shutdown(context.Background()))
		host.stop(t)
	})
	t.Logf("%d intervals drawn", drawn)
}

// killingSink copies the stored state at the moment a scrape is handed on: what a kill there leaves behind.
type killingSink struct {
	sink
	folder, copy string
}

func (s *killingSink) ConsumeMetrics(_ context.Context, _ pmetric.Metrics) error {
	if err := os.RemoveAll(s.copy); err != nil {
		return err
	}
	return os.CopyFS(s.copy, os.DirFS(s.folder))
}

func TestAKillBetweenStoringAndHandingOnLosesThatScrapeAndCountsIt(t *testing.T) {
	folder, copyOf := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	id := component.NewID(filestorage.NewFactory().Type())
	cfg := createDefaultConfig().(*Config)
	cfg.Storage = &id
	killer := &killingSink{folder: folder, copy: copyOf}
	host := startStorage(t, folder)
	reducer, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, killer)
	require.NoError(t, err)
	require.NoError(t, reducer.Start(context.Background(), host))
	for k := int64(1); k <= 3; k++ {
		require.NoError(t, reducer.ConsumeMetrics(context.Background(), steadyHost(3, noon+uint64(k)*second, k)))
	}
	require.NoError(t, reducer.Shutdown(context.Background()))
	host.stop(t)

	telemetry := componenttest.NewTelemetry()
	next := &sink{}
	host = startStorage(t, copyOf)
	again, err := newReduce(context.Background(), metadatatest.NewSettings(telemetry), cfg, next)
	require.NoError(t, err)
	require.NoError(t, again.Start(context.Background(), host))
	require.NoError(t, again.ConsumeMetrics(context.Background(), steadyHost(3, noon+4*second, 4)))
	const perInterval = 3 * 512 // the third one is in the stored sum, and was not sent a second time
	require.Equal(t, int64(3*perInterval), writtenBytes(t, next.batches[0]))
	metadatatest.AssertEqualProcessorReduceLostIntervals(t, telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, again.Shutdown(context.Background()))
	host.stop(t)
}

// writtenBytes of the first process or bucket.
func writtenBytes(t *testing.T, md pmetric.Metrics) int64 {
	for _, metric := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		if metric.Name() != "process.disk.io" {
			continue
		}
		for _, point := range numberPoints(metric).All() {
			if value, _ := point.Attributes().Get("direction"); value.Str() == "write" {
				return point.IntValue()
			}
		}
	}
	t.Fatal("no such series")
	return 0
}

func TestADamagedStateBeginsAnewAndSaysSo(t *testing.T) {
	reducer, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config), &sink{})
	require.NoError(t, err)
	require.NoError(t, reducer.ConsumeMetrics(context.Background(), steadyHost(3, noon, 1)))
	for _, host := range reducer.hosts {
		encoded, err := reducer.encode(host)
		require.NoError(t, err)
		for position := range encoded {
			damaged := append([]byte(nil), encoded...)
			damaged[position] ^= 0x10
			_, err := reducer.decode(damaged)
			require.ErrorIs(t, err, errTorn)
		}
		for length := range encoded {
			_, err := reducer.decode(encoded[:length])
			require.ErrorIs(t, err, errTorn)
		}
	}
}
