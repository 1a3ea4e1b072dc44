/* The prover's side of Pi-enc-elg and Pi-aff-g. */
#include "mpcw/range_proof.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "integer.h"
#include "limbs.h"
#include "mpcw/curve.h"
#include "randomness.h"
#include "ring_pedersen.h"
#include "scalar.h"

typedef enum proof_kind { ENC_ELG = 1, AFF_G = 2 } proof_kind;

/* Integer secrets m of a response m + e w, by their place in the state. */
enum { ALPHA, BETA, GAMMA, DELTA, X, Y, M, MU, MASKS };

struct mpcw_prover {
    proof_kind kind;
    uint64_t generation;
    int used;
    size_t count;
    const mpcw_paillier_secret *own;
    const mpcw_paillier *peer;
    mpcw_secret *integer[MASKS];
    mpcw_secret *r, *rho;     /* modulo N_i for Pi-enc-elg, N_j for Pi-aff-g */
    mpcw_secret *r_y, *rho_y; /* modulo N_i, Pi-aff-g */
    mpcw_secret *beta_scalar, *b;
};

void mpcw_prover_free(mpcw_prover *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < MASKS; i++)
        mpcw_secret_free(p->integer[i]);
    mpcw_secret *others[] = {p->r, p->rho, p->r_y, p->rho_y, p->beta_scalar, p->b};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        mpcw_secret_free(others[i]);
    free(p);
}

static mpcw_status expect_sizes(const mpcw_proof_sizes *s)
{
    const size_t each[] = {s->ell, s->ell_prime, s->epsilon};
    for (size_t i = 0; i < 3; i++)
        if (each[i] == 0 || each[i] % 64 != 0 || each[i] > 8192)
            return MPCW_E_LENGTH;
    return MPCW_OK;
}

static mpcw_status keep(mpcw_secret **to, const mpcw_secret *from, mpcw_kind kind, size_t count, size_t size_max)
{
    const mpcw_status status = secret_expect(from, kind, count, 0);
    if (status != MPCW_OK)
        return status;
    if (from->size > size_max)
        return MPCW_E_LENGTH;
    return mpcw_secret_slice(to, from, 0, count);
}

static mpcw_status prover_new(mpcw_prover **out, proof_kind kind, size_t count)
{
    mpcw_prover *p = calloc(1, sizeof *p);
    if (!p)
        return MPCW_E_MEMORY;
    p->kind = kind;
    p->generation = secret_generation();
    p->count = count;
    *out = p;
    return MPCW_OK;
}

/* A seed of its own for one of the draws inside. */
static mpcw_status subseed(mpcw_secret **out, rng *r)
{
    const mpcw_status status = secret_new(out, MPCW_KIND_SEED, 1, 32);
    if (status == MPCW_OK)
        rng_bytes(r, (*out)->data, 32);
    return status;
}

static void clear(const mpcw_buffer *buffers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (buffers[i].data)
            memset(buffers[i].data, 0, buffers[i].len);
}

