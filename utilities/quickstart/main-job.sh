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

# The main job: guests talk through the switch as OpenFlow rules say.  Sourced
# by bash, needs ui.sh, lab.sh and tests/lab/switch.sh.
#
# The guests have static neighbours and no IPv6, and the bridge has no rules
# but ours.  So nothing is ever sent that the guests were not told to send,
# and all counters must agree to the packet and to the byte.

BULK_MB=16
VM1_IP=10.0.0.1 VM1_MAC=02:00:00:00:00:01
VM2_IP=10.0.0.2 VM2_MAC=02:00:00:00:00:02
SERVICE_IP=10.0.0.100

# main_job_command KEEP: all of it, with preparations and cleaning up.
main_job_command() {
    local keep=$1 status start=$SECONDS
    prepare "$build/quickstart.log" "$PACKAGES_MAIN" || exit 1
    at_exit=main_job_cleanup
    lab_claim || { at_exit=:; exit 1; }

    ui_title "The main job"
    run_job env LAB_DIR="$lab" unshare --net -- "$top/quickstart" \
        --main-job "$lab"
    status=$?
    printf '\n%s\n' "Took $((SECONDS - start)) s in all."
    if [ -n "$keep" ]; then
        : >"$lab/kept"
        main_job_explain
    fi
    exit $status
}

main_job_cleanup() {
    local n=0
    if [ "$1" -ne 0 ]; then
        echo "Logs are in $(lab_save_logs)."
    fi
    if [ ! -e "$lab/kept" ]; then
        [ ! -e "$lab/hugepages" ] || n=$(cat "$lab/hugepages")
        lab_remove
        echo "Stopped the guests and the switch" \
             "and gave $n hugepages back."
    fi
    build_chown
}

main_job_explain() {
    local in="$me in"
    [ -z "${SUDO_UID-}" ] || in="sudo $in"
    cat <<EOF

Everything is left running, in $lab.  Try:

  $in ovs-vsctl show
  $in ovs-vsctl list Interface vm1
  $in ovs-ofctl dump-flows br0
  $in ovs-ofctl add-flow br0 priority=9,in_port=vm1,icmp,actions=drop
  $in ovs-appctl dpif-netdev/pmd-rxq-show
  $in guest run vm1 ping -c 3 $VM2_IP
  $in guest reboot vm2
  $in bash

and in the end:

  ${in% in} stop
EOF
}

# Each step below is a function that calls ui_begin() and ui_end(), or fail().

fail() {
    ui_end FAILED
    ui_note "$@"
    printf '\n%s\n' "$n_held steps held, then one failed."
    exit 1
}

# Shows a command and runs it.
shown() {
    local out
    main_job_commands+=("\$ $*")
    out=$("$@" 2>&1) || fail "${main_job_commands[@]}" "$out"
}
main_job_commands=()

# Ends a step with the commands that were shown, and more notes.
held() {
    ui_end ok
    ui_note "${main_job_commands[@]}" "$@"
    main_job_commands=()
    n_held=$((n_held + 1))
}
n_held=0

# in_guest NAME SCRIPT: sets $said to what it printed.
in_guest() {
    said=$(guest run "$1" "$2" 2>&1)
}

main_job() {
    lab_open "$1"
    lab_enter
    ip link set lo up
    step_switch
    step_bridge
    step_guests
    step_ping
    step_drop
    step_rewrite
    step_bulk "$VM2_IP" 5000 "$BULK_MB"
    step_service
    step_counters
    printf '\n%s%s%s\n' "$ui_green" "All $n_held steps held." "$ui_plain"
}

step_switch() {
    local out memory
    ui_begin "ovsdb-server and ovs-vswitchd start"
    out=$(lab_start 2>&1) || fail "$out" "$(tail -n 3 "$lab"/ovs-*.log)"
    [ "$(ovs-vsctl get Open_vSwitch . dpdk_initialized)" = true ] ||
        fail "DPDK is not initialized: see ovs-vswitchd.log"
    if [ -e "$lab/hugepages" ]; then
        memory="$(cat "$lab/hugepages") of 2 MB, until this ends"
    else
        memory="none to be had, so DPDK uses ordinary memory"
    fi
    mapfile -t out < <("$lab/ovs-vswitchd" --version)
    held "${out[@]}" "hugepages: $memory"
}

step_bridge() {
    local vm
    ui_begin "bridge br0 with the vhost-user ports vm1 and vm2"
    shown ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev \
        fail-mode=secure
    for vm in vm1 vm2; do
        shown ovs-vsctl add-port br0 $vm -- \
            set Interface $vm type=dpdkvhostuser
    done
    [ -z "$(ovs-vsctl --bare --columns=error list Interface)" ] ||
        fail "$(ovs-vsctl show)"
    shown ovs-ofctl add-flow br0 in_port=vm1,ip,actions=output:vm2
    shown ovs-ofctl add-flow br0 in_port=vm2,ip,actions=output:vm1
    held
}

step_guests() {
    ui_begin "two Linux guests boot under QEMU"
    # The path of a server port's socket is that of the run directory.
    { guest start vm1 --no-wait --socket "$lab/vm1" \
        --mac $VM1_MAC --ip $VM1_IP/24 --neigh $VM2_IP=$VM2_MAC \
        --neigh $SERVICE_IP=$VM2_MAC &&
      guest start vm2 --no-wait --socket "$lab/vm2" \
        --mac $VM2_MAC --ip $VM2_IP/24 --neigh $VM1_IP=$VM1_MAC &&
      guest wait vm1 && guest wait vm2; } >"$lab/boot.log" 2>&1 &
    ui_wait $! "$lab/vm1.console" || fail "$(cat "$lab/boot.log")"
    in_guest vm1 'uname -sr; cd /sys/class/net/eth0/device
                  basename $(readlink driver)' || fail "$said"
    held "${said/$'\n'/, driver of eth0: }"
}

