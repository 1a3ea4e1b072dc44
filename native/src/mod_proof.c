#include "mpcw/mod_proof.h"

#include <stdlib.h>
#include <string.h>

#include "bigint.h"
#include "ct.h"
#include "equations.h"
#include "limbs.h"
#include "paillier.h"
#include "rng.h"
#include "secret.h"
#include "units.h"

#define ROUNDS_MAX 1024
#define FACTOR_BOUND (1UL << 20)

/* MPCW_OK for a unit w below N with (w | N) = -1. */
static mpcw_status expect_w(mpz_t w, mpcw_bytes bytes, const mpz_t n)
{
    if (!unit_from_be_var(w, bytes, n))
        return MPCW_E_NOT_UNIT;
    return mpz_jacobi(w, n) == -1 ? MPCW_OK : MPCW_E_RANGE;
}

mpcw_status mpcw_mod_commit(mpcw_buffer w, const mpcw_paillier *key, const mpcw_secret *seed)
{
    rng r = {0};
    mpz_t n, x;
    memset(w.data, 0, w.len);
    mpcw_status status = paillier_expect(key);
    if (status != MPCW_OK)
        return status;
    if (w.len != 8 * key->limbs)
        return MPCW_E_LENGTH;
    if ((status = rng_open(&r, seed, "mod")) != MPCW_OK)
        return status;
    mpz_inits(n, x, NULL);
    mpz_from_limbs(n, key->n, key->limbs);
    if (mpz_perfect_square_p(n)) { /* no w has the symbol -1 */
        status = MPCW_E_MODULUS;
        goto done;
    }
    const size_t spare = 8 * w.len - mpz_sizeinbase(n, 2);
    /* w is public, and what was rejected is independent of it */
    do {
        rng_bytes(&r, w.data, w.len);
        memset(w.data, 0, spare / 8);
        w.data[spare / 8] &= (uint8_t)(0xff >> spare % 8);
        ct_declassify(w.data, w.len);
    } while (expect_w(x, (mpcw_bytes){w.data, w.len}, n) != MPCW_OK);
done:
    mpz_clears(n, x, NULL);
    rng_close(&r);
    return status;
}

/* ---- the prover, modulo one of the primes ---- */

typedef struct side {
    lane l;
    uint64_t *memory;
    uint64_t *y, *x, *z, *t;       /* residue vectors */
    uint64_t *choice;              /* 1 and w^root */
    mp_limb_t *root;               /* ((p + 1) / 4)^2 mod p - 1 */
    mp_limb_t *nth;                /* N^-1 mod p - 1 */
    mp_limb_t *left, *right;       /* [LANES_MAX][limbs of p] */
    uint64_t square[LANES_MAX];    /* all ones where y is a square */
    uint64_t w_square;
} side;

static void side_close(side *s)
{
    secret_free(s->memory);
    lane_close(&s->l);
    ct_cleanse(s, sizeof *s);
}

/* e = ((p + 1) / 4)^2 mod p - 1: x = y^e has x^4 = y for a square y, and -y for another. */
static mpcw_status fourth_root_exponent(mp_limb_t *e, const mp_limb_t *p, size_t half)
{
    mp_limb_t *k = secret_alloc(4 * half * sizeof *k);
    if (!k)
        return MPCW_E_MEMORY;
    mp_limb_t *order = k + half, *square = order + half;
    memcpy(order, p, half * sizeof *order);
    order[0] ^= 1;
    mpn_rshift(k, p, (mp_size_t)half, 2);
    limbs_add_1(k, k, half, 1);
    limbs_mul(square, k, half, k, half);
    const mpcw_status status = limbs_divide(NULL, square, 2 * half, order, half);
    memcpy(e, square, half * sizeof *e);
    secret_free(k);
    return status;
}

