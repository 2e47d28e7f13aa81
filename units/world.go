package units

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A question is one call of a function of a [Lookup].
type question struct {
	about topic
	name  string
	id    int // the gid of groups, the owner of a file
}

type topic uint8

const (
	askUser topic = iota
	askGroup
	askGroups
	askSelf
	askHost
	askTCPService
	askUDPService
	askExecutable
	askVariable
	askFile
	askMostFiles
)

type answer struct {
	value any
	err   error
	seal  [sha256.Size]byte // of value and err
	turn  int               // in which it was last asked for
}

// A world answers questions about the host, each once in a loading, and remembers which were asked: a unit is the same
// as before when its files are and when the same questions get the same answers.
type world struct {
	ctx     context.Context //nolint:containedctx // lives as long as one call of Load
	lookup  *Lookup
	answers map[question]*answer
	asked   []question // in this turn, each once
	turn    int
	lists   map[string][]string
}

func newWorld(ctx context.Context, l *Lookup) *world {
	return &world{ctx: ctx, lookup: l.withSystem(), answers: make(map[question]*answer), lists: make(map[string][]string)}
}

// next begins the turn of another unit.
func (w *world) next() {
	w.turn++
	w.asked = nil
}

func (w *world) ask(q question) (any, error) {
	a := w.answer(q)
	if a.turn != w.turn {
		a.turn = w.turn
		w.asked = append(w.asked, q)
	}
	return a.value, a.err
}

func (w *world) answer(q question) *answer {
	a := w.answers[q]
	if a == nil {
		a = &answer{turn: -1}
		a.value, a.err = w.look(q)
		a.seal = sha256.Sum256(fmt.Appendf(nil, "%v\x00%v", a.value, a.err))
		w.answers[q] = a
	}
	return a
}

// share returns a list equal to the given one, the same for all units: thousands of them have one environment.
func (w *world) share(list []string) []string {
	key := strings.Join(list, "\x00")
	if w.lists[key] == nil {
		w.lists[key] = list
	}
	return w.lists[key]
}

// fingerprint returns a hash of the answers to questions.
func (w *world) fingerprint(asked []question) [sha256.Size]byte {
	var b []byte
	for _, q := range asked {
		seal := w.answer(q).seal
		b = append(b, seal[:]...)
	}
	return sha256.Sum256(b)
}

func (w *world) look(q question) (any, error) {
	l := w.lookup
	switch q.about {
	case askUser:
		return l.User(q.name)
	case askGroup:
		gid, name, err := l.Group(q.name)
		return group{gid, name}, err
	case askGroups:
		return l.Groups(q.name, q.id)
	case askSelf:
		return l.Self()
	case askHost:
		return l.Host(w.ctx, q.name)
	case askTCPService:
		return l.Service(w.ctx, "tcp", q.name)
	case askUDPService:
		return l.Service(w.ctx, "udp", q.name)
	case askExecutable:
		return nil, l.Executable(q.name)
	case askVariable:
		value, set := l.Variable(q.name)
		return variable{value, set}, nil
	case askFile:
		return l.File(q.name, q.id)
	case askMostFiles:
		return l.MostFiles(), nil
	}
	return nil, nil
}

type group struct {
	gid  int
	name string
}

type variable struct {
	value string
	set   bool
}

// get asks a question whose answer is a T.
func get[T any](w *world, q question) (T, error) {
	v, err := w.ask(q)
	t, _ := v.(T) // the zero T where there is an error
	return t, err
}

func (w *world) user(name string) (Account, error) {
	return get[Account](w, question{about: askUser, name: name})
}

func (w *world) group(name string) (group, error) {
	return get[group](w, question{about: askGroup, name: name})
}

func (w *world) groups(user string, gid int) ([]int, error) {
	ids, err := get[[]int](w, question{about: askGroups, name: user, id: gid})
	return slices.Clone(ids), err
}

func (w *world) self() (Account, error) { return get[Account](w, question{about: askSelf}) }

func (w *world) executable(path string) error {
	_, err := w.ask(question{about: askExecutable, name: path})
	return err
}

func (w *world) file(path string, owner int) ([]byte, error) {
	return get[[]byte](w, question{about: askFile, name: path, id: owner})
}

func (w *world) mostFiles() uint64 {
	n, _ := get[uint64](w, question{about: askMostFiles}) // which cannot fail
	return n
}

func (w *world) variable(name string) (string, bool) {
	v, _ := get[variable](w, question{about: askVariable, name: name}) // which cannot fail
	return v.value, v.set
}

// host returns the addresses of a host, those of IPv4 as such and each once.
func (w *world) host(name string) ([]netip.Addr, error) {
	found, err := get[[]netip.Addr](w, question{about: askHost, name: name})
	if err != nil {
		return nil, missing(err, "names a host that is not known")
	}
	var ips []netip.Addr
	for _, ip := range found {
		if ip = ip.Unmap().WithZone(""); !slices.Contains(ips, ip) {
			ips = append(ips, ip)
		}
	}
	if len(ips) == 0 {
		return nil, errors.New("names a host without addresses")
	}
	return ips, nil
}

func (w *world) service(network, name string) (uint16, error) {
	about := askTCPService
	if network == "udp" {
		about = askUDPService
	}
	port, err := get[uint16](w, question{about: about, name: name})
	if err == nil && port == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return 0, missing(err, fmt.Sprintf("names a service that is not known for %s", network))
	}
	return port, nil
}

// missing says what it means that something is not there; other errors are told as they are.
func missing(err error, msg string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New(msg)
	}
	return fmt.Errorf("cannot be looked up: %w", err)
}

// userID returns the uid and the primary group of a user.
func (w *world) userID(name string) (Account, error) {
	account, err := w.user(name)
	if err == nil && (account.UID < 0 || account.UID == anyCID) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return account, missing(err, strconv.Quote(name)+" does not exist")
	}
	return account, nil
}

func (w *world) groupID(name string) (group, error) {
	g, err := w.group(name)
	if err == nil && (g.gid < 0 || g.gid == anyCID) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return g, missing(err, strconv.Quote(name)+" does not exist")
	}
	return g, nil
}
