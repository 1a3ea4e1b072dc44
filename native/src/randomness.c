#include "randomness.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "integer.h"
#include "limbs.h"
#include "lane_multi.h"
#include "secret.h"
#include "units.h"

#define FORMAT_WEIGHT_LIMBS 2

mpcw_status randomness_expect(const mpcw_randomness *table, const mpcw_paillier *key, bool own)
{
    if (!table)
        return MPCW_OK;
    if (table->generation != secret_generation())
        return MPCW_E_FORKED;
    if (table->own != own || table->limbs != key->limbs || memcmp(table->n, key->n, 8 * key->limbs) != 0)
        return MPCW_E_KIND;
    return MPCW_OK;
}

/* Uniform residues but 0 of all lanes. */
static void draw_residues(const lane *l, mp_limb_t *x, rng *r)
{
    const lane_mod *m = l->m;
    const size_t n = m->limbs;
    for (size_t k = 0; k < m->ops->lanes; k++) {
        const mp_limb_t *modulus = m->n_limbs + k * n;
        size_t bits = 64 * n - (size_t)__builtin_clzll(modulus[n - 1]);
        /* the length of a modulus is public */
        ct_declassify(&bits, sizeof bits);
        residue_random(x + k * n, modulus, n, bits, 1, r);
    }
}

/* rho_n = x^N modulo N^2, or p^2 as (x^q mod p)^p, which depends on x mod p only. */
static mpcw_status nth_power(const lane *l, uint64_t *rho_n, const mp_limb_t *x, size_t side,
                             const mpcw_paillier_secret *own)
{
    const lane_mod *m = l->m;
    const size_t n = m->limbs, lanes = m->ops->lanes;
    mpcw_status status;
    if (!own) {
        const mp_limb_t *modulus[LANES_MAX] = {m->n_limbs, m->n_limbs, m->n_limbs, m->n_limbs};
        if ((status = lane_enter_items(l, rho_n, x, n, n, lanes, 2)) != MPCW_OK)
            return status;
        return lane_pow_var(l, rho_n, rho_n, 2, modulus, 64 * n);
    }
    const mp_limb_t *other = (side == 0 ? own->q : own->p)->n_limbs;
    const mp_limb_t *others[LANES_MAX] = {other, other, other, other};
    if ((status = lane_enter_items(l, rho_n, x, n, n, lanes, 1)) != MPCW_OK)
        return status;
    return paillier_nth_power(l, rho_n, rho_n, others);
}

static mpcw_status draw_direct(const lane *l, uint64_t *rho, uint64_t *rho_n, size_t side,
                               const mpcw_paillier_secret *own, rng *r)
{
    const size_t n = l->m->limbs, lanes = l->m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *x = secret_alloc(lanes * n * sizeof *x);
    if (!x)
        return status;
    draw_residues(l, x, r);
    if ((status = lane_enter_items(l, rho, x, n, n, lanes, 1)) == MPCW_OK)
        status = nth_power(l, rho_n, x, side, own);
    secret_free(x);
    return status;
}

/* r = for lane k an entry of the group step, or with copies, lanes that share an item, of their part of the groups from there. */
static void select_entries(const lane *l, uint64_t *r, const subset_table *t, size_t step, size_t copies,
                           uint32_t index[RANDOMNESS_GROUPS][LANES_MAX])
{
    uint32_t chosen[LANES_MAX];
    size_t group[LANES_MAX];
    for (size_t k = 0; k < LANES_MAX; k++) {
        group[k] = step + k % copies * RANDOMNESS_GROUPS / copies;
        chosen[k] = index[group[k]][k / copies];
    }
    subset_table_select(t, l, r, group, chosen);
    ct_cleanse(chosen, sizeof chosen);
}

