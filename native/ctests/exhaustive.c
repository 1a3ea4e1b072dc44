/* Every engine on moduli so small that all residues, pairs and exponents can be tried, against plain integers of C. */
#include "check.h"
#include "lane_pow.h"
#include "secret.h"

enum { EXPONENT_BITS = 6, TEETH = 2, SPACING = 2 };

/* Primes, squares and products; a square of one has at most 625 residues. */
static const uint64_t MODULI[] = {3, 5, 7, 9, 15, 21, 25};

/* Residues of one modulus, or of its square, as vectors. */
typedef struct ring {
    lane l;
    size_t lanes, parts, words;
    uint64_t n, modulus; /* N; N or N^2 */
    uint64_t *same;      /* [modulus]: x in all lanes */
    uint64_t *next;      /* [modulus]: x, x + 1, ... in the lanes */
    uint64_t *r;
} ring;

static void ring_open(ring *g, lane_mod *m, uint64_t n, size_t parts)
{
    CHECK(lane_open(&g->l, m) == MPCW_OK);
    g->lanes = m->ops->lanes;
    g->parts = parts;
    g->words = parts * m->width;
    g->n = n;
    g->modulus = parts == 2 ? n * n : n;
    g->same = secret_alloc((2 * g->modulus + 1) * g->words * sizeof *g->same);
    CHECK(g->same);
    g->next = g->same + g->modulus * g->words;
    g->r = g->next + g->modulus * g->words;
    for (uint64_t x = 0; x < g->modulus; x++) {
        mp_limb_t items[LANES_MAX][2] = {{0}};
        for (size_t k = 0; k < LANES_MAX; k++)
            items[k][0] = (x + k) % g->modulus;
        CHECK(lane_enter_items(&g->l, g->same + x * g->words, items[0], 2, 2, 1, parts) == MPCW_OK);
        CHECK(lane_enter_items(&g->l, g->next + x * g->words, items[0], 2, 2, g->lanes, parts) == MPCW_OK);
    }
}

static void ring_close(ring *g)
{
    secret_free(g->same);
    lane_close(&g->l);
}

/* The result holds want in every lane. */
static void expect(const ring *g, const uint64_t want[LANES_MAX])
{
    mp_limb_t x[LANES_MAX][2];
    if (g->parts == 2)
        CHECK(lane_dual_leave(&g->l, x[0], g->r) == MPCW_OK);
    else
        CHECK(lane_leave(&g->l, x[0], g->r) == MPCW_OK);
    for (size_t k = 0; k < g->lanes; k++) {
        const mp_limb_t *digits = x[0] + k * g->parts;
        CHECK(digits[0] < g->n && (g->parts == 1 || digits[1] < g->n));
        CHECK(digits[0] + (g->parts == 2 ? digits[1] * g->n : 0) == want[k]);
    }
}

static void pairs(const ring *g)
{
    const lane_ops *ops = g->l.m->ops;
    uint64_t product[LANES_MAX], sum[LANES_MAX];
    for (uint64_t a = 0; a < g->modulus; a++) {
        const uint64_t *va = g->same + a * g->words;
        for (uint64_t first = 0; first < g->modulus; first += g->lanes) {
            const uint64_t *vb = g->next + first * g->words;
            for (size_t k = 0; k < LANES_MAX; k++) {
                const uint64_t b = (first + k) % g->modulus;
                product[k] = a * b % g->modulus;
                sum[k] = (a + b) % g->modulus;
            }
            lane_mul_parts(&g->l, g->r, va, vb, g->parts);
            expect(g, product);
            (g->parts == 2 ? ops->dadd : ops->add)(&g->l, g->r, va, vb);
            expect(g, sum);
        }
    }
}

static void squares(const ring *g)
{
    for (uint64_t first = 0; first < g->modulus; first++) {
        uint64_t square[LANES_MAX];
        for (size_t k = 0; k < LANES_MAX; k++)
            square[k] = (first + k) % g->modulus * ((first + k) % g->modulus) % g->modulus;
        lane_sqr_parts(&g->l, g->r, g->next + first * g->words, g->parts);
        expect(g, square);
    }
}

/* Every base to every exponent of EXPONENT_BITS, by windows and by a comb, for secret and for public exponents. */
static void powers(const ring *g)
{
    for (uint64_t x = 0; x < g->modulus; x++) {
        const uint64_t *base = g->same + x * g->words;
        uint64_t power[(1 << EXPONENT_BITS) + LANES_MAX];
        comb *c;
        power[0] = 1;
        for (size_t e = 1; e < sizeof power / sizeof *power; e++)
            power[e] = power[e - 1] * x % g->modulus;
        CHECK(comb_new(&c, &g->l, base, g->parts, EXPONENT_BITS, TEETH, SPACING, true) == MPCW_OK);
        for (mp_limb_t first = 0; first < 1 << EXPONENT_BITS; first += g->lanes) {
            const mp_limb_t e[LANES_MAX] = {first, first + 1, first + 2, first + 3};
            const comb_power p = {.base = c, .e = {&e[0], &e[1], &e[2], &e[3]}, .bits = EXPONENT_BITS};
            CHECK(lane_pow(&g->l, g->r, base, g->parts, p.e, EXPONENT_BITS) == MPCW_OK);
            expect(g, power + first);
            CHECK(lane_pow_var(&g->l, g->r, base, g->parts, p.e, EXPONENT_BITS) == MPCW_OK);
            expect(g, power + first);
            CHECK(comb_product(&g->l, g->r, &p, 1) == MPCW_OK);
            expect(g, power + first);
            CHECK(comb_product_var(&g->l, g->r, &p, 1) == MPCW_OK);
            expect(g, power + first);
        }
        comb_free(c);
    }
}

static void run(const lane_ops *ops)
{
    if (!ops)
        return;
    for (size_t i = 0; i < sizeof MODULI / sizeof *MODULI; i++) {
        const mp_limb_t n = MODULI[i];
        const mp_limb_t *const same[LANES_MAX] = {&n, &n, &n, &n};
        lane_mod *m;
        CHECK(lane_mod_new(&m, ops, same, 1) == MPCW_OK);
        for (size_t parts = 1; parts <= 2; parts++) {
            ring g;
            ring_open(&g, m, n, parts);
            pairs(&g);
            squares(&g);
            powers(&g);
            ring_close(&g);
        }
        lane_mod_free(m);
    }
}

int main(void)
{
    run(lane_mpn());
    run(lane_adx());
    run(lane_avx2());
    return 0;
}
