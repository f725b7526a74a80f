/* What the files that judge the section `vpn` share. Knows nothing that conf.h does not. */
#ifndef VPN_CONF_INNER_H
#define VPN_CONF_INNER_H

#include "service/vpn/conf.h"
#include "service/vpn/conf_text.h"

static inline const struct vpn_interface_conf *vpn_conf_interface(const struct vpn_conf *c,
								  size_t i)
{
	return (const struct vpn_interface_conf *)c->interfaces.items + i;
}

/* NULL: none is called so. */
static inline const struct vpn_interface_conf *vpn_conf_interface_named(const struct vpn_conf *c,
									const char *name)
{
	for (size_t i = 0; i < c->interfaces.n; i++)
		if (strcmp(vpn_conf_interface(c, i)->name, name) == 0)
			return vpn_conf_interface(c, i);
	return NULL;
}

static inline const struct vpn_peer_conf *vpn_conf_peer(const struct vpn_interface_conf *f,
							size_t p)
{
	return (const struct vpn_peer_conf *)f->peers.items + p;
}

/* Address a of f. ERR_FORMAT when it was not judged yet and is wrong. */
MUST static inline enum err vpn_conf_address(const struct vpn_interface_conf *f, size_t a,
					     struct vpn_device_address *ret)
{
	return vpn_text_device_address(span_text(((const char *const *)f->addresses.items)[a]),
				       ret);
}

/* Peer p of interface i by itself. */
void vpn_conf_check_peer(const struct vpn_conf *c, size_t i, size_t p, struct config_at *at);
/* What two peers cannot both have: keys, and networks. */
void vpn_conf_check_shared(const struct vpn_conf *c, struct config_at *at);
/* What is to be routed into tunnels. */
void vpn_conf_check_routes(const struct vpn_conf *c, struct config_at *at);

#endif
