/* The engines for one number at a time: 64-bit limbs, fully reduced after every operation. Rows of products come
 * from GMP's mpn functions (portable) or from lane_adx.S; both are constant time. */
#include <string.h>

#include "ct.h"
#include "lane.h"
#include "limbs.h"

/* Eight limbs a block: the ADX engine pads numbers to whole blocks. */
#define BLOCK 8

#if defined(__x86_64__)
void adx_rows(uint64_t *t, const uint64_t *a, const uint64_t *b, size_t blocks, uint64_t *row);
void adx_quotients(uint64_t *row, const uint64_t *n, uint64_t ninv, uint64_t *q);

/* t = a * b */
static void adx_product(mp_limb_t *t, const mp_limb_t *a, const mp_limb_t *b, size_t n, mp_limb_t *scratch)
{
    (void)scratch;
    memset(t, 0, n * sizeof *t);
    for (size_t i = 0; i < n; i += BLOCK) {
        mp_limb_t *row = t + i + n;
        memset(row, 0, BLOCK * sizeof *t);
        /* row is added at t[i]: it is zero there */
        adx_rows(t + i, a + i, b, n / BLOCK, row);
    }
}

/* t = a^2: the blocks right of the diagonal, doubled, and the squares of the blocks on it. */
static void adx_square(mp_limb_t *t, const mp_limb_t *a, size_t n, mp_limb_t *scratch)
{
    memset(t, 0, 2 * n * sizeof *t);
    for (size_t i = 0; i + BLOCK < n; i += BLOCK)
        adx_rows(t + 2 * i + BLOCK, a + i, a + i + BLOCK, (n - i) / BLOCK - 1, t + n + i);
    for (size_t i = 0; i < n; i += BLOCK) {
        mp_limb_t *s = scratch + 2 * i;
        memset(s, 0, 2 * BLOCK * sizeof *s);
        adx_rows(s, a + i, a + i, 1, s + BLOCK);
    }
    mpn_lshift(t, t, 2 * (mp_size_t)n, 1);
    mpn_add_n(t, t, scratch, 2 * (mp_size_t)n);
}

/* t[n ..] = t + q * N for the quotient q that clears t[0 .. n); returns the carry out of t[2n - 1]. */
static mp_limb_t adx_clear_low(mp_limb_t *t, mp_limb_t *q, const lane_mod *m, size_t n)
{
    mp_limb_t carry = 0;
    for (size_t i = 0; i < n; i += BLOCK) {
        mp_limb_t row[BLOCK];
        memcpy(row, t + i, sizeof row);
        adx_quotients(row, m->n, m->ninv[0], q + i);
        adx_rows(t + i + BLOCK, q + i, m->n + BLOCK, n / BLOCK - 1, row);
        mp_limb_t *high = t + i + n;
        const mp_limb_t c = limbs_add_1(high, high, BLOCK, carry);
        carry = c + mpn_add_n(high, high, row, BLOCK);
        ct_cleanse(row, sizeof row);
    }
    return carry;
}
#endif

static void gmp_product(mp_limb_t *t, const mp_limb_t *a, const mp_limb_t *b, size_t n, mp_limb_t *scratch)
{
    mpn_sec_mul(t, a, (mp_size_t)n, b, (mp_size_t)n, scratch);
}

static void gmp_square(mp_limb_t *t, const mp_limb_t *a, size_t n, mp_limb_t *scratch)
{
    mpn_sec_sqr(t, a, (mp_size_t)n, scratch);
}

static mp_limb_t gmp_clear_low(mp_limb_t *t, mp_limb_t *q, const lane_mod *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        q[i] = t[i] * m->ninv[0];
        /* t[i] becomes zero: keep the row's carry there, it belongs to t[i + n] */
        t[i] = mpn_addmul_1(t + i, m->n, (mp_size_t)n, q[i]);
    }
    return mpn_add_n(t + n, t + n, t, (mp_size_t)n);
}

/* The scratch of a call: product, cross term (one limb longer each), quotient, a copy, and the multiplier's. */
typedef struct scratch {
    mp_limb_t *t, *u, *q, *low, *rest;
} scratch;

static scratch scratch_of(const lane *l)
{
    const size_t n = l->m->digits;
    scratch s;
    s.t = l->ws;
    s.u = s.t + 2 * n + 8;
    s.q = s.u + 2 * n + 8;
    s.low = s.q + n;
    s.rest = s.low + n;
    return s;
}

/* r = 2 * r mod N when mask is all ones. */
static void limbs_double_if(const lane *l, uint64_t *r, uint64_t mask)
{
    const size_t n = l->m->digits;
    mp_limb_t *t = scratch_of(l).t;
    for (size_t i = 0; i < n; i++)
        t[i] = r[i] & mask;
    mp_limb_t carry = mpn_add_n(r, r, t, (mp_size_t)n);
    limbs_reduce_once(&carry, r, l->m->n, t, n);
}

