#include "mpcw/hash.h"

#include <string.h>

#include "ct.h"
#include "scalar.h"
#include "secret.h"
#include "sha256.h"

enum { SIZE = 32 };

/* MPCW_OK for 32-byte items of the kinds whose bytes are their encoding. */
static mpcw_status expect_bytes(const mpcw_secret *s, size_t count)
{
    mpcw_status status = secret_expect(s, MPCW_KIND_SCALAR, count, SIZE);

    return status == MPCW_E_KIND ? secret_expect(s, MPCW_KIND_SEED, count, SIZE) : status;
}

static mpcw_status check_part(const mpcw_hash_part *part, size_t count)
{
    if (part->secret) {
        const size_t items = part->each ? count : 0;
        mpcw_status status = expect_bytes(part->secret, items);
        return status == MPCW_E_KIND ? secret_expect(part->secret, MPCW_KIND_BYTES, items, 0) : status;
    }
    return part->each && part->bytes_len % count ? MPCW_E_LENGTH : MPCW_OK;
}

static void add_part(sha256 *h, const mpcw_hash_part *part, size_t count, size_t i)
{
    const uint8_t *bytes = part->secret ? part->secret->data : part->bytes;
    size_t len = part->secret ? part->secret->count * part->secret->size : part->bytes_len;

    if (part->each) {
        len /= count;
        bytes += i * len;
    }
    sha256_add(h, bytes, len);
}

mpcw_status mpcw_hash_secret(mpcw_secret **out, mpcw_kind kind, size_t count, const uint8_t *tag, size_t tag_len,
                             const mpcw_hash_part *parts, size_t parts_len)
{
    struct {
        sha256 tagged, h;
        scalar reduced;
    } s;
    mpcw_status status;

    *out = NULL;
    if (kind != MPCW_KIND_SCALAR && kind != MPCW_KIND_SEED)
        return MPCW_E_KIND;
    if (count == 0)
        return MPCW_E_LENGTH;
    for (size_t k = 0; k < parts_len; k++)
        if ((status = check_part(&parts[k], count)) != MPCW_OK)
            return status;
    if ((status = secret_new(out, kind, count, SIZE)) != MPCW_OK)
        return status;
    sha256_open_tagged(&s.tagged, tag, tag_len);
    for (size_t i = 0; i < count; i++) {
        uint8_t *item = (*out)->data + SIZE * i;
        s.h = s.tagged;
        for (size_t k = 0; k < parts_len; k++)
            add_part(&s.h, &parts[k], count, i);
        sha256_close(&s.h, item);
        if (kind == MPCW_KIND_SCALAR) {
            (void)scalar_from_be32(&s.reduced, item);
            scalar_to_be32(item, &s.reduced);
        }
    }
    ct_cleanse(&s, sizeof s);
    return MPCW_OK;
}

mpcw_status mpcw_secret_xor(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b)
{
    mpcw_status status;

    *out = NULL;
    if ((status = expect_bytes(a, 1)) != MPCW_OK || (status = expect_bytes(b, 1)) != MPCW_OK ||
        (status = secret_new(out, MPCW_KIND_SEED, 1, SIZE)) != MPCW_OK)
        return status;
    for (int i = 0; i < SIZE; i++)
        (*out)->data[i] = a->data[i] ^ b->data[i];
    return MPCW_OK;
}

mpcw_status mpcw_tagged_hashes(uint8_t *out, size_t out_len, const uint8_t *tag, size_t tag_len,
                               const uint8_t *messages, size_t messages_len)
{
    size_t count = out_len / SIZE;
    sha256 tagged;

    if (count == 0 || out_len % SIZE || messages_len % count) {
        memset(out, 0, out_len);
        return MPCW_E_LENGTH;
    }
    sha256_open_tagged(&tagged, tag, tag_len);
    for (size_t i = 0; i < count; i++) {
        sha256 h = tagged;
        sha256_add(&h, messages + i * (messages_len / count), messages_len / count);
        sha256_close(&h, out + SIZE * i);
    }
    return MPCW_OK;
}
