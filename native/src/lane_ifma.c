/* The 4-lane engine of processors with AVX-512 IFMA: one lane in each 64-bit element of a vector register, no branch on data.
 *
 * Digits of 52 bits, one to a word. vpmadd52luq and vpmadd52huq multiply the lower 52 bits of two words and add the lower or
 * the upper half of the product to a third: twelve bits of a word are left for sums, so carries wait for the end of a product.
 *
 * Bounds. A residue of D digits is below 2N with R = 2^(52 D) >= 2^8 N, so products of sums of two residues reduce below 2N
 * without a final subtraction. Digits are in [0, 2^52) after every operation. A column sums up at most 4 D halves of products
 * (cross term), 2 D of a reduction, two digits (reduce_upper) and a carry, each below 2^52 but for the carry, which is below
 * 2^12: less than 2^61 for D <= 80. */
#include "lane.h"

#if defined(MPCW_VEC52_PORTABLE) || (defined(__AVX512IFMA__) && defined(__AVX512VL__))

#include <string.h>

#include "ct.h"
#include "vec52.h"

#define DIGITS_MAX 80
#define SPARE_BITS 8
/* Rows of a product that are summed up together. D is a multiple of them: 60 digits hold 3072 bits, 30 hold 1536. With ten rows
 * the sums, the row's digits and what a step needs live in the 32 registers, and the multiplications of one step, at
 * two a cycle, take longer than a sum waits for the two that it takes. */
#define ROWS 10
#define INLINE VEC52_INLINE

/* A loop of at most ROWS steps. */
#define EACH_ROW(r, from, to) VEC52_UNROLL for (size_t r = (from); r < (to); r++)

INLINE vec digit(vec a)
{
    return vec_and(a, vec_all(VEC52_MASK));
}

INLINE void clear(vec *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        t[i] = vec_all(0);
}

/* t[0 .. digits + ROWS - 1] += (sum of a_r X^r) * b, where c_r enters column r. */
INLINE void strip(vec *t, const vec *b, size_t digits, const vec *a, const vec *c)
{
    vec s[ROWS + 1], x[ROWS];
    EACH_ROW(r, 0, ROWS)
    {
        s[r] = c[r];
        x[r] = a[r];
    }
    for (size_t j = 0; j < digits; j++) {
        const vec bj = b[j];
        s[0] = vec_add(s[0], t[j]);
        s[ROWS] = vec_all(0);
        EACH_ROW(r, 0, ROWS) s[r] = vec_madd_low(s[r], bj, x[r]);
        t[j] = s[0];
        EACH_ROW(r, 0, ROWS) s[r] = vec_madd_high(s[r + 1], bj, x[r]);
    }
    EACH_ROW(r, 0, ROWS) t[digits + r] = vec_add(t[digits + r], s[r]);
}

/* t[0 .. 2 digits - 1] += a * b */
INLINE void product_add(vec *t, const vec *a, const vec *b, size_t digits)
{
    vec none[ROWS];
    clear(none, ROWS);
    for (size_t i = 0; i < digits; i += ROWS)
        strip(t + i, b, digits, a + i, none);
}

/* t = a^2: the rows' products right of the diagonal, doubled, and the squares of the digits. */
INLINE void square(vec *t, const vec *a, size_t digits)
{
    clear(t, 2 * digits);
    for (size_t i = 0; i < digits; i += ROWS) {
        vec *p = t + 2 * i, c[2 * ROWS];
        clear(c, 2 * ROWS);
        EACH_ROW(r, 0, ROWS)
        {
            EACH_ROW(k, r + 1, ROWS)
            {
                c[r + k] = vec_madd_low(c[r + k], a[i + r], a[i + k]);
                c[r + k + 1] = vec_madd_high(c[r + k + 1], a[i + r], a[i + k]);
            }
        }
        EACH_ROW(r, 0, ROWS) p[r] = vec_add(p[r], c[r]);
        strip(p + ROWS, a + i + ROWS, digits - i - ROWS, a + i, c + ROWS);
    }
    for (size_t i = 0; i < digits; i++) {
        t[2 * i] = vec_madd_low(vec_add(t[2 * i], t[2 * i]), a[i], a[i]);
        t[2 * i + 1] = vec_madd_high(vec_add(t[2 * i + 1], t[2 * i + 1]), a[i], a[i]);
    }
}

