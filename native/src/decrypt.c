/* Paillier decryption by p and q, lanes of items at a time. */
#include <string.h>

#include "limbs.h"
#include "paillier.h"
#include "secret.h"
#include "units.h"

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
        status = paillier_crt_limbs(&lq, key, m, residues[0], residues[1], count);
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
