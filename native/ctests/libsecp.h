/* libsecp256k1 for the C tests: the one inside coincurve's extension module, which also ships with the wheel. */
#ifndef MPCW_CTESTS_LIBSECP_H
#define MPCW_CTESTS_LIBSECP_H

/* Load MPCW_LIBSECP256K1, a path given at compile time, into the C core; ends the program with 77 (skipped) when there is none. */
void libsecp_load(void);

#endif
