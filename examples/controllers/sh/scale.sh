#!/bin/sh
# Runs as many workers on one listening socket as its clients need: scale.sh LISTENER COMMAND ARG... starts one more while
# clients wait in the queue, and stops one when nobody has waited for a while. Workers are the services LISTENER.1,
# LISTENER.2 ...; each has the socket as its descriptor 3. A worker that ends is started again.
#
# Events are standard input, commands standard output.
: "${ADDRESS:=}"     # where to listen, ADDRESS:PORT or a path; else the handle must be there
: "${BACKLOG:=128}"  # how many clients may wait
: "${OUTPUT:=null}"  # handle that is standard output and error of workers
: "${MIN:=1}"        # workers, at least
: "${MAX:=4}"        # workers, at most
: "${EVERY:=1}"      # seconds between two looks at the queue
: "${CALM:=10}"      # looks without anybody waiting until a worker is stopped

tab=$(printf '\t')
listener=${1:?usage: scale.sh LISTENER COMMAND ARG...}
shift
want=$MIN idle=0
up=' '       # numbers of workers that run, or are about to, between blanks
stopping=' ' # those of them that were told to end
open=''      # yes: the listener is there
synchronised=''

# say sends a command: its arguments become fields.
say() (
	IFS=$tab
	printf '%s\n' "$*"
)

# has tells whether a list holds a number; without prints the list without it.
has() { case $1 in *" $2 "*) ;; *) return 1 ;; esac }
without() { if has "$1" "$2"; then printf '%s' "${1%%" $2 "*} ${1#*" $2 "}"; else printf '%s' "$1"; fi; }

# synchronise asks for the state of everything; the event `synchronised` is our own echo, behind it.
synchronise() {
	synchronised='' open='' up=' '
	say statedump
	say echo synchronised
}

# follow notes the state of a worker.
follow() {
	case $2 in
	start | up) has "$up" "$1" || up="$up$1 " ;;
	*)
		up=$(without "$up" "$1")
		stopping=$(without "$stopping" "$1")
		;;
	esac
}

# begin sets up what is not there. What an earlier scale.sh has left running stays.
begin() {
	if [ "$ADDRESS" ] && [ ! "$open" ]; then
		case $ADDRESS in */*) kind=unix ;; *) kind=tcp ;; esac
		say fd.socket "$listener" "$kind,listen=$BACKLOG" "$ADDRESS"
	fi
	number=0 want=0
	while [ $((number += 1)) -le "$MAX" ]; do
		say service.args "$listener.$number" "$@"
		say service.fds "$listener.$number" null "$OUTPUT" "$OUTPUT" "$listener"
		say service.opts "$listener.$number" env=UPSTART_FDS=3
		if has "$up" $number && ! has "$stopping" $number; then want=$((want + 1)); fi
	done
	if [ "$want" -lt "$MIN" ]; then want=$MIN; fi
	synchronised=yes
}

# decide is told how many clients wait.
decide() {
	if [ "$1" -gt 0 ]; then idle=0; else idle=$((idle + 1)); fi
	if [ "$1" -gt 0 ] && [ "$want" -lt "$MAX" ]; then
		want=$((want + 1))
	elif [ "$idle" -ge "$CALM" ] && [ "$want" -gt "$MIN" ]; then
		want=$((want - 1)) idle=0
	fi
	number=0
	while [ $((number += 1)) -le "$MAX" ]; do
		if [ $number -le "$want" ]; then
			has "$up" $number || say service.start "$listener.$number"
		elif has "$up" $number && ! has "$stopping" $number; then
			say service.stop "$listener.$number"
			stopping="$stopping$number "
		fi
	done
}

# Looks at the queue now and then; the answers come as events. It ends with us, or when nobody reads its commands.
while sleep "$EVERY" && say fd.queue "$listener"; do :; done &
poller=$!
trap 'kill "$poller" 2>/dev/null' EXIT
trap 'exit 143' HUP INT TERM

synchronise
while IFS=$tab read -r event name value rest; do
	case $event in
	fd.state)
		if [ "$name" != "$listener" ]; then continue; fi
		if [ "$value" = deleted ]; then open=''; else open=yes; fi
		;;
	service.state)
		case $name in
		"$listener".*[!0-9]*) ;;
		"$listener".*) follow "${name#"$listener".}" "$value" ;;
		esac
		;;
	fd.queue) if [ "$name" = "$listener" ] && [ "$synchronised" ]; then decide "$value"; fi ;;
	synchronised) begin "$@" ;;
	overflow) synchronise ;; # events were lost
	error) printf '%s\n' "$name $value $rest" >&2 ;;
	esac
done
