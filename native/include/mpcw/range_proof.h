#ifndef MPCW_RANGE_PROOF_H
#define MPCW_RANGE_PROOF_H

#include "mpcw/paillier.h"
#include "mpcw/ring_pedersen.h"
#include "mpcw/secret.h"

/* Kernels of CGGMP24's proofs Pi-enc-elg and Pi-aff-g (ePrint 2021/060), n proofs of one prover to one verifier at a time.
 *
 * Two phases, so that the caller derives the challenge from the commitments: commit draws all masks into a one-shot secret
 * state; respond uses it up. Challenges e are integers in [0, n), n the order of secp256k1, 32 bytes each.
 *
 * Integers of a response are two's complement, big-endian, exactly as wide as the interval that the verifier accepts (the
 * half interval +-2^b takes b bits, +-2^b N^ takes b + |N^|), so a value out of range has no encoding. A respond that meets one
 * fails with MPCW_E_RANGE (probability below 2^-250 at the parameters of the paper): commit again.
 *
 * Ciphertexts and units of the own N_i are computed modulo p and q: a fault in one of them would hand out a factor. Verify the own
 * equations with mpcw_verify_own_encryptions before they are sent.
 *
 * N^ takes nh bytes, N_i and N_j take ni and nj bytes; a point takes 64 bytes (x || y). Widths in bits are multiples of 64. */

/* The paper's ell, ell' and epsilon, in bits. */
typedef struct mpcw_proof_sizes {
    size_t ell;
    size_t ell_prime;
    size_t epsilon;
} mpcw_proof_sizes;

/* All masks and witnesses of n proofs. Holds on to the keys it was made with: free it first. */
typedef struct mpcw_prover mpcw_prover;
void mpcw_prover_free(mpcw_prover *prover);

/* ---- Pi-enc-elg: C = Enc_i(x; rho), B = b G, X = b A + x G ---- */

typedef struct mpcw_enc_elg_witness {
    const mpcw_secret *x;   /* INT, at most ell bits */
    const mpcw_secret *rho; /* RESIDUE, unit modulo N_i */
    const mpcw_secret *b;   /* SCALAR */
    mpcw_bytes A;           /* 64 n: the point A of each statement */
} mpcw_enc_elg_witness;

typedef struct mpcw_enc_elg_commitment {
    mpcw_buffer S; /* nh n: s^x t^mu */
    mpcw_buffer T; /* nh n: s^alpha t^gamma */
    mpcw_buffer D; /* 2 ni n: Enc_i(alpha; r) */
    mpcw_buffer Y; /* 64 n: beta A + alpha G */
    mpcw_buffer Z; /* 64 n: beta G */
} mpcw_enc_elg_commitment;

typedef struct mpcw_enc_elg_response {
    mpcw_buffer z1; /* (ell + epsilon) / 8 n: alpha + e x */
    mpcw_buffer z2; /* ni n: r rho^e */
    mpcw_buffer z3; /* (ell + epsilon) / 8 + nh, n times: gamma + e mu */
    mpcw_buffer w;  /* 32 n: beta + e b */
} mpcw_enc_elg_response;

/* own: N_i with its table (or NULL); verifier: N^, s, t of j. seed may be NULL. */
mpcw_status mpcw_enc_elg_commit(mpcw_prover **prover, const mpcw_enc_elg_commitment *out, const mpcw_paillier_secret *own,
                                const mpcw_randomness *own_table, const mpcw_ring_pedersen *verifier,
                                const mpcw_enc_elg_witness *witness, const mpcw_proof_sizes *sizes,
                                const mpcw_secret *seed);
/* MPCW_E_USED the second time. */
mpcw_status mpcw_enc_elg_respond(const mpcw_enc_elg_response *out, mpcw_prover *prover, mpcw_bytes e);

/* ---- Pi-aff-g: D = C^x Enc_j(y; rho), Y = Enc_i(y; rho_y), X = x G ---- */

typedef struct mpcw_aff_g_witness {
    const mpcw_secret *x;     /* INT, at most ell bits */
    const mpcw_secret *y;     /* INT, at most ell' bits */
    const mpcw_secret *rho;   /* RESIDUE, unit modulo N_j */
    const mpcw_secret *rho_y; /* RESIDUE, unit modulo N_i */
    mpcw_bytes C;             /* 2 nj n: the ciphertext C of each statement */
} mpcw_aff_g_witness;

typedef struct mpcw_aff_g_commitment {
    mpcw_buffer A;   /* 2 nj n: C^alpha Enc_j(beta; r) */
    mpcw_buffer B_x; /* 64 n: alpha G */
    mpcw_buffer B_y; /* 2 ni n: Enc_i(beta; r_y) */
    mpcw_buffer E;   /* nh n: s^alpha t^gamma */
    mpcw_buffer S;   /* nh n: s^x t^m */
    mpcw_buffer F;   /* nh n: s^beta t^delta */
    mpcw_buffer T;   /* nh n: s^y t^mu */
} mpcw_aff_g_commitment;

