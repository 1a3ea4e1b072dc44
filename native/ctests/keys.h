/* Test keys: primes of five and of four limbs, an odd and an even number of them. */
#ifndef MPCW_CTESTS_KEYS_H
#define MPCW_CTESTS_KEYS_H

#include <string.h>

#include "check.h"
#include "mpcw/integer.h"
#include "mpcw/paillier.h"
#include "mpcw/ring_pedersen.h"

#define PRIME_MAX 40
#define N_MAX (2 * PRIME_MAX)

typedef struct key_size {
    size_t prime; /* bytes of p and q */
    const char *p[2], *q[2];
} key_size;

static const key_size KEY_SIZES[2] = {
    {40,
     {"ccc1ec813f311bf8cd6300dc98cbc9508a13f2298f76bee3ce3fde056184a77d72445b37a369f7db",
      "cccb676cbdc0964afe6f2c6aece33654b83b9bc755dea2977ff9a32629e5cf45bbba6c51d909edbb"},
     {"ce4a04a723a1faf46a8f94501cd7574186dd7035a48c13dab6b28811e27345a21d35a1f380a20f8b",
      "fef9d7ae714a6a05f54a07221cc7b387327e7341601a63640344b1099423c9648162454294da0d3f"}},
    {32,
     {"c6c7db3d1226fc718398f683d10cced11bf5f8fb4b6ea08c7af9c6433ac85ec7",
      "eefa4772ee900526026e729f696361f6fbde9a172c628c222e5d91f747242d57"},
     {"c3be01adff3b3b79730981e4db5cedf266e6db8463e4395c1d856d0ff0b1ffa3",
      "c2f1950bd41347580bfe06dccd8b9beb1ca2d719f55d10db23e972a3b2e73be3"}},
};

static inline mpcw_secret *residue_from_hex(const char *hex)
{
    uint8_t bytes[PRIME_MAX];
    const size_t len = strlen(hex) / 2;
    mpcw_secret *s;
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        CHECK(sscanf(hex + 2 * i, "%2x", &byte) == 1);
        bytes[i] = (uint8_t)byte;
    }
    CHECK(mpcw_secret_import(&s, MPCW_KIND_RESIDUE, bytes, len, 1) == MPCW_OK);
    return s;
}

static inline mpcw_paillier_secret *paillier_key(const key_size *size, int which)
{
    mpcw_secret *p = residue_from_hex(size->p[which]), *q = residue_from_hex(size->q[which]);
    mpcw_paillier_secret *key;
    CHECK(mpcw_paillier_secret_new(&key, p, q) == MPCW_OK);
    mpcw_secret_free(p);
    mpcw_secret_free(q);
    return key;
}

/* The verifier's trapdoor, and its public parameters with tables. */
static inline mpcw_ring_pedersen_secret *pedersen_key(mpcw_ring_pedersen **rp, uint8_t nst[3][N_MAX],
                                                      const key_size *size, size_t x_bits, size_t y_bits)
{
    const size_t len = 2 * size->prime;
    mpcw_secret *p = residue_from_hex(size->p[0]), *q = residue_from_hex(size->q[1]), *lambda;
    mpcw_ring_pedersen_secret *own;
    uint8_t t[N_MAX];
    CHECK(mpcw_ring_pedersen_generate(&lambda, t, len, p, q, NULL) == MPCW_OK);
    CHECK(mpcw_ring_pedersen_secret_new(&own, p, q, lambda, (mpcw_bytes){t, len}) == MPCW_OK);
    CHECK(mpcw_ring_pedersen_public((mpcw_buffer){nst[0], len}, (mpcw_buffer){nst[1], len},
                                    (mpcw_buffer){nst[2], len}, own) == MPCW_OK);
    CHECK(mpcw_ring_pedersen_new(rp, (mpcw_bytes){nst[0], len}, (mpcw_bytes){nst[1], len}, (mpcw_bytes){nst[2], len},
                                 x_bits, y_bits) == MPCW_OK);
    mpcw_secret_free(p);
    mpcw_secret_free(q);
    mpcw_secret_free(lambda);
    return own;
}

/* Whether two secrets hold the same integers, of whatever widths. */
static inline int ints_equal(const mpcw_secret *a, const mpcw_secret *b)
{
    uint8_t x[512 * 9], y[512 * 9];
    mpcw_kind kind;
    size_t count, a_size, b_size, b_count;
    CHECK(mpcw_secret_info(&kind, &count, &a_size, a) == MPCW_OK);
    CHECK(mpcw_secret_info(&kind, &b_count, &b_size, b) == MPCW_OK && b_count == count);
    CHECK(mpcw_secret_declassify(x, count * a_size, a) == MPCW_OK);
    CHECK(mpcw_secret_declassify(y, count * b_size, b) == MPCW_OK);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < (a_size > b_size ? a_size : b_size); k++) {
            const uint8_t *xi = x + i * a_size, *yi = y + i * b_size;
            const uint8_t from_x = k < a_size ? xi[a_size - 1 - k] : (uint8_t)-(xi[0] >> 7);
            const uint8_t from_y = k < b_size ? yi[b_size - 1 - k] : (uint8_t)-(yi[0] >> 7);
            if (from_x != from_y)
                return 0;
        }
    return 1;
}

#endif
