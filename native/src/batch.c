/* Batches of equations with random weights, and the search for the ones that fail. */
#include "mpcw/batch.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "equations.h"
#include "integer.h"
#include "lane_multi.h"
#include "limbs.h"
#include "paillier.h"
#include "ring_pedersen.h"
#include "scalar.h"
#include "units.h"

#define WEIGHT_LIMBS 2
#define WEIGHTED_LIMBS (WEIGHT_LIMBS + CHALLENGE_LIMBS)

/* The equations of one call. holds tests the product of some of them, strict a single one. */
typedef struct batch {
    size_t count;
    const void *equations;
    const void *key;
    const uint8_t *e;
    bool secret; /* the modulus is, and so are residues */
    rng *r;
    /* weights of the items under test and weight times challenge, by position */
    mp_limb_t *weight, *weighted;
    mpcw_status (*holds)(const struct batch *b, const size_t *items, size_t count, bool *result);
    bool (*strict)(const struct batch *b, size_t item);
} batch;

static const uint8_t *at(mpcw_bytes bytes, size_t count, size_t i)
{
    return bytes.data + i * (bytes.len / count);
}

/* Fresh weights for the items under test. */
static void draw_weights(const batch *b, const size_t *items, size_t count)
{
    rng_bytes(b->r, b->weight, count * WEIGHT_LIMBS * sizeof *b->weight);
    for (size_t i = 0; i < count; i++) {
        mp_limb_t e[CHALLENGE_LIMBS], *weight = b->weight + i * WEIGHT_LIMBS;
        if ((weight[0] | weight[1]) == 0)
            weight[0] = 1;
        limbs_from_be(e, CHALLENGE_LIMBS, b->e + 32 * items[i], 32);
        limbs_mul(b->weighted + i * WEIGHTED_LIMBS, e, CHALLENGE_LIMBS, weight, WEIGHT_LIMBS);
    }
}

/* Mark the bad ones of items, of which at least one is known to be bad. */
static mpcw_status bisect(const batch *b, uint8_t *bad, const size_t *items, size_t count)
{
    if (count == 1) {
        bad[items[0]] = !b->strict(b, items[0]);
        return MPCW_OK;
    }
    const size_t half = count / 2;
    const size_t *parts[2] = {items, items + half}, sizes[2] = {half, count - half};
    bool found = false;
    for (size_t k = 0; k < 2; k++) {
        bool good = false;
        mpcw_status status = b->holds(b, parts[k], sizes[k], &good);
        if (status == MPCW_OK && !good)
            status = bisect(b, bad, parts[k], sizes[k]);
        if (status != MPCW_OK)
            return status;
        found |= !good;
    }
    /* what hides in both halves, by elements of small order, cannot hide from the strict check */
    for (size_t i = 0; !found && i < count; i++)
        bad[items[i]] = !b->strict(b, items[i]);
    return MPCW_OK;
}

static mpcw_status verify(batch *b, mpcw_buffer bad, const mpcw_secret *seed)
{
    rng r = {0};
    bool good = true;
    size_t left = 0;
    mpcw_status status = MPCW_E_MEMORY;
    size_t *items = calloc(b->count, sizeof *items);
    b->weight = calloc(b->count, (WEIGHT_LIMBS + WEIGHTED_LIMBS) * sizeof *b->weight);
    if (!items || !b->weight || (status = rng_open(&r, seed, "batch")) != MPCW_OK)
        goto done;
    b->weighted = b->weight + b->count * WEIGHT_LIMBS;
    b->r = &r;
    for (size_t i = 0; i < b->count; i++) {
        scalar e;
        if (scalar_from_be32(&e, b->e + 32 * i))
            bad.data[i] = 1;
        if (!bad.data[i])
            items[left++] = i;
    }
    if (left > 0 && ((status = b->holds(b, items, left, &good)) != MPCW_OK ||
                     (!good && (status = bisect(b, bad.data, items, left)) != MPCW_OK)))
        goto done;
    for (size_t i = 0; i < b->count; i++)
        if (bad.data[i])
            status = MPCW_REJECTED;
done:
    if (status != MPCW_OK && status != MPCW_REJECTED)
        memset(bad.data, 0, bad.len);
    rng_close(&r);
    free(items);
    free(b->weight);
    return status;
}

