#include "lane_multi.h"

#include <string.h>

#include "secret.h"

/* Window of the tables where lanes share their squarings, and the widest one where there is one lane. */
#define WINDOW 4
#define SLIDING_WINDOW_MAX 7
/* Terms whose tables are in memory at once. */
#define CHUNK 64

/* Widest window of the bucket method: 2^10 buckets take the room of one chunk's tables. */
#define BUCKET_WINDOW_MAX 10

/* The windows of all lanes of a term at pos; false when all are zero. */
static bool digits_var(uint32_t index[LANES_MAX], const lane *l, const lane_term *t, size_t pos, size_t width)
{
    uint32_t any = 0;
    for (size_t lane = 0; lane < l->m->ops->lanes; lane++) {
        index[lane] = t->e[lane] && pos < t->bits ? exponent_window(t->e[lane], pos, width, t->bits) : 0;
        any |= index[lane];
    }
    return any != 0;
}

static size_t bits_max(const lane_term *terms, size_t count)
{
    size_t bits = 0;
    for (size_t i = 0; i < count; i++)
        bits = terms[i].bits > bits ? terms[i].bits : bits;
    return bits;
}

/* Multiplications by an exponent of so many bits, and for the table, with windows of a width. */
static size_t windows_cost(size_t bits, size_t width, bool sliding)
{
    return sliding ? ((size_t)1 << (width - 1)) + bits / (width + 1) : ((size_t)1 << width) + (bits + width - 1) / width;
}

static size_t window_width(size_t bits, bool sliding)
{
    size_t width = sliding ? 1 : WINDOW;
    while (sliding && width < SLIDING_WINDOW_MAX && windows_cost(bits, width + 1, true) < windows_cost(bits, width, true))
        width++;
    return width;
}

/* A term at work. One lane slides its windows to ones, so that digits are odd and half of the powers are enough: entry k is
 * base^(2 k + 1). Several lanes share the places of their windows: entry k is base^k. */
typedef struct windows {
    const lane_term *term;
    bool sliding;
    size_t width, entries;
    size_t place;   /* of a sliding digit that waits */
    uint32_t digit; /* 0 when none does */
    uint64_t *table;
} windows;

static void fill_table(const lane *l, const windows *w, size_t parts)
{
    const size_t words = parts * l->m->width;
    uint64_t *t = w->table;
    if (w->sliding) {
        memcpy(t, w->term->base, words * sizeof *t);
        uint64_t *square = t + (w->entries - 1) * words; /* the last entry is made last */
        if (w->entries > 1)
            lane_sqr_parts(l, square, t, parts);
        for (size_t k = 1; k < w->entries; k++)
            lane_mul_parts(l, t + k * words, t + (k - 1) * words, square, parts);
        return;
    }
    memcpy(t, lane_one(l->m, parts), words * sizeof *t);
    memcpy(t + words, w->term->base, words * sizeof *t);
    for (size_t k = 2; k < w->entries; k += 2) {
        lane_sqr_parts(l, t + k * words, t + k / 2 * words, parts);
        lane_mul_parts(l, t + (k + 1) * words, t + k * words, t + words, parts);
    }
}

/* The entries of the table to multiply with at pos; false for none. Called for every pos below the bits, from the top. */
static bool next_entry_var(uint32_t index[LANES_MAX], windows *w, const lane *l, size_t pos)
{
    const lane_term *t = w->term;
    if (!w->sliding)
        return pos % w->width == 0 && digits_var(index, l, t, pos, w->width);
    if (w->digit == 0 && t->e[0] && (t->e[0][pos / 64] >> (pos % 64) & 1)) {
        const size_t width = pos + 1 < w->width ? pos + 1 : w->width;
        const uint32_t digit = exponent_window(t->e[0], pos + 1 - width, width, t->bits);
        const size_t zeros = (size_t)__builtin_ctz(digit);
        w->digit = digit >> zeros;
        w->place = pos + 1 - width + zeros;
    }
    if (w->digit == 0 || w->place != pos)
        return false;
    index[0] = w->digit / 2;
    w->digit = 0;
    return true;
}

/* Straus: windows of all terms, one chain of squarings for all. */
static mpcw_status straus(const lane *l, uint64_t *r, size_t parts, const lane_term *terms, size_t count, bool secret)
{
    const lane_ops *ops = l->m->ops;
    const size_t words = parts * l->m->width, bits = bits_max(terms, count);
    windows work[CHUNK];
    size_t entries = 1;
    for (size_t i = 0; i < count; i++) {
        const bool sliding = ops->lanes == 1;
        const size_t width = window_width(terms[i].bits, sliding);
        work[i] = (windows){terms + i, sliding, width, (size_t)1 << (sliding ? width - 1 : width), 0, 0, NULL};
        entries += work[i].entries;
    }
    uint64_t *x = lane_table_alloc(entries * words * sizeof *x, secret), *table = x;
    if (!x)
        return MPCW_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        table += (i == 0 ? 1 : work[i - 1].entries) * words;
        work[i].table = table;
        fill_table(l, &work[i], parts);
    }
    memcpy(r, lane_one(l->m, parts), words * sizeof *r);
    bool started = false;
    for (size_t pos = bits; pos-- > 0;) {
        if (started)
            lane_sqr_parts(l, r, r, parts);
        for (size_t i = 0; i < count; i++) {
            uint32_t index[LANES_MAX] = {0};
            if (pos >= terms[i].bits || !next_entry_var(index, &work[i], l, pos))
                continue;
            ops->select_var(x, work[i].table, work[i].entries, words, index);
            lane_mul_parts(l, r, r, x, parts);
            started = true;
        }
    }
    lane_table_free(x, secret);
    return MPCW_OK;
}

