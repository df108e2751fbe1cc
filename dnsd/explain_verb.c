// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/explain_sink.h"
#include "dnsd/message.h"

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
	const char *text = json_get_text(request, "name");
	const char *word = json_get_text(request, "type");
	int type = message_type_of(word ? word : "A");
	struct name name;

	if (!text || name_parse(&name, text) < 0)
		control_end(client, "'name' is missing or no domain name");
	else if (type < 0)
		control_end(client, "'type' is no type of DNS records");
	else if (question_is_refused((uint16_t)type))
		control_end(client, "questions for this type are refused");
	else if (explain_begin(explainer, &name, (uint16_t)type, &sink) < 0)
		control_end(client, "too many explanations are under way");
}
