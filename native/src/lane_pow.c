#include "lane_pow.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "secret.h"

void lane_copy(const lane_ops *ops, uint64_t *r, size_t to, const uint64_t *a, size_t from, size_t words)
{
    for (size_t i = 0; i < words; i += ops->lanes)
        r[i + to] = a[i + from];
}

void lane_multiply_copies(const lane *l, uint64_t *r, size_t parts, size_t copies, size_t count, uint64_t *tmp)
{
    const lane_ops *ops = l->m->ops;
    const size_t words = parts * l->m->width;
    for (size_t distance = 1; distance < copies; distance *= 2) {
        for (size_t k = 0; k < ops->lanes; k++)
            lane_copy(ops, tmp, k, r, k ^ distance, words);
        lane_mul_parts(l, r, r, tmp, parts);
    }
    for (size_t k = 0; k < ops->lanes; k++)
        lane_copy(ops, tmp, k, r, (k < count ? k : 0) * copies, words);
    memcpy(r, tmp, words * sizeof *r);
}

/* A scan of 64 entries costs what the wider window saves. */
static size_t window_width(size_t bits, bool var)
{
    return bits <= 8 ? 1 : bits <= 32 ? 2 : bits <= 96 ? 3 : bits <= 240 ? 4 : bits <= 1200 || !var ? 5 : 6;
}

static mpcw_status power(const lane *l, uint64_t *r, const uint64_t *base, size_t parts,
                         const mp_limb_t *const e[LANES_MAX], size_t bits, bool var)
{
    const lane_ops *ops = l->m->ops;
    const size_t words = parts * l->m->width, w = window_width(bits, var), count = (size_t)1 << w;
    if (bits == 0) {
        memcpy(r, lane_one(l->m, parts), words * sizeof *r);
        return MPCW_OK;
    }
    uint64_t *table = secret_alloc((count + 1) * words * sizeof *table);
    if (!table)
        return MPCW_E_MEMORY;
    uint64_t *x = table + count * words;
    memcpy(table, lane_one(l->m, parts), words * sizeof *table);
    memcpy(table + words, base, words * sizeof *table);
    for (size_t i = 2; i < count; i += 2) {
        lane_sqr_parts(l, table + i * words, table + i / 2 * words, parts);
        lane_mul_parts(l, table + (i + 1) * words, table + i * words, base, parts);
    }
    uint32_t index[LANES_MAX] = {0};
    for (size_t k = (bits + w - 1) / w; k-- > 0;) {
        for (size_t lane = 0; lane < ops->lanes; lane++)
            index[lane] = exponent_window(e[lane], k * w, w, bits);
        const bool first = (k + 1) * w >= bits;
        for (size_t i = 0; !first && i < w; i++)
            lane_sqr_parts(l, r, r, parts);
        (var ? ops->select_var : ops->select)(x, table, count, words, index);
        if (first)
            memcpy(r, x, words * sizeof *r);
        else
            lane_mul_parts(l, r, r, x, parts);
    }
    ct_cleanse(index, sizeof index);
    secret_free(table);
    return MPCW_OK;
}

mpcw_status lane_pow(const lane *l, uint64_t *r, const uint64_t *base, size_t parts,
                     const mp_limb_t *const e[LANES_MAX], size_t bits)
{
    return power(l, r, base, parts, e, bits, false);
}

mpcw_status lane_pow_var(const lane *l, uint64_t *r, const uint64_t *base, size_t parts,
                         const mp_limb_t *const e[LANES_MAX], size_t bits)
{
    return power(l, r, base, parts, e, bits, true);
}

void *lane_table_alloc(size_t bytes, bool secret)
{
    void *table = NULL;
    if (secret)
        return secret_alloc(bytes);
    return posix_memalign(&table, 64, bytes) == 0 ? table : NULL;
}

void lane_table_free(void *table, bool secret)
{
    if (secret)
        secret_free(table);
    else
        free(table);
}

mpcw_status subset_table_new(subset_table **out, const lane *l, const uint64_t *generators, size_t parts,
                             size_t teeth, size_t groups, bool secret)
{
    const lane_ops *ops = l->m->ops;
    const size_t words = parts * l->m->width, entry = ops->entry(parts * l->m->digits), count = (size_t)1 << teeth;
    mpcw_status status = MPCW_E_MEMORY;
    *out = NULL;
    subset_table *t = calloc(1, sizeof *t);
    uint64_t *products = secret_alloc((count + teeth) * words * sizeof *products);
    if (!t || !products)
        goto fail;
    t->ops = ops;
    t->parts = parts;
    t->teeth = teeth;
    t->groups = groups;
    t->stride = count * entry;
    t->secret = secret;
    t->data = lane_table_alloc(groups * t->stride, secret);
    if (!t->data)
        goto fail;

    uint64_t *tooth = products + count * words;
    memcpy(products, lane_one(l->m, parts), words * sizeof *products);
    for (size_t group = 0; group < groups; group += ops->lanes) {
        for (size_t k = 0; k < teeth; k++)
            for (size_t lane = 0; lane < ops->lanes; lane++) {
                const size_t g = group + lane < groups ? group + lane : group;
                lane_copy(ops, tooth + k * words, lane, generators + (g * teeth + k) * words, 0, words);
            }
        for (size_t e = 1; e < count; e++) {
            const uint64_t *g = tooth + (size_t)__builtin_ctzll(e) * words;
            if ((e & (e - 1)) == 0)
                memcpy(products + e * words, g, words * sizeof *g);
            else
                lane_mul_parts(l, products + e * words, products + (e & (e - 1)) * words, g, parts);
        }
        for (size_t lane = 0; lane < ops->lanes && group + lane < groups; lane++)
            for (size_t e = 0; e < count; e++)
                ops->entry_pack(l->m, t->data + (group + lane) * t->stride, count, e, products + e * words, lane,
                                parts);
    }
    secret_free(products);
    *out = t;
    return MPCW_OK;
fail:
    secret_free(products);
    subset_table_free(t);
    return status;
}

