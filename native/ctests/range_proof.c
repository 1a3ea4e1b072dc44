/* Memory and results of the provers, the strict checks and the batches. */
#include "mpcw/range_proof.h"

#include "keys.h"
#include "mpcw/batch.h"
#include "mpcw/curve.h"
#include "point.h"
#include "scalar.h"
#include "secp.h"
#include "secret.h"

#define COUNT_MAX 9
#define POINT 64

static const mpcw_proof_sizes SIZES = {64, 64, 320};

/* ---- secret scalars times points, for which the core wants libsecp256k1 ---- */

static void combine(uint8_t *xy64, const uint8_t *a32, const uint8_t *b32, const uint8_t *point)
{
    scalar k[2];
    ge p[2], r;
    gej sum;
    CHECK(scalar_from_be32(&k[0], a32) == 0 && scalar_from_be32(&k[1], b32) == 0);
    CHECK(ge_from_xy64_var(&p[0], SECP_G) == MPCW_OK && ge_from_xy64_var(&p[1], point) == MPCW_OK);
    CHECK(gej_multi_mul_var(&sum, k, p, 2) == MPCW_OK);
    ge_from_gej_var(&r, &sum);
    ge_to_xy64_var(xy64, &r);
}

mpcw_status mpcw_points_mul_base(uint8_t *out, size_t out_len, const mpcw_secret *k)
{
    static const uint8_t ZERO[32];
    if (out_len != POINT * k->count)
        return MPCW_E_LENGTH;
    for (size_t i = 0; i < k->count; i++)
        combine(out + POINT * i, k->data + 32 * i, ZERO, SECP_G);
    return MPCW_OK;
}

mpcw_status mpcw_points_mul_add_secret(uint8_t *out, size_t out_len, const mpcw_secret *a, const mpcw_secret *b,
                                       const uint8_t *points, size_t points_len)
{
    if (out_len != POINT * a->count || points_len != out_len)
        return MPCW_E_LENGTH;
    for (size_t i = 0; i < a->count; i++)
        combine(out + POINT * i, a->data + 32 * i, b->data + 32 * i, points + POINT * i);
    return MPCW_OK;
}

/* ---- columns, each a block of its own ---- */

typedef struct columns {
    size_t count, used;
    uint8_t *blocks[32];
} columns;

static mpcw_buffer room(columns *c, size_t width)
{
    mpcw_buffer b = {malloc(c->count * width), c->count * width};
    CHECK(b.data && c->used < sizeof c->blocks / sizeof *c->blocks);
    return (c->blocks[c->used++] = b.data, b);
}

static mpcw_bytes all(mpcw_buffer b)
{
    return (mpcw_bytes){b.data, b.len};
}

static mpcw_bytes item(mpcw_buffer b, size_t count, size_t i)
{
    return (mpcw_bytes){b.data + i * (b.len / count), b.len / count};
}

static void release(columns *c)
{
    while (c->used > 0)
        free(c->blocks[--c->used]);
}

/* Challenges below the order: the highest bit is clear. */
static mpcw_buffer challenges(columns *c)
{
    mpcw_buffer e = room(c, 32);
    CHECK(mpcw_random_public(e.data, e.len) == MPCW_OK);
    for (size_t at = 0; at < e.len; at += 32)
        e.data[at] &= 0x7f;
    return e;
}

/* ---- the two parties ---- */

typedef struct parties {
    size_t size; /* bytes of all moduli */
    mpcw_paillier_secret *own, *peer;
    mpcw_paillier *own_pub, *peer_pub;
    uint8_t n_own[N_MAX], n_peer[N_MAX], nst[3][N_MAX];
    mpcw_ring_pedersen *rp;
    mpcw_ring_pedersen_secret *trapdoor;
    mpcw_pedersen_parameters verifier;
} parties;

static void open_parties(parties *p, const key_size *size)
{
    const size_t n = p->size = 2 * size->prime;
    p->own = paillier_key(size, 0);
    p->peer = paillier_key(size, 1);
    CHECK(mpcw_paillier_public(&p->own_pub, p->own) == MPCW_OK);
    CHECK(mpcw_paillier_public(&p->peer_pub, p->peer) == MPCW_OK);
    CHECK(mpcw_paillier_n(p->n_own, n, p->own_pub) == MPCW_OK);
    CHECK(mpcw_paillier_n(p->n_peer, n, p->peer_pub) == MPCW_OK);
    p->trapdoor = pedersen_key(&p->rp, p->nst, size, SIZES.ell_prime + SIZES.epsilon, SIZES.ell + SIZES.epsilon + 8 * n);
    p->verifier = (mpcw_pedersen_parameters){{p->nst[0], n}, {p->nst[1], n}, {p->nst[2], n}};
}

static void close_parties(parties *p)
{
    mpcw_ring_pedersen_free(p->rp);
    mpcw_ring_pedersen_secret_free(p->trapdoor);
    mpcw_paillier_free(p->own_pub);
    mpcw_paillier_free(p->peer_pub);
    mpcw_paillier_secret_free(p->own);
    mpcw_paillier_secret_free(p->peer);
}

