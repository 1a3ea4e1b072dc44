/* The functions of libsecp256k1 that we call, by the address that Python hands over once. */
#ifndef MPCW_SRC_SECP_H
#define MPCW_SRC_SECP_H

#include "mpcw/curve.h"

/* Opaque to us; the sizes are part of libsecp256k1's interface. */
typedef struct secp_pubkey {
    uint8_t data[64];
} secp_pubkey;
typedef struct secp_ecdsa_signature {
    uint8_t data[64];
} secp_ecdsa_signature;

typedef int (*secp_ecdh_hash)(uint8_t *output, const uint8_t *x32, const uint8_t *y32, void *data);

typedef struct secp {
    void *context;
    void *(*context_create)(unsigned flags);
    void (*context_destroy)(void *context);
    int (*context_randomize)(void *context, const uint8_t *seed32);
    void (*context_set_illegal_callback)(void *context, void (*callback)(const char *, void *), const void *data);
    void (*context_set_error_callback)(void *context, void (*callback)(const char *, void *), const void *data);
    int (*ec_pubkey_create)(const void *context, secp_pubkey *out, const uint8_t *k32);
    int (*ec_pubkey_parse)(const void *context, secp_pubkey *out, const uint8_t *in, size_t in_len);
    int (*ec_pubkey_serialize)(const void *context, uint8_t *out, size_t *out_len, const secp_pubkey *key,
                               unsigned flags);
    int (*ecdh)(const void *context, uint8_t *out, const secp_pubkey *point, const uint8_t *k32, secp_ecdh_hash hash,
                void *data);
    int (*ecdsa_verify)(const void *context, const secp_ecdsa_signature *signature, const uint8_t *hash32,
                        const secp_pubkey *key);
    int (*ecdsa_signature_parse_compact)(const void *context, secp_ecdsa_signature *out, const uint8_t *in64);
    int (*ecdsa_signature_serialize_compact)(const void *context, uint8_t *out64, const secp_ecdsa_signature *in);
    int (*ecdsa_signature_parse_der)(const void *context, secp_ecdsa_signature *out, const uint8_t *in,
                                     size_t in_len);
    int (*ecdsa_signature_serialize_der)(const void *context, uint8_t *out, size_t *out_len,
                                         const secp_ecdsa_signature *in);
    int (*schnorrsig_verify)(const void *context, const uint8_t *signature64, const uint8_t *message,
                             size_t message_len, const secp_pubkey *xonly_key);
    int (*xonly_pubkey_parse)(const void *context, secp_pubkey *out, const uint8_t *x32);
} secp;

/* The table, or NULL before mpcw_secp_load. */
const secp *secp_get(void);

/* The x || y form of public points in and out; 0 when the point is infinity or off the curve. */
int secp_pubkey_from_xy64(const secp *s, secp_pubkey *out, const uint8_t xy64[64]);
int secp_pubkey_to_xy64(const secp *s, uint8_t xy64[64], const secp_pubkey *key);
/* xy64 = k P in constant time in k, which must be in [1, n). The coordinates may stay secret. */
int secp_mul(const secp *s, uint8_t xy64[64], const secp_pubkey *point, const uint8_t k32[32]);

extern const uint8_t SECP_G[64];

#endif
