/* Work modulo both primes of a party at once: where an engine has lanes, those of one vector take p and q in turns, so that a
 * batch of one or two items fills it; an engine of one lane takes two passes. Side 0 is p, side 1 is q. */
#ifndef MPCW_SRC_SIDES_H
#define MPCW_SRC_SIDES_H

#include "lane_pow.h"

typedef struct sides {
    size_t passes;  /* vectors that hold both sides: 1 or 2 */
    size_t copies;  /* lanes of a vector for one item: 2 or 1 */
    lane_mod *m[2]; /* of each pass */
} sides;

/* Copies of two primes of so many limbs, with contexts of their own. */
mpcw_status sides_new(sides *s, const mp_limb_t *p, const mp_limb_t *q, size_t limbs);
void sides_free(sides *s);

/* Items of one vector. */
static inline size_t sides_items(const sides *s)
{
    return s->m[0]->ops->lanes / s->copies;
}

/* The prime of a side. */
static inline const mp_limb_t *sides_prime(const sides *s, size_t side)
{
    return s->copies == 2 ? s->m[0]->n_limbs + side * s->m[0]->limbs : s->m[side]->n_limbs;
}

/* One pass, opened: for each lane its side and the other prime. */
typedef struct pass {
    lane l;
    size_t side[LANES_MAX];
    const mp_limb_t *other[LANES_MAX];
} pass;

/* w: room for two passes, zeroed. */
mpcw_status passes_open(pass w[2], const sides *s);
void passes_close(pass w[2]);

/* A base of one item, which becomes its power, and the exponent of each side. */
typedef struct item_power {
    uint64_t *x;
    const mp_limb_t *e[2];
} item_power;

/* a = a^e modulo the primes (parts 1) or their squares (parts 2) and b = b^f modulo the primes, for exponents below 2^bits: side by
 * side, for one item leaves half of the lanes. */
mpcw_status pass_pow_two(const pass *w, const item_power *a, size_t parts, const item_power *b, size_t bits);

#endif
