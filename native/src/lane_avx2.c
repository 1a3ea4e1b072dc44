/* The 4-lane engine: one lane in each 64-bit element of a vector register, no branch on data.
 *
 * Digits of 51 bits are kept as doubles, so that fused multiply-adds give both halves of a product: h = a b + 2^103 is rounded
 * to a multiple of 2^51 and holds the upper half in its mantissa, and a b + (2^103 + 3 * 2^51 - h) is the exact rest, which may
 * be negative, over 3 * 2^51. Both are added up as 64-bit integers together with their exponents, which are a known constant
 * for each column (its bias). This holds in every rounding mode, and no number is subnormal, so the instructions take
 * constant time.
 *
 * Bounds. A residue of D digits is below 2N with R = 2^(51 D) >= 2^8 N, so products of sums of two residues reduce below 2N
 * without a final subtraction. Digits are in [0, 2^51) after every operation. A column sums up at most 4 D halves of products
 * (cross term) and 2 D of a reduction, each below 2^51: less than 2^61 for D <= 81. */
#include "lane.h"

#if defined(__AVX2__) && defined(__FMA__)

#include <immintrin.h>
#include <string.h>

#include "ct.h"

#define RADIX 51
#define DIGIT_MASK ((1ULL << RADIX) - 1)
#define DIGITS_MAX 81
#define SPARE_BITS 8
/* Rows of a product that are summed up together. D is a multiple of them and one more: 61 digits hold 3072 bits, 31 hold 1536. */
#define ROWS 5
#define INLINE static inline __attribute__((always_inline))

/* 2^103, 3 * 2^51 and 2^52 and their bits as doubles. */
#define HIGH 0x1p103
#define LOW 0x1.8p52
#define UNIT 0x1p52
#define BIAS_HIGH 0x4660000000000000ULL
#define BIAS_LOW 0x4338000000000000ULL
#define BIAS_UNIT 0x4330000000000000ULL

typedef __m256i vec;
typedef __m256d dvec;

INLINE vec all(uint64_t x)
{
    return _mm256_set1_epi64x((long long)x);
}

INLINE vec add(vec a, vec b)
{
    return _mm256_add_epi64(a, b);
}

INLINE vec digit(vec a)
{
    return _mm256_and_si256(a, all(DIGIT_MASK));
}

/* a / 2^51, rounded down, for |a| < 2^62 */
INLINE vec carry_of(vec a)
{
    return _mm256_sub_epi64(_mm256_srli_epi64(add(a, all(1ULL << 62)), RADIX), all(1ULL << (62 - RADIX)));
}

/* Integers below 2^52 to doubles and back. */
INLINE dvec to_double(vec a)
{
    return _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(a, all(BIAS_UNIT))), _mm256_set1_pd(UNIT));
}

INLINE vec to_integer(dvec a)
{
    return digit(_mm256_castpd_si256(_mm256_add_pd(a, _mm256_set1_pd(UNIT))));
}

/* The halves of a * b, over 2^103 and over 3 * 2^51. */
INLINE dvec high(dvec a, dvec b)
{
    return _mm256_fmadd_pd(a, b, _mm256_set1_pd(HIGH));
}

INLINE dvec low(dvec a, dvec b, dvec h)
{
    return _mm256_fmadd_pd(a, b, _mm256_sub_pd(_mm256_set1_pd(HIGH + LOW), h));
}

INLINE vec bits(dvec a)
{
    return _mm256_castpd_si256(a);
}

/* A loop of at most ROWS steps, unrolled so that its arrays live in registers. */
#define EACH_ROW(r, rows) _Pragma("GCC unroll 8") for (size_t r = 0; r < (rows); r++)

/* t[0 .. digits + rows - 1] += (sum of a_r X^r) * b with biases, where c_r enters column r. */
INLINE void strip(vec *t, const dvec *b, size_t digits, const dvec *a, const vec *c, size_t rows)
{
    vec s[ROWS];
    dvec x[ROWS];
    EACH_ROW(r, rows)
    {
        s[r] = c[r];
        x[r] = a[r];
    }
    for (size_t j = 0; j < digits; j++) {
        const dvec bj = b[j];
        vec upper = t[j];
        EACH_ROW(r, rows)
        {
            const dvec h = high(bj, x[r]);
            const vec sum = add(add(upper, s[r]), bits(low(bj, x[r], h)));
            upper = bits(h);
            if (r == 0)
                t[j] = sum;
            else
                s[r - 1] = sum;
        }
        s[rows - 1] = upper;
    }
    EACH_ROW(r, rows) t[digits + r] = add(t[digits + r], s[r]);
}

