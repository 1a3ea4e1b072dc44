#include "lane_multi.h"

#include <string.h>

#include "secret.h"

#define WINDOW 4
/* Terms whose tables are in memory at once. */
#define CHUNK 64

static uint32_t digit_var(const lane_term *t, size_t lane, size_t pos)
{
    if (!t->e[lane] || pos >= t->bits)
        return 0;
    return (uint32_t)(t->e[lane][pos / 64] >> (pos % 64)) & ((1U << WINDOW) - 1);
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
    size_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t *t = table + i * entries * words;
        memcpy(t, lane_one(l->m, parts), words * sizeof *t);
        memcpy(t + words, terms[i].base, words * sizeof *t);
        for (size_t e = 2; e < entries; e += 2) {
            lane_sqr_parts(l, t + e * words, t + e / 2 * words, parts);
            lane_mul_parts(l, t + (e + 1) * words, t + e * words, t + words, parts);
        }
        bits = terms[i].bits > bits ? terms[i].bits : bits;
    }
    memcpy(r, lane_one(l->m, parts), words * sizeof *r);
    bool started = false;
    for (size_t pos = (bits + WINDOW - 1) / WINDOW * WINDOW; pos > 0;) {
        pos -= WINDOW;
        for (size_t k = 0; started && k < WINDOW; k++)
            lane_sqr_parts(l, r, r, parts);
        for (size_t i = 0; i < count; i++) {
            uint32_t index[LANES_MAX] = {0}, any = 0;
            for (size_t lane = 0; lane < l->m->ops->lanes; lane++)
                any |= index[lane] = digit_var(terms + i, lane, pos);
            if (!any)
                continue;
            l->m->ops->select_var(x, table + i * entries * words, entries, words, index);
            lane_mul_parts(l, r, r, x, parts);
            started = true;
        }
    }
    lane_table_free(table, secret);
    return MPCW_OK;
}

mpcw_status lane_multi_pow_var(const lane *l, uint64_t *r, size_t parts, const lane_term *terms, size_t count,
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
