#ifndef MPCW_PRM_PROOF_H
#define MPCW_PRM_PROOF_H

#include "mpcw/range_proof.h"
#include "mpcw/ring_pedersen.h"

/* Pi-prm (CGGMP24): the owner of N^, s, t knows lambda with s = t^lambda mod N^. m rounds with challenges of one bit; numbers
 * take the nh bytes of N^. Two phases as in range_proof.h. */

/* The masks a_k; one-shot. */
typedef struct mpcw_prm_prover mpcw_prm_prover;
void mpcw_prm_prover_free(mpcw_prm_prover *prover);

/* A: nh m, A_k = t^(a_k). m is 1 to 1024. seed may be NULL. */
mpcw_status mpcw_prm_commit(mpcw_prm_prover **prover, mpcw_buffer A, const mpcw_ring_pedersen_secret *rp, size_t m,
                            const mpcw_secret *seed);
/* z: nh m, z_k = a_k + e_k lambda mod phi(N^); e: m bytes, each 0 or 1. MPCW_E_USED the second time; MPCW_E_FAULT when the proof
 * does not hold: a fault modulo one prime would give the other away, so drop A, too. */
mpcw_status mpcw_prm_respond(mpcw_buffer z, mpcw_prm_prover *prover, mpcw_bytes e);

typedef struct mpcw_prm_proof {
    mpcw_bytes A; /* nh m */
    mpcw_bytes e; /* m, each 0 or 1 */
    mpcw_bytes z; /* nh m */
} mpcw_prm_proof;

typedef enum mpcw_prm_violation {
    MPCW_PRM_MODULUS = 1,    /* N^ is even or shorter than its bytes by 8 or more */
    MPCW_PRM_PARAMETERS = 2, /* s or t is not a unit in 2 .. N^ - 2, or they are equal */
    MPCW_PRM_UNIT = 4,       /* an A_k is not a unit below N^ */
    MPCW_PRM_RANGE = 8,      /* a z_k is not below N^ */
    MPCW_PRM_EQUATION = 16   /* t^(z_k) = A_k s^(e_k) does not hold */
} mpcw_prm_violation;

/* Every round by itself. MPCW_E_LENGTH unless there are m of each; MPCW_E_RANGE for an e_k that is not 0 or 1; MPCW_REJECTED with
 * *violations set. */
mpcw_status mpcw_prm_check_var(uint32_t *violations, const mpcw_pedersen_parameters *rp, const mpcw_prm_proof *proof,
                               size_t m);

#endif
