/* `dhcp-range` of dnsmasq.conf, and what its other lines share with it: times and tags. Knows no
 * other keyword. */
#ifndef IMPORT_DNSMASQ_RANGE_H
#define IMPORT_DNSMASQ_RANGE_H

#include "import/dnsmasq_line.h"
#include "import/site.h"

/* 12h, 45m, 3600, 2d, infinite. */
__attribute__((warn_unused_result)) bool dnsmasq_lease_time(struct span text, uint64_t *ret_s);

struct dnsmasq_tags {
	struct import_texts wanted; /* tag: */
	struct span set, interface;
};

/* Takes tag:…, set:… and interface:… off the front of a list. */
void dnsmasq_tags_take(struct import_site *s, struct dnsmasq_list *l, struct dnsmasq_tags *ret);

void dnsmasq_range_take(struct import_site *s, uint32_t line, struct span value);

#endif
