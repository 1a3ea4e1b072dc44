/* The IFMA engine against the same source in plain C, bit for bit: its values by lane.c, its constant time by ctime_lane.c hold
 * for the instructions, too. */
#include <string.h>

#include "check.h"
#include "lane_ifma_portable.h"
#include "secret.h"

enum { COUNT = 8, REAL = 0, PORTABLE = 1, ENGINES = 2 };

/* What the two engines have: dual vectors a, b and r, a table of COUNT of them, and a packed one. */
typedef struct engine {
    lane_mod *m;
    lane l;
    uint64_t *a, *b, *r, *table;
    uint8_t *packed;
} engine;

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t random_word(void)
{
    /* xorshift64 */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void open_engine(engine *e, const lane_ops *ops, mp_limb_t n[LANES_MAX][LANE_LIMBS_MAX], size_t limbs)
{
    const mp_limb_t *each[LANES_MAX] = {n[0], n[1], n[2], n[3]};
    CHECK(lane_mod_new(&e->m, ops, each, limbs) == MPCW_OK);
    CHECK(lane_open(&e->l, e->m) == MPCW_OK);
    e->a = lane_vectors(&e->l, 6 + 2 * COUNT);
    e->packed = secret_alloc(COUNT * ops->entry(2 * e->m->digits));
    CHECK(e->a && e->packed);
    e->b = e->a + 2 * e->m->width;
    e->r = e->b + 2 * e->m->width;
    e->table = e->r + 2 * e->m->width;
}

static void close_engine(engine *e)
{
    secret_free(e->packed);
    secret_free(e->a);
    lane_close(&e->l);
    lane_mod_free(e->m);
}

/* Digits of the operands and the table: all ones in the first round, then random. */
static void fill(engine e[ENGINES], unsigned round)
{
    const size_t words = 2 * e[REAL].m->width;
    for (size_t i = 0; i < (3 + COUNT) * words; i++)
        e[REAL].a[i] = (round == 0 ? ~(uint64_t)0 : random_word()) >> 12;
    memcpy(e[PORTABLE].a, e[REAL].a, (3 + COUNT) * words * sizeof *e->a);
    for (size_t k = 0; k < ENGINES; k++)
        for (size_t i = 0; i < COUNT; i++)
            e[k].m->ops->entry_pack(e[k].m, e[k].packed, COUNT, i, e[k].table + i * words, i % e[k].m->ops->lanes, 2);
}

enum { OPS = 12 };

static void apply(engine *e, unsigned op)
{
    const lane_ops *ops = e->m->ops;
    const uint64_t bits[LANES_MAX] = {1, 0, 1, 0};
    const uint32_t index[LANES_MAX] = {5, 0, COUNT - 1, 2};
    const uint8_t *const each[LANES_MAX] = {e->packed, e->packed, e->packed, e->packed};
    const size_t words = 2 * e->m->width;
    switch (op) {
    case 0:
        ops->mul(&e->l, e->r, e->a, e->b);
        break;
    case 1:
        ops->sqr(&e->l, e->r, e->a);
        break;
    case 2:
        ops->sqr_double(&e->l, e->r, e->a, bits);
        break;
    case 3:
        ops->add(&e->l, e->r, e->a, e->b);
        break;
    case 4:
        ops->dadd(&e->l, e->r, e->a, e->b);
        break;
    case 5:
        ops->dmul(&e->l, e->r, e->a, e->b);
        break;
    case 6:
        ops->dsqr(&e->l, e->r, e->a);
        break;
    case 7:
        ops->select(e->r, e->table, COUNT, words, index);
        break;
    case 8:
        ops->select_var(e->r, e->table, COUNT, words, index);
        break;
    case 9:
        ops->entry_select(&e->l, e->r, e->packed, COUNT, 2, index);
        break;
    case 10:
        ops->entry_select_each(&e->l, e->r, each, COUNT, 2, index);
        break;
    default:
        ops->entry_select_var(&e->l, e->r, e->packed, COUNT, 2, index);
    }
}

static void run(size_t limbs)
{
    mp_limb_t n[LANES_MAX][LANE_LIMBS_MAX];
    engine e[ENGINES];
    for (size_t k = 0; k < LANES_MAX; k++) {
        for (size_t i = 0; i < limbs; i++)
            n[k][i] = k == 0 ? ~(mp_limb_t)0 : random_word();
        n[k][0] |= 1;
        n[k][limbs - 1] |= (mp_limb_t)1 << 63;
    }
    open_engine(&e[REAL], lane_ifma(), n, limbs);
    open_engine(&e[PORTABLE], lane_ifma_portable(), n, limbs);
    const size_t bytes = 2 * e[REAL].m->width * sizeof(uint64_t);
    CHECK(e[REAL].m->width == e[PORTABLE].m->width);
    CHECK(memcmp(e[REAL].m->dr3, e[PORTABLE].m->dr3, bytes) == 0);
    for (unsigned round = 0; round < 20; round++) {
        fill(e, round);
        CHECK(memcmp(e[REAL].packed, e[PORTABLE].packed, COUNT * e[REAL].m->ops->entry(2 * e[REAL].m->digits)) == 0);
        for (unsigned op = 0; op < OPS; op++) {
            apply(&e[REAL], op);
            apply(&e[PORTABLE], op);
            CHECK(memcmp(e[REAL].r, e[PORTABLE].r, bytes) == 0);
        }
    }
    close_engine(&e[REAL]);
    close_engine(&e[PORTABLE]);
}

int main(void)
{
    static const size_t sizes[] = {1, 8, 9, 16, 24, 32, 48, 64};
    if (!lane_ifma()) {
        fputs("skipped, this processor has no AVX-512 IFMA\n", stderr);
        return 77;
    }
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        run(sizes[s]);
    return 0;
}
