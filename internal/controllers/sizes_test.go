package controllers

import (
	"path/filepath"
	"strings"
	"testing"
)

// What does not fit into a pool's places is refused, and what was there stays.
func TestServiceOutgrowsItsPlaceInThePool(t *testing.T) {
	c := newRig(t, func(o *Options) { o.ServiceSize = 64 }).dial()
	most := strings.Repeat("x", 64-len("a")-1-1)
	c.want("service.args⇥a⇥"+most, "service.args⇥a⇥"+most)
	c.refused("service.args⇥a⇥"+most+"x", "unable to set argv")
	c.refused("service.tags⇥a⇥", "unable to set tags")
	c.refused("service.fds⇥a⇥null", "unable to set file descriptors")
	c.want("service.args⇥a⇥/bin/true", "service.args⇥a⇥/bin/true")
	c.want("service.tags⇥a⇥b", "service.tags⇥a⇥b")
}

func TestHandlePathIsCutAsThePoolKeepsIt(t *testing.T) {
	r := newRig(t, func(o *Options) { o.HandleSize = 32 })
	path := filepath.Join(r.dir, strings.Repeat("x", 40))
	c := r.dial()
	c.want("fd.open⇥f⇥write,create⇥"+path, "fd.state⇥f⇥file⇥write,create⇥"+path[:29]+"...")
}
