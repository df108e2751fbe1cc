# SPDX-License-Identifier: BSD-2-Clause
#
# A benchmark prints and never fails a build: not part of `make check`.

EXTRA_PROGRAMS = tests/bench/datagrams tests/bench/echo \
	tests/bench/requests tests/bench/rules tests/bench/socksd
tests_bench_requests_LDADD = -lpthread
tests_bench_rules_LDADD = $(COMMON_LIBS)
CLEANFILES += $(EXTRA_PROGRAMS)
EXTRA_DIST += tests/bench/bench.py

.PHONY: bench
bench: all $(EXTRA_PROGRAMS)
	@ERSATZ_BUILD='$(abs_top_builddir)' $(PYTHON3) \
		$(srcdir)/tests/bench/bench.py $(ONLY)