/* t[k] = t[k] - the bias of times products of digits by digits, for every column. */
INLINE void subtract_bias(vec *t, size_t digits, uint64_t times)
{
    const vec step = all(times * (BIAS_LOW + BIAS_HIGH));
    /* column k takes min(k + 1, 2 digits - 1 - k) lower halves, and as many upper ones as column k - 1 takes lower */
    vec first = all(times * BIAS_LOW), last = all(times * BIAS_HIGH);
    for (size_t k = 0; k < digits; k++) {
        t[k] = _mm256_sub_epi64(t[k], first);
        t[2 * digits - 1 - k] = _mm256_sub_epi64(t[2 * digits - 1 - k], last);
        first = add(first, step);
        last = add(last, step);
    }
}

INLINE void clear(vec *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        t[i] = _mm256_setzero_si256();
}

/* t[0 .. 2 digits - 1] += a * b, with biases */
INLINE void product_add(vec *t, const dvec *a, const dvec *b, size_t digits)
{
    const vec none[ROWS] = {{0}};
    size_t i = 0;
    for (; i + 1 < digits; i += ROWS)
        strip(t + i, b, digits, a + i, none, ROWS);
    strip(t + i, b, digits, a + i, none, 1);
}

/* t = a^2 without biases: the rows' products right of the diagonal, doubled, and the squares of the digits. */
INLINE void square(vec *t, const dvec *a, size_t digits)
{
    clear(t, 2 * digits + ROWS);
    /* the last row has nothing right of the diagonal */
    for (size_t i = 0; i + 1 < digits; i += ROWS) {
        vec *p = t + 2 * i, c[2 * ROWS] = {{0}};
        EACH_ROW(r, ROWS)
        {
            EACH_ROW(k, ROWS)
            {
                if (k <= r)
                    continue;
                const dvec h = high(a[i + r], a[i + k]);
                c[r + k] = add(c[r + k], bits(low(a[i + r], a[i + k], h)));
                c[r + k + 1] = add(c[r + k + 1], bits(h));
            }
        }
        EACH_ROW(r, ROWS) p[r] = add(p[r], c[r]);
        strip(p + ROWS, a + i + ROWS, digits - i - ROWS, a + i, c + ROWS, ROWS);
    }
    for (size_t k = 0; k < 2 * digits; k++) {
        /* of the pairs i + j = k half are right of the diagonal, but for i = j */
        const size_t lower = k < digits ? k + 1 : 2 * digits - 1 - k;
        const size_t upper = k <= digits ? k : 2 * digits - k;
        const vec v = _mm256_sub_epi64(t[k], all(lower / 2 * BIAS_LOW + upper / 2 * BIAS_HIGH));
        t[k] = add(v, v);
    }
    for (size_t i = 0; i < digits; i++) {
        const dvec h = high(a[i], a[i]);
        t[2 * i] = add(t[2 * i], _mm256_sub_epi64(bits(low(a[i], a[i], h)), all(BIAS_LOW)));
        t[2 * i + 1] = add(t[2 * i + 1], _mm256_sub_epi64(bits(h), all(BIAS_HIGH)));
    }
}

/* The quotient digit in [0, 2^51) that clears a column x: the low bits of x * ninv, by halves of 32 bits. */
INLINE vec quotient(vec x, vec ninv)
{
    const vec cross = add(_mm256_mul_epu32(x, _mm256_srli_epi64(ninv, 32)),
                          _mm256_mul_epu32(_mm256_srli_epi64(x, 32), ninv));
    return digit(add(_mm256_mul_epu32(x, ninv), _mm256_slli_epi64(cross, 32)));
}

/* Clear the columns p[0 .. rows - 1] by adding multiples of N, and keep the multiples in q unless it is NULL. */
INLINE void reduce_rows(vec *p, vec *q, const lane_mod *m, vec ninv, size_t digits, size_t rows)
{
    const dvec *n = (const dvec *)m->n;
    vec c[2 * ROWS + 1] = {{0}};
    dvec k[ROWS];
    /* The first columns are summed up here, for each row's digit depends on the rows above. */
    EACH_ROW(row, rows)
    {
        /* all of the column but this row's lower half, whose bias is subtracted already */
        const vec x = add(p[row], c[row]), digit_of_row = quotient(add(x, all(BIAS_LOW)), ninv);
        k[row] = to_double(digit_of_row);
        EACH_ROW(column, rows)
        {
            const dvec h = high(k[row], n[column]);
            const vec l = bits(low(k[row], n[column], h));
            if (column == 0)
                c[row + 1] = add(c[row + 1], carry_of(add(x, l)));
            else
                c[row + column] = add(c[row + column], l);
            c[row + column + 1] = add(c[row + column + 1], bits(h));
        }
        if (q)
            q[row] = digit_of_row;
    }
    strip(p + rows, n + rows, digits - rows, k, c + rows, rows);
}

