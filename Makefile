# SPDX-License-Identifier: Apache-2.0
# For people; the build itself is Meson's (meson.build).
#
#   make          build the program: build/fairlead
#   make lab      install what is missing, build, bring a whole cluster up on this machine, show it at work
#   make check    install what is missing, run every test
#   make down     take the lab down
#   make install  DESTDIR and PREFIX are honoured

BUILD  ?= build
PREFIX ?= /usr/local

.PHONY: all deps lab down check perf install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix=$(PREFIX)

deps:
	@tools/install_deps.sh build lab

lab: deps all
	@tools/lab_demo.py $(BUILD)/src/cmd/fairlead

down:
	@$(BUILD)/src/cmd/fairlead lab down

check:
	@tools/install_deps.sh build lab check
	@tools/check.py

perf: deps all
	@tools/install_deps.sh perf
	@tests/perf/run.py --build $(BUILD)

install: all
	@meson install -C $(BUILD) --no-rebuild

clean:
	@rm -rf build build-check build-fuzz
