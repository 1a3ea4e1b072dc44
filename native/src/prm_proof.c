#include "mpcw/prm_proof.h"

#include <stdlib.h>
#include <string.h>

#include "bigint.h"
#include "ct.h"
#include "equations.h"
#include "limbs.h"
#include "paillier.h"
#include "ring_pedersen.h"
#include "units.h"

/* The comb of ring_pedersen.c. */
#define TEETH 6
#define SPACING 16
#define ROUNDS_MAX 1024

struct mpcw_prm_prover {
    uint64_t generation;
    int used;
    size_t m, limbs;
    mp_limb_t *secrets; /* phi(N^), lambda below it, then a_k; limbs each */
    mp_limb_t *public;  /* N^, s, t, then A_k; limbs each */
};

static mp_limb_t *mask(const mpcw_prm_prover *p, size_t k)
{
    return p->secrets + (2 + k) * p->limbs;
}

void mpcw_prm_prover_free(mpcw_prm_prover *p)
{
    if (!p)
        return;
    secret_free(p->secrets);
    free(p->public);
    free(p);
}

static mpcw_status prover_new(mpcw_prm_prover **out, const mpcw_ring_pedersen_secret *rp, size_t m)
{
    const size_t n = rp->limbs, half = rp->half;
    mpcw_prm_prover *p = calloc(1, sizeof *p);
    if (!p)
        return MPCW_E_MEMORY;
    *out = p;
    p->generation = secret_generation();
    p->m = m;
    p->limbs = n;
    p->secrets = secret_alloc((2 + m) * n * sizeof *p->secrets);
    p->public = calloc((3 + m) * n, sizeof *p->public);
    mp_limb_t *primes = secret_alloc(2 * half * sizeof *primes);
    mpcw_status status = MPCW_E_MEMORY;
    if (!p->secrets || !p->public || !primes)
        goto done;
    memcpy(p->public, rp->n, n * sizeof *p->public);
    memcpy(p->public + n, rp->s, n * sizeof *p->public);
    memcpy(p->public + 2 * n, rp->t, n * sizeof *p->public);
    /* P and Q are odd: P - 1 clears a bit */
    memcpy(primes, sides_prime(&rp->both, 0), half * sizeof *primes);
    memcpy(primes + half, sides_prime(&rp->both, 1), half * sizeof *primes);
    primes[0] ^= 1;
    primes[half] ^= 1;
    limbs_mul(p->secrets, primes, half, primes + half, half);
    memcpy(p->secrets + n, rp->lambda->data, n * sizeof *p->secrets);
    status = limbs_divide(NULL, p->secrets + n, n, p->secrets, n);
done:
    secret_free(primes);
    return status;
}

/* a_k uniform in [0, phi) */
static void draw_masks(mpcw_prm_prover *p, rng *r)
{
    const size_t n = p->limbs, spare = 64 * n - limbs_bits_var(p->public, n);
    uint64_t below;
    for (size_t k = 0; k < p->m; k++)
        do {
            rng_bytes(r, mask(p, k), 8 * n);
            mask(p, k)[n - 1] &= ~(mp_limb_t)0 >> spare;
            below = limbs_less(mask(p, k), p->secrets, n);
            ct_declassify(&below, sizeof below); /* tells of rejected candidates only */
        } while (!below);
}

/* t modulo one prime, with its comb. */
typedef struct side {
    lane l;
    comb *power;
    uint64_t *v;      /* a residue vector */
    mp_limb_t *order; /* the prime minus 1 */
    mp_limb_t *e;     /* [LANES_MAX][limbs of N^] */
} side;

static void side_close(side *s)
{
    comb_free(s->power);
    secret_free(s->v);
    lane_close(&s->l);
}

