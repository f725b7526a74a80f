/* Ports that may be gone to: numbers and ranges, as the configuration writes them. Knows no
 * address.
 */
#ifndef FORWARD_PROXY_PORTS_H
#define FORWARD_PROXY_PORTS_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { PORTS_MAX = 64 };

struct ports_range {
	uint16_t first, last;
};

struct ports {
	struct ports_range items[PORTS_MAX];
	size_t n;
};

/* "443", "1024-65535"; ERR_FORMAT, also for 0 and for a range that runs backwards. */
MUST enum err ports_range_read(struct span text, struct ports_range *ret);
bool ports_contain(const struct ports *p, uint16_t port);

#endif
