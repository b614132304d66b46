# rt0.mk - what the Makefile of a program includes that lies anywhere:
#
#     RT0 = /path/to/this/folder
#     include $(RT0)/rt0.mk
#
# Then `make`, `make run` and `make debug` in the program's folder do what `make image`, `make run` and `make debug` do
# here with APP=that folder. Variables are set on the command line, or in the Makefile above the include.

RT0_TREE := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

rt0_quote = '$(subst ','\'',$(1))'

# The file or folder is seen from here.
ifneq (,$(INITRD))
override INITRD := $(if $(filter /%,$(firstword $(INITRD))),,$(CURDIR)/)$(INITRD)
endif

RT0_GIVEN := $(foreach v,ARCH MODE LIBC SMP MEM,$(if $($(v)),$(v)=$($(v)))) \
             $(foreach v,ARGS KARGS INITRD,$(if $($(v)),$(v)=$(call rt0_quote,$($(v)))))
RT0_MAKE  := $(MAKE) --no-print-directory -C $(call rt0_quote,$(RT0_TREE)) APP=$(call rt0_quote,$(CURDIR)) $(RT0_GIVEN)

.DEFAULT_GOAL := image

image debug:
	@+$(RT0_MAKE) $@

# make itself exits with 2 whenever a recipe fails; $(make-exit N) ends it with the program's status.
RT0_EXIT   := $(RT0_TREE)/build/tools/make-exit.so
RT0_STATUS  = $(RT0_TREE)/build/status.$$PPID

ifneq ($(filter run,$(MAKECMDGOALS)),)
-load $(RT0_EXIT)(make_exit_gmk_setup)
$(RT0_EXIT):
	@+$(MAKE) --no-print-directory -s -C $(call rt0_quote,$(RT0_TREE)) build/tools/make-exit.so
endif

boot:
	@+$(RT0_MAKE) run; echo $$? > $(RT0_STATUS)

run: boot
	$(eval status := $(shell cat $(RT0_STATUS) 2>/dev/null || echo 2; rm -f $(RT0_STATUS)))$(make-exit $(status))@exit $(status)

.PHONY: image boot run debug
