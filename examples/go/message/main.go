// Message answers one line of one client, on the listening socket that it was passed by any convention.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"strings"

	"sockbridge/activation"
)

func main() {
	listeners, err := activation.Listeners()
	if err != nil {
		log.Fatal(err)
	}
	client, err := listeners[0].Accept()
	if err != nil {
		log.Fatal(err)
	}
	line, err := bufio.NewReader(io.LimitReader(client, 1024)).ReadString('\n')
	if line == "" {
		log.Printf("%s left without a word: %v", client.RemoteAddr(), err)
		return
	}
	if _, err := fmt.Fprintf(client, "I got your message: %s\n", strings.TrimSuffix(line, "\n")); err != nil {
		log.Fatal(err)
	}
}
