/* Batches of equations modulo own moduli, by their factors (performance.md 3.1). */
#include <stdlib.h>
#include <string.h>

#include "batch_frame.h"
#include "ct.h"
#include "integer.h"
#include "lane_pow.h"
#include "limbs.h"
#include "paillier.h"
#include "ring_pedersen.h"
#include "units.h"

/* ---- V2: the verifier's own ring-Pedersen modulus ---- */

/* Pi T^weight S^(weight e) = t^(sum weight (z3 + lambda z1)) modulo P and Q, or the side of a pass; e: exponents of both sides, whose
 * upper halves are of t_high */
static mpcw_status pedersen_pass(const batch *b, const size_t *items, size_t count, const pass *w, const mp_limb_t *e,
                                 bool *result)
{
    const mpcw_pedersen_equations *q = b->equations;
    const mpcw_ring_pedersen_secret *own = b->key;
    const column columns[2] = {{q->T, b->weight, WEIGHT_LIMBS}, {q->S, b->weighted, WEIGHTED_LIMBS}};
    const lane *l = &w->l;
    const size_t n = own->limbs, split = own->split;
    const mp_limb_t *f = e + n;
    mpcw_status status;
    uint64_t *left = lane_vectors(l, 3);
    if (!left)
        return MPCW_E_MEMORY;
    uint64_t *right = left + l->m->width, *high = right + l->m->width;
    if ((status = batch_multi_pow(l, left, 1, &(factors){columns, 2, NULL}, b, items, count)) != MPCW_OK ||
        (status = lane_enter_items(l, right, own->t, n, n, 1, 1)) != MPCW_OK ||
        (status = lane_enter_items(l, high, own->t_high, n, n, 1, 1)) != MPCW_OK ||
        (status = pass_pow_two(w, &(item_power){right, {e, f}}, 1, &(item_power){high, {e + split, f + split}}, 64 * split)) !=
            MPCW_OK)
        goto done;
    l->m->ops->mul(l, right, right, high);
    status = batch_equal(l, result, left, right, 1, b->copies);
done:
    secret_free(left);
    return status;
}

static mpcw_status pedersen_hold(const batch *b, const size_t *items, size_t count, bool *result)
{
    const mpcw_pedersen_equations *q = b->equations;
    const mpcw_ring_pedersen_secret *own = b->key;
    pass w[2] = {0};
    mpz_t a, c;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *e = secret_alloc(2 * own->limbs * sizeof *e);
    mpz_inits(a, c, NULL);
    batch_draw(b, items, count);
    batch_weighted_sum(a, b, q->z3, items, count);
    batch_weighted_sum(c, b, q->z1, items, count);
    if (!e || (status = ring_pedersen_exponent(e, own, 0, a, c)) != MPCW_OK ||
        (status = ring_pedersen_exponent(e + own->limbs, own, 1, a, c)) != MPCW_OK ||
        (status = passes_open(w, &own->both)) != MPCW_OK)
        goto done;
    *result = true;
    for (size_t i = 0; i < own->both.passes && status == MPCW_OK && *result; i++)
        status = pedersen_pass(b, items, count, &w[i], e, result);
done:
    mpz_clears(a, c, NULL);
    passes_close(w);
    secret_free(e);
    return status;
}

static bool pedersen_strict(const batch *b, size_t i)
{
    const mpcw_pedersen_equations *q = b->equations;
    const mpcw_ring_pedersen_secret *own = b->key;
    mpz_t n, s, t, big_t, big_s, e, z1, z3;
    mpz_inits(n, s, t, big_t, big_s, e, z1, z3, NULL);
    mpz_from_limbs(n, own->n, own->limbs);
    mpz_from_limbs(s, own->s, own->limbs);
    mpz_from_limbs(t, own->t, own->limbs);
    mpz_from_be(big_t, batch_item(q->T, b->count, i), q->T.len / b->count);
    mpz_from_be(big_s, batch_item(q->S, b->count, i), q->S.len / b->count);
    mpz_from_be(e, batch_item(q->e, b->count, i), 32);
    mpz_from_twos(z1, batch_item(q->z1, b->count, i), q->z1.len / b->count);
    mpz_from_twos(z3, batch_item(q->z3, b->count, i), q->z3.len / b->count);
    const bool holds = pedersen_holds_var(n, s, t, big_t, big_s, e, z1, z3);
    mpz_clears(n, s, t, big_t, big_s, e, z1, z3, NULL);
    return holds;
}

