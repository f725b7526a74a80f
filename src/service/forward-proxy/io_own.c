#include "service/forward-proxy/io_own.h"

#include "os/fd.h"
#include "os/tcp.h"
#include "os/udp.h"

enum { PORT_ANY = 9 }; /* nothing is sent there */

/* To an address of ours the kernel goes from that same address (the local table of its routes). A
 * connected datagram socket tells that without a packet. */
static bool ask(const struct ip_address *a)
{
	const struct ip_endpoint to = {.address = *a, .port = PORT_ANY};
	struct ip_endpoint from;
	int fd = -1;
	enum err e = udp_connect(&to, NULL, 0, &fd);
	if (e)
		return err_is_shortage(e); /* else there is no route: nobody is reached */
	bool own = socket_local(fd, &from) != OK || ip_address_equal(&from.address, a);
	fd_done(&fd);
	return own;
}

static size_t place_of(const struct ip_address *a)
{
	size_t at = a->family;
	for (size_t i = 0; i < sizeof(a->bytes); i++)
		at = at * 31 + a->bytes[i];
	return at % FORWARD_OWN_KEPT;
}

bool forward_is_own(struct forward_own *o, uint64_t now_ms, const struct ip_address *a)
{
	size_t at = place_of(a);
	if (o->kept[at].until_ms > now_ms && ip_address_equal(&o->kept[at].address, a))
		return o->kept[at].own;
	o->kept[at].address = *a;
	o->kept[at].until_ms = now_ms + FORWARD_OWN_MS;
	o->kept[at].own = ask(a);
	return o->kept[at].own;
}
