/* Paillier encryption and the affine operation, lanes of items at a time. */
#include <string.h>

#include "ct.h"
#include "integer.h"
#include "limbs.h"
#include "randomness.h"
#include "secret.h"
#include "units.h"

void paillier_add_plaintext(const lane *l, uint64_t *r, const uint64_t *m, uint64_t *tmp)
{
    const lane_ops *ops = l->m->ops;
    uint64_t *upper = r + l->m->width;
    ops->mul(l, tmp, r, m);
    ops->add(l, upper, upper, tmp);
}

/* One group of up to lanes items; m: their plaintexts modulo N. */
typedef struct group {
    size_t first, count;
    const mp_limb_t *m;
    uint8_t *c;       /* of the first item */
    uint64_t *rho;    /* likewise, limbs of N each */
} group;

/* Plaintexts first .. first + count - 1 of m modulo N into out; *ok as in paillier_plaintext. */
static mpcw_status plaintexts(mp_limb_t *out, uint64_t *ok, const mpcw_paillier *key, const mpcw_secret *m,
                              const group *g)
{
    mpcw_status status = MPCW_OK;
    for (size_t k = 0; k < g->count && status == MPCW_OK; k++)
        status = paillier_plaintext(out + k * key->limbs, ok, key, int_item(m, g->first + k), m->size / 8);
    return status;
}

static void write_ciphertexts(const group *g, mp_limb_t *c, size_t limbs)
{
    /* ciphertexts are for everybody */
    ct_declassify(c, g->count * 2 * limbs * sizeof *c);
    for (size_t k = 0; k < g->count; k++)
        limbs_to_be(g->c + k * 16 * limbs, 16 * limbs, c + 2 * k * limbs, 2 * limbs);
}

/* What affine multiplies with: ciphertexts and their inverses (2 limbs of N each), and the secret exponents. If one ciphertext is that
 * of all items, which leave half of the lanes empty, c has for each lane in turns c and c^(2^(64 split)), for the lower and the upper
 * half of an exponent; else split is 0. */
typedef struct scaling {
    const mp_limb_t *c, *c_inverse;
    const mpcw_secret *x;
    size_t split;
} scaling;

/* The exponents |x| of stride limbs and the choice of base by sign for the lanes of a group. */
static void magnitudes(mp_limb_t *e, size_t stride, uint32_t *negative, const scaling *s, const group *g, size_t lanes)
{
    const size_t limbs = s->x->size / 8, copies = s->split ? 2 : 1;
    for (size_t k = 0; k < lanes; k++) {
        mp_limb_t *to = e + k * stride;
        memcpy(to, int_item(s->x, g->first + (k / copies < g->count ? k / copies : 0)), s->x->size);
        const uint64_t sign = to[limbs - 1] >> 63;
        negative[k] = (uint32_t)sign;
        limbs_negate_if(to, ct_mask_bit(sign), limbs);
    }
}

/* r *= c^x, by |x| and by c or its inverse. */
static mpcw_status scale(const lane *l, uint64_t *r, const scaling *s, const group *g)
{
    const lane_mod *m = l->m;
    const size_t n = m->limbs, lanes = m->ops->lanes, words = 2 * m->width;
    const size_t limbs = s->split ? s->split : s->x->size / 8, stride = s->split ? 2 * s->split : limbs;
    const size_t first = s->split ? 0 : 2 * n * g->first, bases = s->split ? lanes : g->count;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *choice = secret_alloc((3 * words + lanes * stride) * sizeof *choice);
    if (!choice)
        return status;
    uint64_t *base = choice + 2 * words;
    mp_limb_t *e = base + words;
    const mp_limb_t *each[LANES_MAX];
    uint32_t negative[LANES_MAX];
    magnitudes(e, stride, negative, s, g, lanes);
    for (size_t k = 0; k < LANES_MAX; k++)
        each[k] = e + (k < lanes ? k : 0) * stride + (s->split ? k % 2 * s->split : 0);
    if ((status = lane_enter_items(l, choice, s->c + first, 2 * n, 2 * n, bases, 2)) != MPCW_OK ||
        (status = lane_enter_items(l, choice + words, s->c_inverse + first, 2 * n, 2 * n, bases, 2)) != MPCW_OK)
        goto done;
    m->ops->select(base, choice, 2, words, negative);
    if ((status = lane_pow(l, base, base, 2, each, 64 * limbs)) != MPCW_OK)
        goto done;
    if (s->split)
        lane_multiply_copies(l, base, 2, 2, g->count, choice);
    m->ops->dmul(l, r, r, base);
done:
    ct_cleanse(negative, sizeof negative);
    secret_free(choice);
    return status;
}

