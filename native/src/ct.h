/* Constant-time building blocks. */
#ifndef MPCW_SRC_CT_H
#define MPCW_SRC_CT_H

#include <stddef.h>
#include <stdint.h>

/* Zero memory in a way that the compiler keeps. */
void ct_cleanse(void *p, size_t len);

/* Hide a value's origin from the optimiser, so that a mask does not become a branch again. */
static inline uint64_t ct_value_barrier(uint64_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

/* All ones when x != 0, else 0. */
static inline uint64_t ct_mask_nonzero(uint64_t x)
{
    /* the barrier stands behind the last step: a mask known to be 0 or all ones becomes a choice of addresses (clang -O1) */
    return (uint64_t)0 - ct_value_barrier((x | ((uint64_t)0 - x)) >> 63);
}

/* All ones when bit is 1; bit must be 0 or 1. */
static inline uint64_t ct_mask_bit(uint64_t bit)
{
    return (uint64_t)0 - ct_value_barrier(bit);
}

static inline uint64_t ct_select(uint64_t mask, uint64_t if_ones, uint64_t if_zero)
{
    return if_zero ^ (mask & (if_ones ^ if_zero));
}

/* Set by the constant-time tests only: told of every value that the protocol makes public on purpose. */
extern void (*ct_declassify_hook)(const void *p, size_t len);

/* Mark a value as public from here on. Every use is a point to review: say above it why. */
static inline void ct_declassify(const void *p, size_t len)
{
    if (ct_declassify_hook)
        ct_declassify_hook(p, len);
}

#endif
