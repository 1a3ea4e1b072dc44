/* Public points of include/mpcw/curve.h. */
#include <stdlib.h>
#include <string.h>

#include "mpcw/curve.h"
#include "point.h"

enum { XY = 64, SEC1 = 33, X_ONLY = 32, SCALAR = 32 };

/* Items of size bytes in len; 0 when len is not a multiple of size. */
static size_t count_items(size_t len, size_t size)
{
    return len % size ? 0 : len / size;
}

/* New array of the n points; *out is NULL unless MPCW_OK. */
static mpcw_status read_points(ge **out, const uint8_t *points, size_t n)
{
    mpcw_status status = MPCW_OK;
    ge *p = malloc(n * sizeof *p);

    *out = NULL;
    if (!p)
        return MPCW_E_MEMORY;
    for (size_t i = 0; i < n && status == MPCW_OK; i++)
        status = ge_from_xy64_var(&p[i], points + XY * i);
    if (status != MPCW_OK) {
        free(p);
        return status;
    }
    *out = p;
    return MPCW_OK;
}

static mpcw_status read_scalars(scalar **out, const uint8_t *scalars, size_t n)
{
    scalar *k = malloc(n * sizeof *k);
    uint64_t above = 0;

    *out = NULL;
    if (!k)
        return MPCW_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        above |= scalar_from_be32(&k[i], scalars + SCALAR * i);
    if (above) {
        free(k);
        return MPCW_E_RANGE;
    }
    *out = k;
    return MPCW_OK;
}

/* Write the n results in affine form. */
static mpcw_status write_points(uint8_t *out, const gej *results, size_t n)
{
    ge *affine = malloc(n * sizeof *affine);
    mpcw_status status = affine ? MPCW_OK : MPCW_E_MEMORY;

    if (affine && n == 1)
        ge_from_gej_var(affine, results); /* infinity, the outcome of most checks, needs no inversion */
    else if (affine)
        status = ge_from_gejs_var(affine, results, n);
    for (size_t i = 0; i < n && status == MPCW_OK; i++)
        ge_to_xy64_var(out + XY * i, &affine[i]);
    free(affine);
    return status;
}

static mpcw_status finish(mpcw_status status, uint8_t *out, size_t out_len)
{
    if (status != MPCW_OK)
        memset(out, 0, out_len);
    return status;
}

mpcw_status mpcw_points_parse_var(uint8_t *out, size_t out_len, const uint8_t *sec1, size_t sec1_len,
                                  int allow_infinity)
{
    static const uint8_t INFINITY33[SEC1] = {0};
    size_t n = count_items(sec1_len, SEC1);
    mpcw_status status = MPCW_OK;

    if (n == 0 || out_len != XY * n)
        return finish(MPCW_E_LENGTH, out, out_len);
    for (size_t i = 0; i < n && status == MPCW_OK; i++) {
        ge point = {.infinity = 1};
        if (!allow_infinity || memcmp(sec1 + SEC1 * i, INFINITY33, SEC1) != 0)
            status = ge_from_sec33_var(&point, sec1 + SEC1 * i);
        if (status == MPCW_OK)
            ge_to_xy64_var(out + XY * i, &point);
    }
    return finish(status, out, out_len);
}

mpcw_status mpcw_points_lift_x_var(uint8_t *out, size_t out_len, const uint8_t *x, size_t x_len)
{
    size_t n = count_items(x_len, X_ONLY);
    mpcw_status status = MPCW_OK;

    if (n == 0 || out_len != XY * n)
        return finish(MPCW_E_LENGTH, out, out_len);
    for (size_t i = 0; i < n && status == MPCW_OK; i++) {
        ge point;
        status = ge_lift_x_var(&point, x + X_ONLY * i);
        if (status == MPCW_OK)
            ge_to_xy64_var(out + XY * i, &point);
    }
    return finish(status, out, out_len);
}

mpcw_status mpcw_points_serialize_var(uint8_t *sec1, size_t sec1_len, const uint8_t *points, size_t points_len)
{
    size_t n = count_items(points_len, XY);
    mpcw_status status = MPCW_OK;

    if (n == 0 || sec1_len != SEC1 * n)
        return finish(MPCW_E_LENGTH, sec1, sec1_len);
    for (size_t i = 0; i < n && status == MPCW_OK; i++) {
        uint8_t *out = sec1 + SEC1 * i;
        ge point;
        status = ge_from_xy64_var(&point, points + XY * i);
        memset(out, 0, SEC1);
        if (status == MPCW_OK && !point.infinity) {
            out[0] = (uint8_t)(2 | (points[XY * i + XY - 1] & 1));
            memcpy(out + 1, points + XY * i, X_ONLY);
        }
    }
    return finish(status, sec1, sec1_len);
}

mpcw_status mpcw_points_sum_var(uint8_t *out, size_t out_len, const uint8_t *points, size_t points_len)
{
    size_t columns = count_items(out_len, XY), n = count_items(points_len, XY);
    mpcw_status status;
    gej *sums = NULL;
    ge *p = NULL;

    if (columns == 0 || n == 0 || n % columns != 0)
        return finish(MPCW_E_LENGTH, out, out_len);
    status = read_points(&p, points, n);
    if (status != MPCW_OK)
        goto done;
    sums = malloc(columns * sizeof *sums);
    if (!sums) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    for (size_t j = 0; j < columns; j++)
        gej_set_infinity(&sums[j]);
    for (size_t i = 0; i < n; i++)
        gej_add_ge_var(&sums[i % columns], &sums[i % columns], &p[i]);
    status = write_points(out, sums, columns);
done:
    free(p);
    free(sums);
    return finish(status, out, out_len);
}

