// Package listener owns the listening sockets of the host: it binds them, adopts those that were handed over, sets
// their options, and exchanges one generation of them for the next without losing a client.
//
// A [Set] holds the live listeners. [Set.Prepare] makes what a new generation of units needs and touches nothing that
// is live; [Change.Commit] switches over, [Change.Rollback] leaves everything as it was:
//
//	change, problems := set.Prepare(units)
//	if len(problems) > 0 { // a reload takes all or nothing; a start leaves out the units with problems: just commit
//		change.Rollback()
//		return problems
//	}
//	warnings := change.Commit()
//
// # Invariants
//
//   - Every descriptor of a Listener belongs to its Set: nobody else closes it. All are close-on-exec.
//   - Listeners of equal [units.Address.Key] are one listener through all generations. Its descriptor stays, and with it
//     the queue of clients, whatever unit it moves to and whatever options change. What takes a new socket is another
//     kind of socket, another filter, a lost node, and a service that broke the old one.
//   - A node of the file system is only ever replaced if it is a socket that nobody has bound, and only ever removed if
//     its inode is the one that we made. No link is followed. Whoever renames the folders above it meanwhile changes
//     where it is made, and not which one is changed or removed.
//   - A Unix socket has its owner and mode before the first client can connect. The umask of the process is not touched.
//
// A Set and its Listeners are for one goroutine, that of the event loop. No method blocks.
//
// # Notes
//
// "cannot bind unix /run/x.sock: address already in use": another process of this network namespace has the node bound.
// Sockets of other network namespaces cannot be seen from here: a node that such a process serves looks unused, and is
// replaced. To find out by connecting would disturb whoever serves it.
package listener
