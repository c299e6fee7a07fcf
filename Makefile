# Everything sets itself up: `make run` needs Go alone, `make test` installs
# what the tests need (Debian's PostgreSQL and Chromium, node packages) when it
# is not there.

BIN      := bin/privacyd
VERSION  ?= 0.1.0-dev
DATA     ?= ./privacyd-data
LISTEN   ?= 127.0.0.1:8080
GO       ?= go
TOOLS    := $(CURDIR)/bin/tools

.PHONY: run build test lint bench setup css test-go test-browser test-faults test-services fuzz description stop-postgres

run: build
	$(BIN) serve --data $(DATA) --listen $(LISTEN) --sample

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o $(BIN) ./cmd/privacyd

test: setup lint test-go test-browser

setup:
	./scripts/setup

lint:
	./scripts/lint

test-go:
	./scripts/in-memory ./scripts/test-go

test-browser: build
	./scripts/in-memory ./scripts/test-browser

# Hours: every fault at every step, 200 rounds of kill -9, ten million entries.
test-faults: setup
	./scripts/test-faults

# The binary with OpenBao as its key service; the first time OpenBao is built.
test-services:
	./scripts/test-services

# A minute for each parser of outside input.
fuzz:
	./scripts/fuzz 60s

bench: build
	./bench/run

css:
	cd web && ./build-css.sh

description: # docs/openapi.json and the codes of docs/rest-api.md, anew
	PRIVACYD_TEST_UPDATE=1 $(GO) test ./rest -count=1 -run TestDescription
	PRIVACYD_TEST_UPDATE=1 $(GO) test ./docs -count=1 -run TestCodes

stop-postgres:
	./scripts/postgres stop
