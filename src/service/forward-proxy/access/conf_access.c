#include "service/forward-proxy/access/conf_access.h"

#include "base/arena.h"
#include "config/times.h"
#include "policy/path.h"
#include "policy/policy.h"
#include "proto/http/token.h"
#include "proxy/auth/basic_auth.h"
#include "proxy/auth/conf_user.h"
#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/access/destination.h"

enum { RULES_MAX = 1024, PORTS_MAX = 256, PORTS_TEXT = 11 };

static const char *const actions[] = {"allow", "deny", NULL};
static const char *const otherwises[] = {"allow", "sign-in", "deny", NULL};

static const struct config_key rule_keys[] = {
	{.name = "action",
	 .type = CONFIG_CHOICE,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct forward_rule_conf, action),
	 .choices = actions,
	 .example = "deny",
	 .help = "what becomes of requests that this rule fits"},
	{.name = "from",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_rule_conf, from),
	 .items_max = FORWARD_RULE_PREFIXES_MAX,
	 .example = "[192.168.7.0/24]",
	 .help = "clients with these addresses; anybody unless set"},
	{.name = "groups",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_rule_conf, groups),
	 .min = 1,
	 .max = POLICY_NAME_MAX,
	 .items_max = POLICY_GROUPS_MAX,
	 .example = "[kids]",
	 .help = "clients that are in one of these groups of the section `policy`; while that is "
		 "not "
		 "known a rule that denies fits, and one that allows does not"},
	{.name = "times",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_rule_conf, times),
	 .map = &config_times_map,
	 .items_max = POLICY_WINDOWS_MAX,
	 .help = "in these hours of the week only"},
	{.name = "users",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_rule_conf, users),
	 .min = 1,
	 .max = 128,
	 .items_max = FORWARD_RULE_USERS_MAX,
	 .example = "[anna]",
	 .help = "these of `users`, `*` for each of them; who has not signed in is asked to, when "
		 "all else of the rule fits"},
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_rule_conf, to),
	 .min = 1,
	 .max = 255,
	 .items_max = FORWARD_RULE_PLACES_MAX,
	 .example = "[example.org, \"*.example.org\", 198.51.100.0/24]",
	 .help = "names (`*.example.org` is all below `example.org`, not itself) and prefixes; to "
		 "`deny`, one of a name's addresses in a prefix is enough; to `allow`, all must "
		 "be"},
	{.name = "ports",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_rule_conf, ports),
	 .min = 1,
	 .max = PORTS_TEXT,
	 .items_max = PORTS_MAX,
	 .example = "[443, 8000-8999]",
	 .help = "ports of the destination"},
	{.name = "paths",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_rule_conf, paths),
	 .min = 1,
	 .max = POLICY_PATH_MAX,
	 .items_max = FORWARD_RULE_PATHS_MAX,
	 .example = "[/ads/, \"/a*.exe|\", \"~^/[0-9]+/\"]",
	 .help = "paths, with the query, in whatever case: what they begin with, `*` for any "
		 "octets, "
		 "`^` for the end of a word, `|` at the end for the end; with `~` before it a "
		 "regular expression, in which case counts. A path is seen in http and in TLS that "
		 "is inspected; a "
		 "tunnel "
		 "fits no rule with paths"},
	{.name = "reason",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_rule_conf, reason),
	 .min = 1,
	 .max = 255,
	 .example = "\"not during lessons\"",
	 .help = "for people who are refused"},
};

static void check_ports(struct config_at *at, const char *key, const struct config_list *list)
{
	struct access_ports ports;
	for (size_t i = 0; i < list->n; i++) {
		const char *text = ((const char *const *)list->items)[i];
		if (!access_ports_read(span_text(text), &ports))
			config_fail_item(at, key, i,
					 "'%s' is no port; write 443, or 8000-8999 for several",
					 text);
	}
}

static void check_places(struct config_at *at, const struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *text = ((const char *const *)list->items)[i];
		char room[256];
		struct access_place place;
		enum err e = access_place_read(span_text(text), room, &place);
		if (e == ERR_REFUSED)
			config_fail_item(at, "to", i,
					 "'%s' has bits beyond the length of its prefix", text);
		else if (e)
			config_fail_item(at, "to", i,
					 "'%s' is no place; write a name, *.NAME or a prefix",
					 text);
	}
}