/* A verdict of good, and of exactly the last item when a byte of it is changed. */
#define CHECK_BATCH(call, changed, count)                                             \
    do {                                                                              \
        uint8_t flags[COUNT_MAX];                                                     \
        const mpcw_buffer bad = {flags, (count)};                                     \
        CHECK((call) == MPCW_OK);                                                     \
        (changed).data[(changed).len - 1] ^= 1;                                       \
        CHECK((call) == MPCW_REJECTED);                                               \
        for (size_t k = 0; k < (count); k++)                                          \
            CHECK(flags[k] == (k + 1 == (count)));                                    \
        (changed).data[(changed).len - 1] ^= 1;                                       \
    } while (0)

static void enc_elg_proofs_hold(const parties *p, size_t count)
{
    const size_t n = p->size, wide = (SIZES.ell + SIZES.epsilon) / 8;
    columns c = {.count = count};
    mpcw_secret *x, *x_scalar, *rho, *b;
    mpcw_prover *prover;
    CHECK(mpcw_ints_random(&x, count, SIZES.ell, NULL) == MPCW_OK);
    CHECK(mpcw_scalars_from_ints(&x_scalar, x) == MPCW_OK && mpcw_scalars_random(&b, NULL, count) == MPCW_OK);
    const mpcw_buffer C = room(&c, 2 * n), A = room(&c, POINT), B = room(&c, POINT), X = room(&c, POINT);
    CHECK(mpcw_paillier_encrypt_own(C.data, C.len, &rho, p->own, NULL, x, NULL) == MPCW_OK);
    CHECK(mpcw_points_mul_base(A.data, A.len, b) == MPCW_OK && mpcw_points_mul_base(B.data, B.len, b) == MPCW_OK);
    CHECK(mpcw_points_mul_add_secret(X.data, X.len, x_scalar, b, A.data, A.len) == MPCW_OK);
    const mpcw_enc_elg_witness witness = {x, rho, b, all(A)};
    const mpcw_enc_elg_commitment m = {room(&c, n), room(&c, n), room(&c, 2 * n), room(&c, POINT), room(&c, POINT)};
    const mpcw_enc_elg_response z = {room(&c, wide), room(&c, n), room(&c, wide + n), room(&c, 32)};
    const mpcw_buffer e = challenges(&c);
    CHECK(mpcw_enc_elg_commit(&prover, &m, p->own, NULL, p->rp, &witness, &SIZES, NULL) == MPCW_OK);
    CHECK(mpcw_enc_elg_respond(&z, prover, all(e)) == MPCW_OK);
    for (size_t i = 0; i < count; i++) {
        uint32_t violations;
        const mpcw_enc_elg_proof f = {
            item(C, count, i),   item(A, count, i),   item(B, count, i),    item(X, count, i),    item(m.S, count, i),
            item(m.T, count, i), item(m.D, count, i), item(m.Y, count, i),  item(m.Z, count, i),  item(e, count, i),
            item(z.z1, count, i), item(z.z2, count, i), item(z.z3, count, i), item(z.w, count, i)};
        CHECK(mpcw_enc_elg_check_var(&violations, (mpcw_bytes){p->n_own, n}, &p->verifier, &f, &SIZES) == MPCW_OK);
    }
    const mpcw_encryption_equations v1 = {all(m.D), all(C), all(e), all(z.z1), all(z.z2)};
    const mpcw_pedersen_equations v2 = {all(m.T), all(m.S), all(e), all(z.z1), all(z.z3)};
    CHECK_BATCH(mpcw_verify_encryptions_var(bad, p->own_pub, &v1, NULL), z.z2, count);
    CHECK_BATCH(mpcw_verify_own_encryptions(bad, p->own, &v1, NULL), z.z2, count);
    CHECK_BATCH(mpcw_verify_pedersen(bad, p->trapdoor, &v2, NULL), z.z3, count);
    CHECK(mpcw_enc_elg_respond(&z, prover, all(e)) == MPCW_E_USED && z.z1.data[0] == 0);
    mpcw_prover_free(prover);
    mpcw_secret *secrets[] = {x, x_scalar, rho, b};
    for (size_t i = 0; i < 4; i++)
        mpcw_secret_free(secrets[i]);
    release(&c);
}

