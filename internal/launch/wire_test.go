package launch

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func requests() []request {
	return []request{
		{places: 3},
		{
			program: Spec{
				Unit: "x", Path: "/bin/\xff", Argv: []string{"", "a b\n"}, Env: []string{"A=1", "B="}, Dir: "/tmp", Root: "/r", Umask: 0o777, Nice: new(-20),
				Limits:   []Limit{{"core", 1, 0, math.MaxUint64}, {"", 15, 1 << 63, 1 << 63}},
				Identity: &Identity{UID: maxID, GID: 1, Groups: []int{1, 2}},
				Files:    [3]File{{Path: "/in"}, {Path: "/out", Flags: unix.O_WRONLY, Mode: 0o600}},
			},
			env: []string{"C=3"}, opened: [3]bool{true, false, true}, places: 256, announce: true,
			closed: []int{1, 255}, ignored: []int{1, 64},
		},
		{program: Spec{Nice: new(0), Identity: &Identity{}}, places: 3},
		{program: Spec{KeepSession: true, KeepLimits: true}},
		{program: Spec{Leader: true, KeepIgnored: true}},
	}
}

var exact = cmp.AllowUnexported(request{})

func TestRequest(t *testing.T) {
	for _, r := range requests() {
		got, err := decodeRequest(r.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&r, got, exact); diff != "" {
			t.Error(diff)
		}
	}
}

// A request that is cut short, or has something behind it, is refused.
func TestBadRequest(t *testing.T) {
	for _, r := range requests() {
		data := r.encode()
		for n := range data {
			if got, err := decodeRequest(data[:n]); err == nil {
				t.Fatalf("%d of %d bytes were enough: %+v", n, len(data), got)
			}
		}
		if _, err := decodeRequest(append(data, 0)); err == nil {
			t.Error("another field was not noticed")
		}
	}
}

// What a request names must be there.
func TestRequestOutOfRange(t *testing.T) {
	for _, r := range []request{{places: 3, closed: []int{3}}, {places: 3, closed: []int{-1}}, {places: 3, ignored: []int{0}}, {places: 3, ignored: []int{maxSignal + 1}}} {
		if _, err := r.write(&host{}); !errors.Is(err, errRequest) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func FuzzRequest(f *testing.F) {
	for _, r := range requests() {
		f.Add(r.encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRequest(data)
		if err != nil {
			return
		}
		again, err := decodeRequest(r.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again, exact); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReports(t *testing.T) {
	var all []byte
	if got := lastReport(all); got != (mark{}) {
		t.Errorf("nothing: %+v", got)
	}
	marks := []mark{{stage: StageSession}, {stage: StageStdin, detail: "/a b\n"}, {stage: StageExec, failed: true, result: -int64(unix.ENOENT), last: true}}
	for _, m := range marks {
		before := len(all)
		all = appendReport(all, m)
		if got := lastReport(all); got != m {
			t.Errorf("%+v, want %+v", got, m)
		}
		for n := before + 1; n < len(all); n++ {
			if got := lastReport(all[:n]); got == m {
				t.Errorf("%d bytes too few were enough for %+v", len(all)-n, m)
			}
		}
	}
}

// What ended a stage that reported nothing: a limit, or somebody's KILL.
func TestSilentStage(t *testing.T) {
	for signal, want := range map[unix.Signal]Error{
		0:            {Unit: "x", Err: unix.EAGAIN},
		unix.SIGABRT: {Unit: "x", Err: unix.EAGAIN},
		unix.SIGKILL: {Unit: "x", Signal: unix.SIGKILL},
	} {
		if got := lastReport(nil).failure("x", signal); *got != want {
			t.Errorf("%v: %+v, want %+v", signal, got, want)
		}
	}
}
