/* Randomness of one call: a 32-byte seed from getrandom (or, to replay a run, from the caller), expanded by
 * ChaCha20 (RFC 8439). No state outlives the call, so a forked or cloned process repeats nothing. */
#ifndef MPCW_SRC_RNG_H
#define MPCW_SRC_RNG_H

#include "secret.h"

typedef struct rng {
    uint32_t key[8];
    uint32_t nonce[3]; /* the label */
    uint64_t block;
    uint8_t buffer[512];
    size_t used; /* bytes of buffer already given out */
} rng;

/* Seed from seed (32 bytes, MPCW_KIND_SEED) or, when NULL, from getrandom. label separates the streams that one
 * seed feeds: it becomes the nonce (at most 12 characters). */
mpcw_status rng_open(rng *r, const mpcw_secret *seed, const char *label);
void rng_bytes(rng *r, void *out, size_t len);
void rng_close(rng *r);

/* Fill from getrandom; MPCW_E_ENTROPY when it fails. */
mpcw_status rng_system(void *out, size_t len);

#endif
