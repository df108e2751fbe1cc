# SPDX-License-Identifier: BSD-2-Clause

AM_TESTS_ENVIRONMENT = \
	ERSATZ_BUILD='$(abs_top_builddir)'; export ERSATZ_BUILD; \
	CC='$(CC)'; export CC; \
	ERSATZ_SOURCE='$(abs_top_srcdir)'; export ERSATZ_SOURCE; \
	PYTHON3='$(PYTHON3)'; export PYTHON3;

include $(srcdir)/tests/unit/local.mk
include $(srcdir)/tests/golden/local.mk
include $(srcdir)/tests/net/local.mk
include $(srcdir)/tests/fuzz/local.mk
include $(srcdir)/tests/bench/local.mk

# The boundaries' own include options, for checks that see every file.
ALL_CPPFLAGS = $(DEFS) $(AM_CPPFLAGS) $(LDNS_CFLAGS) $(NL_CFLAGS) \
	$(SQLITE_CFLAGS) $(YAML_CFLAGS) $(JANSSON_CFLAGS) $(CAPNG_CFLAGS) \
	$(NFTABLES_CFLAGS) $(BPF_CFLAGS) $(CMOCKA_CFLAGS) $(IDN_CFLAGS) \
	$(PCRE2_CFLAGS) $(MAXMINDDB_CFLAGS) $(SECCOMP_CFLAGS)

# What is in the binaries, looked at from outside.
dist_check_SCRIPTS += tests/hardened
TESTS += tests/hardened

dist_check_SCRIPTS += tests/lint
.PHONY: lint
lint: $(BUILT_SOURCES)
	@ERSATZ_CPPFLAGS='-I$(abs_top_builddir) $(ALL_CPPFLAGS)' CC='$(CC)' $(srcdir)/tests/lint
