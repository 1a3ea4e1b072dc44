/* Points of secp256k1, y^2 = x^3 + 7. All in variable time, for public points, except point_add_complete. */
#ifndef MPCW_SRC_POINT_H
#define MPCW_SRC_POINT_H

#include "field.h"
#include "mpcw/base.h"
#include "scalar.h"

/* Affine; coordinates of magnitude 1. */
typedef struct ge {
    fe x, y;
    int infinity;
} ge;

/* Jacobian, x = X / Z^2, y = Y / Z^3; magnitudes at most 5, 3, 1. */
typedef struct gej {
    fe x, y, z;
    int infinity;
} gej;

/* x || y, big-endian; infinity is 64 zero bytes. MPCW_E_POINT when the coordinates are not of the curve. */
mpcw_status ge_from_xy64_var(ge *r, const uint8_t xy64[64]);
void ge_to_xy64_var(uint8_t xy64[64], const ge *a);
/* SEC1, compressed; MPCW_E_POINT for everything else. */
mpcw_status ge_from_sec33_var(ge *r, const uint8_t sec33[33]);
/* BIP-340 lift_x: the point of even y. */
mpcw_status ge_lift_x_var(ge *r, const uint8_t x32[32]);
void ge_neg_var(ge *r, const ge *a);

void gej_set_infinity(gej *r);
void gej_from_ge_var(gej *r, const ge *a);
void gej_double_var(gej *r, const gej *a);
void gej_add_var(gej *r, const gej *a, const gej *b);
void gej_add_ge_var(gej *r, const gej *a, const ge *b);
void gej_mul_small_var(gej *r, const gej *a, uint32_t k);
void ge_from_gej_var(ge *r, const gej *a);
/* One inversion for all; MPCW_E_MEMORY. */
mpcw_status ge_from_gejs_var(ge *r, const gej *a, size_t n);
/* r_i and z are the Jacobian coordinates of a_i, with one z for all, for the price of no inversion. Additions and doublings
 * know nothing of the 7 in y^2 = x^3 + 7: a sum of r_i as if they were affine has the right x and y, and its z is to be
 * multiplied by z. MPCW_E_MEMORY. */
mpcw_status gejs_share_z_var(ge *r, fe *z, const gej *a, size_t n);

/* r = sum of k_i P_i: Straus for few points, Pippenger for many. MPCW_E_MEMORY. */
mpcw_status gej_multi_mul_var(gej *r, const scalar *k, const ge *p, size_t n);

/* out = a + b in constant time for every pair of points, both as x || y with 64 zero bytes for infinity; a and b, which
 * must be of the curve, may be secret. */
void point_add_complete(uint8_t out64[64], const uint8_t a64[64], const uint8_t b64[64]);

#endif
