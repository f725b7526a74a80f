#include "os/netlink_route.h"

#include "os/netlink_request.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

/* A list that changes while it is read is read again, so often at most. */
enum { LIST_TRIES = 5, ATTRIBUTES_MAX = 128 };

/* ---- addresses ---- */

static void address_request(struct netlink_request *q, uint16_t type, uint16_t flags,
			    const struct ifaddrmsg *body, const struct ip_address *address)
{
	netlink_request_init(q, type, flags, body, sizeof(*body));
	netlink_put_address(q, IFA_LOCAL, address);
	netlink_put_address(q, IFA_ADDRESS, address);
}

enum err netlink_address_set(const struct netlink_address *a)
{
	struct netlink_request q;
	const struct ifaddrmsg body = {.ifa_family = netlink_domain(&a->address),
				       .ifa_prefixlen = a->bits,
				       .ifa_index = a->ifindex};
	const struct ifa_cacheinfo lifetime = {.ifa_valid = a->valid_s,
					       .ifa_prefered = a->preferred_s};
	address_request(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body, &a->address);
	netlink_put(&q, IFA_CACHEINFO, &lifetime, sizeof(lifetime));
	netlink_put_number(&q, IFA_FLAGS, a->no_prefix_route ? IFA_F_NOPREFIXROUTE : 0);
	netlink_put(&q, IFA_PROTO, &a->protocol, sizeof(a->protocol));
	if (a->metric)
		netlink_put_number(&q, IFA_RT_PRIORITY, a->metric);
	return netlink_request_do(&q);
}

enum err netlink_address_remove(uint32_t ifindex, const struct ip_address *address, uint8_t bits)
{
	struct netlink_request q;
	const struct ifaddrmsg body = {
		.ifa_family = netlink_domain(address), .ifa_prefixlen = bits, .ifa_index = ifindex};
	address_request(&q, RTM_DELADDR, 0, &body, address);
	return netlink_request_do(&q);
}

struct address_list {
	uint32_t ifindex;
	void (*call)(void *arg, const struct netlink_address *a);
	void *arg;
};

static struct ip_address read_address(struct reader body)
{
	return ip_address_of(read_span(&body, reader_left(&body)));
}

static void address_attribute(struct netlink_address *a, uint16_t type, struct reader body)
{
	struct ifa_cacheinfo lifetime = {0};
	uint32_t flags;
	switch (type) {
	case IFA_LOCAL: a->address = read_address(body); break;
	case IFA_ADDRESS:
		/* Of a point-to-point link it is the other side's, and IFA_LOCAL is ours. */
		if (a->address.family == 0)
			a->address = read_address(body);
		break;
	case IFA_CACHEINFO:
		read_bytes(&body, &lifetime, sizeof(lifetime));
		a->valid_s = lifetime.ifa_valid;
		a->preferred_s = lifetime.ifa_prefered;
		break;
	case IFA_FLAGS:
		flags = netlink_number(body);
		a->tentative = (flags & IFA_F_TENTATIVE) != 0;
		a->duplicate = (flags & IFA_F_DADFAILED) != 0;
		a->no_prefix_route = (flags & IFA_F_NOPREFIXROUTE) != 0;
		break;
	case IFA_PROTO: a->protocol = read_u8(&body); break;
	case IFA_RT_PRIORITY: a->metric = netlink_number(body); break;
	default: break;
	}
}

static void address_read(void *arg, uint16_t type, struct reader body)
{
	const struct address_list *list = arg;
	struct ifaddrmsg head;
	struct reader attribute;
	uint16_t kind;
	if (type != RTM_NEWADDR)
		return;
	read_bytes(&body, &head, sizeof(head));
	struct netlink_address a = {.ifindex = head.ifa_index, .bits = head.ifa_prefixlen};
	for (size_t i = 0; i < ATTRIBUTES_MAX && netlink_attribute_next(&body, &kind, &attribute);
	     i++)
		address_attribute(&a, kind, attribute);
	if (!body.bad && a.address.family && (list->ifindex == 0 || list->ifindex == a.ifindex))
		list->call(list->arg, &a);
}