static mpcw_status side_open(side *s, const lane_mod *m, const mp_limb_t *t, size_t n)
{
    mpcw_status status = lane_open(&s->l, m);
    if (status != MPCW_OK)
        return status;
    s->v = secret_alloc((m->width + m->limbs + LANES_MAX * n) * sizeof *s->v);
    if (!s->v)
        return MPCW_E_MEMORY;
    s->order = s->v + m->width;
    s->e = s->order + m->limbs;
    memcpy(s->order, m->n_limbs, m->limbs * sizeof *s->order);
    s->order[0] ^= 1;
    if ((status = lane_enter_items(&s->l, s->v, t, n, n, 1, 1)) != MPCW_OK)
        return status;
    return comb_new(&s->power, &s->l, s->v, 1, 64 * m->limbs, TEETH, SPACING, true);
}

/* v = t^(a_k) modulo the prime for k = first .. first + count - 1 */
static mpcw_status side_power(side *s, const mpcw_prm_prover *p, size_t first, size_t count)
{
    const size_t n = p->limbs, half = s->l.m->limbs;
    comb_power power = {.base = s->power, .bits = 64 * half};
    for (size_t k = 0; k < LANES_MAX; k++) {
        mp_limb_t *e = s->e + k * n;
        memcpy(e, mask(p, first + (k < count ? k : 0)), n * sizeof *e);
        const mpcw_status status = limbs_divide(NULL, e, n, s->order, half);
        if (status != MPCW_OK)
            return status;
        power.e[k] = e;
    }
    return comb_product(&s->l, s->v, &power, 1);
}

/* Chinese remaindering modulo N^ is that of a Paillier key with the primes P and Q. */
static mpcw_status remaindering(mpcw_paillier_secret **out, const mpcw_ring_pedersen_secret *rp)
{
    mpcw_secret *p = NULL, *q = NULL;
    const size_t size = 8 * rp->half;
    mpcw_status status;
    if ((status = secret_new(&p, MPCW_KIND_RESIDUE, 1, size)) == MPCW_OK &&
        (status = secret_new(&q, MPCW_KIND_RESIDUE, 1, size)) == MPCW_OK) {
        memcpy(p->data, sides_prime(&rp->both, 0), size);
        memcpy(q->data, sides_prime(&rp->both, 1), size);
        status = mpcw_paillier_secret_new(out, p, q);
    }
    mpcw_secret_free(p);
    mpcw_secret_free(q);
    return status;
}

static mpcw_status commit(mpcw_prm_prover *p, const mpcw_ring_pedersen_secret *rp)
{
    const size_t n = p->limbs;
    mpcw_paillier_secret *key = NULL;
    side sp = {0}, sq = {0};
    mp_limb_t *x = secret_alloc(LANES_MAX * n * sizeof *x);
    mpcw_status status = x ? remaindering(&key, rp) : MPCW_E_MEMORY;
    if (status != MPCW_OK || (status = side_open(&sp, key->p, rp->t, n)) != MPCW_OK ||
        (status = side_open(&sq, key->q, rp->t, n)) != MPCW_OK)
        goto done;
    const size_t lanes = key->p->ops->lanes;
    for (size_t i = 0; i < p->m; i += lanes) {
        const size_t now = p->m - i < lanes ? p->m - i : lanes;
        if ((status = side_power(&sp, p, i, now)) != MPCW_OK || (status = side_power(&sq, p, i, now)) != MPCW_OK ||
            (status = paillier_crt(&sp.l, &sq.l, key, x, sp.v, sq.v, now)) != MPCW_OK)
            goto done;
        ct_declassify(x, now * n * sizeof *x); /* commitments are for everybody */
        memcpy(p->public + (3 + i) * n, x, now * n * sizeof *x);
    }
done:
    side_close(&sp);
    side_close(&sq);
    secret_free(x);
    mpcw_paillier_secret_free(key);
    return status;
}

