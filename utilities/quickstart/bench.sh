# shellcheck shell=bash
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

# The benchmark: what it compares with is fetched and built, then
# utilities/bench/vring-bench does the rest.  Sourced by bash, needs ui.sh,
# packages.sh, build.sh and tests/lab/hugepages.sh.

# testpmd, and libraries of Debian's switch.
PACKAGES_BENCH="dpdk-dev libunbound8 libxdp1"
BENCH_REFERENCE=openvswitch-switch-dpdk

# bench_command ARGUMENT...: those of vring-bench
bench_command() {
    local log=$build/bench.log status
    : >"$log" || exit 1
    ui_title "Preparing (log: ${log#"$PWD/"})"
    # shellcheck disable=SC2086  # These are words.
    packages_install "$log" $PACKAGES_MAIN $PACKAGES_BENCH &&
    build_project "$log" all bench-tools &&
    bench_fetch "$log" || exit 1
    at_exit=bench_cleanup

    ui_title "Benchmark"
    # The last of several options counts.
    run_job "$top/utilities/bench/vring-bench" --build="$build" \
        --json="$build/bench/result.json" --svg="$build/bench/result.svg" \
        "$@"
    status=$?
    exit $status
}

# Debian's switch, unpacked and not installed.
bench_fetch() {
    local log=$1 dir=$build/bench/debian
    if [ -x "$dir/usr/lib/$BENCH_REFERENCE/ovs-vswitchd-dpdk" ]; then
        return 0
    fi
    mkdir -p "$build/bench"
    run_long "Reference: Debian's $BENCH_REFERENCE" "$log" \
        bench_download "$dir"
}

# bench_download DIR.  apt-get drops its privileges if it can: not needed.
bench_download() {
    local dir=$1
    rm -rf "$dir" "$dir.tmp"
    mkdir -p "$dir.tmp" &&
    (cd "$dir.tmp" &&
     apt-get -q -o APT::Sandbox::User=root download "$BENCH_REFERENCE" &&
     dpkg -x "$BENCH_REFERENCE"_*.deb . &&
     rm "$BENCH_REFERENCE"_*.deb) &&
    mv "$dir.tmp" "$dir"
}

bench_cleanup() {
    # A run that was killed could not.
    hugepages_give_back "$build/bench.hugepages"
    build_chown
}