/* x = y^root and whether y is a square, for count items of n limbs. */
static mpcw_status fourth_root(side *s, const mp_limb_t *y, size_t n, size_t count)
{
    const lane_ops *ops = s->l.m->ops;
    const size_t half = s->l.m->limbs;
    const mp_limb_t *e[LANES_MAX] = {s->root, s->root, s->root, s->root};
    mpcw_status status;
    if ((status = lane_enter_items(&s->l, s->y, y, n, n, count, 1)) != MPCW_OK ||
        (status = lane_pow(&s->l, s->x, s->y, 1, e, 64 * half)) != MPCW_OK)
        return status;
    ops->sqr(&s->l, s->t, s->x);
    ops->sqr(&s->l, s->t, s->t);
    if ((status = lane_leave(&s->l, s->left, s->t)) != MPCW_OK || (status = lane_leave(&s->l, s->right, s->y)) != MPCW_OK)
        return status;
    for (size_t k = 0; k < ops->lanes; k++)
        s->square[k] = limbs_equal(s->left + k * half, s->right + k * half, half);
    return MPCW_OK;
}

static mpcw_status side_open(side *s, const lane_mod *m, const mp_limb_t *q, const mp_limb_t *w, size_t n)
{
    const size_t half = m->limbs, width = m->width;
    mpcw_status status = lane_open(&s->l, m);
    if (status != MPCW_OK)
        return status;
    s->memory = secret_alloc((6 * width + (2 + 2 * LANES_MAX) * half) * sizeof *s->memory);
    if (!s->memory)
        return MPCW_E_MEMORY;
    s->y = s->memory;
    s->x = s->y + width;
    s->z = s->x + width;
    s->t = s->z + width;
    s->choice = s->t + width;
    s->root = s->choice + 2 * width;
    s->nth = s->root + half;
    s->left = s->nth + half;
    s->right = s->left + LANES_MAX * half;
    if ((status = fourth_root_exponent(s->root, m->n_limbs, half)) != MPCW_OK ||
        (status = paillier_root_exponent(s->nth, m->n_limbs, q, half)) != MPCW_OK ||
        (status = fourth_root(s, w, n, 1)) != MPCW_OK)
        return status;
    memcpy(s->choice, m->one, width * sizeof *s->choice);
    memcpy(s->choice + width, s->x, width * sizeof *s->choice);
    s->w_square = s->square[0];
    return MPCW_OK;
}

/* x and z for the y of a group. */
static mpcw_status side_roots(side *s, const mp_limb_t *y, size_t n, size_t count)
{
    const mp_limb_t *e[LANES_MAX] = {s->nth, s->nth, s->nth, s->nth};
    const mpcw_status status = fourth_root(s, y, n, count);
    return status == MPCW_OK ? lane_pow(&s->l, s->z, s->y, 1, e, 64 * s->l.m->limbs) : status;
}

/* x *= w^root where b is set */
static void side_multiply(side *s, const uint32_t *b)
{
    s->l.m->ops->select(s->t, s->choice, 2, s->l.m->width, b);
    s->l.m->ops->mul(&s->l, s->x, s->x, s->t);
}

/* a, b and both roots of the items first .. first + count - 1. */
static mpcw_status respond_group(const mpcw_mod_response *out, const mpcw_paillier_secret *key, side *p, side *q,
                                 const mp_limb_t *y, size_t first, size_t count)
{
    const size_t n = key->pub->limbs;
    uint32_t b[LANES_MAX] = {0};
    mpcw_status status;
    mp_limb_t *x = secret_alloc(2 * LANES_MAX * n * sizeof *x);
    if (!x)
        return MPCW_E_MEMORY;
    mp_limb_t *z = x + LANES_MAX * n;
    if ((status = side_roots(p, y + first * n, n, count)) != MPCW_OK ||
        (status = side_roots(q, y + first * n, n, count)) != MPCW_OK)
        goto done;
    for (size_t k = 0; k < count; k++) {
        /* w is a square modulo one prime only, so b makes both symbols equal, and a makes them 1 */
        const uint64_t differ = p->square[k] ^ q->square[k];
        const uint64_t negative = ct_select(differ, p->square[k] ^ p->w_square, ~p->square[k]);
        out->a.data[first + k] = (uint8_t)(negative & 1);
        out->b.data[first + k] = (uint8_t)(differ & 1);
        /* for the verifier */
        ct_declassify(out->a.data + first + k, 1);
        ct_declassify(out->b.data + first + k, 1);
        b[k] = out->b.data[first + k];
    }
    side_multiply(p, b);
    side_multiply(q, b);
    if ((status = paillier_crt(&p->l, &q->l, key, x, p->x, q->x, count)) != MPCW_OK ||
        (status = paillier_crt(&p->l, &q->l, key, z, p->z, q->z, count)) != MPCW_OK)
        goto done;
    ct_declassify(x, 2 * LANES_MAX * n * sizeof *x); /* for the verifier */
    for (size_t k = 0; k < count; k++) {
        limbs_to_be(out->x.data + 8 * n * (first + k), 8 * n, x + k * n, n);
        limbs_to_be(out->z.data + 8 * n * (first + k), 8 * n, z + k * n, n);
    }
done:
    secret_free(x);
    return status;
}

