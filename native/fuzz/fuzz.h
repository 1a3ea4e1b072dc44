/* Fuzz targets: LLVMFuzzerTestOneInput reads its arguments from the input, calls, and CHECKs what must hold of the answer. */
#ifndef MPCW_FUZZ_FUZZ_H
#define MPCW_FUZZ_FUZZ_H

#include <string.h>

#include "check.h"
#include "mpcw/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of an input. */
typedef struct input {
    const uint8_t *data;
    size_t size;
} input;

/* The next byte, 0 behind the end. */
static inline uint8_t next_byte(input *in)
{
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++;
}

/* The next len bytes, zeros behind the end, in a block of exactly this length, where the sanitizer sees every overrun. */
static inline uint8_t *next_bytes(input *in, size_t len)
{
    const size_t there = len < in->size ? len : in->size;
    uint8_t *bytes = calloc(len ? len : 1, 1);

    CHECK(bytes);
    if (there)
        memcpy(bytes, in->data, there);
    in->data += there;
    in->size -= there;
    if (len == 0) {
        free(bytes);
        bytes = malloc(0);
    }
    return bytes;
}

/* Add the input's bytes to those of a proof: three bytes are a place and what to add there. */
static inline void change(uint8_t *proof, size_t size, input *in)
{
    while (in->size > 0) {
        const size_t place = 256 * (size_t)next_byte(in) + next_byte(in);
        proof[place % size] = (uint8_t)(proof[place % size] + next_byte(in));
    }
}

#endif
