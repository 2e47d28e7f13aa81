#!/usr/bin/env python3
"""Answers one line of one client, on the listening socket that LISTEN_FDS announces, descriptor 3."""

import contextlib
import os
import socket
import sys

if os.environ.get("LISTEN_PID") != str(os.getpid()) or int(os.environ["LISTEN_FDS"]) < 1:
    sys.exit("LISTEN_FDS is not for me: start me behind a socket")
listener = socket.socket(fileno=3)
client, _ = listener.accept()
with contextlib.suppress(ConnectionError), client, client.makefile("rb") as lines:
    line = lines.readline(1024)
    if line:  # else the client left without a word
        client.sendall(b"I got your message: " + line.rstrip(b"\n") + b"\n")
