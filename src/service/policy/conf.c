#include "service/policy/conf.h"

#include "config/times.h"
#include "fetch/url.h" /* why-include: no I/O; what is fetched is read by the same */
#include "policy/safe_search.h"

#define LINE_MAX_LEN 1024
#define URL_MAX	     2048

static const char *const action_choices[] = {[POLICY_BLOCK] = "block",
					     [POLICY_ALLOW] = "allow",
					     [POLICY_SAFE_SEARCH] = "safe-search",
					     NULL};

size_t policy_conf_find(const struct config_list *list, size_t size, const char *name)
{
	const char *at = list->items;
	size_t i = 0;
	for (; i < list->n; i++, at += size) {
		const char *other = *(const char *const *)(const void *)at;
		if (strcmp(other, name) == 0)
			break;
	}
	return i;
}

/* --- groups --- */

#define ENTRY_NAME(structure, what)                                                                \
	{                                                                                          \
		.name = "name", .type = CONFIG_TEXT, .flags = CONFIG_ENTRY_NAME,                   \
		CONFIG_FIELD(structure, name), .min = 1, .max = POLICY_NAME_MAX, .help = what      \
	}

static const struct config_key group_keys[] = {
	ENTRY_NAME(struct policy_group_conf, "the group"),
	{.name = "clients",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct policy_group_conf, clients),
	 .map = &policy_conf_clients_map,
	 .help = "who is in it"},
	{.name = "except",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct policy_group_conf, except),
	 .map = &policy_conf_clients_map,
	 .help = "who is not, whatever `clients` says"},
};

static size_t clients_n(const struct policy_clients_conf *c)
{
	return c->addresses.n + c->macs.n + c->leases.n + c->peers.n + c->users.n;
}

static void check_group(const void *conf, struct config_at *at)
{
	const struct policy_group_conf *c = conf;
	if (clients_n(&c->clients) == 0)
		config_fail(at, "clients",
			    "nobody is in this group; write `clients: {addresses: [0.0.0.0/0, "
			    "\"::/0\"]}` for everybody but those in `except`");
}

static const struct config_map group_map = {
	.help = "A group of clients; a client may be in several",
	.size = sizeof(struct policy_group_conf),
	CONFIG_KEYS(group_keys),
	.check = check_group,
	.example = "{clients: {addresses: [192.168.7.0/24]}, except: {users: [alice]}}",
};

/* --- lists --- */

static const struct config_key list_keys[] = {
	ENTRY_NAME(struct policy_list_conf, "the list"),
	{.name = "url",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct policy_list_conf, url),
	 .min = 1,
	 .max = URL_MAX,
	 .example = "https://lists.example/ads.txt",
	 .help = "where it is fetched from; what was fetched last is kept and used until the next "
		 "time that all went well"},
	{.name = "file",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct policy_list_conf, file),
	 .example = "lists/own.txt",
	 .help = "a file of this machine, read anew when it was changed"},
	{.name = "lines",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct policy_list_conf, lines),
	 .min = 1,
	 .max = LINE_MAX_LEN,
	 .example = "[\"||ads.example^\", \"@@||good.ads.example^\"]",
	 .help = "the lines themselves"},
	{.name = "subdomains",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct policy_list_conf, subdomains),
	 .fallback = "off",
	 .help = "plain names, and those of hosts files, stand for all names below them too; "
		 "Adblock "
		 "lines say that themselves"},
	{.name = "refresh",
	 .type = CONFIG_DURATION,
	 .flags = CONFIG_NARROWER,
	 CONFIG_FIELD(struct policy_list_conf, refresh_ms),
	 CONFIG_PRESENT(struct policy_list_conf, refresh_own),
	 .min = 60 * 1000,
	 .max = INT64_C(30) * 86400 * 1000,
	 .example = "6h",
	 .help = "how often this list is fetched"},
	{.name = "size-max",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct policy_list_conf, size_max),
	 .fallback = "64M",
	 .min = 1024,
	 .max = INT64_C(1) << 30,
	 .help = "a longer text is refused, and the last one stays"},
};

static void check_list(const void *conf, struct config_at *at)
{
	const struct policy_list_conf *c = conf;
	struct policy_line l;
	struct fetch_url url;
	const char *const *lines = c->lines.items;
	if ((c->url != NULL) + (c->file != NULL) + (c->lines.n != 0) != 1)
		config_fail(at, NULL, "write one of url, file and lines");
	enum err e = c->url ? fetch_url_read(span_text(c->url), &url) : OK;
	if (e == ERR_UNSUPPORTED)
		config_fail(at, "url", "'%s' begins with neither https:// nor http://", c->url);
	else if (e)
		config_fail(at, "url",
			    "'%s' is no URL; write one like https://lists.example/ads.txt", c->url);
	if (c->refresh_own && !c->url)
		config_fail(at, "refresh", "only what has a url is fetched");
	for (size_t i = 0; i < c->lines.n; i++) {
		enum policy_line_kind kind = policy_line_read(span_text(lines[i]), &l);
		if (kind != POLICY_LINE_RULE && kind != POLICY_LINE_EMPTY)
			config_fail_item(
				at, "lines", i,
				"'%s' is no rule about names; write one like ||example.org^ or "
				"||example.org/ads/",
				lines[i]);
	}
}

