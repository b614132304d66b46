/*
 * semihost.S - int64_t semihost(uint64_t op, uint64_t parameter)
 */
    .text
    .globl semihost, semihost_hlt, semihost_absent
    .type semihost, %function
semihost:
semihost_hlt:
    hlt #0xf000
    ret
semihost_absent:
    mov x0, #-1
    ret
    .size semihost, . - semihost

    .section .note.GNU-stack, "", %progbits