/* Clear the columns p[0 .. ROWS - 1] by adding multiples of N, and keep the multiples in q. */
INLINE void reduce_rows(vec *p, vec *q, const vec *n, vec ninv, size_t digits)
{
    /* The first columns are summed up here, for each row's digit depends on the rows above. */
    vec k[ROWS], c[2 * ROWS], x = p[0];
    clear(c, 2 * ROWS);
    EACH_ROW(row, 0, ROWS)
    {
        k[row] = vec_madd_low(vec_all(0), x, ninv);
        /* x plus the lower half of k_row n_0 is the next multiple of 2^52: what it carries does not depend on k_row */
        const vec carry = vec_carry(vec_add(x, vec_all(VEC52_MASK)));
        EACH_ROW(column, 1, ROWS)
        {
            c[row + column] = vec_madd_low(c[row + column], k[row], n[column]);
            if (column > 1)
                c[row + column] = vec_madd_high(c[row + column], k[row], n[column - 1]);
        }
        c[row + ROWS] = vec_madd_high(c[row + ROWS], k[row], n[ROWS - 1]);
        /* the next column, by two sums side by side: the way to the next digit is the longest */
        x = vec_madd_high(row + 1 < ROWS ? vec_add(p[row + 1], carry) : carry, k[row], n[0]);
        if (row + 1 < ROWS)
            x = vec_add(x, c[row + 1]);
        else
            c[ROWS] = vec_add(c[ROWS], x);
        q[row] = k[row];
    }
    strip(p + ROWS, n + ROWS, digits - ROWS, k, c + ROWS);
}

/* t[digits ..] = t / R mod N in columns, for the columns t[0 .. 2 digits - 1]; q = the quotient's digits. */
INLINE void clear_low(vec *t, vec *q, const lane_mod *m, size_t digits)
{
    const vec ninv = vec_load(m->ninv);
    for (size_t i = 0; i < digits; i += ROWS)
        reduce_rows(t + i, q + i, (const vec *)m->n, ninv, digits);
}

/* r = t / R mod N for the columns t, which are consumed; see clear_low. */
INLINE void reduce(vec *r, vec *t, vec *q, const lane_mod *m, size_t digits)
{
    clear_low(t, q, m, digits);
    vec c = vec_all(0);
    for (size_t i = 0; i < digits; i++) {
        const vec s = vec_add(t[digits + i], c);
        r[i] = digit(s);
        c = vec_carry(s);
    }
}

/* r = (u - q + N * ceil(R / N)) / R mod N: the upper part of a dual product, u its cross term. R - 1 - q has the complements of
 * q's digits, so nothing goes below zero. q is consumed. */
INLINE void reduce_upper(vec *r, vec *u, vec *q, const lane_mod *m, size_t digits)
{
    const vec *wrap = (const vec *)m->n_wrap;
    for (size_t i = 0; i < digits; i++)
        u[i] = vec_add(u[i], vec_add(wrap[i], vec_xor(q[i], vec_all(VEC52_MASK))));
    reduce(r, u, q, m, digits);
}

/* The scratch of a call: two products, a quotient, a residue. */
typedef struct scratch {
    vec *t, *u, *q, *low;
} scratch;

INLINE scratch scratch_of(const lane *l)
{
    const size_t digits = l->m->digits;
    scratch s;
    s.t = (vec *)l->ws;
    s.u = s.t + 2 * digits;
    s.q = s.u + 2 * digits;
    s.low = s.q + digits;
    return s;
}

static void ifma_mul(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    clear(s.t, 2 * digits);
    product_add(s.t, (const vec *)a, (const vec *)b, digits);
    reduce((vec *)r, s.t, s.q, l->m, digits);
}

static void ifma_sqr(const lane *l, uint64_t *r, const uint64_t *a)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    square(s.t, (const vec *)a, digits);
    reduce((vec *)r, s.t, s.q, l->m, digits);
}

static void ifma_sqr_double(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *exponents)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    const vec shift = vec_load(exponents);
    vec c = vec_all(0), d = c;
    square(s.t, (const vec *)a, digits);
    clear_low(s.t, s.q, l->m, digits);
    /* The result, below 3N, squares below 2N again. */
    for (size_t i = 0; i < digits; i++) {
        const vec sum = vec_add(s.t[digits + i], c), x = vec_add(vec_shift_left(digit(sum), shift), d);
        ((vec *)r)[i] = digit(x);
        c = vec_carry(sum);
        d = vec_carry(x);
    }
}