/* One column of items raised to weights, spread over the lanes. */
typedef struct column {
    mpcw_bytes values;
    const mp_limb_t *exponents; /* of the items under test, limbs each */
    size_t limbs;
} column;

/* r, which has one value in all lanes, = the product over all lanes of v. */
static mpcw_status merge_lanes(const lane *l, uint64_t *r, const uint64_t *v, size_t parts)
{
    const lane_mod *m = l->m;
    const size_t n = m->limbs, size = parts * n, lanes = m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *t = secret_alloc((parts * m->width + lanes * size + size) * sizeof *t);
    if (!t)
        return status;
    mp_limb_t *x = t + parts * m->width, *tmp = x + lanes * size;
    status = parts == 2 ? lane_dual_leave(l, x, v) : lane_leave(l, x, v);
    memcpy(r, lane_one(m, parts), parts * m->width * sizeof *r);
    for (size_t k = 0; k < lanes && status == MPCW_OK; k++) {
        if (parts == 2)
            lane_join(x + k * size, tmp, m->n_limbs, n);
        if ((status = lane_enter_items(l, t, x + k * size, size, size, 1, parts)) == MPCW_OK)
            lane_mul_parts(l, r, r, t, parts);
    }
    secret_free(t);
    return status;
}

/* r = product over the items of the columns' values to their exponents, modulo the (squared) modulus, in every lane. */
static mpcw_status multi_pow(const lane *l, uint64_t *r, size_t parts, const column *columns, size_t columns_len,
                             const batch *b, const size_t *items, size_t count)
{
    const lane_mod *m = l->m;
    const size_t lanes = m->ops->lanes, words = parts * m->width, rows = (count + lanes - 1) / lanes;
    const bool secret = b->secret;
    mpcw_status status = MPCW_E_MEMORY;
    size_t limbs = 0;
    for (size_t c = 0; c < columns_len; c++)
        limbs = columns[c].values.len / b->count / 8 > limbs ? columns[c].values.len / b->count / 8 : limbs;
    lane_term *terms = calloc(rows * columns_len, sizeof *terms);
    uint64_t *bases = lane_table_alloc((rows * columns_len + 1) * words * sizeof *bases, secret);
    mp_limb_t *x = secret_alloc(lanes * limbs * sizeof *x);
    if (!terms || !bases || !x)
        goto done;
    for (size_t c = 0; c < columns_len; c++) {
        const size_t size = columns[c].values.len / b->count, n = size / 8;
        for (size_t row = 0; row < rows; row++) {
            const size_t first = row * lanes, now = count - first < lanes ? count - first : lanes;
            lane_term *term = terms + c * rows + row;
            uint64_t *base = bases + (c * rows + row) * words;
            term->base = base;
            term->bits = 64 * columns[c].limbs;
            for (size_t k = 0; k < now; k++) {
                limbs_from_be(x + k * n, n, columns[c].values.data + items[first + k] * size, size);
                term->e[k] = columns[c].exponents + (first + k) * columns[c].limbs;
            }
            if ((status = lane_enter_items(l, base, x, n, n, now, parts)) != MPCW_OK)
                goto done;
        }
    }
    uint64_t *v = bases + rows * columns_len * words;
    if ((status = lane_multi_pow_var(l, v, parts, terms, rows * columns_len, secret)) == MPCW_OK)
        status = merge_lanes(l, r, v, parts);
done:
    secret_free(x);
    lane_table_free(bases, secret);
    free(terms);
    return status;
}

/* ---- V1: the prover's Paillier modulus ---- */

/* x = sum of weight times z over the items. */
static void weighted_sum(mpz_t x, const batch *b, mpcw_bytes z, const size_t *items, size_t count)
{
    mpz_t value, weight;
    mpz_inits(value, weight, NULL);
    mpz_set_ui(x, 0);
    for (size_t i = 0; i < count; i++) {
        mpz_from_twos(value, at(z, b->count, items[i]), z.len / b->count);
        mpz_from_limbs(weight, b->weight + i * WEIGHT_LIMBS, WEIGHT_LIMBS);
        mpz_addmul(x, value, weight);
    }
    mpz_clears(value, weight, NULL);
}

