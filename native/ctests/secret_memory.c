#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "poison.h"
#include "secret.h"

/* everything together fits the usual 8 MiB of locked memory of a user */
enum { SLOTS = 1000, STEPS = 200000, MIB = 1 << 20 };

static uint64_t next_random(uint64_t *state)
{
    /* xorshift64: a fixed sequence for each seed */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t some_size(uint64_t *state)
{
    uint64_t x = next_random(state);

    if (x % 1000 == 0)
        return (size_t)(x >> 20) % (MIB + MIB / 4);
    if (x % 10 == 0)
        return (size_t)(x >> 20) % 20000;
    return (size_t)(x >> 20) % 600;
}

static void usage(size_t *used, size_t *mapped)
{
    CHECK(mpcw_secret_usage(used, mapped) == MPCW_OK);
}

static int is_filled(const uint8_t *p, size_t size, uint8_t byte)
{
    return size == 0 || (p[0] == byte && memcmp(p, p + 1, size - 1) == 0);
}

/* Allocations and frees at random: a model remembers what every block holds. */
static void hammer(uint64_t seed, int steps, size_t slots_len)
{
    struct {
        uint8_t *p;
        size_t size;
        uint8_t byte;
    } *slots = calloc(slots_len, sizeof *slots);
    uint64_t state = seed;

    CHECK(slots);
    for (int step = 0; step < steps; step++) {
        size_t k = next_random(&state) % slots_len;
        if (slots[k].p) {
            CHECK(is_filled(slots[k].p, slots[k].size, slots[k].byte));
            secret_free(slots[k].p);
            slots[k].p = NULL;
            continue;
        }
        slots[k].size = some_size(&state);
        slots[k].byte = (uint8_t)(next_random(&state) | 1);
        slots[k].p = secret_alloc(slots[k].size);
        CHECK(slots[k].p);
        CHECK((uintptr_t)slots[k].p % 64 == 0);
        CHECK(is_filled(slots[k].p, slots[k].size, 0));
        memset(slots[k].p, slots[k].byte, slots[k].size);
    }
    for (size_t k = 0; k < slots_len; k++)
        if (slots[k].p) {
            CHECK(is_filled(slots[k].p, slots[k].size, slots[k].byte));
            secret_free(slots[k].p);
        }
    free(slots);
}

static void blocks_keep_what_the_model_says(void)
{
    size_t used, mapped;

    hammer(0x9e3779b97f4a7c15, STEPS, SLOTS);
    usage(&used, &mapped);
    CHECK(used == 0);
}

/* After everything is freed one chunk is left, and it is one free block again. */
static void freed_neighbours_join(void)
{
    size_t used, mapped, again;

    usage(&used, &mapped);
    CHECK(used == 0 && mapped > 0);
    void *whole = secret_alloc(mapped);
    CHECK(whole);
    usage(&used, &again);
    CHECK(used == mapped && again == mapped);
    secret_free(whole);
}

static void freed_memory_is_zero(void)
{
    uint8_t *keep = secret_alloc(64), *block = secret_alloc(1000);

    CHECK(keep && block);
    memset(block, 0xa5, 1000);
    secret_free(block);
    unpoison(block, 1000);
    CHECK(is_filled(block, 1000, 0)); /* keep holds the chunk */
    secret_free(keep);
}

static void empty_chunks_are_given_back_but_one(void)
{
    size_t used, mapped;
    void *blocks[4];

    for (int k = 0; k < 4; k++)
        CHECK((blocks[k] = secret_alloc(MIB + MIB / 2)));
    usage(&used, &mapped);
    CHECK(used == 6 * MIB && mapped >= used);
    for (int k = 0; k < 4; k++)
        secret_free(blocks[k]);
    usage(&used, &mapped);
    CHECK(used == 0 && mapped == MIB + MIB / 2);
}

static void odd_frees_are_ignored(void)
{
    uint8_t *block = secret_alloc(200);
    size_t used, mapped;
    int elsewhere;

    block[100] = 1;
    secret_free(&elsewhere);
    secret_free(block + 64);
    usage(&used, &mapped);
    CHECK(used == 256 && block[100] == 1);
    secret_free(block);
    secret_free(block);
    usage(&used, &mapped);
    CHECK(used == 0);
}

static int dies_by_segv(void (*act)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would turn it into an exit */
        act();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/* a block of this size has a chunk of its own */
static void write_behind_the_chunk(void)
{
    volatile uint8_t *p = secret_alloc(2 * MIB);
    p[2 * MIB] = 1;
}

static void write_before_the_chunk(void)
{
    volatile uint8_t *p = secret_alloc(2 * MIB);
    p[-1] = 1;
}

static void write_inside_the_chunk(void)
{
    volatile uint8_t *p = secret_alloc(2 * MIB);
    p[0] = 1;
    p[2 * MIB - 1] = 1;
}

static void guard_pages_stop_an_overrun(void)
{
    CHECK(dies_by_segv(write_behind_the_chunk));
    CHECK(dies_by_segv(write_before_the_chunk));
    CHECK(!dies_by_segv(write_inside_the_chunk));
}

/* A sanitizer's report ends a child of its own. */
static void sanitizer_stops_an_overrun_inside_a_chunk(void)
{
#ifdef __SANITIZE_ADDRESS__
    int status;

    for (int excess = 0; excess < 3; excess++) {
        pid_t child = fork();
        if (child == 0) {
            volatile uint8_t *p = secret_alloc(100);
            freopen("/dev/null", "w", stderr);
            if (excess == 2)
                secret_free((void *)p);
            p[99 + (excess == 1)] = 1;
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && (excess == 0) == (status == 0));
    }
#endif
}

static long locked_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "r");

    CHECK(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmLck: %ld", &kib) == 1)
            break;
    fclose(f);
    return kib;
}

/* Sanitizers make mlock do nothing. */
static int mlock_is_real(void)
{
    static char page[1];
    long before = locked_kib(), after;

    CHECK(mlock(page, sizeof page) == 0);
    after = locked_kib();
    CHECK(munlock(page, sizeof page) == 0);
    return after > before;
}

static void child_locks_memory_of_its_own_and_leaves_the_parents(void)
{
    uint8_t *inherited = secret_alloc(1000);
    int status;
    pid_t child;

    memset(inherited, 0x5a, 1000);
    child = fork();
    if (child == 0) {
        size_t used, mapped;
        CHECK(is_filled(inherited, 1000, 0));
        secret_free(inherited);
        usage(&used, &mapped);
        CHECK(used == 0 && mapped == 0);
        uint8_t *own = secret_alloc(1000);
        CHECK(own && (own + MIB <= inherited || own >= inherited + 1000));
        usage(&used, &mapped);
        CHECK(used == 1024 && mapped == MIB);
        CHECK(!mlock_is_real() || locked_kib() == 1024);
        hammer(3, 2000, 100);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(is_filled(inherited, 1000, 0x5a));
    secret_free(inherited);
}

static void locked_pages_are_counted_by_the_kernel(void)
{
    size_t used, mapped;
    void *block = secret_alloc(3 * MIB);

    usage(&used, &mapped);
    CHECK(!mlock_is_real() || locked_kib() == (long)(mapped / 1024));
    secret_free(block);
}

static void *hammer_in_thread(void *seed)
{
    hammer((uint64_t)(uintptr_t)seed, STEPS / 10, SLOTS / 8);
    return NULL;
}

static void threads_share_the_arena_while_others_fork(void)
{
    pthread_t threads[4];
    size_t used, mapped;
    int status;

    for (uintptr_t k = 0; k < 4; k++)
        CHECK(pthread_create(&threads[k], NULL, hammer_in_thread, (void *)(k + 1)) == 0);
    for (int k = 0; k < 20; k++) {
        pid_t child = fork();
        if (child == 0) {
            void *block = secret_alloc(100); /* hangs if the lock came over taken */
            secret_free(block);
            _exit(block == NULL);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    for (int k = 0; k < 4; k++)
        CHECK(pthread_join(threads[k], NULL) == 0);
    usage(&used, &mapped);
    CHECK(used == 0);
}

int main(void)
{
    blocks_keep_what_the_model_says();
    freed_neighbours_join();
    freed_memory_is_zero();
    empty_chunks_are_given_back_but_one();
    odd_frees_are_ignored();
    guard_pages_stop_an_overrun();
    sanitizer_stops_an_overrun_inside_a_chunk();
    child_locks_memory_of_its_own_and_leaves_the_parents();
    locked_pages_are_counted_by_the_kernel();
    threads_share_the_arena_while_others_fork();
    return 0;
}