/* r = prod x_k^(weight_k) */
static mpcw_status weighted(mpz_t r, const mpcw_modulus *n, mpcw_bytes x, mpcw_bytes weights)
{
    uint8_t product[8 * LANE_LIMBS_MAX];
    const mpcw_status status = mpcw_modulus_multi_pow_var(product, 8 * n->limbs, n, 0, x, weights);
    mpz_from_be(r, product, 8 * n->limbs);
    return status;
}

/* All rounds at once with random weights c_k: Z^N = Y and X^4 = (-1)^(sum c_k a_k) w^(sum c_k b_k) Y for the products. It finds
 * mistakes of the machine, which modulo one prime would give the other away; mpcw_mod_check_var is for what others send. */
static mpcw_status self_check(const mpcw_mod_response *out, const mpcw_paillier *key, const mpz_t n, const mpz_t w,
                              mpcw_bytes y)
{
    const size_t m = out->a.len, size = 8 * key->limbs;
    uint8_t n_bytes[8 * LANE_LIMBS_MAX], weights[8 * ROUNDS_MAX];
    mpcw_modulus *modulus = NULL;
    mpz_t X, Y, Z, c, a, b;
    mpcw_status status;
    mpz_inits(X, Y, Z, c, a, b, NULL);
    limbs_to_be(n_bytes, size, key->n, key->limbs);
    if ((status = rng_system(weights, 8 * m)) != MPCW_OK)
        goto done;
    for (size_t k = 0; k < m; k++) {
        weights[8 * k] &= 0x7f; /* not negative */
        mpz_from_be(c, weights + 8 * k, 8);
        mpz_addmul_ui(a, c, out->a.data[k]);
        mpz_addmul_ui(b, c, out->b.data[k]);
    }
    const mpcw_bytes c_k = {weights, 8 * m}, x = {out->x.data, out->x.len}, z = {out->z.data, out->z.len};
    if ((status = mpcw_modulus_new(&modulus, n_bytes, size)) != MPCW_OK ||
        (status = weighted(X, modulus, x, c_k)) != MPCW_OK || (status = weighted(Z, modulus, z, c_k)) != MPCW_OK ||
        (status = weighted(Y, modulus, y, c_k)) != MPCW_OK)
        goto done;
    mpz_powm(Z, Z, n, n);
    mpz_powm_ui(X, X, 4, n);
    mpz_powm(c, w, b, n);
    mpz_mul(c, c, Y);
    if (mpz_odd_p(a))
        mpz_neg(c, c);
    mpz_mod(c, c, n);
    status = mpz_cmp(Z, Y) == 0 && mpz_cmp(X, c) == 0 ? MPCW_OK : MPCW_E_FAULT;
done:
    mpz_clears(X, Y, Z, c, a, b, NULL);
    mpcw_modulus_free(modulus);
    return status;
}

static void clear(const mpcw_mod_response *out)
{
    const mpcw_buffer outs[] = {out->a, out->b, out->x, out->z};
    for (size_t i = 0; i < 4; i++)
        memset(outs[i].data, 0, outs[i].len);
}

