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

# A switch of one's own: ovsdb-server and ovs-vswitchd with a private run
# directory, which nothing installed on the machine knows of.  Sourced by
# bash, needs hugepages.sh.
#
#     lab_new DIR      makes DIR, for all that the lab leaves on disk
#     lab_open DIR     uses the lab in DIR, which lab_new made
#     lab_enter        makes this shell's commands talk to the lab
#     lab_start KEY=VALUE...
#                      starts the switch with these other_config keys
#     lab_stop         ends everything the lab runs, gives hugepages back
#
# The caller has set $build, the build tree, and $top, the source tree.  The
# processes of a lab have LAB_DIR in their environment, and that is how they
# are told from all others.
#
# Thread counts and CPUs: this is for trying and testing on small machines,
# so there is one PMD thread, and it sleeps when it finds nothing to do.

LAB_HUGEPAGES=256
LAB_TIMEOUT=30

lab_new() {
    lab=$1
    mkdir -p "$lab" && chmod 755 "$lab"
}

lab_open() {
    lab=$1
    [ -d "$lab" ]
}

lab_enter() {
    # shellcheck source=/dev/null
    . "$build/tests/atlocal"
    PATH=$OVS_BUILDDIR/utilities:$OVS_BUILDDIR/ovsdb:$top/tests:$PATH
    OVS_RUNDIR=$lab OVS_LOGDIR=$lab OVS_DBDIR=$lab OVS_SYSCONFDIR=$lab
    OVS_CTL_TIMEOUT=$LAB_TIMEOUT
    GUEST_DIR=$lab GUEST_IMAGE=$build/guest-image
    export PATH OVS_RUNDIR OVS_LOGDIR OVS_DBDIR OVS_SYSCONFDIR
    export OVS_CTL_TIMEOUT GUEST_DIR GUEST_IMAGE
}

# lab_run COMMAND...: as a process of the lab.
lab_run() {
    LAB_DIR=$lab "$@"
}

# The CPUs this process may use, one a line.
lab_cpus() {
    local list range
    list=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
    for range in ${list//,/ }; do
        seq "${range%-*}" "${range#*-}"
    done
}

lab_cpu_mask() {
    local digits=''
    printf -v digits '%*s' $(($1 / 4)) ''
    echo "0x$((1 << ($1 % 4)))${digits// /0}"
}

# Memory for DPDK: sets lab_memory to what other_config has to say.
lab_take_memory() {
    if hugepages_take "$LAB_HUGEPAGES" "$lab/hugepages"; then
        lab_memory=(dpdk-socket-mem=$((2 * LAB_HUGEPAGES))
                    dpdk-extra=--no-pci)
    else
        lab_memory=("dpdk-extra=--no-pci --no-huge -m 512")
    fi
}

lab_start() {
    local first last setting other_config=()
    first=$(lab_cpus | head -n 1)
    last=$(lab_cpus | tail -n 1)
    lab_take_memory
    for setting in dpdk-init=true "${lab_memory[@]}" \
                   "dpdk-lcore-mask=$(lab_cpu_mask "$first")" \
                   "pmd-cpu-mask=$(lab_cpu_mask "$last")" \
                   pmd-maxsleep=500 "$@"; do
        other_config+=("other_config:${setting%%=*}=\"${setting#*=}\"")
    done

    # Sockets, pid files and logs are called after the program.
    ln -sf "${OVS_VSWITCHD:-$build/vswitchd/ovs-vswitchd}" \
        "$lab/ovs-vswitchd" &&
    ovsdb-tool create "$lab/conf.db" \
        "$OVS_SRCDIR/vswitchd/vswitch.ovsschema" &&
    lab_run ovsdb-server --detach --no-chdir --pidfile --log-file \
        -vconsole:off -vsyslog:off --remote="punix:$lab/db.sock" \
        "$lab/conf.db" &&
    ovs-vsctl --no-wait init &&
    ovs-vsctl --no-wait set Open_vSwitch . "${other_config[@]}" &&
    # EAL keeps its own files below RUNTIME_DIRECTORY.
    RUNTIME_DIRECTORY=$lab lab_run "$lab/ovs-vswitchd" --detach --no-chdir \
        --pidfile --log-file -vconsole:off -vsyslog:off --disable-system \
        "unix:$lab/db.sock"
}

# Ids of the processes of the lab.
lab_processes() {
    local environ pid
    for environ in /proc/[0-9]*/environ; do
        if grep -qzxF "LAB_DIR=$lab" "$environ" 2>/dev/null; then
            pid=${environ#/proc/}
            echo "${pid%/environ}"
        fi
    done
}

lab_gone() {
    [ -z "$(lab_processes)" ]
}

# lab_wait SECONDS COMMAND...: until COMMAND succeeds.
lab_wait() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

lab_kill() {
    local pids
    mapfile -t pids < <(lab_processes)
    [ ${#pids[@]} -eq 0 ] || kill "-$1" "${pids[@]}" 2>/dev/null
}

lab_stop() {
    lab_kill TERM
    lab_wait 10 lab_gone || { lab_kill KILL; lab_wait 10 lab_gone; }
    hugepages_give_back "$lab/hugepages"
}
