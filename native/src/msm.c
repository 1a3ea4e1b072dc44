/* Sums k_1 P_1 + ... + k_n P_n of public points. Each k is split as k' + k'' lambda with halves below 2^128, where
 * lambda (x, y) = (beta x, y) is the endomorphism of secp256k1 (Gallant, Lambert, Vanstone). */
#include <stdlib.h>
#include <string.h>

#include "point.h"

enum {
    STRAUS_WIDTH = 5,                        /* digits are odd, below 2^(width - 1) in absolute value */
    STRAUS_TABLE = 1 << (STRAUS_WIDTH - 2),  /* P, 3P, ..., 15P */
    STRAUS_DIGITS = 129,
    PIPPENGER_MIN = 64 /* points from which buckets beat tables, by measurement */
};

/* A number below 2^128 in absolute value. */
typedef struct half {
    uint64_t v[2];
    int negative;
} half;

/* Rounded a * b / 2^384. */
static void mul_shift_384(scalar *r, const scalar *a, const uint64_t b[4])
{
    uint64_t wide[8] = {0};

    for (int i = 0; i < 4; i++) {
        u128 t = 0;
        for (int j = 0; j < 4; j++) {
            t += (u128)a->v[i] * b[j] + wide[i + j];
            wide[i + j] = (uint64_t)t;
            t >>= 64;
        }
        wide[i + 4] = (uint64_t)t;
    }
    u128 rounded = ((u128)wide[7] << 64 | wide[6]) + (wide[5] >> 63);
    r->v[0] = (uint64_t)rounded;
    r->v[1] = (uint64_t)(rounded >> 64);
    r->v[2] = r->v[3] = 0;
}

static void half_from_scalar(half *r, const scalar *a)
{
    uint64_t centred[4];

    scalar_to_centred(centred, 4, a);
    r->negative = (int)(centred[3] >> 63);
    if (r->negative) {
        scalar minus;
        scalar_neg(&minus, a);
        memcpy(r->v, minus.v, sizeof r->v);
    } else {
        memcpy(r->v, a->v, sizeof r->v);
    }
}

/* k = first + second * lambda. The short vectors (a1, b1), (a2, b2) of the lattice {(x, y): x + y lambda = 0 mod n} come
 * from the extended Euclidean algorithm; G1 = 2^384 b2 / n and G2 = -2^384 b1 / n, rounded. */
static void split_lambda(half *first, half *second, const scalar *k)
{
    static const uint64_t G1[4] = {0xE893209A45DBB031U, 0x3DAA8A1471E8CA7FU, 0xE86C90E49284EB15U, 0x3086D221A7D46BCDU};
    static const uint64_t G2[4] = {0x1571B4AE8AC47F71U, 0x221208AC9DF506C6U, 0x6F547FA90ABFE4C4U, 0xE4437ED6010E8828U};
    static const scalar MINUS_B1 = {{0x6F547FA90ABFE4C3U, 0xE4437ED6010E8828U, 0x0000000000000000U, 0x0000000000000000U}};
    static const scalar MINUS_B2 = {{0xD765CDA83DB1562CU, 0x8A280AC50774346DU, 0xFFFFFFFFFFFFFFFEU, 0xFFFFFFFFFFFFFFFFU}};
    static const scalar MINUS_LAMBDA = {{0xE0CFC810B51283CFU, 0xA880B9FC8EC739C2U, 0x5AD9E3FD77ED9BA4U, 0xAC9C52B33FA3CF1FU}};
    scalar c1, c2, k1, k2;

    mul_shift_384(&c1, k, G1);
    mul_shift_384(&c2, k, G2);
    scalar_mul(&c1, &c1, &MINUS_B1);
    scalar_mul(&c2, &c2, &MINUS_B2);
    scalar_add(&k2, &c1, &c2);
    scalar_mul(&k1, &k2, &MINUS_LAMBDA);
    scalar_add(&k1, &k1, k);
    half_from_scalar(first, &k1);
    half_from_scalar(second, &k2);
}

