/* The life of the service: its state directory, its thread, its lists, and the file that it makes
 * of them. */
#include "config/config.h"
#include "crypto/tls.h"
#include "fetch/trust.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/time_zone.h"
#include "service/policy/io_desk.h"
#include "service/policy/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define NAME "policy"

enum {
	READ_PATHS_MAX = POLICY_LISTS_MAX + 2,
	AGAIN_MS = 5000, /* until a policy is tried again that could not be made */
};

static bool keeps_state(const void *section)
{
	(void)section;
	return true;
}

/* All that followers read but ours. */
static const char *const shares[] = {"dhcp/" POLICY_DEVICES_FOLDER, "vpn/" POLICY_DEVICES_FOLDER,
				     NULL};

/* Nothing but the control socket, which its caller adds. */
static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	(void)section;
	(void)global;
	(void)p;
	return OK;
}

static const struct policy_conf *conf_of(const struct desk *d)
{
	return service_life_conf(&d->life);
}

static void advise_zone(const struct policy_conf *conf,
			void (*tell)(void *arg, uint32_t line, const char *text), void *arg)
{
	struct time_zone_change changes[1];
	int32_t ahead_s;
	char text[256];
	size_t n;
	if (!conf->time_zone || time_zone_read(conf->time_zone, 0, &ahead_s, changes, 1, &n) == OK)
		return;
	(void)snprintf(text, sizeof(text),
		       "policy: there is no time zone '%s' on this machine: schedules go by UTC",
		       conf->time_zone);
	tell(arg, 0, text);
}

static void advise(const void *section, void (*tell)(void *arg, uint32_t line, const char *text),
		   void *arg)
{
	const struct policy_conf *conf = section;
	const struct policy_list_conf *lists = conf->lists.items;
	char text[256];
	for (size_t i = 0; i < conf->lists.n; i++) {
		if (lists[i].url && strncasecmp(lists[i].url, "http://", 7) == 0) {
			(void)snprintf(text, sizeof(text),
				       "policy: the list '%s' comes over http: whoever is between "
				       "can change it",
				       lists[i].name);
			tell(arg, 0, text);
		}
		if (!policy_conf_uses(conf, lists[i].name)) {
			(void)snprintf(text, sizeof(text), "policy: no rule names the list '%s'",
				       lists[i].name);
			tell(arg, 0, text);
		}
	}
	if (conf->rules.n == 0)
		tell(arg, 0, "policy: without rules nobody is refused anything");
	advise_zone(conf, tell, arg);
}

/* --- what is made --- */

static void not_made(struct desk *d, const struct compiled *r)
{
	char why[sizeof(d->why)];
	(void)snprintf(why, sizeof(why), "%s: %s", r->stage, err_text(r->err));
	d->failed_n++;
	loop_timer_set_after(&d->life.loop, &d->again, AGAIN_MS);
	if (strcmp(why, d->why) == 0)
		return;
	memcpy(d->why, why, sizeof(why)); /* of the same size */
	log_error("the policy cannot be made: the last one stays", LOG_TEXT("where", r->stage),
		  LOG_ERR(r->err));
	control_event(d->life.control, "policy failed", json_pack("{s:s}", "why", why));
}

/* A list whose text is spoilt is asked for anew, and told of when nothing stands in for it. */
static void see_lists(struct desk *d, const struct compile *c)
{
	const struct compiled *r = compile_result(c);
	struct span name;
	for (size_t i = 0; (name = compile_name(c, i)).len; i++) {
		struct list *l = lists_find(&d->lists, name);
		if (!l)
			continue;
		if (r->lost[i])
			list_lost(l);
		uint64_t names = r->counts[i].kinds[POLICY_LINE_RULE];
		bool new = r->lost[i] || l->names_before != names;
		list_names_are(l, names);
		if (r->lists[i] == COMPILED_CARRIED && new)
			log_warning("of a list that is not there the last policy's rules stay",
				    LOG_TEXT("list", l->name), LOG_U64("names", names));
		else if (r->lost[i] && r->lists[i] == COMPILED_NOTHING)
			log_error("nothing is in force of a list until it was had anew",
				  LOG_TEXT("list", l->name));
	}
}

