/* Marks on memory that nobody may touch, for AddressSanitizer, which does not know the arena; nothing in other builds. */
#ifndef MPCW_SRC_POISON_H
#define MPCW_SRC_POISON_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

static inline void poison(const void *p, size_t len)
{
#ifdef __SANITIZE_ADDRESS__
    __asan_poison_memory_region(p, len);
#else
    (void)p;
    (void)len;
#endif
}

static inline void unpoison(const void *p, size_t len)
{
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(p, len);
#else
    (void)p;
    (void)len;
#endif
}

#endif
