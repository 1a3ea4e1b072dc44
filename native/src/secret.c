#include "secret.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "rng.h"

enum { SCALAR_SIZE = 32, SEED_SIZE = 32, LIMB_SIZE = 8, MAX_ITEM = 4096, MAX_COUNT = 1 << 20, MAX_BYTES = 1 << 20 };

/* the order of secp256k1 (SEC 2, section 2.4.1) */
static const uint8_t ORDER[SCALAR_SIZE] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
};

static mpcw_status check_shape(mpcw_kind kind, size_t count, size_t size)
{
    if (count == 0 || count > MAX_COUNT || size == 0 || size > (kind == MPCW_KIND_BYTES ? MAX_BYTES : MAX_ITEM))
        return MPCW_E_LENGTH;
    switch (kind) {
    case MPCW_KIND_SCALAR:
        return size == SCALAR_SIZE ? MPCW_OK : MPCW_E_LENGTH;
    case MPCW_KIND_INT:
    case MPCW_KIND_RESIDUE:
        return size % LIMB_SIZE == 0 ? MPCW_OK : MPCW_E_LENGTH;
    case MPCW_KIND_SEED:
        return count == 1 && size == SEED_SIZE ? MPCW_OK : MPCW_E_LENGTH;
    case MPCW_KIND_BYTES:
        return count == 1 ? MPCW_OK : MPCW_E_LENGTH;
    }
    return MPCW_E_KIND;
}

mpcw_status secret_new(mpcw_secret **out, mpcw_kind kind, size_t count, size_t size)
{
    mpcw_status status = check_shape(kind, count, size);
    mpcw_secret *s;

    *out = NULL;
    if (status != MPCW_OK)
        return status;
    /* only the items are secret; what tells a forked child apart must outlive the wiping */
    s = calloc(1, sizeof *s);
    if (!s)
        return MPCW_E_MEMORY;
    *s = (mpcw_secret){.kind = kind, .count = count, .size = size, .generation = secret_generation()};
    s->data = secret_alloc(count * size);
    if (!s->data) {
        free(s);
        return MPCW_E_MEMORY;
    }
    *out = s;
    return MPCW_OK;
}

static mpcw_status check_alive(const mpcw_secret *s)
{
    if (!s)
        return MPCW_E_KIND;
    return s->generation == secret_generation() ? MPCW_OK : MPCW_E_FORKED;
}

mpcw_status secret_expect(const mpcw_secret *s, mpcw_kind kind, size_t count, size_t size)
{
    mpcw_status status = check_alive(s);

    if (status != MPCW_OK)
        return status;
    if (s->kind != kind)
        return MPCW_E_KIND;
    if ((count && s->count != count) || (size && s->size != size))
        return MPCW_E_LENGTH;
    return MPCW_OK;
}

void mpcw_secret_free(mpcw_secret *secret)
{
    if (!secret)
        return;
    secret_free(secret->data);
    free(secret);
}

static int has_limbs(mpcw_kind kind)
{
    return kind == MPCW_KIND_INT || kind == MPCW_KIND_RESIDUE;
}

static uint64_t load_be64(const uint8_t *bytes)
{
    uint64_t x = 0;

    for (int i = 0; i < LIMB_SIZE; i++)
        x = x << 8 | bytes[i];
    return x;
}

static void store_be64(uint8_t *bytes, uint64_t x)
{
    for (int i = LIMB_SIZE - 1; i >= 0; i--, x >>= 8)
        bytes[i] = (uint8_t)x;
}

static void limbs_from_bytes(uint8_t *item, const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size; at += LIMB_SIZE) {
        uint64_t limb = load_be64(bytes + size - LIMB_SIZE - at);
        memcpy(item + at, &limb, LIMB_SIZE);
    }
}

static void bytes_from_limbs(uint8_t *bytes, const uint8_t *item, size_t size)
{
    for (size_t at = 0; at < size; at += LIMB_SIZE) {
        uint64_t limb;
        memcpy(&limb, item + at, LIMB_SIZE);
        store_be64(bytes + size - LIMB_SIZE - at, limb);
    }
}

/* 1 when every scalar is below n, else 0. */
static uint32_t scalars_in_range(const uint8_t *scalars, size_t count)
{
    uint32_t all = 1;

    for (size_t k = 0; k < count; k++, scalars += SCALAR_SIZE) {
        uint32_t borrow = 0; /* of scalar - n */
        for (int i = SCALAR_SIZE - 1; i >= 0; i--)
            borrow = ((uint32_t)scalars[i] - ORDER[i] - borrow) >> 31;
        all = (uint32_t)ct_value_barrier(all & borrow);
    }
    return all;
}

mpcw_status mpcw_secret_import(mpcw_secret **out, mpcw_kind kind, const uint8_t *bytes, size_t bytes_len,
                               size_t count)
{
    mpcw_status status;
    mpcw_secret *s;
    uint32_t in_range = 1;

    *out = NULL;
    if (count == 0 || bytes_len % count != 0)
        return MPCW_E_LENGTH;
    status = secret_new(&s, kind, count, bytes_len / count);
    if (status != MPCW_OK)
        return status;

    if (has_limbs(kind))
        for (size_t at = 0; at < bytes_len; at += s->size)
            limbs_from_bytes(s->data + at, bytes + at, s->size);
    else
        memcpy(s->data, bytes, bytes_len);
    if (kind == MPCW_KIND_SCALAR)
        in_range = scalars_in_range(s->data, count);

    /* public: a value out of range is the importer's error, reported as such */
    ct_declassify(&in_range, sizeof in_range);
    if (!in_range) {
        mpcw_secret_free(s);
        return MPCW_E_RANGE;
    }
    *out = s;
    return MPCW_OK;
}

