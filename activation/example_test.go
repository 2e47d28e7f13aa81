package activation_test

import (
	"errors"
	"fmt"
	"log"
	"net"
	"net/netip"

	"sockbridge/activation"
)

// A service of a unit with accept = false that also runs without a manager.
func ExampleListeners() {
	listeners, err := activation.Listeners()
	if errors.Is(err, activation.ErrNotActivated) {
		var own net.Listener
		own, err = net.Listen("tcp", "127.0.0.1:34567")
		listeners = []net.Listener{own}
	}
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listeners[0].Accept()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprintln(client, "hello")
		if err := client.Close(); err != nil {
			log.Print(err)
		}
	}
}

// A service of a unit with accept = true: one process a connection.
func ExampleConn() {
	client, err := activation.Conn()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(client, "hello", client.RemoteAddr())
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
}

// A service that is ready later than it starts.
func ExampleNotify() {
	// Open files, connect to databases …
	if err := activation.Notify("READY=1"); err != nil {
		log.Print(err)
	}
}

func ExampleListening_Environ() {
	l := activation.Listening{
		Unit:      "web",
		Protocols: []activation.Protocol{activation.Systemd, activation.Upstart},
		Sockets: []activation.Socket{{
			Name: "http",
			Addr: activation.Endpoint{Family: activation.FamilyInet, AddrPort: netip.MustParseAddrPort("127.0.0.1:8080")},
		}},
	}
	for _, variable := range l.Environ() {
		fmt.Println(variable)
	}
	// Output:
	// LISTEN_FDS=1
	// LISTEN_FDNAMES=http
	// UPSTART_FDS=3
	// UPSTART_EVENTS=socket
	// UPSTART_JOB=web
	// UPSTART_INSTANCE=
	// PROTO=inet
	// PORT=8080
	// ADDR=127.0.0.1
}

func ExampleConnection() {
	c := activation.Connection{
		Number:    7,
		Unit:      "smtp",
		Protocols: []activation.Protocol{activation.Systemd},
		Local:     activation.Endpoint{Family: activation.FamilyInet, AddrPort: netip.MustParseAddrPort("192.0.2.1:25")},
		Remote:    activation.Endpoint{Family: activation.FamilyInet, AddrPort: netip.MustParseAddrPort("203.0.113.9:51312")},
	}
	fmt.Println(c, "from", c.Peer())
	for _, variable := range c.AppendEnviron(nil) {
		fmt.Println(variable)
	}
	// Output:
	// smtp@7-192.0.2.1:25-203.0.113.9:51312 from 203.0.113.9:51312
	// LISTEN_FDS=1
	// LISTEN_FDNAMES=connection
	// REMOTE_ADDR=203.0.113.9
	// REMOTE_PORT=51312
	// REMOTE_HOST=203.0.113.9
}
