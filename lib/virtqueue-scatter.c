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

/* Frames for the guest to receive, in something else than one descriptor.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-enqueue.h"

#include "util.h"
#include "virtqueue-packed.h"
#include "virtqueue-split.h"

/* A piece of guest memory to be written. */
struct vq_piece {
    uint8_t *dst;
    uint64_t gpa;
    uint32_t len;
};

/* Where a frame goes that does not go to one piece. */
struct vq_scatter {
    unsigned int n_pieces;
    unsigned int n_chains;
    struct vq_piece pieces[VQ_MAX_PIECES];
    unsigned int n_slots;       /* Entries that these take up in the ring. */
    struct vq_packed_used used[VQ_MAX_PIECES];
};

/* What becomes of a frame. */
enum vq_verdict {
    VQ_DELIVER,
    VQ_DROP,                    /* Give back the chains in question. */
    VQ_DROP_KEEP,               /* Leave the chains where they are. */
    VQ_NO_ROOM,
    VQ_STOP,                    /* The ring is beyond repair. */
};

/* Header and data of a frame, as a sequence of bytes. */
struct vq_source {
    struct virtio_net_hdr_v1 hdr;
    const uint8_t *data;        /* What comes next... */
    uint32_t len;               /* ...and how much of it. */
    const struct rte_mbuf *next; /* Segment that follows. */
};

static void
vq_source_read(struct vq_source *s, uint8_t *dst, uint32_t len)
{
    while (len) {
        if (!s->len) {
            if (!s->next) {
                return;
            }
            s->data = rte_pktmbuf_mtod(s->next, const uint8_t *);
            s->len = s->next->data_len;
            s->next = s->next->next;
        }

        const uint32_t n = MIN(len, s->len);

        memcpy(dst, s->data, n);
        dst += n;
        len -= n;
        s->data += n;
        s->len -= n;
    }
}

void
vq_copy_many_segments(uint8_t *dst, const struct rte_mbuf *m)
{
    struct vq_source src = { .next = m };

    vq_source_read(&src, dst, m->pkt_len);
}

/* Appends ['gpa', 'gpa' + 'len') to the pieces, but no more of it than 'want'
 * bytes, after checking all of it. */
static enum virtqueue_error
vq_scatter_add(struct virtqueue *vq, struct vq_scatter *s, uint64_t gpa,
               uint64_t len, uint32_t want)
{
    while (len) {
        uint64_t part = len;
        uint8_t *dst = guest_memory_translate_part(vq->mem, gpa, &part,
                                                   &vq->hint);

        if (!dst) {
            return VQ_ERR_ADDRESS;
        }
        if (want) {
            if (s->n_pieces == VQ_MAX_PIECES) {
                return VQ_ERR_SMALL_BUFFER;
            }

            struct vq_piece *p = &s->pieces[s->n_pieces++];

            p->dst = dst;
            p->gpa = gpa;
            p->len = MIN(part, want);
            want -= p->len;
        }
        gpa += part;
        len -= part;
    }
    return VQ_ERR_NONE;
}

/* Finds memory for 'need' bytes in the chain that begins with 'first' at index
 * 'head', which is added to the chains.  '*found' tells how much there is, up
 * to 'need'. */
static enum virtqueue_error
vq_scatter_chain(struct vq_enqueue *e, struct vq_scatter *s,
                 uint16_t head, const struct vring_desc *first,
                 uint32_t need, uint32_t *found)
{
    enum virtqueue_error error = VQ_ERR_NONE;
    struct vq_chain chain;

    *found = 0;
    vq_chain_init(&chain, e->vq, head, first, VRING_DESC_F_WRITE);
    while (*found < need) {
        uint64_t gpa, len;

        error = vq_chain_next(&chain, &gpa, &len);
        if (error || !len) {
            break;
        }
        error = vq_scatter_add(e->vq, s, gpa, len, need - *found);
        if (error) {
            break;
        }
        *found += MIN(len, need - *found);
    }
    if (!virtqueue_error_is_fatal(error)) {
        const enum virtqueue_error fatal = vq_chain_finish(&chain);

        error = fatal ? fatal : error;
    }
    e->n_read += chain.extent.n_read;
    s->n_slots += chain.extent.n_slots;
    s->used[s->n_chains++] = (struct vq_packed_used) {
        .len = *found,
        .id = chain.extent.id,
        .n_slots = chain.extent.n_slots,
    };
    return error;
}

/* Reads the first descriptor of the chain that follows those taken and those
 * of 's'.  Returns false if there is none, with '*error' set if that is
 * because the ring is broken. */
static bool
vq_scatter_next(struct vq_enqueue *e, const struct vq_scatter *s,
                uint16_t *head, struct vring_desc *first,
                enum virtqueue_error *error)
{
    const struct virtqueue *vq = e->vq;

