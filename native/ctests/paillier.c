/* Memory and results of keys, encryption, the affine operation, decryption and randomness tables. */
#include "mpcw/bit_proof.h"
#include "mpcw/paillier.h"

#include "keys.h"

#define COUNT_MAX 9

typedef struct tables {
    mpcw_randomness *foreign, *own;
} tables;

static void ciphertexts_decrypt_to_their_plaintexts(const mpcw_paillier_secret *key, const mpcw_paillier *pub,
                                                    const tables *t, size_t size, size_t count)
{
    uint8_t *c = malloc(count * 2 * size), *d = malloc(count * 2 * size), bad[COUNT_MAX];
    mpcw_secret *m, *x, *rho, *again;
    CHECK(c && d);
    CHECK(mpcw_ints_random(&m, count, 8 * size - 64, NULL) == MPCW_OK);
    CHECK(mpcw_ints_random(&x, count, 64, NULL) == MPCW_OK);
    for (int way = 0; way < 5; way++) {
        if (way < 2)
            CHECK(mpcw_paillier_encrypt(c, count * 2 * size, &rho, pub, way ? t->foreign : NULL, m, NULL) == MPCW_OK);
        else if (way < 4)
            CHECK(mpcw_paillier_encrypt_own(c, count * 2 * size, &rho, key, way == 3 ? t->own : NULL, m, NULL) ==
                  MPCW_OK);
        else {
            /* d = 1^x Enc(m) */
            memset(d, 0, count * 2 * size);
            for (size_t i = 1; i <= count; i++)
                d[i * 2 * size - 1] = 1;
            CHECK(mpcw_paillier_affine(c, count * 2 * size, &rho, pub, t->foreign, d, count * 2 * size, x, m, NULL) ==
                  MPCW_OK);
        }
        mpcw_secret_free(rho);
        CHECK(mpcw_paillier_check_var(bad, count, pub, c, count * 2 * size) == MPCW_OK);
        CHECK(mpcw_paillier_decrypt(&again, key, c, count * 2 * size) == MPCW_OK);
        CHECK(ints_equal(m, again));
        mpcw_secret_free(again);
    }
    memset(c + (count - 1) * 2 * size, 0, 2 * size);
    CHECK(mpcw_paillier_check_var(bad, count, pub, c, count * 2 * size) == MPCW_REJECTED && bad[count - 1]);
    CHECK(mpcw_paillier_decrypt(&again, key, c, count * 2 * size) == MPCW_E_RANGE && !again);
    CHECK(mpcw_paillier_affine(d, count * 2 * size, &rho, pub, NULL, c, count * 2 * size, x, m, NULL) == MPCW_E_RANGE);
    mpcw_secret_free(m);
    mpcw_secret_free(x);
    free(c);
    free(d);
}

static void plaintexts_out_of_range_are_refused(const mpcw_paillier_secret *key, const mpcw_paillier *pub, size_t size)
{
    uint8_t n[N_MAX], c[2 * N_MAX];
    mpcw_secret *m, *rho;
    CHECK(mpcw_paillier_n(n, size, pub) == MPCW_OK);
    CHECK(mpcw_secret_import(&m, MPCW_KIND_INT, n, size, 1) == MPCW_OK);
    CHECK(mpcw_paillier_encrypt(c, 2 * size, &rho, pub, NULL, m, NULL) == MPCW_E_RANGE && !rho);
    CHECK(mpcw_paillier_encrypt_own(c, 2 * size, &rho, key, NULL, m, NULL) == MPCW_E_RANGE && !rho);
    mpcw_secret_free(m);
}

