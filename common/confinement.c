// SPDX-License-Identifier: BSD-2-Clause
#include "common/confinement.h"

#include "common/plural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 64
#define FILTERED 2 /* SECCOMP_MODE_FILTER */

static const char *key_of(char key[KEY_SIZE], const char *prefix,
			  const char *name)
{
	snprintf(key, KEY_SIZE, "%s_%s", prefix, name);
	return key;
}

/* What a line of /proc/PID/status adds. */
static void set_line(struct json *json, const char *prefix, const char *line)
{
	char key[KEY_SIZE], text[32];
	uint64_t capabilities;
	int number;

	if (sscanf(line, "Uid: %*d %d", &number) == 1)
		json_set_int(json, key_of(key, prefix, "uid"), number);
	else if (sscanf(line, "Seccomp: %d", &number) == 1)
		json_set_bool(json, key_of(key, prefix, "seccomp"),
			      number == FILTERED);
	else if (sscanf(line, "CapPrm: %" SCNx64, &capabilities) == 1) {
		snprintf(text, sizeof(text), "0x%" PRIx64, capabilities);
		json_set_text(json, key_of(key, prefix, "capabilities"), text);
	}
}

void confinement_set(struct json *json, const char *prefix, pid_t pid,
		     int landlock)
{
	char path[64], line[256], key[KEY_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = pid > 0 ? fopen(path, "re") : NULL;
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		set_line(json, prefix, line);
	fclose(file);
	json_set_int(json, key_of(key, prefix, "landlock"), landlock);
}

bool confinement_print(const struct json *json, const char *prefix, FILE *out)
{
	char key[KEY_SIZE];
	const char *text =
		json_get_text(json, key_of(key, prefix, "capabilities"));

	if (!text)
		return false;
	long long uid = json_get_int(json, key_of(key, prefix, "uid"), -1);
	bool is_filtered =
		json_get_bool(json, key_of(key, prefix, "seccomp"), false);
	long long landlock =
		json_get_int(json, key_of(key, prefix, "landlock"), 0);
	int count = __builtin_popcountll(strtoull(text, NULL, 16));
	if (count)
		fprintf(out, "user %lld, %d %s", uid, count,
			plural(count, "capability", "capabilities"));
	else
		fprintf(out, "user %lld, no capability", uid);
	fputs(is_filtered ? ", seccomp" : ", no seccomp", out);
	if (landlock)
		fprintf(out, ", Landlock %lld\n", landlock);
	else
		fputs(", no Landlock\n", out);
	return true;
}
