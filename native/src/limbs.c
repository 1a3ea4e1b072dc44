#include "limbs.h"

#include <string.h>

#include "ct.h"
#include "secret.h"

mp_limb_t limbs_reduce_once(mp_limb_t *carry, mp_limb_t *r, const mp_limb_t *n, mp_limb_t *tmp, size_t limbs)
{
    const mp_limb_t borrow = mpn_sub_n(tmp, r, n, (mp_size_t)limbs);
    const uint64_t take = ct_mask_nonzero(*carry) | ct_mask_bit(1 - borrow);
    limbs_select(r, take, tmp, r, limbs);
    *carry -= take & borrow;
    return take & 1;
}

uint64_t limbs_less(const mp_limb_t *a, const mp_limb_t *b, size_t limbs)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < limbs; i++) {
        const uint64_t d = a[i] - b[i];
        borrow = (uint64_t)(a[i] < b[i]) | ((uint64_t)(d < borrow) & 1);
    }
    return ct_mask_bit(borrow);
}

uint64_t limbs_is_zero(const mp_limb_t *a, size_t limbs)
{
    uint64_t any = 0;
    for (size_t i = 0; i < limbs; i++)
        any |= a[i];
    return ~ct_mask_nonzero(any);
}

uint64_t limbs_equal(const mp_limb_t *a, const mp_limb_t *b, size_t limbs)
{
    uint64_t any = 0;
    for (size_t i = 0; i < limbs; i++)
        any |= a[i] ^ b[i];
    return ~ct_mask_nonzero(any);
}

void limbs_select(mp_limb_t *r, uint64_t mask, const mp_limb_t *a, const mp_limb_t *b, size_t limbs)
{
    for (size_t i = 0; i < limbs; i++)
        r[i] = ct_select(mask, a[i], b[i]);
}

void limbs_negate_if(mp_limb_t *r, uint64_t mask, size_t limbs)
{
    uint64_t carry = mask & 1;
    for (size_t i = 0; i < limbs; i++) {
        const uint64_t v = (r[i] ^ mask) + carry;
        carry &= (uint64_t)(v < carry);
        r[i] = v;
    }
}

void limbs_mul(mp_limb_t *r, const mp_limb_t *a, size_t a_limbs, const mp_limb_t *b, size_t b_limbs)
{
    r[a_limbs] = mpn_mul_1(r, a, (mp_size_t)a_limbs, b[0]);
    for (size_t i = 1; i < b_limbs; i++)
        r[a_limbs + i] = mpn_addmul_1(r + i, a, (mp_size_t)a_limbs, b[i]);
}

void limbs_from_be(mp_limb_t *r, size_t limbs, const uint8_t *bytes, size_t bytes_len)
{
    memset(r, 0, limbs * sizeof *r);
    for (size_t i = 0; i < bytes_len && i < 8 * limbs; i++)
        r[i / 8] |= (mp_limb_t)bytes[bytes_len - 1 - i] << (8 * (i % 8));
}

void limbs_to_be(uint8_t *bytes, size_t bytes_len, const mp_limb_t *a, size_t limbs)
{
    for (size_t i = 0; i < bytes_len; i++)
        bytes[bytes_len - 1 - i] = i < 8 * limbs ? (uint8_t)(a[i / 8] >> (8 * (i % 8))) : 0;
}

void limbs_extend(mp_limb_t *r, size_t limbs, const mp_limb_t *a, size_t a_limbs)
{
    const mp_limb_t sign = (mp_limb_t)0 - (a[a_limbs - 1] >> 63);
    for (size_t i = 0; i < limbs; i++)
        r[i] = i < a_limbs ? a[i] : sign;
}

size_t limbs_bits_var(const mp_limb_t *a, size_t limbs)
{
    while (limbs > 0 && a[limbs - 1] == 0)
        limbs--;
    return limbs == 0 ? 0 : 64 * limbs - (size_t)__builtin_clzll(a[limbs - 1]);
}

mpcw_status limbs_divide(mp_limb_t *q, mp_limb_t *x, size_t x_limbs, const mp_limb_t *n, size_t n_limbs)
{
    /* Bit by bit: mpn_sec_div_qr takes the reciprocal of the divisor from a table, by its highest bits. */
    mp_limb_t *r = secret_alloc(2 * n_limbs * sizeof *r);
    if (!r)
        return MPCW_E_MEMORY;
    if (q)
        memset(q, 0, (x_limbs - n_limbs + 1) * sizeof *q);
    for (size_t i = 64 * x_limbs; i-- > 0;) {
        mp_limb_t carry = mpn_lshift(r, r, (mp_size_t)n_limbs, 1);
        r[0] |= x[i / 64] >> (i % 64) & 1;
        const mp_limb_t bit = limbs_reduce_once(&carry, r, n, r + n_limbs, n_limbs);
        if (q && i / 64 <= x_limbs - n_limbs)
            q[i / 64] |= bit << (i % 64);
    }
    memset(x, 0, x_limbs * sizeof *x);
    memcpy(x, r, n_limbs * sizeof *x);
    secret_free(r);
    return MPCW_OK;
}
