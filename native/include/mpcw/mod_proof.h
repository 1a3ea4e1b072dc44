#ifndef MPCW_MOD_PROOF_H
#define MPCW_MOD_PROOF_H

#include "mpcw/paillier.h"

/* Pi-mod (CGGMP24): N is the product of two primes, both 3 mod 4, and coprime to phi(N). m rounds; numbers take the ni bytes
 * of N. The challenges y_k are a hash of N and w, expanded to units modulo N. */

/* w: ni, a random unit with Jacobi symbol (w | N) = -1. seed may be NULL. MPCW_E_MODULUS for a square N. */
mpcw_status mpcw_mod_commit(mpcw_buffer w, const mpcw_paillier *key, const mpcw_secret *seed);

typedef struct mpcw_mod_response {
    mpcw_buffer a; /* m, each 0 or 1 */
    mpcw_buffer b; /* m, each 0 or 1 */
    mpcw_buffer x; /* ni m: x_k^4 = (-1)^(a_k) w^(b_k) y_k */
    mpcw_buffer z; /* ni m: z_k^N = y_k */
} mpcw_mod_response;

/* y: ni m. Constant time in p and q. The y_k must come out of a hash: whoever chooses one learns the factors.
 * MPCW_E_MODULUS for a key with a prime that is 1 mod 4, or with gcd(N, phi(N)) > 1; MPCW_E_NOT_UNIT, MPCW_E_RANGE for an unfit
 * w or y_k; MPCW_E_FAULT when the response does not hold. */
mpcw_status mpcw_mod_respond(const mpcw_mod_response *out, const mpcw_paillier_secret *key, mpcw_bytes w, mpcw_bytes y);

typedef struct mpcw_mod_proof {
    mpcw_bytes w; /* ni */
    mpcw_bytes y; /* ni m: the challenges */
    mpcw_bytes a; /* m */
    mpcw_bytes b; /* m */
    mpcw_bytes x; /* ni m */
    mpcw_bytes z; /* ni m */
} mpcw_mod_proof;

typedef enum mpcw_mod_violation {
    MPCW_MOD_MODULUS = 1,    /* N is even, not of the exact size, prime, or has a factor below 2^20 */
    MPCW_MOD_W = 2,          /* w is not a unit below N with (w | N) = -1 */
    MPCW_MOD_UNIT = 4,       /* a y_k, x_k or z_k is not a unit below N */
    MPCW_MOD_BIT = 8,        /* an a_k or b_k is not 0 or 1 */
    MPCW_MOD_NTH_ROOT = 16,  /* z_k^N = y_k does not hold */
    MPCW_MOD_FOURTH_ROOT = 32 /* x_k^4 = (-1)^(a_k) w^(b_k) y_k does not hold */
} mpcw_mod_violation;

/* Every round by itself; n_bits is the exact size of N. MPCW_E_LENGTH unless there are m of each and n takes as many bytes as
 * n_bits needs, rounded up to a multiple of 8; MPCW_REJECTED with *violations set. */
mpcw_status mpcw_mod_check_var(uint32_t *violations, mpcw_bytes n, size_t n_bits, const mpcw_mod_proof *proof, size_t m);

#endif
