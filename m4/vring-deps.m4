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

# VRING_NEED_PKG_CONFIG
# ---------------------
# Not PKG_PROG_PKG_CONFIG, whose macro file comes with pkg-config itself: its
# absence would break boot.sh with a message that nobody understands.
AC_DEFUN([VRING_NEED_PKG_CONFIG], [
  AC_ARG_VAR([PKG_CONFIG], [path to pkg-config])
  AC_CHECK_PROGS([PKG_CONFIG], [pkg-config pkgconf])
  AS_IF([test -z "$PKG_CONFIG"],
    [AC_MSG_ERROR([pkg-config is missing: apt-get install pkg-config])])])

# VRING_CHECK_DPDK
# ----------------
AC_DEFUN([VRING_CHECK_DPDK], [
  AC_REQUIRE([VRING_NEED_PKG_CONFIG])
  AC_MSG_CHECKING([for DPDK])
  DPDK_VERSION=`$PKG_CONFIG --modversion libdpdk 2>/dev/null`
  AS_IF([test -z "$DPDK_VERSION"],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([DPDK is missing: apt-get install libdpdk-dev])])
  AC_MSG_RESULT([$DPDK_VERSION])
  # What pkg-config says of -march= could tie our objects to another CPU than
  # those of Open vSwitch, whose inline functions for hashes depend on it:
  # VRING_CHECK_OVS adds what those were built for.
  DPDK_CFLAGS=`$PKG_CONFIG --cflags libdpdk \
               | $SED -e 's/-march=@<:@^ @:>@*//g' -e 's/-I/-isystem /g'`
  AS_CASE([`$CC -dumpmachine`],
    [x86_64-*|i?86-*], [DPDK_CFLAGS="$DPDK_CFLAGS -mssse3"])
  # Our vhost-user back end takes the place of librte_vhost.
  DPDK_LIBS=`$PKG_CONFIG --libs libdpdk | $SED 's/-lrte_vhost //'`
  AC_SUBST([DPDK_VERSION])
  AC_SUBST([DPDK_CFLAGS])
  AC_SUBST([DPDK_LIBS])])

# VRING_CHECK_OPENSSL
# -------------------
AC_DEFUN([VRING_CHECK_OPENSSL], [
  AC_REQUIRE([VRING_NEED_PKG_CONFIG])
  AC_MSG_CHECKING([for OpenSSL])
  OPENSSL_VERSION=`$PKG_CONFIG --modversion openssl 2>/dev/null`
  AS_IF([test -z "$OPENSSL_VERSION"],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([OpenSSL is missing: apt-get install libssl-dev])])
  AC_MSG_RESULT([$OPENSSL_VERSION])])

# VRING_CHECK_LIBURING
# --------------------
AC_DEFUN([VRING_CHECK_LIBURING], [
  AC_REQUIRE([VRING_NEED_PKG_CONFIG])
  AC_MSG_CHECKING([for liburing])
  LIBURING_VERSION=`$PKG_CONFIG --modversion liburing 2>/dev/null`
  AS_IF([test -z "$LIBURING_VERSION"],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([liburing is missing: apt-get install liburing-dev])])
  AC_MSG_RESULT([$LIBURING_VERSION])
  LIBURING_LIBS=`$PKG_CONFIG --libs liburing`
  AC_SUBST([LIBURING_LIBS])])

# VRING_CHECK_TESTS
# -----------------
# Which groups of tests "make check" runs.
AC_DEFUN([VRING_CHECK_TESTS], [
  AC_ARG_VAR([CHECK_GROUPS], [groups of tests that "make check" runs, out of
    unit, switch, guest and upstream (default: for root all, otherwise unit)])
])
