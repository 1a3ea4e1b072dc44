/* Secret scalars of include/mpcw/curve.h: every loop runs over counts, which are public. */
#include "ct.h"
#include "mpcw/curve.h"
#include "scalar.h"
#include "secret.h"

enum { SIZE = 32 };

/* An operand: items of a secret or of public bytes, of which a single one is repeated. */
typedef struct operand {
    const uint8_t *bytes;
    size_t count;
} operand;

static mpcw_status operand_secret(operand *r, const mpcw_secret *s)
{
    mpcw_status status = secret_expect(s, MPCW_KIND_SCALAR, 0, SIZE);

    if (status == MPCW_OK)
        *r = (operand){s->data, s->count};
    return status;
}

static mpcw_status operand_public(operand *r, const uint8_t *bytes, size_t bytes_len)
{
    scalar item;
    uint64_t above = 0;

    if (bytes_len == 0 || bytes_len % SIZE)
        return MPCW_E_LENGTH;
    for (size_t at = 0; at < bytes_len; at += SIZE)
        above |= scalar_from_be32(&item, bytes + at);
    *r = (operand){bytes, bytes_len / SIZE};
    return above ? MPCW_E_RANGE : MPCW_OK;
}

static void take(scalar *r, const operand *o, size_t i)
{
    (void)scalar_from_be32(r, o->bytes + (o->count == 1 ? 0 : SIZE * i));
}

typedef void (*operation)(scalar *r, const scalar *a, const scalar *b, const scalar *c);

/* out_i = f(a_i, b_i, c_i). */
static mpcw_status map(mpcw_secret **out, operation f, const operand *a, const operand *b, const operand *c)
{
    const operand *const all[3] = {a, b, c};
    struct {
        scalar a, b, c, r;
    } item;
    size_t n = 1;
    mpcw_status status;

    for (int i = 0; i < 3; i++)
        n = all[i]->count > n ? all[i]->count : n;
    for (int i = 0; i < 3; i++)
        if (all[i]->count != n && all[i]->count != 1)
            return MPCW_E_LENGTH;
    status = secret_new(out, MPCW_KIND_SCALAR, n, SIZE);
    if (status != MPCW_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        take(&item.a, a, i);
        take(&item.b, b, i);
        take(&item.c, c, i);
        f(&item.r, &item.a, &item.b, &item.c);
        scalar_to_be32((*out)->data + SIZE * i, &item.r);
    }
    ct_cleanse(&item, sizeof item);
    return MPCW_OK;
}

static mpcw_status map_secrets(mpcw_secret **out, operation f, const mpcw_secret *a, const mpcw_secret *b,
                               const mpcw_secret *c)
{
    operand x, y, z;
    mpcw_status status;

    *out = NULL;
    if ((status = operand_secret(&x, a)) != MPCW_OK || (status = operand_secret(&y, b)) != MPCW_OK ||
        (status = operand_secret(&z, c)) != MPCW_OK)
        return status;
    return map(out, f, &x, &y, &z);
}

static mpcw_status map_public(mpcw_secret **out, operation f, const mpcw_secret *a, const uint8_t *b, size_t b_len)
{
    operand x, y;
    mpcw_status status;

    *out = NULL;
    if ((status = operand_secret(&x, a)) != MPCW_OK || (status = operand_public(&y, b, b_len)) != MPCW_OK)
        return status;
    return map(out, f, &x, &y, &x);
}

static void do_add(scalar *r, const scalar *a, const scalar *b, const scalar *c)
{
    (void)c;
    scalar_add(r, a, b);
}

static void do_sub(scalar *r, const scalar *a, const scalar *b, const scalar *c)
{
    (void)c;
    scalar_sub(r, a, b);
}

static void do_mul(scalar *r, const scalar *a, const scalar *b, const scalar *c)
{
    (void)c;
    scalar_mul(r, a, b);
}

static void do_mul_add(scalar *r, const scalar *a, const scalar *b, const scalar *c)
{
    scalar product;

    scalar_mul(&product, a, b);
    scalar_add(r, &product, c);
    ct_cleanse(&product, sizeof product);
}

static void do_negate(scalar *r, const scalar *a, const scalar *b, const scalar *c)
{
    (void)b;
    (void)c;
    scalar_neg(r, a);
}

static void do_invert(scalar *r, const scalar *a, const scalar *b, const scalar *c)
{
    (void)b;
    (void)c;
    scalar_inv(r, a);
}

mpcw_status mpcw_scalars_random(mpcw_secret **out, const mpcw_secret *seed, size_t count)
{
    scalar item;
    rng r;
    mpcw_status status = secret_new(out, MPCW_KIND_SCALAR, count, SIZE);

    if (status != MPCW_OK)
        return status;
    status = rng_open(&r, seed, "scalars");
    if (status != MPCW_OK) {
        mpcw_secret_free(*out);
        *out = NULL;
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        scalar_random(&item, &r);
        scalar_to_be32((*out)->data + SIZE * i, &item);
    }
    rng_close(&r);
    ct_cleanse(&item, sizeof item);
    return MPCW_OK;
}

mpcw_status mpcw_scalars_add(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b)
{
    return map_secrets(out, do_add, a, b, a);
}

mpcw_status mpcw_scalars_sub(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b)
{
    return map_secrets(out, do_sub, a, b, a);
}

mpcw_status mpcw_scalars_mul(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b)
{
    return map_secrets(out, do_mul, a, b, a);
}

mpcw_status mpcw_scalars_mul_add(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b, const mpcw_secret *c)
{
    return map_secrets(out, do_mul_add, a, b, c);
}