/* t[digits ..] = t / R mod N in columns, for the columns t[0 .. 2 digits - 1], which had the bias of the reduction subtracted;
 * with q the quotient's digits. */
INLINE void clear_low(vec *t, vec *q, const lane_mod *m, size_t digits)
{
    const vec ninv = _mm256_loadu_si256((const vec *)m->ninv);
    size_t i = 0;
    for (; i + 1 < digits; i += ROWS)
        reduce_rows(t + i, q ? q + i : NULL, m, ninv, digits, ROWS);
    reduce_rows(t + i, q ? q + i : NULL, m, ninv, digits, 1);
}

/* r = t / R mod N for the columns t, which are consumed; see clear_low. */
INLINE void reduce(dvec *r, vec *t, vec *q, const lane_mod *m, size_t digits)
{
    clear_low(t, q, m, digits);
    vec c = _mm256_setzero_si256();
    for (size_t i = 0; i < digits; i++) {
        const vec s = add(t[digits + i], c);
        r[i] = to_double(digit(s));
        c = carry_of(s);
    }
}

/* r = (u - q + N * ceil(R / N)) / R mod N: the upper part of a dual product, u its cross term. R - 1 - q has the complements of
 * q's digits, so nothing goes below zero. */
INLINE void reduce_upper(dvec *r, vec *u, const vec *q, const lane_mod *m, size_t digits)
{
    const dvec *wrap = (const dvec *)m->n_wrap;
    for (size_t i = 0; i < digits; i++)
        u[i] = add(u[i], add(to_integer(wrap[i]), _mm256_xor_si256(q[i], all(DIGIT_MASK))));
    reduce(r, u, NULL, m, digits);
}

/* The scratch of a call: two products, a quotient, a residue. */
typedef struct scratch {
    vec *t, *u, *q;
    dvec *low;
} scratch;

INLINE scratch scratch_of(const lane *l)
{
    const size_t digits = l->m->digits;
    scratch s;
    s.t = (vec *)l->ws;
    s.u = s.t + 2 * digits + ROWS;
    s.q = s.u + 2 * digits + ROWS;
    s.low = (dvec *)(s.q + digits);
    return s;
}

static void avx2_mul(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    clear(s.t, 2 * digits + ROWS);
    subtract_bias(s.t, digits, 2); /* of the product and of its reduction */
    product_add(s.t, (const dvec *)a, (const dvec *)b, digits);
    reduce((dvec *)r, s.t, NULL, l->m, digits);
}

static void avx2_sqr(const lane *l, uint64_t *r, const uint64_t *a)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    square(s.t, (const dvec *)a, digits);
    subtract_bias(s.t, digits, 1);
    reduce((dvec *)r, s.t, NULL, l->m, digits);
}

static void avx2_sqr_double(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *exponents)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    const vec shift = _mm256_loadu_si256((const vec *)exponents);
    vec c = _mm256_setzero_si256(), d = c;
    square(s.t, (const dvec *)a, digits);
    subtract_bias(s.t, digits, 1);
    clear_low(s.t, NULL, l->m, digits);
    /* The result, below 3N, squares below 2N again. */
    for (size_t i = 0; i < digits; i++) {
        const vec sum = add(s.t[digits + i], c), x = add(_mm256_sllv_epi64(digit(sum), shift), d);
        ((dvec *)r)[i] = to_double(digit(x));
        c = carry_of(sum);
        d = carry_of(x);
    }
}

static void avx2_dmul(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    const dvec *x = (const dvec *)a, *y = (const dvec *)b;
    clear(s.t, 2 * digits + ROWS);
    subtract_bias(s.t, digits, 2);
    product_add(s.t, x, y, digits);
    reduce(s.low, s.t, s.q, l->m, digits);
    clear(s.u, 2 * digits + ROWS);
    subtract_bias(s.u, digits, 3);
    product_add(s.u, x, y + digits, digits);
    product_add(s.u, x + digits, y, digits);
    reduce_upper((dvec *)r + digits, s.u, s.q, l->m, digits);
    memcpy(r, s.low, digits * sizeof(dvec));
}

