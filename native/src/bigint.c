#include "bigint.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "equations.h"
#include "integer.h"
#include "lane_multi.h"
#include "limbs.h"
#include "secret.h"
#include "units.h"

/* Fewer numbers than this are faster one by one. */
#define MANY_MIN 3
/* The comb of ring_pedersen.c. */
#define TEETH 6
#define SPACING 16
#define EXPONENT_BYTES_MAX 4096

struct mpcw_fixed_base {
    const mpcw_modulus *m;
    size_t parts;
    comb *power;
};

static mpcw_status modulus_expect(const mpcw_modulus *m)
{
    if (!m)
        return MPCW_E_KIND;
    return m->generation == secret_generation() ? MPCW_OK : MPCW_E_FORKED;
}

mpcw_status mpcw_modulus_new(mpcw_modulus **out, const uint8_t *n, size_t n_len)
{
    *out = NULL;
    if (n_len == 0 || n_len % 8 != 0 || n_len > 8 * LANE_LIMBS_MAX)
        return MPCW_E_LENGTH;
    mpcw_modulus *m = calloc(1, sizeof *m);
    if (!m)
        return MPCW_E_MEMORY;
    const mp_limb_t *same[LANES_MAX] = {m->n, m->n, m->n, m->n};
    m->generation = secret_generation();
    m->limbs = n_len / 8;
    limbs_from_be(m->n, m->limbs, n, n_len);
    mpcw_status status;
    if ((status = lane_mod_new(&m->many, lane_many(8 * n_len), same, m->limbs)) != MPCW_OK ||
        (status = lane_mod_new(&m->single, lane_single(8 * n_len), same, m->limbs)) != MPCW_OK) {
        mpcw_modulus_free(m);
        return status;
    }
    *out = m;
    return MPCW_OK;
}

void mpcw_modulus_free(mpcw_modulus *m)
{
    if (!m)
        return;
    lane_mod_free(m->many);
    lane_mod_free(m->single);
    free(m);
}

/* r (parts * limbs each) = the first count lanes of v. */
static mpcw_status leave(mp_limb_t *r, const lane *l, const uint64_t *v, size_t count, size_t parts)
{
    const size_t n = l->m->limbs, words = parts * n;
    mpcw_status status;
    mp_limb_t *t = secret_alloc((LANES_MAX + 1) * words * sizeof *t);
    if (!t)
        return MPCW_E_MEMORY;
    status = parts == 2 ? lane_dual_leave(l, t, v) : lane_leave(l, t, v);
    for (size_t k = 0; k < count && status == MPCW_OK; k++) {
        if (parts == 2)
            lane_join(t + k * words, t + LANES_MAX * words, l->m->n_limbs + k * n, n);
        memcpy(r + k * words, t + k * words, words * sizeof *t);
    }
    secret_free(t);
    return status;
}

/* The powers first .. first + count - 1 in the lanes of one vector. */
static mpcw_status power_group(mp_limb_t *r, const lane_mod *m, const powers *p, size_t first, size_t count)
{
    const size_t words = p->parts * m->limbs;
    const mp_limb_t *e[LANES_MAX];
    lane l = {0};
    uint64_t *v = NULL;
    mpcw_status status = lane_open(&l, m);
    if (status != MPCW_OK)
        return status;
    for (size_t k = 0; k < LANES_MAX; k++)
        e[k] = p->e + (first + (k < count ? k : 0)) * p->e_limbs;
    v = lane_vectors(&l, p->parts);
    if (!v)
        status = MPCW_E_MEMORY;
    else if ((status = lane_enter_items(&l, v, p->x + first * words, words, words, count, p->parts)) == MPCW_OK &&
             (status = (p->var ? lane_pow_var : lane_pow)(&l, v, v, p->parts, e, 64 * p->e_limbs)) == MPCW_OK)
        status = leave(r + first * words, &l, v, count, p->parts);
    secret_free(v);
    lane_close(&l);
    return status;
}

mpcw_status bigint_powers(mp_limb_t *r, const mpcw_modulus *m, const powers *p)
{
    mpcw_status status = MPCW_OK;
    for (size_t i = 0, now; i < p->count && status == MPCW_OK; i += now) {
        const size_t left = p->count - i;
        const lane_mod *mod = left < MANY_MIN ? m->single : m->many;
        now = left < mod->ops->lanes ? left : mod->ops->lanes;
        status = power_group(r, mod, p, i, now);
    }
    return status;
}