mpcw_status randomness_draw(const lane *l, uint64_t *rho, uint64_t *rho_n, const unit_source *from, size_t count, rng *r)
{
    const mpcw_randomness *table = from->table;
    if (!table)
        return draw_direct(l, rho, rho_n, from->side, from->own, r);
    const lane_mod *m = l->m;
    const size_t width = m->width, lanes = m->ops->lanes;
    /* one or two items share the lanes, each of which then works through half or a quarter of the groups */
    const size_t copies = 4 * count <= lanes ? 4 : 2 * count <= lanes ? 2 : 1;
    uint32_t index[RANDOMNESS_GROUPS][LANES_MAX];
    uint64_t *entry = secret_alloc(4 * width * sizeof *entry);
    if (!entry)
        return MPCW_E_MEMORY;
    uint64_t *tmp = entry + 2 * width;
    memcpy(rho, m->one, width * sizeof *rho);
    memcpy(rho_n, m->done, 2 * width * sizeof *rho_n);
    for (size_t bit = 0; bit < table->exponent_bits[from->side]; bit++) {
        if (bit > 0) {
            m->ops->sqr(l, rho, rho);
            m->ops->dsqr(l, rho_n, rho_n);
        }
        for (size_t group = 0; group < RANDOMNESS_GROUPS; group++) {
            uint8_t bytes[LANES_MAX];
            rng_bytes(r, bytes, sizeof bytes);
            for (size_t k = 0; k < LANES_MAX; k++)
                index[group][k] = bytes[k] % (1U << RANDOMNESS_TEETH);
            ct_cleanse(bytes, sizeof bytes);
        }
        for (size_t step = 0; step < RANDOMNESS_GROUPS / copies; step++) {
            select_entries(l, entry, table->r[from->side], step, copies, index);
            m->ops->mul(l, rho, rho, entry);
            select_entries(l, entry, table->r_n[from->side], step, copies, index);
            m->ops->dmul(l, rho_n, rho_n, entry);
        }
    }
    if (copies > 1) {
        lane_multiply_copies(l, rho, 1, copies, count, tmp);
        lane_multiply_copies(l, rho_n, 2, copies, count, tmp);
    }
    ct_cleanse(index, sizeof index);
    secret_free(entry);
    return MPCW_OK;
}

static mpcw_status new_table(mpcw_randomness **out, const mpcw_paillier *key, bool own)
{
    mpcw_randomness *t = calloc(1, sizeof *t);
    if (!t)
        return MPCW_E_MEMORY;
    t->generation = secret_generation();
    t->limbs = key->limbs;
    memcpy(t->n, key->n, 8 * key->limbs);
    t->own = own;
    *out = t;
    return MPCW_OK;
}

void mpcw_randomness_free(mpcw_randomness *t)
{
    if (!t)
        return;
    for (size_t side = 0; side < 2; side++) {
        subset_table_free(t->r[side]);
        subset_table_free(t->r_n[side]);
    }
    free(t->bases);
    free(t);
}

static mpcw_status tables_of(mpcw_randomness *t, const lane *l, size_t side, const uint64_t *r, const uint64_t *r_n)
{
    const size_t bits = 64 * l->m->limbs;
    t->exponent_bits[side] = (bits + 256 + RANDOMNESS_BASES - 1) / RANDOMNESS_BASES;
    const mpcw_status status =
        subset_table_new(&t->r[side], l, r, 1, RANDOMNESS_TEETH, RANDOMNESS_GROUPS, t->own);
    if (status != MPCW_OK)
        return status;
    return subset_table_new(&t->r_n[side], l, r_n, 2, RANDOMNESS_TEETH, RANDOMNESS_GROUPS, t->own);
}

/* Bases modulo N (side 0, own NULL), p or q, their N-th powers, and the tables of both. */
static mpcw_status build(mpcw_randomness *t, const lane_mod *m, size_t side, const mpcw_paillier_secret *own, rng *r)
{
    const lane_ops *ops = m->ops;
    const size_t width = m->width, n = m->limbs, lanes = ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    lane l = {0};
    uint64_t *rho = secret_alloc(3 * (RANDOMNESS_BASES + 1) * width * sizeof *rho + 3 * lanes * n * sizeof *rho);
    if (!rho || (status = lane_open(&l, m)) != MPCW_OK)
        goto done;
    uint64_t *rho_n = rho + RANDOMNESS_BASES * width, *v = rho_n + 2 * RANDOMNESS_BASES * width, *w = v + width;
    mp_limb_t *x = w + 2 * width, *y = x + lanes * n;
    for (size_t i = 0; i < RANDOMNESS_BASES; i += lanes) {
        if ((status = draw_direct(&l, v, w, side, own, r)) != MPCW_OK)
            goto done;
        if (t->bases) {
            if ((status = lane_leave(&l, x, v)) != MPCW_OK || (status = lane_dual_leave(&l, y, w)) != MPCW_OK)
                goto done;
            /* the bases of a public key's table are exported and tell nothing of the seed */
            ct_declassify(x, lanes * n * sizeof *x);
            ct_declassify(y, 2 * lanes * n * sizeof *y);
        }
        for (size_t k = 0; k < lanes && i + k < RANDOMNESS_BASES; k++) {
            lane_copy(ops, rho + (i + k) * width, 0, v, k, width);
            lane_copy(ops, rho_n + 2 * (i + k) * width, 0, w, k, 2 * width);
            if (t->bases) {
                mp_limb_t *base = t->bases + 3 * n * (i + k);
                memcpy(base, x + k * n, n * sizeof *x);
                memcpy(base + n, y + 2 * k * n, 2 * n * sizeof *y);
            }
        }
    }
    status = tables_of(t, &l, side, rho, rho_n);
done:
    secret_free(rho);
    lane_close(&l);
    return status;
}

