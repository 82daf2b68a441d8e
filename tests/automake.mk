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

# The test suite is one Autotest script.  Groups of tests are told apart by
# keywords: "unit" (no root, no EAL), "switch" (a switch and a front end of
# ours), "guest" (Linux under QEMU), "upstream" (Open vSwitch's own suite).
TESTSUITE_AT = \
	tests/bad-input.at \
	tests/bench-report.at \
	tests/bench.at \
	tests/crafted.at \
	tests/csum.at \
	tests/dpdk-ports-config.at \
	tests/dpdk-ports-macros.at \
	tests/dpdk-ports.at \
	tests/dpdk.at \
	tests/fuzz.at \
	tests/guest-memory.at \
	tests/guest.at \
	tests/hostile-macros.at \
	tests/hostile-messages.at \
	tests/hostile-rings.at \
	tests/hostile-storms.at \
	tests/openflow-macros.at \
	tests/openflow.at \
	tests/qos-mempool.at \
	tests/readme.at \
	tests/siege.at \
	tests/switch-macros.at \
	tests/testsuite.at \
	tests/tls.at \
	tests/txq-map.at \
	tests/unit.at \
	tests/vhost-hostile.at \
	tests/vhost-ports.at \
	tests/vhost-rings.at \
	tests/vhost-user.at \
	tests/variants.at \
	tests/virtqueue.at \
	tests/vring-macros.at
TESTSUITE = $(srcdir)/tests/testsuite
EXTRA_DIST += $(TESTSUITE_AT) $(TESTSUITE) tests/package.m4
DISTCLEANFILES += tests/atconfig

# Real guests and a switch of one's own, also for the quickstart.
EXTRA_DIST += \
	tests/frame.py \
	tests/fresh-debian \
	tests/soak \
	tests/guest \
	tests/guest-image \
	tests/guest-init \
	tests/kernel-port.py \
	tests/lab/hugepages.sh \
	tests/lab/switch.sh \
	tests/readme-block \
	tests/test-bench.py

# Instructions of the engine, see tests/count-instructions.
EXTRA_DIST += tests/count-instructions tests/instructions
record-instructions: tests/test-virtqueue$(EXEEXT) tests/atlocal
	$(AM_V_GEN). tests/atlocal && \
	$(PYTHON3) $(srcdir)/tests/count-instructions --record \
	    --program=tests/test-virtqueue --flags="$$BUILD_FLAGS" \
	    $(srcdir)/tests/instructions
.PHONY: record-instructions

# Where the suite finds programs: ours first.
AUTOTEST_PATH = vswitchd:tests:$(OVS_BUILDDIR)/utilities:$(OVS_BUILDDIR)/ovsdb

tests/package.m4: $(top_srcdir)/configure.ac
	$(AM_V_GEN){ \
	    echo '# Made from configure.ac.'; \
	    echo 'm4_define([AT_PACKAGE_NAME], [$(PACKAGE_NAME)])'; \
	    echo 'm4_define([AT_PACKAGE_TARNAME], [$(PACKAGE_TARNAME)])'; \
	    echo 'm4_define([AT_PACKAGE_VERSION], [$(PACKAGE_VERSION)])'; \
	    echo 'm4_define([AT_PACKAGE_STRING], [$(PACKAGE_STRING)])'; \
	    echo 'm4_define([AT_PACKAGE_BUGREPORT], [$(PACKAGE_BUGREPORT)])'; \
	} >$(srcdir)/$@.tmp && mv $(srcdir)/$@.tmp $(srcdir)/$@

$(TESTSUITE): $(TESTSUITE_AT) tests/package.m4
	$(AM_V_GEN)$(AUTOM4TE) --language=autotest -I $(srcdir) \
	    -I $(srcdir)/tests -o $@.tmp $(srcdir)/tests/testsuite.at && \
	mv $@.tmp $@

# Programs of the tests.  LDADD, the default, is our library and what it needs.
LDADD = $(VRING_LDADD)
check_PROGRAMS += \
	tests/test-biased-lock \
	tests/test-csum \
	tests/test-dpdk-config \
	tests/test-dpdk-log \
	tests/test-eal-args \
	tests/test-frontend \
	tests/test-guest-memory \
	tests/test-txq-map \
	tests/test-vhost-user \
	tests/test-vhost-user-device \
	tests/test-vhost-user-msg \
	tests/test-virtqueue

tests_test_biased_lock_SOURCES = \
	tests/check.c \
	tests/check.h \
	tests/test-biased-lock.c

tests_test_csum_SOURCES = \
	tests/check.c \
	tests/check.h \
	tests/fake-mempool.c \
	tests/fake-mempool.h \
	tests/test-csum.c

tests_test_guest_memory_SOURCES = \
	tests/check.c \
	tests/check.h \
	tests/test-guest-fault.c \
	tests/test-guest-memory.c \
	tests/test-guest-memory.h

tests_test_vhost_user_SOURCES = \
	tests/check.c \
	tests/check.h \
	tests/msg-check.c \
	tests/msg-check.h \
	tests/test-vhost-user-paths.c \
	tests/test-vhost-user-slow.c \
	tests/test-vhost-user.c \
	tests/vhost-peer.c \
	tests/vhost-peer.h

