package controllers

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
)

type eventOf = event.Event

// players are the services that the test binary plays.
var players = map[string]func(){
	"descriptors": listDescriptors,
	"leave": func() { // sends commands on descriptor 3 and ends at once
		_, _ = unix.Write(3, []byte(tabs(os.Getenv("COMMANDS"))))
	},
	"ready": func() {
		conn, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
		if err != nil {
			os.Exit(1)
		}
		_, _ = conn.Write([]byte("STATUS=fine\nREADY=1\n"))
		time.Sleep(time.Hour)
	},
	"state": func() {
		dir, _ := os.Getwd()
		umask := unix.Umask(0)
		var limit unix.Rlimit
		_ = unix.Getrlimit(unix.RLIMIT_CORE, &limit)
		nice, _ := unix.Getpriority(unix.PRIO_PROCESS, 0)
		pgrp, session := unix.Getpgrp(), 0
		session, _ = unix.Getsid(0)
		fmt.Printf("dir=%s umask=%#o core=%d:%d nice=%d leader=%v session=%v uid=%d gid=%d x=%s\n", dir, umask, limit.Cur, limit.Max,
			20-nice, pgrp == os.Getpid(), session == os.Getpid(), os.Getuid(), os.Getgid(), os.Getenv("X"))
	},
}

// listDescriptors prints the numbers of the open descriptors. Those that Go itself opens have close-on-exec, ours have not.
func listDescriptors() {
	var open []string
	for fd := range 1100 {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			open = append(open, fmt.Sprint(fd))
		}
	}
	fmt.Println(strings.Join(open, " "))
}
