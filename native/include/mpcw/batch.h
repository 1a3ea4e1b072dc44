#ifndef MPCW_BATCH_H
#define MPCW_BATCH_H

#include "mpcw/paillier.h"
#include "mpcw/ring_pedersen.h"
#include "mpcw/secret.h"

/* Verification of many equations of ONE prover at once: each but the first is raised to a random 128-bit weight, drawn here after
 * all proofs are fixed, and their product is tested. Ranges, units and challenges are checked item by item.
 *
 * MPCW_REJECTED when an equation does not hold, with bad_i = 1 for some that do not and else 0: for all that are malformed, or, if
 * none is, for the first one, which a search by halves finds and the strict check confirms. A batch that passes shows what special soundness uses, the integers and plaintexts, with an error
 * of at most 2^-128; elements of small order may go unnoticed (performance.md 3.2), so several verifiers who must agree, and
 * evidence, use the strict checks of range_proof.h.
 *
 * Challenges e are 32 bytes each, in [0, n). Integers z are two's complement, big-endian, of equal widths in multiples of 8
 * bytes. seed, for replays, may be NULL. */

/* (1 + N)^z w^N = D C^e mod N^2 for a prover's N, of which Pi-mod and Pi-fac have been verified. */
typedef struct mpcw_encryption_equations {
    mpcw_bytes D;
    mpcw_bytes C;
    mpcw_bytes e;
    mpcw_bytes z;
    mpcw_bytes w;
} mpcw_encryption_equations;
mpcw_status mpcw_verify_encryptions_var(mpcw_buffer bad, const mpcw_paillier *key, const mpcw_encryption_equations *eqs,
                                        const mpcw_secret *seed);

/* The same of the prover itself before it sends them, modulo p^2 and q^2: what Chinese remaindering got wrong in one half, and
 * would give away a factor, does not hold in that half. Public in all but the key. */
mpcw_status mpcw_verify_own_encryptions(mpcw_buffer bad, const mpcw_paillier_secret *own, const mpcw_encryption_equations *eqs,
                                        const mpcw_secret *seed);

/* s^z1 t^z3 = T S^e mod N^, for the verifier's own N^ = P Q of safe primes, by its trapdoor. Public in all but the trapdoor. */
typedef struct mpcw_pedersen_equations {
    mpcw_bytes T;
    mpcw_bytes S;
    mpcw_bytes e;
    mpcw_bytes z1;
    mpcw_bytes z3;
} mpcw_pedersen_equations;
mpcw_status mpcw_verify_pedersen(mpcw_buffer bad, const mpcw_ring_pedersen_secret *own, const mpcw_pedersen_equations *eqs,
                                 const mpcw_secret *seed);

/* C^z1 (1 + N)^z2 w^N = A D^e mod N^2, for the verifier's own N, by decryption: k and d are the plaintexts of C and D
 * (MPCW_KIND_INT). Secret in k, d and the key; the outcome becomes public. */
typedef struct mpcw_affine_equations {
    mpcw_bytes C;
    mpcw_bytes D;
    mpcw_bytes A;
    mpcw_bytes e;
    mpcw_bytes z1;
    mpcw_bytes z2;
    mpcw_bytes w;
    const mpcw_secret *k;
    const mpcw_secret *d;
} mpcw_affine_equations;
mpcw_status mpcw_verify_affine(mpcw_buffer bad, const mpcw_paillier_secret *own, const mpcw_affine_equations *eqs,
                               const mpcw_secret *seed);

#endif
