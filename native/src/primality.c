#include "primality.h"

#include <string.h>

#include "ct.h"
#include "limbs.h"
#include "secret.h"

enum { WINDOW = 4 };

mpcw_status primality_fermat(unsigned *passed, const lane_ops *ops, const mp_limb_t *const n[LANES_MAX],
                             size_t limbs)
{
    mpcw_status status;
    lane_mod *m = NULL;
    lane l = {0};
    uint64_t *x = NULL;
    mp_limb_t *result = NULL;
    unsigned all = 0;

    *passed = 0;
    if ((status = lane_mod_new(&m, ops, n, limbs)) != MPCW_OK || (status = lane_open(&l, m)) != MPCW_OK)
        goto done;
    status = MPCW_E_MEMORY;
    x = lane_vectors(&l, 1);
    result = secret_alloc(ops->lanes * limbs * sizeof *result);
    if (!x || !result)
        goto done;

    memcpy(x, m->one, m->width * sizeof *x);
    for (size_t i = 64 * limbs; i-- > 0;) {
        uint64_t bits[LANES_MAX];
        for (size_t k = 0; k < ops->lanes; k++)
            bits[k] = i == 0 ? 0 : n[k][i / 64] >> (i % 64) & 1; /* n is odd: this is n - 1 */
        ops->sqr_double(&l, x, x, bits);
    }
    if ((status = lane_leave(&l, result, x)) != MPCW_OK)
        goto done;
    for (size_t k = 0; k < ops->lanes; k++) {
        mp_limb_t *r = result + k * limbs;
        r[0] ^= 1;
        all |= (unsigned)(limbs_is_zero(r, limbs) & 1) << k;
    }
    *passed = all;
done:
    secret_free(result);
    secret_free(x);
    lane_close(&l);
    lane_mod_free(m);
    return status;
}

/* What the rounds of one number share. */
typedef struct rounds {
    const mp_limb_t *n;
    size_t limbs;
    size_t twos; /* n - 1 = 2^twos * d, d odd */
    lane l;
    uint64_t *x;       /* the bases, then their powers */
    uint64_t *t;
    uint64_t *table;   /* the powers 0 .. 15 of the bases */
    mp_limb_t *result; /* [lanes][limbs] */
    mp_limb_t *minus_one;
} rounds;

static void draw_bases(rounds *r, rng *random)
{
    const lane_mod *m = r->l.m;
    const size_t bits = limbs_bits_var(r->n, r->limbs), top = (bits - 1) / 64;
    for (size_t k = 0; k < m->ops->lanes; k++) {
        mp_limb_t *base = r->result;
        memset(base, 0, r->limbs * sizeof *base);
        do {
            rng_bytes(random, base, (top + 1) * sizeof *base);
            base[top] &= ~(mp_limb_t)0 >> (63 - (bits - 1) % 64);
            /* a rejected draw is independent of the one that is kept */
        } while (!limbs_less(base, r->n, r->limbs) || limbs_is_zero(base, r->limbs));
        /* taken as it is for the Montgomery form: base / R is as uniform as base */
        m->ops->load(m, r->x, k, base, r->limbs);
    }
}

/* x = x^d in every lane. */
static void raise_to_d(rounds *r)
{
    const lane_mod *m = r->l.m;
    const lane_ops *ops = m->ops;
    const size_t width = m->width, bits = 64 * r->limbs;
    memcpy(r->table, m->one, width * sizeof *r->x);
    for (size_t e = 1; e < 1 << WINDOW; e++)
        ops->mul(&r->l, r->table + e * width, r->table + (e - 1) * width, r->x);
    memcpy(r->x, m->one, width * sizeof *r->x);
    for (size_t w = (bits - r->twos + WINDOW - 1) / WINDOW; w-- > 0;) {
        uint32_t digit = 0, index[LANES_MAX];
        for (size_t i = r->twos + w * WINDOW, k = 0; k < WINDOW && i + k < bits; k++)
            digit |= (uint32_t)(r->minus_one[(i + k) / 64] >> ((i + k) % 64) & 1) << k;
        for (size_t k = 0; k < LANES_MAX; k++)
            index[k] = digit;
        for (int k = 0; k < WINDOW; k++)
            ops->sqr(&r->l, r->x, r->x);
        ops->select(r->t, r->table, 1 << WINDOW, width, index);
        ops->mul(&r->l, r->x, r->x, r->t);
        ct_cleanse(index, sizeof index);
    }
}

/* *passed: with every lane's base b, b^d = 1 or b^(d * 2^i) = -1 for an i < twos. */
static mpcw_status strong_round(bool *passed, rounds *r, rng *random)
{
    const lane_ops *ops = r->l.m->ops;
    mp_limb_t one[LANE_LIMBS_MAX] = {1};
    uint64_t good[LANES_MAX] = {0}, all = ~(uint64_t)0;
    *passed = false;
    draw_bases(r, random);
    raise_to_d(r);
    for (size_t i = 0; i < r->twos; i++) {
        if (i > 0)
            ops->sqr(&r->l, r->x, r->x);
        mpcw_status status = lane_leave(&r->l, r->result, r->x);
        if (status != MPCW_OK)
            return status;
        for (size_t k = 0; k < ops->lanes; k++) {
            const mp_limb_t *y = r->result + k * r->limbs;
            good[k] |= limbs_equal(y, r->minus_one, r->limbs);
            if (i == 0)
                good[k] |= limbs_equal(y, one, r->limbs);
        }
    }
    for (size_t k = 0; k < ops->lanes; k++)
        all &= good[k];
    *passed = all != 0;
    return MPCW_OK;
}

mpcw_status primality_miller_rabin(bool *passed, const lane_ops *ops, const mp_limb_t *n, size_t limbs,
                                   rng *random, unsigned count)
{
    const mp_limb_t *const moduli[LANES_MAX] = {n, n, n, n};
    mpcw_status status;
    lane_mod *m = NULL;
    rounds r = {.n = n, .limbs = limbs};
    bool good = true;

    *passed = false;
    if ((status = lane_mod_new(&m, ops, moduli, limbs)) != MPCW_OK || (status = lane_open(&r.l, m)) != MPCW_OK)
        goto done;
    status = MPCW_E_MEMORY;
    r.x = lane_vectors(&r.l, 2 + (1 << WINDOW));
    r.result = secret_alloc((ops->lanes + 1) * limbs * sizeof *r.result);
    if (!r.x || !r.result)
        goto done;
    r.t = r.x + m->width;
    r.table = r.t + m->width;
    r.minus_one = r.result + ops->lanes * limbs;
    memcpy(r.minus_one, n, limbs * sizeof *n);
    r.minus_one[0] -= 1;
    r.twos = mpn_scan1(r.minus_one, 0);

    status = MPCW_OK;
    for (size_t i = 0; status == MPCW_OK && good && i < count; i += ops->lanes)
        status = strong_round(&good, &r, random);
    *passed = status == MPCW_OK && good;
done:
    secret_free(r.result);
    secret_free(r.x);
    lane_close(&r.l);
    lane_mod_free(m);
    return status;
}
