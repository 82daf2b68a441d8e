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

# VRING_CHECK_OVS
# ---------------
# Finds the source of Open vSwitch, has build-aux/build-ovs build what we link
# with (once per build tree), and takes over what it found out.
AC_DEFUN([VRING_CHECK_OVS], [
  AC_REQUIRE([VRING_CHECK_DPDK])
  AC_ARG_WITH([ovs-source],
    [AS_HELP_STRING([--with-ovs-source=FILE|DIR],
       [tarball or directory of Open vSwitch's source
        @<:@/usr/src/openvswitch/openvswitch.tar.gz@:>@])],
    [], [with_ovs_source=/usr/src/openvswitch/openvswitch.tar.gz])
  AC_ARG_WITH([ovs-build],
    [AS_HELP_STRING([--with-ovs-build=DIR],
       [use a finished build of Open vSwitch instead of making one])],
    [], [with_ovs_build=])
  AC_ARG_WITH([ovs-tools],
    [AS_HELP_STRING([--with-ovs-tools],
       [install ovsdb-server, ovs-vsctl and Open vSwitch's other tools too])],
    [], [with_ovs_tools=no])
  AM_CONDITIONAL([WITH_OVS_TOOLS], [test "x$with_ovs_tools" = xyes])

  AC_CHECK_PROGS([PYTHON3], [python3])
  AS_IF([test -z "$PYTHON3"],
    [AC_MSG_ERROR([Python 3 is missing: apt-get install python3])])

  AS_CASE([$with_ovs_source], [yes|no|""],
    [AC_MSG_ERROR([--with-ovs-source needs a file or a directory])])
  AS_CASE([$with_ovs_build],
    [yes|no], [AC_MSG_ERROR([--with-ovs-build needs a directory])],
    [""], [vring_ovs="--source=$with_ovs_source --dir=`pwd`/ovs"],
    [vring_ovs="--build=$with_ovs_build"])

  # Its programs and ours look for the same run directory and database.
  AS_IF([test "x$prefix" = xNONE], [vring_prefix=$ac_default_prefix],
    [vring_prefix=$prefix])
  AC_MSG_CHECKING([for Open vSwitch])
  # Its standard output is "NAME=VALUE" lines, or what is wrong.
  AS_IF([vring_ovs=`CC="$CC" "$srcdir/build-aux/build-ovs" $vring_ovs \
           --dpdk="$DPDK_VERSION" -- --prefix="$vring_prefix" \
           --sysconfdir="$sysconfdir" --localstatedir="$localstatedir" \
           2>&AS_MESSAGE_FD`], [],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([$vring_ovs])])
  eval "$vring_ovs"
  AC_MSG_RESULT([$OVS_VERSION ($OVS_REVISION)])

  # Its inline functions have to be the same ones in our objects.
  DPDK_CFLAGS="$DPDK_CFLAGS $OVS_MARCH"

  AC_SUBST([OVS_VERSION])
  AC_SUBST([OVS_REVISION])
  AC_SUBST([OVS_SRCDIR])
  AC_SUBST([OVS_BUILDDIR])
  AC_SUBST([OVS_LIBS])
  AC_SUBST([OVS_ARCHIVES])])
