#include "service/forward-proxy/access/conf_bandwidth.h"

#include "base/arena.h"
#include "policy/policy.h"
#include "service/forward-proxy/access/bandwidth.h"

enum { PREFIXES_MAX = 1024, USERS_MAX = 1024 };

static const char *const bys[] = {"address", "user", "all", NULL};

static const struct config_key bandwidth_keys[] = {
	{.name = "down",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct forward_bandwidth_conf, down),
	 .max = INT64_C(1) << 40,
	 .fallback = "0",
	 .example = "2M",
	 .help = "octets in a second from servers to clients; as many go at once after a pause; 0 "
		 "is no limit"},
	{.name = "up",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct forward_bandwidth_conf, up),
	 .max = INT64_C(1) << 40,
	 .fallback = "0",
	 .example = "512K",
	 .help = "octets in a second from clients to servers; 0 is no limit"},
	{.name = "by",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_bandwidth_conf, by),
	 .choices = bys,
	 .fallback = "address",
	 .help = "who has that much: each `address` (of IPv6 each /64), each `user` (who has not "
		 "signed in counts by address), or `all` together whom the limit fits"},
	{.name = "from",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_bandwidth_conf, from),
	 .items_max = PREFIXES_MAX,
	 .example = "[192.168.7.0/24]",
	 .help = "clients with these addresses; anybody unless set"},
	{.name = "groups",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_bandwidth_conf, groups),
	 .min = 1,
	 .max = POLICY_NAME_MAX,
	 .items_max = POLICY_GROUPS_MAX,
	 .example = "[guests]",
	 .help = "clients that are in one of these groups of the section `policy`; while that is "
		 "not known the limit holds"},
	{.name = "users",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_bandwidth_conf, users),
	 .min = 1,
	 .max = 128,
	 .items_max = USERS_MAX,
	 .example = "[anna]",
	 .help = "these of the users of `access`, `*` for each who has signed in"},
};

static void check_rate(struct config_at *at, const char *key, uint64_t rate)
{
	if (rate && rate < BANDWIDTH_RATE_MIN)
		config_fail(at, key,
			    "less than 1K in a second is no connection; write 0 for no "
			    "limit");
}

static void check_bandwidth(const void *conf, struct config_at *at)
{
	const struct forward_bandwidth_conf *c = conf;
	if (!c->down && !c->up)
		config_fail(at, NULL, "nothing is limited: write `down`, `up` or both");
	check_rate(at, "down", c->down);
	check_rate(at, "up", c->up);
}

const struct config_map forward_bandwidth_map = {
	.help = "A limit: of those that fit a client all hold",
	.size = sizeof(struct forward_bandwidth_conf),
	CONFIG_KEYS(bandwidth_keys),
	.check = check_bandwidth,
	.example = "{from: [192.168.7.0/24], down: 2M, up: 512K}",
};

enum err forward_bandwidth_limits(struct arena *a, const struct config_list *list,
				  struct bandwidth_limits *ret)
{
	const struct forward_bandwidth_conf *c = list->items;
	struct bandwidth_limit *made = ARENA_ARRAY(a, struct bandwidth_limit, list->n + 1);
	if (!made)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		made[i] = (struct bandwidth_limit){
			.from = c[i].from.items,
			.from_n = c[i].from.n,
			.groups = c[i].groups.items,
			.groups_n = c[i].groups.n,
			.users = c[i].users.items,
			.users_n = c[i].users.n,
			.by = (enum bandwidth_by)c[i].by,
			.rates = {[BANDWIDTH_UP] = c[i].up, [BANDWIDTH_DOWN] = c[i].down}};
	*ret = (struct bandwidth_limits){made, list->n};
	return OK;
}
