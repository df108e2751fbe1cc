# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += common/libcommon.a
common_libcommon_a_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS) $(SQLITE_CFLAGS) \
	$(YAML_CFLAGS) $(JANSSON_CFLAGS) $(CAPNG_CFLAGS) $(IDN_CFLAGS) \
	$(PCRE2_CFLAGS) $(MAXMINDDB_CFLAGS) $(SECCOMP_CFLAGS)
nodist_common_libcommon_a_SOURCES = schema/map_sql.h
common_libcommon_a_SOURCES = \
	common/addr.c \
	common/addr.h \
	common/arena.c \
	common/arena.h \
	common/aside.c \
	common/aside.h \
	common/clock.c \
	common/clock.h \
	common/clock_us.c \
	common/compiler.h \
	common/config.c \
	common/config.h \
	common/config/cache.c \
	common/config/check.c \
	common/config/group.c \
	common/config/host.c \
	common/config/dnsd.c \
	common/config/outbound.c \
	common/config/parts.h \
	common/config/password.c \
	common/config/proxy.c \
	common/config/routed.c \
	common/config/rule.c \
	common/config/schema.c \
	common/config/schema.h \
	common/config/schema_addr.c \
	common/config/schema_print.c \
	common/config/schema_type.c \
	common/config/schema_type.h \
	common/config/table.c \
	common/config/table_outbound.c \
	common/config/table_routed.c \
	common/config/upstream.c \
	common/config/upstream_server.c \
	common/config/yaml.c \
	common/config/yaml.h \
	common/config_diff.c \
	common/config_diff.h \
	common/confinement.c \
	common/confinement.h \
	common/control.c \
	common/control.h \
	common/control_call.c \
	common/control_peer.c \
	common/control_peer.h \
	common/control_socket.c \
	common/control_socket.h \
	common/cursor.h \
	common/daemon.c \
	common/daemon.h \
	common/diag.c \
	common/diag.h \
	common/err.c \
	common/err.h \
	common/fake.c \
	common/fake.h \
	common/file_watch.c \
	common/file_watch.h \
	common/flush.c \
	common/flush.h \
	common/folders.c \
	common/folders.h \
	common/idn.c \
	common/idn.h \
	common/json.c \
	common/json.h \
	common/landlock.c \
	common/landlock.h \
	common/libraries.c \
	common/libraries.h \
	common/log.c \
	common/log.h \
	common/mac.c \
	common/mac.h \
	common/map.c \
	common/map.h \
	common/map_db.c \
	common/map_db.h \
	common/map_make.c \
	common/map_make.h \
	common/map_reader.c \
	common/metrics.c \
	common/metrics.h \
	common/metrics_http.h \
	common/name.c \
	common/name.h \
	common/memory.c \
	common/memory.h \
	common/nl.c \
	common/nl.h \
	common/nl_neigh.c \
	common/nl_neigh.h \
	common/nl_watch.c \
	common/nl_watch.h \
	common/notify.c \
	common/notify.h \
	common/plural.h \
	common/priority.c \
	common/priority.h \
	common/privilege.c \
	common/privilege.h \
	common/readable.c \
	common/readable.h \
	common/reload.c \
	common/reload.h \
	common/rules.c \
	common/rules.h \
	common/rules/adblock.c \
	common/rules/adblock.h \
	common/rules/all.h \
	common/rules/answer.h \
	common/rules/argument.c \
	common/rules/argument.h \
	common/rules/asked.c \
	common/rules/asked.h \
	common/rules/condition.c \
	common/rules/condition.h \
	common/rules/cover.c \
	common/rules/cover.h \
	common/rules/direct.c \
	common/rules/entry.c \
	common/rules/entry.h \
	common/rules/expression.c \
	common/rules/expression.h \
	common/rules/form.c \
	common/rules/form.h \
	common/rules/geo.c \
	common/rules/geo.h \
	common/rules/geoip.h \
	common/rules/geosite.c \
	common/rules/geosite.h \
	common/rules/hit.h \
	common/rules/list.c \
	common/rules/list.h \
	common/rules/list_line.c \
	common/rules/list_line.h \
	common/rules/list_site.c \
	common/rules/load.h \
	common/rules/logic.c \
	common/rules/logic.h \
	common/rules/matcher.c \
	common/rules/matcher.h \
	common/rules/name_index.c \
	common/rules/name_index.h \
	common/rules/parse.c \
	common/rules/parse.h \
	common/rules/payload.c \
	common/rules/payload.h \
	common/rules/prefix_index.c \
	common/rules/prefix_index.h \
	common/rules/ranges.c \
	common/rules/ranges.h \
	common/rules/regex.h \
	common/rules/regex_cover.c \
	common/rules/rule_list.c \
	common/rules/rule_list.h \
	common/rules/sources.c \
	common/rules/sources.h \
	common/rules/span.c \
	common/rules/span.h \
	common/rules/text_index.c \
	common/rules/text_index.h \
	common/rules/types.c \
	common/rules/types.h \
	common/rules/walk.c \
	common/rules_watch.c \
	common/rules_watch.h \
	common/seccomp.h \
	common/seccomp_tables.c \
	common/seccomp_tables.h \
	common/settings.c \
	common/settings.h \
	common/siphash.h \
	common/slots.c \
	common/slots.h \
	common/uplink.c \
	common/uplink.h \
	common/utf8.c \
	common/utf8.h

if HAVE_PCRE2
common_libcommon_a_SOURCES += common/rules/regex.c
else
common_libcommon_a_SOURCES += common/rules/regex_none.c
endif
if HAVE_MAXMINDDB
common_libcommon_a_SOURCES += common/rules/geoip.c
else
common_libcommon_a_SOURCES += common/rules/geoip_none.c
endif
if HAVE_SECCOMP
common_libcommon_a_SOURCES += common/seccomp.c
else
common_libcommon_a_SOURCES += common/seccomp_none.c
endif
# Without libmicrohttpd metrics are on the control socket alone.
if HAVE_MICROHTTPD
common_libcommon_a_SOURCES += common/metrics_http.c
else
common_libcommon_a_SOURCES += common/metrics_http_none.c
endif

# What every program that links libcommon.a links too.
COMMON_LIBS = common/libcommon.a $(NL_LIBS) $(SQLITE_LIBS) $(YAML_LIBS) \
	$(JANSSON_LIBS) $(CAPNG_LIBS) $(EV_LIBS) $(IDN_LIBS) $(PCRE2_LIBS) \
	$(MAXMINDDB_LIBS) $(SECCOMP_LIBS)

# The front of both daemons.
sbin_SCRIPTS += common/ersatz
EXTRA_DIST += common/ersatz.in
CLEANFILES += common/ersatz
common/ersatz: common/ersatz.in Makefile
	$(SUBSTITUTE) $(srcdir)/common/ersatz.in > $@.new
	@chmod +x $@.new && mv $@.new $@
