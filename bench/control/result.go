package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// A result is a row: a value of each round for both sides.
type result struct {
	name        string
	unit        string
	scale       float64 // what the values are divided by to be of that unit
	target      float64 // in that unit; 0: none
	least       bool    // the target is a least value, else a most
	ours, floor []float64
}

// The rows. Targets are those of the protocol's specification; it has none for the slowest hundredth.
const (
	echoMedian = iota
	echoSlow
	firstMedian
	firstSlow
	startMedian
	startSlow
	madeRate
	changedRate
	idleMemory
	resultCount
)

const (
	micro = 1e-6
	kilo  = 1e3
	mega  = 1 << 20
)

func newResults() []*result {
	rows := [resultCount]result{
		echoMedian:  {name: "echo, p50", unit: "µs", scale: micro, target: 15},
		echoSlow:    {name: "echo, p99", unit: "µs", scale: micro},
		firstMedian: {name: "first answer of a connection, p50", unit: "µs", scale: micro, target: 100},
		firstSlow:   {name: "first answer of a connection, p99", unit: "µs", scale: micro},
		startMedian: {name: "service.start to up, p50", unit: "µs", scale: micro, target: 150},
		startSlow:   {name: "service.start to up, p99", unit: "µs", scale: micro},
		madeRate:    {name: "services made a second (service.tags)", unit: "k/s", scale: kilo, target: 500, least: true},
		changedRate: {name: "services changed a second (service.args)", unit: "k/s", scale: kilo, target: 500, least: true},
		idleMemory:  {name: "idle memory (PSS)", unit: "MiB", scale: mega, target: 10},
	}
	results := make([]*result, len(rows))
	for i := range rows {
		results[i] = &rows[i]
	}
	return results
}

func (r *result) add(ours, floor float64) {
	r.ours, r.floor = append(r.ours, ours/r.scale), append(r.floor, floor/r.scale)
}

// ratio is the median of the rounds' ratios, which a slow minute of the machine does not change.
func (r *result) ratio() float64 {
	ratios := make([]float64, len(r.ours))
	for i := range ratios {
		ratios[i] = r.ours[i] / r.floor[i]
	}
	return median(ratios)
}

// goal is the last column.
func (r *result) goal() string {
	if r.target == 0 {
		return "-"
	}
	sign, missed := "≤", median(r.ours) > r.target
	if r.least {
		sign, missed = "≥", median(r.ours) < r.target
	}
	goal := fmt.Sprintf("%s %g %s", sign, r.target, r.unit)
	if missed {
		goal += ", missed"
	}
	return goal
}

func printTable(to io.Writer, results []*result) error {
	text := []byte("name\tours\tfloor\tratio\ttarget\n")
	for _, r := range results {
		text = fmt.Appendf(text, "%s\t%.1f %s\t%.1f %s\t%.2f\t%s\n", r.name, median(r.ours), r.unit, median(r.floor), r.unit, r.ratio(), r.goal())
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if _, err := w.Write(text); err != nil {
		return err
	}
	return w.Flush()
}

func median(values []float64) float64 { return percentile(slices.Sorted(slices.Values(values)), 50) }

// percentile is of sorted values: the least one that so many per cent do not exceed.
func percentile(sorted []float64, p float64) float64 {
	at := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return sorted[max(at, 0)]
}

// pssOf reads a smaps_rollup, in bytes.
func pssOf(text string) (float64, error) {
	for line := range strings.Lines(text) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "Pss: %g kB", &kib); n == 1 {
			return kib * 1024, nil
		}
	}
	return 0, fmt.Errorf("cannot find Pss in %q", text)
}
