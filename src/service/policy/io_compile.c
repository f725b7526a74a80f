#include "service/policy/io_compile.h"

#include "config/config.h"
#include "crypto/random.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/time_zone.h"
#include "policy/io_follow.h"
#include "service/policy/conf.h"
#include "service/policy/io_lists.h"

#include <stdio.h>
#include <stdlib.h>

enum { DAY_S = 86400 };

struct compile {
	struct config *config;		/* counted */
	struct policy_conf_setup setup; /* points into config */
	uint32_t lines_max;
	uint8_t seed[16];
	char *to;		       /* owned */
	char *texts[POLICY_LISTS_MAX]; /* owned: files of those that are kept */
	struct compiled result;
};

/* --- in the maker's thread --- */

static enum err take_file(struct policy_build *b, unsigned list, const char *path,
			  struct policy_counts *ret)
{
	AUTO_DONE(file_unmap) struct file_map map = {0};
	struct kept kept;
	struct span text;
	TRY(file_map(path, &map));
	TRY(kept_read(map.bytes, &kept, &text));
	return policy_build_text(b, list, text, ret);
}

static enum err take_texts(struct compile *c, struct policy_build *b)
{
	for (unsigned i = 0; i < c->setup.setup.lists_n; i++) {
		const struct policy_source *from = &c->setup.sources[i];
		struct policy_counts *counts = &c->result.counts[i];
		if (from->kind == POLICY_SOURCE_LINES)
			TRY(policy_build_text(b, i, from->lines, counts));
		enum err e = c->texts[i] ? take_file(b, i, c->texts[i], counts) : OK;
		if (e && e != (enum err)ENOMEM)
			c->result.lost = from->name;
		TRY(e);
	}
	return OK;
}

static enum err make(struct compile *c)
{
	AUTO(policy_build_free) struct policy_build *b = NULL;
	struct policy_built built = {0};
	c->result.stage = "the configuration";
	TRY(policy_build_new(&c->setup.setup, c->lines_max, &b));
	c->result.stage = "the lists";
	TRY(take_texts(c, b));
	c->result.stage = "the table of names";
	TRY(policy_build_finish(b, c->seed, &built));
	c->result.stage = "the file";
	enum err e = file_write_atomic(c->to, span_of(built.bytes, built.len), 0600);
	free(built.bytes);
	TRY(e);
	c->result.stage = "";
	c->result.names = built.names;
	c->result.lines = built.lines;
	c->result.twice = built.twice;
	c->result.surplus = built.surplus;
	for (size_t i = 0; i < c->setup.setup.lists_n; i++)
		c->result.beyond += c->result.counts[i].surplus;
	c->result.octets = built.len;
	return OK;
}

void compile_work(struct compile *c)
{
	uint64_t from_us = clock_monotonic_us();
	c->result.err = make(c);
	c->result.took_us = clock_monotonic_us() - from_us;
}

const struct compiled *compile_result(const struct compile *c)
{
	return &c->result;
}

const struct policy_counts *compile_counts(const struct compile *c, struct span name)
{
	for (size_t i = 0; i < c->setup.setup.lists_n; i++)
		if (span_equal(c->setup.sources[i].name, name))
			return &c->result.counts[i];
	return NULL;
}

/* --- in the main one --- */

static void zone_fill(const struct policy_conf *conf, uint64_t now_s, struct policy_zone *zone)
{
	struct time_zone_change changes[POLICY_CHANGES_MAX];
	/* From yesterday on: an hour of last night may still be looked at. */
	enum err e = time_zone_read(conf->time_zone, (int64_t)now_s - DAY_S, &zone->ahead_s,
				    changes, POLICY_CHANGES_MAX, &zone->changes_n);
	if (e) {
		log_warning("the time zone is not known: schedules go by UTC",
			    LOG_TEXT("zone", conf->time_zone), LOG_ERR(e));
		*zone = (struct policy_zone){0};
	}
	for (size_t i = 0; !e && i < zone->changes_n; i++)
		zone->changes[i] = (struct policy_change){changes[i].since_s, changes[i].ahead_s};
}

static enum err fill(struct compile *c, const struct lists *lists, const char *folder)
{
	if (asprintf(&c->to, "%s/%s", folder, POLICY_FILE_COMPILED) < 0)
		c->to = NULL;
	if (!c->to)
		return ENOMEM;
	for (size_t i = 0; i < c->setup.setup.lists_n; i++) {
		const struct policy_source *from = &c->setup.sources[i];
		const struct list *l =
			from->kind == POLICY_SOURCE_LINES ? NULL : lists_find(lists, from->name);
		if (!l || !l->has_kept)
			continue;
		c->texts[i] = strdup(l->path);
		if (!c->texts[i])
			return ENOMEM;
	}
	return crypto_random(c->seed, sizeof(c->seed));
}

enum err compile_new(struct config *config, const struct policy_conf *conf,
		     const struct lists *lists, const char *folder, uint64_t generation,
		     struct compile **ret)
{
	AUTO(compile_free) struct compile *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	c->config = config_ref(config);
	c->lines_max = conf->lines_max;
	TRY(policy_conf_setup(conf, &c->setup));
	c->result.made_s = c->setup.setup.made_s = clock_wall_s();
	c->result.generation = c->setup.setup.generation = generation;
	zone_fill(conf, c->result.made_s, &c->setup.setup.zone);
	TRY(fill(c, lists, folder));
	*ret = TAKE(c);
	return OK;
}

void compile_free(struct compile *c)
{
	if (!c)
		return;
	policy_conf_setup_done(&c->setup);
	for (size_t i = 0; i < POLICY_LISTS_MAX; i++)
		free(c->texts[i]);
	free(c->to);
	config_free(c->config);
	free(c);
}
