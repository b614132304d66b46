/*
 * ap.S - where a further core begins: real mode, at the page that the start-up IPI names.
 *
 * smp.c copies [ap_trampoline, ap_trampoline_end) to that page. cs holds the page's segment, all other
 * state is reset. The way up is head.S's, over the same tables; then the core finds its own APIC id in
 * the list that smp.c made and takes the struct m beside it.
 */
#include "arch/x86_64/offsets.h"
#include "kernel/layout.h"

#define PHYS(sym) (sym - KERNEL_BASE)
#define HERE(sym) (sym - ap_trampoline)

    .section .rodata, "a"
    .balign 16
    .globl ap_trampoline, ap_trampoline_end
    .code16
ap_trampoline:
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    movzwl %ax, %ebx
    shl $4, %ebx                /* linear address of this page */
    lgdtl HERE(ap_gdtr)

    mov $0x20, %eax             /* CR4.PAE */
    mov %eax, %cr4
    mov $PHYS(boot_pml4), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx       /* EFER: LME, NXE */
    xor %edx, %edx
    mov $0x900, %eax
    wrmsr
    mov $0x80010033, %eax       /* CR0: PG WP NE ET MP PE */
    mov %eax, %cr0
    ljmpl $SEL_CODE, $PHYS(ap_long_mode)

    .balign 4
ap_gdtr:
    .word 23
    .long PHYS(boot_gdt)
ap_trampoline_end:

    .text
    .code64
    /* The image is mapped at its physical address too, in the boot tables. */
ap_long_mode:
    movabs $1f, %rax
    jmp *%rax
1:  mov $SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov ap_root_phys(%rip), %rax
    mov %rax, %cr3              /* the final tables: m and its stack are mapped only there */

    /* This core's APIC id: leaf 0xb has all 32 bits of it, leaf 1 the low 8. */
    xor %eax, %eax
    cpuid
    cmp $0xb, %eax
    jb 2f
    mov $0xb, %eax
    xor %ecx, %ecx
    cpuid
    test %ebx, %ebx             /* no levels: the leaf is not there after all */
    jnz 3f
2:  mov $1, %eax
    cpuid
    shr $24, %ebx
    mov %ebx, %edx

3:  xor %ecx, %ecx
4:  cmp ap_count(%rip), %ecx
    jae 6f
    mov ap_ms(,%rcx,8), %rdi
    cmp %edx, ap_ids(,%rcx,4)
    je 5f
    inc %ecx
    jmp 4b

5:  mov M_G0(%rdi), %rax
    mov G_SP(%rax), %rsp
    xor %ebp, %ebp
    call ap_start               /* ap_start(m) */
6:  cli                         /* nobody asked for this core */
    hlt
    jmp 6b

    .section .note.GNU-stack, "", @progbits