mpcw_status mpcw_scalars_negate(mpcw_secret **out, const mpcw_secret *a)
{
    return map_secrets(out, do_negate, a, a, a);
}

mpcw_status mpcw_scalars_invert(mpcw_secret **out, const mpcw_secret *a)
{
    scalar item;
    uint64_t zero = 0;
    operand x;
    mpcw_status status;

    *out = NULL;
    if ((status = operand_secret(&x, a)) != MPCW_OK)
        return status;
    for (size_t i = 0; i < x.count; i++) {
        take(&item, &x, i);
        zero |= scalar_zero_mask(&item);
    }
    ct_cleanse(&item, sizeof item);
    /* zero has no inverse: the caller must learn it, and learns nothing else */
    ct_declassify(&zero, sizeof zero);
    return zero ? MPCW_E_NOT_UNIT : map(out, do_invert, &x, &x, &x);
}

mpcw_status mpcw_scalars_scale(mpcw_secret **out, const mpcw_secret *a, const uint8_t *factors, size_t factors_len)
{
    return map_public(out, do_mul, a, factors, factors_len);
}

mpcw_status mpcw_scalars_shift(mpcw_secret **out, const mpcw_secret *a, const uint8_t *terms, size_t terms_len)
{
    return map_public(out, do_add, a, terms, terms_len);
}

/* out = sum of a_i b_i. */
static mpcw_status sum_products(mpcw_secret **out, const operand *a, const operand *b)
{
    struct {
        scalar a, b, sum;
    } s = {0};
    mpcw_status status = secret_new(out, MPCW_KIND_SCALAR, 1, SIZE);

    if (status != MPCW_OK)
        return status;
    for (size_t i = 0; i < a->count; i++) {
        take(&s.a, a, i);
        take(&s.b, b, i);
        do_mul_add(&s.sum, &s.a, &s.b, &s.sum);
    }
    scalar_to_be32((*out)->data, &s.sum);
    ct_cleanse(&s, sizeof s);
    return MPCW_OK;
}

mpcw_status mpcw_scalars_sum(mpcw_secret **out, const mpcw_secret *a)
{
    static const uint8_t ONE[SIZE] = {[SIZE - 1] = 1};
    const operand ones = {ONE, 1};
    operand x;
    mpcw_status status;

    *out = NULL;
    if ((status = operand_secret(&x, a)) != MPCW_OK)
        return status;
    return sum_products(out, &x, &ones);
}

mpcw_status mpcw_scalars_inner_product(mpcw_secret **out, const mpcw_secret *a, const uint8_t *factors,
                                       size_t factors_len)
{
    operand x, y;
    mpcw_status status;

    *out = NULL;
    if ((status = operand_secret(&x, a)) != MPCW_OK ||
        (status = operand_public(&y, factors, factors_len)) != MPCW_OK)
        return status;
    return x.count == y.count ? sum_products(out, &x, &y) : MPCW_E_LENGTH;
}

mpcw_status mpcw_scalars_eval_poly(mpcw_secret **out, const mpcw_secret *c, const uint32_t *x, size_t x_len)
{
    struct {
        scalar coefficient, place, value;
    } s = {0};
    operand coefficients;
    mpcw_status status;

    *out = NULL;
    if ((status = operand_secret(&coefficients, c)) != MPCW_OK ||
        (status = secret_new(out, MPCW_KIND_SCALAR, x_len, SIZE)) != MPCW_OK)
        return status;
    for (size_t i = 0; i < x_len; i++) {
        scalar_set_u64(&s.place, x[i]);
        scalar_set_u64(&s.value, 0);
        for (size_t k = c->count; k-- > 0;) {
            take(&s.coefficient, &coefficients, k);
            do_mul_add(&s.value, &s.value, &s.place, &s.coefficient);
        }
        scalar_to_be32((*out)->data + SIZE * i, &s.value);
    }
    ct_cleanse(&s, sizeof s);
    return MPCW_OK;
}

mpcw_status mpcw_scalars_from_ints(mpcw_secret **out, const mpcw_secret *ints)
{
    scalar item;
    mpcw_status status;

    *out = NULL;
    if ((status = secret_expect(ints, MPCW_KIND_INT, 0, 0)) != MPCW_OK ||
        (status = secret_new(out, MPCW_KIND_SCALAR, ints->count, SIZE)) != MPCW_OK)
        return status;
    for (size_t i = 0; i < ints->count; i++) {
        scalar_from_int(&item, (const uint64_t *)(const void *)(ints->data + ints->size * i), ints->size / 8);
        scalar_to_be32((*out)->data + SIZE * i, &item);
    }
    ct_cleanse(&item, sizeof item);
    return MPCW_OK;
}

mpcw_status mpcw_ints_from_scalars(mpcw_secret **out, const mpcw_secret *scalars, size_t size)
{
    scalar item;
    operand x;
    mpcw_status status;

    *out = NULL;
    if ((status = operand_secret(&x, scalars)) != MPCW_OK)
        return status;
    if (size < SIZE)
        return MPCW_E_LENGTH;
    if ((status = secret_new(out, MPCW_KIND_INT, x.count, size)) != MPCW_OK)
        return status;
    for (size_t i = 0; i < x.count; i++) {
        take(&item, &x, i);
        scalar_to_centred((uint64_t *)(void *)((*out)->data + size * i), size / 8, &item);
    }
    ct_cleanse(&item, sizeof item);
    return MPCW_OK;
}
