package test

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
)

// Ports of the scripts lie below those that the kernel gives to clients (net.ipv4.ip_local_port_range starts at
// 32768), so that no client takes one between the moment it is found free and the moment a manager binds it.
// Test processes that run at once take different blocks of them.
const (
	firstPort = 20000
	blockSize = 1000
	blocks    = 12
)

var freePorts portPool

// A portPool hands out the ports of a block. It belongs to this process as long as it runs: an abstract Unix socket
// is the lock, since the kernel releases it at any death, and like ports it is a matter of the network namespace.
type portPool struct {
	mu    sync.Mutex
	lock  net.Listener // below mu, as all that follows
	ports []int        // in the order of their last use
}

// take returns a port that nobody listens on, at any address.
func (p *portPool) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lock == nil {
		if err := p.reserveLocked(); err != nil {
			return 0, err
		}
	}
	for range p.ports {
		port := p.ports[0]
		p.ports = p.ports[1:]
		if isFree(port) {
			return port, nil
		}
		p.ports = append(p.ports, port)
	}
	return 0, errors.New("no port of the block is free")
}

// giveBack lets other scripts of this process use the ports.
func (p *portPool) giveBack(ports []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ports = append(p.ports, ports...)
}

func (p *portPool) reserveLocked() error {
	for block := range blocks {
		lock, err := net.Listen("unix", fmt.Sprintf("@sockbridge-test-ports-%d", block))
		if err != nil {
			continue // another test process holds it
		}
		p.lock = lock
		for i := range blockSize {
			p.ports = append(p.ports, firstPort+block*blockSize+i)
		}
		return nil
	}
	return fmt.Errorf("all %d blocks of ports are taken by other test processes", blocks)
}

// isFree binds the port as TCP and as UDP for a moment.
func isFree(port int) bool {
	address := net.JoinHostPort("", strconv.Itoa(port))
	stream, err := net.Listen("tcp", address)
	if err == nil {
		err = stream.Close()
	}
	if err != nil {
		return false
	}
	datagram, err := net.ListenPacket("udp", address)
	if err == nil {
		err = datagram.Close()
	}
	return err == nil
}