step_ping() {
    ui_begin "vm1 pings vm2"
    in_guest vm1 "ping -i 0.2 $VM2_IP >/tmp/ping & echo \$! >/tmp/ping.pid
        until [ \$(grep -c ttl=64 /tmp/ping) -ge 5 ]; do sleep 0.1; done
        tail -n 1 /tmp/ping" || fail "no replies" "$said"
    held "vm1: $said"
}

# Replies that vm1 gets while it sends ten more requests, after two that may
# have been under way.
replies_to_ten='
sent() { cat /sys/class/net/eth0/statistics/tx_packets; }
got() { grep -c ttl= /tmp/ping; }
send() { n=$(($(sent) + $1)); until [ $(sent) -ge $n ]; do sleep 0.1; done; }
send 2; before=$(got); send 10; echo $(($(got) - before))'

step_drop() {
    ui_begin "a rule is changed, and the ping stops"
    shown ovs-ofctl mod-flows br0 in_port=vm2,ip,actions=drop
    ovs-appctl revalidator/wait
    in_guest vm1 "$replies_to_ten" || fail "vm1 does not send" "$said"
    [ "$said" = 0 ] || fail "$said replies came all the same"
    held "vm1: 10 requests, no reply"
}

step_rewrite() {
    ui_begin "it is changed again: the ping is back, with another TTL"
    shown ovs-ofctl mod-flows br0 \
        "in_port=vm2,ip,actions=set_field:42->nw_ttl,output:vm1"
    in_guest vm1 "until [ \$(grep -c ttl=42 /tmp/ping) -ge 5 ]; do
            sleep 0.1
        done
        tail -n 1 /tmp/ping; kill \$(cat /tmp/ping.pid)" ||
        fail "no replies with TTL 42" "$said"
    held "vm1: $said"
}

# step_bulk ADDRESS PORT MB: from vm1 to vm2, by way of ADDRESS.
step_bulk() {
    local address=$1 port=$2 mb=$3 sum
    ui_begin "vm1 sends $mb MB to $address, and the checksum is right"
    # The receiver's end of the connection is open until it has everything.
    in_guest vm2 "nc -l -p $port -e sh -c 'cat >/tmp/got' &
        until netstat -lnt | grep -q :$port; do sleep 0.1; done" ||
        fail "vm2 does not listen" "$said"
    in_guest vm1 "dd if=/dev/urandom of=/tmp/sent bs=1M count=$mb 2>/dev/null
        nc $address $port </tmp/sent && sha256sum </tmp/sent" ||
        fail "vm1 cannot send" "$said"
    sum=$said
    in_guest vm2 'stat -c %s /tmp/got; sha256sum </tmp/got' ||
        fail "vm2 got nothing" "$said"
    [ "$said" = "$((mb << 20))"$'\n'"$sum" ] ||
        fail "vm1 sent $((mb << 20)) bytes, SHA-256 $sum" "vm2 got $said"
    held "both: ${sum:0:64}"
}

step_service() {
    local actions
    actions=set_field:$VM2_IP-\>nw_dst,output:vm2
    shown ovs-ofctl add-flow br0 \
        "priority=40000,in_port=vm1,tcp,nw_dst=$SERVICE_IP,actions=$actions"
    actions=set_field:$SERVICE_IP-\>nw_src,output:vm1
    shown ovs-ofctl add-flow br0 \
        "priority=40000,in_port=vm2,tcp,tp_src=5001,actions=$actions"
    step_bulk "$SERVICE_IP" 5001 4
}

# counts VM: sets $table to lines "WHAT GUEST PORT FLOWS".
counts() {
    local vm=$1 guest_counts port flow_packets flow_bytes name column=''
    guest_counts=$(guest run "$vm" 'cd /sys/class/net/eth0/statistics
        cat tx_packets tx_bytes rx_packets rx_bytes') || return 1
    port=''
    # What the guest sends is what the port receives.
    for name in rx_packets rx_bytes tx_packets tx_bytes; do
        column=$(ovs-vsctl --if-exists get Interface "$vm" \
                     "statistics:$name" 2>&1)
        port+=${column:-none}$'\n'
    done
    read -r flow_packets flow_bytes < <(
        ovs-ofctl dump-aggregate br0 "in_port=$vm" |
        sed 's/.*packet_count=\([0-9]*\) byte_count=\([0-9]*\).*/\1 \2/')
    table=$(paste -d ' ' \
        <(printf '%s\n' packets-sent bytes-sent packets-received \
              bytes-received) \
        <(echo "$guest_counts") <(printf %s "$port") \
        <(printf '%s\n' "$flow_packets" "$flow_bytes" - -))
}

counts_agree() {
    local vm result=0
    tables=()
    for vm in vm1 vm2; do
        counts "$vm" || return 1
        tables+=("$(printf '%-20s %12s %12s %12s' "$vm" guest port flows)")
        while read -r what guest port flows; do
            tables+=("$(printf '%-20s %12s %12s %12s' "  ${what/-/ }" \
                               "$guest" "$port" "$flows")")
            [ "$guest" = "$port" ] || result=1
            [ "$flows" = - ] || [ "$guest" = "$flows" ] || result=1
        done <<<"$table"
    done
    return $result
}

# The database has new port statistics every five seconds.
step_counters() {
    ui_begin "guests, port statistics and flow counters agree"
    lab_wait 15 counts_agree || fail "${tables[@]}"
    held "${tables[@]}"
}
