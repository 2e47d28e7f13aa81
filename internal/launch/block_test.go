package launch

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func testBlock(t *testing.T) *block {
	t.Helper()
	b, err := newBlock(blockSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(b.memory); err != nil {
			t.Error(err)
		}
	})
	return b
}

// Table and strings grow towards each other. When they meet the block says so, and nothing was written outside.
func TestBlockFills(t *testing.T) {
	b := testBlock(t)
	for i := 0; !b.full; i++ {
		b.call(StageExec, 1, 2, 3)
		b.text("some text")
		b.quads(1, 2, 3)
		b.longs(4, 5)
		if vector, _ := b.words(2); !b.full {
			vector[0], vector[1] = 6, 7
		}
		if i > blockSize {
			t.Fatal("it never fills")
		}
	}
	if b.tableEnd() > b.top {
		t.Errorf("the table ends at %d, strings begin at %d", b.tableEnd(), b.top)
	}
	if b.text("") != 0 || b.quads() != 0 || b.call(StageExec, 1) != 0 {
		t.Error("a full block took more")
	}
	b.reset()
	if b.full || b.calls != 0 || b.take(8) == 0 {
		t.Error("a reset block is not empty")
	}
}

// Alignment is what the assembly and the kernel expect.
func TestBlockLayout(t *testing.T) {
	b := testBlock(t)
	for range 100 {
		b.text("x")
		if address := b.quads(1); address%8 != 0 {
			t.Fatalf("numbers lie at %#x", address)
		}
	}
	if stackTop%16 != 0 || unsafe.Sizeof(entry{})%unsafe.Sizeof(uintptr(0)) != 0 || unsafe.Offsetof(header{}.tid) != 0 {
		t.Error("the layout is not aligned")
	}
	if unsafe.Sizeof(siginfo{}) != 128 || unsafe.Sizeof(cloneArgs{}) != cloneArgsSize {
		t.Error("a structure of the kernel has another size")
	}
}

func TestPoolIsBounded(t *testing.T) {
	var p pool
	var lent []*block
	for range maxBlocks {
		b, err := p.get(blockSize)
		if err != nil {
			t.Fatal(err)
		}
		lent = append(lent, b)
	}
	if _, err := p.get(blockSize); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("one more: %v", err)
	}
	for _, b := range lent {
		if err := p.put(b); err != nil {
			t.Error(err)
		}
	}
	if len(p.spare) != maxSpareBlocks || p.lent != 0 {
		t.Errorf("%d spare, %d lent", len(p.spare), p.lent)
	}
	if b, err := p.get(blockSize); err != nil || !slices.Contains(lent, b) {
		t.Errorf("a spare block was not used: %v", err)
	} else if err := p.put(b); err != nil {
		t.Error(err)
	}
	if err := p.close(); err != nil || len(p.spare) != 0 {
		t.Error(err)
	}
}

// Environments far above a block's size pass; what the kernel does not take is the stage's failure.
func TestHugeEnvironment(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			spec := looker(t)
			spec.Env = []string{"A=" + strings.Repeat("x", maxString-2), "B=" + strings.Repeat("y", maxString-2)}
			got := see(t, l, spec, Start{Streams: toPipe})
			if !slices.Equal(got.Env, spec.Env) {
				t.Errorf("%d variables", len(got.Env))
			}
			many := make([]string, 15)
			for i := range many {
				many[i] = string(rune('a'+i)) + "=" + strings.Repeat("z", maxString-2)
			}
			spec.Env = many
			spec.Unit = "huge"
			start2 := Start{Streams: noStreams, Env: []string{"B=" + strings.Repeat("y", maxString-2)}}
			for i := range 13 {
				start2.Env = append(start2.Env, string(rune('C'+i))+"="+strings.Repeat("z", maxString-2))
			}
			spec.Limits = []Limit{{"stack", unix.RLIMIT_STACK, 1 << 20, 1 << 20}} // of which a quarter is for arguments
			_, err := start(l, compile(t, l, spec), start2)
			var e *Error
			if !errors.As(err, &e) || e.Stage != StageExec || e.Err != unix.E2BIG {
				t.Errorf("%v", err)
			}
		})
	}
}

// The assembly writes numbers as strconv does.
func TestDecimal(t *testing.T) {
	if !canClone {
		t.Skip("nothing is cloned on this processor")
	}
	l := newLauncher(t, MethodAuto)
	for _, number := range []uint64{0, 1, 9, 10, 12345, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		if got, want := decimalOf(t, l, number), strconv.FormatUint(number, 10); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// decimalOf lets a child write a number.
func decimalOf(t *testing.T, l *Launcher, number uint64) string {
	t.Helper()
	b, err := l.pool.get(blockSize)
	if err != nil {
		t.Fatal(err)
	}
	text := b.take(32)
	clear(b.memory[text : text+32])
	b.call(StageAnnounce, nrDecimal, b.quads(number), b.address(text))
	b.call(StageExec, unix.SYS_EXIT_GROUP, 0)
	pid, fd, err := b.clone(l.method, true)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{PID: pid, FD: fd}
	if _, err := finish(p); err != nil {
		t.Fatal(err)
	}
	written, _, _ := strings.Cut(string(b.memory[text:text+32]), "\x00")
	if err := l.pool.put(b); err != nil {
		t.Fatal(err)
	}
	return written
}
