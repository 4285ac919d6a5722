// Package shares divides the requests of a route among its backends.
package shares

import (
	"cmp"
	"slices"

	"altostratus/toolchain/balancer-agent/model"
)

// Share is one backend's part of a split, in force now.
type Share struct {
	Backend string
	Weight  int
	// Part is from 0 to 1; the parts of a split add up to 1, or all are 0.
	Part float64
}

// InForce says who takes which part of a split: control's weights over the model's, and nothing for a backend
// without a serving member while another has one.
func InForce(split string, told []model.Share, control *model.Control, serving func(backend string) int) []Share {
	found := make([]Share, len(told))
	total, anyServes := 0.0, false
	for i, share := range told {
		weight := share.Weight
		if over, ok := control.Weights[split][share.Backend]; ok {
			weight = over
		}
		found[i] = Share{Backend: share.Backend, Weight: weight, Part: float64(weight)}
		count := serving(share.Backend)
		if share.ByMembers && count > 0 {
			found[i].Part *= float64(count)
		}
		anyServes = anyServes || (count > 0 && weight > 0)
	}
	for i := range found {
		if anyServes && serving(found[i].Backend) == 0 {
			found[i].Part = 0
		}
		total += found[i].Part
	}
	if !anyServes && total > 0 { // requests wait at home, or at the first that is to have any
		home := slices.IndexFunc(found, func(s Share) bool { return s.Weight > 0 })
		for i := range found {
			found[i].Part, total = 0, 1
		}
		found[home].Part = 1
	}
	for i := range found {
		if total > 0 {
			found[i].Part /= total
		}
	}
	return found
}

// Slots deals out a number of slots by parts: whole numbers by largest remainder, so that they add up.
// Nobody with a part above zero is left without a slot while there are enough.
func Slots(parts []Share, slots int) []int {
	dealt := make([]int, len(parts))
	type rest struct {
		index     int
		remainder float64
	}
	var rests []rest
	used := 0
	for i, share := range parts {
		exact := share.Part * float64(slots)
		dealt[i] = int(exact)
		if dealt[i] == 0 && share.Part > 0 {
			dealt[i] = 1
		}
		used += dealt[i]
		if share.Part > 0 {
			rests = append(rests, rest{i, exact - float64(dealt[i])})
		}
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return cmp.Compare(b.remainder, a.remainder) })
	for i := 0; used < slots && len(rests) > 0; i++ {
		dealt[rests[i%len(rests)].index]++
		used++
	}
	for i := len(rests) - 1; used > slots && i >= 0; i-- {
		if index := rests[i].index; dealt[index] > 1 {
			dealt[index]--
			used--
		}
	}
	return dealt
}
