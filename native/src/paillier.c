/* Paillier keys, Chinese remaindering and decryption. */
#include "paillier.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "limbs.h"
#include "secret.h"
#include "units.h"

mpcw_status paillier_expect(const mpcw_paillier *key)
{
    if (!key)
        return MPCW_E_KIND;
    return key->generation == secret_generation() ? MPCW_OK : MPCW_E_FORKED;
}

mpcw_status paillier_secret_expect(const mpcw_paillier_secret *key)
{
    return key ? paillier_expect(key->pub) : MPCW_E_KIND;
}

static mpcw_status contexts(lane_mod **many, lane_mod **single, const mp_limb_t *n, size_t limbs)
{
    const mp_limb_t *same[LANES_MAX] = {n, n, n, n};
    const mpcw_status status = lane_mod_new(many, lane_many(64 * limbs), same, limbs);
    if (status != MPCW_OK || !single)
        return status;
    return lane_mod_new(single, lane_single(64 * limbs), same, limbs);
}

mpcw_status mpcw_paillier_new(mpcw_paillier **out, const uint8_t *n, size_t n_len)
{
    *out = NULL;
    if (n_len == 0 || n_len % 8 != 0 || n_len > 8 * LANE_LIMBS_MAX)
        return MPCW_E_LENGTH;
    mpcw_status status = MPCW_E_MEMORY;
    mpcw_paillier *key = calloc(1, sizeof *key);
    if (!key)
        return status;
    key->generation = secret_generation();
    key->limbs = n_len / 8;
    limbs_from_be(key->n, key->limbs, n, n_len);
    if ((status = contexts(&key->many, &key->single, key->n, key->limbs)) != MPCW_OK) {
        mpcw_paillier_free(key);
        return status;
    }
    *out = key;
    return MPCW_OK;
}

void mpcw_paillier_free(mpcw_paillier *key)
{
    if (!key)
        return;
    lane_mod_free(key->many);
    lane_mod_free(key->single);
    free(key);
}

mpcw_status mpcw_paillier_n(uint8_t *n, size_t n_len, const mpcw_paillier *key)
{
    memset(n, 0, n_len);
    const mpcw_status status = paillier_expect(key);
    if (status != MPCW_OK)
        return status;
    if (n_len != 8 * key->limbs)
        return MPCW_E_LENGTH;
    limbs_to_be(n, n_len, key->n, key->limbs);
    return MPCW_OK;
}

mpcw_status mpcw_paillier_public(mpcw_paillier **out, const mpcw_paillier_secret *key)
{
    uint8_t n[8 * LANE_LIMBS_MAX];
    *out = NULL;
    const mpcw_status status = paillier_secret_expect(key);
    if (status != MPCW_OK)
        return status;
    limbs_to_be(n, 8 * key->pub->limbs, key->pub->n, key->pub->limbs);
    return mpcw_paillier_new(out, n, 8 * key->pub->limbs);
}

/* r = x^-1 modulo the prime modulus (parts 1) or its square (parts 2), by Fermat: the exponent is secret. */
static mpcw_status invert_secret(const lane *l, uint64_t *r, const uint64_t *x, size_t parts)
{
    const lane_mod *m = l->m;
    const size_t n = m->limbs;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *e = secret_alloc(2 * n * sizeof *e);
    if (!e)
        return status;
    const mp_limb_t *each[LANES_MAX] = {e, e, e, e};
    /* p - 2, or phi(p^2) - 1 = p^2 - p - 1 */
    if (parts == 2) {
        limbs_mul(e, m->n_limbs, n, m->n_limbs, n);
        mp_limb_t borrow = mpn_sub_n(e, e, m->n_limbs, (mp_size_t)n);
        limbs_sub_1(e + n, e + n, n, borrow);
        limbs_sub_1(e, e, 2 * n, 1);
    } else {
        memcpy(e, m->n_limbs, n * sizeof *e);
        limbs_sub_1(e, e, n, 2);
    }
    status = lane_pow(l, r, x, parts, each, 64 * parts * n);
    secret_free(e);
    return status;
}

