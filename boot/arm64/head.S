/*
 * head.S - the Linux arm64 image header, and the way from a loader's entry to C in the high half.
 *
 * In:   MMU off, interrupts masked, EL2 or EL1, x0 = physical address of the device tree (or not:
 *       some loaders give 0 or an ATAGS list; start.c looks). (Linux: Documentation/arch/arm64/booting)
 * Does: EL1; page tables for the image, and for what C reads before vm_init(), with 2 MiB blocks; MMU
 *       on; then arm64_start(device tree, image's physical address) on m0's g0 stack, which is SP_EL0.
 *
 * Position: the loader chooses the address, so until the MMU is on every address is taken through the
 *           program counter (adrp), which gives the physical one.
 *
 * Early tables, all allowing everything, left for good by vm_init():
 *   TTBR0  identity, the image's first 2 MiB: for the instructions around the MMU's switch
 *   TTBR1  image            from its load address to EARLY_SPARE beyond its end
 *          direct map       the same physical range, and 4 MiB from the device tree's
 */
#include "arch/arm64/offsets.h"
#include "arch/arm64/sysreg.h"
#include "kernel/layout.h"

#define BLOCK_SHIFT   21
#define TABLE_DESC    3
#define BLOCK_NORMAL  0x701   /* valid block, attribute 0, inner shareable, accessed */

/* Physical address of a symbol while the MMU is off, the virtual one later. */
    .macro addr, reg, sym
    adrp \reg, \sym
    add \reg, \reg, :lo12:\sym
    .endm

    .section .head, "ax"
    .globl image_header
image_header:
    b primary_entry
    .long 0
    .quad 0                             /* text_offset: at a multiple of 2 MiB itself */
    .quad image_bytes                   /* image_size, BSS and boot stack included */
    .quad 0xa                           /* little-endian, 4 KiB pages, anywhere in memory */
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0

primary_entry:
    mov x27, x0
    bl enter_el1
    mrs x28, cntvct_el0                 /* the time of entry, for the boot log */

    /* The early tables are not zeroed by the loader, nor are its cache lines of them clean: one that is
     * written back later would destroy them. */
    bl drop_cached_tables
    addr x0, boot_tables
    addr x1, boot_bss_end
1:  stp xzr, xzr, [x0], #16
    cmp x0, x1
    b.lo 1b

    bl make_tables
    bl drop_cached_tables
    bl mmu_on
    ldr x0, =1f                         /* the linked address: from here in the high half */
    br x0

1:  addr x0, bss_start
    addr x1, image_end
2:  stp xzr, xzr, [x0], #16
    cmp x0, x1
    b.lo 2b

    bl use_sp_el0
    addr x0, m0_stack_hi
    mov sp, x0
    addr x0, boot_cntvct
    str x28, [x0]
    mov x29, xzr
    mov x30, xzr
    mov x0, x27
    mov x1, x26
    b arm64_start

/*
 * enter_el1 - returns at EL1h with the MMU off, whichever of EL2 and EL1 it was called at.
 * Clobbers x0 .. x2.
 */
enter_el1:
    mrs x0, CurrentEL
    cmp x0, #(2 << 2)
    b.eq 1f
    ldr x0, =SCTLR_EL1_RES1
    msr sctlr_el1, x0
    isb
    ret
1:  /* EL1 is AArch64, and keeps all its traps to itself. */
    mov x0, #HCR_EL2_RW
    msr hcr_el2, x0
    isb                                 /* E2H is off: what follows means EL2's own registers */
    /* SVE and SME are left to EL1, which refuses them (use_sp_el0): a trap to here would find nobody. */
    ldr x0, =CPTR_EL2_RES1
    mrs x1, id_aa64pfr0_el1
    ubfx x1, x1, #ID_PFR0_SVE, #4
    cbz x1, 3f
    bic x0, x0, #CPTR_EL2_TZ
3:  mrs x1, ID_AA64PFR1_EL1
    ubfx x1, x1, #ID_PFR1_SME, #4
    cbz x1, 4f
    bic x0, x0, #CPTR_EL2_TSM
