# ctmeter: container traffic accounting served over AgentX. GNU make.
#   make            build build/ctmeterd and build/ctmeter (V=1 shows the commands)
#   make help       what else there is
# SPDX-License-Identifier: GPL-2.0-or-later

CTMETER_OID ?= 1.3.6.1.4.1.8072.9999.9999.1206
VERSION     := 0.1.0

PREFIX  ?= /usr/local
DESTDIR ?=
B       ?= build

CC         ?= cc
PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g
WARNINGS   := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
              -Wwrite-strings -Wvla
WERROR     ?=
Q          := $(if $(V),,@)
say         = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)')

PKGS        := libip4tc libip6tc inih jansson sqlite3
PKG_CFLAGS  := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS    := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
SNMP_LIBS   := -lnetsnmpagent -lnetsnmp
CHECK_LIBS   = $(shell $(PKG_CONFIG) --libs check)

CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -Isubagent -I$(B) $(PKG_CFLAGS)
STD      := -std=gnu11
LDFLAGS  += -Wl,--as-needed

SRC_OBJS  := $(patsubst %.c,$(B)/%.o,$(filter-out src/ctmeter.c,$(wildcard src/*.c)))
SUB_OBJS  := $(patsubst %.c,$(B)/%.o,$(filter-out subagent/main.c,$(wildcard subagent/*.c)))
UNIT_LIB  := $(patsubst tests/unit/%.c,$(B)/tests/unit/%.o,$(filter-out tests/unit/check_%.c,$(wildcard tests/unit/*.c)))
UNIT_BINS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/check_*.c))

.PHONY: all
all: $(B)/ctmeterd $(B)/ctmeter

$(B)/version.h: Makefile
	@mkdir -p $(B)
	@printf '#define CTM_VERSION "%s"\n#define CTM_BASE_OID %s\n#define CTM_BASE_OID_TEXT "%s"\n' \
		'$(VERSION)' '$(subst .,$(comma),$(CTMETER_OID))' '$(CTMETER_OID)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
comma := ,

$(B)/%.o: %.c | $(B)/version.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(STD) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(WERROR) -MMD -MP -c -o $@ $<

$(B)/libctmeter.a: $(SRC_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/libsubagent.a: $(SUB_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/ctmeterd: $(B)/subagent/main.o $(B)/libsubagent.a $(B)/libctmeter.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(SNMP_LIBS) $(PKG_LIBS) $(LIBS)

$(B)/ctmeter: $(B)/src/ctmeter.o $(B)/libctmeter.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(LIBS)

$(B)/tests/%: tests/unit/%.c $(UNIT_LIB) $(B)/libsubagent.a $(B)/libctmeter.a | $(B)/version.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(STD) $(CPPFLAGS) -Itests/unit $(CFLAGS) $(WARNINGS) $(WERROR) -MMD -MP -MF $@.d \
		$(LDFLAGS) -o $@ $< $(UNIT_LIB) $(B)/libsubagent.a $(B)/libctmeter.a $(SNMP_LIBS) $(PKG_LIBS) $(CHECK_LIBS) $(LIBS)

.PHONY: unit
unit: $(UNIT_BINS)
	$(Q)for t in $^; do $$t || exit 1; done

.PHONY: clean
clean:
	rm -rf $(B)

.SECONDARY:

-include $(wildcard $(B)/src/*.d $(B)/subagent/*.d $(B)/tests/*.d)
