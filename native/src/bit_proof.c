#include "mpcw/bit_proof.h"

#include <string.h>

#include "ct.h"
#include "integer.h"
#include "limbs.h"
#include "paillier.h"
#include "secret.h"
#include "units.h"

static mpcw_status expect_bits(mpcw_bytes e, size_t count)
{
    if (e.len != count)
        return MPCW_E_LENGTH;
    for (size_t k = 0; k < count; k++)
        if (e.data[k] > 1)
            return MPCW_E_RANGE;
    return MPCW_OK;
}

mpcw_status mpcw_bits_respond_ints(mpcw_buffer z, const mpcw_secret *mask, const mpcw_secret *x, mpcw_bytes e)
{
    mpcw_status status;
    memset(z.data, 0, z.len);
    if ((status = secret_expect(mask, MPCW_KIND_INT, 0, 0)) != MPCW_OK ||
        (status = secret_expect(x, MPCW_KIND_INT, 1, 0)) != MPCW_OK || (status = expect_bits(e, mask->count)) != MPCW_OK)
        return status;
    const size_t size = mask->size;
    if (z.len != mask->count * size)
        return MPCW_E_LENGTH;
    for (size_t k = 0; k < mask->count && status == MPCW_OK; k++) {
        const mp_limb_t bit[CHALLENGE_LIMBS] = {e.data[k]};
        status = int_respond(z.data + k * size, size, int_item(mask, k), size / 8, bit, int_item(x, 0), x->size / 8);
    }
    if (status != MPCW_OK)
        memset(z.data, 0, z.len);
    return status;
}

