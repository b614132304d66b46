# host.mk - unit tests of the portable parts, built for the machine that builds, with sanitizers.
# Included by the main Makefile; `prove $(HOST_TESTS)` runs what it lists.
# A test is tests/host/test_X.c, linked with the sources named in HOST_SRC_X.

HOSTCC     ?= gcc
HOST_DIR   := build/host
HOST_SANITIZE := address,undefined
HOST_CFLAGS = -std=c11 -g -O1 -fsanitize=$(HOST_SANITIZE) -fno-sanitize-recover=all \
	-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes $(HOST_SHIM) -I. -Iinclude

comma := ,
HOST_UNITS := print bootmem cmdline initrd fdt fdt_bad fdt_index acpi pvh pagemap page page_threads \
              virtio balloon scavenge timerheap runq runq_threads steal_order chan_threads console_input \
              cmos timespec
# Tests with threads of the host; they and what they link are built for ThreadSanitizer instead.
HOST_THREADS := page_threads runq_threads chan_threads console_input

HOST_TEXT          := kernel/errbuf.c kernel/number.c kernel/print.c
HOST_FDT           := kernel/fdt.c kernel/fdt_index.c kernel/fdt_node.c tests/host/fdt_trees.c
HOST_SRC_print     := $(HOST_TEXT)
HOST_SRC_bootmem   := kernel/bootmem.c $(HOST_TEXT)
HOST_SRC_cmdline   := kernel/cmdline.c $(HOST_TEXT)
HOST_SRC_initrd    := kernel/initrd.c $(HOST_TEXT)
HOST_SRC_fdt       := $(HOST_FDT) $(HOST_TEXT)
HOST_SRC_fdt_bad   := $(HOST_FDT) tests/host/fdt_raw.c $(HOST_TEXT)
HOST_SRC_fdt_index := $(HOST_FDT) tests/host/fdt_raw.c $(HOST_TEXT)
HOST_SRC_acpi      := kernel/acpi.c $(HOST_TEXT)
HOST_SRC_cmos      := kernel/cmos.c $(HOST_TEXT)
HOST_SRC_pvh       := boot/x86_64/pvh.c $(HOST_TEXT)
HOST_SRC_pagemap   := kernel/pagemap.c
HOST_SRC_page      := kernel/page.c kernel/pagemap.c tests/host/shim/lock.c
HOST_SRC_page_threads := $(HOST_SRC_page)
HOST_SRC_virtio    := kernel/virtio.c kernel/virtio_mmio.c kernel/virtio_pci.c $(HOST_TEXT)
HOST_SRC_balloon   := kernel/balloon.c kernel/virtio.c $(HOST_TEXT)
HOST_SRC_scavenge  := kernel/scavenge.c
HOST_SRC_timerheap := sched/timerheap.c
HOST_SRC_console_input := kernel/console_input.c
HOST_SRC_runq      := sched/runq.c tests/host/shim/lock.c
HOST_SRC_runq_threads := $(HOST_SRC_runq)
HOST_SRC_steal_order  := sched/findrunnable.c
HOST_SRC_chan_threads := $(addprefix sched/,chan.c select.c wait.c cancel.c ticker.c) tests/host/shim/lock.c

$(HOST_DIR)/test_fdt $(HOST_DIR)/test_fdt_bad $(HOST_DIR)/test_fdt_index: HOST_LIBS := -lfdt

HOST_TESTS := $(HOST_UNITS:%=$(HOST_DIR)/test_%)

# One object per source and sanitizer, shared by the tests that link it.
host_dir  = $(HOST_DIR)/$(if $(filter $(1),$(HOST_THREADS)),tsan/)
host_objs = $(patsubst %.c,$(host_dir)%.o,tests/host/test_$(1).c $(HOST_SRC_$(1)))

HOST_OBJS := $(sort $(foreach unit,$(HOST_UNITS),$(call host_objs,$(unit))))

