/* Secret scalars times points, of include/mpcw/curve.h. */
#include <string.h>

#include "ct.h"
#include "point.h"
#include "secp.h"
#include "secret.h"
#include "sha256.h"

enum { XY = 64, SIZE = 32 };

/* k32 = item i of k, or 1 in the place of 0 as libsecp256k1 refuses 0; returns all ones when it is 0. */
static uint64_t nonzero_scalar(uint8_t k32[SIZE], const mpcw_secret *k, size_t i)
{
    static const scalar ONE = {{1, 0, 0, 0}};
    scalar item;
    uint64_t zero;

    (void)scalar_from_be32(&item, k->data + (k->count == 1 ? 0 : SIZE * i));
    zero = scalar_zero_mask(&item);
    scalar_select(&item, zero, &ONE, &item);
    scalar_to_be32(k32, &item);
    ct_cleanse(&item, sizeof item);
    return zero;
}

/* Point i of points, of which a single one is repeated. */
static mpcw_status read_point(const secp *s, secp_pubkey *r, const uint8_t *points, size_t n_points, size_t i)
{
    return secp_pubkey_from_xy64(s, r, points + (n_points == 1 ? 0 : XY * i)) ? MPCW_OK : MPCW_E_POINT;
}

static mpcw_status finish(mpcw_status status, uint8_t *out, size_t out_len)
{
    if (status != MPCW_OK)
        ct_cleanse(out, out_len);
    return status;
}

/* MPCW_E_RANGE when an item was 0: a product of 0 would show it anyway, and nothing else of the scalars. */
static mpcw_status refuse_zero(uint64_t any_zero)
{
    ct_declassify(&any_zero, sizeof any_zero);
    return any_zero ? MPCW_E_RANGE : MPCW_OK;
}

mpcw_status mpcw_points_mul_base(uint8_t *out, size_t out_len, const mpcw_secret *k)
{
    const secp *s = secp_get();
    mpcw_status status = secret_expect(k, MPCW_KIND_SCALAR, 0, SIZE);
    uint64_t any_zero = 0;
    uint8_t k32[SIZE];

    if (!s)
        return finish(MPCW_E_UNREADY, out, out_len);
    if (status == MPCW_OK && out_len != XY * k->count)
        status = MPCW_E_LENGTH;
    for (size_t i = 0; status == MPCW_OK && i < k->count; i++) {
        secp_pubkey product;
        any_zero |= nonzero_scalar(k32, k, i);
        int made = s->ec_pubkey_create(s->context, &product, k32);
        ct_declassify(&made, sizeof made);       /* 1 for every scalar in [1, n) */
        ct_declassify(&product, sizeof product); /* k G is what the caller asked to publish */
        if (!made || !secp_pubkey_to_xy64(s, out + XY * i, &product))
            status = MPCW_E_FAULT;
    }
    ct_cleanse(k32, sizeof k32);
    if (status == MPCW_OK)
        status = refuse_zero(any_zero);
    return finish(status, out, out_len);
}

mpcw_status mpcw_points_mul_secret(uint8_t *out, size_t out_len, const mpcw_secret *k, const uint8_t *points,
                                   size_t points_len)
{
    const secp *s = secp_get();
    mpcw_status status = secret_expect(k, MPCW_KIND_SCALAR, 0, SIZE);
    size_t n_points = points_len / XY, n;
    uint64_t any_zero = 0;
    uint8_t k32[SIZE];

    if (!s)
        return finish(MPCW_E_UNREADY, out, out_len);
    if (status != MPCW_OK)
        return finish(status, out, out_len);
    n = k->count > n_points ? k->count : n_points;
    if (points_len == 0 || points_len % XY || out_len != XY * n || (k->count != n && k->count != 1) ||
        (n_points != n && n_points != 1))
        return finish(MPCW_E_LENGTH, out, out_len);
    for (size_t i = 0; status == MPCW_OK && i < n; i++) {
        secp_pubkey point;
        status = read_point(s, &point, points, n_points, i);
        any_zero |= nonzero_scalar(k32, k, i);
        if (status == MPCW_OK && !secp_mul(s, out + XY * i, &point, k32))
            status = MPCW_E_FAULT;
    }
    ct_cleanse(k32, sizeof k32);
    if (status == MPCW_OK)
        status = refuse_zero(any_zero);
    if (status == MPCW_OK)
        ct_declassify(out, out_len); /* k P is what the caller asked to publish */
    return finish(status, out, out_len);
}

/* xy64 = k_i P, infinity for k_i = 0; all in constant time. ec_pubkey_create would be faster for G, but its result leaves
 * by a variable-time function. */
static mpcw_status mul_or_infinity(const secp *s, uint8_t xy64[XY], const secp_pubkey *point, const mpcw_secret *k,
                                   size_t i)
{
    uint8_t k32[SIZE];
    uint64_t zero = nonzero_scalar(k32, k, i);
    int made = secp_mul(s, xy64, point, k32);

    for (int b = 0; b < XY; b++)
        xy64[b] &= (uint8_t)~zero;
    ct_cleanse(k32, sizeof k32);
    return made ? MPCW_OK : MPCW_E_FAULT;
}

