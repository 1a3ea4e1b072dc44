/* Every engine against GMP's mpz: random and edge operands, moduli of one limb to the largest, a modulus of its own
 * for each lane. */
#include "lane.h"

#include <fenv.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lane_ifma_portable.h"
#include "limbs.h"
#include "secret.h"

static gmp_randstate_t rand_state;

static void to_limbs(mp_limb_t *r, size_t limbs, const mpz_t z)
{
    memset(r, 0, limbs * sizeof *r);
    mpz_export(r, NULL, -1, sizeof *r, 0, 0, z);
}

static void from_limbs(mpz_t z, const mp_limb_t *a, size_t limbs)
{
    mpz_import(z, limbs, -1, sizeof *a, 0, 0, a);
}

/* Edge values first, then random ones, all below bound. */
static void operand(mpz_t z, const mpz_t bound, unsigned pick)
{
    switch (pick) {
    case 0:
        mpz_set_ui(z, 0);
        break;
    case 1:
        mpz_set_ui(z, 1);
        break;
    case 2:
        mpz_sub_ui(z, bound, 1);
        break;
    case 3:
        mpz_tdiv_q_2exp(z, bound, 1);
        break;
    case 4:
        mpz_set_ui(z, 1);
        mpz_mul_2exp(z, z, mpz_sizeinbase(bound, 2) - 1);
        mpz_sub_ui(z, z, 1);
        break;
    default:
        mpz_urandomm(z, rand_state, bound);
    }
    mpz_mod(z, z, bound);
}

static void modulus(mpz_t n, size_t limbs, unsigned pick)
{
    if (pick == 0) { /* all-ones digits */
        mpz_set_ui(n, 1);
        mpz_mul_2exp(n, n, 64 * limbs);
        mpz_sub_ui(n, n, 1);
    } else if (pick == 1) { /* the smallest of this length */
        mpz_set_ui(n, limbs == 1 ? 3 : 1);
        mpz_setbit(n, limbs == 1 ? 0 : 64 * (limbs - 1));
        mpz_setbit(n, 0);
    } else {
        mpz_urandomb(n, rand_state, 64 * limbs);
        mpz_setbit(n, 64 * limbs - 1 - mpz_get_ui(n) % 60);
        mpz_setbit(n, 0);
    }
}

