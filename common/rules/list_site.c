// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lists by name: those of `rule-sets:`, and those of GEOSITE.
 */
#include "common/err.h"
#include "common/rules/geosite.h"
#include "common/rules/list.h"
#include "common/rules/list_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETS_SHOWN 64 /* when one is misspelt */

char *load_path(const struct load *load, const char *file)
{
	const char *slash = strrchr(load->file, '/');
	int folder =
		slash && file[0] != '/' ? (int)(slash - load->file) + 1 : 0;
	char *path;

	return asprintf(&path, "%.*s%s", folder, load->file, file) < 0 ? NULL
								       : path;
}

static const struct rule_set_conf *find_set(const struct load *load,
					    const char *name)
{
	for (size_t i = 0; i < load->set_count; i++) {
		if (strcmp(load->sets[i].name, name) == 0)
			return &load->sets[i];
	}
	return NULL;
}

/* A word that is no file, but nearly the name of a set. */
static const char *nearest_set(const struct load *load, const char *word)
{
	const char *names[SETS_SHOWN + 1];
	size_t count = 0;

	for (; count < load->set_count && count < SETS_SHOWN; count++)
		names[count] = load->sets[count].name;
	names[count] = NULL;
	return diag_nearest(word, names);
}

int list_load_set(struct matcher *matcher, const char *argument,
		  bool is_no_resolve, const struct rule_place *place)
{
	const struct rule_set_conf *set = find_set(matcher->load, argument);
	struct list list = {
		.matcher = matcher,
		.is_no_resolve = is_no_resolve,
	};
	const char *nearest = NULL;
	char *path;
	int ret;

	if (set && !set->path)
		return ERR_CONFIG; /* which was told where the set stands */
	if (set && set->behavior != FORM_AUTO)
		list.form = (enum form)set->behavior;
	else if (set && set->format != FORM_YAML)
		list.form = (enum form)set->format;
	path = load_path(matcher->load, set ? set->path : argument);
	if (!path)
		return -ENOMEM;
	if (!set && access(path, F_OK) < 0)
		nearest = nearest_set(matcher->load, argument);
	list.path = path;
	ret = ERR_CONFIG;
	if (nearest)
		diag_error(PLACE_ARGS(place),
			   "there is no list '%s', did you mean '%s'?",
			   argument, nearest);
	else
		ret = list_load(&list, place);
	free(path);
	return ret;
}

/* "google@cn@ads": cuts the attributes off. */
static void take_filters(struct list_filters *filters, char *name)
{
	char *save = NULL;
	const char *word = strtok_r(name, "@", &save);

	while ((word = strtok_r(NULL, "@", &save)) &&
	       filters->count < LIST_FILTERS_MAX) {
		filters->at[filters->count++] =
			(struct list_filter){word, strlen(word), false};
	}
}

static bool passes(const struct geosite_domain *domain,
		   const struct list_filters *filters)
{
	for (size_t i = 0; i < filters->count; i++) {
		if (!geosite_has(domain, filters->at[i].word,
				 filters->at[i].length))
			return false;
	}
	return true;
}

static int add_domain(struct list *list, const struct geosite_domain *domain)
{
	static const enum v2fly_type types[] = {
		[GEOSITE_KEYWORD] = V2FLY_KEYWORD,
		[GEOSITE_REGEX] = V2FLY_REGEX,
		[GEOSITE_SUFFIX] = V2FLY_SUFFIX,
		[GEOSITE_FULL] = V2FLY_FULL,
	};
	char value[RULE_TEXT_MAX];

	if (domain->value.size >= sizeof(value))
		return list_leave_out(list, "(a long text)");
	memcpy(value, domain->value.at, domain->value.size);
	value[domain->value.size] = '\0';
	return list_line_add_v2fly(list, types[domain->type], value);
}

static int add_domains(struct list *list, struct geosite_bytes domains)
{
	struct geosite_domain domain;
	int ret;

	while ((ret = geosite_next(&domains, &domain)) == 1) {
		list->place.line++;
		if (!passes(&domain, &list->filters))
			continue;
		ret = add_domain(list, &domain);
		if (ret < 0)
			return ret;
	}
	return ret;
}

static int count_domains(struct geosite_bytes domains)
{
	struct geosite_domain domain;
	int count = 0, ret;

	while ((ret = geosite_next(&domains, &domain)) == 1)
		count++;
	return ret < 0 ? ret : count;
}

static int tell_broken(const struct rule_place *place, const char *path)
{
	diag_error(PLACE_ARGS(place),
		   "'%s' is no geosite.dat, expected that of the v2fly project "
		   "or a folder of its lists",
		   path);
	return ERR_CONFIG;
}

