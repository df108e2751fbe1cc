# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += routed/librouted.a
routed_librouted_a_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS) $(NFTABLES_CFLAGS) \
	$(BPF_CFLAGS) $(NCURSES_CFLAGS) $(SYSTEMD_CFLAGS) $(NETTLE_CFLAGS)
routed_librouted_a_SOURCES = \
	routed/allowed.c \
	routed/allowed.h \
	routed/apply.c \
	routed/apply.h \
	routed/backoff.c \
	routed/backoff.h \
	routed/band.c \
	routed/band.h \
	routed/blockade.c \
	routed/blockade.h \
	routed/capture.c \
	routed/capture.h \
	routed/carry.h \
	routed/carry_probe.c \
	routed/carry_probe.h \
	routed/connections.c \
	routed/connections.h \
	routed/direct.c \
	routed/direct.h \
	routed/doctor.c \
	routed/doctor.h \
	routed/doctor_beside.c \
	routed/doctor_collect.c \
	routed/doctor_collect.h \
	routed/doctor_firewall.c \
	routed/doctor_gateway.c \
	routed/doctor_print.c \
	routed/doctor_sockets.c \
	routed/doctor_vpn.c \
	routed/draft.c \
	routed/draft.h \
	routed/exempt.c \
	routed/exempt.h \
	routed/exits.c \
	routed/exits.h \
	routed/explain.c \
	routed/explain.h \
	routed/explain_way.c \
	routed/figures.c \
	routed/figures.h \
	routed/firewall.c \
	routed/firewall.h \
	routed/fixed.c \
	routed/fixed.h \
	routed/flow_owner.c \
	routed/flow_owner.h \
	routed/gateway.c \
	routed/gateway.h \
	routed/group_mark.h \
	routed/group_mark_limits.h \
	routed/groups.c \
	routed/groups.h \
	routed/forwarding.c \
	routed/forwarding.h \
	routed/histogram.c \
	routed/histogram.h \
	routed/host.c \
	routed/host_facts.c \
	routed/host.h \
	routed/icmp_exits.c \
	routed/icmp_exits.h \
	routed/inner.c \
	routed/inner.h \
	routed/journal.c \
	routed/journal.h \
	routed/lan.c \
	routed/lan.h \
	routed/last_fd.c \
	routed/last_fd.h \
	routed/learnt.c \
	routed/learnt.h \
	routed/link.c \
	routed/link.h \
	routed/members.c \
	routed/members.h \
	routed/memory_file.c \
	routed/memory_file.h \
	routed/nft.c \
	routed/nft.h \
	routed/nft_watch.c \
	routed/nft_watch.h \
	routed/nl_device.c \
	routed/nl_device.h \
	routed/nl_edit.c \
	routed/nl_edit.h \
	routed/nl_elements.c \
	routed/nl_elements.h \
	routed/object.c \
	routed/object.h \
	routed/options.c \
	routed/options.h \
	routed/outlook.c \
	routed/outlook.h \
	routed/outlet.c \
	routed/outlet.h \
	routed/own_traffic.c \
	routed/own_traffic.h \
	routed/owner.c \
	routed/owner.h \
	routed/plan.c \
	routed/plan.h \
	routed/plan_exempt.c \
	routed/plan_main.c \
	routed/plan_main.h \
	routed/plan_print.c \
	routed/plan_print.h \
	routed/probes.c \
	routed/probes.h \
	routed/reconcile.c \
	routed/reconcile.h \
	routed/recover.c \
	routed/recover.h \
	routed/relays.c \
	routed/relays.h \
	routed/report.c \
	routed/report.h \
	routed/resolvconf.c \
	routed/resolvconf.h \
	routed/resolved_bus.h \
	routed/rival.c \
	routed/rival.h \
	routed/rule_directs.c \
	routed/rule_directs.h \
	routed/ruleset.c \
	routed/ruleset.h \
	routed/saved_file.c \
	routed/saved_file.h \
	routed/service.c \
	routed/service.h \
	routed/side.c \
	routed/side.h \
	routed/sockdiag.c \
	routed/sockdiag.h \
	routed/spawner.c \
	routed/spawner.h \
	routed/steer.h \
	routed/sysctls.c \
	routed/sysctls.h \
	routed/table.c \
	routed/table.h \
	routed/takeover.c \
	routed/takeover.h \
	routed/throws.c \
	routed/throws.h \
	routed/trial.c \
	routed/trial.h \
	routed/tun.c \
	routed/tun.h \
	routed/tunnels.c \
	routed/tunnels.h \
	routed/udp_servers.c \
	routed/udp_servers.h \
	routed/unix_listener.c \
	routed/unix_listener.h \
	routed/verbs.c \
	routed/verbs.h \
	routed/verbs_print.c \
	routed/view/flow_list.c \
	routed/view/flow_list.h \
	routed/view/screen.h \
	routed/view/watch.c \
	routed/view/watch.h