static void a_hidden_ciphertext_opens_and_bits_are_answered(const mpcw_paillier_secret *key, const mpcw_paillier *pub,
                                                          size_t size)
{
    static const uint8_t e[COUNT_MAX] = {0, 1, 1, 0, 1, 0, 0, 1, 1};
    uint8_t c[2][2 * N_MAX], z[COUNT_MAX * N_MAX], w[COUNT_MAX * N_MAX], many[COUNT_MAX * 2 * N_MAX];
    const mpcw_bytes d = {c[0], 2 * size}, k = {c[1], 2 * size};
    mpcw_secret *m, *x, *none, *units, *y, *rho;
    CHECK(mpcw_ints_random(&m, COUNT_MAX, 8 * size - 64, NULL) == MPCW_OK);
    CHECK(mpcw_ints_random(&x, 1, 64, NULL) == MPCW_OK);
    CHECK(mpcw_paillier_encrypt(many, COUNT_MAX * 2 * size, &units, pub, NULL, m, NULL) == MPCW_OK);
    memcpy(c[0], many, 2 * size);
    memset(c[1], 0, sizeof c[1]);
    c[1][2 * size - 1] = 1;
    /* 1^x Enc(m) is opened to m */
    CHECK(mpcw_paillier_open(&y, &rho, key, d, k, x) == MPCW_OK);
    CHECK(mpcw_secret_slice(&none, m, 0, 1) == MPCW_OK && ints_equal(y, none));
    mpcw_secret_free(none);
    for (size_t count = 1; count <= COUNT_MAX; count++) {
        mpcw_secret *some;
        CHECK(mpcw_secret_slice(&some, units, 0, count) == MPCW_OK);
        CHECK(mpcw_bits_respond_units((mpcw_buffer){w, count * size}, pub, some, rho, (mpcw_bytes){e, count}) == MPCW_OK);
        CHECK(mpcw_bits_respond_units((mpcw_buffer){w, count * size}, pub, some, rho, (mpcw_bytes){e, count - 1}) ==
              MPCW_E_LENGTH);
        mpcw_secret_free(some);
    }
    CHECK(mpcw_bits_respond_ints((mpcw_buffer){z, COUNT_MAX * (size - 8)}, m, x, (mpcw_bytes){e, COUNT_MAX}) != MPCW_E_LENGTH);
    mpcw_secret_free(y);
    mpcw_secret_free(rho);
    c[1][2 * size - 1] = 0;
    CHECK(mpcw_paillier_open(&y, &rho, key, d, k, x) == MPCW_E_RANGE && !y && !rho);
    CHECK(mpcw_paillier_open(&y, &rho, key, k, d, x) == MPCW_E_RANGE && !y && !rho);
    mpcw_secret_free(m);
    mpcw_secret_free(x);
    mpcw_secret_free(units);
}

static void a_table_travels(const mpcw_paillier *pub, tables *t)
{
    size_t size;
    mpcw_randomness *again;
    CHECK(mpcw_randomness_export_size(&size, t->foreign) == MPCW_OK);
    uint8_t *bytes = malloc(size);
    CHECK(bytes && mpcw_randomness_export(bytes, size, t->foreign) == MPCW_OK);
    CHECK(mpcw_randomness_import(&again, pub, bytes, size) == MPCW_OK);
    mpcw_randomness_free(again);
    bytes[size - 1] ^= 1;
    CHECK(mpcw_randomness_import(&again, pub, bytes, size) != MPCW_OK && !again);
    CHECK(mpcw_randomness_import(&again, pub, bytes, size - 1) == MPCW_E_LENGTH && !again);
    free(bytes);
}

static void commitments_are_made(const key_size *size)
{
    const size_t len = 2 * size->prime;
    mpcw_ring_pedersen *rp;
    uint8_t nst[3][N_MAX];
    mpcw_ring_pedersen_secret *own = pedersen_key(&rp, nst, size, 192, 320);
    for (size_t count = 1; count <= COUNT_MAX; count += 4) {
        uint8_t *out = malloc(count * len);
        mpcw_secret *x, *y;
        CHECK(out && mpcw_ints_random(&x, count, 192, NULL) == MPCW_OK);
        CHECK(mpcw_ints_random(&y, count, 320, NULL) == MPCW_OK);
        CHECK(mpcw_ring_pedersen_commit(out, count * len, rp, x, y) == MPCW_OK);
        CHECK(mpcw_ring_pedersen_commit(out, count * len - 1, rp, x, y) == MPCW_E_LENGTH);
        CHECK(mpcw_ring_pedersen_commit(out, count * len, rp, y, x) == MPCW_E_LENGTH);
        mpcw_secret_free(x);
        mpcw_secret_free(y);
        free(out);
    }
    mpcw_ring_pedersen_free(rp);
    mpcw_ring_pedersen_secret_free(own);
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        const size_t size = 2 * KEY_SIZES[i].prime;
        mpcw_paillier_secret *key = paillier_key(&KEY_SIZES[i], 0);
        mpcw_paillier *pub;
        tables t;
        CHECK(mpcw_paillier_public(&pub, key) == MPCW_OK);
        CHECK(mpcw_randomness_new(&t.foreign, pub, NULL) == MPCW_OK);
        CHECK(mpcw_randomness_new_own(&t.own, key, NULL) == MPCW_OK);
        for (size_t count = 1; count <= COUNT_MAX; count++)
            ciphertexts_decrypt_to_their_plaintexts(key, pub, &t, size, count);
        plaintexts_out_of_range_are_refused(key, pub, size);
        a_hidden_ciphertext_opens_and_bits_are_answered(key, pub, size);
        a_table_travels(pub, &t);
        commitments_are_made(&KEY_SIZES[i]);
        mpcw_randomness_free(t.foreign);
        mpcw_randomness_free(t.own);
        mpcw_paillier_free(pub);
        mpcw_paillier_secret_free(key);
    }
    return 0;
}
