// Scale runs as many workers on one listening socket as its clients need: one more while clients wait in its queue, one less
// when nobody has waited for a while. Workers are the services LISTENER.1, LISTENER.2 ...; each has the socket as its descriptor
// 3. A worker that ends is started again.
//
// It asks for everything at each look, so that there is nothing to synchronise. That suits a host of some hundred services;
// with many more follow the events instead.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"sockbridge/control"
)

func main() {
	log.SetFlags(0)
	o := options{}
	path := flag.String("socket", "", "control `PATH`; else descriptor 0 is the link, as control.socket is in service.fds")
	flag.StringVar(&o.address, "address", "", "where to listen, `ADDRESS`:PORT or a path; else the handle must be there")
	flag.IntVar(&o.backlog, "backlog", 128, "how many `clients` may wait")
	flag.StringVar(&o.output, "output", "null", "`handle` that is standard output and error of workers")
	flag.IntVar(&o.min, "min", 1, "`workers`, at least")
	flag.IntVar(&o.max, "max", 4, "`workers`, at most")
	flag.IntVar(&o.calm, "calm", 10, "`looks` without anybody waiting until a worker is stopped")
	flag.DurationVar(&o.every, "every", time.Second, "time between two looks at the queue")
	flag.Parse()
	if flag.NArg() < 2 {
		log.Fatal("usage: scale [options] LISTENER COMMAND ARG...")
	}
	o.listener, o.command = flag.Arg(0), flag.Args()[1:]
	for {
		log.Print(scale(context.Background(), *path, o))
		if *path == "" {
			os.Exit(1)
		}
		time.Sleep(time.Second) // the server was started anew, or will be
	}
}

// connect opens the link.
func connect(ctx context.Context, path string) (*control.Client, error) {
	if path != "" {
		return control.Dial(ctx, path)
	}
	conn, err := net.FileConn(os.Stdin)
	if err != nil {
		return nil, fmt.Errorf("cannot use descriptor 0: %w", err)
	}
	return control.NewClient(ctx, conn)
}

// scale looks at the queue now and then until the link has ended.
func scale(ctx context.Context, path string, o options) error {
	c, err := connect(ctx, path)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // it was used up
	s := &scaler{client: c, options: o}
	for begun := false; ; {
		switch {
		case !begun:
			err = s.begin(ctx)
			begun = err == nil
		default:
			err = s.look(ctx)
		}
		var refused *control.Error
		switch {
		case errors.As(err, &refused), errors.Is(err, control.ErrOverflow): // the next look tells what has become of it
			log.Print(err)
		case err != nil:
			return err
		}
		time.Sleep(o.every)
	}
}
