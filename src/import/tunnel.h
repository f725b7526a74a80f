/* A tunnel's configuration as wg(8) and wg-quick(8) have it, taken apart and written as a section
 * `vpn` of ours. Opens no file and runs none of its commands. */
#ifndef IMPORT_TUNNEL_H
#define IMPORT_TUNNEL_H

#include "import/site.h"

struct writer;

struct import_peer {
	struct import_peer *next;
	struct span name, public_key, preshared_key, endpoint;
	struct import_texts allowed_ips;
	uint64_t keepalive_s;
	uint32_t line;
};

struct import_tunnel {
	struct span device, private_key;
	uint64_t port, mtu; /* 0: not said */
	struct import_texts addresses, routes;
	bool no_routes;
	struct import_peer *peers, *peers_last;
	size_t peers_n;
};

/* device: what the interface is called, as in the file's name. notes: an initialised site that
 * holds everything read, and what could not be carried over; all else of it stays empty.
 * ERR_FORMAT: there is no [Interface] in it. ENOMEM, ERR_LIMIT as for all formats. */
MUST enum err import_wg_quick(struct span text, struct span device, struct import_site *notes,
			      struct import_tunnel *ret);

/* A whole file in YAML that `gatehouse check` accepts; w is bad when it does not fit. */
void import_tunnel_write(const struct import_tunnel *t, struct writer *w);

#endif
