/* Batches of equations with random weights, and the search for one that fails. */
#include "batch_frame.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "limbs.h"
#include "secret.h"
#include "units.h"

const uint8_t *batch_item(mpcw_bytes bytes, size_t count, size_t i)
{
    return bytes.data + i * (bytes.len / count);
}

void batch_draw(const batch *b, const size_t *items, size_t count)
{
    rng_bytes(b->r, b->weight, count * WEIGHT_LIMBS * sizeof *b->weight);
    for (size_t i = 0; i < count; i++) {
        mp_limb_t e[CHALLENGE_LIMBS], *weight = b->weight + i * WEIGHT_LIMBS;
        if (i == 0) {
            weight[0] = 1;
            weight[1] = 0;
        }
        limbs_from_be(e, CHALLENGE_LIMBS, b->e + 32 * items[i], 32);
        limbs_mul(b->weighted + i * WEIGHTED_LIMBS, e, CHALLENGE_LIMBS, weight, WEIGHT_LIMBS);
    }
}

/* Mark the first bad one of items, of which at least one is known to be bad: who has sent many costs no more than who has sent
 * one. */
static mpcw_status search(const batch *b, uint8_t *bad, const size_t *items, size_t count)
{
    bool hidden = false;
    while (count > 1 && !hidden) {
        const size_t half = count / 2;
        bool good = false;
        mpcw_status status = b->holds(b, items, half, &good);
        if (status == MPCW_OK && good) {
            items += half;
            count -= half;
            status = b->holds(b, items, count, &good);
            if (good) {
                /* what hides in both halves, by elements of small order, cannot hide from the strict check */
                items -= half;
                count += half;
                hidden = true;
            }
        } else {
            count = half;
        }
        if (status != MPCW_OK)
            return status;
    }
    bool found = false;
    for (size_t i = 0; !found && i < count; i++)
        bad[items[i]] = found = !b->strict(b, items[i]);
    return MPCW_OK;
}

mpcw_status batch_verify(batch *b, mpcw_buffer bad, const mpcw_secret *seed)
{
    rng r = {0};
    bool good = true, malformed = false;
    size_t left = 0;
    mpcw_status status = MPCW_E_MEMORY;
    size_t *items = calloc(b->count, sizeof *items);
    b->weight = calloc(b->count, (WEIGHT_LIMBS + WEIGHTED_LIMBS) * sizeof *b->weight);
    if (!items || !b->weight || (status = rng_open(&r, seed, "batch")) != MPCW_OK)
        goto done;
    b->weighted = b->weight + b->count * WEIGHT_LIMBS;
    b->r = &r;
    for (size_t i = 0; i < b->count; i++) {
        scalar e;
        if (scalar_from_be32(&e, b->e + 32 * i))
            bad.data[i] = 1;
        if (!bad.data[i])
            items[left++] = i;
    }
    malformed = left < b->count;
    if (!malformed && ((status = b->holds(b, items, left, &good)) != MPCW_OK ||
                       (!good && (status = search(b, bad.data, items, left)) != MPCW_OK)))
        goto done;
    for (size_t i = 0; i < b->count; i++)
        if (bad.data[i])
            status = MPCW_REJECTED;
done:
    if (status != MPCW_OK && status != MPCW_REJECTED)
        memset(bad.data, 0, bad.len);
    rng_close(&r);
    free(items);
    free(b->weight);
    return status;
}

/* r = the product over the items of v: in all lanes, or with two copies for each side in the lane of its first item. */
static mpcw_status merge_lanes(const lane *l, uint64_t *r, const uint64_t *v, size_t parts, size_t copies)
{
    const lane_mod *m = l->m;
    const size_t n = m->limbs, size = parts * n, lanes = m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *t = secret_alloc((parts * m->width + lanes * size + size) * sizeof *t);
    if (!t)
        return status;
    mp_limb_t *x = t + parts * m->width, *tmp = x + lanes * size;
    status = parts == 2 ? lane_dual_leave(l, x, v) : lane_leave(l, x, v);
    memcpy(r, lane_one(m, parts), parts * m->width * sizeof *r);
    for (size_t k = 0; k < lanes && parts == 2; k++)
        lane_join(x + k * size, tmp, m->n_limbs + k * n, n);
    for (size_t k = 0; k < lanes && status == MPCW_OK; k += copies)
        if ((status = lane_enter_items(l, t, x + k * size, size, size, copies, parts)) == MPCW_OK)
            lane_mul_parts(l, r, r, t, parts);
    secret_free(t);
    return status;
}

/* The bits of the longest exponent of a row. */
static size_t exponent_bits(const lane_term *term, size_t lanes, size_t limbs)
{
    size_t bits = 0;
    for (size_t k = 0; k < lanes; k++) {
        const size_t now = term->e[k] ? limbs_bits_var(term->e[k], limbs) : 0;
        bits = now > bits ? now : bits;
    }
    return bits;
}