static void ge_endomorphism_var(ge *r, const ge *a)
{
    static const fe BETA = {{0x96C28719501EEU, 0x7512F58995C13U, 0xC3434E99CF049U, 0x07106E64479EAU, 0x07AE96A2B657CU}};

    fe_mul(&r->x, &a->x, &BETA);
    r->y = a->y;
    r->infinity = a->infinity;
}

/* Bits low .. low + len - 1 of a, len at most 31; bits above 127 are zero. */
static uint32_t half_bits(const half *a, unsigned low, unsigned len)
{
    u128 v = (u128)a->v[1] << 64 | a->v[0];

    return low > 127 ? 0 : (uint32_t)(v >> low) & ((1U << len) - 1);
}

/* Non-adjacent form of the given width, signed; returns one more than the place of the highest digit. */
static int straus_digits(int8_t digits[STRAUS_DIGITS], const half *a)
{
    u128 v = (u128)a->v[1] << 64 | a->v[0];
    int top = 0, place = 0, carry = 0;

    memset(digits, 0, STRAUS_DIGITS);
    while (place < STRAUS_DIGITS) {
        int bit = place < 128 ? (int)(v >> place) & 1 : 0;
        if (bit == carry) {
            place++;
            continue;
        }
        int digit = (int)half_bits(a, (unsigned)place, STRAUS_WIDTH) + carry;
        carry = digit >> (STRAUS_WIDTH - 1);
        digit -= carry << STRAUS_WIDTH;
        digits[place] = (int8_t)(a->negative ? -digit : digit);
        top = place + 1;
        place += STRAUS_WIDTH;
    }
    return top;
}

/* table[i * STRAUS_TABLE + k] = (2k + 1) p_i, all with the coordinate z. */
static mpcw_status odd_multiples(ge *table, fe *z, const ge *p, size_t n)
{
    gej *work = malloc(n * STRAUS_TABLE * sizeof *work);
    mpcw_status status;

    if (!work)
        return MPCW_E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        gej *row = work + i * STRAUS_TABLE, twice;
        gej_from_ge_var(&row[0], &p[i]);
        gej_double_var(&twice, &row[0]);
        for (int k = 1; k < STRAUS_TABLE; k++)
            gej_add_var(&row[k], &row[k - 1], &twice);
    }
    status = gejs_share_z_var(table, z, work, n * STRAUS_TABLE);
    free(work);
    return status;
}

static void add_multiple_var(gej *r, const ge *table, int digit)
{
    ge minus;

    if (digit > 0) {
        gej_add_ge_var(r, r, &table[digit / 2]);
    } else if (digit < 0) {
        ge_neg_var(&minus, &table[-digit / 2]);
        gej_add_ge_var(r, r, &minus);
    }
}

