#include "toy.h"

#include <string.h>

#include "check.h"
#include "secret.h"

/* the first safe primes from SHA-256("toy prime i") with its two highest bits set */
const uint8_t TOY_PRIMES[4][TOY_PRIME] = {
    {0xdd, 0x7b, 0xec, 0xb9, 0x0b, 0x03, 0x4c, 0x80, 0xbe, 0x05, 0x30, 0xa5, 0x6f, 0x1a, 0x16, 0xa2,
     0xe2, 0x11, 0x9c, 0x59, 0x46, 0xdf, 0x71, 0xf7, 0x82, 0xb1, 0xa8, 0x34, 0x57, 0xa5, 0xd5, 0x1b},
    {0xcd, 0xc9, 0x2a, 0xdd, 0x93, 0x69, 0x7b, 0x9c, 0xac, 0xf8, 0x3f, 0xf2, 0x37, 0x8d, 0x4d, 0xc9,
     0x12, 0xa7, 0xd2, 0xfc, 0x25, 0xee, 0xb0, 0xe2, 0xd6, 0x9c, 0xd7, 0x87, 0x70, 0x29, 0xb1, 0x83},
    {0xc2, 0x31, 0xbd, 0x6a, 0xe6, 0x5f, 0x79, 0xe8, 0x76, 0x69, 0x21, 0x0e, 0xbf, 0x57, 0xfc, 0xda,
     0xff, 0xff, 0x53, 0xe9, 0xd9, 0xfb, 0xde, 0xee, 0xdb, 0xed, 0x9f, 0xa9, 0xfd, 0xb0, 0x64, 0x2f},
    {0xef, 0x3f, 0x20, 0x9c, 0x7f, 0x80, 0x25, 0x83, 0x8b, 0x7b, 0x86, 0x70, 0xf2, 0x85, 0xae, 0xd3,
     0xba, 0x42, 0xca, 0xb6, 0x6f, 0xa0, 0x67, 0x84, 0x06, 0x07, 0xb4, 0xcf, 0xcc, 0x1b, 0x5d, 0x83},
};

const mpcw_proof_sizes TOY_SIZES = {.ell = 64, .ell_prime = 64, .epsilon = 320};

mpcw_secret *toy_secret(mpcw_kind kind, const uint8_t *bytes, size_t len, size_t count, toy_hide hide)
{
    mpcw_secret *s;

    CHECK(mpcw_secret_import(&s, kind, bytes, len, count) == MPCW_OK);
    if (hide)
        hide(s->data, len);
    return s;
}

static mpcw_secret *prime(int i, toy_hide hide)
{
    return toy_secret(MPCW_KIND_RESIDUE, TOY_PRIMES[i], TOY_PRIME, 1, hide);
}

static void open_paillier(mpcw_paillier_secret **key, mpcw_paillier **pub, int p, int q, toy_hide hide)
{
    mpcw_secret *a = prime(p, hide), *b = prime(q, hide);

    CHECK(mpcw_paillier_secret_new(key, a, b) == MPCW_OK);
    CHECK(mpcw_paillier_public(pub, *key) == MPCW_OK);
    mpcw_secret_free(a);
    mpcw_secret_free(b);
}

void toy_open(toy *keys, toy_hide hide)
{
    static const uint8_t SEED[32] = {7};
    mpcw_secret *p = prime(0, hide), *q = prime(3, hide), *seed = toy_secret(MPCW_KIND_SEED, SEED, 32, 1, hide), *lambda;
    const mpcw_buffer n = {keys->n, TOY}, s = {keys->s, TOY}, t = {keys->t, TOY};

    open_paillier(&keys->own, &keys->own_public, 0, 1, hide);
    open_paillier(&keys->other, &keys->other_public, 2, 3, hide);
    CHECK(mpcw_ring_pedersen_generate(&lambda, keys->t, TOY, p, q, seed) == MPCW_OK);
    CHECK(mpcw_ring_pedersen_secret_new(&keys->pedersen_secret, p, q, lambda, (mpcw_bytes){keys->t, TOY}) == MPCW_OK);
    CHECK(mpcw_ring_pedersen_public(n, s, t, keys->pedersen_secret) == MPCW_OK);
    CHECK(mpcw_ring_pedersen_new(&keys->pedersen, (mpcw_bytes){keys->n, TOY}, (mpcw_bytes){keys->s, TOY},
                                 (mpcw_bytes){keys->t, TOY}, TOY_SIZES.ell + TOY_SIZES.epsilon,
                                 TOY_SIZES.ell + TOY_SIZES.epsilon + 8 * TOY) == MPCW_OK);
    mpcw_secret_free(p);
    mpcw_secret_free(q);
    mpcw_secret_free(seed);
    mpcw_secret_free(lambda);
}

void toy_close(toy *keys)
{
    mpcw_paillier_secret_free(keys->own);
    mpcw_paillier_secret_free(keys->other);
    mpcw_paillier_free(keys->own_public);
    mpcw_paillier_free(keys->other_public);
    mpcw_ring_pedersen_secret_free(keys->pedersen_secret);
    mpcw_ring_pedersen_free(keys->pedersen);
}
