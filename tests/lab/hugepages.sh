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

# Hugepages of 2 MB, taken for a while and given back.  Sourced by bash.
#
#     hugepages_take N FILE    reserves N more than there are and notes that
#                              in FILE; fails, and takes nothing, if the
#                              kernel does not have them
#     hugepages_give_back FILE gives back what FILE says, and removes FILE
#
# Several may do this at once: the kernel's file is changed under a lock.

HUGEPAGES_FILE=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
HUGEPAGES_LOCK=${HUGEPAGES_LOCK:-/run/lock/ovs-vring-hugepages}

# Adds $1, which may be negative, to the number that are reserved.  Prints by
# how many the number changed.
hugepages_add() {
    (
        mkdir -p "${HUGEPAGES_LOCK%/*}"
        exec 9>"$HUGEPAGES_LOCK" && flock 9 || exit 1
        before=$(cat "$HUGEPAGES_FILE") || exit 1
        after=$((before + $1))
        [ $after -ge 0 ] || after=0
        echo $after >"$HUGEPAGES_FILE" || exit 1
        echo $(($(cat "$HUGEPAGES_FILE") - before))
    ) 2>/dev/null
}

hugepages_take() {
    local n=$1 file=$2 got
    [ -w "$HUGEPAGES_FILE" ] || return 1
    got=$(hugepages_add "$n") || return 1
    echo "$got" >"$file"
    if [ "$got" -lt "$n" ]; then
        hugepages_give_back "$file"
        return 1
    fi
}

hugepages_give_back() {
    local file=$1 n
    [ -e "$file" ] || return 0
    n=$(cat "$file")
    rm -f "$file"
    [ "${n:-0}" -le 0 ] || hugepages_add "-$n" >/dev/null
}
