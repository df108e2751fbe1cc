# SPDX-License-Identifier: BSD-2-Clause
#
# One program a module.  Sorted; each is three lines.

UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
UNIT_TESTS =

# A kernel of paper, for the modules that plan and apply routes.
FIB_MODEL = tests/unit/fib_model.c tests/unit/fib_model.h
DNS_MESSAGE = tests/unit/dns_message.c tests/unit/dns_message.h

# An upstream and a clock that do what the test says.
LOOKUP_FIXTURE = tests/unit/lookup_fixture.c tests/unit/lookup_fixture.h \
	$(DNS_MESSAGE)
LOOKUP_WRAPS = -Wl,--wrap=clock_boottime_ms \
	-Wl,--wrap=upstreams_ask \
	-Wl,--wrap=upstreams_key \
	-Wl,--wrap=upstreams_route \
	-Wl,--wrap=upstreams_is_personal \
	-Wl,--wrap=ev_timer_start \
	-Wl,--wrap=ev_timer_stop
FORBIDDEN_FIXTURE = tests/unit/forbidden_fixture.c \
	tests/unit/forbidden_fixture.h
FAKE_EDIT = tests/unit/fake_edit.c tests/unit/fake_edit.h $(FIB_MODEL)
FAKE_NFT = tests/unit/fake_nft.c tests/unit/fake_nft.h

if HAVE_CMOCKA

UNIT_TESTS += tests/unit/test_addr
tests_unit_test_addr_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_addr_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_answer
tests_unit_test_answer_CPPFLAGS = $(UNIT_CPPFLAGS) $(LDNS_CFLAGS)
tests_unit_test_answer_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS) $(LDNS_LIBS)

UNIT_TESTS += tests/unit/test_apply
tests_unit_test_apply_SOURCES = tests/unit/test_apply.c $(FAKE_EDIT)
tests_unit_test_apply_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_apply_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_arena
tests_unit_test_arena_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_arena_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_aside
tests_unit_test_aside_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_aside_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_backlog
tests_unit_test_backlog_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_backlog_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_backoff
tests_unit_test_backoff_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_backoff_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_band
tests_unit_test_band_SOURCES = tests/unit/test_band.c $(FIB_MODEL)
tests_unit_test_band_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_band_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_blame
tests_unit_test_blame_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_blame_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_blockade
tests_unit_test_blockade_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_blockade_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_cache
tests_unit_test_cache_SOURCES = tests/unit/test_cache.c $(DNS_MESSAGE)
tests_unit_test_cache_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_cache_day
tests_unit_test_cache_day_SOURCES = tests/unit/test_cache_day.c \
	$(LOOKUP_FIXTURE)
tests_unit_test_cache_day_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_day_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_cache_day_LDFLAGS = $(AM_LDFLAGS) $(LOOKUP_WRAPS)

UNIT_TESTS += tests/unit/test_capture
tests_unit_test_capture_SOURCES = tests/unit/test_capture.c $(FAKE_EDIT) \
	$(FAKE_NFT)
tests_unit_test_capture_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_capture_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_carried
tests_unit_test_carried_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_carried_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_carrier
tests_unit_test_carrier_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_carrier_SOURCES = tests/unit/test_carrier.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_carrier_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_carrier_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_choice
tests_unit_test_choice_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_choice_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
if HAVE_BPF
UNIT_TESTS += tests/unit/test_carry
endif
EXTRA_DIST += tests/unit/test_carry.c
tests_unit_test_carry_CPPFLAGS = $(UNIT_CPPFLAGS) $(BPF_CFLAGS)
tests_unit_test_carry_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_clock
tests_unit_test_clock_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_clock_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_config
tests_unit_test_config_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_config_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_config_diff
tests_unit_test_config_diff_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_config_diff_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_config_docs
tests_unit_test_config_docs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_config_docs_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_config_golden
tests_unit_test_config_golden_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_config_golden_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_config_memory
tests_unit_test_config_memory_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_config_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc \
	-Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray \
	-Wl,--wrap=strdup
