/* Secret integers, Paillier, ring-Pedersen. */
#include <string.h>

#include "ctime.h"
#include "mpcw/bigint.h"
#include "mpcw/bit_proof.h"
#include "mpcw/integer.h"
#include "toy.h"

CTIME(ints)
{
    mpcw_secret *a = ctime_secret(MPCW_KIND_INT, 3, 40), *seed = ctime_secret(MPCW_KIND_SEED, 1, 32), *out;
    const mpcw_bytes n = {TOY_PRIMES[0], TOY_PRIME};

    OUT(mpcw_ints_random(&out, 3, 128, seed));
    OUT(mpcw_ints_random_multiple(&out, 3, 128, n, seed));
    OUT(mpcw_ints_negate(&out, a));
    mpcw_secret_free(a);
    mpcw_secret_free(seed);
}

CTIME_PATHS(powers)
{
    enum { N = 16 };
    static const uint8_t SIGNED[16 * 5] = {0x7f, [16] = 1, [32] = 0x40, [79] = 9}; /* not negative */
    mpcw_secret *e = ctime_secret(MPCW_KIND_RESIDUE, 2, 16), *many = ctime_import(MPCW_KIND_INT, SIGNED, sizeof SIGNED, 5);
    uint8_t n[N], x[10 * N] = {0}, r[10 * N];
    mpcw_fixed_base *base;
    mpcw_modulus *m;

    ctime_bytes(n, sizeof n);
    n[0] |= 0x80;
    n[N - 1] |= 1;
    x[N - 1] = x[2 * N - 1] = x[4 * N - 1] = x[6 * N - 1] = x[8 * N - 1] = x[10 * N - 1] = 5;
    OK(mpcw_modulus_new(&m, n, N));
    OK(mpcw_modulus_pow(r, 2 * N, m, 0, (mpcw_bytes){x, 2 * N}, e));
    OK(mpcw_modulus_pow(r, 4 * N, m, 1, (mpcw_bytes){x, 4 * N}, e));
    OK(mpcw_fixed_base_new(&base, m, 0, (mpcw_bytes){x, N}, 128));
    OK(mpcw_fixed_base_pow(r, 2 * N, base, e));
    mpcw_fixed_base_free(base);
    /* on the engine for many */
    OK(mpcw_modulus_pow(r, 5 * N, m, 0, (mpcw_bytes){x, 5 * N}, many));
    OK(mpcw_modulus_pow(r, 10 * N, m, 1, (mpcw_bytes){x, 10 * N}, many));
    OK(mpcw_fixed_base_new(&base, m, 1, (mpcw_bytes){x, 2 * N}, 128));
    OK(mpcw_fixed_base_pow(r, 10 * N, base, many));
    CHECK(r[0] | 1); /* public */
    mpcw_fixed_base_free(base);
    mpcw_modulus_free(m);
    mpcw_secret_free(e);
    mpcw_secret_free(many);
}

/* Encryption, the affine operation and decryption, with keys, plaintexts and randomness hidden. */
CTIME_PATHS(paillier)
{
    enum { COUNT = 5 };
    mpcw_secret *m = ctime_secret(MPCW_KIND_INT, COUNT, 32), *x = ctime_secret(MPCW_KIND_INT, COUNT, 16);
    mpcw_secret *seed = ctime_secret(MPCW_KIND_SEED, 1, 32), *one_m, *one_x, *out;
    uint8_t c[COUNT * 2 * TOY], d[COUNT * 2 * TOY];
    toy keys;

    toy_open(&keys, ctime_hide);
    OUT(mpcw_paillier_encrypt(c, sizeof c, &out, keys.other_public, NULL, m, seed));
    OUT(mpcw_paillier_affine(d, sizeof d, &out, keys.other_public, NULL, c, sizeof c, x, m, seed));
    OK(mpcw_secret_slice(&one_m, m, 0, 1));
    OK(mpcw_secret_slice(&one_x, x, 0, 1));
    OUT(mpcw_paillier_affine(d, 2 * TOY, &out, keys.other_public, NULL, c, 2 * TOY, one_x, one_m, seed));
    mpcw_secret_free(one_m);
    mpcw_secret_free(one_x);
    OUT(mpcw_paillier_decrypt(&out, keys.other, d, sizeof d));
    OUT(mpcw_paillier_encrypt_own(c, sizeof c, &out, keys.own, NULL, m, seed));
    OUT(mpcw_paillier_decrypt(&out, keys.own, c, sizeof c));
    toy_close(&keys);
    mpcw_secret_free(m);
    mpcw_secret_free(x);
    mpcw_secret_free(seed);
}

