#include "ctime.h"

#include <string.h>
#include <valgrind/memcheck.h>

#include "ct.h"
#include "lane_ifma_portable.h"

static ctime_case *cases;

void ctime_add(ctime_case *c)
{
    c->next = cases;
    cases = c;
}

void ctime_hide(const void *p, size_t len)
{
    VALGRIND_MAKE_MEM_UNDEFINED(p, len);
}

void ctime_show(const void *p, size_t len)
{
    VALGRIND_MAKE_MEM_DEFINED(p, len);
}

void ctime_bytes(void *p, size_t len)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    uint8_t *at = p;

    for (size_t i = 0; i < len; i++) {
        /* xorshift64 */
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        at[i] = (uint8_t)(state >> 32);
    }
}

mpcw_secret *ctime_import(mpcw_kind kind, const uint8_t *bytes, size_t len, size_t count)
{
    mpcw_secret *s;

    OK(mpcw_secret_import(&s, kind, bytes, len, count));
    ctime_hide(s->data, len);
    return s;
}

mpcw_secret *ctime_secret(mpcw_kind kind, size_t count, size_t size)
{
    uint8_t *bytes = malloc(count * size);
    mpcw_secret *s;

    CHECK(bytes);
    ctime_bytes(bytes, count * size);
    for (size_t i = 0; kind == MPCW_KIND_SCALAR && i < count; i++)
        bytes[i * size] &= 0x7f;
    s = ctime_import(kind, bytes, count * size, count);
    free(bytes);
    return s;
}

/* memcheck reports no ADX to the program although it runs its instructions. */
const lane_ops *__wrap_lane_adx(void);
const lane_ops *__wrap_lane_adx(void)
{
#if defined(__x86_64__)
    return &lane_adx_ops;
#else
    return NULL;
#endif
}

/* memcheck does not know AVX-512: the same source in plain C, see lane_ifma.c. */
const lane_ops *__wrap_lane_ifma(void);
const lane_ops *__wrap_lane_ifma(void)
{
    return lane_ifma_portable();
}

CTIME_LEAK(leak_of_a_branch)
{
    uint8_t byte;

    ctime_bytes(&byte, sizeof byte);
    ctime_hide(&byte, sizeof byte);
    if (byte & 1)
        fputs("odd\n", stderr);
}

CTIME_LEAK(leak_of_an_address)
{
    static volatile const uint8_t TABLE[256];
    uint8_t index;

    ctime_bytes(&index, sizeof index);
    ctime_hide(&index, sizeof index);
    (void)TABLE[index];
}

/* GMP's exponentiation for public exponents. */
CTIME_LEAK(leak_of_mpz_powm)
{
    mpz_t r, base, e, n;

    mpz_init_set_ui(base, 3);
    mpz_init_set_str(e, "f123456789abcdef0fedcba987654321", 16);
    mpz_init_set_str(n, "ffffffffffffffffffffffffffffff61", 16);
    mpz_init(r);
    ctime_hide(mpz_limbs_read(e), 16);
    mpz_powm(r, base, e, n);
    mpz_clears(r, base, e, n, NULL);
}

CTIME_LEAK(leak_of_a_status)
{
    mpcw_secret *a = ctime_secret(MPCW_KIND_SCALAR, 1, 32), *out;

    ct_declassify_hook = NULL;
    OUT(mpcw_secret_import(&out, MPCW_KIND_SCALAR, a->data, 32, 1));
    mpcw_secret_free(a);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    if (!RUNNING_ON_VALGRIND) {
        fputs("this program tests nothing without valgrind\n", stderr);
        return 1;
    }
    ct_declassify_hook = ctime_show;
    for (ctime_case *c = cases; c; c = c->next)
        if (strcmp(c->name, argv[1]) == 0) {
            c->run();
            return 0;
        }
    fprintf(stderr, "there is no test %s\n", argv[1]);
    return 1;
}
