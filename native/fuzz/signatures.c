/* Signatures: DER has one encoding for each pair (r, s), and any lengths are safe. */
#include "fuzz.h"
#include "libsecp.h"
#include "mpcw/verify.h"
#include "secp.h"

static void der(input *in)
{
    const size_t len = in->size;
    uint8_t *bytes = next_bytes(in, len), compact[64], again[72];
    size_t written;

    if (mpcw_ecdsa_from_der_var(compact, 64, bytes, len) == MPCW_OK) {
        CHECK(mpcw_ecdsa_to_der_var(again, sizeof again, &written, compact, 64) == MPCW_OK);
        CHECK(written == len && memcmp(again, bytes, len) == 0);
    }
    free(bytes);
}

static void compact(input *in)
{
    const size_t room = next_byte(in);
    uint8_t *bytes = next_bytes(in, 64), *out = next_bytes(in, room), again[64];
    size_t written;

    if (mpcw_ecdsa_to_der_var(out, room, &written, bytes, 64) == MPCW_OK) {
        CHECK(written <= room && written <= 72);
        CHECK(mpcw_ecdsa_from_der_var(again, 64, out, written) == MPCW_OK && memcmp(again, bytes, 64) == 0);
    } else {
        CHECK(written == 0);
    }
    free(bytes);
    free(out);
}

static void verify(input *in)
{
    const size_t message_len = next_byte(in);
    uint8_t *signature = next_bytes(in, 64), *key = next_bytes(in, 64), *message = next_bytes(in, message_len), failed;

    (void)mpcw_verify_ecdsa_var(&failed, 1, signature, 64, message, message_len, key, 64);
    CHECK(failed <= 1);
    (void)mpcw_verify_bip340_var(&failed, 1, signature, 64, message, message_len, key, 32);
    CHECK(failed <= 1);
    free(signature);
    free(key);
    free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    void (*const targets[])(input *) = {der, compact, verify};

    if (!secp_get())
        libsecp_load();
    targets[next_byte(&in) % 3](&in);
    return 0;
}
