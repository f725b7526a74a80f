/* For tests of sockets that see a link: two network namespaces with a cable between them. Knows
 * nothing of what is sent over it. */
#ifndef OS_VETH_TEST_H
#define OS_VETH_TEST_H

#include "os/links.h"
#include "os/netlink.h"
#include "os/netlink_request.h"
#include "os/netns.h"
#include "os/user.h"

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "os/child_test.h"

struct cable {
	int here, there; /* namespaces; this thread is in `here` */
	uint32_t v0;	 /* our end, 10.9.1.1/24 and fd09::1/64 */
	uint32_t v1;	 /* the other, 10.9.1.2/24 and fd09::2/64 */
};

static const struct ip_address cable_left4 = {.family = 4, .bytes = {10, 9, 1, 1}};
static const struct ip_address cable_right4 = {.family = 4, .bytes = {10, 9, 1, 2}};
static const struct ip_address cable_left6 = {.family = 6, .bytes = {0xfd, 9, [15] = 1}};
static const struct ip_address cable_right6 = {.family = 6, .bytes = {0xfd, 9, [15] = 2}};

static inline bool cable_may_not(enum err e)
{
	return e == (enum err)EPERM || e == (enum err)EACCES || e == (enum err)ENOSPC ||
	       e == (enum err)ENOSYS;
}

/* The kernel takes a moment after link_up; what is sent before is lost. */
static inline enum err cable_wait(const char *name)
{
	for (unsigned i = 0; i < 400; i++) {
		struct links links;
		TRY(links_open(&links));
		const struct link *l = links_by_name(&links, name);
		bool carrier = l && l->carrier;
		links_done(&links);
		if (carrier)
			return OK;
		(void)usleep(5000);
	}
	return (enum err)ETIMEDOUT;
}

/* A queueing discipline for what leaves by the device. */
static inline enum err cable_queue(uint32_t ifindex)
{
	const struct tcmsg body = {.tcm_ifindex = (int)ifindex, .tcm_parent = TC_H_ROOT};
	struct netlink_request q;
	netlink_request_init(&q, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	netlink_put_text(&q, TCA_KIND, "pfifo");
	return netlink_request_do(&q);
}

/* As root in new network namespaces, or as anybody in a new user namespace first. */
static inline enum err cable_lay(struct cable *ret)
{
	if (!user_is_root())
		TRY(userns_enter());
	TRY(netns_new(&ret->here));
	TRY(netns_new(&ret->there));
	TRY(netns_enter(ret->here));
	TRY(link_up("lo"));
	TRY(link_add_veth("v0", "v1", ret->there));
	TRY(link_index("v0", &ret->v0));
	TRY(link_up("v0"));
	TRY(address_add("v0", &cable_left4, 24));
	TRY(address_add("v0", &cable_left6, 64));
	TRY(netns_enter(ret->there));
	TRY(link_up("lo"));
	TRY(link_index("v1", &ret->v1));
	TRY(link_up("v1"));
	TRY(address_add("v1", &cable_right4, 24));
	TRY(address_add("v1", &cable_right6, 64));
	TRY(cable_wait("v1"));
	TRY(netns_enter(ret->here));
	return cable_wait("v0");
}

#endif
