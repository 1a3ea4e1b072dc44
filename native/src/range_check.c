/* Strict checks of single Pi-enc-elg and Pi-aff-g proofs (include/mpcw/range_proof.h): plain integers, public keys only. */
#include <stdlib.h>
#include <string.h>

#include "equations.h"
#include "mpcw/range_proof.h"
#include "point.h"
#include "scalar.h"
#include "secp.h"

#define MODULUS_BYTES_MAX 512
#define SIZE_BITS_MAX 8192 /* of ell, ell' and epsilon */

static mpcw_status expect_modulus(mpz_t n, mpcw_bytes bytes)
{
    if (bytes.len == 0 || bytes.len % 8 != 0 || bytes.len > MODULUS_BYTES_MAX)
        return MPCW_E_LENGTH;
    mpz_from_be(n, bytes.data, bytes.len);
    return mpz_odd_p(n) && mpz_sizeinbase(n, 2) > 8 * bytes.len - 64 ? MPCW_OK : MPCW_E_MODULUS;
}

/* x, a unit below n or, with square, below n^2: its bytes are full ones. */
static mpcw_status read_unit(mpz_t x, uint32_t *violations, mpcw_bytes bytes, const mpz_t n, size_t n_len, bool square)
{
    mpz_t t;
    if (bytes.len != n_len * (square ? 2 : 1))
        return MPCW_E_LENGTH;
    mpz_init(t);
    mpz_from_be(x, bytes.data, bytes.len);
    if (square)
        mpz_mul(t, n, n);
    else
        mpz_set(t, n);
    bool good = mpz_sgn(x) > 0 && mpz_cmp(x, t) < 0;
    mpz_gcd(t, x, n);
    good = good && mpz_cmp_ui(t, 1) == 0;
    if (!good)
        *violations |= MPCW_VIOLATES_UNIT;
    mpz_clear(t);
    return MPCW_OK;
}

static mpcw_status read_integer(mpz_t x, mpcw_bytes bytes, size_t bits)
{
    if (bytes.len != bits / 8)
        return MPCW_E_LENGTH;
    mpz_from_twos(x, bytes.data, bytes.len);
    return MPCW_OK;
}

static mpcw_status read_scalar(mpz_t x, scalar *s, uint32_t *violations, mpcw_bytes bytes)
{
    if (bytes.len != 32)
        return MPCW_E_LENGTH;
    if (scalar_from_be32(s, bytes.data))
        *violations |= MPCW_VIOLATES_CHALLENGE;
    mpz_from_be(x, bytes.data, bytes.len);
    return MPCW_OK;
}

static mpcw_status read_point(ge *p, uint32_t *violations, mpcw_bytes bytes)
{
    if (bytes.len != 64)
        return MPCW_E_LENGTH;
    if (ge_from_xy64_var(p, bytes.data) != MPCW_OK || p->infinity)
        *violations |= MPCW_VIOLATES_POINT;
    return MPCW_OK;
}

/* x modulo n, the order of secp256k1, for a z1 of at most ell + epsilon bits. */
static void scalar_from_mpz(scalar *s, const mpz_t x)
{
    mp_limb_t limbs[2 * SIZE_BITS_MAX / 64 + 1] = {0};
    mpz_export(limbs, NULL, -1, sizeof *limbs, 0, 0, x);
    scalar_from_int(s, limbs, mpz_size(x) + 1);
    if (mpz_sgn(x) < 0)
        scalar_neg(s, s);
}

/* sum k_i P_i = infinity */
static mpcw_status sum_is_infinity(bool *holds, const scalar *k, const ge *p, size_t n)
{
    gej sum;
    const mpcw_status status = gej_multi_mul_var(&sum, k, p, n);
    *holds = status == MPCW_OK && sum.infinity;
    return status;
}

/* a G + b P = Q + e R */
typedef struct curve_equation {
    const scalar *a, *b, *e;
    const ge *P, *Q, *R;
} curve_equation;

static mpcw_status expect_curve(uint32_t *violations, const curve_equation *q)
{
    scalar k[4];
    ge p[4];
    bool holds;
    ge_from_xy64_var(&p[0], SECP_G);
    k[0] = *q->a;
    p[1] = *q->P;
    k[1] = *q->b;
    scalar_set_u64(&k[2], 1);
    scalar_neg(&k[2], &k[2]);
    p[2] = *q->Q;
    scalar_neg(&k[3], q->e);
    p[3] = *q->R;
    const mpcw_status status = sum_is_infinity(&holds, k, p, 4);
    if (status == MPCW_OK && !holds)
        *violations |= MPCW_VIOLATES_CURVE;
    return status;
}

