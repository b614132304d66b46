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
# One line for each thing made; `make -s` leaves it out, V=1 shows the command instead.
SAY := @$(if $(or $(V),$(findstring s,$(firstword -$(MAKEFLAGS)))),:,echo)

# A word for the shell, whatever is in it.
quote = '$(subst ','\'',$(1))'
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

RT0_DEBUG_release := 0
RT0_DEBUG_debug   := 1

# The host's compiler says that it compiles for Linux; the image has no Linux below it.
NOT_LINUX := -U__linux__ -U__linux -Ulinux -U__gnu_linux__ -U__unix__ -U__unix -Uunix

# First what a libc for bare machines has no headers for, or not enough in them.
INCLUDE = $(NOT_LINUX) -nostdinc -isystem include/posix -isystem $(shell $(CC) -print-file-name=include) -isystem $(LIBC_INCLUDE) \
          $(INCLUDE_$(ARCH))

# Kernel code runs on exception stacks, where floating point registers are not saved.
CFLAGS_KERNEL_x86_64 := -mno-red-zone
CFLAGS_KERNEL  = $(CFLAGS_BASE) $(CFLAGS_KERNEL_$(ARCH)) $(WARN) -ffreestanding -mgeneral-regs-only -fno-strict-aliasing \
                 -DRT0_DEBUG=$(RT0_DEBUG_$(MODE)) -I. -Iinclude -Iarch/$(ARCH) $(INCLUDE)
# No calls turned into jumps: a program's traceback names every function.
CFLAGS_PROGRAM = $(CFLAGS_BASE) -fno-optimize-sibling-calls $(CFLAGS_PROGRAM_$(ARCH)) $(WARN) -Iinclude $(INCLUDE)
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
LIBC_LIBS    := $(PICOLIBC)/lib/release/libc.a $(PICOLIBC)/lib/release/libm.a
LIBC_DEPS    :=
LDFLAGS_LIBC  = $(shell awk -F '[^a-z_]+' '/^ +X/ { print "-Wl,--wrap=" $$3 }' kernel/libc_picolibc_wrap.h) \
                -Wl,--wrap=fflush
else
$(error LIBC=$(LIBC): $(ARCH) has newlib$(if $(filter arm64,$(ARCH)), and picolibc))
endif

LIBS_arm64    := $(LIBFDT)/libfdt.a
INCLUDE_arm64 := -isystem $(LIBFDT)/include
LIBS = $(LIBS_$(ARCH)) $(LIBC_LIBS) $(shell $(CC) -print-libgcc-file-name)

