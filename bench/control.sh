#!/usr/bin/env bash
# Measures the control protocol against its floor. Arguments go to bench/control: -rounds 7
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build/bench
gcc -O2 -Wall -Wextra -static -o build/bench/echo bench/echo.c
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o build/bench/sockbridge ./cmd/sockbridge
CGO_ENABLED=0 go build -o build/bench/control ./bench/control
exec build/bench/control "$@" build/bench/echo build/bench/sockbridge
