/* Secret scalars, alone and times points. */
#include <string.h>

#include "ctime.h"
#include "libsecp.h"
#include "mpcw/curve.h"
#include "point.h"
#include "secp.h"

CTIME(scalars)
{
    mpcw_secret *a = ctime_secret(MPCW_KIND_SCALAR, 3, 32), *b = ctime_secret(MPCW_KIND_SCALAR, 3, 32), *out;
    mpcw_secret *seed = ctime_secret(MPCW_KIND_SEED, 1, 32), *ints = ctime_secret(MPCW_KIND_INT, 3, 88);
    const uint32_t places[3] = {1, 2, 0xffffffff};
    uint8_t factors[96] = {0};

    factors[31] = factors[63] = factors[95] = 7;
    OUT(mpcw_scalars_random(&out, seed, 5));
    OUT(mpcw_scalars_add(&out, a, b));
    OUT(mpcw_scalars_sub(&out, a, b));
    OUT(mpcw_scalars_mul(&out, a, b));
    OUT(mpcw_scalars_mul_add(&out, a, b, a));
    OUT(mpcw_scalars_negate(&out, a));
    OUT(mpcw_scalars_invert(&out, a));
    OUT(mpcw_scalars_scale(&out, a, factors, sizeof factors));
    OUT(mpcw_scalars_shift(&out, a, factors, sizeof factors));
    OUT(mpcw_scalars_sum(&out, a));
    OUT(mpcw_scalars_inner_product(&out, a, factors, sizeof factors));
    OUT(mpcw_scalars_eval_poly(&out, a, places, 3));
    OUT(mpcw_scalars_from_ints(&out, ints));
    OUT(mpcw_ints_from_scalars(&out, a, 32));
    OUT(mpcw_ints_from_scalars(&out, a, 64));
    mpcw_secret_free(a);
    mpcw_secret_free(b);
    mpcw_secret_free(seed);
    mpcw_secret_free(ints);
}

CTIME(points)
{
    mpcw_secret *a = ctime_secret(MPCW_KIND_SCALAR, 2, 32), *b = ctime_secret(MPCW_KIND_SCALAR, 2, 32);
    mpcw_secret *one = ctime_secret(MPCW_KIND_SCALAR, 1, 32), *out;
    const uint8_t label[8] = {1, 2, 3};
    uint8_t points[128];

    libsecp_load();
    OK(mpcw_points_mul_base(points, sizeof points, a));
    CHECK(points[0] | 1); /* public */
    OK(mpcw_points_mul_secret(points, 64, one, SECP_G, 64));
    CHECK(points[0] | 1);
    OK(mpcw_points_mul_add_secret(points, sizeof points, a, b, SECP_G, 64));
    CHECK(points[0] | 1);
    OUT(mpcw_ecdh(&out, one, SECP_G, 64));
    OUT(mpcw_ecdh_scalars(&out, one, points, sizeof points, label, 3, label, sizeof label, label, 5));
    mpcw_secret_free(a);
    mpcw_secret_free(b);
    mpcw_secret_free(one);
}

/* What a refusal tells is public, and nothing else becomes so. */
CTIME(refused_scalars)
{
    uint8_t bytes[64] = {0}, point[128];
    mpcw_secret *zero, *out;

    bytes[63] = 1; /* 0, 1 */
    zero = ctime_import(MPCW_KIND_SCALAR, bytes, sizeof bytes, 2);
    libsecp_load();
    memset(bytes, 0xff, sizeof bytes);
    ctime_hide(bytes, sizeof bytes);
    CHECK(mpcw_secret_import(&out, MPCW_KIND_SCALAR, bytes, sizeof bytes, 2) == MPCW_E_RANGE);
    CHECK(mpcw_scalars_invert(&out, zero) == MPCW_E_NOT_UNIT);
    CHECK(mpcw_points_mul_base(point, sizeof point, zero) == MPCW_E_RANGE);
    CHECK(mpcw_points_mul_secret(point, sizeof point, zero, SECP_G, 64) == MPCW_E_RANGE);
    mpcw_secret_free(zero);
}

/* zero scalars, equal and opposite summands, infinity: the same path */
CTIME(points_of_exceptional_scalars)
{
    uint8_t scalars[128] = {0}, points[256];
    mpcw_secret *a, *b;

    scalars[63] = scalars[127] = 1; /* 0, 1, 0, 1 */
    a = ctime_import(MPCW_KIND_SCALAR, scalars, 128, 4);
    scalars[95] = scalars[127] = 1; /* 0, 1, 1, 1 */
    b = ctime_import(MPCW_KIND_SCALAR, scalars, 128, 4);
    libsecp_load();
    OK(mpcw_points_mul_add_secret(points, sizeof points, a, b, SECP_G, 64));
    mpcw_secret_free(a);
    mpcw_secret_free(b);
}