mpcw_status mpcw_verify_pedersen(mpcw_buffer bad, const mpcw_ring_pedersen_secret *own, const mpcw_pedersen_equations *eqs,
                                 const mpcw_secret *seed)
{
    batch b = {.equations = eqs, .key = own, .secret = true, .holds = pedersen_hold, .strict = pedersen_strict};
    mpcw_status status;
    if ((status = batch_open(&b, bad, eqs->e)) != MPCW_OK || (status = ring_pedersen_secret_expect(own)) != MPCW_OK)
        return status;
    b.copies = own->both.copies;
    if (!batch_whole_limbs(eqs->z1, b.count) || !batch_whole_limbs(eqs->z3, b.count))
        return MPCW_E_LENGTH;
    if ((status = batch_mark_units(bad, eqs->T, own->n, own->limbs, false)) != MPCW_OK ||
        (status = batch_mark_units(bad, eqs->S, own->n, own->limbs, false)) != MPCW_OK)
        return status;
    return batch_verify(&b, bad, seed);
}

/* ---- V3: the verifier's own Paillier modulus ---- */

/* sum (two's complement, limbs) += factor * x for a signed public factor and a secret x. tmp: limbs + factor's. */
static void add_product(mp_limb_t *sum, size_t limbs, const mpz_t factor, const mp_limb_t *x, size_t x_limbs,
                        mp_limb_t *tmp)
{
    mp_limb_t *wide = tmp, *product = wide + limbs;
    const size_t size = mpz_size(factor);
    if (size == 0)
        return;
    limbs_extend(wide, limbs, x, x_limbs);
    limbs_mul(product, wide, limbs, mpz_limbs_read(factor), size);
    if (mpz_sgn(factor) > 0)
        mpn_add_n(sum, sum, product, (mp_size_t)limbs);
    else
        mpn_sub_n(sum, sum, product, (mp_size_t)limbs);
}

/* m (limbs of N) = sum weight (k z1 + z2 - e d) mod N */
static mpcw_status expected_plaintext(mp_limb_t *m, const batch *b, const size_t *items, size_t count)
{
    const mpcw_affine_equations *q = b->equations;
    const mpcw_paillier_secret *own = b->key;
    const size_t n = own->pub->limbs, k_limbs = q->k->size / 8, d_limbs = q->d->size / 8;
    /* weight z k and weight e d of up to 2^20 items, and a limb for the sign */
    const size_t z_limbs = q->z1.len / b->count / 8, widest = z_limbs + k_limbs > d_limbs ? z_limbs + k_limbs : d_limbs;
    const size_t limbs = (widest > n ? widest : n) + WEIGHTED_LIMBS + 3, factor_limbs = z_limbs + WEIGHTED_LIMBS;
    mpcw_status status = MPCW_E_MEMORY;
    mpz_t factor, weight;
    mpz_inits(factor, weight, NULL);
    mp_limb_t *sum = secret_alloc((3 * limbs + factor_limbs) * sizeof *sum);
    if (!sum)
        goto done;
    for (size_t i = 0; i < count; i++) {
        mpz_from_twos(factor, batch_item(q->z1, b->count, items[i]), q->z1.len / b->count);
        mpz_from_limbs(weight, b->weight + i * WEIGHT_LIMBS, WEIGHT_LIMBS);
        mpz_mul(factor, factor, weight);
        add_product(sum, limbs, factor, int_item(q->k, items[i]), k_limbs, sum + limbs);
        mpz_from_limbs(factor, b->weighted + i * WEIGHTED_LIMBS, WEIGHTED_LIMBS);
        mpz_neg(factor, factor);
        add_product(sum, limbs, factor, int_item(q->d, items[i]), d_limbs, sum + limbs);
    }
    batch_weighted_sum(factor, b, q->z2, items, count);
    mpz_from_limbs(weight, own->pub->n, n);
    mpz_mod(factor, factor, weight);
    mp_limb_t *shift = sum + limbs;
    memset(shift, 0, limbs * sizeof *shift);
    mpz_export(shift, NULL, -1, sizeof *shift, 0, 0, factor);
    mpn_add_n(sum, sum, shift, (mp_size_t)limbs);
    /* plus a multiple of N that is larger than the sum can be negative */
    memset(shift, 0, limbs * sizeof *shift);
    memcpy(shift + limbs - 1 - n, own->pub->n, n * sizeof *shift);
    mpn_add_n(sum, sum, shift, (mp_size_t)limbs);
    if ((status = limbs_divide(NULL, sum, limbs, own->pub->n, n)) == MPCW_OK)
        memcpy(m, sum, n * sizeof *m);
done:
    mpz_clears(factor, weight, NULL);
    secret_free(sum);
    return status;
}

