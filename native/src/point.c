#include "point.h"

#include <stdlib.h>
#include <string.h>

static void curve_equation(fe *r, const fe *x)
{
    fe seven;

    fe_set_u64(&seven, 7);
    fe_sqr(r, x);
    fe_mul(r, r, x);
    fe_add(r, r, &seven);
}

mpcw_status ge_from_xy64_var(ge *r, const uint8_t xy64[64])
{
    static const uint8_t INFINITY64[64] = {0};
    fe left, right;

    memset(r, 0, sizeof *r);
    if (memcmp(xy64, INFINITY64, sizeof INFINITY64) == 0) {
        r->infinity = 1;
        return MPCW_OK;
    }
    if (!fe_from_be32(&r->x, xy64) || !fe_from_be32(&r->y, xy64 + 32))
        return MPCW_E_POINT;
    fe_sqr(&left, &r->y);
    curve_equation(&right, &r->x);
    fe_sub(&left, &left, &right, 2);
    return fe_is_zero_var(&left) ? MPCW_OK : MPCW_E_POINT;
}

void ge_to_xy64_var(uint8_t xy64[64], const ge *a)
{
    fe x = a->x, y = a->y;

    if (a->infinity) {
        memset(xy64, 0, 64);
        return;
    }
    fe_normalize(&x);
    fe_normalize(&y);
    fe_to_be32(xy64, &x);
    fe_to_be32(xy64 + 32, &y);
}

/* y of the given parity for r->x. */
static mpcw_status solve_y_var(ge *r, uint64_t odd)
{
    fe square, check;

    curve_equation(&square, &r->x);
    fe_sqrt(&r->y, &square);
    fe_sqr(&check, &r->y);
    fe_sub(&check, &check, &square, 2);
    if (!fe_is_zero_var(&check))
        return MPCW_E_POINT;
    fe_normalize(&r->y);
    if ((r->y.v[0] & 1) != odd) {
        fe_neg(&r->y, &r->y, 1);
        fe_normalize(&r->y);
    }
    return MPCW_OK;
}

mpcw_status ge_from_sec33_var(ge *r, const uint8_t sec33[33])
{
    memset(r, 0, sizeof *r);
    if ((sec33[0] != 2 && sec33[0] != 3) || !fe_from_be32(&r->x, sec33 + 1))
        return MPCW_E_POINT;
    return solve_y_var(r, sec33[0] & 1);
}

mpcw_status ge_lift_x_var(ge *r, const uint8_t x32[32])
{
    memset(r, 0, sizeof *r);
    if (!fe_from_be32(&r->x, x32))
        return MPCW_E_POINT;
    return solve_y_var(r, 0);
}

void ge_neg_var(ge *r, const ge *a)
{
    *r = *a;
    fe_neg(&r->y, &a->y, 1);
    fe_weaken(&r->y);
}

void gej_set_infinity(gej *r)
{
    memset(r, 0, sizeof *r);
    r->infinity = 1;
}

void gej_from_ge_var(gej *r, const ge *a)
{
    r->x = a->x;
    r->y = a->y;
    fe_set_u64(&r->z, 1);
    r->infinity = a->infinity;
}

void gej_double_var(gej *r, const gej *a)
{
    fe slope, yy, t, u;

    /* no point of secp256k1 has order two */
    if (a->infinity) {
        gej_set_infinity(r);
        return;
    }
    r->infinity = 0;
    fe_mul(&r->z, &a->z, &a->y);
    fe_sqr(&slope, &a->x);
    fe_mul_small(&slope, &slope, 3);
    fe_half(&slope, &slope); /* L = 3/2 X^2 */
    fe_sqr(&yy, &a->y);
    fe_mul(&t, &a->x, &yy); /* T = X Y^2 */
    fe_mul_small(&u, &t, 2);
    fe_sqr(&r->x, &slope);
    fe_sub(&r->x, &r->x, &u, 2); /* X' = L^2 - 2 T */
    fe_sub(&u, &t, &r->x, 4);
    fe_mul(&r->y, &slope, &u);
    fe_sqr(&yy, &yy);
    fe_sub(&r->y, &r->y, &yy, 1); /* Y' = L (T - X') - Y^4 */
}

/* The last step of both additions, from H = U2 - U1 (magnitude 7 at most), R = S2 - S1 (5), U1 (5) and S1 (3). */
static void finish_addition(gej *r, const fe *h, const fe *slope, const fe *u1, const fe *s1)
{
    fe hh, hhh, v, t;

    fe_sqr(&hh, h);
    fe_mul(&hhh, &hh, h);
    fe_mul(&v, u1, &hh);
    fe_mul(&hh, s1, &hhh);
    fe_mul_small(&t, &v, 2);
    fe_add(&t, &t, &hhh);
    fe_sqr(&r->x, slope);
    fe_sub(&r->x, &r->x, &t, 3); /* X = R^2 - H^3 - 2 U1 H^2 */
    fe_sub(&t, &v, &r->x, 5);
    fe_mul(&r->y, slope, &t);
    fe_sub(&r->y, &r->y, &hh, 1); /* Y = R (U1 H^2 - X) - S1 H^3 */
    r->infinity = 0;
}

