#include "mpcw/primes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lane.h"
#include "primality.h"
#include "rng.h"
#include "secret.h"
#include "sieve.h"

enum { BITS_MIN = MPCW_PRIME_BITS_MIN, BITS_MAX = MPCW_PRIME_BITS_MAX, COUNT_MAX = 64, THREADS_MAX = 256, ROUNDS = 64 };

struct mpcw_prime_search {
    mpcw_prime_kind kind;
    size_t bits, count;
    uint64_t expected_tests;
    /* Atomic: read and written from several threads. */
    int started, cancelled;
    uint64_t found, sieves, tests;
};

/* How far to sieve: primes below 2^bound_log, windows of 2^window_log candidates. Larger bounds save tests and cost
 * sieving; windows are long enough that most hold a prime. */
typedef struct effort {
    size_t bits_max;
    unsigned bound_log, window_log;
} effort;

static const effort SAFE_EFFORT[] = {
    {128, 10, 12}, {256, 12, 14}, {512, 16, 17}, {1024, 20, 20}, {BITS_MAX, 22, 21}};
static const effort BLUM_EFFORT[] = {{256, 8, 9}, {512, 12, 11}, {1024, 16, 12}, {BITS_MAX, 18, 12}};

static effort effort_for(mpcw_prime_kind kind, size_t bits)
{
    const effort *e = kind == MPCW_PRIME_SAFE ? SAFE_EFFORT : BLUM_EFFORT;
    while (e->bits_max < bits)
        e++;
    return *e;
}

/* A number without a factor up to B is prime with probability e^gamma ln B / ln x (Mertens); for a safe prime q and
 * p must both be, and p is tested when q has passed. */
static uint64_t expected_tests(mpcw_prime_kind kind, size_t bits, size_t count)
{
    const double one = 0.5615 * (double)bits / effort_for(kind, bits).bound_log;
    return (uint64_t)((kind == MPCW_PRIME_SAFE ? one * one + one : one) * (double)count + 1);
}

mpcw_status mpcw_prime_search_new(mpcw_prime_search **out, mpcw_prime_kind kind, size_t bits, size_t count)
{
    *out = NULL;
    if (kind != MPCW_PRIME_SAFE && kind != MPCW_PRIME_BLUM)
        return MPCW_E_KIND;
    if (bits < BITS_MIN || bits > BITS_MAX || bits % 64 != 0)
        return MPCW_E_RANGE;
    if (count == 0 || count > COUNT_MAX)
        return MPCW_E_LENGTH;
    /* public: the ordinary heap */
    mpcw_prime_search *s = calloc(1, sizeof *s);
    if (!s)
        return MPCW_E_MEMORY;
    *s = (mpcw_prime_search){
        .kind = kind, .bits = bits, .count = count, .expected_tests = expected_tests(kind, bits, count)};
    *out = s;
    return MPCW_OK;
}

void mpcw_prime_search_free(mpcw_prime_search *search)
{
    free(search);
}

mpcw_status mpcw_prime_search_cancel(mpcw_prime_search *search)
{
    if (!search)
        return MPCW_E_KIND;
    __atomic_store_n(&search->cancelled, 1, __ATOMIC_RELAXED);
    return MPCW_OK;
}

mpcw_status mpcw_prime_search_progress(mpcw_prime_progress *out, const mpcw_prime_search *search)
{
    *out = (mpcw_prime_progress){0};
    if (!search)
        return MPCW_E_KIND;
    *out = (mpcw_prime_progress){
        .found = __atomic_load_n(&search->found, __ATOMIC_RELAXED),
        .sieves = __atomic_load_n(&search->sieves, __ATOMIC_RELAXED),
        .tests = __atomic_load_n(&search->tests, __ATOMIC_RELAXED),
        .expected_tests = search->expected_tests,
    };
    return MPCW_OK;
}

/* One run: what its workers share. */
typedef struct run {
    mpcw_prime_search *search;
    const mpcw_secret *seed;
    const lane_ops *ops;
    effort effort;
    small_primes small;
    size_t limbs;
    pthread_mutex_t lock; /* of primes and status */
    mpcw_secret *primes;
    mpcw_status status;
    int stop; /* atomic */
} run;

/* One thread of a run, in secret memory. */
typedef struct worker {
    run *run;
    rng random;
    mp_limb_t start[BITS_MAX / 64];
    mp_limb_t numbers[LANES_MAX][BITS_MAX / 64];
    uint64_t *map;
} worker;