/* count * size big-endian bytes. */
static void write_items(uint8_t *bytes, const mpcw_secret *secret)
{
    const size_t len = secret->count * secret->size;

    if (has_limbs(secret->kind))
        for (size_t at = 0; at < len; at += secret->size)
            bytes_from_limbs(bytes + at, secret->data + at, secret->size);
    else
        memcpy(bytes, secret->data, len);
}

mpcw_status mpcw_secret_declassify(uint8_t *bytes, size_t bytes_len, const mpcw_secret *secret)
{
    mpcw_status status = check_alive(secret);

    if (status == MPCW_OK && bytes_len != secret->count * secret->size)
        status = MPCW_E_LENGTH;
    if (status != MPCW_OK) {
        memset(bytes, 0, bytes_len);
        return status;
    }

    write_items(bytes, secret);
    /* public: the caller asked for exactly this, by this name */
    ct_declassify(bytes, bytes_len);
    return MPCW_OK;
}

mpcw_status mpcw_secret_encode(mpcw_secret **out, const mpcw_secret *secret)
{
    mpcw_status status = check_alive(secret);

    *out = NULL;
    if (status != MPCW_OK)
        return status;
    status = mpcw_bytes_new(out, secret->count * secret->size);
    if (status == MPCW_OK)
        write_items((*out)->data, secret);
    return status;
}

mpcw_status mpcw_secret_decode(mpcw_secret **out, mpcw_kind kind, const mpcw_secret *bytes, size_t count)
{
    mpcw_status status = secret_expect(bytes, MPCW_KIND_BYTES, 1, 0);

    *out = NULL;
    return status == MPCW_OK ? mpcw_secret_import(out, kind, bytes->data, bytes->size, count) : status;
}

mpcw_status mpcw_bytes_new(mpcw_secret **out, size_t len)
{
    return secret_new(out, MPCW_KIND_BYTES, 1, len);
}

mpcw_status mpcw_bytes_data(uint8_t **data, const mpcw_secret *bytes)
{
    mpcw_status status = secret_expect(bytes, MPCW_KIND_BYTES, 1, 0);

    *data = status == MPCW_OK ? bytes->data : NULL;
    return status;
}

mpcw_status mpcw_secret_slice(mpcw_secret **out, const mpcw_secret *secret, size_t start, size_t count)
{
    mpcw_status status = check_alive(secret);

    *out = NULL;
    if (status != MPCW_OK)
        return status;
    if (start > secret->count || count > secret->count - start)
        return MPCW_E_LENGTH;
    status = secret_new(out, secret->kind, count, secret->size);
    if (status == MPCW_OK)
        memcpy((*out)->data, secret->data + start * secret->size, count * secret->size);
    return status;
}

mpcw_status mpcw_secret_concat(mpcw_secret **out, const mpcw_secret *const *parts, size_t parts_len)
{
    mpcw_status status;
    size_t count = 0;

    *out = NULL;
    if (parts_len == 0 || parts_len > MAX_COUNT)
        return MPCW_E_LENGTH;
    status = check_alive(parts[0]);
    for (size_t k = 0; status == MPCW_OK && k < parts_len; k++) {
        status = secret_expect(parts[k], parts[0]->kind, 0, parts[0]->size);
        if (status == MPCW_OK)
            count += parts[k]->count; /* at most MAX_COUNT^2 */
    }
    if (status == MPCW_OK)
        status = secret_new(out, parts[0]->kind, count, parts[0]->size);
    if (status != MPCW_OK)
        return status;

    uint8_t *end = (*out)->data;
    for (size_t k = 0; k < parts_len; k++) {
        size_t bytes = parts[k]->count * parts[k]->size;
        memcpy(end, parts[k]->data, bytes);
        end += bytes;
    }
    return MPCW_OK;
}

mpcw_status mpcw_secret_info(mpcw_kind *kind, size_t *count, size_t *size, const mpcw_secret *secret)
{
    mpcw_status status = check_alive(secret);

    *kind = status == MPCW_OK ? secret->kind : (mpcw_kind)0;
    *count = status == MPCW_OK ? secret->count : 0;
    *size = status == MPCW_OK ? secret->size : 0;
    return status;
}

mpcw_status mpcw_seed_new(mpcw_secret **out)
{
    mpcw_secret *s;
    mpcw_status status = secret_new(&s, MPCW_KIND_SEED, 1, SEED_SIZE);

    *out = NULL;
    if (status != MPCW_OK)
        return status;
    status = rng_system(s->data, SEED_SIZE);
    if (status != MPCW_OK) {
        mpcw_secret_free(s);
        return status;
    }
    *out = s;
    return MPCW_OK;
}
