/* Exponentiation in lanes: windows for any base, tables for fixed bases. parts is 1 modulo N, 2 modulo N^2.
 * Bases and results are vectors in Montgomery form. Exponents are non-negative, little-endian limbs, one for each
 * lane; functions without _var read them in constant time. */
#ifndef MPCW_SRC_LANE_POW_H
#define MPCW_SRC_LANE_POW_H

#include "lane.h"
#include "rng.h"

/* r = base^e lane by lane, for exponents below 2^bits. r may be base. */
mpcw_status lane_pow(const lane *l, uint64_t *r, const uint64_t *base, size_t parts,
                     const mp_limb_t *const e[LANES_MAX], size_t bits);
/* The same for public exponents; bases may be secret. */
mpcw_status lane_pow_var(const lane *l, uint64_t *r, const uint64_t *base, size_t parts,
                         const mp_limb_t *const e[LANES_MAX], size_t bits);

/* Bits pos .. pos + width - 1 of e < 2^bits, pos < bits. */
static inline uint32_t exponent_window(const mp_limb_t *e, size_t pos, size_t width, size_t bits)
{
    const size_t limbs = (bits + 63) / 64, limb = pos / 64, shift = pos % 64;
    uint64_t v = e[limb] >> shift;
    if (shift + width > 64 && limb + 1 < limbs)
        v |= e[limb + 1] << (64 - shift);
    if (pos + width > bits)
        width = bits - pos;
    return (uint32_t)(v & (((uint64_t)1 << width) - 1));
}

/* Operations on parts-part vectors. */
static inline void lane_mul_parts(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b, size_t parts)
{
    (parts == 2 ? l->m->ops->dmul : l->m->ops->mul)(l, r, a, b);
}

static inline void lane_sqr_parts(const lane *l, uint64_t *r, const uint64_t *a, size_t parts)
{
    (parts == 2 ? l->m->ops->dsqr : l->m->ops->sqr)(l, r, a);
}

static inline const uint64_t *lane_one(const lane_mod *m, size_t parts)
{
    return parts == 2 ? m->done : m->one;
}

/* Lane to of r := lane from of a. words is the number of words of the whole vector. */
void lane_copy(const lane_ops *ops, uint64_t *r, size_t to, const uint64_t *a, size_t from, size_t words);

/* Lane j of r = the product of the lanes j * copies .. (j + 1) * copies - 1, for count items; lanes beyond repeat the first. copies is
 * a power of two; tmp: a vector of parts parts. */
void lane_multiply_copies(const lane *l, uint64_t *r, size_t parts, size_t copies, size_t count, uint64_t *tmp);

/* Memory for tables: secret when the modulus is. Zeroed or not. */
void *lane_table_alloc(size_t bytes, bool secret);
void lane_table_free(void *table, bool secret);

/* Products of every subset of groups of generators: group g holds teeth generators, and entry e of table g is the
 * product of those whose bit is set in e. */
typedef struct subset_table {
    const lane_ops *ops;
    size_t parts, teeth, groups;
    size_t stride;  /* bytes of one group */
    uint8_t *data;  /* [groups][2^teeth] packed entries */
    bool secret;    /* data is in secret memory, for moduli that are */
} subset_table;

/* Largest number of teeth: a scan compares 2^teeth entries. */
#define TEETH_MAX 6

/* generators: groups * teeth vectors, of which lane 0 counts. */
mpcw_status subset_table_new(subset_table **out, const lane *l, const uint64_t *generators, size_t parts,
                             size_t teeth, size_t groups, bool secret);
void subset_table_free(subset_table *t);
/* r = the entry index[lane] of a group of its own for each lane. */
void subset_table_select(const subset_table *t, const lane *l, uint64_t *r, const size_t group[LANES_MAX],
                         const uint32_t *index);

/* Lim-Lee comb of one base: tooth k of table g stands for bit (g * teeth + k) * spacing of the exponent. */
typedef struct comb {
    size_t bits;    /* exponents are below 2^bits */
    size_t spacing;
    subset_table *table;
} comb;

/* base: a vector of which lane 0 counts. */
mpcw_status comb_new(comb **out, const lane *l, const uint64_t *base, size_t parts, size_t bits, size_t teeth,
                     size_t spacing, bool secret);
void comb_free(comb *c);

/* One factor of a product of fixed-base powers. */
typedef struct comb_power {
    const comb *base;
    const mp_limb_t *e[LANES_MAX];
    size_t bits; /* of e, at most those of the comb */
} comb_power;

/* r = product of the powers, in constant time; all combs have one spacing. */
mpcw_status comb_product(const lane *l, uint64_t *r, const comb_power *powers, size_t count);
/* The same for public exponents. */
mpcw_status comb_product_var(const lane *l, uint64_t *r, const comb_power *powers, size_t count);

#endif