typedef struct mpcw_aff_g_response {
    mpcw_buffer z1;  /* (ell + epsilon) / 8 n: alpha + e x */
    mpcw_buffer z2;  /* (ell' + epsilon) / 8 n: beta + e y */
    mpcw_buffer z3;  /* (ell + epsilon) / 8 + nh, n times: gamma + e m */
    mpcw_buffer z4;  /* (ell + epsilon) / 8 + nh, n times: delta + e mu */
    mpcw_buffer w;   /* nj n: r rho^e */
    mpcw_buffer w_y; /* ni n: r_y rho_y^e */
} mpcw_aff_g_response;

/* The keys of an aff-g proof: the prover's N_i, and the verifier's N_j and N^. Tables may be NULL. */
typedef struct mpcw_aff_g_keys {
    const mpcw_paillier_secret *own;
    const mpcw_randomness *own_table;
    const mpcw_paillier *peer;
    const mpcw_randomness *peer_table;
    const mpcw_ring_pedersen *verifier;
} mpcw_aff_g_keys;

mpcw_status mpcw_aff_g_commit(mpcw_prover **prover, const mpcw_aff_g_commitment *out, const mpcw_aff_g_keys *keys,
                              const mpcw_aff_g_witness *witness, const mpcw_proof_sizes *sizes,
                              const mpcw_secret *seed);
mpcw_status mpcw_aff_g_respond(const mpcw_aff_g_response *out, mpcw_prover *prover, mpcw_bytes e);

/* ---- Strict checks of single proofs, for evidence and third parties: public keys only, variable time ---- */

/* What a proof violates, as a set of bits. */
typedef enum mpcw_violation {
    MPCW_VIOLATES_UNIT = 1,       /* a value is not a unit below its modulus */
    MPCW_VIOLATES_CHALLENGE = 2,  /* a challenge or a response scalar is not below n */
    MPCW_VIOLATES_POINT = 4,      /* a point is malformed */
    MPCW_VIOLATES_PAILLIER = 8,   /* an equation modulo N_i^2, or modulo N_j^2 for Pi-aff-g */
    MPCW_VIOLATES_PLAINTEXT = 16, /* Pi-aff-g's equation modulo N_i^2 */
    MPCW_VIOLATES_CURVE = 32,     /* an equation of points */
    MPCW_VIOLATES_PEDERSEN = 64,  /* an equation modulo N^ */
} mpcw_violation;

/* n, s, t of the verifier. */
typedef struct mpcw_pedersen_parameters {
    mpcw_bytes n;
    mpcw_bytes s;
    mpcw_bytes t;
} mpcw_pedersen_parameters;

/* One proof: statement, commitments, challenge, responses, each a single item of the widths above. */
typedef struct mpcw_enc_elg_proof {
    mpcw_bytes C;
    mpcw_bytes A;
    mpcw_bytes B;
    mpcw_bytes X;
    mpcw_bytes S;
    mpcw_bytes T;
    mpcw_bytes D;
    mpcw_bytes Y;
    mpcw_bytes Z;
    mpcw_bytes e;
    mpcw_bytes z1;
    mpcw_bytes z2;
    mpcw_bytes z3;
    mpcw_bytes w;
} mpcw_enc_elg_proof;

typedef struct mpcw_aff_g_proof {
    mpcw_bytes C;
    mpcw_bytes D;
    mpcw_bytes Y;
    mpcw_bytes X;
    mpcw_bytes A;
    mpcw_bytes B_x;
    mpcw_bytes B_y;
    mpcw_bytes E;
    mpcw_bytes S;
    mpcw_bytes F;
    mpcw_bytes T;
    mpcw_bytes e;
    mpcw_bytes z1;
    mpcw_bytes z2;
    mpcw_bytes z3;
    mpcw_bytes z4;
    mpcw_bytes w;
    mpcw_bytes w_y;
} mpcw_aff_g_proof;

/* MPCW_REJECTED with *violations set; MPCW_E_LENGTH for a wrong width. ni: the prover's modulus, nj: the verifier's. */
mpcw_status mpcw_enc_elg_check_var(uint32_t *violations, mpcw_bytes ni, const mpcw_pedersen_parameters *verifier,
                                   const mpcw_enc_elg_proof *proof, const mpcw_proof_sizes *sizes);
mpcw_status mpcw_aff_g_check_var(uint32_t *violations, mpcw_bytes ni, mpcw_bytes nj,
                                 const mpcw_pedersen_parameters *verifier, const mpcw_aff_g_proof *proof,
                                 const mpcw_proof_sizes *sizes);

#endif
