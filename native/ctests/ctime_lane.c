/* The arithmetic engines: vectors and moduli are secret. */
#include <string.h>

#include "ctime.h"
#include "lane_pow.h"

static const size_t SIZES[] = {1, 4, 8, 24, 32, 48};

typedef struct engine {
    const lane_ops *ops;
    lane_mod *m;
    lane l;
    uint64_t *a, *b, *r; /* dual vectors; a and b are hidden */
    uint64_t bits[LANES_MAX]; /* hidden, too */
} engine;

static void open_engine(engine *e, const lane_ops *ops, size_t limbs)
{
    mp_limb_t n[LANES_MAX][LANE_LIMBS_MAX], x[2 * LANE_LIMBS_MAX];
    const mp_limb_t *each[LANES_MAX] = {n[0], n[1], n[2], n[3]};

    for (size_t k = 0; k < LANES_MAX; k++) {
        ctime_bytes(n[k], limbs * sizeof(mp_limb_t));
        n[k][0] |= 1;
        n[k][limbs - 1] |= (mp_limb_t)1 << 63;
        ctime_hide(n[k], limbs * sizeof(mp_limb_t));
    }
    e->ops = ops;
    OK(lane_mod_new(&e->m, ops, each, limbs));
    OK(lane_open(&e->l, e->m));
    e->a = lane_vectors(&e->l, 6);
    CHECK(e->a);
    e->b = e->a + 2 * e->m->width;
    e->r = e->b + 2 * e->m->width;
    for (size_t k = 0; k < ops->lanes; k++) {
        ctime_bytes(x, sizeof x);
        ctime_hide(x, sizeof x);
        lane_dual_load(e->m, e->a, k, x, 2 * limbs);
        lane_dual_load(e->m, e->b, k, x, limbs);
    }
    for (size_t k = 0; k < LANES_MAX; k++)
        e->bits[k] = k & 1;
    ctime_hide(e->bits, sizeof e->bits);
    OK(lane_dual_enter(&e->l, e->a));
    OK(lane_dual_enter(&e->l, e->b));
}

static void close_engine(engine *e)
{
    secret_free(e->a);
    lane_close(&e->l);
    lane_mod_free(e->m);
}

static void arithmetic(engine *e)
{
    const lane *l = &e->l;
    mp_limb_t *x = secret_alloc(2 * LANES_MAX * e->m->limbs * sizeof *x);

    CHECK(x);
    e->ops->mul(l, e->r, e->a, e->b);
    e->ops->sqr(l, e->r, e->a);
    e->ops->sqr_double(l, e->r, e->a, e->bits);
    e->ops->mul(l, e->r, e->r, e->b);
    e->ops->add(l, e->r, e->a, e->b);
    OK(lane_leave(l, x, e->r));
    OK(lane_enter_items(l, e->r, x, e->m->limbs, e->m->limbs, e->ops->lanes, 1));
    e->ops->dmul(l, e->r, e->a, e->b);
    e->ops->dsqr(l, e->r, e->a);
    e->ops->dadd(l, e->r, e->a, e->b);
    OK(lane_dual_leave(l, x, e->r));
    lane_join(x, x + 2 * e->m->limbs, e->m->n_limbs, e->m->limbs);
    secret_free(x);
}

static void selection(engine *e)
{
    enum { COUNT = 8 };
    const size_t words = 2 * e->m->width, entry = e->ops->entry(2 * e->m->digits);
    uint64_t *table = secret_alloc(COUNT * words * sizeof *table);
    uint8_t *packed = secret_alloc(COUNT * entry);
    uint32_t index[LANES_MAX];

    CHECK(table && packed);
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(table + i * words, e->a, words * sizeof *table);
        e->ops->entry_pack(e->m, packed, COUNT, i, e->a, i % e->ops->lanes, 2);
    }
    for (size_t k = 0; k < LANES_MAX; k++)
        index[k] = (uint32_t)(5 * k) % COUNT;
    ctime_hide(index, sizeof index);
    e->ops->select(e->r, table, COUNT, words, index);
    e->ops->entry_select(&e->l, e->r, packed, COUNT, 2, index);
    const uint8_t *const tables[LANES_MAX] = {packed, packed, packed, packed};
    e->ops->entry_select_each(&e->l, e->r, tables, COUNT, 2, index);
    e->ops->mul(&e->l, e->r, e->r, e->r);
    secret_free(table);
    secret_free(packed);
}

static void powers(engine *e, size_t parts)
{
    enum { BITS = 100 };
    mp_limb_t x[LANES_MAX][2];
    const mp_limb_t *each[LANES_MAX] = {x[0], x[1], x[2], x[3]};
    comb *c;

    ctime_bytes(x, sizeof x);
    for (size_t k = 0; k < LANES_MAX; k++)
        x[k][1] >>= 28;
    ctime_hide(x, sizeof x);
    OK(lane_pow(&e->l, e->r, e->a, parts, each, BITS));
    OK(comb_new(&c, &e->l, e->a, parts, BITS, 4, 5, true));
    const comb_power power = {.base = c, .e = {x[0], x[1], x[2], x[3]}, .bits = BITS};
    OK(comb_product(&e->l, e->r, &power, 1));
    comb_free(c);
    ctime_show(x, sizeof x);
    OK(lane_pow_var(&e->l, e->r, e->a, parts, each, BITS));
}

static void run(const lane_ops *ops)
{
    if (!ops) {
        fputs("skipped, this processor cannot run it\n", stderr);
        exit(77);
    }
    for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
        engine e;
        if (64 * SIZES[s] > ops->bits_max)
            continue;
        open_engine(&e, ops, SIZES[s]);
        arithmetic(&e);
        selection(&e);
        if (SIZES[s] <= 8) {
            powers(&e, 1);
            powers(&e, 2);
        }
        close_engine(&e);
    }
}

CTIME(lane_portable)
{
    run(lane_mpn());
}

CTIME(lane_adx_rows)
{
    run(lane_adx());
}

CTIME(lane_avx2_lanes)
{
    run(lane_avx2());
}

CTIME(lane_ifma_lanes)
{
    run(lane_ifma());
}
