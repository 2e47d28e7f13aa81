#!/usr/bin/env bash
# Looks at the code without running it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool() { go tool -modfile=tools/go.mod "$@"; }

# The launcher is assembly on two kinds of processors and a stage on the others: vet compares it with its
# declarations, on any machine.
for arch in amd64 arm64 riscv64; do
	GOARCH=$arch CGO_ENABLED=0 go vet ./...
done

tool golangci-lint run

# Examples that are compiled but not run have no caller, and need none.
dead=$(tool deadcode -test ./...)
dead=$(grep -v 'unreachable func: Example' <<<"$dead" || true)
if [ -n "$dead" ]; then
	printf 'nothing reaches:\n%s\n' "$dead"
	exit 1
fi

if command -v shellcheck >/dev/null; then
	find . -path ./build -prune -o \( -path ./.ci/run -o -name '*.sh' \) -exec shellcheck {} +
else
	echo "lint: shellcheck is missing; scripts were not checked"
fi
