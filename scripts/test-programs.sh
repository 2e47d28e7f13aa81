#!/usr/bin/env bash
# Installs the programs that the tests drive, as root where there is apt-get; otherwise it names those that are
# missing. A test whose program is missing skips itself and says so.
set -euo pipefail

# program:package, and a path where the program is in no search path.
wanted=(
	curl:curl
	gcc:gcc
	git:git
	ip:iproute2
	mandoc:mandoc
	nc:netcat-openbsd
	ps:procps
	python3:python3
	rsync:rsync
	setsid:util-linux
	shellcheck:shellcheck
	ssh:openssh-client
	/usr/sbin/sshd:openssh-server
	strace:strace
	tftp:tftp-hpa
	/usr/sbin/in.tftpd:tftpd-hpa
	uwsgi:uwsgi-core
	/usr/lib/uwsgi/plugins/python3_plugin.so:uwsgi-plugin-python3
)

missing() {
	local pair
	for pair in "${wanted[@]}"; do
		command -v "${pair%%:*}" >/dev/null || [ -e "${pair%%:*}" ] || echo "${pair##*:}"
	done
}

# Debian's packages start their daemons when they are installed, unless this file says no (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d

install_packages() {
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		trap 'rm -f "$policy"' EXIT
	fi
	local log
	log=$(mktemp)
	if ! { apt-get update && apt-get install --no-install-recommends -y "$@"; } >"$log" 2>&1 </dev/null; then
		echo "test-programs: cannot install:"
		tail -n 5 "$log"
	fi
	rm -f "$log"
}

mapfile -t packages < <(missing)
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	install_packages "${packages[@]}"
	mapfile -t packages < <(missing)
fi
if [ ${#packages[@]} -gt 0 ]; then
	echo "test-programs: missing, so that tests will be skipped: ${packages[*]}"
fi
