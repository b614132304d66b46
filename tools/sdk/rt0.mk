# rt0.mk - what the Makefile of a program includes that is built with an installed rt0:
#
#     RT0 = /usr/local/lib/rt0
#     include $(RT0)/rt0.mk
#
# `make` builds the image from all .c files of the folder and what its app.mk says, `make run` boots it and exits with
# its status, `make clean` removes build/. ARCH, LIBC, SMP, MEM, ARGS, KARGS, INITRD and what else rt0-run takes
# are set on the command line, or in the Makefile above the include.

RT0_SDK := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
RT0_CC  ?= $(RT0_SDK)/../../bin/rt0-cc
RT0_RUN ?= $(RT0_SDK)/../../bin/rt0-run

ARCH ?= x86_64
LIBC ?= $(shell cat $(RT0_SDK)/$(ARCH).libc 2>/dev/null)
V    ?=
export ARCH SMP MEM ARGS KARGS INITRD RTC MACHINE CPU GIC EL2 BALLOON ICOUNT TIMEOUT QEMU_ARGS

ifeq (,$(wildcard $(RT0_SDK)/$(ARCH)-$(LIBC)/config))
$(error ARCH=$(ARCH) LIBC=$(LIBC): not installed; there is: $(patsubst $(RT0_SDK)/%/config,%,$(wildcard $(RT0_SDK)/*/config)))
endif

APP_DIR    := .
APP_SRCS   := $(wildcard *.c)
APP_CFLAGS := -Wall
APP_LIBS   :=
-include app.mk

ifneq (,$(filter-out %.c %.S,$(APP_SRCS)))
$(error app.mk: APP_SRCS: $(filter-out %.c %.S,$(APP_SRCS)): a source is a .c or a .S file)
endif
ifeq (,$(APP_SRCS))
$(error no program here: no .c file, and no app.mk that names one)
endif

RT0_BUILD := build/$(ARCH)-$(LIBC)
RT0_IMAGE := $(RT0_BUILD)/$(notdir $(CURDIR)).img
RT0_OBJS  := $(patsubst %,$(RT0_BUILD)/%.o,$(subst ../,up/,$(APP_SRCS)))
RT0_Q     := $(if $(V),,@)

.DEFAULT_GOAL := image
.DELETE_ON_ERROR:

image: $(RT0_IMAGE)

$(RT0_IMAGE): $(RT0_OBJS) $(filter-out -%,$(APP_LIBS)) $(RT0_SDK)/$(ARCH)-$(LIBC)/librt0.a
	@echo "  LINK    $@"
	$(RT0_Q)$(RT0_CC) -arch $(ARCH) -libc $(LIBC) $(RT0_OBJS) $(APP_LIBS) -o $@

# An object for each source, wherever that lies.
define RT0_COMPILE
$(RT0_BUILD)/$(subst ../,up/,$(1)).o: $(1) $(wildcard app.mk) $(RT0_SDK)/$(ARCH)-$(LIBC)/config
	@mkdir -p $$(@D)
	@echo "  CC      $(1)"
	$$(RT0_Q)$$(RT0_CC) -arch $$(ARCH) -libc $$(LIBC) $$(APP_CFLAGS) -MMD -MP -c $(1) -o $$@
endef
$(foreach source,$(APP_SRCS),$(eval $(call RT0_COMPILE,$(source))))

-include $(RT0_OBJS:.o=.d)

# make itself exits with 2 whenever a recipe fails; $(make-exit N) ends it with the program's status.
RT0_STATUS = $(RT0_BUILD)/status.$$PPID

ifneq ($(filter run,$(MAKECMDGOALS)),)
-load $(RT0_SDK)/make-exit.so(make_exit_gmk_setup)
endif

boot: $(RT0_IMAGE)
	@$(RT0_RUN) $<; echo $$? > $(RT0_STATUS)

run: boot
	$(eval status := $(shell cat $(RT0_STATUS) 2>/dev/null || echo 2; rm -f $(RT0_STATUS)))$(make-exit $(status))@exit $(status)

debug: $(RT0_IMAGE)
	@echo "in another terminal: gdb-multiarch -ex 'target remote :1234' $(RT0_IMAGE:.img=.elf)"
	@GDB=1 $(RT0_RUN) $<

clean:
	rm -rf build

.PHONY: image boot run debug clean
