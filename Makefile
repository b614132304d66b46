# rt0 - build, run, test. `make help` lists what there is.

# ---- what the user chooses ------------------------------------------------------------------------
ARCH   ?= x86_64
MODE   ?= release
SMP    ?= 4
MEM    ?= 512M
APP    ?= wordcount
ARGS   ?=
KARGS  ?=
INITRD ?=
LIBC   ?= $(LIBC_$(ARCH))
V      ?=

LIBC_x86_64 := newlib
LIBC_arm64  := picolibc

ARCHES := x86_64 arm64
MODES  := release debug

ifeq (,$(filter $(ARCH),$(ARCHES)))
$(error ARCH=$(ARCH): use one of $(ARCHES))
endif
ifeq (,$(filter $(MODE),$(MODES)))
$(error MODE=$(MODE): use one of $(MODES))
endif

Q := $(if $(V),,@)
B := build/$(ARCH)-$(MODE)

# ---- tools and flags ------------------------------------------------------------------------------
CROSS_x86_64 :=
CROSS_arm64  := aarch64-linux-gnu-
CROSS := $(CROSS_$(ARCH))
CC    := $(CROSS)gcc
HOSTCC ?= gcc

WARN := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wundef

# Frame pointers: tracebacks follow them. Clash protection: no frame can step over a stack's guard.
CFLAGS_MACHINE_x86_64 := -mcmodel=kernel -fcf-protection=none
CFLAGS_MACHINE_arm64  := -march=armv8-a -mno-outline-atomics -mbranch-protection=none \
                         --param=stack-clash-protection-guard-size=12
CFLAGS_BASE := -std=gnu11 -O2 -g -fno-pic -fno-pie -fno-stack-protector -fno-common \
               -fno-omit-frame-pointer -fstack-clash-protection -fno-asynchronous-unwind-tables \
               -ffunction-sections -fdata-sections $(CFLAGS_MACHINE_$(ARCH))

# The hardware traps a division by zero on x86-64 only.
CFLAGS_PROGRAM_arm64 := -fsanitize=integer-divide-by-zero -fno-sanitize-recover=all

CFLAGS_MODE_release :=
CFLAGS_MODE_debug   :=
RT0_DEBUG_release := 0
RT0_DEBUG_debug   := 1

INCLUDE = -nostdinc -isystem $(shell $(CC) -print-file-name=include) -isystem $(LIBC_INCLUDE) \
          $(INCLUDE_$(ARCH))

# Kernel code runs on exception stacks, where floating point registers are not saved.
CFLAGS_KERNEL  = $(CFLAGS_BASE) $(WARN) -ffreestanding -mgeneral-regs-only -fno-strict-aliasing \
                 -DRT0_DEBUG=$(RT0_DEBUG_$(MODE)) -I. -Iinclude -Iarch/$(ARCH) $(INCLUDE)
CFLAGS_PROGRAM = $(CFLAGS_BASE) $(CFLAGS_PROGRAM_$(ARCH)) $(WARN) -Iinclude $(INCLUDE)
ASFLAGS        = -fno-pic -fno-pie -I. -Iarch/$(ARCH) -Wa,--noexecstack

# ---- libraries ------------------------------------------------------------------------------------
NEWLIB   := build/libc/newlib-$(ARCH)
PICOLIBC := /usr/lib/picolibc/aarch64-linux-gnu
LIBFDT   := build/libc/libfdt-arm64

ifeq ($(LIBC),newlib)
LIBC_INCLUDE := $(NEWLIB)/include
LIBC_LIBS    := $(NEWLIB)/lib/libc.a $(NEWLIB)/lib/libm.a
LIBC_DEPS    := $(NEWLIB)/stamp
else ifeq ($(LIBC)-$(ARCH),picolibc-arm64)
LIBC_INCLUDE := $(PICOLIBC)/include
LIBC_LIBS    := $(PICOLIBC)/lib/libc.a $(PICOLIBC)/lib/libm.a
LIBC_DEPS    :=
LDFLAGS_LIBC  = $(shell awk -F '[^a-z_]+' '/^ +X/ { print "-Wl,--wrap=" $$3 }' kernel/libc_picolibc_wrap.h) \
                -Wl,--wrap=fflush
else
$(error LIBC=$(LIBC): $(ARCH) has newlib$(if $(filter arm64,$(ARCH)), and picolibc))
endif

# libfdt's headers are the host's package's, reached through a folder of their own: /usr/include as a
# whole would let the host's libc in.
LIBS_arm64    := $(LIBFDT)/libfdt.a
INCLUDE_arm64 := -isystem $(LIBFDT)/include
LIBS = $(LIBS_$(ARCH)) $(LIBC_LIBS) $(shell $(CC) -print-libgcc-file-name)