/* count items of words limbs from bytes, all below N (parts 1) or N^2 (parts 2). */
static mpcw_status read_residues(mp_limb_t *x, const mpcw_modulus *m, size_t parts, mpcw_bytes bytes, size_t count)
{
    const size_t words = parts * m->limbs;
    mp_limb_t bound[2 * LANE_LIMBS_MAX];
    if (parts == 2)
        limbs_mul(bound, m->n, m->limbs, m->n, m->limbs);
    else
        memcpy(bound, m->n, words * sizeof *bound);
    for (size_t i = 0; i < count; i++) {
        limbs_from_be(x + i * words, words, bytes.data + 8 * i * words, 8 * words);
        if (mpn_cmp(x + i * words, bound, (mp_size_t)words) >= 0)
            return MPCW_E_RANGE;
    }
    return MPCW_OK;
}

static void write_residues(uint8_t *r, const mp_limb_t *x, size_t words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        limbs_to_be(r + 8 * i * words, 8 * words, x + i * words, words);
}

/* MPCW_OK for a vector of non-negative secret integers of at most EXPONENT_BYTES_MAX. */
static mpcw_status expect_exponents(const mpcw_secret *e, size_t count)
{
    mpcw_status status = secret_expect(e, MPCW_KIND_RESIDUE, count, 0);
    if (status == MPCW_E_KIND && (status = secret_expect(e, MPCW_KIND_INT, count, 0)) == MPCW_OK) {
        uint64_t negative = 0;
        for (size_t i = 0; i < e->count; i++)
            negative |= int_item(e, i)[e->size / 8 - 1] >> 63;
        /* a mistake of the caller, not a property of the secret */
        ct_declassify(&negative, sizeof negative);
        if (negative)
            return MPCW_E_RANGE;
    }
    if (status == MPCW_OK && e->size > EXPONENT_BYTES_MAX)
        return MPCW_E_LENGTH;
    return status;
}

mpcw_status mpcw_modulus_pow(uint8_t *r, size_t r_len, const mpcw_modulus *m, int square, mpcw_bytes x,
                             const mpcw_secret *e)
{
    memset(r, 0, r_len);
    mpcw_status status = modulus_expect(m);
    if (status != MPCW_OK)
        return status;
    const size_t parts = square ? 2 : 1, words = parts * m->limbs, count = x.len / (8 * words);
    if (count == 0 || x.len % (8 * words) != 0 || r_len != x.len)
        return MPCW_E_LENGTH;
    if ((status = expect_exponents(e, count)) != MPCW_OK)
        return status;
    mp_limb_t *t = secret_alloc(2 * count * words * sizeof *t);
    if (!t)
        return MPCW_E_MEMORY;
    const powers p = {t, int_item(e, 0), e->size / 8, count, parts, false};
    if ((status = read_residues(t, m, parts, x, count)) == MPCW_OK &&
        (status = bigint_powers(t + count * words, m, &p)) == MPCW_OK) {
        ct_declassify(t + count * words, count * words * sizeof *t); /* the results are public */
        write_residues(r, t + count * words, words, count);
    }
    secret_free(t);
    return status;
}

/* Public bases and magnitudes of their exponents. */
typedef struct public_powers {
    mp_limb_t *memory, *x, *e;
    size_t parts, words, count, e_limbs;
} public_powers;

/* Invert the bases whose exponents are negative. */
static mpcw_status invert_bases(public_powers *p, const mpcw_modulus *m, const uint8_t *negative)
{
    const size_t size = 8 * p->words;
    mpcw_status status = MPCW_OK;
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++)
        count += negative[i];
    if (count == 0)
        return MPCW_OK;
    uint8_t *bytes = malloc(2 * count * size);
    if (!bytes)
        return MPCW_E_MEMORY;
    mp_limb_t *inverse = (mp_limb_t *)(void *)(bytes + count * size);
    for (size_t i = 0, k = 0; i < p->count; i++)
        if (negative[i])
            limbs_to_be(bytes + size * k++, size, p->x + i * p->words, p->words);
    if ((status = units_invert_var(inverse, bytes, size, count, m->n, m->limbs, p->parts == 2)) == MPCW_OK)
        for (size_t i = 0, k = 0; i < p->count; i++)
            if (negative[i])
                memcpy(p->x + i * p->words, inverse + p->words * k++, size);
    free(bytes);
    return status;
}