tests_unit_test_config_memory_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_config_proxy
tests_unit_test_config_proxy_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_config_proxy_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_control
tests_unit_test_control_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_control_SOURCES = tests/unit/test_control.c \
	tests/unit/control_fixture.c \
	tests/unit/control_fixture.h
tests_unit_test_control_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_control_peer
tests_unit_test_control_peer_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_control_peer_SOURCES = tests/unit/test_control_peer.c \
	tests/unit/control_fixture.c \
	tests/unit/control_fixture.h
tests_unit_test_control_peer_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_control_call
tests_unit_test_control_call_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_control_call_SOURCES = tests/unit/test_control_call.c \
	tests/unit/control_fixture.c \
	tests/unit/control_fixture.h
tests_unit_test_control_call_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_cookie
tests_unit_test_cookie_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cookie_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_daemon
tests_unit_test_daemon_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_daemon_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_datagram
tests_unit_test_datagram_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_datagram_SOURCES = tests/unit/test_datagram.c \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_datagram_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_decide
tests_unit_test_decide_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_decide_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_diag
tests_unit_test_diag_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_diag_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_dial
tests_unit_test_dial_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_dial_SOURCES = tests/unit/test_dial.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_dial_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_dial_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_direct
tests_unit_test_direct_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_direct_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_dispatch
tests_unit_test_dispatch_CPPFLAGS = $(UNIT_CPPFLAGS) $(LDNS_CFLAGS)
tests_unit_test_dispatch_SOURCES = tests/unit/test_dispatch.c \
	tests/unit/dispatch_fixture.c \
	tests/unit/dispatch_fixture.h \
	tests/unit/disk_fixture.c \
	tests/unit/disk_fixture.h
tests_unit_test_dispatch_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS) $(LDNS_LIBS)

if HAVE_SECCOMP
UNIT_TESTS += tests/unit/test_dnsd_allowed
tests_unit_test_dnsd_allowed_SOURCES = tests/unit/test_dnsd_allowed.c \
	$(FORBIDDEN_FIXTURE)
tests_unit_test_dnsd_allowed_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_dnsd_allowed_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_routed_allowed
tests_unit_test_routed_allowed_SOURCES = tests/unit/test_routed_allowed.c \
	$(FORBIDDEN_FIXTURE)
tests_unit_test_routed_allowed_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_routed_allowed_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
endif

UNIT_TESTS += tests/unit/test_dnsd_report
tests_unit_test_dnsd_report_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_dnsd_report_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_doctor
tests_unit_test_doctor_SOURCES = tests/unit/test_doctor.c $(FIB_MODEL)
tests_unit_test_doctor_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_doctor_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_dump_filter
tests_unit_test_dump_filter_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_dump_filter_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_dump_form
tests_unit_test_dump_form_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_dump_form_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_entrance
tests_unit_test_entrance_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_entrance_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_ede_text
tests_unit_test_ede_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_ede_text_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_egress
tests_unit_test_egress_SOURCES = tests/unit/test_egress.c $(FIB_MODEL)
tests_unit_test_egress_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_egress_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_err
tests_unit_test_err_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_err_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_exempt
tests_unit_test_exempt_SOURCES = tests/unit/test_exempt.c $(FIB_MODEL)
tests_unit_test_exempt_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_exempt_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_exits
tests_unit_test_exits_SOURCES = tests/unit/test_exits.c $(FIB_MODEL)
tests_unit_test_exits_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_exits_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_explain
tests_unit_test_explain_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_explain_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_explain_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=upstreams_ask \
	-Wl,--wrap=upstreams_describe

UNIT_TESTS += tests/unit/test_failures
tests_unit_test_failures_SOURCES = tests/unit/test_failures.c $(DNS_MESSAGE)
tests_unit_test_failures_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_failures_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_fake
tests_unit_test_fake_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_fake_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_fakes
tests_unit_test_fakes_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_fakes_SOURCES = tests/unit/test_fakes.c \
	tests/unit/disk_fixture.c \
	tests/unit/disk_fixture.h
tests_unit_test_fakes_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_fakes_day
tests_unit_test_fakes_day_SOURCES = tests/unit/test_fakes_day.c \
	tests/unit/map_fixture.c \
	tests/unit/map_fixture.h \
	$(LOOKUP_FIXTURE)
