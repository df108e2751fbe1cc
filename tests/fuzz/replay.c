// SPDX-License-Identifier: BSD-2-Clause
/*
 * replay.c - gives a target each file of its corpus: tests/fuzz/corpus/NAME of
 * the sources, for a program fuzz_NAME, or the files of its arguments.
 *
 * A corpus that is not there, or is empty, is a failure: nothing was tested.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Into memory of exactly that size, so that ASan sees its end. */
static int replay(const char *path)
{
	struct stat st;
	uint8_t *bytes;
	FILE *file = fopen(path, "rb");

	if (!file || fstat(fileno(file), &st) < 0) {
		perror(path);
		return -1;
	}
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes ||
	    fread(bytes, 1, (size_t)st.st_size, file) != (size_t)st.st_size) {
		fprintf(stderr, "cannot read '%s'\n", path);
		return -1;
	}
	fclose(file);
	uint8_t *exact = realloc(bytes, st.st_size ? (size_t)st.st_size : 1);
	LLVMFuzzerTestOneInput(exact, (size_t)st.st_size);
	free(exact);
	return 0;
}

static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	if (!dir) {
		perror(folder);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		char path[1024];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (replay(path) < 0)
			return -1;
		count++;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	const char *source = getenv("ERSATZ_SOURCE");
	const char *name = strstr(basename(argv[0]), "fuzz_");
	char folder[512];
	int count;

	for (int i = 1; i < argc; i++) {
		if (replay(argv[i]) < 0)
			return EXIT_FAILURE;
	}
	if (argc > 1)
		return EXIT_SUCCESS;
	if (!name)
		return EXIT_FAILURE;
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s",
		 source ? source : ".", name + strlen("fuzz_"));
	count = replay_folder(folder);
	printf("%d inputs of '%s'\n", count, folder);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
