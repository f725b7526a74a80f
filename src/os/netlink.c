#include "os/netlink.h"

#include "base/reader.h"
#include "os/fd.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

enum { REQUEST_MAX = 1024 };

/* One request; attributes are appended. Everything is in host byte order and padded to 4 bytes. */
struct request {
	union {
		struct nlmsghdr header;
		uint8_t bytes[REQUEST_MAX];
	};
};

static void *request_room(struct request *q, size_t len)
{
	size_t at = NLMSG_ALIGN(q->header.nlmsg_len);
	ASSERT(at + NLMSG_ALIGN(len) <= sizeof(q->bytes));
	q->header.nlmsg_len = (uint32_t)(at + len);
	return q->bytes + at;
}

static void request_init(struct request *q, uint16_t type, uint16_t flags, const void *body,
			 size_t body_len)
{
	*q = (struct request){
		.header = {.nlmsg_len = NLMSG_HDRLEN,
			   .nlmsg_type = type,
			   .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
			   .nlmsg_seq = 1}};
	memcpy(request_room(q, body_len), body, body_len);
}

static void put(struct request *q, uint16_t type, const void *data, size_t len)
{
	struct rtattr head = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
	uint8_t *room = request_room(q, RTA_LENGTH(len));
	memcpy(room, &head, sizeof(head));
	if (len)
		memcpy(room + RTA_LENGTH(0), data, len);
}

static void put_text(struct request *q, uint16_t type, const char *text)
{
	put(q, type, text, strlen(text) + 1);
}

static void put_number(struct request *q, uint16_t type, uint32_t value)
{
	put(q, type, &value, sizeof(value));
}

/* Begins an attribute that holds others; nest_end fills its length. */
static size_t nest_begin(struct request *q, uint16_t type)
{
	size_t at = NLMSG_ALIGN(q->header.nlmsg_len);
	put(q, type, NULL, 0);
	return at;
}

static void nest_end(struct request *q, size_t at)
{
	uint16_t len = (uint16_t)(q->header.nlmsg_len - at);
	memcpy(q->bytes + at + offsetof(struct rtattr, rta_len), &len, sizeof(len));
}

/* The acknowledgement: its error, or OK. */
static enum err read_answer(struct reader r)
{
	while (reader_left(&r) >= NLMSG_HDRLEN) {
		struct nlmsghdr header;
		int error = 0;
		read_bytes(&r, &header, sizeof(header));
		if (header.nlmsg_len < NLMSG_HDRLEN)
			return ERR_FORMAT;
		struct reader body = reader_sub(&r, header.nlmsg_len - NLMSG_HDRLEN);
		size_t padding = NLMSG_ALIGN(header.nlmsg_len) - header.nlmsg_len;
		reader_skip(&r, padding < reader_left(&r) ? padding : reader_left(&r));
		if (header.nlmsg_type != NLMSG_ERROR)
			continue;
		read_bytes(&body, &error, sizeof(error));
		TRY(reader_check(&body));
		return (enum err) - error;
	}
	return ERR_FORMAT;
}

