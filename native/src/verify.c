#include "mpcw/verify.h"

#include <string.h>

#include "secp.h"

enum { SIGNATURE = 64, HASH = 32, XY = 64, X_ONLY = 32 };

static int ecdsa_holds(const secp *s, const uint8_t *signature64, const uint8_t *hash32, const uint8_t *xy64)
{
    secp_ecdsa_signature signature;
    secp_pubkey key;

    return secp_pubkey_from_xy64(s, &key, xy64) &&
           s->ecdsa_signature_parse_compact(s->context, &signature, signature64) &&
           s->ecdsa_verify(s->context, &signature, hash32, &key);
}

static int bip340_holds(const secp *s, const uint8_t *signature64, const uint8_t *message, size_t message_len,
                        const uint8_t *x32)
{
    secp_pubkey key;

    return s->xonly_pubkey_parse(s->context, &key, x32) &&
           s->schnorrsig_verify(s->context, signature64, message, message_len, &key);
}

mpcw_status mpcw_verify_ecdsa_var(uint8_t *failed, size_t n, const uint8_t *signatures, size_t signatures_len,
                                  const uint8_t *hashes, size_t hashes_len, const uint8_t *keys, size_t keys_len)
{
    const secp *s = secp_get();
    mpcw_status status = MPCW_OK;

    memset(failed, 0, n);
    if (!s)
        return MPCW_E_UNREADY;
    if (n == 0 || signatures_len / SIGNATURE != n || signatures_len % SIGNATURE || hashes_len / HASH != n ||
        hashes_len % HASH || keys_len / XY != n || keys_len % XY)
        return MPCW_E_LENGTH;
    for (size_t i = 0; i < n; i++) {
        failed[i] = !ecdsa_holds(s, signatures + SIGNATURE * i, hashes + HASH * i, keys + XY * i);
        if (failed[i])
            status = MPCW_REJECTED;
    }
    return status;
}

mpcw_status mpcw_verify_bip340_var(uint8_t *failed, size_t n, const uint8_t *signatures, size_t signatures_len,
                                   const uint8_t *messages, size_t messages_len, const uint8_t *keys,
                                   size_t keys_len)
{
    const secp *s = secp_get();
    mpcw_status status = MPCW_OK;
    size_t message_len;

    memset(failed, 0, n);
    if (!s)
        return MPCW_E_UNREADY;
    if (n == 0 || signatures_len / SIGNATURE != n || signatures_len % SIGNATURE || messages_len % n ||
        keys_len / X_ONLY != n || keys_len % X_ONLY)
        return MPCW_E_LENGTH;
    message_len = messages_len / n;
    for (size_t i = 0; i < n; i++) {
        failed[i] = !bip340_holds(s, signatures + SIGNATURE * i, messages + message_len * i, message_len,
                                  keys + X_ONLY * i);
        if (failed[i])
            status = MPCW_REJECTED;
    }
    return status;
}

/* Whether neither half of r || s is zero. */
static int halves_nonzero(const uint8_t signature64[SIGNATURE])
{
    uint8_t r = 0, s = 0;

    for (int i = 0; i < SIGNATURE / 2; i++) {
        r |= signature64[i];
        s |= signature64[SIGNATURE / 2 + i];
    }
    return r && s;
}

mpcw_status mpcw_ecdsa_from_der_var(uint8_t *signature, size_t signature_len, const uint8_t *der, size_t der_len)
{
    const secp *s = secp_get();
    secp_ecdsa_signature parsed;

    memset(signature, 0, signature_len);
    if (!s)
        return MPCW_E_UNREADY;
    if (signature_len != SIGNATURE)
        return MPCW_E_LENGTH;
    /* libsecp256k1 turns numbers that are too large into zeros */
    if (!s->ecdsa_signature_parse_der(s->context, &parsed, der, der_len) ||
        !s->ecdsa_signature_serialize_compact(s->context, signature, &parsed) || !halves_nonzero(signature)) {
        memset(signature, 0, signature_len);
        return MPCW_REJECTED;
    }
    return MPCW_OK;
}

mpcw_status mpcw_ecdsa_to_der_var(uint8_t *der, size_t der_len, size_t *written, const uint8_t *signature,
                                  size_t signature_len)
{
    const secp *s = secp_get();
    secp_ecdsa_signature parsed;

    memset(der, 0, der_len);
    *written = 0;
    if (!s)
        return MPCW_E_UNREADY;
    if (signature_len != SIGNATURE)
        return MPCW_E_LENGTH;
    if (!halves_nonzero(signature) || !s->ecdsa_signature_parse_compact(s->context, &parsed, signature))
        return MPCW_REJECTED;
    *written = der_len;
    if (!s->ecdsa_signature_serialize_der(s->context, der, written, &parsed)) {
        memset(der, 0, der_len);
        *written = 0;
        return MPCW_E_LENGTH;
    }
    return MPCW_OK;
}