mpcw_status mpcw_enc_elg_commit(mpcw_prover **prover, const mpcw_enc_elg_commitment *out, const mpcw_paillier_secret *own,
                                const mpcw_randomness *own_table, const mpcw_ring_pedersen *verifier,
                                const mpcw_enc_elg_witness *witness, const mpcw_proof_sizes *sizes,
                                const mpcw_secret *seed)
{
    const mpcw_buffer outs[] = {out->S, out->T, out->D, out->Y, out->Z};
    mpcw_prover *p = NULL;
    mpcw_secret *alpha = NULL, *inner = NULL;
    rng r = {0};
    mpcw_status status;
    *prover = NULL;
    clear(outs, 5);
    if ((status = paillier_secret_expect(own)) != MPCW_OK || (status = ring_pedersen_expect(verifier)) != MPCW_OK ||
        (status = expect_sizes(sizes)) != MPCW_OK || (status = secret_expect(witness->x, MPCW_KIND_INT, 0, 0)) != MPCW_OK)
        return status;
    const size_t n = witness->x->count, wide = sizes->ell + sizes->epsilon;
    if ((status = rng_open(&r, seed, "enc-elg")) != MPCW_OK ||
        (status = prover_new(&p, ENC_ELG, n)) != MPCW_OK ||
        (status = keep(&p->integer[X], witness->x, MPCW_KIND_INT, n, sizes->ell / 8)) != MPCW_OK ||
        (status = keep(&p->rho, witness->rho, MPCW_KIND_RESIDUE, n, 8 * own->pub->limbs)) != MPCW_OK ||
        (status = keep(&p->b, witness->b, MPCW_KIND_SCALAR, n, 32)) != MPCW_OK)
        goto done;
    p->own = own;
    if (p->rho->size != 8 * own->pub->limbs) {
        status = MPCW_E_LENGTH;
        goto done;
    }
    if ((status = int_random(&p->integer[ALPHA], n, wide, &r)) != MPCW_OK ||
        (status = int_random_multiple(&p->integer[MU], n, sizes->ell, verifier->n, verifier->limbs, &r)) != MPCW_OK ||
        (status = int_random_multiple(&p->integer[GAMMA], n, wide, verifier->n, verifier->limbs, &r)) != MPCW_OK ||
        (status = subseed(&inner, &r)) != MPCW_OK ||
        (status = mpcw_scalars_random(&p->beta_scalar, inner, n)) != MPCW_OK ||
        (status = mpcw_scalars_from_ints(&alpha, p->integer[ALPHA])) != MPCW_OK ||
        /* S = s^x t^mu, T = s^alpha t^gamma */
        (status = ring_pedersen_commit(verifier,
                                       (pedersen_column[]){{p->integer[X], p->integer[MU], out->S},
                                                           {p->integer[ALPHA], p->integer[GAMMA], out->T}},
                                       2)) != MPCW_OK ||
        /* D = Enc_i(alpha; r) */
        (status = mpcw_paillier_encrypt_own(out->D.data, out->D.len, &p->r, own, own_table, p->integer[ALPHA], inner)) !=
            MPCW_OK ||
        /* Y = beta A + alpha G, Z = beta G */
        (status = mpcw_points_mul_add_secret(out->Y.data, out->Y.len, alpha, p->beta_scalar, witness->A.data,
                                             witness->A.len)) != MPCW_OK ||
        (status = mpcw_points_mul_base(out->Z.data, out->Z.len, p->beta_scalar)) != MPCW_OK)
        goto done;
    *prover = p;
    p = NULL;
done:
    if (status != MPCW_OK)
        clear(outs, 5);
    mpcw_secret_free(alpha);
    mpcw_secret_free(inner);
    mpcw_prover_free(p);
    rng_close(&r);
    return status;
}