void subset_table_free(subset_table *t)
{
    if (!t)
        return;
    lane_table_free(t->data, t->secret);
    free(t);
}

void subset_table_select(const subset_table *t, const lane *l, uint64_t *r, const size_t group[LANES_MAX],
                         const uint32_t *index)
{
    const size_t count = (size_t)1 << t->teeth;
    const uint8_t *table[LANES_MAX];
    bool shared = true;
    for (size_t k = 0; k < LANES_MAX; k++) {
        table[k] = t->data + group[k] * t->stride;
        shared = shared && group[k] == group[0];
    }
    if (shared)
        t->ops->entry_select(l, r, table[0], count, t->parts, index);
    else
        t->ops->entry_select_each(l, r, table, count, t->parts, index);
}

mpcw_status comb_new(comb **out, const lane *l, const uint64_t *base, size_t parts, size_t bits, size_t teeth,
                     size_t spacing, bool secret)
{
    const size_t words = parts * l->m->width, groups = (bits + teeth * spacing - 1) / (teeth * spacing);
    mpcw_status status = MPCW_E_MEMORY;
    *out = NULL;
    comb *c = calloc(1, sizeof *c);
    uint64_t *generators = secret_alloc(groups * teeth * words * sizeof *generators);
    if (!c || !generators)
        goto fail;
    c->bits = bits;
    c->spacing = spacing;
    /* generator i is base^(2^(i * spacing)) */
    memcpy(generators, base, words * sizeof *base);
    for (size_t i = 1; i < groups * teeth; i++) {
        uint64_t *g = generators + i * words;
        lane_sqr_parts(l, g, g - words, parts);
        for (size_t k = 1; k < spacing; k++)
            lane_sqr_parts(l, g, g, parts);
    }
    if ((status = subset_table_new(&c->table, l, generators, parts, teeth, groups, secret)) != MPCW_OK)
        goto fail;
    secret_free(generators);
    *out = c;
    return MPCW_OK;
fail:
    secret_free(generators);
    comb_free(c);
    return status;
}

void comb_free(comb *c)
{
    if (!c)
        return;
    subset_table_free(c->table);
    free(c);
}

/* The index into table g at step b: bit (g * teeth + k) * spacing + b of e becomes bit k. */
static uint32_t comb_index(const comb *c, const mp_limb_t *e, size_t bits, size_t g, size_t b)
{
    uint32_t index = 0;
    for (size_t k = 0; k < c->table->teeth; k++) {
        const size_t pos = (g * c->table->teeth + k) * c->spacing + b;
        if (pos < bits)
            index |= (uint32_t)(e[pos / 64] >> (pos % 64) & 1) << k;
    }
    return index;
}

static mpcw_status combine(const lane *l, uint64_t *r, const comb_power *powers, size_t count, bool var)
{
    const lane_ops *ops = l->m->ops;
    const size_t parts = powers[0].base->table->parts, words = parts * l->m->width;
    const size_t spacing = powers[0].base->spacing;
    uint64_t *tmp = secret_alloc(words * sizeof *tmp);
    if (!tmp)
        return MPCW_E_MEMORY;
    uint32_t index[LANES_MAX] = {0};
    memcpy(r, lane_one(l->m, parts), words * sizeof *r);
    for (size_t b = spacing; b-- > 0;) {
        if (b + 1 < spacing)
            lane_sqr_parts(l, r, r, parts);
        for (size_t i = 0; i < count; i++) {
            const comb_power *p = powers + i;
            const subset_table *t = p->base->table;
            const size_t reach = t->teeth * spacing;
            for (size_t g = 0; g * reach + b < p->bits; g++) {
                for (size_t lane = 0; lane < ops->lanes; lane++)
                    index[lane] = comb_index(p->base, p->e[lane], p->bits, g, b);
                (var ? ops->entry_select_var : ops->entry_select)(l, tmp, t->data + g * t->stride,
                                                                  (size_t)1 << t->teeth, parts, index);
                lane_mul_parts(l, r, r, tmp, parts);
            }
        }
    }
    ct_cleanse(index, sizeof index);
    secret_free(tmp);
    return MPCW_OK;
}

mpcw_status comb_product(const lane *l, uint64_t *r, const comb_power *powers, size_t count)
{
    return combine(l, r, powers, count, false);
}

mpcw_status comb_product_var(const lane *l, uint64_t *r, const comb_power *powers, size_t count)
{
    return combine(l, r, powers, count, true);
}
