#include <stdlib.h>

#include "ct.h"
#include "mpcw/secret.h"

/* More blocks of a size than glibc keeps at hand for a thread (7), and than a call leaves behind. */
enum { LARGEST = 2048, STEP = 16, BLOCKS = 16, STACK = 1 << 16 };

/* Ciphers leave round keys in vector registers, which the dynamic linker stores on the stack when it next resolves a name. */
static void scrub_registers(void)
{
#if defined(__x86_64__)
#define CLEAR(r) "vpxorq %%zmm" #r ", %%zmm" #r ", %%zmm" #r "\n\t"
    /* code compiled without AVX-512 has nothing of its own in zmm16 and up */
    if (__builtin_cpu_supports("avx512f"))
        __asm__ volatile(CLEAR(16) CLEAR(17) CLEAR(18) CLEAR(19) CLEAR(20) CLEAR(21) CLEAR(22) CLEAR(23) CLEAR(24) CLEAR(25)
                             CLEAR(26) CLEAR(27) CLEAR(28) CLEAR(29) CLEAR(30) CLEAR(31)::);
    if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroall" ::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                               "xmm12", "xmm13", "xmm14", "xmm15");
#undef CLEAR
#endif
}

static void scrub_heap(void)
{
    /* 24, 40, ... bytes fill glibc's blocks to the last byte */
    for (size_t size = 24; size <= LARGEST; size += STEP) {
        void *blocks[BLOCKS];
        size_t n = 0;
        while (n < BLOCKS && (blocks[n] = malloc(size)) != NULL)
            ct_cleanse(blocks[n++], size);
        while (n > 0)
            free(blocks[--n]);
    }
}

static __attribute__((noinline)) void scrub_stack(void)
{
    uint8_t below[STACK];

    ct_cleanse(below, sizeof below);
}

mpcw_status mpcw_scrub(void)
{
    scrub_registers();
    scrub_heap();
    scrub_stack();
    return MPCW_OK;
}
