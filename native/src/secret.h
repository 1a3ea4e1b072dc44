/* Internal face of the secret memory: see include/mpcw/secret.h. */
#ifndef MPCW_SRC_SECRET_H
#define MPCW_SRC_SECRET_H

#include "mpcw/secret.h"

struct mpcw_secret {
    mpcw_kind kind;
    size_t count;
    size_t size;         /* bytes of one item; a multiple of 8 for INT and RESIDUE */
    uint64_t generation; /* fork generation at creation */
    uint8_t *data;       /* count * size bytes from secret_alloc */
};

/* size zeroed bytes of locked memory, 64-byte aligned; NULL when there are none. Scratch of secret
 * computations comes from here too. */
void *secret_alloc(size_t size);
/* Zeroes and gives back; NULL is allowed, and so is in a forked child what the parent allocated. */
void secret_free(void *p);
/* Fork generation of this process: 0, then one more in every forked child. */
uint64_t secret_generation(void);

/* New zeroed secret. */
mpcw_status secret_new(mpcw_secret **out, mpcw_kind kind, size_t count, size_t size);
/* MPCW_OK when the secret is of this process, kind, count and size; a count or size of 0 matches any. */
mpcw_status secret_expect(const mpcw_secret *s, mpcw_kind kind, size_t count, size_t size);

#endif
