package reduceprocessor

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"example.com/phoenix/reduceprocessor/internal/metadata"
	"example.com/phoenix/reduceprocessor/internal/metadatatest"
)

// disk is a storage in memory whose reads and writes fail on demand, as those of a full or broken disk do.
type disk struct {
	component.StartFunc
	component.ShutdownFunc
	held                                 map[string][]byte
	failsToOpen, failsToRead, failsWrite bool
}

var errDisk = errors.New("input/output error")

func (d *disk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	if d.failsToOpen {
		return nil, errDisk
	}
	return d, nil
}

func (d *disk) Get(_ context.Context, key string) ([]byte, error) {
	if d.failsToRead {
		return nil, errDisk
	}
	return d.held[key], nil
}

func (d *disk) Set(ctx context.Context, key string, value []byte) error {
	return d.Batch(ctx, storage.SetOperation(key, value))
}

func (d *disk) Delete(ctx context.Context, key string) error {
	return d.Batch(ctx, storage.DeleteOperation(key))
}

func (d *disk) Batch(_ context.Context, operations ...*storage.Operation) error {
	if d.failsWrite {
		return errDisk
	}
	for _, one := range operations {
		if one.Type == storage.Set {
			d.held[one.Key] = one.Value
		} else {
			delete(d.held, one.Key)
		}
	}
	return nil
}

func (d *disk) Close(context.Context) error { return nil }

var diskID = component.MustNewID("disk")

// onDisk is a processor that keeps its state on a disk.
func onDisk(t *testing.T, extension component.Component) (*stand, error) {
	cfg := createDefaultConfig().(*Config)
	cfg.Storage = &diskID
	made := &stand{t: t, telemetry: componenttest.NewTelemetry(), next: &sink{}}
	var err error
	made.reducer, err = newReduce(context.Background(), metadatatest.NewSettings(made.telemetry), cfg, made.next)
	require.NoError(t, err)
	host := &storageHost{componenttest.NewNopHost(), map[component.ID]component.Component{}}
	if extension != nil {
		host.extensions[diskID] = extension
	}
	t.Cleanup(func() { require.NoError(t, made.reducer.Shutdown(context.Background())) })
	return made, made.reducer.Start(context.Background(), host)
}

func TestAStorageThatIsNotThereStopsTheStart(t *testing.T) {
	for says, extension := range map[string]component.Component{
		`'storage': no extension "disk" runs; add it under service::extensions`: nil,
		`'storage': the extension "disk" is no storage`:                         &struct{ component.Component }{},
		"'storage': input/output error":                                         &disk{failsToOpen: true},
	} {
		_, err := onDisk(t, extension)
		require.EqualError(t, err, says)
	}
	_, err := onDisk(t, &disk{failsToRead: true})
	require.ErrorIs(t, err, errDisk)
}

func TestAScrapeWhoseStateCannotBeWrittenIsRefusedAndCanComeAgain(t *testing.T) {
	broken := &disk{held: map[string][]byte{}, failsWrite: true}
	stand, err := onDisk(t, broken)
	require.NoError(t, err)
	require.ErrorIs(t, stand.reducer.ConsumeMetrics(context.Background(), hostAt(1, aLife(1, "a", 1))), errDisk)
	require.Empty(t, stand.reducer.hosts, "nothing is known of a host whose scrapes were all refused")
	broken.failsWrite = false
	stand.scrape(hostAt(1, aLife(1, "a", 1)))
	stand.scrape(hostAt(2, aLife(1, "a", 3)))
	broken.failsWrite = true
	require.ErrorIs(t, stand.reducer.ConsumeMetrics(context.Background(), hostAt(3, aLife(1, "a", 9))), errDisk)
	broken.failsWrite = false
	require.Equal(t, []string{"_other cpu.time user 0.08 since 1"}, onlyCPU(lines(stand.scrape(hostAt(3, aLife(1, "a", 9))))))

	again, err := onDisk(t, broken)
	require.NoError(t, err)
	require.Equal(t, []string{"_other cpu.time user 0.09 since 1"}, onlyCPU(lines(again.scrape(hostAt(4, aLife(1, "a", 10))))),
		"the index of hosts was written although the first write failed")
}

func TestAScrapeThatLeftIsNotRefusedBecauseItsMarkCannotBeWritten(t *testing.T) {
	broken := &disk{held: map[string][]byte{}}
	stand, err := onDisk(t, broken)
	require.NoError(t, err)
	stand.scrape(hostAt(1, aLife(1, "a", 1)))
	stand.next.onBatch = func() { broken.failsWrite = true }
	stand.scrape(hostAt(2, aLife(1, "a", 2)))
	broken.failsWrite = false
	again, err := onDisk(t, broken)
	require.NoError(t, err)
	require.Equal(t, []string{"_other cpu.time user 0.02 since 1"}, onlyCPU(lines(again.scrape(hostAt(3, aLife(1, "a", 3))))))
	metadatatest.AssertEqualProcessorReduceLostIntervals(t, again.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
}

func TestAStoredStateThatCannotBeReadIsANewBase(t *testing.T) {
	for key, lost := range map[string]int64{storedHostsKey: 0, "host/": 1} {
		broken := &disk{held: map[string][]byte{}}
		stand, err := onDisk(t, broken)
		require.NoError(t, err)
		stand.scrape(hostAt(1, aLife(1, "a", 100)))
		for held := range broken.held {
			if held == key || (key == "host/" && held != storedHostsKey) {
				broken.held[held] = []byte("damaged")
			}
		}
		again, err := onDisk(t, broken)
		require.NoError(t, err)
		require.Equal(t, []string{"_other cpu.time user 0 since 2"}, onlyCPU(lines(again.scrape(hostAt(2, aLife(1, "a", 200))))))
		if lost > 0 {
			metadatatest.AssertEqualProcessorReduceLostIntervals(t, again.telemetry,
				[]metricdata.DataPoint[int64]{{Value: lost}}, metricdatatest.IgnoreTimestamp())
		}
	}
}

func TestTheStateOfASilentHostIsDroppedFromTheStoreToo(t *testing.T) {
	kept := &disk{held: map[string][]byte{}}
	stand, err := onDisk(t, kept)
	require.NoError(t, err)
	silent := hostAt(1, aLife(1, "a", 1))
	silent.ResourceMetrics().At(0).Resource().Attributes().PutStr("host.name", "silent")
	stand.scrape(silent)
	stand.scrape(hostAt(2, aLife(1, "a", 1)))
	require.Len(t, kept.held, 1+2*2)
	stand.scrape(hostAt(2+3601, aLife(1, "a", 1)))
	stand.scrape(hostAt(2+3602+60, aLife(1, "a", 1)))
	stand.scrape(hostAt(2+3603+60, aLife(1, "a", 1)))
	require.Len(t, kept.held, 1+2)
	require.Equal(t, 1, stand.reducer.tracked)
}

func TestTotalsAndBucketsOfAllKindsAreStored(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.HostTotals = true
	reducer, err := newReduce(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, &sink{})
	require.NoError(t, err)
	require.NoError(t, reducer.ConsumeMetrics(context.Background(), withMetric(steadyHost(3, noon, 1), utilization)))
	for _, host := range reducer.hosts {
		encoded, err := reducer.encode(host)
		require.NoError(t, err)
		decoded, err := reducer.decode(encoded)
		require.NoError(t, err)
		require.Len(t, decoded.total.series, len(host.total.series))
		require.Equal(t, host.counters, decoded.counters)
	}
}