/* N^, s and t of a verifier. */
typedef struct pedersen {
    mpz_t n, s, t;
    size_t len;
} pedersen;

static void pedersen_init(pedersen *rp)
{
    mpz_inits(rp->n, rp->s, rp->t, NULL);
}

static void pedersen_clear(pedersen *rp)
{
    mpz_clears(rp->n, rp->s, rp->t, NULL);
}

static mpcw_status pedersen_read(pedersen *rp, const mpcw_pedersen_parameters *from)
{
    uint32_t violations = 0;
    mpcw_status status;
    rp->len = from->n.len;
    if ((status = expect_modulus(rp->n, from->n)) != MPCW_OK ||
        (status = read_unit(rp->s, &violations, from->s, rp->n, rp->len, false)) != MPCW_OK ||
        (status = read_unit(rp->t, &violations, from->t, rp->n, rp->len, false)) != MPCW_OK)
        return status;
    return violations ? MPCW_E_NOT_UNIT : MPCW_OK;
}

static mpcw_status verdict(uint32_t violations)
{
    return violations ? MPCW_REJECTED : MPCW_OK;
}

static bool sizes_fit(const mpcw_proof_sizes *s)
{
    return s->ell > 0 && s->ell % 64 == 0 && s->ell <= SIZE_BITS_MAX && s->ell_prime > 0 && s->ell_prime % 64 == 0 &&
           s->ell_prime <= SIZE_BITS_MAX && s->epsilon > 0 && s->epsilon % 64 == 0 && s->epsilon <= SIZE_BITS_MAX;
}

mpcw_status mpcw_enc_elg_check_var(uint32_t *violations, mpcw_bytes ni, const mpcw_pedersen_parameters *verifier,
                                   const mpcw_enc_elg_proof *f, const mpcw_proof_sizes *sizes)
{
    mpcw_status status;
    pedersen rp;
    mpz_t n, C, D, S, T, e, z1, z2, z3, w;
    scalar e_s, w_s, z1_s, zero;
    ge A, B, X, Y, Z;
    uint32_t v = 0;
    *violations = 0;
    if (!sizes_fit(sizes))
        return MPCW_E_LENGTH;
    const size_t wide = sizes->ell + sizes->epsilon;
    pedersen_init(&rp);
    mpz_inits(n, C, D, S, T, e, z1, z2, z3, w, NULL);
    scalar_set_u64(&zero, 0);
    if ((status = pedersen_read(&rp, verifier)) != MPCW_OK || (status = expect_modulus(n, ni)) != MPCW_OK ||
        (status = read_unit(C, &v, f->C, n, ni.len, true)) != MPCW_OK ||
        (status = read_unit(D, &v, f->D, n, ni.len, true)) != MPCW_OK ||
        (status = read_unit(z2, &v, f->z2, n, ni.len, false)) != MPCW_OK ||
        (status = read_unit(S, &v, f->S, rp.n, rp.len, false)) != MPCW_OK ||
        (status = read_unit(T, &v, f->T, rp.n, rp.len, false)) != MPCW_OK ||
        (status = read_integer(z1, f->z1, wide)) != MPCW_OK ||
        (status = read_integer(z3, f->z3, wide + 8 * rp.len)) != MPCW_OK ||
        (status = read_scalar(e, &e_s, &v, f->e)) != MPCW_OK || (status = read_scalar(w, &w_s, &v, f->w)) != MPCW_OK ||
        (status = read_point(&A, &v, f->A)) != MPCW_OK || (status = read_point(&B, &v, f->B)) != MPCW_OK ||
        (status = read_point(&X, &v, f->X)) != MPCW_OK || (status = read_point(&Y, &v, f->Y)) != MPCW_OK ||
        (status = read_point(&Z, &v, f->Z)) != MPCW_OK || v != 0)
        goto done;
    scalar_from_mpz(&z1_s, z1);
    /* z1 G + w A = Y + e X and w G = Z + e B */
    const curve_equation first = {&z1_s, &w_s, &e_s, &A, &Y, &X}, second = {&w_s, &zero, &e_s, &A, &Z, &B};
    if ((status = expect_curve(&v, &first)) != MPCW_OK || (status = expect_curve(&v, &second)) != MPCW_OK)
        goto done;
    if (!encryption_holds_var(n, D, C, e, z1, z2))
        v |= MPCW_VIOLATES_PAILLIER;
    if (!pedersen_holds_var(rp.n, rp.s, rp.t, T, S, e, z1, z3))
        v |= MPCW_VIOLATES_PEDERSEN;
done:
    pedersen_clear(&rp);
    mpz_clears(n, C, D, S, T, e, z1, z2, z3, w, NULL);
    if (status != MPCW_OK)
        return status;
    *violations = v;
    return verdict(v);
}

