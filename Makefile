# `make demo` and `make test` are the two commands of the README; the rest is for developers.

GO          ?= go
BIN         := bin/scaf
TOOLS       := $(CURDIR)/.tools/bin
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Pinned; the file names carry the version, so that a new pin is a new install.
GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.8.0
GOLANGCI    := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)
GOVULNCHECK := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)

REPO         ?=
FUZZTIME     ?= 30s
SOAKTIME     ?= 1h
TEST_TIMEOUT ?= 40m

# Packages tested at a time: one more than cores, because tests wait for the disk,
# for PostgreSQL and for processes of their own. GOGC saves about a seventh of the
# tests' CPU time; the program that scenarios and fault tests start does not inherit it.
TEST_PACKAGES ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

# The race detector watches everything but SQLite, which is C translated to Go:
# watching its every access to memory found nothing and took half of the time of
# all tests. SQLite's own locks are those of package sync, which are watched.
RACE := -race -gcflags='modernc.org/...=-race=false'

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-14s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: build ## a year of an invented company, reported on and served; with REPO=path the main job on a repository
ifeq ($(REPO),)
	@sh deploy/demo-year.sh $(BIN)
else
	sh deploy/demo.sh $(BIN) '$(REPO)'
endif

.PHONY: build
build: ## the product: one static binary, bin/scaf
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN) ./cmd/scaf

.PHONY: test
test: install-deps build ## install what the tests need, then run them all under the race detector
	GOGC=400 CGO_ENABLED=1 sh .ci/in-memory $(GO) test $(RACE) -vet=all -p $(TEST_PACKAGES) -timeout $(TEST_TIMEOUT) ./...

FOLDER ?=

.PHONY: screenshots
screenshots: install-deps ## pictures of every page, in test/browser/screenshots; FOLDER=dir: of a folder's copy
	$(GO) test -count=1 -run 'TestFirstStart|TestSignIn|TestEveryPage' ./test/browser -args $(if $(FOLDER),-folder '$(abspath $(FOLDER))')

.PHONY: test-long
test-long: install-deps ## the same with the long fault runs (SCAF_LONG=1)
	SCAF_LONG=1 CGO_ENABLED=1 $(GO) test $(RACE) -count=1 -timeout 4h ./...

.PHONY: soak
soak: install-deps ## the fault tests again and again for SOAKTIME, or until the first failure
	GO='$(GO)' sh .ci/soak '$(SOAKTIME)'

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME
	GO='$(GO)' sh .ci/fuzz '$(FUZZTIME)'

.PHONY: bench
bench: install-deps ## measure against the bare baselines of the same run; writes docs/benchmarks.md
	COMMIT='$(VERSION)' $(GO) test -count=1 -tags bench -run TestBench -timeout 2h -v ./test/bench

.PHONY: lint
lint: $(GOLANGCI) ## golangci-lint with the import directions
	$(GOLANGCI) run ./...

.PHONY: vulncheck
vulncheck: $(GOVULNCHECK) ## known vulnerabilities in what is called (needs vuln.go.dev)
	$(GOVULNCHECK) ./...

.PHONY: install-deps
install-deps: ## install the servers and tools that the tests use, if they are missing
	@sh .ci/install-deps

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .tools

$(GOLANGCI):
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(TOOLS)/golangci-lint $@

$(GOVULNCHECK):
	GOBIN=$(TOOLS) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	mv $(TOOLS)/govulncheck $@
