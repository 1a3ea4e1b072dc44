/* Tables of randomness from a file, for a key of 64 bits: what is accepted is exported as it was. */
#include "fuzz.h"
#include "mpcw/paillier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* 4294967291 * 4294967279 */
    static const uint8_t N[8] = {0xff, 0xff, 0xff, 0xea, 0x00, 0x00, 0x00, 0x55};
    static mpcw_paillier *key;
    input in = {data, size};
    uint8_t *bytes = next_bytes(&in, size), *again;
    mpcw_randomness *table;
    size_t table_size;

    if (!key)
        CHECK(mpcw_paillier_new(&key, N, sizeof N) == MPCW_OK);
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