/* r = -x for a residue or dual vector, by the exact integer. */
static mpcw_status negate(const lane *l, uint64_t *r, const uint64_t *x, size_t parts)
{
    const lane_mod *m = l->m;
    const size_t n = parts * m->limbs;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *t = secret_alloc((LANES_MAX + 2) * n * sizeof *t);
    if (!t)
        return status;
    mp_limb_t *square = t + LANES_MAX * n, *tmp = square + n;
    status = parts == 2 ? lane_dual_leave(l, t, x) : lane_leave(l, t, x);
    if (status != MPCW_OK)
        goto done;
    for (size_t k = 0; k < m->ops->lanes; k++) {
        const mp_limb_t *modulus = m->n_limbs + k * m->limbs;
        if (parts == 2) {
            lane_join(t + k * n, tmp, modulus, m->limbs);
            limbs_mul(square, modulus, m->limbs, modulus, m->limbs);
            modulus = square;
        }
        mpn_sub_n(t + k * n, modulus, t + k * n, (mp_size_t)n);
    }
    status = lane_enter_items(l, r, t, n, n, m->ops->lanes, parts);
done:
    secret_free(t);
    return status;
}

/* MPCW_E_MODULUS unless a * b = 1. */
static mpcw_status expect_inverse(const lane *l, const uint64_t *a, const uint64_t *b)
{
    const size_t n = l->m->limbs;
    uint64_t *t = secret_alloc((l->m->width + LANES_MAX * n) * sizeof *t);
    if (!t)
        return MPCW_E_MEMORY;
    mp_limb_t *x = t + l->m->width;
    l->m->ops->mul(l, t, a, b);
    mpcw_status status = lane_leave(l, x, t);
    x[0] ^= 1;
    /* that the key is well formed is public */
    uint64_t one = limbs_is_zero(x, n);
    ct_declassify(&one, sizeof one);
    if (status == MPCW_OK && !one)
        status = MPCW_E_MODULUS;
    secret_free(t);
    return status;
}

/* The constants of a secret key, which has its contexts. */
static mpcw_status secret_constants(mpcw_paillier_secret *key)
{
    const size_t h = key->half, wp = key->p->width, wq = key->q->width;
    const mp_limb_t *p = key->p->n_limbs, *q = key->q->n_limbs;
    lane lp = {0}, lq = {0};
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *next = key->memory = secret_alloc((4 * wp + 10 * wq + 4 * h) * sizeof *next);
    if (!next)
        goto done;
    uint64_t **const vectors[] = {&key->q_mod_p, &key->h_p,  &key->p_mod_q, &key->p_inverse, &key->p_inverse_neg,
                                  &key->h_q,     &key->p2_inverse, &key->p2_inverse_neg};
    const size_t widths[] = {wp, wp, wq, wq, wq, wq, 2 * wq, 2 * wq};
    for (size_t i = 0; i < 8; i++) {
        *vectors[i] = next;
        next += widths[i];
    }
    uint64_t *hs = next;
    next += wp + wq;
    key->p_square = next + wp + wq;
    key->q_square = key->p_square + 2 * h;
    limbs_mul(key->p_square, p, h, p, h);
    limbs_mul(key->q_square, q, h, q, h);

    uint64_t *tp = next; /* wp words of room, then wq */
    if ((status = lane_open(&lp, key->p)) != MPCW_OK || (status = lane_open(&lq, key->q)) != MPCW_OK ||
        (status = lane_enter_items(&lp, key->q_mod_p, q, h, 0, 1, 1)) != MPCW_OK ||
        (status = lane_enter_items(&lq, key->p_mod_q, p, h, 0, 1, 1)) != MPCW_OK ||
        (status = invert_secret(&lq, key->p_inverse, key->p_mod_q, 1)) != MPCW_OK ||
        (status = expect_inverse(&lq, key->p_inverse, key->p_mod_q)) != MPCW_OK ||
        (status = negate(&lq, key->p_inverse_neg, key->p_inverse, 1)) != MPCW_OK ||
        (status = lane_enter_items(&lq, key->p2_inverse, key->p_square, 2 * h, 0, 1, 2)) != MPCW_OK ||
        (status = invert_secret(&lq, key->p2_inverse, key->p2_inverse, 2)) != MPCW_OK ||
        (status = negate(&lq, key->p2_inverse_neg, key->p2_inverse, 2)) != MPCW_OK ||
        /* (1 + N)^(p - 1) = 1 + (p - 1) N mod p^2, so L is (p - 1) q = -q mod p */
        (status = invert_secret(&lp, tp, key->q_mod_p, 1)) != MPCW_OK ||
        (status = expect_inverse(&lp, tp, key->q_mod_p)) != MPCW_OK ||
        (status = negate(&lp, key->h_p, tp, 1)) != MPCW_OK)
        goto done;
    memcpy(key->h_q, key->p_inverse_neg, wq * sizeof *next);
    for (size_t i = 0; i < key->both.passes; i++) {
        const lane_ops *ops = key->both.m[i]->ops;
        key->h[i] = i == 0 ? hs : hs + wp;
        for (size_t k = 0; k < ops->lanes; k++)
            lane_copy(ops, key->h[i], k, (key->both.copies == 2 ? k % 2 : i) == 0 ? key->h_p : key->h_q, k, wp);
    }
done:
    lane_close(&lp);
    lane_close(&lq);
    return status;
}

