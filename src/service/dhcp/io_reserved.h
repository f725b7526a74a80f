/* Reservations that somebody made at run time: rows of the store, which join those of the
 * configuration in the site. Knows neither the store nor the control socket. */
#ifndef DHCP_IO_RESERVED_H
#define DHCP_IO_RESERVED_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/prefix.h"

#include <stdbool.h>
#include <stdint.h>

struct config_list;
struct dhcp_conf;
struct dhcp_network_conf;
struct v6_network_conf;
struct writer;

enum { RESERVED_MAX = 65536, RESERVED_TEXT_MAX = 600, RESERVED_VALUE_MAX = 1400 };

struct reserved_entry {
	struct ip_prefix lease; /* an address with all its bits, or a delegated prefix */
	uint64_t version;
	/* As in the configuration; one of them is NULL. client_id: of IPv6 the DUID. Owned */
	char *mac, *client_id;
	char *name; /* or NULL */
};

struct reserved {
	struct reserved_entry *list; /* by lease, ascending */
	size_t n;
	bool changed; /* since the site was made */
};

void reserved_done(struct reserved *r);

/* A row of the store; value empty: it was removed. ERR_FORMAT, ERR_UNSUPPORTED: not one of ours, or
 * of a newer program; ERR_LIMIT: too many. */
MUST enum err reserved_learn(struct reserved *r, struct span key, struct span value,
			     uint64_t version);
const struct reserved_entry *reserved_find(const struct reserved *r, const struct ip_prefix *lease);
/* The durable form: the key is that of the lease. Returns its length. */
enum { RESERVED_KEY_MAX = 18 };
size_t reserved_key(const struct ip_prefix *lease, uint8_t ret[RESERVED_KEY_MAX]);
void reserved_write(const struct reserved_entry *entry, struct writer *w);

/* A copy of conf whose networks, of both families, also have these reservations; those of a lease
 * or an identity that the file reserves are left out, and so is a prefix that is of no pool.
 * Everything else is borrowed from conf and r. */
struct reserved_conf {
	struct dhcp_conf *conf;
	struct dhcp_network_conf *networks;
	struct v6_network_conf *networks6;
	void **lists; /* of reservations, to be freed */
	size_t lists_n;
};
MUST enum err reserved_conf_make(const struct reserved *r, const struct dhcp_conf *conf,
				 struct reserved_conf *ret);
void reserved_conf_done(struct reserved_conf *c);

#endif
