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
/* z = a + e x in z_limbs limbs, all signed but e; exact when it fits. tmp: z_limbs + 4 limbs. e: 4 limbs. */
void int_mul_add(mp_limb_t *z, size_t z_limbs, const mp_limb_t *a, size_t a_limbs, const mp_limb_t *e,
                 const mp_limb_t *x, size_t x_limbs, mp_limb_t *tmp);

#endif
