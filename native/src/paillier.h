/* Internal face of the Paillier keys: see include/mpcw/paillier.h. */
#ifndef MPCW_SRC_PAILLIER_H
#define MPCW_SRC_PAILLIER_H

#include "lane_pow.h"
#include "mpcw/paillier.h"
#include "sides.h"

struct mpcw_paillier {
    uint64_t generation;
    size_t limbs; /* of N */
    lane_mod *many, *single;
    mp_limb_t n[LANE_LIMBS_MAX];
};

struct mpcw_paillier_secret {
    mpcw_paillier *pub;
    size_t half; /* limbs of p and of q */
    lane_mod *p, *q;
    sides both;           /* p and q again */
    uint64_t *h[2];       /* h_p and h_q below, in the lanes of each pass of both */
    uint64_t *memory;     /* of what follows */
    uint64_t *q_mod_p;    /* residues in Montgomery form */
    uint64_t *p_mod_q;
    uint64_t *p_inverse;  /* 1 / p mod q, -1 / p mod q */
    uint64_t *p_inverse_neg;
    uint64_t *p2_inverse; /* the same for p^2 modulo q^2, dual */
    uint64_t *p2_inverse_neg;
    uint64_t *h_p;        /* 1 / L((1 + N)^(p - 1) mod p^2) mod p = -1 / q mod p */
    uint64_t *h_q;
    mp_limb_t *p_square;  /* 2 half limbs */
    mp_limb_t *q_square;
};

/* MPCW_OK for a key of this process. */
mpcw_status paillier_expect(const mpcw_paillier *key);
mpcw_status paillier_secret_expect(const mpcw_paillier_secret *key);

/* out (limbs of N) = m mod N for a signed m of m_limbs limbs in (-N/2, N/2); ok &= all ones, or 0 when m is out of range. */
mpcw_status paillier_plaintext(mp_limb_t *out, uint64_t *ok, const mpcw_paillier *key, const mp_limb_t *m,
                               size_t m_limbs);

/* x (limbs of N) from its residues modulo p and q ([lane][half]) for count lanes, where xp and xq are Montgomery vectors. */
mpcw_status paillier_crt(const lane *lp, const lane *lq, const mpcw_paillier_secret *key, mp_limb_t *x,
                         const uint64_t *xp, const uint64_t *xq, size_t count);
/* c (twice the limbs of N) from dual vectors modulo p^2 and q^2. */
mpcw_status paillier_crt_square(const lane *lp, const lane *lq, const mpcw_paillier_secret *key, mp_limb_t *c,
                                const uint64_t *cp, const uint64_t *cq, size_t count);
/* e = p - 1, q - 1 of half limbs each. */
void paillier_orders(mp_limb_t *e, const mpcw_paillier_secret *key);
/* m (limbs of N each, in [0, N)) = the plaintexts of count items of which c has the powers c^(p - 1) modulo p^2 and c^(q - 1) modulo
 * q^2 as dual vectors, one for each pass. */
mpcw_status paillier_logarithms(const pass *w, const mpcw_paillier_secret *key, mp_limb_t *m, uint64_t *const c[2],
                                size_t count);
/* The same from c itself, which is consumed. */
mpcw_status paillier_decrypt_passes(const pass *w, const mpcw_paillier_secret *key, mp_limb_t *m, uint64_t *const c[2],
                                    size_t count);
/* m (limbs of N) = the plaintext of lane 0 of dual vectors of the contexts p and q. */
mpcw_status paillier_decrypt_one(const mpcw_paillier_secret *key, mp_limb_t *m, const uint64_t *cp, const uint64_t *cq);
/* r = x^N modulo p^2 (q^2), from x in Montgomery form modulo p (q), which is all that it depends on: (x^q mod p)^p. other: q (p)
 * for each lane. */
mpcw_status paillier_nth_power(const lane *l, uint64_t *r, const uint64_t *x, const mp_limb_t *const other[LANES_MAX]);

/* m -= N when 2 m > N: the representative in (-N/2, N/2). tmp: as many limbs. */
void paillier_centre(mp_limb_t *m, mp_limb_t *tmp, const mpcw_paillier *key);
/* r = r * (1 + m N) for a dual r: the lower digit stays, the upper one grows by m times it. m in Montgomery form; tmp: a residue
 * vector. */
void paillier_add_plaintext(const lane *l, uint64_t *r, const uint64_t *m, uint64_t *tmp);
/* d = N^-1 mod p - 1 for N = p q, p = 3 mod 4: modulo the odd (p - 1) / 2 first, then the odd one of d and d + (p - 1) / 2.
 * MPCW_E_MODULUS when there is none. */
mpcw_status paillier_root_exponent(mp_limb_t *d, const mp_limb_t *p, const mp_limb_t *q, size_t half);

#endif
