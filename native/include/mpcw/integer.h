#ifndef MPCW_INTEGER_H
#define MPCW_INTEGER_H

#include "mpcw/secret.h"

/* Secret signed integers (MPCW_KIND_INT): masks of proofs and of the affine operation. */

/* Uniform in [-2^(bits - 1), 2^(bits - 1)), the half interval +-2^bits; bits is a multiple of 64. seed may be NULL. */
mpcw_status mpcw_ints_random(mpcw_secret **out, size_t count, size_t bits, const mpcw_secret *seed);
/* Uniform in [-2^(bits - 1) N, 2^(bits - 1) N), of bits + 8 n_len bits each; n_len is a multiple of 8. */
mpcw_status mpcw_ints_random_multiple(mpcw_secret **out, size_t count, size_t bits, mpcw_bytes n,
                                      const mpcw_secret *seed);
/* -a_i modulo 2^(8 size): the least integer of a width stays. */
mpcw_status mpcw_ints_negate(mpcw_secret **out, const mpcw_secret *a);

#endif
