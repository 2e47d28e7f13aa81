package main

import (
	"context"
	"time"
)

// watchEvery is how often --watch looks.
const watchEvery = 2 * time.Second

// watch shows something again and again until it fails or ctx is done. People see it in one place.
func watch(ctx context.Context, p *printer, now func() time.Time, show func() error) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		p.now = now()
		if p.people() && bool(p.palette) {
			if err := p.write("\x1b[H\x1b[2J"); err != nil {
				return err
			}
		}
		if err := show(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
