# Doors for people; Meson does the work. Each first installs the Debian packages that it misses.
# make install honours DESTDIR and PREFIX; MESON_OPTIONS are handed to `meson setup` the first time.

BUILD ?= build
PREFIX ?= /usr/local
MESON_OPTIONS ?=

.PHONY: help run test build install bench clean
.NOTPARALLEL:

help:
	@echo 'make run      build, bring up a small internet in this machine, and watch a name and an address being found'
	@echo 'make test     build with two compilers and run every test; ends with "N passed, N failed, N skipped"'
	@echo 'make build    build $(BUILD)/gatehouse'
	@echo 'make install  install it below PREFIX ($(PREFIX)), with its manual pages; DESTDIR is honoured'
	@echo 'make bench    measure beside NSD, Knot, Unbound, Kea, dnsmasq, nftables, wireguard-go, HAProxy, nginx and h2o'
	@echo 'make clean    remove what was built'

run:
	@tools/packages build run
	@tools/build $(BUILD) $(MESON_OPTIONS)
	@$(BUILD)/gatehouse lab tour

test:
	@tools/packages build run test
	@tools/test

build:
	@tools/packages build
	@tools/build $(BUILD) $(MESON_OPTIONS)

install:
	@tools/packages build
	@PREFIX=$(PREFIX) tools/build $(BUILD) $(MESON_OPTIONS)
	@meson install -C $(BUILD) --no-rebuild --quiet

bench:
	@tools/packages build run bench
	@tools/build $(BUILD) $(MESON_OPTIONS)
	@ninja -C $(BUILD) bench/dhcp_load bench/nat_load bench/nat_tcp bench/nat_start bench/vpn_handshakes bench/web_origin bench/web_load bench/cache_ratio bench/policy_names
	@bench/run $(BUILD)/gatehouse

clean:
	@rm -rf $(BUILD) build-test