/* A candidate to test: itself, or its p = 2q + 1. */
typedef struct test {
    size_t position;
    bool doubled;
} test;

static bool is_safe(const run *r)
{
    return r->search->kind == MPCW_PRIME_SAFE;
}

static unsigned step_log(const run *r)
{
    return is_safe(r) ? 1 : 2;
}

static bool stopped(const run *r)
{
    return __atomic_load_n(&r->stop, __ATOMIC_RELAXED) || __atomic_load_n(&r->search->cancelled, __ATOMIC_RELAXED);
}

/* The window's first candidate: for safe primes a random odd q of one bit less than p, for Blum primes p = 3 mod 4;
 * the two top bits set. */
static void draw_start(worker *w)
{
    const run *r = w->run;
    const size_t n = r->limbs;
    const unsigned spare = is_safe(r) ? 1 : 0;
    mp_limb_t *end = w->numbers[0], overflow;
    do {
        rng_bytes(&w->random, w->start, n * sizeof *w->start);
        w->start[n - 1] = (w->start[n - 1] | (mp_limb_t)3 << 62) >> spare;
        w->start[0] |= is_safe(r) ? 1 : 3;
        overflow = mpn_add_1(end, w->start, (mp_size_t)n, (mp_limb_t)1 << (r->effort.window_log + step_log(r)));
        overflow |= spare ? end[n - 1] >> 63 : 0;
    } while (overflow); /* once in 2^40 draws or rarer */
}

static void set_number(mp_limb_t *number, const worker *w, test t)
{
    const mp_size_t n = (mp_size_t)w->run->limbs;
    mpn_add_1(number, w->start, n, (mp_limb_t)t.position << step_log(w->run));
    if (t.doubled) {
        mpn_lshift(number, number, n, 1);
        number[0] |= 1;
    }
}

/* Fermat's test of up to LANES_MAX numbers; bit k of *passed for tests[k]. */
static mpcw_status test_numbers(unsigned *passed, worker *w, const test *tests, size_t count)
{
    const run *r = w->run;
    const mp_limb_t *n[LANES_MAX];
    for (size_t k = 0; k < LANES_MAX; k++) {
        n[k] = w->numbers[k < count ? k : 0];
        if (k < count)
            set_number(w->numbers[k], w, tests[k]);
    }
    const mpcw_status status = primality_fermat(passed, r->ops, n, r->limbs);
    __atomic_add_fetch(&r->search->tests, count, __ATOMIC_RELAXED);
    *passed &= (1u << count) - 1;
    return status;
}

/* The candidate at position has passed all Fermat tests: *prime when it is one (q itself for a safe prime). */
static mpcw_status confirm(bool *prime, worker *w, size_t position)
{
    set_number(w->numbers[0], w, (test){.position = position});
    return primality_miller_rabin(prime, w->run->ops, w->numbers[0], w->run->limbs, &w->random, ROUNDS);
}