/* C or its inverse for each item under test, and weight |z1| as exponents: C^(-weight z1). */
typedef struct inverse_powers {
    uint8_t *values;      /* [count of the batch][size] */
    mp_limb_t *exponents; /* [items under test][limbs] */
    size_t limbs;
} inverse_powers;

static mpcw_status inverse_powers_of(inverse_powers *p, const batch *b, const size_t *items, size_t count)
{
    const mpcw_affine_equations *q = b->equations;
    const mpcw_paillier *key = ((const mpcw_paillier_secret *)b->key)->pub;
    const size_t n = key->limbs, size = 16 * n, z_size = q->z1.len / b->count;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *inverse = calloc(b->count, 8 * n);
    uint8_t *under_test = calloc(count, size);
    mpz_t z, weight;
    mpz_inits(z, weight, NULL);
    p->limbs = z_size / 8 + WEIGHT_LIMBS;
    p->values = calloc(b->count, size);
    p->exponents = calloc(count, p->limbs * sizeof *p->exponents);
    if (!inverse || !under_test || !p->values || !p->exponents)
        goto done;
    for (size_t i = 0; i < count; i++)
        memcpy(under_test + i * size, q->C.data + items[i] * size, size);
    if ((status = units_invert_var(inverse, under_test, size, count, key->n, n, false)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < count; i++) {
        uint8_t *value = p->values + items[i] * size;
        mpz_from_twos(z, batch_item(q->z1, b->count, items[i]), z_size);
        if (mpz_sgn(z) >= 0)
            limbs_to_be(value, size, inverse + i * n, n);
        else
            memcpy(value, under_test + i * size, size);
        mpz_from_limbs(weight, b->weight + i * WEIGHT_LIMBS, WEIGHT_LIMBS);
        mpz_mul(z, z, weight);
        mpz_export(p->exponents + i * p->limbs, NULL, -1, sizeof *p->exponents, 0, 0, z);
    }
done:
    mpz_clears(z, weight, NULL);
    free(inverse);
    free(under_test);
    return status;
}

/* a = (Pi A^weight)^(p - 1) modulo p^2, for the decryption, where orders has p - 1 and q - 1; *result: the unit part, modulo p:
 * Pi A^weight D^(weight e) C^(-weight z1) = (Pi w^weight)^N, where x^N = x^q. */
static mpcw_status affine_pass(const batch *b, const size_t *items, size_t count, const pass *w, uint64_t *a,
                               const mp_limb_t *orders, const inverse_powers *powers, bool *result)
{
    const mpcw_affine_equations *q = b->equations;
    const mpcw_paillier_secret *own = b->key;
    const lane *l = &w->l;
    const size_t n = l->m->limbs;
    const mpcw_bytes inverses = {powers->values, b->count * 16 * own->pub->limbs};
    const column masks = {q->A, b->weight, WEIGHT_LIMBS}, roots = {q->w, b->weight, WEIGHT_LIMBS};
    const column rest[2] = {{q->D, b->weighted, WEIGHTED_LIMBS}, {inverses, powers->exponents, powers->limbs}};
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *left = lane_vectors(l, 2);
    if (!left)
        return status;
    uint64_t *right = left + l->m->width;
    const item_power order = {a, {orders, orders + n}};
    const item_power root = {right, {sides_prime(&own->both, 1), sides_prime(&own->both, 0)}};
    if ((status = batch_multi_pow(l, a, 2, &(factors){&masks, 1, NULL}, b, items, count)) != MPCW_OK ||
        (status = batch_multi_pow(l, left, 1, &(factors){rest, 2, NULL}, b, items, count)) != MPCW_OK ||
        (status = batch_multi_pow(l, right, 1, &(factors){&roots, 1, NULL}, b, items, count)) != MPCW_OK)
        goto done;
    /* the lower base-p digit of a is A's part modulo p */
    l->m->ops->mul(l, left, left, a);
    if ((status = pass_pow_two(w, &order, 2, &root, 64 * n)) == MPCW_OK)
        status = batch_equal(l, result, left, right, 1, b->copies);
done:
    secret_free(left);
    return status;
}

static mpcw_status affine_hold(const batch *b, const size_t *items, size_t count, bool *result)
{
    const mpcw_paillier_secret *own = b->key;
    const size_t n = own->pub->limbs, words = 2 * own->p->width;
    pass w[2] = {0};
    inverse_powers powers = {0};
    bool units[2] = {true, true};
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *a = secret_alloc((2 * words + 3 * n) * sizeof *a);
    if (!a)
        return status;
    uint64_t *const vectors[2] = {a, a + words};
    mp_limb_t *got = a + 2 * words, *want = got + n, *orders = want + n;
    batch_draw(b, items, count);
    paillier_orders(orders, own);
    if ((status = passes_open(w, &own->both)) != MPCW_OK ||
        (status = inverse_powers_of(&powers, b, items, count)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < own->both.passes; i++)
        if ((status = affine_pass(b, items, count, &w[i], vectors[i], orders, &powers, &units[i])) != MPCW_OK)
            goto done;
    if ((status = paillier_logarithms(w, own, got, vectors, 1)) != MPCW_OK ||
        (status = expected_plaintext(want, b, items, count)) != MPCW_OK)
        goto done;
    uint64_t equal = limbs_equal(got, want, n);
    ct_declassify(&equal, sizeof equal); /* the verdict is public */
    *result = equal && units[0] && units[1];
done:
    free(powers.values);
    free(powers.exponents);
    secret_free(a);
    passes_close(w);
    return status;
}

static bool affine_strict(const batch *b, size_t i)
{
    const mpcw_affine_equations *q = b->equations;
    const mpcw_paillier *key = ((const mpcw_paillier_secret *)b->key)->pub;
    mpz_t n, c, d, a, e, z1, z2, w;
    mpz_inits(n, c, d, a, e, z1, z2, w, NULL);
    mpz_from_limbs(n, key->n, key->limbs);
    mpz_from_be(c, batch_item(q->C, b->count, i), q->C.len / b->count);
    mpz_from_be(d, batch_item(q->D, b->count, i), q->D.len / b->count);
    mpz_from_be(a, batch_item(q->A, b->count, i), q->A.len / b->count);
    mpz_from_be(e, batch_item(q->e, b->count, i), 32);
    mpz_from_twos(z1, batch_item(q->z1, b->count, i), q->z1.len / b->count);
    mpz_from_twos(z2, batch_item(q->z2, b->count, i), q->z2.len / b->count);
    mpz_from_be(w, batch_item(q->w, b->count, i), q->w.len / b->count);
    const bool holds = affine_holds_var(n, c, d, a, e, z1, z2, w);
    mpz_clears(n, c, d, a, e, z1, z2, w, NULL);
    return holds;
}

mpcw_status mpcw_verify_affine(mpcw_buffer bad, const mpcw_paillier_secret *own, const mpcw_affine_equations *eqs,
                               const mpcw_secret *seed)
{
    batch b = {.equations = eqs, .key = own, .secret = true, .holds = affine_hold, .strict = affine_strict};
    mpcw_status status;
    if ((status = batch_open(&b, bad, eqs->e)) != MPCW_OK || (status = paillier_secret_expect(own)) != MPCW_OK ||
        (status = secret_expect(eqs->k, MPCW_KIND_INT, b.count, 0)) != MPCW_OK ||
        (status = secret_expect(eqs->d, MPCW_KIND_INT, b.count, 0)) != MPCW_OK)
        return status;
    b.copies = own->both.copies;
    if (!batch_whole_limbs(eqs->z1, b.count) || !batch_whole_limbs(eqs->z2, b.count))
        return MPCW_E_LENGTH;
    const mp_limb_t *n = own->pub->n;
    const size_t limbs = own->pub->limbs;
    if ((status = batch_mark_units(bad, eqs->C, n, limbs, true)) != MPCW_OK ||
        (status = batch_mark_units(bad, eqs->D, n, limbs, true)) != MPCW_OK ||
        (status = batch_mark_units(bad, eqs->A, n, limbs, true)) != MPCW_OK ||
        (status = batch_mark_units(bad, eqs->w, n, limbs, false)) != MPCW_OK)
        return status;
    return batch_verify(&b, bad, seed);
}
