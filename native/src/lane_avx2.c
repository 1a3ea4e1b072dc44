/* The 4-lane engine: radix 2^28, one lane in each 64-bit element of a vector register, no branch on data.
 *
 * Bounds. A residue of D digits is below 2N with R = 2^(28 D) >= 2^8 N, so products of sums of two residues reduce
 * below 2N without a final subtraction. Digits are below 2^28 after every operation. A column of a product is at
 * most D * 2^56 (D * 2^57 in the cross term of a dual square), one reduction adds D * 2^56; D <= 112 keeps a
 * column and its reduction below 2^64. The cross term and its reduction fit together only up to D = 84; above
 * that its columns are first brought below 2^37 (settle). */
#include "lane.h"

#if defined(__AVX2__)

#include <immintrin.h>
#include <string.h>

#include "ct.h"

#define RADIX 28
#define DIGIT_MASK ((1ULL << RADIX) - 1)
#define DIGITS_MAX 112
#define CROSS_DIGITS_MAX 84
#define SPARE_BITS 8
#define INLINE static inline __attribute__((always_inline))

typedef __m256i vec;

INLINE vec mul32(vec a, vec b)
{
    return _mm256_mul_epu32(a, b);
}

INLINE vec add(vec a, vec b)
{
    return _mm256_add_epi64(a, b);
}

INLINE vec digit(vec a)
{
    return _mm256_and_si256(a, _mm256_set1_epi64x((long long)DIGIT_MASK));
}

INLINE vec carry_of(vec a)
{
    return _mm256_srli_epi64(a, RADIX);
}

/* t[0 .. digits + 2] += (a0 + a1 X + a2 X^2 + a3 X^3) * b, where the carries c0 .. c2 enter columns 0 .. 2. */
INLINE void strip(vec *t, const vec *b, size_t digits, const vec a[4], vec c0, vec c1, vec c2)
{
    const vec a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
#pragma GCC unroll 4
    for (size_t j = 0; j < digits; j++) {
        const vec bj = b[j];
        const vec s = add(t[j], c0);
        t[j] = add(s, mul32(bj, a0));
        c0 = add(c1, mul32(bj, a1));
        c1 = add(c2, mul32(bj, a2));
        c2 = mul32(bj, a3);
    }
    t[digits] = add(t[digits], c0);
    t[digits + 1] = add(t[digits + 1], c1);
    t[digits + 2] = add(t[digits + 2], c2);
}

/* t[0 .. 2 digits] += a * b */
INLINE void product_add(vec *t, const vec *a, const vec *b, size_t digits)
{
    const vec zero = _mm256_setzero_si256();
    for (size_t i = 0; i < digits; i += 4)
        strip(t + i, b, digits, a + i, zero, zero, zero);
}

INLINE void clear(vec *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        t[i] = _mm256_setzero_si256();
}

/* t = a^2: blocks of four rows, each with its doubled strip to the right of the diagonal. */
INLINE void square(vec *t, const vec *a, size_t digits)
{
    clear(t, 2 * digits + 3);
    for (size_t i = 0; i < digits; i += 4) {
        const vec a0 = a[i], a1 = a[i + 1], a2 = a[i + 2], a3 = a[i + 3];
        const vec d[4] = {add(a0, a0), add(a1, a1), add(a2, a2), add(a3, a3)};
        vec *p = t + 2 * i;
        p[0] = add(p[0], mul32(a0, a0));
        p[1] = add(p[1], mul32(d[0], a1));
        p[2] = add(p[2], add(mul32(d[0], a2), mul32(a1, a1)));
        p[3] = add(p[3], add(mul32(d[0], a3), mul32(d[1], a2)));
        const vec c0 = add(mul32(d[1], a3), mul32(a2, a2));
        const vec c1 = mul32(d[2], a3);
        const vec c2 = mul32(a3, a3);
        strip(p + 4, a + i + 4, digits - i - 4, d, c0, c1, c2);
    }
}

