#!/usr/bin/env bash
# Serves the examples from a temporary folder until Ctrl-C, as any user, and changes nothing elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=$(mktemp -d "${TMPDIR:-/tmp}/sockbridge.XXXXXX")
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir" # services may run as other users
mkdir "$dir/conf.d" "$dir/run"

# programs UNIT: what its exec_start needs, a word a line; a script under env(1) needs its interpreter too.
programs() {
	sed -n 's/^exec_start = \[\(.*\)\].*/\1/p' "$1" | tr -d '" ' | tr ',' '\n' | sed -n '1p; 1{/\/env$/!q}; 2,$p'
}

# missing UNIT: the first of them that is not there.
missing() {
	local program
	while read -r program; do
		command -v "$program" >/dev/null || [ -e "$program" ] || { echo "$program" && return; }
	done < <(programs "$1")
}

scripts/build-examples.sh "$dir/examples"
echo "In another terminal:"
for unit in conf.d/*.toml; do
	sed -e "s,/usr/lib/sockbridge/examples,$dir/examples,g" -e "s,/run/sockbridge,$dir/run,g" "$unit" >"$dir/$unit"
	lacks=$(missing "$dir/$unit")
	if [ -n "$lacks" ]; then
		rm "$dir/$unit"
		echo "  ($unit is left out: there is no $lacks)"
	else
		sed -n 's/^# Try: /  /p' "$dir/$unit"
	fi
done
if ! command -v nc >/dev/null; then
	echo "Without nc: bash -c 'exec 3<>/dev/tcp/127.0.0.1/34567; echo hi >&3; cat <&3'"
fi
echo "Ctrl-C ends it."

options=(-c "$dir/conf.d" --control "$dir/control.sock" --log text)
if [ "$(id -u)" = 0 ]; then
	printf '[defaults.service]\nuser = "nobody"\n' >"$dir/sockbridge.toml"
	options+=(--settings "$dir/sockbridge.toml")
fi

# In the background, so that the traps act at once; with job control, since without it the shell would have it
# ignore SIGINT.
set -m
build/sockbridge run "${options[@]}" &
pid=$!
trap 'kill -INT "$pid"' INT
trap 'kill -TERM "$pid"' TERM
trap 'kill -HUP "$pid"' HUP

# A signal ends wait early, with a status above 128; 127 says that the last one was sockbridge's own.
status=0
wait "$pid" || status=$?
while [ "$status" -gt 128 ]; do
	again=0
	wait "$pid" 2>/dev/null || again=$?
	[ "$again" != 127 ] || break
	status=$again
done
exit "$status"
