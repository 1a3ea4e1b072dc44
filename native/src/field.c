#include "field.h"

static void square_times(fe *r, const fe *a, int times)
{
    *r = *a;
    while (times-- > 0)
        fe_sqr(r, r);
}

/* r = a^(2^len_b) * b: appends the run of len_b ones of b's exponent to that of a. */
static void append_run(fe *r, const fe *a, const fe *b, int len_b)
{
    fe t;

    square_times(&t, a, len_b);
    fe_mul(r, &t, b);
}

/* Powers a^(2^k - 1): in binary the exponents p - 2 and (p + 1) / 4 are runs of 223, 22 and few ones. */
typedef struct runs {
    fe x2, x22, x223;
} runs;

static void runs_of(runs *r, const fe *a)
{
    fe x3, x6, x9, x11, x44, x88, x176, x220;

    append_run(&r->x2, a, a, 1);
    append_run(&x3, &r->x2, a, 1);
    append_run(&x6, &x3, &x3, 3);
    append_run(&x9, &x6, &x3, 3);
    append_run(&x11, &x9, &r->x2, 2);
    append_run(&r->x22, &x11, &x11, 11);
    append_run(&x44, &r->x22, &r->x22, 22);
    append_run(&x88, &x44, &x44, 44);
    append_run(&x176, &x88, &x88, 88);
    append_run(&x220, &x176, &x44, 44);
    append_run(&r->x223, &x220, &x3, 3);
}

void fe_inv(fe *r, const fe *a)
{
    runs x;
    fe t;

    runs_of(&x, a);
    /* p - 2 = 1^223 0 1^22 0000 1 0 11 0 1 in binary */
    square_times(&t, &x.x223, 1);
    append_run(&t, &t, &x.x22, 22);
    square_times(&t, &t, 4);
    append_run(&t, &t, a, 1);
    square_times(&t, &t, 1);
    append_run(&t, &t, &x.x2, 2);
    square_times(&t, &t, 1);
    append_run(r, &t, a, 1);
    ct_cleanse(&x, sizeof x);
    ct_cleanse(&t, sizeof t);
}

void fe_sqrt(fe *r, const fe *a)
{
    runs x;
    fe t;

    runs_of(&x, a);
    /* (p + 1) / 4 = 1^223 0 1^22 0000 11 00 in binary */
    square_times(&t, &x.x223, 1);
    append_run(&t, &t, &x.x22, 22);
    square_times(&t, &t, 4);
    append_run(&t, &t, &x.x2, 2);
    square_times(r, &t, 2);
}

uint64_t fe_from_be32(fe *r, const uint8_t b32[32])
{
    uint64_t w[4];
    fe reduced;

    for (int i = 0; i < 4; i++) {
        w[i] = 0;
        for (int k = 0; k < 8; k++)
            w[i] = w[i] << 8 | b32[8 * (3 - i) + k];
    }
    r->v[0] = w[0] & FE_MASK52;
    r->v[1] = (w[0] >> 52 | w[1] << 12) & FE_MASK52;
    r->v[2] = (w[1] >> 40 | w[2] << 24) & FE_MASK52;
    r->v[3] = (w[2] >> 28 | w[3] << 36) & FE_MASK52;
    r->v[4] = w[3] >> 16;
    reduced = *r;
    fe_normalize(&reduced);
    for (int i = 0; i < 5; i++)
        reduced.v[i] ^= r->v[i];
    return fe_zero_mask(&reduced) & 1;
}

void fe_to_be32(uint8_t b32[32], const fe *a)
{
    const uint64_t w[4] = {a->v[0] | a->v[1] << 52, a->v[1] >> 12 | a->v[2] << 40, a->v[2] >> 24 | a->v[3] << 28,
                           a->v[3] >> 36 | a->v[4] << 16};

    for (int i = 0; i < 32; i++)
        b32[i] = (uint8_t)(w[3 - i / 8] >> (56 - 8 * (i % 8)));
}
