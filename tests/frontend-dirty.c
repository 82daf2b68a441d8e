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


/* Dirty log of the test front end.  See frontend-dirty.h. */

#include <config.h>

#include "frontend-dirty.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bitmap.h"
#include "frontend-packed.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Differences spelled out, at most. */
#define MAX_REPORTED 8

struct fe_dirty {
    struct frontend *fe;
    bool used;                  /* Writes to used rings are logged. */
    size_t n_pages;
    size_t size;                /* Of the bitmap, in bytes. */
    int fd;
    unsigned long *log;         /* The back end's bitmap... */
    unsigned long *expected;    /* ...pages that must be in it... */
    unsigned long *allowed;     /* ...and pages that may be. */
    unsigned long *ours;        /* Pages that we write ourselves. */
    uint32_t *hashes;           /* Of all pages there are, by region. */

    /* By ring: what the back end used up to here it may have written before
     * it knew of the log. */
    uint16_t *from;
    bool *sure;
};

static void
mark(unsigned long *bitmap, uint64_t gpa, uint64_t len)
{
    if (len) {
        uint64_t first = gpa / FE_PAGE_SIZE;
        uint64_t last = (gpa + len - 1) / FE_PAGE_SIZE;

        bitmap_set_multiple(bitmap, first, last - first + 1, true);
    }
}

struct written {
    struct fe_dirty *d;
    unsigned long *bitmap;
};

static void
mark_written(void *w_, const void *p, size_t len)
{
    struct written *w = w_;

    mark(w->bitmap, fe_memory_gpa(&w->d->fe->mem, p), len);
}

void
fe_dirty_note(struct fe_dirty *d, const struct fe_ring *r,
              const struct vring_used_elem *e)
{
    unsigned int idx = r - d->fe->rings;
    uint32_t slot = e->id >> r->shift;
    uint32_t left = r->rx ? MIN(e->len, r->capacity) : 0;

    if (!d->sure[idx] && r->used_idx == d->from[idx]) {
        d->sure[idx] = true;
    }

    unsigned long *bitmap = d->sure[idx] ? d->expected : d->allowed;

    for (unsigned int i = 0; slot < r->n_slots && left; i++) {
        uint32_t n = MIN(left, r->caps[i]);

        mark(bitmap, r->segs[slot * r->n_segs + i].gpa, n);
        left -= n;
    }
    if (d->used && r->packed) {
        struct written w = { d, bitmap };

        fe_packed_written(r, e, mark_written, &w);
    } else if (d->used) {
        const struct fe_memory *mem = &d->fe->mem;

        mark(bitmap, fe_memory_gpa(mem, e), sizeof *e);
        mark(bitmap, fe_memory_gpa(mem, &r->used->idx),
             sizeof r->used->idx);
    }
}

/* Finds the pages that we write ourselves. */
static void
find_ours(struct fe_dirty *d)
{
    const struct frontend *fe = d->fe;

    for (unsigned int i = 0; i < fe->n_rings; i++) {
        const struct fe_ring *r = &fe->rings[i];
        size_t n = (size_t) r->n_slots * r->n_segs;
        struct fe_ring_parts parts = { r->desc, r->avail, r->used };
        uint64_t avail_size = fe_avail_size(r->size);
        uint64_t used_size = fe_used_size(r->size);

        if (r->packed) {
            parts = fe_packed_parts(r);
            avail_size = used_size = sizeof(struct vring_packed_desc_event);
            if (d->used) {
                mark(d->allowed, fe_memory_gpa(&fe->mem, parts.desc),
                     fe_desc_size(r->size));
            }
        }
        mark(d->ours, fe_memory_gpa(&fe->mem, parts.desc),
             fe_desc_size(r->size));
        mark(d->ours, fe_memory_gpa(&fe->mem, parts.avail), avail_size);
        if (r->tables) {
            mark(d->ours, r->tables_gpa, fe_desc_size(n));
        }
        for (size_t j = 0; !r->rx && j < n; j++) {
            mark(d->ours, r->segs[j].gpa, r->caps[j % r->n_segs]);
        }
        mark(d->used ? d->allowed : d->ours,
             fe_memory_gpa(&fe->mem, parts.used), used_size);
    }
}

/* Takes the hash of each page into d->hashes.  With 'ds', also appends those
 * whose hash is another than last time but that are not in the log, and
 * returns how many. */
static size_t
hash_pages(struct fe_dirty *d, struct ds *ds)
{
    const struct fe_memory *mem = &d->fe->mem;
    uint32_t *h = d->hashes;
    size_t n = 0;

    for (size_t i = 0; i < mem->n; i++) {
        const struct fe_region *r = &mem->regions[i];

        for (uint64_t ofs = 0; ofs < r->size; ofs += FE_PAGE_SIZE, h++) {
            uint64_t page = (r->gpa + ofs) / FE_PAGE_SIZE;

            if (bitmap_is_set(d->ours, page)) {
                continue;
            }

            uint32_t hash = hash_bytes(r->va + ofs, FE_PAGE_SIZE, 0);

            if (ds && hash != *h && !bitmap_is_set(d->log, page)
                && n++ < MAX_REPORTED) {
                ds_put_format(ds, "page %#"PRIx64" changed but is not "
                              "marked\n", page);
            }
            *h = hash;
        }
    }
    return n;
}

