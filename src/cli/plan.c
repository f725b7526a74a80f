/* gatehouse plan -c FILE: what the supervisor must open and start, as fixed-size records on stdout
 * (--json: as JSON for people). Runs unprivileged for a moment, and is the only part of `gatehouse
 * run` that reads the file. */
#include "cli/commands.h"

#include "cli/load.h"
#include "cli/services.h"
#include "config/config.h"
#include "config/global.h"
#include "control/control_group.h"
#include "os/sandbox.h"
#include "os/user.h"
#include "proto/ip/prefix.h"
#include "supervisor/plan.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Started by root, the services become this user: he must be there before the first tries. */
static int user_check(const struct config *config, const char *path)
{
	const struct config_global *global = config_global(config);
	struct user found;
	if (!global->sandbox || strcmp(global->user, SANDBOX_USER_DEFAULT) == 0 ||
	    user_find(global->user, &found) != ERR_ABSENT)
		return EXIT_OK;
	return command_misused("Make it, or name another one with `global: {user: NAME}`.",
			       "%s: there is no user '%s'", path, global->user);
}

/* The group that may use the control sockets; PLAN_OWNER_SELF: none. */
static int group_check(const struct config *config, const char *path, const char *default_user,
		       uint32_t *ret_gid)
{
	const struct config_global *global = config_global(config);
	*ret_gid = PLAN_OWNER_SELF;
	switch (control_group_find(global, default_user, ret_gid)) {
	case OK: return EXIT_OK;
	case ERR_REFUSED:
		return command_misused(
			"Name a group of people with `global: {control-group: NAME}`.",
			"%s: the services themselves run as the group '%s'", path,
			global->control_group);
	default:
		return command_misused("Make it, or name another one with `global: "
				       "{control-group: NAME}`.",
				       "%s: there is no group '%s'", path, global->control_group);
	}
}

/* A directory for whom the service will be. user NULL: the supervisor's. */
static enum err plan_folder(struct plan *p, enum plan_kind kind, const char *path,
			    const struct service *s, const char *user)
{
	struct user owner = {.uid = PLAN_OWNER_SELF, .gid = PLAN_OWNER_SELF};
	if (user)
		TRY(sandbox_user_find(user, &owner));
	return plan_add_folder(p, s->name, kind, path, owner.uid, owner.gid);
}

/* Of a service that keeps files or pins. */
static enum err plan_own(struct plan *p, enum plan_kind kind, const char *above,
			 const struct service *s, const char *user)
{
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/%s", above, s->name);
	return plan_folder(p, kind, path, s, user);
}

static enum err plan_shared(struct plan *p, const char *state, const struct service *s,
			    const char *user)
{
	char path[4096];
	for (const char *const *name = s->shares; name && *name; name++) {
		(void)snprintf(path, sizeof(path), "%s/%s", state, *name);
		TRY(plan_folder(p, PLAN_SHARED, path, s, user));
	}
	return OK;
}

/* Sockets between services, from the record `first` on, are for whom they run as. */
static enum err services_group_fill(struct plan *p, size_t first, const char *user)
{
	struct user services = {.gid = PLAN_OWNER_SELF};
	for (size_t i = first; i < p->n; i++) {
		if (p->records[i].kind != PLAN_UNIX || p->records[i].gid != PLAN_GROUP_SERVICES)
			continue;
		if (user)
			TRY(sandbox_user_find(user, &services));
		p->records[i].gid = services.gid;
	}
	return OK;
}

static enum err plan_one(struct plan *p, const struct config *config, const struct service *s,
			 const char *default_user, uint32_t control_gid)
{
	const struct config_global *global = config_global(config);
	const void *conf = config_section(config, s->name);
	char path[4096];
	if (!conf)
		return OK;
	(void)snprintf(path, sizeof(path), "%s/%s.sock", global->run, s->name);
	const char *user =
		strcmp(global->user, SANDBOX_USER_DEFAULT) == 0 ? default_user : global->user;
	if (!global->sandbox)
		user = NULL;
	TRY(plan_add_service(p, s->name, user));
	TRY(plan_add_unix(p, s->name, "control", path, control_gid));
	if (s->keeps_state && s->keeps_state(conf))
		TRY(plan_own(p, PLAN_STATE, global->state, s, user));
	TRY(plan_shared(p, global->state, s, user));
	if (s->pins_bpf && s->pins_bpf(conf))
		TRY(plan_own(p, PLAN_BPF, global->bpf, s, user));
	const char *folder = s->folder ? s->folder(conf) : NULL;
	if (folder)
		TRY(plan_own(p, PLAN_FOLDER, folder, s, user));
	size_t first = p->n;
	TRY(s->plan(conf, global, p));
	return services_group_fill(p, first, user);
}

