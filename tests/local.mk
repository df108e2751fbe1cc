# SPDX-License-Identifier: BSD-2-Clause

AM_TESTS_ENVIRONMENT = \
	ERSATZ_BUILD='$(abs_top_builddir)'; export ERSATZ_BUILD; \
	ERSATZ_SOURCE='$(abs_top_srcdir)'; export ERSATZ_SOURCE; \
	PYTHON3='$(PYTHON3)'; export PYTHON3;

include $(srcdir)/tests/unit/local.mk
include $(srcdir)/tests/net/local.mk
