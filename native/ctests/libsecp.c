#include "libsecp.h"

#include <dlfcn.h>

#include "check.h"
#include "mpcw/curve.h"

/* The only datum of Python that the extension module refers to; its functions are never called and stay unresolved. */
extern char _Py_NoneStruct[16];
__attribute__((visibility("default"))) char _Py_NoneStruct[16];

static uintptr_t address(void *library, const char *name)
{
    void *at = dlsym(library, name);

    CHECK(at);
    return (uintptr_t)at;
}

void libsecp_load(void)
{
    void *library = dlopen(MPCW_LIBSECP256K1, RTLD_LAZY | RTLD_LOCAL);
    mpcw_secp_functions functions;

    if (!library) {
        fprintf(stderr, "skipped, there is no libsecp256k1: %s\n", dlerror());
        exit(77);
    }
#define FIND(name) functions.name = address(library, "secp256k1_" #name)
    FIND(context_create);
    FIND(context_destroy);
    FIND(context_randomize);
    FIND(context_set_illegal_callback);
    FIND(context_set_error_callback);
    FIND(ec_pubkey_create);
    FIND(ec_pubkey_parse);
    FIND(ec_pubkey_serialize);
    FIND(ecdh);
    FIND(ecdsa_verify);
    FIND(ecdsa_signature_parse_compact);
    FIND(ecdsa_signature_serialize_compact);
    FIND(ecdsa_signature_parse_der);
    FIND(ecdsa_signature_serialize_der);
    FIND(schnorrsig_verify);
    FIND(xonly_pubkey_parse);
#undef FIND
    CHECK(mpcw_secp_load(&functions) == MPCW_OK);
}
