# SPDX-License-Identifier: BSD-2-Clause
dist_check_SCRIPTS += tests/net/run
TESTS += tests/net/run

check_PROGRAMS += tests/net/route_host
tests_net_route_host_LDADD = $(ROUTED_LIBS)
tests_net_route_host_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=nl_edit_batch,--wrap=nft_change

check_PROGRAMS += tests/net/flood
tests_net_flood_LDADD = $(COMMON_LIBS)

check_PROGRAMS += tests/net/inject

check_PROGRAMS += tests/net/syns

check_PROGRAMS += tests/net/routed_hasty
tests_net_routed_hasty_SOURCES = tests/net/routed_hasty.c routed/main.c
tests_net_routed_hasty_LDADD = $(ROUTED_LIBS)
tests_net_routed_hasty_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=direct_until_ms

if HAVE_CMOCKA
check_PROGRAMS += tests/net/route_compare
tests_net_route_compare_SOURCES = tests/net/route_compare.c $(FIB_MODEL)
tests_net_route_compare_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_net_route_compare_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
endif

# The long form of a test that the suite has in short.
.PHONY: check-flaps
check-flaps: all
	ERSATZ_BUILD=$(abs_top_builddir) ERSATZ_FLAPS=1000 \
		$(top_srcdir)/tests/net/run -k test_flaps

EXTRA_DIST += \
	tests/net/beside.py \
	tests/net/conftest.py \
	tests/net/demo.py \
	tests/net/nameserver.py \
	tests/net/odd_queries.py \
	tests/net/peer.py \
	tests/net/recipes.py \
	tests/net/quic_initial.py \
	tests/net/stub_ares.c \
	tests/net/stub_libc.c \
	tests/net/test_bad_input.py \
	tests/net/test_bound.py \
	tests/net/test_beside_host.py \
	tests/net/test_beside_openvpn.py \
	tests/net/test_beside_strongswan.py \
	tests/net/test_beside_wireguard.py \
	tests/net/test_cache.py \
	tests/net/test_clients.py \
	tests/net/test_carrier.py \
	tests/net/test_confined.py \
	tests/net/test_crash.py \
	tests/net/test_demo.py \
	tests/net/test_direct.py \
	tests/net/test_dnsd.py \
	tests/net/test_explain.py \
	tests/net/test_explain_way.py \
	tests/net/test_flow_log.py \
	tests/net/test_front.py \
	tests/net/test_doctor.py \
	tests/net/test_encrypted.py \
	tests/net/test_gateway.py \
	tests/net/test_gateway_icmp.py \
	tests/net/test_gateway_ways.py \
	tests/net/test_groups.py \
	tests/net/test_host.py \
	tests/net/test_hostile_proxy.py \
	tests/net/test_icmp.py \
	tests/net/test_limits.py \
	tests/net/test_lists.py \
	tests/net/test_lossy.py \
	tests/net/test_leaks.py \
	tests/net/test_local_proxy.py \
	tests/net/test_map_crash.py \
	tests/net/test_odd.py \
	tests/net/control_groups.py \
	tests/net/test_exempt_group.py \
	tests/net/test_owner.py \
	tests/net/test_processes.py \
	tests/net/test_outbounds.py \
	tests/net/test_survival.py \
	tests/net/test_truth.py \
	tests/net/test_recycle.py \
	tests/net/test_steps.py \
	tests/net/test_strangers.py \
	tests/net/test_units.py \
	tests/net/test_uplinks.py \
	tests/net/test_upstream.py \
	tests/net/test_upstream_failure.py \
	tests/net/test_plan_pastes.py \
	tests/net/test_profiles.py \
	tests/net/test_relay.py \
	tests/net/test_server_groups.py \
	tests/net/test_reject.py \
	tests/net/test_resolved.py \
	tests/net/test_rival.py \
	tests/net/test_routes.py \
	tests/net/test_sight.py \
	tests/net/test_sniff.py \
	tests/net/test_special.py \
	tests/net/test_stubs.py \
	tests/net/test_udp.py \
	tests/net/test_uot.py \
	tests/net/test_watch.py \
	tests/net/test_verify.py \
	tests/net/test_way.py \
	tests/net/test_ways.py \
	tests/net/topology.py \
	tests/net/uot_server.py
	tests/net/test_why.py \
	tests/net/topology.py

# What a newcomer sees first.
.PHONY: demo
demo: all
	@ERSATZ_BUILD='$(abs_top_builddir)' $(PYTHON3) $(srcdir)/tests/net/demo.py

# The long form of test_map_crash.py: a thousand SIGKILLs, some minutes.
ROUNDS = 1000
.PHONY: crash-rounds
crash-rounds: all
	@ERSATZ_BUILD='$(abs_top_builddir)' PYTHON3='$(PYTHON3)' \
		ERSATZ_ROUNDS=$(ROUNDS) ERSATZ_TEST_TIMEOUT=3600 \
		$(srcdir)/tests/net/run $(srcdir)/tests/net/test_map_crash.py
