/* Responses of proofs and uniform residues against GMP's mpz. */
#include "integer.h"

#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "limbs.h"

enum { MASK_LIMBS = 2, WITNESS_LIMBS = 1, MASK_BYTES = 8 * MASK_LIMBS };

static void signed_limbs(mp_limb_t *r, size_t limbs, const mpz_t z)
{
    mpz_t wrapped;
    mpz_init(wrapped);
    mpz_fdiv_r_2exp(wrapped, z, 64 * limbs);
    memset(r, 0, limbs * sizeof *r);
    mpz_export(r, NULL, -1, sizeof *r, 0, 0, wrapped);
    mpz_clear(wrapped);
}

/* a + e x by int_respond: exact when it is in [-2^127, 2^127), refused when it is not. */
static void check_response(const char *a_text, const char *e_text, const char *x_text)
{
    mp_limb_t a[MASK_LIMBS], e[CHALLENGE_LIMBS], x[WITNESS_LIMBS];
    uint8_t out[MASK_BYTES] = {0}, want[MASK_BYTES] = {0};
    mpz_t za, ze, zx, low;
    CHECK(mpz_init_set_str(za, a_text, 0) == 0 && mpz_init_set_str(ze, e_text, 0) == 0 &&
          mpz_init_set_str(zx, x_text, 0) == 0);
    signed_limbs(a, MASK_LIMBS, za);
    signed_limbs(e, CHALLENGE_LIMBS, ze);
    signed_limbs(x, WITNESS_LIMBS, zx);
    mpz_addmul(za, ze, zx);
    mpz_init(low);
    mpz_fdiv_q_2exp(low, za, 64 * MASK_LIMBS - 1);
    const bool fits = mpz_sgn(low) == 0 || mpz_cmp_si(low, -1) == 0;
    const mpcw_status status = int_respond(out, sizeof out, a, MASK_LIMBS, e, x, WITNESS_LIMBS);
    CHECK(status == (fits ? MPCW_OK : MPCW_E_RANGE));
    if (fits) {
        signed_limbs(a, MASK_LIMBS, za);
        limbs_to_be(want, sizeof want, a, MASK_LIMBS);
    }
    CHECK(memcmp(out, want, sizeof out) == 0);
    mpz_clears(za, ze, zx, low, NULL);
}

static void check_residues(void)
{
    /* n, bits, least; every residue is reached */
    static const struct {
        mp_limb_t n[2];
        size_t limbs, bits;
        mp_limb_t least;
    } cases[] = {{{1}, 1, 1, 0}, {{2}, 1, 2, 1}, {{5}, 1, 3, 0}, {{8}, 2, 4, 0}, {{0, 1}, 2, 65, 0}};
    rng r = {0};
    CHECK(rng_open(&r, NULL, "test") == MPCW_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned seen = 0;
        for (size_t k = 0; k < 400; k++) {
            mp_limb_t x[2];
            residue_random(x, cases[i].n, cases[i].limbs, cases[i].bits, cases[i].least, &r);
            CHECK(limbs_less(x, cases[i].n, cases[i].limbs));
            CHECK(!cases[i].least || !limbs_is_zero(x, cases[i].limbs));
            seen |= 1u << x[0] % 8;
        }
        if (cases[i].limbs == 1)
            CHECK(seen == ((1u << cases[i].n[0]) - 1) - cases[i].least);
        else
            CHECK(seen == 0xff);
    }
    rng_close(&r);
}

int main(void)
{
    static const char *const masks[] = {"0", "1", "-1", "0x7fffffffffffffffffffffffffffffff",
                                        "-0x80000000000000000000000000000000"};
    /* 2^192 and 2^128 vanish modulo the width of a mask */
    static const char *const challenges[] = {
        "0",
        "1",
        "0xffffffffffffffff",
        "0x100000000000000000000000000000000",
        "0x1000000000000000000000000000000000000000000000000",
        "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
    };
    static const char *const witnesses[] = {"0", "1", "-1", "0x7fffffffffffffff", "-0x8000000000000000"};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        for (size_t j = 0; j < sizeof challenges / sizeof *challenges; j++)
            for (size_t k = 0; k < sizeof witnesses / sizeof *witnesses; k++)
                check_response(masks[i], challenges[j], witnesses[k]);
    check_residues();
    return 0;
}
