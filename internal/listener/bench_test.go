package listener

import (
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

const many = 10_000

// manyUnits returns n units with an address each, made by address.
func manyUnits(n int, address func(i int) units.Address) []*units.Unit {
	all := make([]*units.Unit, n)
	for i := range all {
		all[i] = unit(fmt.Sprintf("u%d", i), socket(address(i)))
	}
	return all
}

func manyTCP(i int) units.Address {
	return tcpAt(netip.AddrFrom4([4]byte{127, 10, byte(i >> 8), byte(i)}), 7099)
}

// needManyFDs skips where the hard limit of open files does not allow the test.
func needManyFDs(tb testing.TB) {
	tb.Helper()
	var limit unix.Rlimit
	mustSucceed(tb, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	const needed = many + 100
	if limit.Cur < needed {
		tb.Skipf("needs %d descriptors, the limit is %d", needed, limit.Cur)
	}
}

func TestTenThousandListeners(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	needManyFDs(t)
	dir := memoryDir(t)
	for name, address := range map[string]func(int) units.Address{
		"tcp":  manyTCP,
		"unix": func(i int) units.Address { return pathOf(units.UnixStream, fmt.Sprintf("%s/%d", dir, i)) },
	} {
		t.Run(name, func(t *testing.T) {
			all := manyUnits(many, address)
			for _, when := range []string{"new", "with stale nodes"} {
				s := NewSet(Options{MinFD: 64})
				start := time.Now()
				commit(t, s, all...)
				bound := time.Now()
				commit(t, s, all...)
				t.Logf("%s: bound in %v, reloaded in %v", when, bound.Sub(start), time.Since(bound))
				if got := len(s.All()); got != many {
					t.Errorf("%d listeners", got)
				}
				if took := bound.Sub(start); took > 20*time.Second {
					t.Errorf("bound in %v: something is done once for every pair", took)
				}
				if errs := s.Close(); errs != nil {
					t.Fatal(errs[0])
				}
			}
		})
	}
}

// memoryDir returns a folder that is not on a disk, as those of sockets usually are.
func memoryDir(tb testing.TB) string {
	tb.Helper()
	dir := fmt.Sprintf("/dev/shm/listener-test-%d-%d", os.Getpid(), hosts.Add(1))
	if os.Mkdir(dir, 0o700) != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

func BenchmarkBind10000(b *testing.B) {
	needManyFDs(b)
	all := manyUnits(many, manyTCP)
	for b.Loop() {
		s := NewSet(Options{MinFD: 64})
		commit(b, s, all...)
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}

// Units that were parsed again are equal, but not the same.
func BenchmarkReload10000ParsedAgain(b *testing.B) {
	needManyFDs(b)
	s := NewSet(Options{})
	commit(b, s, manyUnits(many, manyTCP)...)
	defer s.Close()
	for b.Loop() {
		b.StopTimer()
		all := manyUnits(many, manyTCP)
		b.StartTimer()
		commit(b, s, all...)
	}
}

func BenchmarkReload10000WithoutChange(b *testing.B) {
	needManyFDs(b)
	all := manyUnits(many, manyTCP)
	s := NewSet(Options{})
	commit(b, s, all...)
	defer s.Close()
	for b.Loop() {
		commit(b, s, all...)
	}
}

func BenchmarkWaiting(b *testing.B) {
	dir := memoryDir(b)
	for name, a := range map[string]units.Address{"tcp": tcpAt(loopback(), 0), "unix": pathOf(units.UnixStream, dir+"/s")} {
		b.Run(name, func(b *testing.B) {
			_, l := one(b, a)
			dial(b, l)
			for b.Loop() {
				if _, err := l.Waiting(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