CTIME_PATHS(randomness)
{
    mpcw_secret *m = ctime_secret(MPCW_KIND_INT, 2, 32), *seed = ctime_secret(MPCW_KIND_SEED, 1, 32), *out;
    mpcw_randomness *table, *own_table;
    uint8_t c[4 * TOY];
    toy keys;

    toy_open(&keys, ctime_hide);
    OK(mpcw_randomness_new_own(&own_table, keys.own, seed));
    OUT(mpcw_paillier_encrypt_own(c, sizeof c, &out, keys.own, own_table, m, seed));
    mpcw_randomness_free(own_table);
    OK(mpcw_randomness_new(&table, keys.other_public, seed));
    OUT(mpcw_paillier_encrypt(c, sizeof c, &out, keys.other_public, table, m, seed));
    mpcw_randomness_free(table);
    toy_close(&keys);
    mpcw_secret_free(m);
    mpcw_secret_free(seed);
}

CTIME_PATHS(ring_pedersen)
{
    mpcw_secret *x = ctime_secret(MPCW_KIND_INT, 3, 40), *y = ctime_secret(MPCW_KIND_INT, 3, 112);
    uint8_t out[3 * TOY];
    toy keys;

    toy_open(&keys, ctime_hide); /* generates lambda */
    OK(mpcw_ring_pedersen_commit(out, sizeof out, keys.pedersen, x, y));
    CHECK(out[0] | 1);
    toy_close(&keys);
    mpcw_secret_free(x);
    mpcw_secret_free(y);
}

/* The opening of K^x D and the answers to bits, with the key, x, the witnesses and the masks hidden. */
CTIME_PATHS(bits)
{
    enum { COUNT = 5 };
    static const uint8_t e[COUNT] = {1, 0, 0, 1, 1};
    static const uint8_t ONE[2 * TOY] = {[2 * TOY - 1] = 1}, TWO[2 * TOY] = {[2 * TOY - 1] = 2};
    mpcw_secret *x = ctime_secret(MPCW_KIND_INT, 1, 16), *masks = ctime_secret(MPCW_KIND_INT, COUNT, 32);
    mpcw_secret *seed = ctime_secret(MPCW_KIND_SEED, 1, 32), *y, *rho, *units;
    uint8_t z[COUNT * 32], w[COUNT * TOY], c[COUNT * 2 * TOY];
    toy keys;

    toy_open(&keys, ctime_hide);
    OK(mpcw_paillier_open(&y, &rho, keys.own, (mpcw_bytes){ONE, sizeof ONE}, (mpcw_bytes){TWO, sizeof TWO}, x));
    OK(mpcw_paillier_encrypt(c, sizeof c, &units, keys.own_public, NULL, masks, seed));
    OK(mpcw_bits_respond_ints((mpcw_buffer){z, sizeof z}, masks, x, (mpcw_bytes){e, COUNT}));
    OK(mpcw_bits_respond_units((mpcw_buffer){w, sizeof w}, keys.own_public, units, rho, (mpcw_bytes){e, COUNT}));
    CHECK((z[0] | 1) && (w[0] | 1)); /* public */
    toy_close(&keys);
    mpcw_secret *all[] = {x, masks, seed, y, rho, units};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        mpcw_secret_free(all[i]);
}
