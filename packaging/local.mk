# SPDX-License-Identifier: BSD-2-Clause
#
# What a release has beside the programs.

EXTRA_DIST += packaging/sbom packaging/check-dist

# The user of both daemons.
sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = packaging/sysusers.d/ersatz.conf

# The bill of materials.
nodist_doc_DATA = packaging/ersatz.spdx.json
CLEANFILES += packaging/ersatz.spdx.json packaging/libraries
packaging/ersatz.spdx.json: packaging/sbom config.status
	$(AM_V_GEN)$(MKDIR_P) packaging && \
	$(srcdir)/packaging/sbom $(PACKAGE_VERSION) $(SBOM_LIBRARIES) > $@.new && \
	mv $@.new $@
dist_check_SCRIPTS += packaging/check-sbom
TESTS += packaging/check-sbom

# The tarball depends on what is in it, and on SOURCE_DATE_EPOCH alone.
am__tar = $${TAR-tar} --format=ustar --sort=name --owner=0 --group=0 \
	--numeric-owner --mode=u+rwX,go+rX,go-w --mtime=@$${SOURCE_DATE_EPOCH:-0} \
	-cf - "$$tardir"
.PHONY: check-dist
check-dist:
	$(srcdir)/packaging/check-dist $(abs_top_srcdir)
