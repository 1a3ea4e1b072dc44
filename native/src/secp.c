#include "secp.h"

#include <string.h>

#include "ct.h"
#include "rng.h"

enum { CONTEXT_NONE = 1, EC_UNCOMPRESSED = 2, UNCOMPRESSED_SIZE = 65 };

static secp table;
static int loaded;

const uint8_t SECP_G[64] = {
    0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
    0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
    0x48, 0x3a, 0xda, 0x77, 0x26, 0xa3, 0xc4, 0x65, 0x5d, 0xa4, 0xfb, 0xfc, 0x0e, 0x11, 0x08, 0xa8,
    0xfd, 0x17, 0xb4, 0x48, 0xa6, 0x85, 0x54, 0x19, 0x9c, 0x47, 0xd0, 0x8f, 0xfb, 0x10, 0xd4, 0xb8,
};
static const uint8_t TWICE_G[64] = {
    0xc6, 0x04, 0x7f, 0x94, 0x41, 0xed, 0x7d, 0x6d, 0x30, 0x45, 0x40, 0x6e, 0x95, 0xc0, 0x7c, 0xd8,
    0x5c, 0x77, 0x8e, 0x4b, 0x8c, 0xef, 0x3c, 0xa7, 0xab, 0xac, 0x09, 0xb9, 0x5c, 0x70, 0x9e, 0xe5,
    0x1a, 0xe1, 0x68, 0xfe, 0xa6, 0x3d, 0xc3, 0x39, 0xa3, 0xc5, 0x84, 0x19, 0x46, 0x6c, 0xea, 0xee,
    0xf7, 0xf6, 0x32, 0x65, 0x32, 0x66, 0xd0, 0xe1, 0x23, 0x64, 0x31, 0xa9, 0x50, 0xcf, 0xe5, 0x2a,
};
/* BIP-340, test vector 1. */
static const uint8_t BIP340_KEY[32] = {
    0xdf, 0xf1, 0xd7, 0x7f, 0x2a, 0x67, 0x1c, 0x5f, 0x36, 0x18, 0x37, 0x26, 0xdb, 0x23, 0x41, 0xbe,
    0x58, 0xfe, 0xae, 0x1d, 0xa2, 0xde, 0xce, 0xd8, 0x43, 0x24, 0x0f, 0x7b, 0x50, 0x2b, 0xa6, 0x59,
};
static const uint8_t BIP340_MESSAGE[32] = {
    0x24, 0x3f, 0x6a, 0x88, 0x85, 0xa3, 0x08, 0xd3, 0x13, 0x19, 0x8a, 0x2e, 0x03, 0x70, 0x73, 0x44,
    0xa4, 0x09, 0x38, 0x22, 0x29, 0x9f, 0x31, 0xd0, 0x08, 0x2e, 0xfa, 0x98, 0xec, 0x4e, 0x6c, 0x89,
};
static const uint8_t BIP340_SIGNATURE[64] = {
    0x68, 0x96, 0xbd, 0x60, 0xee, 0xae, 0x29, 0x6d, 0xb4, 0x8a, 0x22, 0x9f, 0xf7, 0x1d, 0xfe, 0x07,
    0x1b, 0xde, 0x41, 0x3e, 0x6d, 0x43, 0xf9, 0x17, 0xdc, 0x8d, 0xcf, 0x8c, 0x78, 0xde, 0x33, 0x41,
    0x89, 0x06, 0xd1, 0x1a, 0xc9, 0x76, 0xab, 0xcc, 0xb2, 0x0b, 0x09, 0x12, 0x92, 0xbf, 0xf4, 0xea,
    0x89, 0x7e, 0xfc, 0xb6, 0x39, 0xea, 0x87, 0x1c, 0xfa, 0x95, 0xf6, 0xde, 0x33, 0x9e, 0x4b, 0x0a,
};
/* ECDSA under the key 2 with the nonce 1: r = x(G), s = BIP340_MESSAGE + 2 r, made low. */
static const uint8_t ECDSA_SIGNATURE[64] = {
    0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
    0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
    0x17, 0xbc, 0x37, 0x86, 0x79, 0x5c, 0x80, 0x2b, 0xbe, 0x5a, 0x4f, 0x59, 0xa0, 0x7e, 0x89, 0x53,
    0xee, 0x92, 0x54, 0xf1, 0xd5, 0xf2, 0xe3, 0x46, 0xfc, 0x41, 0x9e, 0xc2, 0x4a, 0x08, 0x5a, 0x78,
};

/* A refused call returns 0; libsecp256k1 would abort without a callback. */
static void keep_running(const char *message, void *data)
{
    (void)message;
    (void)data;
}

static int copy_coordinates(uint8_t *output, const uint8_t *x32, const uint8_t *y32, void *data)
{
    (void)data;
    memcpy(output, x32, 32);
    memcpy(output + 32, y32, 32);
    return 1;
}

int secp_pubkey_from_xy64(const secp *s, secp_pubkey *out, const uint8_t xy64[64])
{
    uint8_t sec1[UNCOMPRESSED_SIZE];

    sec1[0] = 4;
    memcpy(sec1 + 1, xy64, 64);
    return s->ec_pubkey_parse(s->context, out, sec1, sizeof sec1);
}

