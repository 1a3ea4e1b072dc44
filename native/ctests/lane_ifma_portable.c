#include "lane_ifma_portable.h"

#define MPCW_VEC52_PORTABLE
#include "../src/lane_ifma.c"
