# app.mk - glibc's thread tests as one image (docs/posix.md). Each is compiled unchanged, its main() renamed after
# it, and all its other names made its own.

POSIX_TREE  := build/glibc-tests
POSIX_TESTS := $(shell tests/posix/names $(POSIX_TREE))
POSIX_DIR   := $(B)/$(LIBC)/posix-tests
# tst-cond1 has tst_cond1()
POSIX_FN     = $(subst -,_,$(1))

APP_SRCS   := shim.c
APP_LIBS   := $(patsubst %.c,$(CURDIR)/$(POSIX_DIR)/%.o,$(notdir $(POSIX_TESTS)))
APP_CFLAGS := -D_GNU_SOURCE -I$(POSIX_DIR) -I$(APP_DIR)/shim

vpath tst-%.c $(POSIX_TREE)/sysdeps/pthread $(POSIX_TREE)/nptl

# The folder support/ again, for "../test-skeleton.c".
$(CURDIR)/$(POSIX_DIR)/%.o: %.c Makefile $(LIBC_DEPS)
	$(SAY) "  CC      $<"
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_PROGRAM) -w -D_GNU_SOURCE -Dmain=test_main -I$(POSIX_TREE) -I$(POSIX_TREE)/sysdeps/pthread -Itests/posix/shim \
	    -Itests/posix/shim/support -MD -MP -c -o $@ $<
	$(Q)$(CROSS)objcopy --redefine-sym test_main=$(call POSIX_FN,$*) --keep-global-symbol=$(call POSIX_FN,$*) $@

$(POSIX_DIR)/tests.inc: tests/posix/app.mk tests/posix/left-out tests/posix/names $(POSIX_TREE)/stamp
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' $(foreach t,$(basename $(notdir $(POSIX_TESTS))),'TEST("$(t)", $(call POSIX_FN,$(t)))') > $@

$(B)/$(LIBC)/folder/$(APP_NAME)/$(APP_DIR)/shim.c.o: $(POSIX_DIR)/tests.inc

-include $(APP_LIBS:.o=.d)