static void run(const lane_ops *ops, size_t limbs, unsigned pick)
{
    mp_limb_t raw[LANES_MAX][LANE_LIMBS_MAX], x[2 * LANE_LIMBS_MAX * LANES_MAX], tmp[2 * LANE_LIMBS_MAX];
    const mp_limb_t *moduli[LANES_MAX];
    mpz_t n[LANES_MAX], n2[LANES_MAX], a[LANES_MAX], b[LANES_MAX], want, got;
    lane_mod *m;
    lane l;
    mpz_inits(want, got, NULL);
    for (size_t k = 0; k < LANES_MAX; k++) {
        mpz_inits(n[k], n2[k], a[k], b[k], NULL);
        modulus(n[k], limbs, pick == 0 ? 0 : pick + (unsigned)k);
        mpz_mul(n2[k], n[k], n[k]);
        to_limbs(raw[k], limbs, n[k]);
        moduli[k] = raw[k];
    }
    CHECK(lane_mod_new(&m, ops, moduli, limbs) == MPCW_OK);
    CHECK(lane_open(&l, m) == MPCW_OK);
    uint64_t *u = lane_vectors(&l, 2), *v = lane_vectors(&l, 2), *w = lane_vectors(&l, 2);

    for (unsigned i = 0; i < 36; i++) {
        /* modulo N */
        for (size_t k = 0; k < ops->lanes; k++) {
            operand(a[k], n[k], i / 6);
            operand(b[k], n[k], i % 6);
            to_limbs(x, limbs, a[k]);
            ops->load(m, u, k, x, limbs);
            to_limbs(x, limbs, b[k]);
            ops->load(m, v, k, x, limbs);
        }
        lane_enter(&l, u);
        lane_enter(&l, v);
        uint64_t bits[LANES_MAX];
        for (size_t k = 0; k < LANES_MAX; k++)
            bits[k] = (i + k) & 1;
        for (int op = 0; op < 5; op++) {
            if (op == 0)
                ops->mul(&l, w, u, v);
            else if (op == 1)
                ops->sqr(&l, w, u);
            else
                ops->add(&l, w, u, v);
            if (op == 3) { /* sums are operands of further products */
                ops->add(&l, w, w, v);
                ops->mul(&l, w, w, w);
            }
            if (op == 4) {
                ops->sqr_double(&l, w, u, bits);
                ops->sqr_double(&l, w, w, bits);
            }
            CHECK(lane_leave(&l, x, w) == MPCW_OK);
            for (size_t k = 0; k < ops->lanes; k++) {
                if (op == 0)
                    mpz_mul(want, a[k], b[k]);
                else if (op == 1)
                    mpz_mul(want, a[k], a[k]);
                else
                    mpz_add(want, a[k], b[k]);
                if (op == 3) {
                    mpz_add(want, want, b[k]);
                    mpz_mul(want, want, want);
                }
                if (op == 4) { /* (2^bit a^2)^2 2^bit */
                    mpz_powm_ui(want, a[k], 4, n[k]);
                    mpz_mul_2exp(want, want, 3 * bits[k]);
                }
                mpz_mod(want, want, n[k]);
                from_limbs(got, x + k * limbs, limbs);
                CHECK(mpz_cmp(want, got) == 0);
            }
        }
        /* modulo N^2 */
        for (size_t k = 0; k < ops->lanes; k++) {
            operand(a[k], n2[k], i / 6);
            operand(b[k], n2[k], i % 6);
            if (i % 6 == 3)
                mpz_mul(b[k], n[k], a[k]), mpz_mod(b[k], b[k], n2[k]);
            to_limbs(x, 2 * limbs, a[k]);
            lane_dual_load(m, u, k, x, 2 * limbs);
            to_limbs(x, 2 * limbs, b[k]);
            lane_dual_load(m, v, k, x, 2 * limbs);
        }
        CHECK(lane_dual_enter(&l, u) == MPCW_OK);
        CHECK(lane_dual_enter(&l, v) == MPCW_OK);
        for (int op = 0; op < 3; op++) {
            if (op == 0)
                ops->dmul(&l, w, u, v);
            else
                ops->dsqr(&l, w, op == 1 ? u : w);
            CHECK(lane_dual_leave(&l, x, w) == MPCW_OK);
            for (size_t k = 0; k < ops->lanes; k++) {
                mp_limb_t *out = x + 2 * k * limbs;
                CHECK(limbs_less(out, raw[k], limbs) && limbs_less(out + limbs, raw[k], limbs));
                lane_join(out, tmp, raw[k], limbs);
                from_limbs(got, out, 2 * limbs);
                if (op == 0)
                    mpz_mul(want, a[k], b[k]);
                else if (op == 1)
                    mpz_mul(want, a[k], a[k]);
                else
                    mpz_powm_ui(want, a[k], 4, n2[k]);
                mpz_mod(want, want, n2[k]);
                CHECK(mpz_cmp(want, got) == 0);
            }
        }
    }
    secret_free(u);
    secret_free(v);
    secret_free(w);
    lane_close(&l);
    lane_mod_free(m);
    for (size_t k = 0; k < LANES_MAX; k++)
        mpz_clears(n[k], n2[k], a[k], b[k], NULL);
    mpz_clears(want, got, NULL);
}

/* The operands that lane_avx2.c and lane_ifma.c allow without a final subtraction: sums of two products, below 4N. */
static const struct {
    unsigned factor; /* an operand is factor * N + offset */
    int offset;
} UNREDUCED[] = {{0, 0}, {0, 1}, {1, -1}, {1, 0}, {1, 1}, {2, -1}, {2, 0}, {3, 0}, {4, -1}};
enum { UNREDUCED_LEN = sizeof UNREDUCED / sizeof *UNREDUCED };

static void unreduced(mpz_t z, const mpz_t n, size_t i)
{
    mpz_mul_ui(z, n, UNREDUCED[i].factor);
    if (UNREDUCED[i].offset < 0)
        mpz_sub_ui(z, z, 1);
    else
        mpz_add_ui(z, z, (unsigned)UNREDUCED[i].offset);
}

