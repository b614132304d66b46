/*
 * head.S - from a PVH loader's 32-bit entry to C in the high half.
 *
 * In:   ebx = physical address of struct hvm_start_info; protected mode, flat segments, paging off,
 *       interrupts masked, no stack. (Xen: docs/misc/pvh.pandoc)
 * Does: long mode on tables that map the first GiB three times (identity, direct map, image) with
 *       2 MiB pages; then x86_start(start_info) on m0's g0 stack.
 * The tables, which allow everything, are left for good by vm_init(); each further core passes over
 * them once more (ap.S), since it starts below 1 MiB.
 */
#include "arch/x86_64/offsets.h"
#include "kernel/layout.h"

#define PHYS(sym) (sym - KERNEL_BASE)

#define CR0_PE  0x1
#define CR0_MP  0x2
#define CR0_ET  0x10
#define CR0_NE  0x20
#define CR0_WP  0x10000
#define CR0_PG  0x80000000
#define CR4_PAE 0x20

#define EFER_MSR 0xc0000080
#define EFER_LME 0x100
#define EFER_NXE 0x800

#define PTE_P_W    0x3
#define PTE_P_W_PS 0x83

    .section .note.Xen, "a", @note
    .long 4, 8, 18              /* name bytes, descriptor bytes, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad PHYS(pvh_entry)

    .section .head, "ax"
    .code32
    .globl pvh_entry
pvh_entry:
    cli
    cld
    mov %ebx, %edi              /* survives to become x86_start()'s argument */

    /* The time of entry, for the boot log. */
    rdtsc
    mov %eax, PHYS(boot_tsc)
    mov %edx, PHYS(boot_tsc) + 4

    /* The first GiB in 2 MiB pages. */
    mov $PHYS(boot_pd), %ecx
    mov $PTE_P_W_PS, %eax
1:  mov %eax, (%ecx)
    movl $0, 4(%ecx)
    add $8, %ecx
    add $0x200000, %eax
    cmp $PHYS(boot_pd) + 4096, %ecx
    jb 1b

    /* pml4: 0 identity, 256 direct map, 511 image. The tables themselves are zero (BSS). */
    movl $PHYS(boot_pd) + PTE_P_W, PHYS(boot_pdpt_low)
    movl $PHYS(boot_pd) + PTE_P_W, PHYS(boot_pdpt_high) + 510 * 8
    movl $PHYS(boot_pdpt_low) + PTE_P_W, PHYS(boot_pml4)
    movl $PHYS(boot_pdpt_low) + PTE_P_W, PHYS(boot_pml4) + 256 * 8
    movl $PHYS(boot_pdpt_high) + PTE_P_W, PHYS(boot_pml4) + 511 * 8

    mov $PHYS(boot_pml4), %eax
    mov %eax, %cr3
    mov $CR4_PAE, %eax
    mov %eax, %cr4
    mov $EFER_MSR, %ecx
    xor %edx, %edx
    mov $EFER_LME | EFER_NXE, %eax
    wrmsr
    mov $CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG, %eax
    mov %eax, %cr0
    lgdt PHYS(boot_gdtr)
    ljmp $SEL_CODE, $PHYS(long_mode)

    .code64
long_mode:
    movabs $1f, %rax
    jmp *%rax
1:  mov $SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $m0_stack_hi, %rsp
    xor %ebp, %ebp
    mov %edi, %edi              /* the upper half is undefined after a mode switch */
    call x86_start
    ud2

    .section .rodata, "a"
    .balign 8
    .globl boot_gdt
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff    /* SEL_CODE: 64-bit, ring 0 */
    .quad 0x00cf93000000ffff    /* SEL_DATA */
boot_gdtr:
    .word . - boot_gdt - 1
    .quad PHYS(boot_gdt)        /* 32-bit code takes the low four bytes */

    .section .sealed, "aw"
    .balign 8
    .globl boot_tsc
boot_tsc:
    .quad 0

    .section .boot.bss, "aw", @nobits
    .balign 4096
    .globl boot_pml4
boot_pml4:
    .skip 4096
boot_pdpt_low:
    .skip 4096
boot_pdpt_high:
    .skip 4096
boot_pd:
    .skip 4096

    .section .note.GNU-stack, "", @progbits