mpcw_status mpcw_aff_g_commit(mpcw_prover **prover, const mpcw_aff_g_commitment *out, const mpcw_aff_g_keys *keys,
                              const mpcw_aff_g_witness *witness, const mpcw_proof_sizes *sizes,
                              const mpcw_secret *seed)
{
    const mpcw_buffer outs[] = {out->A, out->B_x, out->B_y, out->E, out->S, out->F, out->T};
    const mpcw_ring_pedersen *verifier = keys->verifier;
    mpcw_prover *p = NULL;
    mpcw_secret *alpha = NULL, *inner[2] = {NULL, NULL};
    rng r = {0};
    mpcw_status status;
    *prover = NULL;
    clear(outs, 7);
    if ((status = paillier_secret_expect(keys->own)) != MPCW_OK || (status = paillier_expect(keys->peer)) != MPCW_OK ||
        (status = ring_pedersen_expect(verifier)) != MPCW_OK || (status = expect_sizes(sizes)) != MPCW_OK ||
        (status = secret_expect(witness->x, MPCW_KIND_INT, 0, 0)) != MPCW_OK)
        return status;
    const size_t n = witness->x->count, wide = sizes->ell + sizes->epsilon;
    const size_t own_size = 8 * keys->own->pub->limbs, peer_size = 8 * keys->peer->limbs;
    if ((status = rng_open(&r, seed, "aff-g")) != MPCW_OK ||
        (status = prover_new(&p, AFF_G, n)) != MPCW_OK ||
        (status = keep(&p->integer[X], witness->x, MPCW_KIND_INT, n, sizes->ell / 8)) != MPCW_OK ||
        (status = keep(&p->integer[Y], witness->y, MPCW_KIND_INT, n, sizes->ell_prime / 8)) != MPCW_OK ||
        (status = keep(&p->rho, witness->rho, MPCW_KIND_RESIDUE, n, peer_size)) != MPCW_OK ||
        (status = keep(&p->rho_y, witness->rho_y, MPCW_KIND_RESIDUE, n, own_size)) != MPCW_OK)
        goto done;
    p->own = keys->own;
    p->peer = keys->peer;
    if (p->rho->size != peer_size || p->rho_y->size != own_size) {
        status = MPCW_E_LENGTH;
        goto done;
    }
    const mp_limb_t *nh = verifier->n;
    if ((status = int_random(&p->integer[ALPHA], n, wide, &r)) != MPCW_OK ||
        (status = int_random(&p->integer[BETA], n, sizes->ell_prime + sizes->epsilon, &r)) != MPCW_OK ||
        (status = int_random_multiple(&p->integer[GAMMA], n, wide, nh, verifier->limbs, &r)) != MPCW_OK ||
        (status = int_random_multiple(&p->integer[DELTA], n, wide, nh, verifier->limbs, &r)) != MPCW_OK ||
        (status = int_random_multiple(&p->integer[M], n, sizes->ell, nh, verifier->limbs, &r)) != MPCW_OK ||
        (status = int_random_multiple(&p->integer[MU], n, sizes->ell, nh, verifier->limbs, &r)) != MPCW_OK ||
        (status = subseed(&inner[0], &r)) != MPCW_OK || (status = subseed(&inner[1], &r)) != MPCW_OK ||
        (status = mpcw_scalars_from_ints(&alpha, p->integer[ALPHA])) != MPCW_OK ||
        /* A = C^alpha Enc_j(beta; r), B_x = alpha G, B_y = Enc_i(beta; r_y) */
        (status = mpcw_paillier_affine(out->A.data, out->A.len, &p->r, keys->peer, keys->peer_table, witness->C.data,
                                       witness->C.len, p->integer[ALPHA], p->integer[BETA], inner[0])) != MPCW_OK ||
        (status = mpcw_points_mul_base(out->B_x.data, out->B_x.len, alpha)) != MPCW_OK ||
        (status = mpcw_paillier_encrypt_own(out->B_y.data, out->B_y.len, &p->r_y, keys->own, keys->own_table,
                                            p->integer[BETA], inner[1])) != MPCW_OK ||
        /* E = s^alpha t^gamma, S = s^x t^m, F = s^beta t^delta, T = s^y t^mu */
        (status = ring_pedersen_commit(verifier,
                                       (pedersen_column[]){{p->integer[ALPHA], p->integer[GAMMA], out->E},
                                                           {p->integer[X], p->integer[M], out->S},
                                                           {p->integer[BETA], p->integer[DELTA], out->F},
                                                           {p->integer[Y], p->integer[MU], out->T}},
                                       4)) != MPCW_OK)
        goto done;
    *prover = p;
    p = NULL;
done:
    if (status != MPCW_OK)
        clear(outs, 7);
    mpcw_secret_free(alpha);
    mpcw_secret_free(inner[0]);
    mpcw_secret_free(inner[1]);
    mpcw_prover_free(p);
    rng_close(&r);
    return status;
}