static mpcw_status straus_in_chunks(const lane *l, uint64_t *r, size_t parts, const lane_term *terms, size_t count,
                                    bool secret)
{
    const size_t words = parts * l->m->width;
    uint64_t *part = secret_alloc(words * sizeof *part);
    mpcw_status status = part ? MPCW_OK : MPCW_E_MEMORY;
    if (status == MPCW_OK)
        memcpy(r, lane_one(l->m, parts), words * sizeof *r);
    for (size_t i = 0; i < count && status == MPCW_OK; i += CHUNK) {
        status = straus(l, part, parts, terms + i, count - i < CHUNK ? count - i : CHUNK, secret);
        if (status == MPCW_OK)
            lane_mul_parts(l, r, r, part, parts);
    }
    secret_free(part);
    return status;
}

/* Bucket d = product of the bases whose window at pos is d, lane by lane; bucket 0 is rubbish. */
static void fill_buckets(const lane *l, uint64_t *bucket, uint64_t *x, size_t parts, const lane_term *terms,
                         size_t count, size_t pos, size_t width)
{
    const lane_ops *ops = l->m->ops;
    const size_t words = parts * l->m->width, entries = (size_t)1 << width;
    for (size_t d = 0; d < entries; d++)
        memcpy(bucket + d * words, lane_one(l->m, parts), words * sizeof *bucket);
    for (size_t i = 0; i < count; i++) {
        uint32_t index[LANES_MAX] = {0};
        if (!digits_var(index, l, terms + i, pos, width))
            continue;
        ops->select_var(x, bucket, entries, words, index);
        lane_mul_parts(l, x, x, terms[i].base, parts);
        for (size_t lane = 0; lane < ops->lanes; lane++)
            lane_copy(ops, bucket + index[lane] * words, lane, x, lane, words);
    }
}

/* Pippenger: at every window, bucket_1 bucket_2^2 bucket_3^3 .. by running products from the top. */
static mpcw_status pippenger(const lane *l, uint64_t *r, size_t parts, const lane_term *terms, size_t count,
                             size_t width, bool secret)
{
    const size_t words = parts * l->m->width, entries = (size_t)1 << width, bits = bits_max(terms, count);
    uint64_t *bucket = lane_table_alloc((entries + 2) * words * sizeof *bucket, secret);
    if (!bucket)
        return MPCW_E_MEMORY;
    uint64_t *x = bucket + entries * words, *running = x + words;
    memcpy(r, lane_one(l->m, parts), words * sizeof *r);
    for (size_t window = (bits + width - 1) / width; window-- > 0;) {
        for (size_t k = 0; (window + 1) * width < bits && k < width; k++)
            lane_sqr_parts(l, r, r, parts);
        fill_buckets(l, bucket, x, parts, terms, count, window * width, width);
        memcpy(running, bucket + (entries - 1) * words, words * sizeof *running);
        lane_mul_parts(l, r, r, running, parts);
        for (size_t d = entries - 1; d-- > 1;) {
            lane_mul_parts(l, running, running, bucket + d * words, parts);
            lane_mul_parts(l, r, r, running, parts);
        }
    }
    lane_table_free(bucket, secret);
    return MPCW_OK;
}

/* Multiplications by windows of tables, and by windows of buckets of so many bits. */
static size_t straus_cost(const lane_term *terms, size_t count, bool sliding)
{
    size_t cost = (count + CHUNK - 1) / CHUNK * bits_max(terms, count);
    for (size_t i = 0; i < count; i++)
        cost += windows_cost(terms[i].bits, window_width(terms[i].bits, sliding), sliding);
    return cost;
}

static size_t pippenger_cost(const lane_term *terms, size_t count, size_t width)
{
    const size_t bits = bits_max(terms, count);
    size_t cost = bits + (bits + width - 1) / width * ((size_t)2 << width);
    for (size_t i = 0; i < count; i++)
        cost += (terms[i].bits + width - 1) / width;
    return cost;
}

mpcw_status lane_multi_pow_var(const lane *l, uint64_t *r, size_t parts, const lane_term *terms, size_t count,
                               bool secret)
{
    size_t least = straus_cost(terms, count, l->m->ops->lanes == 1), width = 0;
    for (size_t w = WINDOW; w <= BUCKET_WINDOW_MAX; w++) {
        const size_t cost = pippenger_cost(terms, count, w);
        if (cost < least) {
            least = cost;
            width = w;
        }
    }
    return width ? pippenger(l, r, parts, terms, count, width, secret)
                 : straus_in_chunks(l, r, parts, terms, count, secret);
}
