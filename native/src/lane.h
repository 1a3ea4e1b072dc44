/* Modular arithmetic on several numbers at a time ("lanes"), behind one table of operations.
 *
 * A residue vector holds one residue for each lane, in the engine's own digits and in Montgomery form (x stands
 * for x * R mod N). Every lane has a modulus of its own; all are odd and of the same number of limbs.
 *
 * A dual vector is two residue vectors x0, x1 behind each other and stands for x0 + x1 * N modulo N^2: base-N
 * arithmetic, in which the quotient of the Montgomery reduction of x0 * y0 carries into the upper part
 * (performance.md 1.3). With x0 = 1 the upper part is Paillier's L function, and multiplying by 1 + m * N is one
 * multiplication modulo N.
 *
 * Everything here is constant time in the values of vectors; functions that end in _var are not. */
#ifndef MPCW_SRC_LANE_H
#define MPCW_SRC_LANE_H

#include <gmp.h>
#include <stdbool.h>

#include "mpcw/base.h"

#define LANES_MAX 4
/* Limbs of the largest modulus N: 4096 bits. */
#define LANE_LIMBS_MAX 64

typedef struct lane_mod lane_mod;

/* Working space of one call: a modulus and the scratch of its engine. */
typedef struct lane {
    const lane_mod *m;
    uint64_t *ws;
} lane;

typedef struct lane_ops {
    mpcw_path path;
    size_t lanes;
    /* Largest modulus, in bits. */
    size_t bits_max;
    /* Digits of a residue of a modulus of so many bits; words of 64 bits of a residue vector of so many digits;
     * words of scratch; bytes of one packed table entry of so many digits. */
    size_t (*digits)(size_t bits);
    size_t (*width)(size_t digits);
    size_t (*scratch)(size_t digits);
    size_t (*entry)(size_t digits);
    /* log2 R for so many digits. */
    size_t (*r_bits)(size_t digits);

    /* Lane := the integer of n limbs, below 2^r_bits, without Montgomery form. */
    void (*load)(const lane_mod *m, uint64_t *r, size_t lane, const mp_limb_t *x, size_t n);
    /* n limbs := the integer in a lane, which is below 2N; n covers it. */
    void (*store)(const lane_mod *m, mp_limb_t *x, size_t n, const uint64_t *a, size_t lane);

    /* r = a * b / R mod N; r may be a or b. */
    void (*mul)(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b);
    void (*sqr)(const lane *l, uint64_t *r, const uint64_t *a);
    /* r = a^2 / R * 2^bits[lane] mod N, bits of 0 or 1: the step of a power of two. Only for a further sqr_double,
     * sqr or mul. */
    void (*sqr_double)(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *bits);
    /* r = a + b mod N. Operands are products or sums of two products. */
    void (*add)(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b);
    /* The same modulo N^2 on dual vectors. */
    void (*dadd)(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b);
    void (*dmul)(const lane *l, uint64_t *r, const uint64_t *a, const uint64_t *b);
    void (*dsqr)(const lane *l, uint64_t *r, const uint64_t *a);

    /* r = entry index[lane] of a table of count vectors of words each, lane by lane. */
    void (*select)(uint64_t *r, const uint64_t *table, size_t count, size_t words, const uint32_t *index);
    void (*select_var)(uint64_t *r, const uint64_t *table, size_t count, size_t words, const uint32_t *index);

    /* Packed tables of count residues (parts 1) or dual residues (parts 2), shared by all lanes: count * entry(parts *
     * digits) bytes, 64-byte aligned, in an order of the engine's own. */
    void (*entry_pack)(const lane_mod *m, uint8_t *table, size_t count, size_t e, const uint64_t *a, size_t lane,
                       size_t parts);
    void (*entry_select)(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                         const uint32_t *index);
    /* The same with a table of its own for each lane. */
    void (*entry_select_each)(const lane *l, uint64_t *r, const uint8_t *const table[LANES_MAX], size_t count,
                              size_t parts, const uint32_t *index);
    void (*entry_select_var)(const lane *l, uint64_t *r, const uint8_t *table, size_t count, size_t parts,
                             const uint32_t *index);
} lane_ops;