void gej_add_var(gej *r, const gej *a, const gej *b)
{
    fe zz1, zz2, u1, s1, h, slope, z;

    if (a->infinity || b->infinity) {
        *r = a->infinity ? *b : *a;
        return;
    }
    fe_sqr(&zz1, &a->z);
    fe_sqr(&zz2, &b->z);
    fe_mul(&u1, &a->x, &zz2);
    fe_mul(&h, &b->x, &zz1);
    fe_mul(&s1, &a->y, &zz2);
    fe_mul(&s1, &s1, &b->z);
    fe_mul(&slope, &b->y, &zz1);
    fe_mul(&slope, &slope, &a->z);
    fe_sub(&h, &h, &u1, 1);
    fe_sub(&slope, &slope, &s1, 1);
    if (fe_is_zero_var(&h)) {
        if (fe_is_zero_var(&slope))
            gej_double_var(r, a);
        else
            gej_set_infinity(r);
        return;
    }
    fe_mul(&z, &a->z, &b->z);
    fe_mul(&r->z, &z, &h);
    finish_addition(r, &h, &slope, &u1, &s1);
}

void gej_add_ge_var(gej *r, const gej *a, const ge *b)
{
    fe zz, h, slope, x1, y1;

    if (b->infinity) {
        *r = *a;
        return;
    }
    if (a->infinity) {
        gej_from_ge_var(r, b);
        return;
    }
    fe_sqr(&zz, &a->z);
    fe_mul(&h, &b->x, &zz);
    fe_mul(&slope, &b->y, &zz);
    fe_mul(&slope, &slope, &a->z);
    fe_sub(&h, &h, &a->x, 5);
    fe_sub(&slope, &slope, &a->y, 3);
    if (fe_is_zero_var(&h)) {
        if (fe_is_zero_var(&slope))
            gej_double_var(r, a);
        else
            gej_set_infinity(r);
        return;
    }
    x1 = a->x;
    y1 = a->y;
    fe_mul(&r->z, &a->z, &h);
    finish_addition(r, &h, &slope, &x1, &y1);
}

void gej_mul_small_var(gej *r, const gej *a, uint32_t k)
{
    /* non-adjacent form: bit i of 3k less bit i of k is digit i - 1 of k */
    uint64_t triple = 3 * (uint64_t)k, single = k;
    gej base = *a, minus = *a;

    gej_set_infinity(r);
    fe_neg(&minus.y, &minus.y, 3);
    fe_weaken(&minus.y);
    for (int i = 63 - __builtin_clzll(triple | 2); i >= 1; i--) {
        gej_double_var(r, r);
        if ((triple >> i & 1) != (single >> i & 1))
            gej_add_var(r, r, triple >> i & 1 ? &base : &minus);
    }
}

void ge_from_gej_var(ge *r, const gej *a)
{
    fe inverse, square;

    if (a->infinity) {
        memset(r, 0, sizeof *r);
        r->infinity = 1;
        return;
    }
    fe_inv(&inverse, &a->z);
    fe_sqr(&square, &inverse);
    fe_mul(&r->x, &a->x, &square);
    fe_mul(&square, &square, &inverse);
    fe_mul(&r->y, &a->y, &square);
    r->infinity = 0;
}

/* Every point with the z c, and *z = c: the product of all z or, when affine is set, 1. Montgomery's trick. */
static mpcw_status unify_z(ge *r, fe *z, const gej *a, size_t n, int affine)
{
    /* partial[i] is the product of the z before item i */
    fe *partial = malloc((n ? n : 1) * sizeof *partial);
    fe rest, ratio, square;

    if (!partial)
        return MPCW_E_MEMORY;
    fe_set_u64(z, 1);
    for (size_t i = 0; i < n; i++) {
        partial[i] = *z;
        if (!a[i].infinity)
            fe_mul(z, z, &a[i].z);
    }
    /* rest is c / z_0 ... z_i */
    fe_set_u64(&rest, 1);
    if (affine) {
        fe_inv(&rest, z);
        fe_set_u64(z, 1);
    }
    for (size_t i = n; i-- > 0;) {
        if (a[i].infinity) {
            memset(&r[i], 0, sizeof r[i]);
            r[i].infinity = 1;
            continue;
        }
        fe_mul(&ratio, &rest, &partial[i]);
        fe_mul(&rest, &rest, &a[i].z);
        fe_sqr(&square, &ratio);
        fe_mul(&r[i].x, &a[i].x, &square);
        fe_mul(&square, &square, &ratio);
        fe_mul(&r[i].y, &a[i].y, &square);
        r[i].infinity = 0;
    }
    free(partial);
    return MPCW_OK;
}

