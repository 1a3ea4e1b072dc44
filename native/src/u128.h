/* Double-width products of 64-bit limbs. */
#ifndef MPCW_SRC_U128_H
#define MPCW_SRC_U128_H

#include <stdint.h>

__extension__ typedef unsigned __int128 u128;

#endif
