# Copyright (c) 2026 The ovs-vring authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at:
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# Fuzzers.  In a usual build they run the inputs that are kept; with
# --enable-fuzzing, libFuzzer drives them.  "make fuzz" makes such a build in
# fuzz-build/ and runs each for FUZZ_SECONDS.
FUZZERS = config messages rings
check_PROGRAMS += \
	tests/fuzz/fuzz-config \
	tests/fuzz/fuzz-messages \
	tests/fuzz/fuzz-rings

FUZZ_COMMON = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
if !FUZZING
FUZZ_COMMON += tests/fuzz/main.c
endif



tests_fuzz_fuzz_config_SOURCES = $(FUZZ_COMMON) tests/fuzz/fuzz-config.c
tests_fuzz_fuzz_config_CFLAGS = $(AM_CFLAGS) $(VRING_FUZZER_CFLAGS)
tests_fuzz_fuzz_config_CPPFLAGS = $(AM_CPPFLAGS) -I $(srcdir)/tests
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) $(VRING_FUZZER)

tests_fuzz_fuzz_messages_SOURCES = \
	$(FUZZ_COMMON) \
	tests/fake-mempool.c \
	tests/fake-mempool.h \
	tests/fuzz/fuzz-messages.c \
	tests/fuzz/fuzz-session-check.c \
	tests/fuzz/fuzz-session-check.h \
	tests/fuzz/fuzz-session.c \
	tests/fuzz/fuzz-session.h \
	tests/session-account.c \
	tests/session-account.h
tests_fuzz_fuzz_messages_CFLAGS = $(AM_CFLAGS) $(VRING_FUZZER_CFLAGS)
tests_fuzz_fuzz_messages_CPPFLAGS = $(AM_CPPFLAGS) -I $(srcdir)/tests
tests_fuzz_fuzz_messages_LDFLAGS = \
	$(AM_LDFLAGS) $(VRING_FUZZER) -Wl,--wrap=mmap64 -Wl,--wrap=munmap

tests_fuzz_fuzz_rings_SOURCES = \
	$(FUZZ_COMMON) \
	tests/fake-mempool.c \
	tests/fake-mempool.h \
	tests/fuzz/fuzz-chains.c \
	tests/fuzz/fuzz-chains.h \
	tests/fuzz/fuzz-driver.c \
	tests/fuzz/fuzz-driver.h \
	tests/fuzz/fuzz-guest.c \
	tests/fuzz/fuzz-guest.h \
	tests/fuzz/fuzz-oracle.c \
	tests/fuzz/fuzz-oracle.h \
	tests/fuzz/fuzz-rings.c
tests_fuzz_fuzz_rings_CFLAGS = $(AM_CFLAGS) $(VRING_FUZZER_CFLAGS)
tests_fuzz_fuzz_rings_CPPFLAGS = $(AM_CPPFLAGS) -I $(srcdir)/tests
tests_fuzz_fuzz_rings_LDFLAGS = $(AM_LDFLAGS) $(VRING_FUZZER)

EXTRA_DIST += \
	tests/fuzz/README.md \
	tests/fuzz/config.dict \
	tests/fuzz/corpus.py \
	tests/fuzz/corpus/config-found.hex \
	tests/fuzz/corpus/config.hex \
	tests/fuzz/corpus/messages-found.hex \
	tests/fuzz/corpus/messages.hex \
	tests/fuzz/corpus/rings.hex \
	tests/fuzz/run-fuzzers

FUZZ_SECONDS = 60
FUZZ_FLAGS =
fuzz:
	@if test -z '$(CLANG)'; then \
	    echo 'make fuzz needs clang: apt-get install clang'; \
	    exit 1; \
	fi
	@$(MKDIR_P) fuzz-build
	@test -e fuzz-build/Makefile || { \
	    echo 'Configuring fuzz-build'; cd fuzz-build && \
	    '$(abs_srcdir)'/configure CC='$(CLANG)' CFLAGS='-g -O1' \
	        --enable-fuzzing --with-ovs-build='$(OVS_BUILDDIR)' \
	        >configure.log 2>&1 || { cat configure.log; exit 1; }; }
	@echo 'Building fuzz-build'
	@cd fuzz-build && $(MAKE) $(FUZZERS:%=tests/fuzz/fuzz-%) \
	    >make.log 2>&1 || { cat make.log; exit 1; }
	@$(srcdir)/tests/fuzz/run-fuzzers --seconds='$(FUZZ_SECONDS)' \
	    $(FUZZ_FLAGS) fuzz-build $(FUZZERS)
.PHONY: fuzz

DISTCLEAN_LOCAL += distclean-fuzz
distclean-fuzz:
	rm -rf fuzz-build
