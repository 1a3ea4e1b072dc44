#include "secret.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static const uint8_t ORDER[32] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
};

static void stored_form_is_that_of_the_header(void)
{
    uint8_t bytes[32];
    uint64_t limb;
    mpcw_secret *s;

    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(i + 1);
    CHECK(mpcw_secret_import(&s, MPCW_KIND_SCALAR, bytes, 32, 1) == MPCW_OK);
    CHECK(memcmp(s->data, bytes, 32) == 0);
    mpcw_secret_free(s);
    CHECK(mpcw_secret_import(&s, MPCW_KIND_INT, bytes, 32, 2) == MPCW_OK);
    CHECK(s->count == 2 && s->size == 16);
    memcpy(&limb, s->data, 8);
    CHECK(limb == 0x090a0b0c0d0e0f10);
    memcpy(&limb, s->data + 8, 8);
    CHECK(limb == 0x0102030405060708);
    memcpy(&limb, s->data + 24, 8);
    CHECK(limb == 0x1112131415161718);
    mpcw_secret_free(s);
}

static void scalar_is_taken_below_the_order_only(void)
{
    uint8_t bytes[64] = {0};
    mpcw_secret *s;

    for (int at = 0; at < 64; at += 32) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes + at, ORDER, 32);
        CHECK(mpcw_secret_import(&s, MPCW_KIND_SCALAR, bytes, 64, 2) == MPCW_E_RANGE && s == NULL);
        /* one below the order, in every byte; and one above */
        for (int i = 0; i < 32; i++) {
            memcpy(bytes + at, ORDER, 32);
            bytes[at + i]--;
            CHECK(mpcw_secret_import(&s, MPCW_KIND_SCALAR, bytes, 64, 2) == MPCW_OK);
            mpcw_secret_free(s);
            memcpy(bytes + at, ORDER, 32);
            if (ORDER[i] == 0xff)
                continue;
            bytes[at + i]++;
            CHECK(mpcw_secret_import(&s, MPCW_KIND_SCALAR, bytes, 64, 2) == MPCW_E_RANGE && s == NULL);
        }
    }
}

static void limits_hold_and_products_do_not_overflow(void)
{
    mpcw_secret *s;

    CHECK(secret_new(&s, MPCW_KIND_INT, 1, 4096) == MPCW_OK);
    mpcw_secret_free(s);
    CHECK(secret_new(&s, MPCW_KIND_INT, 1, 4104) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_INT, ((size_t)1 << 20) + 1, 8) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_INT, (size_t)1 << 61, 8) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_INT, 0, 8) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_INT, 1, 0) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_INT, 1, 12) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_SCALAR, 1, 40) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_SEED, 2, 32) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_BYTES, 1, (size_t)1 << 20) == MPCW_OK);
    mpcw_secret_free(s);
    CHECK(secret_new(&s, MPCW_KIND_BYTES, 1, ((size_t)1 << 20) + 1) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_BYTES, 2, 1) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, MPCW_KIND_BYTES, 1, 0) == MPCW_E_LENGTH && s == NULL);
    CHECK(secret_new(&s, (mpcw_kind)6, 1, 32) == MPCW_E_KIND && s == NULL);
    CHECK(secret_new(&s, (mpcw_kind)0, 1, 32) == MPCW_E_KIND && s == NULL);
    CHECK(secret_alloc(SIZE_MAX) == NULL);
}

static void bytes_are_the_encoding_of_every_kind(void)
{
    static const mpcw_kind kinds[] = {MPCW_KIND_SCALAR, MPCW_KIND_INT, MPCW_KIND_RESIDUE, MPCW_KIND_SEED, MPCW_KIND_BYTES};
    uint8_t bytes[32], again[32], *data;
    mpcw_secret *s, *encoded, *decoded;

    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(i + 1);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        CHECK(mpcw_secret_import(&s, kinds[k], bytes, 32, 1) == MPCW_OK);
        CHECK(mpcw_secret_encode(&encoded, s) == MPCW_OK && encoded->kind == MPCW_KIND_BYTES);
        CHECK(mpcw_bytes_data(&data, encoded) == MPCW_OK && data == encoded->data);
        CHECK(memcmp(data, bytes, 32) == 0);
        CHECK(mpcw_secret_decode(&decoded, kinds[k], encoded, 1) == MPCW_OK && decoded->kind == kinds[k]);
        CHECK(mpcw_secret_declassify(again, 32, decoded) == MPCW_OK && memcmp(again, bytes, 32) == 0);
        mpcw_secret_free(s);
        mpcw_secret_free(encoded);
        mpcw_secret_free(decoded);
    }
}

