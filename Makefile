# make help lists the targets.

PREFIX   ?= /usr/local
DESTDIR  ?=
FUZZTIME ?= 1m
COUNT    ?= 10

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# The tools have a module of their own, so that the product's go.mod holds what the product needs.
TOOL := go tool -modfile=tools/go.mod

# The race detector is the one thing here that needs a C compiler.
RACE := $(if $(shell command -v gcc),-race)

LIB := $(PREFIX)/lib/sockbridge
DOC := $(PREFIX)/share/doc/sockbridge

.NOTPARALLEL:
.PHONY: help build run test programs check-format format lint unit fuzz test-vm bench cover install tools clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build/sockbridge, static
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o build/sockbridge ./cmd/sockbridge

run: build ## serve the examples from a temporary folder
	@scripts/run.sh

test: programs check-format lint unit ## everything that must hold, the tests last

programs: ## install what the tests drive, as root on Debian; elsewhere name what is missing
	@scripts/test-programs.sh

check-format: ## fail if gofumpt would change a file
	@files=$$($(TOOL) gofumpt -l .) && test -z "$$files" || { echo "not formatted (make format):" $$files; exit 1; }

format: ## let gofumpt change files
	$(TOOL) gofumpt -l -w .

lint: ## go vet for each kind of processor, golangci-lint, dead code, shellcheck
	scripts/lint.sh

unit: ## all Go tests with the race detector, in any order
	$(TOOL) gotestsum --format pkgname --format-hide-empty-pkg -- $(RACE) -shuffle=on -timeout 10m ./...

fuzz: ## each fuzz target for FUZZTIME (1m)
	scripts/fuzz.sh $(FUZZTIME)

test-vm: ## starting processes on arm64 and an older kernel, under qemu; needs qemu-system-arm and cpio
	scripts/test-vm.sh

bench: ## compare with peers and floors, then each Go benchmark COUNT (10) times into build/bench.txt for benchstat
	@mkdir -p build
	bench/control.sh
	go test -run '^$$' -bench . -benchmem -count $(COUNT) ./... | tee build/bench.txt
	$(TOOL) benchstat build/bench.txt

cover: ## what tests and scripts reach, in build/cover.html
	scripts/cover.sh

install: build ## to DESTDIR and PREFIX (/usr/local); the units are examples in share/doc
	install -D build/sockbridge $(DESTDIR)$(PREFIX)/bin/sockbridge
	scripts/build-examples.sh $(DESTDIR)$(LIB)/examples
	install -d $(DESTDIR)$(DOC)/conf.d
	for unit in conf.d/*.toml; do \
		sed 's,/usr/lib/sockbridge/,$(LIB)/,g' "$$unit" >$(DESTDIR)$(DOC)/"$$unit" || exit 1; \
	done

tools: ## build the tools into Go's cache
	for tool in benchstat deadcode gofumpt golangci-lint gotestsum; do $(TOOL) -n $$tool || exit 1; done

clean: ## remove build/
	rm -rf build
