#include <stdlib.h>

#include "ct.h"
#include "mpcw/secret.h"

/* More blocks of a size than glibc keeps at hand for a thread (7), and than a call leaves behind. */
enum { LARGEST = 2048, STEP = 16, BLOCKS = 16, STACK = 1 << 16 };

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
    scrub_heap();
    scrub_stack();
    return MPCW_OK;
}
