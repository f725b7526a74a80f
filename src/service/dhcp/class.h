/* Which classes of the configuration a client belongs to. Knows no option that is sent. */
#ifndef DHCP_CLASS_H
#define DHCP_CLASS_H

#include "base/err.h"
#include "base/prefix_trie.h"
#include "base/span.h"

struct arena;
struct config_list;
struct dhcp_client;
struct dhcp_pattern;

/* Any of them; n 0: not asked for. */
struct dhcp_class_patterns {
	const struct dhcp_pattern *items;
	size_t n;
};

struct dhcp_class_match {
	struct dhcp_class_patterns vendor_class, user_class, client_id;
	struct dhcp_class_patterns circuit_id, remote_id, subscriber_id;
	const uint16_t *architectures;
	size_t architectures_n;
};

/* However many MAC addresses a class names, a client costs one walk down the trie. */
struct dhcp_classes {
	const struct dhcp_class_match *match;
	size_t n;
	struct prefix_trie macs; /* to uint64_t: classes that name that prefix or a shorter one */
	uint64_t by_mac;	 /* classes that name MAC addresses at all */
};

/* list: of struct dhcp_class_conf. All but the trie's nodes lies in a. ENOMEM. */
MUST enum err dhcp_classes_init(struct dhcp_classes *c, const struct config_list *list,
				struct arena *a);
void dhcp_classes_done(struct dhcp_classes *c); /* accepts zeroed storage */

/* A bit for each, by the order of the configuration. */
uint64_t dhcp_classes_of(const struct dhcp_classes *c, const struct dhcp_client *client);

#endif
