#!/usr/bin/env python3
"""Keeps a service running. When it ends it is started again after 1, 2, 4 ... seconds; a run that was long enough
begins anew with 1, and after too many short ones it stays down until somebody starts it by hand. To end the
supervision, delete the service.

The number of short runs in a row, and the pid of the last that was counted, are kept in the tags of the service: so a
restart.py that is started in place of another goes on where that was, and counts none twice."""

import argparse
import contextlib
import sys
import time

from controller import SYNCHRONISED, Link, log


class Supervisor:
    def __init__(self, link, options):
        self.link = link
        self.options = options
        self.failures, self.counted = 0, ""
        self.status = None  # the fields behind the name in its last service.state
        self.synchronised = False

    def run(self):
        """Follows events until there are no more. True: somebody has deleted the service."""
        name = self.options.name
        if self.options.command:
            self.link.say("service.args", name, *self.options.command)
        self.synchronise()
        for event in self.link:
            match event:
                case ["service.state", service, "deleted", *_] if service == name:
                    return True
                case ["service.state", service, *status] if service == name:
                    self.status = status
                    if self.synchronised:
                        self.decide()
                case ["service.tags", service, *tags] if service == name:
                    memory = dict(tag.partition("=")[::2] for tag in tags)
                    self.failures, self.counted = int(memory.get("failures", 0)), memory.get("pid", "")
                case ["overflow"]:  # events were lost
                    self.synchronise()
                case [mark] if mark == SYNCHRONISED:
                    self.synchronised = True
                    self.decide(first=True)
                case ["error", text, *_] if text.startswith("invalid timestamp"):
                    self.link.say("service.start", name)  # it was for a time that is past
                case ["error", *text]:
                    log(name, *text)
        return False

    def synchronise(self):
        self.synchronised, self.status = False, None
        self.link.synchronise()

    def decide(self, first=False):
        """Acts on the state that the service is in, however it came there."""
        name, tries = self.options.name, self.options.tries
        if self.status is None:
            sys.exit(f"there is no service {name}: name a command")
        state, since, pid, reason, value, ran, *_ = self.status
        if state != "down":
            return
        if since == "-":
            if first:  # else somebody has taken a planned start back
                self.link.say("service.start", name)
            return
        if pid != self.counted:
            anew = int(ran) >= self.options.calm or self.failures >= tries  # the latter was started by hand
            self.failures, self.counted = 1 if anew else self.failures + 1, pid
            self.link.say("service.tags", name, f"failures={self.failures}", f"pid={pid}")
        if self.failures >= tries:
            log(f"{name} ended by {reason} {value}, {tries} times in a row: it stays down")
            return
        delay = min(self.options.first * 2 ** (self.failures - 1), self.options.longest)
        log(f"{name} ended by {reason} {value}: again in {delay} s")
        self.link.say("service.start", name, int(since) + delay)


def main():
    parser = argparse.ArgumentParser(description="Keeps a service running.")
    parser.add_argument("--socket", metavar="PATH", help="control socket; else descriptors 0 and 1 are the link")
    parser.add_argument("--first", type=int, default=1, help="seconds until the first restart")
    parser.add_argument("--longest", type=int, default=60, help="seconds until a restart, at most")
    parser.add_argument("--calm", type=int, default=10, help="seconds after which a run was long enough")
    parser.add_argument("--tries", type=int, default=10, help="short runs in a row after which it stays down")
    parser.add_argument("name")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="else those of the service that is there")
    options = parser.parse_args()
    while True:
        try:
            with contextlib.closing(Link(options.socket)) as link:
                if Supervisor(link, options).run():
                    return
        except OSError as error:
            log("control socket:", error)
        if not options.socket:
            return
        time.sleep(1)  # the server was started anew, or will be


if __name__ == "__main__":
    main()