static mpcw_status straus_var(gej *r, const scalar *k, const ge *p, size_t n)
{
    mpcw_status status = MPCW_E_MEMORY;
    /* item 2i is the first half with P_i, item 2i + 1 the second with lambda P_i */
    ge *table = malloc(2 * n * STRAUS_TABLE * sizeof *table);
    int8_t(*digits)[STRAUS_DIGITS] = malloc(2 * n * sizeof *digits);
    ge *plain;
    int top = 0;
    fe z;

    if (!table || !digits)
        goto done;
    plain = table + n * STRAUS_TABLE;
    /* the plain tables are made in the upper half; row i moves to 2i, never past a row still to be read */
    if ((status = odd_multiples(plain, &z, p, n)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < n; i++) {
        half halves[2];
        ge *row = table + 2 * i * STRAUS_TABLE;
        memmove(row, plain + i * STRAUS_TABLE, STRAUS_TABLE * sizeof *row);
        for (int j = 0; j < STRAUS_TABLE; j++)
            ge_endomorphism_var(&row[STRAUS_TABLE + j], &row[j]);
        split_lambda(&halves[0], &halves[1], &k[i]);
        for (int j = 0; j < 2; j++) {
            int length = straus_digits(digits[2 * i + j], &halves[j]);
            top = length > top ? length : top;
        }
    }
    gej_set_infinity(r);
    for (int place = top - 1; place >= 0; place--) {
        gej_double_var(r, r);
        for (size_t i = 0; i < 2 * n; i++)
            add_multiple_var(r, table + i * STRAUS_TABLE, digits[i][place]);
    }
    fe_mul(&r->z, &r->z, &z);
done:
    free(table);
    free(digits);
    return status;
}

/* Digits of weight 2^(c w) in [-2^(c-1), 2^(c-1)), windows of them, stride apart: a window's bits and the carry from below,
 * less 2^c when that reaches 2^(c-1). The highest window has room for the last carry. */
static void pippenger_digits(int16_t *digits, size_t stride, const half *a, unsigned c, unsigned windows)
{
    int carry = 0;

    for (unsigned w = 0; w < windows; w++) {
        int digit = (int)half_bits(a, w * c, c) + carry;
        carry = digit >= 1 << (c - 1);
        digit -= carry << c;
        digits[w * stride] = (int16_t)(a->negative ? -digit : digit);
    }
}

/* Multiplications in the field: each window adds every half once and every bucket twice. */
static double pippenger_cost(size_t n, unsigned c)
{
    return (double)(129 / c + 1) * (2.0 * (double)n * 11 + (double)(1U << (c - 1)) * 30);
}

static unsigned pippenger_width(size_t n)
{
    unsigned best = 4;

    for (unsigned c = 5; c <= 14; c++)
        if (pippenger_cost(n, c) < pippenger_cost(n, best))
            best = c;
    return best;
}

/* r = sum of d * bucket[d - 1]. */
static void sum_buckets_var(gej *r, const gej *bucket, size_t buckets)
{
    gej running;

    gej_set_infinity(r);
    gej_set_infinity(&running);
    while (buckets-- > 0) {
        gej_add_var(&running, &running, &bucket[buckets]);
        gej_add_var(r, r, &running);
    }
}

static mpcw_status pippenger_var(gej *r, const scalar *k, const ge *p, size_t n)
{
    unsigned c = pippenger_width(n), windows = 129 / c + 1;
    size_t buckets = (size_t)1 << (c - 1);
    mpcw_status status = MPCW_E_MEMORY;
    gej *bucket = malloc(buckets * sizeof *bucket);
    ge *image = malloc(n * sizeof *image); /* lambda P_i */
    int16_t *digit = malloc(2 * n * windows * sizeof *digit);

    if (!bucket || !image || !digit)
        goto done;
    for (size_t i = 0; i < n; i++) {
        half halves[2];
        ge_endomorphism_var(&image[i], &p[i]);
        split_lambda(&halves[0], &halves[1], &k[i]);
        for (size_t j = 0; j < 2; j++)
            pippenger_digits(&digit[2 * i + j], 2 * n, &halves[j], c, windows);
    }
    gej_set_infinity(r);
    for (unsigned w = windows; w-- > 0;) {
        gej sum;
        for (unsigned i = 0; i < c; i++)
            gej_double_var(r, r);
        for (size_t i = 0; i < buckets; i++)
            gej_set_infinity(&bucket[i]);
        for (size_t i = 0; i < 2 * n; i++) {
            int d = digit[i + 2 * n * w];
            const ge *point = i % 2 ? &image[i / 2] : &p[i / 2];
            ge minus;
            if (d < 0) {
                ge_neg_var(&minus, point);
                point = &minus;
                d = -d;
            }
            if (d)
                gej_add_ge_var(&bucket[d - 1], &bucket[d - 1], point);
        }
        sum_buckets_var(&sum, bucket, buckets);
        gej_add_var(r, r, &sum);
    }
    status = MPCW_OK;
done:
    free(bucket);
    free(image);
    free(digit);
    return status;
}

mpcw_status gej_multi_mul_var(gej *r, const scalar *k, const ge *p, size_t n)
{
    if (n == 0) {
        gej_set_infinity(r);
        return MPCW_OK;
    }
    return n < PIPPENGER_MIN ? straus_var(r, k, p, n) : pippenger_var(r, k, p, n);
}