/* The list in the bytes of geosite.dat; its lines are its domains. */
static int load_from_dat(struct list *list, const char *name,
			 const struct rule_place *place)
{
	struct load *load = list->matcher->load;
	const struct geosite_bytes file = {(const uint8_t *)load->geo.site,
					   load->geo.site_size};
	struct geosite_bytes domains;
	size_t before = list->matcher->entry_count;
	char *shown;
	int ret = geosite_find(file, name, &domains), count, at;

	if (ret == -ENOENT) {
		diag_error(PLACE_ARGS(place),
			   "there is no list '%s' in '%s', expected one that "
			   "is there such as cn or google",
			   name, list->path);
		return ERR_CONFIG;
	}
	count = ret < 0 ? ret : count_domains(domains);
	if (count < 0)
		return tell_broken(place, list->path);
	if (asprintf(&shown, "%s(%s)", list->path, name) < 0)
		return -ENOMEM;
	at = sources_add(load->sources, shown, "geosite list", (size_t)count);
	free(shown);
	if (at < 0)
		return at;
	load->sources->at[at].path_length = strlen(list->path);
	list->before = load->sources->at[at].before;
	list->place = (struct rule_place){.diag = place->diag,
					  .file = load->sources->at[at].file};
	ret = matcher_expect(list->matcher, (size_t)count);
	if (ret == 0)
		ret = add_domains(list, domains);
	list_tell_left_out(list);
	load->sources->at[at].entries = list->matcher->entry_count - before;
	return ret;
}

/* Holds geosite.dat until the rules are sealed. */
static int read_dat(struct geo *geo, const char *path,
		    const struct rule_place *place)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	int ret = 0;

	if (!file || fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > LIST_SIZE_MAX) {
		diag_error(PLACE_ARGS(place),
			   "cannot read '%s': %s, expected a geosite.dat that "
			   "our user can read",
			   path,
			   file ? "not a plain file of at most 256 MiB"
				: strerror(errno));
		if (file)
			fclose(file);
		return ERR_CONFIG;
	}
	geo->site = malloc((size_t)st.st_size + 1);
	if (geo->site)
		geo->site_size = fread(geo->site, 1, (size_t)st.st_size, file);
	else
		ret = -ENOMEM;
	fclose(file);
	return ret;
}

/* Cut short, it may still have the list that is asked for. */
static int check_dat(struct geo *geo, const char *path,
		     const struct rule_place *place)
{
	const struct geosite_bytes file = {(const uint8_t *)geo->site,
					   geo->site_size};

	return geosite_check(file) < 0 ? tell_broken(place, path) : 0;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A list of its own file, as the project keeps them. */
static int load_from_folder(struct list *list, const char *folder,
			    const char *name, const struct rule_place *place)
{
	char *path;
	int ret;

	if (strchr(name, '/') || name[0] == '.')
		return rule_tell_wrong(place, name,
				       "the name of a list such as cn");
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	list->path = path;
	list->form = FORM_V2FLY;
	ret = list_load(list, place);
	free(path);
	return ret;
}

static int load_site(struct list *list, const char *name,
		     const struct rule_place *place)
{
	struct load *load = list->matcher->load;
	int ret = 0;

	if (!load->geo.files.site) {
		diag_error(PLACE_ARGS(place),
			   "GEOSITE is looked up in a file, but none is set, "
			   "expected 'geo: {site: geosite.dat}'");
		return ERR_CONFIG;
	}
	list->path = load->geo.files.site;
	if (is_folder(list->path))
		return load_from_folder(list, list->path, name, place);
	if (!load->geo.site)
		ret = read_dat(&load->geo, list->path, place);
	if (ret == 0)
		ret = check_dat(&load->geo, list->path, place);
	return ret < 0 ? ret : load_from_dat(list, name, place);
}

/* "!cn" is every name that is not in the list "cn". */
static int add_negated(struct matcher *matcher, struct matcher *part,
		       uint32_t line)
{
	struct logic *not = logic_new(LOGIC_NOT);
	struct condition condition;
	int ret;

	if (!not ) {
		matcher_free(part);
		return -ENOMEM;
	}
	ret = logic_add(not, part);
	if (ret < 0) {
		logic_free(not );
		return ret;
	}
	condition_init_logic(&condition, not );
	return matcher_add_condition(matcher, &condition, line);
}

int list_load_site(struct matcher *matcher, const char *argument, uint32_t line,
		   const struct rule_place *place)
{
	bool is_not = argument[0] == '!';
	struct matcher *part = is_not ? matcher_new(matcher->load) : NULL;
	struct list list = {.matcher = is_not ? part : matcher};
	char *name = strdup(argument + is_not);
	int ret;

	if (!name || !list.matcher) {
		free(name);
		matcher_free(part);
		return -ENOMEM;
	}
	take_filters(&list.filters, name);
	for (char *c = name; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
	ret = load_site(&list, name, place);
	free(name);
	if (ret < 0)
		matcher_free(part);
	else if (is_not)
		ret = add_negated(matcher, part, line);
	return ret;
}
