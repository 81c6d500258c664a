# What people type. Each target first installs what it needs from Debian (tools/setup.sh).

SHELL := /bin/bash
PREFIX ?= /usr/local
DESTDIR ?=
BAZEL ?= bazel
# Extra flags for every Bazel call, e.g. BAZEL_FLAGS=--jobs=2
BAZEL_FLAGS ?=
PROGRAMS := //cli:stevedore-cli //coordinator:stevedore-coordinator //worker:stevedore-worker

.DEFAULT_GOAL := help
.PHONY: help demo test bench check format install

help: ## this list
	@echo 'Stevedore builds graphs of container images with a fleet of workers. Targets:'
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) \
	  | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'
	@echo 'Each installs what it misses with apt-get; root (or sudo) is needed only for that.'

demo: ## build everything and watch a fleet of two workers build examples/shop
	@tools/setup.sh demo
	@examples/shop/demo.sh

test: ## every test, with real registries, Redis and Docker engines where they can run
	@tools/setup.sh test
	@tools/run_tests.sh

bench: ## layers against tar, umoci and buildah; the scheduler on real graphs
	@tools/setup.sh bench
	@bench/run.sh

check: ## format, tidy and shellcheck
	@tools/setup.sh check
	@tools/check.sh

format: ## rewrite C++ sources as `make check` wants them
	@tools/setup.sh check
	@git ls-files '*.h' '*.cc' '*.proto' | xargs clang-format-14 -i

install: ## optimised programs and shell completions into PREFIX (default /usr/local)
	@tools/setup.sh build
	$(BAZEL) build --config=release $(BAZEL_FLAGS) $(PROGRAMS)
	@tools/install.sh '$(DESTDIR)$(PREFIX)' "$$($(BAZEL) info --config=release bazel-bin 2>/dev/null)"
