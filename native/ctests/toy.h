/* Keys of 512 bits for tests: all of the arithmetic, in milliseconds. */
#ifndef MPCW_CTESTS_TOY_H
#define MPCW_CTESTS_TOY_H

#include "mpcw/range_proof.h"

/* Bytes of a toy modulus and of its primes. */
enum { TOY = 64, TOY_PRIME = 32 };

/* Safe primes: 0 and 1 make the prover's Paillier key, 2 and 3 the verifier's, 0 and 3 N^. */
extern const uint8_t TOY_PRIMES[4][TOY_PRIME];
/* The parameters of proofs over toy keys, in bits. */
extern const mpcw_proof_sizes TOY_SIZES;

/* A prover's and a verifier's keys. */
typedef struct toy {
    mpcw_paillier_secret *own, *other;
    mpcw_paillier *own_public, *other_public;
    mpcw_ring_pedersen_secret *pedersen_secret;
    mpcw_ring_pedersen *pedersen;
    uint8_t n[TOY], s[TOY], t[TOY]; /* of N^ */
} toy;

/* New secret from bytes for the kind; hide, when it is not NULL, is called for its memory. */
typedef void (*toy_hide)(const void *p, size_t len);
mpcw_secret *toy_secret(mpcw_kind kind, const uint8_t *bytes, size_t len, size_t count, toy_hide hide);

void toy_open(toy *keys, toy_hide hide);
void toy_close(toy *keys);

#endif
