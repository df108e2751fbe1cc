# SPDX-License-Identifier: BSD-2-Clause
dist_man_MANS += \
	man/dnsd.8 \
	man/ersatz-recipes.7 \
	man/ersatz.7 \
	man/ersatz.8 \
	man/ersatz.yaml.5 \
	man/fakemap.5 \
	man/routed.8
