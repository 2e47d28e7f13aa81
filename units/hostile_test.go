package units

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

// Each is a file of about MaxFile that asks for much: all end within a second and 64 MiB.
var hostile = map[string]string{
	"deep arrays":         "x = " + strings.Repeat("[", MaxFile/2),
	"closed deep arrays":  "x = " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
	"deep tables":         "x = " + strings.Repeat("{a=", MaxFile/4),
	"deep key":            strings.Repeat("a.", MaxFile/2-9) + "a = 1",
	"deep header":         "[" + strings.Repeat("a.", MaxFile/2-9) + "a]\n",
	"many keys":           lines(MaxFile/12, "a%d = 1"),
	"many known keys":     "[service.environment]\n" + lines(8000, "A%d = ''"),
	"many tables":         lines(MaxFile/10, "[a%d]"),
	"many array tables":   strings.Repeat("[[socket]]\n", MaxFile/12),
	"long key":            "[" + strings.Repeat("a", MaxFile/2) + "]\n" + lines(MaxFile/30, "a%d = 1"),
	"long path":           "[" + strings.Repeat("a", 500) + "]\n" + lines(8000, "b%d = 1"),
	"long string":         "[service]\nscript = '" + strings.Repeat("x", MaxFile-100) + "'",
	"long name":           "description = 1\n[service]\nuser = '" + strings.Repeat("x", MaxFile-100) + "'",
	"escapes":             "[service]\nscript = \"" + strings.Repeat(`A`, MaxFile/7) + "\"",
	"escaped lines":       "[service]\nscript = \"\"\"" + strings.Repeat("\\\n ", MaxFile/4) + "\"\"\"",
	"many elements":       "x = [" + strings.Repeat("1,", MaxFile/2-9) + "]",
	"many addresses":      "[socket]\nlisten_stream = [" + strings.Repeat("'1',", 32_000) + "]",
	"one port":            "[socket]\nlisten_stream = [\n" + manyAddresses() + "]",
	"many bad addresses":  "[socket]\nlisten_stream = [" + strings.Repeat("'x:y:z',\n", 32_000) + "]",
	"one line of bad":     "[socket]\nlisten_stream = [" + strings.Repeat("'x:y:z',", 32_000) + "]",
	"many prefixes":       "[access]\nonly_from = [" + strings.Repeat("'::/0',", 32_000) + "]",
	"many arguments":      "[service]\nexec_start = [" + strings.Repeat("'x',", 32_000) + "]",
	"lines":               strings.Repeat("\n", MaxFile),
	"lines, then nothing": strings.Repeat("\n", MaxFile-1) + "x",
	"comments":            strings.Repeat("#\n", MaxFile/2),
	"comment":             "#" + strings.Repeat("x", MaxFile-1),
	"digits":              "x = " + strings.Repeat("1", MaxFile-4),
	"date":                "x = 1979-" + strings.Repeat("0", MaxFile-9),
	"quotes":              "x = " + strings.Repeat(`"`, MaxFile-4),
	"inline tables":       "x = [" + strings.Repeat("{a.b.c=1},", MaxFile/12) + "]",
	"control characters":  "x = '" + strings.Repeat("\x1b", MaxFile-5),
	"carriage returns":    strings.Repeat("\r", MaxFile),
	"unknown long key":    strings.Repeat("x", 500) + " = 1",
}

// manyAddresses are on one port and do not clash, but for the last.
func manyAddresses() string {
	var b strings.Builder
	for i := range 32_000 {
		fmt.Fprintf(&b, "'127.1.%d.%d:80',\n", i>>8, i&255)
	}
	return b.String() + "'0.0.0.0:80'"
}

func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format+"\n", i)
	}
	return b.String()
}

func TestHostileFiles(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			if len(text) > MaxFile+2 {
				t.Fatalf("%d bytes would not be read", len(text))
			}
			var set *Set
			start := time.Now()
			peak := peakMemory(func() { set = loadText(t, text) })
			took := time.Since(start)
			if len(set.Units) > 0 {
				t.Error("loaded")
			}
			// A race detector on a busy machine takes twenty times as long: this still catches what grows with the square.
			if took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if peak > 64<<20 {
				t.Errorf("used %d MiB", peak>>20)
			}
		})
	}
}

// peakMemory returns how much f uses at most, in bytes: the collector runs so often that the heap is little more than what is
// alive, and the heap is looked at every fraction of a millisecond.
func peakMemory(f func()) (peak uint64) {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	before := heapSize()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	for tick := time.NewTicker(200 * time.Microsecond); ; {
		peak = max(peak, heapSize())
		select {
		case <-done:
			tick.Stop()
			return max(peak, heapSize(), before) - before
		case <-tick.C:
		}
	}
}

func heapSize() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				loadText(b, text)
			}
		})
	}
}