static void ifma_dmul(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    const vec *x = (const vec *)a, *y = (const vec *)b;
    clear(s.t, 4 * digits); /* and u behind it */
    product_add(s.t, x, y, digits);
    reduce(s.low, s.t, s.q, l->m, digits);
    product_add(s.u, x, y + digits, digits);
    product_add(s.u, x + digits, y, digits);
    reduce_upper((vec *)r + digits, s.u, s.q, l->m, digits);
    memcpy(r, s.low, digits * sizeof(vec));
}

static void ifma_dsqr(const lane *l, uint64_t *r, const uint64_t *a)
{
    const size_t digits = l->m->digits;
    const scratch s = scratch_of(l);
    const vec *x = (const vec *)a;
    square(s.t, x, digits);
    reduce(s.low, s.t, s.q, l->m, digits);
    clear(s.u, 2 * digits);
    product_add(s.u, x, x + digits, digits);
    for (size_t i = 0; i < 2 * digits; i++)
        s.u[i] = vec_add(s.u[i], s.u[i]);
    reduce_upper((vec *)r + digits, s.u, s.q, l->m, digits);
    memcpy(r, s.low, digits * sizeof(vec));
}

static void ifma_add(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    const vec *x = (const vec *)a, *y = (const vec *)b;
    vec c = vec_all(0);
    for (size_t i = 0; i < l->m->digits; i++) {
        const vec s = vec_add(vec_add(x[i], y[i]), c);
        ((vec *)r)[i] = digit(s);
        c = vec_carry(s);
    }
}

static void ifma_dadd(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ifma_add(l, r, a, b);
    ifma_add(l, r + l->m->width, a + l->m->width, b + l->m->width);
}

static size_t ifma_digits(size_t bits)
{
    return (bits + SPARE_BITS + VEC52_BITS * ROWS - 1) / (VEC52_BITS * ROWS) * ROWS;
}

static size_t ifma_width(size_t digits)
{
    return VEC52_LANES * digits;
}

static size_t ifma_scratch(size_t digits)
{
    return VEC52_LANES * 6 * digits;
}

/* A packed table is cut into columns of eight digits, one cache line of each entry: a scan reads it in order. */
#define COLUMN 8

static size_t ifma_entry(size_t digits)
{
    return 8 * ((digits + COLUMN - 1) / COLUMN * COLUMN);
}

static size_t ifma_r_bits(size_t digits)
{
    return VEC52_BITS * digits;
}

static void ifma_load(const lane_mod *m, uint64_t *r, size_t lane, const mp_limb_t *x, size_t n)
{
    for (size_t i = 0; i < m->digits; i++) {
        const size_t limb = i * VEC52_BITS / 64, shift = i * VEC52_BITS % 64;
        uint64_t v = limb < n ? x[limb] >> shift : 0;
        if (shift + VEC52_BITS > 64 && limb + 1 < n)
            v |= x[limb + 1] << (64 - shift);
        r[VEC52_LANES * i + lane] = v & VEC52_MASK;
    }
}

static void ifma_store(const lane_mod *m, mp_limb_t *x, size_t n, const uint64_t *a, size_t lane)
{
    memset(x, 0, n * sizeof *x);
    for (size_t i = 0; i < m->digits; i++) {
        const size_t limb = i * VEC52_BITS / 64, shift = i * VEC52_BITS % 64;
        const uint64_t v = a[VEC52_LANES * i + lane];
        if (limb < n)
            x[limb] |= v << shift;
        if (shift + VEC52_BITS > 64 && limb + 1 < n)
            x[limb + 1] |= v >> (64 - shift);
    }
}

static void ifma_select(uint64_t *r, const uint64_t *table, size_t count, size_t words, const uint32_t *index)
{
    uint64_t each[VEC52_LANES] = {index[0], index[1], index[2], index[3]};
    const vec want = vec_load(each);
    for (size_t i = 0; i < words; i += VEC52_LANES * ROWS) {
        vec *out = (vec *)(r + i), chosen[ROWS];
        clear(chosen, ROWS);
        for (size_t e = 0; e < count; e++) {
            const vec *t = (const vec *)(table + e * words + i);
            const vec_mask mask = vec_equal(want, vec_all(e));
            EACH_ROW(row, 0, ROWS) chosen[row] = vec_choose(mask, t[row], chosen[row]);
        }
        EACH_ROW(row, 0, ROWS) out[row] = chosen[row];
    }
    ct_cleanse(each, sizeof each);
}

