#include "sides.h"

mpcw_status sides_new(sides *s, const mp_limb_t *p, const mp_limb_t *q, size_t limbs)
{
    const lane_ops *ops = lane_many(64 * limbs);
    const mp_limb_t *prime[2] = {p, q};
    mpcw_status status = MPCW_OK;
    s->copies = ops->lanes > 1 ? 2 : 1;
    s->passes = 2 / s->copies;
    for (size_t i = 0; i < s->passes && status == MPCW_OK; i++) {
        const mp_limb_t *n[LANES_MAX];
        for (size_t k = 0; k < LANES_MAX; k++)
            n[k] = prime[s->copies == 2 ? k % 2 : i];
        status = lane_mod_new(&s->m[i], ops, n, limbs);
    }
    return status;
}

void sides_free(sides *s)
{
    lane_mod_free(s->m[0]);
    lane_mod_free(s->m[1]);
}

mpcw_status passes_open(pass w[2], const sides *s)
{
    mpcw_status status = MPCW_OK;
    for (size_t i = 0; i < s->passes && status == MPCW_OK; i++) {
        for (size_t k = 0; k < LANES_MAX; k++) {
            w[i].side[k] = s->copies == 2 ? k % 2 : i;
            w[i].other[k] = sides_prime(s, 1 - w[i].side[k]);
        }
        status = lane_open(&w[i].l, s->m[i]);
    }
    return status;
}

void passes_close(pass w[2])
{
    lane_close(&w[0].l);
    lane_close(&w[1].l);
}

mpcw_status pass_pow_two(const pass *w, const item_power *a, size_t parts, const item_power *b, size_t bits)
{
    const lane *l = &w->l;
    const lane_ops *ops = l->m->ops;
    const size_t width = l->m->width, half = ops->lanes / 2;
    const mp_limb_t *each[LANES_MAX], *second[LANES_MAX];
    mpcw_status status;
    for (size_t k = 0; k < LANES_MAX; k++) {
        second[k] = b->e[w->side[k]];
        each[k] = half == 0 || k < half ? a->e[w->side[k]] : second[k];
    }
    if (half == 0) {
        status = lane_pow(l, a->x, a->x, parts, each, bits);
        return status != MPCW_OK ? status : lane_pow(l, b->x, b->x, 1, second, bits);
    }
    /* the lower digits of a dual power do not depend on the upper ones */
    for (size_t k = 0; k < half; k++)
        lane_copy(ops, a->x, half + k, b->x, k, width);
    status = lane_pow(l, a->x, a->x, parts, each, bits);
    for (size_t k = 0; k < half; k++)
        lane_copy(ops, b->x, k, a->x, half + k, width);
    return status;
}
