/* The IFMA engine in plain C: the same source on vectors that are arrays, for valgrind, for sanitizers, and for processors
 * without the instructions. */
#ifndef MPCW_CTESTS_LANE_IFMA_PORTABLE_H
#define MPCW_CTESTS_LANE_IFMA_PORTABLE_H

#include "lane.h"

const lane_ops *lane_ifma_portable(void);

#endif
