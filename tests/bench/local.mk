# SPDX-License-Identifier: BSD-2-Clause
#
# A benchmark prints and never fails a build: not part of `make check`.

EXTRA_PROGRAMS = tests/bench/datagrams tests/bench/echo \
	tests/bench/queries tests/bench/requests \
	tests/bench/rules tests/bench/socksd
tests_bench_requests_LDADD = -lpthread
tests_bench_rules_LDADD = $(COMMON_LIBS)
CLEANFILES += $(EXTRA_PROGRAMS)
EXTRA_DIST += tests/bench/bench.py tests/bench/bench_dns.py \
	tests/bench/bench_truth.py \
	tests/bench/follow.py tests/bench/start.py

.PHONY: bench
bench: all $(EXTRA_PROGRAMS) tests/net/syns
	@ERSATZ_BUILD='$(abs_top_builddir)' $(PYTHON3) \
		$(srcdir)/tests/bench/bench.py $(ONLY)

# Start until captured and verified, stop until all is as before; as root.
.PHONY: bench-start
bench-start: all
	@ERSATZ_BUILD='$(abs_top_builddir)' $(PYTHON3) \
		$(srcdir)/tests/bench/start.py

# How soon changes of the uplinks are followed; as root.
.PHONY: bench-follow
bench-follow: all
	@ERSATZ_BUILD='$(abs_top_builddir)' $(PYTHON3) \
		$(srcdir)/tests/bench/follow.py
