#include "lane.h"

#include <string.h>

#include "ct.h"
#include "limbs.h"
#include "secret.h"

/* The dual lane of R^power mod N^2, and with power <= 2 the lane of R^power mod N in single. */
static mpcw_status power_of_r(const lane_mod *m, uint64_t *dual, uint64_t *single, size_t lane, size_t power)
{
    const size_t n = m->limbs, bits = power * m->ops->r_bits(m->digits);
    const size_t x_limbs = (bits / 64 + 1 > 2 * n ? bits / 64 + 1 : 2 * n) + 1;
    mpcw_status status = MPCW_E_MEMORY;
    mp_limb_t *x = secret_alloc((2 * x_limbs + 2 * n) * sizeof *x);
    if (!x)
        goto done;
    mp_limb_t *square = x + x_limbs, *q = square + 2 * n;
    const mp_limb_t *modulus = m->n_limbs + lane * n;
    limbs_mul(square, modulus, n, modulus, n);
    x[bits / 64] = (mp_limb_t)1 << (bits % 64);
    if ((status = limbs_divide(NULL, x, x_limbs, square, 2 * n)) != MPCW_OK)
        goto done;
    if ((status = limbs_divide(q, x, 2 * n, modulus, n)) != MPCW_OK)
        goto done;
    m->ops->load(m, dual, lane, x, n);
    m->ops->load(m, dual + m->width, lane, q, n);
    if (single)
        m->ops->load(m, single, lane, x, n);
done:
    secret_free(x);
    return status;
}

static mpcw_status lane_constants(lane_mod *m, size_t lane)
{
    const size_t n = m->limbs;
    mp_limb_t *modulus = m->n_limbs + lane * n;
    mp_limb_t tmp[LANE_LIMBS_MAX];
    mpcw_status status;

    /* x = N^-1 mod 2^3 is N; each step doubles the bits. */
    uint64_t inverse = modulus[0];
    for (int i = 0; i < 5; i++)
        inverse *= 2 - modulus[0] * inverse;
    m->ninv[lane] = 0 - inverse;

    m->ops->load(m, m->n, lane, modulus, n);
    const mp_limb_t one = 1;
    m->ops->load(m, m->unit, lane, &one, 1);
    if ((status = power_of_r(m, m->done, m->one, lane, 1)) != MPCW_OK ||
        (status = power_of_r(m, m->dr2, m->r2, lane, 2)) != MPCW_OK ||
        (status = power_of_r(m, m->dr3, NULL, lane, 3)) != MPCW_OK)
        return status;
    /* N * ceil(R / N) - R + 1 = N - (R mod N) + 1, for N does not divide R */
    m->ops->store(m, tmp, n, m->one, lane);
    mpn_sub_n(tmp, modulus, tmp, (mp_size_t)n);
    limbs_add_limb(tmp, tmp, n, 1);
    m->ops->load(m, m->n_wrap, lane, tmp, n);
    ct_cleanse(tmp, sizeof tmp);
    return MPCW_OK;
}

mpcw_status lane_mod_new(lane_mod **out, const lane_ops *ops, const mp_limb_t *const n[LANES_MAX], size_t limbs)
{
    mpcw_status status = MPCW_E_MODULUS;
    lane_mod *m = NULL;
    *out = NULL;
    if (limbs == 0 || limbs > LANE_LIMBS_MAX || 64 * limbs > ops->bits_max)
        goto fail;
    for (size_t lane = 0; lane < ops->lanes; lane++)
        if ((n[lane][0] & 1) == 0 || n[lane][limbs - 1] == 0 || (limbs == 1 && n[lane][0] < 3))
            goto fail;

    status = MPCW_E_MEMORY;
    const size_t digits = ops->digits(64 * limbs), width = ops->width(digits);
    const size_t header = (sizeof *m + 63) / 64 * 64;
    const size_t vectors = 12, constants = (ops->lanes * limbs + 7) / 8 * 8;
    m = secret_alloc(header + (vectors * width + constants) * sizeof(uint64_t));
    if (!m)
        goto fail;
    m->ops = ops;
    m->limbs = limbs;
    m->digits = digits;
    m->width = width;
    uint64_t *next = (uint64_t *)(void *)((uint8_t *)m + header);
    uint64_t **singles[] = {&m->n, &m->n_wrap, &m->one, &m->r2};
    uint64_t **duals[] = {&m->done, &m->dr2, &m->dr3, &m->unit};
    for (size_t i = 0; i < 4; i++, next += width)
        *singles[i] = next;
    for (size_t i = 0; i < 4; i++, next += 2 * width)
        *duals[i] = next;
    m->n_limbs = next;
    for (size_t lane = 0; lane < ops->lanes; lane++) {
        memcpy(m->n_limbs + lane * limbs, n[lane], limbs * sizeof(mp_limb_t));
        if ((status = lane_constants(m, lane)) != MPCW_OK)
            goto fail;
    }
    *out = m;
    return MPCW_OK;
fail:
    lane_mod_free(m);
    return status;
}

void lane_mod_free(lane_mod *m)
{
    secret_free(m);
}

mpcw_status lane_open(lane *l, const lane_mod *m)
{
    l->m = m;
    l->ws = secret_alloc(m->ops->scratch(m->digits) * sizeof(uint64_t));
    return l->ws ? MPCW_OK : MPCW_E_MEMORY;
}

void lane_close(lane *l)
{
    secret_free(l->ws);
    l->ws = NULL;
}

uint64_t *lane_vectors(const lane *l, size_t count)
{
    return secret_alloc(count * l->m->width * sizeof(uint64_t));
}

void lane_enter(const lane *l, uint64_t *r)
{
    l->m->ops->mul(l, r, r, l->m->r2);
}

