# ctmeter: container traffic accounting served over AgentX. GNU make.
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make              build build/ctmeterd and build/ctmeter
#   make deps         install the missing packages that the build needs (what demo, check and the others
#                     need besides, they install themselves)
#   make demo         show it at work in private network namespaces (KEEP=1 leaves it running)
#   make check        run all tests; make quickcheck: those that take seconds
#   make check-odd    run some tests under other uptimes, umasks, time zones, paths and users
#   make check-docs   run every command of the documents
#   make check-sanitized, check-valgrind: run the tests with every memory access checked
#   make fuzz         fuzz every parser (FUZZ_S seconds each)
#   make check-packages  build, install, upgrade and remove the Debian and RPM packages
#   make check-release   the same on another Debian (RELEASE=trixie), in a tree: built, shown, tested, packaged,
#                     and booted with systemd
#   make check-runtimes  count the containers of real Dockers and the like in trees of Debian
#   make check-fleet  ship a fleet's ledgers to a real PostgreSQL (NODES=40: the short form)
#   make check-nms    let real monitoring systems poll a real node
#   make check-life   compress a long life into 7 minutes: flat memory, no repetition in the log
#   make soak         traffic, churn, kills and foreign commits for SOAK_S seconds, without loss
#                     (BACKEND=link: over the link backend)
#   make measure      print memory, CPU and commits at 1,000 containers
#   make bench        compare with the tools in use today (BENCH=quick: the short form)
#   make lint         formatting, warnings of two compilers, static analysis, the MIB
#   make install      install into PREFIX below DESTDIR; make uninstall
#   make dist         make build/ctmeter-VERSION.tar.gz, and .spdx, a list of what is in it; make distcheck:
#                     test it
#   make html         the manual pages as HTML (needs mandoc)
# V=1 shows the commands. CTMETER_OID moves the MIB. IPTC=no builds without libiptc, LINK=no without
# the link backend (dry runs only, without both), RUNTIMES=no without libcurl (no docker, podman,
# incus, lxd, kubernetes), SHIP=no without libpq (no ctmeter ship).

CTMETER_OID ?= 1.3.6.1.4.1.8072.9999.9999.1206
VERSION     := 0.2.0

PREFIX     ?= /usr/local
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
UNITDIR    ?= $(PREFIX)/lib/systemd/system
DESTDIR    ?=
B          ?= build

CC         ?= cc
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
CFLAGS     ?= -O2 -g
STD        := -std=gnu11
WARNINGS   := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
              -Wwrite-strings -Wvla
# Warnings are errors in CI and lint only: a newer compiler must not break a user's build.
WERROR     ?= $(if $(CI),-Werror)
Q          := $(if $(V),,@)
say         = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)')
comma      := ,

# The iptables backend, where libiptc is there (IPTC=no: without).
IPTC       ?= $(if $(shell $(PKG_CONFIG) --exists libip4tc libip6tc 2>/dev/null || echo no),no,yes)
# The link backend, where clang can build for BPF and libbpf is there (LINK=no: without).
BPF_CLANG  ?= clang
LINK       ?= $(if $(shell { $(PKG_CONFIG) --exists 'libbpf >= 0.5' && echo 'int i;' | \
              $(BPF_CLANG) -target bpf -x c -c -o /dev/null -; } 2>/dev/null || echo no),no,yes)
PKGS       := $(if $(filter yes,$(IPTC)),libip4tc libip6tc) $(if $(filter yes,$(LINK)),libbpf) \
              libmnl jansson sqlite3
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)$(if $(filter yes,$(IPTC)),, -DCTM_NO_IPTC) \
              $(if $(filter yes,$(LINK)),, -DCTM_NO_LINK)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
