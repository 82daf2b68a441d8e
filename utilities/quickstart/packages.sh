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

# Installs what is missing of Debian's packages.  Sourced by bash, needs ui.sh.

# To build, and to run the main job.
PACKAGES_MAIN="autoconf automake make gcc libc6-dev pkg-config python3
    openvswitch-source libdpdk-dev liburing-dev libssl-dev libcap-ng-dev
    libnuma-dev qemu-system-x86 busybox-static cpio iproute2 procps"

# To run all tests.
PACKAGES_CHECK="clang dpdk-dev ethtool iputils-ping openssl python3-scapy
    valgrind"

packages_missing() {
    local package
    for package do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" \
                   2>/dev/null) in
        installed) ;;
        *) echo "$package" ;;
        esac
    done
}

# Does apt know all of these packages?
packages_known() {
    local package
    for package do
        apt-cache show --no-all-versions "$package" >/dev/null 2>&1 ||
            return 1
    done
}

packages_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 "$@"
}

# packages_install LOG PACKAGE...
packages_install() {
    local log=$1 missing n
    shift
    mapfile -t missing < <(packages_missing "$@")
    n=${#missing[@]}
    if [ "$n" -eq 0 ]; then
        ui_begin "Packages: all $# are installed"
        ui_end ok
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        ui_error "no apt-get here, and these are missing: ${missing[*]}"
        return 1
    fi
    # linux-image-cloud-amd64 is downloaded later, see tests/guest-image.
    if ! packages_known "${missing[@]}" linux-image-cloud-amd64; then
        run_long "Packages: reading Debian's lists" "$log" \
            packages_apt update || return 1
    fi
    if ! packages_download "$log" "${missing[@]}"; then
        # The lists name packages that the mirror has no more.
        run_long "Packages: reading Debian's lists again" "$log" \
            packages_apt update || return 1
        packages_download "$log" "${missing[@]}" || return 1
    fi
    # dpkg must not be interrupted: see quickstart's traps.
    packages_installing=:
    run_long "Packages: installing $n" "$log" \
        packages_apt install --no-install-recommends "${missing[@]}" ||
        return 1
    packages_installing=false
}
packages_installing=false

packages_download() {
    local log=$1
    shift
    run_long "Packages: downloading $#" "$log" packages_apt install \
        --download-only --no-install-recommends "$@"
}
