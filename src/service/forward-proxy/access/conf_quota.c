#include "service/forward-proxy/access/conf_quota.h"

#include "base/arena.h"
#include "config/times.h"
#include "policy/policy.h"
#include "policy/schedule.h"
#include "service/forward-proxy/access/quota.h"

enum { PREFIXES_MAX = 1024, USERS_MAX = 1024, MONTH_DAYS = 31 };

#define BYTES_MAX (INT64_C(1) << 50)

static const char *const bys[] = {"address", "user", "group", "all", NULL};
static const char *const everys[] = {"day", "week", "month", NULL};
static const char *const thens[] = {"refuse", "slow", NULL};
static const char *const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

static const struct config_key quota_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct forward_quota_conf, name),
	 .min = 1,
	 .max = QUOTA_NAME_MAX,
	 .example = "guests",
	 .help = "by which what is used is kept and shown; another name begins anew"},
	{.name = "bytes",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct forward_quota_conf, bytes),
	 .max = BYTES_MAX,
	 .fallback = "0",
	 .example = "10G",
	 .help = "octets in a period, both ways together; 0 is no limit"},
	{.name = "down",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct forward_quota_conf, down),
	 .max = BYTES_MAX,
	 .fallback = "0",
	 .example = "8G",
	 .help = "octets in a period from servers to clients; 0 is no limit"},
	{.name = "up",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct forward_quota_conf, up),
	 .max = BYTES_MAX,
	 .fallback = "0",
	 .example = "2G",
	 .help = "octets in a period from clients to servers; 0 is no limit"},
	{.name = "every",
	 .type = CONFIG_CHOICE,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct forward_quota_conf, every),
	 .choices = everys,
	 .example = "month",
	 .help = "how long a period is; it is one of the calendar of this machine's time zone"},
	{.name = "at",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_quota_conf, at),
	 .fallback = "00:00",
	 .example = "\"06:00\"",
	 .help = "the hour and minute at which a period begins"},
	{.name = "weekday",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_quota_conf, weekday),
	 CONFIG_PRESENT(struct forward_quota_conf, has_weekday),
	 .choices = weekdays,
	 .fallback = "mon",
	 .help = "with `every: week`: the day on which one begins"},
	{.name = "day",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct forward_quota_conf, day),
	 CONFIG_PRESENT(struct forward_quota_conf, has_day),
	 .min = 1,
	 .max = MONTH_DAYS,
	 .fallback = "1",
	 .help = "with `every: month`: the day on which one begins; the last one of a month that "
		 "has no such day"},
	{.name = "by",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_quota_conf, by),
	 .choices = bys,
	 .fallback = "address",
	 .help = "who has that much: each `address` (of IPv6 each /64), each `user` (who has not "
		 "signed in counts by address), each `group` of `groups`, whose members share it, "
		 "or `all` together whom the quota fits"},
	{.name = "from",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_quota_conf, from),
	 .items_max = PREFIXES_MAX,
	 .example = "[192.168.7.0/24]",
	 .help = "clients with these addresses; anybody unless set"},
	{.name = "groups",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_quota_conf, groups),
	 .min = 1,
	 .max = POLICY_NAME_MAX,
	 .items_max = POLICY_GROUPS_MAX,
	 .example = "[guests]",
	 .help = "clients that are in one of these groups of the section `policy`; while that is "
		 "not known the quota fits"},
	{.name = "users",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_quota_conf, users),
	 .min = 1,
	 .max = 128,
	 .items_max = USERS_MAX,
	 .example = "[anna]",
	 .help = "these of the users of `access`, `*` for each who has signed in"},
	{.name = "then",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_quota_conf, then),
	 .choices = thens,
	 .fallback = "refuse",
	 .help = "what becomes of who has used it up, until the next period: `refuse` answers "
		 "requests with 429 and ends what runs, `slow` lets it go on by `rate`"},
	{.name = "rate",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct forward_quota_conf, rate),
	 CONFIG_PRESENT(struct forward_quota_conf, has_rate),
	 .min = BANDWIDTH_RATE_MIN,
	 .max = INT64_C(1) << 40,
	 .fallback = "64K",
	 .help = "with `then: slow`: octets in a second, each way"},
};

static bool is_name(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(text);
}

static void check_amount(struct config_at *at, const char *key, uint64_t n)
{
	if (n && n < QUOTA_BYTES_MIN)
		config_fail(at, key, "less than 1K is no quota; write 0 for no limit");
}

static void check_quota(const void *conf, struct config_at *at)
{
	const struct forward_quota_conf *c = conf;
	uint16_t minute;
	if (!is_name(c->name))
		config_fail(at, "name",
			    "'%s' is no name of a quota: small letters, digits, '-' and '_'",
			    c->name);
	if (!c->bytes && !c->down && !c->up)
		config_fail(at, NULL, "nothing is limited: write `bytes`, `down` or `up`");
	check_amount(at, "bytes", c->bytes);
	check_amount(at, "down", c->down);
	check_amount(at, "up", c->up);
	if (!config_minutes_read(c->at, &minute) || minute == POLICY_DAY_MINUTES)
		config_fail(at, "at", "'%s' is no time of the day; write one like 06:00", c->at);
	if (c->has_weekday && c->every != PERIOD_WEEK)
		config_fail(at, "weekday",
			    "only weeks begin on a day of the week: write "
			    "`every: week`");
	if (c->has_day && c->every != PERIOD_MONTH)
		config_fail(at, "day",
			    "only months begin on a day of the month: write "
			    "`every: month`");
	if (c->has_rate && c->then != QUOTA_SLOW)
		config_fail(at, "rate", "who is refused has no rate: write `then: slow`");
	if (c->by == QUOTA_BY_GROUP && !c->groups.n)
		config_fail(at, "by", "there are no groups that share it: write `groups`");
}

const struct config_map forward_quota_map = {
	.help = "A quota: of those that fit a client all hold",
	.size = sizeof(struct forward_quota_conf),
	CONFIG_KEYS(quota_keys),
	.check = check_quota,
	.example = "{name: guests, bytes: 10G, every: month, from: [192.168.7.0/24]}",
};

static void quota_of(const struct forward_quota_conf *c, struct quota *ret)
{
	*ret = (struct quota){
		.name = c->name,
		.whom = {.from = c->from.items,
			 .from_n = c->from.n,
			 .groups = c->groups.items,
			 .groups_n = c->groups.n,
			 .users = c->users.items,
			 .users_n = c->users.n},
		.by = (enum quota_by)c->by,
		.bytes = c->bytes,
		.ways = {[BANDWIDTH_UP] = c->up, [BANDWIDTH_DOWN] = c->down},
		.period = {.every = (enum period_every)c->every,
			   .weekday = (uint8_t)c->weekday,
			   .day = c->day},
		.then = (enum quota_then)c->then,
		.rate = c->rate,
	};
	bool right = config_minutes_read(c->at, &ret->period.minute);
	ASSERT(right); /* judged by the schema */
}

enum err forward_quotas(struct arena *a, const struct config_list *list, struct quotas *ret)
{
	struct quota *made = ARENA_ARRAY(a, struct quota, list->n + 1);
	if (!made)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		quota_of(&((const struct forward_quota_conf *)list->items)[i], &made[i]);
	ret->items = made;
	ret->n = list->n;
	return OK;
}
