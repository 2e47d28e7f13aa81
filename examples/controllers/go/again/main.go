// Again starts each service again that a signal has ended, two seconds later.
package main

import (
	"context"
	"log"
	"os"
	"strconv"

	"sockbridge/control"
)

func main() {
	ctx := context.Background()
	events, err := control.Dial(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	commands, err := control.Dial(ctx, os.Args[1]) // the answers of one link would have events of the other among them
	if err != nil {
		log.Fatal(err)
	}
	for {
		e, err := events.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if e[0] == "service.state" && e[2] == "down" && e[5] == "signal" {
			since, _ := strconv.Atoi(e[3]) // the protocol says that it is a number
			if _, err := commands.Do(ctx, "service.start", e[1], strconv.Itoa(since+2)); err != nil {
				log.Print(err)
			}
		}
	}
}
