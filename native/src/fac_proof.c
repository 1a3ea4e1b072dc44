#include "mpcw/fac_proof.h"

#include <stdlib.h>
#include <string.h>

#include "bigint.h"
#include "ct.h"
#include "equations.h"
#include "integer.h"
#include "limbs.h"
#include "paillier.h"
#include "secret.h"
#include "units.h"

#define ELL_MAX (64 * CHALLENGE_LIMBS)
#define EPSILON_MAX 8192

struct mpcw_fac_prover {
    uint64_t generation;
    int used;
    size_t ell, wide; /* bits: ell, ell + epsilon */
    size_t limbs;     /* of N^ */
    const mpcw_paillier_secret *key;
    mpcw_secret *alpha_beta, *mu_nu, *x_y, *r;
};

void mpcw_fac_prover_free(mpcw_fac_prover *p)
{
    if (!p)
        return;
    mpcw_secret *masks[] = {p->alpha_beta, p->mu_nu, p->x_y, p->r};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        mpcw_secret_free(masks[i]);
    free(p);
}

static mpcw_status expect_sizes(const mpcw_proof_sizes *s)
{
    const bool fit = s->ell > 0 && s->ell % 64 == 0 && s->ell <= ELL_MAX && s->epsilon > 0 && s->epsilon % 64 == 0 &&
                     s->epsilon <= EPSILON_MAX;
    return fit ? MPCW_OK : MPCW_E_LENGTH;
}

/* Limbs of isqrt(N). */
static size_t root_limbs(size_t n_limbs)
{
    return (n_limbs + 1) / 2;
}

/* N^, s and t of the verifier. */
typedef struct pedersen {
    mpz_t n, s, t;
} pedersen;

static void pedersen_init(pedersen *rp)
{
    mpz_inits(rp->n, rp->s, rp->t, NULL);
}

static void pedersen_clear(pedersen *rp)
{
    mpz_clears(rp->n, rp->s, rp->t, NULL);
}

static mpcw_status pedersen_read(pedersen *rp, const mpcw_pedersen_parameters *from)
{
    const size_t size = from->n.len;
    if (size == 0 || size % 8 != 0 || size > 8 * LANE_LIMBS_MAX || from->s.len != size || from->t.len != size)
        return MPCW_E_LENGTH;
    mpz_from_be(rp->n, from->n.data, size);
    if (!mpz_odd_p(rp->n) || mpz_sizeinbase(rp->n, 2) <= 8 * size - 64 || mpz_cmp_ui(rp->n, 3) < 0)
        return MPCW_E_MODULUS;
    if (!unit_from_be_var(rp->s, from->s, rp->n) || !unit_from_be_var(rp->t, from->t, rp->n))
        return MPCW_E_NOT_UNIT;
    return MPCW_OK;
}

/* ---- the prover ---- */

/* Signed secret exponents of one base, as many limbs each. */
typedef struct signed_powers {
    const mpz_t *base;
    mp_limb_t *e;
    size_t limbs;
} signed_powers;

/* e_i := x + 2^(bits - 1) >= 0: extended, and the sign bit flipped */
static void set_exponent(const signed_powers *p, size_t i, const mp_limb_t *x, size_t x_limbs)
{
    mp_limb_t *e = p->e + i * p->limbs;
    limbs_extend(e, p->limbs, x, x_limbs);
    e[p->limbs - 1] ^= (mp_limb_t)1 << 63;
}

/* r = base^(-2^(bits - 1)): what set_exponent adds, taken back; public */
static void offset(mpz_t r, const signed_powers *p, const mpz_t n)
{
    mpz_t e;
    mpz_init(e);
    mpz_setbit(e, 64 * p->limbs - 1);
    mpz_neg(e, e);
    mpz_powm(r, *p->base, e, n);
    mpz_clear(e);
}

static mpcw_status enter_public(const lane *l, uint64_t *v, const mpz_t x)
{
    mp_limb_t limbs[LANE_LIMBS_MAX] = {0};
    mpz_export(limbs, NULL, -1, sizeof *limbs, 0, 0, x);
    return lane_enter_items(l, v, limbs, l->m->limbs, 0, 1, 1);
}

