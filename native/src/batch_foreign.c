/* Batches of equations modulo a prover's Paillier modulus (performance.md 3.1, V1). */
#include <string.h>

#include "batch_frame.h"
#include "lane_pow.h"
#include "limbs.h"
#include "paillier.h"
#include "secret.h"

/* single: x in Montgomery form, from lane 0 of a vector of the many-lane engine. */
static mpcw_status to_single(const lane *single, uint64_t *x, const lane *many, const uint64_t *v, size_t parts)
{
    const size_t n = many->m->limbs, size = parts * n, lanes = many->m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *t = secret_alloc((lanes + 1) * size * sizeof *t);
    if (!t)
        return status;
    status = parts == 2 ? lane_dual_leave(many, t, v) : lane_leave(many, t, v);
    if (status == MPCW_OK && parts == 2)
        lane_join(t, t + lanes * size, many->m->n_limbs, n);
    if (status == MPCW_OK)
        status = lane_enter_items(single, x, t, size, size, 1, parts);
    secret_free(t);
    return status;
}

/* right = (1 + N)^z w^N for w modulo N in lane 0 of v. */
static mpcw_status nth_power_side(const lane *single, uint64_t *right, const lane *many, const uint64_t *v, const mpz_t z)
{
    const lane_mod *m = single->m;
    const size_t n = m->limbs;
    const mp_limb_t *modulus[LANES_MAX] = {m->n_limbs, m->n_limbs, m->n_limbs, m->n_limbs};
    mp_limb_t plain[LANE_LIMBS_MAX] = {0}, root[LANES_MAX * LANE_LIMBS_MAX];
    mpcw_status status = MPCW_E_MEMORY;
    mpz_t residue, big_n;
    uint64_t *t = lane_vectors(single, 2);
    mpz_inits(residue, big_n, NULL);
    if (!t)
        goto done;
    mpz_from_limbs(big_n, m->n_limbs, n);
    mpz_mod(residue, z, big_n);
    mpz_export(plain, NULL, -1, sizeof *plain, 0, 0, residue);
    if ((status = lane_leave(many, root, v)) != MPCW_OK ||
        (status = lane_enter_items(single, right, root, n, n, 1, 2)) != MPCW_OK ||
        (status = lane_pow_var(single, right, right, 2, modulus, 64 * n)) != MPCW_OK ||
        (status = lane_enter_items(single, t, plain, n, n, 1, 1)) != MPCW_OK)
        goto done;
    /* (x0 + x1 N) (1 + z N) = x0 + (x1 + z x0) N */
    m->ops->mul(single, t, t, right);
    m->ops->add(single, right + m->width, right + m->width, t);
done:
    mpz_clears(residue, big_n, NULL);
    secret_free(t);
    return status;
}

static mpcw_status encryptions_hold(const batch *b, const size_t *items, size_t count, bool *result)
{
    const mpcw_encryption_equations *q = b->equations;
    const mpcw_paillier *key = b->key;
    lane many = {0}, single = {0};
    uint64_t *v = NULL, *left = NULL;
    mpcw_status status;
    mpz_t z;
    mpz_init(z);
    batch_draw(b, items, count);
    const column ciphertexts[2] = {{q->D, b->weight, WEIGHT_LIMBS}, {q->C, b->weighted, WEIGHTED_LIMBS}};
    const column roots = {q->w, b->weight, WEIGHT_LIMBS};
    if ((status = lane_open(&many, key->many)) != MPCW_OK || (status = lane_open(&single, key->single)) != MPCW_OK)
        goto done;
    v = lane_vectors(&many, 2);
    left = lane_vectors(&single, 4);
    if (!v || !left) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    uint64_t *right = left + 2 * single.m->width;
    batch_weighted_sum(z, b, q->z, items, count);
    if ((status = batch_multi_pow(&many, v, 2, ciphertexts, 2, b, items, count)) != MPCW_OK ||
        (status = to_single(&single, left, &many, v, 2)) != MPCW_OK ||
        (status = batch_multi_pow(&many, v, 1, &roots, 1, b, items, count)) != MPCW_OK ||
        (status = nth_power_side(&single, right, &many, v, z)) != MPCW_OK)
        goto done;
    status = batch_equal(&single, result, left, right, 2);
done:
    mpz_clear(z);
    secret_free(v);
    secret_free(left);
    lane_close(&many);
    lane_close(&single);
    return status;
}

static bool encryption_strict(const batch *b, size_t i)
{
    const mpcw_encryption_equations *q = b->equations;
    const mpcw_paillier *key = b->key;
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

mpcw_status mpcw_verify_encryptions_var(mpcw_buffer bad, const mpcw_paillier *key, const mpcw_encryption_equations *eqs,
                                        const mpcw_secret *seed)
{
    batch b = {.equations = eqs, .key = key, .holds = encryptions_hold, .strict = encryption_strict};
    mpcw_status status;
    if ((status = batch_open(&b, bad, eqs->e)) != MPCW_OK || (status = paillier_expect(key)) != MPCW_OK)
        return status;
    if (!batch_whole_limbs(eqs->z, b.count))
        return MPCW_E_LENGTH;
    if ((status = batch_mark_units(bad, eqs->D, key->n, key->limbs, true)) != MPCW_OK ||
        (status = batch_mark_units(bad, eqs->C, key->n, key->limbs, true)) != MPCW_OK ||
        (status = batch_mark_units(bad, eqs->w, key->n, key->limbs, false)) != MPCW_OK)
        return status;
    return batch_verify(&b, bad, seed);
}