static json_t *record_json(const struct plan_record *r)
{
	static const char *const kinds[] = {
		[PLAN_SERVICE] = "service", [PLAN_UDP] = "udp",	      [PLAN_TCP] = "tcp",
		[PLAN_UNIX] = "unix",	    [PLAN_PACKET] = "packet", [PLAN_ICMP] = "icmp",
		[PLAN_ICMP6] = "icmp6",	    [PLAN_STATE] = "state",   [PLAN_BPF] = "bpf",
		[PLAN_TUN] = "tun",	    [PLAN_LINK] = "link",     [PLAN_ADDRESS] = "address",
		[PLAN_ROUTE] = "route",	    [PLAN_FOLDER] = "folder", [PLAN_SHARED] = "shared",
		[PLAN_ANEW] = "anew",	    [PLAN_MAPPED] = "mapped"};
	bool folder = plan_is_folder(r);
	json_t *object = json_pack("{s:s,s:s}", "kind", kinds[r->kind], "service", r->service);
	char at[IP_ENDPOINT_TEXT_MAX];
	if (r->kind == PLAN_SERVICE)
		json_object_set_new(object, "user", json_string(r->name));
	else if (r->kind == PLAN_UNIX || r->kind == PLAN_MAPPED || folder)
		json_object_set_new(object, "path", json_string(r->path));
	else if (r->kind == PLAN_UDP || r->kind == PLAN_TCP) {
		(void)ip_endpoint_format(&r->endpoint, at);
		json_object_set_new(object, "at", json_string(at));
		json_object_set_new(object, "copies", json_integer(r->copies));
	}
	if (r->kind == PLAN_TUN || plan_is_of_link(r))
		json_object_set_new(object, "device", json_string(r->path));
	if (r->kind == PLAN_TUN)
		json_object_set_new(object, "queues", json_integer(r->copies));
	if (r->kind == PLAN_LINK)
		json_object_set_new(object, "mtu", json_integer(r->number));
	if (r->kind == PLAN_ADDRESS || r->kind == PLAN_ROUTE) {
		const struct ip_prefix of = {.address = r->endpoint.address,
					     .bits = (uint8_t)r->number};
		char text[IP_PREFIX_TEXT_MAX];
		(void)ip_prefix_format(&of, text);
		json_object_set_new(object, r->kind == PLAN_ROUTE ? "to" : "address",
				    json_string(text));
	}
	if (r->kind == PLAN_UNIX && r->gid != PLAN_OWNER_SELF)
		json_object_set_new(object, "group", json_integer(r->gid));
	if (folder && r->uid != PLAN_OWNER_SELF)
		json_object_set_new(object, "owner", json_integer(r->uid));
	return object;
}

static int plan_write(const struct plan *p, bool json)
{
	if (!json) {
		size_t n = fwrite(p->records, sizeof(*p->records), p->n, stdout);
		return n == p->n && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, record_json(&p->records[i]));
	(void)json_dumpf(list, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	json_decref(list);
	return EXIT_OK;
}

/* Before a byte of text is read: another user, no capabilities, nothing writable. What this user
 * cannot have is left out, as for the services. */
static enum err plan_sandbox(const char *user)
{
	struct sandbox s = {.profile = SANDBOX_PURE, .view = SANDBOX_VIEW_AS_IS, .user = user};
	struct sandbox_report report = {0};
	return sandbox_enter_early(&s, &report);
}

static int plan_run(const struct command_line *line)
{
	const char *path = command_line_value(line, "config");
	struct plan plan = {0};
	struct config *config = NULL;
	uint32_t control_gid = PLAN_OWNER_SELF;
	if (!path)
		return command_misused("Name it with -c FILE.", "plan needs a configuration");
	bool root = user_is_root();
	const char *default_user = sandbox_user_for(SANDBOX_USER_DEFAULT, path);
	enum err e = plan_sandbox(default_user);
	if (e)
		return command_fail(NULL, "the sandbox cannot be entered: %s", err_text(e));
	plan.records = calloc(PLAN_RECORDS_MAX, sizeof(*plan.records));
	if (!plan.records)
		return command_fail(NULL, "out of memory");
	e = load_config(path, &config);
	int status = e == OK ? EXIT_OK : e == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
	if (!e && root)
		status = user_check(config, path);
	if (!e && !status)
		status = group_check(config, path, default_user, &control_gid);
	if (status)
		e = ERR_CONFIG;
	for (const struct service *const *s = service_table; !e && *s; s++) {
		e = plan_one(&plan, config, *s, default_user, control_gid);
		if (e)
			status = command_fail(NULL, "%s: the plan of %s: %s", path, (*s)->name,
					      err_text(e));
	}
	if (!e)
		status = plan_write(&plan, line->json);
	config_free(config);
	free(plan.records);
	return status;
}

static const struct command_option plan_options[] = {{"config", 'c', "FILE", "the configuration"}};

const struct command command_plan = {
	.name = "plan",
	.arguments = "",
	.summary = "Print what 'gatehouse run' would open and start (records; --json to read)",
	.options = plan_options,
	.options_n = sizeof(plan_options) / sizeof(plan_options[0]),
	.run = plan_run,
};