/* single: x in Montgomery form, from lane 0 of a vector of the many-lane engine. */
static mpcw_status to_single(const lane *single, uint64_t *x, const lane *many, const uint64_t *v, size_t parts)
{
    const size_t n = many->m->limbs, size = parts * n, lanes = many->m->ops->lanes;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *t = secret_alloc((lanes + 1) * size * sizeof *t);
    if (!t)
        return status;
    status = parts == 2 ? lane_dual_leave(many, t, v) : lane_leave(many, t, v);
    if (status == MPCW_OK && parts == 2)
        lane_join(t, t + lanes * size, many->m->n_limbs, n);
    if (status == MPCW_OK)
        status = lane_enter_items(single, x, t, size, size, 1, parts);
    secret_free(t);
    return status;
}

/* right = (1 + N)^z w^N for w modulo N in lane 0 of v. */
static mpcw_status nth_power_side(const lane *single, uint64_t *right, const lane *many, const uint64_t *v, const mpz_t z)
{
    const lane_mod *m = single->m;
    const size_t n = m->limbs;
    const mp_limb_t *modulus[LANES_MAX] = {m->n_limbs, m->n_limbs, m->n_limbs, m->n_limbs};
    mp_limb_t plain[LANE_LIMBS_MAX] = {0}, root[LANES_MAX * LANE_LIMBS_MAX];
    mpcw_status status = MPCW_E_MEMORY;
    mpz_t residue, big_n;
    uint64_t *t = lane_vectors(single, 2);
    mpz_inits(residue, big_n, NULL);
    if (!t)
        goto done;
    mpz_from_limbs(big_n, m->n_limbs, n);
    mpz_mod(residue, z, big_n);
    mpz_export(plain, NULL, -1, sizeof *plain, 0, 0, residue);
    if ((status = lane_leave(many, root, v)) != MPCW_OK ||
        (status = lane_enter_items(single, right, root, n, n, 1, 2)) != MPCW_OK ||
        (status = lane_pow_var(single, right, right, 2, modulus, 64 * n)) != MPCW_OK ||
        (status = lane_enter_items(single, t, plain, n, n, 1, 1)) != MPCW_OK)
        goto done;
    /* (x0 + x1 N) (1 + z N) = x0 + (x1 + z x0) N */
    m->ops->mul(single, t, t, right);
    m->ops->add(single, right + m->width, right + m->width, t);
done:
    mpz_clears(residue, big_n, NULL);
    secret_free(t);
    return status;
}

/* Whether two vectors stand for the same; the outcome becomes public. */
static mpcw_status lanes_equal(const lane *l, bool *equal, const uint64_t *a, const uint64_t *b, size_t parts)
{
    const size_t size = parts * l->m->limbs, all = l->m->ops->lanes * size;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *x = secret_alloc(2 * all * sizeof *x);
    if (!x)
        return status;
    mp_limb_t *y = x + all;
    if (parts == 2)
        (void)((status = lane_dual_leave(l, x, a)) == MPCW_OK && (status = lane_dual_leave(l, y, b)) == MPCW_OK);
    else
        (void)((status = lane_leave(l, x, a)) == MPCW_OK && (status = lane_leave(l, y, b)) == MPCW_OK);
    uint64_t same = limbs_equal(x, y, size);
    ct_declassify(&same, sizeof same);
    *equal = status == MPCW_OK && same != 0;
    secret_free(x);
    return status;
}

