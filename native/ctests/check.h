/* Claims of the C tests. */
#ifndef MPCW_CTESTS_CHECK_H
#define MPCW_CTESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(claim)                                                         \
    do {                                                                     \
        if (!(claim)) {                                                      \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim); \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

#endif
