#include "os/links.h"

#include "base/reader.h"
#include "os/clock.h"
#include "os/fd.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	MESSAGES_SIZE = 1 << 16, /* one read of the socket; the kernel's dumps are at most 32 KiB */
	SOCKET_BUFFER = 1 << 20,
	DUMP_WAIT_MS = 5000,
	DUMPS_MAX = 8, /* tries to read all while it goes on changing */
	READS_MAX = 256,
};

#define NO_MASTER 0

/* ---- the table ---- */

static size_t place_of(const struct links *links, uint32_t index)
{
	size_t low = 0, high = links->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (links->list[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct link *find(const struct links *links, uint32_t index)
{
	size_t at = place_of(links, index);
	return at < links->n && links->list[at].index == index ? &links->list[at] : NULL;
}

const struct link *links_by_index(const struct links *links, uint32_t index)
{
	return find(links, index);
}

const struct link *links_by_name(const struct links *links, const char *name)
{
	for (size_t i = 0; i < links->n; i++)
		if (strcmp(links->list[i].name, name) == 0)
			return &links->list[i];
	return NULL;
}

static enum err insert(struct links *links, uint32_t index, struct link **ret)
{
	size_t at = place_of(links, index);
	if (links->n == LINKS_MAX)
		return ERR_LIMIT;
	struct link *list = realloc(links->list, (links->n + 1) * sizeof(*list));
	if (!list)
		return (enum err)ENOMEM;
	links->list = list;
	memmove(&list[at + 1], &list[at], (links->n - at) * sizeof(*list));
	list[at] = (struct link){.index = index};
	links->n++;
	*ret = &list[at];
	return OK;
}

static void remove_link(struct links *links, struct link *link)
{
	size_t at = (size_t)(link - links->list);
	free(link->addresses);
	links->n--;
	memmove(link, link + 1, (links->n - at) * sizeof(*link));
}

static void clear(struct links *links)
{
	for (size_t i = 0; i < links->n; i++)
		free(links->list[i].addresses);
	links->n = 0;
}

/* It grows old as lifetimes do, also while the machine sleeps. */
uint64_t links_now_ms(void)
{
	return clock_ageing_us() / 1000;
}

/* ---- what the kernel says ---- */

/* Calls for each attribute of a message; its body is in host byte order. */
static void attributes(struct reader *r, void (*call)(void *arg, uint16_t type, struct span body),
		       void *arg)
{
	while (reader_left(r) >= sizeof(struct rtattr)) {
		struct rtattr head;
		read_bytes(r, &head, sizeof(head));
		if (head.rta_len < sizeof(head))
			return;
		size_t len = head.rta_len - sizeof(head), left;
		struct span body = read_span(r, len);
		left = reader_left(r);
		reader_skip(r, RTA_ALIGN(len) - len < left ? RTA_ALIGN(len) - len : left);
		/* The two high bits are flags (NLA_TYPE_MASK). */
		if (!r->bad)
			call(arg, (uint16_t)(head.rta_type & 0x3fff), body);
	}
}

static uint32_t number_of(struct span body)
{
	uint32_t value = 0;
	struct reader r = reader_of_span(body);
	read_bytes(&r, &value, sizeof(value));
	return value;
}

static void link_attribute(void *arg, uint16_t type, struct span body)
{
	struct link *l = arg;
	struct reader r = reader_of_span(body);
	if (type == IFLA_IFNAME && body.len > 0 && body.len <= sizeof(l->name)) {
		memset(l->name, 0, sizeof(l->name));
		read_bytes(&r, l->name, body.len);
		l->name[sizeof(l->name) - 1] = '\0';
	} else if (type == IFLA_ADDRESS && body.len <= sizeof(l->mac)) {
		l->mac_len = (uint8_t)body.len;
		read_bytes(&r, l->mac, body.len);
	} else if (type == IFLA_MTU) {
		l->mtu = number_of(body);
	} else if (type == IFLA_MASTER) {
		l->master = number_of(body);
	}
}

static enum err take_link(struct links *links, struct reader *r, bool gone)
{
	struct ifinfomsg info;
	read_bytes(r, &info, sizeof(info));
	TRY(reader_check(r));
	/* A bridge tells of its ports in its own family. */
	if (info.ifi_family != AF_UNSPEC)
		return OK;
	struct link *l = find(links, (uint32_t)info.ifi_index);
	if (gone) {
		if (l)
			remove_link(links, l);
		return OK;
	}
	if (!l)
		TRY(insert(links, (uint32_t)info.ifi_index, &l));
	l->hardware = info.ifi_type;
	l->up = (info.ifi_flags & IFF_UP) != 0;
	l->carrier = l->up && (info.ifi_flags & IFF_RUNNING) != 0;
	l->loopback = (info.ifi_flags & IFF_LOOPBACK) != 0;
	l->master = NO_MASTER;
	attributes(r, link_attribute, l);
	return OK;
}

struct heard_address {
	struct link_address a;
	uint32_t flags;
};

static void address_attribute(void *arg, uint16_t type, struct span body)
{
	struct heard_address *h = arg;
	struct reader r = reader_of_span(body);
	size_t size = h->a.address.family == 4 ? 4 : 16;
	/* IFA_ADDRESS is the partner's on a link between two; IFA_LOCAL comes after it then. */
	if ((type == IFA_LOCAL || type == IFA_ADDRESS) && body.len == size) {
		if (type == IFA_LOCAL || ip_address_is_unspecified(&h->a.address))
			read_bytes(&r, h->a.address.bytes, size);
	} else if (type == IFA_FLAGS) {
		h->flags = number_of(body);
	} else if (type == IFA_CACHEINFO) {
		struct ifa_cacheinfo info;
		read_bytes(&r, &info, sizeof(info));
		if (!r.bad) {
			h->a.valid_s = info.ifa_valid;
			h->a.preferred_s = info.ifa_prefered;
		}
	}
}

static struct link_address *find_address(const struct link *l, const struct link_address *a)
{
	for (size_t i = 0; i < l->addresses_n; i++)
		if (l->addresses[i].bits == a->bits &&
		    ip_address_equal(&l->addresses[i].address, &a->address))
			return &l->addresses[i];
	return NULL;
}

static enum err set_address(struct link *l, const struct link_address *a, bool gone)
{
	struct link_address *at = find_address(l, a);
	if (gone) {
		if (at) {
			l->addresses_n--;
			memmove(at, at + 1,
				(l->addresses_n - (size_t)(at - l->addresses)) * sizeof(*at));
		}
		return OK;
	}
	if (!at && l->addresses_n == LINK_ADDRESSES_MAX)
		return OK;
	if (!at) {
		at = realloc(l->addresses, (l->addresses_n + 1) * sizeof(*at));
		if (!at)
			return (enum err)ENOMEM;
		l->addresses = at;
		at = &l->addresses[l->addresses_n++];
	}
	*at = *a;
	return OK;
}

static enum err take_address(struct links *links, struct reader *r, bool gone)
{
	struct ifaddrmsg info;
	read_bytes(r, &info, sizeof(info));
	TRY(reader_check(r));
	struct link *l = find(links, info.ifa_index);
	if (!l || (info.ifa_family != AF_INET && info.ifa_family != AF_INET6))
		return OK;
	struct heard_address h = {.a = {.address.family = info.ifa_family == AF_INET ? 4 : 6,
					.bits = info.ifa_prefixlen,
					.valid_s = UINT32_MAX,
					.preferred_s = UINT32_MAX,
					.told_ms = links_now_ms()},
				  .flags = info.ifa_flags};
	attributes(r, address_attribute, &h);
	h.a.tentative = (h.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0 &&
			(h.flags & IFA_F_OPTIMISTIC) == 0;
	h.a.temporary = info.ifa_family == AF_INET6 && (h.flags & IFA_F_TEMPORARY) != 0;
	return set_address(l, &h.a, gone);
}

enum outcome { GOES_ON, DUMP_ENDED, DUMP_TORN };

/* All messages of one read. */
static enum err take_all(struct links *links, struct reader r, enum outcome *ret)
{
	while (reader_left(&r) >= NLMSG_HDRLEN) {
		struct nlmsghdr header;
		read_bytes(&r, &header, sizeof(header));
		if (header.nlmsg_len < NLMSG_HDRLEN)
			return ERR_FORMAT;
		struct reader body = reader_sub(&r, header.nlmsg_len - NLMSG_HDRLEN);
		size_t padding = NLMSG_ALIGN(header.nlmsg_len) - header.nlmsg_len;
		reader_skip(&r, padding < reader_left(&r) ? padding : reader_left(&r));
		if (header.nlmsg_flags & NLM_F_DUMP_INTR)
			*ret = DUMP_TORN;
		switch (header.nlmsg_type) {
		case RTM_NEWLINK: TRY(take_link(links, &body, false)); break;
		case RTM_DELLINK: TRY(take_link(links, &body, true)); break;
		case RTM_NEWADDR: TRY(take_address(links, &body, false)); break;
		case RTM_DELADDR: TRY(take_address(links, &body, true)); break;
		case NLMSG_DONE:
			if (*ret == GOES_ON)
				*ret = DUMP_ENDED;
			break;
		case NLMSG_ERROR: return ERR_REFUSED;
		default: break;
		}
	}
	return OK;
}

/* ---- reading ---- */

/* ENOBUFS: the kernel had more to tell than the socket holds, and what we know is stale. */
static enum err read_once(struct links *links, uint8_t *buffer, size_t *ret_len)
{
	ssize_t n = recv(links->fd, buffer, MESSAGES_SIZE, MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return err_errno();
	*ret_len = n < 0 ? 0 : (size_t)n;
	return OK;
}

static enum err ask(struct links *links, uint16_t type)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg body;
	} request = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
				.nlmsg_type = type,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				.nlmsg_seq = 1},
		     .body = {.rtgen_family = AF_UNSPEC}};
	return send(links->fd, &request, request.header.nlmsg_len, 0) < 0 ? err_errno() : OK;
}

/* ERR_CLOSED: it changed while it was read; to be asked again. */
static enum err dump(struct links *links, uint16_t type, uint8_t *buffer)
{
	enum outcome outcome = GOES_ON;
	TRY(ask(links, type));
	while (outcome == GOES_ON) {
		struct pollfd wait = {.fd = links->fd, .events = POLLIN};
		size_t len;
		if (poll(&wait, 1, DUMP_WAIT_MS) <= 0)
			return (enum err)ETIMEDOUT;
		TRY(read_once(links, buffer, &len));
		TRY(take_all(links, reader_of(buffer, len), &outcome));
	}
	return outcome == DUMP_TORN ? ERR_CLOSED : OK;
}

static enum err read_everything(struct links *links, uint8_t *buffer)
{
	enum err e = ERR_CLOSED;
	for (unsigned i = 0; i < DUMPS_MAX && (e == ERR_CLOSED || e == (enum err)ENOBUFS); i++) {
		clear(links);
		e = dump(links, RTM_GETLINK, buffer);
		if (!e)
			e = dump(links, RTM_GETADDR, buffer);
	}
	return e == ERR_CLOSED ? (enum err)EBUSY : e;
}

static enum err open_socket(struct links *links)
{
	struct sockaddr_nl at = {.nl_family = AF_NETLINK,
				 .nl_groups =
					 RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int size = SOCKET_BUFFER;
	links->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (links->fd < 0)
		return err_errno();
	/* What the kernel grants is enough. */
	(void)setsockopt(links->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return bind(links->fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ? err_errno() : OK;
}

enum err links_open(struct links *ret)
{
	struct links links = {.fd = -1};
	uint8_t *buffer = malloc(MESSAGES_SIZE);
	enum err e = buffer ? open_socket(&links) : (enum err)ENOMEM;
	if (!e)
		e = read_everything(&links, buffer);
	free(buffer);
	if (e) {
		links_done(&links);
		return e;
	}
	*ret = links;
	return OK;
}

void links_done(struct links *links)
{
	if (!links)
		return;
	clear(links);
	free(links->list);
	links->list = NULL;
	fd_done(&links->fd);
}

enum err links_read(struct links *links, bool *ret_changed)
{
	uint8_t *buffer = malloc(MESSAGES_SIZE);
	enum outcome outcome = GOES_ON;
	bool changed = false;
	enum err e = buffer ? OK : (enum err)ENOMEM;
	for (unsigned i = 0; !e && i < READS_MAX; i++) {
		size_t len = 0;
		e = read_once(links, buffer, &len);
		if (!e && len == 0)
			break;
		if (!e)
			e = take_all(links, reader_of(buffer, len), &outcome);
		changed = true;
	}
	if (e == (enum err)ENOBUFS)
		e = read_everything(links, buffer);
	free(buffer);
	*ret_changed = changed;
	return e;
}
