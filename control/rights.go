package control

import (
	"fmt"
	"slices"
)

// Rights are what a session may do. More includes less.
type Rights uint8

const (
	// Nothing leaves the commands of the session itself: echo, exit, proto and the like.
	Nothing Rights = iota
	// Read is to see everything that the program tells.
	Read
	// Operate is to start, stop and pause what is configured, and to reload.
	Operate
	// Admin is all, such as naming programs, paths, descriptors, environments and users.
	Admin
)

var rightsNames = [...]string{Nothing: "nothing", Read: "read", Operate: "operate", Admin: "admin"}

// String returns "nothing", "read", "operate" or "admin".
func (r Rights) String() string {
	if int(r) < len(rightsNames) {
		return rightsNames[r]
	}
	return fmt.Sprintf("Rights(%d)", uint8(r))
}

// ParseRights is the inverse of [Rights.String].
func ParseRights(s string) (Rights, error) {
	if i := slices.Index(rightsNames[:], s); i >= 0 {
		return Rights(i), nil
	}
	return Nothing, fmt.Errorf("cannot use %q as rights: it is none of nothing, read, operate and admin", s)
}