mpcw_status mpcw_mod_respond(const mpcw_mod_response *out, const mpcw_paillier_secret *key, mpcw_bytes w, mpcw_bytes y)
{
    side p = {0}, q = {0};
    mpz_t n, w_z;
    clear(out);
    mpcw_status status = paillier_secret_expect(key);
    if (status != MPCW_OK)
        return status;
    const size_t limbs = key->pub->limbs, size = 8 * limbs, m = out->a.len, lanes = key->p->ops->lanes;
    if (m == 0 || m > ROUNDS_MAX || w.len != size || y.len != size * m || out->b.len != m || out->x.len != size * m ||
        out->z.len != size * m)
        return MPCW_E_LENGTH;
    uint64_t blum = key->p->n_limbs[0] & key->q->n_limbs[0] & 3;
    ct_declassify(&blum, sizeof blum); /* that a key is well formed is public */
    if (blum != 3)
        return MPCW_E_MODULUS;
    mp_limb_t *limbs_wy = calloc((m + 1) * limbs, sizeof *limbs_wy);
    if (!limbs_wy)
        return MPCW_E_MEMORY;
    mpz_inits(n, w_z, NULL);
    mpz_from_limbs(n, key->pub->n, limbs);
    limbs_from_be(limbs_wy, limbs, w.data, size);
    for (size_t k = 0; k < m; k++)
        limbs_from_be(limbs_wy + (k + 1) * limbs, limbs, y.data + size * k, size);
    if ((status = expect_w(w_z, w, n)) != MPCW_OK ||
        (status = units_expect_var(y.data, size, m, key->pub->n, limbs, false)) != MPCW_OK ||
        (status = side_open(&p, key->p, key->q->n_limbs, limbs_wy, limbs)) != MPCW_OK ||
        (status = side_open(&q, key->q, key->p->n_limbs, limbs_wy, limbs)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < m && status == MPCW_OK; i += lanes)
        status = respond_group(out, key, &p, &q, limbs_wy + limbs, i, m - i < lanes ? m - i : lanes);
    if (status == MPCW_OK)
        status = self_check(out, key->pub, n, w_z, y);
done:
    if (status != MPCW_OK)
        clear(out);
    side_close(&p);
    side_close(&q);
    free(limbs_wy);
    mpz_clears(n, w_z, NULL);
    return status;
}

/* ---- the verifier ---- */

/* Whether a prime below FACTOR_BOUND divides n. */
static mpcw_status has_small_factor(bool *found, const mpz_t n)
{
    uint8_t *composite = calloc(FACTOR_BOUND, 1);
    if (!composite)
        return MPCW_E_MEMORY;
    *found = false;
    for (unsigned long d = 2; d < FACTOR_BOUND && !*found; d++) {
        if (composite[d])
            continue;
        *found = mpz_divisible_ui_p(n, d);
        for (unsigned long k = d * d; k < FACTOR_BOUND; k += d)
            composite[k] = 1;
    }
    free(composite);
    return MPCW_OK;
}

static mpcw_status check_modulus(uint32_t *violations, const mpz_t n, size_t n_bits)
{
    bool small;
    if (!mpz_odd_p(n) || mpz_sizeinbase(n, 2) != n_bits) {
        *violations |= MPCW_MOD_MODULUS;
        return MPCW_OK;
    }
    const mpcw_status status = has_small_factor(&small, n);
    /* every round of Miller and Rabin passes a prime: one that is called composite is */
    if (status == MPCW_OK && (small || mpz_probab_prime_p(n, 25)))
        *violations |= MPCW_MOD_MODULUS;
    return status;
}

static uint32_t check_values(mpz_t w, const mpz_t n, const mp_limb_t *n_limbs, const mpcw_mod_proof *f, size_t m)
{
    const size_t limbs = f->w.len / 8;
    uint8_t bad[ROUNDS_MAX];
    const mpcw_bytes units[] = {f->y, f->x, f->z};
    uint32_t violations = 0;
    if (expect_w(w, f->w, n) != MPCW_OK)
        violations |= MPCW_MOD_W;
    for (size_t i = 0; i < 3; i++)
        if (units_check_var(bad, m, units[i].data, units[i].len, n_limbs, limbs, false) != MPCW_OK)
            violations |= MPCW_MOD_UNIT;
    for (size_t k = 0; k < m; k++)
        if (f->a.data[k] > 1 || f->b.data[k] > 1)
            violations |= MPCW_MOD_BIT;
    return violations;
}

/* x^4 = (-1)^a w^b y for every k */
static uint32_t check_fourth_roots(const mpz_t n, const mpz_t w, const mpcw_mod_proof *f, size_t m)
{
    const size_t size = f->w.len;
    uint32_t violations = 0;
    mpz_t x, y;
    mpz_inits(x, y, NULL);
    for (size_t k = 0; k < m; k++) {
        mpz_from_be(x, f->x.data + size * k, size);
        mpz_from_be(y, f->y.data + size * k, size);
        mpz_powm_ui(x, x, 4, n);
        if (f->b.data[k])
            mpz_mul(y, y, w);
        if (f->a.data[k])
            mpz_neg(y, y);
        mpz_mod(y, y, n);
        if (mpz_cmp(x, y) != 0)
            violations |= MPCW_MOD_FOURTH_ROOT;
    }
    mpz_clears(x, y, NULL);
    return violations;
}

/* z^N = y for every k */
static mpcw_status check_nth_roots(uint32_t *violations, const mpcw_mod_proof *f, mpcw_bytes n, size_t m)
{
    const size_t limbs = n.len / 8;
    mpcw_modulus *modulus = NULL;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *z = malloc(3 * m * limbs * sizeof *z);
    if (!z || (status = mpcw_modulus_new(&modulus, n.data, n.len)) != MPCW_OK)
        goto done;
    mp_limb_t *e = z + m * limbs, *y = e + m * limbs;
    for (size_t k = 0; k < m; k++) {
        limbs_from_be(z + k * limbs, limbs, f->z.data + n.len * k, n.len);
        limbs_from_be(y + k * limbs, limbs, f->y.data + n.len * k, n.len);
        memcpy(e + k * limbs, modulus->n, n.len);
    }
    const powers p = {z, e, limbs, m, 1, true};
    if ((status = bigint_powers(z, modulus, &p)) == MPCW_OK && mpn_cmp(z, y, (mp_size_t)(m * limbs)) != 0)
        *violations |= MPCW_MOD_NTH_ROOT;
done:
    mpcw_modulus_free(modulus);
    free(z);
    return status;
}

mpcw_status mpcw_mod_check_var(uint32_t *violations, mpcw_bytes n, size_t n_bits, const mpcw_mod_proof *f, size_t m)
{
    mp_limb_t n_limbs[LANE_LIMBS_MAX];
    uint32_t v = 0;
    mpz_t n_z, w;
    *violations = 0;
    const size_t size = n.len;
    if (size == 0 || size > sizeof n_limbs || n_bits > 8 * size || size != (n_bits + 63) / 64 * 8 || f->w.len != size ||
        m == 0 || m > ROUNDS_MAX || f->y.len != size * m || f->a.len != m || f->b.len != m || f->x.len != size * m ||
        f->z.len != size * m)
        return MPCW_E_LENGTH;
    mpz_inits(n_z, w, NULL);
    mpz_from_be(n_z, n.data, size);
    limbs_from_be(n_limbs, size / 8, n.data, size);
    mpcw_status status = check_modulus(&v, n_z, n_bits);
    if (status == MPCW_OK && v == 0)
        v = check_values(w, n_z, n_limbs, f, m);
    if (status == MPCW_OK && v == 0)
        v = check_fourth_roots(n_z, w, f, m);
    if (status == MPCW_OK && v == 0)
        status = check_nth_roots(&v, f, n, m);
    mpz_clears(n_z, w, NULL);
    if (status != MPCW_OK)
        return status;
    *violations = v;
    return v ? MPCW_REJECTED : MPCW_OK;
}
