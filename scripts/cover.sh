#!/usr/bin/env bash
# Counts the statements that the tests reach, in themselves, in the processes that they start, and in the
# program that the scripts drive.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

counts=$PWD/build/cover
rm -rf "$counts"
mkdir -p "$counts"
chmod 1777 "$counts" # services of other users write there too

# Tests that look at a process of another user may fail here, where it cannot write its counts; make test judges.
GOCOVERDIR=$counts go test -cover -coverpkg=./... ./... -args -test.gocoverdir="$counts" ||
	echo "cover: tests failed; what they reached is counted all the same"
go tool covdata textfmt -i="$counts" -o build/cover.out
go tool cover -html=build/cover.out -o build/cover.html
go tool cover -func=build/cover.out | tail -n 1
