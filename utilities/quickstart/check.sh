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

# The tests: "make check" as root, in namespaces of its own, and what came of
# it.  Sourced by bash, needs ui.sh and tests/lab/hugepages.sh.
#
# Both suites, ours and Open vSwitch's, print a line a group, such as
#
#     12: vhost-user - ring size                  ok
#     13: needs a NIC                             skipped (eth.at:12)
#      2: OVS-DPDK - add standard DPDK port       skipped: needs a NIC (0 s)

CHECK_ALL="unit switch guest upstream"
CHECK_HUGEPAGES=512     # For the switches of ours; other suites take theirs.

check_command() {
    local groups=${*:-$CHECK_ALL} status start=$SECONDS
    check_log=$build/check.log
    prepare "$check_log" "$PACKAGES_MAIN $PACKAGES_CHECK" || exit 1
    check_list "$groups" || exit 1
    at_exit=check_cleanup
    check_take_hugepages

    ui_title "Tests: $groups ($check_total of them)"
    check_skips=$build/tests/testsuite.dir/skips
    check_notices=$build/tests/testsuite.dir/notices
    rm -f "$check_skips" "$check_notices"
    run_job check_run "$groups"
    status=$?
    check_report "$status"
    printf '\nTook %d min %d s in all.\n' $(((SECONDS - start) / 60)) \
           $(((SECONDS - start) % 60))
    # The last line, always.
    echo "$check_passed passed, $check_failed failed, $check_skipped skipped"
    [ "$check_failed" -eq 0 ]
    exit
}

# Builds what the tests need, as the owner, and counts them.
check_list() {
    local log=$build/check-list.log
    : >"$log"
    run_long "Build: test programs" "$log" as_owner make -C "$build" \
        check-groups CHECK_GROUPS="$1" TESTSUITEFLAGS=--list \
        UPSTREAMFLAGS=--list || return 1
    check_total=$(grep -c '^ *[0-9][0-9]*: ' "$log")
}

check_take_hugepages() {
    # A run that was killed could not give them back.
    hugepages_give_back "$build/check.hugepages"
    ui_begin "Hugepages: $CHECK_HUGEPAGES of 2 MB"
    if hugepages_take "$CHECK_HUGEPAGES" "$build/check.hugepages"; then
        ui_end ok
    else
        ui_end none
        ui_note "Tests that need hugepages will say so."
    fi
}

check_cleanup() {
    hugepages_give_back "$build/check.hugepages"
    build_chown
    rm -f "$build/check.results"
}

# Some tests kill by name, so they see no processes but their own; and with
# the first of those ends everything that they left running.
check_run() {
    unshare --mount --net --pid --fork --kill-child --mount-proc \
        -- "$top/quickstart" --check "$1" 2>&1 </dev/null |
        tee -a "$check_log" |
        check_show "$build/check.results"
    return "${PIPESTATUS[0]}"
}

# What runs in there, as process 1.
check_inside() {
    local status stopped=false
    trap 'stopped=:' TERM
    ip link set lo up
    make -C "$build" check CHECK_GROUPS="$1"
    status=$?
    # Told to end, it gives back the hugepages that it took.
    ! $stopped || lab_wait 20 check_upstream_is_gone
    return $status
}

check_upstream_is_gone() {
    ! grep -qsz 'upstream-suite$' /proc/[0-9]*/cmdline
}

# Shows and collects results, as lines "NUMBER|NAME|RESULT|DETAIL".
check_show() {
    local results=$1 line='' part status n=0 group name result detail start
    local pattern='^ *([0-9]+): (.*[^ ]) +(ok|FAILED|skipped|expected failure'
    pattern+='|UNEXPECTED PASS|UNEXPECTED FAILURE)( .*|:.*)?$'
    : >"$results"
    start=$SECONDS
    ui_begin "starting"
    while :; do
        IFS= read -r -t 1 part
        status=$?
        line+=$part
        if [ $status -gt 128 ]; then
            ui_progress "${line%% \(*}"
            continue
        elif [ $status -ne 0 ]; then
            break
        fi
        if [[ $line =~ $pattern ]]; then
            group=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]}
            result=${BASH_REMATCH[3]} detail=${BASH_REMATCH[4]}
            echo "$group|$name|$result|$detail" >>"$results"
            n=$((n + 1))
            ui_label="${name:0:59}"
            ui_start=$start
            ui_end "${result/#UNEXPECTED */FAILED}"
            detail=${detail#:} detail=${detail# }
            if [ "$result" != ok ] && [ -n "$detail" ]; then
                ui_note "${detail% (* s)}"
            fi
            start=$SECONDS
            ui_begin "$n of $check_total done"
        fi
        line=''
    done
    ui_label=''
    ! $ui_tty || printf '\r\e[K'
}

# check_count REGEX: results that match.
check_count() {
    grep -c -E "^[^|]*\|[^|]*\|($1)\|" "$build/check.results"
}

check_report() {
    local make_status=$1 group name result detail log
    check_passed=$(check_count 'ok|expected failure')
    check_skipped=$(check_count 'skipped')
    check_failed=$(check_count 'FAILED|UNEXPECTED.*')
    if [ "$check_skipped" -gt 0 ] && [ -s "$check_skips" ]; then
        ui_title "Skipped"
        sed 's/^/  /' "$check_skips"
    fi
    if [ -s "$check_notices" ]; then
        ui_title "Notices"
        sed 's/^/  /' "$check_notices"
    fi
    while IFS='|' read -r group name result detail; do
        case $result in
        FAILED | UNEXPECTED*) ;;
        *) continue ;;
        esac
        ui_title "Failed: $name"
        # Groups of the upstream suite leave theirs elsewhere.
        log=$build/tests/testsuite.dir/$group/testsuite.log
        if [ -e "$log" ] && grep -qF "$name" "$log"; then
            # Without the files that it quotes.
            grep -v '^> ' "$log" | tail -n 40 | cut -c 1-400
            echo "All of it: $log"
        else
            echo "See $check_log."
        fi
    done <"$build/check.results"
    if [ "$make_status" -ne 0 ] && [ "$check_failed" -eq 0 ]; then
        ui_title "Failed: make check"
        tail -n 20 "$check_log" | cut -c 1-400
        echo "All of it: $check_log"
        check_failed=1
    elif [ $((check_passed + check_skipped + check_failed)) -lt \
           "$check_total" ]; then
        ui_title "Failed: not all groups ran"
        check_failed=$((check_failed + 1))
    fi
}