int secp_pubkey_to_xy64(const secp *s, uint8_t xy64[64], const secp_pubkey *key)
{
    uint8_t sec1[UNCOMPRESSED_SIZE];
    size_t len = sizeof sec1;

    if (!s->ec_pubkey_serialize(s->context, sec1, &len, key, EC_UNCOMPRESSED) || len != sizeof sec1)
        return 0;
    memcpy(xy64, sec1 + 1, 64);
    return 1;
}

int secp_mul(const secp *s, uint8_t xy64[64], const secp_pubkey *point, const uint8_t k32[32])
{
    int made = s->ecdh(s->context, xy64, point, k32, copy_coordinates, NULL);

    /* 1 for every scalar in [1, n) */
    ct_declassify(&made, sizeof made);
    return made;
}

/* Known answers, and refusals of answers that are wrong in one bit. */
static int answers_known(const secp *s)
{
    static const uint8_t TWO[32] = {[31] = 2};
    uint8_t xy64[64], wrong[64];
    secp_pubkey g, twice, xonly;
    secp_ecdsa_signature signature, wrong_signature;

    if (!secp_pubkey_from_xy64(s, &g, SECP_G) || !s->ec_pubkey_create(s->context, &twice, TWO) ||
        !secp_pubkey_to_xy64(s, xy64, &twice) || memcmp(xy64, TWICE_G, sizeof xy64) != 0)
        return 0;
    memset(xy64, 0, sizeof xy64);
    if (!secp_mul(s, xy64, &g, TWO) || memcmp(xy64, TWICE_G, sizeof xy64) != 0)
        return 0;

    memcpy(wrong, BIP340_SIGNATURE, sizeof wrong);
    wrong[63] ^= 1;
    if (!s->xonly_pubkey_parse(s->context, &xonly, BIP340_KEY) ||
        !s->schnorrsig_verify(s->context, BIP340_SIGNATURE, BIP340_MESSAGE, 32, &xonly) ||
        s->schnorrsig_verify(s->context, wrong, BIP340_MESSAGE, 32, &xonly))
        return 0;

    memcpy(wrong, ECDSA_SIGNATURE, sizeof wrong);
    wrong[63] ^= 1;
    return s->ecdsa_signature_parse_compact(s->context, &signature, ECDSA_SIGNATURE) &&
           s->ecdsa_signature_parse_compact(s->context, &wrong_signature, wrong) &&
           s->ecdsa_verify(s->context, &signature, BIP340_MESSAGE, &twice) &&
           !s->ecdsa_verify(s->context, &wrong_signature, BIP340_MESSAGE, &twice);
}

static mpcw_status open_context(secp *s)
{
    uint8_t blinding[32];
    mpcw_status status = rng_system(blinding, sizeof blinding);

    if (status != MPCW_OK)
        return status;
    s->context = s->context_create(CONTEXT_NONE);
    if (!s->context) {
        ct_cleanse(blinding, sizeof blinding);
        return MPCW_E_MEMORY;
    }
    s->context_set_illegal_callback(s->context, keep_running, NULL);
    s->context_set_error_callback(s->context, keep_running, NULL);
    status = s->context_randomize(s->context, blinding) && answers_known(s) ? MPCW_OK : MPCW_E_FAULT;
    ct_cleanse(blinding, sizeof blinding);
    if (status != MPCW_OK)
        s->context_destroy(s->context);
    return status;
}

mpcw_status mpcw_secp_load(const mpcw_secp_functions *functions)
{
    uintptr_t addresses[sizeof *functions / sizeof(uintptr_t)];
    secp fresh = {0};
    mpcw_status status;

    if (loaded)
        return MPCW_E_USED;
    memcpy(addresses, functions, sizeof addresses);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        if (addresses[i] == 0)
            return MPCW_E_UNREADY;
#define TAKE(name) fresh.name = (__typeof__(fresh.name))functions->name
    TAKE(context_create);
    TAKE(context_destroy);
    TAKE(context_randomize);
    TAKE(context_set_illegal_callback);
    TAKE(context_set_error_callback);
    TAKE(ec_pubkey_create);
    TAKE(ec_pubkey_parse);
    TAKE(ec_pubkey_serialize);
    TAKE(ecdh);
    TAKE(ecdsa_verify);
    TAKE(ecdsa_signature_parse_compact);
    TAKE(ecdsa_signature_serialize_compact);
    TAKE(ecdsa_signature_parse_der);
    TAKE(ecdsa_signature_serialize_der);
    TAKE(schnorrsig_verify);
    TAKE(xonly_pubkey_parse);
#undef TAKE
    status = open_context(&fresh);
    if (status != MPCW_OK)
        return status;
    table = fresh;
    __atomic_store_n(&loaded, 1, __ATOMIC_RELEASE);
    return MPCW_OK;
}

const secp *secp_get(void)
{
    return __atomic_load_n(&loaded, __ATOMIC_ACQUIRE) ? &table : NULL;
}
