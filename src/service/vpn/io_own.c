/* The gateway's own addresses, on all its links, for the gates: a peer with a wide range of allowed
 * addresses must not pose as one of them. They are followed while they come and go. */
#include "os/links.h"

#include "os/log.h"
#include "service/vpn/io_vpn.h"

#include <stdlib.h>

struct vpn_own_addresses {
	struct links links;
	struct loop_watch watch;
};

void vpn_own_addresses_fill(const struct vpn_own_addresses *own, struct gate_net *net)
{
	struct gate_own made = {0};
	size_t left_out = 0;
	for (size_t i = 0; i < net->inner_n; i++)
		left_out += !gate_own_add(&made, &net->inner[i]);
	for (size_t l = 0; own && l < own->links.n; l++) {
		const struct link *link = &own->links.list[l];
		for (size_t i = 0; i < link->addresses_n; i++)
			left_out += !gate_own_add(&made, &link->addresses[i].address);
	}
	if (left_out)
		log_warning("this machine has more addresses than are kept from being posed as",
			    LOG_U64("more", left_out));
	net->own = made;
}

static void changed(void *arg, uint32_t events)
{
	struct vpn *v = arg;
	bool is_new = false;
	(void)events;
	enum err e = links_read(&v->own->links, &is_new);
	if (e)
		log_warning("the links cannot be followed", LOG_ERR(e));
	for (size_t i = 0; is_new && i < v->interfaces_n; i++) {
		struct vpn_interface *f = &v->interfaces[i];
		vpn_engine_begin(f->engine);
		vpn_own_addresses_fill(v->own, &f->net);
		vpn_engine_end(f->engine);
	}
}

enum err vpn_own_addresses_open(struct vpn *v)
{
	struct vpn_own_addresses *own = calloc(1, sizeof(*own));
	if (!own)
		return ENOMEM;
	enum err e = links_open(&own->links);
	if (e) {
		log_error("the links of this machine cannot be read", LOG_ERR(e));
		free(own);
		return e;
	}
	v->own = own;
	return OK;
}

enum err vpn_own_addresses_watch(struct vpn *v)
{
	return loop_add(&v->life.loop, &v->own->watch, v->own->links.fd, LOOP_READ, changed, v);
}

void vpn_own_addresses_free(struct vpn *v)
{
	if (!v->own)
		return;
	loop_remove(&v->life.loop, &v->own->watch);
	links_done(&v->own->links);
	free(TAKE(v->own));
}
