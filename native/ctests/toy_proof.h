/* Proofs over toy keys: statement, commitments, challenge and responses of one Pi-enc-elg and one Pi-aff-g. */
#ifndef MPCW_CTESTS_TOY_PROOF_H
#define MPCW_CTESTS_TOY_PROOF_H

#include "toy.h"

enum { TOY_Z1 = 48, TOY_Z3 = TOY_Z1 + TOY, POINT = 64, SCALAR = 32 };

typedef struct toy_enc_elg {
    uint8_t C[2 * TOY], A[POINT], B[POINT], X[POINT];
    uint8_t S[TOY], T[TOY], D[2 * TOY], Y[POINT], Z[POINT];
    uint8_t e[SCALAR];
    uint8_t z1[TOY_Z1], z2[TOY], z3[TOY_Z3], w[SCALAR];
} toy_enc_elg;

typedef struct toy_aff_g {
    uint8_t C[2 * TOY], D[2 * TOY], Y[2 * TOY], X[POINT];
    uint8_t A[2 * TOY], B_x[POINT], B_y[2 * TOY], E[TOY], S[TOY], F[TOY], T[TOY];
    uint8_t e[SCALAR];
    uint8_t z1[TOY_Z1], z2[TOY_Z1], z3[TOY_Z3], z4[TOY_Z3], w[TOY], w_y[TOY];
} toy_aff_g;

/* Prove a statement about secrets that come from bytes of a fixed sequence. libsecp256k1 must be loaded. */
void toy_prove_enc_elg(toy_enc_elg *p, const toy *keys, toy_hide hide);
void toy_prove_aff_g(toy_aff_g *p, const toy *keys, toy_hide hide);

/* The strict checks. */
mpcw_status toy_check_enc_elg(uint32_t *violations, const toy_enc_elg *p, const toy *keys);
mpcw_status toy_check_aff_g(uint32_t *violations, const toy_aff_g *p, const toy *keys);

#endif
