/* Who is meant by a group: the keys of `clients` and `except`, which are the same. */
#include "service/policy/conf.h"

#define NAMES(key, member, what, sample)                                                           \
	{                                                                                          \
		.name = key, .type = CONFIG_TEXT, .flags = CONFIG_LIST,                            \
		CONFIG_FIELD(struct policy_clients_conf, member), .min = 1,                        \
		.max = POLICY_NAME_MAX, .items_max = POLICY_MEMBERS_MAX, .example = sample,        \
		.help = what                                                                       \
	}

static const struct config_key clients_keys[] = {
	{.name = "addresses",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct policy_clients_conf, addresses),
	 .items_max = POLICY_MEMBERS_MAX,
	 .example = "[192.168.7.0/24, \"2001:db8:7::/64\"]",
	 .help = "addresses and networks, as the resolver and the forward proxy see them"},
	NAMES("macs", macs, "hardware addresses, of leases and of neighbours in attached networks",
	      "[\"02:00:5e:00:53:01\"]"),
	NAMES("leases", leases,
	      "host names of leases, without their domain; a star stands for anything. A host "
	      "chooses its name, unless it has a reservation, whose name is nobody else's",
	      "[tablet, \"tv-*\"]"),
	NAMES("peers", peers, "names of tunnels' peers; a star stands for anything",
	      "[phone, \"kids-*\"]"),
	NAMES("users", users,
	      "users who have signed in at the forward proxy, or at the sign-in page of their "
	      "tunnel",
	      "[alice]"),
};

bool policy_conf_mac(const char *text, uint8_t ret[6])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t mac[6] = {0};
	if (strlen(text) != 17)
		return false;
	for (size_t i = 0; i < 17; i++) {
		char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 32) : text[i];
		const char *digit = memchr(digits, c, 16);
		if (i % 3 == 2 ? c != ':' && c != '-' : !digit)
			return false;
		if (digit)
			mac[i / 3] = (uint8_t)(mac[i / 3] << 4 | (digit - digits));
	}
	memcpy(ret, mac, sizeof(mac)); /* the caller's six */
	return true;
}

static void check_clients(const void *conf, struct config_at *at)
{
	const struct policy_clients_conf *c = conf;
	const char *const *macs = c->macs.items;
	uint8_t mac[6];
	for (size_t i = 0; i < c->macs.n; i++)
		if (!policy_conf_mac(macs[i], mac))
			config_fail_item(at, "macs", i,
					 "'%s' is no hardware address; write one like "
					 "02:00:5e:00:53:01",
					 macs[i]);
}

const struct config_map policy_conf_clients_map = {
	.help = "Clients, by what is known of them; one that any of these names is meant",
	.size = sizeof(struct policy_clients_conf),
	CONFIG_KEYS(clients_keys),
	.check = check_clients,
	.alone = "addresses",
	.example = "{addresses: [192.168.7.0/24], macs: [\"02:00:5e:00:53:01\"]}",
};