/* One sum of all products when sum is set, else every product; an array of length 1 is repeated. */
static mpcw_status multiply(uint8_t *out, size_t out_len, const uint8_t *scalars, size_t scalars_len,
                            const uint8_t *points, size_t points_len, int sum)
{
    size_t n_scalars = count_items(scalars_len, SCALAR), n_points = count_items(points_len, XY);
    size_t n = n_scalars > n_points ? n_scalars : n_points, n_out = sum ? 1 : n;
    size_t scalar_step = n_scalars > 1, point_step = n_points > 1;
    mpcw_status status;
    gej *results = NULL;
    scalar *k = NULL;
    ge *p = NULL;

    if (n_scalars == 0 || n_points == 0 || out_len != XY * n_out || (sum && n_scalars != n_points) ||
        (n_scalars != n && n_scalars != 1) || (n_points != n && n_points != 1))
        return finish(MPCW_E_LENGTH, out, out_len);
    if ((status = read_scalars(&k, scalars, n_scalars)) != MPCW_OK ||
        (status = read_points(&p, points, n_points)) != MPCW_OK)
        goto done;
    results = malloc(n_out * sizeof *results);
    if (!results)
        status = MPCW_E_MEMORY;
    else if (sum)
        status = gej_multi_mul_var(results, k, p, n);
    for (size_t i = 0; !sum && i < n && status == MPCW_OK; i++)
        status = gej_multi_mul_var(&results[i], &k[i * scalar_step], &p[i * point_step], 1);
    if (status == MPCW_OK)
        status = write_points(out, results, n_out);
done:
    free(k);
    free(p);
    free(results);
    return finish(status, out, out_len);
}

mpcw_status mpcw_points_mul_var(uint8_t *out, size_t out_len, const uint8_t *scalars, size_t scalars_len,
                                const uint8_t *points, size_t points_len)
{
    return multiply(out, out_len, scalars, scalars_len, points, points_len, 0);
}

mpcw_status mpcw_points_multi_mul_var(uint8_t *out, size_t out_len, const uint8_t *scalars, size_t scalars_len,
                                      const uint8_t *points, size_t points_len)
{
    return multiply(out, out_len, scalars, scalars_len, points, points_len, 1);
}

/* Horner: the places are small, so that each step is a short multiplication. */
static void eval_poly_at(gej *r, const ge *c, size_t n, uint32_t x)
{
    gej_set_infinity(r);
    while (n-- > 0) {
        gej_mul_small_var(r, r, x);
        gej_add_ge_var(r, r, &c[n]);
    }
}

/* Values at x, x + 1, ...: behind the first n the n-th forward difference is 0, so that each further value costs n - 1
 * additions. difference has room for n points. */
static void extend_values(gej *values, size_t count, size_t n, gej *difference)
{
    /* difference[k] is the k-th difference that ends at the last value */
    for (size_t i = 0; i < n; i++) {
        gej carry = values[i];
        for (size_t k = 0; k < i; k++) {
            gej minus = difference[k];
            fe_neg(&minus.y, &minus.y, 3);
            fe_weaken(&minus.y);
            difference[k] = carry;
            gej_add_var(&carry, &carry, &minus);
        }
        difference[i] = carry;
    }
    for (size_t i = n; i < count; i++) {
        for (size_t k = n - 1; k-- > 0;)
            gej_add_var(&difference[k], &difference[k], &difference[k + 1]);
        values[i] = difference[0];
    }
}

/* Length of the run of consecutive places that x starts with. */
static size_t run_length(const uint32_t *x, size_t x_len)
{
    size_t length = 1;

    while (length < x_len && x[length] == x[0] + length)
        length++;
    return length;
}

mpcw_status mpcw_points_eval_poly_var(uint8_t *out, size_t out_len, const uint8_t *coefficients,
                                      size_t coefficients_len, const uint32_t *x, size_t x_len)
{
    size_t n = count_items(coefficients_len, XY);
    gej *values = NULL, *difference = NULL;
    mpcw_status status;
    ge *c = NULL;

    if (n == 0 || x_len == 0 || out_len / XY != x_len || out_len % XY)
        return finish(MPCW_E_LENGTH, out, out_len);
    if ((status = read_points(&c, coefficients, n)) != MPCW_OK)
        goto done;
    values = malloc(x_len * sizeof *values);
    difference = malloc(n * sizeof *difference);
    if (!values || !difference) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < x_len;) {
        size_t run = run_length(x + i, x_len - i), direct = run < n ? run : n;
        for (size_t k = 0; k < direct; k++)
            eval_poly_at(&values[i + k], c, n, x[i + k]);
        if (run > n)
            extend_values(values + i, run, n, difference);
        i += run;
    }
    status = write_points(out, values, x_len);
done:
    free(c);
    free(values);
    free(difference);
    return finish(status, out, out_len);
}
