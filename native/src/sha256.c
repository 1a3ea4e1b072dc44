#include "sha256.h"

#include <string.h>

#include "ct.h"

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

/* One round; the caller renames the registers instead of moving them. */
static inline __attribute__((always_inline)) void step(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e,
                                                       uint32_t f, uint32_t g, uint32_t *h, uint32_t input)
{
    uint32_t t = *h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + input;

    *d += t;
    *h = t + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
}

static void compress(uint32_t state[8], const uint8_t block[64])
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    uint32_t w[64];

    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t low = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t high = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + low + w[i - 7] + high;
    }
    for (int i = 0; i < 64; i += 8) {
        step(a, b, c, &d, e, f, g, &h, ROUND[i] + w[i]);
        step(h, a, b, &c, d, e, f, &g, ROUND[i + 1] + w[i + 1]);
        step(g, h, a, &b, c, d, e, &f, ROUND[i + 2] + w[i + 2]);
        step(f, g, h, &a, b, c, d, &e, ROUND[i + 3] + w[i + 3]);
        step(e, f, g, &h, a, b, c, &d, ROUND[i + 4] + w[i + 4]);
        step(d, e, f, &g, h, a, b, &c, ROUND[i + 5] + w[i + 5]);
        step(c, d, e, &f, g, h, a, &b, ROUND[i + 6] + w[i + 6]);
        step(b, c, d, &e, f, g, h, &a, ROUND[i + 7] + w[i + 7]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
    ct_cleanse(w, sizeof w);
}

void sha256_open(sha256 *h)
{
    static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memset(h, 0, sizeof *h);
    memcpy(h->state, START, sizeof START);
}

void sha256_open_tagged(sha256 *h, const uint8_t *tag, size_t tag_len)
{
    uint8_t hash[32];

    sha256_open(h);
    sha256_add(h, tag, tag_len);
    sha256_close(h, hash);
    sha256_open(h);
    sha256_add(h, hash, sizeof hash);
    sha256_add(h, hash, sizeof hash);
}

void sha256_add(sha256 *h, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t at = (size_t)(h->len % 64), room = 64 - at, now = len < room ? len : room;
        memcpy(h->block + at, bytes, now);
        h->len += now;
        bytes += now;
        len -= now;
        if (now == room)
            compress(h->state, h->block);
    }
}

void sha256_close(sha256 *h, uint8_t out32[32])
{
    static const uint8_t PADDING[64] = {0x80};
    uint64_t bits = 8 * h->len;
    uint8_t length[8];

    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(h, PADDING, 1 + (119 - (size_t)(h->len % 64)) % 64);
    sha256_add(h, length, sizeof length);
    for (int i = 0; i < 32; i++)
        out32[i] = (uint8_t)(h->state[i / 4] >> (24 - 8 * (i % 4)));
    ct_cleanse(h, sizeof *h);
}