enum err netlink_addresses(uint32_t ifindex,
			   void (*call)(void *arg, const struct netlink_address *a), void *arg)
{
	struct address_list list = {ifindex, call, arg};
	enum err e = (enum err)EINTR;
	for (int i = 0; i < LIST_TRIES && e == (enum err)EINTR; i++) {
		struct netlink_request q;
		const struct ifaddrmsg body = {.ifa_family = AF_UNSPEC};
		netlink_request_init(&q, RTM_GETADDR, 0, &body, sizeof(body));
		e = netlink_request_list(&q, address_read, &list);
	}
	return e;
}

/* ---- routes ---- */

static void put_mtu(struct netlink_request *q, uint32_t mtu)
{
	size_t at = netlink_nest_begin(q, RTA_METRICS);
	netlink_put_number(q, RTAX_MTU, mtu);
	netlink_nest_end(q, at);
}

static void route_request(struct netlink_request *q, uint16_t type, uint16_t flags,
			  const struct netlink_route *r)
{
	bool removal = type == RTM_DELROUTE;
	/* A removal matches any scope. */
	uint8_t scope =
		removal ? RT_SCOPE_NOWHERE
		: r->via.family || r->to.address.family == 6 || r->kind == NETLINK_ROUTE_UNREACHABLE
			? RT_SCOPE_UNIVERSE
			: RT_SCOPE_LINK;
	const struct rtmsg body = {
		.rtm_family = netlink_domain(&r->to.address),
		.rtm_dst_len = r->to.bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = r->protocol,
		.rtm_scope = scope,
		.rtm_type = r->kind == NETLINK_ROUTE_UNREACHABLE ? RTN_UNREACHABLE : RTN_UNICAST,
		.rtm_flags = r->on_link && !removal ? RTNH_F_ONLINK : 0};
	netlink_request_init(q, type, flags, &body, sizeof(body));
	if (r->to.bits)
		netlink_put_address(q, RTA_DST, &r->to.address);
	if (r->via.family)
		netlink_put_address(q, RTA_GATEWAY, &r->via);
	if (r->ifindex)
		netlink_put_number(q, RTA_OIF, r->ifindex);
	if (r->metric)
		netlink_put_number(q, RTA_PRIORITY, r->metric);
	if (r->source.family && !removal)
		netlink_put_address(q, RTA_PREFSRC, &r->source);
	if (r->mtu && !removal)
		put_mtu(q, r->mtu);
}

enum err netlink_route_set(const struct netlink_route *r)
{
	struct netlink_request q;
	route_request(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, r);
	return netlink_request_do(&q);
}

enum err netlink_route_remove(const struct netlink_route *r)
{
	struct netlink_request q;
	route_request(&q, RTM_DELROUTE, 0, r);
	return netlink_request_do(&q);
}

struct route_list {
	uint32_t ifindex;
	uint8_t protocol;
	void (*call)(void *arg, const struct netlink_route *r);
	void *arg;
};

static void route_metrics(struct netlink_route *r, struct reader body)
{
	struct reader attribute;
	uint16_t kind;
	for (size_t i = 0; i < ATTRIBUTES_MAX && netlink_attribute_next(&body, &kind, &attribute);
	     i++)
		if (kind == RTAX_MTU)
			r->mtu = netlink_number(attribute);
}

static void route_attribute(struct netlink_route *r, uint32_t *table, uint16_t type,
			    struct reader body)
{
	switch (type) {
	case RTA_DST: r->to.address = read_address(body); break;
	case RTA_GATEWAY: r->via = read_address(body); break;
	case RTA_OIF: r->ifindex = netlink_number(body); break;
	case RTA_PRIORITY: r->metric = netlink_number(body); break;
	case RTA_PREFSRC: r->source = read_address(body); break;
	case RTA_TABLE: *table = netlink_number(body); break;
	case RTA_METRICS: route_metrics(r, body); break;
	default: break;
	}
}