/* The argument for a draw's distribution wants every r_k to be a unit. */
static mpcw_status expect_unit_bases(const mpcw_randomness *t)
{
    const size_t n = t->limbs;
    uint8_t bytes[8 * LANE_LIMBS_MAX];
    mpcw_status status = MPCW_OK;
    for (size_t i = 0; i < RANDOMNESS_BASES && status == MPCW_OK; i++) {
        limbs_to_be(bytes, 8 * n, t->bases + 3 * n * i, n);
        status = units_expect_var(bytes, 8 * n, 1, t->n, n, false);
    }
    return status;
}

mpcw_status mpcw_randomness_new(mpcw_randomness **out, const mpcw_paillier *key, const mpcw_secret *seed)
{
    rng r = {0};
    mpcw_randomness *t = NULL;
    mpcw_status status;
    *out = NULL;
    if ((status = paillier_expect(key)) != MPCW_OK || (status = rng_open(&r, seed, "randomness")) != MPCW_OK ||
        (status = new_table(&t, key, false)) != MPCW_OK)
        goto done;
    t->bases = calloc(RANDOMNESS_BASES * 3 * key->limbs, sizeof *t->bases);
    if (!t->bases) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    if ((status = build(t, key->many, 0, NULL, &r)) != MPCW_OK || (status = expect_unit_bases(t)) != MPCW_OK)
        goto done;
    *out = t;
    t = NULL;
done:
    mpcw_randomness_free(t);
    rng_close(&r);
    return status;
}

mpcw_status mpcw_randomness_new_own(mpcw_randomness **out, const mpcw_paillier_secret *key, const mpcw_secret *seed)
{
    rng r = {0};
    mpcw_randomness *t = NULL;
    mpcw_status status;
    *out = NULL;
    if ((status = paillier_secret_expect(key)) != MPCW_OK ||
        (status = rng_open(&r, seed, "random own")) != MPCW_OK ||
        (status = new_table(&t, key->pub, true)) != MPCW_OK || (status = build(t, key->p, 0, key, &r)) != MPCW_OK ||
        (status = build(t, key->q, 1, key, &r)) != MPCW_OK)
        goto done;
    *out = t;
    t = NULL;
done:
    mpcw_randomness_free(t);
    rng_close(&r);
    return status;
}

static mpcw_status export_expect(const mpcw_randomness *t)
{
    if (!t || t->own)
        return MPCW_E_KIND;
    return t->generation == secret_generation() ? MPCW_OK : MPCW_E_FORKED;
}

mpcw_status mpcw_randomness_export_size(size_t *size, const mpcw_randomness *t)
{
    const mpcw_status status = export_expect(t);
    *size = status == MPCW_OK ? RANDOMNESS_BASES * 3 * 8 * t->limbs : 0;
    return status;
}

mpcw_status mpcw_randomness_export(uint8_t *out, size_t out_len, const mpcw_randomness *t)
{
    memset(out, 0, out_len);
    const mpcw_status status = export_expect(t);
    if (status != MPCW_OK)
        return status;
    const size_t n = t->limbs;
    if (out_len != RANDOMNESS_BASES * 24 * n)
        return MPCW_E_LENGTH;
    mp_limb_t x[2 * LANE_LIMBS_MAX], tmp[2 * LANE_LIMBS_MAX];
    uint8_t *powers = out + RANDOMNESS_BASES * 8 * n;
    for (size_t i = 0; i < RANDOMNESS_BASES; i++) {
        const mp_limb_t *base = t->bases + 3 * n * i;
        memcpy(x, base + n, 2 * n * sizeof *x);
        lane_join(x, tmp, t->n, n);
        limbs_to_be(out + i * 8 * n, 8 * n, base, n);
        limbs_to_be(powers + i * 16 * n, 16 * n, x, 2 * n);
    }
    return MPCW_OK;
}

/* Pi r_N_k^(a_k) == (Pi r_k^(a_k))^N with random 128-bit weights: a wrong power is found unless it is off by an element of
 * small order; the cache file is ours, so that is a test for damage. */