# ---- the kernel -----------------------------------------------------------------------------------
KERNEL_SRCS := $(wildcard sched/*.c) \
               $(filter-out kernel/libc_% kernel/fdt.c kernel/acpi.c,$(wildcard kernel/*.c)) \
               kernel/libc_lock.c kernel/libc_$(LIBC).c
KERNEL_SRCS += $(wildcard arch/$(ARCH)/*.[cS] boot/$(ARCH)/*.[cS])
KERNEL_SRCS_x86_64 := kernel/acpi.c
KERNEL_SRCS_arm64  := kernel/fdt.c
KERNEL_SRCS += $(KERNEL_SRCS_$(ARCH))
KERNEL_OBJS := $(patsubst %,$(B)/$(LIBC)/%.o,$(KERNEL_SRCS))

# ---- programs -------------------------------------------------------------------------------------
# APP is a name in apps/ or tests/guest/ (a file NAME.c or a folder), or the path of a folder.
app_dir  = $(firstword $(wildcard apps/$(1) tests/guest/$(1) $(if $(findstring /,$(1)),$(1))))
app_srcs = $(or $(wildcard apps/$(1).c tests/guest/$(1).c),$(wildcard $(call app_dir,$(1))/*.c))

APP_NAME := $(notdir $(patsubst %/,%,$(APP)))
IMAGE    := $(B)/$(LIBC)/image/$(APP_NAME)

.DEFAULT_GOAL := help
.SECONDARY:
.SECONDEXPANSION:
.DELETE_ON_ERROR:

$(B)/$(LIBC)/%.c.o: %.c | $(LIBC_DEPS)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC      $<")
	$(Q)$(CC) $(CFLAGS_KERNEL) -MMD -MP -c -o $@ $<

$(B)/$(LIBC)/%.S.o: %.S
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AS      $<")
	$(Q)$(CC) $(CFLAGS_MACHINE_$(ARCH)) $(ASFLAGS) -g -MMD -MP -c -o $@ $<

-include $(KERNEL_OBJS:.o=.d)

LINK = $(CC) -nostdlib -static -no-pie -Wl,-T,linker/$(ARCH).ld -Wl,--gc-sections -Wl,--build-id=none \
       -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments $(LDFLAGS_LIBC)

# $(call program,NAME): how the image of one program is made. It is linked twice: the second time with
# the symbol table that tools/ksyms reads off the first.
define program
$(1)_SRCS := $$(call app_srcs,$(2))
$(1)_OBJS := $$(patsubst %,$$(B)/$$(LIBC)/program/%.o,$$(subst ..,__,$$($(1)_SRCS)))

$$(B)/$$(LIBC)/image/$(1).elf: $$(KERNEL_OBJS) $$($(1)_OBJS) $$(LIBS_$$(ARCH)) linker/$$(ARCH).ld linker/sections.ld tools/ksyms
	@mkdir -p $$(@D)
	$$(if $$(Q),@echo "  LINK    $$@")
	$$(Q)tools/ksyms --none > $$@.ksyms0.S
	$$(Q)$$(CC) -c -o $$@.ksyms0.o $$@.ksyms0.S
	$$(Q)$$(LINK) -o $$@.1 $$(KERNEL_OBJS) $$($(1)_OBJS) $$@.ksyms0.o -Wl,--start-group $$(LIBS) -Wl,--end-group
	$$(Q)$$(CROSS)nm -n $$@.1 | tools/ksyms > $$@.ksyms.S
	$$(Q)$$(CC) -c -o $$@.ksyms.o $$@.ksyms.S
	$$(Q)$$(LINK) -o $$@ $$(KERNEL_OBJS) $$($(1)_OBJS) $$@.ksyms.o -Wl,--start-group $$(LIBS) -Wl,--end-group

-include $$($(1)_OBJS:.o=.d)
endef

PROGRAM_RULE = $(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_PROGRAM) -MMD -MP -c -o $@ $<

$(B)/$(LIBC)/program/%.c.o: %.c | $(LIBC_DEPS)
	$(if $(Q),@echo "  CC      $<")
	$(PROGRAM_RULE)

# What is loaded: a stripped ELF file for PVH loaders, a flat file with a Linux header on arm64.
OBJCOPY_x86_64 := -S
OBJCOPY_arm64  := -O binary
%.img: %.elf
	$(Q)$(CROSS)objcopy $(OBJCOPY_$(ARCH)) $< $@

$(eval $(call program,$(APP_NAME),$(APP)))

image: $(IMAGE).img

$(NEWLIB)/stamp: tools/build-newlib
	$(Q)tools/build-newlib $(ARCH) $(NEWLIB)

clean: ## remove build/
	rm -rf build
