/* SHA-256 (FIPS 180-4), free of branches and table reads that depend on data. */
#ifndef MPCW_SRC_SHA256_H
#define MPCW_SRC_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct sha256 {
    uint32_t state[8];
    uint64_t len; /* bytes so far */
    uint8_t block[64];
} sha256;

void sha256_open(sha256 *h);
/* BIP-340: as if SHA256(tag) || SHA256(tag) had been hashed. */
void sha256_open_tagged(sha256 *h, const uint8_t *tag, size_t tag_len);
void sha256_add(sha256 *h, const uint8_t *bytes, size_t len);
/* Gives the hash and clears the state. */
void sha256_close(sha256 *h, uint8_t out32[32]);

#endif
