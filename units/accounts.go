package units

import (
	"bytes"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Where users and groups are, in the formats of passwd(5) and group(5).
const (
	passwdFile = "/etc/passwd"
	groupFile  = "/etc/group"
)

// accounts are the users and groups of the host. Each file is read once: a loading sees one state of it.
type accounts struct {
	passwd, group []byte
	passwdErr     error
	groupErr      error
	read          bool
}

// load reads both files. A host without one of them, such as an empty container, has no accounts.
func (a *accounts) load() {
	if a.read {
		return
	}
	a.read = true
	a.passwd, a.passwdErr = existing(passwdFile)
	a.group, a.groupErr = existing(groupFile)
}

func existing(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	return text, err
}

// records yields the lines of a passwd or group file that have at least n fields.
func records(text []byte, n int) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for line := range bytes.Lines(text) {
			fields := strings.Split(strings.TrimRight(string(line), "\n"), ":")
			if len(fields) >= n && fields[0] != "" && fields[0][0] != '#' && !yield(fields) {
				return
			}
		}
	}
}

// parseID reads a uid or gid. The two numbers that mean "no change" to setresuid(2) and chown(2), of 32 and once of 16
// bits, are no account's.
func parseID(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == math.MaxUint32 || n == math.MaxUint16 {
		return 0, false
	}
	return int(n), true
}

// find returns the first record whose name or number is as wanted.
func find(text []byte, n int, wanted func(name string, id int) bool) (record []string, id int) {
	for f := range records(text, n) {
		if id, ok := parseID(f[2]); ok && wanted(f[0], id) {
			return f, id
		}
	}
	return nil, 0
}

// user finds a user in passwd(5) by name, and only then by number: a name may look like the number of somebody else. A
// number that is no user's is an account without a primary group: GID is -1.
func (a *accounts) user(name string) (Account, error) {
	a.load()
	if a.passwdErr != nil {
		return Account{}, a.passwdErr
	}
	if account, found := a.findUser(func(s string, _ int) bool { return s == name }); found {
		return account, nil
	}
	if id, numeric := parseID(name); numeric {
		return a.userByID(id), nil
	}
	return Account{}, fs.ErrNotExist
}

func (a *accounts) userByID(id int) Account {
	if account, found := a.findUser(func(_ string, uid int) bool { return uid == id }); found {
		return account
	}
	return Account{User: strconv.Itoa(id), UID: id, GID: -1, Home: "/", Shell: "/bin/sh"}
}

func (a *accounts) findUser(wanted func(name string, uid int) bool) (Account, bool) {
	f, uid := find(a.passwd, 7, wanted)
	if f == nil {
		return Account{}, false
	}
	gid, ok := parseID(f[3])
	return Account{User: f[0], UID: uid, GID: gid, Group: a.groupName(gid), Home: orRoot(f[5]), Shell: orShell(f[6])}, ok
}

// orRoot and orShell are the defaults that login(1) has for empty fields.
func orRoot(home string) string {
	if home == "" {
		return "/"
	}
	return home
}

func orShell(shell string) string {
	if shell == "" {
		return "/bin/sh"
	}
	return shell
}

// findGroup finds a group in group(5) by name, and only then by number. A number needs no group of its own.
func (a *accounts) findGroup(name string) (int, string, error) {
	a.load()
	if a.groupErr != nil {
		return 0, "", a.groupErr
	}
	if f, gid := find(a.group, 4, func(s string, _ int) bool { return s == name }); f != nil {
		return gid, f[0], nil
	}
	if id, numeric := parseID(name); numeric {
		return id, a.groupName(id), nil
	}
	return 0, "", fs.ErrNotExist
}

func (a *accounts) groupName(gid int) string {
	if f, _ := find(a.group, 4, func(_ string, id int) bool { return id == gid }); f != nil {
		return f[0]
	}
	return strconv.Itoa(gid)
}

// groups returns gid and the groups that list the user.
func (a *accounts) groups(user string, gid int) ([]int, error) {
	a.load()
	if a.groupErr != nil {
		return nil, a.groupErr
	}
	ids := []int{gid}
	for f := range records(a.group, 4) {
		if id, ok := parseID(f[2]); ok && slices.Contains(strings.Split(f[3], ","), user) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// self returns the account of this process, as it is and not as the files would have it.
func (a *accounts) self() (Account, error) {
	a.load()
	if a.passwdErr != nil {
		return Account{}, fmt.Errorf("cannot find the account of uid %d: %w", os.Geteuid(), a.passwdErr)
	}
	account := a.userByID(os.Geteuid())
	account.GID = os.Getegid()
	account.Group = a.groupName(account.GID)
	groups, err := os.Getgroups()
	slices.Sort(groups)
	account.Groups = groups
	return account, err
}
