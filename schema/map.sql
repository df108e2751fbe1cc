-- SPDX-License-Identifier: BSD-2-Clause
--
-- map.sql - the tables of map.db, version 1 (PRAGMA user_version).
--
-- A slot is the offset from the first address of the pool: slot 4711 of
-- 198.18.0.0/15 is 198.18.18.103, and of 2001:2::/48 it is 2001:2::1267.
-- Readers may rely on what is here; fakemap(5) tells how.

PRAGMA application_id = 0x4572537a;	-- "ErSz"
PRAGMA user_version = 1;

-- One row a name.  No index on the text: dnsd keeps its own in memory.
CREATE TABLE name (
	slot	INTEGER PRIMARY KEY,
	name	TEXT NOT NULL,		-- lower case, no trailing dot
	created	INTEGER NOT NULL	-- milliseconds since 1970
);

-- One row: what the allocator may rely on after a power cut.
CREATE TABLE state (
	id		INTEGER PRIMARY KEY CHECK (id = 1),
	ipv4		TEXT NOT NULL,		-- "198.18.0.0/15"
	ipv6		TEXT,			-- "2001:2::/48" or NULL: off
	reserved_end	INTEGER NOT NULL,	-- slots below were reserved
	floor		INTEGER NOT NULL,	-- rows below may have gone in a
						-- power cut: unused is above
	boot_id		TEXT NOT NULL,		-- of the last writer
	is_clean	INTEGER NOT NULL	-- the last writer closed it
);
