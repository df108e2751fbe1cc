// SPDX-License-Identifier: BSD-2-Clause
#include "common/reload.h"

#include "common/aside.h"
#include "common/err.h"
#include "common/log.h"

#include <stdlib.h>

static void work(void *ctx)
{
	struct reload *reload = ctx;
	const struct reload_conf *conf = &reload->conf;
	struct reload_job *job = &reload->job;

	if (job->kind == RELOAD_FILE)
		job->ret =
			settings_read(conf->settings, &job->source, &job->diag);
	if (job->ret == 0)
		job->ret = conf->load(conf->ctx, &job->config, &job->source,
				      &job->diag);
}

static void log_diag(const struct diag *diag)
{
	for (size_t i = 0; i < diag->count; i++)
		log_warning("%s", diag->lines[i]);
}

static void free_source(struct reload_job *job)
{
	if (job->kind == RELOAD_FILE)
		free(job->source.text);
}

static void tell(const struct reload_job *job)
{
	if (job->kind == RELOAD_FILE && job->ret < 0)
		log_error("cannot reload, going on as before: %s",
			  err_text(job->ret));
	else if (job->kind == RELOAD_FILE)
		log_notice("reloaded '%s'", job->source.file);
	else if (job->ret < 0)
		log_error("cannot use a list that changed, going on as "
			  "before: %s",
			  err_text(job->ret));
	else
		log_notice("read the lists of the rules again");
}

static void start(struct reload *reload, enum reload_kind kind);

static void on_done(void *ctx)
{
	struct reload *reload = ctx;
	const struct reload_conf *conf = &reload->conf;
	struct reload_job job = reload->job;
	enum reload_kind next = reload->next;

	aside_free(reload->aside);
	reload->aside = NULL;
	reload->next = RELOAD_NONE;
	log_diag(&job.diag);
	diag_fini(&job.diag);
	if (job.ret == 0)
		job.ret = conf->use(conf->ctx, job.config, &job.source);
	if (job.ret < 0) {
		free_source(&job);
	} else if (job.kind == RELOAD_FILE) {
		free(conf->source->text);
		*conf->source = job.source;
	}
	tell(&job);
	if (next != RELOAD_NONE)
		start(reload, next);
}

/* Without a thread the loop has to wait. */
static void start(struct reload *reload, enum reload_kind kind)
{
	int ret;

	if (reload->aside) {
		reload->next = kind > reload->next ? kind : reload->next;
		return;
	}
	reload->job = (struct reload_job){.kind = kind};
	if (kind == RELOAD_LISTS)
		reload->job.source = *reload->conf.source;
	diag_init(&reload->job.diag);
	ret = aside_start(&reload->aside, reload->conf.loop, work, on_done,
			  reload);
	if (ret == 0)
		return;
	log_warning("cannot read lists beside other work: %s", err_text(ret));
	work(reload);
	on_done(reload);
}

void reload_init(struct reload *reload, const struct reload_conf *conf)
{
	*reload = (struct reload){.conf = *conf};
}

void reload_fini(struct reload *reload)
{
	if (!reload->aside)
		return;
	aside_free(reload->aside);
	reload->aside = NULL;
	if (reload->job.ret == 0)
		config_free(reload->job.config);
	free_source(&reload->job);
	diag_fini(&reload->job.diag);
}

void reload_file(struct reload *reload)
{
	start(reload, RELOAD_FILE);
}

void reload_lists(struct reload *reload)
{
	start(reload, RELOAD_LISTS);
}