struct lane_mod {
    const lane_ops *ops;
    size_t limbs;  /* of the moduli */
    size_t digits; /* of the engine */
    size_t width;  /* words of a residue vector */
    uint64_t ninv[LANES_MAX]; /* -N^-1 mod 2^64 */
    mp_limb_t *n_limbs;       /* [lanes][limbs] */
    uint64_t *n;              /* N in digits */
    uint64_t *n_wrap;         /* N * ceil(R / N) - R + 1 in digits */
    uint64_t *one;            /* R mod N: the residue 1 */
    uint64_t *r2;             /* R^2 mod N */
    uint64_t *done;           /* the dual 1 */
    uint64_t *dr2;            /* R^2 mod N^2, dual */
    uint64_t *dr3;            /* R^3 mod N^2, dual */
    uint64_t *unit;           /* the integer 1 without Montgomery form, dual (1, 0) */
};

/* Contexts for the moduli n[lane] (limbs limbs each, the highest not zero; all lanes may point to one). Constant
 * time in the moduli. MPCW_E_MODULUS for an even modulus, one below 3, or one that the engine cannot hold. */
mpcw_status lane_mod_new(lane_mod **out, const lane_ops *ops, const mp_limb_t *const n[LANES_MAX], size_t limbs);
void lane_mod_free(lane_mod *m);

/* Scratch of a call from secret memory. */
mpcw_status lane_open(lane *l, const lane_mod *m);
void lane_close(lane *l);
/* count residue vectors of scratch; free with secret_free. */
uint64_t *lane_vectors(const lane *l, size_t count);

/* Integers below R, loaded into the lanes of r, into Montgomery form. */
void lane_enter(const lane *l, uint64_t *r);
/* Lane of a dual vector := the integer x < R^2 of n limbs, split at R; lane_dual_enter then makes the base-N digits
 * of all lanes, in Montgomery form. */
void lane_dual_load(const lane_mod *m, uint64_t *r, size_t lane, const mp_limb_t *x, size_t n);
mpcw_status lane_dual_enter(const lane *l, uint64_t *r);
/* Lanes of r = items x_0 .. x_(count - 1) (x_limbs limbs each, stride limbs apart) modulo the lanes' modulus (parts 1) or its
 * square (parts 2), in Montgomery form; lanes beyond count repeat item 0. */
mpcw_status lane_enter_items(const lane *l, uint64_t *r, const mp_limb_t *x, size_t x_limbs, size_t stride, size_t count,
                             size_t parts);
/* Canonical integers below N of a residue vector: [lanes][limbs]. */
mpcw_status lane_leave(const lane *l, mp_limb_t *x, const uint64_t *a);
/* Canonical base-N digits of a dual vector: [lanes][2][limbs], the lower digit first. */
mpcw_status lane_dual_leave(const lane *l, mp_limb_t *x, const uint64_t *a);

/* x = x[0] + x[1] * N in place, from base-N digits of limbs limbs each to 2 * limbs limbs; tmp of the same length. */
void lane_join(mp_limb_t *x, mp_limb_t *tmp, const mp_limb_t *n, size_t limbs);

/* The engines. NULL where the processor cannot run it. */
const lane_ops *lane_ifma(void);
const lane_ops *lane_avx2(void);
const lane_ops *lane_adx(void);
const lane_ops *lane_mpn(void);
#if defined(__x86_64__)
/* What lane_adx() gives, for tests under valgrind, which runs the instructions but does not report them. */
extern const lane_ops lane_adx_ops;
#endif

/* The engine for many numbers of so many bits, and the engine for one. */
const lane_ops *lane_many(size_t bits);
const lane_ops *lane_single(size_t bits);

#endif
