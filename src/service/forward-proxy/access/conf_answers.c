#include "service/forward-proxy/access/conf_answers.h"

#include "base/arena.h"
#include "config/times.h"
#include "policy/path.h"
#include "policy/policy.h"
#include "service/forward-proxy/access/answers.h"

enum { TYPES_MAX = 256 };

static const char *const actions[] = {"allow", "deny", NULL};

static const struct config_key answer_keys[] = {
	{.name = "action",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_answer_conf, who.action),
	 .choices = actions,
	 .fallback = "deny",
	 .help = "what becomes of answers that this rule fits"},
	{.name = "types",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_answer_conf, types),
	 .min = 1,
	 .max = 127,
	 .items_max = TYPES_MAX,
	 .example = "[\"video/*\", application/x-msdownload, none]",
	 .help = "media types, as `Content-Type` says them; `none` is of answers that say none, or "
		 "one by which browsers guess"},
	{.name = "larger-than",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct forward_answer_conf, larger),
	 CONFIG_PRESENT(struct forward_answer_conf, has_larger),
	 .max = INT64_C(1) << 50,
	 .example = "100M",
	 .help = "answers with more octets than that, of a part those of the whole; where it is "
		 "not told how many come, the connection ends when they have"},
	{.name = "from",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_answer_conf, who.from),
	 .items_max = FORWARD_RULE_PREFIXES_MAX,
	 .example = "[192.168.7.0/24]",
	 .help = "to clients with these addresses; to anybody unless set"},
	{.name = "groups",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_answer_conf, who.groups),
	 .min = 1,
	 .max = POLICY_NAME_MAX,
	 .items_max = POLICY_GROUPS_MAX,
	 .example = "[kids]",
	 .help = "to clients that are in one of these groups of the section `policy`; while that "
		 "is not known a rule that denies fits, and one that allows does not"},
	{.name = "users",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_answer_conf, who.users),
	 .min = 1,
	 .max = 128,
	 .items_max = FORWARD_RULE_USERS_MAX,
	 .example = "[anna]",
	 .help = "to these of the users of `access`, `*` for each of them; nobody is asked to sign "
		 "in for this"},
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_answer_conf, who.to),
	 .min = 1,
	 .max = 255,
	 .items_max = FORWARD_RULE_PLACES_MAX,
	 .example = "[example.org, \"*.example.org\"]",
	 .help = "from these servers, as in `access`"},
	{.name = "paths",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_answer_conf, who.paths),
	 .min = 1,
	 .max = POLICY_PATH_MAX,
	 .items_max = FORWARD_RULE_PATHS_MAX,
	 .example = "[/download/]",
	 .help = "to requests for these paths, as in `access`"},
	{.name = "times",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_answer_conf, who.times),
	 .map = &config_times_map,
	 .items_max = POLICY_WINDOWS_MAX,
	 .help = "in these hours of the week only"},
	{.name = "reason",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_answer_conf, who.reason),
	 .min = 1,
	 .max = 255,
	 .example = "\"no films in the office\"",
	 .help = "for people who are refused"},
};

static void check_types(const struct config_list *types, struct config_at *at)
{
	for (size_t i = 0; i < types->n; i++) {
		const char *text = ((const char *const *)types->items)[i];
		if (!answers_type_is_valid(span_text(text)))
			config_fail_item(at, "types", i,
					 "'%s' is no media type; write one like video/mp4 or "
					 "video/*, in lower case, or none for answers without",
					 text);
	}
}

static void check_answer(const void *conf, struct config_at *at)
{
	const struct forward_answer_conf *c = conf;
	bool allow = c->who.action == ACCESS_ALLOW;
	forward_rule_check(&c->who, at);
	check_types(&c->types, at);
	if (c->has_larger && allow)
		config_fail(at, "larger-than",
			    "what is allowed has no least size; deny what is too large before it");
	if (c->who.reason && allow)
		config_fail(at, "reason", "nobody is refused by a rule that allows");
}

const struct config_map forward_answer_map = {
	.help = "A rule about answers: all that is given must fit",
	.size = sizeof(struct forward_answer_conf),
	CONFIG_KEYS(answer_keys),
	.check = check_answer,
	.example = "{types: [\"video/*\"], groups: [kids]}",
};

enum err forward_answers(struct arena *a, const struct config_list *list, struct answers_rules *ret)
{
	const struct forward_answer_conf *c = list->items;
	struct answers_rule *made = ARENA_ARRAY(a, struct answers_rule, list->n + 1);
	*ret = (struct answers_rules){.items = made};
	if (!made)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		made[i].types = c[i].types.items;
		made[i].types_n = c[i].types.n;
		made[i].larger = c[i].has_larger ? c[i].larger : ANSWERS_ANY_SIZE;
		ret->n = i + 1;
		ret->paths = ret->paths || c[i].who.paths.n;
		TRY(forward_rule(a, &c[i].who, &made[i].who));
	}
	return OK;
}

void forward_answers_done(const struct answers_rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		forward_rule_done(&r->items[i].who);
}