tests_unit_test_fakes_day_CPPFLAGS = $(UNIT_CPPFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_fakes_day_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_fakes_day_LDFLAGS = $(AM_LDFLAGS) $(LOOKUP_WRAPS) \
	-Wl,--wrap=clock_wall_ms

UNIT_TESTS += tests/unit/test_ruleset
tests_unit_test_ruleset_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_ruleset_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_groups
tests_unit_test_groups_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_groups_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_file_watch
tests_unit_test_file_watch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_file_watch_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_flow_log
tests_unit_test_flow_log_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_flow_log_SOURCES = tests/unit/test_flow_log.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_flow_log_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_flow_log_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_histogram
tests_unit_test_histogram_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_histogram_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_flow_list
tests_unit_test_flow_list_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_flow_list_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_firewall
tests_unit_test_firewall_SOURCES = tests/unit/test_firewall.c $(FIB_MODEL) $(FAKE_NFT)
tests_unit_test_firewall_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_firewall_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_flow_owner
tests_unit_test_flow_owner_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_flow_owner_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_flows
tests_unit_test_flows_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_flows_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_forwarded
tests_unit_test_forwarded_CPPFLAGS = $(UNIT_CPPFLAGS) $(LDNS_CFLAGS)
tests_unit_test_forwarded_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS) $(LDNS_LIBS)

UNIT_TESTS += tests/unit/test_gateway
tests_unit_test_gateway_SOURCES = tests/unit/test_gateway.c $(FIB_MODEL)
tests_unit_test_gateway_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_gateway_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_group
tests_unit_test_group_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_group_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_health
tests_unit_test_health_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_health_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_hold
tests_unit_test_hold_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_hold_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_host
tests_unit_test_host_SOURCES = tests/unit/test_host.c $(FIB_MODEL)
tests_unit_test_host_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_host_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_http_connect
tests_unit_test_http_connect_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_http_connect_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_hosts
tests_unit_test_hosts_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_hosts_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_icmp
tests_unit_test_icmp_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_icmp_SOURCES = tests/unit/test_icmp.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_icmp_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_icmp_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state,--wrap=clock_monotonic_us

UNIT_TESTS += tests/unit/test_icmp_exits
tests_unit_test_icmp_exits_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_icmp_exits_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_icmp_sockets
tests_unit_test_icmp_sockets_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_icmp_sockets_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_icmp_message
tests_unit_test_icmp_message_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_icmp_message_SOURCES = tests/unit/test_icmp_message.c \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_icmp_message_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_icmp_pending
tests_unit_test_icmp_pending_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_icmp_pending_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_idn
tests_unit_test_idn_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_idn_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_inner
tests_unit_test_inner_CPPFLAGS = $(UNIT_CPPFLAGS) $(CAPNG_CFLAGS)
tests_unit_test_inner_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_inquiry
tests_unit_test_inquiry_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_inquiry_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_intake
tests_unit_test_intake_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_intake_SOURCES = tests/unit/test_intake.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_intake_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_intake_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_intake_owner
tests_unit_test_intake_owner_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_intake_owner_SOURCES = tests/unit/test_intake_owner.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_intake_owner_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_intake_owner_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_journal
tests_unit_test_journal_SOURCES = tests/unit/test_journal.c $(FIB_MODEL)
tests_unit_test_journal_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_journal_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_json
tests_unit_test_json_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_json_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_last_fd
tests_unit_test_last_fd_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_last_fd_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_leave
tests_unit_test_leave_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_leave_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_learnt
tests_unit_test_learnt_SOURCES = tests/unit/test_learnt.c $(FIB_MODEL)
tests_unit_test_learnt_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_learnt_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_landlock
tests_unit_test_landlock_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_landlock_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_lan
tests_unit_test_lan_SOURCES = tests/unit/test_lan.c $(FIB_MODEL) \
	tests/unit/own_network.h
tests_unit_test_lan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_lan_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_link
tests_unit_test_link_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_link_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_listing
tests_unit_test_listing_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_listing_SOURCES = tests/unit/test_listing.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_listing_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_listing_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_log
tests_unit_test_log_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_log_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_log_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_monotonic_ms