mpcw_status mpcw_paillier_secret_new(mpcw_paillier_secret **out, const mpcw_secret *p, const mpcw_secret *q)
{
    mp_limb_t n[LANE_LIMBS_MAX];
    uint8_t bytes[8 * LANE_LIMBS_MAX];
    mpcw_status status;
    *out = NULL;
    if ((status = secret_expect(p, MPCW_KIND_RESIDUE, 1, 0)) != MPCW_OK ||
        (status = secret_expect(q, MPCW_KIND_RESIDUE, 1, p->size)) != MPCW_OK)
        return status;
    const size_t half = p->size / 8;
    if (2 * half > LANE_LIMBS_MAX)
        return MPCW_E_LENGTH;
    mpcw_paillier_secret *key = calloc(1, sizeof *key);
    if (!key)
        return MPCW_E_MEMORY;
    key->half = half;
    const mp_limb_t *pl = (const mp_limb_t *)(const void *)p->data, *ql = (const mp_limb_t *)(const void *)q->data;
    limbs_mul(n, pl, half, ql, half);
    /* the modulus is public; whether the primes are well formed may be known, too */
    ct_declassify(n, sizeof n);
    limbs_to_be(bytes, 16 * half, n, 2 * half);
    if ((status = mpcw_paillier_new(&key->pub, bytes, 16 * half)) != MPCW_OK ||
        (status = contexts(&key->p, NULL, pl, half)) != MPCW_OK ||
        (status = contexts(&key->q, NULL, ql, half)) != MPCW_OK ||
        (status = sides_new(&key->both, pl, ql, half)) != MPCW_OK || (status = secret_constants(key)) != MPCW_OK) {
        mpcw_paillier_secret_free(key);
        return status;
    }
    *out = key;
    return MPCW_OK;
}

void mpcw_paillier_secret_free(mpcw_paillier_secret *key)
{
    if (!key)
        return;
    mpcw_paillier_free(key->pub);
    lane_mod_free(key->p);
    lane_mod_free(key->q);
    sides_free(&key->both);
    secret_free(key->memory);
    free(key);
}