mpcw_status ge_from_gejs_var(ge *r, const gej *a, size_t n)
{
    fe z;

    return unify_z(r, &z, a, n, 1);
}

mpcw_status gejs_share_z_var(ge *r, fe *z, const gej *a, size_t n)
{
    return unify_z(r, z, a, n, 0);
}

/* A summand in homogeneous coordinates; infinity is (0 : 1 : 0). */
typedef struct summand {
    fe x, y, z;
} summand;

static void summand_from_xy64(summand *r, const uint8_t xy64[64])
{
    fe one, infinity;
    uint64_t mask;

    fe_set_u64(&one, 1);
    (void)fe_from_be32(&r->x, xy64);
    (void)fe_from_be32(&r->y, xy64 + 32);
    for (int i = 0; i < 5; i++)
        infinity.v[i] = r->x.v[i] | r->y.v[i];
    mask = fe_zero_mask(&infinity);
    fe_select(&r->y, mask, &one, &r->y);
    fe_set_u64(&r->z, 0);
    fe_select(&r->z, mask, &r->z, &one);
}

/* r = u1 v2 + u2 v1 = (u1 + v1)(u2 + v2) - uu - vv; magnitude 1. */
static void cross_products(fe *r, const fe *u1, const fe *v1, const fe *u2, const fe *v2, const fe *uu, const fe *vv)
{
    fe left, right;

    fe_add(&left, u1, v1);
    fe_add(&right, u2, v2);
    fe_mul(r, &left, &right);
    fe_add(&left, uu, vv);
    fe_sub(r, r, &left, 2);
    fe_weaken(r);
    ct_cleanse(&left, sizeof left);
    ct_cleanse(&right, sizeof right);
}

void point_add_complete(uint8_t out64[64], const uint8_t a64[64], const uint8_t b64[64])
{
    /* Renes, Costello, Batina, ePrint 2015/1060, algorithm 7 (a = 0, 3b = 21): no exception for any pair of points */
    struct {
        summand a, b;
        fe xx, yy, zz, xy, yz, xz, minus, plus, x, y, z, t;
    } s;

    summand_from_xy64(&s.a, a64);
    summand_from_xy64(&s.b, b64);
    fe_mul(&s.xx, &s.a.x, &s.b.x);
    fe_mul(&s.yy, &s.a.y, &s.b.y);
    fe_mul(&s.zz, &s.a.z, &s.b.z);
    cross_products(&s.xy, &s.a.x, &s.a.y, &s.b.x, &s.b.y, &s.xx, &s.yy);
    cross_products(&s.yz, &s.a.y, &s.a.z, &s.b.y, &s.b.z, &s.yy, &s.zz);
    cross_products(&s.xz, &s.a.x, &s.a.z, &s.b.x, &s.b.z, &s.xx, &s.zz);
    fe_mul_small(&s.xx, &s.xx, 3);
    fe_mul_small(&s.zz, &s.zz, 21);
    fe_weaken(&s.zz);
    fe_mul_small(&s.xz, &s.xz, 21);
    fe_weaken(&s.xz);
    fe_add(&s.plus, &s.yy, &s.zz);
    fe_sub(&s.minus, &s.yy, &s.zz, 1);
    /* X = (x1 y2 + x2 y1)(y1 y2 - 21 z1 z2) - 21 (y1 z2 + y2 z1)(x1 z2 + x2 z1) */
    fe_mul(&s.x, &s.xy, &s.minus);
    fe_mul(&s.t, &s.yz, &s.xz);
    fe_sub(&s.x, &s.x, &s.t, 1);
    /* Y = (y1 y2 - 21 z1 z2)(y1 y2 + 21 z1 z2) + 63 x1 x2 (x1 z2 + x2 z1) */
    fe_mul(&s.y, &s.minus, &s.plus);
    fe_mul(&s.t, &s.xx, &s.xz);
    fe_add(&s.y, &s.y, &s.t);
    /* Z = (y1 z2 + y2 z1)(y1 y2 + 21 z1 z2) + 3 x1 x2 (x1 y2 + x2 y1) */
    fe_mul(&s.z, &s.yz, &s.plus);
    fe_mul(&s.t, &s.xx, &s.xy);
    fe_add(&s.z, &s.z, &s.t);
    /* Z = 0 has "inverse" 0, which gives the 64 zero bytes of infinity */
    fe_inv(&s.t, &s.z);
    fe_mul(&s.x, &s.x, &s.t);
    fe_mul(&s.y, &s.y, &s.t);
    fe_normalize(&s.x);
    fe_normalize(&s.y);
    fe_to_be32(out64, &s.x);
    fe_to_be32(out64 + 32, &s.y);
    ct_cleanse(&s, sizeof s);
}
