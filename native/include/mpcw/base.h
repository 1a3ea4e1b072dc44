#ifndef MPCW_BASE_H
#define MPCW_BASE_H

#include <stddef.h>
#include <stdint.h>

/* Conventions of the whole library.
 *
 * - Every function returns mpcw_status; outputs are zeroed when it is not MPCW_OK. Nothing aborts or prints.
 * - Arguments: outputs first, then handles, then inputs; a length follows its array.
 * - Numbers cross the boundary as fixed-width big-endian bytes; n items stand one after the other.
 * - A name ending in _var may run in variable time in all of its arguments, which must then be public.
 * - Handles are immutable after creation and may be used from several threads; one-shot states say so.
 * - Arguments marked secret are handled in constant time. */

typedef enum mpcw_status {
    MPCW_OK = 0,
    MPCW_REJECTED = 1,      /* a signature, proof or equation does not hold */
    MPCW_E_LENGTH = -1,     /* a buffer length or an item count is wrong */
    MPCW_E_RANGE = -2,      /* a value is outside its range */
    MPCW_E_MODULUS = -3,    /* a modulus is even, too small, too large or not of the required form */
    MPCW_E_NOT_UNIT = -4,   /* a value shares a factor with the modulus */
    MPCW_E_POINT = -5,      /* a point encoding is malformed, off the curve or infinity */
    MPCW_E_USED = -6,       /* a one-shot secret state was used before */
    MPCW_E_MEMORY = -7,     /* out of memory, or the pages could not be locked */
    MPCW_E_FORKED = -8,     /* a secret made before fork() was used in the child */
    MPCW_E_ENTROPY = -9,    /* the operating system gave no random bytes */
    MPCW_E_KIND = -10,      /* a handle is of another kind than the function wants */
    MPCW_E_CANCELLED = -11, /* the caller cancelled */
    MPCW_E_FAULT = -12,     /* a self-check failed: the result was not released */
    MPCW_E_UNREADY = -13    /* the function table of libsecp256k1 is not loaded */
} mpcw_status;

/* Items behind each other with their length in all. */
typedef struct mpcw_bytes {
    const uint8_t *data;
    size_t len;
} mpcw_bytes;

/* Room for items. */
typedef struct mpcw_buffer {
    uint8_t *data;
    size_t len;
} mpcw_buffer;

/* Arithmetic path in use: GMP's mpn functions; mulx, adcx and adox; these and four lanes of AVX2 with FMA, or of AVX-512
 * IFMA. */
typedef enum mpcw_path {
    MPCW_PATH_PORTABLE = 0,
    MPCW_PATH_ADX = 1,
    MPCW_PATH_AVX2 = 2,
    MPCW_PATH_IFMA = 3
} mpcw_path;

mpcw_path mpcw_path_in_use(void);

#endif