static void check_paths(struct config_at *at, const struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *text = ((const char *const *)list->items)[i];
		uint8_t room[POLICY_PATH_MAX];
		char wrong[REGEX_WRONG_MAX] = "no memory";
		struct access_path path;
		enum err e = access_path_read(span_text(text), room, &path, wrong);
		if (!e)
			access_paths_done(&path, 1);
		else if (text[0] == '~')
			config_fail_item(at, "paths", i, "'%s' is no regular expression: %s",
					 text + 1, wrong);
		else
			config_fail_item(at, "paths", i,
					 "'%s' is no path; write one like /ads/, /a*.exe| or "
					 "~^/ads/[0-9]+, with at most %d stars",
					 text, POLICY_PATH_STARS_MAX);
	}
}

void forward_rule_check(const struct forward_rule_conf *c, struct config_at *at)
{
	check_places(at, &c->to);
	check_paths(at, &c->paths);
	check_ports(at, "ports", &c->ports);
}

static void check_rule(const void *conf, struct config_at *at)
{
	const struct forward_rule_conf *c = conf;
	forward_rule_check(c, at);
	if (c->reason && c->action == ACCESS_ALLOW)
		config_fail(at, "reason", "nobody is refused by a rule that allows");
}

static const struct config_map rule_map = {
	.help = "A rule: all that is given must fit",
	.size = sizeof(struct forward_rule_conf),
	CONFIG_KEYS(rule_keys),
	.check = check_rule,
	.example = "{action: deny, from: 192.168.7.0/24, to: [\"*.example.org\"]}",
};

static const char *const vpn_users[] = {[FORWARD_VPN_NO] = "no",
					[FORWARD_VPN_PASSWORD] = "password",
					[FORWARD_VPN_CODE] = "code",
					NULL};

static const struct config_key access_keys[] = {
	{.name = "users",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct forward_access_conf, users),
	 .map = &proxy_user_map,
	 .items_max = PROXY_USERS_MAX,
	 .help = "who may sign in (RFC 7617), by name, with the records of their passwords"},
	{.name = "vpn-users",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_access_conf, vpn_users),
	 .choices = vpn_users,
	 .fallback = "no",
	 .help = "the users of the section `vpn` (`serve-users: yes` there) are users here as "
		 "well: "
		 "`password`, by name and password; `code`, with the six digits of their app "
		 "right behind the password. Who has signed in at the page of a tunnel is that "
		 "user at its address, without a password. Wrong ones are counted there too"},
	{.name = "realm",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_access_conf, realm),
	 .min = 1,
	 .max = 128,
	 .fallback = "proxy",
	 .help = "what a browser shows where it asks for a name and a password"},
	{.name = "clear-passwords",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_access_conf, clear_passwords),
	 .fallback = "no",
	 .help = "passwords are asked for on connections without TLS too, where whoever is on the "
		 "way reads them; else what needs one is refused there"},
	{.name = "rules",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_access_conf, rules),
	 .map = &rule_map,
	 .items_max = RULES_MAX,
	 .help = "the first that fits decides"},
	{.name = "otherwise",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_access_conf, otherwise),
	 .choices = otherwises,
	 .fallback = "allow",
	 .help = "what holds where no rule fits; `sign-in`: whoever signs in may"},
};

static void check_users(const struct forward_access_conf *c, struct config_at *at)
{
	const struct forward_rule_conf *rules = c->rules.items;
	const struct proxy_user_conf *users = c->users.items;
	for (size_t i = 0; i < c->rules.n; i++)
		for (size_t k = 0; k < rules[i].users.n; k++) {
			const char *name = ((const char *const *)rules[i].users.items)[k];
			const struct config_step steps[] = {{"rules", i}, {"users", k}};
			bool found = (strcmp(name, "*") == 0 && c->users.n) || c->vpn_users;
			for (size_t u = 0; u < c->users.n && !found; u++)
				found = strcmp(users[u].name, name) == 0;
			if (!found)
				config_fail_inside(at, steps, 2, "there is no user '%s' in `users`",
						   name);
		}
	if (c->otherwise == ACCESS_OTHERWISE_SIGN_IN && c->users.n == 0 && !c->vpn_users)
		config_fail(at, "otherwise", "nobody can sign in: there are no `users`");
}

static void check_access(const void *conf, struct config_at *at)
{
	const struct forward_access_conf *c = conf;
	check_users(c, at);
	if (strpbrk(c->realm, "\"\\") || !http_is_field_value(span_text(c->realm)))
		config_fail(at, "realm", "no quotes, backslashes or control bytes");
}

