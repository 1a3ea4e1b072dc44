/* Internal face of the randomness tables: see include/mpcw/paillier.h. */
#ifndef MPCW_SRC_RANDOMNESS_H
#define MPCW_SRC_RANDOMNESS_H

#include "paillier.h"

struct mpcw_randomness {
    uint64_t generation;
    size_t limbs; /* of N */
    mp_limb_t n[LANE_LIMBS_MAX];
    bool own;
    size_t exponent_bits[2];  /* of each base's exponent; 0: modulo N or p, 1: modulo q */
    subset_table *r[2], *r_n[2];
    mp_limb_t *bases;         /* for the export: [RANDOMNESS_BASES][3 limbs], r_k and r_k^N */
};

/* At K = 264 bases and K b >= |N| + 256 bits of exponents a draw is within 2^-132 of uniform, by the leftover hash lemma
 * with Pr[collision] bounded for every N = pq (performance.md 1.5). */
#define RANDOMNESS_BASES 264
#define RANDOMNESS_TEETH 6
#define RANDOMNESS_GROUPS (RANDOMNESS_BASES / RANDOMNESS_TEETH)

/* MPCW_OK when the table is NULL or belongs to this key: E_KIND otherwise. */
mpcw_status randomness_expect(const mpcw_randomness *table, const mpcw_paillier *key, bool own);

/* Where units come from: a table, or NULL, modulo N (side 0, own NULL), p or q (sides 0 and 1). */
typedef struct unit_source {
    const mpcw_randomness *table;
    size_t side;
    const mpcw_paillier_secret *own;
} unit_source;

/* Fresh units rho and rho^N of count items as vectors in Montgomery form; lanes beyond hold some unit. Without a table rho is
 * drawn directly; then N-th powers cost an exponentiation. */
mpcw_status randomness_draw(const lane *l, uint64_t *rho, uint64_t *rho_n, const unit_source *from, size_t count, rng *r);

#endif
