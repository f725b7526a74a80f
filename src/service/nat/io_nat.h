/* The service's one structure: what its files in the front rooms share. Knows no protocol. */
#ifndef NAT_IO_NAT_H
#define NAT_IO_NAT_H

#include "control/service_life.h"
#include "service/nat/conf.h"
#include "service/nat/io_attach.h"
#include "service/nat/io_holds.h"
#include "service/nat/io_left.h"
#include "service/nat/io_log.h"
#include "service/nat/io_machine.h"
#include "service/nat/io_names.h"
#include "service/nat/io_nft.h"
#include "service/nat/io_plane.h"
#include "service/nat/io_ports.h"
#include "service/nat/io_probe.h"
#include "service/nat/io_take.h"
#include "service/nat/tables.h"

struct nat_walk;

struct nat {
	struct service_life life;
	struct nat_machine machine;
	struct nat_plane plane;
	struct nat_nft nft;	/* instead of the plane, where there are no programs */
	struct nat_taker taker; /* with the plane */
	struct nat_prober prober;
	struct nat_attachments attached;
	struct nat_names names;
	struct nat_asker asker;
	struct nat_tables *now;	 /* in force, when applied */
	struct nat_tables *next; /* room for those that are made */
	bool applied;
	bool forwarding;  /* the kernel's own setting, as we last saw it */
	enum err trouble; /* of the last try to put tables in force */
	struct loop_timer refresh, hops;
	bool hops_wanted;
	struct loop_watch ring_watch;
	struct nat_logger logger;
	uint64_t told_second, told, untold; /* events of this second */
	struct nat_walk *walks;		    /* requests that walk over the flows; io_walk.c */
	struct nat_holds holds;
	struct portctl_effects effects;
	struct portctl_rules *port_rules; /* owned */
	struct ports_io ports;		  /* with a list when port control was on at the start */
	struct nat_left left;
	uint64_t reloads, refreshes;
};

static inline const struct nat_conf *nat_conf_of(const struct nat *n)
{
	return service_life_conf(&n->life);
}

/* io_refresh.c: the tables anew from conf and what the machine is now, and in force. Errors are
 * logged; ERR_LIMIT: conf does not fit, and nothing has changed. */
MUST enum err nat_refresh(struct nat *n, const struct nat_conf *conf);
/* The machine or a name has changed: soon. */
void nat_refresh_soon(struct nat *n);
void nat_refresh_init(struct nat *n);
/* Follows devices, routes and names from here on. */
MUST enum err nat_refresh_follow(struct nat *n);

/* io_events.c: what the programs tell. */
MUST enum err nat_events_open(struct nat *n);

/* io_portctl.c: port control as a part of this service. Before the sandbox: sockets. */
MUST enum err nat_portctl_open(struct nat *n);
/* Tables are in force, control is there: what was kept is opened; what is held in the data plane
 * and not kept is closed. */
MUST enum err nat_portctl_begin(struct nat *n);
/* The tables in force are others, made from the configuration in force. */
void nat_portctl_follow(struct nat *n);
/* conf is in force from here on; the old one may be freed then. ENOMEM: nothing has changed. */
MUST enum err nat_portctl_reload(struct nat *n, const struct nat_conf *conf);
/* The service stops. Accepts what was not begun. */
void nat_portctl_end(struct nat *n);

/* control.c */
void nat_control_face(struct nat *n, struct control_face *ret);

/* main.c */
void nat_reload(void *arg, struct control_reply *reply);

#endif
