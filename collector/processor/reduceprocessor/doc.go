// Package reduceprocessor cuts process metrics without lying: processes that matter keep their name,
// the others are summed, and for every additive metric what leaves equals what came in.
package reduceprocessor

// mdatagen is pinned in a module of its own, so that the processor does not require it.
//go:generate go tool -modfile=../../../scripts/mdatagen/go.mod mdatagen metadata.yaml
