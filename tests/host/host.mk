# host.mk - unit tests of the portable parts, built for the machine that builds, with sanitizers.
# Included by the main Makefile; `prove $(HOST_TESTS)` runs what it lists.
# A test is tests/host/test_X.c, linked with the sources named in HOST_SRC_X.

HOSTCC     ?= gcc
HOST_DIR   := build/host
HOST_CFLAGS = -std=c11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -I. -Iinclude

HOST_UNITS := print bootmem cmdline initrd fdt fdt_bad fdt_index acpi pvh

HOST_TEXT          := kernel/errbuf.c kernel/print.c
HOST_FDT           := kernel/fdt.c kernel/fdt_index.c kernel/fdt_node.c tests/host/fdt_trees.c
HOST_SRC_print     := $(HOST_TEXT)
HOST_SRC_bootmem   := kernel/bootmem.c $(HOST_TEXT)
HOST_SRC_cmdline   := kernel/cmdline.c $(HOST_TEXT)
HOST_SRC_initrd    := kernel/initrd.c $(HOST_TEXT)
HOST_SRC_fdt       := $(HOST_FDT) $(HOST_TEXT)
HOST_SRC_fdt_bad   := $(HOST_FDT) tests/host/fdt_raw.c $(HOST_TEXT)
HOST_SRC_fdt_index := $(HOST_FDT) tests/host/fdt_raw.c $(HOST_TEXT)
HOST_SRC_acpi      := kernel/acpi.c $(HOST_TEXT)
HOST_SRC_pvh       := boot/x86_64/pvh.c $(HOST_TEXT)

$(HOST_DIR)/test_fdt $(HOST_DIR)/test_fdt_bad $(HOST_DIR)/test_fdt_index: HOST_LIBS := -lfdt

HOST_TESTS := $(HOST_UNITS:%=$(HOST_DIR)/test_%)

# One object per source, shared by the tests that link it.
host_objs = $(patsubst %.c,$(HOST_DIR)/%.o,tests/host/test_$(1).c $(HOST_SRC_$(1)))

HOST_OBJS := $(sort $(foreach unit,$(HOST_UNITS),$(call host_objs,$(unit))))

$(HOST_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  HOSTCC  $<" &&) $(HOSTCC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

define host_test_rule
$(HOST_DIR)/test_$(1): $(call host_objs,$(1))
	$$(if $$(V),,@echo "  HOSTLD  $$@" &&) $$(HOSTCC) $$(HOST_CFLAGS) -o $$@ $$^ $$(HOST_LIBS)
endef
$(foreach unit,$(HOST_UNITS),$(eval $(call host_test_rule,$(unit))))

-include $(HOST_OBJS:.o=.d)
