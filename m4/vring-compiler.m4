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

# VRING_CHECK_COMPILER
# --------------------
# C11, the warnings of this project, --disable-Werror, --enable-sanitizers.
AC_DEFUN([VRING_CHECK_COMPILER], [
  vring_std=-std=gnu11
  AC_MSG_CHECKING([whether $CC accepts $vring_std])
  vring_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $vring_std"
  AC_COMPILE_IFELSE([AC_LANG_SOURCE(
    [[_Static_assert(__STDC_VERSION__ >= 201112L, "C11");]])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([a C11 compiler is needed: apt-get install gcc])])
  CFLAGS=$vring_save_CFLAGS

  VRING_CFLAGS="$vring_std -fno-strict-aliasing"
  VRING_WARNINGS="-Wall -Wextra -Wno-sign-compare -Wpointer-arith -Wformat"
  VRING_WARNINGS="$VRING_WARNINGS -Wformat-security -Wswitch-enum"
  VRING_WARNINGS="$VRING_WARNINGS -Wunused-parameter -Wbad-function-cast"
  VRING_WARNINGS="$VRING_WARNINGS -Wstrict-prototypes -Wold-style-definition"
  VRING_WARNINGS="$VRING_WARNINGS -Wmissing-prototypes"
  VRING_WARNINGS="$VRING_WARNINGS -Wmissing-field-initializers -Wshadow"
  AC_ARG_ENABLE([Werror],
    [AS_HELP_STRING([--disable-Werror],
       [do not treat warnings in our own files as errors])],
    [], [enable_Werror=yes])
  AS_IF([test "x$enable_Werror" != xno],
    [VRING_WARNINGS="$VRING_WARNINGS -Werror"])

  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers],
       [build our own files with ASan and UBSan])],
    [], [enable_sanitizers=no])
  VRING_SANITIZE=
  AS_IF([test "x$enable_sanitizers" = xyes],
    [VRING_SANITIZE="-fsanitize=address,undefined -fno-omit-frame-pointer"])
  AM_CONDITIONAL([SANITIZERS], [test "x$enable_sanitizers" = xyes])

  # Automake does not let these stand between libraries as they are.
  AC_SUBST([WHOLE_ARCHIVE], [-Wl,--whole-archive])
  AC_SUBST([NO_WHOLE_ARCHIVE], [-Wl,--no-whole-archive])
  AC_SUBST([START_GROUP], [-Wl,--start-group])
  AC_SUBST([END_GROUP], [-Wl,--end-group])

  AC_SUBST([VRING_CFLAGS])
  AC_SUBST([VRING_WARNINGS])
  AC_SUBST([VRING_SANITIZE])])

# VRING_CHECK_CLANG
# -----------------
# clang checks our lock annotations ("make thread-safety").
AC_DEFUN([VRING_CHECK_CLANG], [
  AC_ARG_VAR([CLANG], [clang, for "make thread-safety"])
  AC_CHECK_PROGS([CLANG], [clang])])