mpcw_status mpcw_prm_commit(mpcw_prm_prover **prover, mpcw_buffer A, const mpcw_ring_pedersen_secret *rp, size_t m,
                            const mpcw_secret *seed)
{
    mpcw_prm_prover *p = NULL;
    rng r = {0};
    *prover = NULL;
    memset(A.data, 0, A.len);
    mpcw_status status = ring_pedersen_secret_expect(rp);
    if (status != MPCW_OK)
        return status;
    const size_t n = rp->limbs;
    if (m == 0 || m > ROUNDS_MAX || A.len != 8 * n * m)
        return MPCW_E_LENGTH;
    if ((status = rng_open(&r, seed, "prm")) != MPCW_OK || (status = prover_new(&p, rp, m)) != MPCW_OK)
        goto done;
    draw_masks(p, &r);
    if ((status = commit(p, rp)) != MPCW_OK)
        goto done;
    for (size_t k = 0; k < m; k++)
        limbs_to_be(A.data + 8 * n * k, 8 * n, p->public + (3 + k) * n, n);
    *prover = p;
    p = NULL;
done:
    mpcw_prm_prover_free(p);
    rng_close(&r);
    return status;
}

/* z = a_k + e lambda mod phi */
static mpcw_status respond(mp_limb_t *z, const mpcw_prm_prover *p, size_t k, bool e)
{
    const size_t n = p->limbs;
    memcpy(z, mask(p, k), n * sizeof *z);
    if (!e)
        return MPCW_OK;
    mp_limb_t *tmp = secret_alloc(n * sizeof *tmp);
    if (!tmp)
        return MPCW_E_MEMORY;
    mp_limb_t carry = mpn_add_n(z, z, p->secrets + n, (mp_size_t)n);
    limbs_reduce_once(&carry, z, p->secrets, tmp, n);
    secret_free(tmp);
    return MPCW_OK;
}

/* All rounds at once with random weights: t^(sum w_k z_k) = prod A_k^(w_k) s^(sum w_k e_k). It finds mistakes of the machine;
 * mpcw_prm_check_var is for what others send. */
static mpcw_status self_check(const mpcw_prm_prover *p, mpcw_bytes z, mpcw_bytes e)
{
    const size_t n = p->limbs, size = 8 * n, m = p->m;
    uint8_t *weights = malloc(8 * m), *bases = malloc(size * m), *n_bytes = malloc(size), *left = malloc(size);
    mpcw_modulus *modulus = NULL;
    mpz_t N, s, t, w, x, sum_z, sum_e;
    mpcw_status status = MPCW_E_MEMORY;
    mpz_inits(N, s, t, w, x, sum_z, sum_e, NULL);
    if (!weights || !bases || !n_bytes || !left || (status = rng_system(weights, 8 * m)) != MPCW_OK)
        goto done;
    limbs_to_be(n_bytes, size, p->public, n);
    for (size_t k = 0; k < m; k++) {
        weights[8 * k] &= 0x7f; /* not negative */
        limbs_to_be(bases + size * k, size, p->public + (3 + k) * n, n);
        mpz_from_be(w, weights + 8 * k, 8);
        mpz_from_be(x, z.data + size * k, size);
        mpz_addmul(sum_z, w, x);
        mpz_addmul_ui(sum_e, w, e.data[k]);
    }
    if ((status = mpcw_modulus_new(&modulus, n_bytes, size)) != MPCW_OK ||
        (status = mpcw_modulus_multi_pow_var(left, size, modulus, 0, (mpcw_bytes){bases, size * m},
                                             (mpcw_bytes){weights, 8 * m})) != MPCW_OK)
        goto done;
    mpz_from_limbs(N, p->public, n);
    mpz_from_limbs(s, p->public + n, n);
    mpz_from_limbs(t, p->public + 2 * n, n);
    mpz_from_be(x, left, size);
    mpz_powm(s, s, sum_e, N);
    mpz_mul(x, x, s);
    mpz_mod(x, x, N);
    mpz_powm(t, t, sum_z, N);
    status = mpz_cmp(x, t) == 0 ? MPCW_OK : MPCW_E_FAULT;
done:
    mpz_clears(N, s, t, w, x, sum_z, sum_e, NULL);
    mpcw_modulus_free(modulus);
    free(weights);
    free(bases);
    free(n_bytes);
    free(left);
    return status;
}

