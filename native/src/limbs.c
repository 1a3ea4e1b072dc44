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

mp_limb_t limbs_add_limb(mp_limb_t *r, const mp_limb_t *a, size_t limbs, mp_limb_t x)
{
    for (size_t i = 0; i < limbs; i++) {
        const mp_limb_t sum = a[i] + x;
        x = ct_value_barrier(sum < x);
        r[i] = sum;
    }
    return x;
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
    mpcw_status status = MPCW_E_MEMORY;
    while (n_limbs > 1 && n[n_limbs - 1] == 0)
        n_limbs--;
    const size_t itch = (size_t)(q ? mpn_sec_div_qr_itch((mp_size_t)x_limbs, (mp_size_t)n_limbs)
                                   : mpn_sec_div_r_itch((mp_size_t)x_limbs, (mp_size_t)n_limbs));
    mp_limb_t *scratch = secret_alloc((itch + 1) * sizeof *scratch);
    if (!scratch)
        goto done;
    if (q)
        q[x_limbs - n_limbs] =
            mpn_sec_div_qr(q, x, (mp_size_t)x_limbs, n, (mp_size_t)n_limbs, scratch);
    else
        mpn_sec_div_r(x, (mp_size_t)x_limbs, n, (mp_size_t)n_limbs, scratch);
    memset(x + n_limbs, 0, (x_limbs - n_limbs) * sizeof *x);
    status = MPCW_OK;
done:
    secret_free(scratch);
    return status;
}
