#ifndef MPCW_HASH_H
#define MPCW_HASH_H

#include "mpcw/secret.h"

/* BIP-340 tagged hashes, SHA256(SHA256(tag) || SHA256(tag) || message), in constant time for given lengths. */

/* A piece of a message: a secret (MPCW_KIND_SCALAR or MPCW_KIND_SEED, 32 bytes big-endian per item, or MPCW_KIND_BYTES) or,
 * when secret is NULL, public bytes. With each, message i takes item i alone, public bytes being split into equal items; without, every message
 * takes the whole. */
typedef struct mpcw_hash_part {
    const mpcw_secret *secret;
    const uint8_t *bytes;
    size_t bytes_len;
    int each;
} mpcw_hash_part;

/* count hashes of messages made of the parts, as scalars reduced modulo n (MPCW_KIND_SCALAR) or, one only, as
 * MPCW_KIND_SEED. A hash is below n but for a chance of 2^-128: the reduction is not told. */
mpcw_status mpcw_hash_secret(mpcw_secret **out, mpcw_kind kind, size_t count, const uint8_t *tag, size_t tag_len,
                             const mpcw_hash_part *parts, size_t parts_len);

/* a XOR b as MPCW_KIND_SEED; both are one item of MPCW_KIND_SCALAR or MPCW_KIND_SEED. */
mpcw_status mpcw_secret_xor(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b);

/* out_len / 32 hashes of as many public messages of one length. */
mpcw_status mpcw_tagged_hashes(uint8_t *out, size_t out_len, const uint8_t *tag, size_t tag_len,
                               const uint8_t *messages, size_t messages_len);

#endif