static void ifma_select_var(uint64_t *r, const uint64_t *table, size_t count, size_t words, const uint32_t *index)
{
    (void)count;
    for (size_t i = 0; i < words; i += VEC52_LANES)
        for (size_t k = 0; k < VEC52_LANES; k++)
            r[i + k] = table[index[k] * words + i + k];
}

static void ifma_entry_pack(const lane_mod *m, uint8_t *table, size_t count, size_t e, const uint64_t *a, size_t lane,
                            size_t parts)
{
    const size_t digits = parts * m->digits;
    uint64_t *t = (uint64_t *)(void *)table + e * COLUMN;
    for (size_t i = 0; i < (digits + COLUMN - 1) / COLUMN * COLUMN; i++)
        t[i / COLUMN * COLUMN * count + i % COLUMN] = i < digits ? a[VEC52_LANES * i + lane] : 0;
}

/* Four digits of each of four lanes become four vectors, of which those below digits are stored. */
INLINE void put(vec *r, size_t digits, vec v[VEC52_LANES])
{
    vec_transpose(v);
    for (size_t i = 0; i < VEC52_LANES && i < digits; i++)
        r[i] = v[i];
}

static void ifma_entry_select_each(const lane *l, uint64_t *r, const uint8_t *const table[LANES_MAX], size_t count,
                                   size_t parts, const uint32_t *index)
{
    const size_t digits = parts * l->m->digits;
    const vec *t[VEC52_LANES];
    vec want[VEC52_LANES];
    for (size_t k = 0; k < VEC52_LANES; k++) {
        t[k] = (const vec *)(const void *)table[k];
        want[k] = vec_all(index[k]);
    }
    for (size_t i = 0; i < digits; i += COLUMN) {
        vec lower[VEC52_LANES], upper[VEC52_LANES], number = vec_all(0);
        clear(lower, VEC52_LANES);
        clear(upper, VEC52_LANES);
        for (size_t e = 0; e < count; e++) {
            for (size_t k = 0; k < VEC52_LANES; k++) {
                const vec_mask mask = vec_equal(want[k], number);
                lower[k] = vec_choose(mask, *t[k]++, lower[k]);
                upper[k] = vec_choose(mask, *t[k]++, upper[k]);
            }
            number = vec_add(number, vec_all(1));
        }
        put((vec *)r + i, digits - i, lower);
        if (digits - i > VEC52_LANES)
            put((vec *)r + i + VEC52_LANES, digits - i - VEC52_LANES, upper);
    }
}

static void ifma_entry_select(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                              const uint32_t *index)
{
    const uint8_t *const each[LANES_MAX] = {table, table, table, table};
    ifma_entry_select_each(l, r, each, count, parts, index);
}

static void ifma_entry_select_var(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                                  const uint32_t *index)
{
    const size_t digits = parts * l->m->digits;
    for (size_t i = 0; i < digits; i += VEC52_LANES) {
        vec x[VEC52_LANES];
        for (size_t k = 0; k < VEC52_LANES; k++) {
            const size_t place = i / COLUMN * COLUMN * count + index[k] * COLUMN + i % COLUMN;
            x[k] = vec_load((const uint64_t *)(const void *)table + place);
        }
        put((vec *)r + i, digits - i, x);
    }
}

static const lane_ops IFMA_OPS = {
    .path = MPCW_PATH_IFMA,
    .lanes = VEC52_LANES,
    .bits_max = VEC52_BITS * DIGITS_MAX - SPARE_BITS,
    .digits = ifma_digits,
    .width = ifma_width,
    .scratch = ifma_scratch,
    .entry = ifma_entry,
    .r_bits = ifma_r_bits,
    .load = ifma_load,
    .store = ifma_store,
    .mul = ifma_mul,
    .sqr = ifma_sqr,
    .sqr_double = ifma_sqr_double,
    .add = ifma_add,
    .dadd = ifma_dadd,
    .dmul = ifma_dmul,
    .dsqr = ifma_dsqr,
    .select = ifma_select,
    .select_var = ifma_select_var,
    .entry_pack = ifma_entry_pack,
    .entry_select = ifma_entry_select,
    .entry_select_each = ifma_entry_select_each,
    .entry_select_var = ifma_entry_select_var,
};

#if defined(MPCW_VEC52_PORTABLE)
const lane_ops *lane_ifma_portable(void)
{
    return &IFMA_OPS;
}
#else
const lane_ops *lane_ifma(void)
{
    return __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vl") ? &IFMA_OPS : NULL;
}
#endif

#else

const lane_ops *lane_ifma(void)
{
    return NULL;
}

#endif