    *error = VQ_ERR_NONE;
    if (vq->packed) {
        *head = vq_packed_advance(vq, e->place, s->n_slots);
        if (!vq_packed_is_available(vq, *head)) {
            return false;
        }
        *first = vq_read_packed_desc(&vq->ring[vq_packed_slot(*head)]);
        return true;
    }

    if (e->taken + s->n_chains == e->available) {
        return false;
    }
    *head = vq_split_head(vq, e->taken + s->n_chains);
    if (*head >= vq->size) {
        *error = VQ_ERR_HEAD;
        return false;
    }
    *first = vq_read_desc(&vq->desc[*head]);
    return true;
}

/* Finds memory for a frame of 'len' bytes and its header, in the chain that
 * begins with 'first' at index 'head' and, with mergeable buffers, in those
 * that follow.  Writes nothing there. */
static enum vq_verdict
vq_scatter_plan(struct vq_enqueue *e, struct vq_scatter *s, uint16_t head,
                struct vring_desc first, uint32_t len,
                enum virtqueue_error *error)
{
    struct virtqueue *vq = e->vq;
    const unsigned int n_read = e->n_read;
    uint32_t need = vq->hdr_len + len;

    s->n_pieces = s->n_chains = s->n_slots = 0;
    for (;;) {
        const bool is_first = !s->n_chains;
        uint32_t found;

        *error = vq_scatter_chain(e, s, head, &first, need, &found);
        if (OVS_UNLIKELY(s->n_slots > vq->size)) {
            /* The guest made descriptors available anew while we read. */
            *error = VQ_ERR_CHAIN;
        }
        if (*error) {
            return (virtqueue_error_is_fatal(*error) ? VQ_STOP : VQ_DROP);
        }
        need -= found;
        if (!need) {
            return VQ_DELIVER;
        }

        *error = VQ_ERR_SMALL_BUFFER;
        if (!vq->mergeable) {
            return (found < vq->hdr_len + ETH_HEADER_LEN
                    ? VQ_DROP : VQ_DROP_KEEP);
        }
        if (found < (is_first ? vq->hdr_len : 1)
            || s->n_chains == VQ_MAX_PIECES
            || e->n_read - n_read >= VQ_MAX_WALK) {
            return VQ_DROP;
        }
        if (s->n_slots >= vq->size) {
            return VQ_DROP_KEEP;
        }

        if (!vq_scatter_next(e, s, &head, &first, error)) {
            return *error ? VQ_STOP : VQ_NO_ROOM;
        }
    }
}

/* Prepares the chains of 's' for being given back, which were written to if
 * 'delivered'. */
static void
vq_scatter_give_back(struct vq_enqueue *e, const struct vq_scatter *s,
                     bool delivered)
{
    for (unsigned int i = 0; i < s->n_chains; i++) {
        struct vq_packed_used u = s->used[i];

        u.len = delivered ? u.len : 0;
        if (e->vq->packed) {
            e->used[e->n_used++] = u;
        } else {
            vq_split_set_used(e->vq, e->taken++, u.id, u.len);
        }
    }
    if (e->vq->packed) {
        e->place = vq_packed_advance(e->vq, e->place, s->n_slots);
    }
}

bool
vq_scatter(struct vq_enqueue *e, uint16_t head,
           const struct vring_desc *first, const struct rte_mbuf *m)
{
    struct virtqueue *vq = e->vq;

    if (!e->n_read && !vq_may_walk(vq)) {
        /* Whoever tries again need not do so now. */
        e->n_read = VQ_MAX_WALK;
        return false;
    }

    const unsigned int n_read = e->n_read;
    struct vq_scatter s;
    enum virtqueue_error error;
    const enum vq_verdict verdict = vq_scatter_plan(e, &s, head, *first,
                                                    m->pkt_len, &error);

    vq_charge(vq, e->n_read - n_read, m->pkt_len);

    if (verdict == VQ_NO_ROOM) {
        return false;
    } else if (verdict == VQ_STOP) {
        vq_fail(vq, error);
        return false;
    } else if (verdict == VQ_DELIVER) {
        struct vq_source src = {
            .hdr.num_buffers = s.n_chains,
            .len = vq->hdr_len,
            .next = m,
        };

        if (vq->guest_csum) {
            const uint64_t offloads
                = virtio_net_hdr_from_mbuf(m, &src.hdr.csum_offset);

            memcpy(&src.hdr, &offloads, sizeof offloads);
        }
        src.data = (const uint8_t *) &src.hdr;
        for (unsigned int i = 0; i < s.n_pieces; i++) {
            const struct vq_piece *p = &s.pieces[i];

            vq_source_read(&src, p->dst, p->len);
            dirty_log_mark(vq_log(vq), p->gpa, p->len);
        }
        vq_tally_frame(&e->tally, rte_pktmbuf_mtod(m, const uint8_t *),
                       m->pkt_len);
    } else {
        vq_tally_error(&e->tally, error);
        if (verdict == VQ_DROP_KEEP) {
            return true;
        }
    }

    vq_scatter_give_back(e, &s, verdict == VQ_DELIVER);
    return true;
}
