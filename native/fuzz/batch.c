/* Batches of one equation of a peer's: a valid one passes, and none that differs from it. Input: which kind, then changes of
 * three bytes, a place and what to add there. */
#include <stddef.h>

#include "fuzz.h"
#include "libsecp.h"
#include "mpcw/batch.h"
#include "secp.h"
#include "toy_proof.h"

static toy keys;
static toy_enc_elg enc_elg;
static toy_aff_g aff_g;
static mpcw_secret *k, *d;

static void prepare(void)
{
    libsecp_load();
    toy_open(&keys, NULL);
    toy_prove_enc_elg(&enc_elg, &keys, NULL);
    toy_prove_aff_g(&aff_g, &keys, NULL);
    CHECK(mpcw_paillier_decrypt(&k, keys.other, aff_g.C, sizeof aff_g.C) == MPCW_OK);
    CHECK(mpcw_paillier_decrypt(&d, keys.other, aff_g.D, sizeof aff_g.D) == MPCW_OK);
}

static void expect(mpcw_status status, uint8_t bad, int holds)
{
    if (status == MPCW_E_RANGE)
        return; /* a challenge not below n */
    CHECK(status == (holds ? MPCW_OK : MPCW_REJECTED) && bad == !holds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    uint8_t bad = 0;
    const mpcw_buffer flag = {&bad, 1};
    mpcw_status status;

    if (!secp_get())
        prepare();
    const int kind = next_byte(&in) % 3;
    if (kind == 2) {
        toy_aff_g p = aff_g;
        /* C and D stay: the plaintexts belong to them */
        change(p.A, sizeof p - offsetof(toy_aff_g, A), &in);
        const mpcw_affine_equations eqs = {{p.C, 2 * TOY}, {p.D, 2 * TOY},  {p.A, 2 * TOY},  {p.e, SCALAR}, {p.z1, TOY_Z1},
                                           {p.z2, TOY_Z1}, {p.w, TOY}, k, d};
        status = mpcw_verify_affine(flag, keys.other, &eqs, NULL);
        expect(status, bad, memcmp(p.A, aff_g.A, sizeof p.A) == 0 && memcmp(p.e, aff_g.e, sizeof p.e) == 0 &&
                                memcmp(p.z1, aff_g.z1, sizeof p.z1) == 0 && memcmp(p.z2, aff_g.z2, sizeof p.z2) == 0 &&
                                memcmp(p.w, aff_g.w, sizeof p.w) == 0);
        return 0;
    }
    toy_enc_elg p = enc_elg;
    change((uint8_t *)&p, sizeof p, &in);
    const int e_same = memcmp(p.e, enc_elg.e, sizeof p.e) == 0, z1_same = memcmp(p.z1, enc_elg.z1, sizeof p.z1) == 0;
    if (kind == 0) {
        const mpcw_encryption_equations eqs = {{p.D, 2 * TOY}, {p.C, 2 * TOY}, {p.e, SCALAR}, {p.z1, TOY_Z1}, {p.z2, TOY}};
        status = mpcw_verify_encryptions_var(flag, keys.own_public, &eqs, NULL);
        const int same = e_same && z1_same && memcmp(p.D, enc_elg.D, sizeof p.D) == 0 &&
                         memcmp(p.C, enc_elg.C, sizeof p.C) == 0 && memcmp(p.z2, enc_elg.z2, sizeof p.z2) == 0;
        expect(status, bad, same);
        expect(mpcw_verify_own_encryptions(flag, keys.own, &eqs, NULL), bad, same);
    } else {
        const mpcw_pedersen_equations eqs = {{p.T, TOY}, {p.S, TOY}, {p.e, SCALAR}, {p.z1, TOY_Z1}, {p.z3, TOY_Z3}};
        status = mpcw_verify_pedersen(flag, keys.pedersen_secret, &eqs, NULL);
        expect(status, bad, e_same && z1_same && memcmp(p.T, enc_elg.T, sizeof p.T) == 0 &&
                                memcmp(p.S, enc_elg.S, sizeof p.S) == 0 && memcmp(p.z3, enc_elg.z3, sizeof p.z3) == 0);
    }
    return 0;
}
