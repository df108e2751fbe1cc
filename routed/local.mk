# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += routed/librouted.a
routed_librouted_a_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS) $(NFTABLES_CFLAGS) \
	$(BPF_CFLAGS)
routed_librouted_a_SOURCES = \
	routed/inner.h \
	routed/link.c \
	routed/link.h \
	routed/nft.h \
	routed/spawner.h \
	routed/steer.h \
	routed/tun.h

# What everything that links librouted.a links too.
ROUTED_LIBS = routed/librouted.a $(COMMON_LIBS) $(NFTABLES_LIBS) $(BPF_LIBS)

include $(srcdir)/routed/relay/local.mk

sbin_PROGRAMS += routed/routed
routed_routed_SOURCES = routed/main.c
routed_routed_LDADD = $(ROUTED_LIBS)

systemdunit_DATA += routed/ersatz-routed.service
EXTRA_DIST += routed/ersatz-routed.service.in
CLEANFILES += routed/ersatz-routed.service
routed/ersatz-routed.service: routed/ersatz-routed.service.in Makefile
	$(SUBSTITUTE) $(srcdir)/routed/ersatz-routed.service.in > $@
