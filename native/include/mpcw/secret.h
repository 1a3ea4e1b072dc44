#ifndef MPCW_SECRET_H
#define MPCW_SECRET_H

#include "mpcw/base.h"

/* Secrets: count items of size bytes each, in locked, undumpable, fork-wiped memory between guard pages.
 * Freed memory is zeroed. A child process gets MPCW_E_FORKED for every secret made before fork(). */
typedef struct mpcw_secret mpcw_secret;

typedef enum mpcw_kind {
    MPCW_KIND_SCALAR = 1, /* integer in [0, n), n the order of secp256k1; 32 bytes big-endian */
    MPCW_KIND_INT = 2,    /* signed integer, two's complement, little-endian 64-bit limbs */
    MPCW_KIND_RESIDUE = 3, /* integer in [0, N), little-endian 64-bit limbs */
    MPCW_KIND_SEED = 4,   /* 32 bytes that key the expansion of a call's randomness */
    MPCW_KIND_BYTES = 5   /* opaque: one item of 1 to 2^20 bytes */
} mpcw_kind;

/* Fresh 32-byte seed from getrandom. */
mpcw_status mpcw_seed_new(mpcw_secret **out);

/* Take count items from big-endian bytes (two's complement for MPCW_KIND_INT). Clears nothing: the caller
 * owns the bytes. MPCW_E_RANGE for a scalar not below n. */
mpcw_status mpcw_secret_import(mpcw_secret **out, mpcw_kind kind, const uint8_t *bytes, size_t bytes_len,
                               size_t count);

/* The only way out: count items as big-endian bytes, bytes_len = count * size. */
mpcw_status mpcw_secret_declassify(uint8_t *bytes, size_t bytes_len, const mpcw_secret *secret);

/* Copy of items start .. start + count - 1. */
mpcw_status mpcw_secret_slice(mpcw_secret **out, const mpcw_secret *secret, size_t start, size_t count);

/* One secret with the items of all parts, which must be of one kind and size. */
mpcw_status mpcw_secret_concat(mpcw_secret **out, const mpcw_secret *const *parts, size_t parts_len);

/* The items big-endian, as mpcw_secret_declassify gives them, but as MPCW_KIND_BYTES. */
mpcw_status mpcw_secret_encode(mpcw_secret **out, const mpcw_secret *secret);

/* Take count items from MPCW_KIND_BYTES, as mpcw_secret_import does. */
mpcw_status mpcw_secret_decode(mpcw_secret **out, mpcw_kind kind, const mpcw_secret *bytes, size_t count);

/* len zero bytes, MPCW_KIND_BYTES, to be written at mpcw_bytes_data before anybody else has the handle. */
mpcw_status mpcw_bytes_new(mpcw_secret **out, size_t len);

/* Where the bytes of MPCW_KIND_BYTES stand, in locked memory, until the secret is freed. For code outside this library,
 * such as a cipher, that reads or writes them in place. */
mpcw_status mpcw_bytes_data(uint8_t **data, const mpcw_secret *bytes);

mpcw_status mpcw_secret_info(mpcw_kind *kind, size_t *count, size_t *size, const mpcw_secret *secret);

/* Zeroes and releases; NULL is allowed. */
void mpcw_secret_free(mpcw_secret *secret);

/* Bytes of locked memory in use and mapped. */
mpcw_status mpcw_secret_usage(size_t *used, size_t *mapped);

/* Overwrite the vector registers (of x86-64), 64 KiB of stack below the caller, and the freed blocks of up to 2 KiB that malloc
 * would hand to this thread next: for after a call into a library that leaves copies of secrets there. Best effort. */
mpcw_status mpcw_scrub(void);

/* Fill with bytes from getrandom; for public values such as session identifiers. */
mpcw_status mpcw_random_public(uint8_t *out, size_t out_len);

#endif
