#ifndef MPCW_FAC_PROOF_H
#define MPCW_FAC_PROOF_H

#include "mpcw/paillier.h"
#include "mpcw/range_proof.h"

/* Pi-fac (CGGMP24): both factors of N_i = p q exceed 2^ell, shown to the owner of N^, s, t. Two phases as in range_proof.h; the
 * challenge e is in [0, 2^ell) and takes ell / 8 bytes. ell (at most 256) and epsilon are multiples of 64.
 *
 * ni and nh are the bytes of N_i and N^, r those of R = isqrt(N_i): ni / 2 rounded up to a multiple of 8. Integers of a response
 * are two's complement; those below +-2^(ell + epsilon) R are checked against that bound, too (half intervals). */

/* The masks alpha, beta, mu, nu, r, x, y; one-shot. Holds on to the key: free it first. */
typedef struct mpcw_fac_prover mpcw_fac_prover;
void mpcw_fac_prover_free(mpcw_fac_prover *prover);

typedef struct mpcw_fac_commitment {
    mpcw_buffer P; /* nh: s^p t^mu */
    mpcw_buffer Q; /* nh: s^q t^nu */
    mpcw_buffer A; /* nh: s^alpha t^x */
    mpcw_buffer B; /* nh: s^beta t^y */
    mpcw_buffer T; /* nh: Q^alpha t^r */
} mpcw_fac_commitment;

typedef struct mpcw_fac_response {
    mpcw_buffer z1; /* (ell + epsilon) / 8 + r: alpha + e p */
    mpcw_buffer z2; /* the same: beta + e q */
    mpcw_buffer w1; /* (ell + epsilon) / 8 + nh: x + e mu */
    mpcw_buffer w2; /* the same: y + e nu */
    mpcw_buffer v;  /* (ell + epsilon) / 8 + ni + nh: r - e nu p */
} mpcw_fac_response;

/* MPCW_E_MODULUS, MPCW_E_RANGE or MPCW_E_NOT_UNIT for unfit parameters of the verifier. seed may be NULL. */
mpcw_status mpcw_fac_commit(mpcw_fac_prover **prover, const mpcw_fac_commitment *out, const mpcw_paillier_secret *key,
                            const mpcw_pedersen_parameters *verifier, const mpcw_proof_sizes *sizes,
                            const mpcw_secret *seed);
/* MPCW_E_USED the second time; MPCW_E_RANGE for a response outside of its interval (probability below 2^-250): commit again. */
mpcw_status mpcw_fac_respond(const mpcw_fac_response *out, mpcw_fac_prover *prover, mpcw_bytes e);

typedef struct mpcw_fac_proof {
    mpcw_bytes P;
    mpcw_bytes Q;
    mpcw_bytes A;
    mpcw_bytes B;
    mpcw_bytes T;
    mpcw_bytes e;
    mpcw_bytes z1;
    mpcw_bytes z2;
    mpcw_bytes w1;
    mpcw_bytes w2;
    mpcw_bytes v;
} mpcw_fac_proof;

typedef enum mpcw_fac_violation {
    MPCW_FAC_MODULUS = 1,    /* N_i is even or not above 2^(4 ell) */
    MPCW_FAC_UNIT = 2,       /* P, Q, A, B or T is not a unit below N^ */
    MPCW_FAC_RANGE = 4,      /* z1 or z2 is outside of +-2^(ell + epsilon) R */
    MPCW_FAC_FACTORS = 8,    /* s^z1 t^w1 = A P^e or s^z2 t^w2 = B Q^e does not hold */
    MPCW_FAC_PRODUCT = 16    /* Q^z1 t^v = T s^(N_i e) does not hold */
} mpcw_fac_violation;

/* MPCW_E_LENGTH for a wrong width; errors as in mpcw_fac_commit for the parameters, which are the verifier's own;
 * MPCW_REJECTED with *violations set. ell_prime of sizes is not used. */
mpcw_status mpcw_fac_check_var(uint32_t *violations, mpcw_bytes ni, const mpcw_pedersen_parameters *verifier,
                               const mpcw_fac_proof *proof, const mpcw_proof_sizes *sizes);

#endif