# The sources of runtimes that answer by HTTP (docker, podman, incus, lxd, kubernetes), where libcurl is there
# and knows unix sockets (RUNTIMES=no: without).
RUNTIMES   ?= $(if $(shell $(PKG_CONFIG) --exists 'libcurl >= 7.40' 2>/dev/null || echo no),no,yes)
ifeq ($(RUNTIMES),yes)
PKG_CFLAGS += $(shell $(PKG_CONFIG) --cflags libcurl)
PKG_LIBS   += -ldl
else
PKG_CFLAGS += -DCTM_NO_CURL
endif
# `ctmeter ship`, where libpq is there (SHIP=no: without).
SHIP       ?= $(if $(shell $(PKG_CONFIG) --exists libpq 2>/dev/null || echo no),no,yes)
ifeq ($(SHIP),yes)
PKG_CFLAGS += $(shell $(PKG_CONFIG) --cflags libpq)
PKG_LIBS   += $(shell $(PKG_CONFIG) --libs libpq)
else
PKG_CFLAGS += -DCTM_NO_SHIP
endif
# The system call filter, if libseccomp is installed (SECCOMP=no builds without it).
SECCOMP    ?= $(shell $(PKG_CONFIG) --exists libseccomp 2>/dev/null && echo yes)
ifeq ($(SECCOMP),yes)
PKG_CFLAGS += -DCTM_SECCOMP $(shell $(PKG_CONFIG) --cflags libseccomp)
SECCOMP_LIBS := $(shell $(PKG_CONFIG) --libs libseccomp)
endif
# The AgentX codec. The list of net-snmp-config would link all of its MIB modules.
SNMP_LIBS  := -lnetsnmpagent -lnetsnmp $(SECCOMP_LIBS)
CHECK_LIBS  = $(shell $(PKG_CONFIG) --libs check)

# Hardening: each flag that this compiler accepts together with the CFLAGS and CPPFLAGS given, so
# that a distribution's own settings win. Of two that exclude each other, the second is the
# fallback. HARDEN= disables it.
HARDEN    ?= yes
takes      = $(if $(shell printf '\043include <features.h>\nint i;\n' | $(CC) $(CPPFLAGS) $(CFLAGS) \
             $(1) -Werror -x c -fsyntax-only - 2>&1 || echo no),,$(1))
ifneq ($(HARDEN),)
HARD_CC   := $(or $(call takes,-D_FORTIFY_SOURCE=3),$(call takes,-D_FORTIFY_SOURCE=2)) \
             $(or $(call takes,-fstack-protector-strong),$(call takes,-fstack-protector)) \
             $(foreach f,-fPIE -fstack-clash-protection -fcf-protection \
             -mbranch-protection=standard,$(call takes,$f))
HARD_LD   := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
endif

# Where the tree lies is no part of what is built. (dpkg says so too, but not of a path with a blank.)
HERE      := $(call takes,'-fdebug-prefix-map=$(CURDIR)=.')
override CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -pthread -Isrc -Isubagent -I$(B) $(PKG_CFLAGS)
override LDFLAGS  += -Wl,--as-needed -pthread
COMPILE   = $(CC) $(STD) $(CPPFLAGS) $(HARD_CC) $(CFLAGS) $(HERE) $(WARNINGS) $(WERROR) -MMD -MP
LINK_EXE  = $(CC) $(HARD_CC) $(CFLAGS) $(HARD_LD) $(LDFLAGS)

# The kernel's programs. Debian keeps <asm/types.h> below a directory that is named for the machine.
BPF_ARCH    = $(shell $(CC) -print-multiarch 2>/dev/null)
COMPILE_BPF = $(BPF_CLANG) -target bpf -mcpu=v2 -O2 -g '-fdebug-prefix-map=$(CURDIR)=.' -std=gnu11 -Wall -Wextra \
              $(WERROR) -MMD -MP -Isrc $(if $(filter yes,$(LINK)),$(addprefix -idirafter /usr/include/,$(BPF_ARCH)))

