# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += dnsd/libdnsd.a
dnsd_libdnsd_a_CPPFLAGS = $(AM_CPPFLAGS) $(LDNS_CFLAGS) $(CURL_CFLAGS)
dnsd_libdnsd_a_SOURCES = \
	dnsd/allowed.c \
	dnsd/allowed.h \
	dnsd/answer.c \
	dnsd/answer.h \
	dnsd/cache/cache.c \
	dnsd/cache/cache.h \
	dnsd/cache/failures.c \
	dnsd/cache/failures.h \
	dnsd/cache/kept.c \
	dnsd/cache/kept.h \
	dnsd/carried.c \
	dnsd/carried.h \
	dnsd/cause.c \
	dnsd/cause.h \
	dnsd/cookie.c \
	dnsd/cookie.h \
	dnsd/decide.c \
	dnsd/decide.h \
	dnsd/direct.c \
	dnsd/direct.h \
	dnsd/dispatch.c \
	dnsd/dispatch.h \
	dnsd/dump.c \
	dnsd/dump.h \
	dnsd/dump_filter.c \
	dnsd/dump_filter.h \
	dnsd/dump_form.c \
	dnsd/dump_form.h \
	dnsd/ede_text.c \
	dnsd/ede_text.h \
	dnsd/explain.c \
	dnsd/explain.h \
	dnsd/explain_kept.c \
	dnsd/explain_kept.h \
	dnsd/explain_run.c \
	dnsd/explain_sink.h \
	dnsd/explain_verb.c \
	dnsd/fakes.c \
	dnsd/fakes.h \
	dnsd/figures.c \
	dnsd/figures.h \
	dnsd/forwarded.c \
	dnsd/forwarded.h \
	dnsd/hosts.c \
	dnsd/hosts.h \
	dnsd/listen/outbox.c \
	dnsd/listen/outbox.h \
	dnsd/listen/port.c \
	dnsd/listen/port.h \
	dnsd/listen/tcp.c \
	dnsd/listen/tcp.h \
	dnsd/listen/udp.c \
	dnsd/listen/udp.h \
	dnsd/memo.c \
	dnsd/memo.h \
	dnsd/message.c \
	dnsd/message.h \
	dnsd/names.c \
	dnsd/names.h \
	dnsd/news.c \
	dnsd/news.h \
	dnsd/opt.c \
	dnsd/opt.h \
	dnsd/options.c \
	dnsd/options.h \
	dnsd/outlets.c \
	dnsd/outlets.h \
	dnsd/pool.c \
	dnsd/pool.h \
	dnsd/query.c \
	dnsd/query.h \
	dnsd/question.c \
	dnsd/question.h \
	dnsd/reason.c \
	dnsd/reason.h \
	dnsd/reply.c \
	dnsd/reply.h \
	dnsd/report.c \
	dnsd/report.h \
	dnsd/resolved.c \
	dnsd/resolved.h \
	dnsd/server.c \
	dnsd/server.h \
	dnsd/service.c \
	dnsd/service.h \
	dnsd/special.c \
	dnsd/special.h \
	dnsd/svcb.c \
	dnsd/svcb.h \
	dnsd/sighting.c \
	dnsd/sighting.h \
	dnsd/told.c \
	dnsd/told.h \
	dnsd/upstream/blame.c \
	dnsd/upstream/blame.h \
	dnsd/upstream/budget.c \
	dnsd/upstream/budget.h \
	dnsd/upstream/exchange.c \
	dnsd/upstream/exchange.h \
	dnsd/upstream/group.c \
	dnsd/upstream/group.h \
	dnsd/upstream/health.c \
	dnsd/upstream/health.h \
	dnsd/upstream/libcurl.c \
	dnsd/upstream/libcurl.h \
	dnsd/upstream/libcurl_api.h \
	dnsd/upstream/links.c \
	dnsd/upstream/links.h \
	dnsd/upstream/lookup.c \
	dnsd/upstream/lookup.h \
	dnsd/upstream/lookup_memory.c \
	dnsd/upstream/lookup_memory.h \
	dnsd/upstream/packet.c \
	dnsd/upstream/packet.h \
	dnsd/upstream/prober.c \
	dnsd/upstream/prober.h \
	dnsd/upstream/resolvconf.c \
	dnsd/upstream/resolvconf.h \
	dnsd/upstream/stream.c \
	dnsd/upstream/stream.h \
	dnsd/upstream/tunnel.c \
	dnsd/upstream/tunnel.h \
	dnsd/upstream/tunnel_parts.h \
	dnsd/upstream/tunnel_setup.c \
	dnsd/upstream/upstream.c \
	dnsd/upstream/upstream.h \
	dnsd/upstream/upstream_conf.c \
	dnsd/upstream/ways.c \
	dnsd/upstream/ways.h \
	dnsd/used.c \
	dnsd/used.h \
	dnsd/verbs.c \
	dnsd/verbs.h \
	dnsd/watch.c \
	dnsd/watch.h \
	dnsd/watch_run.c \
	dnsd/wire.c \
	dnsd/wire.h

# What every program that links libdnsd.a links too.
DNSD_LIBS = dnsd/libdnsd.a $(COMMON_LIBS)

sbin_PROGRAMS += dnsd/dnsd
dnsd_dnsd_SOURCES = dnsd/main.c
dnsd_dnsd_LDADD = $(DNSD_LIBS)

systemdunit_DATA += dnsd/ersatz-dnsd.service
EXTRA_DIST += dnsd/ersatz-dnsd.service.in
CLEANFILES += dnsd/ersatz-dnsd.service
dnsd/ersatz-dnsd.service: dnsd/ersatz-dnsd.service.in Makefile
	$(SUBSTITUTE) $(srcdir)/dnsd/ersatz-dnsd.service.in > $@
