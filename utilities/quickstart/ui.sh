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

# What the quickstart says on the terminal.  Sourced by bash.
#
# A step is one line: what is done, how it went, how long it took.
#
#     ui_begin TEXT        starts a step
#     ui_progress TEXT     what it is at; replaced by what comes next
#     ui_end RESULT        ends it: "ok", "FAILED" or anything short
#     ui_note TEXT...      an indented line below a step, each
#     ui_title TEXT        a heading
#     ui_wait PID FILE     waits for a process, showing FILE's last line
#     run_long TEXT LOG COMMAND...
#                          a step that is a command with its output in LOG
#
# Lines are 79 columns wide.  There are colours and moving lines on a terminal
# only; elsewhere a step that takes long says so every UI_PERIOD seconds.

UI_WIDTH=79
UI_PERIOD=20

ui_tty=false ui_bold='' ui_green='' ui_red='' ui_dim='' ui_plain=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
    ui_tty=:
    if [ -z "${NO_COLOR-}" ]; then
        ui_bold=$'\e[1m' ui_green=$'\e[32m' ui_red=$'\e[31m'
        ui_dim=$'\e[2m' ui_plain=$'\e[m'
    fi
fi
ui_label='' ui_start=0 ui_told=0
run_long_job=''

ui_title() {
    printf '\n%s%s%s\n' "$ui_bold" "$1" "$ui_plain"
}

ui_begin() {
    ui_label=$1
    ui_start=$SECONDS
    ui_told=$SECONDS
    ui_progress ''
}

ui_progress() {
    local took=$((SECONDS - ui_start)) text=$ui_label what=$1 room
    # Nothing that would move the cursor.
    what=${what//[^[:print:]]/ }
    room=$((UI_WIDTH - ${#text} - 12))
    if $ui_tty; then
        [ $took -ge 1 ] || took=''
        printf '\r\e[K  %s %s%s%s%s' "$text" "$ui_dim" \
               "${took:+$took s }" "${what:0:room}" "$ui_plain"
    elif [ $((SECONDS - ui_told)) -ge "$UI_PERIOD" ]; then
        ui_told=$SECONDS
        printf '  %s %s s: %s\n' "$text" "$took" "${what:0:room}"
    fi
}

ui_end() {
    local result=$1 color='' took=$((SECONDS - ui_start))
    case $result in
    ok) color=$ui_green ;;
    FAILED) color=$ui_red ;;
    esac
    ! $ui_tty || printf '\r\e[K'
    printf '  %-59s %s%9s%s %4d s\n' "$ui_label" "$color" "$result" \
           "$ui_plain" "$took"
    ui_label=''
}

# Ends the step under way, if there is one, as one that did not succeed.
ui_abort() {
    [ -z "$ui_label" ] || ui_end "$1"
}

ui_note() {
    local line
    for line do
        fold -s -w $((UI_WIDTH - 8)) <<<"$line" | sed '1s/^/      /
                                                       2,$s/^/        /'
    done
}

ui_error() {
    ui_abort FAILED
    printf '%squickstart: %s%s\n' "$ui_red" "$*" "$ui_plain" >&2
}

ui_wait() {
    while kill -0 "$1" 2>/dev/null; do
        ui_progress "$(tail -n 1 "$2" 2>/dev/null)"
        sleep 0.3
    done
    wait "$1"
}

# The command has a process group of its own: Ctrl-C is for us to handle.
run_long() {
    local text=$1 log=$2 status
    shift 2
    ui_begin "$text"
    printf '\n$ %s\n' "$*" >>"$log"
    set -m
    "$@" >>"$log" 2>&1 </dev/null 8>&- &
    run_long_job=$!
    set +m
    ui_wait "$run_long_job" "$log"
    status=$?
    run_long_job=''
    if [ $status -ne 0 ]; then
        ui_end FAILED
        tail -n 15 "$log" | cut -c 1-400 >&2
        ui_error "exit status $status; all of it is in $log"
        return 1
    fi
    ui_end ok
}

# Ends what run_long() waits for.
run_long_stop() {
    local job=$run_long_job
    if [ -n "$job" ]; then
        run_long_job=''
        kill -TERM -- "-$job" 2>/dev/null
        wait "$job" 2>/dev/null
    fi
}
