/* Checks of the classes of IPv6, and of the pools that name them. */
#include "base/writer.h"
#include "config/config.h"
#include "service/dhcp/conf6.h"
#include "service/dhcp/conf6_check.h"
#include "service/dhcp/pattern.h"

enum { PATTERN_MAX = 1024 };

static void check_patterns(const struct config_list *list, const char *key, struct config_at *at)
{
	const char *const *texts = list->items;
	for (size_t i = 0; i < list->n; i++) {
		uint8_t room[PATTERN_MAX];
		struct writer w = writer_of(room, sizeof(room));
		struct dhcp_pattern p;
		if (dhcp_pattern_parse(span_text(texts[i]), &w, &p) != OK)
			config_fail_item(at, key, i,
					 "write a text with at most %d parts between its `*`, or "
					 "hexadecimal octets behind hex:",
					 DHCP_PATTERN_PARTS_MAX);
	}
}

void v6_check_match(const void *conf, struct config_at *at)
{
	const struct v6_match_conf *m = conf;
	const char *const *macs = m->mac.items;
	struct dhcp_mac_prefix mac;
	check_patterns(&m->vendor_class, "vendor-class", at);
	check_patterns(&m->user_class, "user-class", at);
	check_patterns(&m->duid, "duid", at);
	check_patterns(&m->interface_id, "interface-id", at);
	check_patterns(&m->remote_id, "remote-id", at);
	check_patterns(&m->subscriber_id, "subscriber-id", at);
	for (size_t i = 0; i < m->mac.n; i++)
		if (dhcp_mac_prefix_parse(span_text(macs[i]), &mac) != OK)
			config_fail_item(at, "mac", i,
					 "write a hardware address such as \"02:00:00:00:00:01\", "
					 "or its beginning such as \"02:00:5e:*\"");
	if (!(m->vendor_class.n + m->user_class.n + m->mac.n + m->duid.n + m->interface_id.n +
	      m->remote_id.n + m->subscriber_id.n))
		config_fail(at, NULL, "this matches nobody: write at least one key");
}

static bool is_class(const struct v6_conf *c, const char *name)
{
	const struct v6_class_conf *classes = c->classes.items;
	for (size_t i = 0; i < c->classes.n; i++)
		if (strcmp(classes[i].name, name) == 0)
			return true;
	return false;
}

static void check_names(const struct v6_conf *c, size_t network, const struct config_list *list,
			struct config_at *at)
{
	const char *const *names = list->items;
	for (size_t i = 0; i < list->n; i++)
		if (!is_class(c, names[i]))
			config_fail_item(at, "networks", network,
					 "a pool is for class '%s', which there is not", names[i]);
}

void v6_check_classes(const struct v6_conf *c, struct config_at *at)
{
	const struct v6_class_conf *classes = c->classes.items;
	const struct v6_network_conf *networks = c->networks.items;
	for (size_t i = 0; i < c->classes.n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(classes[i].name, classes[k].name) == 0)
				config_fail_item(at, "classes", i,
						 "class %zu has that name already", k + 1);
	for (size_t i = 0; i < c->networks.n; i++) {
		const struct v6_pool_conf *pools = networks[i].pools.items;
		const struct v6_prefix_pool_conf *prefixes = networks[i].prefix_pools.items;
		for (size_t k = 0; k < networks[i].pools.n; k++)
			check_names(c, i, &pools[k].classes, at);
		for (size_t k = 0; k < networks[i].prefix_pools.n; k++)
			check_names(c, i, &prefixes[k].classes, at);
	}
}
