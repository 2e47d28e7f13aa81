#!/usr/bin/env python3
"""Answers one line of one client, on the listening socket that UPSTART_FDS names."""

import contextlib
import os
import socket

listener = socket.socket(fileno=int(os.environ["UPSTART_FDS"]))
client, _ = listener.accept()
with contextlib.suppress(ConnectionError), client, client.makefile("rb") as lines:
    line = lines.readline(1024)
    if line:  # else the client left without a word
        client.sendall(b"I got your message: " + line.rstrip(b"\n") + b"\n")