static void load(const lane_mod *m, uint64_t *r, const mpz_t z)
{
    mp_limb_t x[LANE_LIMBS_MAX + 1];
    to_limbs(x, m->limbs + 1, z);
    for (size_t k = 0; k < m->ops->lanes; k++)
        m->ops->load(m, r, k, x, m->limbs + 1);
}

static void store(mpz_t z, const lane_mod *m, const uint64_t *a)
{
    mp_limb_t x[LANE_LIMBS_MAX + 1];
    m->ops->store(m, x, m->limbs + 1, a, m->ops->lanes - 1);
    from_limbs(z, x, m->limbs + 1);
}

/* got R = want modulo modulus, and bounded < bound_n * n */
static void check_reduced(const mpz_t got, const mpz_t want, const mpz_t modulus, const lane_mod *m, const mpz_t n,
                          unsigned bound_n, const mpz_t bounded)
{
    mpz_t t;
    mpz_init(t);
    mpz_mul_2exp(t, got, m->ops->r_bits(m->digits));
    mpz_sub(t, t, want);
    CHECK(mpz_divisible_p(t, modulus));
    mpz_mul_ui(t, n, bound_n);
    CHECK(mpz_cmp(bounded, t) < 0);
    mpz_clear(t);
}

static void run_unreduced(const lane_ops *ops, const mpz_t n, size_t limbs)
{
    mp_limb_t raw[LANE_LIMBS_MAX], out[2 * LANES_MAX * LANE_LIMBS_MAX];
    const mp_limb_t *moduli[LANES_MAX] = {raw, raw, raw, raw};
    const uint64_t bits[LANES_MAX] = {1, 1, 1, 1};
    lane_mod *m;
    lane l;
    mpz_t n2, a, b, want, low, high;
    mpz_inits(n2, a, b, want, low, high, NULL);
    mpz_mul(n2, n, n);
    to_limbs(raw, limbs, n);
    CHECK(lane_mod_new(&m, ops, moduli, limbs) == MPCW_OK);
    CHECK(lane_open(&l, m) == MPCW_OK);
    uint64_t *u = lane_vectors(&l, 2), *v = lane_vectors(&l, 2), *w = lane_vectors(&l, 2);
    for (size_t i = 0; i < UNREDUCED_LEN; i++)
        for (size_t j = 0; j < UNREDUCED_LEN; j++) {
            unreduced(a, n, i);
            unreduced(b, n, j);
            load(m, u, a);
            load(m, v, b);
            mpz_mul(want, a, b);
            ops->mul(&l, w, u, v);
            store(low, m, w);
            check_reduced(low, want, n, m, n, 2, low);
            if (i == j) {
                ops->sqr(&l, w, u);
                store(low, m, w);
                check_reduced(low, want, n, m, n, 2, low);
            }
            if (i == j && UNREDUCED[i].factor < 3) { /* the result of a sqr_double is below 3N */
                mpz_mul_2exp(want, want, 1);
                ops->sqr_double(&l, w, u, bits);
                store(low, m, w);
                check_reduced(low, want, n, m, n, 3, low);
            }
            /* x = a + b N, and its product with b + a N */
            load(m, u + m->width, b);
            load(m, v + m->width, a);
            for (int square = 0; square < 2; square++) {
                mpz_set(low, a);
                mpz_addmul(low, b, n);
                mpz_set(high, square ? a : b);
                mpz_addmul(high, square ? b : a, n);
                mpz_mul(want, low, high);
                if (square)
                    ops->dsqr(&l, w, u);
                else
                    ops->dmul(&l, w, u, v);
                store(low, m, w);
                store(high, m, w + m->width);
                mpz_t joined;
                mpz_init_set(joined, low);
                mpz_addmul(joined, high, n);
                check_reduced(joined, want, n2, m, n, 2, low);
                check_reduced(joined, want, n2, m, n, 2, high);
                mpz_clear(joined);
            }
            /* canonical digits of multiples of N, too: the vector u stands for (a + b N) / R */
            CHECK(lane_dual_leave(&l, out, u) == MPCW_OK);
            CHECK(limbs_less(out, raw, limbs) && limbs_less(out + limbs, raw, limbs));
            CHECK(lane_leave(&l, out, u) == MPCW_OK);
            CHECK(limbs_less(out, raw, limbs));
            if (UNREDUCED[i].offset == 0)
                CHECK(limbs_is_zero(out, limbs));
        }
    secret_free(u);
    secret_free(v);
    secret_free(w);
    lane_close(&l);
    lane_mod_free(m);
    mpz_clears(n2, a, b, want, low, high, NULL);
}