/* v = base^(e_i) for the items of a group */
static mpcw_status power(const lane *l, uint64_t *v, const signed_powers *p, size_t first, size_t count)
{
    const mp_limb_t *e[LANES_MAX];
    for (size_t k = 0; k < LANES_MAX; k++)
        e[k] = p->e + (first + (k < count ? k : 0)) * p->limbs;
    const mpcw_status status = enter_public(l, v, *p->base);
    return status == MPCW_OK ? lane_pow(l, v, v, 1, e, 64 * p->limbs) : status;
}

/* out_i = a^(x_i) b^(y_i) mod n */
static mpcw_status products(const mpcw_buffer *const *out, size_t count, const lane_mod *m, const mpz_t n,
                            const signed_powers *a, const signed_powers *b)
{
    lane l = {0};
    mpz_t back, t;
    mpz_inits(back, t, NULL);
    offset(back, a, n);
    offset(t, b, n);
    mpz_mul(back, back, t);
    mpz_mod(back, back, n);
    mpcw_status status = lane_open(&l, m);
    uint64_t *v = status == MPCW_OK ? secret_alloc((3 * m->width + LANES_MAX * m->limbs) * sizeof *v) : NULL;
    if (status == MPCW_OK && !v)
        status = MPCW_E_MEMORY;
    if (status != MPCW_OK)
        goto done;
    uint64_t *w = v + m->width, *u = w + m->width;
    mp_limb_t *x = u + m->width;
    if ((status = enter_public(&l, u, back)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < count; i += m->ops->lanes) {
        const size_t now = count - i < m->ops->lanes ? count - i : m->ops->lanes;
        if ((status = power(&l, v, a, i, now)) != MPCW_OK || (status = power(&l, w, b, i, now)) != MPCW_OK)
            goto done;
        m->ops->mul(&l, v, v, w);
        m->ops->mul(&l, v, v, u);
        if ((status = lane_leave(&l, x, v)) != MPCW_OK)
            goto done;
        ct_declassify(x, now * m->limbs * sizeof *x); /* commitments are for everybody */
        for (size_t k = 0; k < now; k++)
            limbs_to_be(out[i + k]->data, out[i + k]->len, x + k * m->limbs, m->limbs);
    }
done:
    mpz_clears(back, t, NULL);
    secret_free(v);
    lane_close(&l);
    return status;
}

static mpcw_status draw_masks(mpcw_fac_prover *p, const mp_limb_t *nh, const mpcw_paillier *pub, rng *r)
{
    const size_t n = pub->limbs;
    mp_limb_t root[LANE_LIMBS_MAX], product[2 * LANE_LIMBS_MAX];
    mpcw_status status;
    mpn_sqrtrem(root, NULL, pub->n, (mp_size_t)n);
    limbs_mul(product, pub->n, n, nh, p->limbs);
    if ((status = int_random_multiple(&p->alpha_beta, 2, p->wide, root, root_limbs(n), r)) != MPCW_OK ||
        (status = int_random_multiple(&p->mu_nu, 2, p->ell, nh, p->limbs, r)) != MPCW_OK ||
        (status = int_random_multiple(&p->x_y, 2, p->wide, nh, p->limbs, r)) != MPCW_OK)
        return status;
    const size_t limbs = n + p->limbs - (product[n + p->limbs - 1] == 0);
    mpcw_secret *narrow = NULL;
    if ((status = int_random_multiple(&narrow, 1, p->wide, product, limbs, r)) != MPCW_OK)
        return status;
    /* as wide as the interval of the response, whatever the product's length */
    const size_t width = p->wide / 64 + n + p->limbs;
    if ((status = secret_new(&p->r, MPCW_KIND_INT, 1, 8 * width)) == MPCW_OK)
        limbs_extend((mp_limb_t *)(void *)p->r->data, width, int_item(narrow, 0), narrow->size / 8);
    mpcw_secret_free(narrow);
    return status;
}

/* P, Q, A, B, then T, whose base Q is. */
static mpcw_status commit(const mpcw_fac_prover *p, const mpcw_fac_commitment *out, const pedersen *rp,
                          const mpcw_modulus *m)
{
    const mpcw_buffer *first[] = {&out->P, &out->Q, &out->A, &out->B}, *last[] = {&out->T};
    const size_t half = p->key->half, narrow = p->alpha_beta->size / 8, wide = p->x_y->size / 8, widest = p->r->size / 8;
    const size_t s_limbs = narrow > half + 1 ? narrow : half + 1;
    mpcw_status status = MPCW_E_MEMORY;
    mpz_t Q;
    mpz_init(Q);
    mp_limb_t *e = secret_alloc((5 * s_limbs + 4 * wide + widest + half + 1) * sizeof *e);
    if (!e)
        goto done;
    const signed_powers s = {(const mpz_t *)&rp->s, e, s_limbs}, t = {(const mpz_t *)&rp->t, e + 4 * s_limbs, wide};
    const signed_powers q = {(const mpz_t *)&Q, t.e + 4 * wide, s_limbs};
    const signed_powers tr = {(const mpz_t *)&rp->t, q.e + s_limbs, widest};
    mp_limb_t *prime = tr.e + widest; /* with room for a sign */
    memcpy(prime, p->key->p->n_limbs, half * sizeof *prime);
    set_exponent(&s, 0, prime, half + 1);
    memcpy(prime, p->key->q->n_limbs, half * sizeof *prime);
    set_exponent(&s, 1, prime, half + 1);
    for (size_t i = 0; i < 2; i++) {
        set_exponent(&s, 2 + i, int_item(p->alpha_beta, i), narrow);
        set_exponent(&t, i, int_item(p->mu_nu, i), p->mu_nu->size / 8);
        set_exponent(&t, 2 + i, int_item(p->x_y, i), wide);
    }
    set_exponent(&q, 0, int_item(p->alpha_beta, 0), narrow);
    set_exponent(&tr, 0, int_item(p->r, 0), widest);
    if ((status = products(first, 4, m->many, rp->n, &s, &t)) != MPCW_OK)
        goto done;
    mpz_from_be(Q, out->Q.data, out->Q.len);
    status = products(last, 1, m->single, rp->n, &q, &tr);
done:
    mpz_clear(Q);
    secret_free(e);
    return status;
}

static void clear(const mpcw_buffer *buffers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memset(buffers[i].data, 0, buffers[i].len);
}

mpcw_status mpcw_fac_commit(mpcw_fac_prover **prover, const mpcw_fac_commitment *out, const mpcw_paillier_secret *key,
                            const mpcw_pedersen_parameters *verifier, const mpcw_proof_sizes *sizes,
                            const mpcw_secret *seed)
{
    const mpcw_buffer outs[] = {out->P, out->Q, out->A, out->B, out->T};
    mpcw_fac_prover *p = NULL;
    mpcw_modulus *m = NULL;
    pedersen rp;
    rng r = {0};
    mpcw_status status;
    *prover = NULL;
    clear(outs, 5);
    if ((status = paillier_secret_expect(key)) != MPCW_OK || (status = expect_sizes(sizes)) != MPCW_OK)
        return status;
    for (size_t i = 0; i < 5; i++)
        if (outs[i].len != verifier->n.len)
            return MPCW_E_LENGTH;
    pedersen_init(&rp);
    if ((status = pedersen_read(&rp, verifier)) != MPCW_OK ||
        (status = mpcw_modulus_new(&m, verifier->n.data, verifier->n.len)) != MPCW_OK ||
        (status = rng_open(&r, seed, "fac")) != MPCW_OK)
        goto done;
    p = calloc(1, sizeof *p);
    if (!p) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    p->generation = secret_generation();
    p->ell = sizes->ell;
    p->wide = sizes->ell + sizes->epsilon;
    p->limbs = m->limbs;
    p->key = key;
    if ((status = draw_masks(p, m->n, key->pub, &r)) != MPCW_OK || (status = commit(p, out, &rp, m)) != MPCW_OK)
        goto done;
    *prover = p;
    p = NULL;
done:
    if (status != MPCW_OK)
        clear(outs, 5);
    mpcw_fac_prover_free(p);
    mpcw_modulus_free(m);
    pedersen_clear(&rp);
    rng_close(&r);
    return status;
}

static mpcw_status respond(mpcw_buffer out, const mpcw_secret *mask, size_t i, const mp_limb_t *e, const mp_limb_t *x,
                           size_t x_limbs)
{
    return int_respond(out.data, out.len, int_item(mask, i), mask->size / 8, e, x, x_limbs);
}

/* Whether |z| <= 2^(wide - 1) isqrt(N). */
static bool in_interval(const mpz_t z, size_t wide, const mpz_t n)
{
    mpz_t bound;
    mpz_init(bound);
    mpz_sqrt(bound, n);
    mpz_mul_2exp(bound, bound, wide - 1);
    const bool in = mpz_cmpabs(z, bound) <= 0;
    mpz_clear(bound);
    return in;
}

static mpcw_status expect_interval(mpcw_buffer z, size_t wide, const mpcw_paillier *pub)
{
    mpz_t n, x;
    mpz_inits(n, x, NULL);
    mpz_from_limbs(n, pub->n, pub->limbs);
    mpz_from_twos(x, z.data, z.len);
    const mpcw_status status = in_interval(x, wide, n) ? MPCW_OK : MPCW_E_RANGE;
    mpz_clears(n, x, NULL);
    return status;
}

/* The witnesses of the five responses: p, q (with room for a sign), mu, nu, -nu p. */
static mpcw_status respond_all(const mpcw_fac_response *out, const mpcw_fac_prover *p, const mp_limb_t *e)
{
    const size_t half = p->key->half, widest = p->r->size / 8, mu_limbs = p->mu_nu->size / 8;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *x = secret_alloc((2 * widest + 3 * half + 2) * sizeof *x);
    if (!x)
        return status;
    mp_limb_t *product = x + widest, *prime_p = product + widest + half, *prime_q = prime_p + half + 1;
    memcpy(prime_p, p->key->p->n_limbs, half * sizeof *prime_p);
    memcpy(prime_q, p->key->q->n_limbs, half * sizeof *prime_q);
    /* modulo 2^(64 widest), where the product of the extended nu is that of the signed one */
    limbs_extend(x, widest, int_item(p->mu_nu, 1), mu_limbs);
    limbs_mul(product, x, widest, prime_p, half);
    limbs_negate_if(product, ~(uint64_t)0, widest);
    if ((status = respond(out->z1, p->alpha_beta, 0, e, prime_p, half + 1)) == MPCW_OK &&
        (status = respond(out->z2, p->alpha_beta, 1, e, prime_q, half + 1)) == MPCW_OK &&
        (status = respond(out->w1, p->x_y, 0, e, int_item(p->mu_nu, 0), mu_limbs)) == MPCW_OK &&
        (status = respond(out->w2, p->x_y, 1, e, int_item(p->mu_nu, 1), mu_limbs)) == MPCW_OK &&
        (status = respond(out->v, p->r, 0, e, product, widest)) == MPCW_OK &&
        (status = expect_interval(out->z1, p->wide, p->key->pub)) == MPCW_OK)
        status = expect_interval(out->z2, p->wide, p->key->pub);
    secret_free(x);
    return status;
}

static mpcw_status use_up(mpcw_fac_prover *p)
{
    if (!p)
        return MPCW_E_KIND;
    if (p->generation != secret_generation())
        return MPCW_E_FORKED;
    return __atomic_exchange_n(&p->used, 1, __ATOMIC_SEQ_CST) ? MPCW_E_USED : MPCW_OK;
}

mpcw_status mpcw_fac_respond(const mpcw_fac_response *out, mpcw_fac_prover *p, mpcw_bytes e)
{
    const mpcw_buffer outs[] = {out->z1, out->z2, out->w1, out->w2, out->v};
    mp_limb_t challenge[CHALLENGE_LIMBS];
    clear(outs, 5);
    mpcw_status status = use_up(p);
    if (status != MPCW_OK)
        return status;
    const size_t z = p->alpha_beta->size, w = p->x_y->size, sizes[] = {z, z, w, w, p->r->size};
    if (e.len != p->ell / 8)
        return MPCW_E_LENGTH;
    for (size_t i = 0; i < 5; i++)
        if (outs[i].len != sizes[i])
            return MPCW_E_LENGTH;
    limbs_from_be(challenge, CHALLENGE_LIMBS, e.data, e.len);
    if ((status = respond_all(out, p, challenge)) != MPCW_OK)
        clear(outs, 5);
    return status;
}

/* ---- the verifier ---- */

mpcw_status mpcw_fac_check_var(uint32_t *violations, mpcw_bytes ni, const mpcw_pedersen_parameters *verifier,
                               const mpcw_fac_proof *f, const mpcw_proof_sizes *sizes)
{
    uint32_t v = 0;
    pedersen rp;
    mpz_t n, P, Q, A, B, T, e, z1, z2, w1, w2, vz, sn;
    *violations = 0;
    mpcw_status status = expect_sizes(sizes);
    if (status != MPCW_OK)
        return status;
    if (ni.len == 0 || ni.len % 8 != 0 || ni.len > 8 * LANE_LIMBS_MAX)
        return MPCW_E_LENGTH;
    const size_t nh = verifier->n.len, wide = sizes->ell + sizes->epsilon, z = wide / 8 + 8 * root_limbs(ni.len / 8);
    const mpcw_bytes units[] = {f->P, f->Q, f->A, f->B, f->T};
    for (size_t i = 0; i < 5; i++)
        if (units[i].len != nh)
            return MPCW_E_LENGTH;
    if (f->e.len != sizes->ell / 8 || f->z1.len != z || f->z2.len != z || f->w1.len != wide / 8 + nh ||
        f->w2.len != wide / 8 + nh || f->v.len != wide / 8 + ni.len + nh)
        return MPCW_E_LENGTH;
    pedersen_init(&rp);
    mpz_inits(n, P, Q, A, B, T, e, z1, z2, w1, w2, vz, sn, NULL);
    if ((status = pedersen_read(&rp, verifier)) != MPCW_OK)
        goto done;
    mpz_from_be(n, ni.data, ni.len);
    mpz_from_be(e, f->e.data, f->e.len);
    mpz_from_twos(z1, f->z1.data, f->z1.len);
    mpz_from_twos(z2, f->z2.data, f->z2.len);
    mpz_from_twos(w1, f->w1.data, f->w1.len);
    mpz_from_twos(w2, f->w2.data, f->w2.len);
    mpz_from_twos(vz, f->v.data, f->v.len);
    mpz_ptr values[] = {P, Q, A, B, T};
    if (!mpz_odd_p(n) || mpz_sizeinbase(n, 2) <= 4 * sizes->ell)
        v |= MPCW_FAC_MODULUS;
    for (size_t i = 0; i < 5; i++)
        if (!unit_from_be_var(values[i], units[i], rp.n))
            v |= MPCW_FAC_UNIT;
    if (!in_interval(z1, wide, n) || !in_interval(z2, wide, n))
        v |= MPCW_FAC_RANGE;
    if (v != 0)
        goto done;
    if (!pedersen_holds_var(rp.n, rp.s, rp.t, A, P, e, z1, w1) || !pedersen_holds_var(rp.n, rp.s, rp.t, B, Q, e, z2, w2))
        v |= MPCW_FAC_FACTORS;
    mpz_powm(sn, rp.s, n, rp.n);
    if (!pedersen_holds_var(rp.n, Q, rp.t, T, sn, e, z1, vz))
        v |= MPCW_FAC_PRODUCT;
done:
    pedersen_clear(&rp);
    mpz_clears(n, P, Q, A, B, T, e, z1, z2, w1, w2, vz, sn, NULL);
    if (status != MPCW_OK)
        return status;
    *violations = v;
    return v ? MPCW_REJECTED : MPCW_OK;
}
