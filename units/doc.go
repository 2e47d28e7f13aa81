// Package units reads unit files: TOML files that name sockets and the service behind each of them.
//
// [Load] reads folders of unit files with their drop-ins and the defaults of the host, and gives back a [Set]: the
// units that are right, and the problems of those that are not, every one with file, line and column.
//
//	set, err := units.Load(ctx, units.Options{Dirs: []string{"/etc/sockbridge/conf.d"}, UID: os.Geteuid()})
//	if err != nil {
//		return err // there was nothing to look at
//	}
//	set.Report(os.Stderr)
//	for _, u := range set.Units { … }
//
// # Invariants
//
// Loading never binds, starts or keeps anything open; what it asks of the host goes through [Lookup]. A unit with an
// error is in no Set's Units, so that a [Unit] is always complete: every default is filled in, every name looked up.
// A value is taken as it is meant or refused with its place; none is ignored, rounded or wrapped. Whatever a file
// holds, reading it ends in bounded time and memory.
//
// One table, [Keys], holds every key of a unit file; reading, printing, comparing and documenting go by it.
//
// # Notes
//
// "user "x" does not exist" for a user that getent(1) knows: users and groups come from /etc/passwd and /etc/group.
// A static program cannot load the modules of nsswitch.conf(5), so LDAP, SSSD and systemd-userdb are not asked.
//
// A Set is immutable and safe for concurrent use once Load has returned it.
package units

//go:generate go test . -run TestReference -update
