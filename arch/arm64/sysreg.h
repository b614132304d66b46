/*
 * sysreg.h - values of system registers (C and assembly). Source: Arm ARM, D19.
 */
#ifndef ARCH_ARM64_SYSREG_H
#define ARCH_ARM64_SYSREG_H

/* SCTLR_EL1: bits that read as one where the feature behind them does not exist; MMU, caches and
 * stack-pointer alignment checks for both stack pointers; writable means not executable (WXN). */
#define SCTLR_EL1_RES1 0x30d00980
#define SCTLR_EL1_M    0x1
#define SCTLR_EL1_C    0x4
#define SCTLR_EL1_SA   0x8
#define SCTLR_EL1_SA0  0x10
#define SCTLR_EL1_I    0x1000
#define SCTLR_EL1_WXN  0x80000
#define SCTLR_EL1_ON   (SCTLR_EL1_M | SCTLR_EL1_C | SCTLR_EL1_SA | SCTLR_EL1_SA0 | SCTLR_EL1_I)

/* TCR_EL1: 48-bit both halves, 4 KiB granules, write-back shareable walks. */
#define TCR_T0SZ      16
#define TCR_IRGN0_WB  (1 << 8)
#define TCR_ORGN0_WB  (1 << 10)
#define TCR_SH0_INNER (3 << 12)
#define TCR_EPD0      (1 << 7)
#define TCR_T1SZ      (16 << 16)
#define TCR_IRGN1_WB  (1 << 24)
#define TCR_ORGN1_WB  (1 << 26)
#define TCR_SH1_INNER (3 << 28)
#define TCR_TG1_4K    (2 << 30)
#define TCR_IPS_SHIFT 32
#define TCR_EL1_VALUE                                                                   \
    (TCR_T0SZ | TCR_IRGN0_WB | TCR_ORGN0_WB | TCR_SH0_INNER | TCR_T1SZ | TCR_IRGN1_WB | \
     TCR_ORGN1_WB | TCR_SH1_INNER | TCR_TG1_4K)

#define MAIR_EL1_VALUE 0x04ff /* 1: Device-nGnRE, 0: Normal write-back (pte.h) */

#define CPACR_FPEN       (3 << 20)
#define HCR_EL2_RW       (1 << 31)
#define CPTR_EL2_RES1    0x33ff
#define CPTR_EL2_TZ      (1 << 8)  /* among these: trap SVE, */
#define CPTR_EL2_TSM     (1 << 12) /* trap SME; where there is none the bit is RES1 */
#define ID_PFR0_SVE      32
#define ID_PFR1_SME      24
#define SPSR_EL1H_MASKED 0x3c5

#define ICC_SRE_EL1     S3_0_C12_C12_5
#define ICC_SRE_EL2     S3_4_C12_C9_5
#define ICH_HCR_EL2     S3_4_C12_C11_0
#define ICC_PMR_EL1     S3_0_C4_C6_0
#define ICC_BPR1_EL1    S3_0_C12_C12_3
#define ICC_CTLR_EL1    S3_0_C12_C12_4
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
#define ICC_IAR1_EL1    S3_0_C12_C12_0
#define ICC_EOIR1_EL1   S3_0_C12_C12_1
#define ICC_SGI1R_EL1   S3_0_C12_C11_5

/* The early tables also map so much behind the image: vm_init() takes the final tables from there. */
#define EARLY_SPARE 0x1000000

#endif
