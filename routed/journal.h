// SPDX-License-Identifier: BSD-2-Clause
/*
 * journal.h - what is about to be done, written down before it is.
 *
 * RUN/routed.journal: the TUN by name and index, then batches of changes, as
 * lines of text:
 *
 *	ersatz-journal 1
 *	tun ersatz0 7
 *	table add
 *	batch
 *	add rule family=4 action=1 protocol=198 priority=4990 ...
 *	del route family=4 type=1 protocol=198 table=210 ...
 *	end
 *
 * A batch is one write(2) and is made only after that; what lacks its "end"
 * was not begun.  Replaying makes each change again: one that is there
 * already, or gone already, counts as made, so replaying twice is the same as
 * once.  Nothing is lost when the file goes with its folder (a reboot takes
 * routes and journal alike), so it is never synced; when it reaches a
 * mebibyte it starts anew, as rules and routes are known by their protocol
 * number too.
 *
 * Errors	-errno; ERR_MALFORMED for a file that is no journal
 * Ownership	journal_open() gives to the caller
 */
#ifndef ERSATZ_ROUTED_JOURNAL_H
#define ERSATZ_ROUTED_JOURNAL_H

#include "routed/nl_edit.h"

#define JOURNAL_FILE "routed.journal"
#define JOURNAL_BYTES_MAX (1U << 20)

struct journal;

/* Starts an empty one, replacing what is there. */
NODISCARD int journal_open(struct journal **journal, const char *run_dir);
void journal_close(struct journal *journal);

/* Our TUN; kept when the journal starts anew. */
NODISCARD int journal_tun(struct journal *journal, const char *name,
			  int ifindex);

/* Our nftables table is about to be put in, or removed. */
NODISCARD int journal_table(struct journal *journal, bool is_removal);

/* Only what it returns 0 for may be made. */
NODISCARD int journal_batch(struct journal *journal,
			    const struct nl_change *changes, size_t count);

/* What a reader is told, in the order of the file; members may be NULL. */
struct journal_reader {
	void (*on_tun)(void *ctx, const char *name, int ifindex);
	void (*on_table)(void *ctx, bool is_removal);
	void (*on_change)(void *ctx, const struct nl_change *change);
};

/* -ENOENT when there is none.  Batches without an end are left out. */
NODISCARD int journal_read(const char *run_dir,
			   const struct journal_reader *reader, void *ctx);

/* Removes the file; one that is not there is fine. */
NODISCARD int journal_remove(const char *run_dir);

#endif
