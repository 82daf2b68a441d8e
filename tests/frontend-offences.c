/*
 * Copyright (c) 2026 The ovs-vring authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */


/* What can be wrong with the contents of messages.  See frontend-offend.h. */

#include <config.h>

#include "frontend-offend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "frontend-ring.h"
#include "util.h"

static uint64_t
to_number(const char *s)
{
    return strtoull(s, NULL, 0);
}

/* Numbers. */

static bool
u64(const struct frontend *fe OVS_UNUSED, const char *arg,
    struct fe_offence *o)
{
    o->msg.u64 = to_number(arg);
    return true;
}

static bool
vring_value(const struct frontend *fe OVS_UNUSED, const char *arg,
            struct fe_offence *o)
{
    o->msg.vring.value = to_number(arg);
    return true;
}

/* Bits that are not those of before. */
static bool
flip_bit(const struct frontend *fe OVS_UNUSED, const char *arg,
         struct fe_offence *o)
{
    o->msg.u64 ^= FE_BIT(to_number(arg));
    return true;
}

/* Rings. */

/* Sets that member of a SET_VRING_ADDR message that is called 'part' to
 * 'value', or adds that to it. */
static bool
set_part(struct fe_offence *o, const char *part, uint64_t value, bool add)
{
    struct fe_wire_addr addr = o->msg.addr;
    uint64_t *p = (!strcmp(part, "desc") ? &addr.desc
                   : !strcmp(part, "avail") ? &addr.avail
                   : !strcmp(part, "used") ? &addr.used
                   : NULL);

    if (p) {
        *p = value + (add ? *p : 0);
        o->msg.addr = addr;
    }
    return p != NULL;
}

static bool
misaligned(const struct frontend *fe OVS_UNUSED, const char *arg,
           struct fe_offence *o)
{
    return set_part(o, arg, (!strcmp(arg, "desc") ? 8
                             : !strcmp(arg, "used") ? 2
                             : 1), true);
}

/* Begins in one region and ends in what is the next one for the guest. */
static bool
two_regions(const struct frontend *fe, const char *arg, struct fe_offence *o)
{
    const struct fe_region *r = &fe->mem.regions[0];

    return set_part(o, arg, r->uva + r->size - 16, false);
}

static bool
outside(const struct frontend *fe, const char *arg, struct fe_offence *o)
{
    uint64_t end = 0;

    for (size_t i = 0; i < fe->mem.n; i++) {
        end = MAX(end, fe->mem.regions[i].uva + fe->mem.regions[i].size);
    }
    return set_part(o, arg, ROUND_UP(end, FE_PAGE_SIZE) + FE_PAGE_SIZE,
                    false);
}

static bool
ring_wraps(const struct frontend *fe OVS_UNUSED, const char *arg,
           struct fe_offence *o)
{
    return set_part(o, arg, UINT64_MAX - 15, false);
}

static bool
vring_flags(const struct frontend *fe OVS_UNUSED, const char *arg,
            struct fe_offence *o)
{
    o->msg.addr.flags = to_number(arg);
    return true;
}

static bool
used_log_wraps(const struct frontend *fe OVS_UNUSED,
               const char *arg OVS_UNUSED, struct fe_offence *o)
{
    o->msg.addr.flags = 1;
    o->msg.addr.log = UINT64_MAX;
    return true;
}

/* Where there is no bit in the log. */
static bool
used_log_beyond(const struct frontend *fe, const char *arg OVS_UNUSED,
                struct fe_offence *o)
{
    o->msg.addr.flags = 1;
    o->msg.addr.log = ROUND_UP(fe_memory_end(&fe->mem), 8 * FE_PAGE_SIZE);
    return true;
}

/* Memory.  There are at least two regions. */

static bool
n_regions(const struct frontend *fe OVS_UNUSED, const char *arg,
          struct fe_offence *o)
{
    const uint32_t n = to_number(arg);
    struct fe_wire_mem mem = o->msg.mem;

    if (n > FE_MAX_REGIONS) {
        return false;
    }
    while (o->n_fds > n) {
        close(o->fds[--o->n_fds]);
    }
    for (size_t i = o->n_fds; i < n; i++) {
        mem.regions[i] = mem.regions[0];
        mem.regions[i].gpa += (i + 1) << 40;
        mem.regions[i].uva += (i + 1) << 40;
        fe_offence_set_fd(o, i, dup(o->fds[0]));
    }
    mem.n = n;
    o->msg.mem = mem;
    o->msg.size = 8 + 32 * n;
    return true;
}

/* More, or fewer, than the payload has room for. */
static bool
n_regions_only(const struct frontend *fe OVS_UNUSED, const char *arg,
               struct fe_offence *o)
{
    o->msg.mem.n = to_number(arg);
    return true;
}

/* Sets a member of the second region. */
static bool
region(const struct frontend *fe OVS_UNUSED, const char *arg,
       struct fe_offence *o)
{
    struct fe_wire_mem mem = o->msg.mem;
    struct fe_wire_region *r = &mem.regions[1];
    const uint64_t last = UINT64_MAX - FE_PAGE_SIZE + 1;

    if (!strcmp(arg, "empty")) {
        r->size = 0;
    } else if (!strcmp(arg, "gpa-wraps")) {
        r->gpa = last;
    } else if (!strcmp(arg, "uva-wraps")) {
        r->uva = last;
    } else if (!strcmp(arg, "offset-wraps")) {
        r->offset = last;
    } else if (!strcmp(arg, "gpa-overlaps")) {
        r->gpa = mem.regions[0].gpa + mem.regions[0].size - 1;
    } else if (!strcmp(arg, "uva-overlaps")) {
        r->uva = mem.regions[0].uva + mem.regions[0].size - 1;
    } else if (!strcmp(arg, "huge")) {
        r->size = UINT64_C(1) << 60;
    } else if (!strcmp(arg, "odd-offset")) {
        r->offset++;
        r->size--;
    } else if (!strcmp(arg, "far")) {
        r->gpa = UINT64_C(1) << 50;
    } else {
        return false;
    }
    o->msg.mem = mem;
    return true;
}