/* Challenges as limbs, [count][CHALLENGE_LIMBS]; MPCW_E_RANGE for one that is not below n. */
static mpcw_status read_challenges(mp_limb_t *e, mpcw_bytes bytes, size_t count)
{
    if (bytes.len != 32 * count)
        return MPCW_E_LENGTH;
    for (size_t i = 0; i < count; i++) {
        scalar s;
        if (scalar_from_be32(&s, bytes.data + 32 * i))
            return MPCW_E_RANGE;
        limbs_from_be(e + CHALLENGE_LIMBS * i, CHALLENGE_LIMBS, bytes.data + 32 * i, 32);
    }
    return MPCW_OK;
}

/* out_i = mask_i + e_i witness_i, as wide as the mask. */
static mpcw_status respond_integers(mpcw_buffer out, const mpcw_secret *mask, const mpcw_secret *witness,
                                    const mp_limb_t *e)
{
    const size_t size = mask->size;
    if (out.len != mask->count * size)
        return MPCW_E_LENGTH;
    mpcw_status status = MPCW_OK;
    for (size_t i = 0; i < mask->count && status == MPCW_OK; i++)
        status = int_respond(out.data + i * size, size, int_item(mask, i), size / 8, e + CHALLENGE_LIMBS * i,
                             int_item(witness, i), witness->size / 8);
    return status;
}

/* The lanes of a group: r rho^e modulo the lanes' modulus, as a vector. */
static mpcw_status respond_lanes(const lane *l, uint64_t *v, const mpcw_secret *r, const mpcw_secret *rho,
                                 const mp_limb_t *e, size_t first, size_t count)
{
    const size_t limbs = r->size / 8;
    const mp_limb_t *each[LANES_MAX];
    mpcw_status status;
    uint64_t *t = lane_vectors(l, 1);
    if (!t)
        return MPCW_E_MEMORY;
    for (size_t k = 0; k < LANES_MAX; k++)
        each[k] = e + CHALLENGE_LIMBS * (first + (k < count ? k : 0));
    if ((status = lane_enter_items(l, v, int_item(rho, first), limbs, limbs, count, 1)) == MPCW_OK &&
        (status = lane_enter_items(l, t, int_item(r, first), limbs, limbs, count, 1)) == MPCW_OK &&
        (status = lane_pow_var(l, v, v, 1, each, 256)) == MPCW_OK)
        l->m->ops->mul(l, v, v, t);
    secret_free(t);
    return status;
}

/* out_i = r_i rho_i^(e_i) modulo N_j (peer) or N_i (own, by p and q). */
static mpcw_status respond_units(mpcw_buffer out, const mpcw_paillier *peer, const mpcw_paillier_secret *own,
                                 const mpcw_secret *r, const mpcw_secret *rho, const mp_limb_t *e)
{
    const mpcw_paillier *key = peer ? peer : own->pub;
    const size_t n = key->limbs, lanes = key->many->ops->lanes;
    lane lp = {0}, lq = {0};
    uint64_t *v = NULL;
    mpcw_status status;
    if (out.len != r->count * r->size)
        return MPCW_E_LENGTH;
    if ((status = lane_open(&lp, peer ? peer->many : own->p)) != MPCW_OK ||
        (!peer && (status = lane_open(&lq, own->q)) != MPCW_OK))
        goto done;
    v = secret_alloc((2 * lp.m->width + lanes * n) * sizeof *v);
    if (!v) {
        status = MPCW_E_MEMORY;
        goto done;
    }
    uint64_t *w = v + lp.m->width;
    mp_limb_t *x = w + lp.m->width;
    for (size_t i = 0; i < r->count; i += lanes) {
        const size_t now = r->count - i < lanes ? r->count - i : lanes;
        if ((status = respond_lanes(&lp, v, r, rho, e, i, now)) != MPCW_OK)
            goto done;
        if (peer)
            status = lane_leave(&lp, x, v);
        else if ((status = respond_lanes(&lq, w, r, rho, e, i, now)) == MPCW_OK)
            status = paillier_crt(&lp, &lq, own, x, v, w, now);
        if (status != MPCW_OK)
            goto done;
        ct_declassify(x, now * n * sizeof *x); /* for the verifier */
        for (size_t k = 0; k < now; k++)
            limbs_to_be(out.data + (i + k) * 8 * n, 8 * n, x + k * n, n);
    }
done:
    secret_free(v);
    lane_close(&lp);
    lane_close(&lq);
    return status;
}