# What includes a backend's headers, or asks libiptc, is left out without it.
users       = $(shell grep -lE 'include.*($(1))/' \
              tests/unit/*.c tests/fuzz/*.c tests/netns/*.c tests/bench/*.c 2>/dev/null)
IPTC_USERS := $(if $(filter yes,$(IPTC)),,$(call users,netfilter/iptables|libiptc))
LINK_USERS := $(if $(filter yes,$(LINK)),,$(call users,netfilter/link))
SHIP_USERS := $(if $(filter yes,$(SHIP)),,$(call users,ship))
ROOMS_OUT  := $(if $(filter yes,$(IPTC)),,src/netfilter/iptables/%.c) \
              $(if $(filter yes,$(LINK)),,src/netfilter/link/%.c) \
              $(if $(filter yes,$(SHIP)),,src/ship/%.c)
# Sorted, since glob(3) sorts by the language of whoever builds, and this is the order in the programs.
sorted      = $(sort $(wildcard $(1)))
sources     = $(filter-out %.bpf.c $(ROOMS_OUT) $(IPTC_USERS) $(LINK_USERS) $(SHIP_USERS),$(call sorted,$(1)))
SRC_OBJS  := $(patsubst %.c,$(B)/%.o,$(filter-out src/cli/ctmeter.c,$(call sources,src/*/*.c src/*/*/*.c)))
SUB_OBJS  := $(patsubst %.c,$(B)/%.o,$(filter-out subagent/main.c,$(call sorted,subagent/*.c subagent/*/*.c)))
LIBS_ALL   = $(B)/libsubagent.a $(B)/libctmeter.a
UNIT_BINS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(call sources,tests/unit/check_*.c))
UNIT_OBJS := $(patsubst %.c,$(B)/%.o,$(filter-out tests/unit/check_%.c,$(call sources,tests/unit/*.c)))
FUZZERS   := $(patsubst tests/fuzz/%.c,$(B)/fuzzers/%,$(call sources,tests/fuzz/fuzz_*.c))
NET_TOOLS := $(patsubst %.c,$(B)/%,$(call sources,tests/netns/*.c))
FLEET_TOOLS := $(patsubst %.c,$(B)/%,$(call sources,tests/fleet/*.c))
BENCH_TOOLS := $(patsubst %.c,$(B)/%,$(call sources,tests/bench/*.c))
# A file that contains OIDs is made from a template: conf/NMS/FILE.in becomes build/conf/NMS/FILE.
# The others are copied there, so that the files of each monitoring system are together.
CONFS     := $(patsubst %.in,%,$(patsubst %,$(B)/%,$(call sorted,conf/*.in conf/*/*)))
# Of zsh and fish, out of the programs' own tables.
COMPLETION := $(B)/completion/_ctmeter $(B)/completion/ctmeter.fish
MIBS      := $(B)/mibs/CTMETER-MIB.txt $(B)/mibs/flat/CTMETER-MIB.txt
MIB_MAN   := $(B)/docs/CTMETER-MIB.5

.PHONY: all
all: $(B)/ctmeterd $(B)/ctmeter $(MIBS) $(MIB_MAN) $(CONFS) $(COMPLETION)
	@:

# --- build -----------------------------------------------------------------------------------

$(B)/version.h: Makefile FORCE
	@mkdir -p $(B)
	@printf '#define %s\n' 'CTM_VERSION "$(VERSION)"' \
		'CTM_BASE_OID $(subst .,$(comma),$(CTMETER_OID))' \
		'CTM_BASE_OID_TEXT "$(CTMETER_OID)"' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# Rebuild all objects when the flags change.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@printf '%s\n' '$(COMPILE) $(LINK_EXE) $(COMPILE_BPF)' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(B)/%.o: %.c $(B)/flags | $(B)/version.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -c -o $@ $<

$(B)/%.bpf.o: %.bpf.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(COMPILE_BPF) -c -o $@ $<
	$(Q)! command -v llvm-strip >/dev/null || llvm-strip -g $@

