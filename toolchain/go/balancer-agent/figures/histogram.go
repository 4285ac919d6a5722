// Package figures counts: requests, errors and latencies by backend and member.
package figures

import "slices"

// Bounds are the upper bounds of the latency histogram, in seconds.
var Bounds = []float64{
	0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75,
	1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60,
}

// Histogram counts durations; the last count is of those over every bound.
type Histogram struct {
	Counts []uint64
	Sum    float64
}

// NewHistogram is an empty one.
func NewHistogram() Histogram { return Histogram{Counts: make([]uint64, len(Bounds)+1)} }

// Add one duration, in seconds.
func (h *Histogram) Add(seconds float64) {
	index, _ := slices.BinarySearch(Bounds, seconds)
	h.Counts[index]++
	h.Sum += seconds
}

// Merge adds another one's counts.
func (h *Histogram) Merge(other Histogram) {
	for i, count := range other.Counts {
		h.Counts[i] += count
	}
	h.Sum += other.Sum
}

// Total is how many durations there are.
func (h Histogram) Total() (total uint64) {
	for _, count := range h.Counts {
		total += count
	}
	return total
}

// Quantile estimates by drawing a line through the bucket it falls in; 0 where there is nothing.
func (h Histogram) Quantile(q float64) float64 {
	rank := q * float64(h.Total())
	if rank <= 0 {
		return 0
	}
	below := 0.0
	for i, count := range h.Counts {
		if count == 0 {
			continue
		}
		if below+float64(count) >= rank {
			if i == len(Bounds) {
				return Bounds[len(Bounds)-1]
			}
			low := 0.0
			if i > 0 {
				low = Bounds[i-1]
			}
			return low + (Bounds[i]-low)*(rank-below)/float64(count)
		}
		below += float64(count)
	}
	return Bounds[len(Bounds)-1]
}
