// SPDX-License-Identifier: BSD-2-Clause
#include "routed/resolved_bus.h"

#include "common/err.h"
#include "common/libraries.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#define SERVICE "org.freedesktop.resolve1"
#define OBJECT "/org/freedesktop/resolve1"
#define INTERFACE "org.freedesktop.resolve1.Manager"
#define PATIENCE_US (2 * 1000 * 1000)

/* What of the library is used. */
struct library {
	void *handle;
	int (*open_system)(sd_bus **bus);
	int (*set_timeout)(sd_bus *bus, uint64_t us);
	int (*call)(sd_bus *bus, const char *service, const char *object,
		    const char *interface, const char *method,
		    sd_bus_error *error, sd_bus_message **reply,
		    const char *types, va_list args);
	void (*free_error)(sd_bus_error *error);
	sd_bus *(*close)(sd_bus *bus);
};

/* A conversation; the first error sticks. */
struct talk {
	struct library library;
	sd_bus *bus;
	int ifindex;
	char *why;
	int error;
};

/* ISO C has no cast from an object to a function; POSIX has dlsym(). */
static bool find(const struct library *library, const char *name, void *fn)
{
	void *found = dlsym(library->handle, name);

	memcpy(fn, &found, sizeof(found));
	return found != NULL;
}

static int load(struct library *library)
{
	library->handle = dlopen(LIBRARY_SYSTEMD, RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return -ELIBACC;
	if (find(library, "sd_bus_open_system", &library->open_system) &&
	    find(library, "sd_bus_set_method_call_timeout",
		 &library->set_timeout) &&
	    find(library, "sd_bus_call_methodv", &library->call) &&
	    find(library, "sd_bus_error_free", &library->free_error) &&
	    find(library, "sd_bus_flush_close_unref", &library->close))
		return 0;
	dlclose(library->handle);
	return -ELIBACC;
}

static void fail(struct talk *talk, const char *what, int error,
		 const char *words)
{
	talk->error = error;
	snprintf(talk->why, RESOLVED_BUS_WHY_SIZE, "%s: %s", what,
		 words ? words : err_text(error));
}

static int begin(struct talk *talk, int ifindex, char *why)
{
	int ret;

	*talk = (struct talk){.ifindex = ifindex, .why = why};
	ret = load(&talk->library);
	if (ret < 0) {
		fail(talk, "cannot load " LIBRARY_SYSTEMD, ret, NULL);
		return ret;
	}
	ret = talk->library.open_system(&talk->bus);
	if (ret >= 0)
		ret = talk->library.set_timeout(talk->bus, PATIENCE_US);
	if (ret < 0)
		fail(talk, "cannot talk to the system bus", ret, NULL);
	return talk->error;
}

static int end(struct talk *talk)
{
	if (talk->bus)
		talk->library.close(talk->bus);
	if (talk->library.handle)
		dlclose(talk->library.handle);
	return talk->error;
}

/* One method, with the arguments that `types` tells of (sd-bus(3)). */
static void ask(struct talk *talk, const char *method, const char *types, ...)
{
	const struct library *library = &talk->library;
	sd_bus_error error = {NULL, NULL, 0};
	va_list args;
	int ret;

	if (talk->error)
		return;
	va_start(args, types);
	ret = library->call(talk->bus, SERVICE, OBJECT, INTERFACE, method,
			    &error, NULL, types, args);
	va_end(args);
	if (ret < 0)
		fail(talk, method, ret, error.message);
	library->free_error(&error);
}

static void set_server(struct talk *talk, const struct addr *server)
{
	const uint8_t *b = server->bytes;

	ask(talk, "SetLinkDNS", "ia(iay)", talk->ifindex, 1, AF_INET, 4, b[0],
	    b[1], b[2], b[3]);
}

int resolved_bus_take(int ifindex, const struct addr *server,
		      char why[RESOLVED_BUS_WHY_SIZE])
{
	struct talk talk;

	if (begin(&talk, ifindex, why) == 0) {
		set_server(&talk, server);
		ask(&talk, "SetLinkDomains", "ia(sb)", ifindex, 1, ".", 1);
		ask(&talk, "SetLinkDefaultRoute", "ib", ifindex, 1);
		/* Our answers have no signatures, and stay on this host. */
		ask(&talk, "SetLinkDNSSEC", "is", ifindex, "no");
		ask(&talk, "SetLinkDNSOverTLS", "is", ifindex, "no");
		ask(&talk, "SetLinkLLMNR", "is", ifindex, "no");
		ask(&talk, "SetLinkMulticastDNS", "is", ifindex, "no");
		ask(&talk, "FlushCaches", "");
	}
	return end(&talk);
}

int resolved_bus_give_back(int ifindex, char why[RESOLVED_BUS_WHY_SIZE])
{
	struct talk talk;

	if (begin(&talk, ifindex, why) == 0) {
		ask(&talk, "RevertLink", "i", ifindex);
		talk.error = 0; /* it is gone, as is what we said of it */
		ask(&talk, "FlushCaches", "");
	}
	return end(&talk);
}