/* The first call gets MPCW_OK, every later one MPCW_E_USED, whatever else fails. */
static mpcw_status use_up(mpcw_prover *p, proof_kind kind)
{
    if (!p || p->kind != kind)
        return MPCW_E_KIND;
    if (p->generation != secret_generation())
        return MPCW_E_FORKED;
    return __atomic_exchange_n(&p->used, 1, __ATOMIC_SEQ_CST) ? MPCW_E_USED : MPCW_OK;
}

mpcw_status mpcw_enc_elg_respond(const mpcw_enc_elg_response *out, mpcw_prover *p, mpcw_bytes e)
{
    const mpcw_buffer outs[] = {out->z1, out->z2, out->z3, out->w};
    mp_limb_t *limbs = NULL;
    clear(outs, 4);
    mpcw_status status = use_up(p, ENC_ELG);
    if (status != MPCW_OK)
        return status;
    if (out->w.len != 32 * p->count)
        return MPCW_E_LENGTH;
    limbs = calloc(p->count, CHALLENGE_LIMBS * sizeof *limbs);
    if (!limbs)
        return MPCW_E_MEMORY;
    if ((status = read_challenges(limbs, e, p->count)) != MPCW_OK ||
        (status = respond_integers(out->z1, p->integer[ALPHA], p->integer[X], limbs)) != MPCW_OK ||
        (status = respond_integers(out->z3, p->integer[GAMMA], p->integer[MU], limbs)) != MPCW_OK ||
        (status = respond_units(out->z2, NULL, p->own, p->r, p->rho, limbs)) != MPCW_OK)
        goto done;
    for (size_t i = 0; i < p->count; i++) {
        scalar beta, b, challenge;
        scalar_from_be32(&beta, p->beta_scalar->data + 32 * i);
        scalar_from_be32(&b, p->b->data + 32 * i);
        scalar_from_be32(&challenge, e.data + 32 * i);
        scalar_mul(&b, &b, &challenge);
        scalar_add(&b, &b, &beta);
        scalar_to_be32(out->w.data + 32 * i, &b);
        ct_declassify(out->w.data + 32 * i, 32); /* for the verifier */
        ct_cleanse(&beta, sizeof beta);
        ct_cleanse(&b, sizeof b);
    }
done:
    if (status != MPCW_OK)
        clear(outs, 4);
    free(limbs);
    return status;
}

mpcw_status mpcw_aff_g_respond(const mpcw_aff_g_response *out, mpcw_prover *p, mpcw_bytes e)
{
    const mpcw_buffer outs[] = {out->z1, out->z2, out->z3, out->z4, out->w, out->w_y};
    clear(outs, 6);
    mpcw_status status = use_up(p, AFF_G);
    if (status != MPCW_OK)
        return status;
    mp_limb_t *limbs = calloc(p->count, CHALLENGE_LIMBS * sizeof *limbs);
    if (!limbs)
        return MPCW_E_MEMORY;
    if ((status = read_challenges(limbs, e, p->count)) != MPCW_OK ||
        (status = respond_integers(out->z1, p->integer[ALPHA], p->integer[X], limbs)) != MPCW_OK ||
        (status = respond_integers(out->z2, p->integer[BETA], p->integer[Y], limbs)) != MPCW_OK ||
        (status = respond_integers(out->z3, p->integer[GAMMA], p->integer[M], limbs)) != MPCW_OK ||
        (status = respond_integers(out->z4, p->integer[DELTA], p->integer[MU], limbs)) != MPCW_OK ||
        (status = respond_units(out->w, p->peer, NULL, p->r, p->rho, limbs)) != MPCW_OK ||
        (status = respond_units(out->w_y, NULL, p->own, p->r_y, p->rho_y, limbs)) != MPCW_OK)
        clear(outs, 6);
    free(limbs);
    return status;
}
