# SPDX-License-Identifier: BSD-2-Clause
include $(srcdir)/tests/unit/local.mk
