# SPDX-License-Identifier: BSD-2-Clause
dist_check_SCRIPTS += tests/net/run
TESTS += tests/net/run
EXTRA_DIST += \
	tests/net/conftest.py \
	tests/net/demo.py \
	tests/net/test_demo.py \
	tests/net/topology.py

# What a newcomer sees first.
.PHONY: demo
demo: all
	@ERSATZ_BUILD='$(abs_top_builddir)' $(PYTHON3) $(srcdir)/tests/net/demo.py
