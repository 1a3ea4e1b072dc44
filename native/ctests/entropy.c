/* getrandom as it may behave: interrupted, short, failing. This program's getrandom stands in for the library's. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "check.h"
#include "rng.h"

static int calls, fail_at;

ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    CHECK(flags == 0);
    calls++;
    if (fail_at && calls >= fail_at) {
        errno = ENOSYS;
        return -1;
    }
    if (calls % 2) {
        errno = EINTR;
        return -1;
    }
    if (length > 5)
        length = 5;
    memset(buffer, calls, length);
    return (ssize_t)length;
}

static void interrupted_and_short_reads_are_continued(void)
{
    static const uint8_t expected[12] = {2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6};
    uint8_t bytes[13] = {0};

    calls = fail_at = 0;
    CHECK(rng_system(bytes, 12) == MPCW_OK);
    CHECK(memcmp(bytes, expected, 12) == 0 && bytes[12] == 0);
}

static void failure_leaves_zeros_and_no_handle(void)
{
    static const uint8_t zero[sizeof(rng)];
    uint8_t bytes[12];
    mpcw_secret *seed = (mpcw_secret *)bytes;
    size_t used, mapped;
    rng r;

    fail_at = 4;
    calls = 0;
    CHECK(mpcw_random_public(bytes, sizeof bytes) == MPCW_E_ENTROPY);
    CHECK(memcmp(bytes, zero, sizeof bytes) == 0);
    calls = 0;
    CHECK(mpcw_seed_new(&seed) == MPCW_E_ENTROPY);
    CHECK(seed == NULL);
    CHECK(mpcw_secret_usage(&used, &mapped) == MPCW_OK && used == 0);
    calls = 0;
    CHECK(rng_open(&r, NULL, "label") == MPCW_E_ENTROPY);
    CHECK(memcmp(&r, zero, sizeof r) == 0);
}

int main(void)
{
    interrupted_and_short_reads_are_continued();
    failure_leaves_zeros_and_no_handle();
    return 0;
}