mpcw_status paillier_plaintext(mp_limb_t *out, uint64_t *ok, const mpcw_paillier *key, const mp_limb_t *m,
                               size_t m_limbs)
{
    const size_t n = key->limbs;
    if (m_limbs > n)
        return MPCW_E_RANGE;
    const uint64_t negative = (uint64_t)0 - (m[m_limbs - 1] >> 63);
    mp_limb_t carry = 0, complement[LANE_LIMBS_MAX];
    limbs_extend(out, n, m, m_limbs);
    /* out + (negative ? N : 0); a negative number of n limbs carries out of the top exactly when it is above -N - 1 */
    for (size_t i = 0; i < n; i++) {
        const mp_limb_t s = out[i] + carry, t = s + (key->n[i] & negative);
        carry = (mp_limb_t)(s < carry) | (mp_limb_t)(t < s);
        out[i] = t;
    }
    const uint64_t below = ct_select(negative, ct_mask_nonzero(carry), limbs_less(out, key->n, n));
    /* N is odd: out is above N / 2 exactly when N - out < out, and then m must be negative */
    mpn_sub_n(complement, key->n, out, (mp_size_t)n);
    const uint64_t above = limbs_less(complement, out, n);
    *ok &= below & ~(above ^ negative);
    ct_cleanse(complement, sizeof complement);
    return MPCW_OK;
}

/* x (limbs of N each) from count residues a modulo p and b modulo q. */
static mpcw_status crt_limbs(const lane *lq, const mpcw_paillier_secret *key, mp_limb_t *x, const mp_limb_t *a,
                             const mp_limb_t *b, size_t count)
{
    const size_t h = key->half, lanes = lq->m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *t = secret_alloc((lanes * h + 2 * h) * sizeof *t + 2 * lq->m->width * sizeof(uint64_t));
    if (!t)
        return status;
    uint64_t *v = t, *w = v + lq->m->width;
    mp_limb_t *u = w + lq->m->width, *product = u + lanes * h;
    /* x = a + p * ((b - a) / p mod q) */
    if ((status = lane_enter_items(lq, v, a, h, h, count, 1)) != MPCW_OK ||
        (status = lane_enter_items(lq, w, b, h, h, count, 1)) != MPCW_OK)
        goto done;
    lq->m->ops->mul(lq, v, v, key->p_inverse_neg);
    lq->m->ops->mul(lq, w, w, key->p_inverse);
    lq->m->ops->add(lq, v, v, w);
    if ((status = lane_leave(lq, u, v)) != MPCW_OK)
        goto done;
    for (size_t k = 0; k < count; k++) {
        limbs_mul(product, u + k * h, h, key->p->n_limbs, h);
        mp_limb_t carry = mpn_add_n(x + 2 * k * h, product, a + k * h, (mp_size_t)h);
        limbs_add_1(x + 2 * k * h + h, product + h, h, carry);
    }
done:
    secret_free(t);
    return status;
}

mpcw_status paillier_crt(const lane *lp, const lane *lq, const mpcw_paillier_secret *key, mp_limb_t *x,
                         const uint64_t *xp, const uint64_t *xq, size_t count)
{
    const size_t h = key->half, lanes = lp->m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *a = secret_alloc(2 * lanes * h * sizeof *a);
    if (!a)
        return status;
    mp_limb_t *b = a + lanes * h;
    if ((status = lane_leave(lp, a, xp)) == MPCW_OK && (status = lane_leave(lq, b, xq)) == MPCW_OK)
        status = crt_limbs(lq, key, x, a, b, count);
    secret_free(a);
    return status;
}