/* t[digits ..] = t / R mod N in columns for the columns t[0 .. 2 digits - 1]; with q the quotient's digits. */
INLINE void clear_low(vec *t, vec *q, const lane_mod *m, size_t digits)
{
    const vec *n = (const vec *)m->n;
    const vec ninv = digit(_mm256_loadu_si256((const vec *)m->ninv));
    const vec n0 = n[0], n1 = n[1], n2 = n[2], n3 = n[3];
    for (size_t i = 0; i < digits; i += 4) {
        vec *p = t + i;
        vec k[4];
        k[0] = digit(mul32(p[0], ninv));
        vec c = carry_of(add(p[0], mul32(k[0], n0)));
        const vec x1 = add(p[1], add(c, mul32(k[0], n1)));
        k[1] = digit(mul32(x1, ninv));
        c = carry_of(add(x1, mul32(k[1], n0)));
        const vec x2 = add(add(p[2], mul32(k[0], n2)), add(c, mul32(k[1], n1)));
        k[2] = digit(mul32(x2, ninv));
        c = carry_of(add(x2, mul32(k[2], n0)));
        const vec x3 = add(add(p[3], add(mul32(k[0], n3), mul32(k[1], n2))), add(c, mul32(k[2], n1)));
        k[3] = digit(mul32(x3, ninv));
        c = carry_of(add(x3, mul32(k[3], n0)));
        p[4] = add(p[4], c);
        const vec c0 = add(add(mul32(k[1], n3), mul32(k[2], n2)), mul32(k[3], n1));
        const vec c1 = add(mul32(k[2], n3), mul32(k[3], n2));
        const vec c2 = mul32(k[3], n3);
        if (q)
            memcpy(q + i, k, sizeof k);
        strip(p + 4, n + 4, digits - 4, k, c0, c1, c2);
    }
}

/* r = t / R mod N for the columns t[0 .. 2 digits - 1], which are consumed; with q the quotient's digits. */
INLINE void reduce(vec *r, vec *t, vec *q, const lane_mod *m, size_t digits)
{
    clear_low(t, q, m, digits);
    vec c = _mm256_setzero_si256();
    for (size_t i = 0; i + 1 < digits; i++) {
        const vec s = add(t[digits + i], c);
        r[i] = digit(s);
        c = carry_of(s);
    }
    r[digits - 1] = add(t[2 * digits - 1], c);
}

/* Bring columns below 2^37 without a carry chain. */
INLINE void settle(vec *t, size_t n)
{
    vec c = _mm256_setzero_si256();
    for (size_t i = 0; i + 1 < n; i++) {
        const vec s = t[i];
        t[i] = add(digit(s), c);
        c = carry_of(s);
    }
    t[n - 1] = add(t[n - 1], c);
}

/* r = (u - q + N * ceil(R / N)) / R mod N: the upper part of a dual product, u its cross term. R - 1 - q has the
 * complements of q's digits, so nothing goes below zero. */
INLINE void reduce_upper(vec *r, vec *u, const vec *q, const lane_mod *m, size_t digits)
{
    const vec *wrap = (const vec *)m->n_wrap;
    const vec mask = _mm256_set1_epi64x((long long)DIGIT_MASK);
    if (digits > CROSS_DIGITS_MAX)
        settle(u, 2 * digits);
    for (size_t i = 0; i < digits; i++)
        u[i] = add(u[i], add(wrap[i], _mm256_xor_si256(q[i], mask)));
    reduce(r, u, NULL, m, digits);
}

INLINE void mul_digits(const lane *l, vec *r, const vec *a, const vec *b, size_t digits)
{
    vec *t = (vec *)l->ws;
    clear(t, 2 * digits + 3);
    product_add(t, a, b, digits);
    reduce(r, t, NULL, l->m, digits);
}

INLINE void sqr_digits(const lane *l, vec *r, const vec *a, size_t digits)
{
    vec *t = (vec *)l->ws;
    square(t, a, digits);
    reduce(r, t, NULL, l->m, digits);
}

INLINE void dmul_digits(const lane *l, vec *r, const vec *a, const vec *b, size_t digits)
{
    vec *t = (vec *)l->ws, *u = t + 2 * digits + 4, *q = u + 2 * digits + 4, *low = q + digits;
    clear(t, 2 * digits + 3);
    product_add(t, a, b, digits);
    reduce(low, t, q, l->m, digits);
    clear(u, 2 * digits + 3);
    product_add(u, a, b + digits, digits);
    product_add(u, a + digits, b, digits);
    reduce_upper(r + digits, u, q, l->m, digits);
    memcpy(r, low, digits * sizeof(vec));
}

INLINE void dsqr_digits(const lane *l, vec *r, const vec *a, size_t digits)
{
    vec *t = (vec *)l->ws, *u = t + 2 * digits + 4, *q = u + 2 * digits + 4, *low = q + digits;
    square(t, a, digits);
    reduce(low, t, q, l->m, digits);
    vec *twice = t;
    for (size_t i = 0; i < digits; i++)
        twice[i] = add(a[i], a[i]);
    clear(u, 2 * digits + 3);
    product_add(u, a + digits, twice, digits);
    reduce_upper(r + digits, u, q, l->m, digits);
    memcpy(r, low, digits * sizeof(vec));
}

static void avx2_mul(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    mul_digits(l, (vec *)r, (const vec *)a, (const vec *)b, l->m->digits);
}

static void avx2_sqr(const lane *l, uint64_t *r, const uint64_t *a)
{
    sqr_digits(l, (vec *)r, (const vec *)a, l->m->digits);
}

