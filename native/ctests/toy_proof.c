#include "toy_proof.h"

#include <string.h>

#include "check.h"
#include "mpcw/curve.h"
#include "secp.h"

#define BUFFER(field) {p->field, sizeof p->field}
#define BYTES(field) {p->field, sizeof p->field}

static const uint8_t CHALLENGE[SCALAR] = {0x5a, 0xa5, [15] = 0xff, [31] = 0x3d};

static mpcw_secret *filled(mpcw_kind kind, size_t len, uint8_t seed, toy_hide hide)
{
    uint8_t bytes[64];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(seed * (i + 1));
    if (kind != MPCW_KIND_SEED)
        bytes[0] = kind == MPCW_KIND_INT ? 0xff : 0x01; /* a negative integer; a scalar below n */
    return toy_secret(kind, bytes, len, 1, hide);
}

void toy_prove_enc_elg(toy_enc_elg *p, const toy *keys, toy_hide hide)
{
    mpcw_secret *x = filled(MPCW_KIND_INT, 8, 3, hide), *b = filled(MPCW_KIND_SCALAR, 32, 5, hide);
    mpcw_secret *seed = filled(MPCW_KIND_SEED, 32, 7, hide), *x_scalar, *rho;
    const mpcw_enc_elg_commitment commitment = {BUFFER(S), BUFFER(T), BUFFER(D), BUFFER(Y), BUFFER(Z)};
    const mpcw_enc_elg_response response = {BUFFER(z1), BUFFER(z2), BUFFER(z3), BUFFER(w)};
    mpcw_prover *prover;

    memcpy(p->A, SECP_G, POINT);
    memcpy(p->e, CHALLENGE, SCALAR);
    CHECK(mpcw_paillier_encrypt_own(p->C, sizeof p->C, &rho, keys->own, NULL, x, seed) == MPCW_OK);
    CHECK(mpcw_scalars_from_ints(&x_scalar, x) == MPCW_OK);
    CHECK(mpcw_points_mul_base(p->B, POINT, b) == MPCW_OK);
    CHECK(mpcw_points_mul_add_secret(p->X, POINT, x_scalar, b, p->A, POINT) == MPCW_OK);
    const mpcw_enc_elg_witness witness = {x, rho, b, BYTES(A)};
    CHECK(mpcw_enc_elg_commit(&prover, &commitment, keys->own, NULL, keys->pedersen, &witness, &TOY_SIZES, seed) == MPCW_OK);
    CHECK(mpcw_enc_elg_respond(&response, prover, (mpcw_bytes)BYTES(e)) == MPCW_OK);
    mpcw_prover_free(prover);
    mpcw_secret_free(x);
    mpcw_secret_free(b);
    mpcw_secret_free(seed);
    mpcw_secret_free(x_scalar);
    mpcw_secret_free(rho);
}

void toy_prove_aff_g(toy_aff_g *p, const toy *keys, toy_hide hide)
{
    mpcw_secret *k = filled(MPCW_KIND_INT, 8, 9, hide), *x = filled(MPCW_KIND_INT, 8, 3, hide);
    mpcw_secret *y = filled(MPCW_KIND_INT, 8, 11, hide), *seed = filled(MPCW_KIND_SEED, 32, 7, hide);
    mpcw_secret *rho_k, *rho, *rho_y, *x_scalar;
    const mpcw_aff_g_commitment commitment = {BUFFER(A), BUFFER(B_x), BUFFER(B_y), BUFFER(E), BUFFER(S), BUFFER(F), BUFFER(T)};
    const mpcw_aff_g_response response = {BUFFER(z1), BUFFER(z2), BUFFER(z3), BUFFER(z4), BUFFER(w), BUFFER(w_y)};
    const mpcw_aff_g_keys all = {keys->own, NULL, keys->other_public, NULL, keys->pedersen};
    mpcw_prover *prover;

    memcpy(p->e, CHALLENGE, SCALAR);
    CHECK(mpcw_paillier_encrypt_own(p->C, sizeof p->C, &rho_k, keys->other, NULL, k, seed) == MPCW_OK);
    CHECK(mpcw_paillier_affine(p->D, sizeof p->D, &rho, keys->other_public, NULL, p->C, sizeof p->C, x, y, seed) == MPCW_OK);
    CHECK(mpcw_paillier_encrypt_own(p->Y, sizeof p->Y, &rho_y, keys->own, NULL, y, seed) == MPCW_OK);
    CHECK(mpcw_scalars_from_ints(&x_scalar, x) == MPCW_OK);
    CHECK(mpcw_points_mul_base(p->X, POINT, x_scalar) == MPCW_OK);
    const mpcw_aff_g_witness witness = {x, y, rho, rho_y, BYTES(C)};
    CHECK(mpcw_aff_g_commit(&prover, &commitment, &all, &witness, &TOY_SIZES, seed) == MPCW_OK);
    CHECK(mpcw_aff_g_respond(&response, prover, (mpcw_bytes)BYTES(e)) == MPCW_OK);
    mpcw_prover_free(prover);
    mpcw_secret *all_secrets[] = {k, x, y, seed, rho_k, rho, rho_y, x_scalar};
    for (size_t i = 0; i < sizeof all_secrets / sizeof *all_secrets; i++)
        mpcw_secret_free(all_secrets[i]);
}

mpcw_status toy_check_enc_elg(uint32_t *violations, const toy_enc_elg *p, const toy *keys)
{
    uint8_t n[TOY];
    const mpcw_pedersen_parameters verifier = {{keys->n, TOY}, {keys->s, TOY}, {keys->t, TOY}};
    const mpcw_enc_elg_proof proof = {BYTES(C), BYTES(A), BYTES(B), BYTES(X), BYTES(S), BYTES(T), BYTES(D),
                                      BYTES(Y), BYTES(Z), BYTES(e), BYTES(z1), BYTES(z2), BYTES(z3), BYTES(w)};

    CHECK(mpcw_paillier_n(n, TOY, keys->own_public) == MPCW_OK);
    return mpcw_enc_elg_check_var(violations, (mpcw_bytes){n, TOY}, &verifier, &proof, &TOY_SIZES);
}

mpcw_status toy_check_aff_g(uint32_t *violations, const toy_aff_g *p, const toy *keys)
{
    uint8_t n_i[TOY], n_j[TOY];
    const mpcw_pedersen_parameters verifier = {{keys->n, TOY}, {keys->s, TOY}, {keys->t, TOY}};
    const mpcw_aff_g_proof proof = {BYTES(C),   BYTES(D), BYTES(Y), BYTES(X), BYTES(A), BYTES(B_x),
                                    BYTES(B_y), BYTES(E), BYTES(S), BYTES(F), BYTES(T), BYTES(e),
                                    BYTES(z1),  BYTES(z2), BYTES(z3), BYTES(z4), BYTES(w), BYTES(w_y)};

    CHECK(mpcw_paillier_n(n_i, TOY, keys->own_public) == MPCW_OK);
    CHECK(mpcw_paillier_n(n_j, TOY, keys->other_public) == MPCW_OK);
    return mpcw_aff_g_check_var(violations, (mpcw_bytes){n_i, TOY}, (mpcw_bytes){n_j, TOY}, &verifier, &proof,
                                &TOY_SIZES);
}
