/* All values over toy moduli, against plain integers: every engine's products, sums and powers, Paillier's encryption and its
 * affine operation. */
#include <string.h>

#include "check.h"
#include "lane_pow.h"
#include "mpcw/paillier.h"
#include "secret.h"

enum { TOY_MAX = 63, DUAL_MAX = 15, POWER_BITS = 6 };

static uint64_t power(uint64_t x, uint64_t e, uint64_t n)
{
    uint64_t r = 1 % n;

    while (e-- > 0)
        r = r * x % n;
    return r;
}

/* Vectors, parts residue vectors each, of which all lanes of vector x hold x, for all x below bound. */
static uint64_t *all_residues(const lane *l, size_t parts, uint64_t bound)
{
    uint64_t *all = lane_vectors(l, parts * bound);

    CHECK(all);
    for (mp_limb_t x = 0; x < bound; x++)
        CHECK(lane_enter_items(l, all + x * parts * l->m->width, &x, 1, 0, 1, parts) == MPCW_OK);
    return all;
}

/* The integer in every lane of a vector is want. */
static void expect(const lane *l, const uint64_t *v, size_t parts, uint64_t want)
{
    const size_t lanes = l->m->ops->lanes;
    mp_limb_t x[2 * LANES_MAX];

    if (parts == 2)
        CHECK(lane_dual_leave(l, x, v) == MPCW_OK);
    else
        CHECK(lane_leave(l, x, v) == MPCW_OK);
    for (size_t k = 0; k < lanes; k++)
        CHECK((parts == 2 ? x[2 * k] + x[2 * k + 1] * l->m->n_limbs[k] : x[k]) == want);
}

static void all_pairs(const lane *l, size_t parts, uint64_t n)
{
    const size_t words = parts * l->m->width;
    uint64_t *all = all_residues(l, parts, n), *r = lane_vectors(l, parts);

    CHECK(r);
    for (uint64_t x = 0; x < n; x++) {
        const uint64_t *vx = all + x * words;
        lane_sqr_parts(l, r, vx, parts);
        expect(l, r, parts, x * x % n);
        for (uint64_t y = 0; y < n; y++) {
            const uint64_t *vy = all + y * words;
            lane_mul_parts(l, r, vx, vy, parts);
            expect(l, r, parts, x * y % n);
            (parts == 2 ? l->m->ops->dadd : l->m->ops->add)(l, r, vx, vy);
            expect(l, r, parts, (x + y) % n);
        }
    }
    secret_free(all);
    secret_free(r);
}

static void all_powers(const lane *l, size_t parts, uint64_t n)
{
    uint64_t *all = all_residues(l, parts, n), *r = lane_vectors(l, parts);

    CHECK(r);
    for (uint64_t x = 0; x < n; x++)
        for (mp_limb_t e = 0; e < 1 << POWER_BITS; e++) {
            const mp_limb_t *each[LANES_MAX] = {&e, &e, &e, &e};
            const uint64_t *vx = all + x * parts * l->m->width, want = power(x, e, n);
            CHECK(lane_pow(l, r, vx, parts, each, POWER_BITS) == MPCW_OK);
            expect(l, r, parts, want);
            CHECK(lane_pow_var(l, r, vx, parts, each, POWER_BITS) == MPCW_OK);
            expect(l, r, parts, want);
        }
    secret_free(all);
    secret_free(r);
}

static void engine(const lane_ops *ops)
{
    for (mp_limb_t n = 3; n <= TOY_MAX; n += 2) {
        const mp_limb_t *each[LANES_MAX] = {&n, &n, &n, &n};
        lane_mod *m;
        lane l;
        CHECK(lane_mod_new(&m, ops, each, 1) == MPCW_OK && lane_open(&l, m) == MPCW_OK);
        all_pairs(&l, 1, n);
        all_powers(&l, 1, n);
        if (n <= DUAL_MAX) {
            all_pairs(&l, 2, n * n);
            all_powers(&l, 2, n * n);
        }
        lane_close(&l);
        lane_mod_free(m);
    }
}

static uint64_t number(const uint8_t *bytes, size_t len)
{
    uint64_t x = 0;

    for (size_t i = 0; i < len; i++)
        x = x << 8 | bytes[i];
    return x;
}

static void write_number(uint8_t *bytes, size_t len, uint64_t x)
{
    for (size_t i = len; i-- > 0; x >>= 8)
        bytes[i] = (uint8_t)x;
}

static mpcw_secret *integers(const int64_t *x, size_t count)
{
    uint8_t bytes[8 * TOY_MAX];
    mpcw_secret *s;

    for (size_t i = 0; i < count; i++)
        write_number(bytes + 8 * i, 8, (uint64_t)x[i]);
    CHECK(mpcw_secret_import(&s, MPCW_KIND_INT, bytes, 8 * count, count) == MPCW_OK);
    return s;
}

