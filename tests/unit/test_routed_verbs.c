// SPDX-License-Identifier: BSD-2-Clause
/*
 * Both sides of the control socket, with the real one between them; host,
 * relay and namespace are fakes.  The client blocks, so it is a child.
 */
#include "routed/verbs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OUTPUT_SIZE 8192

static const char text[] = "outbounds:\n"
			   "  proxy: {type: socks5, server: 192.0.2.7:1080}\n"
			   "rules:\n"
			   "  - MATCH,proxy\n";

/* What the fakes say and were told. */
static struct {
	struct nl_state state;
	struct host_status status;
	bool has_relay;
	uint32_t asked_id;
	struct verbs *verbs;
	const struct link_counters *counters; /* answered at once if set */
	bool answers_loss;
	unsigned direct_calls, relay_directs;
	struct addr directs[HOST_DIRECTS_MAX];
	size_t direct_count;
	int64_t direct_ttl_s;
	int direct_result;
	struct link_flow closed;
} fake;

const struct nl_state *host_state(const struct host *host)
{
	(void)host;
	return &fake.state;
}

struct host_status host_status(const struct host *host)
{
	(void)host;
	fake.status.rival = "";
	return fake.status;
}

/* One rule that is fine, one too many, one missing. */
int host_diff(struct host *host, struct reconcile *diff, char *why)
{
	(void)host;
	strcpy(why, "cannot read the routes");
	memset(diff, 0, sizeof(*diff));
	if (fake.direct_result < 0)
		return fake.direct_result;
	diff->count = 3;
	diff->entries = calloc(diff->count, sizeof(*diff->entries));
	assert_non_null(diff->entries);
	for (size_t i = 0; i < diff->count; i++) {
		diff->entries[i].verdict = RECONCILE_ADDED;
		diff->entries[i].object.kind = NL_OBJECT_RULE;
		diff->entries[i].object.rule.family = ADDR_IPV4;
	}
	diff->entries[0].verdict = RECONCILE_SEEN;
	diff->entries[1].verdict = RECONCILE_REMOVED;
	return 0;
}

struct firewall_counters host_refused(struct host *host)
{
	(void)host;
	return (struct firewall_counters){.pool_out = 5, .closed = 7};
}

struct lan_counters host_lan(struct host *host)
{
	(void)host;
	return (struct lan_counters){.loops = 1, .stranded = 2};
}

int host_add_directs(struct host *host, const struct addr *addrs, size_t count,
		     int64_t ttl_s)
{
	(void)host;
	fake.direct_calls++;
	fake.direct_count = count;
	fake.direct_ttl_s = ttl_s;
	memcpy(fake.directs, addrs, count * sizeof(*addrs));
	return fake.direct_result;
}

const char *inner_carrier(const struct inner *inner)
{
	(void)inner;
	return "kernel";
}

struct nl_device_packets inner_carried(const struct inner *inner)
{
	(void)inner;
	return (struct nl_device_packets){.in = 1, .out = 2};
}

uint64_t inner_dropped(const struct inner *inner)
{
	(void)inner;
	return 3;
}

const char *inner_carrier_why(const struct inner *inner)
{
	(void)inner;
	return "";
}

const char *inner_steering(const struct inner *inner)
{
	(void)inner;
	return "bpf";
}

bool relays_is_ready(const struct relays *relays)
{
	(void)relays;
	return fake.has_relay;
}

pid_t relays_pid(const struct relays *relays)
{
	(void)relays;
	return fake.has_relay ? 4711 : 0;
}

uint64_t relays_deaths(const struct relays *relays)
{
	(void)relays;
	return 2;
}

/* The relay answers when the loop comes round, as a real one would. */
static void on_answer(int revents, void *arg)
{
	(void)revents;
	(void)arg;
	if (fake.answers_loss)
		verbs_on_relay_lost(fake.verbs);
	else if (fake.counters)
		verbs_on_counters(fake.verbs, fake.asked_id, fake.counters);
}

static struct ev_loop *loop;

int relays_ask_counters(struct relays *relays, uint32_t id)
{
	(void)relays;
	if (!fake.has_relay)
		return -ENOTCONN;
	fake.asked_id = id;
	ev_once(loop, -1, 0, 0., on_answer, NULL);
	return 0;
}

int relays_close_flow(struct relays *relays, const struct link_flow *flow)
{
	(void)relays;
	fake.closed = *flow;
	return fake.has_relay ? 0 : -ENOTCONN;
}

