package test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
)

// pretend is a stand-in for sockbridge, with which the scripts of testdata/harness test the harness itself:
// `sockbridge WORD...` does what each word says, in their order.
func pretend() int {
	words := os.Args[1:]
	for len(words) > 0 {
		word, argument := words[0], ""
		if words = words[1:]; len(words) > 0 {
			argument = words[0]
		}
		act := acts[word]
		if act == nil {
			fmt.Fprintf(os.Stderr, "cannot pretend %q\n", word)
			return 2
		}
		used, err := act(argument)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		words = words[used:]
	}
	return 0
}

// acts maps a word to what it does with the word that follows; it returns 1 if it has used that.
var acts = map[string]func(string) (used int, err error){
	"ready": func(string) (int, error) { return 0, say("time=now level=INFO msg=ready units=1 listeners=1") },
	"say":   func(text string) (int, error) { return 1, say(text) },
	"exit":  exit,
	"echo":  echo,
	"leave": leave,
	"await": await,
}

func say(text string) error {
	_, err := fmt.Fprintln(os.Stderr, text)
	return err
}

func exit(code string) (int, error) {
	n, err := strconv.Atoi(code)
	if err != nil {
		return 0, err
	}
	os.Exit(n)
	return 1, nil
}

// echo serves a TCP address for as long as the process lives.
func echo(address string) (int, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return 0, err
	}
	go func() { // ends with the process
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go copyBack(conn) // ends with its connection, or the process
		}
	}()
	return 1, nil
}

func copyBack(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the client sees it
	if _, err := io.Copy(conn, conn); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// leave starts a process that outlives this one, in a session of its own.
func leave(string) (int, error) {
	return 0, exec.Command("setsid", "sleep", "60").Start()
}

// await waits for a signal by name.
func await(name string) (int, error) {
	number, err := signalNumber(name)
	if err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, number)
	if err := say("waiting for " + name); err != nil {
		return 0, err
	}
	<-signals
	return 1, nil
}