#define DEFINE_ENGINE(name)                                                                                         \
    /* r = (carry, t) / R mod N; t + carry * R^2 is below 3 N R, so three subtractions suffice; their number */     \
    static mp_limb_t name##_reduce(mp_limb_t *r, mp_limb_t *t, mp_limb_t carry, mp_limb_t *q, const lane_mod *m)   \
    {                                                                                                               \
        const size_t n = m->digits;                                                                                 \
        mp_limb_t times = 0;                                                                                        \
        carry += name##_clear_low(t, q, m, n);                                                                      \
        for (int i = 0; i < 3; i++)                                                                                 \
            times += limbs_reduce_once(&carry, t + n, m->n, t, n);                                                  \
        memcpy(r, t + n, n * sizeof *r);                                                                            \
        return times;                                                                                               \
    }                                                                                                               \
    static void name##_mul(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)                        \
    {                                                                                                               \
        const scratch s = scratch_of(l);                                                                            \
        name##_product(s.t, a, b, l->m->digits, s.rest);                                                            \
        name##_reduce(r, s.t, 0, s.q, l->m);                                                                        \
    }                                                                                                               \
    static void name##_sqr(const lane *l, uint64_t *r, const uint64_t *a)                                           \
    {                                                                                                               \
        const scratch s = scratch_of(l);                                                                            \
        name##_square(s.t, a, l->m->digits, s.rest);                                                                \
        name##_reduce(r, s.t, 0, s.q, l->m);                                                                        \
    }                                                                                                               \
    static void name##_sqr_double(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *bits)              \
    {                                                                                                               \
        name##_sqr(l, r, a);                                                                                        \
        limbs_double_if(l, r, ct_mask_bit(bits[0]));                                                                \
    }                                                                                                               \
    /* The lower part from the product in t, with times subtractions of N that the upper part regains; the upper */ \
    /* part from the cross term in (carry, u) and the lower one's quotient in q */                                  \
    static void name##_finish(const lane *l, uint64_t *r, mp_limb_t carry, const scratch *s)                        \
    {                                                                                                               \
        const size_t n = l->m->digits;                                                                              \
        const mp_limb_t times = name##_reduce(s->low, s->t, 0, s->q, l->m);                                         \
        /* N * ceil(R / N) - q = n_wrap + (R - 1 - q) */                                                            \
        mpn_com(s->q, s->q, (mp_size_t)n);                                                                          \
        mp_limb_t c = mpn_add_n(s->u, s->u, s->q, (mp_size_t)n);                                                    \
        c += mpn_add_n(s->u, s->u, l->m->n_wrap, (mp_size_t)n);                                                     \
        carry += limbs_add_1(s->u + n, s->u + n, n, c + times);                                                       \
        name##_reduce(r + n, s->u, carry, s->q, l->m);                                                              \
        memcpy(r, s->low, n * sizeof *r);                                                                           \
    }                                                                                                               \
    static void name##_dmul(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)                       \
    {                                                                                                               \
        const scratch s = scratch_of(l);                                                                            \
        const size_t n = l->m->digits;                                                                              \
        name##_product(s.u, a, b + n, n, s.rest);                                                                   \
        name##_product(s.t, a + n, b, n, s.rest);                                                                   \
        const mp_limb_t carry = mpn_add_n(s.u, s.u, s.t, 2 * (mp_size_t)n);                                         \
        name##_product(s.t, a, b, n, s.rest);                                                                       \
        name##_finish(l, r, carry, &s);                                                                             \
    }                                                                                                               \
    static void name##_dsqr(const lane *l, uint64_t *r, const uint64_t *a)                                          \
    {                                                                                                               \
        const scratch s = scratch_of(l);                                                                            \
        const size_t n = l->m->digits;                                                                              \
        name##_product(s.u, a, a + n, n, s.rest);                                                                   \
        const mp_limb_t carry = mpn_lshift(s.u, s.u, 2 * (mp_size_t)n, 1);                                          \
        name##_square(s.t, a, n, s.rest);                                                                           \
        name##_finish(l, r, carry, &s);                                                                             \
    }

DEFINE_ENGINE(gmp)
#if defined(__x86_64__)
DEFINE_ENGINE(adx)
#endif

static void limbs_add(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    const size_t n = l->m->digits;
    mp_limb_t carry = mpn_add_n(r, a, b, (mp_size_t)n);
    limbs_reduce_once(&carry, r, l->m->n, scratch_of(l).t, n);
}

static void limbs_dadd(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    const size_t n = l->m->digits;
    mp_limb_t *tmp = scratch_of(l).t;
    mp_limb_t carry = mpn_add_n(r, a, b, (mp_size_t)n);
    /* what the lower part loses is one in the upper part */
    const mp_limb_t times = limbs_reduce_once(&carry, r, l->m->n, tmp, n);
    carry = mpn_add_n(r + n, a + n, b + n, (mp_size_t)n);
    carry += limbs_add_1(r + n, r + n, n, times);
    limbs_reduce_once(&carry, r + n, l->m->n, tmp, n);
    limbs_reduce_once(&carry, r + n, l->m->n, tmp, n);
}

