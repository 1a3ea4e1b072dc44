#ifndef MPCW_VERIFY_H
#define MPCW_VERIFY_H

#include "mpcw/base.h"

/* Signatures under public keys, by libsecp256k1; everything is public. */

/* ECDSA: n signatures r || s (64 bytes), message hashes (32) and keys x || y (64). MPCW_REJECTED when any fails, with
 * failed[i] = 1 for those (the only output that outlives a status other than MPCW_OK): wrong, r or s zero or not below n, s
 * above n/2 (BIP-146), or a key off the curve. */
mpcw_status mpcw_verify_ecdsa_var(uint8_t *failed, size_t n, const uint8_t *signatures, size_t signatures_len,
                                  const uint8_t *hashes, size_t hashes_len, const uint8_t *keys, size_t keys_len);

/* BIP-340: n signatures (64 bytes), messages of one length and x-only keys (32). As above. */
mpcw_status mpcw_verify_bip340_var(uint8_t *failed, size_t n, const uint8_t *signatures, size_t signatures_len,
                                   const uint8_t *messages, size_t messages_len, const uint8_t *keys,
                                   size_t keys_len);

/* Strict DER (BIP-66) to r || s. MPCW_REJECTED when it is malformed, or r or s is zero or not below n. */
mpcw_status mpcw_ecdsa_from_der_var(uint8_t *signature, size_t signature_len, const uint8_t *der, size_t der_len);

/* r || s to DER, which takes *written of the der_len bytes (72 suffice). MPCW_REJECTED when r or s is zero or not below
 * n. */
mpcw_status mpcw_ecdsa_to_der_var(uint8_t *der, size_t der_len, size_t *written, const uint8_t *signature,
                                  size_t signature_len);

#endif