static void made(void *arg)
{
	struct desk *d = arg;
	struct compile *c = TAKE(d->runs);
	const struct compiled *r = compile_result(c);
	if (r->err) {
		not_made(d, r);
		compile_free(c);
		return;
	}
	d->why[0] = '\0';
	d->made_n++;
	log_info("a policy was made", LOG_U64("generation", r->generation),
		 LOG_U64("names", r->names), LOG_U64("lines", r->lines),
		 LOG_U64("octets", r->octets), LOG_U64("took_ms", r->took_us / 1000));
	if (r->beyond)
		log_warning("lists have more lines than are taken: `lines-max`",
			    LOG_U64("left_out", r->beyond));
	if (r->surplus)
		log_warning("lists have more lines of one name, or patterns of one, than are taken",
			    LOG_U64("left_out", r->surplus));
	control_event(d->life.control, "policy made",
		      json_pack("{s:I,s:I}", "generation", (json_int_t)r->generation, "names",
				(json_int_t)r->names));
	see_lists(d, c);
	compile_free(d->made);
	d->made = c;
	policy_follow_now(d->follow);
}

static void make(void *arg)
{
	struct desk *d = arg;
	compile_work(d->runs);
}

static void make_begin(struct desk *d)
{
	d->wanted = false;
	loop_timer_cancel(&d->life.loop, &d->again);
	const struct compile_order o = {.config = d->life.config,
					.conf = conf_of(d),
					.lists = &d->lists,
					.folder = service_life_state(&d->life),
					.before = d->held,
					.generation = ++d->generation};
	enum err e = compile_new(&o, &d->runs);
	if (!e) {
		maker_give(&d->maker, make, made, d);
		return;
	}
	log_error("the policy cannot be made: the last one stays", LOG_ERR(e));
	loop_timer_set_after(&d->life.loop, &d->again, AGAIN_MS);
}

/* The maker has nothing to do. */
static void idle(void *arg)
{
	struct desk *d = arg;
	if (!lists_give(&d->lists) && d->wanted)
		make_begin(d);
}

/* A full disk, or too little memory, may be over by now. */
static void try_again(void *arg)
{
	struct desk *d = arg;
	d->wanted = true;
	if (!maker_is_busy(&d->maker))
		idle(d);
}

static void lists_changed(void *arg)
{
	struct desk *d = arg;
	d->wanted = true;
}

static void held_changed(void *arg, struct policy_held *held)
{
	struct desk *d = arg;
	policy_held_unref(d->held);
	d->held = policy_held_ref(held);
}

/* --- the configuration --- */

static bool has_urls(const struct policy_conf *conf)
{
	const struct policy_list_conf *lists = conf->lists.items;
	for (size_t i = 0; i < conf->lists.n; i++)
		if (lists[i].url)
			return true;
	return false;
}

/* NULL, which was told: https fails, and what is kept stays. */
static struct tls_client *trust_make(const struct policy_conf *conf)
{
	struct tls_client *trust = NULL;
	if (!has_urls(conf))
		return NULL;
	enum err e = fetch_trust_read(conf->ca, &trust);
	if (e)
		log_error("no list can be fetched over TLS: whom to trust cannot be read",
			  LOG_TEXT("file", conf->ca ? conf->ca : "the system's; write `ca: FILE`"),
			  LOG_ERR(e));
	return trust;
}

static enum err obey(struct desk *d, const struct policy_conf *conf)
{
	AUTO(tls_client_unref) struct tls_client *trust = trust_make(conf);
	struct policy_conf_setup *setup = calloc(1, sizeof(*setup));
	if (!setup)
		return ENOMEM;
	enum err e = policy_conf_setup(conf, setup);
	if (!e)
		e = lists_set(&d->lists, conf, setup, trust);
	if (!e)
		policy_conf_setup_done(setup);
	free(setup);
	d->wanted = true;
	return e;
}

void policy_reload(void *desk, struct control_reply *reply)
{
	struct desk *d = desk;
	struct config *config = NULL;
	service_life_reloading(&d->life, false);
	enum err err = service_life_reread(&d->life, &config);
	const struct policy_conf *conf = err ? NULL : config_section(config, NAME);
	if (!err && !conf)
		err = ERR_CONFIG;
	if (!err)
		err = obey(d, conf);
	if (!err) {
		service_life_adopt(&d->life, TAKE(config));
		neighbour_table_set(&d->neighbours, conf->neighbours);
		if (!maker_is_busy(&d->maker))
			idle(d);
		log_info("reloaded");
	}
	config_free(config);
	service_life_reloading(&d->life, true);
	control_event(d->life.control, err ? "reload refused" : "reloaded", NULL);
	if (reply && err)
		control_reply_error(reply, 409, "the configuration is refused; the log says why");
	else if (reply)
		control_reply_json(reply, 200, json_pack("{s:b}", "reloaded", 1));
}

static void hangup(void *arg)
{
	policy_reload(arg, NULL);
}

/* --- start and end --- */

struct read_paths {
	const char *list[READ_PATHS_MAX + 1];
	char *folders[READ_PATHS_MAX]; /* owned */
	size_t n, folders_n;
};

static void read_paths_done(struct read_paths *p)
{
	for (size_t i = 0; i < p->folders_n; i++)
		free(p->folders[i]);
}

