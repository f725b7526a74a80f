/* Which classes of the configuration a client of IPv6 belongs to, by the patterns of IPv4's
 * classes. Knows no option that is sent and no message. */
#ifndef DHCP_V6_CLASS_H
#define DHCP_V6_CLASS_H

#include "base/err.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct config_list;

struct v6_class_match;

struct v6_classes {
	const struct v6_class_match *match;
	size_t n;
};

/* list: of struct v6_class_conf. All of it lies in a. ENOMEM. */
MUST enum err v6_classes_init(struct v6_classes *c, const struct config_list *list,
			      struct arena *a);

/* What a client and its relays say; empty: nothing. */
struct v6_told {
	struct span vendor_class; /* option 16: enterprise number, then items */
	struct span user_class;	  /* option 15: items */
	struct span duid, mac, interface_id, subscriber_id;
	struct span remote_id; /* option 37: enterprise number, then octets */
};

/* A bit for each, by the order of the configuration. */
uint64_t v6_classes_of(const struct v6_classes *c, const struct v6_told *t);
/* Those that a pool names. */
uint64_t v6_classes_named(const struct config_list *classes, const struct config_list *names);

#endif