mpcw_status mpcw_aff_g_check_var(uint32_t *violations, mpcw_bytes ni, mpcw_bytes nj,
                                 const mpcw_pedersen_parameters *verifier, const mpcw_aff_g_proof *f,
                                 const mpcw_proof_sizes *sizes)
{
    mpcw_status status;
    pedersen rp;
    mpz_t n_i, n_j, C, D, Y, A, B_y, E, S, F, T, e, z1, z2, z3, z4, w, w_y;
    scalar e_s, z1_s, zero;
    ge X, B_x;
    uint32_t v = 0;
    *violations = 0;
    if (!sizes_fit(sizes))
        return MPCW_E_LENGTH;
    const size_t wide = sizes->ell + sizes->epsilon, wider = sizes->ell_prime + sizes->epsilon;
    pedersen_init(&rp);
    mpz_inits(n_i, n_j, C, D, Y, A, B_y, E, S, F, T, e, z1, z2, z3, z4, w, w_y, NULL);
    scalar_set_u64(&zero, 0);
    if ((status = pedersen_read(&rp, verifier)) != MPCW_OK || (status = expect_modulus(n_i, ni)) != MPCW_OK ||
        (status = expect_modulus(n_j, nj)) != MPCW_OK || (status = read_unit(C, &v, f->C, n_j, nj.len, true)) != MPCW_OK ||
        (status = read_unit(D, &v, f->D, n_j, nj.len, true)) != MPCW_OK ||
        (status = read_unit(A, &v, f->A, n_j, nj.len, true)) != MPCW_OK ||
        (status = read_unit(Y, &v, f->Y, n_i, ni.len, true)) != MPCW_OK ||
        (status = read_unit(B_y, &v, f->B_y, n_i, ni.len, true)) != MPCW_OK ||
        (status = read_unit(E, &v, f->E, rp.n, rp.len, false)) != MPCW_OK ||
        (status = read_unit(S, &v, f->S, rp.n, rp.len, false)) != MPCW_OK ||
        (status = read_unit(F, &v, f->F, rp.n, rp.len, false)) != MPCW_OK ||
        (status = read_unit(T, &v, f->T, rp.n, rp.len, false)) != MPCW_OK ||
        (status = read_unit(w, &v, f->w, n_j, nj.len, false)) != MPCW_OK ||
        (status = read_unit(w_y, &v, f->w_y, n_i, ni.len, false)) != MPCW_OK ||
        (status = read_integer(z1, f->z1, wide)) != MPCW_OK || (status = read_integer(z2, f->z2, wider)) != MPCW_OK ||
        (status = read_integer(z3, f->z3, wide + 8 * rp.len)) != MPCW_OK ||
        (status = read_integer(z4, f->z4, wide + 8 * rp.len)) != MPCW_OK ||
        (status = read_scalar(e, &e_s, &v, f->e)) != MPCW_OK || (status = read_point(&X, &v, f->X)) != MPCW_OK ||
        (status = read_point(&B_x, &v, f->B_x)) != MPCW_OK || v != 0)
        goto done;
    scalar_from_mpz(&z1_s, z1);
    /* z1 G = B_x + e X */
    const curve_equation curve = {&z1_s, &zero, &e_s, &X, &B_x, &X};
    if ((status = expect_curve(&v, &curve)) != MPCW_OK)
        goto done;
    if (!affine_holds_var(n_j, C, D, A, e, z1, z2, w))
        v |= MPCW_VIOLATES_PAILLIER;
    if (!encryption_holds_var(n_i, B_y, Y, e, z2, w_y))
        v |= MPCW_VIOLATES_PLAINTEXT;
    if (!pedersen_holds_var(rp.n, rp.s, rp.t, E, S, e, z1, z3) || !pedersen_holds_var(rp.n, rp.s, rp.t, F, T, e, z2, z4))
        v |= MPCW_VIOLATES_PEDERSEN;
done:
    pedersen_clear(&rp);
    mpz_clears(n_i, n_j, C, D, Y, A, B_y, E, S, F, T, e, z1, z2, z3, z4, w, w_y, NULL);
    if (status != MPCW_OK)
        return status;
    *violations = v;
    return verdict(v);
}
