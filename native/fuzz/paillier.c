/* Public Paillier keys, ciphertexts and units of a peer: the range and unit checks say what GMP's gcd says. */
#include <gmp.h>

#include "fuzz.h"
#include "mpcw/paillier.h"

static int is_unit(const uint8_t *x, size_t x_len, const mpz_t bound, const mpz_t n)
{
    mpz_t z, g;
    int unit;

    mpz_inits(z, g, NULL);
    mpz_import(z, x_len, 1, 1, 0, 0, x);
    mpz_gcd(g, z, n);
    unit = mpz_sgn(z) > 0 && mpz_cmp(z, bound) < 0 && mpz_cmp_ui(g, 1) == 0;
    mpz_clears(z, g, NULL);
    return unit;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    const size_t n_len = next_byte(&in) % 34, count = next_byte(&in) % 3;
    uint8_t *n_bytes = next_bytes(&in, n_len), *c = next_bytes(&in, 2 * n_len * count), *again = next_bytes(&in, n_len);
    uint8_t *w = next_bytes(&in, n_len * count), *bad = calloc(count + 1, 1);
    mpcw_paillier *key;
    mpz_t n, square;

    mpz_inits(n, square, NULL);
    mpz_import(n, n_len, 1, 1, 0, 0, n_bytes);
    mpz_mul(square, n, n);
    if (mpcw_paillier_new(&key, n_bytes, n_len) == MPCW_OK) {
        CHECK(n_len % 8 == 0 && mpz_odd_p(n) && mpz_size(n) == n_len / 8);
        CHECK(mpcw_paillier_n(again, n_len, key) == MPCW_OK && memcmp(again, n_bytes, n_len) == 0);
        (void)mpcw_paillier_check_var(bad, count, key, c, 2 * n_len * count);
        for (size_t i = 0; i < count; i++)
            CHECK(bad[i] != is_unit(c + 2 * n_len * i, 2 * n_len, square, n));
        (void)mpcw_paillier_check_units_var(bad, count, key, w, n_len * count);
        for (size_t i = 0; i < count; i++)
            CHECK(bad[i] != is_unit(w + n_len * i, n_len, n, n));
        CHECK(mpcw_paillier_check_var(bad, count, key, c, 2 * n_len * count + 1) == MPCW_E_LENGTH);
    } else {
        CHECK(key == NULL);
    }
    mpcw_paillier_free(key);
    mpz_clears(n, square, NULL);
    free(n_bytes);
    free(c);
    free(again);
    free(w);
    free(bad);
    return 0;
}
