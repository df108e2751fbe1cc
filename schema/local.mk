# SPDX-License-Identifier: BSD-2-Clause
EXTRA_DIST += schema/map.sql
dist_pkgdata_DATA = schema/ersatz.schema.json
dist_doc_DATA = schema/ersatz.yaml.example

# The tables as a C string, so that the file above is their one source.
BUILT_SOURCES += schema/map_sql.h
CLEANFILES += schema/map_sql.h
common/libcommon_a-map_make.$(OBJEXT): schema/map_sql.h
schema/map_sql.h: schema/map.sql
	$(AM_V_GEN)$(MKDIR_P) schema && { \
	echo '/* Made from schema/map.sql. */' && \
	echo 'static const char map_sql[] =' && \
	$(SED) -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/	"/' \
		-e 's/$$/\\n"/' $(srcdir)/schema/map.sql && \
	echo '	;'; } > $@.new && mv $@.new $@