int relays_tell_direct(struct relays *relays, const struct link_direct *direct)
{
	(void)relays;
	assert_int_not_equal(direct->addr.family, ADDR_NONE);
	fake.relay_directs++;
	return fake.has_relay ? 0 : -ENOTCONN;
}

int relays_send_flows(struct relays *relays, int client_fd,
		      const struct link_viewer *viewer)
{
	static const char lines[] =
		"{\"src\":\"192.0.2.1:40000\",\"dst\":\"198.18.0.3:443\","
		"\"name\":\"example.com\",\"outbound\":\"proxy\","
		"\"state\":\"open\",\"up\":7,\"down\":9}\n"
		"{\"src\":\"192.0.2.1:40001\",\"dst\":\"192.0.2.9:22\","
		"\"name\":null,\"outbound\":\"DIRECT\",\"state\":\"held\"}\n"
		"{\"end\":true}\n";

	(void)relays;
	assert_true(viewer->sees_all);
	return write(client_fd, lines, strlen(lines)) > 0 ? 0 : -errno;
}

struct home {
	char folder[64];
	struct config *config;
	struct verbs verbs;
	char output[OUTPUT_SIZE];
};

static int setup(void **state)
{
	struct home *home = calloc(1, sizeof(*home));
	struct control_conf conf = {.group = (gid_t)-1, .verbs = verbs_table};
	struct diag diag;
	char *path;

	if (!home)
		return -1;
	*state = home;
	memset(&fake, 0, sizeof(fake));
	fake.verbs = &home->verbs;
	strcpy(home->folder, "/tmp/ersatz-verbs-XXXXXX");
	assert_non_null(mkdtemp(home->folder));
	diag_init(&diag);
	assert_int_equal(config_load(&home->config, text, sizeof(text) - 1,
				     "v.yaml", &diag),
			 0);
	diag_fini(&diag);
	home->config->state_dir = "/nonexistent";
	home->verbs.config = home->config;
	loop = ev_loop_new(EVFLAG_AUTO);
	path = config_path(home->folder, "routed.sock");
	conf.path = path;
	conf.ctx = &home->verbs;
	assert_int_equal(control_open(&home->verbs.control, loop, &conf), 0);
	free(path);
	return 0;
}

static int teardown(void **state)
{
	struct home *home = *state;

	control_close(home->verbs.control);
	ev_loop_destroy(loop);
	config_free(home->config);
	rmdir(home->folder);
	free(home);
	return 0;
}

typedef int (*command_fn)(struct home *home, FILE *out);

static void on_output(struct ev_loop *of, struct ev_io *io, int revents)
{
	char *output = io->data;
	size_t used = strlen(output);
	ssize_t n = read(io->fd, output + used, OUTPUT_SIZE - 1 - used);

	(void)revents;
	if (n <= 0)
		ev_break(of, EVBREAK_ALL);
}

/* Runs a command as a child while the loop serves it; its exit status. */
static int run(struct home *home, command_fn fn)
{
	int ends[2], status;
	struct ev_io io;

	memset(home->output, 0, sizeof(home->output));
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		dup2(ends[1], STDERR_FILENO);
		FILE *out = fdopen(ends[1], "w");
		int ret = fn(home, out);
		fclose(out);
		_exit(ret);
	}
	close(ends[1]);
	ev_io_init(&io, on_output, ends[0], EV_READ);
	io.data = home->output;
	ev_io_start(loop, &io);
	/* Standard error keeps the pipe open until the child has ended. */
	ev_run(loop, 0);
	ev_io_stop(loop, &io);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void assert_says(const struct home *home, const char *part)
{
	if (!strstr(home->output, part))
		fail_msg("'%s' does not say '%s'", home->output, part);
}

static int ask_status(struct home *home, FILE *out)
{
	return verbs_print_status(home->folder, true, out);
}

static int ask_flows(struct home *home, FILE *out)
{
	return verbs_print_flows(home->folder, false, out);
}

static int ask_diff(struct home *home, FILE *out)
{
	return verbs_print_diff(home->folder, false, out);
}

static int ask_explanation(struct home *home, FILE *out)
{
	const struct options options = {.query.target = "example.com",
					.query.port = 443,
					.query.network = NETWORK_TCP,
					.settings.is_json = true};

	return verbs_print_explanation(home->folder, &options, NULL, out);
}

static int ask_nonsense(struct home *home, FILE *out)
{
	const struct options options = {.query.target = "a..b"};

	return verbs_print_explanation(home->folder, &options, home->config,
				       out);
}