static void avx2_sqr_double(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *bits)
{
    const size_t digits = l->m->digits;
    const vec shift = _mm256_loadu_si256((const vec *)bits);
    vec *t = (vec *)l->ws, *out = (vec *)r, c = _mm256_setzero_si256(), d = c;
    square(t, (const vec *)a, digits);
    clear_low(t, NULL, l->m, digits);
    /* The result, below 3N, squares below 2N again. A column has no room for the shift, its digit has. */
    for (size_t i = 0; i < digits; i++) {
        const vec s = add(t[digits + i], c), x = add(_mm256_sllv_epi64(digit(s), shift), d);
        out[i] = digit(x);
        c = carry_of(s);
        d = carry_of(x);
    }
}

static void avx2_dmul(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    dmul_digits(l, (vec *)r, (const vec *)a, (const vec *)b, l->m->digits);
}

static void avx2_dsqr(const lane *l, uint64_t *r, const uint64_t *a)
{
    dsqr_digits(l, (vec *)r, (const vec *)a, l->m->digits);
}

static void avx2_add(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    const size_t digits = l->m->digits;
    const vec *x = (const vec *)a, *y = (const vec *)b;
    vec c = _mm256_setzero_si256();
    for (size_t i = 0; i < digits; i++) {
        const vec s = add(add(x[i], y[i]), c);
        ((vec *)r)[i] = digit(s);
        c = carry_of(s);
    }
}

static void avx2_dadd(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    avx2_add(l, r, a, b);
    avx2_add(l, r + l->m->width, a + l->m->width, b + l->m->width);
}

static size_t avx2_digits(size_t bits)
{
    return (bits + SPARE_BITS + 4 * RADIX - 1) / (4 * RADIX) * 4;
}

static size_t avx2_width(size_t digits)
{
    return 4 * digits;
}

static size_t avx2_scratch(size_t digits)
{
    return 4 * (6 * digits + 8);
}

static size_t avx2_entry(size_t digits)
{
    return 4 * digits;
}

static size_t avx2_r_bits(size_t digits)
{
    return RADIX * digits;
}

static void avx2_load(const lane_mod *m, uint64_t *r, size_t lane, const mp_limb_t *x, size_t n)
{
    for (size_t i = 0; i < m->digits; i++) {
        const size_t limb = i * RADIX / 64, shift = i * RADIX % 64;
        uint64_t v = limb < n ? x[limb] >> shift : 0;
        if (shift + RADIX > 64 && limb + 1 < n)
            v |= x[limb + 1] << (64 - shift);
        r[4 * i + lane] = v & DIGIT_MASK;
    }
}

static void avx2_store(const lane_mod *m, mp_limb_t *x, size_t n, const uint64_t *a, size_t lane)
{
    memset(x, 0, n * sizeof *x);
    for (size_t i = 0; i < m->digits; i++) {
        const size_t limb = i * RADIX / 64, shift = i * RADIX % 64;
        const uint64_t v = a[4 * i + lane];
        if (limb < n)
            x[limb] |= v << shift;
        if (shift + RADIX > 64 && limb + 1 < n)
            x[limb + 1] |= v >> (64 - shift);
    }
}

/* Entries that one scan may compare: the masks of all of them are made first. */
#define SCAN_MAX 64

static void avx2_select(uint64_t *r, const uint64_t *table, size_t count, size_t words, const uint32_t *index)
{
    const vec want = _mm256_set_epi64x(index[3], index[2], index[1], index[0]);
    const size_t n = words / 4;
    vec masks[SCAN_MAX];
    for (size_t e = 0; e < count; e++)
        masks[e] = _mm256_cmpeq_epi64(want, _mm256_set1_epi64x((long long)e));
    for (size_t i = 0; i < n; i += 4) {
        const vec *t = (const vec *)table + i;
        vec s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
        for (size_t e = 0; e < count; e++, t += n) {
            s0 = _mm256_or_si256(s0, _mm256_and_si256(masks[e], t[0]));
            s1 = _mm256_or_si256(s1, _mm256_and_si256(masks[e], t[1]));
            s2 = _mm256_or_si256(s2, _mm256_and_si256(masks[e], t[2]));
            s3 = _mm256_or_si256(s3, _mm256_and_si256(masks[e], t[3]));
        }
        vec *out = (vec *)r + i;
        out[0] = s0;
        out[1] = s1;
        out[2] = s2;
        out[3] = s3;
    }
    ct_cleanse(masks, sizeof masks);
}

static void avx2_select_var(uint64_t *r, const uint64_t *table, size_t count, size_t words, const uint32_t *index)
{
    (void)count;
    const uint64_t *p[4];
    for (size_t k = 0; k < 4; k++)
        p[k] = table + index[k] * words + k;
    for (size_t i = 0; i < words; i += 4) {
        r[i] = p[0][i];
        r[i + 1] = p[1][i];
        r[i + 2] = p[2][i];
        r[i + 3] = p[3][i];
    }
}

