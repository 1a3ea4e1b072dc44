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

/* floor((high 2^64 + low) / d) for d >= 2^63, or all ones when it takes more than 64 bits. */
static mp_limb_t divide_two(mp_limb_t high, mp_limb_t low, mp_limb_t d)
{
    const uint64_t over = ~limbs_less(&high, &d, 1);
    mp_limb_t q = 0;
    for (int i = 0; i < 64; i++) {
        const uint64_t carry = ct_mask_bit(high >> 63);
        high = high << 1 | low >> 63;
        low <<= 1;
        const uint64_t take = carry | ~limbs_less(&high, &d, 1);
        high -= d & take;
        q = q << 1 | (take & 1);
    }
    return q | over;
}

/* r = a 2^shift for a result that fits; r may be a. */
static void shift_left(mp_limb_t *r, const mp_limb_t *a, size_t limbs, unsigned shift)
{
    for (size_t i = limbs; i-- > 0;)
        r[i] = a[i] << shift | (i ? a[i - 1] >> 1 >> (63 - shift) : 0);
}

static void shift_right(mp_limb_t *r, const mp_limb_t *a, size_t limbs, unsigned shift)
{
    for (size_t i = 0; i < limbs; i++)
        r[i] = a[i] >> shift | (i + 1 < limbs ? a[i + 1] << 1 << (63 - shift) : 0);
}

/* Knuth's algorithm D. mpn_sec_div_qr looks a reciprocal up by the divisor's highest bits, which are secret here. */
mpcw_status limbs_divide(mp_limb_t *q, mp_limb_t *x, size_t x_limbs, const mp_limb_t *n, size_t n_limbs)
{
    for (; n_limbs > 1; n_limbs--) {
        uint64_t zero = limbs_is_zero(n + n_limbs - 1, 1);
        /* how many limbs a modulus takes is public */
        ct_declassify(&zero, sizeof zero);
        if (!zero)
            break;
    }
    mp_limb_t *u = secret_alloc((x_limbs + 1 + n_limbs) * sizeof *u);
    if (!u)
        return MPCW_E_MEMORY;
    mp_limb_t *d = u + x_limbs + 1;
    const unsigned shift = (unsigned)__builtin_clzll(n[n_limbs - 1]);
    shift_left(d, n, n_limbs, shift);
    memcpy(u, x, x_limbs * sizeof *u);
    shift_left(u, u, x_limbs + 1, shift);
    for (size_t j = x_limbs - n_limbs + 1; j-- > 0;) {
        mp_limb_t *top = u + j + n_limbs;
        mp_limb_t digit = divide_two(top[0], top[-1], d[n_limbs - 1]);
        top[0] -= mpn_submul_1(u + j, d, (mp_size_t)n_limbs, digit);
        /* the estimate is at most 2 too large */
        for (int i = 0; i < 2; i++) {
            const uint64_t below = ct_mask_nonzero(top[0]);
            top[0] += mpn_cnd_add_n(below, u + j, u + j, d, (mp_size_t)n_limbs);
            digit += below;
        }
        if (q)
            q[j] = digit;
    }
    memset(x, 0, x_limbs * sizeof *x);
    shift_right(x, u, n_limbs, shift);
    secret_free(u);
    return MPCW_OK;
}
