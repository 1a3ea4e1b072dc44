/* Strict checks of proofs: a valid proof passes, and none that differs from it. Input: which proof, then changes of three bytes,
 * a place and what to add there. */
#include "fuzz.h"
#include "libsecp.h"
#include "secp.h"
#include "toy_proof.h"

static toy keys;
static toy_enc_elg enc_elg;
static toy_aff_g aff_g;

static void prepare(void)
{
    libsecp_load();
    toy_open(&keys, NULL);
    toy_prove_enc_elg(&enc_elg, &keys, NULL);
    toy_prove_aff_g(&aff_g, &keys, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    uint32_t violations;
    mpcw_status status;
    int same;

    if (!secp_get())
        prepare();
    if (next_byte(&in) % 2) {
        toy_enc_elg proof = enc_elg;
        change((uint8_t *)&proof, sizeof proof, &in);
        same = memcmp(&proof, &enc_elg, sizeof proof) == 0;
        status = toy_check_enc_elg(&violations, &proof, &keys);
    } else {
        toy_aff_g proof = aff_g;
        change((uint8_t *)&proof, sizeof proof, &in);
        same = memcmp(&proof, &aff_g, sizeof proof) == 0;
        status = toy_check_aff_g(&violations, &proof, &keys);
    }
    CHECK(status == (same ? MPCW_OK : MPCW_REJECTED));
    CHECK((violations == 0) == same);
    return 0;
}