LINK_OBJECT := $(B)/src/netfilter/link/count.bpf.o
$(B)/src/report/statement_style.o: src/report/statement.css
$(B)/src/netfilter/link/embed.o: $(LINK_OBJECT)
$(B)/src/netfilter/link/embed.o: override CPPFLAGS += -DLINK_OBJECT='"$(LINK_OBJECT)"'

SHIP_SCHEMA := src/ship/schema.sql
$(B)/src/ship/embed.o: $(SHIP_SCHEMA)
$(B)/src/ship/embed.o: override CPPFLAGS += -DSHIP_SCHEMA='"$(SHIP_SCHEMA)"'

$(B)/libctmeter.a: $(SRC_OBJS)
$(B)/libsubagent.a: $(SUB_OBJS)
$(B)/%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/ctmeterd: $(B)/subagent/main.o $(LIBS_ALL)
	$(call say,LD,$@)
	$(Q)$(LINK_EXE) -o $@ $^ $(SNMP_LIBS) $(PKG_LIBS) $(LIBS)
	$(Q)$(if $(filter yes,$(IPTC)),:,echo 'Built without libiptc: this ctmeterd counts $(if $(filter yes,$(LINK)),on links only,nothing).')
	$(Q)$(if $(filter yes,$(LINK)),:,echo 'Built without clang or libbpf: this ctmeterd cannot count on links.')

$(B)/ctmeter: $(B)/src/cli/ctmeter.o $(B)/libctmeter.a
	$(call say,LD,$@)
	$(Q)$(LINK_EXE) -o $@ $^ $(PKG_LIBS) $(LIBS)

$(B)/mibs/flat/CTMETER-MIB.txt: $(B)/mibs/CTMETER-MIB.txt
$(B)/mibs/CTMETER-MIB.txt: mibs/CTMETER-MIB.txt mibs/flat-prelude.txt mibs/generate.sh $(B)/version.h
	$(call say,MIB,$(B)/mibs)
	$(Q)sh mibs/generate.sh $(CTMETER_OID) $(B)/mibs

$(MIB_MAN): docs/CTMETER-MIB.5.in mibs/manual.awk $(B)/mibs/CTMETER-MIB.txt
	@mkdir -p $(@D)
	$(Q)awk -f mibs/manual.awk $(B)/mibs/CTMETER-MIB.txt $< >$@.new
	$(Q)sed 's/@OID@/$(CTMETER_OID)/g' $@.new >$@ && rm $@.new

COMPLETION_OF = src/cli/cli.c src/cli/cli_option.c src/doctor/doctor.c subagent/main.c
$(COMPLETION): conf/completion.awk $(COMPLETION_OF)
	@mkdir -p $(@D)
	$(Q)awk -v shell=$(if $(filter %.fish,$@),fish,zsh) -f conf/completion.awk $(COMPLETION_OF) >$@.new && mv $@.new $@

$(B)/conf/%: conf/%.in $(B)/version.h
	@mkdir -p $(@D)
	$(Q)sed 's/@OID@/$(CTMETER_OID)/g' $< >$@
$(B)/conf/%: conf/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/tests/%: tests/unit/%.c $(UNIT_OBJS) $(LIBS_ALL)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(COMPILE) -Itests/unit -MF $@.d $(HARD_LD) $(LDFLAGS) -o $@ $< $(UNIT_OBJS) $(LIBS_ALL) \
		$(SNMP_LIBS) $(PKG_LIBS) $(CHECK_LIBS) $(LIBS)