static void status_has_what_the_relay_counts(void **state)
{
	const struct link_counters counters = {
		.flows_now = 3, .loops = 0, .bytes_down = 12345};
	struct home *home = *state;

	fake.has_relay = true;
	fake.counters = &counters;
	fake.status.is_captured = true;
	assert_int_equal(run(home, ask_status), EXIT_SUCCESS);
	assert_says(home, "\"captured\":true");
	assert_says(home, "\"flows_now\":3");
	assert_says(home, "\"bytes_down\":12345");
	assert_says(home, "\"relay_pid\":4711");
	assert_says(home, "\"relay_deaths\":2");
	assert_says(home, "\"config\":\"v.yaml\"");
}

static void status_without_a_relay_comes_at_once(void **state)
{
	struct home *home = *state;

	assert_int_equal(run(home, ask_status), EXIT_SUCCESS);
	assert_says(home, "\"relay_pid\":0");
	assert_says(home, "\"flows_now\":0");
}

static void status_does_not_wait_for_a_relay_that_died(void **state)
{
	struct home *home = *state;

	fake.has_relay = true;
	fake.answers_loss = true;
	assert_int_equal(run(home, ask_status), EXIT_SUCCESS);
	assert_says(home, "\"flows_now\":0");
	/* A late answer to what was asked then harms nobody. */
	verbs_on_counters(&home->verbs, fake.asked_id,
			  &(struct link_counters){0});
}

static void answer_that_comes_while_we_stop_finds_nobody(void **state)
{
	struct verbs verbs = {.control = NULL};

	(void)state;
	verbs.pending[0].id = 7;
	verbs.pending[0].client = 1;
	verbs_on_counters(&verbs, 7, &(struct link_counters){0});
	assert_int_equal(verbs.pending[0].id, 0);
	verbs.pending[0].id = 8;
	verbs_on_relay_lost(&verbs);
	assert_int_equal(verbs.pending[0].id, 0);
}

static void diff_has_what_is_not_as_it_should_be(void **state)
{
	struct home *home = *state;

	assert_int_equal(run(home, ask_diff), EXIT_FAILURE);
	assert_says(home, "surplus: ip rule add");
	assert_says(home, "missing: ip rule add");
	assert_null(strstr(home->output, "seen"));
	fake.direct_result = -ENOBUFS;
	assert_int_equal(run(home, ask_diff), EXIT_FAILURE);
	assert_says(home, "cannot read the routes");
}

static void flows_are_the_relays_own_words(void **state)
{
	struct home *home = *state;

	fake.has_relay = true;
	assert_int_equal(run(home, ask_flows), EXIT_SUCCESS);
	assert_says(home, "example.com:443  proxy ");
	assert_says(home, "192.0.2.9:22     DIRECT  held");
}

static void flows_without_a_relay_say_so(void **state)
{
	struct home *home = *state;

	assert_int_equal(run(home, ask_flows), EXIT_FAILURE);
	assert_says(home, "no relay");
}

static void explanation_comes_from_the_daemon(void **state)
{
	struct home *home = *state;

	assert_int_equal(run(home, ask_explanation), EXIT_SUCCESS);
	assert_says(home, "\"outbound\":\"proxy\"");
	assert_says(home, "\"port\":443");
}

static void nonsense_is_refused_in_words(void **state)
{
	struct home *home = *state;

	assert_int_equal(run(home, ask_nonsense), EXIT_FAILURE);
	assert_says(home, "neither address nor name");
}

static void without_a_daemon_a_configuration_explains(void **state)
{
	struct home *home = *state;
	const struct options options = {.query.target = "example.com"};
	FILE *out = tmpfile();
	char line[256] = "";

	assert_non_null(out);
	assert_int_equal(verbs_print_explanation("/nonexistent", &options,
						 home->config, out),
			 EXIT_SUCCESS);
	rewind(out);
	assert_non_null(fgets(line, sizeof(line), out));
	assert_non_null(strstr(line, "traffic to example.com"));
	fclose(out);
}

/* Asks as dnsd does, on a socket that needs no child. */
static const char *tell(struct home *home, const char *line)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ssize_t n = -1;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/routed.sock",
		 home->folder);
	assert_int_equal(
		connect(fd, (const struct sockaddr *)&address, sizeof(address)),
		0);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	memset(home->output, 0, sizeof(home->output));
	while (n < 0) {
		ev_run(loop, EVRUN_ONCE);
		n = read(fd, home->output, sizeof(home->output) - 1);
	}
	close(fd);
	return home->output;
}

