// SPDX-License-Identifier: BSD-2-Clause
#include "common/idn.h"

#include <errno.h>
#include <idn2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LABEL_SIZE 256 /* of UTF-8; what is longer has no form of 63 bytes */

static bool is_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if ((uint8_t)text[i] >= 0x80)
			return false;
	}
	return true;
}

static int append(char *out, size_t size, const char *text, size_t length)
{
	size_t used = strlen(out);

	if (length >= size - used)
		return -EINVAL;
	memcpy(out + used, text, length);
	out[used + length] = '\0';
	return 0;
}

static int append_label(char *out, size_t size, const char *text, size_t length)
{
	char label[LABEL_SIZE];
	uint8_t *ascii = NULL;
	int ret;

	if (is_ascii(text, length))
		return append(out, size, text, length);
	if (length >= sizeof(label))
		return -EINVAL;
	memcpy(label, text, length);
	label[length] = '\0';
	ret = idn2_lookup_u8((const uint8_t *)label, &ascii,
			     IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (ret != IDN2_OK)
		return ret == IDN2_MALLOC ? -ENOMEM : -EINVAL;
	ret = append(out, size, (const char *)ascii,
		     strlen((const char *)ascii));
	idn2_free(ascii);
	return ret;
}

int idn_to_ascii(const char *text, char *out, size_t size)
{
	out[0] = '\0';
	for (;;) {
		size_t length = strcspn(text, ".");
		int ret = append_label(out, size, text, length);

		if (ret == 0 && text[length])
			ret = append(out, size, ".", 1);
		if (ret < 0 || !text[length])
			return ret;
		text += length + 1;
	}
}
