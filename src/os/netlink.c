#include "os/netlink.h"

#include "os/netlink_request.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

static enum err check_name(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len < IFNAMSIZ && !strchr(name, '/') ? OK : ERR_FORMAT;
}

/* ---- links ---- */

enum err link_index(const char *name, uint32_t *ret)
{
	TRY(check_name(name));
	unsigned index = if_nametoindex(name);
	if (index == 0)
		return err_errno();
	*ret = index;
	return OK;
}

static void new_link(struct netlink_request *q, const char *name)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	netlink_request_init(q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	netlink_put_text(q, IFLA_IFNAME, name);
}

enum err link_add_veth(const char *name, const char *peer, int peer_netns_fd)
{
	struct netlink_request q;
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	TRY(check_name(name));
	TRY(check_name(peer));
	new_link(&q, name);
	size_t link_info = netlink_nest_begin(&q, IFLA_LINKINFO);
	netlink_put_text(&q, IFLA_INFO_KIND, "veth");
	size_t data = netlink_nest_begin(&q, IFLA_INFO_DATA);
	size_t peer_info = netlink_nest_begin(&q, VETH_INFO_PEER);
	memcpy(netlink_request_room(&q, sizeof(info)), &info, sizeof(info));
	netlink_put_text(&q, IFLA_IFNAME, peer);
	if (peer_netns_fd >= 0)
		netlink_put_number(&q, IFLA_NET_NS_FD, (uint32_t)peer_netns_fd);
	netlink_nest_end(&q, peer_info);
	netlink_nest_end(&q, data);
	netlink_nest_end(&q, link_info);
	return netlink_request_do(&q);
}

static enum err add_simple(const char *name, const char *kind)
{
	struct netlink_request q;
	TRY(check_name(name));
	new_link(&q, name);
	size_t link_info = netlink_nest_begin(&q, IFLA_LINKINFO);
	netlink_put_text(&q, IFLA_INFO_KIND, kind);
	netlink_nest_end(&q, link_info);
	return netlink_request_do(&q);
}

enum err link_add_bridge(const char *name)
{
	return add_simple(name, "bridge");
}

enum err link_add_dummy(const char *name)
{
	return add_simple(name, "dummy");
}

/* A request about a link that is there. flags, change: as in SIOCSIFFLAGS. */
static enum err about_link(struct netlink_request *q, uint16_t type, const char *name,
			   unsigned flags, unsigned change)
{
	uint32_t index;
	TRY(link_index(name, &index));
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
				       .ifi_index = (int)index,
				       .ifi_flags = flags,
				       .ifi_change = change};
	netlink_request_init(q, type, 0, &info, sizeof(info));
	return OK;
}

enum err link_delete(const char *name)
{
	struct netlink_request q;
	TRY(about_link(&q, RTM_DELLINK, name, 0, 0));
	return netlink_request_do(&q);
}

enum err link_up(const char *name)
{
	struct netlink_request q;
	TRY(about_link(&q, RTM_NEWLINK, name, IFF_UP, IFF_UP));
	return netlink_request_do(&q);
}

enum err link_down(const char *name)
{
	struct netlink_request q;
	TRY(about_link(&q, RTM_NEWLINK, name, 0, IFF_UP));
	return netlink_request_do(&q);
}

enum err link_rename(const char *name, const char *new_name)
{
	struct netlink_request q;
	TRY(check_name(new_name));
	TRY(about_link(&q, RTM_NEWLINK, name, 0, 0));
	netlink_put_text(&q, IFLA_IFNAME, new_name);
	return netlink_request_do(&q);
}

enum err link_set_master(const char *name, const char *bridge)
{
	struct netlink_request q;
	uint32_t index;
	TRY(link_index(bridge, &index));
	TRY(about_link(&q, RTM_NEWLINK, name, 0, 0));
	netlink_put_number(&q, IFLA_MASTER, index);
	return netlink_request_do(&q);
}

enum err link_set_mtu(const char *name, uint32_t mtu)
{
	struct netlink_request q;
	TRY(about_link(&q, RTM_NEWLINK, name, 0, 0));
	netlink_put_number(&q, IFLA_MTU, mtu);
	return netlink_request_do(&q);
}

enum err link_move(const char *name, int netns_fd)
{
	struct netlink_request q;
	TRY(about_link(&q, RTM_NEWLINK, name, 0, 0));
	netlink_put_number(&q, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	return netlink_request_do(&q);
}

/* ---- addresses and routes ---- */

static enum err change_address(uint16_t type, uint16_t flags, const char *link,
			       const struct ip_address *address, uint8_t bits)
{
	struct netlink_request q;
	uint32_t index;
	TRY(link_index(link, &index));
	const struct ifaddrmsg body = {.ifa_family = netlink_domain(address),
				       .ifa_prefixlen = bits,
				       .ifa_flags = address->family == 6 ? IFA_F_NODAD : 0,
				       .ifa_index = index};
	netlink_request_init(&q, type, flags, &body, sizeof(body));
	netlink_put_address(&q, IFA_LOCAL, address);
	netlink_put_address(&q, IFA_ADDRESS, address);
	return netlink_request_do(&q);
}

enum err address_add(const char *link, const struct ip_address *address, uint8_t bits)
{
	return change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, address, bits);
}

enum err address_delete(const char *link, const struct ip_address *address, uint8_t bits)
{
	return change_address(RTM_DELADDR, 0, link, address, bits);
}

static enum err change_route(uint16_t type, uint16_t flags, const struct ip_address *prefix,
			     uint8_t bits, const struct ip_address *via, const char *link)
{
	struct netlink_request q;
	uint32_t index = 0;
	ASSERT(via || link);
	if (link)
		TRY(link_index(link, &index));
	/* A removal matches any scope. */
	uint8_t scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE
			: via		     ? RT_SCOPE_UNIVERSE
					     : RT_SCOPE_LINK;
	const struct rtmsg body = {.rtm_family = netlink_domain(prefix),
				   .rtm_dst_len = bits,
				   .rtm_table = RT_TABLE_MAIN,
				   .rtm_protocol = type == RTM_NEWROUTE ? RTPROT_STATIC : 0,
				   .rtm_scope = scope,
				   .rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : 0};
	netlink_request_init(&q, type, flags, &body, sizeof(body));
	if (bits)
		netlink_put_address(&q, RTA_DST, prefix);
	if (via)
		netlink_put_address(&q, RTA_GATEWAY, via);
	if (link)
		netlink_put_number(&q, RTA_OIF, index);
	return netlink_request_do(&q);
}

enum err route_add(const struct ip_address *prefix, uint8_t bits, const struct ip_address *via,
		   const char *link)
{
	return change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, prefix, bits, via, link);
}

enum err route_delete(const struct ip_address *prefix, uint8_t bits, const struct ip_address *via,
		      const char *link)
{
	return change_route(RTM_DELROUTE, 0, prefix, bits, via, link);
}