static void route_read(void *arg, uint16_t type, struct reader body)
{
	const struct route_list *list = arg;
	struct rtmsg head;
	struct reader attribute;
	uint16_t kind;
	if (type != RTM_NEWROUTE)
		return;
	read_bytes(&body, &head, sizeof(head));
	if ((head.rtm_type != RTN_UNICAST && head.rtm_type != RTN_UNREACHABLE) ||
	    (head.rtm_family != AF_INET && head.rtm_family != AF_INET6) ||
	    (list->protocol != NETLINK_PROTOCOL_ANY && head.rtm_protocol != list->protocol))
		return;
	uint32_t table = head.rtm_table;
	struct netlink_route r = {.to = {.address = {.family = head.rtm_family == AF_INET ? 4 : 6},
					 .bits = head.rtm_dst_len},
				  .protocol = head.rtm_protocol,
				  .kind = head.rtm_type == RTN_UNREACHABLE
						  ? NETLINK_ROUTE_UNREACHABLE
						  : NETLINK_ROUTE_UNICAST,
				  .on_link = (head.rtm_flags & RTNH_F_ONLINK) != 0};
	for (size_t i = 0; i < ATTRIBUTES_MAX && netlink_attribute_next(&body, &kind, &attribute);
	     i++)
		route_attribute(&r, &table, kind, attribute);
	if (!body.bad && table == RT_TABLE_MAIN &&
	    (list->ifindex == 0 || list->ifindex == r.ifindex))
		list->call(list->arg, &r);
}

enum err netlink_routes(uint32_t ifindex, uint8_t protocol,
			void (*call)(void *arg, const struct netlink_route *r), void *arg)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct route_list list = {ifindex, protocol, call, arg};
	for (size_t f = 0; f < sizeof(families); f++) {
		enum err e = (enum err)EINTR;
		for (int i = 0; i < LIST_TRIES && e == (enum err)EINTR; i++) {
			struct netlink_request q;
			const struct rtmsg body = {.rtm_family = families[f]};
			netlink_request_init(&q, RTM_GETROUTE, 0, &body, sizeof(body));
			e = netlink_request_list(&q, route_read, &list);
		}
		TRY(e);
	}
	return OK;
}

/* ---- links ---- */

struct link_wanted {
	uint32_t ifindex;
	bool found;
	struct netlink_link link;
};

static void link_read(void *arg, uint16_t type, struct reader body)
{
	struct link_wanted *wanted = arg;
	struct ifinfomsg head;
	struct reader attribute;
	uint16_t kind;
	if (type != RTM_NEWLINK)
		return;
	read_bytes(&body, &head, sizeof(head));
	if ((uint32_t)head.ifi_index != wanted->ifindex)
		return;
	struct netlink_link link = {.up = (head.ifi_flags & IFF_UP) != 0,
				    .carrier = (head.ifi_flags & IFF_RUNNING) != 0};
	for (size_t i = 0; i < ATTRIBUTES_MAX && netlink_attribute_next(&body, &kind, &attribute);
	     i++) {
		if (kind == IFLA_MTU)
			link.mtu = netlink_number(attribute);
		else if (kind == IFLA_MIN_MTU)
			link.mtu_min = netlink_number(attribute);
		else if (kind == IFLA_MAX_MTU)
			link.mtu_max = netlink_number(attribute);
	}
	if (body.bad)
		return;
	wanted->link = link;
	wanted->found = true;
}

enum err netlink_link_get(uint32_t ifindex, struct netlink_link *ret)
{
	struct link_wanted wanted = {.ifindex = ifindex};
	enum err e = (enum err)EINTR;
	for (int i = 0; i < LIST_TRIES && e == (enum err)EINTR; i++) {
		struct netlink_request q;
		const struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
		netlink_request_init(&q, RTM_GETLINK, 0, &body, sizeof(body));
		e = netlink_request_list(&q, link_read, &wanted);
	}
	TRY(e);
	if (!wanted.found)
		return (enum err)ENODEV;
	*ret = wanted.link;
	return OK;
}

enum err netlink_link_set_mtu(uint32_t ifindex, uint32_t mtu)
{
	struct netlink_request q;
	const struct ifinfomsg body = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
	netlink_request_init(&q, RTM_NEWLINK, 0, &body, sizeof(body));
	netlink_put_number(&q, IFLA_MTU, mtu);
	return netlink_request_do(&q);
}
