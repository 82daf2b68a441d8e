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

# Two commands that do everything, see README.md.
EXTRA_DIST += \
	.ci/run \
	quickstart \
	utilities/bench/chart.py \
	utilities/bench/children.py \
	utilities/bench/contenders.py \
	utilities/bench/goals.py \
	utilities/bench/load.py \
	utilities/bench/machine.py \
	utilities/bench/matrix.py \
	utilities/bench/parse.py \
	utilities/bench/report.py \
	utilities/bench/runner.py \
	utilities/bench/siege.py \
	utilities/bench/stats.py \
	utilities/bench/switch.py \
	utilities/bench/testpmd.py \
	utilities/bench/vring-bench \
	utilities/bench/vring-siege \
	utilities/quickstart/bench.sh \
	utilities/quickstart/build.sh \
	utilities/quickstart/check.sh \
	utilities/quickstart/lab.sh \
	utilities/quickstart/main-job.sh \
	utilities/quickstart/packages.sh \
	utilities/quickstart/ui.sh

# The benchmark's load generator, not installed.
noinst_PROGRAMS += utilities/bench/vring-load
utilities_bench_vring_load_SOURCES = \
	tests/no-dpdk.c \
	utilities/bench/load-frame.c \
	utilities/bench/load-frame.h \
	utilities/bench/load-guest.c \
	utilities/bench/load-guest.h \
	utilities/bench/load-hist.c \
	utilities/bench/load-hist.h \
	utilities/bench/load-loop.c \
	utilities/bench/load-main.c \
	utilities/bench/load-params.c \
	utilities/bench/load-ring.c \
	utilities/bench/load-ring.h \
	utilities/bench/load-run.c \
	utilities/bench/load-trial.c \
	utilities/bench/load-trial.h
utilities_bench_vring_load_CPPFLAGS = $(AM_CPPFLAGS) -I $(srcdir)/tests
utilities_bench_vring_load_LDADD = \
	tests/libfrontend.a $(OVS_LDADD) $(DPDK_LIBS) $(OVS_LIBS)

# Who means ill.
noinst_PROGRAMS += utilities/bench/vring-attack
utilities_bench_vring_attack_SOURCES = \
	tests/no-dpdk.c \
	utilities/bench/attack-main.c \
	utilities/bench/attack-rings.c \
	utilities/bench/attack-sockets.c \
	utilities/bench/attack.h
utilities_bench_vring_attack_CPPFLAGS = $(AM_CPPFLAGS) -I $(srcdir)/tests
utilities_bench_vring_attack_LDADD = \
	tests/libfrontend.a $(OVS_LDADD) $(DPDK_LIBS) $(OVS_LIBS)

# What a machine is like while it runs.
noinst_PROGRAMS += utilities/bench/calibrate
utilities_bench_calibrate_SOURCES = utilities/bench/calibrate.c

bench-tools: utilities/bench/vring-load utilities/bench/vring-attack \
	utilities/bench/calibrate \
	vswitchd/ovs-vswitchd-upstream
.PHONY: bench-tools