static void bytes_are_decoded_to_what_fits_only(void)
{
    mpcw_secret *bytes, *seed, *out = NULL;
    uint8_t *data;

    CHECK(mpcw_bytes_new(&bytes, 64) == MPCW_OK && bytes->count == 1 && bytes->size == 64);
    for (int i = 0; i < 64; i++)
        CHECK(bytes->data[i] == 0);
    memcpy(bytes->data + 32, ORDER, 32);
    CHECK(mpcw_secret_decode(&out, MPCW_KIND_SCALAR, bytes, 2) == MPCW_E_RANGE && out == NULL);
    bytes->data[63]--;
    CHECK(mpcw_secret_decode(&out, MPCW_KIND_SCALAR, bytes, 2) == MPCW_OK && out->count == 2);
    mpcw_secret_free(out);
    CHECK(mpcw_secret_decode(&out, MPCW_KIND_SCALAR, bytes, 1) == MPCW_E_LENGTH && out == NULL);
    CHECK(mpcw_secret_decode(&out, MPCW_KIND_SEED, bytes, 2) == MPCW_E_LENGTH && out == NULL);
    CHECK(mpcw_secret_decode(&out, MPCW_KIND_INT, bytes, 3) == MPCW_E_LENGTH && out == NULL);
    CHECK(mpcw_secret_decode(&out, MPCW_KIND_INT, bytes, 0) == MPCW_E_LENGTH && out == NULL);
    CHECK(mpcw_secret_decode(&out, (mpcw_kind)6, bytes, 1) == MPCW_E_KIND && out == NULL);
    CHECK(mpcw_bytes_new(&out, 0) == MPCW_E_LENGTH && out == NULL);

    CHECK(mpcw_seed_new(&seed) == MPCW_OK);
    CHECK(mpcw_secret_decode(&out, MPCW_KIND_SEED, seed, 1) == MPCW_E_KIND && out == NULL);
    data = seed->data;
    CHECK(mpcw_bytes_data(&data, seed) == MPCW_E_KIND && data == NULL);
    mpcw_secret_free(seed);
    mpcw_secret_free(bytes);
}

static void freed_blocks_are_overwritten(void)
{
#ifndef __SANITIZE_ADDRESS__ /* which keeps freed blocks, and nobody from looking into them */
    for (size_t size = 24; size < 1000; size += 48) {
        uint8_t *block = malloc(size);
        const uintptr_t place = (uintptr_t)block;
        CHECK(block);
        memset(block, 0x5a, size);
        free(block);
        CHECK(mpcw_scrub() == MPCW_OK);
        /* malloc may have written there since, but not this */
        for (size_t i = 0, run = 0; i < size; i++) {
            run = ((const volatile uint8_t *)place)[i] == 0x5a ? run + 1 : 0;
            CHECK(run < 4);
        }
    }
#endif
}

static void expectations_are_checked(void)
{
    mpcw_secret *s;

    CHECK(secret_new(&s, MPCW_KIND_RESIDUE, 3, 16) == MPCW_OK);
    CHECK(secret_expect(s, MPCW_KIND_RESIDUE, 3, 16) == MPCW_OK);
    CHECK(secret_expect(s, MPCW_KIND_RESIDUE, 0, 0) == MPCW_OK);
    CHECK(secret_expect(s, MPCW_KIND_RESIDUE, 2, 16) == MPCW_E_LENGTH);
    CHECK(secret_expect(s, MPCW_KIND_RESIDUE, 3, 8) == MPCW_E_LENGTH);
    CHECK(secret_expect(s, MPCW_KIND_INT, 3, 16) == MPCW_E_KIND);
    CHECK(secret_expect(NULL, MPCW_KIND_INT, 0, 0) == MPCW_E_KIND);
    mpcw_secret_free(s);
}

