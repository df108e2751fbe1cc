// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/sniff/client_hello.h"

#include "common/cursor.h"

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_HEAD_SIZE = 5,
	RECORD_SIZE_MAX = 1 << 14,
	MESSAGE_CLIENT_HELLO = 1,
	MESSAGE_HEAD_SIZE = 4,
	RANDOM_SIZE = 32,
	NAME_TYPE_HOST = 0,
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ECH = 0xfe0d,
	EXTENSION_ESNI = 0xffce, /* its draft, which hid the name the same */
};

/* A part of it whose length stands before it. */
static struct reader part(struct reader *reader, size_t length)
{
	const uint8_t *bytes = reader_bytes(reader, length);

	return bytes ? reader_of(bytes, length)
		     : (struct reader){.has_failed = true};
}

static enum sniff_result name_of_list(struct reader extension,
				      struct name *name)
{
	struct reader list = part(&extension, reader_u16(&extension));

	while (!list.has_failed && reader_left(&list) > 0) {
		uint8_t type = reader_u8(&list);
		struct reader host = part(&list, reader_u16(&list));

		if (host.has_failed)
			break;
		if (type == NAME_TYPE_HOST)
			return sniff_take_host(host.at, reader_left(&host),
					       name)
				       ? SNIFF_NAMED
				       : SNIFF_NAMELESS;
	}
	return SNIFF_NAMELESS;
}

static enum sniff_result name_of_extensions(struct reader extensions,
					    struct name *name)
{
	enum sniff_result result = SNIFF_NAMELESS;

	while (!extensions.has_failed && reader_left(&extensions) > 0) {
		uint16_t type = reader_u16(&extensions);
		struct reader extension =
			part(&extensions, reader_u16(&extensions));

		if (extension.has_failed || type == EXTENSION_ECH ||
		    type == EXTENSION_ESNI)
			return SNIFF_NAMELESS;
		if (type == EXTENSION_SERVER_NAME)
			result = name_of_list(extension, name);
	}
	return extensions.has_failed ? SNIFF_NAMELESS : result;
}

enum sniff_result client_hello_name(const uint8_t *bytes, size_t length,
				    struct name *name)
{
	struct reader stream = reader_of(bytes, length), hello;
	size_t size;

	if (length > 0 && bytes[0] != MESSAGE_CLIENT_HELLO)
		return SNIFF_NAMELESS;
	if (length < MESSAGE_HEAD_SIZE)
		return SNIFF_SHORT;
	size = reader_u32(&stream) & 0xffffff;
	if (size > SNIFF_SIZE_MAX - MESSAGE_HEAD_SIZE)
		return SNIFF_NAMELESS;
	if (reader_left(&stream) < size)
		return SNIFF_SHORT;
	hello = part(&stream, size);
	(void)reader_u16(&hello); /* legacy_version */
	(void)reader_bytes(&hello, RANDOM_SIZE);
	(void)part(&hello, reader_u8(&hello));  /* legacy_session_id */
	(void)part(&hello, reader_u16(&hello)); /* cipher_suites */
	(void)part(&hello, reader_u8(&hello));  /* compression_methods */
	return name_of_extensions(part(&hello, reader_u16(&hello)), name);
}

/* Could this, as far as it goes, be the head of a record of a handshake? */
static bool is_record(const uint8_t *head, size_t length)
{
	if (head[0] != RECORD_HANDSHAKE || (length > 1 && head[1] != 3))
		return false;
	if (length < RECORD_HEAD_SIZE)
		return true;
	size_t size = (size_t)(head[3] << 8 | head[4]);

	return size > 0 && size <= RECORD_SIZE_MAX;
}

enum sniff_result client_hello_in_records(const uint8_t *bytes, size_t length,
					  struct name *name)
{
	uint8_t stream[SNIFF_SIZE_MAX];
	struct writer writer = writer_of(stream, sizeof(stream));
	struct reader reader = reader_of(bytes, length);

	while (reader_left(&reader) > 0) {
		size_t size, left = reader_left(&reader);

		if (!is_record(reader.at, left))
			return SNIFF_NAMELESS;
		if (left < RECORD_HEAD_SIZE)
			break;
		(void)reader_bytes(&reader, 3);
		size = reader_u16(&reader);
		left -= RECORD_HEAD_SIZE;
		if (size > left)
			size = left;
		writer_bytes(&writer, reader_bytes(&reader, size), size);
		if (writer.has_failed)
			return SNIFF_NAMELESS;
		/* The second record may be of something else. */
		if (client_hello_name(stream, writer_length(&writer), name) !=
		    SNIFF_SHORT)
			break;
	}
	return client_hello_name(stream, writer_length(&writer), name);
}
