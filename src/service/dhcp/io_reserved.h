/* Reservations that somebody made at run time: rows of the store, which join those of the
 * configuration in the site. Knows neither the store nor the control socket. */
#ifndef DHCP_IO_RESERVED_H
#define DHCP_IO_RESERVED_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct config_list;
struct dhcp_conf;
struct dhcp_network_conf;
struct writer;

enum { RESERVED_MAX = 65536, RESERVED_TEXT_MAX = 600, RESERVED_VALUE_MAX = 1400 };

struct reserved_entry {
	uint32_t address;
	uint64_t version;
	char *mac, *client_id; /* as in the configuration; one of them is NULL. Owned */
	char *name;	       /* or NULL */
};

struct reserved {
	struct reserved_entry *list; /* by address, ascending */
	size_t n;
	bool changed; /* since the site was made */
};

void reserved_done(struct reserved *r);

/* A row of the store; value empty: it was removed. ERR_FORMAT, ERR_UNSUPPORTED: not one of ours, or
 * of a newer program; ERR_LIMIT: too many. */
MUST enum err reserved_learn(struct reserved *r, struct span key, struct span value,
			     uint64_t version);
const struct reserved_entry *reserved_find(const struct reserved *r, uint32_t address);
/* The durable form. */
void reserved_write(const struct reserved_entry *entry, struct writer *w);

/* A copy of conf whose networks also have these reservations; those of an address or an identity
 * that the file reserves are left out. Everything else is borrowed from conf and r. */
struct reserved_conf {
	struct dhcp_conf *conf;
	struct dhcp_network_conf *networks;
	void **lists; /* of reservations, to be freed */
	size_t lists_n;
};
MUST enum err reserved_conf_make(const struct reserved *r, const struct dhcp_conf *conf,
				 struct reserved_conf *ret);
void reserved_conf_done(struct reserved_conf *c);

#endif