static enum err request_do(const struct request *q)
{
	uint8_t answer[4096];
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	AUTO_DONE(fd_done) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return err_errno();
	if (sendto(fd, q->bytes, q->header.nlmsg_len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return err_errno();
	ssize_t n;
	do
		n = recv(fd, answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_errno() : read_answer(reader_of(answer, (size_t)n));
}

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

static void new_link(struct request *q, const char *name)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	request_init(q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	put_text(q, IFLA_IFNAME, name);
}

enum err link_add_veth(const char *name, const char *peer, int peer_netns_fd)
{
	struct request q;
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	TRY(check_name(name));
	TRY(check_name(peer));
	new_link(&q, name);
	size_t link_info = nest_begin(&q, IFLA_LINKINFO);
	put_text(&q, IFLA_INFO_KIND, "veth");
	size_t data = nest_begin(&q, IFLA_INFO_DATA);
	size_t peer_info = nest_begin(&q, VETH_INFO_PEER);
	memcpy(request_room(&q, sizeof(info)), &info, sizeof(info));
	put_text(&q, IFLA_IFNAME, peer);
	if (peer_netns_fd >= 0)
		put_number(&q, IFLA_NET_NS_FD, (uint32_t)peer_netns_fd);
	nest_end(&q, peer_info);
	nest_end(&q, data);
	nest_end(&q, link_info);
	return request_do(&q);
}

static enum err add_simple(const char *name, const char *kind)
{
	struct request q;
	TRY(check_name(name));
	new_link(&q, name);
	size_t link_info = nest_begin(&q, IFLA_LINKINFO);
	put_text(&q, IFLA_INFO_KIND, kind);
	nest_end(&q, link_info);
	return request_do(&q);
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
static enum err about_link(struct request *q, uint16_t type, const char *name, unsigned flags,
			   unsigned change)
{
	uint32_t index;
	TRY(link_index(name, &index));
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
				       .ifi_index = (int)index,
				       .ifi_flags = flags,
				       .ifi_change = change};
	request_init(q, type, 0, &info, sizeof(info));
	return OK;
}

enum err link_delete(const char *name)
{
	struct request q;
	TRY(about_link(&q, RTM_DELLINK, name, 0, 0));
	return request_do(&q);
}

enum err link_up(const char *name)
{
	struct request q;
	TRY(about_link(&q, RTM_NEWLINK, name, IFF_UP, IFF_UP));
	return request_do(&q);
}

enum err link_down(const char *name)
{
	struct request q;
	TRY(about_link(&q, RTM_NEWLINK, name, 0, IFF_UP));
	return request_do(&q);
}

enum err link_rename(const char *name, const char *new_name)
{
	struct request q;
	TRY(check_name(new_name));
	TRY(about_link(&q, RTM_NEWLINK, name, 0, 0));
	put_text(&q, IFLA_IFNAME, new_name);
	return request_do(&q);
}

enum err link_set_master(const char *name, const char *bridge)
{
	struct request q;
	uint32_t index;
	TRY(link_index(bridge, &index));
	TRY(about_link(&q, RTM_NEWLINK, name, 0, 0));
	put_number(&q, IFLA_MASTER, index);
	return request_do(&q);
}

enum err link_set_mtu(const char *name, uint32_t mtu)
{
	struct request q;
	TRY(about_link(&q, RTM_NEWLINK, name, 0, 0));
	put_number(&q, IFLA_MTU, mtu);
	return request_do(&q);
}

enum err link_move(const char *name, int netns_fd)
{
	struct request q;
	TRY(about_link(&q, RTM_NEWLINK, name, 0, 0));
	put_number(&q, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	return request_do(&q);
}

/* ---- addresses and routes ---- */

static uint8_t domain_of(const struct ip_address *address)
{
	ASSERT(address->family == 4 || address->family == 6);
	return address->family == 4 ? AF_INET : AF_INET6;
}

static void put_address(struct request *q, uint16_t type, const struct ip_address *address)
{
	put(q, type, address->bytes, address->family == 4 ? 4 : 16);
}

static enum err change_address(uint16_t type, uint16_t flags, const char *link,
			       const struct ip_address *address, uint8_t bits)
{
	struct request q;
	uint32_t index;
	TRY(link_index(link, &index));
	const struct ifaddrmsg body = {.ifa_family = domain_of(address),
				       .ifa_prefixlen = bits,
				       .ifa_flags = address->family == 6 ? IFA_F_NODAD : 0,
				       .ifa_index = index};
	request_init(&q, type, flags, &body, sizeof(body));
	put_address(&q, IFA_LOCAL, address);
	put_address(&q, IFA_ADDRESS, address);
	return request_do(&q);
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
	struct request q;
	uint32_t index = 0;
	ASSERT(via || link);
	if (link)
		TRY(link_index(link, &index));
	/* A removal matches any scope. */
	uint8_t scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE
			: via		     ? RT_SCOPE_UNIVERSE
					     : RT_SCOPE_LINK;
	const struct rtmsg body = {.rtm_family = domain_of(prefix),
				   .rtm_dst_len = bits,
				   .rtm_table = RT_TABLE_MAIN,
				   .rtm_protocol = type == RTM_NEWROUTE ? RTPROT_STATIC : 0,
				   .rtm_scope = scope,
				   .rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : 0};
	request_init(&q, type, flags, &body, sizeof(body));
	if (bits)
		put_address(&q, RTA_DST, prefix);
	if (via)
		put_address(&q, RTA_GATEWAY, via);
	if (link)
		put_number(&q, RTA_OIF, index);
	return request_do(&q);
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
