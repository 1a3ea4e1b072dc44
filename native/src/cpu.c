/* Choice of the arithmetic engine. */
#include <stdlib.h>
#include <string.h>

#include "lane.h"
#include "mpcw/base.h"

/* The best path of this processor, or a lesser one named by MPCW_TEST_PATH, so that tests reach all of them. Every
 * path is constant time; the choice changes speed only. */
static mpcw_path best_path(void)
{
    const char *wish = getenv("MPCW_TEST_PATH");
    const bool portable = wish && strcmp(wish, "portable") == 0;
    const bool adx = wish && strcmp(wish, "adx") == 0;
    if (!portable && !adx && lane_avx2())
        return MPCW_PATH_AVX2;
    return !portable && lane_adx() ? MPCW_PATH_ADX : MPCW_PATH_PORTABLE;
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
    if (mpcw_path_in_use() == MPCW_PATH_AVX2 && bits <= lane_avx2()->bits_max)
        return lane_avx2();
    return lane_single(bits);
}
