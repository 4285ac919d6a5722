package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Control is what changes while the balancer runs.
type Control struct {
	Weights     map[string]map[string]int `json:"weights"`
	Maintenance map[string]string         `json:"maintenance"`
	Leaving     []string                  `json:"leaving"`
	Addresses   map[string][]Address      `json:"addresses"`
	// Further members of backends whose members a Service names.
	Further map[string][]Address `json:"further"`
}

// ParseControl reads control data; empty data is no control.
func ParseControl(data []byte) (*Control, error) {
	control := &Control{}
	if len(data) == 0 {
		return control, nil
	}
	if err := strict(data, control); err != nil {
		return nil, fmt.Errorf("control.json cannot be read: %w", err)
	}
	var problems []error
	for split, weights := range control.Weights {
		for backend, weight := range weights {
			if weight < 0 || weight > MaxWeight {
				problems = append(problems, fmt.Errorf(
					"weight %d of %q in split %q is not from 0 to %d", weight, backend, split, MaxWeight))
			}
		}
	}
	for _, told := range []map[string][]Address{control.Addresses, control.Further} {
		for _, addresses := range told {
			problems = append(problems, addressProblems(addresses)...)
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("control.json: %w", errors.Join(problems...))
	}
	return control, nil
}

// Over puts this control over another: what both say, this says.
func (c *Control) Over(below *Control) *Control {
	merged := &Control{
		Weights:     map[string]map[string]int{},
		Maintenance: map[string]string{},
		Leaving:     append(slices.Clone(below.Leaving), c.Leaving...),
		Addresses:   map[string][]Address{},
		Further:     map[string][]Address{},
	}
	for _, each := range []*Control{below, c} {
		maps.Copy(merged.Weights, each.Weights)
		maps.Copy(merged.Maintenance, each.Maintenance)
		maps.Copy(merged.Addresses, each.Addresses)
		maps.Copy(merged.Further, each.Further)
	}
	return merged
}

// Unknown names the splits and backends that the model does not have.
func (c *Control) Unknown(model *Model) (found []string) {
	for split, weights := range c.Weights {
		if _, ok := model.Splits[split]; !ok {
			found = append(found, fmt.Sprintf("there is no split %q", split))
			continue
		}
		for backend := range weights {
			known := slices.ContainsFunc(model.Splits[split], func(s Share) bool { return s.Backend == backend })
			if !known {
				found = append(found, fmt.Sprintf("split %q has no backend %q", split, backend))
			}
		}
	}
	missing := func(key string) {
		if _, ok := model.Backends[key]; !ok {
			found = append(found, fmt.Sprintf("there is no backend %q", key))
		}
	}
	for key := range c.Maintenance {
		missing(key)
	}
	for key := range c.Addresses {
		missing(key)
	}
	for key := range c.Further {
		missing(key)
	}
	slices.Sort(found)
	return slices.Compact(found)
}
