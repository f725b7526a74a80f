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
	struct policy_held *before;	/* counted; NULL: none */
	struct policy_conf_setup setup; /* points into config */
	uint32_t lines_max;
	uint8_t seed[16];
	char *to;		       /* owned */
	char *texts[POLICY_LISTS_MAX]; /* owned: files of those that are kept */
	struct compiled result;
};

/* --- in the maker's thread --- */

static enum err open_text(const char *path, struct file_map *map, struct span *ret)
{
	struct kept kept;
	TRY(file_map(path, map));
	return kept_read(map->bytes, &kept, ret);
}

/* What the policy in force has of it, rather than nothing: without them what it blocks would pass
 * until it was fetched. */
static enum err take_before(struct compile *c, struct policy_build *b, unsigned list)
{
	const struct policy *p = c->before ? policy_held_policy(c->before) : NULL;
	unsigned old = p ? policy_list_find(p, c->setup.sources[list].name) : POLICY_LISTS_MAX;
	if (old == POLICY_LISTS_MAX)
		return OK;
	TRY(policy_build_carry(b, list, p, old, &c->result.counts[list]));
	if (c->result.counts[list].lines)
		c->result.lists[list] = COMPILED_CARRIED;
	return OK;
}

static enum err take_text(struct compile *c, struct policy_build *b, unsigned list)
{
	AUTO_DONE(file_unmap) struct file_map map = {0};
	struct span text;
	enum err e = c->texts[list] ? open_text(c->texts[list], &map, &text) : (enum err)ENOENT;
	if (e == (enum err)ENOMEM)
		return e;
	c->result.lost[list] = e && c->texts[list];
	if (e)
		return take_before(c, b, list);
	c->result.lists[list] = COMPILED_TEXT;
	return policy_build_text(b, list, text, &c->result.counts[list]);
}

static enum err take_texts(struct compile *c, struct policy_build *b)
{
	for (unsigned i = 0; i < c->setup.setup.lists_n; i++) {
		const struct policy_source *from = &c->setup.sources[i];
		if (from->kind == POLICY_SOURCE_LINES)
			TRY(policy_build_text(b, i, from->lines, &c->result.counts[i]));
		else
			TRY(take_text(c, b, i));
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

size_t compile_find(const struct compile *c, struct span name)
{
	for (size_t i = 0; i < c->setup.setup.lists_n; i++)
		if (span_equal(c->setup.sources[i].name, name))
			return i;
	return POLICY_LISTS_MAX;
}

struct span compile_name(const struct compile *c, size_t list)
{
	return list < c->setup.setup.lists_n ? c->setup.sources[list].name : (struct span){0};
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

enum err compile_new(const struct compile_order *o, struct compile **ret)
{
	AUTO(compile_free) struct compile *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	c->config = config_ref(o->config);
	c->before = policy_held_ref(o->before);
	c->lines_max = o->conf->lines_max;
	TRY(policy_conf_setup(o->conf, &c->setup));
	c->result.made_s = c->setup.setup.made_s = clock_wall_s();
	c->result.generation = c->setup.setup.generation = o->generation;
	zone_fill(o->conf, c->result.made_s, &c->setup.setup.zone);
	TRY(fill(c, o->lists, o->folder));
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
	policy_held_unref(c->before);
	config_free(c->config);
	free(c);
}
