// SPDX-License-Identifier: BSD-2-Clause
#include "common/json.h"
#include "routed/doctor.h"

#include <errno.h>
#include <stdlib.h>

static int print_json(const struct doctor_finding *finding, FILE *out)
{
	struct json *json = json_new();
	char *text = NULL;

	if (json) {
		json_set_text(json, "finding", finding->id);
		json_set_bool(json, "broken", finding->is_broken);
		json_set_text(json, "what", finding->what);
		json_set_text(json, "why", finding->why);
		json_set_text(json, "mend", finding->mend);
		text = json_line(json);
	}
	json_free(json);
	if (!text)
		return -ENOMEM;
	fprintf(out, "%s\n", text);
	free(text);
	return 0;
}

int doctor_print(const struct doctor *doctor, bool is_json, FILE *out)
{
	if (!doctor->count && !is_json)
		fputs("nothing is in our way\n", out);
	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *finding = &doctor->list[i];

		if (is_json) {
			int ret = print_json(finding, out);

			if (ret < 0)
				return ret;
			continue;
		}
		fprintf(out, "%s%s %s: %s\n  why   %s\n  mend  %s\n",
			i ? "\n" : "", finding->is_broken ? "broken" : "note",
			finding->id, finding->what, finding->why,
			finding->mend);
	}
	return 0;
}
