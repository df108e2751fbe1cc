// SPDX-License-Identifier: BSD-2-Clause
/*
 * cursor.h - the one way to read and write bytes of a message.
 *
 * A cursor knows where its buffer ends.  The first access beyond that end
 * makes it fail, and every later one does nothing (reads give 0), so that a
 * whole message is read or written first and asked once at its end.
 *
 * Units	numbers in host order, on the wire in network order
 * Source	the idea: Knot DNS, contrib/wire_ctx.h
 */
#ifndef ERSATZ_COMMON_CURSOR_H
#define ERSATZ_COMMON_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool has_failed;
};

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool has_failed;
};

static inline struct reader reader_of(const uint8_t *bytes, size_t length)
{
	return (struct reader){.at = bytes, .end = bytes + length};
}

static inline size_t reader_left(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

/* The next `length` bytes, or NULL. */
static inline const uint8_t *reader_bytes(struct reader *reader, size_t length)
{
	const uint8_t *bytes = reader->at;

	if (reader->has_failed || reader_left(reader) < length) {
		reader->has_failed = true;
		return NULL;
	}
	reader->at += length;
	return bytes;
}

static inline uint8_t reader_u8(struct reader *reader)
{
	const uint8_t *bytes = reader_bytes(reader, 1);

	return bytes ? bytes[0] : 0;
}

static inline uint16_t reader_u16(struct reader *reader)
{
	const uint8_t *bytes = reader_bytes(reader, 2);

	if (!bytes)
		return 0;
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t reader_u32(struct reader *reader)
{
	uint32_t high = reader_u16(reader);

	return high << 16 | reader_u16(reader);
}

static inline struct writer writer_of(uint8_t *bytes, size_t size)
{
	return (struct writer){
		.start = bytes, .at = bytes, .end = bytes + size};
}

static inline size_t writer_length(const struct writer *writer)
{
	return (size_t)(writer->at - writer->start);
}

static inline size_t writer_left(const struct writer *writer)
{
	return (size_t)(writer->end - writer->at);
}

static inline void writer_bytes(struct writer *writer, const void *bytes,
				size_t length)
{
	if (writer->has_failed || writer_left(writer) < length) {
		writer->has_failed = true;
		return;
	}
	if (length > 0)
		memcpy(writer->at, bytes, length);
	writer->at += length;
}

static inline void writer_u8(struct writer *writer, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	writer_bytes(writer, &byte, 1);
}

static inline void writer_u16(struct writer *writer, unsigned value)
{
	uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	writer_bytes(writer, bytes, sizeof(bytes));
}

static inline void writer_u32(struct writer *writer, uint32_t value)
{
	writer_u16(writer, value >> 16);
	writer_u16(writer, value & 0xffff);
}

#endif
