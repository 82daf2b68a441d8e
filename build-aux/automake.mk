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

EXTRA_DIST += \
	build-aux/build-ovs \
	build-aux/check-style \
	build-aux/ovs-releases

CHECK_LOCAL += check-style
check-style:
	$(AM_V_GEN)$(SHELL) $(srcdir)/build-aux/check-style $(srcdir)

# Lock annotations are checked by clang alone.
CHECK_LOCAL += thread-safety
VRING_C_FILES = \
	$(filter %.c,$(lib_libvring_a_SOURCES) $(VARIANT_FILES))
thread-safety:
	@if test -z '$(CLANG)'; then \
	    echo "thread-safety: skipped (no clang: apt-get install clang)"; \
	else \
	    status=0; \
	    for file in $(VRING_C_FILES:%=$(srcdir)/%) $(srcdir)/tests/*.c \
	        $(srcdir)/tests/fuzz/*.c $(srcdir)/utilities/bench/*.c; do \
	        $(CLANG) -fsyntax-only -Wthread-safety -DVQ_VARIANT=scalar $(AM_CPPFLAGS) \
	            -I $(srcdir)/tests $(CPPFLAGS) $(VRING_CFLAGS) \
	            $(VRING_WARNINGS) -Werror $$file || status=1; \
	    done; \
	    exit $$status; \
	fi

# What gcc finds by following all ways through a function.  It believes that a
# packet may have no data.
CHECK_LOCAL += analyze
analyze:
	@status=0; \
	for file in $(VRING_C_FILES:%=$(srcdir)/%); do \
	    $(CC) -fanalyzer -Wno-analyzer-null-argument -O1 -Werror \
	        -DVQ_VARIANT=scalar $(AM_CPPFLAGS) $(CPPFLAGS) \
	        $(VRING_CFLAGS) -c -o /dev/null $$file || status=1; \
	done; \
	exit $$status

# What cppcheck finds.  It does not know Open vSwitch's lists, whose iterators
# seem to have no value: compilers look after that.
cppcheck:
	cppcheck -q --std=c11 --enable=warning,portability --error-exitcode=1 \
	    --suppress=uninitvar --suppress='*:*/ovs/*' \
	    --suppress=missingInclude $(AM_CPPFLAGS) $(srcdir)/lib

# In a checkout: is everything distributed?
CHECK_LOCAL += check-dist
check-dist:
	@if test -e $(srcdir)/.git && (git --version) >/dev/null 2>&1; then \
	    for file in $(DISTFILES); do \
	        echo "$${file#$(srcdir)/}"; \
	    done >dist.tmp; \
	    missing=`(cd $(srcdir) && git ls-files) | \
	        grep -v -E '(^|/)\.' | grep -v -x -F -f dist.tmp`; \
	    rm -f dist.tmp; \
	    if test -n "$$missing"; then \
	        echo 'Not in the distribution (add to EXTRA_DIST):'; \
	        echo "$$missing"; \
	        exit 1; \
	    fi; \
	fi
