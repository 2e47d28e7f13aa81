#!/bin/sh
# Answers one line. The connection is standard input and output: standard_input = "socket".
IFS= read -r line || [ -n "$line" ] || exit 0 # the client left without a word
printf 'I got your message: %s\n' "$line"