4:  msr cptr_el2, x0
    msr hstr_el2, xzr
    mrs x0, pmcr_el0                    /* debug and counters: EL1's too, all of them */
    ubfx x0, x0, #11, #5
    msr mdcr_el2, x0
    mov x0, #3                          /* counter and timer are EL1's, without an offset */
    msr cnthctl_el2, x0
    msr cntvoff_el2, xzr
    mrs x0, midr_el1
    msr vpidr_el2, x0
    mrs x0, mpidr_el1
    msr vmpidr_el2, x0
    msr vttbr_el2, xzr
    /* The GICv3's system registers, where there are any. */
    mrs x0, id_aa64pfr0_el1
    ubfx x0, x0, #24, #4
    cbz x0, 2f
    mrs x0, ICC_SRE_EL2
    orr x0, x0, #1                      /* SRE */
    orr x0, x0, #8                      /* EL1 may set its own */
    msr ICC_SRE_EL2, x0
    isb
    mrs x0, ICC_SRE_EL2
    tbz x0, #0, 2f                      /* not writable: there is none */
    msr ICH_HCR_EL2, xzr
2:  ldr x0, =SCTLR_EL1_RES1
    msr sctlr_el1, x0
    mov x0, #SPSR_EL1H_MASKED
    msr spsr_el2, x0
    msr elr_el2, x30
    eret