UNIT_TESTS += tests/unit/test_lookup
tests_unit_test_lookup_SOURCES = tests/unit/test_lookup.c $(LOOKUP_FIXTURE)
tests_unit_test_lookup_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_lookup_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_lookup_LDFLAGS = $(AM_LDFLAGS) $(LOOKUP_WRAPS)

UNIT_TESTS += tests/unit/test_mac
tests_unit_test_mac_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_mac_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_neighbours
tests_unit_test_neighbours_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_neighbours_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_neighbours_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=nl_neigh_dump

UNIT_TESTS += tests/unit/test_map
tests_unit_test_map_CPPFLAGS = $(UNIT_CPPFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_map_SOURCES = tests/unit/test_map.c \
	tests/unit/map_fixture.c \
	tests/unit/map_fixture.h
tests_unit_test_map_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_map_make
tests_unit_test_map_make_CPPFLAGS = $(UNIT_CPPFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_map_make_SOURCES = tests/unit/test_map_make.c \
	tests/unit/map_fixture.c \
	tests/unit/map_fixture.h
tests_unit_test_map_make_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_map_reader
tests_unit_test_map_reader_CPPFLAGS = $(UNIT_CPPFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_map_reader_SOURCES = tests/unit/test_map_reader.c \
	tests/unit/map_fixture.c \
	tests/unit/map_fixture.h
tests_unit_test_map_reader_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_members
tests_unit_test_members_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_members_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_memo
tests_unit_test_memo_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_memo_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_memory_file
tests_unit_test_memory_file_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_memory_file_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_message
tests_unit_test_message_CPPFLAGS = $(UNIT_CPPFLAGS) $(LDNS_CFLAGS)
tests_unit_test_message_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS) $(LDNS_LIBS)

UNIT_TESTS += tests/unit/test_metrics
tests_unit_test_metrics_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_metrics_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_mover
tests_unit_test_mover_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_mover_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_mover_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=shutdown \
	-Wl,--wrap=pipe2

UNIT_TESTS += tests/unit/test_name
tests_unit_test_name_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_name_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_name_index
tests_unit_test_name_index_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_name_index_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_names
tests_unit_test_names_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_names_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_news
tests_unit_test_news_SOURCES = tests/unit/test_news.c tests/unit/fixture_rules.h
tests_unit_test_news_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_news_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_nft_watch
tests_unit_test_nft_watch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nft_watch_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_nl
tests_unit_test_nl_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nl_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_nl_edit
tests_unit_test_nl_edit_SOURCES = tests/unit/test_nl_edit.c $(FIB_MODEL)
tests_unit_test_nl_edit_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nl_edit_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_nl_watch
tests_unit_test_nl_watch_SOURCES = tests/unit/test_nl_watch.c $(FIB_MODEL)
tests_unit_test_nl_watch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nl_watch_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_notify
tests_unit_test_notify_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_notify_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_object
tests_unit_test_object_SOURCES = tests/unit/test_object.c $(FIB_MODEL)
tests_unit_test_object_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_object_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_opt
tests_unit_test_opt_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_opt_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_numbers
tests_unit_test_numbers_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_numbers_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_options
tests_unit_test_options_SOURCES = tests/unit/test_options.c tests/unit/help_screen.h
tests_unit_test_options_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_options_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_outbox
tests_unit_test_outbox_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_outbox_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_own_traffic
tests_unit_test_own_traffic_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_own_traffic_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_owner
tests_unit_test_owner_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_owner_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_packet
tests_unit_test_packet_CPPFLAGS = $(UNIT_CPPFLAGS) $(LDNS_CFLAGS)
tests_unit_test_packet_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS) $(LDNS_LIBS)

UNIT_TESTS += tests/unit/test_pieces
tests_unit_test_pieces_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_pieces_SOURCES = tests/unit/test_pieces.c \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_pieces_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_plan
tests_unit_test_plan_SOURCES = tests/unit/test_plan.c $(FIB_MODEL)
tests_unit_test_plan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_plan_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_plan_main
tests_unit_test_plan_main_SOURCES = tests/unit/test_plan_main.c $(FIB_MODEL)
tests_unit_test_plan_main_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_plan_main_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_plan_print
tests_unit_test_plan_print_SOURCES = tests/unit/test_plan_print.c $(FIB_MODEL)
tests_unit_test_plan_print_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_plan_print_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_policy
tests_unit_test_policy_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_policy_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_poller
tests_unit_test_poller_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_poller_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_pool
tests_unit_test_pool_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_pool_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_port
tests_unit_test_port_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_port_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_power_cut
tests_unit_test_power_cut_SOURCES = tests/unit/test_power_cut.c \
	tests/unit/cut_vfs.c \
	tests/unit/cut_vfs.h
tests_unit_test_power_cut_CPPFLAGS = $(UNIT_CPPFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_power_cut_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_power_cut_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=map_make_boot_id \
	-Wl,--wrap=flush_start \
	-Wl,--wrap=flush_wait \
	-Wl,--wrap=flush_end

UNIT_TESTS += tests/unit/test_prefix_index
tests_unit_test_prefix_index_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_prefix_index_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_privilege
tests_unit_test_privilege_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_privilege_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=log_error \
	-Wl,--wrap=getpwnam_r
tests_unit_test_privilege_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_probes
tests_unit_test_probes_SOURCES = tests/unit/test_probes.c $(FIB_MODEL)
tests_unit_test_probes_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_probes_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_query_kept
tests_unit_test_query_kept_SOURCES = tests/unit/test_query_kept.c $(DNS_MESSAGE)
tests_unit_test_query_kept_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_query_kept_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_query_kept_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=lookups_ask,--wrap=lookups_find

UNIT_TESTS += tests/unit/test_query_verify
tests_unit_test_query_verify_SOURCES = tests/unit/test_query_verify.c \
	$(DNS_MESSAGE)
tests_unit_test_query_verify_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_query_verify_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_query_verify_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=lookups_ask,--wrap=lookups_find

UNIT_TESTS += tests/unit/test_query
tests_unit_test_query_SOURCES = tests/unit/test_query.c $(DNS_MESSAGE)
tests_unit_test_query_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_query_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_query_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=lookups_ask \
	-Wl,--wrap=lookups_find \
	-Wl,--wrap=rules_decide \
	-Wl,--wrap=control_send \
	-Wl,--wrap=control_end \
	-Wl,--wrap=control_client_id \
	-Wl,--wrap=control_client_by_id \
	-Wl,--wrap=config_upstream

UNIT_TESTS += tests/unit/test_question
tests_unit_test_question_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_question_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_quota
tests_unit_test_quota_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_quota_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_reconcile
tests_unit_test_reconcile_SOURCES = tests/unit/test_reconcile.c $(FIB_MODEL)
tests_unit_test_reconcile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_reconcile_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_recover
tests_unit_test_recover_SOURCES = tests/unit/test_recover.c $(FIB_MODEL)
tests_unit_test_recover_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_recover_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_cover
tests_unit_test_cover_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cover_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_text_index
tests_unit_test_text_index_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_text_index_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_relay_decide
tests_unit_test_relay_decide_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_relay_decide_SOURCES = tests/unit/test_relay_decide.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_relay_decide_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_relay_decide_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_relay_packet
tests_unit_test_relay_packet_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_relay_packet_SOURCES = tests/unit/test_relay_packet.c \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_relay_packet_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_relays
tests_unit_test_relays_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_relays_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_reload
tests_unit_test_reload_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_reload_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_report
tests_unit_test_report_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_report_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_resolvconf
tests_unit_test_resolvconf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_resolvconf_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_resolved
tests_unit_test_resolved_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_resolved_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_resolver
tests_unit_test_resolver_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_resolver_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rival
tests_unit_test_rival_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rival_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_routed_direct
tests_unit_test_routed_direct_SOURCES = tests/unit/test_routed_direct.c \
	$(FIB_MODEL)
tests_unit_test_routed_direct_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_routed_direct_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_routed_explain
tests_unit_test_routed_explain_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_routed_explain_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_routed_options
tests_unit_test_routed_options_SOURCES = tests/unit/test_routed_options.c tests/unit/help_screen.h
tests_unit_test_routed_options_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_routed_options_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_routed_resolvconf
tests_unit_test_routed_resolvconf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_routed_resolvconf_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_routed_verbs
tests_unit_test_routed_verbs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_routed_verbs_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rules
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c tests/unit/fixture_rules.h
tests_unit_test_rules_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rule_directs
tests_unit_test_rule_directs_SOURCES = tests/unit/test_rule_directs.c \
	tests/unit/fixture_rules.h $(FIB_MODEL)
tests_unit_test_rule_directs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rule_directs_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rules_direct
tests_unit_test_rules_direct_SOURCES = tests/unit/test_rules_direct.c \
	tests/unit/rules_model.c \
	tests/unit/rules_model.h tests/unit/fixture_rules.h
tests_unit_test_rules_direct_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_direct_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rules_facts
tests_unit_test_rules_facts_SOURCES = tests/unit/test_rules_facts.c tests/unit/fixture_rules.h
tests_unit_test_rules_facts_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_facts_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rules_forms
tests_unit_test_rules_forms_SOURCES = tests/unit/test_rules_forms.c tests/unit/fixture_rules.h
tests_unit_test_rules_forms_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_forms_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rules_broken
tests_unit_test_rules_broken_SOURCES = tests/unit/test_rules_broken.c \
	tests/unit/mmdb_fixture.c \
	tests/unit/mmdb_fixture.h tests/unit/fixture_rules.h
tests_unit_test_rules_broken_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_broken_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rules_geo
tests_unit_test_rules_geo_SOURCES = tests/unit/test_rules_geo.c \
	tests/unit/mmdb_fixture.c \
	tests/unit/mmdb_fixture.h tests/unit/fixture_rules.h
tests_unit_test_rules_geo_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_geo_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rules_list
tests_unit_test_rules_list_SOURCES = tests/unit/test_rules_list.c tests/unit/fixture_rules.h
tests_unit_test_rules_list_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_list_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rules_oracle
tests_unit_test_rules_oracle_SOURCES = tests/unit/test_rules_oracle.c \
	tests/unit/rules_model.c \
	tests/unit/rules_model.h tests/unit/fixture_rules.h
tests_unit_test_rules_oracle_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_oracle_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rules_parse
tests_unit_test_rules_parse_SOURCES = tests/unit/test_rules_parse.c tests/unit/fixture_rules.h
tests_unit_test_rules_parse_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_parse_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_saved_file
tests_unit_test_saved_file_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_saved_file_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_schema
tests_unit_test_schema_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_schema_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_scout
tests_unit_test_scout_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_scout_SOURCES = tests/unit/test_scout.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_scout_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_scout_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_server
tests_unit_test_server_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_server_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_monotonic_us
tests_unit_test_server_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_service
tests_unit_test_service_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_service_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_service_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=landlock_enter

UNIT_TESTS += tests/unit/test_settings
tests_unit_test_settings_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_settings_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_slots
tests_unit_test_slots_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_slots_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_sockdiag
tests_unit_test_sockdiag_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sockdiag_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_sniff
tests_unit_test_sniff_SOURCES = tests/unit/test_sniff.c \
	tests/unit/quic_vectors.h
tests_unit_test_sniff_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sniff_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_sniffing
tests_unit_test_sniffing_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sniffing_SOURCES = tests/unit/test_sniffing.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_sniffing_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sniffing_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_socks
tests_unit_test_socks_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_socks_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_socks_address
tests_unit_test_socks_address_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_socks_address_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_sources
tests_unit_test_sources_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sources_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_span
tests_unit_test_span_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_span_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_spawner
tests_unit_test_spawner_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_spawner_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_special
tests_unit_test_special_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_special_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_stream
tests_unit_test_stream_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_stream_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_stream_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=uplink_watch_state \
	-Wl,--wrap=uplink_bind

UNIT_TESTS += tests/unit/test_stray
tests_unit_test_stray_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_stray_SOURCES = tests/unit/test_stray.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_stray_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_stray_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_svcb
tests_unit_test_svcb_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_svcb_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_table
tests_unit_test_table_SOURCES = tests/unit/test_table.c $(FIB_MODEL) \
	tests/unit/own_network.h
tests_unit_test_table_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_table_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_throws
tests_unit_test_throws_SOURCES = tests/unit/test_throws.c $(FIB_MODEL)
tests_unit_test_throws_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_throws_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_told
tests_unit_test_told_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_told_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_trial
tests_unit_test_trial_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_trial_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_tuples
tests_unit_test_tuples_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tuples_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_train
tests_unit_test_train_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_train_SOURCES = tests/unit/test_train.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_train_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_train_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_udp
tests_unit_test_udp_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_udp_SOURCES = tests/unit/test_udp.c \
	tests/unit/relay_fixture.c \
	tests/unit/relay_fixture.h \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_udp_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)
tests_unit_test_udp_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl,--wrap=uplink_watch_state

UNIT_TESTS += tests/unit/test_udp_held
tests_unit_test_udp_held_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_udp_held_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_tunnels
tests_unit_test_tunnels_SOURCES = tests/unit/test_tunnels.c $(FIB_MODEL)
tests_unit_test_tunnels_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tunnels_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_uot
tests_unit_test_uot_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_uot_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_udp_servers
tests_unit_test_udp_servers_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_udp_servers_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_unreachable
tests_unit_test_unreachable_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_unreachable_SOURCES = tests/unit/test_unreachable.c \
	tests/unit/relay_packets.c \
	tests/unit/relay_packets.h
tests_unit_test_unreachable_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_unix_listener
tests_unit_test_unix_listener_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_unix_listener_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_uplink
tests_unit_test_uplink_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_uplink_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_uplink_watch
tests_unit_test_uplink_watch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_uplink_watch_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=nl_reader_dump -Wl,--wrap=log_warning
tests_unit_test_uplink_watch_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_uses
tests_unit_test_uses_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_uses_LDADD = $(ROUTED_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_used
tests_unit_test_used_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_used_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_upstream_health
tests_unit_test_upstream_health_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_upstream_health_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_utf8
tests_unit_test_utf8_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_utf8_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_verbs
tests_unit_test_verbs_SOURCES = tests/unit/test_verbs.c $(DNS_MESSAGE)
tests_unit_test_verbs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_verbs_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_watch
tests_unit_test_watch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_watch_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_ways
tests_unit_test_ways_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_ways_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_wire
tests_unit_test_wire_CPPFLAGS = $(UNIT_CPPFLAGS) $(LDNS_CFLAGS)
tests_unit_test_wire_LDADD = $(DNSD_LIBS) $(CMOCKA_LIBS) $(LDNS_LIBS)

UNIT_TESTS += tests/unit/test_yaml
tests_unit_test_yaml_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_yaml_LDADD = $(COMMON_LIBS) $(CMOCKA_LIBS)

endif

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

# The unit tests under memcheck, some minutes; not part of `make check`.  Left
# out are programs that look for themselves or execute themselves again, which
# valgrind is in the way of, or need a system call that it does not know.
VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full \
	--show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--suppressions=$(abs_top_srcdir)/tests/unit/valgrind.supp
NOT_FOR_VALGRIND = tests/unit/test_daemon tests/unit/test_own_traffic \
	tests/unit/test_relays tests/unit/test_rival tests/unit/test_spawner \
	tests/unit/test_dnsd_allowed tests/unit/test_routed_allowed \
	tests/unit/test_landlock
EXTRA_DIST += tests/unit/valgrind.supp
.PHONY: check-valgrind
check-valgrind: all
	$(MAKE) check LOG_COMPILER='$(VALGRIND)' \
		TESTS='$(filter-out $(NOT_FOR_VALGRIND),$(UNIT_TESTS))'
# The long form of test_power_cut.
.PHONY: power-cuts
power-cuts: tests/unit/test_power_cut
	ERSATZ_CUTS=1000 tests/unit/test_power_cut

# 24 hours of the cache and of the fake addresses, with a clock of their own,
# and what happens in them hour by hour; `make check` has both, too.
DAY_TESTS = tests/unit/test_cache_day tests/unit/test_fakes_day
.PHONY: check-day
check-day: all
	$(MAKE) $(DAY_TESTS)
	@for test in $(DAY_TESTS); do ./$$test || exit; done