static mpcw_status encryptions_hold(const batch *b, const size_t *items, size_t count, bool *result)
{
    const mpcw_encryption_equations *q = b->equations;
    const mpcw_paillier *key = b->key;
    lane many = {0}, single = {0};
    uint64_t *v = NULL, *left = NULL;
    mpcw_status status;
    mpz_t z;
    mpz_init(z);
    draw_weights(b, items, count);
    const column ciphertexts[2] = {{q->D, b->weight, WEIGHT_LIMBS}, {q->C, b->weighted, WEIGHTED_LIMBS}};
    const column roots = {q->w, b->weight, WEIGHT_LIMBS};
    if ((status = lane_open(&many, key->many)) != MPCW_OK || (status = lane_open(&single, key->single)) != MPCW_OK)
        goto done;
    v = lane_vectors(&many, 2);
    left = lane_vectors(&single, 4);
    if (!v || !left) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    uint64_t *right = left + 2 * single.m->width;
    weighted_sum(z, b, q->z, items, count);
    if ((status = multi_pow(&many, v, 2, ciphertexts, 2, b, items, count)) != MPCW_OK ||
        (status = to_single(&single, left, &many, v, 2)) != MPCW_OK ||
        (status = multi_pow(&many, v, 1, &roots, 1, b, items, count)) != MPCW_OK ||
        (status = nth_power_side(&single, right, &many, v, z)) != MPCW_OK)
        goto done;
    status = lanes_equal(&single, result, left, right, 2);
done:
    mpz_clear(z);
    secret_free(v);
    secret_free(left);
    lane_close(&many);
    lane_close(&single);
    return status;
}

static bool encryption_strict(const batch *b, size_t i)
{
    const mpcw_encryption_equations *q = b->equations;
    const mpcw_paillier *key = b->key;
    mpz_t n, d, c, e, z, w;
    mpz_inits(n, d, c, e, z, w, NULL);
    mpz_from_limbs(n, key->n, key->limbs);
    mpz_from_be(d, at(q->D, b->count, i), q->D.len / b->count);
    mpz_from_be(c, at(q->C, b->count, i), q->C.len / b->count);
    mpz_from_be(e, at(q->e, b->count, i), 32);
    mpz_from_twos(z, at(q->z, b->count, i), q->z.len / b->count);
    mpz_from_be(w, at(q->w, b->count, i), q->w.len / b->count);
    const bool holds = encryption_holds_var(n, d, c, e, z, w);
    mpz_clears(n, d, c, e, z, w, NULL);
    return holds;
}

/* OR into bad the items that are not units. */
static mpcw_status mark_units(mpcw_buffer bad, mpcw_bytes x, const mp_limb_t *n, size_t limbs, bool square)
{
    uint8_t *now = calloc(bad.len, 1);
    if (!now)
        return MPCW_E_MEMORY;
    const mpcw_status status = units_check_var(now, bad.len, x.data, x.len, n, limbs, square);
    for (size_t i = 0; i < bad.len; i++)
        bad.data[i] |= now[i];
    free(now);
    if (status != MPCW_OK && status != MPCW_REJECTED)
        memset(bad.data, 0, bad.len);
    return status == MPCW_REJECTED ? MPCW_OK : status;
}

/* The count of a batch from its challenges and the flags; MPCW_E_LENGTH when they disagree. */
static mpcw_status open_batch(batch *b, mpcw_buffer bad, mpcw_bytes e)
{
    memset(bad.data, 0, bad.len);
    if (bad.len == 0 || e.len != 32 * bad.len)
        return MPCW_E_LENGTH;
    b->count = bad.len;
    b->e = e.data;
    return MPCW_OK;
}

static bool whole_limbs(mpcw_bytes z, size_t count)
{
    return z.len > 0 && z.len % (8 * count) == 0 && z.len / count <= 4096;
}

mpcw_status mpcw_verify_encryptions_var(mpcw_buffer bad, const mpcw_paillier *key, const mpcw_encryption_equations *eqs,
                                        const mpcw_secret *seed)
{
    batch b = {.equations = eqs, .key = key, .holds = encryptions_hold, .strict = encryption_strict};
    mpcw_status status;
    if ((status = open_batch(&b, bad, eqs->e)) != MPCW_OK || (status = paillier_expect(key)) != MPCW_OK)
        return status;
    if (!whole_limbs(eqs->z, b.count))
        return MPCW_E_LENGTH;
    if ((status = mark_units(bad, eqs->D, key->n, key->limbs, true)) != MPCW_OK ||
        (status = mark_units(bad, eqs->C, key->n, key->limbs, true)) != MPCW_OK ||
        (status = mark_units(bad, eqs->w, key->n, key->limbs, false)) != MPCW_OK)
        return status;
    return verify(&b, bad, seed);
}

