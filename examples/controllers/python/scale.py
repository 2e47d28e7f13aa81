#!/usr/bin/env python3
"""Runs as many workers on one listening socket as its clients need: one more while clients wait in its queue, one less
when nobody has waited for a while. Workers are the services LISTENER.1, LISTENER.2 ...; each has the socket as its
descriptor 3. A worker that ends is started again."""

import argparse
import contextlib
import threading
import time

from controller import SYNCHRONISED, Link, log


class Scaler:
    def __init__(self, link, options):
        self.link = link
        self.options = options
        self.workers = [f"{options.listener}.{number}" for number in range(1, options.max + 1)]
        self.up = set()  # workers that run, or are about to
        self.stopping = set()  # those of them that were told to end
        self.open = False  # the listener is there
        self.synchronised = False
        self.want = options.min
        self.idle = 0  # looks since somebody waited

    def run(self):
        threading.Thread(target=self.poll, daemon=True).start()
        self.synchronise()
        for event in self.link:
            match event:
                case ["fd.state", name, kind, *_] if name == self.options.listener:
                    self.open = kind != "deleted"
                case ["service.state", name, state, *_] if name in self.workers:
                    self.follow(name, state)
                case ["fd.queue", name, waiting, _] if name == self.options.listener and self.synchronised:
                    self.decide(int(waiting))
                case ["overflow"]:  # events were lost
                    self.synchronise()
                case [mark] if mark == SYNCHRONISED:
                    self.begin()
                case ["error", *text]:
                    log(*text)

    def synchronise(self):
        self.synchronised, self.open = False, False
        self.up.clear()
        self.link.synchronise()

    def poll(self):
        """Looks at the queue now and then; the answers come as events."""
        try:
            while True:
                time.sleep(self.options.every)
                self.link.say("fd.queue", self.options.listener)
        except OSError:
            pass  # the link has ended

    def follow(self, name, state):
        if state in ("start", "up"):
            self.up.add(name)
        else:
            self.up.discard(name)
            self.stopping.discard(name)

    def begin(self):
        """Sets up what is not there. What an earlier scale.py has left running stays."""
        o = self.options
        if o.address and not self.open:
            kind = "unix" if "/" in o.address else "tcp"
            self.link.say("fd.socket", o.listener, f"{kind},listen={o.backlog}", o.address)
        for worker in self.workers:
            self.link.say("service.args", worker, *o.command)
            self.link.say("service.fds", worker, "null", o.output, o.output, o.listener)
            self.link.say("service.opts", worker, "env=UPSTART_FDS=3")
        self.want = max(o.min, len(self.up - self.stopping))
        self.synchronised = True

    def decide(self, waiting):
        o = self.options
        self.idle = 0 if waiting else self.idle + 1
        if waiting and self.want < o.max:
            self.want += 1
        elif self.idle >= o.calm and self.want > o.min:
            self.want -= 1
            self.idle = 0
        for number, worker in enumerate(self.workers):
            if number < self.want and worker not in self.up:
                self.link.say("service.start", worker)
            elif number >= self.want and worker in self.up - self.stopping:
                self.link.say("service.stop", worker)
                self.stopping.add(worker)


def main():
    parser = argparse.ArgumentParser(description="Runs as many workers as the clients of a socket need.")
    parser.add_argument("--socket", metavar="PATH", help="control socket; else descriptors 0 and 1 are the link")
    parser.add_argument("--address", help="where to listen, ADDRESS:PORT or a path; else the handle must be there")
    parser.add_argument("--backlog", type=int, default=128, help="how many clients may wait")
    parser.add_argument("--output", metavar="HANDLE", default="null", help="standard output and error of workers")
    parser.add_argument("--min", type=int, default=1, help="workers, at least")
    parser.add_argument("--max", type=int, default=4, help="workers, at most")
    parser.add_argument("--every", type=float, default=1, help="seconds between two looks at the queue")
    parser.add_argument("--calm", type=int, default=10, help="looks without anybody waiting until a worker is stopped")
    parser.add_argument("listener", help="name of the listening handle")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    while True:
        try:
            with contextlib.closing(Link(options.socket)) as link:
                Scaler(link, options).run()
        except OSError as error:
            log("control socket:", error)
        if not options.socket:
            return
        time.sleep(1)  # the server was started anew, or will be


if __name__ == "__main__":
    main()
