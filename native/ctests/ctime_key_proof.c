/* Pi-prm, Pi-mod and Pi-fac: the prover's primes, lambda and masks. */
#include <string.h>

#include "ctime.h"
#include "mpcw/fac_proof.h"
#include "mpcw/mod_proof.h"
#include "mpcw/prm_proof.h"
#include "toy.h"

/* More than the lanes of an engine: a full group and one that is not. */
enum { ROUNDS = 5 };

CTIME_PATHS(prm)
{
    static const uint8_t e[ROUNDS] = {1, 0, 1, 1, 0};
    mpcw_secret *seed = ctime_secret(MPCW_KIND_SEED, 1, 32);
    uint8_t A[ROUNDS * TOY], z[ROUNDS * TOY];
    mpcw_prm_prover *prover;
    uint32_t violations;
    toy keys;

    toy_open(&keys, ctime_hide);
    OK(mpcw_prm_commit(&prover, (mpcw_buffer){A, sizeof A}, keys.pedersen_secret, ROUNDS, seed));
    OK(mpcw_prm_respond((mpcw_buffer){z, sizeof z}, prover, (mpcw_bytes){e, ROUNDS}));
    mpcw_prm_prover_free(prover);
    const mpcw_pedersen_parameters rp = {{keys.n, TOY}, {keys.s, TOY}, {keys.t, TOY}};
    const mpcw_prm_proof proof = {{A, sizeof A}, {e, ROUNDS}, {z, sizeof z}};
    OK(mpcw_prm_check_var(&violations, &rp, &proof, ROUNDS)); /* of public values all through */
    toy_close(&keys);
    mpcw_secret_free(seed);
}

CTIME_PATHS(mod)
{
    mpcw_secret *seed = ctime_secret(MPCW_KIND_SEED, 1, 32);
    uint8_t w[TOY], y[ROUNDS * TOY], a[ROUNDS], b[ROUNDS], x[ROUNDS * TOY], z[ROUNDS * TOY], n[TOY];
    const mpcw_mod_response response = {{a, sizeof a}, {b, sizeof b}, {x, sizeof x}, {z, sizeof z}};
    const mpcw_mod_proof proof = {{w, sizeof w}, {y, sizeof y}, {a, sizeof a}, {b, sizeof b}, {x, sizeof x}, {z, sizeof z}};
    uint32_t violations;
    toy keys;

    toy_open(&keys, ctime_hide);
    ctime_bytes(y, sizeof y);
    for (size_t k = 0; k < ROUNDS; k++)
        y[k * TOY] = 0; /* below N */
    OK(mpcw_mod_commit((mpcw_buffer){w, sizeof w}, keys.own_public, seed));
    OK(mpcw_mod_respond(&response, keys.own, (mpcw_bytes){w, sizeof w}, (mpcw_bytes){y, sizeof y}));
    OK(mpcw_paillier_n(n, sizeof n, keys.own_public));
    OK(mpcw_mod_check_var(&violations, (mpcw_bytes){n, sizeof n}, 8 * TOY, &proof, ROUNDS));
    toy_close(&keys);
    mpcw_secret_free(seed);
}

CTIME_PATHS(fac)
{
    enum { ELL = 64, EPSILON = 128, WIDE = (ELL + EPSILON) / 8 };
    static const mpcw_proof_sizes SIZES = {.ell = ELL, .epsilon = EPSILON};
    static const uint8_t e[ELL / 8] = {0xa5, [7] = 0x3d};
    mpcw_secret *seed = ctime_secret(MPCW_KIND_SEED, 1, 32);
    uint8_t P[TOY], Q[TOY], A[TOY], B[TOY], T[TOY], n[TOY];
    uint8_t z1[WIDE + TOY_PRIME], z2[WIDE + TOY_PRIME], w1[WIDE + TOY], w2[WIDE + TOY], v[WIDE + 2 * TOY];
    const mpcw_fac_commitment commitment = {{P, TOY}, {Q, TOY}, {A, TOY}, {B, TOY}, {T, TOY}};
    const mpcw_fac_response response = {{z1, sizeof z1}, {z2, sizeof z2}, {w1, sizeof w1}, {w2, sizeof w2}, {v, sizeof v}};
    const mpcw_fac_proof proof = {{P, TOY},        {Q, TOY},        {A, TOY},        {B, TOY},        {T, TOY},      {e, sizeof e},
                                  {z1, sizeof z1}, {z2, sizeof z2}, {w1, sizeof w1}, {w2, sizeof w2}, {v, sizeof v}};
    mpcw_fac_prover *prover;
    uint32_t violations;
    toy keys;

    toy_open(&keys, ctime_hide);
    const mpcw_pedersen_parameters verifier = {{keys.n, TOY}, {keys.s, TOY}, {keys.t, TOY}};
    OK(mpcw_fac_commit(&prover, &commitment, keys.own, &verifier, &SIZES, seed));
    OK(mpcw_fac_respond(&response, prover, (mpcw_bytes){e, sizeof e}));
    mpcw_fac_prover_free(prover);
    OK(mpcw_paillier_n(n, sizeof n, keys.own_public));
    OK(mpcw_fac_check_var(&violations, (mpcw_bytes){n, TOY}, &verifier, &proof, &SIZES));
    toy_close(&keys);
    mpcw_secret_free(seed);
}
