#include "service/forward-proxy/privacy/conf_privacy.h"

#include "base/arena.h"
#include "policy/policy.h"
#include "proto/http/token.h"
#include "service/forward-proxy/privacy/levels.h"

enum { RULES_MAX = 256 };

static const char *const levels[] = {"none", "proxy", "anonymous", "strict", NULL};

static const struct config_key rule_keys[] = {
	{.name = "level",
	 .type = CONFIG_CHOICE,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct forward_privacy_rule_conf, level),
	 .choices = levels,
	 .example = "strict",
	 .help = "the level of requests that this rule fits"},
	{.name = "from",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_privacy_rule_conf, who.from),
	 .items_max = FORWARD_RULE_PREFIXES_MAX,
	 .example = "[192.168.7.0/24]",
	 .help = "of clients with these addresses; of anybody unless set"},
	{.name = "groups",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_privacy_rule_conf, who.groups),
	 .min = 1,
	 .max = POLICY_NAME_MAX,
	 .items_max = POLICY_GROUPS_MAX,
	 .example = "[kids]",
	 .help = "of clients that are in one of these groups of the section `policy`; while that "
		 "is "
		 "not known a rule fits that tells less than `level`, and one that tells more does "
		 "not"},
	{.name = "users",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_privacy_rule_conf, who.users),
	 .min = 1,
	 .max = 128,
	 .items_max = FORWARD_RULE_USERS_MAX,
	 .example = "[anna]",
	 .help = "of these of the users of `access`, `*` for each of them; nobody is asked to sign "
		 "in for this"},
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_privacy_rule_conf, who.to),
	 .min = 1,
	 .max = 255,
	 .items_max = FORWARD_RULE_PLACES_MAX,
	 .example = "[example.org, \"*.example.org\"]",
	 .help = "to these servers, as in `access`"},
};

static void check_rule(const void *conf, struct config_at *at)
{
	const struct forward_privacy_rule_conf *c = conf;
	forward_rule_check(&c->who, at);
}

static const struct config_map rule_map = {
	.help = "Another level for some: all that is given must fit",
	.size = sizeof(struct forward_privacy_rule_conf),
	CONFIG_KEYS(rule_keys),
	.check = check_rule,
	.example = "{groups: [kids], level: strict}",
};

static const struct config_key privacy_keys[] = {
	{.name = "level",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_privacy_conf, level),
	 .choices = levels,
	 .fallback = "proxy",
	 .help = "`none`: a server learns of the proxy and of the client's address, as most "
		 "proxies "
		 "have it; `proxy`: of the proxy alone; `anonymous`: of neither, nor by what a "
		 "client takes from site to site; `strict`: all clients look alike. The table is "
		 "in "
		 "gatehouse-forward-proxy(1). What goes through tunnels is not read"},
	{.name = "user-agent",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_privacy_conf, user_agent),
	 .min = 1,
	 .max = 256,
	 .fallback = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 "
		     "Firefox/128.0",
	 .help = "everybody's, with `strict`"},
	{.name = "accept-language",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_privacy_conf, accept_language),
	 .min = 1,
	 .max = 128,
	 .fallback = "en-US,en;q=0.5",
	 .help = "everybody's, with `strict`"},
	{.name = "rules",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_privacy_conf, rules),
	 .map = &rule_map,
	 .items_max = RULES_MAX,
	 .example = "[{groups: [kids], level: strict}, {to: [bank.example], level: none}]",
	 .help = "other levels, for some clients or servers; the first rule that fits decides. "
		 "What "
		 "the cache keeps of one level is for requests of that level alone"},
};

static void check_privacy(const void *conf, struct config_at *at)
{
	const struct forward_privacy_conf *c = conf;
	if (!http_is_field_value(span_text(c->user_agent)))
		config_fail(at, "user-agent", "no control bytes");
	if (!http_is_field_value(span_text(c->accept_language)))
		config_fail(at, "accept-language", "no control bytes");
}

const struct config_map forward_privacy_map = {
	.help = "What requests in the clear tell servers of who sent them",
	.size = sizeof(struct forward_privacy_conf),
	CONFIG_KEYS(privacy_keys),
	.check = check_privacy,
	.alone = "level",
	.example = "{level: strict, accept-language: \"ko-KR,ko;q=0.9\"}",
};

/* Stricter than what holds otherwise: where a client's group is not known, that is the safe side.
 */
static bool is_stricter(const struct forward_privacy_conf *c, int level)
{
	return level > c->level;
}

static struct privacy_conf level_of(const struct forward_privacy_conf *c, int level)
{
	return privacy_conf_of((enum privacy_level)level, span_text(c->user_agent),
			       span_text(c->accept_language));
}

enum err forward_privacy(struct arena *a, const struct forward_privacy_conf *c,
			 struct privacy_levels *ret)
{
	const struct forward_privacy_rule_conf *rules = c->rules.items;
	struct privacy_rule_of *made = ARENA_ARRAY(a, struct privacy_rule_of, c->rules.n + 1);
	if (!made)
		return (enum err)ENOMEM;
	*ret = (struct privacy_levels){
		.otherwise = level_of(c, c->level), .rules = made, .rules_n = c->rules.n};
	for (size_t i = 0; i < c->rules.n; i++) {
		made[i].conf = level_of(c, rules[i].level);
		TRY(forward_rule(a, &rules[i].who,
				 &made[i].who)); /* has no paths to be given back */
		made[i].who.action = is_stricter(c, rules[i].level) ? ACCESS_DENY : ACCESS_ALLOW;
	}
	return OK;
}
