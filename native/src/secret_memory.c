/* The one arena of locked memory. Its chunks are divided into units of 64 bytes; a block is a run of units. What is
 * known of the blocks stands in the ordinary heap, so a forked child, whose chunks the kernel wipes, still finds
 * its tables whole. Free units are always zero. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ct.h"
#include "poison.h"
#include "secret.h"

enum { UNIT = 64, EXACT_BINS = 32, BINS = 64 };
static const size_t CHUNK_BYTES = (size_t)1 << 20;
static const size_t MAX_BYTES = (size_t)1 << 36;
static const uint32_t NONE = UINT32_MAX;

/* The entry of a block's first unit; a unit inside a block has length 0. */
typedef struct unit {
    uint32_t used : 1;
    uint32_t length : 31;
    uint32_t free_before; /* units of the free block that ends here, 0 when the block before is in use */
    uint32_t next, prev;  /* neighbours in the list of free blocks */
} unit;

typedef struct chunk {
    struct chunk *next;
    uint8_t *base;
    uint32_t length, used; /* in units */
    uint64_t generation;
    uint64_t filled; /* bit b: bin b has a block */
    uint32_t bins[BINS];
    unit units[]; /* length + 1: the last one is in use for ever, so that no block joins it */
} chunk;

static struct {
    pthread_mutex_t lock;
    pthread_once_t once;
    int unprotected; /* the fork handlers could not be installed */
    uint64_t generation;
    size_t used, mapped;
    chunk *chunks;
} arena = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static void before_fork(void)
{
    pthread_mutex_lock(&arena.lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&arena.lock);
}

static void after_fork_in_child(void)
{
    /* Locks are not inherited: the chunks of the parent stay mapped, wiped, and are never used again. */
    arena.generation++;
    arena.used = 0;
    arena.mapped = 0;
    pthread_mutex_unlock(&arena.lock);
}

static void install_fork_handlers(void)
{
    arena.unprotected = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* One bin for each length up to EXACT_BINS units, then one for each power of two. */
static unsigned bin_of(uint32_t length)
{
    if (length <= EXACT_BINS)
        return length - 1;
    return EXACT_BINS + 26u - (unsigned)__builtin_clz(length);
}

static void insert_free(chunk *c, uint32_t first, uint32_t length)
{
    unsigned bin = bin_of(length);
    uint32_t head = c->filled >> bin & 1 ? c->bins[bin] : NONE;

    c->units[first] = (unit){.length = length, .next = head, .prev = NONE};
    c->units[first + length].free_before = length;
    if (head != NONE)
        c->units[head].prev = first;
    c->bins[bin] = first;
    c->filled |= (uint64_t)1 << bin;
}

static void remove_free(chunk *c, uint32_t first)
{
    unit *u = &c->units[first];
    unsigned bin = bin_of(u->length);

    c->units[first + u->length].free_before = 0;
    if (u->next != NONE)
        c->units[u->next].prev = u->prev;
    if (u->prev != NONE)
        c->units[u->prev].next = u->next;
    else if (u->next != NONE)
        c->bins[bin] = u->next;
    else
        c->filled &= ~((uint64_t)1 << bin);
}

/* First unit of a free block of at least length units, or NONE. */
static uint32_t find_free(const chunk *c, uint32_t length)
{
    unsigned bin = bin_of(length);
    uint64_t larger = c->filled & ~(((uint64_t)2 << bin) - 1);

    if (c->filled >> bin & 1)
        for (uint32_t first = c->bins[bin]; first != NONE; first = c->units[first].next)
            if (c->units[first].length >= length)
                return first;
    return larger ? c->bins[__builtin_ctzll(larger)] : NONE;
}

static void take_block(chunk *c, uint32_t first, uint32_t length)
{
    uint32_t whole = c->units[first].length;

    remove_free(c, first);
    c->units[first].used = 1;
    c->units[first].length = length;
    if (whole > length)
        insert_free(c, first + length, whole - length);
    c->used += length;
    arena.used += (size_t)length * UNIT;
}

static void give_back_block(chunk *c, uint32_t first)
{
    uint32_t length = c->units[first].length, before = c->units[first].free_before;
    unit *after = &c->units[first + length];

    c->used -= length;
    arena.used -= (size_t)length * UNIT;
    c->units[first].used = 0;
    if (!after->used) {
        remove_free(c, first + length);
        length += after->length;
        after->length = 0;
    }
    if (before) {
        remove_free(c, first - before);
        c->units[first].length = 0;
        first -= before;
        length += before;
    }
    insert_free(c, first, length);
}

static void unmap_chunk(chunk *c)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    unpoison(c->base, (size_t)c->length * UNIT); /* others may get the addresses */
    munmap(c->base - page, (size_t)c->length * UNIT + 2 * page);
    free(c);
}

