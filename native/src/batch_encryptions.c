/* Batches of equations modulo a prover's Paillier modulus (performance.md 3.1, V1): by N, or by p and q for the prover itself. */
#include <string.h>

#include "batch_frame.h"
#include "ct.h"
#include "lane_multi.h"
#include "limbs.h"
#include "paillier.h"
#include "secret.h"
#include "units.h"

/* single: x in Montgomery form, from lane 0 of a dual vector of the many-lane engine. */
static mpcw_status to_single(const lane *single, uint64_t *x, const lane *many, const uint64_t *v)
{
    const size_t n = many->m->limbs, size = 2 * n, lanes = many->m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *t = secret_alloc((lanes + 1) * size * sizeof *t);
    if (!t)
        return status;
    if ((status = lane_dual_leave(many, t, v)) == MPCW_OK) {
        lane_join(t, t + lanes * size, many->m->n_limbs, n);
        status = lane_enter_items(single, x, t, size, size, 1, 2);
    }
    secret_free(t);
    return status;
}

/* r = 1 / w for w modulo N in lane 0 of v, as a dual vector: its N-th power modulo N^2 depends on w mod N only. */
static mpcw_status inverse_root(const lane *single, uint64_t *r, const lane *l, const uint64_t *v)
{
    const size_t n = single->m->limbs;
    mp_limb_t root[LANES_MAX * LANE_LIMBS_MAX];
    uint8_t bytes[8 * LANE_LIMBS_MAX];
    mpcw_status status = lane_leave(l, root, v);
    limbs_to_be(bytes, 8 * n, root, n);
    if (status == MPCW_OK)
        status = units_invert_var(root, bytes, 8 * n, 1, single->m->n_limbs, n, false);
    return status == MPCW_OK ? lane_enter_items(single, r, root, n, n, 1, 2) : status;
}

/* r = 1 + z N */
static mpcw_status plaintext_side(const lane *single, uint64_t *r, const mpz_t z)
{
    const lane_mod *m = single->m;
    mp_limb_t plain[LANE_LIMBS_MAX] = {0};
    mpz_t residue, big_n;
    mpz_inits(residue, big_n, NULL);
    mpz_from_limbs(big_n, m->n_limbs, m->limbs);
    mpz_mod(residue, z, big_n);
    mpz_export(plain, NULL, -1, sizeof *plain, 0, 0, residue);
    mpz_clears(residue, big_n, NULL);
    uint64_t *t = lane_vectors(single, 2);
    mpcw_status status = MPCW_E_MEMORY;
    if (t && (status = lane_enter_items(single, t, plain, m->limbs, m->limbs, 1, 1)) == MPCW_OK) {
        memcpy(r, m->done, 2 * m->width * sizeof *r);
        paillier_add_plaintext(single, r, t, t + m->width);
    }
    secret_free(t);
    return status;
}

/* So many items are faster in the chain of the one engine for the N-th power than in lanes with a chain of their own. */
#define ALONE_MAX 8

/* left = Pi D^weight C^(weight e) (Pi w^weight)^-N modulo N^2. */
static mpcw_status encryptions_left(const batch *b, const size_t *items, size_t count, const lane *single, const lane *many,
                                    uint64_t *left)
{
    const mpcw_encryption_equations *q = b->equations;
    const column ciphertexts[2] = {{q->D, b->weight, WEIGHT_LIMBS}, {q->C, b->weighted, WEIGHTED_LIMBS}};
    const column roots = {q->w, b->weight, WEIGHT_LIMBS};
    const lane *l = count <= ALONE_MAX ? single : many;
    const mp_limb_t *n = single->m->n_limbs;
    const size_t words = 2 * single->m->width;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *v = lane_vectors(l, 2), *root = lane_vectors(single, 4);
    if (!v || !root)
        goto done;
    const lane_term power = {root, {n}, 64 * single->m->limbs};
    if ((status = batch_multi_pow(l, v, 1, &(factors){&roots, 1, NULL}, b, items, count)) != MPCW_OK ||
        (status = inverse_root(single, root, l, v)) != MPCW_OK)
        goto done;
    if (l == single) {
        status = batch_multi_pow(l, left, 2, &(factors){ciphertexts, 2, &power}, b, items, count);
        goto done;
    }
    if ((status = batch_multi_pow(l, v, 2, &(factors){ciphertexts, 2, NULL}, b, items, count)) == MPCW_OK &&
        (status = to_single(single, root + words, l, v)) == MPCW_OK &&
        (status = lane_multi_pow_var(single, left, 2, &power, 1, false)) == MPCW_OK)
        single->m->ops->dmul(single, left, left, root + words);
done:
    secret_free(v);
    secret_free(root);
    return status;
}

