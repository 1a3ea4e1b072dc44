/* Ring-Pedersen parameters of a peer. */
#include "fuzz.h"
#include "mpcw/ring_pedersen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    const size_t n_len = next_byte(&in) % 18, s_len = n_len + next_byte(&in) % 2, bits = 64 * (size_t)(next_byte(&in) % 4);
    uint8_t *n = next_bytes(&in, n_len), *s = next_bytes(&in, s_len), *t = next_bytes(&in, n_len);
    const mpcw_bytes n_bytes = {n, n_len}, s_bytes = {s, s_len}, t_bytes = {t, n_len};
    mpcw_ring_pedersen *rp;
    const mpcw_status status = mpcw_ring_pedersen_new(&rp, n_bytes, s_bytes, t_bytes, bits, 64);

    CHECK((status == MPCW_OK) == (rp != NULL));
    CHECK(status != MPCW_OK || (n_len == s_len && n_len % 8 == 0 && (n[n_len - 1] & 1)));
    mpcw_ring_pedersen_free(rp);
    free(n);
    free(s);
    free(t);
    return 0;
}