mpcw_status mpcw_bits_respond_units(mpcw_buffer w, const mpcw_paillier *key, const mpcw_secret *mask, const mpcw_secret *rho,
                                    mpcw_bytes e)
{
    lane l = {0};
    uint64_t *v = NULL;
    mpcw_status status;
    memset(w.data, 0, w.len);
    if ((status = paillier_expect(key)) != MPCW_OK ||
        (status = secret_expect(mask, MPCW_KIND_RESIDUE, 0, 8 * key->limbs)) != MPCW_OK ||
        (status = secret_expect(rho, MPCW_KIND_RESIDUE, 1, 8 * key->limbs)) != MPCW_OK ||
        (status = expect_bits(e, mask->count)) != MPCW_OK)
        return status;
    const size_t n = key->limbs, lanes = key->many->ops->lanes, width = key->many->width;
    if (w.len != mask->count * mask->size)
        return MPCW_E_LENGTH;
    if ((status = lane_open(&l, key->many)) != MPCW_OK)
        return status;
    v = secret_alloc((4 * width + LANES_MAX * n) * sizeof *v);
    if (!v) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    uint64_t *factor = v + width, *choice = factor + width; /* choice: 1, rho */
    mp_limb_t *x = choice + 2 * width;
    memcpy(choice, key->many->one, width * sizeof *choice);
    if ((status = lane_enter_items(&l, choice + width, int_item(rho, 0), n, n, 1, 1)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < mask->count; i += lanes) {
        const size_t now = mask->count - i < lanes ? mask->count - i : lanes;
        uint32_t bit[LANES_MAX] = {0};
        for (size_t k = 0; k < now; k++)
            bit[k] = e.data[i + k];
        if ((status = lane_enter_items(&l, v, int_item(mask, i), n, n, now, 1)) != MPCW_OK)
            goto done;
        key->many->ops->select_var(factor, choice, 2, width, bit);
        key->many->ops->mul(&l, v, v, factor);
        if ((status = lane_leave(&l, x, v)) != MPCW_OK)
            goto done;
        ct_declassify(x, now * n * sizeof *x); /* for the verifier */
        for (size_t k = 0; k < now; k++)
            limbs_to_be(w.data + (i + k) * 8 * n, 8 * n, x + k * n, n);
    }
done:
    if (status != MPCW_OK)
        memset(w.data, 0, w.len);
    secret_free(v);
    lane_close(&l);
    return status;
}

/* ---- opening, modulo one of the primes ---- */

typedef struct side {
    lane l;
    uint64_t *memory;
    uint64_t *c, *kept, *t;  /* dual vectors */
    uint64_t *choice;        /* two of them: K and its inverse */
    uint64_t *root;          /* a residue vector */
    mp_limb_t *e;            /* N^-1 mod p - 1 */
    mp_limb_t *left, *right; /* [LANES_MAX][2 half] */
} side;

static void side_close(side *s)
{
    secret_free(s->memory);
    lane_close(&s->l);
}

static mpcw_status side_open(side *s, const lane_mod *m)
{
    const size_t dual = 2 * m->width, half = m->limbs;
    const mpcw_status status = lane_open(&s->l, m);
    if (status != MPCW_OK)
        return status;
    s->memory = secret_alloc((5 * dual + m->width + (1 + 4 * LANES_MAX) * half) * sizeof *s->memory);
    if (!s->memory)
        return MPCW_E_MEMORY;
    s->c = s->memory;
    s->kept = s->c + dual;
    s->t = s->kept + dual;
    s->choice = s->t + dual;
    s->root = s->choice + 2 * dual;
    s->e = s->root + m->width;
    s->left = s->e + half;
    s->right = s->left + 2 * LANES_MAX * half;
    return MPCW_OK;
}

/* What is opened, as limbs: 2 n each, and |x|. */
typedef struct product {
    const mp_limb_t *D, *K, *K_inverse, *x;
    size_t n, x_limbs;
    uint32_t negative[LANES_MAX];
} product;

/* c = K^x D modulo p^2, root = c^(1/N) modulo p. */
static mpcw_status side_product(side *s, const product *f, const mp_limb_t *other)
{
    const lane_mod *m = s->l.m;
    const size_t words = 2 * m->width, size = 2 * f->n;
    const mp_limb_t *each[LANES_MAX] = {f->x, f->x, f->x, f->x}, *nth[LANES_MAX] = {s->e, s->e, s->e, s->e};
    mpcw_status status;
    if ((status = paillier_root_exponent(s->e, m->n_limbs, other, m->limbs)) != MPCW_OK ||
        (status = lane_enter_items(&s->l, s->choice, f->K, size, size, 1, 2)) != MPCW_OK ||
        (status = lane_enter_items(&s->l, s->choice + words, f->K_inverse, size, size, 1, 2)) != MPCW_OK ||
        (status = lane_enter_items(&s->l, s->c, f->D, size, size, 1, 2)) != MPCW_OK)
        return status;
    m->ops->select(s->t, s->choice, 2, words, f->negative);
    if ((status = lane_pow(&s->l, s->t, s->t, 2, each, 64 * f->x_limbs)) != MPCW_OK)
        return status;
    m->ops->dmul(&s->l, s->c, s->c, s->t);
    memcpy(s->kept, s->c, words * sizeof *s->c);
    /* the lower digit is c modulo p, which is rho^N */
    return lane_pow(&s->l, s->root, s->c, 1, nth, 64 * m->limbs);
}

/* MPCW_E_FAULT unless (1 + y N) rho^N = c modulo p^2; y in [0, N), both n limbs. */
static mpcw_status side_check(side *s, const mpcw_paillier *key, const uint64_t *other_prime, const mp_limb_t *y,
                              const mp_limb_t *rho)
{
    const lane_mod *m = s->l.m;
    const size_t n = key->limbs;
    const mp_limb_t *each[LANES_MAX] = {key->n, key->n, key->n, key->n};
    mpcw_status status;
    if ((status = lane_enter_items(&s->l, s->t, rho, n, n, 1, 2)) != MPCW_OK ||
        (status = lane_pow_var(&s->l, s->t, s->t, 2, each, 64 * n)) != MPCW_OK ||
        (status = lane_enter_items(&s->l, s->root, y, n, n, 1, 1)) != MPCW_OK)
        return status;
    /* 1 + y N = 1 + (y q) p */
    m->ops->mul(&s->l, s->root, s->root, other_prime);
    paillier_add_plaintext(&s->l, s->t, s->root, s->choice);
    if ((status = lane_dual_leave(&s->l, s->left, s->t)) != MPCW_OK ||
        (status = lane_dual_leave(&s->l, s->right, s->kept)) != MPCW_OK)
        return status;
    uint64_t equal = limbs_equal(s->left, s->right, 2 * m->limbs);
    ct_declassify(&equal, sizeof equal); /* that the machine made no mistake */
    return equal ? MPCW_OK : MPCW_E_FAULT;
}

/* y in [0, N) and rho, n limbs each. */
static mpcw_status open_product(mp_limb_t *y, mp_limb_t *rho, const mpcw_paillier_secret *key, const product *f)
{
    side p = {0}, q = {0};
    mpcw_status status;
    if ((status = side_open(&p, key->p)) == MPCW_OK && (status = side_open(&q, key->q)) == MPCW_OK &&
        (status = side_product(&p, f, key->q->n_limbs)) == MPCW_OK &&
        (status = side_product(&q, f, key->p->n_limbs)) == MPCW_OK &&
        (status = paillier_crt(&p.l, &q.l, key, rho, p.root, q.root, 1)) == MPCW_OK &&
        (status = paillier_decrypt_one(key, y, p.c, q.c)) == MPCW_OK &&
        (status = side_check(&p, key->pub, key->q_mod_p, y, rho)) == MPCW_OK)
        status = side_check(&q, key->pub, key->p_mod_q, y, rho);
    side_close(&p);
    side_close(&q);
    return status;
}

mpcw_status mpcw_paillier_open(mpcw_secret **y, mpcw_secret **rho, const mpcw_paillier_secret *key, mpcw_bytes D, mpcw_bytes K,
                               const mpcw_secret *x)
{
    mpcw_secret *plain = NULL, *unit = NULL;
    mp_limb_t *limbs = NULL;
    mpcw_status status;
    *y = *rho = NULL;
    if ((status = paillier_secret_expect(key)) != MPCW_OK || (status = secret_expect(x, MPCW_KIND_INT, 1, 0)) != MPCW_OK)
        return status;
    const size_t n = key->pub->limbs, x_limbs = x->size / 8;
    const mp_limb_t *N = key->pub->n;
    if (D.len != 16 * n || K.len != D.len)
        return MPCW_E_LENGTH;
    if ((status = units_expect_var(D.data, D.len, 1, N, n, true)) != MPCW_OK ||
        (status = units_expect_var(K.data, K.len, 1, N, n, true)) != MPCW_OK ||
        (status = secret_new(&plain, MPCW_KIND_INT, 1, 8 * n)) != MPCW_OK ||
        (status = secret_new(&unit, MPCW_KIND_RESIDUE, 1, 8 * n)) != MPCW_OK)
        goto done;
    limbs = secret_alloc((7 * n + x_limbs) * sizeof *limbs);
    if (!limbs) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    mp_limb_t *d = limbs, *k = d + 2 * n, *k_inverse = k + 2 * n, *tmp = k_inverse + 2 * n, *magnitude = tmp + n;
    product f = {.D = d, .K = k, .K_inverse = k_inverse, .x = magnitude, .n = n, .x_limbs = x_limbs};
    limbs_from_be(d, 2 * n, D.data, D.len);
    limbs_from_be(k, 2 * n, K.data, K.len);
    if ((status = units_invert_var(k_inverse, K.data, K.len, 1, N, n, true)) != MPCW_OK)
        goto done;
    memcpy(magnitude, int_item(x, 0), x->size);
    const uint64_t sign = magnitude[x_limbs - 1] >> 63;
    limbs_negate_if(magnitude, ct_mask_bit(sign), x_limbs);
    for (size_t i = 0; i < LANES_MAX; i++)
        f.negative[i] = (uint32_t)sign;
    mp_limb_t *to = (mp_limb_t *)(void *)plain->data;
    status = open_product(to, (mp_limb_t *)(void *)unit->data, key, &f);
    paillier_centre(to, tmp, key->pub);
    ct_cleanse(&f, sizeof f);
    if (status != MPCW_OK)
        goto done;
    *y = plain;
    *rho = unit;
    plain = unit = NULL;
done:
    mpcw_secret_free(plain);
    mpcw_secret_free(unit);
    secret_free(limbs);
    return status;
}
