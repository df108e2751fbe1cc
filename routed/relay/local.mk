# SPDX-License-Identifier: BSD-2-Clause
routed_librouted_a_SOURCES += \
	routed/relay/mover.c \
	routed/relay/mover.h \
	routed/relay/packet.c \
	routed/relay/packet.h \
	routed/relay/poller.c \
	routed/relay/poller.h \
	routed/relay/relay.h \
	routed/relay/socks.c \
	routed/relay/socks.h \
	routed/relay/unreachable.c \
	routed/relay/unreachable.h