mpcw_status mpcw_points_mul_add_secret(uint8_t *out, size_t out_len, const mpcw_secret *a, const mpcw_secret *b,
                                       const uint8_t *points, size_t points_len)
{
    const secp *s = secp_get();
    mpcw_status status = secret_expect(a, MPCW_KIND_SCALAR, 0, SIZE);
    size_t n_points = points_len / XY;
    uint8_t left[XY], right[XY];
    secp_pubkey g, point;

    if (status == MPCW_OK)
        status = secret_expect(b, MPCW_KIND_SCALAR, a->count, SIZE);
    if (!s)
        status = MPCW_E_UNREADY;
    if (status == MPCW_OK && (points_len == 0 || points_len % XY || out_len != XY * a->count ||
                              (n_points != a->count && n_points != 1)))
        status = MPCW_E_LENGTH;
    if (status == MPCW_OK && !secp_pubkey_from_xy64(s, &g, SECP_G))
        status = MPCW_E_FAULT;
    for (size_t i = 0; status == MPCW_OK && i < a->count; i++) {
        if ((status = read_point(s, &point, points, n_points, i)) != MPCW_OK ||
            (status = mul_or_infinity(s, left, &g, a, i)) != MPCW_OK ||
            (status = mul_or_infinity(s, right, &point, b, i)) != MPCW_OK)
            break;
        point_add_complete(out + XY * i, left, right);
    }
    ct_cleanse(left, sizeof left);
    ct_cleanse(right, sizeof right);
    if (status == MPCW_OK)
        ct_declassify(out, out_len); /* a G + b P is what the caller asked to publish */
    return finish(status, out, out_len);
}

/* hash32 = SHA-256 of the compressed k P, for the point at xy64. */
static mpcw_status ecdh_hash(const secp *s, uint8_t hash32[SIZE], const uint8_t xy64[XY], const uint8_t k32[SIZE])
{
    uint8_t product[XY], parity;
    secp_pubkey point;
    sha256 hash;

    if (!secp_pubkey_from_xy64(s, &point, xy64))
        return MPCW_E_POINT;
    if (!secp_mul(s, product, &point, k32))
        return MPCW_E_FAULT;
    parity = (uint8_t)(2 | (product[XY - 1] & 1));
    sha256_open(&hash);
    sha256_add(&hash, &parity, 1);
    sha256_add(&hash, product, SIZE);
    sha256_close(&hash, hash32);
    ct_cleanse(product, sizeof product);
    ct_cleanse(&parity, sizeof parity);
    return MPCW_OK;
}

/* A new secret of n items for what k, one scalar other than 0, shares with n points. */
static mpcw_status open_ecdh(mpcw_secret **out, uint8_t k32[SIZE], const mpcw_secret *k, mpcw_kind kind, size_t n)
{
    mpcw_status status = secret_expect(k, MPCW_KIND_SCALAR, 1, SIZE);

    *out = NULL;
    if (!secp_get())
        return MPCW_E_UNREADY;
    if (status == MPCW_OK && n == 0)
        status = MPCW_E_LENGTH;
    if (status == MPCW_OK)
        status = refuse_zero(nonzero_scalar(k32, k, 0));
    return status == MPCW_OK ? secret_new(out, kind, n, SIZE) : status;
}

static mpcw_status close_ecdh(mpcw_status status, mpcw_secret **out, uint8_t k32[SIZE])
{
    ct_cleanse(k32, SIZE);
    if (status != MPCW_OK) {
        mpcw_secret_free(*out);
        *out = NULL;
    }
    return status;
}

mpcw_status mpcw_ecdh(mpcw_secret **out, const mpcw_secret *k, const uint8_t *point, size_t point_len)
{
    uint8_t k32[SIZE];
    mpcw_status status = open_ecdh(out, k32, k, MPCW_KIND_SEED, point_len == XY);

    if (status == MPCW_OK)
        status = ecdh_hash(secp_get(), (*out)->data, point, k32);
    return close_ecdh(status, out, k32);
}

mpcw_status mpcw_ecdh_scalars(mpcw_secret **out, const mpcw_secret *k, const uint8_t *points, size_t points_len,
                              const uint8_t *tag, size_t tag_len, const uint8_t *labels, size_t labels_len,
                              const uint8_t *context, size_t context_len)
{
    size_t n = points_len % XY ? 0 : points_len / XY, label_len = n ? labels_len / n : 0;
    uint8_t k32[SIZE], shared[SIZE];
    mpcw_status status = open_ecdh(out, k32, k, MPCW_KIND_SCALAR, n && labels_len % n ? 0 : n);
    sha256 tagged, hash;
    scalar reduced;

    sha256_open_tagged(&tagged, tag, tag_len);
    for (size_t i = 0; status == MPCW_OK && i < n; i++) {
        uint8_t *item = (*out)->data + SIZE * i;
        if ((status = ecdh_hash(secp_get(), shared, points + XY * i, k32)) != MPCW_OK)
            break;
        hash = tagged;
        sha256_add(&hash, shared, SIZE);
        sha256_add(&hash, labels + label_len * i, label_len);
        sha256_add(&hash, context, context_len);
        sha256_close(&hash, item);
        (void)scalar_from_be32(&reduced, item);
        scalar_to_be32(item, &reduced);
    }
    ct_cleanse(shared, sizeof shared);
    ct_cleanse(&reduced, sizeof reduced);
    return close_ecdh(status, out, k32);
}