/* (1 + N)^m rho^N mod N^2 */
static uint64_t encryption(int64_t m, uint64_t rho, uint64_t n)
{
    const uint64_t residue = (uint64_t)(m < 0 ? m + (int64_t)n : m);

    return (1 + residue * n) * power(rho, n, n * n) % (n * n);
}

/* x^e mod N^2 for a unit x and any sign of e. */
static uint64_t signed_power(uint64_t x, int64_t e, uint64_t n)
{
    uint64_t inverse = 1;

    while (x * inverse % (n * n) != 1)
        inverse++;
    return e < 0 ? power(inverse, (uint64_t)-e, n * n) : power(x, (uint64_t)e, n * n);
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* Every plaintext in (-N/2, N/2) at once; c and rho: number i belongs to plaintext i. */
static void all_plaintexts(const mpcw_paillier *key, uint64_t n)
{
    const size_t count = n;
    int64_t m[TOY_MAX];
    uint8_t c[16 * TOY_MAX], rho_bytes[8 * TOY_MAX];
    mpcw_secret *secrets, *rho;

    for (size_t i = 0; i < count; i++)
        m[i] = (int64_t)i - (int64_t)(n / 2);
    secrets = integers(m, count);
    CHECK(mpcw_paillier_encrypt(c, 16 * count, &rho, key, NULL, secrets, NULL) == MPCW_OK);
    CHECK(mpcw_secret_declassify(rho_bytes, 8 * count, rho) == MPCW_OK);
    for (size_t i = 0; i < count; i++)
        CHECK(number(c + 16 * i, 16) == encryption(m[i], number(rho_bytes + 8 * i, 8), n));
    mpcw_secret_free(secrets);
    mpcw_secret_free(rho);

    /* and none beyond */
    m[0] = (int64_t)(n / 2) + 1;
    for (int sign = 0; sign < 2; sign++, m[0] = -m[0]) {
        secrets = integers(m, 1);
        CHECK(mpcw_paillier_encrypt(c, 16, &rho, key, NULL, secrets, NULL) == MPCW_E_RANGE && rho == NULL);
        mpcw_secret_free(secrets);
    }
}

/* c^x Enc(y; rho) for every c below N^2 and every x of four bits, y running along; units only are accepted. */
static void all_ciphertexts(const mpcw_paillier *key, uint64_t n)
{
    enum { XS = 16 };
    int64_t x[XS], y[XS];
    uint8_t c[16 * XS], d[16 * XS], rho_bytes[8 * XS];
    mpcw_secret *xs, *ys, *rho;

    for (int i = 0; i < XS; i++) {
        x[i] = i - XS / 2;
        y[i] = i % (int)n - (int64_t)(n / 2);
    }
    xs = integers(x, XS);
    ys = integers(y, XS);
    for (uint64_t base = 0; base < n * n; base++) {
        for (int i = 0; i < XS; i++)
            write_number(c + 16 * i, 16, base);
        const mpcw_status status = mpcw_paillier_affine(d, sizeof d, &rho, key, NULL, c, sizeof c, xs, ys, NULL);
        if (common_divisor(base, n) != 1) {
            CHECK(status == (base == 0 ? MPCW_E_RANGE : MPCW_E_NOT_UNIT) && rho == NULL);
            continue;
        }
        CHECK(status == MPCW_OK && mpcw_secret_declassify(rho_bytes, sizeof rho_bytes, rho) == MPCW_OK);
        for (int i = 0; i < XS; i++)
            CHECK(number(d + 16 * i, 16) ==
                  signed_power(base, x[i], n) * encryption(y[i], number(rho_bytes + 8 * i, 8), n) % (n * n));
        mpcw_secret_free(rho);
    }
    mpcw_secret_free(xs);
    mpcw_secret_free(ys);
}

static void paillier(uint64_t n)
{
    uint8_t bytes[8];
    mpcw_paillier *key;

    write_number(bytes, 8, n);
    CHECK(mpcw_paillier_new(&key, bytes, 8) == MPCW_OK);
    all_plaintexts(key, n);
    all_ciphertexts(key, n);
    mpcw_paillier_free(key);
}

int main(void)
{
    const lane_ops *engines[] = {lane_mpn(), lane_adx(), lane_avx2(), lane_ifma()};
    /* products of two primes, and of equal ones, which a hostile peer may send */
    static const uint64_t MODULI[] = {9, 15, 21, 33, 35, 49, 55};

    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++)
        if (engines[e])
            engine(engines[e]);
    for (size_t i = 0; i < sizeof MODULI / sizeof *MODULI; i++)
        paillier(MODULI[i]);
    return 0;
}