static mpcw_status encrypt_group(const lane *l, const mpcw_paillier *key, const mpcw_randomness *table, rng *r,
                                 const scaling *s, const group *g)
{
    const lane_mod *m = l->m;
    const size_t n = key->limbs, lanes = m->ops->lanes, width = m->width;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *rho = secret_alloc((5 * width + (3 * lanes + 2) * n) * sizeof *rho);
    if (!rho)
        return status;
    uint64_t *c = rho + width, *plain = c + 2 * width, *tmp = plain + width;
    mp_limb_t *x = tmp + width, *y = x + 2 * lanes * n, *product = y + lanes * n;
    if ((status = randomness_draw(l, rho, c, &(unit_source){table, 0, NULL}, g->count, r)) != MPCW_OK ||
        (status = lane_enter_items(l, plain, g->m, n, n, g->count, 1)) != MPCW_OK)
        goto done;
    paillier_add_plaintext(l, c, plain, tmp);
    if ((s && (status = scale(l, c, s, g)) != MPCW_OK) || (status = lane_dual_leave(l, x, c)) != MPCW_OK ||
        (status = lane_leave(l, y, rho)) != MPCW_OK)
        goto done;
    for (size_t k = 0; k < g->count; k++) {
        lane_join(x + 2 * k * n, product, key->n, n);
        memcpy(g->rho + k * n, y + k * n, n * sizeof *y);
    }
    write_ciphertexts(g, x, n);
done:
    secret_free(rho);
    return status;
}

/* One side, p or q, of an own encryption: rho and c = (1 + m N) rho^N modulo p and p^2. */
static mpcw_status encrypt_side(const lane *l, uint64_t *rho, uint64_t *c, const mpcw_paillier_secret *key,
                                const mpcw_randomness *table, rng *r, const group *g, size_t side)
{
    const size_t n = key->pub->limbs, width = l->m->width;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *plain = secret_alloc(2 * width * sizeof *plain);
    if (!plain)
        return status;
    if ((status = randomness_draw(l, rho, c, &(unit_source){table, side, key}, g->count, r)) != MPCW_OK ||
        (status = lane_enter_items(l, plain, g->m, n, n, g->count, 1)) != MPCW_OK)
        goto done;
    /* 1 + m N = 1 + (m q) p */
    l->m->ops->mul(l, plain, plain, side == 0 ? key->q_mod_p : key->p_mod_q);
    paillier_add_plaintext(l, c, plain, plain + width);
done:
    secret_free(plain);
    return status;
}

static mpcw_status encrypt_own_group(const lane *lp, const lane *lq, const mpcw_paillier_secret *key,
                                     const mpcw_randomness *table, rng *r, const group *g)
{
    const size_t n = key->pub->limbs, wp = lp->m->width, wq = lq->m->width, lanes = lp->m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *rho_p = secret_alloc((3 * wp + 3 * wq + 2 * lanes * n) * sizeof *rho_p);
    if (!rho_p)
        return status;
    uint64_t *c_p = rho_p + wp, *rho_q = c_p + 2 * wp, *c_q = rho_q + wq;
    mp_limb_t *x = c_q + 2 * wq;
    if ((status = encrypt_side(lp, rho_p, c_p, key, table, r, g, 0)) != MPCW_OK ||
        (status = encrypt_side(lq, rho_q, c_q, key, table, r, g, 1)) != MPCW_OK ||
        (status = paillier_crt(lp, lq, key, g->rho, rho_p, rho_q, g->count)) != MPCW_OK ||
        (status = paillier_crt_square(lp, lq, key, x, c_p, c_q, g->count)) != MPCW_OK)
        goto done;
    write_ciphertexts(g, x, n);
done:
    secret_free(rho_p);
    return status;
}