/* ---- V2: the verifier's own ring-Pedersen modulus ---- */

/* Pi T^weight S^(weight e) = t^(sum weight (z3 + lambda z1)) modulo P or Q */
static mpcw_status pedersen_side(const batch *b, const size_t *items, size_t count, size_t side, bool *result)
{
    const mpcw_pedersen_equations *q = b->equations;
    const mpcw_ring_pedersen_secret *own = b->key;
    const column columns[2] = {{q->T, b->weight, WEIGHT_LIMBS}, {q->S, b->weighted, WEIGHTED_LIMBS}};
    lane l = {0};
    uint64_t *v = NULL;
    mpcw_status status;
    mpz_t a, c;
    mpz_inits(a, c, NULL);
    weighted_sum(a, b, q->z3, items, count);
    weighted_sum(c, b, q->z1, items, count);
    if ((status = lane_open(&l, side == 0 ? own->p : own->q)) != MPCW_OK)
        goto done;
    v = secret_alloc((2 * l.m->width + own->limbs) * sizeof *v);
    if (!v) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    uint64_t *right = v + l.m->width;
    mp_limb_t *e = right + l.m->width;
    const mp_limb_t *each[LANES_MAX] = {e, e, e, e};
    if ((status = multi_pow(&l, v, 1, columns, 2, b, items, count)) != MPCW_OK ||
        (status = ring_pedersen_exponent(e, own, side, a, c)) != MPCW_OK ||
        (status = lane_enter_items(&l, right, own->t, own->limbs, own->limbs, 1, 1)) != MPCW_OK ||
        (status = lane_pow(&l, right, right, 1, each, 64 * own->half)) != MPCW_OK)
        goto done;
    status = lanes_equal(&l, result, v, right, 1);
done:
    mpz_clears(a, c, NULL);
    secret_free(v);
    lane_close(&l);
    return status;
}

static mpcw_status pedersen_hold(const batch *b, const size_t *items, size_t count, bool *result)
{
    draw_weights(b, items, count);
    const mpcw_status status = pedersen_side(b, items, count, 0, result);
    if (status != MPCW_OK || !*result)
        return status;
    return pedersen_side(b, items, count, 1, result);
}

static bool pedersen_strict(const batch *b, size_t i)
{
    const mpcw_pedersen_equations *q = b->equations;
    const mpcw_ring_pedersen_secret *own = b->key;
    mpz_t n, s, t, big_t, big_s, e, z1, z3;
    mpz_inits(n, s, t, big_t, big_s, e, z1, z3, NULL);
    mpz_from_limbs(n, own->n, own->limbs);
    mpz_from_limbs(s, own->s, own->limbs);
    mpz_from_limbs(t, own->t, own->limbs);
    mpz_from_be(big_t, at(q->T, b->count, i), q->T.len / b->count);
    mpz_from_be(big_s, at(q->S, b->count, i), q->S.len / b->count);
    mpz_from_be(e, at(q->e, b->count, i), 32);
    mpz_from_twos(z1, at(q->z1, b->count, i), q->z1.len / b->count);
    mpz_from_twos(z3, at(q->z3, b->count, i), q->z3.len / b->count);
    const bool holds = pedersen_holds_var(n, s, t, big_t, big_s, e, z1, z3);
    mpz_clears(n, s, t, big_t, big_s, e, z1, z3, NULL);
    return holds;
}

mpcw_status mpcw_verify_pedersen(mpcw_buffer bad, const mpcw_ring_pedersen_secret *own, const mpcw_pedersen_equations *eqs,
                                 const mpcw_secret *seed)
{
    batch b = {.equations = eqs, .key = own, .secret = true, .holds = pedersen_hold, .strict = pedersen_strict};
    mpcw_status status;
    if ((status = open_batch(&b, bad, eqs->e)) != MPCW_OK || (status = ring_pedersen_secret_expect(own)) != MPCW_OK)
        return status;
    if (!whole_limbs(eqs->z1, b.count) || !whole_limbs(eqs->z3, b.count))
        return MPCW_E_LENGTH;
    if ((status = mark_units(bad, eqs->T, own->n, own->limbs, false)) != MPCW_OK ||
        (status = mark_units(bad, eqs->S, own->n, own->limbs, false)) != MPCW_OK)
        return status;
    return verify(&b, bad, seed);
}

