/* Rows of eight limbs by mulx, adcx and adox: two carry chains run through one row of products.
 * System V calling convention; constant time: no branch but the counters of public lengths. */
#if defined(__x86_64__)

    .text

/* A0 .. A7, the row, += rdx * a[0..8); the finished lowest limb goes to \out, and A0 becomes the highest.
 * Before it A0 += \in. Clobbers rax, rcx. */
.macro ROW in, out, A0, A1, A2, A3, A4, A5, A6, A7
    xorl %eax, %eax
    .ifnb \in
    adoxq \in, \A0
    .endif
    mulxq 0(%rsi), %rax, %rcx
    adcxq %rax, \A0
    .ifnb \out
    movq \A0, \out
    .endif
    adoxq %rcx, \A1
    mulxq 8(%rsi), %rax, %rcx
    adcxq %rax, \A1
    adoxq %rcx, \A2
    mulxq 16(%rsi), %rax, %rcx
    adcxq %rax, \A2
    adoxq %rcx, \A3
    mulxq 24(%rsi), %rax, %rcx
    adcxq %rax, \A3
    adoxq %rcx, \A4
    mulxq 32(%rsi), %rax, %rcx
    adcxq %rax, \A4
    adoxq %rcx, \A5
    mulxq 40(%rsi), %rax, %rcx
    adcxq %rax, \A5
    adoxq %rcx, \A6
    mulxq 48(%rsi), %rax, %rcx
    adcxq %rax, \A6
    adoxq %rcx, \A7
    mulxq 56(%rsi), %rax, \A0
    adcxq %rax, \A7
    movl $0, %eax
    adcxq %rax, \A0
    adoxq %rax, \A0
.endm

.macro ROW_OF_B j, A0, A1, A2, A3, A4, A5, A6, A7
    movq 8*\j(%rbp), %rdx
    ROW 8*\j(%rdi), 8*\j(%rdi), \A0, \A1, \A2, \A3, \A4, \A5, \A6, \A7
.endm

/* The quotient digit makes the lowest limb zero. */
.macro ROW_OF_Q j, A0, A1, A2, A3, A4, A5, A6, A7
    movq %rbx, %rdx
    imulq \A0, %rdx
    movq %rdx, 8*\j(%rbp)
    ROW , , \A0, \A1, \A2, \A3, \A4, \A5, \A6, \A7
.endm

.macro EIGHT_ROWS row
    \row 0, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15
    \row 1, %r9, %r10, %r11, %r12, %r13, %r14, %r15, %r8
    \row 2, %r10, %r11, %r12, %r13, %r14, %r15, %r8, %r9
    \row 3, %r11, %r12, %r13, %r14, %r15, %r8, %r9, %r10
    \row 4, %r12, %r13, %r14, %r15, %r8, %r9, %r10, %r11
    \row 5, %r13, %r14, %r15, %r8, %r9, %r10, %r11, %r12
    \row 6, %r14, %r15, %r8, %r9, %r10, %r11, %r12, %r13
    \row 7, %r15, %r8, %r9, %r10, %r11, %r12, %r13, %r14
.endm

.macro SAVE
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro RESTORE
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
.endm

.macro LOAD_ROW from
    movq 0(\from), %r8
    movq 8(\from), %r9
    movq 16(\from), %r10
    movq 24(\from), %r11
    movq 32(\from), %r12
    movq 40(\from), %r13
    movq 48(\from), %r14
    movq 56(\from), %r15
.endm

.macro STORE_ROW to
    movq %r8, 0(\to)
    movq %r9, 8(\to)
    movq %r10, 16(\to)
    movq %r11, 24(\to)
    movq %r12, 32(\to)
    movq %r13, 40(\to)
    movq %r14, 48(\to)
    movq %r15, 56(\to)
.endm

/* void adx_rows(uint64_t *t, const uint64_t a[8], const uint64_t *b, size_t blocks, uint64_t row[8])
 * row and t[0 .. 8 blocks) += a * b[0 .. 8 blocks), where row stands at t[0] before and behind them after. */
    .globl adx_rows
    .hidden adx_rows
    .type adx_rows, @function
    .p2align 5
adx_rows:
    SAVE
    pushq %r8
    movq %rdx, %rbp
    movq %rcx, %rbx
    movq %r8, %rax
    LOAD_ROW %rax
    testq %rbx, %rbx
    jz 2f
    .p2align 5
1:
    EIGHT_ROWS ROW_OF_B
    addq $64, %rdi
    addq $64, %rbp
    decq %rbx
    jnz 1b
2:
    popq %rax
    STORE_ROW %rax
    RESTORE
    ret
    .size adx_rows, .-adx_rows

/* void adx_quotients(uint64_t row[8], const uint64_t n[8], uint64_t ninv, uint64_t q[8])
 * Eight quotient digits of the Montgomery reduction; row becomes (row + q * n) / 2^512. */
    .globl adx_quotients
    .hidden adx_quotients
    .type adx_quotients, @function
    .p2align 5
adx_quotients:
    SAVE
    pushq %rdi
    movq %rdx, %rbx
    movq %rcx, %rbp
    LOAD_ROW %rdi
    EIGHT_ROWS ROW_OF_Q
    popq %rdi
    STORE_ROW %rdi
    RESTORE
    ret
    .size adx_quotients, .-adx_quotients

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", @progbits
#endif
