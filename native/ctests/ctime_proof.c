/* Pi-enc-elg and Pi-aff-g: the prover's witnesses and masks, and the verifier's own keys. */
#include "ctime.h"
#include "libsecp.h"
#include "mpcw/batch.h"
#include "toy_proof.h"

CTIME_PATHS(enc_elg)
{
    static toy_enc_elg proof;
    uint32_t violations;
    toy keys;

    libsecp_load();
    toy_open(&keys, ctime_hide);
    toy_prove_enc_elg(&proof, &keys, ctime_hide);
    OK(toy_check_enc_elg(&violations, &proof, &keys)); /* of public values all through */
    toy_close(&keys);
}

CTIME_PATHS(aff_g)
{
    static toy_aff_g proof;
    uint32_t violations;
    toy keys;

    libsecp_load();
    toy_open(&keys, ctime_hide);
    toy_prove_aff_g(&proof, &keys, ctime_hide);
    OK(toy_check_aff_g(&violations, &proof, &keys));
    toy_close(&keys);
}

/* The prover's look at its own proofs. */
CTIME_PATHS(verify_own_proofs)
{
    static toy_enc_elg proof;
    uint8_t bad;
    toy keys;

    libsecp_load();
    toy_open(&keys, ctime_hide);
    toy_prove_enc_elg(&proof, &keys, ctime_hide);
    const mpcw_encryption_equations eqs = {{proof.D, 2 * TOY}, {proof.C, 2 * TOY}, {proof.e, SCALAR},
                                           {proof.z1, TOY_Z1}, {proof.z2, TOY}};
    OK(mpcw_verify_own_encryptions((mpcw_buffer){&bad, 1}, keys.own, &eqs, NULL));
    toy_close(&keys);
}

/* Weights are drawn after the proofs are fixed and used once: they need not be hidden. */
CTIME_PATHS(verify_own)
{
    static toy_enc_elg enc_elg;
    static toy_aff_g aff_g;
    mpcw_secret *k, *d;
    uint8_t bad;
    toy keys;

    libsecp_load();
    toy_open(&keys, ctime_hide);
    toy_prove_enc_elg(&enc_elg, &keys, ctime_hide);
    toy_prove_aff_g(&aff_g, &keys, ctime_hide);
    const mpcw_pedersen_equations pedersen = {{enc_elg.T, TOY}, {enc_elg.S, TOY}, {enc_elg.e, SCALAR},
                                              {enc_elg.z1, TOY_Z1}, {enc_elg.z3, TOY_Z3}};
    OK(mpcw_verify_pedersen((mpcw_buffer){&bad, 1}, keys.pedersen_secret, &pedersen, NULL));
    OK(mpcw_paillier_decrypt(&k, keys.other, aff_g.C, sizeof aff_g.C));
    OK(mpcw_paillier_decrypt(&d, keys.other, aff_g.D, sizeof aff_g.D));
    const mpcw_affine_equations affine = {{aff_g.C, 2 * TOY}, {aff_g.D, 2 * TOY}, {aff_g.A, 2 * TOY},
                                          {aff_g.e, SCALAR},  {aff_g.z1, TOY_Z1}, {aff_g.z2, TOY_Z1},
                                          {aff_g.w, TOY},     k,                  d};
    OK(mpcw_verify_affine((mpcw_buffer){&bad, 1}, keys.other, &affine, NULL));
    toy_close(&keys);
    mpcw_secret_free(k);
    mpcw_secret_free(d);
}
