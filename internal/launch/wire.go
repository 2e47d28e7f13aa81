package launch

import (
	"bytes"
	"errors"
	"strconv"
)

// A request is what a stage needs to start a program; descriptors are already in their places.
type request struct {
	program  Spec
	env      []string // of the start
	opened   [3]bool  // streams that the stage opens itself
	closed   []int    // places that stay empty
	ignored  []int    // signals that stay ignored, of a program with KeepIgnored
	places   int      // descriptors to pass, with the three streams
	announce bool
}

// encode writes the fields one after the other, each ending in NUL, which no string of a checked Spec holds: numbers in
// decimal, lists after their length.
func (r *request) encode() []byte {
	var w fieldWriter
	s := &r.program
	w.text(s.Unit, s.Path, s.Dir, s.Root)
	w.list(s.Argv)
	w.list(s.Env)
	w.list(r.env)
	w.number(int64(s.Umask), int64(r.places), flag(r.announce))
	for i, file := range s.Files {
		w.number(flag(r.opened[i]), int64(file.Flags), int64(file.Mode))
		w.text(file.Path)
	}
	w.numbers(r.closed)
	w.numbers(r.ignored)
	w.number(flag(s.KeepSession), flag(s.Leader), flag(s.KeepLimits), flag(s.KeepIgnored))
	w.optional(s.Nice)
	w.number(int64(len(s.Limits)))
	for _, limit := range s.Limits {
		w.text(limit.Name)
		w.number(int64(limit.Resource), int64(limit.Soft), int64(limit.Hard))
	}
	w.identity(s.Identity)
	return w
}

func decodeRequest(data []byte) (*request, error) {
	r, in := &request{}, &fieldReader{rest: data}
	s := &r.program
	s.Unit, s.Path, s.Dir, s.Root = in.text(), in.text(), in.text(), in.text()
	s.Argv, s.Env, r.env = in.list(), in.list(), in.list()
	s.Umask, r.places, r.announce = uint32(in.number()), int(in.number()), in.number() == 1
	for i := range s.Files {
		r.opened[i] = in.number() == 1
		s.Files[i] = File{Flags: int(in.number()), Mode: uint32(in.number()), Path: in.text()}
	}
	r.closed, r.ignored = in.numbers(), in.numbers()
	s.KeepSession, s.Leader, s.KeepLimits, s.KeepIgnored = in.number() == 1, in.number() == 1, in.number() == 1, in.number() == 1
	s.Nice = in.optional()
	for range in.count() {
		name := in.text()
		s.Limits = append(s.Limits, Limit{Name: name, Resource: int(in.number()), Soft: uint64(in.number()), Hard: uint64(in.number())})
	}
	s.Identity = in.identity()
	if in.bad || len(in.rest) > 0 {
		return nil, errRequest
	}
	return r, nil
}

var errRequest = errors.New("the request of a stage is not in its format")

func flag(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

type fieldWriter []byte

func (w *fieldWriter) text(values ...string) {
	for _, value := range values {
		*w = append(append(*w, value...), 0)
	}
}

func (w *fieldWriter) number(values ...int64) {
	for _, value := range values {
		*w = append(strconv.AppendInt(*w, value, 10), 0)
	}
}

func (w *fieldWriter) list(values []string) {
	w.number(int64(len(values)))
	w.text(values...)
}

func (w *fieldWriter) optional(value *int) {
	w.number(flag(value != nil))
	if value != nil {
		w.number(int64(*value))
	}
}

func (w *fieldWriter) identity(id *Identity) {
	w.number(flag(id != nil))
	if id == nil {
		return
	}
	w.number(int64(id.UID), int64(id.GID))
	w.numbers(id.Groups)
}

func (w *fieldWriter) numbers(values []int) {
	w.number(int64(len(values)))
	for _, value := range values {
		w.number(int64(value))
	}
}

// A fieldReader reads what a fieldWriter wrote. After a field that is not as expected, bad stays true and all fields
// are empty.
type fieldReader struct {
	rest []byte
	bad  bool
}

func (r *fieldReader) text() string {
	field, rest, ok := bytes.Cut(r.rest, []byte{0})
	if !ok || r.bad {
		r.bad, r.rest = true, nil
		return ""
	}
	r.rest = rest
	return string(field)
}

func (r *fieldReader) number() int64 {
	n, err := strconv.ParseInt(r.text(), 10, 64)
	if err != nil {
		r.bad = true
		return 0
	}
	return n
}

// count reads a length, which cannot be more than the bytes that follow.
func (r *fieldReader) count() int {
	n := r.number()
	if n < 0 || n > int64(len(r.rest)) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *fieldReader) list() []string {
	var values []string
	for range r.count() {
		values = append(values, r.text())
	}
	return values
}

func (r *fieldReader) optional() *int {
	if r.number() != 1 {
		return nil
	}
	return new(int(r.number()))
}

func (r *fieldReader) identity() *Identity {
	if r.number() != 1 {
		return nil
	}
	return &Identity{UID: int(r.number()), GID: int(r.number()), Groups: r.numbers()}
}

func (r *fieldReader) numbers() []int {
	var values []int
	for range r.count() {
		values = append(values, int(r.number()))
	}
	return values
}