/* Check and read; the caller frees memory with secret_free. */
static mpcw_status public_powers_read(public_powers *p, const mpcw_modulus *m, int square, mpcw_bytes x, mpcw_bytes e)
{
    mpcw_status status = modulus_expect(m);
    if (status != MPCW_OK)
        return status;
    p->parts = square ? 2 : 1;
    p->words = p->parts * m->limbs;
    p->count = x.len / (8 * p->words);
    if (p->count == 0 || x.len % (8 * p->words) != 0 || e.len == 0 || e.len % p->count != 0 ||
        e.len / p->count > EXPONENT_BYTES_MAX)
        return MPCW_E_LENGTH;
    const size_t e_size = e.len / p->count;
    p->e_limbs = (e_size + 7) / 8;
    uint8_t *negative = calloc(p->count, 1);
    p->memory = secret_alloc(p->count * (p->words + p->e_limbs) * sizeof *p->memory);
    if (!negative || !p->memory) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    p->x = p->memory;
    p->e = p->x + p->count * p->words;
    if ((status = read_residues(p->x, m, p->parts, x, p->count)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < p->count; i++) {
        mp_limb_t *to = p->e + i * p->e_limbs;
        negative[i] = e.data[i * e_size] >> 7;
        limbs_from_be(to, p->e_limbs, e.data + i * e_size, e_size);
        if (negative[i] && e_size % 8 != 0)
            to[p->e_limbs - 1] |= ~(mp_limb_t)0 << (8 * (e_size % 8));
        if (negative[i])
            mpn_neg(to, to, (mp_size_t)p->e_limbs);
    }
    status = invert_bases(p, m, negative);
done:
    free(negative);
    return status;
}

mpcw_status mpcw_modulus_pow_var(uint8_t *r, size_t r_len, const mpcw_modulus *m, int square, mpcw_bytes x,
                                 mpcw_bytes e)
{
    public_powers p = {0};
    memset(r, 0, r_len);
    mpcw_status status = public_powers_read(&p, m, square, x, e);
    if (status == MPCW_OK && r_len != x.len)
        status = MPCW_E_LENGTH;
    const powers each = {p.x, p.e, p.e_limbs, p.count, p.parts, true};
    /* a power replaces its base */
    if (status == MPCW_OK && (status = bigint_powers(p.x, m, &each)) == MPCW_OK)
        write_residues(r, p.x, p.words, p.count);
    secret_free(p.memory);
    return status;
}

/* r = the product of the lanes of v. */
static mpcw_status multiply_lanes(mp_limb_t *r, const lane *l, uint64_t *v, size_t parts)
{
    const size_t words = parts * l->m->width;
    uint64_t *t = lane_vectors(l, parts);
    if (!t)
        return MPCW_E_MEMORY;
    memcpy(t, v, words * sizeof *t);
    for (size_t k = 1; k < l->m->ops->lanes; k++) {
        lane_copy(l->m->ops, t, 0, t, k, words);
        lane_mul_parts(l, v, v, t, parts);
    }
    const mpcw_status status = leave(r, l, v, 1, parts);
    secret_free(t);
    return status;
}

/* The terms spread over the lanes: term i stands in lane i mod lanes. */
static mpcw_status multi_pow(mp_limb_t *r, const lane *l, const public_powers *p)
{
    const size_t lanes = l->m->ops->lanes, rows = (p->count + lanes - 1) / lanes, words = p->parts * l->m->width;
    mpcw_status status = MPCW_E_MEMORY;
    lane_term *terms = calloc(rows, sizeof *terms);
    uint64_t *v = secret_alloc((rows + 1) * words * sizeof *v);
    if (!terms || !v)
        goto done;
    for (size_t row = 0; row < rows; row++) {
        const size_t first = row * lanes, now = p->count - first < lanes ? p->count - first : lanes;
        terms[row].base = v + (row + 1) * words;
        for (size_t k = 0; k < now; k++) {
            const mp_limb_t *e = p->e + (first + k) * p->e_limbs;
            const size_t bits = limbs_bits_var(e, p->e_limbs);
            terms[row].e[k] = bits ? e : NULL;
            terms[row].bits = bits > terms[row].bits ? bits : terms[row].bits;
        }
        if ((status = lane_enter_items(l, v + (row + 1) * words, p->x + first * p->words, p->words, p->words, now,
                                       p->parts)) != MPCW_OK)
            goto done;
    }
    if ((status = lane_multi_pow_var(l, v, p->parts, terms, rows, false)) == MPCW_OK)
        status = multiply_lanes(r, l, v, p->parts);
done:
    free(terms);
    secret_free(v);
    return status;
}

mpcw_status mpcw_modulus_multi_pow_var(uint8_t *r, size_t r_len, const mpcw_modulus *m, int square, mpcw_bytes x,
                                       mpcw_bytes e)
{
    public_powers p = {0};
    lane l = {0};
    memset(r, 0, r_len);
    mpcw_status status = public_powers_read(&p, m, square, x, e);
    if (status == MPCW_OK && r_len != 8 * p.words)
        status = MPCW_E_LENGTH;
    if (status == MPCW_OK)
        status = lane_open(&l, p.count < MANY_MIN ? m->single : m->many);
    /* the product replaces the first base */
    if (status == MPCW_OK && (status = multi_pow(p.x, &l, &p)) == MPCW_OK)
        write_residues(r, p.x, p.words, 1);
    lane_close(&l);
    secret_free(p.memory);
    return status;
}

mpcw_status mpcw_modulus_units_var(uint8_t *bad, size_t bad_len, const mpcw_modulus *m, int square, mpcw_bytes x)
{
    memset(bad, 0, bad_len);
    const mpcw_status status = modulus_expect(m);
    if (status != MPCW_OK)
        return status;
    return units_check_var(bad, bad_len, x.data, x.len, m->n, m->limbs, square != 0);
}

mpcw_status mpcw_modulus_jacobi_var(int8_t *symbol, size_t symbol_len, const mpcw_modulus *m, mpcw_bytes x)
{
    memset(symbol, 0, symbol_len);
    const mpcw_status status = modulus_expect(m);
    if (status != MPCW_OK)
        return status;
    const size_t size = 8 * m->limbs;
    if (symbol_len == 0 || x.len % size != 0 || x.len / size != symbol_len)
        return MPCW_E_LENGTH;
    mpz_t n, item;
    mpz_inits(n, item, NULL);
    mpz_from_limbs(n, m->n, m->limbs);
    for (size_t i = 0; i < symbol_len; i++) {
        mpz_from_be(item, x.data + i * size, size);
        symbol[i] = (int8_t)mpz_jacobi(item, n);
    }
    mpz_clears(n, item, NULL);
    return MPCW_OK;
}

mpcw_status mpcw_fixed_base_new(mpcw_fixed_base **out, const mpcw_modulus *m, int square, mpcw_bytes x, size_t bits)
{
    *out = NULL;
    mpcw_status status = modulus_expect(m);
    if (status != MPCW_OK)
        return status;
    const size_t parts = square ? 2 : 1, words = parts * m->limbs;
    if (x.len != 8 * words || bits == 0 || bits % 64 != 0 || bits > 8 * EXPONENT_BYTES_MAX)
        return MPCW_E_LENGTH;
    mp_limb_t limbs[2 * LANE_LIMBS_MAX];
    lane l = {0};
    uint64_t *v = NULL;
    mpcw_fixed_base *base = calloc(1, sizeof *base);
    if (!base)
        return MPCW_E_MEMORY;
    base->m = m;
    base->parts = parts;
    if ((status = read_residues(limbs, m, parts, x, 1)) != MPCW_OK || (status = lane_open(&l, m->many)) != MPCW_OK)
        goto done;
    v = lane_vectors(&l, parts);
    if (!v) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    if ((status = lane_enter_items(&l, v, limbs, words, words, 1, parts)) != MPCW_OK ||
        (status = comb_new(&base->power, &l, v, parts, bits, TEETH, SPACING, false)) != MPCW_OK)
        goto done;
    *out = base;
    base = NULL;
done:
    secret_free(v);
    lane_close(&l);
    mpcw_fixed_base_free(base);
    return status;
}

void mpcw_fixed_base_free(mpcw_fixed_base *base)
{
    if (!base)
        return;
    comb_free(base->power);
    free(base);
}

mpcw_status mpcw_fixed_base_pow(uint8_t *r, size_t r_len, const mpcw_fixed_base *base, const mpcw_secret *e)
{
    memset(r, 0, r_len);
    mpcw_status status = base ? modulus_expect(base->m) : MPCW_E_KIND;
    if (status != MPCW_OK || (status = expect_exponents(e, 0)) != MPCW_OK)
        return status;
    const lane_mod *m = base->m->many;
    const size_t parts = base->parts, words = parts * m->limbs, lanes = m->ops->lanes;
    if (8 * e->size > base->power->bits || r_len != 8 * words * e->count)
        return MPCW_E_LENGTH;
    lane l = {0};
    uint64_t *v = NULL;
    if ((status = lane_open(&l, m)) != MPCW_OK)
        goto done;
    v = secret_alloc((parts * m->width + lanes * words) * sizeof *v);
    if (!v) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    mp_limb_t *x = v + parts * m->width;
    for (size_t i = 0; i < e->count; i += lanes) {
        const size_t now = e->count - i < lanes ? e->count - i : lanes;
        comb_power power = {.base = base->power, .bits = 8 * e->size};
        for (size_t k = 0; k < LANES_MAX; k++)
            power.e[k] = int_item(e, i + (k < now ? k : 0));
        if ((status = comb_product(&l, v, &power, 1)) != MPCW_OK || (status = leave(x, &l, v, now, parts)) != MPCW_OK)
            goto done;
        ct_declassify(x, now * words * sizeof *x); /* the results are public */
        write_residues(r + 8 * i * words, x, words, now);
    }
done:
    if (status != MPCW_OK)
        memset(r, 0, r_len);
    secret_free(v);
    lane_close(&l);
    return status;
}