if HAVE_LIBSYSTEMD
routed_librouted_a_SOURCES += routed/resolved_bus.c
else
routed_librouted_a_SOURCES += routed/resolved_bus_none.c
endif

if HAVE_NCURSES
routed_librouted_a_SOURCES += routed/view/screen.c
else
routed_librouted_a_SOURCES += routed/view/screen_none.c
endif

# A program goes from C to an object to a header with the bytes in it.  The
# header is somebody else's code: our warnings are not for it.
if HAVE_BPF
routed_librouted_a_SOURCES += routed/carry.c routed/group_mark.c routed/steer.c
BUILT_SOURCES += routed/carry.skel.h routed/group_mark.skel.h \
	routed/steer.skel.h
CLEANFILES += routed/carry.skel.h routed/carry.bpf.o \
	routed/group_mark.skel.h routed/group_mark.bpf.o \
	routed/steer.skel.h routed/steer.bpf.o
else
routed_librouted_a_SOURCES += routed/carry_none.c routed/group_mark_none.c \
	routed/steer_none.c
endif
EXTRA_DIST += routed/carry.bpf.c routed/group_mark.bpf.c routed/steer.bpf.c
routed/librouted_a-carry.$(OBJEXT): routed/carry.skel.h
routed/librouted_a-group_mark.$(OBJEXT): routed/group_mark.skel.h
routed/librouted_a-steer.$(OBJEXT): routed/steer.skel.h

BPF_OBJECT_FLAGS = -target bpf -O2 -g -Wall -Werror \
	-idirafter /usr/include/$$($(CC) -print-multiarch)

BPF_OBJECT = $(AM_V_GEN)$(MKDIR_P) routed && \
	$(CLANG) $(BPF_OBJECT_FLAGS) $(BPF_CFLAGS) -c
BPF_SKELETON = $(AM_V_GEN)echo '\#pragma GCC system_header' >$@.tmp && \
	$(BPFTOOL) gen skeleton

routed/carry.bpf.o: routed/carry.bpf.c
	$(BPF_OBJECT) $(srcdir)/routed/carry.bpf.c -o $@
routed/carry.skel.h: routed/carry.bpf.o
	$(BPF_SKELETON) routed/carry.bpf.o name carry_bpf >>$@.tmp && \
		mv $@.tmp $@

routed/group_mark.bpf.o: routed/group_mark.bpf.c routed/group_mark_limits.h
	$(BPF_OBJECT) -I$(srcdir) $(srcdir)/routed/group_mark.bpf.c -o $@
routed/group_mark.skel.h: routed/group_mark.bpf.o
	$(BPF_SKELETON) routed/group_mark.bpf.o name group_mark_bpf \
		>>$@.tmp && mv $@.tmp $@

routed/steer.bpf.o: routed/steer.bpf.c
	$(BPF_OBJECT) $(srcdir)/routed/steer.bpf.c -o $@
routed/steer.skel.h: routed/steer.bpf.o
	$(BPF_SKELETON) routed/steer.bpf.o name steer_bpf >>$@.tmp && \
		mv $@.tmp $@

# What everything that links librouted.a links too.
ROUTED_LIBS = routed/librouted.a $(COMMON_LIBS) $(NFTABLES_LIBS) $(BPF_LIBS) \
	$(NCURSES_LIBS) $(NETTLE_LIBS)

include $(srcdir)/routed/relay/local.mk

sbin_PROGRAMS += routed/routed
routed_routed_SOURCES = routed/main.c
routed_routed_LDADD = $(ROUTED_LIBS)

systemdunit_DATA += routed/ersatz-routed.service
EXTRA_DIST += routed/ersatz-routed.service.in
CLEANFILES += routed/ersatz-routed.service
routed/ersatz-routed.service: routed/ersatz-routed.service.in Makefile
	$(SUBSTITUTE) $(srcdir)/routed/ersatz-routed.service.in > $@
