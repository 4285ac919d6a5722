package shares

import (
	"math"
	"testing"

	"altostratus/toolchain/balancer-agent/model"
)

func inForce(control *model.Control, serving map[string]int, told ...model.Share) map[string]float64 {
	found := map[string]float64{}
	for _, share := range InForce("web", told, control, func(key string) int { return serving[key] }) {
		found[share.Backend] = math.Round(share.Part*1000) / 1000
	}
	return found
}

func TestWhoTakesWhatPart(t *testing.T) {
	here, there := model.Share{Backend: "here", Weight: 100}, model.Share{Backend: "there", Weight: 300}
	both := map[string]int{"here": 1, "there": 9}
	none := &model.Control{}
	over := &model.Control{Weights: map[string]map[string]int{"web": {"there": 0}}}
	nobody := &model.Control{Weights: map[string]map[string]int{"web": {"here": 0, "there": 0}}}
	grown := func(share model.Share) model.Share { share.ByMembers = true; return share }
	for name, each := range map[string]struct{ found, wanted map[string]float64 }{
		"by weight":            {inForce(none, both, here, there), map[string]float64{"here": 0.25, "there": 0.75}},
		"control over model":   {inForce(over, both, here, there), map[string]float64{"here": 1, "there": 0}},
		"nobody there":         {inForce(none, map[string]int{"here": 1}, here, there), map[string]float64{"here": 1, "there": 0}},
		"nobody: wait at home": {inForce(none, nil, here, there), map[string]float64{"here": 1, "there": 0}},
		"nobody may":           {inForce(nobody, both, here, there), map[string]float64{"here": 0, "there": 0}},
		"by members": {
			inForce(none, both, grown(here), grown(model.Share{Backend: "there", Weight: 100})),
			map[string]float64{"here": 0.1, "there": 0.9},
		},
	} {
		for backend, part := range each.wanted {
			if each.found[backend] != part {
				t.Errorf("%s: %v, not %v", name, each.found, each.wanted)
			}
		}
	}
}

func TestSlotsAddUpAndForgetNobody(t *testing.T) {
	for _, parts := range [][]float64{{1}, {0.5, 0.5}, {0.333, 0.333, 0.334}, {0.999, 0.001}, {0.7, 0.3, 0}} {
		var told []Share
		for _, part := range parts {
			told = append(told, Share{Part: part})
		}
		total := 0
		for i, count := range Slots(told, 256) {
			total += count
			if exact := parts[i] * 256; math.Abs(float64(count)-exact) > 1 {
				t.Errorf("%v: %d slots for %v", parts, count, exact)
			}
			if (count == 0) != (parts[i] == 0) {
				t.Errorf("%v: %d slots for part %v", parts, count, parts[i])
			}
		}
		if total != 256 {
			t.Errorf("%v: %d slots", parts, total)
		}
	}
}