static void every_entry_refuses_a_missing_handle_and_zeroes_its_outputs(void)
{
    uint8_t bytes[4] = {1, 1, 1, 1};
    const mpcw_secret *none = NULL;
    mpcw_kind kind = MPCW_KIND_INT;
    size_t count = 1, size = 1;
    mpcw_secret *s = (mpcw_secret *)bytes;

    CHECK(mpcw_secret_declassify(bytes, 4, NULL) == MPCW_E_KIND && !bytes[0] && !bytes[3]);
    CHECK(mpcw_secret_info(&kind, &count, &size, NULL) == MPCW_E_KIND && kind == 0 && count == 0 && size == 0);
    CHECK(mpcw_secret_slice(&s, NULL, 0, 1) == MPCW_E_KIND && s == NULL);
    CHECK(mpcw_secret_concat(&s, &none, 1) == MPCW_E_KIND && s == NULL);
    CHECK(mpcw_secret_concat(&s, &none, 0) == MPCW_E_LENGTH && s == NULL);
    CHECK(mpcw_secret_encode(&s, NULL) == MPCW_E_KIND && s == NULL);
    CHECK(mpcw_secret_decode(&s, MPCW_KIND_SEED, NULL, 1) == MPCW_E_KIND && s == NULL);
    mpcw_secret_free(NULL);
    secret_free(NULL);
}

static int refused_in_child(mpcw_secret *s)
{
    uint8_t bytes[32] = {1}, *data = bytes;
    const mpcw_secret *parts[1] = {s};
    mpcw_kind kind;
    size_t count, size;
    mpcw_secret *out;

    CHECK(mpcw_secret_declassify(bytes, 32, s) == MPCW_E_FORKED && bytes[0] == 0);
    CHECK(mpcw_secret_info(&kind, &count, &size, s) == MPCW_E_FORKED && count == 0);
    CHECK(mpcw_secret_slice(&out, s, 0, 1) == MPCW_E_FORKED && out == NULL);
    CHECK(mpcw_secret_concat(&out, parts, 1) == MPCW_E_FORKED && out == NULL);
    CHECK(mpcw_secret_encode(&out, s) == MPCW_E_FORKED && out == NULL);
    CHECK(mpcw_secret_decode(&out, MPCW_KIND_SEED, s, 1) == MPCW_E_FORKED && out == NULL);
    CHECK(mpcw_bytes_data(&data, s) == MPCW_E_FORKED && data == NULL);
    CHECK(secret_expect(s, MPCW_KIND_SEED, 1, 32) == MPCW_E_FORKED);
    for (int i = 0; i < 32; i++)
        CHECK(s->data[i] == 0);
    mpcw_secret_free(s);
    return 0;
}

static void child_is_refused_at_every_entry_and_grandchild_too(void)
{
    uint8_t before[32], after[32];
    mpcw_secret *s;
    pid_t child;
    int status;

    CHECK(mpcw_seed_new(&s) == MPCW_OK);
    CHECK(mpcw_secret_declassify(before, 32, s) == MPCW_OK);
    child = fork();
    if (child == 0) {
        mpcw_secret *own;
        CHECK(secret_generation() == 1);
        CHECK(mpcw_seed_new(&own) == MPCW_OK);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            CHECK(secret_generation() == 2);
            refused_in_child(own);
            _exit(refused_in_child(s));
        }
        CHECK(waitpid(grandchild, &status, 0) == grandchild && status == 0);
        CHECK(mpcw_secret_declassify(after, 32, own) == MPCW_OK);
        mpcw_secret_free(own);
        _exit(refused_in_child(s));
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(mpcw_secret_declassify(after, 32, s) == MPCW_OK);
    CHECK(memcmp(before, after, 32) == 0);
    mpcw_secret_free(s);
}

int main(void)
{
    stored_form_is_that_of_the_header();
    scalar_is_taken_below_the_order_only();
    limits_hold_and_products_do_not_overflow();
    bytes_are_the_encoding_of_every_kind();
    bytes_are_decoded_to_what_fits_only();
    freed_blocks_are_overwritten();
    expectations_are_checked();
    every_entry_refuses_a_missing_handle_and_zeroes_its_outputs();
    child_is_refused_at_every_entry_and_grandchild_too();
    return 0;
}
