/* The frame of batch verification: weights, products of powers, and the search for an equation that fails. */
#ifndef MPCW_SRC_BATCH_FRAME_H
#define MPCW_SRC_BATCH_FRAME_H

#include "equations.h"
#include "integer.h"
#include "lane_multi.h"
#include "mpcw/batch.h"
#include "rng.h"
#include "scalar.h"

#define WEIGHT_LIMBS 2
#define WEIGHTED_LIMBS (WEIGHT_LIMBS + CHALLENGE_LIMBS)

/* The equations of one call. holds tests the product of some of them, strict a single one. */
typedef struct batch {
    size_t count;
    const void *equations;
    const void *key;
    const uint8_t *e;
    bool secret; /* the modulus is, and so are residues */
    size_t copies; /* lanes of one item: of both sides modulo own factors, else 1 */
    rng *r;
    /* weights of the items under test and weight times challenge, by position */
    mp_limb_t *weight, *weighted;
    mpcw_status (*holds)(const struct batch *b, const size_t *items, size_t count, bool *result);
    bool (*strict)(const struct batch *b, size_t item);
} batch;

/* Item i of a column of count items. */
const uint8_t *batch_item(mpcw_bytes bytes, size_t count, size_t i);
/* The count of a batch from its challenges and the flags; MPCW_E_LENGTH when they disagree. */
mpcw_status batch_open(batch *b, mpcw_buffer bad, mpcw_bytes e);
/* Whether a column of count integers has a width of whole limbs, up to 4096 bytes. */
bool batch_whole_limbs(mpcw_bytes z, size_t count);
/* OR into bad the items that are not units. */
mpcw_status batch_mark_units(mpcw_buffer bad, mpcw_bytes x, const mp_limb_t *n, size_t limbs, bool square);
/* Test all, unless some are bad already, and mark the first one that does not hold. */
mpcw_status batch_verify(batch *b, mpcw_buffer bad, const mpcw_secret *seed);

/* Fresh weights for the items under test. The first one is 1: the others alone decide whether errors cancel. */
void batch_draw(const batch *b, const size_t *items, size_t count);
/* x = sum of weight times z over the items. */
void batch_weighted_sum(mpz_t x, const batch *b, mpcw_bytes z, const size_t *items, size_t count);

/* One column of items raised to weights, spread over the lanes. */
typedef struct column {
    mpcw_bytes values;
    const mp_limb_t *exponents; /* of the items under test, limbs each */
    size_t limbs;
} column;

/* What a product runs over: columns, and with one lane a power of something else, or NULL. */
typedef struct factors {
    const column *columns;
    size_t count;
    const lane_term *other;
} factors;

/* r = product over the items of the columns' values to their exponents, modulo the (squared) modulus: in every lane, or
 * with two copies for each side in the lane of its first item. */
mpcw_status batch_multi_pow(const lane *l, uint64_t *r, size_t parts, const factors *f, const batch *b,
                            const size_t *items, size_t count);
/* Whether two vectors stand for the same in their first lanes, as many as copies; the outcome becomes public. */
mpcw_status batch_equal(const lane *l, bool *equal, const uint64_t *a, const uint64_t *b, size_t parts,
                        size_t copies);

#endif