static void aff_g_proofs_hold(const parties *p, size_t count)
{
    const size_t n = p->size, wide = (SIZES.ell + SIZES.epsilon) / 8, wider = (SIZES.ell_prime + SIZES.epsilon) / 8;
    columns c = {.count = count};
    mpcw_secret *k, *d, *x, *y, *x_scalar, *rho, *rho_y, *rho_c;
    mpcw_prover *prover;
    CHECK(mpcw_ints_random(&k, count, SIZES.ell, NULL) == MPCW_OK);
    CHECK(mpcw_ints_random(&x, count, SIZES.ell, NULL) == MPCW_OK);
    CHECK(mpcw_ints_random(&y, count, SIZES.ell_prime, NULL) == MPCW_OK);
    CHECK(mpcw_scalars_from_ints(&x_scalar, x) == MPCW_OK);
    const mpcw_buffer C = room(&c, 2 * n), D = room(&c, 2 * n), Y = room(&c, 2 * n), X = room(&c, POINT);
    CHECK(mpcw_paillier_encrypt_own(C.data, C.len, &rho_c, p->peer, NULL, k, NULL) == MPCW_OK);
    CHECK(mpcw_paillier_affine(D.data, D.len, &rho, p->peer_pub, NULL, C.data, C.len, x, y, NULL) == MPCW_OK);
    CHECK(mpcw_paillier_encrypt_own(Y.data, Y.len, &rho_y, p->own, NULL, y, NULL) == MPCW_OK);
    CHECK(mpcw_points_mul_base(X.data, X.len, x_scalar) == MPCW_OK);
    const mpcw_aff_g_keys keys = {p->own, NULL, p->peer_pub, NULL, p->rp};
    const mpcw_aff_g_witness witness = {x, y, rho, rho_y, all(C)};
    const mpcw_aff_g_commitment m = {room(&c, 2 * n), room(&c, POINT), room(&c, 2 * n), room(&c, n),
                                     room(&c, n),     room(&c, n),     room(&c, n)};
    const mpcw_aff_g_response z = {room(&c, wide),     room(&c, wider), room(&c, wide + n),
                                   room(&c, wide + n), room(&c, n),     room(&c, n)};
    const mpcw_buffer e = challenges(&c);
    CHECK(mpcw_aff_g_commit(&prover, &m, &keys, &witness, &SIZES, NULL) == MPCW_OK);
    CHECK(mpcw_aff_g_respond(&z, prover, all(e)) == MPCW_OK);
    for (size_t i = 0; i < count; i++) {
        uint32_t violations;
        const mpcw_aff_g_proof f = {
            item(C, count, i),    item(D, count, i),    item(Y, count, i),    item(X, count, i),    item(m.A, count, i),
            item(m.B_x, count, i), item(m.B_y, count, i), item(m.E, count, i), item(m.S, count, i),  item(m.F, count, i),
            item(m.T, count, i),  item(e, count, i),    item(z.z1, count, i), item(z.z2, count, i), item(z.z3, count, i),
            item(z.z4, count, i), item(z.w, count, i),  item(z.w_y, count, i)};
        CHECK(mpcw_aff_g_check_var(&violations, (mpcw_bytes){p->n_own, n}, (mpcw_bytes){p->n_peer, n}, &p->verifier, &f,
                                   &SIZES) == MPCW_OK);
    }
    CHECK(mpcw_paillier_decrypt(&d, p->peer, D.data, D.len) == MPCW_OK);
    const mpcw_affine_equations v3 = {all(C), all(D), all(m.A), all(e), all(z.z1), all(z.z2), all(z.w), k, d};
    CHECK_BATCH(mpcw_verify_affine(bad, p->peer, &v3, NULL), z.w, count);
    mpcw_prover_free(prover);
    mpcw_secret *secrets[] = {k, d, x, y, x_scalar, rho, rho_y, rho_c};
    for (size_t i = 0; i < 8; i++)
        mpcw_secret_free(secrets[i]);
    release(&c);
}

/* The widest z1 that sizes allow: 16384 bits. */
static void the_widest_integers_are_checked(const parties *p)
{
    static const mpcw_proof_sizes widest = {8192, 8192, 8192};
    const size_t n = p->size;
    columns c = {.count = 1};
    uint32_t violations;
    const mpcw_buffer unit = room(&c, n), square = room(&c, 2 * n), z = room(&c, 2048), z3 = room(&c, 2048 + n);
    const mpcw_buffer one = room(&c, 32);
    const mpcw_bytes G = {SECP_G, POINT};
    memset(unit.data, 0, n);
    memset(square.data, 0, 2 * n);
    memset(one.data, 0, 32);
    unit.data[n - 1] = square.data[2 * n - 1] = one.data[31] = 1;
    memset(z.data, 0x80, z.len);
    memset(z3.data, 0x7f, z3.len);
    const mpcw_enc_elg_proof f = {all(square), G, G,        G,      all(unit), all(unit), all(square),
                                  G,           G, all(one), all(z), all(unit), all(z3),   all(one)};
    CHECK(mpcw_enc_elg_check_var(&violations, (mpcw_bytes){p->n_own, n}, &p->verifier, &f, &widest) == MPCW_REJECTED);
    CHECK(violations == (MPCW_VIOLATES_PAILLIER | MPCW_VIOLATES_CURVE | MPCW_VIOLATES_PEDERSEN));
    release(&c);
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        parties p;
        open_parties(&p, &KEY_SIZES[i]);
        for (size_t count = 1; count <= COUNT_MAX; count += 2) {
            enc_elg_proofs_hold(&p, count);
            aff_g_proofs_hold(&p, count);
        }
        the_widest_integers_are_checked(&p);
        close_parties(&p);
    }
    return 0;
}
