#include "rng.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "ct.h"

enum { KEY_SIZE = 32, LABEL_SIZE = 12, BLOCK = 64, LANES = 8 };

mpcw_status rng_system(void *out, size_t len)
{
    uint8_t *at = out;
    size_t left = len;

    while (left > 0) {
        ssize_t got = getrandom(at, left, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            ct_cleanse(out, len);
            return MPCW_E_ENTROPY;
        }
        at += got;
        left -= (size_t)got;
    }
    return MPCW_OK;
}

mpcw_status mpcw_random_public(uint8_t *out, size_t out_len)
{
    return rng_system(out, out_len);
}

static uint32_t load_le32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void store_le32(uint8_t *bytes, uint32_t x)
{
    for (int i = 0; i < 4; i++, x >>= 8)
        bytes[i] = (uint8_t)x;
}

mpcw_status rng_open(rng *r, const mpcw_secret *seed, const char *label)
{
    size_t label_len = strlen(label);
    uint8_t key[KEY_SIZE] = {0}, nonce[LABEL_SIZE] = {0};
    mpcw_status status = MPCW_OK;

    memset(r, 0, sizeof *r);
    if (label_len > LABEL_SIZE)
        return MPCW_E_LENGTH;
    memcpy(nonce, label, label_len);

    if (seed) {
        status = secret_expect(seed, MPCW_KIND_SEED, 1, KEY_SIZE);
        if (status == MPCW_OK)
            memcpy(key, seed->data, KEY_SIZE);
    } else {
        status = rng_system(key, KEY_SIZE);
    }
    if (status == MPCW_OK) {
        for (int i = 0; i < 8; i++)
            r->key[i] = load_le32(key + 4 * i);
        for (int i = 0; i < 3; i++)
            r->nonce[i] = load_le32(nonce + 4 * i);
        r->used = sizeof r->buffer;
    }
    ct_cleanse(key, sizeof key);
    return status;
}

/* One word of the state in each of LANES consecutive blocks: the compiler turns the loops into vectors. */
typedef uint32_t lanes[LANES];

static void add_xor_rotate(uint32_t *a, const uint32_t *b, uint32_t *d, int left)
{
    for (int j = 0; j < LANES; j++) {
        uint32_t x;
        a[j] += b[j];
        x = d[j] ^ a[j];
        d[j] = x << left | x >> (32 - left);
    }
}

/* RFC 8439, section 2.1 */
static void quarter_round(lanes *x, int a, int b, int c, int d)
{
    add_xor_rotate(x[a], x[b], x[d], 16);
    add_xor_rotate(x[c], x[d], x[b], 12);
    add_xor_rotate(x[a], x[b], x[d], 8);
    add_xor_rotate(x[c], x[d], x[b], 7);
}

/* RFC 8439, section 2.3, for LANES blocks. A stream longer than the RFC's 2^32 blocks goes on under a nonce that
 * the high half of the block number changes. */
static void refill(rng *r)
{
    lanes start[16], x[16];

    for (int j = 0; j < LANES; j++) {
        uint64_t block = r->block + (uint64_t)j;
        /* "expand 32-byte k" */
        start[0][j] = 0x61707865;
        start[1][j] = 0x3320646e;
        start[2][j] = 0x79622d32;
        start[3][j] = 0x6b206574;
        for (int i = 0; i < 8; i++)
            start[4 + i][j] = r->key[i];
        start[12][j] = (uint32_t)block;
        start[13][j] = r->nonce[0] ^ (uint32_t)(block >> 32);
        start[14][j] = r->nonce[1];
        start[15][j] = r->nonce[2];
    }
    memcpy(x, start, sizeof x);
    for (int round = 0; round < 20; round += 2) {
        for (int i = 0; i < 4; i++)
            quarter_round(x, i, 4 + i, 8 + i, 12 + i);
        for (int i = 0; i < 4; i++)
            quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (int j = 0; j < LANES; j++)
        for (int i = 0; i < 16; i++)
            store_le32(r->buffer + BLOCK * j + 4 * i, x[i][j] + start[i][j]);
    r->block += LANES;
    r->used = 0;
    ct_cleanse(start, sizeof start);
    ct_cleanse(x, sizeof x);
}

void rng_bytes(rng *r, void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) {
        if (r->used == sizeof r->buffer)
            refill(r);
        size_t part = sizeof r->buffer - r->used;
        if (part > len)
            part = len;
        memcpy(at, r->buffer + r->used, part);
        r->used += part;
        at += part;
        len -= part;
    }
}

void rng_close(rng *r)
{
    ct_cleanse(r, sizeof *r);
}
