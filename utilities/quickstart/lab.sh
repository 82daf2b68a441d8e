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

# The one lab of the quickstart: where it is, and who has it.  Sourced by
# bash, needs tests/lab/switch.sh and $build.
#
# $build/lab is a link to the lab's directory, which is somewhere short, as
# paths of sockets are limited to 107 bytes.  "kept" in it says that --keep
# left it behind.  All this is for the one who has the tree: claim_tree().

lab_link=$build/lab

# Makes a new lab.  What a run that was killed left behind goes first.
lab_claim() {
    local dir
    if lab_kept; then
        ui_error "what --keep left is still running: $me stop"
        return 1
    elif lab_open "$(readlink "$lab_link")"; then
        lab_remove
    fi
    dir=$(mktemp -d /tmp/ovs-vring.XXXXXX) || return 1
    lab_new "$dir"
    ln -sfn "$lab" "$lab_link"
}

lab_remove() {
    lab_stop
    rm -rf "$lab" "$lab_link"
}

# Keeps the logs of a run that failed.
lab_save_logs() {
    local logs=$build/quickstart-logs file
    rm -rf "$logs"
    mkdir -p "$logs"
    for file in "$lab"/*.log "$lab"/*.console "$lab"/*.qemu; do
        [ ! -e "$file" ] || cp "$file" "$logs"
    done
    echo "$logs"
}

lab_kept() {
    lab_open "$(readlink "$lab_link")" && [ -e "$lab/kept" ]
}

lab_stop_command() {
    if lab_open "$(readlink "$lab_link")"; then
        lab_remove
        echo "quickstart: stopped"
    else
        echo "quickstart: nothing to stop"
    fi
}

lab_in_command() {
    if ! lab_kept; then
        ui_error "nothing is running: $me --keep"
        exit 1
    fi
    lab_enter
    exec nsenter --target "$(cat "$lab/ovs-vswitchd.pid")" --net -- "$@"
}