static void avx2_dsqr(const lane *l, uint64_t *r, const uint64_t *a)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    const dvec *x = (const dvec *)a;
    square(s.t, x, digits);
    subtract_bias(s.t, digits, 1);
    reduce(s.low, s.t, s.q, l->m, digits);
    clear(s.u, 2 * digits + ROWS);
    subtract_bias(s.u, digits, 1);
    product_add(s.u, x, x + digits, digits);
    for (size_t i = 0; i < 2 * digits; i++)
        s.u[i] = add(s.u[i], s.u[i]);
    subtract_bias(s.u, digits, 1);
    reduce_upper((dvec *)r + digits, s.u, s.q, l->m, digits);
    memcpy(r, s.low, digits * sizeof(dvec));
}

static void avx2_add(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    const dvec *x = (const dvec *)a, *y = (const dvec *)b;
    vec c = _mm256_setzero_si256();
    for (size_t i = 0; i < l->m->digits; i++) {
        const vec s = add(add(to_integer(x[i]), to_integer(y[i])), c);
        ((dvec *)r)[i] = to_double(digit(s));
        c = carry_of(s);
    }
}

static void avx2_dadd(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    avx2_add(l, r, a, b);
    avx2_add(l, r + l->m->width, a + l->m->width, b + l->m->width);
}

static size_t avx2_digits(size_t n)
{
    const size_t least = (n + SPARE_BITS + RADIX - 1) / RADIX;
    return (least - 1 + ROWS - 1) / ROWS * ROWS + 1;
}

static size_t avx2_width(size_t digits)
{
    return 4 * digits;
}

static size_t avx2_scratch(size_t digits)
{
    return 4 * (6 * digits + 2 * ROWS);
}

/* A packed table is cut into columns of eight digits, one cache line of each entry: a scan reads it in order. */
#define COLUMN 8

static size_t avx2_entry(size_t digits)
{
    return 8 * ((digits + COLUMN - 1) / COLUMN * COLUMN);
}

static size_t avx2_r_bits(size_t digits)
{
    return RADIX * digits;
}

/* A digit as the bits of a double and back. */
static uint64_t double_bits(uint64_t v)
{
    double d;
    v |= BIAS_UNIT;
    memcpy(&d, &v, sizeof d);
    d -= UNIT;
    memcpy(&v, &d, sizeof v);
    return v;
}

static uint64_t digit_of(uint64_t v)
{
    double d;
    memcpy(&d, &v, sizeof d);
    d += UNIT;
    memcpy(&v, &d, sizeof v);
    return v & DIGIT_MASK;
}

static void avx2_load(const lane_mod *m, uint64_t *r, size_t lane, const mp_limb_t *x, size_t n)
{
    for (size_t i = 0; i < m->digits; i++) {
        const size_t limb = i * RADIX / 64, shift = i * RADIX % 64;
        uint64_t v = limb < n ? x[limb] >> shift : 0;
        if (shift + RADIX > 64 && limb + 1 < n)
            v |= x[limb + 1] << (64 - shift);
        r[4 * i + lane] = double_bits(v & DIGIT_MASK);
    }
}

static void avx2_store(const lane_mod *m, mp_limb_t *x, size_t n, const uint64_t *a, size_t lane)
{
    memset(x, 0, n * sizeof *x);
    for (size_t i = 0; i < m->digits; i++) {
        const size_t limb = i * RADIX / 64, shift = i * RADIX % 64;
        const uint64_t v = digit_of(a[4 * i + lane]);
        if (limb < n)
            x[limb] |= v << shift;
        if (shift + RADIX > 64 && limb + 1 < n)
            x[limb + 1] |= v >> (64 - shift);
    }
}

