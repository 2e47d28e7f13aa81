"""The connection of a controller: lists of strings go out as commands and come in as events."""

import os
import socket
import sys

SYNCHRONISED = "synchronised"  # an event that nobody else sends us: our own echo


class Link:
    """A link to the control socket at path or, without one, on descriptors 0 and 1: a service has control.event and
    control.cmd there, a child of somebody who speaks the protocol has two pipes."""

    def __init__(self, path=None):
        self.socket = None
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(path)
        source = self.socket.fileno() if self.socket else 0
        # Bytes that are no UTF-8 go through as they are, and a carriage return ends no line.
        self.events = open(source, encoding="utf-8", errors="surrogateescape", newline="\n", closefd=False)

    def say(self, *fields):
        """Sends a command. It is one write, so that threads do not mix their lines."""
        line = ("\t".join(map(str, fields)) + "\n").encode("utf-8", "surrogateescape")
        if self.socket:
            self.socket.sendall(line)
        else:
            os.write(1, line)

    def synchronise(self):
        """Asks for the state of everything; the event [SYNCHRONISED] is its end."""
        self.say("statedump")
        self.say("echo", SYNCHRONISED)

    def __iter__(self):
        for line in self.events:
            if line.endswith("\n"):  # else the server died within it
                yield line[:-1].split("\t")

    def close(self):
        self.events.close()
        if self.socket:
            self.socket.close()


def log(*words):
    print(*words, file=sys.stderr, flush=True)
