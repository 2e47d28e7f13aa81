#!/bin/sh
# Starts each service again that a signal has ended, two seconds later. Events are standard input, commands standard output.
tab=$(printf '\t')
while IFS=$tab read -r event name state since _ reason _; do
	if [ "$event $state $reason" = "service.state down signal" ]; then
		printf 'service.start\t%s\t%s\n' "$name" $((since + 2))
	fi
done
