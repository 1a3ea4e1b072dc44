/* A mistake of the machine modulo one prime would give the other away: a proof that Chinese remaindering got wrong stays. */
#include <string.h>

#include "check.h"
#include "mpcw/batch.h"
#include "mpcw/mod_proof.h"
#include "mpcw/prm_proof.h"
#include "paillier.h"
#include "ring_pedersen.h"

#define M 6

static mpcw_secret *prime(const char *hex)
{
    uint8_t bytes[32];
    mpcw_secret *s;
    mpz_t z;
    CHECK(mpz_init_set_str(z, hex, 16) == 0);
    CHECK(mpz_sizeinbase(z, 2) == 256);
    mpz_export(bytes, NULL, 1, 1, 1, 0, z);
    mpz_clear(z);
    CHECK(mpcw_secret_import(&s, MPCW_KIND_RESIDUE, bytes, sizeof bytes, 1) == MPCW_OK);
    return s;
}

static int is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return 0;
    return 1;
}

static void mod_proof(void)
{
    mpcw_secret *p = prime("c5db8f36512811e2c45c823abf6be7a3ccc25095ceae7d910fb324c89dea2e03");
    mpcw_secret *q = prime("d22aad890d478437215d9930ff73172411e9011ebac45bf85c41e7f3af944e27");
    mpcw_paillier_secret *key;
    uint8_t w[64], y[64 * M] = {0}, a[M], b[M], x[64 * M], z[64 * M];
    const mpcw_mod_response out = {{a, M}, {b, M}, {x, sizeof x}, {z, sizeof z}};
    const mpcw_bytes w_in = {w, sizeof w}, y_in = {y, sizeof y};
    CHECK(mpcw_paillier_secret_new(&key, p, q) == MPCW_OK);
    CHECK(mpcw_mod_commit((mpcw_buffer){w, sizeof w}, key->pub, NULL) == MPCW_OK);
    for (size_t k = 0; k < M; k++)
        y[64 * k + 63] = (uint8_t)(k + 2);
    CHECK(mpcw_mod_respond(&out, key, w_in, y_in) == MPCW_OK);
    CHECK(!is_zero(x, sizeof x));
    key->p_inverse[0] ^= 1;
    CHECK(mpcw_mod_respond(&out, key, w_in, y_in) == MPCW_E_FAULT);
    CHECK(is_zero(a, M) && is_zero(b, M) && is_zero(x, sizeof x) && is_zero(z, sizeof z));
    mpcw_paillier_secret_free(key);
    mpcw_secret_free(p);
    mpcw_secret_free(q);
}

static void prm_proof(void)
{
    mpcw_secret *p = prime("d3e4806cfdf9a70c9923df941ef1f0ec02ea0e445ac55efe56809e78fa30e39b");
    mpcw_secret *q = prime("efff57bb905e5d103835943bdebe009e43e12430b6d7a06126769ab987cc5923"), *lambda;
    mpcw_ring_pedersen_secret *rp;
    uint8_t t[64], A[64 * M], z[64 * M];
    const uint8_t e[M] = {1, 0, 1, 1, 0, 0};
    CHECK(mpcw_ring_pedersen_generate(&lambda, t, sizeof t, p, q, NULL) == MPCW_OK);
    CHECK(mpcw_ring_pedersen_secret_new(&rp, p, q, lambda, (mpcw_bytes){t, sizeof t}) == MPCW_OK);
    for (int fault = 0; fault < 2; fault++) {
        mpcw_prm_prover *prover;
        rp->s[0] ^= (mp_limb_t)fault;
        CHECK(mpcw_prm_commit(&prover, (mpcw_buffer){A, sizeof A}, rp, M, NULL) == MPCW_OK);
        const mpcw_status status = mpcw_prm_respond((mpcw_buffer){z, sizeof z}, prover, (mpcw_bytes){e, M});
        CHECK(status == (fault ? MPCW_E_FAULT : MPCW_OK));
        CHECK(is_zero(z, sizeof z) == fault);
        mpcw_prm_prover_free(prover);
    }
    mpcw_ring_pedersen_secret_free(rp);
    mpcw_secret_free(lambda);
    mpcw_secret_free(p);
    mpcw_secret_free(q);
}

/* Equations of an encryption with itself: D = C, e = 0 and z, w of D. */
static void own_encryptions(void)
{
    mpcw_secret *p = prime("c5db8f36512811e2c45c823abf6be7a3ccc25095ceae7d910fb324c89dea2e03");
    mpcw_secret *q = prime("d22aad890d478437215d9930ff73172411e9011ebac45bf85c41e7f3af944e27"), *m, *rho;
    static const uint8_t e[32], z[16] = {[15] = 7};
    mpcw_paillier_secret *key;
    uint8_t bad, D[128], w[64];
    const mpcw_encryption_equations eqs = {{D, sizeof D}, {D, sizeof D}, {e, sizeof e}, {z, sizeof z}, {w, sizeof w}};
    CHECK(mpcw_paillier_secret_new(&key, p, q) == MPCW_OK);
    CHECK(mpcw_secret_import(&m, MPCW_KIND_INT, z, sizeof z, 1) == MPCW_OK);
    for (int fault = 0; fault < 3; fault++) {
        /* of remaindering, and of the copies of the primes that the check works with: then N alone decides */
        key->p2_inverse[0] ^= (uint64_t)(fault == 1);
        key->both.m[0]->n_limbs[0] ^= (mp_limb_t)(fault == 2) << 1;
        CHECK(mpcw_paillier_encrypt_own(D, sizeof D, &rho, key, NULL, m, NULL) == MPCW_OK);
        for (size_t k = 0; k < sizeof w; k++)
            w[k] = rho->data[sizeof w - 1 - k];
        CHECK(mpcw_verify_own_encryptions((mpcw_buffer){&bad, 1}, key, &eqs, NULL) == (fault == 1 ? MPCW_REJECTED : MPCW_OK));
        CHECK(bad == (fault == 1));
        key->p2_inverse[0] ^= (uint64_t)(fault == 1);
        mpcw_secret_free(rho);
    }
    mpcw_paillier_secret_free(key);
    mpcw_secret_free(m);
    mpcw_secret_free(p);
    mpcw_secret_free(q);
}

int main(void)
{
    own_encryptions();
    mod_proof();
    prm_proof();
    return 0;
}
