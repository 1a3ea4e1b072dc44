/* Internal face of powers modulo a public number: see include/mpcw/bigint.h. */
#ifndef MPCW_SRC_BIGINT_H
#define MPCW_SRC_BIGINT_H

#include "lane_pow.h"
#include "mpcw/bigint.h"

struct mpcw_modulus {
    uint64_t generation;
    size_t limbs;
    lane_mod *many, *single;
    mp_limb_t n[LANE_LIMBS_MAX];
};

/* Powers to be taken: x_i and e_i are limbs, one item after the other. */
typedef struct powers {
    const mp_limb_t *x; /* parts times the limbs of N each */
    const mp_limb_t *e; /* e_limbs each, not negative */
    size_t e_limbs, count, parts;
    bool var; /* exponents are public */
} powers;

/* r_i = x_i^(e_i), as limbs: three or more share lanes, fewer run on the engine for one. */
mpcw_status bigint_powers(mp_limb_t *r, const mpcw_modulus *m, const powers *p);

#endif
