/* Constant-time tests. The program runs under valgrind's memcheck with secrets marked as undefined memory: memcheck then reports
 * every branch and every address that depends on a secret, in the objects that ship. What a function makes public on purpose
 * goes through ct_declassify. */
#ifndef MPCW_CTESTS_CTIME_H
#define MPCW_CTESTS_CTIME_H

#include "check.h"
#include "lane.h"
#include "secret.h"

typedef struct ctime_case {
    const char *name;
    void (*run)(void);
    struct ctime_case *next;
} ctime_case;

void ctime_add(ctime_case *c);

/* CTIME(name) { ... } is a test, CTIME_PATHS(name) one that runs on every arithmetic path, CTIME_LEAK(name) a control that
 * memcheck must report. CMakeLists.txt finds them by their beginning of a line. */
#define CTIME(test)                                                   \
    static void run_##test(void);                                     \
    __attribute__((constructor)) static void add_##test(void)         \
    {                                                                 \
        static ctime_case c = {.name = #test, .run = run_##test};     \
        ctime_add(&c);                                                \
    }                                                                 \
    static void run_##test(void)
#define CTIME_PATHS(test) CTIME(test)
#define CTIME_LEAK(test) CTIME(test)

/* The call succeeds, and that it does is public. */
#define OK(call) CHECK((call) == MPCW_OK)
/* The same for a call that puts a new secret into `out`. */
#define OUT(call)              \
    do {                       \
        OK(call);              \
        mpcw_secret_free(out); \
    } while (0)

void ctime_hide(const void *p, size_t len);
void ctime_show(const void *p, size_t len);

/* Bytes from a fixed sequence, not hidden. */
void ctime_bytes(void *p, size_t len);
/* A new hidden secret: of such bytes, reduced to what the kind allows, or of given ones (big-endian). */
mpcw_secret *ctime_secret(mpcw_kind kind, size_t count, size_t size);
mpcw_secret *ctime_import(mpcw_kind kind, const uint8_t *bytes, size_t len, size_t count);

#endif