static const struct config_map list_map = {
	.help = "A list of names: a hosts file, a plain list of domains or addresses, or the rules "
		"of an Adblock list that are about names, or about paths at a name",
	.size = sizeof(struct policy_list_conf),
	CONFIG_KEYS(list_keys),
	.check = check_list,
	.example = "{url: \"https://lists.example/ads.txt\"}",
};

/* --- schedules --- */

static const struct config_key schedule_keys[] = {
	ENTRY_NAME(struct policy_schedule_conf, "the schedule"),
	{.name = "times",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST | CONFIG_REQUIRED,
	 CONFIG_FIELD(struct policy_schedule_conf, times),
	 .map = &config_times_map,
	 .items_min = 1,
	 .items_max = POLICY_WINDOWS_MAX,
	 .help = "it holds in any of these"},
};

static const struct config_map schedule_map = {
	.help = "Hours of the week",
	.size = sizeof(struct policy_schedule_conf),
	CONFIG_KEYS(schedule_keys),
	.example = "{times: [{from: \"21:00\", to: \"06:30\"}]}",
};

/* --- rules --- */

static const struct config_key rule_keys[] = {
	{.name = "groups",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct policy_rule_conf, groups),
	 .items_max = POLICY_GROUPS_MAX,
	 .example = "[kids]",
	 .help = "for whom it holds; everybody unless set"},
	{.name = "action",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct policy_rule_conf, action),
	 .choices = action_choices,
	 .fallback = "block",
	 .help = "`block` what the lists name, but for their exceptions; `allow` it, whatever "
		 "other "
		 "lists say; or `safe-search`: search engines are asked for clean results"},
	{.name = "lists",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct policy_rule_conf, lists),
	 .items_max = POLICY_LISTS_MAX,
	 .example = "[ads, gambling]",
	 .help = "the lists that it is about"},
	{.name = "names",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct policy_rule_conf, names),
	 .min = 1,
	 .max = LINE_MAX_LEN,
	 .example = "[\"||games.example^\"]",
	 .help = "lines as in a list, for this rule alone"},
	{.name = "engines",
	 .type = CONFIG_CHOICE,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct policy_rule_conf, engines),
	 .choices = policy_engine_names,
	 .example = "[google, bing, duckduckgo]",
	 .help = "the search engines of `safe-search`; all unless set, YouTube strictly"},
	{.name = "schedule",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct policy_rule_conf, schedule),
	 .example = "night",
	 .help = "when it holds; always unless set"},
	{.name = "reason",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct policy_rule_conf, reason),
	 .max = POLICY_REASON_MAX,
	 .example = "\"No games at night; ask Alice.\"",
	 .help = "what those are told who are refused, where something can be told"},
};

static void check_rule(const void *conf, struct config_at *at)
{
	const struct policy_rule_conf *c = conf;
	const char *const *names = c->names.items;
	struct policy_line l;
	bool safe = c->action == POLICY_SAFE_SEARCH;
	if (safe && (c->lists.n || c->names.n))
		config_fail(at, c->lists.n ? "lists" : "names",
			    "safe-search is about engines, not about lists");
	if (!safe && c->engines.n)
		config_fail(at, "engines", "only `action: safe-search` has engines");
	if (!safe && !c->lists.n && !c->names.n)
		config_fail(at, NULL, "write which lists or names it is about");
	for (size_t i = 0; i < c->names.n; i++)
		if (policy_line_read(span_text(names[i]), &l) != POLICY_LINE_RULE)
			config_fail_item(
				at, "names", i,
				"'%s' is no rule about names; write one like ||example.org^ or "
				"||example.org/ads/",
				names[i]);
}

static const struct config_map rule_map = {
	.help = "What holds for whom, and when",
	.size = sizeof(struct policy_rule_conf),
	CONFIG_KEYS(rule_keys),
	.check = check_rule,
	.example = "{groups: [kids], lists: [games], schedule: night}",
};

/* --- the section --- */