static size_t gmp_digits(size_t bits)
{
    return (bits + 63) / 64;
}

static size_t adx_digits(size_t bits)
{
    return (bits + 64 * BLOCK - 1) / (64 * BLOCK) * BLOCK;
}

static size_t limbs_width(size_t digits)
{
    return digits;
}

static size_t limbs_scratch(size_t digits)
{
    const size_t mul = (size_t)mpn_sec_mul_itch((mp_size_t)digits, (mp_size_t)digits);
    const size_t sqr = (size_t)mpn_sec_sqr_itch((mp_size_t)digits);
    const size_t itch = mul > sqr ? mul : sqr;
    return 2 * (2 * digits + 8) + 2 * digits + (itch > 2 * digits ? itch : 2 * digits);
}

static size_t limbs_entry(size_t digits)
{
    return digits * sizeof(mp_limb_t);
}

static size_t limbs_r_bits(size_t digits)
{
    return 64 * digits;
}

static void limbs_load(const lane_mod *m, uint64_t *r, size_t lane, const mp_limb_t *x, size_t n)
{
    (void)lane;
    for (size_t i = 0; i < m->digits; i++)
        r[i] = i < n ? x[i] : 0;
}

static void limbs_store(const lane_mod *m, mp_limb_t *x, size_t n, const uint64_t *a, size_t lane)
{
    (void)lane;
    for (size_t i = 0; i < n; i++)
        x[i] = i < m->digits ? a[i] : 0;
}

static void limbs_table_select(uint64_t *r, const uint64_t *table, size_t count, size_t words,
                               const uint32_t *index)
{
    memset(r, 0, words * sizeof *r);
    for (size_t e = 0; e < count; e++, table += words) {
        const uint64_t mask = ~ct_mask_nonzero(e ^ index[0]);
        for (size_t i = 0; i < words; i++)
            r[i] |= mask & table[i];
    }
}

static void limbs_table_select_var(uint64_t *r, const uint64_t *table, size_t count, size_t words,
                                   const uint32_t *index)
{
    (void)count;
    memcpy(r, table + index[0] * words, words * sizeof *r);
}

static void limbs_entry_pack(const lane_mod *m, uint8_t *table, size_t count, size_t e, const uint64_t *a, size_t lane,
                             size_t parts)
{
    const size_t words = parts * m->digits;
    (void)count;
    (void)lane;
    memcpy((uint64_t *)(void *)table + e * words, a, words * sizeof *a);
}

static void limbs_entry_select(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                               const uint32_t *index)
{
    limbs_table_select(r, (const uint64_t *)(const void *)table, count, parts * l->m->digits, index);
}

static void limbs_entry_select_each(const lane *l, uint64_t *r, const uint8_t *const table[LANES_MAX], size_t count,
                                    size_t parts, const uint32_t *index)
{
    limbs_entry_select(l, r, table[0], count, parts, index);
}

static void limbs_entry_select_var(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                                   const uint32_t *index)
{
    limbs_table_select_var(r, (const uint64_t *)(const void *)table, count, parts * l->m->digits, index);
}

#define ENGINE(name, its_path)                                                                                      \
    {                                                                                                               \
        .path = (its_path), .lanes = 1, .bits_max = 64 * LANE_LIMBS_MAX, .digits = name##_digits,                   \
        .width = limbs_width, .scratch = limbs_scratch, .entry = limbs_entry, .r_bits = limbs_r_bits,               \
        .load = limbs_load, .store = limbs_store, .mul = name##_mul, .sqr = name##_sqr,                             \
        .sqr_double = name##_sqr_double, .add = limbs_add, .dadd = limbs_dadd, .dmul = name##_dmul,                 \
        .dsqr = name##_dsqr, .select = limbs_table_select, .select_var = limbs_table_select_var,                    \
        .entry_pack = limbs_entry_pack, .entry_select = limbs_entry_select,                                         \
        .entry_select_each = limbs_entry_select_each, .entry_select_var = limbs_entry_select_var,                                                                 \
    }

static const lane_ops MPN_OPS = ENGINE(gmp, MPCW_PATH_PORTABLE);

const lane_ops *lane_mpn(void)
{
    return &MPN_OPS;
}

#if defined(__x86_64__)
#include <cpuid.h>

const lane_ops lane_adx_ops = ENGINE(adx, MPCW_PATH_ADX);

const lane_ops *lane_adx(void)
{
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
        return NULL;
    return (ebx & bit_ADX) && (ebx & bit_BMI2) ? &lane_adx_ops : NULL;
}
#else
const lane_ops *lane_adx(void)
{
    return NULL;
}
#endif
