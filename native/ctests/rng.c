#include "rng.h"

#include <string.h>

#include "check.h"

enum { STREAM = 5000 };

static mpcw_secret *seed_of(uint8_t byte)
{
    uint8_t bytes[32];
    mpcw_secret *seed;

    memset(bytes, byte, sizeof bytes);
    CHECK(mpcw_secret_import(&seed, MPCW_KIND_SEED, bytes, sizeof bytes, 1) == MPCW_OK);
    return seed;
}

static void draw(uint8_t *out, size_t len, const mpcw_secret *seed, const char *label)
{
    rng r;

    CHECK(rng_open(&r, seed, label) == MPCW_OK);
    rng_bytes(&r, out, len);
    rng_close(&r);
}

static void stream_does_not_depend_on_the_sizes_of_the_draws(void)
{
    uint8_t whole[STREAM], parts[STREAM];
    mpcw_secret *seed = seed_of(7);
    rng r;

    draw(whole, STREAM, seed, "parts");
    CHECK(rng_open(&r, seed, "parts") == MPCW_OK);
    for (size_t at = 0, part = 0; at < STREAM; at += part, part = part * 3 + 1) {
        if (part > STREAM - at)
            part = STREAM - at;
        rng_bytes(&r, parts + at, part);
    }
    rng_close(&r);
    CHECK(memcmp(whole, parts, STREAM) == 0);
    mpcw_secret_free(seed);
}

static void stream_is_the_blocks_in_order(void)
{
    uint8_t whole[STREAM], block[64];
    mpcw_secret *seed = seed_of(7);
    rng r;

    draw(whole, STREAM, seed, "order");
    for (size_t k = 0; k < STREAM / sizeof block; k++) {
        CHECK(rng_open(&r, seed, "order") == MPCW_OK);
        r.block = k;
        rng_bytes(&r, block, sizeof block);
        CHECK(memcmp(whole + k * sizeof block, block, sizeof block) == 0);
    }
    mpcw_secret_free(seed);
}

static void label_and_seed_each_change_the_stream(void)
{
    uint8_t a[64], b[64];
    mpcw_secret *seed = seed_of(7), *other = seed_of(8);

    draw(a, sizeof a, seed, "one");
    draw(b, sizeof b, seed, "one");
    CHECK(memcmp(a, b, sizeof a) == 0);
    draw(b, sizeof b, seed, "two");
    CHECK(memcmp(a, b, sizeof a) != 0);
    draw(b, sizeof b, other, "one");
    CHECK(memcmp(a, b, sizeof a) != 0);
    draw(a, sizeof a, NULL, "one");
    draw(b, sizeof b, NULL, "one");
    CHECK(memcmp(a, b, sizeof a) != 0);
    mpcw_secret_free(seed);
    mpcw_secret_free(other);
}

static void stream_goes_on_under_another_nonce_after_2_to_the_32_blocks(void)
{
    uint8_t crossing[128], under_next_nonce[64];
    mpcw_secret *seed = seed_of(9);
    rng r;

    CHECK(rng_open(&r, seed, "") == MPCW_OK);
    r.block = UINT32_MAX;
    rng_bytes(&r, crossing, sizeof crossing);
    draw(under_next_nonce, sizeof under_next_nonce, seed, "\1");
    CHECK(memcmp(crossing + 64, under_next_nonce, 64) == 0);
    mpcw_secret_free(seed);
}

static void wrong_seed_or_label_is_refused_and_leaves_zeros(void)
{
    static const rng zero;
    uint8_t bytes[64] = {1};
    mpcw_secret *ints, *seed = seed_of(1);
    rng r;

    CHECK(mpcw_secret_import(&ints, MPCW_KIND_INT, bytes, 32, 1) == MPCW_OK);
    CHECK(rng_open(&r, ints, "kind") == MPCW_E_KIND);
    CHECK(memcmp(&r, &zero, sizeof r) == 0);
    CHECK(rng_open(&r, seed, "thirteenbytes") == MPCW_E_LENGTH);
    CHECK(memcmp(&r, &zero, sizeof r) == 0);
    CHECK(rng_open(&r, seed, "twelve-bytes") == MPCW_OK);
    rng_close(&r);
    CHECK(memcmp(&r, &zero, sizeof r) == 0);
    mpcw_secret_free(ints);
    mpcw_secret_free(seed);
}

int main(void)
{
    stream_does_not_depend_on_the_sizes_of_the_draws();
    stream_is_the_blocks_in_order();
    label_and_seed_each_change_the_stream();
    stream_goes_on_under_another_nonce_after_2_to_the_32_blocks();
    wrong_seed_or_label_is_refused_and_leaves_zeros();
    return 0;
}
