# SPDX-License-Identifier: BSD-2-Clause
#
# One program a parser of foreign bytes; see fuzz.h.  `make check` replays
# their corpora, `make fuzz` looks for more.

# The shared part: with libFuzzer's main() under --enable-fuzz, else our own.
FUZZ_MAIN = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
if !ENABLE_FUZZ
FUZZ_MAIN += tests/fuzz/replay.c
endif

FUZZ_TARGETS =

FUZZ_TARGETS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(FUZZ_MAIN)
tests_fuzz_fuzz_config_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_host_files
tests_fuzz_fuzz_host_files_SOURCES = tests/fuzz/fuzz_host_files.c $(FUZZ_MAIN)
tests_fuzz_fuzz_host_files_LDADD = $(DNSD_LIBS)
tests_fuzz_fuzz_host_files_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_http_connect
tests_fuzz_fuzz_http_connect_SOURCES = tests/fuzz/fuzz_http_connect.c $(FUZZ_MAIN)
tests_fuzz_fuzz_http_connect_LDADD = $(ROUTED_LIBS)
tests_fuzz_fuzz_http_connect_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_icmp_answer
tests_fuzz_fuzz_icmp_answer_SOURCES = tests/fuzz/fuzz_icmp_answer.c $(FUZZ_MAIN)
tests_fuzz_fuzz_icmp_answer_LDADD = $(ROUTED_LIBS)
tests_fuzz_fuzz_icmp_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_journal
tests_fuzz_fuzz_journal_SOURCES = tests/fuzz/fuzz_journal.c $(FUZZ_MAIN)
tests_fuzz_fuzz_journal_LDADD = $(ROUTED_LIBS)
tests_fuzz_fuzz_journal_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_json
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c $(FUZZ_MAIN)
tests_fuzz_fuzz_json_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_json_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_list
tests_fuzz_fuzz_list_SOURCES = tests/fuzz/fuzz_list.c $(FUZZ_MAIN)
tests_fuzz_fuzz_list_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_list_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_map
tests_fuzz_fuzz_map_SOURCES = tests/fuzz/fuzz_map.c $(FUZZ_MAIN)
tests_fuzz_fuzz_map_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_map_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_name
tests_fuzz_fuzz_name_SOURCES = tests/fuzz/fuzz_name.c $(FUZZ_MAIN)
tests_fuzz_fuzz_name_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_name_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_netlink
tests_fuzz_fuzz_netlink_SOURCES = tests/fuzz/fuzz_netlink.c $(FUZZ_MAIN)
tests_fuzz_fuzz_netlink_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS)
tests_fuzz_fuzz_netlink_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_netlink_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS) \
	-Wl,--wrap=nl_cb_set \
	-Wl,--wrap=nl_send_simple \
	-Wl,--wrap=nl_recvmsgs

FUZZ_TARGETS += tests/fuzz/fuzz_packet
tests_fuzz_fuzz_packet_SOURCES = tests/fuzz/fuzz_packet.c $(FUZZ_MAIN)
tests_fuzz_fuzz_packet_LDADD = $(ROUTED_LIBS)
tests_fuzz_fuzz_packet_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_question
tests_fuzz_fuzz_question_SOURCES = tests/fuzz/fuzz_question.c $(FUZZ_MAIN)
tests_fuzz_fuzz_question_LDADD = $(DNSD_LIBS)
tests_fuzz_fuzz_question_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_quic
tests_fuzz_fuzz_quic_SOURCES = tests/fuzz/fuzz_quic.c $(FUZZ_MAIN)
tests_fuzz_fuzz_quic_LDADD = $(ROUTED_LIBS)
tests_fuzz_fuzz_quic_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS) \
	-Wl,--wrap=quic_seal_open

FUZZ_TARGETS += tests/fuzz/fuzz_rule
tests_fuzz_fuzz_rule_SOURCES = tests/fuzz/fuzz_rule.c $(FUZZ_MAIN)
tests_fuzz_fuzz_rule_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_rule_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_sniff
tests_fuzz_fuzz_sniff_SOURCES = tests/fuzz/fuzz_sniff.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sniff_LDADD = $(ROUTED_LIBS)
tests_fuzz_fuzz_sniff_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_sockdiag
tests_fuzz_fuzz_sockdiag_SOURCES = tests/fuzz/fuzz_sockdiag.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sockdiag_LDADD = $(ROUTED_LIBS)
tests_fuzz_fuzz_sockdiag_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS) \
	-Wl,--wrap=recv

FUZZ_TARGETS += tests/fuzz/fuzz_socks
tests_fuzz_fuzz_socks_SOURCES = tests/fuzz/fuzz_socks.c $(FUZZ_MAIN)
tests_fuzz_fuzz_socks_LDADD = $(ROUTED_LIBS)
tests_fuzz_fuzz_socks_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_socks_udp
tests_fuzz_fuzz_socks_udp_SOURCES = tests/fuzz/fuzz_socks_udp.c $(FUZZ_MAIN)
tests_fuzz_fuzz_socks_udp_LDADD = $(ROUTED_LIBS)
tests_fuzz_fuzz_socks_udp_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

FUZZ_TARGETS += tests/fuzz/fuzz_upstream
tests_fuzz_fuzz_upstream_SOURCES = tests/fuzz/fuzz_upstream.c $(FUZZ_MAIN)
tests_fuzz_fuzz_upstream_LDADD = $(DNSD_LIBS)
tests_fuzz_fuzz_upstream_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/dictionaries
dist_check_SCRIPTS += tests/fuzz/run

# TIME seconds for each target, JOBS of them at a time, in build-fuzz/.
TIME = 600
JOBS = 2
.PHONY: fuzz
fuzz:
	@$(srcdir)/tests/fuzz/run '$(abs_top_srcdir)' $(TIME) $(JOBS) $(TARGETS)
.PHONY: print-fuzz-targets
print-fuzz-targets:
	@echo $(FUZZ_TARGETS)
