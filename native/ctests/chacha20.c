/* One block of RFC 8439: arguments key, nonce, counter, expected keystream. */
#include <string.h>

#include "check.h"
#include "rng.h"

static void from_hex(uint8_t *bytes, size_t size, const char *hex)
{
    CHECK(strlen(hex) == 2 * size);
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        CHECK(sscanf(hex + 2 * i, "%2x", &byte) == 1);
        bytes[i] = (uint8_t)byte;
    }
}

int main(int argc, char **argv)
{
    uint8_t key[32], nonce[12], expected[64], keystream[64];
    mpcw_secret *seed;
    rng r;

    CHECK(argc == 5);
    from_hex(key, sizeof key, argv[1]);
    from_hex(nonce, sizeof nonce, argv[2]);
    from_hex(expected, sizeof expected, argv[4]);
    CHECK(mpcw_secret_import(&seed, MPCW_KIND_SEED, key, sizeof key, 1) == MPCW_OK);
    CHECK(rng_open(&r, seed, "") == MPCW_OK);
    /* a label is text and a stream starts at block 0: the RFC's nonces and counters are set by hand */
    for (int i = 0; i < 3; i++)
        r.nonce[i] = (uint32_t)nonce[4 * i] | (uint32_t)nonce[4 * i + 1] << 8 | (uint32_t)nonce[4 * i + 2] << 16 |
                     (uint32_t)nonce[4 * i + 3] << 24;
    r.block = strtoull(argv[3], NULL, 10);
    rng_bytes(&r, keystream, sizeof keystream);
    CHECK(memcmp(keystream, expected, sizeof expected) == 0);
    rng_close(&r);
    mpcw_secret_free(seed);
    return 0;
}
