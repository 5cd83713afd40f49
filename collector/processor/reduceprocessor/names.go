package reduceprocessor

import (
	"hash/maphash"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

const processPrefix = "process."

// names are the attributes of a process that patterns and bucket keys look at. They point into the batch.
type names struct {
	attributes pcommon.Map
}

func (n *names) of(attribute string) (string, bool) {
	value, ok := n.attributes.Get(attribute)
	if !ok {
		return "", false
	}
	return value.AsString(), true
}

// resourceFacts are what one walk over a resource's attributes tells.
type resourceFacts struct {
	pid       int64
	isProcess bool
	// namesHash changes when a name changes that a choice may rest on.
	namesHash uint64
}

func (p *reduce) factsOf(attributes pcommon.Map) resourceFacts {
	var facts resourceFacts
	for key, value := range attributes.All() {
		if key == attributePid && value.Type() == pcommon.ValueTypeInt {
			facts.pid, facts.isProcess = value.Int(), true
			continue
		}
		if value.Type() == pcommon.ValueTypeStr && p.isChoiceAttribute(key) {
			// A sum, so that the order of the attributes does not matter.
			facts.namesHash += maphash.String(p.seed, value.Str()) ^ maphash.String(p.seed, key)
		}
	}
	return facts
}

// isChoiceAttribute is true for attributes that the configuration's patterns and keys name.
func (p *reduce) isChoiceAttribute(key string) bool {
	return slices.Contains(p.choiceAttributes, key)
}

// hostAttributes are a copy of the attributes that do not belong to the process.
func hostAttributes(attributes pcommon.Map) pcommon.Map {
	host := pcommon.NewMap()
	for key, value := range attributes.All() {
		if isOfHost(key) {
			value.CopyTo(host.PutEmpty(strings.Clone(key)))
		}
	}
	return host
}