mpcw_status paillier_crt_square(const lane *lp, const lane *lq, const mpcw_paillier_secret *key, mp_limb_t *c,
                                const uint64_t *cp, const uint64_t *cq, size_t count)
{
    const size_t h = key->half, lanes = lp->m->ops->lanes, width = lq->m->width;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *t = secret_alloc((4 * lanes * h + 4 * h) * sizeof *t + 4 * width * sizeof(uint64_t));
    if (!t)
        return status;
    uint64_t *v = t, *w = v + 2 * width;
    mp_limb_t *a = w + 2 * width, *u = a + 2 * lanes * h, *product = u + 2 * lanes * h;
    /* c = cp + p^2 * ((cq - cp) / p^2 mod q^2) */
    if ((status = lane_dual_leave(lp, a, cp)) != MPCW_OK)
        goto done;
    for (size_t k = 0; k < lanes; k++)
        lane_join(a + 2 * k * h, product, lp->m->n_limbs, h);
    if ((status = lane_enter_items(lq, v, a, 2 * h, 2 * h, lanes, 2)) != MPCW_OK)
        goto done;
    lq->m->ops->dmul(lq, v, v, key->p2_inverse_neg);
    lq->m->ops->dmul(lq, w, cq, key->p2_inverse);
    lq->m->ops->dadd(lq, v, v, w);
    if ((status = lane_dual_leave(lq, u, v)) != MPCW_OK)
        goto done;
    for (size_t k = 0; k < count; k++) {
        lane_join(u + 2 * k * h, product, lq->m->n_limbs, h);
        limbs_mul(product, u + 2 * k * h, 2 * h, key->p_square, 2 * h);
        mp_limb_t carry = mpn_add_n(c + 4 * k * h, product, a + 2 * k * h, 2 * (mp_size_t)h);
        limbs_add_1(c + 4 * k * h + 2 * h, product + 2 * h, 2 * h, carry);
    }
done:
    secret_free(t);
    return status;
}

mpcw_status paillier_root_exponent(mp_limb_t *d, const mp_limb_t *p, const mp_limb_t *q, size_t half)
{
    const mp_size_t n = (mp_size_t)half;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *x = secret_alloc((3 * half + (size_t)mpn_sec_invert_itch(n)) * sizeof *x);
    if (!x)
        return status;
    mp_limb_t *odd = x + half, *sum = odd + half, *scratch = sum + half;
    mpn_rshift(odd, p, n, 1);
    /* N = q mod p - 1 */
    memcpy(x, q, half * sizeof *x);
    if ((status = limbs_divide(NULL, x, half, odd, half)) != MPCW_OK)
        goto done;
    uint64_t exists = (uint64_t)mpn_sec_invert(d, x, odd, n, 2 * 64 * (mp_bitcnt_t)half, scratch);
    ct_declassify(&exists, sizeof exists); /* that a key is well formed is public */
    if (!exists) {
        status = MPCW_E_MODULUS;
        goto done;
    }
    mpn_add_n(sum, d, odd, n);
    limbs_select(d, ct_mask_bit(d[0] & 1), d, sum, half);
done:
    secret_free(x);
    return status;
}

mpcw_status paillier_nth_power(const lane *l, uint64_t *r, const uint64_t *x, const mp_limb_t *const other[LANES_MAX])
{
    const size_t n = l->m->limbs, lanes = l->m->ops->lanes;
    const mp_limb_t *own[LANES_MAX];
    mpcw_status status;
    mp_limb_t *t = secret_alloc(lanes * n * sizeof *t);
    if (!t)
        return MPCW_E_MEMORY;
    for (size_t k = 0; k < LANES_MAX; k++)
        own[k] = l->m->n_limbs + (k < lanes ? k : 0) * n;
    if ((status = lane_pow(l, r, x, 1, other, 64 * n)) == MPCW_OK && (status = lane_leave(l, t, r)) == MPCW_OK &&
        (status = lane_enter_items(l, r, t, n, n, lanes, 2)) == MPCW_OK)
        status = lane_pow(l, r, r, 2, own, 64 * n);
    secret_free(t);
    return status;
}

void paillier_orders(mp_limb_t *e, const mpcw_paillier_secret *key)
{
    for (size_t side = 0; side < 2; side++) {
        memcpy(e + side * key->half, sides_prime(&key->both, side), key->half * sizeof *e);
        e[side * key->half] -= 1;
    }
}