/* ---- V3: the verifier's own Paillier modulus ---- */

/* sum (two's complement, limbs) += factor * x for a signed public factor and a secret x. tmp: limbs + factor's. */
static void add_product(mp_limb_t *sum, size_t limbs, const mpz_t factor, const mp_limb_t *x, size_t x_limbs,
                        mp_limb_t *tmp)
{
    mp_limb_t *wide = tmp, *product = wide + limbs;
    const size_t size = mpz_size(factor);
    if (size == 0)
        return;
    limbs_extend(wide, limbs, x, x_limbs);
    limbs_mul(product, wide, limbs, mpz_limbs_read(factor), size);
    if (mpz_sgn(factor) > 0)
        mpn_add_n(sum, sum, product, (mp_size_t)limbs);
    else
        mpn_sub_n(sum, sum, product, (mp_size_t)limbs);
}

/* m (limbs of N) = sum weight (k z1 + z2 - e d) mod N */
static mpcw_status expected_plaintext(mp_limb_t *m, const batch *b, const size_t *items, size_t count)
{
    const mpcw_affine_equations *q = b->equations;
    const mpcw_paillier_secret *own = b->key;
    const size_t n = own->pub->limbs, k_limbs = q->k->size / 8, d_limbs = q->d->size / 8;
    /* weight z k and weight e d of up to 2^20 items, and a limb for the sign */
    const size_t z_limbs = q->z1.len / b->count / 8, widest = z_limbs + k_limbs > d_limbs ? z_limbs + k_limbs : d_limbs;
    const size_t limbs = (widest > n ? widest : n) + WEIGHTED_LIMBS + 3, factor_limbs = z_limbs + WEIGHTED_LIMBS;
    mpcw_status status = MPCW_E_MEMORY;
    mpz_t factor, weight;
    mpz_inits(factor, weight, NULL);
    mp_limb_t *sum = secret_alloc((3 * limbs + factor_limbs) * sizeof *sum);
    if (!sum)
        goto done;
    for (size_t i = 0; i < count; i++) {
        mpz_from_twos(factor, at(q->z1, b->count, items[i]), q->z1.len / b->count);
        mpz_from_limbs(weight, b->weight + i * WEIGHT_LIMBS, WEIGHT_LIMBS);
        mpz_mul(factor, factor, weight);
        add_product(sum, limbs, factor, int_item(q->k, items[i]), k_limbs, sum + limbs);
        mpz_from_limbs(factor, b->weighted + i * WEIGHTED_LIMBS, WEIGHTED_LIMBS);
        mpz_neg(factor, factor);
        add_product(sum, limbs, factor, int_item(q->d, items[i]), d_limbs, sum + limbs);
    }
    weighted_sum(factor, b, q->z2, items, count);
    mpz_from_limbs(weight, own->pub->n, n);
    mpz_mod(factor, factor, weight);
    mp_limb_t *shift = sum + limbs;
    memset(shift, 0, limbs * sizeof *shift);
    mpz_export(shift, NULL, -1, sizeof *shift, 0, 0, factor);
    mpn_add_n(sum, sum, shift, (mp_size_t)limbs);
    /* plus a multiple of N that is larger than the sum can be negative */
    memset(shift, 0, limbs * sizeof *shift);
    memcpy(shift + limbs - 1 - n, own->pub->n, n * sizeof *shift);
    mpn_add_n(sum, sum, shift, (mp_size_t)limbs);
    if ((status = limbs_divide(NULL, sum, limbs, own->pub->n, n)) == MPCW_OK)
        memcpy(m, sum, n * sizeof *m);
done:
    mpz_clears(factor, weight, NULL);
    secret_free(sum);
    return status;
}