static const struct config_key policy_keys[] = {
	{.name = "groups",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct policy_conf, groups),
	 .map = &group_map,
	 .items_max = POLICY_GROUPS_MAX,
	 .help = "groups of clients"},
	{.name = "lists",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct policy_conf, lists),
	 .map = &list_map,
	 .items_max = POLICY_LISTS_MAX,
	 .help = "lists of names"},
	{.name = "schedules",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct policy_conf, schedules),
	 .map = &schedule_map,
	 .items_max = POLICY_SCHEDULES_MAX,
	 .help = "hours of the week"},
	{.name = "rules",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct policy_conf, rules),
	 .map = &rule_map,
	 .items_max = POLICY_RULES_MAX,
	 .help = "what holds for whom. All rules of all groups of a client hold at once: a list "
		 "that "
		 "is allowed wins over all, then exceptions with $important, then what is blocked "
		 "with $important, then exceptions, then what is blocked"},
	{.name = "time-zone",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct policy_conf, time_zone),
	 .min = 1,
	 .max = 64,
	 .example = "Europe/Berlin",
	 .help = "of the schedules, by its name in /usr/share/zoneinfo; this machine's unless set"},
	{.name = "resolver",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct policy_conf, resolver),
	 .port = 53,
	 .items_min = 1,
	 .items_max = POLICY_RESOLVERS_MAX,
	 .fallback = "127.0.0.1",
	 .help = "who is asked for the servers of lists, the next when one is silent"},
	{.name = "ca",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct policy_conf, ca),
	 .example = "/etc/gatehouse/site-ca.pem",
	 .help = "file of the certificates by one of which the servers of lists must be signed "
		 "(PEM); unless set, those that the system trusts; read anew by a reload"},
	{.name = "refresh",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct policy_conf, refresh_ms),
	 .fallback = "1d",
	 .min = 60 * 1000,
	 .max = INT64_C(30) * 86400 * 1000,
	 .help = "how often lists are fetched"},
	{.name = "neighbours",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct policy_conf, neighbours),
	 .fallback = "on",
	 .help = "whether hosts of attached networks are known by the hardware address with which "
		 "they speak: so groups hold for addresses without a lease, as of IPv6, and a "
		 "host that takes an address of another's lease is not taken for it. Off where a "
		 "repeater speaks in the name of many hosts: then leases alone tell"},
	{.name = "lines-max",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct policy_conf, lines_max),
	 .fallback = "4000000",
	 .min = 1,
	 .max = POLICY_BUILD_RULES_MAX,
	 .help = "lines of all lists together that are taken; what is beyond is left out and told"},
};

static void check_named(size_t rule, const char *key, const struct config_list *words,
			const struct config_list *known, size_t size, struct config_at *at)
{
	const char *const *word = words->items;
	for (size_t i = 0; i < words->n; i++) {
		struct config_step steps[2] = {{"rules", rule}, {key, i}};
		if (policy_conf_find(known, size, word[i]) == known->n)
			config_fail_inside(at, steps, 2, "there is no '%s' among the %s", word[i],
					   key);
	}
}

static void check_policy(const void *conf, struct config_at *at)
{
	const struct policy_conf *c = conf;
	const struct policy_rule_conf *rules = c->rules.items;
	const struct policy_group_conf *groups = c->groups.items;
	size_t lists = c->lists.n, members = 0;
	for (size_t i = 0; i < c->groups.n; i++)
		members += clients_n(&groups[i].clients) + clients_n(&groups[i].except);
	if (members > POLICY_MEMBERS_MAX)
		config_fail(at, "groups", "they name %zu clients; %d are the most", members,
			    POLICY_MEMBERS_MAX);
	for (size_t i = 0; i < c->rules.n; i++) {
		struct config_step steps[2] = {{"rules", i}, {"schedule", 0}};
		check_named(i, "groups", &rules[i].groups, &c->groups,
			    sizeof(struct policy_group_conf), at);
		check_named(i, "lists", &rules[i].lists, &c->lists, sizeof(struct policy_list_conf),
			    at);
		if (rules[i].schedule &&
		    policy_conf_find(&c->schedules, sizeof(struct policy_schedule_conf),
				     rules[i].schedule) == c->schedules.n)
			config_fail_inside(at, steps, 2, "there is no '%s' among the schedules",
					   rules[i].schedule);
		lists += rules[i].names.n != 0;
	}
	if (lists > POLICY_LISTS_MAX)
		config_fail(at, "rules",
			    "with the lists there are %zu places of names; %d are the most", lists,
			    POLICY_LISTS_MAX);
}

bool policy_conf_uses(const struct policy_conf *conf, const char *list)
{
	const struct policy_rule_conf *rules = conf->rules.items;
	for (size_t i = 0; i < conf->rules.n; i++) {
		const char *const *names = rules[i].lists.items;
		for (size_t k = 0; k < rules[i].lists.n; k++)
			if (strcmp(names[k], list) == 0)
				return true;
	}
	return false;
}

const struct config_map policy_conf_map = {
	.help = "Who may reach what: lists of names, fetched and made into one file, by which the "
		"resolver and the forward proxy decide for groups of clients",
	.size = sizeof(struct policy_conf),
	CONFIG_KEYS(policy_keys),
	.check = check_policy,
};
