/* Choice of the arithmetic engine. */
#include <stdlib.h>
#include <string.h>

#include "lane.h"
#include "mpcw/base.h"

/* The engine of each path for many numbers, by mpcw_path. */
static const struct {
    const char *name;
    const lane_ops *(*engine)(void);
} PATHS[] = {
    [MPCW_PATH_PORTABLE] = {"portable", lane_mpn},
    [MPCW_PATH_ADX] = {"adx", lane_adx},
    [MPCW_PATH_AVX2] = {"avx2", lane_avx2},
    [MPCW_PATH_IFMA] = {"ifma", lane_ifma},
};

/* The best path of this processor, or a lesser one named by MPCW_TEST_PATH, so that tests reach all of them. Every
 * path is constant time; the choice changes speed only. */
static mpcw_path best_path(void)
{
    const char *wish = getenv("MPCW_TEST_PATH");
    size_t path = MPCW_PATH_IFMA;
    for (size_t i = 0; wish && i < sizeof PATHS / sizeof *PATHS; i++)
        if (strcmp(wish, PATHS[i].name) == 0)
            path = i;
    while (!PATHS[path].engine()) /* every processor runs the portable one */
        path--;
    return (mpcw_path)path;
}

mpcw_path mpcw_path_in_use(void)
{
    static int chosen = -1;
    int path = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (path < 0) {
        path = (int)best_path();
        __atomic_store_n(&chosen, path, __ATOMIC_RELAXED);
    }
    return (mpcw_path)path;
}

const lane_ops *lane_single(size_t bits)
{
    (void)bits;
    if (mpcw_path_in_use() != MPCW_PATH_PORTABLE && lane_adx())
        return lane_adx();
    return lane_mpn();
}

const lane_ops *lane_many(size_t bits)
{
    const lane_ops *engine = PATHS[mpcw_path_in_use()].engine();
    return bits <= engine->bits_max ? engine : lane_single(bits);
}