static size_t
count_pages(const struct fe_memory *mem)
{
    size_t n = 0;

    for (size_t i = 0; i < mem->n; i++) {
        n += mem->regions[i].size / FE_PAGE_SIZE;
    }
    return n;
}

/* Tells the back end that the log is on or off. */
static int
switch_log(struct fe_dirty *d, bool on)
{
    struct frontend *fe = d->fe;
    int error = fe_set_features(fe, on ? FE_BIT(FE_F_log_all) : 0);

    fe->log_used = on && d->used;
    for (unsigned int i = 0; i < fe->n_rings && !error; i++) {
        error = fe_set_vring_addr(fe, i);
    }
    return error;
}

static int
send_log_base(struct fe_dirty *d)
{
    struct fe_msg msg = {
        .request = FE_SET_LOG_BASE,
        .flags = FE_VERSION,
        .size = sizeof msg.log,
        .log = { .size = d->size, .offset = 0 },
    };
    int error = fe_send(d->fe, &msg, &d->fd, 1);

    /* This one is always answered (vhost-user, "Front-end message types"). */
    if (!error) {
        error = fe_recv(d->fe, &msg, NULL);
    }
    if (!error && msg.request != FE_SET_LOG_BASE) {
        snprintf(d->fe->error, sizeof d->fe->error,
                 "bad answer to SET_LOG_BASE");
        error = EPROTO;
    }
    return error;
}

static void
destroy(struct fe_dirty *d)
{
    for (unsigned int i = 0; i < d->fe->n_rings; i++) {
        d->fe->rings[i].dirty = NULL;
    }
    d->fe->log_used = false;
    if (d->log != MAP_FAILED) {
        munmap(d->log, d->size);
    }
    if (d->fd >= 0) {
        close(d->fd);
    }
    bitmap_free(d->expected);
    bitmap_free(d->allowed);
    bitmap_free(d->ours);
    free(d->hashes);
    free(d->from);
    free(d->sure);
    free(d);
}

int
fe_dirty_start(struct frontend *fe, bool used, struct fe_dirty **dp)
{
    struct fe_dirty *d = xzalloc(sizeof *d);
    int error;

    d->fe = fe;
    d->used = used;
    d->n_pages = fe_memory_end(&fe->mem) / FE_PAGE_SIZE;
    d->size = bitmap_n_bytes(d->n_pages);
    d->expected = bitmap_allocate(d->n_pages);
    d->allowed = bitmap_allocate(d->n_pages);
    d->ours = bitmap_allocate(d->n_pages);
    d->hashes = xcalloc(count_pages(&fe->mem), sizeof *d->hashes);
    d->from = xcalloc(fe->n_rings, sizeof *d->from);
    d->sure = xcalloc(fe->n_rings, sizeof *d->sure);
    d->log = MAP_FAILED;
    d->fd = memfd_create("log", MFD_CLOEXEC);
    if (d->fd < 0 || ftruncate(d->fd, d->size)) {
        ovs_fatal(errno, "cannot create log");
    }
    d->log = mmap(NULL, d->size, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd,
                  0);
    if (d->log == MAP_FAILED) {
        ovs_fatal(errno, "cannot map log");
    }

    error = send_log_base(d);
    if (!error) {
        error = switch_log(d, true);
    }
    if (error) {
        destroy(d);
        return error;
    }

    for (unsigned int i = 0; i < fe->n_rings; i++) {
        struct fe_ring *r = &fe->rings[i];

        d->from[i] = fe_ring_used_idx(r);
        r->dirty = d;
    }
    find_ours(d);
    hash_pages(d, NULL);
    *dp = d;
    return 0;
}

bool
fe_dirty_check(struct fe_dirty *d, struct ds *ds)
{
    size_t n_expected = bitmap_count1(d->expected, d->n_pages);
    size_t n_marked = bitmap_count1(d->log, d->n_pages);
    size_t n_missing = 0, n_extra = 0, n_changed;
    size_t page;

    BITMAP_FOR_EACH_1 (page, d->n_pages, d->expected) {
        if (!bitmap_is_set(d->log, page) && n_missing++ < MAX_REPORTED) {
            ds_put_format(ds, "page %#"PRIxSIZE" written but not marked\n",
                          page);
        }
    }
    BITMAP_FOR_EACH_1 (page, d->n_pages, d->log) {
        if (!bitmap_is_set(d->expected, page)
            && !bitmap_is_set(d->allowed, page)
            && n_extra++ < MAX_REPORTED) {
            ds_put_format(ds, "page %#"PRIxSIZE" marked but not written\n",
                          page);
        }
    }
    n_changed = hash_pages(d, ds);

    memset(d->log, 0, d->size);
    memset(d->expected, 0, d->size);
    ds_put_format(ds, "expected=%"PRIuSIZE" marked=%"PRIuSIZE
                  " missing=%"PRIuSIZE" extra=%"PRIuSIZE
                  " changed=%"PRIuSIZE"\n",
                  n_expected, n_marked, n_missing, n_extra, n_changed);
    return !n_missing && !n_extra && !n_changed;
}

int
fe_dirty_stop(struct fe_dirty *d)
{
    int error = 0;

    if (d) {
        if (d->fe->fd >= 0) {
            error = switch_log(d, false);
        }
        destroy(d);
    }
    return error;
}