static mpcw_status check_powers(const lane *l, const uint64_t *r, const uint64_t *r_n)
{
    const lane_mod *m = l->m;
    const size_t width = m->width, n = m->limbs;
    const mp_limb_t *modulus[LANES_MAX] = {m->n_limbs, m->n_limbs, m->n_limbs, m->n_limbs};
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *weights = calloc(RANDOMNESS_BASES, FORMAT_WEIGHT_LIMBS * sizeof *weights);
    lane_term *terms = calloc(RANDOMNESS_BASES, sizeof *terms);
    uint64_t *v = secret_alloc(5 * width * sizeof *v);
    if (!weights || !terms || !v ||
        (status = rng_system(weights, RANDOMNESS_BASES * FORMAT_WEIGHT_LIMBS * sizeof *weights)) != MPCW_OK)
        goto done;
    uint64_t *w = v + width, *u = w + 2 * width;
    for (size_t i = 0; i < RANDOMNESS_BASES; i++) {
        terms[i].base = r + i * width;
        terms[i].bits = 64 * FORMAT_WEIGHT_LIMBS;
        for (size_t k = 0; k < LANES_MAX; k++)
            terms[i].e[k] = weights + i * FORMAT_WEIGHT_LIMBS;
    }
    if ((status = lane_multi_pow_var(l, v, 1, terms, RANDOMNESS_BASES, false)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < RANDOMNESS_BASES; i++)
        terms[i].base = r_n + 2 * i * width;
    mp_limb_t x[LANES_MAX * LANE_LIMBS_MAX], got[2 * LANES_MAX * LANE_LIMBS_MAX], want[2 * LANES_MAX * LANE_LIMBS_MAX];
    if ((status = lane_multi_pow_var(l, w, 2, terms, RANDOMNESS_BASES, false)) != MPCW_OK ||
        (status = lane_leave(l, x, v)) != MPCW_OK ||
        (status = lane_enter_items(l, u, x, n, n, 1, 2)) != MPCW_OK ||
        (status = lane_pow_var(l, u, u, 2, modulus, 64 * n)) != MPCW_OK ||
        (status = lane_dual_leave(l, got, w)) != MPCW_OK || (status = lane_dual_leave(l, want, u)) != MPCW_OK)
        goto done;
    if (memcmp(got, want, 2 * n * sizeof *got) != 0)
        status = MPCW_REJECTED;
done:
    secret_free(v);
    free(terms);
    free(weights);
    return status;
}

mpcw_status mpcw_randomness_import(mpcw_randomness **out, const mpcw_paillier *key, const uint8_t *in, size_t in_len)
{
    mpcw_randomness *t = NULL;
    uint64_t *r = NULL;
    lane l = {0};
    mpcw_status status;
    *out = NULL;
    if ((status = paillier_expect(key)) != MPCW_OK)
        return status;
    const size_t n = key->limbs, width = key->many->width;
    if (in_len != RANDOMNESS_BASES * 24 * n)
        return MPCW_E_LENGTH;
    const uint8_t *powers = in + RANDOMNESS_BASES * 8 * n;
    if ((status = units_expect_var(in, 8 * n, RANDOMNESS_BASES, key->n, n, false)) != MPCW_OK ||
        (status = units_expect_var(powers, 16 * n, RANDOMNESS_BASES, key->n, n, true)) != MPCW_OK ||
        (status = new_table(&t, key, false)) != MPCW_OK || (status = lane_open(&l, key->many)) != MPCW_OK)
        goto done;
    r = secret_alloc(3 * RANDOMNESS_BASES * width * sizeof *r);
    t->bases = calloc(RANDOMNESS_BASES * 3 * n, sizeof *t->bases);
    if (!r || !t->bases) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    uint64_t *r_n = r + RANDOMNESS_BASES * width;
    mp_limb_t x[2 * LANE_LIMBS_MAX], digits[2 * LANES_MAX * LANE_LIMBS_MAX];
    for (size_t i = 0; i < RANDOMNESS_BASES; i++) {
        mp_limb_t *base = t->bases + 3 * n * i;
        limbs_from_be(base, n, in + i * 8 * n, 8 * n);
        limbs_from_be(x, 2 * n, powers + i * 16 * n, 16 * n);
        if ((status = lane_enter_items(&l, r + i * width, base, n, n, 1, 1)) != MPCW_OK ||
            (status = lane_enter_items(&l, r_n + 2 * i * width, x, 2 * n, 2 * n, 1, 2)) != MPCW_OK ||
            (status = lane_dual_leave(&l, digits, r_n + 2 * i * width)) != MPCW_OK)
            goto done;
        memcpy(base + n, digits, 2 * n * sizeof *digits);
    }
    if ((status = check_powers(&l, r, r_n)) != MPCW_OK || (status = tables_of(t, &l, 0, r, r_n)) != MPCW_OK)
        goto done;
    *out = t;
    t = NULL;
done:
    mpcw_randomness_free(t);
    secret_free(r);
    lane_close(&l);
    return status;
}
