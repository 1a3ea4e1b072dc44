/* Tables of randomness from a file, for a key of 64 bits: what is accepted is exported as it was.
 * An input is a whole file, or what changes in a good one, as only files of one length are looked at. */
#include "fuzz.h"
#include "mpcw/paillier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* 4294967291 * 4294967279 */
    static const uint8_t N[8] = {0xff, 0xff, 0xff, 0xea, 0x00, 0x00, 0x00, 0x55};
    static mpcw_paillier *key;
    static uint8_t *good;
    static size_t good_size;
    input in = {data, size};
    uint8_t *bytes, *again;
    mpcw_randomness *table;
    size_t table_size;

    if (!key) {
        CHECK(mpcw_paillier_new(&key, N, sizeof N) == MPCW_OK);
        CHECK(mpcw_randomness_new(&table, key, NULL) == MPCW_OK);
        CHECK(mpcw_randomness_export_size(&good_size, table) == MPCW_OK && (good = calloc(good_size, 1)) != NULL);
        CHECK(mpcw_randomness_export(good, good_size, table) == MPCW_OK);
        mpcw_randomness_free(table);
    }
    if (next_byte(&in) % 4) {
        input whole = {good, good_size};
        bytes = next_bytes(&whole, size = good_size);
        change(bytes, size, &in);
    } else {
        bytes = next_bytes(&in, size = in.size);
    }
    if (mpcw_randomness_import(&table, key, bytes, size) == MPCW_OK) {
        CHECK(mpcw_randomness_export_size(&table_size, table) == MPCW_OK && table_size == size);
        again = calloc(size, 1);
        CHECK(again && mpcw_randomness_export(again, size, table) == MPCW_OK && memcmp(again, bytes, size) == 0);
        free(again);
    } else {
        CHECK(table == NULL);
    }
    mpcw_randomness_free(table);
    free(bytes);
    return 0;
}
