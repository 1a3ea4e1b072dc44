/* Internal face of the secret integers: see include/mpcw/integer.h. */
#ifndef MPCW_SRC_INTEGER_H
#define MPCW_SRC_INTEGER_H

#include <gmp.h>

#include "mpcw/integer.h"
#include "rng.h"

static inline const mp_limb_t *int_item(const mpcw_secret *s, size_t i)
{
    return (const mp_limb_t *)(const void *)(s->data + i * s->size);
}

mpcw_status int_random(mpcw_secret **out, size_t count, size_t bits, rng *r);
mpcw_status int_random_multiple(mpcw_secret **out, size_t count, size_t bits, const mp_limb_t *n, size_t n_limbs,
                                rng *r);
/* x uniform in [least, n) for a least of 0 or 1; n is below 2^bits, and bits is public. */
void residue_random(mp_limb_t *x, const mp_limb_t *n, size_t limbs, size_t bits, mp_limb_t least, rng *r);

/* Limbs of a challenge. */
enum { CHALLENGE_LIMBS = 4 };
/* out (8 limbs bytes) = a + e x for signed a (limbs) and x (x_limbs) and a challenge e, which makes the result public.
 * MPCW_E_RANGE, and nothing in out, when it does not fit. */
mpcw_status int_respond(uint8_t *out, size_t out_len, const mp_limb_t *a, size_t limbs, const mp_limb_t *e,
                        const mp_limb_t *x, size_t x_limbs);

#endif