mpcw_status batch_multi_pow(const lane *l, uint64_t *r, size_t parts, const factors *f, const batch *b,
                            const size_t *items, size_t count)
{
    const lane_mod *m = l->m;
    const column *columns = f->columns;
    const size_t lanes = m->ops->lanes, words = parts * m->width, each = lanes / b->copies;
    const size_t rows = (count + each - 1) / each;
    const bool secret = b->secret;
    mpcw_status status = MPCW_E_MEMORY;
    size_t limbs = 0, terms_len = rows * f->count;
    for (size_t c = 0; c < f->count; c++)
        limbs = columns[c].values.len / b->count / 8 > limbs ? columns[c].values.len / b->count / 8 : limbs;
    lane_term *terms = calloc(terms_len + 1, sizeof *terms);
    uint64_t *bases = lane_table_alloc((terms_len + 1) * words * sizeof *bases, secret);
    mp_limb_t *x = secret_alloc(lanes * limbs * sizeof *x);
    if (!terms || !bases || !x)
        goto done;
    for (size_t c = 0; c < f->count; c++) {
        const size_t size = columns[c].values.len / b->count, n = size / 8;
        for (size_t row = 0; row < rows; row++) {
            const size_t first = row * each, now = b->copies * (count - first < each ? count - first : each);
            lane_term *term = terms + c * rows + row;
            uint64_t *base = bases + (c * rows + row) * words;
            term->base = base;
            for (size_t k = 0; k < now; k++) {
                const size_t i = first + k / b->copies;
                limbs_from_be(x + k * n, n, columns[c].values.data + items[i] * size, size);
                term->e[k] = columns[c].exponents + i * columns[c].limbs;
            }
            term->bits = exponent_bits(term, lanes, columns[c].limbs);
            if ((status = lane_enter_items(l, base, x, n, n, now, parts)) != MPCW_OK)
                goto done;
        }
    }
    uint64_t *v = bases + terms_len * words;
    if (f->other)
        terms[terms_len++] = *f->other;
    if ((status = lane_multi_pow_var(l, v, parts, terms, terms_len, secret)) == MPCW_OK)
        status = merge_lanes(l, r, v, parts, b->copies);
done:
    secret_free(x);
    lane_table_free(bases, secret);
    free(terms);
    return status;
}

void batch_weighted_sum(mpz_t x, const batch *b, mpcw_bytes z, const size_t *items, size_t count)
{
    mpz_t value, weight;
    mpz_inits(value, weight, NULL);
    mpz_set_ui(x, 0);
    for (size_t i = 0; i < count; i++) {
        mpz_from_twos(value, batch_item(z, b->count, items[i]), z.len / b->count);
        mpz_from_limbs(weight, b->weight + i * WEIGHT_LIMBS, WEIGHT_LIMBS);
        mpz_addmul(x, value, weight);
    }
    mpz_clears(value, weight, NULL);
}

mpcw_status batch_equal(const lane *l, bool *equal, const uint64_t *a, const uint64_t *b, size_t parts,
                        size_t copies)
{
    const size_t size = parts * l->m->limbs, all = l->m->ops->lanes * size;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *x = secret_alloc(2 * all * sizeof *x);
    if (!x)
        return status;
    mp_limb_t *y = x + all;
    if (parts == 2)
        (void)((status = lane_dual_leave(l, x, a)) == MPCW_OK && (status = lane_dual_leave(l, y, b)) == MPCW_OK);
    else
        (void)((status = lane_leave(l, x, a)) == MPCW_OK && (status = lane_leave(l, y, b)) == MPCW_OK);
    uint64_t same = limbs_equal(x, y, copies * size);
    ct_declassify(&same, sizeof same);
    *equal = status == MPCW_OK && same != 0;
    secret_free(x);
    return status;
}

mpcw_status batch_mark_units(mpcw_buffer bad, mpcw_bytes x, const mp_limb_t *n, size_t limbs, bool square)
{
    uint8_t *now = calloc(bad.len, 1);
    if (!now)
        return MPCW_E_MEMORY;
    const mpcw_status status = units_check_var(now, bad.len, x.data, x.len, n, limbs, square);
    for (size_t i = 0; i < bad.len; i++)
        bad.data[i] |= now[i];
    free(now);
    if (status != MPCW_OK && status != MPCW_REJECTED)
        memset(bad.data, 0, bad.len);
    return status == MPCW_REJECTED ? MPCW_OK : status;
}

mpcw_status batch_open(batch *b, mpcw_buffer bad, mpcw_bytes e)
{
    memset(bad.data, 0, bad.len);
    if (bad.len == 0 || e.len != 32 * bad.len)
        return MPCW_E_LENGTH;
    b->count = bad.len;
    b->e = e.data;
    return MPCW_OK;
}

bool batch_whole_limbs(mpcw_bytes z, size_t count)
{
    return z.len > 0 && z.len % (8 * count) == 0 && z.len / count <= 4096;
}
