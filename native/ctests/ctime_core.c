/* Secret memory, randomness, hashes, limbs. */
#include <string.h>

#include "ctime.h"
#include "limbs.h"
#include "mpcw/hash.h"
#include "rng.h"

CTIME(secret)
{
    mpcw_secret *a = ctime_secret(MPCW_KIND_SCALAR, 3, 32), *i = ctime_secret(MPCW_KIND_INT, 2, 40), *out;
    const mpcw_secret *parts[2] = {a, a};
    uint8_t bytes[96];
    size_t count, size;
    mpcw_kind kind;

    OUT(mpcw_seed_new(&out));
    OK(mpcw_secret_info(&kind, &count, &size, a));
    CHECK(kind == MPCW_KIND_SCALAR && count == 3 && size == 32);
    OUT(mpcw_secret_import(&out, MPCW_KIND_SCALAR, a->data, 96, 3));
    OUT(mpcw_secret_import(&out, MPCW_KIND_INT, i->data, 80, 2));
    OUT(mpcw_secret_import(&out, MPCW_KIND_RESIDUE, i->data, 80, 2));
    OUT(mpcw_secret_import(&out, MPCW_KIND_SEED, a->data, 32, 1));
    OUT(mpcw_secret_slice(&out, a, 1, 2));
    OUT(mpcw_secret_concat(&out, parts, 2));
    OK(mpcw_secret_declassify(bytes, sizeof bytes, a));
    CHECK((bytes[0] & 0x80) == 0); /* public now */
    mpcw_secret_free(a);
    mpcw_secret_free(i);
}

CTIME(bytes)
{
    mpcw_secret *a = ctime_secret(MPCW_KIND_SCALAR, 3, 32), *i = ctime_secret(MPCW_KIND_INT, 2, 40), *encoded, *out;
    uint8_t *data;

    OK(mpcw_secret_encode(&encoded, a));
    OUT(mpcw_secret_decode(&out, MPCW_KIND_SCALAR, encoded, 3));
    OUT(mpcw_secret_decode(&out, MPCW_KIND_BYTES, encoded, 1));
    OK(mpcw_bytes_data(&data, encoded));
    mpcw_secret_free(encoded);
    OK(mpcw_secret_encode(&encoded, i));
    OUT(mpcw_secret_decode(&out, MPCW_KIND_INT, encoded, 2));
    OUT(mpcw_bytes_new(&out, 32));
    mpcw_secret_free(encoded);
    mpcw_secret_free(a);
    mpcw_secret_free(i);
}

CTIME(random)
{
    mpcw_secret *seed = ctime_secret(MPCW_KIND_SEED, 1, 32);
    uint8_t bytes[1500];
    rng r;

    OK(rng_open(&r, seed, "label"));
    rng_bytes(&r, bytes, 7);
    rng_bytes(&r, bytes, sizeof bytes);
    rng_close(&r);
    mpcw_secret_free(seed);
}

CTIME(hash)
{
    mpcw_secret *a = ctime_secret(MPCW_KIND_SCALAR, 3, 32), *s = ctime_secret(MPCW_KIND_SEED, 1, 32), *bytes, *out;
    const uint8_t tag[3] = "tag", text[6] = "public";
    const mpcw_hash_part parts[3] = {{.secret = a, .each = 1}, {.secret = s}, {.bytes = text, .bytes_len = sizeof text}};
    uint8_t hidden[64], hashes[64];

    OUT(mpcw_hash_secret(&out, MPCW_KIND_SCALAR, 3, tag, sizeof tag, parts, 3));
    OUT(mpcw_hash_secret(&out, MPCW_KIND_SEED, 1, tag, sizeof tag, parts + 1, 2));
    OK(mpcw_secret_encode(&bytes, a));
    OUT(mpcw_hash_secret(&out, MPCW_KIND_SEED, 1, tag, sizeof tag, &(mpcw_hash_part){.secret = bytes}, 1));
    mpcw_secret_free(bytes);
    OUT(mpcw_secret_xor(&out, s, s));
    ctime_bytes(hidden, sizeof hidden);
    ctime_hide(hidden, sizeof hidden);
    OK(mpcw_tagged_hashes(hashes, sizeof hashes, tag, sizeof tag, hidden, sizeof hidden));
    mpcw_secret_free(a);
    mpcw_secret_free(s);
}

CTIME(limbs)
{
    enum { N = 6 };
    mp_limb_t a[N], b[N], n[N], r[2 * N], tmp[N], carry;
    uint8_t bytes[8 * N];
    uint64_t mask;

    ctime_bytes(a, sizeof a);
    ctime_bytes(b, sizeof b);
    ctime_bytes(n, sizeof n);
    ctime_hide(a, sizeof a);
    ctime_hide(b, sizeof b);
    ctime_hide(n, sizeof n);
    mask = limbs_less(a, b, N);
    mask |= limbs_is_zero(a, N);
    mask |= limbs_equal(a, b, N);
    limbs_select(r, mask, a, b, N);
    limbs_negate_if(r, mask, N);
    carry = a[0] & 1;
    limbs_reduce_once(&carry, r, n, tmp, N);
    limbs_mul(r, a, N, b, N);
    limbs_to_be(bytes, sizeof bytes, a, N);
    limbs_from_be(r, N, bytes, sizeof bytes);
    limbs_extend(r, 2 * N, a, N);
    n[N - 1] |= 1;
    OK(limbs_divide(tmp, r, 2 * N - 1, n, N));
    OK(limbs_divide(NULL, r, 2 * N, n, N));
}