void lane_dual_load(const lane_mod *m, uint64_t *r, size_t lane, const mp_limb_t *x, size_t n)
{
    const size_t bits = m->ops->r_bits(m->digits), skip = bits / 64, shift = bits % 64;
    mp_limb_t high[LANE_LIMBS_MAX + 8];
    m->ops->load(m, r, lane, x, n);
    /* x below R^2 leaves at most r_bits here */
    size_t count = 0;
    for (size_t i = skip; i < n && count < LANE_LIMBS_MAX + 8; i++) {
        mp_limb_t v = x[i] >> shift;
        if (shift && i + 1 < n)
            v |= x[i + 1] << (64 - shift);
        high[count++] = v;
    }
    m->ops->load(m, r + m->width, lane, high, count);
    ct_cleanse(high, sizeof high);
}

mpcw_status lane_dual_enter(const lane *l, uint64_t *r)
{
    const lane_mod *m = l->m;
    const size_t width = m->width;
    uint64_t *t = lane_vectors(l, 4);
    if (!t)
        return MPCW_E_MEMORY;
    /* (low + high * R) * R = REDC(low * R^2) + REDC(high * R^3) mod N^2 */
    memcpy(t, r, width * sizeof *t);
    m->ops->dmul(l, t, t, m->dr2);
    memcpy(t + 2 * width, r + width, width * sizeof *t);
    m->ops->dmul(l, t + 2 * width, t + 2 * width, m->dr3);
    m->ops->dadd(l, r, t, t + 2 * width);
    /* a product again: sums may follow */
    m->ops->dmul(l, r, r, m->done);
    secret_free(t);
    return MPCW_OK;
}

mpcw_status lane_enter_items(const lane *l, uint64_t *r, const mp_limb_t *x, size_t x_limbs, size_t stride, size_t count,
                             size_t parts)
{
    const lane_mod *m = l->m;
    const size_t n_limbs = parts * m->limbs;
    const size_t size = (x_limbs > n_limbs ? x_limbs : n_limbs) + 1;
    mpcw_status status = MPCW_OK;
    mp_limb_t *t = secret_alloc((size + 2 * m->limbs) * sizeof *t);
    if (!t)
        return MPCW_E_MEMORY;
    mp_limb_t *square = t + size;
    for (size_t k = 0; k < m->ops->lanes && status == MPCW_OK; k++) {
        const mp_limb_t *from = x + (k < count ? k : 0) * stride, *modulus = m->n_limbs + k * m->limbs;
        memset(t, 0, size * sizeof *t);
        memcpy(t, from, x_limbs * sizeof *t);
        if (x_limbs > n_limbs) {
            if (parts == 2) {
                limbs_mul(square, modulus, m->limbs, modulus, m->limbs);
                modulus = square;
            }
            status = limbs_divide(NULL, t, x_limbs, modulus, n_limbs);
        }
        if (parts == 2)
            lane_dual_load(m, r, k, t, n_limbs);
        else
            m->ops->load(m, r, k, t, n_limbs);
    }
    if (status == MPCW_OK && parts == 2)
        status = lane_dual_enter(l, r);
    else
        lane_enter(l, r);
    secret_free(t);
    return status;
}

mpcw_status lane_leave(const lane *l, mp_limb_t *x, const uint64_t *a)
{
    const lane_mod *m = l->m;
    const size_t n = m->limbs;
    uint64_t *t = secret_alloc(m->width * sizeof *t + n * sizeof *x);
    if (!t)
        return MPCW_E_MEMORY;
    mp_limb_t *tmp = t + m->width;
    m->ops->mul(l, t, a, m->unit);
    for (size_t lane = 0; lane < m->ops->lanes; lane++) {
        mp_limb_t *out = x + lane * n;
        m->ops->store(m, out, n, t, lane);
        mp_limb_t carry = 0;
        limbs_reduce_once(&carry, out, m->n_limbs + lane * n, tmp, n);
    }
    secret_free(t);
    return MPCW_OK;
}

mpcw_status lane_dual_leave(const lane *l, mp_limb_t *x, const uint64_t *a)
{
    const lane_mod *m = l->m;
    const size_t n = m->limbs;
    uint64_t *t = secret_alloc(2 * m->width * sizeof *t + (2 * n + 3) * sizeof *x);
    if (!t)
        return MPCW_E_MEMORY;
    mp_limb_t *upper = t + 2 * m->width, *tmp = upper + n + 1;
    m->ops->dmul(l, t, a, m->unit);
    for (size_t lane = 0; lane < m->ops->lanes; lane++) {
        const mp_limb_t *modulus = m->n_limbs + lane * n;
        mp_limb_t *out = x + 2 * lane * n;
        /* Now x0 <= N and x1 <= N + 1: x0 = N carries one into x1. */
        mp_limb_t carry = 0;
        m->ops->store(m, out, n, t, lane);
        const mp_limb_t full = limbs_reduce_once(&carry, out, modulus, tmp, n);
        m->ops->store(m, upper, n + 1, t + m->width, lane);
        limbs_add_limb(upper, upper, n + 1, full);
        limbs_reduce_once(upper + n, upper, modulus, tmp, n);
        memcpy(out + n, upper, n * sizeof *x);
    }
    secret_free(t);
    return MPCW_OK;
}

void lane_join(mp_limb_t *x, mp_limb_t *tmp, const mp_limb_t *n, size_t limbs)
{
    limbs_mul(tmp, x + limbs, limbs, n, limbs);
    memset(x + limbs, 0, limbs * sizeof *x);
    mpn_add_n(x, x, tmp, 2 * (mp_size_t)limbs);
}
