# SPDX-License-Identifier: BSD-2-Clause
routed_librouted_a_SOURCES += \
	routed/relay/packet.c \
	routed/relay/packet.h \
	routed/relay/relay.h \
	routed/relay/unreachable.c \
	routed/relay/unreachable.h