static void avx2_entry_pack(const lane_mod *m, uint8_t *entry, const uint64_t *a, size_t lane, size_t parts)
{
    uint32_t *e = (uint32_t *)(void *)entry;
    for (size_t i = 0; i < parts * m->digits; i++)
        e[i] = (uint32_t)a[4 * i + lane];
}

/* Four rows of 32-bit digits, one for each lane, become vectors of four 64-bit digits. */
INLINE void spread4(vec *r, __m128i a, __m128i b, __m128i c, __m128i d)
{
    const __m128i ab0 = _mm_unpacklo_epi32(a, b), cd0 = _mm_unpacklo_epi32(c, d);
    const __m128i ab1 = _mm_unpackhi_epi32(a, b), cd1 = _mm_unpackhi_epi32(c, d);
    r[0] = _mm256_cvtepu32_epi64(_mm_unpacklo_epi64(ab0, cd0));
    r[1] = _mm256_cvtepu32_epi64(_mm_unpackhi_epi64(ab0, cd0));
    r[2] = _mm256_cvtepu32_epi64(_mm_unpacklo_epi64(ab1, cd1));
    r[3] = _mm256_cvtepu32_epi64(_mm_unpackhi_epi64(ab1, cd1));
}

static void avx2_entry_select(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                              const uint32_t *index)
{
    const size_t digits = parts * l->m->digits;
    vec masks[SCAN_MAX][4];
    vec *out = (vec *)r;
    for (size_t e = 0; e < count; e++)
        for (size_t k = 0; k < 4; k++)
            masks[e][k] = _mm256_cmpeq_epi32(_mm256_set1_epi32((int)index[k]), _mm256_set1_epi32((int)e));
    for (size_t i = 0; i < digits; i += 8) {
        const uint8_t *t = table + 4 * i;
        vec s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
        for (size_t e = 0; e < count; e++, t += 4 * digits) {
            const vec x = _mm256_loadu_si256((const vec *)(const void *)t);
            s0 = _mm256_or_si256(s0, _mm256_and_si256(x, masks[e][0]));
            s1 = _mm256_or_si256(s1, _mm256_and_si256(x, masks[e][1]));
            s2 = _mm256_or_si256(s2, _mm256_and_si256(x, masks[e][2]));
            s3 = _mm256_or_si256(s3, _mm256_and_si256(x, masks[e][3]));
        }
        spread4(out + i, _mm256_castsi256_si128(s0), _mm256_castsi256_si128(s1), _mm256_castsi256_si128(s2),
                _mm256_castsi256_si128(s3));
        if (i + 4 < digits)
            spread4(out + i + 4, _mm256_extracti128_si256(s0, 1), _mm256_extracti128_si256(s1, 1),
                    _mm256_extracti128_si256(s2, 1), _mm256_extracti128_si256(s3, 1));
    }
    ct_cleanse(masks, sizeof masks);
}

static void avx2_entry_select_var(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                                  const uint32_t *index)
{
    (void)count;
    const size_t digits = parts * l->m->digits;
    const uint8_t *p[4];
    for (size_t k = 0; k < 4; k++)
        p[k] = table + (size_t)index[k] * 4 * digits;
    for (size_t i = 0; i < digits; i += 4) {
        __m128i x[4];
        for (size_t k = 0; k < 4; k++)
            x[k] = _mm_loadu_si128((const __m128i *)(const void *)(p[k] + 4 * i));
        spread4((vec *)r + i, x[0], x[1], x[2], x[3]);
    }
}

static const lane_ops AVX2_OPS = {
    .path = MPCW_PATH_AVX2,
    .lanes = 4,
    .bits_max = RADIX * DIGITS_MAX - SPARE_BITS,
    .digits = avx2_digits,
    .width = avx2_width,
    .scratch = avx2_scratch,
    .entry = avx2_entry,
    .r_bits = avx2_r_bits,
    .load = avx2_load,
    .store = avx2_store,
    .mul = avx2_mul,
    .sqr = avx2_sqr,
    .sqr_double = avx2_sqr_double,
    .add = avx2_add,
    .dadd = avx2_dadd,
    .dmul = avx2_dmul,
    .dsqr = avx2_dsqr,
    .select = avx2_select,
    .select_var = avx2_select_var,
    .entry_pack = avx2_entry_pack,
    .entry_select = avx2_entry_select,
    .entry_select_var = avx2_entry_select_var,
};

const lane_ops *lane_avx2(void)
{
    return __builtin_cpu_supports("avx2") ? &AVX2_OPS : NULL;
}

#else

const lane_ops *lane_avx2(void)
{
    return NULL;
}

#endif
