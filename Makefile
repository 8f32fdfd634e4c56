# Everything starts from a fresh clone: each target installs what it lacks first.
#   make run    the proxy with its inspector         make test   every test
#   make lint   format and warnings                  make bench  against nginx, HAProxy, mitmproxy
#   make fuzz   inputs that break the parsers        make soak   all features under load, for a long time
#   make test-sanitize   units and stories under the thread and address sanitizers
#   make soak-inspector  a million flows through it  make screenshots     its pictures in docs
#   make bench-counts    instructions, allocations and system calls of a request, compared with the committed ones
LISTEN       ?= 127.0.0.1:8080
WEB_LISTEN   ?= 127.0.0.1:8081
CONFDIR      ?= $(HOME)/.proxyd
ADDON_SOCKET ?=
ADDON        ?= add-header=python3 examples/python/add_header.py
ARGS         ?=
SECONDS      ?= 60
MINUTES      ?= 30

.PHONY: run build test test-sanitize fuzz soak soak-inspector lint bench bench-soak bench-counts screenshots clean
.NOTPARALLEL:

run: build
	@LISTEN='$(LISTEN)' WEB_LISTEN='$(WEB_LISTEN)' CONFDIR='$(CONFDIR)' \
		ADDON_SOCKET='$(ADDON_SOCKET)' ADDON='$(ADDON)' python3 Scripts/run.py $(ARGS)

build:
	@sh Scripts/setup.sh build
	@sh Scripts/build.sh

test:
	@sh Scripts/test.sh $(SUITES)

test-sanitize:
	@sh Scripts/sanitize.sh $(SANITIZERS)

fuzz:
	@sh Scripts/fuzz.sh $(SECONDS) $(TARGETS)

soak:
	@sh Scripts/soak.sh $(MINUTES)

soak-inspector:
	@sh Scripts/soak.sh inspector $(FLOWS)

lint:
	@sh Scripts/lint.sh

screenshots:
	@sh Scripts/setup.sh test
	@sh Scripts/build.sh
	@.venv/bin/python Scripts/screenshots.py

bench bench-soak bench-counts:
	@sh Scripts/setup.sh bench
	@sh Scripts/bench.sh $@

clean:
	rm -rf .build .build-bench .build-fuzz .build-thread .build-address .venv .venv-mitmproxy .pytest_cache Benchmarks/results
