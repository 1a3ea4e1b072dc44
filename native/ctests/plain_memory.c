/* Stands for src/secret_memory.c in programs that look for memory errors: every block is one of malloc's, so that
 * AddressSanitizer and valgrind know where it ends. */
#include <stdlib.h>
#include <string.h>

#include "secret.h"

void *secret_alloc(size_t size)
{
    void *block = NULL;
    if (posix_memalign(&block, 64, size ? size : 1) != 0)
        return NULL;
    return memset(block, 0, size);
}

void secret_free(void *p)
{
    free(p);
}

uint64_t secret_generation(void)
{
    return 0;
}

mpcw_status mpcw_secret_usage(size_t *used, size_t *mapped)
{
    *used = 0;
    *mapped = 0;
    return MPCW_OK;
}
