#!/bin/sh
# Keeps a service running: restart.sh NAME [COMMAND ARG...]. When it ends it is started again after 1, 2, 4 ... seconds;
# a run that was long enough begins anew with 1, and after too many short ones it stays down until somebody starts it by
# hand. To end the supervision, delete the service.
#
# Events are standard input, commands standard output. The number of short runs in a row, and the pid of the last that was
# counted, are kept in the tags of the service: so a restart.sh that is started in place of another goes on where that was,
# and counts none twice.
: "${FIRST:=1}"    # seconds until the first restart
: "${LONGEST:=60}" # seconds until a restart, at most
: "${CALM:=10}"    # seconds after which a run was long enough
: "${TRIES:=10}"   # short runs in a row after which it stays down

tab=$(printf '\t')
service=${1:?usage: restart.sh NAME [COMMAND ARG...]}
synchronised='' state='' failures=0 counted=''

# say sends a command: its arguments become fields.
say() (
	IFS=$tab
	printf '%s\n' "$*"
)

log() { printf '%s\n' "$*" >&2; }

# synchronise asks for the state of everything; the event `synchronised` is our own echo, behind it.
synchronise() {
	synchronised='' state=''
	say statedump
	say echo synchronised
}

# count counts the run that has ended. After TRIES of them it was started by hand.
count() {
	if [ "$ran" -ge "$CALM" ] || [ "$failures" -ge "$TRIES" ]; then failures=0; fi
	failures=$((failures + 1)) counted=$pid
	say service.tags "$service" "failures=$failures" "pid=$pid"
}

# plan plans the next run.
plan() {
	if [ "$failures" -ge "$TRIES" ]; then
		log "$service ended by $reason $value, $TRIES times in a row: it stays down"
		return
	fi
	delay=$FIRST i=1
	while [ $((i += 1)) -le "$failures" ] && [ "$delay" -lt "$LONGEST" ]; do delay=$((2 * delay)); done
	if [ "$delay" -gt "$LONGEST" ]; then delay=$LONGEST; fi
	log "$service ended by $reason $value: again in $delay s"
	say service.start "$service" $((since + delay))
}

# decide acts on the state that the service is in, however it came there.
decide() {
	case $state in
	'')
		log "there is no service $service: name a command"
		exit 1
		;;
	deleted) exit 0 ;;
	down)
		if [ "$since" != - ]; then
			if [ "$pid" != "$counted" ]; then count; fi
			plan
		elif [ "$1" = first ]; then # else somebody has taken a planned start back
			say service.start "$service"
		fi
		;;
	esac
}

if [ $# -gt 1 ]; then say service.args "$@"; fi
synchronise
# Several TABs in a row divide as one here, but none of these events has an empty field before its last.
while IFS=$tab read -r event name one two three four five six _; do
	case $event in
	service.state)
		if [ "$name" != "$service" ]; then continue; fi
		state=$one since=$two pid=$three reason=$four value=$five ran=$six
		if [ "$synchronised" ]; then decide; fi
		;;
	service.tags)
		if [ "$name" != "$service" ]; then continue; fi
		case $one in failures=*) failures=${one#failures=} counted=${two#pid=} ;; *) failures=0 counted='' ;; esac
		;;
	synchronised)
		synchronised=yes
		decide first
		;;
	overflow) synchronise ;; # events were lost
	error)
		case $name in
		"invalid timestamp"*) say service.start "$service" ;; # it was for a time that is past
		*) log "$service: $name $one $two" ;;
		esac
		;;
	esac
done