static void publish(worker *w, size_t position)
{
    run *r = w->run;
    const size_t size = r->limbs * sizeof(mp_limb_t);
    set_number(w->numbers[0], w, (test){.position = position, .doubled = is_safe(r)});
    pthread_mutex_lock(&r->lock);
    const uint64_t found = r->search->found;
    if (found < r->search->count) {
        memcpy(r->primes->data + found * size, w->numbers[0], size);
        __atomic_store_n(&r->search->found, found + 1, __ATOMIC_RELAXED);
        if (found + 1 == r->search->count)
            __atomic_store_n(&r->stop, 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&r->lock);
}

/* Sieve a fresh window and test its survivors in order, until one is a prime of the wanted kind (which is
 * published), the window is exhausted or the run stops. */
static mpcw_status search_window(worker *w)
{
    run *r = w->run;
    const size_t positions = (size_t)1 << r->effort.window_log;
    size_t next = 0, passed_q[LANES_MAX], waiting = 0;

    draw_start(w);
    sieve_mark(w->map, &(progression){w->start, r->limbs, positions, step_log(r), is_safe(r)}, &r->small);
    __atomic_add_fetch(&r->search->sieves, 1, __ATOMIC_RELAXED);

    while (!stopped(r)) {
        test tests[LANES_MAX];
        unsigned passed;
        size_t count = 0;
        /* p of the q that have passed, then further candidates */
        for (; count < waiting; count++)
            tests[count] = (test){passed_q[count], true};
        for (; count < r->ops->lanes; count++, next++) {
            next = sieve_next(w->map, positions, next);
            if (next == positions)
                break;
            tests[count] = (test){next, false};
        }
        if (count == 0)
            return MPCW_OK;
        mpcw_status status = test_numbers(&passed, w, tests, count);
        waiting = 0;
        for (size_t k = 0; status == MPCW_OK && k < count; k++) {
            bool prime;
            if (!(passed >> k & 1))
                continue;
            if (is_safe(r) && !tests[k].doubled) {
                passed_q[waiting++] = tests[k].position;
                continue;
            }
            status = confirm(&prime, w, tests[k].position);
            if (status == MPCW_OK && prime) {
                publish(w, tests[k].position);
                return MPCW_OK; /* the next prime starts from randomness of its own */
            }
        }
        if (status != MPCW_OK)
            return status;
    }
    return MPCW_OK;
}

static mpcw_status work(run *r, unsigned index)
{
    char label[16];
    mpcw_status status = MPCW_E_MEMORY;
    worker *w = secret_alloc(sizeof *w);
    if (!w)
        return status;
    w->run = r;
    w->map = secret_alloc(((size_t)1 << r->effort.window_log) / 8);
    if (!w->map)
        goto done;
    snprintf(label, sizeof label, "prime %u", index);
    status = rng_open(&w->random, r->seed, label);
    while (status == MPCW_OK && !stopped(r))
        status = search_window(w);
done:
    secret_free(w->map);
    secret_free(w);
    return status;
}

typedef struct thread {
    run *run;
    pthread_t id;
    unsigned index;
    bool running;
} thread;

static void *thread_main(void *argument)
{
    const thread *t = argument;
    run *r = t->run;
    const mpcw_status status = work(r, t->index);
    if (status != MPCW_OK) {
        pthread_mutex_lock(&r->lock);
        r->status = status;
        pthread_mutex_unlock(&r->lock);
        __atomic_store_n(&r->stop, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Work in the calling thread and count - 1 others; those that the system refuses are missed by speed only. */
static void run_threads(run *r, unsigned count)
{
    thread threads[THREADS_MAX];
    for (unsigned k = 0; k < count; k++)
        threads[k] = (thread){.run = r, .index = k};
    for (unsigned k = 1; k < count; k++)
        threads[k].running = pthread_create(&threads[k].id, NULL, thread_main, &threads[k]) == 0;
    thread_main(&threads[0]);
    for (unsigned k = 1; k < count; k++)
        if (threads[k].running)
            pthread_join(threads[k].id, NULL);
}

static size_t processors(void)
{
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > THREADS_MAX ? THREADS_MAX : (size_t)count;
}

mpcw_status mpcw_prime_search_run(mpcw_secret **out, mpcw_prime_search *search, size_t threads,
                                  const mpcw_secret *seed)
{
    run r = {.search = search, .seed = seed, .lock = PTHREAD_MUTEX_INITIALIZER};
    mpcw_status status = MPCW_OK;

    *out = NULL;
    if (!search)
        return MPCW_E_KIND;
    if (threads > THREADS_MAX)
        return MPCW_E_RANGE;
    if (seed && (status = secret_expect(seed, MPCW_KIND_SEED, 1, 0)) != MPCW_OK)
        return status;
    if (__atomic_exchange_n(&search->started, 1, __ATOMIC_RELAXED))
        return MPCW_E_USED;
    r.ops = lane_many(search->bits);
    r.effort = effort_for(search->kind, search->bits);
    r.limbs = search->bits / 64;
    if ((status = secret_new(&r.primes, MPCW_KIND_RESIDUE, search->count, search->bits / 8)) != MPCW_OK ||
        (status = small_primes_new(&r.small, (uint32_t)1 << r.effort.bound_log)) != MPCW_OK)
        goto done;

    run_threads(&r, (unsigned)(threads ? threads : processors()));
    status = r.status;
    if (status == MPCW_OK && search->found < search->count)
        status = MPCW_E_CANCELLED;
done:
    small_primes_free(&r.small);
    if (status != MPCW_OK)
        mpcw_secret_free(r.primes);
    else
        *out = r.primes;
    return status;
}
