// Package launch starts processes, and is the only package that does.
//
// Between the making of a process and its execve(2) lie some thirty system calls that give up what a service must not
// have: our session, streams, descriptors, limits, root directory, groups, ids, capabilities and signal settings. Go's
// [os.StartProcess] offers about half of them. Here they are data: for each start a table of system calls is written
// into a block of memory outside Go's heap, a child that shares our memory runs it on a stack of its own by a few lines
// of assembly, and no Go code runs in the child. A call that fails ends the child before execve, and the parent reads
// from the block which step it was and why.
//
//	l, err := launch.New(launch.Options{})
//	p, err := l.Compile(launch.Spec{Unit: "echo", Path: "/bin/cat", Argv: []string{"cat"}})
//	process, err := l.Start(p, launch.Start{Streams: [3]int{conn, conn, -1}})
//
// # Invariants
//
//   - Every step is named ([Stage]) and none is ignored: a service either runs with all that was asked for, or not at all.
//   - The order is: session, streams, descriptors, limits, scheduling, umask, root directory, groups, gid, uid, working
//     directory, capabilities, proof that root is gone, signals, execve. Files are opened before privileges are given up;
//     the working directory is entered after it.
//   - The child sees only its own block, never Go's heap, and the block is used again only after the kernel has said that
//     the child has left our memory. Nothing else is shared for longer than a start lasts.
//   - A start that fails leaves no process, not even a zombie, and no descriptor.
//   - Nothing here runs in the background: no goroutine, no timer. The caller asks again with [Process.Settled].
//
// What a service must not have is the default. A [Spec] can leave its child our session, limits and ignored signals, as a
// program started by hand has them, and a [Start] can close any descriptor: [Closed]. [Exec] and [ExecPlain] are the other
// way to start a program, in our own place.
//
// # How a child is made
//
// By clone3(2) with CLONE_VM but without CLONE_VFORK. A thread that the kernel suspends for a vfork keeps its P, and a
// garbage collection then waits for the slowest child (measured: 903 ms). Instead CLONE_CHILD_CLEARTID makes the kernel
// clear a word of the block and wake its futex when the child leaves our memory, and [Launcher.Start] waits for that in
// an ordinary blocking call of at most one millisecond. Where clone3 is refused (old kernels, container profiles)
// clone(2) runs the same table; where that is refused too, and on processors other than amd64 and arm64, our own binary
// is executed as a stage that runs the table in Go: main must call [IsStage] first thing.
//
// A new process begins with a copy of the descriptor table, which costs 1.2 ms at 10,000 descriptors. So the child first
// shares the table and its first call is close_range(LongLived, CLOSE_RANGE_UNSHARE), which copies only what lies below;
// descriptors that outlive a start belong at or above [LongLived], by [Keep].
//
// # Notes
//
// Sharing memory has two consequences. A child that has taken another uid still shares our memory for a moment: it lets no
// other process of that uid read it, by capabilities that it gives up last and by making the memory, hence us, not
// dumpable. So a program that starts services must not rely on /proc/self as another user than root; [Prepare] makes that
// state the only one. And system calls that change the memory description (oom_score_adj, PR_SET_THP_DISABLE,
// PR_SET_MDWE) would change ours: they can never be in the table.
//
// `unit "x": executing (/bin/x): no such file or directory` can also mean that the interpreter of a script or the
// dynamic loader of a program is missing, see execve(2).
package launch
