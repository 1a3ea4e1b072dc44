/* mpcw_secret_import and mpcw_secret_decode take the same; what they accept comes out again. */
#include "fuzz.h"
#include "secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    const mpcw_kind kind = (mpcw_kind)(next_byte(&in) % 7);
    const size_t count = next_byte(&in), len = in.size;
    uint8_t *bytes = next_bytes(&in, len), *again = next_bytes(&in, len);
    mpcw_secret *s, *encoded, *decoded, *plain;
    const mpcw_status status = mpcw_secret_import(&s, kind, bytes, len, count);

    if (mpcw_secret_import(&plain, MPCW_KIND_BYTES, bytes, len, 1) == MPCW_OK) {
        CHECK(mpcw_secret_decode(&decoded, kind, plain, count) == status);
        CHECK((decoded == NULL) == (s == NULL));
        mpcw_secret_free(decoded);
    }
    mpcw_secret_free(plain);
    if (status == MPCW_OK) {
        CHECK(mpcw_secret_declassify(again, len, s) == MPCW_OK);
        CHECK(memcmp(again, bytes, len) == 0);
        CHECK(mpcw_secret_declassify(again, len - 1, s) == MPCW_E_LENGTH);
        CHECK(mpcw_secret_encode(&encoded, s) == MPCW_OK);
        CHECK(memcmp(encoded->data, bytes, len) == 0);
        mpcw_secret_free(encoded);
    } else {
        CHECK(s == NULL);
    }
    mpcw_secret_free(s);
    free(bytes);
    free(again);
    return 0;
}
