#ifndef MPCW_BIT_PROOF_H
#define MPCW_BIT_PROOF_H

#include "mpcw/paillier.h"

/* What the prover of Pi-dec and Pi-aff-g* (CGGMP24) computes with secrets: m repetitions with challenges of one bit. Masks are
 * drawn by mpcw_ints_random and the encryptions; the caller responds once with each and frees it.
 *
 * e: m bytes, each 0 or 1, else MPCW_E_RANGE. */

/* z_k = mask_k + e_k x for one x, as wide as the masks (MPCW_KIND_INT); z becomes public. MPCW_E_RANGE when one does not fit. */
mpcw_status mpcw_bits_respond_ints(mpcw_buffer z, const mpcw_secret *mask, const mpcw_secret *x, mpcw_bytes e);
/* w_k = mask_k rho^(e_k) mod N for one unit rho (MPCW_KIND_RESIDUE); w becomes public. */
mpcw_status mpcw_bits_respond_units(mpcw_buffer w, const mpcw_paillier *key, const mpcw_secret *mask, const mpcw_secret *rho,
                                    mpcw_bytes e);

/* y and rho with K^x D = Enc(y; rho), y in (-N/2, N/2): how the owner of N = p q, p and q 3 modulo 4, opens a ciphertext that
 * is not public. D and K are one public ciphertext each, x is one secret integer (MPCW_KIND_INT). MPCW_E_RANGE and
 * MPCW_E_NOT_UNIT as in mpcw_paillier_decrypt; MPCW_E_MODULUS when N is not coprime to phi(N); MPCW_E_FAULT when the opening does
 * not encrypt to the ciphertext: a fault modulo one prime would give the other away. */
mpcw_status mpcw_paillier_open(mpcw_secret **y, mpcw_secret **rho, const mpcw_paillier_secret *key, mpcw_bytes D, mpcw_bytes K,
                               const mpcw_secret *x);

#endif
