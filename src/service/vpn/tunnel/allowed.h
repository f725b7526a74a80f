/* The allowed IPs of all peers of an interface: to whom a destination goes, and whether a source is
 * a peer's (the paper 2, "cryptokey routing"). Knows nothing of a peer but its list. */
#ifndef VPN_TUNNEL_ALLOWED_H
#define VPN_TUNNEL_ALLOWED_H

#include "base/prefix_trie.h"
#include "service/vpn/tunnel/peer.h"

/* Reading by several threads is allowed while nobody writes. The values are struct vpn_allowed. */
struct vpn_allowed_table {
	struct prefix_trie v4, v6;
};

void vpn_allowed_init(struct vpn_allowed_table *t, size_t prefixes_max);
/* Peers must have been dropped before. */
void vpn_allowed_done(struct vpn_allowed_table *t);

/* As vpn_engine_allow, vpn_engine_disallow, vpn_engine_disallow_all. */
MUST enum err vpn_allowed_add(struct vpn_allowed_table *t, struct vpn_peer *peer,
			      const struct ip_prefix *prefix);
MUST enum err vpn_allowed_remove(struct vpn_allowed_table *t, struct vpn_peer *peer,
				 const struct ip_prefix *prefix);
void vpn_allowed_drop(struct vpn_allowed_table *t, struct vpn_peer *peer);

/* address: 4 or 16 bytes. NULL: nobody's. */
static inline struct vpn_peer *vpn_allowed_find(const struct vpn_allowed_table *t,
						struct span address)
{
	const struct vpn_allowed *a =
		prefix_trie_find(address.len == 4 ? &t->v4 : &t->v6, address.data);
	return a ? a->peer : NULL;
}

#endif