/* The common frame: checks, one group after the other, own (own != NULL) or foreign. One seed in two operations must not
 * give two ciphertexts one rho: each has a stream of its own. */
static mpcw_status encrypt_all(uint8_t *c, size_t c_len, mpcw_secret **rho_out, const mpcw_paillier *key,
                               const mpcw_paillier_secret *own, const mpcw_randomness *table, const scaling *s,
                               const mpcw_secret *m, const mpcw_secret *seed)
{
    lane lp = {0}, lq = {0};
    rng r = {0};
    mpcw_secret *rho = NULL;
    mp_limb_t *plain = NULL;
    mpcw_status status;
    if ((status = secret_expect(m, MPCW_KIND_INT, 0, 0)) != MPCW_OK ||
        (status = randomness_expect(table, key, own != NULL)) != MPCW_OK)
        return status;
    const size_t n = key->limbs, lanes = key->many->ops->lanes;
    if (c_len != m->count * 16 * n)
        return MPCW_E_LENGTH;
    if ((status = rng_open(&r, seed, s ? "affine" : own ? "encrypt own" : "encrypt")) != MPCW_OK ||
        (status = secret_new(&rho, MPCW_KIND_RESIDUE, m->count, 8 * n)) != MPCW_OK ||
        (status = lane_open(&lp, own ? own->p : key->many)) != MPCW_OK ||
        (own && (status = lane_open(&lq, own->q)) != MPCW_OK))
        goto done;
    plain = secret_alloc(lanes * n * sizeof *plain);
    if (!plain) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < m->count; i += lanes) {
        uint64_t ok = ~(uint64_t)0;
        group g = {.first = i, .count = m->count - i < lanes ? m->count - i : lanes, .m = plain, .c = c + i * 16 * n};
        g.rho = (uint64_t *)(void *)(rho->data + i * rho->size);
        if ((status = plaintexts(plain, &ok, key, m, &g)) != MPCW_OK)
            goto done;
        /* a plaintext out of range is a mistake of the caller */
        ct_declassify(&ok, sizeof ok);
        if (!ok) {
            status = MPCW_E_RANGE;
            goto done;
        }
        status = own ? encrypt_own_group(&lp, &lq, own, table, &r, &g) : encrypt_group(&lp, key, table, &r, s, &g);
        if (status != MPCW_OK)
            goto done;
    }
    *rho_out = rho;
    rho = NULL;
done:
    if (status != MPCW_OK)
        memset(c, 0, c_len);
    mpcw_secret_free(rho);
    secret_free(plain);
    lane_close(&lp);
    lane_close(&lq);
    rng_close(&r);
    return status;
}

mpcw_status mpcw_paillier_encrypt(uint8_t *c, size_t c_len, mpcw_secret **rho, const mpcw_paillier *key,
                                  const mpcw_randomness *table, const mpcw_secret *m, const mpcw_secret *seed)
{
    *rho = NULL;
    memset(c, 0, c_len);
    const mpcw_status status = paillier_expect(key);
    return status != MPCW_OK ? status : encrypt_all(c, c_len, rho, key, NULL, table, NULL, m, seed);
}

mpcw_status mpcw_paillier_encrypt_own(uint8_t *c, size_t c_len, mpcw_secret **rho, const mpcw_paillier_secret *key,
                                      const mpcw_randomness *table, const mpcw_secret *m, const mpcw_secret *seed)
{
    *rho = NULL;
    memset(c, 0, c_len);
    const mpcw_status status = paillier_secret_expect(key);
    return status != MPCW_OK ? status : encrypt_all(c, c_len, rho, key->pub, key, table, NULL, m, seed);
}

