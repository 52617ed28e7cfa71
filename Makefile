# Short names for what is in scripts/; nothing here needs make.
PREFIX ?= /usr/local

.PHONY: help demo test build install format lint

help:
	@echo "make demo     install what is missing, build and run the example"
	@echo "make test     install what is missing, build and run the tests"
	@echo "make build    build the program nightjar for production"
	@echo "make install  copy it to \$$(PREFIX)/bin, $(PREFIX)/bin by default"
	@echo "make format   format the sources; make lint: check that they are"

demo:
	@scripts/demo

test:
	@scripts/test

build:
	@scripts/install-dependencies
	swift build -c release --product nightjar

install: build
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 "$$(swift build -c release --show-bin-path)/nightjar" "$(DESTDIR)$(PREFIX)/bin/nightjar"

format:
	swift format --in-place --recursive Package.swift Sources Tests Examples

lint:
	swift format lint --strict --recursive Package.swift Sources Tests Examples
