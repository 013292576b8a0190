# SPDX-License-Identifier: GPL-2.0-only
# The commands of the README, and what they are made of.
#
#   make run    set up what is missing, build, measure in a microVM
#   make check  formatting, lints, unit tests: what needs no microVM
#   make test   the same, and everything in microVMs
#   make help   the rest

HOST   := x86_64-unknown-linux-gnu
BIN    := build/bin
# Static, so that the same files run on the host and in the microVM.
STATIC := RUSTFLAGS="-C target-feature=+crt-static" \
	cargo build --quiet --release --target $(HOST) --target-dir build/static

export PATH := $(CURDIR)/build/tools/bin:$(PATH)

.PHONY: help setup build e2e-agent run check test imitated bench picture soak kmod clean

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))
	@echo 'make setup  install what is missing, and list it first'
	@echo 'make build  the command, the agent of the microVM'
	@echo 'make e2e-agent  the agent of the tests'
	@echo "make imitated  has a new kernel changed what the module imitates? 160 MB a kernel, once"
	@echo 'make kmod   the module for a kernel: KDIR=headers, default the running one'
	@echo 'make bench  auto and others against every fixed setting: about two hours, resumable'
	@echo "make picture  the README's picture, from a short bench: about 15 minutes"
	@echo 'make soak   coming and going on a kernel that watches itself: slow, see docs/soak.md'
	@echo 'make clean  remove all that was built'

setup:
	@scripts/setup.sh

build: setup
	@echo 'build: the command and the agent (static)'
	@$(STATIC) -p raext -p raext-guest
	@mkdir -p $(BIN)
	@cp build/static/$(HOST)/release/raext build/static/$(HOST)/release/raext-agent $(BIN)/

run: build
	@$(BIN)/raext compare --html build/compare.html --json build/compare.json

check: setup
	@scripts/check.sh

# The agent of the tests has the requests that only tests send, too.
e2e-agent: setup
	@echo 'build: the agent of the tests (static)'
	@$(STATIC) -p raext-e2e --bin raext-e2e-agent
	@mkdir -p $(BIN)
	@cp build/static/$(HOST)/release/raext-e2e-agent $(BIN)/

# Each part runs to its end: a lint hides no test.
test: build e2e-agent
	@scripts/test.sh

# Not a part of check or test: it asks the package archive. 69: a source cannot be had.
imitated:
	@cargo run --quiet -p xtask -- imitated

bench: build
	@$(BIN)/raext bench

# The rows of the README's picture: patterns, then programs.
PICTURED := seq-read mmap-seq stride backward interleaved rocksdb-readseq \
	rocksdb-mixgraph tar-beside-reads sqlite-scan postgres-scan

picture: build
	@$(BIN)/raext bench --quick -p auto --no-cost $(PICTURED:%=--row %) --out build/picture
	@$(BIN)/raext bench --show --out build/picture --svg docs/img/bench.svg

soak: build e2e-agent
	@scripts/soak/build-kernel.sh --install
	@RAEXT_CONSOLE_LOG=$(CURDIR)/build/soak/console.log \
		cargo test -p raext-e2e --features soak --test soak -- --nocapture --test-threads=1

kmod:
	@$(MAKE) -C kmod

clean:
	rm -rf build
	cargo clean
