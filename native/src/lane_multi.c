#include "lane_multi.h"

#include <string.h>

#include "secret.h"

#define WINDOW 4
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

/* Straus: the powers base^0 .. base^15 of every term, one chain of squarings for all. */
static mpcw_status straus(const lane *l, uint64_t *r, size_t parts, const lane_term *terms, size_t count, bool secret)
{
    const size_t words = parts * l->m->width, entries = (size_t)1 << WINDOW;
    const size_t bytes = (count * entries + 1) * words * sizeof(uint64_t);
    uint64_t *table = lane_table_alloc(bytes, secret);
    if (!table)
        return MPCW_E_MEMORY;
    uint64_t *x = table + count * entries * words;
    const size_t bits = bits_max(terms, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t *t = table + i * entries * words;
        memcpy(t, lane_one(l->m, parts), words * sizeof *t);
        memcpy(t + words, terms[i].base, words * sizeof *t);
        for (size_t e = 2; e < entries; e += 2) {
            lane_sqr_parts(l, t + e * words, t + e / 2 * words, parts);
            lane_mul_parts(l, t + (e + 1) * words, t + e * words, t + words, parts);
        }
    }
    memcpy(r, lane_one(l->m, parts), words * sizeof *r);
    bool started = false;
    for (size_t pos = (bits + WINDOW - 1) / WINDOW * WINDOW; pos > 0;) {
        pos -= WINDOW;
        for (size_t k = 0; started && k < WINDOW; k++)
            lane_sqr_parts(l, r, r, parts);
        for (size_t i = 0; i < count; i++) {
            uint32_t index[LANES_MAX] = {0};
            if (!digits_var(index, l, terms + i, pos, WINDOW))
                continue;
            l->m->ops->select_var(x, table + i * entries * words, entries, words, index);
            lane_mul_parts(l, r, r, x, parts);
            started = true;
        }
    }
    lane_table_free(table, secret);
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
static size_t straus_cost(const lane_term *terms, size_t count)
{
    size_t cost = (count + CHUNK - 1) / CHUNK * bits_max(terms, count);
    for (size_t i = 0; i < count; i++)
        cost += ((size_t)1 << WINDOW) - 2 + (terms[i].bits + WINDOW - 1) / WINDOW;
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
    size_t least = straus_cost(terms, count), width = 0;
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
