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

/* Checking vhost-user messages.
 *
 * Everything that a message can be checked for without touching a descriptor
 * is checked here, in this order: header, number of descriptors, vring, and
 * what the request itself demands.  Nothing is changed.
 *
 * Thread-safety: pure functions. */

#include <config.h>

#include "vhost-user-msg.h"

#include <linux/virtio_ring.h>

#include "packets.h"
#include "util.h"
#include "virtio-features.h"

/* A path MTU that IPv4 can work with (RFC 791), and what virtio's 16 bits can
 * say. */
#define MIN_MTU 68
#define MAX_MTU 65535

/* Alignment in bytes of the parts of a vring (virtio 1.2, 2.7 and 2.8). */
#define DESC_ALIGN 16
#define AVAIL_ALIGN 2
#define USED_ALIGN 4
#define EVENT_ALIGN 4

/* One row of the table of requests. */
struct request {
    const char *name;
    uint32_t min_size;
    uint32_t max_size;
    enum vhost_user_fds fds;
    int feature;                /* enum vhost_user_protocol_feature. */
    enum vhost_user_vring_ref vring;
    bool has_reply;
};

static const struct request requests[] = {
#define VHOST_USER_REQUEST(NAME, NUMBER, MIN, MAX, FDS, FEATURE, VRING, REP) \
    [NUMBER] = { #NAME, MIN, MAX, VHOST_USER_FDS_##FDS,                      \
                 VHOST_USER_F_##FEATURE, VHOST_USER_VRING_##VRING, REP },
    VHOST_USER_REQUESTS
#undef VHOST_USER_REQUEST
};

static const struct request *
find_request(uint32_t number)
{
    return (number < ARRAY_SIZE(requests) && requests[number].name
            ? &requests[number] : NULL);
}

const char *
vhost_user_request_name(uint32_t number)
{
    const struct request *request = find_request(number);

    return request ? request->name : "unknown request";
}

bool
vhost_user_request_has_reply(uint32_t number)
{
    const struct request *request = find_request(number);

    return request && request->has_reply;
}

uint64_t
vhost_user_log_size(uint64_t end)
{
    /* DIV_ROUND_UP could wrap around. */
    uint64_t pages = end / GUEST_PAGE_SIZE + (end % GUEST_PAGE_SIZE != 0);

    return DIV_ROUND_UP(pages, 8);
}

/* Headers. */

static bool
may_use(int feature, const struct vhost_user_session *s)
{
    switch (feature) {
    case VHOST_USER_F_NONE:
        return true;

    case VHOST_USER_F_PROTOCOL:
        return s->offered_features & VIRTIO_FEATURE(PROTOCOL_FEATURES);

    case VHOST_USER_F_NEVER:
        return false;

    default:
        return s->protocol_features >> feature & 1;
    }
}

const char *
vhost_user_header_check(const struct vhost_user_header *hdr,
                        const struct vhost_user_session *s)
{
    const struct request *request = find_request(hdr->request);

    if ((hdr->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION) {
        return "wrong protocol version";
    } else if (hdr->flags & VHOST_USER_REPLY) {
        return "a reply where a request was expected";
    } else if (hdr->flags & ~VHOST_USER_FLAGS) {
        return "reserved flags are set";
    } else if (!request) {
        return "no such request";
    } else if (!may_use(request->feature, s)) {
        return "the feature it belongs to was not negotiated";
    } else if (hdr->size < request->min_size) {
        return "payload too short";
    } else if (hdr->size > request->max_size
               || hdr->size > VHOST_USER_MAX_PAYLOAD) {
        return "payload too long";
    }
    return NULL;
}

/* Descriptors. */

static const char *
check_fds(const struct vhost_user_msg *msg, enum vhost_user_fds fds,
          size_t n_fds)
{
    size_t expected;

    switch (fds) {
    case VHOST_USER_FDS_0:
        expected = 0;
        break;

    case VHOST_USER_FDS_1:
        expected = 1;
        break;

    case VHOST_USER_FDS_NOFD:
        expected = msg->u64 & VHOST_USER_VRING_NOFD ? 0 : 1;
        break;

    case VHOST_USER_FDS_REGIONS:
        expected = msg->memory.n_regions;
        break;

    default:
        OVS_NOT_REACHED();
    }
    return (n_fds < expected ? "too few file descriptors"
            : n_fds > expected ? "too many file descriptors"
            : NULL);
}

/* Vrings. */

int
vhost_user_msg_vring(const struct vhost_user_msg *msg)
{
    switch (find_request(msg->hdr.request)->vring) {
    case VHOST_USER_VRING_STATE:
        return msg->state.index;

    case VHOST_USER_VRING_ADDR:
        return msg->addr.index;

    case VHOST_USER_VRING_U64:
        return msg->u64 & VHOST_USER_VRING_INDEX;

    case VHOST_USER_VRING_NONE:
    default:
        return -1;
    }
}

static const char *
check_vring_ref(const struct vhost_user_msg *msg,
                enum vhost_user_vring_ref ref,
                const struct vhost_user_session *s)
{
    uint32_t idx;

    /* 32 bits are compared: 0x10000 is not vring 0 (CVE-2020-10723). */
    switch (ref) {
    case VHOST_USER_VRING_NONE:
        return NULL;

    case VHOST_USER_VRING_STATE:
        idx = msg->state.index;
        break;

    case VHOST_USER_VRING_ADDR:
        idx = msg->addr.index;
        break;

    case VHOST_USER_VRING_U64:
        if (msg->u64 & ~(uint64_t) (VHOST_USER_VRING_INDEX
                                    | VHOST_USER_VRING_NOFD)) {
            return "reserved bits are set beside the vring's index";
        }
        idx = msg->u64 & VHOST_USER_VRING_INDEX;
        break;

    default:
        OVS_NOT_REACHED();
    }
    return idx < s->n_vrings ? NULL : "no such vring";
}

void
vhost_user_vring_set_addr(struct vhost_user_vring *vring,
                          const struct vhost_user_vring_addr *addr)
{
    vring->has_addr = true;
    vring->log_used = addr->flags & VHOST_USER_VRING_F_LOG;
    vring->log = addr->log;
    vring->desc = addr->desc;
    vring->avail = addr->avail;
    vring->used = addr->used;
}

/* Bytes that follow both rings if EVENT_IDX was negotiated (virtio 1.2,
 * 2.7.6). */
static uint64_t
event_size(const struct vhost_user_session *s)
{
    return s->features & VIRTIO_FEATURE(EVENT_IDX) ? sizeof(uint16_t) : 0;
}

static uint64_t
used_size(uint64_t size, const struct vhost_user_session *s)
{
    if (vhost_user_session_is_packed(s)) {
        return sizeof(struct vring_packed_desc_event);
    }
    return (sizeof(struct vring_used) + size * sizeof(struct vring_used_elem)
            + event_size(s));
}

static bool
is_aligned(const void *p, size_t align)
{
    return (uintptr_t) p % align == 0;
}

/* The front end's addresses are aligned, but its memory is mapped from an odd
 * offset. */
static const char vring_misaligned[]
    = "vring misaligned in the file behind its memory region";

/* vhost_user_vring_locate() for packed vrings. */
static const char *
locate_packed(const struct vhost_user_vring *vring,
              const struct vhost_user_session *s,
              struct vhost_user_vring_place *place)
{
    const uint64_t event = sizeof(struct vring_packed_desc_event);

    place->desc = guest_memory_translate_uva(
        s->mem, vring->desc, vring->size * sizeof(struct vring_packed_desc),
        &place->desc_gpa);
    place->avail = guest_memory_translate_uva(s->mem, vring->avail, event,
                                              NULL);
    place->used = guest_memory_translate_uva(s->mem, vring->used, event,
                                             NULL);
    if (!place->desc) {
        return "descriptor ring not within one memory region";
    } else if (!place->avail) {
        return "driver event suppression not within one memory region";
    } else if (!place->used) {
        return "device event suppression not within one memory region";
    } else if (!is_aligned(place->desc, DESC_ALIGN)
               || !is_aligned(place->avail, EVENT_ALIGN)
               || !is_aligned(place->used, EVENT_ALIGN)) {
        return vring_misaligned;
    }
    return NULL;
}

uint16_t
vhost_user_packed_place(uint32_t base)
{
    /* Buffers that a back end took and did not give back are taken again, so
     * what counts is where it was giving back, in the upper half.  DPDK's
     * front end leaves that at zero. */
    return base >> 16 ? base >> 16 : base;
}

uint32_t
vhost_user_packed_base(uint16_t place)
{
    return (uint32_t) place << 16 | place;
}

const char *
vhost_user_vring_locate(const struct vhost_user_vring *vring,
                        const struct vhost_user_session *s,
                        struct vhost_user_vring_place *place)
{
    uint64_t size = vring->size;

    if (vhost_user_session_is_packed(s)) {
        return locate_packed(vring, s, place);
    } else if (!is_pow2(size)) {
        return "ring size not a power of two";
    }

    place->desc_gpa = 0;
    place->desc = guest_memory_translate_uva(
        s->mem, vring->desc, size * sizeof(struct vring_desc), NULL);
    place->avail = guest_memory_translate_uva(
        s->mem, vring->avail, (sizeof(struct vring_avail)
                               + size * sizeof(uint16_t) + event_size(s)),
        NULL);
    place->used = guest_memory_translate_uva(s->mem, vring->used,
                                             used_size(size, s), NULL);
    if (!place->desc) {
        return "descriptor table not within one memory region";
    } else if (!place->avail) {
        return "available ring not within one memory region";
    } else if (!place->used) {
        return "used ring not within one memory region";
    } else if (!is_aligned(place->desc, DESC_ALIGN)
               || !is_aligned(place->avail, AVAIL_ALIGN)
               || !is_aligned(place->used, USED_ALIGN)) {
        return vring_misaligned;
    }
    return NULL;
}

/* Checks 'vring', which a message is about to bring about, as far as it is
 * complete. */
static const char *
check_vring(const struct vhost_user_vring *vring,
            const struct vhost_user_session *s)
{
    struct vhost_user_vring_place place;

    if (!vring->has_addr || !vring->size) {
        return NULL;
    }
    if (vring->log_used) {
        uint64_t n = used_size(vring->size, s);

        if (vring->log > UINT64_MAX - n) {
            return "address of the used ring for logging wraps around";
        } else if (s->log && s->features & VIRTIO_FEATURE(LOG_ALL)
                   && vhost_user_log_size(vring->log + n) > s->log->size) {
            return "used ring lies beyond the dirty log";
        }
    }
    return s->mem ? vhost_user_vring_locate(vring, s, &place) : NULL;
}

static const char *
check_vring_num(const struct vhost_user_msg *msg,
                const struct vhost_user_session *s)
{
    struct vhost_user_vring vring;

    if (msg->state.num < 1 || msg->state.num > VIRTQUEUE_MAX_SIZE) {
        return "ring size not in 1 to 32768";
    } else if (!is_pow2(msg->state.num)
               && !vhost_user_session_is_packed(s)) {
        return "ring size not a power of two";
    }
    vring = s->vrings[msg->state.index];
    vring.size = msg->state.num;

    /* The size comes first when a vring is set up, and addresses from before
     * are no reason to refuse it.  They are checked again at the start. */
    return vring.running ? check_vring(&vring, s) : NULL;
}

static const char *
check_vring_addr(const struct vhost_user_msg *msg,
                 const struct vhost_user_session *s)
{
    const struct vhost_user_vring_addr *addr = &msg->addr;
    struct vhost_user_vring vring;

    if (addr->flags & ~VHOST_USER_VRING_F_LOG) {
        return "reserved vring flags are set";
    } else if (addr->desc % DESC_ALIGN) {
        return "descriptor table not aligned to 16 bytes";
    } else if (vhost_user_session_is_packed(s)
               && (addr->avail % EVENT_ALIGN || addr->used % EVENT_ALIGN)) {
        return "event suppression not aligned to 4 bytes";
    } else if (addr->avail % AVAIL_ALIGN) {
        return "available ring not aligned to 2 bytes";
    } else if (addr->used % USED_ALIGN) {
        return "used ring not aligned to 4 bytes";
    }
    vring = s->vrings[addr->index];
    vhost_user_vring_set_addr(&vring, addr);
    return check_vring(&vring, s);
}

static const char *
check_vring_enable(const struct vhost_user_msg *msg,
                   const struct vhost_user_session *s)
{
    /* QEMU sends this before SET_FEATURES, but after it negotiated protocol
     * features. */
    if (!s->protocol_features_acked
        && !(s->features & VIRTIO_FEATURE(PROTOCOL_FEATURES))) {
        return "PROTOCOL_FEATURES was not negotiated";
    }
    return msg->state.num <= 1 ? NULL : "neither 0 nor 1";
}

/* Memory and the dirty log. */

/* Checks that a dirty log of 'size' bytes covers guest memory up to 'end'. */
static const char *
check_log_size(uint64_t size, uint64_t end)
{
    return (vhost_user_log_size(end) > size
            ? "dirty log too small for the guest's memory" : NULL);
}

static const char *
check_mem_table(const struct vhost_user_msg *msg,
                const struct vhost_user_session *s)
{
    const struct vhost_user_memory *memory = &msg->memory;
    const char *error = guest_memory_check(memory->regions,
                                           memory->n_regions);

    if (!error && s->log && s->features & VIRTIO_FEATURE(LOG_ALL)) {
        uint64_t end = 0;

        for (uint32_t i = 0; i < memory->n_regions; i++) {
            end = MAX(end, memory->regions[i].gpa + memory->regions[i].size);
        }
        error = check_log_size(s->log->size, end);
    }
    return error;
}

static const char *
check_log_base(const struct vhost_user_msg *msg,
               const struct vhost_user_session *s)
{
    const struct vhost_user_log *log = &msg->log;

    if (!log->size) {
        return "dirty log of no size";
    } else if (log->offset > UINT64_MAX - log->size) {
        return "dirty log wraps around";     /* CVE-2020-10722. */
    }
    return s->mem ? check_log_size(log->size, guest_memory_end(s->mem)) : NULL;
}

/* Features. */

static const char *
check_features(const struct vhost_user_msg *msg,
               const struct vhost_user_session *s)
{
    if (msg->u64 & ~s->offered_features) {
        return "features that were not offered";
    } else if (vhost_user_session_runs(s)
               && (msg->u64 ^ s->features) & ~VIRTIO_FEATURE(LOG_ALL)) {
        return "features other than LOG_ALL change while a vring runs";
    } else if (msg->u64 & VIRTIO_FEATURE(LOG_ALL) && s->log && s->mem) {
        /* A log that came first was not compared with memory. */
        return check_log_size(s->log->size, guest_memory_end(s->mem));
    }
    return NULL;
}

static const char *
check_protocol_features(const struct vhost_user_msg *msg,
                        const struct vhost_user_session *s)
{
    if (msg->u64 & ~s->offered_protocol_features) {
        return "protocol features that were not offered";
    } else if (vhost_user_session_runs(s)
               && msg->u64 != s->protocol_features) {
        return "protocol features change while a vring runs";
    }
    return NULL;
}

static const char *
check_rarp(const struct vhost_user_msg *msg)
{
    struct eth_addr mac;

    memcpy(&mac, &msg->u64, sizeof mac);
    return (eth_addr_is_multicast(mac) || eth_addr_is_zero(mac)
            ? "not the address of a station" : NULL);
}

/* Checks what 'msg' demands beyond its shape. */
static const char *
check_contents(const struct vhost_user_msg *msg,
               const struct vhost_user_session *s)
{
    switch (msg->hdr.request) {
    case VHOST_USER_SET_FEATURES:
        return check_features(msg, s);

    case VHOST_USER_SET_PROTOCOL_FEATURES:
        return check_protocol_features(msg, s);

    case VHOST_USER_SET_MEM_TABLE:
        return check_mem_table(msg, s);

    case VHOST_USER_SET_LOG_BASE:
        return check_log_base(msg, s);

    case VHOST_USER_SET_VRING_NUM:
        return check_vring_num(msg, s);

    case VHOST_USER_SET_VRING_ADDR:
        return check_vring_addr(msg, s);

    case VHOST_USER_SET_VRING_BASE:
        return (msg->state.num <= UINT16_MAX
                || vhost_user_session_is_packed(s)
                ? NULL : "available index over 65535");

    case VHOST_USER_SET_VRING_ENABLE:
        return check_vring_enable(msg, s);

    case VHOST_USER_SEND_RARP:
        return check_rarp(msg);

    case VHOST_USER_NET_SET_MTU:
        return (msg->u64 >= MIN_MTU && msg->u64 <= MAX_MTU
                ? NULL : "MTU not in 68 to 65535");

    case VHOST_USER_SET_STATUS:
        return msg->u64 <= UINT8_MAX ? NULL : "device status over 255";

    default:
        return NULL;
    }
}

const char *
vhost_user_msg_check(const struct vhost_user_msg *msg, size_t n_fds,
                     const struct vhost_user_session *s)
{
    const char *error = vhost_user_header_check(&msg->hdr, s);
    const struct request *request;

    if (error) {
        return error;
    }
    if (msg->hdr.request == VHOST_USER_SET_MEM_TABLE) {
        uint32_t n = msg->memory.n_regions;

        /* The number first: it says how much of the message is there. */
        if (n < 1 || n > GUEST_MEMORY_MAX_REGIONS) {
            return "not 1 to 8 memory regions";
        } else if (msg->hdr.size != VHOST_USER_MEMORY_SIZE(n)) {
            return "payload does not fit the number of memory regions";
        }
    }

    request = find_request(msg->hdr.request);
    error = check_fds(msg, request->fds, n_fds);
    if (!error) {
        error = check_vring_ref(msg, request->vring, s);
    }
    return error ? error : check_contents(msg, s);
}
