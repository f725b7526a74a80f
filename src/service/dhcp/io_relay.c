/* The relay agent beside the server: which datagram is whose. */
#include "os/log.h"
#include "proto/dhcp/code.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/conf_relay.h"
#include "service/dhcp/io_dhcp.h"
#include "service/dhcp/relay.h"

#include <stdlib.h>

enum err dhcp_relay_set(struct dhcp_service *d, const struct dhcp_conf *conf)
{
	const struct relay_effects effects = {.arg = d, .send = dhcp_v4_send};
	struct relay_link *links = NULL;
	if (!conf->relays.n && !d->relay)
		return OK;
	if (!d->relay)
		d->relay = calloc(1, sizeof(*d->relay));
	links = calloc(RELAY_LINKS_MAX, sizeof(*links));
	enum err e = d->relay && links ? OK : (enum err)ENOMEM;
	if (!e)
		e = relay_init(d->relay, links, dhcp_conf_relays(conf, links), &effects);
	free(links);
	if (e)
		log_error("the relayed links cannot be taken in", LOG_ERR(e));
	return e;
}

void dhcp_relay_done(struct dhcp_service *d)
{
	free(d->relay);
	d->relay = NULL;
}

/* What servers answer comes by any interface; what clients ask, by those of the relay. */
bool dhcp_relay_takes(struct dhcp_service *d, const struct dhcp_arrival *a, struct span packet)
{
	bool takes = packet.len && packet.data[0] == DHCP_OP_REPLY;
	for (size_t i = 0; !takes && i < d->relay->links_n; i++)
		takes = d->relay->present[i].ifindex == a->ifindex;
	if (takes)
		relay_receive(d->relay, a, packet);
	return takes;
}