static void addresses_of_a_direct_name_are_handed_on(void **state)
{
	struct home *home = *state;
	char second[ADDR_TEXT_SIZE];

	assert_string_equal(
		tell(home, "{\"verb\":\"direct\",\"ttl\":300,\"addresses\":"
			   "\"192.0.2.1 2001:db8::1\"}\n"),
		"{\"end\":true}\n");
	assert_int_equal(fake.direct_calls, 1);
	assert_int_equal(fake.direct_count, 2);
	assert_int_equal(fake.direct_ttl_s, 300);
	assert_int_equal(fake.relay_directs, 2);
	assert_string_equal(
		addr_format(&fake.directs[1], second, sizeof(second)),
		"2001:db8::1");
	fake.direct_result = -ENOBUFS;
	tell(home, "{\"verb\":\"direct\",\"ttl\":0,\"addresses\":"
		   "\"192.0.2.1\"}\n");
	assert_says(home, "\"error\":");
	assert_int_equal(fake.direct_calls, 2);
}

static void addresses_that_no_name_may_have_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"127.0.0.1",
		"192.0.2.1 198.18.0.3",
		"192.0.2.1 fe80::1",
		"224.0.0.1",
		"0.0.0.0/0",
		"192.0.2.1,192.0.2.2",
		"example.com",
		"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111",
		"1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5 1.0.0.6 1.0.0.7 "
		"1.0.0.8 1.0.0.9 1.0.1.0 1.0.1.1 1.0.1.2 1.0.1.3 1.0.1.4 "
		"1.0.1.5 1.0.1.6 1.0.1.7",
	};
	struct home *home = *state;
	char line[512];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(line, sizeof(line),
			 "{\"verb\":\"direct\",\"ttl\":1,\"addresses\":"
			 "\"%s\"}\n",
			 bad[i]);
		tell(home, line);
		assert_says(home, "\"error\":\"'addresses' has");
	}
	tell(home, "{\"verb\":\"direct\",\"addresses\":\"192.0.2.1\"}\n");
	assert_says(home, "is missing");
	tell(home, "{\"verb\":\"direct\",\"ttl\":-5,"
		   "\"addresses\":\"192.0.2.1\"}\n");
	assert_says(home, "is missing");
	tell(home, "{\"verb\":\"direct\",\"ttl\":1}\n");
	assert_says(home, "is missing");
	assert_int_equal(fake.direct_calls, 0);
}

static void a_flow_is_closed_by_its_two_ends(void **state)
{
	struct home *home = *state;

	fake.has_relay = true;
	assert_string_equal(
		tell(home,
		     "{\"verb\":\"close\",\"network\":\"udp\","
		     "\"src\":\"198.18.0.1:4\",\"dst\":\"[2001:2::3]:5\"}\n"),
		"{\"end\":true}\n");
	assert_int_equal(fake.closed.network, NETWORK_UDP);
	assert_int_equal(fake.closed.src.port, 4);
	assert_int_equal(fake.closed.dst.port, 5);
	tell(home, "{\"verb\":\"close\",\"src\":\"198.18.0.1\","
		   "\"dst\":\"198.18.0.3:443\"}\n");
	assert_says(home, "'src' or 'dst' is no address with a port");
	fake.has_relay = false;
	tell(home, "{\"verb\":\"close\",\"src\":\"198.18.0.1:4\","
		   "\"dst\":\"198.18.0.3:443\"}\n");
	assert_says(home, "there is no relay now");
}

static enum control_access access_of(const char *verb)
{
	if (strcmp(verb, "direct") == 0)
		return CONTROL_PARTNER;
	return strcmp(verb, "close") == 0 ? CONTROL_CHANGE : CONTROL_READ;
}

static void only_who_may_changes_something(void **state)
{
	const struct control_verb *verb = verbs_table;

	(void)state;
	for (; verb->name; verb++)
		assert_int_equal(verb->access, access_of(verb->name));
}

#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_HOME(status_has_what_the_relay_counts),
		AT_HOME(status_without_a_relay_comes_at_once),
		AT_HOME(status_does_not_wait_for_a_relay_that_died),
		AT_HOME(diff_has_what_is_not_as_it_should_be),
		AT_HOME(flows_are_the_relays_own_words),
		AT_HOME(flows_without_a_relay_say_so),
		AT_HOME(explanation_comes_from_the_daemon),
		AT_HOME(nonsense_is_refused_in_words),
		AT_HOME(without_a_daemon_a_configuration_explains),
		AT_HOME(addresses_of_a_direct_name_are_handed_on),
		AT_HOME(addresses_that_no_name_may_have_are_refused),
		cmocka_unit_test(answer_that_comes_while_we_stop_finds_nobody),
		AT_HOME(a_flow_is_closed_by_its_two_ends),
		cmocka_unit_test(only_who_may_changes_something),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
