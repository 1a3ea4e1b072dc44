/* mpcw_secret_import: what it accepts comes out again. */
#include "fuzz.h"
#include "mpcw/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    const mpcw_kind kind = (mpcw_kind)(next_byte(&in) % 6);
    const size_t count = next_byte(&in), len = in.size;
    uint8_t *bytes = next_bytes(&in, len), *again = next_bytes(&in, len);
    mpcw_secret *s;

    if (mpcw_secret_import(&s, kind, bytes, len, count) == MPCW_OK) {
        CHECK(mpcw_secret_declassify(again, len, s) == MPCW_OK);
        CHECK(memcmp(again, bytes, len) == 0);
        CHECK(mpcw_secret_declassify(again, len - 1, s) == MPCW_E_LENGTH);
    } else {
        CHECK(s == NULL);
    }
    mpcw_secret_free(s);
    free(bytes);
    free(again);
    return 0;
}