static mpcw_status use_up(mpcw_prm_prover *p)
{
    if (!p)
        return MPCW_E_KIND;
    if (p->generation != secret_generation())
        return MPCW_E_FORKED;
    return __atomic_exchange_n(&p->used, 1, __ATOMIC_SEQ_CST) ? MPCW_E_USED : MPCW_OK;
}

static mpcw_status expect_bits(mpcw_bytes e, size_t m)
{
    if (e.len != m)
        return MPCW_E_LENGTH;
    for (size_t k = 0; k < m; k++)
        if (e.data[k] > 1)
            return MPCW_E_RANGE;
    return MPCW_OK;
}

mpcw_status mpcw_prm_respond(mpcw_buffer z, mpcw_prm_prover *p, mpcw_bytes e)
{
    memset(z.data, 0, z.len);
    mpcw_status status = use_up(p);
    if (status != MPCW_OK || (status = expect_bits(e, p->m)) != MPCW_OK)
        return status;
    const size_t n = p->limbs;
    if (z.len != 8 * n * p->m)
        return MPCW_E_LENGTH;
    mp_limb_t *x = secret_alloc(n * sizeof *x);
    if (!x)
        return MPCW_E_MEMORY;
    for (size_t k = 0; k < p->m && status == MPCW_OK; k++) {
        status = respond(x, p, k, e.data[k]);
        ct_declassify(x, n * sizeof *x); /* for the verifier */
        limbs_to_be(z.data + 8 * n * k, 8 * n, x, n);
    }
    if (status == MPCW_OK)
        status = self_check(p, (mpcw_bytes){z.data, z.len}, e);
    if (status != MPCW_OK)
        memset(z.data, 0, z.len);
    secret_free(x);
    return status;
}

/* ---- the verifier ---- */

/* N^, s and t; violations when they are unfit. */
static uint32_t read_parameters(mpz_t n, const mpcw_pedersen_parameters *rp)
{
    mpz_t s, t, top;
    uint32_t violations = 0;
    mpz_inits(s, t, top, NULL);
    mpz_from_be(n, rp->n.data, rp->n.len);
    if (!mpz_odd_p(n) || mpz_sizeinbase(n, 2) <= 8 * rp->n.len - 64 || mpz_cmp_ui(n, 3) < 0) {
        violations = MPCW_PRM_MODULUS;
    } else {
        mpz_sub_ui(top, n, 1);
        if (!unit_from_be_var(s, rp->s, n) || !unit_from_be_var(t, rp->t, n) || mpz_cmp_ui(s, 1) == 0 ||
            mpz_cmp_ui(t, 1) == 0 || mpz_cmp(s, top) == 0 || mpz_cmp(t, top) == 0 || mpz_cmp(s, t) == 0)
            violations = MPCW_PRM_PARAMETERS;
    }
    mpz_clears(s, t, top, NULL);
    return violations;
}

static uint32_t check_values(const mpz_t n, const mp_limb_t *n_limbs, const mpcw_prm_proof *f, size_t m, size_t size,
                             uint8_t *bad)
{
    uint32_t violations = 0;
    mpz_t z;
    mpz_init(z);
    if (units_check_var(bad, m, f->A.data, f->A.len, n_limbs, size / 8, false) != MPCW_OK)
        violations |= MPCW_PRM_UNIT;
    for (size_t k = 0; k < m; k++) {
        mpz_from_be(z, f->z.data + size * k, size);
        if (mpz_cmp(z, n) >= 0)
            violations |= MPCW_PRM_RANGE;
    }
    mpz_clear(z);
    return violations;
}