/* A file may be replaced by another one of its name: its folder. */
static void add_folder(struct read_paths *p, const char *path)
{
	char *folder = path && p->n < READ_PATHS_MAX ? file_folder(path) : NULL;
	if (folder)
		p->list[p->n++] = p->folders[p->folders_n++] = folder;
}

static void read_paths_fill(const struct policy_conf *conf, struct read_paths *p)
{
	const struct policy_list_conf *lists = conf->lists.items;
	*p = (struct read_paths){0};
	add_folder(p, conf->ca);
	add_folder(p, fetch_system_authorities()); /* a list that a reload brings may want it */
	for (size_t i = 0; i < conf->lists.n; i++)
		add_folder(p, lists[i].file);
}

/* Whoever was killed while it wrote has left a part. */
static enum err clean(void *arg, const char *name)
{
	const struct desk *d = arg;
	char path[4096];
	size_t len = strlen(name);
	bool part = len > 4 && strcmp(name + len - 4, ".new") == 0;
	bool list = strncmp(name, "list-", 5) == 0;
	part = part ||
	       strncmp(name, POLICY_FILE_COMPILED ".", strlen(POLICY_FILE_COMPILED ".")) == 0 ||
	       strncmp(name, POLICY_FILE_PAUSES ".", strlen(POLICY_FILE_PAUSES ".")) == 0;
	(void)snprintf(path, sizeof(path), "%s/%s", service_life_state(&d->life), name);
	for (size_t i = 0; list && !part && i < d->lists.n; i++)
		list = strcmp(d->lists.items[i]->path, path) != 0;
	if (list || part)
		(void)unlink(path);
	return OK;
}

static enum err open_all(struct desk *d)
{
	const struct policy_conf *conf = conf_of(d);
	AUTO_DONE(read_paths_done) struct read_paths paths;
	read_paths_fill(conf, &paths);
	neighbour_table_open(&d->neighbours);
	d->life.reads_states = policy_follow_states;
	TRY(service_life_sandbox(&d->life, paths.list));
	TRY(service_life_signals(&d->life));
	loop_timer_init(&d->again, try_again, d);
	TRY(maker_begin(&d->maker, &d->life.loop, idle, d));
	const char *folder = service_life_state(&d->life);
	lists_init(&d->lists, &d->life.loop, &d->maker, folder);
	d->lists.changed = lists_changed;
	d->lists.arg = d;
	TRY(pauses_init(&d->pauses, folder));
	TRY(policy_follow_new(&d->life.loop, folder, held_changed, d, &d->follow));
	if (d->held) {
		struct policy_facts facts;
		policy_facts(policy_held_policy(d->held), &facts);
		d->generation = facts.generation;
		pauses_take(&d->pauses, policy_held_policy(d->held), policy_held_pauses(d->held),
			    clock_wall_s());
	}
	TRY(obey(d, conf));
	TRY(dir_list(folder, clean, d));
	neighbour_table_begin(&d->neighbours, &d->life.loop, folder, conf->neighbours);
	return OK;
}

static enum err live(struct desk *d, int *ret_status)
{
	TRY(open_all(d));
	policy_control_face(d, &d->face);
	TRY(service_life_control(&d->life, &d->face));
	/* What the configuration says, and what is kept, holds before anything is fetched. */
	make_begin(d);
	d->life.reload = hangup;
	d->life.arg = d;
	*ret_status = service_life_run(&d->life);
	return OK;
}

static void desk_free(struct desk *d)
{
	maker_end(&d->maker);
	loop_timer_cancel(&d->life.loop, &d->again);
	lists_done(&d->lists);
	pauses_done(&d->pauses);
	neighbour_table_done(&d->neighbours);
	policy_follow_free(d->follow);
	policy_held_unref(d->held);
	compile_free(d->runs);
	compile_free(d->made);
	service_life_done(&d->life);
	free(d);
}

static int run(const struct service_start *start)
{
	struct desk *d = calloc(1, sizeof(*d));
	int status = 1;
	if (!d)
		return 1;
	d->neighbours.kernel.fd = -1;
	enum err err = service_life_begin(&d->life, start);
	bool begun = !err;
	if (!err)
		err = live(d, &status);
	if (begun && err)
		log_error("the service ends", LOG_ERR(err));
	desk_free(d);
	return err == ERR_CONFIG ? 2 : err ? 1 : status;
}

const struct service policy_service = {
	.name = NAME,
	.summary = "who may reach what: fetches lists and makes the file by which others decide",
	.schema = &policy_conf_map,
	.keeps_state = keeps_state,
	.shares = shares,
	.plan = plan,
	.advise = advise,
	.run = run,
};
