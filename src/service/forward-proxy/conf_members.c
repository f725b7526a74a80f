#include "service/forward-proxy/conf_members.h"

#include "proxy/auth/conf_user.h"
#include "service/forward-proxy/conf.h"

enum { STEPS_MAX = 3 };

static bool is_user(const struct forward_conf *conf, const char *name)
{
	const struct proxy_user_conf *users = conf->access.users.items;
	/* The tunnels' users come and go without this file. */
	if (conf->access.vpn_users)
		return true;
	if (strcmp(name, "*") == 0)
		return conf->access.users.n != 0;
	for (size_t i = 0; i < conf->access.users.n; i++)
		if (strcmp(users[i].name, name) == 0)
			return true;
	return false;
}

/* steps lead to the rule, with room for one more. */
static void check_rule(const struct forward_conf *conf, const struct forward_rule_conf *rule,
		       struct config_step steps[STEPS_MAX], size_t n, struct config_at *at)
{
	steps[n] = (struct config_step){"groups", 0};
	if (rule->groups.n && !conf->policy)
		config_fail_inside(
			at, steps, n + 1,
			"groups are those of the section `policy`: write `policy: on` too");
	for (size_t i = 0; i < rule->users.n; i++) {
		const char *name = ((const char *const *)rule->users.items)[i];
		steps[n] = (struct config_step){"users", i};
		if (!is_user(conf, name))
			config_fail_inside(at, steps, n + 1, "there is no user '%s' in `access`",
					   name);
	}
}

void forward_members_check(const struct forward_conf *conf, struct config_at *at)
{
	const struct forward_answer_conf *answers = conf->answers.items;
	const struct forward_privacy_rule_conf *rules = conf->privacy.rules.items;
	for (size_t i = 0; i < conf->answers.n; i++) {
		struct config_step steps[STEPS_MAX] = {{"answers", i}};
		check_rule(conf, &answers[i].who, steps, 1, at);
	}
	for (size_t i = 0; i < conf->privacy.rules.n; i++) {
		struct config_step steps[STEPS_MAX] = {{"privacy", 0}, {"rules", i}};
		check_rule(conf, &rules[i].who, steps, 2, at);
	}
}