# ---- the kernel -----------------------------------------------------------------------------------
KERNEL_SRCS := $(wildcard sched/*.c) \
               $(filter-out kernel/libc_% kernel/fdt% kernel/acpi.c kernel/cmos.c,$(wildcard kernel/*.c)) \
               kernel/libc_lock.c kernel/libc_$(LIBC).c
KERNEL_SRCS += $(wildcard arch/$(ARCH)/*.[cS] boot/$(ARCH)/*.[cS])
KERNEL_SRCS_x86_64 := kernel/acpi.c kernel/cmos.c
KERNEL_SRCS_arm64  := $(wildcard kernel/fdt*.c)
KERNEL_SRCS += $(KERNEL_SRCS_$(ARCH))
KERNEL_OBJS := $(patsubst %,$(B)/$(LIBC)/%.o,$(KERNEL_SRCS))

# POSIX on top of it, in an archive: a program that has a sleep() of its own gets that.
LIBPOSIX   := $(B)/$(LIBC)/libposix.a
POSIX_OBJS := $(patsubst %,$(B)/$(LIBC)/%.o,$(wildcard posix/*.c))

# Both again, for programs: a name of the kernel's own is in nobody's way there (tools/seal).
LIBKERNEL := $(B)/$(LIBC)/librt0.a
SEALED    := $(B)/$(LIBC)/sealed

# ---- programs -------------------------------------------------------------------------------------
# APP is a name in apps/ or tests/guest/ (a file NAME.c or a folder), bench_NAME for bench/NAME.c, or
# the path of a folder.
app_dir  = $(firstword $(wildcard apps/$(1) $(if $(findstring /,$(1)),$(abspath $(1)))))
app_file = $(wildcard apps/$(1).c tests/guest/$(1).c \
                      $(patsubst bench_%,bench/%.c,$(filter bench_%,$(1))))
app_srcs = $(or $(app_file),$(if $(app_dir),$(wildcard $(app_dir)/*.c $(app_dir)/app.mk)))

# The image of a program that is not of the tree is named by its whole path.
APP_NAME := $(if $(findstring /,$(APP)),$(subst /,_,$(abspath $(APP))),$(APP))
IMAGE    := $(B)/$(LIBC)/image/$(APP_NAME)

.DEFAULT_GOAL := help
.SECONDEXPANSION:
.DELETE_ON_ERROR:

# -MD and not -MMD: include/posix is on the path of system headers.
$(B)/$(LIBC)/%.c.o: %.c Makefile $(LIBC_DEPS) $(LIBS_$(ARCH))
	@mkdir -p $(@D)
	$(SAY) "  CC      $<"
	$(Q)$(CC) $(CFLAGS_KERNEL) -MD -MP -c -o $@ $<

$(B)/$(LIBC)/%.S.o: %.S Makefile
	@mkdir -p $(@D)
	$(SAY) "  AS      $<"
	$(Q)$(CC) $(CFLAGS_MACHINE_$(ARCH)) $(ASFLAGS) -g -MD -MP -c -o $@ $<

# malloc(), free(), gosched() and what channels do without waiting call nothing: they need no frame.
$(patsubst %,$(B)/$(LIBC)/%.c.o,kernel/malloc sched/proc sched/chan sched/select): CFLAGS_KERNEL += -momit-leaf-frame-pointer

# What interrupts print by calls nothing of the libc, and the compiler shall not make calls of loops.
$(B)/$(LIBC)/kernel/print.c.o: CFLAGS_KERNEL += -fno-tree-loop-distribute-patterns

# Two folders have files of one name: q keeps both.
$(LIBPOSIX): $(POSIX_OBJS)
$(LIBKERNEL): $(KERNEL_OBJS)
$(LIBPOSIX) $(LIBKERNEL):
	$(Q)rm -f $@ && $(CROSS)ar qcs $@ $^

$(SEALED)/names: $(LIBKERNEL) $(LIBPOSIX) tools/seal $(wildcard linker/*.ld)
	$(Q)CC=$(CC) CROSS=$(CROSS) CFLAGS=$(call quote,$(CFLAGS_PROGRAM)) LIBC_LIBS=$(call quote,$(LIBC_LIBS)) \
	    tools/seal $(@D) $(LIBKERNEL) $(LIBPOSIX)

-include $(KERNEL_OBJS:.o=.d) $(POSIX_OBJS:.o=.d)

LDFLAGS = -nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=none -Wl,--orphan-handling=error \
          -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments $(LDFLAGS_LIBC)
LINK = $(CC) $(LDFLAGS) -Wl,-T,linker/$(ARCH).ld

# $(call program,NAME,APP): how the image of one program is made. It is linked twice: the second time with
# the symbol table that tools/ksyms reads off the first.
define program
$(if $(call app_file,$(2)),$(call file_program,$(1),$(2)),$(call folder_program,$(1),$(call app_dir,$(2))))

$$(B)/$$(LIBC)/image/$(1).elf: $$($(1)_OBJS) $$(filter-out -%,$$($(1)_LIBS)) $$($(1)_KERNEL_DEPS) $$(LIBS_$$(ARCH)) \
                               linker/$$(ARCH).ld linker/sections.ld tools/ksyms
	@mkdir -p $$(@D)
	$$(SAY) "  LINK    $$@"
	$$(Q)tools/ksyms --none > $$@.ksyms0.S
	$$(Q)$$(CC) -c -o $$@.ksyms0.o $$@.ksyms0.S
	$$(Q)$$(LINK) -o $$@.1 $$($(1)_KERNEL) $$($(1)_OBJS) $$@.ksyms0.o \
	    -Wl,--start-group $$($(1)_LIBS) $$($(1)_POSIX) $$(LIBS) -Wl,--end-group
	$$(Q)$$(CROSS)nm -n $$@.1 | tools/ksyms > $$@.ksyms.S
	$$(Q)$$(CC) -c -o $$@.ksyms.o $$@.ksyms.S
	$$(Q)$$(LINK) -o $$@ $$($(1)_KERNEL) $$($(1)_OBJS) $$@.ksyms.o \
	    -Wl,--start-group $$($(1)_LIBS) $$($(1)_POSIX) $$(LIBS) -Wl,--end-group

-include $$($(1)_OBJS:.o=.d)
endef

define file_program
$(1)_OBJS := $$(B)/$$(LIBC)/program/$(call app_file,$(2)).o
$(1)_LIBS :=
$(if $(filter tests/% bench/%,$(call app_file,$(2))),$(call with_open_kernel,$(1)),$(call with_sealed_kernel,$(1)))
endef

# Guest tests and benches also look at the kernel from inside.
define with_open_kernel
$(1)_KERNEL = $$(KERNEL_OBJS)
$(1)_POSIX  = $$(LIBPOSIX)
$(1)_KERNEL_DEPS = $$(KERNEL_OBJS) $$(LIBPOSIX)
endef

define with_sealed_kernel
$(1)_KERNEL = -Wl,--whole-archive $$(SEALED)/librt0.a -Wl,--no-whole-archive
$(1)_POSIX  = $$(SEALED)/libposix.a
$(1)_KERNEL_DEPS = $$(SEALED)/names
endef

# All .c files of the folder, and what its app.mk says (docs/programs.md). Its objects have a folder of their own:
# another program may compile the same source in another way.
define folder_program
APP_DIR    := $(2)
APP_SRCS   := $(notdir $(wildcard $(2)/*.c))
APP_CFLAGS :=
APP_LIBS   :=
-include $(wildcard $(2)/app.mk)
$$(if $$(filter-out %.c %.S,$$(APP_SRCS)),$$(error $(2)/app.mk: APP_SRCS: $$(filter-out %.c %.S,$$(APP_SRCS)): a source is a .c or a .S file))
$(1)_OBJS   := $$(patsubst %,$$(B)/$$(LIBC)/folder/$(1)/%.o,$$(call in_folder,$(2),$$(APP_SRCS)))
$(call with_sealed_kernel,$(1))
$(1)_CFLAGS := $$(APP_CFLAGS)
$(1)_LIBS   := $$(call in_folder,$(2),$$(APP_LIBS))

$$(B)/$$(LIBC)/folder/$(1)/%.o: % Makefile $(wildcard $(2)/app.mk) $$(LIBC_DEPS) $$(LIBS_$$(ARCH))
	$$(SAY) "  CC      $$<"
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(CFLAGS_PROGRAM) $$($(1)_CFLAGS) -Wa,--noexecstack -MD -MP -c -o $$@ $$<
endef

# Words that are neither options nor whole paths, seen from the folder.
in_folder = $(foreach w,$(2),$(if $(filter -% /%,$(w)),$(w),$(if $(filter /%,$(1)),$(abspath $(1)/$(w)),$(1)/$(w))))

PROGRAM_RULE = $(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_PROGRAM) -MD -MP -c -o $@ $<

$(B)/$(LIBC)/program/%.c.o: %.c Makefile $(LIBC_DEPS) $(LIBS_$(ARCH))
	$(SAY) "  CC      $<"
	$(PROGRAM_RULE)

# What is loaded: a stripped ELF file for PVH loaders, a flat file with a Linux header on arm64.
OBJCOPY_x86_64 := -S
OBJCOPY_arm64  := -O binary
%.img: %.elf
	$(Q)$(CROSS)objcopy $(OBJCOPY_$(ARCH)) $< $@

# Every program of the tree has its rules; APP may be one that is not of the tree.
APPS        := $(sort $(patsubst apps/%,%,$(basename $(wildcard apps/*.c)) $(patsubst %/,%,$(dir $(wildcard apps/*/*.c)))))
GUEST_TESTS := $(sort $(patsubst tests/guest/%.c,%,$(wildcard tests/guest/*.c)))
BENCHES     := $(sort $(patsubst bench/%.c,bench_%,$(wildcard bench/*.c)))
PROGRAMS    := $(APPS) $(GUEST_TESTS) $(BENCHES)
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p),$(p))))

ifneq (1,$(words $(APP)))
$(error APP=$(APP): one program; make knows no names with blanks)
endif
ifeq (,$(filter $(APP),$(PROGRAMS)))
ifeq (,$(call app_srcs,$(APP)))
$(error APP=$(APP): no such program; use $(APPS), or the path of a folder that holds one (*.c))
endif
$(eval $(call program,$(APP_NAME),$(APP)))
endif

# A program that is not of the tree is its author's: no warning of it is an error.
$(B)/$(LIBC)/folder/$(subst /,_,$(abspath $(APP)))/%: WARN := -Wall

INSIDE = -DRT0_DEBUG=$(RT0_DEBUG_$(MODE)) -I. -Iarch/$(ARCH) -Itests/guest/$(ARCH)
$(B)/$(LIBC)/program/tests/% $(B)/$(LIBC)/program/bench/%: CFLAGS_PROGRAM += $(INSIDE)

# ---- libraries that are made or fetched once ---------------------------------------------------------
$(NEWLIB)/stamp: tools/build-newlib $(wildcard /usr/src/newlib/newlib-*.tar.xz)
	$(Q)tools/build-newlib $(ARCH) $(NEWLIB)

$(LIBFDT)/libfdt.a:
	$(Q)tools/fetch-libfdt $(LIBFDT)

# ---- running ----------------------------------------------------------------------------------------
QEMU_ENV = ARCH=$(ARCH) SMP=$(SMP) MEM=$(MEM) INITRD=$(call quote,$(INITRD)) \
           KARGS=$(call quote,$(KARGS)) ARGS=$(call quote,$(ARGS))

# wordcount counts a text that every Debian has, unless it is given another.
ifeq ($(APP)$(INITRD),wordcount)
INITRD := /usr/share/common-licenses/GPL-3
endif

# make itself exits with 2 whenever a recipe fails; $(make-exit N) ends it with the program's status, which
# lies in a file (named by make's process) by the time that the recipe of run is expanded.
STATUS = $(B)/status.$$PPID

ifneq ($(filter run,$(MAKECMDGOALS)),)
ifeq ($(findstring n,$(firstword -$(MAKEFLAGS))),)
-load build/tools/make-exit.so(make_exit_gmk_setup)
endif
endif

build/tools/make-exit.so: tools/make-exit.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=c11 -O2 -shared -fPIC $(WARN) -o $@ $<

boot: $(IMAGE).img
	@$(QEMU_ENV) tools/run-qemu $<; echo $$? > $(STATUS)

run: boot ## boot APP in QEMU and exit with its status
	$(eval status := $(shell cat $(STATUS) 2>/dev/null || echo 2; rm -f $(STATUS)))$(make-exit $(status))@exit $(status)

debug: $(IMAGE).img ## boot APP and wait for a debugger: gdb-multiarch -ex 'target remote :1234' IMAGE.elf
	@echo "in another terminal: gdb-multiarch -ex 'target remote :1234' $(IMAGE).elf"
	@$(QEMU_ENV) GDB=1 tools/run-qemu $<

image: $(IMAGE).img ## only build APP's image

# ---- the SDK ----------------------------------------------------------------------------------------
# Both architectures, unless one is asked for; MODE and LIBC, too.
PREFIX     ?= /usr/local
DESTDIR    ?=
SDK_ARCHES := $(if $(filter file,$(origin ARCH)),$(ARCHES),$(ARCH))
SDK_CFLAGS  = $(CFLAGS_BASE) -fno-optimize-sibling-calls $(CFLAGS_PROGRAM_$(ARCH)) $(NOT_LINUX)
SDK_ENV     = DEST=$(call quote,$(DESTDIR)$(PREFIX)) ARCH=$(ARCH) LIBC=$(LIBC) DEFAULT_LIBC=$(LIBC_$(ARCH)) CROSS=$(CROSS) \
              CFLAGS=$(call quote,$(strip $(SDK_CFLAGS))) LDFLAGS=$(call quote,$(strip $(LDFLAGS))) \
              OBJCOPY=$(call quote,$(OBJCOPY_$(ARCH))) LIBC_INCLUDE=$(LIBC_INCLUDE) LIBC_LIBS=$(call quote,$(LIBC_LIBS)) \
              OTHER_LIBS=$(call quote,$(LIBS_$(ARCH))) SEALED=$(SEALED)

ifneq (,$(filter install,$(MAKECMDGOALS)))
ifeq (,$(filter /%,$(firstword $(PREFIX))))
$(error PREFIX=$(PREFIX): the path of a folder, from the root)
endif
endif

install: build/tools/make-exit.so ## put headers, libraries, rt0-cc and rt0-run below PREFIX [DESTDIR=]
	+$(Q)for arch in $(SDK_ARCHES); do $(MAKE) --no-print-directory install-arch ARCH=$$arch || exit; done
	$(Q)$(SDK_ENV) tools/sdk/install common
	$(SAY) "  INSTALL $(DESTDIR)$(PREFIX)"

install-arch: $(SEALED)/names $(LIBC_DEPS) $(LIBS_$(ARCH))
	$(Q)$(SDK_ENV) tools/sdk/install arch

# ---- tests ------------------------------------------------------------------------------------------
# Every image of one ARCH and MODE; `make test` has it made for each ARCH.
images: $(PROGRAMS:%=$(B)/$(LIBC)/image/%.img)

include tests/host/host.mk

SETUP := $(ARCH) $(filter newlib,$(LIBC))
ifneq (,$(filter test stress test-images,$(MAKECMDGOALS)))
SETUP := test
endif
ifneq (,$(filter test-posix,$(MAKECMDGOALS)))
SETUP := test posix
endif

test-images: $(HOST_TESTS)
	+$(Q)for arch in $(ARCHES); do for mode in $(MODES); do \
	    $(MAKE) --no-print-directory images ARCH=$$arch MODE=$$mode || exit; done; done

# J tests at once; a test's own cores are threads of its QEMU.
J ?= 2
PROVE := prove --exec tests/run -j$(J)

test: test-images ## run every test on both architectures
	@tests/plan | MODE=$(MODE) $(PROVE) -

# glibc's tests of threads, from Debian's glibc-source, on POSIX threads that are goroutines (docs/posix.md).
POSIX_TESTS_APP := $(abspath tests/posix)

# Most of them sleep most of the time.
POSIX_J = $(shell echo $$((3 * $(J))))

test-posix: | setup ## run glibc's own thread tests on both architectures
	@tests/posix/unpack build/glibc-tests
	+$(Q)for arch in $(ARCHES); do \
	    $(MAKE) --no-print-directory image APP=$(POSIX_TESTS_APP) ARCH=$$arch || exit; done
	@tests/plan posix | MODE=$(MODE) TIMEOUT=120 $(PROVE:-j%=-j$(POSIX_J)) -

# A failure seen once is a bug: N rounds (tests/plan), and every one must pass.
N ?= 50
stress: test-images ## run the tests of cores and locks N times
	@for i in $$(seq $(N)); do echo "stress: round $$i of $(N)"; tests/plan stress $$i | MODE=$(MODE) $(PROVE) -Q - || exit; done
	@tests/plan long | $(PROVE) -

# SMP and MEM are what each bench needs, unless they are given here; so is BENCH=name,name.
bench: $(BENCHES:%=$(B)/$(LIBC)/image/%.img) $(B)/$(LIBC)/image/hello.img ## measure [BENCH=name,name] [ICOUNT=1]
	@ARCH=$(ARCH) MODE=$(MODE) tools/bench

lint: ## check the form of the sources
	@tools/setup lint
	@tools/lint

# Installs what is missing; nothing missing is silent and quick.
setup:
	@tools/setup $(SETUP)

$(KERNEL_OBJS) $(POSIX_OBJS) $(LIBC_DEPS) $(LIBS_$(ARCH)) $(HOST_OBJS) build/tools/make-exit.so: | setup

# ---- the rest ---------------------------------------------------------------------------------------
clean: ## remove build/
	rm -rf build

help: ## print this
	@echo "usage: make TARGET [ARCH=x86_64|arm64] [SMP=4] [MEM=512M] [APP=name|path] [ARGS=...]"
	@echo "            [INITRD=file|dir] [KARGS='key=value ...'] [MODE=release|debug] [LIBC=newlib|picolibc] [V=1]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

.PHONY: boot run debug image images test test-images test-posix stress bench install install-arch lint setup clean help