/* t^(z_k) = A_k s^(e_k) for every k */
static mpcw_status check_equations(uint32_t *violations, const mp_limb_t *n_limbs, const mpcw_pedersen_parameters *rp,
                                   const mpcw_prm_proof *f, size_t m)
{
    const size_t size = rp->n.len, n = size / 8;
    const mp_limb_t *same[LANES_MAX] = {n_limbs, n_limbs, n_limbs, n_limbs};
    lane_mod *mod = NULL;
    lane l = {0};
    comb *power = NULL;
    uint64_t *v = NULL;
    mpcw_status status;
    if ((status = lane_mod_new(&mod, lane_many(8 * size), same, n)) != MPCW_OK || (status = lane_open(&l, mod)) != MPCW_OK)
        goto done;
    const size_t width = mod->width, lanes = mod->ops->lanes;
    v = secret_alloc((5 * width + 3 * LANES_MAX * n) * sizeof *v);
    if (!v) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    uint64_t *left = v, *right = left + width, *factor = right + width, *choice = factor + width; /* choice: 1, s */
    mp_limb_t *x = choice + 2 * width, *y = x + LANES_MAX * n, *e = y + LANES_MAX * n;
    limbs_from_be(x, n, rp->t.data, size);
    if ((status = lane_enter_items(&l, left, x, n, n, 1, 1)) != MPCW_OK ||
        (status = comb_new(&power, &l, left, 1, 64 * n, TEETH, SPACING, false)) != MPCW_OK)
        goto done;
    limbs_from_be(x, n, rp->s.data, size);
    memcpy(choice, mod->one, width * sizeof *choice);
    if ((status = lane_enter_items(&l, choice + width, x, n, n, 1, 1)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < m; i += lanes) {
        const size_t now = m - i < lanes ? m - i : lanes;
        comb_power t = {.base = power, .bits = 64 * n};
        uint32_t bit[LANES_MAX];
        for (size_t k = 0; k < LANES_MAX; k++) {
            const size_t item = i + (k < now ? k : 0);
            limbs_from_be(e + k * n, n, f->z.data + item * size, size);
            limbs_from_be(x + k * n, n, f->A.data + item * size, size);
            t.e[k] = e + k * n;
            bit[k] = f->e.data[item];
        }
        if ((status = comb_product_var(&l, left, &t, 1)) != MPCW_OK ||
            (status = lane_enter_items(&l, right, x, n, n, now, 1)) != MPCW_OK)
            goto done;
        mod->ops->select_var(factor, choice, 2, width, bit);
        mod->ops->mul(&l, right, right, factor);
        if ((status = lane_leave(&l, x, left)) != MPCW_OK || (status = lane_leave(&l, y, right)) != MPCW_OK)
            goto done;
        if (mpn_cmp(x, y, (mp_size_t)(now * n)) != 0)
            *violations |= MPCW_PRM_EQUATION;
    }
done:
    comb_free(power);
    secret_free(v);
    lane_close(&l);
    lane_mod_free(mod);
    return status;
}

mpcw_status mpcw_prm_check_var(uint32_t *violations, const mpcw_pedersen_parameters *rp, const mpcw_prm_proof *f, size_t m)
{
    const size_t size = rp->n.len;
    mp_limb_t n_limbs[LANE_LIMBS_MAX];
    uint8_t bad[ROUNDS_MAX];
    uint32_t v = 0;
    mpz_t n;
    *violations = 0;
    if (size == 0 || size % 8 != 0 || size > sizeof n_limbs || rp->s.len != size || rp->t.len != size || m == 0 ||
        m > ROUNDS_MAX || f->A.len != size * m || f->z.len != size * m)
        return MPCW_E_LENGTH;
    mpcw_status status = expect_bits(f->e, m);
    if (status != MPCW_OK)
        return status;
    mpz_init(n);
    limbs_from_be(n_limbs, size / 8, rp->n.data, size);
    v = read_parameters(n, rp);
    if (v == 0)
        v = check_values(n, n_limbs, f, m, size, bad);
    if (v == 0)
        status = check_equations(&v, n_limbs, rp, f, m);
    mpz_clear(n);
    if (status != MPCW_OK)
        return status;
    *violations = v;
    return v ? MPCW_REJECTED : MPCW_OK;
}
