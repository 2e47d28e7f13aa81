#!/usr/bin/env python3
"""Starts each service again that a signal has ended, two seconds later. Events are standard input, commands standard output."""

import sys

for line in sys.stdin:
    event, *fields = line.rstrip("\n").split("\t")
    if event == "service.state" and fields[1] == "down" and fields[4] == "signal":
        print("service.start", fields[0], int(fields[2]) + 2, sep="\t", flush=True)
