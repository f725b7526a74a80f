/* What a client may say of itself, as people write it: text in which `*` is anything, or hex:… for
 * octets, and MAC addresses that may end early. Knows no option and no class. */
#ifndef DHCP_PATTERN_H
#define DHCP_PATTERN_H

#include "base/err.h"
#include "base/span.h"

struct arena;
struct writer;

enum { DHCP_PATTERN_PARTS_MAX = 8 };

struct dhcp_pattern {
	struct span parts[DHCP_PATTERN_PARTS_MAX]; /* borrowed; in this order, anything between */
	uint8_t parts_n;
	bool open_start, open_end; /* anything may stand before the first, behind the last */
};

/* The parts lie in what w has. ERR_FORMAT: not hex behind hex:, or empty; ERR_LIMIT: more than
 * DHCP_PATTERN_PARTS_MAX parts, or no room in w. */
MUST enum err dhcp_pattern_parse(struct span text, struct writer *w, struct dhcp_pattern *ret);

/* The same with its own copy in a. ERR_FORMAT, ERR_LIMIT, ENOMEM. */
MUST enum err dhcp_pattern_compile(const char *text, struct arena *a, struct dhcp_pattern *ret);

bool dhcp_pattern_matches(const struct dhcp_pattern *p, struct span octets);

/* An identity without `*`: the text's own octets, or those behind hex:. ERR_FORMAT, ERR_LIMIT. */
MUST enum err dhcp_octets_parse(struct span text, struct writer *w);

/* The first octets of a MAC address. */
struct dhcp_mac_prefix {
	uint8_t octets[6];
	uint8_t octets_n; /* 6: one address */
};

/* "02:00:00:00:00:01", or "02:00:*". ERR_FORMAT. */
MUST enum err dhcp_mac_prefix_parse(struct span text, struct dhcp_mac_prefix *ret);

#endif