/* N = 3, all-ones digits of the engine, 2^k - small and a little above 2^(64 (limbs - 1)). */
static void run_unreduced_moduli(const lane_ops *ops, size_t limbs)
{
    mpz_t n;
    mpz_init(n);
    for (unsigned pick = 0; pick < 4; pick++) {
        const size_t radix = ops->r_bits(1), top[] = {64 * limbs, 64 * limbs / radix * radix, 64 * limbs, 64 * (limbs - 1)};
        const long offset[] = {-1, -1, -59, limbs == 1 ? 2 : 1};
        mpz_set_ui(n, 0);
        mpz_setbit(n, top[pick]);
        if (offset[pick] < 0)
            mpz_sub_ui(n, n, (unsigned long)-offset[pick]);
        else
            mpz_add_ui(n, n, (unsigned long)offset[pick]);
        run_unreduced(ops, n, limbs);
    }
    mpz_clear(n);
}

int main(void)
{
    const lane_ops *engines[] = {lane_mpn(), lane_adx(), lane_avx2(), lane_ifma()};
    static const size_t sizes[] = {1, 2, 3, 4, 8, 16, 23, 24, 32, 47, 48, 49, 63, 64};
    gmp_randinit_default(rand_state);
    gmp_randseed_ui(rand_state, 20261121);
    /* the doubles of the AVX2 engine are exact in every rounding mode */
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t r = 0; lane_avx2() && r < 4; r++) {
        fesetround(modes[r]);
        for (unsigned pick = 0; pick < 6; pick++)
            run(lane_avx2(), 48, pick);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            run_unreduced_moduli(lane_avx2(), sizes[s]);
    }
    fesetround(FE_TONEAREST);
    for (size_t s = 0; lane_ifma() && s < sizeof sizes / sizeof *sizes; s++)
        run_unreduced_moduli(lane_ifma(), sizes[s]);
    /* slow, and the same source as the engine: see lane_ifma.c */
    static const size_t few_sizes[] = {1, 9, 24, 64};
    for (size_t s = 0; s < sizeof few_sizes / sizeof *few_sizes; s++) {
        run_unreduced_moduli(lane_ifma_portable(), few_sizes[s]);
        run(lane_ifma_portable(), few_sizes[s], 0);
        run(lane_ifma_portable(), few_sizes[s], 1);
    }
    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++)
        for (size_t s = 0; engines[e] && s < sizeof sizes / sizeof *sizes; s++)
            for (unsigned pick = 0; 64 * sizes[s] <= engines[e]->bits_max && pick < 4; pick++)
                run(engines[e], sizes[s], pick);

    lane_mod *m;
    mp_limb_t even[2] = {4, 1}, short_one[2] = {5, 0}, unit[1] = {1};
    const mp_limb_t *all_even[4] = {even, even, even, even}, *all_short[4] = {short_one, short_one, short_one, short_one},
                    *all_unit[4] = {unit, unit, unit, unit};
    CHECK(lane_mod_new(&m, lane_mpn(), all_even, 2) == MPCW_E_MODULUS && m == NULL);
    CHECK(lane_mod_new(&m, lane_mpn(), all_short, 2) == MPCW_E_MODULUS && m == NULL);
    CHECK(lane_mod_new(&m, lane_mpn(), all_unit, 1) == MPCW_E_MODULUS && m == NULL);
    CHECK(lane_mod_new(&m, lane_mpn(), all_even, LANE_LIMBS_MAX + 1) == MPCW_E_MODULUS && m == NULL);
    gmp_randclear(rand_state);
    return 0;
}
