# SPDX-License-Identifier: BSD-2-Clause
routed_librouted_a_SOURCES += \
	routed/relay/relay.h