/* m [lanes][half] = L(c) * h mod p for c = 1 mod p: with base-p digits, L is the upper one. */
static mpcw_status logarithm_pass(const lane *l, mp_limb_t *m, const uint64_t *c, const uint64_t *h)
{
    const size_t n = l->m->limbs, lanes = l->m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *t = secret_alloc((l->m->width + 2 * lanes * n) * sizeof *t);
    if (!t)
        return status;
    mp_limb_t *digits = t + l->m->width;
    if ((status = lane_dual_leave(l, digits, c)) != MPCW_OK ||
        (status = lane_enter_items(l, t, digits + n, n, 2 * n, lanes, 1)) != MPCW_OK)
        goto done;
    l->m->ops->mul(l, t, t, h);
    status = lane_leave(l, m, t);
done:
    secret_free(t);
    return status;
}

mpcw_status paillier_logarithms(const pass *w, const mpcw_paillier_secret *key, mp_limb_t *m, uint64_t *const c[2],
                                size_t count)
{
    const sides *s = &key->both;
    const size_t h = key->half, lanes = s->m[0]->ops->lanes;
    lane lq = {0};
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *got = secret_alloc(3 * lanes * h * sizeof *got);
    if (!got)
        return status;
    mp_limb_t *residues[2] = {got + lanes * h, got + 2 * lanes * h};
    for (size_t i = 0; i < s->passes; i++) {
        if ((status = logarithm_pass(&w[i].l, got, c[i], key->h[i])) != MPCW_OK)
            goto done;
        for (size_t k = 0; k < lanes; k++)
            memcpy(residues[w[i].side[k]] + k / s->copies * h, got + k * h, h * sizeof *got);
    }
    if ((status = lane_open(&lq, key->q)) == MPCW_OK)
        status = crt_limbs(&lq, key, m, residues[0], residues[1], count);
done:
    lane_close(&lq);
    secret_free(got);
    return status;
}

mpcw_status paillier_decrypt_passes(const pass *w, const mpcw_paillier_secret *key, mp_limb_t *m, uint64_t *const c[2],
                                    size_t count)
{
    const size_t h = key->half;
    mpcw_status status = MPCW_OK;
    mp_limb_t *e = secret_alloc(2 * h * sizeof *e);
    if (!e)
        return MPCW_E_MEMORY;
    paillier_orders(e, key);
    for (size_t i = 0; i < key->both.passes && status == MPCW_OK; i++) {
        const mp_limb_t *each[LANES_MAX];
        for (size_t k = 0; k < LANES_MAX; k++)
            each[k] = e + w[i].side[k] * h;
        status = lane_pow(&w[i].l, c[i], c[i], 2, each, 64 * h);
    }
    if (status == MPCW_OK)
        status = paillier_logarithms(w, key, m, c, count);
    secret_free(e);
    return status;
}

mpcw_status paillier_decrypt_one(const mpcw_paillier_secret *key, mp_limb_t *m, const uint64_t *cp, const uint64_t *cq)
{
    const sides *s = &key->both;
    const lane_ops *ops = s->m[0]->ops;
    const size_t words = 2 * s->m[0]->width;
    pass w[2] = {0};
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *v = secret_alloc(2 * words * sizeof *v);
    if (!v)
        return status;
    uint64_t *const vectors[2] = {v, v + words};
    if ((status = passes_open(w, s)) != MPCW_OK)
        goto done;
    /* contexts of one prime and of both have one Montgomery form */
    for (size_t i = 0; i < s->passes; i++)
        for (size_t k = 0; k < ops->lanes; k++)
            lane_copy(ops, vectors[i], k, w[i].side[k] == 0 ? cp : cq, 0, words);
    status = paillier_decrypt_passes(w, key, m, vectors, 1);
done:
    passes_close(w);
    secret_free(v);
    return status;
}

