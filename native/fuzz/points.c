/* Encodings of points: libsecp256k1 accepts the same ones, and what is accepted is written as it was. */
#include "fuzz.h"
#include "libsecp.h"
#include "mpcw/curve.h"
#include "secp.h"

static int libsecp_accepts(const uint8_t *bytes, size_t len)
{
    secp_pubkey key;

    return secp_get()->ec_pubkey_parse(secp_get()->context, &key, bytes, len);
}

static void compressed(input *in)
{
    uint8_t *sec1 = next_bytes(in, 33), *xy = next_bytes(in, 64), again[33];
    static const uint8_t zero[33];
    const mpcw_status status = mpcw_points_parse_var(xy, 64, sec1, 33, 0);

    CHECK(status == (libsecp_accepts(sec1, 33) ? MPCW_OK : MPCW_E_POINT));
    if (status == MPCW_OK) {
        CHECK(mpcw_points_serialize_var(again, 33, xy, 64) == MPCW_OK && memcmp(again, sec1, 33) == 0);
    } else {
        CHECK((mpcw_points_parse_var(xy, 64, sec1, 33, 1) == MPCW_OK) == (memcmp(sec1, zero, 33) == 0));
    }
    free(sec1);
    free(xy);
}

static void coordinates(input *in)
{
    uint8_t *sec1 = next_bytes(in, 33), *xy = next_bytes(in, 64), sec65[65] = {4};
    static const uint8_t zero[64];
    const mpcw_status status = mpcw_points_serialize_var(sec1, 33, xy, 64);

    memcpy(sec65 + 1, xy, 64);
    CHECK(status == (memcmp(xy, zero, 64) == 0 || libsecp_accepts(sec65, 65) ? MPCW_OK : MPCW_E_POINT));
    free(sec1);
    free(xy);
}

static void x_only(input *in)
{
    uint8_t *x = next_bytes(in, 32), *xy = next_bytes(in, 64);
    secp_pubkey key;
    const mpcw_status status = mpcw_points_lift_x_var(xy, 64, x, 32);

    CHECK(status == (secp_get()->xonly_pubkey_parse(secp_get()->context, &key, x) ? MPCW_OK : MPCW_E_POINT));
    if (status == MPCW_OK)
        CHECK(memcmp(xy, x, 32) == 0 && (xy[63] & 1) == 0);
    free(x);
    free(xy);
}

/* any lengths of any public function */
static void lengths(input *in)
{
    const size_t out_len = next_byte(in), scalars_len = next_byte(in), points_len = next_byte(in);
    uint8_t *out = next_bytes(in, out_len), *scalars = next_bytes(in, scalars_len), *points = next_bytes(in, points_len);
    const uint32_t places[3] = {1, 2, 7};

    (void)mpcw_points_parse_var(out, out_len, points, points_len, 1);
    (void)mpcw_points_lift_x_var(out, out_len, points, points_len);
    (void)mpcw_points_serialize_var(out, out_len, points, points_len);
    (void)mpcw_points_sum_var(out, out_len, points, points_len);
    (void)mpcw_points_mul_var(out, out_len, scalars, scalars_len, points, points_len);
    (void)mpcw_points_multi_mul_var(out, out_len, scalars, scalars_len, points, points_len);
    (void)mpcw_points_eval_poly_var(out, out_len, points, points_len, places, out_len / 64 < 3 ? out_len / 64 : 3);
    free(out);
    free(scalars);
    free(points);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    void (*const targets[])(input *) = {compressed, coordinates, x_only, lengths};

    if (!secp_get())
        libsecp_load();
    targets[next_byte(&in) % 4](&in);
    return 0;
}
