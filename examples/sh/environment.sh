#!/bin/sh
# Writes to the log what a service is given. The connection is only what starts it, and ends with it.
echo "process $$ of user $(id -un) in $PWD"
env | sort