static mpcw_status encryptions_hold(const batch *b, const size_t *items, size_t count, bool *result)
{
    const mpcw_encryption_equations *q = b->equations;
    const mpcw_paillier *key = b->key;
    lane many = {0}, single = {0};
    uint64_t *left = NULL;
    mpcw_status status;
    mpz_t z;
    mpz_init(z);
    batch_draw(b, items, count);
    batch_weighted_sum(z, b, q->z, items, count);
    if ((status = lane_open(&many, key->many)) != MPCW_OK || (status = lane_open(&single, key->single)) != MPCW_OK)
        goto done;
    left = lane_vectors(&single, 4);
    if (!left) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    uint64_t *right = left + 2 * single.m->width;
    if ((status = encryptions_left(b, items, count, &single, &many, left)) == MPCW_OK &&
        (status = plaintext_side(&single, right, z)) == MPCW_OK)
        status = batch_equal(&single, result, left, right, 2, 1);
done:
    mpz_clear(z);
    secret_free(left);
    lane_close(&many);
    lane_close(&single);
    return status;
}

/* One equation, by N alone. */
static bool strict(const batch *b, const mpcw_paillier *key, size_t i)
{
    const mpcw_encryption_equations *q = b->equations;
    mpz_t n, d, c, e, z, w;
    mpz_inits(n, d, c, e, z, w, NULL);
    mpz_from_limbs(n, key->n, key->limbs);
    mpz_from_be(d, batch_item(q->D, b->count, i), q->D.len / b->count);
    mpz_from_be(c, batch_item(q->C, b->count, i), q->C.len / b->count);
    mpz_from_be(e, batch_item(q->e, b->count, i), 32);
    mpz_from_twos(z, batch_item(q->z, b->count, i), q->z.len / b->count);
    mpz_from_be(w, batch_item(q->w, b->count, i), q->w.len / b->count);
    const bool holds = encryption_holds_var(n, d, c, e, z, w);
    mpz_clears(n, d, c, e, z, w, NULL);
    return holds;
}

static bool encryption_strict(const batch *b, size_t i)
{
    return strict(b, b->key, i);
}

static mpcw_status verify(batch *b, mpcw_buffer bad, const mpcw_paillier *key, const mpcw_secret *seed)
{
    const mpcw_encryption_equations *eqs = b->equations;
    mpcw_status status;
    if (!batch_whole_limbs(eqs->z, b->count))
        return MPCW_E_LENGTH;
    if ((status = batch_mark_units(bad, eqs->D, key->n, key->limbs, true)) != MPCW_OK ||
        (status = batch_mark_units(bad, eqs->C, key->n, key->limbs, true)) != MPCW_OK ||
        (status = batch_mark_units(bad, eqs->w, key->n, key->limbs, false)) != MPCW_OK)
        return status;
    return batch_verify(b, bad, seed);
}

mpcw_status mpcw_verify_encryptions_var(mpcw_buffer bad, const mpcw_paillier *key, const mpcw_encryption_equations *eqs,
                                        const mpcw_secret *seed)
{
    batch b = {.equations = eqs, .key = key, .copies = 1, .holds = encryptions_hold, .strict = encryption_strict};
    mpcw_status status;
    if ((status = batch_open(&b, bad, eqs->e)) != MPCW_OK || (status = paillier_expect(key)) != MPCW_OK)
        return status;
    return verify(&b, bad, key, seed);
}

/* ---- Own equations, by p and q ---- */

/* x = Pi D^weight C^(weight e) is (1 + z N) (Pi w^weight)^N modulo p^2 and q^2, or the side of a pass; z modulo N. As y^N = (y^q)^p modulo
 * p^2 depends on y^q mod p only, that is x = (1 + z N) x^p for the x mod p, and x = (Pi w^weight)^q mod p. */
