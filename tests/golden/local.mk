# SPDX-License-Identifier: BSD-2-Clause
#
# Inputs with what must come out of them, to the letter.

EXTRA_DIST += tests/golden/config tests/golden/rules