/* A file that must not be written to. */
static int
sealed_file(uint64_t size)
{
    int fd = fe_offence_file(size, O_RDWR);

    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)) {
        ovs_fatal(errno, "cannot seal file");
    }
    return fd;
}

/* The last descriptor is not what it should be.  With a slash it is a path. */
static bool
file(const struct frontend *fe OVS_UNUSED, const char *arg,
     struct fe_offence *o)
{
    const struct fe_wire_region r = o->msg.mem.regions[1];
    const bool is_log = o->msg.request == FE_SET_LOG_BASE;
    const uint64_t size = is_log ? o->msg.log.size : r.offset + r.size;
    int fd = (!strcmp(arg, "short") ? fe_offence_file(size - 1, O_RDWR)
              : !strcmp(arg, "read-only") ? fe_offence_file(size, O_RDONLY)
              : !strcmp(arg, "write-only") ? fe_offence_file(size, O_WRONLY)
              : !strcmp(arg, "sealed") ? sealed_file(size)
              : !strcmp(arg, "eventfd") ? eventfd(0, EFD_CLOEXEC)
              : strchr(arg, '/') ? open(arg, (O_RDONLY | O_NONBLOCK
                                              | O_CLOEXEC))
              : -1);

    if (fd >= 0) {
        fe_offence_set_fd(o, o->n_fds - 1, fd);
    }
    return fd >= 0;
}

/* Dirty log. */

static bool
log_wraps(const struct frontend *fe OVS_UNUSED, const char *arg OVS_UNUSED,
          struct fe_offence *o)
{
    o->msg.log.offset = UINT64_MAX - o->msg.log.size + 1;
    return true;
}

static bool
log_size(const struct frontend *fe OVS_UNUSED, const char *arg,
         struct fe_offence *o)
{
    o->msg.log.size = to_number(arg);
    return true;
}

static bool
log_offset(const struct frontend *fe OVS_UNUSED, const char *arg,
           struct fe_offence *o)
{
    o->msg.log.offset = to_number(arg);
    return true;
}

/* An address, most significant byte first. */
static bool
mac(const struct frontend *fe OVS_UNUSED, const char *arg,
    struct fe_offence *o)
{
    const uint64_t value = to_number(arg);

    for (int i = 0; i < 6; i++) {
        o->msg.bytes[i] = value >> (40 - 8 * i);
    }
    return true;
}

const struct fe_offence_kind fe_content_offences[] = {
    { "features", FE_SET_FEATURES, FE_STARTED, 1, u64 },
    { "features changed", FE_SET_FEATURES, FE_STARTED, 1, flip_bit },
    { "features at once", FE_SET_FEATURES, FE_NEGOTIATED, 1, flip_bit },
    { "features with a small log", FE_SET_FEATURES, FE_SMALL_LOG, 1,
      flip_bit },
    { "protocol features", FE_SET_PROTOCOL_FEATURES, FE_STARTED, 1, u64 },
    { "protocol features changed", FE_SET_PROTOCOL_FEATURES, FE_STARTED, 1,
      flip_bit },
    { "ring size", FE_SET_VRING_NUM, FE_STARTED, 1, vring_value },
    { "ring base", FE_SET_VRING_BASE, FE_STARTED, 1, vring_value },
    { "ring enabled", FE_SET_VRING_ENABLE, FE_STARTED, 1, vring_value },
    { "ring misaligned", FE_SET_VRING_ADDR, FE_STARTED, 1, misaligned },
    { "ring spans two regions", FE_SET_VRING_ADDR, FE_STARTED, 1,
      two_regions },
    { "ring outside of memory", FE_SET_VRING_ADDR, FE_STARTED, 1, outside },
    { "ring wraps", FE_SET_VRING_ADDR, FE_STARTED, 1, ring_wraps },
    { "vring flags", FE_SET_VRING_ADDR, FE_STARTED, 1, vring_flags },
    { "used ring logged beyond 2^64", FE_SET_VRING_ADDR, FE_STARTED, 1,
      used_log_wraps },
    { "used ring beyond the log", FE_SET_VRING_ADDR, FE_LOGGING, 1,
      used_log_beyond },
    { "memory regions", FE_SET_MEM_TABLE, FE_STARTED, 1, n_regions },
    { "memory regions in the same payload", FE_SET_MEM_TABLE, FE_STARTED, 1,
      n_regions_only },
    { "memory region", FE_SET_MEM_TABLE, FE_STARTED, 1, region },
    { "memory region while logging", FE_SET_MEM_TABLE, FE_LOGGING, 1,
      region },
    { "memory file", FE_SET_MEM_TABLE, FE_STARTED, 1, file },
    { "SET_LOG_BASE wraps", FE_SET_LOG_BASE, FE_STARTED, 1, log_wraps },
    { "log size", FE_SET_LOG_BASE, FE_STARTED, 1, log_size },
    { "log offset", FE_SET_LOG_BASE, FE_STARTED, 1, log_offset },
    { "log file", FE_SET_LOG_BASE, FE_STARTED, 1, file },
    { "RARP", FE_SEND_RARP, FE_STARTED, 1, mac },
    { "MTU", FE_NET_SET_MTU, FE_STARTED, 1, u64 },
    { "status", FE_SET_STATUS, FE_STARTED, 1, u64 },
    { NULL, 0, FE_STARTED, 0, NULL },
};