void paillier_centre(mp_limb_t *m, mp_limb_t *tmp, const mpcw_paillier *key)
{
    const size_t n = key->limbs;
    /* N is odd: m > N / 2 exactly when N - m < m */
    mpn_sub_n(tmp, key->n, m, (mp_size_t)n);
    const uint64_t above = limbs_less(tmp, m, n);
    mpn_sub_n(tmp, m, key->n, (mp_size_t)n);
    limbs_select(m, above, tmp, m, n);
}

/* plain (limbs of N each) of count ciphertexts, at most as many as a vector holds. */
static mpcw_status decrypt_items(const pass *w, const mpcw_paillier_secret *key, mp_limb_t *plain, const uint8_t *c,
                                 size_t count)
{
    const sides *s = &key->both;
    const size_t n = key->pub->limbs, lanes = s->m[0]->ops->lanes, words = 2 * s->m[0]->width;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *v = secret_alloc((2 * words + 2 * lanes * n) * sizeof *v);
    if (!v)
        return status;
    uint64_t *const vectors[2] = {v, v + words};
    mp_limb_t *x = v + 2 * words;
    for (size_t k = 0; k < count * s->copies; k++)
        limbs_from_be(x + 2 * k * n, 2 * n, c + k / s->copies * 16 * n, 16 * n);
    for (size_t i = 0; i < s->passes; i++)
        if ((status = lane_enter_items(&w[i].l, vectors[i], x, 2 * n, 2 * n, count * s->copies, 2)) != MPCW_OK)
            goto done;
    status = paillier_decrypt_passes(w, key, plain, vectors, count);
done:
    secret_free(v);
    return status;
}

mpcw_status mpcw_paillier_decrypt(mpcw_secret **out, const mpcw_paillier_secret *key, const uint8_t *c, size_t c_len)
{
    pass w[2] = {0};
    mpcw_secret *m = NULL;
    mp_limb_t *plain = NULL;
    mpcw_status status;
    *out = NULL;
    if ((status = paillier_secret_expect(key)) != MPCW_OK)
        return status;
    const size_t n = key->pub->limbs, size = 16 * n, count = c_len / size, each = sides_items(&key->both);
    if (count == 0 || c_len % size != 0)
        return MPCW_E_LENGTH;
    if ((status = units_expect_var(c, size, count, key->pub->n, n, true)) != MPCW_OK ||
        (status = secret_new(&m, MPCW_KIND_INT, count, 8 * n)) != MPCW_OK ||
        (status = passes_open(w, &key->both)) != MPCW_OK)
        goto done;
    plain = secret_alloc((each + 1) * n * sizeof *plain);
    if (!plain) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < count; i += each) {
        const size_t now = count - i < each ? count - i : each;
        if ((status = decrypt_items(w, key, plain, c + i * size, now)) != MPCW_OK)
            goto done;
        for (size_t k = 0; k < now; k++) {
            paillier_centre(plain + k * n, plain + each * n, key->pub);
            memcpy(m->data + (i + k) * m->size, plain + k * n, m->size);
        }
    }
    *out = m;
    m = NULL;
done:
    mpcw_secret_free(m);
    secret_free(plain);
    passes_close(w);
    return status;
}

mpcw_status mpcw_paillier_check_var(uint8_t *bad, size_t bad_len, const mpcw_paillier *key, const uint8_t *c,
                                    size_t c_len)
{
    memset(bad, 0, bad_len);
    const mpcw_status status = paillier_expect(key);
    if (status != MPCW_OK)
        return status;
    return units_check_var(bad, bad_len, c, c_len, key->n, key->limbs, true);
}

mpcw_status mpcw_paillier_check_units_var(uint8_t *bad, size_t bad_len, const mpcw_paillier *key, const uint8_t *w,
                                          size_t w_len)
{
    memset(bad, 0, bad_len);
    const mpcw_status status = paillier_expect(key);
    if (status != MPCW_OK)
        return status;
    return units_check_var(bad, bad_len, w, w_len, key->n, key->limbs, false);
}