$(B)/fuzzers/%: tests/fuzz/%.c $(wildcard tests/fuzz/*.h) $(LIBS_ALL)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(COMPILE) -fsanitize=fuzzer -Itests/fuzz -MF $@.d $(LDFLAGS) -o $@ $< $(LIBS_ALL) \
		$(SNMP_LIBS) $(PKG_LIBS) $(LIBS)

$(B)/tests/netns/%: tests/netns/%.c $(LIBS_ALL)
	$(TOOL)
$(B)/tests/bench/%: tests/bench/%.c $(LIBS_ALL)
	$(TOOL)
$(B)/tests/fleet/%: tests/fleet/%.c $(LIBS_ALL)
	$(TOOL)
define TOOL
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(COMPILE) -MF $@.d $(HARD_LD) $(LDFLAGS) -o $@ $< $(LIBS_ALL) $(SNMP_LIBS) $(PKG_LIBS) $(LIBS)
endef

# --- packages --------------------------------------------------------------------------------

.PHONY: deps demo-deps test-deps
deps:
	$(Q)sh tests/deps.sh build
demo-deps:
	$(Q)sh tests/deps.sh build demo
test-deps:
	$(Q)sh tests/deps.sh build test

# The goals after `deps` run in a new make, as pkg-config may have been installed just now. They build
# on all processors unless a -j was given.
parallel = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))
AGAIN = +@$(MAKE) --no-print-directory $(parallel)

# --- tests -----------------------------------------------------------------------------------

export JOBS SLOW UNDER ASAN_OPTIONS
RUN = B='$(B)' CTMETER_OID='$(CTMETER_OID)'

.PHONY: demo check quickcheck check-odd check-release check-docs check-fleet check-life check-nms check-runtimes check-sanitized check-valgrind soak \
	measure bench unit netns test-tools bench-tools fleet-tools fuzz fuzzers fuzz-run
demo: demo-deps
	$(AGAIN) all test-tools
	$(Q)$(RUN) KEEP='$(KEEP)' bash tests/demo.sh

# The unit tests, two at a time, and the kernel tests, four at a time, since they mostly wait. Both
# parts run, and it fails if either did.
both = +@$(MAKE) --no-print-directory $(parallel) $(1) all test-tools lint-unit || exit; \
	failed=; for part in unit:2 netns:4; do $(MAKE) --no-print-directory \
	JOBS=$${part\#*:} $(1) $${part%:*} || failed="$$failed $${part%:*}"; done; \
	[ -z "$$failed" ] || { echo "$@: failed:$$failed" >&2; exit 1; }

check: test-deps
	$(call both)

quickcheck: test-deps
	$(AGAIN) unit

# Some of the tests as they might run on other machines (ODD names the circumstances: tests/odd.sh).
check-odd: test-deps
	$(AGAIN) all test-tools $(UNIT_BINS)
	$(Q)$(RUN) JOBS=2 bash tests/odd.sh $(ODD)

# The same tests with every memory access checked. They have builds of their own,
# without the options that hide errors from a sanitizer. A sanitizer's runtime cannot come first
# where a test preloads a library.
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
check-sanitized: test-deps
	$(call both,B='$(B)/asan' HARDEN= WERROR= CFLAGS='$(SANITIZE)' SLOW=3 \
		ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:verify_asan_link_order=0)

# The shipped programs, except for the system call filter, under which valgrind does not work, and
# everything that they fork. In a forked child the memory of the store's thread has no owner that
# valgrind can see, so only definite leaks count.
VALGRIND := valgrind -q --vgdb=no --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
            --errors-for-leak-kinds=definite --suppressions=$(CURDIR)/tests/valgrind.supp
# The kernel tests that can bear a daemon ten to thirty times slower. Left out are those that count
# events in a real minute (notify), those that need thousands of commits or reboots in a limited
# time (faults_*, foreign, repair, slowdisk, ports), and those that test the operator's command
# rather than the daemon (doctor, setup, session, snmpd). The sanitizers run them all.
VALGRIND_TESTS := $(patsubst %,t_%.sh,exact zero signal store snmp churn report noprivilege inventory master)
check-valgrind: test-deps
	$(Q)sh tests/deps.sh valgrind
	$(call both,B='$(B)/valgrind' SECCOMP=no SLOW=10 UNDER='$(VALGRIND)' TESTS='$(VALGRIND_TESTS)')

measure: test-deps
	$(AGAIN) all test-tools
	$(Q)$(RUN) bash tests/netns/measure.sh

soak: test-deps
	$(AGAIN) all test-tools
	$(Q)$(RUN) SOAK_S='$(or $(SOAK_S),60)' bash tests/netns/soak.sh

unit: all $(UNIT_BINS)
	$(Q)for t in $(basename $(notdir $(filter tests/unit/check_%,$(IPTC_USERS)))); do \
		echo "SKIP  $$t: built without libiptc"; done
	$(Q)for t in $(basename $(notdir $(filter tests/unit/check_%,$(LINK_USERS)))); do \
		echo "SKIP  $$t: built without the link backend"; done
	$(Q)for t in $(basename $(notdir $(filter tests/unit/check_%,$(SHIP_USERS)))); do \
		echo "SKIP  $$t: built without libpq"; done
	$(Q)$(RUN) sh tests/unit/run.sh $(UNIT_BINS)

netns: all test-tools
	$(Q)$(RUN) bash tests/netns/run.sh $(TESTS)

# Every command in README, guides and manual pages, run on a node of its own.
check-docs: test-deps
	$(Q)sh tests/deps.sh docs
	$(AGAIN) all test-tools
	$(Q)$(RUN) SUITE=docs LIMIT_S=1200 bash tests/netns/run.sh

check-life: test-deps
	$(AGAIN) all test-tools
	$(Q)$(RUN) SUITE=life LIMIT_S=1200 bash tests/netns/run.sh $(TESTS)

# Every parser under libFuzzer with the address and undefined behaviour sanitizers, for FUZZ_S
# seconds each or FUZZ_RUNS executions.
fuzz:
	$(Q)sh tests/deps.sh build fuzz
	@mkdir -p $(B)
	+@if echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }' | \
		clang -fsanitize=fuzzer,address,undefined -x c -o $(B)/fuzz-probe - 2>/dev/null; then \
		$(MAKE) --no-print-directory fuzz-run; \
	else echo 'SKIP  fuzz: no clang with libFuzzer and the sanitizers is installed'; fi

fuzz-run:
	$(AGAIN) B='$(B)/fuzz-build' HARDEN= CC=clang CFLAGS='-O1 -g -fno-omit-frame-pointer \
		-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzzers
	$(Q)$(RUN) FUZZ_S='$(FUZZ_S)' FUZZ_RUNS='$(FUZZ_RUNS)' bash tests/fuzz/run.sh \
		$(patsubst tests/fuzz/%.c,$(B)/fuzz-build/fuzzers/%,$(wildcard tests/fuzz/fuzz_*.c))

fuzzers: $(FUZZERS)
	@:

# Another release of Debian, in a tree that is made once and kept (tests/release/check.sh).
RELEASE ?= trixie
check-release: test-deps
	$(Q)sh tests/deps.sh packages
	$(AGAIN) all test-tools dist
	$(Q)B='$(B)' CTMETER_OID='$(CTMETER_OID)' VERSION='$(VERSION)' bash tests/release/check.sh $(RELEASE)

# Real runtimes in trees of Debian, which are made once and kept (tests/packages/tree.sh).
check-runtimes: test-deps
	$(Q)sh tests/deps.sh runtimes
	$(AGAIN) all test-tools
	$(Q)$(RUN) SUITE=runtimes LIMIT_S=600 bash tests/netns/run.sh $(TESTS)

# Real monitoring systems poll a real node, two at a time, since they mostly wait. Installs their
# packages.
check-nms: test-deps
	$(Q)sh tests/deps.sh nms
	$(AGAIN) all test-tools
	$(Q)$(RUN) SUITE=nms JOBS=2 LIMIT_S=1800 bash tests/netns/run.sh

# A PostgreSQL of its own takes the ledgers of a fleet. NODES=40 is the short form.
check-fleet: test-deps
	$(Q)sh tests/deps.sh fleet
	$(AGAIN) all test-tools fleet-tools bench-tools
	$(Q)$(RUN) SUITE=fleet LIMIT_S=3000 NODES='$(or $(NODES),400)' bash tests/netns/run.sh $(TESTS)
	$(Q)cat '$(B)'/fleet/figures* 2>/dev/null || :

fleet-tools: $(FLEET_TOOLS)
	@:

# BENCH=quick is for everyday use; the results of the full one are in tests/bench/RESULTS.md.
bench: test-deps
	$(Q)sh tests/deps.sh bench
	$(AGAIN) all test-tools bench-tools
	$(Q)$(RUN) BENCH='$(BENCH)' bash tests/bench/run.sh

bench-tools: $(BENCH_TOOLS)
	@:

test-tools: $(NET_TOOLS)
	@:

.PHONY: lint
lint:
	$(Q)sh tests/deps.sh build test lint
	$(AGAIN) B='$(B)' CTMETER_OID='$(CTMETER_OID)' lint-all

.PHONY: lint-all lint-unit
lint-unit: $(UNIT_BINS)
lint-all:
	$(Q)B='$(B)' bash tests/lint.sh

# --- installing ------------------------------------------------------------------------------

BINDIR   ?= $(PREFIX)/bin
SBINDIR  ?= $(PREFIX)/sbin
MANDIR   ?= $(PREFIX)/share/man
SHAREDIR  = $(PREFIX)/share/ctmeter
DOCDIR   ?= $(PREFIX)/share/doc/ctmeter
ZSHDIR   ?= $(PREFIX)/share/zsh/site-functions
FISHDIR  ?= $(PREFIX)/share/fish/vendor_completions.d
CONFDIR   = $(SYSCONFDIR)/ctmeter
CONFFILE  = $(CONFDIR)/ctmeter.conf

# SOURCE:TARGET of every installed file, except those that belong to the operator.
UNITS     = $(call sorted,conf/*.service conf/*.socket conf/*.timer)
MANUALS   = $(call sorted,docs/*.[158]) $(MIB_MAN)
INSTALLED = \
	$(foreach f,$(UNITS),$(B)/units/$(notdir $f):$(UNITDIR)/$(notdir $f)) \
	$(foreach f,$(MANUALS),$f:$(MANDIR)/man$(subst .,,$(suffix $f))/$(notdir $f)) \
	$(foreach f,$(CONFS),$f:$(SHAREDIR)/$(f:$(B)/conf/%=%)) \
	$(foreach d,sysusers tmpfiles $(if $(filter yes,$(IPTC)),modules-load),$(if $(wildcard conf/ctmeter.$d),\
		conf/ctmeter.$d:$(PREFIX)/lib/$d.d/ctmeter.conf)) \
	$(foreach c,ctmeter ctmeterd,\
		conf/ctmeter.bash-completion:$(PREFIX)/share/bash-completion/completions/$c \
		$(B)/completion/ctmeter.fish:$(FISHDIR)/$c.fish) \
	$(B)/completion/_ctmeter:$(ZSHDIR)/_ctmeter \
	$(B)/mibs/CTMETER-MIB.txt:$(PREFIX)/share/snmp/mibs/CTMETER-MIB.txt \
	$(B)/mibs/flat/CTMETER-MIB.txt:$(DOCDIR)/CTMETER-MIB.txt \
	README.md:$(DOCDIR)/README.md conf/ctmeter.conf:$(DOCDIR)/ctmeter.conf.example

$(B)/units/%: conf/% FORCE
	@mkdir -p $(@D)
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|g; s|@BINDIR@|$(BINDIR)|g; s|@CONF@|$(CONFFILE)|g' $< >$@

# An existing configuration is kept.
.PHONY: install
install: all $(patsubst conf/%,$(B)/units/%,$(UNITS))
	$(INSTALL) -D -m 755 $(B)/ctmeterd '$(DESTDIR)$(SBINDIR)/ctmeterd'
	$(INSTALL) -D -m 755 $(B)/ctmeter '$(DESTDIR)$(BINDIR)/ctmeter'
	$(Q)set -e; for f in $(INSTALLED); do mode=644; [ ! -x "$${f%%:*}" ] || mode=755; \
		$(INSTALL) -D -p -m $$mode "$${f%%:*}" "$(DESTDIR)$${f#*:}"; done
	$(Q)[ -e '$(DESTDIR)$(CONFFILE)' ] || \
		$(INSTALL) -D -m 644 conf/ctmeter.conf '$(DESTDIR)$(CONFFILE)'

# Configuration and data belong to the operator and stay.
.PHONY: uninstall
uninstall:
	rm -f '$(DESTDIR)$(SBINDIR)/ctmeterd' '$(DESTDIR)$(BINDIR)/ctmeter'
	$(Q)rm -f $(foreach f,$(INSTALLED),'$(DESTDIR)$(lastword $(subst :, ,$f))')
	$(Q)for d in $(SHAREDIR) $(DOCDIR); do [ ! -d "$(DESTDIR)$$d" ] || \
		find "$(DESTDIR)$$d" -depth -type d -exec rmdir --ignore-fail-on-non-empty {} +; done

# The manual pages as HTML: build/html/ctmeter.1.html and so on.
.PHONY: html
HTML = $(patsubst %,$(B)/html/%.html,$(notdir $(call sorted,docs/*.[158]) $(MIB_MAN)))
html: $(HTML)
	@:
$(B)/html/%.html: docs/%
	$(TO_HTML)
$(B)/html/%.html: $(B)/docs/%
	$(TO_HTML)
define TO_HTML
	@mkdir -p $(@D)
	$(call say,HTML,$@)
	$(Q)mandoc -T html -O man=%N.%S.html $< >$@.new && mv $@.new $@
endef

# The files that git tracks. The same commit gives the same octets on any machine. Beside the archive is a
# list of what is in it (SPDX).
NAME := ctmeter-$(VERSION)
.PHONY: dist distcheck
dist: $(B)/$(NAME).tar.gz $(B)/$(NAME).spdx
$(B)/$(NAME).spdx: $(B)/$(NAME).tar.gz
	$(Q)bash tests/packages/spdx.sh ctmeter $(VERSION) $< >$@.new && mv $@.new $@
$(B)/$(NAME).tar.gz: FORCE
	@mkdir -p $(@D)
	$(call say,DIST,$@)
	$(Q)git ls-files -z >$@.list
	$(Q)tar --create --null --files-from=$@.list --transform='s,^,$(NAME)/,' --sort=name \
		--mtime="@$$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner \
		--mode=u=rwX,go=rX --format=gnu --file=$@.tar
	$(Q)gzip -9 -n <$@.tar >$@ && rm $@.tar $@.list

distcheck: dist
	$(Q)bash tests/packages/distcheck.sh $(B)/$(NAME).tar.gz

# The packages are built from that archive, then installed and used in a Debian of their own.
.PHONY: check-packages
check-packages: test-deps
	$(Q)sh tests/deps.sh packages
	$(AGAIN) all test-tools dist
	$(Q)B='$(B)' CTMETER_OID='$(CTMETER_OID)' VERSION='$(VERSION)' bash tests/packages/check.sh

.PHONY: clean
clean:
	rm -rf $(B)

.PHONY: FORCE
FORCE:
.SECONDARY:

-include $(wildcard $(B)/src/*/*.d $(B)/src/*/*/*.d $(B)/subagent/*.d $(B)/subagent/*/*.d $(B)/tests/*.d $(B)/tests/*/*.d)