static mpcw_status own_pass(const batch *b, const size_t *items, size_t count, const pass *w, const mp_limb_t *z,
                            bool *result)
{
    const mpcw_encryption_equations *q = b->equations;
    const sides *both = &((const mpcw_paillier_secret *)b->key)->both;
    const column ciphertexts[2] = {{q->D, b->weight, WEIGHT_LIMBS}, {q->C, b->weighted, WEIGHTED_LIMBS}};
    const column roots = {q->w, b->weight, WEIGHT_LIMBS};
    const mp_limb_t *prime[2] = {sides_prime(both, 0), sides_prime(both, 1)};
    const lane *l = &w->l;
    const size_t width = l->m->width, n = l->m->limbs, lanes = l->m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    bool unit = false;
    uint64_t *left = secret_alloc((7 * width + lanes * n) * sizeof *left);
    if (!left)
        return status;
    uint64_t *right = left + 2 * width, *root = right + 2 * width, *plain = root + width, *tmp = plain + width;
    mp_limb_t *x = tmp + width;
    const item_power power = {right, {prime[0], prime[1]}}, root_power = {root, {prime[1], prime[0]}};
    if ((status = batch_multi_pow(l, left, 2, &(factors){ciphertexts, 2, NULL}, b, items, count)) != MPCW_OK ||
        (status = batch_multi_pow(l, root, 1, &(factors){&roots, 1, NULL}, b, items, count)) != MPCW_OK ||
        (status = lane_leave(l, x, left)) != MPCW_OK ||
        (status = lane_enter_items(l, right, x, n, n, lanes, 2)) != MPCW_OK ||
        (status = pass_pow_two(w, &power, 2, &root_power, 64 * n)) != MPCW_OK)
        goto done;
    for (size_t k = 0; k < lanes; k++)
        memcpy(x + k * n, w->other[k], n * sizeof *x);
    if ((status = lane_enter_items(l, plain, z, 2 * n, 2 * n, 1, 1)) != MPCW_OK ||
        (status = lane_enter_items(l, tmp, x, n, n, lanes, 1)) != MPCW_OK)
        goto done;
    /* 1 + z N = 1 + (z q) p */
    l->m->ops->mul(l, plain, plain, tmp);
    paillier_add_plaintext(l, right, plain, tmp);
    if ((status = batch_equal(l, result, left, right, 2, b->copies)) == MPCW_OK &&
        (status = batch_equal(l, &unit, left, root, 1, b->copies)) == MPCW_OK)
        *result = *result && unit;
done:
    secret_free(left);
    return status;
}

/* A wrong prime, by a fault, makes equations fail; then N alone decides. */
static mpcw_status own_hold(const batch *b, const size_t *items, size_t count, bool *result)
{
    const mpcw_encryption_equations *q = b->equations;
    const mpcw_paillier_secret *key = b->key;
    mp_limb_t plain[LANE_LIMBS_MAX] = {0};
    pass w[2] = {0};
    mpz_t z, n;
    mpz_inits(z, n, NULL);
    batch_draw(b, items, count);
    batch_weighted_sum(z, b, q->z, items, count);
    mpz_from_limbs(n, key->pub->n, key->pub->limbs);
    mpz_mod(z, z, n);
    mpz_export(plain, NULL, -1, sizeof *plain, 0, 0, z);
    mpcw_status status = passes_open(w, &key->both);
    *result = true;
    for (size_t i = 0; i < key->both.passes && status == MPCW_OK && *result; i++)
        status = own_pass(b, items, count, &w[i], plain, result);
    mpz_clears(z, n, NULL);
    passes_close(w);
    return status;
}

static bool own_strict(const batch *b, size_t i)
{
    return strict(b, ((const mpcw_paillier_secret *)b->key)->pub, i);
}

mpcw_status mpcw_verify_own_encryptions(mpcw_buffer bad, const mpcw_paillier_secret *own, const mpcw_encryption_equations *eqs,
                                        const mpcw_secret *seed)
{
    batch b = {.equations = eqs, .key = own, .secret = true, .holds = own_hold, .strict = own_strict};
    mpcw_status status;
    if ((status = batch_open(&b, bad, eqs->e)) != MPCW_OK || (status = paillier_secret_expect(own)) != MPCW_OK)
        return status;
    b.copies = own->both.copies;
    return verify(&b, bad, own->pub, seed);
}