static void avx2_select(uint64_t *r, const uint64_t *table, size_t count, size_t words, const uint32_t *index)
{
    const vec want = _mm256_set_epi64x(index[3], index[2], index[1], index[0]);
    const vec *t = (const vec *)table;
    vec *out = (vec *)r;
    clear(out, words / 4);
    for (size_t e = 0; e < count; e++, t += words / 4) {
        const vec mask = _mm256_cmpeq_epi64(want, all(e));
        for (size_t i = 0; i < words / 4; i++)
            out[i] = _mm256_or_si256(out[i], _mm256_and_si256(mask, t[i]));
    }
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

static void avx2_entry_pack(const lane_mod *m, uint8_t *table, size_t count, size_t e, const uint64_t *a, size_t lane,
                            size_t parts)
{
    const size_t digits = parts * m->digits;
    uint64_t *t = (uint64_t *)(void *)table + e * COLUMN;
    for (size_t i = 0; i < (digits + COLUMN - 1) / COLUMN * COLUMN; i++)
        t[i / COLUMN * COLUMN * count + i % COLUMN] = i < digits ? a[4 * i + lane] : 0;
}

/* Four digits of each of four lanes become four vectors, of which the first count are stored. */
INLINE void transpose(vec *r, size_t count, vec a, vec b, vec c, vec d)
{
    const vec ab0 = _mm256_unpacklo_epi64(a, b), ab1 = _mm256_unpackhi_epi64(a, b);
    const vec cd0 = _mm256_unpacklo_epi64(c, d), cd1 = _mm256_unpackhi_epi64(c, d);
    const vec all_four[4] = {_mm256_permute2x128_si256(ab0, cd0, 0x20), _mm256_permute2x128_si256(ab1, cd1, 0x20),
                             _mm256_permute2x128_si256(ab0, cd0, 0x31), _mm256_permute2x128_si256(ab1, cd1, 0x31)};
    for (size_t i = 0; i < 4 && i < count; i++)
        r[i] = all_four[i];
}

/* Entries that one scan may compare: the masks of all of them are made first. */
#define SCAN_MAX 64

static void avx2_entry_select(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                              const uint32_t *index)
{
    const size_t digits = parts * l->m->digits;
    const vec *t = (const vec *)(const void *)table;
    vec masks[SCAN_MAX][4];
    for (size_t e = 0; e < count; e++)
        for (size_t k = 0; k < 4; k++)
            masks[e][k] = _mm256_cmpeq_epi64(all(index[k]), all(e));
    for (size_t i = 0; i < digits; i += COLUMN) {
        vec s[4][2];
        clear(&s[0][0], 8);
        for (size_t e = 0; e < count; e++, t += 2) {
            const vec x = t[0], y = t[1];
            for (size_t k = 0; k < 4; k++) {
                s[k][0] = _mm256_or_si256(s[k][0], _mm256_and_si256(x, masks[e][k]));
                s[k][1] = _mm256_or_si256(s[k][1], _mm256_and_si256(y, masks[e][k]));
            }
        }
        vec *out = (vec *)r + i;
        transpose(out, digits - i, s[0][0], s[1][0], s[2][0], s[3][0]);
        if (digits - i > 4)
            transpose(out + 4, digits - i - 4, s[0][1], s[1][1], s[2][1], s[3][1]);
    }
    ct_cleanse(masks, sizeof masks);
}

/* Masks are made anew for each entry: four tables leave the loads no time for them. */
static void avx2_entry_select_each(const lane *l, uint64_t *r, const uint8_t *const table[LANES_MAX], size_t count,
                                   size_t parts, const uint32_t *index)
{
    const size_t digits = parts * l->m->digits;
    const vec *t[4];
    vec want[4];
    for (size_t k = 0; k < 4; k++) {
        t[k] = (const vec *)(const void *)table[k];
        want[k] = all(index[k]);
    }
    for (size_t i = 0; i < digits; i += COLUMN) {
        vec s[4][2], number = _mm256_setzero_si256();
        clear(&s[0][0], 8);
        for (size_t e = 0; e < count; e++) {
            for (size_t k = 0; k < 4; k++) {
                const vec mask = _mm256_cmpeq_epi64(want[k], number);
                s[k][0] = _mm256_or_si256(s[k][0], _mm256_and_si256(*t[k]++, mask));
                s[k][1] = _mm256_or_si256(s[k][1], _mm256_and_si256(*t[k]++, mask));
            }
            number = add(number, all(1));
        }
        vec *out = (vec *)r + i;
        transpose(out, digits - i, s[0][0], s[1][0], s[2][0], s[3][0]);
        if (digits - i > 4)
            transpose(out + 4, digits - i - 4, s[0][1], s[1][1], s[2][1], s[3][1]);
    }
}

static void avx2_entry_select_var(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                                  const uint32_t *index)
{
    const size_t digits = parts * l->m->digits;
    for (size_t i = 0; i < digits; i += 4) {
        vec x[4];
        for (size_t k = 0; k < 4; k++) {
            const size_t place = i / COLUMN * COLUMN * count + index[k] * COLUMN + i % COLUMN;
            x[k] = _mm256_load_si256((const vec *)(const void *)(table + 8 * place));
        }
        transpose((vec *)r + i, digits - i, x[0], x[1], x[2], x[3]);
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
    .entry_select_each = avx2_entry_select_each,
    .entry_select_var = avx2_entry_select_var,
};

const lane_ops *lane_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &AVX2_OPS : NULL;
}

#else

const lane_ops *lane_avx2(void)
{
    return NULL;
}

#endif