/* C or its inverse for each item under test, and weight |z1| as exponents: C^(-weight z1). */
typedef struct inverse_powers {
    uint8_t *values;      /* [count of the batch][size] */
    mp_limb_t *exponents; /* [items under test][limbs] */
    size_t limbs;
} inverse_powers;

static mpcw_status inverse_powers_of(inverse_powers *p, const batch *b, const size_t *items, size_t count)
{
    const mpcw_affine_equations *q = b->equations;
    const mpcw_paillier *key = ((const mpcw_paillier_secret *)b->key)->pub;
    const size_t n = key->limbs, size = 16 * n, z_size = q->z1.len / b->count;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *inverse = calloc(b->count, 8 * n);
    uint8_t *under_test = calloc(count, size);
    mpz_t z, weight;
    mpz_inits(z, weight, NULL);
    p->limbs = z_size / 8 + WEIGHT_LIMBS;
    p->values = calloc(b->count, size);
    p->exponents = calloc(count, p->limbs * sizeof *p->exponents);
    if (!inverse || !under_test || !p->values || !p->exponents)
        goto done;
    for (size_t i = 0; i < count; i++)
        memcpy(under_test + i * size, q->C.data + items[i] * size, size);
    if ((status = units_invert_var(inverse, under_test, size, count, key->n, n, false)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < count; i++) {
        uint8_t *value = p->values + items[i] * size;
        mpz_from_twos(z, at(q->z1, b->count, items[i]), z_size);
        if (mpz_sgn(z) >= 0)
            limbs_to_be(value, size, inverse + i * n, n);
        else
            memcpy(value, under_test + i * size, size);
        mpz_from_limbs(weight, b->weight + i * WEIGHT_LIMBS, WEIGHT_LIMBS);
        mpz_mul(z, z, weight);
        mpz_export(p->exponents + i * p->limbs, NULL, -1, sizeof *p->exponents, 0, 0, z);
    }
done:
    mpz_clears(z, weight, NULL);
    free(inverse);
    free(under_test);
    return status;
}

/* a = Pi A^weight modulo p^2, for the decryption; *result: the unit part, modulo p:
 * Pi A^weight D^(weight e) C^(-weight z1) = (Pi w^weight)^N, where x^N = x^q. */
static mpcw_status affine_side(const batch *b, const size_t *items, size_t count, const lane *l, uint64_t *a,
                               const inverse_powers *powers, bool *result)
{
    const mpcw_affine_equations *q = b->equations;
    const mpcw_paillier_secret *own = b->key;
    const mpcw_bytes inverses = {powers->values, b->count * 16 * own->pub->limbs};
    const column masks = {q->A, b->weight, WEIGHT_LIMBS}, roots = {q->w, b->weight, WEIGHT_LIMBS};
    const column rest[2] = {{q->D, b->weighted, WEIGHTED_LIMBS}, {inverses, powers->exponents, powers->limbs}};
    const mp_limb_t *other = (l->m == own->p ? own->q : own->p)->n_limbs;
    const mp_limb_t *each[LANES_MAX] = {other, other, other, other};
    mpcw_status status = MPCW_E_MEMORY;
    uint64_t *left = lane_vectors(l, 2);
    if (!left)
        return status;
    uint64_t *right = left + l->m->width;
    if ((status = multi_pow(l, a, 2, &masks, 1, b, items, count)) != MPCW_OK ||
        (status = multi_pow(l, left, 1, rest, 2, b, items, count)) != MPCW_OK ||
        (status = multi_pow(l, right, 1, &roots, 1, b, items, count)) != MPCW_OK ||
        (status = lane_pow(l, right, right, 1, each, 64 * l->m->limbs)) != MPCW_OK)
        goto done;
    /* the lower base-p digit of a is A's part modulo p */
    l->m->ops->mul(l, left, left, a);
    status = lanes_equal(l, result, left, right, 1);
done:
    secret_free(left);
    return status;
}

static mpcw_status affine_hold(const batch *b, const size_t *items, size_t count, bool *result)
{
    const mpcw_paillier_secret *own = b->key;
    const size_t n = own->pub->limbs, wp = own->p->width;
    lane lp = {0}, lq = {0};
    inverse_powers powers = {0};
    uint64_t *a = NULL;
    bool units_p = false, units_q = false;
    mpcw_status status;
    draw_weights(b, items, count);
    if ((status = lane_open(&lp, own->p)) != MPCW_OK || (status = lane_open(&lq, own->q)) != MPCW_OK ||
        (status = inverse_powers_of(&powers, b, items, count)) != MPCW_OK)
        goto done;
    a = secret_alloc((2 * wp + 2 * own->q->width + 2 * n) * sizeof *a);
    if (!a) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    uint64_t *aq = a + 2 * wp;
    mp_limb_t *got = aq + 2 * own->q->width, *want = got + n;
    if ((status = affine_side(b, items, count, &lp, a, &powers, &units_p)) != MPCW_OK ||
        (status = affine_side(b, items, count, &lq, aq, &powers, &units_q)) != MPCW_OK ||
        (status = paillier_decrypt_lanes(&lp, &lq, own, got, a, aq, 1)) != MPCW_OK ||
        (status = expected_plaintext(want, b, items, count)) != MPCW_OK)
        goto done;
    uint64_t equal = limbs_equal(got, want, n);
    ct_declassify(&equal, sizeof equal); /* the verdict is public */
    *result = equal && units_p && units_q;
done:
    free(powers.values);
    free(powers.exponents);
    secret_free(a);
    lane_close(&lp);
    lane_close(&lq);
    return status;
}

static bool affine_strict(const batch *b, size_t i)
{
    const mpcw_affine_equations *q = b->equations;
    const mpcw_paillier *key = ((const mpcw_paillier_secret *)b->key)->pub;
    mpz_t n, c, d, a, e, z1, z2, w;
    mpz_inits(n, c, d, a, e, z1, z2, w, NULL);
    mpz_from_limbs(n, key->n, key->limbs);
    mpz_from_be(c, at(q->C, b->count, i), q->C.len / b->count);
    mpz_from_be(d, at(q->D, b->count, i), q->D.len / b->count);
    mpz_from_be(a, at(q->A, b->count, i), q->A.len / b->count);
    mpz_from_be(e, at(q->e, b->count, i), 32);
    mpz_from_twos(z1, at(q->z1, b->count, i), q->z1.len / b->count);
    mpz_from_twos(z2, at(q->z2, b->count, i), q->z2.len / b->count);
    mpz_from_be(w, at(q->w, b->count, i), q->w.len / b->count);
    const bool holds = affine_holds_var(n, c, d, a, e, z1, z2, w);
    mpz_clears(n, c, d, a, e, z1, z2, w, NULL);
    return holds;
}

mpcw_status mpcw_verify_affine(mpcw_buffer bad, const mpcw_paillier_secret *own, const mpcw_affine_equations *eqs,
                               const mpcw_secret *seed)
{
    batch b = {.equations = eqs, .key = own, .secret = true, .holds = affine_hold, .strict = affine_strict};
    mpcw_status status;
    if ((status = open_batch(&b, bad, eqs->e)) != MPCW_OK || (status = paillier_secret_expect(own)) != MPCW_OK ||
        (status = secret_expect(eqs->k, MPCW_KIND_INT, b.count, 0)) != MPCW_OK ||
        (status = secret_expect(eqs->d, MPCW_KIND_INT, b.count, 0)) != MPCW_OK)
        return status;
    if (!whole_limbs(eqs->z1, b.count) || !whole_limbs(eqs->z2, b.count))
        return MPCW_E_LENGTH;
    const mp_limb_t *n = own->pub->n;
    const size_t limbs = own->pub->limbs;
    if ((status = mark_units(bad, eqs->C, n, limbs, true)) != MPCW_OK ||
        (status = mark_units(bad, eqs->D, n, limbs, true)) != MPCW_OK ||
        (status = mark_units(bad, eqs->A, n, limbs, true)) != MPCW_OK ||
        (status = mark_units(bad, eqs->w, n, limbs, false)) != MPCW_OK)
        return status;
    return verify(&b, bad, seed);
}