tests_test_vhost_user_device_SOURCES = \
	tests/check.c \
	tests/check.h \
	tests/device-fixture.c \
	tests/device-fixture.h \
	tests/msg-check.c \
	tests/msg-check.h \
	tests/session-account.c \
	tests/session-account.h \
	tests/test-vhost-user-device-more.c \
	tests/test-vhost-user-device.c \
	tests/test-vhost-user-random.c

tests_test_vhost_user_msg_SOURCES = \
	tests/check.c \
	tests/check.h \
	tests/msg-check.c \
	tests/msg-check.h \
	tests/test-vhost-user-contents.c \
	tests/test-vhost-user-msg.c

tests_test_virtqueue_SOURCES = \
	tests/bad-chains.c \
	tests/bad-chains.h \
	tests/check.c \
	tests/check.h \
	tests/fake-mempool.c \
	tests/fake-mempool.h \
	tests/test-virtqueue-bench.c \
	tests/test-virtqueue-chaos.c \
	tests/test-virtqueue-count.c \
	tests/test-virtqueue-csum.c \
	tests/test-virtqueue-dequeue.c \
	tests/test-virtqueue-enqueue.c \
	tests/test-virtqueue-hostile.c \
	tests/test-virtqueue-notify.c \
	tests/test-virtqueue-packed.c \
	tests/test-virtqueue-quiet.c \
	tests/test-virtqueue-turns.c \
	tests/test-virtqueue-variants.c \
	tests/test-virtqueue-wrap.c \
	tests/test-virtqueue.c \
	tests/test-virtqueue.h \
	tests/vq-driver.c \
	tests/vq-guest.c \
	tests/vq-guest.h \
	tests/wild-guest.c \
	tests/wild-guest.h

# A guest's side, on Open vSwitch's library alone: it has to differ.  Messages
# and memory serve the benchmark's load generator as well.
noinst_LIBRARIES += tests/libfrontend.a
tests_libfrontend_a_SOURCES = \
	tests/frontend-dirty.c \
	tests/frontend-dirty.h \
	tests/frontend-memory.c \
	tests/frontend-memory.h \
	tests/frontend-packed.c \
	tests/frontend-packed.h \
	tests/frontend-names.c \
	tests/frontend-ring.c \
	tests/frontend-ring.h \
	tests/frontend-setup.c \
	tests/frontend.c \
	tests/frontend.h

tests_test_frontend_SOURCES = \
	tests/frontend-capture.c \
	tests/frontend-capture.h \
	tests/frontend-commands.c \
	tests/frontend-commands.h \
	tests/frontend-control.c \
	tests/frontend-deviate.c \
	tests/frontend-guest.c \
	tests/frontend-guest.h \
	tests/frontend-ip.c \
	tests/frontend-offences.c \
	tests/frontend-offend.c \
	tests/frontend-offend.h \
	tests/frontend-stream.c \
	tests/frontend-stream.h \
	tests/no-dpdk.c \
	tests/test-frontend.c
tests_test_frontend_LDADD = \
	tests/libfrontend.a $(OVS_LDADD) $(DPDK_LIBS) $(OVS_LIBS)

RUN_TESTSUITE = $(srcdir)/build-aux/run-testsuite $(TESTSUITE) -C tests \
	AUTOTEST_PATH='$(AUTOTEST_PATH)' $(TESTSUITEFLAGS)
EXTRA_DIST += build-aux/run-testsuite

# Open vSwitch's own suite, from its source package.
RUN_UPSTREAM = $(srcdir)/tests/upstream-suite --ovs-source='$(OVS_SRCDIR)' \
	--ovs-build='$(OVS_BUILDDIR)' --vswitchd=vswitchd/ovs-vswitchd \
	--output=tests/upstream-suite.dir $(UPSTREAMFLAGS)
EXTRA_DIST += tests/upstream-expected tests/upstream-suite

# "make check" runs the groups that it can, "make check-GROUP" one.  Autotest
# takes words of titles for keywords as well: hence the exceptions.
CHECK_LOCAL += check-groups
check-groups: all-am $(check_PROGRAMS) tests/atconfig tests/atlocal \
		$(TESTSUITE)
	@groups='$(CHECK_GROUPS)'; \
	if test -z "$$groups"; then \
	    groups=unit; \
	    if test `id -u` = 0; then \
	        groups='unit switch guest upstream'; \
	    else \
	        echo 'Not root: running the unit tests only.'; \
	    fi; \
	fi; \
	set --; upstream=; status=0; \
	for group in $$groups; do \
	    case $$group in \
	        upstream) upstream=yes ;; \
	        guest) set -- "$$@" -k 'guest,!unit,!switch' ;; \
	        *) set -- "$$@" -k $$group ;; \
	    esac; \
	done; \
	if test $$# -gt 0; then $(RUN_TESTSUITE) "$$@" || status=1; fi; \
	if test -n "$$upstream"; then $(RUN_UPSTREAM) || status=1; fi; \
	exit $$status

CHECK_TARGETS = check-unit check-switch check-guest check-upstream
$(CHECK_TARGETS):
	$(MAKE) check-groups CHECK_GROUPS=$(@:check-%=%)
.PHONY: $(CHECK_TARGETS)

CLEAN_LOCAL += clean-testsuite
clean-testsuite:
	test ! -f '$(TESTSUITE)' || $(SHELL) '$(TESTSUITE)' -C tests --clean