/*
 * make_tables - fills boot_tables. In: x27 device tree. Out: x26 the image's physical address.
 * Each range gets one table per level, so what goes beyond the end of its GiB is left out
 * (mmu_early_range() computes the same). Clobbers x1 .. x20, x25.
 */
    .macro table_entry, table, va, shift, next
    ubfx x6, \va, #\shift, #9
    orr x7, \next, #TABLE_DESC
    str x7, [\table, x6, lsl #3]
    .endm

make_tables:
    mov x25, x30
    addr x26, image_start
    addr x10, boot_tables
    add x11, x10, #0x1000               /* identity: level 2 */
    add x12, x10, #0x2000               /*           level 1 */
    add x13, x10, #0x3000               /* high root */
    add x14, x10, #0x4000               /* image: level 2 */
    add x15, x10, #0x5000               /*        level 1 */
    add x16, x10, #0x6000               /* direct map: level 2 */
    add x17, x10, #0x7000               /*             level 1, image's range */
    add x18, x10, #0x8000               /*             level 1, device tree's range */
    add x19, x10, #0x9000               /*             level 2, device tree's, if another 512 GiB */
    ldr x5, =image_bytes + EARLY_SPARE
    lsr x5, x5, #BLOCK_SHIFT

    /* Identity: one block. */
    table_entry x10, x26, 39, x11
    table_entry x11, x26, 30, x12
    mov x1, x26
    mov x2, #1
    mov x3, x26
    mov x4, x12
    bl blocks

    /* Image. */
    ldr x20, =KERNEL_BASE + IMAGE_OFFSET
    table_entry x13, x20, 39, x14
    table_entry x14, x20, 30, x15
    mov x1, x20
    mov x2, x5
    mov x3, x26
    mov x4, x15
    bl blocks

    /* Direct map of the image's range. */
    ldr x20, =DIRECT_BASE
    add x20, x20, x26
    table_entry x13, x20, 39, x16
    table_entry x16, x20, 30, x17
    mov x1, x20
    mov x2, x5
    mov x3, x26
    mov x4, x17
    bl blocks

    /* Direct map of the device tree, at most 2 MiB long: two blocks. It may share tables. */
    lsr x3, x27, #BLOCK_SHIFT
    lsl x3, x3, #BLOCK_SHIFT
    ldr x20, =DIRECT_BASE
    add x20, x20, x3
    ubfx x6, x20, #39, #9
    ldr x7, [x13, x6, lsl #3]
    cbnz x7, 1f
    orr x7, x19, #TABLE_DESC
    str x7, [x13, x6, lsl #3]
1:  bic x8, x7, #TABLE_DESC             /* its level 2 */
    ubfx x6, x20, #30, #9
    ldr x7, [x8, x6, lsl #3]
    cbnz x7, 2f
    orr x7, x18, #TABLE_DESC
    str x7, [x8, x6, lsl #3]
2:  bic x4, x7, #TABLE_DESC
    mov x1, x20
    mov x2, #2
    bl blocks
    ret x25

/* x2 blocks from x1 -> x3 in the level-1 table x4; those beyond its end are left out. Clobbers x1 .. x3,
 * x6, x7. */
blocks:
    ubfx x6, x1, #BLOCK_SHIFT, #9
    mov x7, #BLOCK_NORMAL
    orr x7, x7, x3
1:  str x7, [x4, x6, lsl #3]
    add x7, x7, #(1 << BLOCK_SHIFT)
    add x6, x6, #1
    cmp x6, #512
    b.hs 2f
    subs x2, x2, #1
    b.ne 1b
2:  ret

/* The tables were written past the caches; lines that a loader left of that memory must not be seen by
 * the walker, which looks into the caches. Clobbers x0 .. x2. */
drop_cached_tables:
    dmb sy
    mrs x2, ctr_el0
    ubfx x2, x2, #16, #4                /* log2 of the words in the smallest data cache line */
    mov x1, #4
    lsl x2, x1, x2
    addr x0, boot_tables
    addr x1, boot_bss_end
1:  dc ivac, x0
    add x0, x0, x2
    cmp x0, x1
    b.lo 1b
    dsb sy
    ret

/*
 * void mmu_replace_root(uint64_t root_phys) - the kernel's tables instead of the early ones.
 * Called at its physical address, through the identity map: the two trees map the same addresses in
 * pages of different sizes, which a core may not see at once, so for a moment the high half is empty.
 * Uses no stack. Ctx: early tables, interrupts masked.
 */
    .globl mmu_replace_root
mmu_replace_root:
    addr x1, boot_empty
    msr ttbr1_el1, x1
    isb
    tlbi vmalle1
    dsb nsh
    isb
    msr ttbr1_el1, x0
    isb
    ret

/*
 * mmu_on - memory attributes, the early tables, MMU and caches on; returns at the physical address.
 * Also each further core's. Clobbers x0 .. x2.
 */
mmu_on:
    addr x0, boot_tables
    msr ttbr0_el1, x0
    add x0, x0, #0x3000
    msr ttbr1_el1, x0
    ldr x0, =MAIR_EL1_VALUE
    msr mair_el1, x0
    ldr x0, =TCR_EL1_VALUE
    mrs x1, id_aa64mmfr0_el1            /* physical address size, at most 48 bits */
    and x1, x1, #0xf
    mov x2, #5
    cmp x1, x2
    csel x1, x1, x2, lo
    orr x0, x0, x1, lsl #TCR_IPS_SHIFT
    msr tcr_el1, x0
    tlbi vmalle1
    ic iallu
    dsb nsh
    isb
    ldr x0, =SCTLR_EL1_RES1 | SCTLR_EL1_ON
    msr sctlr_el1, x0
    isb
    ret

/* From SP_EL1 to SP_EL0: all but exceptions runs there. Floating point is allowed; SVE and SME, whose
 * registers nobody saves, are not. */
use_sp_el0:
    mov x0, #CPACR_FPEN
    msr cpacr_el1, x0
    msr spsel, #0
    isb
    ret

/*
 * secondary_entry - a further core, from PSCI's CPU_ON: MMU off, x0 = its struct m (a virtual address).
 * The M and its stack are only in the final tables.
 */
    .globl secondary_entry
secondary_entry:
    mov x27, x0
    bl enter_el1
    bl mmu_on
    ldr x1, =secondary_root
    ldr x0, [x1]
    bl mmu_replace_root                 /* still at the physical address */
    ldr x0, =1f
    br x0
1:  bl use_sp_el0
    mov x0, x27
    ldr x1, [x0, #M_G0]
    ldr x1, [x1, #G_SP]
    mov sp, x1
    mov x29, xzr
    mov x30, xzr
    b secondary_start

    .ltorg

    .section .boot.bss, "aw", @nobits
    .balign 4096
boot_tables:
    .skip 10 * 4096
boot_empty:
    .skip 4096

    .section .sealed, "aw"
    .balign 8
    .globl boot_cntvct
boot_cntvct:
    .quad 0

    .section .note.GNU-stack, "", %progbits
