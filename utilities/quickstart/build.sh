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

# Builds the project in a directory of its own, as the checkout's owner, so
# that "sudo ./quickstart" leaves nothing behind that its user cannot change.
# Sourced by bash, needs ui.sh, $top and $build.

# as_owner COMMAND...
as_owner() {
    local uid gid groups=--clear-groups
    uid=$(stat -c %u "$top")
    gid=$(stat -c %g "$top")
    if [ "$uid" = "$(id -u)" ]; then
        "$@"
        return
    fi
    ! getent passwd "$uid" >/dev/null || groups=--init-groups
    setpriv --reuid="$uid" --regid="$gid" "$groups" \
        env HOME="$build" "$@"
}

build_project() {
    local log=$1 jobs
    jobs=$(nproc)
    if [ ! -e "$top/configure" ]; then
        run_long "Build: boot.sh" "$log" \
            as_owner sh -c 'cd "$1" && ./boot.sh' - "$top" || return 1
    fi
    if [ ! -e "$build/config.status" ]; then
        run_long "Build: configure, with Open vSwitch (minutes)" "$log" \
            as_owner sh -c 'cd "$1" && "$2/configure"' - "$build" "$top" ||
            return 1
    fi
    run_long "Build: make" "$log" \
        as_owner make -C "$build" -j "$jobs" "${@:2}" || return 1
}

# Gives what root made in the build tree to its owner.
build_chown() {
    [ ! -d "$build" ] ||
        chown -R -h --reference="$top" "$build"
}