/* c^(2^(64 split)) modulo N^2, and the inverse. */
static mpcw_status high_power(mp_limb_t *power, mp_limb_t *inverse, const mpcw_paillier *key, const mp_limb_t *c, size_t split)
{
    const size_t n = key->limbs;
    uint8_t bytes[16 * LANE_LIMBS_MAX];
    mp_limb_t tmp[2 * LANE_LIMBS_MAX];
    lane l = {0};
    mpcw_status status = lane_open(&l, key->single);
    uint64_t *v = status == MPCW_OK ? lane_vectors(&l, 2) : NULL;
    if (status == MPCW_OK && !v)
        status = MPCW_E_MEMORY;
    if (status != MPCW_OK || (status = lane_enter_items(&l, v, c, 2 * n, 2 * n, 1, 2)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < 64 * split; i++)
        key->single->ops->dsqr(&l, v, v);
    if ((status = lane_dual_leave(&l, power, v)) != MPCW_OK)
        goto done;
    lane_join(power, tmp, key->n, n);
    limbs_to_be(bytes, 16 * n, power, 2 * n);
    status = units_invert_var(inverse, bytes, 16 * n, 1, key->n, n, true);
done:
    secret_free(v);
    lane_close(&l);
    return status;
}

/* The ciphertexts of a scaling and their inverses: those of all items, or what halves of exponents want; see scaling. */
static mpcw_status load_bases(scaling *s, mp_limb_t *bases, const mpcw_paillier *key, const uint8_t *c)
{
    const size_t n = key->limbs, size = 16 * n, lanes = key->many->ops->lanes;
    size_t count = s->x->count;
    bool one = 2 * count <= lanes && s->x->size > 8;
    for (size_t i = 1; i < count && one; i++)
        one = memcmp(c, c + i * size, size) == 0;
    if (one)
        count = lanes;
    mp_limb_t *inverses = bases + 2 * n * count;
    mpcw_status status = units_expect_var(c, size, s->x->count, key->n, n, true);
    if (status == MPCW_OK)
        status = units_invert_var(inverses, c, size, s->x->count, key->n, n, true);
    for (size_t i = 0; i < s->x->count; i++)
        limbs_from_be(bases + 2 * n * i, 2 * n, c + i * size, size);
    s->c = bases;
    s->c_inverse = inverses;
    if (status != MPCW_OK || !one)
        return status;
    s->split = (s->x->size / 8 + 1) / 2;
    if ((status = high_power(bases + 2 * n, inverses + 2 * n, key, bases, s->split)) != MPCW_OK)
        return status;
    for (size_t k = 2; k < lanes; k++) {
        memcpy(bases + 2 * n * k, bases + 2 * n * (k % 2), 2 * n * sizeof *bases);
        memcpy(inverses + 2 * n * k, inverses + 2 * n * (k % 2), 2 * n * sizeof *bases);
    }
    return status;
}

mpcw_status mpcw_paillier_affine(uint8_t *d, size_t d_len, mpcw_secret **rho, const mpcw_paillier *key,
                                 const mpcw_randomness *table, const uint8_t *c, size_t c_len, const mpcw_secret *x,
                                 const mpcw_secret *y, const mpcw_secret *seed)
{
    mpcw_status status;
    *rho = NULL;
    memset(d, 0, d_len);
    if ((status = paillier_expect(key)) != MPCW_OK || (status = secret_expect(x, MPCW_KIND_INT, 0, 0)) != MPCW_OK ||
        (status = secret_expect(y, MPCW_KIND_INT, x->count, 0)) != MPCW_OK)
        return status;
    const size_t n = key->limbs;
    if (c_len != x->count * 16 * n || d_len != c_len)
        return MPCW_E_LENGTH;
    scaling s = {.x = x};
    mp_limb_t *bases = secret_alloc(4 * n * (x->count > LANES_MAX ? x->count : LANES_MAX) * sizeof *bases);
    if (!bases)
        return MPCW_E_MEMORY;
    if ((status = load_bases(&s, bases, key, c)) == MPCW_OK)
        status = encrypt_all(d, d_len, rho, key, NULL, table, &s, y, seed);
    secret_free(bases);
    return status;
}
