# SPDX-License-Identifier: BSD-2-Clause
dist_check_SCRIPTS += tests/net/run
TESTS += tests/net/run
EXTRA_DIST += \
	tests/net/conftest.py \
	tests/net/topology.py
