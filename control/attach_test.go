package control_test

import (
	"errors"
	"net"
	"testing"

	"sockbridge/control"
)

// A connection that is there already, such as a service's control.socket, serves as well as one that was dialled.
func TestNewClient(t *testing.T) {
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", startServer(t).path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := control.NewClient(patient(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := c.Do(patient(t), "echo", "hello")
	if err != nil || len(lines) != 1 || lines[0][0] != "hello" {
		t.Errorf("%q, %v; want hello", lines, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestNewClientOwnsItsConnection(t *testing.T) {
	ours, theirs := net.Pipe()
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := control.NewClient(patient(t), ours); !errors.Is(err, control.ErrClosed) {
		t.Errorf("%v, want %v", err, control.ErrClosed)
	}
	if _, err := ours.Write([]byte("x")); err == nil {
		t.Error("the connection is still open")
	}
}
