/* Products of powers of public exponents, lane by lane: interleaved windows for few terms, buckets for many. */
#ifndef MPCW_SRC_LANE_MULTI_H
#define MPCW_SRC_LANE_MULTI_H

#include "lane_pow.h"

/* One factor: base^(e[lane]) in every lane, e[lane] < 2^bits; a NULL exponent counts as zero. */
typedef struct lane_term {
    const uint64_t *base; /* a vector in Montgomery form */
    const mp_limb_t *e[LANES_MAX];
    size_t bits;
} lane_term;

/* r = product of the terms. secret: the modulus is, so tables stay in secret memory. */
mpcw_status lane_multi_pow_var(const lane *l, uint64_t *r, size_t parts, const lane_term *terms, size_t count,
                               bool secret);

#endif