const struct config_map forward_access_map = {
	.help = "Who may go where, of those who may use the proxy at all",
	.size = sizeof(struct forward_access_conf),
	CONFIG_KEYS(access_keys),
	.check = check_access,
	.example = "{rules: {action: deny, to: [example.org, \"*.example.org\"]}}",
};

/* ---- from the configuration to what is asked at run time ---- */

/* Each was judged by check_ports. */
static enum err ports_of(struct arena *a, const struct config_list *list,
			 const struct access_ports **ret, size_t *ret_n)
{
	struct access_ports *made = ARENA_ARRAY(a, struct access_ports, list->n + 1);
	if (!made)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		(void)access_ports_read(span_text(((const char *const *)list->items)[i]), &made[i]);
	*ret = made;
	*ret_n = list->n;
	return OK;
}

static enum err times_of(struct arena *a, const struct config_list *list,
			 const struct policy_schedule **ret)
{
	const struct config_times *times = list->items;
	struct policy_schedule *made = list->n ? ARENA_NEW(a, struct policy_schedule) : NULL;
	if (list->n && !made)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		const struct config_window w = config_times_read(&times[i]);
		made->windows[made->windows_n++] = (struct policy_window){w.days, w.from, w.to};
	}
	*ret = made;
	return OK;
}

static enum err paths_of(struct arena *a, const struct config_list *list, struct access_rule *ret)
{
	struct access_path *made = ARENA_ARRAY(a, struct access_path, list->n + 1);
	if (!made)
		return (enum err)ENOMEM;
	ret->paths = made;
	for (size_t i = 0; i < list->n; i++) {
		struct span text = span_text(((const char *const *)list->items)[i]);
		uint8_t *room = arena_alloc(a, POLICY_PATH_MAX, 1);
		if (!room)
			return (enum err)ENOMEM;
		TRY(access_path_read(text, room, &made[i], NULL));
		ret->paths_n++;
	}
	return OK;
}

static enum err places_of(struct arena *a, const struct config_list *list, struct access_rule *ret)
{
	struct access_place *places = ARENA_ARRAY(a, struct access_place, list->n + 1);
	if (!places)
		return (enum err)ENOMEM;
	ret->to = places;
	ret->to_n = list->n;
	for (size_t i = 0; i < list->n; i++) {
		struct span text = span_text(((const char *const *)list->items)[i]);
		char *room = arena_alloc(a, text.len + 1, 1);
		if (!room)
			return (enum err)ENOMEM;
		TRY(access_place_read(text, room, &places[i]));
	}
	return OK;
}

enum err forward_rule(struct arena *a, const struct forward_rule_conf *c, struct access_rule *ret)
{
	*ret = (struct access_rule){.action = (enum access_action)c->action,
				    .from = c->from.items,
				    .from_n = c->from.n,
				    .groups = c->groups.items,
				    .groups_n = c->groups.n,
				    .users = c->users.items,
				    .users_n = c->users.n,
				    .reason = c->reason};
	TRY(places_of(a, &c->to, ret));
	TRY(paths_of(a, &c->paths, ret));
	TRY(times_of(a, &c->times, &ret->times));
	return ports_of(a, &c->ports, &ret->ports, &ret->ports_n);
}

void forward_rule_done(const struct access_rule *rule)
{
	access_paths_done(rule->paths, rule->paths_n);
}

void forward_access_rules_done(const struct access_rules *r)
{
	for (size_t i = 0; i < r->rules_n; i++)
		forward_rule_done(&r->rules[i]);
}

enum err forward_access_rules(struct arena *a, const struct forward_access_conf *c,
			      struct access_rules *ret, struct auth_users *ret_users)
{
	const struct forward_rule_conf *rules = c->rules.items;
	const struct proxy_user_conf *users = c->users.items;
	struct access_rule *made = ARENA_ARRAY(a, struct access_rule, c->rules.n + 1);
	struct auth_user *people = ARENA_ARRAY(a, struct auth_user, c->users.n + 1);
	struct access_rules r = {.rules = made,
				 .otherwise = (enum access_otherwise)c->otherwise,
				 .clear_passwords = c->clear_passwords};
	if (!made || !people)
		return (enum err)ENOMEM;
	*ret = r;
	for (size_t i = 0; i < c->rules.n; i++) {
		ret->rules_n = i + 1;
		ret->paths = ret->paths || rules[i].paths.n;
		TRY(forward_rule(a, &rules[i], &made[i]));
	}
	for (size_t i = 0; i < c->users.n; i++)
		people[i] = (struct auth_user){users[i].name, users[i].password};
	*ret_users = (struct auth_users){people, c->users.n};
	return OK;
}
