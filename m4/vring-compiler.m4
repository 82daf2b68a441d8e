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
# C11, the warnings of this project, --disable-Werror, --enable-sanitizers,
# --enable-fuzzing.
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

  AC_ARG_ENABLE([fuzzing],
    [AS_HELP_STRING([--enable-fuzzing],
       [build for fuzzing with libFuzzer, which is clang's; see "make fuzz"])],
    [], [enable_fuzzing=no])
  VRING_FUZZER=
  VRING_FUZZER_CFLAGS=
  AS_IF([test "x$enable_fuzzing" = xyes],
    [VRING_SANITIZE="-fsanitize=address,undefined -fno-omit-frame-pointer"
     VRING_SANITIZE="$VRING_SANITIZE -fno-sanitize-recover=undefined"
     VRING_FUZZER=-fsanitize=fuzzer
     enable_sanitizers=yes
     AC_MSG_CHECKING([whether $CC has libFuzzer])
     vring_save_CFLAGS=$CFLAGS
     CFLAGS="$CFLAGS $VRING_SANITIZE $VRING_FUZZER"
     AC_LINK_IFELSE([AC_LANG_SOURCE(
       [[int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n);
         int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n)
         { return n && p[0] ? 0 : 0; }]])],
       [AC_MSG_RESULT([yes])],
       [AC_MSG_RESULT([no])
        AC_MSG_ERROR(m4_normalize([fuzzing needs CC=clang and its libFuzzer:
           apt-get install clang libclang-rt-14-dev]))])
     CFLAGS=$vring_save_CFLAGS
     VRING_SANITIZE="$VRING_SANITIZE -fsanitize=fuzzer-no-link"
     # What counts is the coverage of what is tested.
     VRING_FUZZER_CFLAGS=-fno-sanitize=fuzzer-no-link])
  AC_SUBST([VRING_FUZZER])
  AC_SUBST([VRING_FUZZER_CFLAGS])
  AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
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

# VRING_CHECK_VARIANT(NAME, FLAGS, EXPRESSION)
# --------------------------------------------
# Can the compiler make the variant NAME of the ring functions, with FLAGS?
# EXPRESSION is one of what it has to understand.
AC_DEFUN([VRING_CHECK_VARIANT], [
  AC_MSG_CHECKING([whether $CC can compile for $1])
  vring_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $2"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <immintrin.h>]],
    [[return __builtin_cpu_supports("avx2") ? $3 : 0;]])],
    [vring_variant=yes], [vring_variant=no])
  CFLAGS=$vring_save_CFLAGS
  AC_MSG_RESULT([$vring_variant])
  AS_IF([test $vring_variant = yes],
    [VARIANT_DEFINES="$VARIANT_DEFINES -DVRING_$1"
     AC_SUBST([$1_CFLAGS], ["$2"])])
  AM_CONDITIONAL([$1], [test $vring_variant = yes])])

# VRING_CHECK_VARIANTS
# --------------------
# Variants of the ring functions beside the scalar one.  Which one is used is
# found out at run time.
AC_DEFUN([VRING_CHECK_VARIANTS], [
  VARIANT_DEFINES=
  VRING_CHECK_VARIANT([AVX2], [-mavx2 -mbmi -mbmi2 -mpopcnt -mtune=generic],
    [_mm256_extract_epi32(_mm256_set1_epi32(1), 0)])
  VRING_CHECK_VARIANT([AVX512], m4_normalize([-mavx2 -mbmi -mbmi2 -mpopcnt
    -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vbmi -mtune=generic]),
    [(int) _mm512_cmpeq_epu16_mask(_mm512_set1_epi16(1),
                                   _mm512_set1_epi16(2))])
  AC_SUBST([VARIANT_DEFINES])])