/* A chunk of locked pages between two guard pages, or NULL: secrets never stand in memory that could be swapped. */
static chunk *map_chunk(size_t at_least)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = ((at_least > CHUNK_BYTES ? at_least : CHUNK_BYTES) + page - 1) / page * page;
    size_t length = bytes / UNIT;
    chunk *c = calloc(1, sizeof *c + (length + 1) * sizeof *c->units);
    if (!c)
        return NULL;

    uint8_t *region = mmap(NULL, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED) {
        free(c);
        return NULL;
    }
    c->base = region + page;
    c->length = (uint32_t)length;
    if (mprotect(c->base, bytes, PROT_READ | PROT_WRITE) || madvise(c->base, bytes, MADV_DONTDUMP) ||
        madvise(c->base, bytes, MADV_WIPEONFORK) || mlock(c->base, bytes)) {
        unmap_chunk(c);
        return NULL;
    }
    c->units[length].used = 1;
    insert_free(c, 0, c->length);
    poison(c->base, bytes);
    return c;
}

/* At most one chunk is empty between calls: it stays for the next call, others go back to the system. */
static chunk *find_empty(const chunk *but)
{
    /* newest first: behind the first chunk of another generation are only such */
    for (chunk *c = arena.chunks; c && c->generation == arena.generation; c = c->next)
        if (c != but && c->used == 0)
            return c;
    return NULL;
}

static void attach(chunk *c)
{
    c->generation = arena.generation;
    c->next = arena.chunks;
    arena.chunks = c;
    arena.mapped += (size_t)c->length * UNIT;
}

static void detach(chunk *c)
{
    chunk **link = &arena.chunks;

    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    arena.mapped -= (size_t)c->length * UNIT;
}

/* Room for a block, in the newest chunk that has it, else in a new chunk. */
static chunk *find_room(uint32_t *first, uint32_t length)
{
    chunk *c, *empty;

    for (c = arena.chunks; c && c->generation == arena.generation; c = c->next)
        if ((*first = find_free(c, length)) != NONE)
            return c;
    c = map_chunk((size_t)length * UNIT);
    if (!c && (empty = find_empty(NULL)) != NULL) {
        /* its locked pages may be what the limit lacks */
        detach(empty);
        unmap_chunk(empty);
        c = map_chunk((size_t)length * UNIT);
    }
    if (c)
        attach(c);
    *first = 0;
    return c;
}

void *secret_alloc(size_t size)
{
    uint8_t *block = NULL;
    uint32_t length, first;

    pthread_once(&arena.once, install_fork_handlers);
    if (arena.unprotected || size > MAX_BYTES)
        return NULL;
    length = size ? (uint32_t)((size + UNIT - 1) / UNIT) : 1;

    pthread_mutex_lock(&arena.lock);
    chunk *c = find_room(&first, length);
    if (c) {
        take_block(c, first, length);
        block = c->base + (size_t)first * UNIT;
        unpoison(block, size);
    }
    pthread_mutex_unlock(&arena.lock);
    return block;
}

/* The chunk and the first unit of a block in use, or NULL for one inherited through fork(). */
static chunk *find_block(uint32_t *first, const uint8_t *block)
{
    for (chunk *c = arena.chunks; c && c->generation == arena.generation; c = c->next) {
        uintptr_t offset = (uintptr_t)block - (uintptr_t)c->base;
        if (offset >= (size_t)c->length * UNIT)
            continue;
        *first = (uint32_t)(offset / UNIT);
        return c->units[*first].used ? c : NULL;
    }
    return NULL;
}

void secret_free(void *p)
{
    uint32_t first;
    size_t bytes = 0;
    chunk *c, *other, *spare = NULL;

    if (!p)
        return;
    pthread_mutex_lock(&arena.lock);
    c = find_block(&first, p);
    if (c)
        bytes = (size_t)c->units[first].length * UNIT;
    pthread_mutex_unlock(&arena.lock);
    if (!c)
        return; /* the kernel wiped it at fork() */

    unpoison(p, bytes); /* behind the size that was asked for, too */
    ct_cleanse(p, bytes); /* outside the lock: it may be megabytes */
    poison(p, bytes);
    pthread_mutex_lock(&arena.lock);
    give_back_block(c, first);
    if (c->used == 0 && (other = find_empty(c)) != NULL) {
        spare = other->length < c->length ? other : c;
        detach(spare);
    }
    pthread_mutex_unlock(&arena.lock);
    if (spare)
        unmap_chunk(spare);
}

uint64_t secret_generation(void)
{
    pthread_once(&arena.once, install_fork_handlers);
    return arena.generation;
}

mpcw_status mpcw_secret_usage(size_t *used, size_t *mapped)
{
    pthread_mutex_lock(&arena.lock);
    *used = arena.used;
    *mapped = arena.mapped;
    pthread_mutex_unlock(&arena.lock);
    return MPCW_OK;
}
