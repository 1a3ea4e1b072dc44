#include "ring_pedersen.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "integer.h"
#include "limbs.h"
#include "units.h"

/* Six teeth and sixteen squarings: the fastest comb whose tables are scanned whole (performance.md 1.5). */
#define TEETH 6
#define SPACING 16
#define EXPONENT_BITS_MAX 8192

mpcw_status ring_pedersen_expect(const mpcw_ring_pedersen *rp)
{
    if (!rp)
        return MPCW_E_KIND;
    return rp->generation == secret_generation() ? MPCW_OK : MPCW_E_FORKED;
}

mpcw_status ring_pedersen_secret_expect(const mpcw_ring_pedersen_secret *rp)
{
    if (!rp)
        return MPCW_E_KIND;
    return rp->generation == secret_generation() ? MPCW_OK : MPCW_E_FORKED;
}

static void signed_base_free(signed_base *b)
{
    comb_free(b->power);
    lane_table_free(b->offset, false);
}

static mpcw_status signed_base_new(signed_base *b, const lane *l, const mp_limb_t *base, const mp_limb_t *inverse,
                                   size_t bits)
{
    const lane_mod *m = l->m;
    const size_t n = m->limbs, count = bits / 64;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *v = lane_vectors(l, 1);
    b->bits = bits;
    b->offset = lane_table_alloc(count * m->ops->entry(m->digits), false);
    if (!v || !b->offset || (status = lane_enter_items(l, v, base, n, n, 1, 1)) != MPCW_OK ||
        (status = comb_new(&b->power, l, v, 1, bits, TEETH, SPACING, false)) != MPCW_OK ||
        (status = lane_enter_items(l, v, inverse, n, n, 1, 1)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < bits; i++) {
        if (i > 0)
            m->ops->sqr(l, v, v);
        if (i % 64 == 63)
            m->ops->entry_pack(m, b->offset, count, i / 64, v, 0, 1);
    }
done:
    secret_free(v);
    return status;
}

/* MPCW_E_RANGE unless 1 < x < N - 1. */
static mpcw_status expect_proper(mp_limb_t *x, mpcw_bytes bytes, const mp_limb_t *n, size_t limbs)
{
    mp_limb_t top[LANE_LIMBS_MAX];
    limbs_from_be(x, limbs, bytes.data, bytes.len);
    mpn_sub_1(top, n, (mp_size_t)limbs, 1);
    const bool small = x[0] <= 1 && (limbs == 1 || mpn_zero_p(x + 1, (mp_size_t)limbs - 1));
    if (small || mpn_cmp(x, top, (mp_size_t)limbs) >= 0)
        return MPCW_E_RANGE;
    return MPCW_OK;
}

/* N^, s, t checked and the inverses of s and t. */
static mpcw_status load_parameters(mpcw_ring_pedersen *rp, mp_limb_t *inverses, mpcw_bytes n, mpcw_bytes s,
                                   mpcw_bytes t)
{
    const mp_limb_t *same[LANES_MAX] = {rp->n, rp->n, rp->n, rp->n};
    const size_t limbs = rp->limbs;
    mpcw_status status;
    limbs_from_be(rp->n, limbs, n.data, n.len);
    if ((status = lane_mod_new(&rp->many, lane_many(64 * limbs), same, limbs)) != MPCW_OK ||
        (status = expect_proper(rp->s_limbs, s, rp->n, limbs)) != MPCW_OK ||
        (status = expect_proper(rp->t_limbs, t, rp->n, limbs)) != MPCW_OK)
        return status;
    if (mpn_cmp(rp->s_limbs, rp->t_limbs, (mp_size_t)limbs) == 0)
        return MPCW_E_RANGE;
    if ((status = units_invert_var(inverses, s.data, s.len, 1, rp->n, limbs, false)) != MPCW_OK)
        return status;
    return units_invert_var(inverses + limbs, t.data, t.len, 1, rp->n, limbs, false);
}

mpcw_status mpcw_ring_pedersen_new(mpcw_ring_pedersen **out, mpcw_bytes n, mpcw_bytes s, mpcw_bytes t, size_t x_bits,
                                   size_t y_bits)
{
    mp_limb_t inverses[2 * LANE_LIMBS_MAX];
    lane l = {0};
    mpcw_status status = MPCW_E_MEMORY;
    *out = NULL;
    if (n.len == 0 || n.len % 8 != 0 || n.len > 8 * LANE_LIMBS_MAX || s.len != n.len || t.len != n.len ||
        x_bits == 0 || x_bits % 64 != 0 || x_bits > EXPONENT_BITS_MAX || y_bits == 0 || y_bits % 64 != 0 ||
        y_bits > EXPONENT_BITS_MAX)
        return MPCW_E_LENGTH;
    mpcw_ring_pedersen *rp = calloc(1, sizeof *rp);
    if (!rp)
        return status;
    rp->generation = secret_generation();
    rp->limbs = n.len / 8;
    if ((status = load_parameters(rp, inverses, n, s, t)) != MPCW_OK ||
        (status = lane_open(&l, rp->many)) != MPCW_OK ||
        (status = signed_base_new(&rp->s, &l, rp->s_limbs, inverses, x_bits)) != MPCW_OK ||
        (status = signed_base_new(&rp->t, &l, rp->t_limbs, inverses + rp->limbs, y_bits)) != MPCW_OK)
        goto done;
    *out = rp;
    rp = NULL;
done:
    lane_close(&l);
    mpcw_ring_pedersen_free(rp);
    return status;
}

void mpcw_ring_pedersen_free(mpcw_ring_pedersen *rp)
{
    if (!rp)
        return;
    signed_base_free(&rp->s);
    signed_base_free(&rp->t);
    lane_mod_free(rp->many);
    free(rp);
}

/* An item of a column. */
typedef struct place {
    const pedersen_column *column;
    size_t item;
} place;

/* x + 2^(bits - 1) for the x or y of a group: two's complement with the sign bit flipped, as wide as the widest. */
static void shifted(comb_power *power, mp_limb_t *e, size_t limbs, const mpcw_secret *const x[LANES_MAX], const place *places)
{
    power->bits = 64 * limbs;
    for (size_t k = 0; k < LANES_MAX; k++) {
        mp_limb_t *to = e + k * limbs;
        limbs_extend(to, limbs, int_item(x[k], places[k].item), x[k]->size / 8);
        to[limbs - 1] ^= (mp_limb_t)1 << 63;
        power->e[k] = to;
    }
}

static void multiply_offset(const lane *l, uint64_t *r, const signed_base *b, size_t bits, uint64_t *tmp)
{
    const uint32_t width = (uint32_t)(bits / 64 - 1), index[LANES_MAX] = {width, width, width, width};
    l->m->ops->entry_select_var(l, tmp, b->offset, b->bits / 64, 1, index);
    l->m->ops->mul(l, r, r, tmp);
}

/* The commitments of the count items of a group; lanes beyond repeat the first. */
static mpcw_status commit_group(const lane *l, const mpcw_ring_pedersen *rp, const place *items, size_t count)
{
    const size_t n = rp->limbs, width = rp->many->width;
    const mpcw_secret *x[LANES_MAX], *y[LANES_MAX];
    size_t x_limbs = 0, y_limbs = 0;
    place places[LANES_MAX];
    for (size_t k = 0; k < LANES_MAX; k++) {
        places[k] = items[k < count ? k : 0];
        x[k] = places[k].column->x;
        y[k] = places[k].column->y;
        x_limbs = x[k]->size / 8 > x_limbs ? x[k]->size / 8 : x_limbs;
        y_limbs = y[k]->size / 8 > y_limbs ? y[k]->size / 8 : y_limbs;
    }
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *v = secret_alloc((2 * width + LANES_MAX * (x_limbs + y_limbs + n)) * sizeof *v);
    if (!v)
        return status;
    uint64_t *tmp = v + width;
    mp_limb_t *ex = tmp + width, *ey = ex + LANES_MAX * x_limbs, *c = ey + LANES_MAX * y_limbs;
    comb_power powers[2] = {{.base = rp->s.power}, {.base = rp->t.power}};
    shifted(&powers[0], ex, x_limbs, x, places);
    shifted(&powers[1], ey, y_limbs, y, places);
    if ((status = comb_product(l, v, powers, 2)) != MPCW_OK)
        goto done;
    multiply_offset(l, v, &rp->s, powers[0].bits, tmp);
    multiply_offset(l, v, &rp->t, powers[1].bits, tmp);
    if ((status = lane_leave(l, c, v)) != MPCW_OK)
        goto done;
    /* commitments are for everybody */
    ct_declassify(c, count * n * sizeof *c);
    for (size_t k = 0; k < count; k++)
        limbs_to_be(places[k].column->out.data + places[k].item * 8 * n, 8 * n, c + k * n, n);
done:
    secret_free(v);
    return status;
}

static mpcw_status expect_column(const mpcw_ring_pedersen *rp, const pedersen_column *column)
{
    mpcw_status status;
    if ((status = secret_expect(column->x, MPCW_KIND_INT, 0, 0)) != MPCW_OK ||
        (status = secret_expect(column->y, MPCW_KIND_INT, column->x->count, 0)) != MPCW_OK)
        return status;
    if (column->out.len != column->x->count * 8 * rp->limbs || 8 * column->x->size > rp->s.bits ||
        8 * column->y->size > rp->t.bits)
        return MPCW_E_LENGTH;
    return MPCW_OK;
}

/* Commit to the items of a column from first on, as many as fill groups; *first: the item behind them. */
static mpcw_status commit_full_groups(const lane *l, const mpcw_ring_pedersen *rp, const pedersen_column *column,
                                      size_t *first)
{
    const size_t lanes = l->m->ops->lanes;
    mpcw_status status = MPCW_OK;
    for (*first = 0; *first + lanes <= column->x->count && status == MPCW_OK; *first += lanes) {
        place items[LANES_MAX];
        for (size_t k = 0; k < lanes; k++)
            items[k] = (place){column, *first + k};
        status = commit_group(l, rp, items, lanes);
    }
    return status;
}

mpcw_status ring_pedersen_commit(const mpcw_ring_pedersen *rp, const pedersen_column *columns, size_t count)
{
    lane l = {0};
    mpcw_status status;
    for (size_t i = 0; i < count; i++)
        memset(columns[i].out.data, 0, columns[i].out.len);
    if ((status = ring_pedersen_expect(rp)) != MPCW_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if ((status = expect_column(rp, columns + i)) != MPCW_OK)
            return status;
    if ((status = lane_open(&l, rp->many)) != MPCW_OK)
        goto done;
    /* what does not fill a group shares one with what is left of the next column, if it has room for all of that */
    place rest[LANES_MAX] = {{NULL, 0}};
    size_t held = 0, first = 0;
    for (size_t i = 0; i < count; i++) {
        if ((status = commit_full_groups(&l, rp, columns + i, &first)) != MPCW_OK)
            goto done;
        const size_t left = columns[i].x->count - first;
        if (held + left > rp->many->ops->lanes) {
            if ((status = commit_group(&l, rp, rest, held)) != MPCW_OK)
                goto done;
            held = 0;
        }
        for (size_t k = 0; k < left; k++)
            rest[held++] = (place){columns + i, first + k};
    }
    if (held > 0)
        status = commit_group(&l, rp, rest, held);
done:
    for (size_t i = 0; i < count && status != MPCW_OK; i++)
        memset(columns[i].out.data, 0, columns[i].out.len);
    lane_close(&l);
    return status;
}

mpcw_status mpcw_ring_pedersen_commit(uint8_t *out, size_t out_len, const mpcw_ring_pedersen *rp, const mpcw_secret *x,
                                      const mpcw_secret *y)
{
    const pedersen_column column = {x, y, {out, out_len}};
    return ring_pedersen_commit(rp, &column, 1);
}

static mpcw_status expect_primes(const mpcw_secret *p, const mpcw_secret *q)
{
    mpcw_status status = secret_expect(p, MPCW_KIND_RESIDUE, 1, 0);
    if (status != MPCW_OK)
        return status;
    if (p->size > 4 * LANE_LIMBS_MAX)
        return MPCW_E_LENGTH;
    if ((status = secret_expect(q, MPCW_KIND_RESIDUE, 1, p->size)) != MPCW_OK)
        return status;
    /* N^ = P^2 has another group order than the one that is computed with; a square shows in the public N^ */
    uint64_t equal = limbs_equal(int_item(p, 0), int_item(q, 0), p->size / 8);
    ct_declassify(&equal, sizeof equal);
    return equal ? MPCW_E_MODULUS : MPCW_OK;
}

/* N^ = P Q and phi / 4 = (P - 1) / 2 * (Q - 1) / 2; tmp: as many limbs. */
static void modulus_and_order(mp_limb_t *modulus, mp_limb_t *order, const mpcw_secret *p, const mpcw_secret *q,
                              mp_limb_t *tmp)
{
    const size_t half = p->size / 8;
    mpn_rshift(tmp, int_item(p, 0), (mp_size_t)half, 1);
    mpn_rshift(tmp + half, int_item(q, 0), (mp_size_t)half, 1);
    limbs_mul(order, tmp, half, tmp + half, half);
    limbs_mul(modulus, int_item(p, 0), half, int_item(q, 0), half);
    ct_declassify(modulus, 2 * half * sizeof *modulus); /* N^ is public */
}

/* x = x^2 mod N^ */
static mpcw_status square(mp_limb_t *x, const lane *l)
{
    const size_t n = l->m->limbs;
    uint64_t *v = lane_vectors(l, 1);
    mpcw_status status = MPCW_E_MEMORY;
    if (v && (status = lane_enter_items(l, v, x, n, n, 1, 1)) == MPCW_OK) {
        l->m->ops->sqr(l, v, v);
        status = lane_leave(l, x, v);
    }
    secret_free(v);
    return status;
}

mpcw_status mpcw_ring_pedersen_generate(mpcw_secret **lambda, uint8_t *t, size_t t_len, const mpcw_secret *p,
                                        const mpcw_secret *q, const mpcw_secret *seed)
{
    mpcw_status status;
    rng r = {0};
    lane l = {0};
    lane_mod *m = NULL;
    mpcw_secret *drawn = NULL;
    *lambda = NULL;
    memset(t, 0, t_len);
    if ((status = expect_primes(p, q)) != MPCW_OK)
        return status;
    const size_t n = p->size / 4;
    if (t_len != 8 * n)
        return MPCW_E_LENGTH;
    mp_limb_t *x = secret_alloc(3 * n * sizeof *x);
    if (!x)
        return MPCW_E_MEMORY;
    mp_limb_t *modulus = x + n, *order = modulus + n;
    const mp_limb_t *same[LANES_MAX] = {modulus, modulus, modulus, modulus};
    modulus_and_order(modulus, order, p, q, x);
    if ((status = rng_open(&r, seed, "pedersen")) != MPCW_OK ||
        (status = lane_mod_new(&m, lane_single(64 * n), same, n)) != MPCW_OK || (status = lane_open(&l, m)) != MPCW_OK ||
        (status = secret_new(&drawn, MPCW_KIND_RESIDUE, 1, 8 * n)) != MPCW_OK)
        goto done;
    const size_t bits = limbs_bits_var(modulus, n);
    /* phi / 4 is below N^ / 4 */
    residue_random((mp_limb_t *)(void *)drawn->data, order, n, bits - 2, 0, &r);
    residue_random(x, modulus, n, bits, 1, &r);
    if ((status = square(x, &l)) != MPCW_OK)
        goto done;
    ct_declassify(x, n * sizeof *x); /* t is public */
    limbs_to_be(t, t_len, x, n);
    *lambda = drawn;
    drawn = NULL;
done:
    mpcw_secret_free(drawn);
    secret_free(x);
    lane_close(&l);
    lane_mod_free(m);
    rng_close(&r);
    return status;
}

/* s = t^lambda and t_high mod N^ */
static mpcw_status derive_powers(mpcw_ring_pedersen_secret *rp)
{
    const size_t n = rp->limbs;
    const mp_limb_t *same[LANES_MAX] = {rp->n, rp->n, rp->n, rp->n};
    const mp_limb_t *lambda = int_item(rp->lambda, 0), *each[LANES_MAX] = {lambda, lambda, lambda, lambda};
    lane_mod *m = NULL;
    lane l = {0};
    uint64_t *v = NULL;
    mpcw_status status;
    if ((status = lane_mod_new(&m, lane_single(64 * n), same, n)) != MPCW_OK || (status = lane_open(&l, m)) != MPCW_OK)
        goto done;
    v = lane_vectors(&l, 2);
    if (!v) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    if ((status = lane_enter_items(&l, v, rp->t, n, n, 1, 1)) != MPCW_OK ||
        (status = lane_pow(&l, v + m->width, v, 1, each, 64 * n)) != MPCW_OK ||
        (status = lane_leave(&l, rp->s, v + m->width)) != MPCW_OK)
        goto done;
    ct_declassify(rp->s, n * sizeof *rp->s); /* s is public */
    for (size_t i = 0; i < 64 * rp->split; i++)
        m->ops->sqr(&l, v, v);
    status = lane_leave(&l, rp->t_high, v);
done:
    secret_free(v);
    lane_close(&l);
    lane_mod_free(m);
    return status;
}

mpcw_status mpcw_ring_pedersen_secret_new(mpcw_ring_pedersen_secret **out, const mpcw_secret *p, const mpcw_secret *q,
                                          const mpcw_secret *lambda, mpcw_bytes t)
{
    mpcw_status status;
    *out = NULL;
    if ((status = expect_primes(p, q)) != MPCW_OK ||
        (status = secret_expect(lambda, MPCW_KIND_RESIDUE, 1, 2 * p->size)) != MPCW_OK)
        return status;
    if (t.len != 2 * p->size)
        return MPCW_E_LENGTH;
    mpcw_ring_pedersen_secret *rp = calloc(1, sizeof *rp);
    if (!rp)
        return MPCW_E_MEMORY;
    const mp_limb_t *pl = int_item(p, 0), *ql = int_item(q, 0);
    rp->generation = secret_generation();
    rp->half = p->size / 8;
    rp->limbs = 2 * rp->half;
    rp->split = (rp->half + 1) / 2;
    limbs_mul(rp->n, pl, rp->half, ql, rp->half);
    ct_declassify(rp->n, sizeof rp->n); /* N^ is public */
    if ((status = sides_new(&rp->both, pl, ql, rp->half)) != MPCW_OK ||
        (status = mpcw_secret_slice(&rp->lambda, lambda, 0, 1)) != MPCW_OK ||
        (status = expect_proper(rp->t, t, rp->n, rp->limbs)) != MPCW_OK ||
        (status = units_expect_var(t.data, t.len, 1, rp->n, rp->limbs, false)) != MPCW_OK ||
        (status = derive_powers(rp)) != MPCW_OK) {
        mpcw_ring_pedersen_secret_free(rp);
        return status;
    }
    *out = rp;
    return MPCW_OK;
}

void mpcw_ring_pedersen_secret_free(mpcw_ring_pedersen_secret *rp)
{
    if (!rp)
        return;
    sides_free(&rp->both);
    mpcw_secret_free(rp->lambda);
    free(rp);
}

mpcw_status mpcw_ring_pedersen_public(mpcw_buffer n, mpcw_buffer s, mpcw_buffer t, const mpcw_ring_pedersen_secret *rp)
{
    const mpcw_buffer outs[3] = {n, s, t};
    for (size_t i = 0; i < 3; i++)
        memset(outs[i].data, 0, outs[i].len);
    const mpcw_status status = ring_pedersen_secret_expect(rp);
    if (status != MPCW_OK)
        return status;
    const mp_limb_t *values[3] = {rp->n, rp->s, rp->t};
    for (size_t i = 0; i < 3; i++)
        if (outs[i].len != 8 * rp->limbs)
            return MPCW_E_LENGTH;
    for (size_t i = 0; i < 3; i++)
        limbs_to_be(outs[i].data, outs[i].len, values[i], rp->limbs);
    return MPCW_OK;
}

/* |x| of a public integer in limbs limbs. */
static void magnitude(mp_limb_t *r, size_t limbs, const mpz_t x)
{
    memset(r, 0, limbs * sizeof *r);
    mpz_export(r, NULL, -1, sizeof *r, 0, 0, x);
}

mpcw_status ring_pedersen_exponent(mp_limb_t *out, const mpcw_ring_pedersen_secret *rp, size_t side, const mpz_t a,
                                   const mpz_t b)
{
    const size_t n = rp->limbs, half = rp->half;
    const size_t a_limbs = mpz_size(a) + 1, b_limbs = mpz_size(b) + 1, size = a_limbs + b_limbs + n + 1;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *x = secret_alloc((2 * size + b_limbs + half) * sizeof *x);
    if (!x)
        return status;
    mp_limb_t *y = x + size, *magnitude_b = y + size, *order = magnitude_b + b_limbs;
    memcpy(order, sides_prime(&rp->both, side), half * sizeof *order);
    order[0] -= 1;
    magnitude(magnitude_b, b_limbs, b);
    limbs_mul(x, int_item(rp->lambda, 0), n, magnitude_b, b_limbs);
    magnitude(y, size, a);
    if ((status = limbs_divide(NULL, x, size, order, half)) != MPCW_OK ||
        (status = limbs_divide(NULL, y, size, order, half)) != MPCW_OK)
        goto done;
    /* signs are public; a zero stays below the order after the last subtraction */
    if (mpz_sgn(b) < 0)
        mpn_sub_n(x, order, x, (mp_size_t)half);
    if (mpz_sgn(a) < 0)
        mpn_sub_n(y, order, y, (mp_size_t)half);
    mp_limb_t carry = mpn_add_n(x, x, y, (mp_size_t)half);
    limbs_reduce_once(&carry, x, order, y, half);
    limbs_reduce_once(&carry, x, order, y, half);
    memset(out, 0, n * sizeof *out);
    memcpy(out, x, half * sizeof *out);
done:
    secret_free(x);
    return status;
}
