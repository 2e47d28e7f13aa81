#!/usr/bin/env bash
# build-examples.sh DIR: puts the example services and controllers into DIR, built: NAME.c becomes NAME, the Go program in go/NAME
# becomes go/NAME/NAME. Without gcc or go those in C or Go are left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
to=$1

for script in examples/{,controllers/}sh/*.sh examples/{,controllers/}python/*.py; do
	install -D -m "$(stat -c %a "$script")" "$script" "$to/${script#examples/}"
done
for source in examples/c/*.c; do
	install -D -m 644 "$source" "$to/${source#examples/}"
	if command -v gcc >/dev/null; then
		program=${source#examples/}
		gcc -O2 -Wall -Wextra -o "$to/${program%.c}" "$source"
	fi
done
for source in examples/{,controllers/}go/*/main.go; do
	for file in "$(dirname "$source")"/*.go; do
		install -D -m 644 "$file" "$to/${file#examples/}"
	done
	if command -v go >/dev/null; then
		folder=$(dirname "${source#examples/}")
		CGO_ENABLED=0 go build -trimpath -o "$to/$folder/$(basename "$folder")" "./examples/$folder"
	fi
done