define HOST_CC_RULE
	@mkdir -p $(@D)
	$(if $(V),,@echo "  HOSTCC  $<" &&) $(HOSTCC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<
endef

# The scheduler's are for a machine that is made up; a test takes only the functions that it reaches.
HOST_SCHED := $(foreach unit,runq runq_threads steal_order chan_threads,$(filter-out %/lock.o,$(call host_objs,$(unit))))
$(HOST_SCHED): HOST_SHIM := -Itests/host/shim_sched -ffunction-sections -DRT0_DEBUG=0
$(HOST_DIR)/test_steal_order: HOST_LIBS := -Wl,--gc-sections

$(HOST_DIR)/%.o: %.c
	$(HOST_CC_RULE)

$(HOST_DIR)/tsan/%.o: %.c
	$(HOST_CC_RULE)

$(HOST_DIR)/tsan/%.o $(HOST_THREADS:%=$(HOST_DIR)/test_%): HOST_SANITIZE := thread

define host_test_rule
$(HOST_DIR)/test_$(1): $(call host_objs,$(1))
	$$(if $$(V),,@echo "  HOSTLD  $$@" &&) $$(HOSTCC) $$(HOST_CFLAGS) -o $$@ $$^ $$(HOST_LIBS)
endef
$(foreach unit,$(HOST_UNITS),$(eval $(call host_test_rule,$(unit))))

# The heap, with its own names for malloc() and the rest, on a machine that is made up
# (tests/host/shim_malloc): once under the usual sanitizers, once with threads under ThreadSanitizer.
HEAP_NAMES  := malloc calloc realloc free aligned_alloc memalign posix_memalign valloc pvalloc malloc_usable_size
HEAP_SRC    := $(addprefix kernel/,malloc.c mheap.c mcentral.c sizeclass.c poison.c print.c) tests/host/shim_malloc/machine.c
HEAP_DEPS   := $(HEAP_SRC) $(wildcard kernel/*.h include/rt0/mem.h tests/host/tap.h tests/host/shim_malloc/*.h \
	tests/host/shim_malloc/*/*.h)
HEAP_CFLAGS  = $(subst -std=c11,-std=gnu11,$(HOST_CFLAGS:-I.=-Itests/host/shim_malloc -I.)) -DRT0_DEBUG=1

$(HOST_DIR)/test_malloc_threads: HEAP_CFLAGS := $(subst address$(comma)undefined,thread,$(HEAP_CFLAGS))

$(HOST_DIR)/test_malloc $(HOST_DIR)/test_malloc_threads: $(HOST_DIR)/%: tests/host/%.c $(HEAP_DEPS)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  HOSTLD  $@" &&) $(HOSTCC) $(HEAP_CFLAGS) -ffreestanding -c -o $@.o kernel/malloc.c
	$(Q)objcopy $(foreach name,$(HEAP_NAMES),--redefine-sym $(name)=rt0_$(name)) $@.o
	$(Q)$(HOSTCC) $(HEAP_CFLAGS) -pthread -o $@ $< $@.o $(filter-out kernel/malloc.c,$(HEAP_SRC))

HOST_TESTS += $(HOST_DIR)/test_malloc $(HOST_DIR)/test_malloc_threads

# The timers of Ps that are made up (tests/host/shim_timers), with threads under ThreadSanitizer.
TIMERS_SRC    := sched/timers.c sched/timerheap.c
TIMERS_DEPS   := $(TIMERS_SRC) $(wildcard sched/timer*.h include/rt0/time.h kernel/span.h kernel/lock.h \
	tests/host/tap.h tests/host/shim_timers/*/*.h)
TIMERS_CFLAGS  = $(subst address$(comma)undefined,thread,$(HOST_CFLAGS:-I.=-Itests/host/shim_timers -I.))

$(HOST_DIR)/test_timers: tests/host/test_timers.c $(TIMERS_DEPS)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  HOSTLD  $@" &&) $(HOSTCC) $(TIMERS_CFLAGS) -Dmalloc=test_malloc -Dfree=test_free \
	    -c -o $@.o sched/timers.c
	$(Q)$(HOSTCC) $(TIMERS_CFLAGS) -pthread -o $@ $< $@.o sched/timerheap.c

HOST_TESTS += $(HOST_DIR)/test_timers

# What goroutines wait for, each of which is a thread (tests/host/shim_sync), under ThreadSanitizer.
SYNC_SRC    := $(addprefix sched/,mutex.c rwmutex.c cond.c once.c waitgroup.c sema.c wait.c cancel.c) tests/host/shim/lock.c
SYNC_DEPS   := $(SYNC_SRC) $(wildcard sched/*.h include/rt0/*.h kernel/*.h tests/host/tap.h tests/host/shim_sched/*/*.h \
	tests/host/shim_sync/*.h tests/host/shim_sync/*/*.h)
SYNC_CFLAGS  = $(subst address$(comma)undefined,thread,$(HOST_CFLAGS:-I.=-Itests/host/shim_sync -I.)) -Wno-maybe-uninitialized

$(HOST_DIR)/test_sync_threads: tests/host/test_sync_threads.c $(SYNC_DEPS)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  HOSTLD  $@" &&) $(HOSTCC) $(SYNC_CFLAGS) -pthread -o $@ $< $(SYNC_SRC)

HOST_TESTS += $(HOST_DIR)/test_sync_threads

-include $(HOST_OBJS:.o=.d)
