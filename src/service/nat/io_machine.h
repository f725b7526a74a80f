/* What the tables are made from of this machine, followed while it changes: devices, addresses and
 * routes. Changes nothing. */
#ifndef NAT_IO_MACHINE_H
#define NAT_IO_MACHINE_H

#include "os/links.h"
#include "os/loop.h"
#include "os/netlink_watch.h"
#include "service/nat/net.h"

struct nat_conf;

enum { NAT_ROUTES_MAX = 4096 };

struct nat_machine {
	struct links links;
	struct netlink_watch watch; /* routes and neighbours */
	bool opened;
	struct loop *loop; /* borrowed */
	struct loop_watch links_watch, others_watch;
	struct nat_net_device *devices;
	struct nat_net_address *addresses;
	struct nat_net_route *routes;
	struct nat_net net; /* what nat_machine_read has found; points into the three above */
	/* bits: enum netlink_watch's. */
	void (*changed)(void *arg, unsigned bits);
	void *arg;
};

/* Before the sandbox. */
MUST enum err nat_machine_open(struct nat_machine *m);
MUST enum err nat_machine_watch(struct nat_machine *m, struct loop *loop,
				void (*changed)(void *arg, unsigned bits), void *arg);
/* Fills net anew; zones as conf says. */
MUST enum err nat_machine_read(struct nat_machine *m, const struct nat_conf *conf);
void nat_machine_done(struct nat_machine *m);

#endif
