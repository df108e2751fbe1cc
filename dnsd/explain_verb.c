// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/explain_sink.h"

static struct control_client *client_of(const struct explain_sink *sink)
{
	return control_client_by_id(sink->ctx, sink->id);
}

static void send_line(const struct explain_sink *sink, const struct json *line)
{
	struct control_client *client = client_of(sink);
	if (client)
		control_send(client, line);
}

static void send_end(const struct explain_sink *sink, const char *error)
{
	struct control_client *client = client_of(sink);
	if (client)
		control_end(client, error);
}

void explainer_verb(struct explainer *explainer, struct control *control,
		    struct control_client *client, const struct json *request)
{
	struct explain_sink sink = {
		.line = send_line,
		.end = send_end,
		.ctx = control,
		.id = control_client_id(client),
	};
	struct explain_subject subject;
	const char *why = explain_subject_read(
		&subject, json_get_text(request, "name"),
		json_get_text(request, "type"), json_get_text(request, "from"));

	if (why)
		control_end(client, why);
	else if (explain_begin(explainer, &subject, &sink) < 0)
		control_end(client, "too many explanations are under way");
}
