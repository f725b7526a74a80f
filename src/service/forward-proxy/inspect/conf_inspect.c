#include "service/forward-proxy/inspect/conf_inspect.h"

#include "base/arena.h"
#include "config/times.h"
#include "policy/policy.h"
#include "proxy/auth/basic_auth.h"
#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/access/conf_access.h"
#include "service/forward-proxy/inspect/skip.h"

enum { PREFIXES_MAX = 1024, USERS_MAX = 1024, SKIP_MAX = 65536, NAME_MAX = 253 };

static const char *const revocations[] = {"stapled", "ask", "require", NULL};

static const struct config_key inspect_keys[] = {
	{.name = "groups",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_inspect_conf, groups),
	 .min = 1,
	 .max = POLICY_NAME_MAX,
	 .items_max = POLICY_GROUPS_MAX,
	 .example = "[kids]",
	 .help = "clients that are in one of these groups of the section `policy`; while that is "
		 "not known nobody is"},
	{.name = "users",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_inspect_conf, users),
	 .min = 1,
	 .max = 128,
	 .items_max = USERS_MAX,
	 .example = "[anna]",
	 .help = "these of the users of `access`, `*` for each who has signed in"},
	{.name = "from",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_inspect_conf, from),
	 .items_max = PREFIXES_MAX,
	 .example = "[192.168.7.0/24]",
	 .help = "clients with these addresses"},
	{.name = "times",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_inspect_conf, times),
	 .map = &config_times_map,
	 .items_max = POLICY_WINDOWS_MAX,
	 .help = "tunnels that begin in these hours of the week; always unless set"},
	{.name = "skip",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_inspect_conf, skip),
	 .min = 1,
	 .max = NAME_MAX,
	 .items_max = SKIP_MAX,
	 .example = "[bank.example, health.example]",
	 .help = "names that are never inspected, each with all below it; there are no others than "
		 "these. The sites of banks, of health, of whoever people trust alone belong here, "
		 "and those whose programs take no other authority than their own"},
	{.name = "authorities",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct forward_inspect_conf, authorities),
	 .example = "/etc/ssl/certs/ca-certificates.crt",
	 .help = "a file of those whose certificates servers must show (PEM), those that the "
		 "system trusts unless set"},
	{.name = "revocation",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_inspect_conf, revocation),
	 .choices = revocations,
	 .fallback = "stapled",
	 .help = "how it is found out whether a server's certificate was revoked: by what the "
		 "server brings along (`stapled`), else by the OCSP server that the certificate "
		 "names (`ask`), where no answer within 3 s is no refusal, or is one (`require`). "
		 "One that names none passes, unless it must be stapled (RFC 7633). OCSP servers "
		 "learn by that which sites are gone to"},
};

static void check_skip(const struct forward_inspect_conf *c, struct config_at *at)
{
	for (size_t i = 0; i < c->skip.n; i++) {
		const char *text = ((const char *const *)c->skip.items)[i];
		char room[NAME_MAX + 1];
		struct access_place place;
		if (access_place_read(span_text(text), room, &place) || place.prefix.address.family)
			config_fail_item(at, "skip", i,
					 "'%s' is no name; write one like bank.example", text);
		else if (place.below)
			config_fail_item(at, "skip", i,
					 "a name stands for all below it, too: write '%s'",
					 place.name);
	}
}

static void check_inspect(const void *conf, struct config_at *at)
{
	const struct forward_inspect_conf *c = conf;
	if (!c->groups.n && !c->users.n && !c->from.n)
		config_fail(
			at, NULL,
			"whose TLS is to be inspected? Write `groups`, `users`, `from`, or several "
			"of them, of which all must fit");
	check_skip(c, at);
}

const struct config_map forward_inspect_map = {
	.help = "Whose TLS is decrypted: all that is given must fit",
	.size = sizeof(struct forward_inspect_conf),
	CONFIG_KEYS(inspect_keys),
	.check = check_inspect,
	.example = "{groups: [kids], skip: [bank.example]}",
};

static enum err skip_of(struct arena *a, const struct config_list *list, struct inspect_skip *ret)
{
	struct span *names = ARENA_ARRAY(a, struct span, list->n + 1);
	if (!names)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		struct span text = span_text(((const char *const *)list->items)[i]);
		struct access_place place;
		char *room = arena_alloc(a, text.len + 1, 1);
		if (!room)
			return (enum err)ENOMEM;
		TRY(access_place_read(text, room, &place));
		names[i] = span_text(place.name);
	}
	return inspect_skip_new(a, names, list->n, ret);
}

/* As a rule of `access` that allows, with nobody else allowed: what groups, users and hours mean
 * stands in one place. */
enum err forward_inspect_rules(struct arena *a, const struct forward_inspect_conf *c,
			       struct access_rules *ret_rules, struct inspect_skip *ret_skip)
{
	struct forward_rule_conf *rule = ARENA_NEW(a, struct forward_rule_conf);
	struct auth_users nobody;
	if (!rule)
		return (enum err)ENOMEM;
	*rule = (struct forward_rule_conf){.action = ACCESS_ALLOW,
					   .from = c->from,
					   .groups = c->groups,
					   .users = c->users,
					   .times = c->times};
	const struct forward_access_conf rules = {.rules = {.items = rule, .n = 1},
						  .otherwise = ACCESS_OTHERWISE_DENY};
	TRY(forward_access_rules(a, &rules, ret_rules, &nobody));
	return skip_of(a, &c->skip, ret_skip);
}
