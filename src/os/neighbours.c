#include "os/neighbours.h"

#include "os/fd.h"
#include "os/netlink_request.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

enum {
	MESSAGES_SIZE = 1 << 15, /* a kernel's dump is no longer */
	SOCKET_BUFFER = 1 << 20,
	READS_MAX = 64, /* what comes faster is left for the next turn of the loop */
	ATTRIBUTES_MAX = 64,
};

enum err neighbours_open(struct neighbours *ret)
{
	const struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH};
	const int buffer = SOCKET_BUFFER;
	AUTO_DONE(fd_done)
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return err_errno();
	/* A smaller one loses more often, and then everything is asked for anew. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	ret->fd = fd_take(&fd);
	return OK;
}

void neighbours_done(struct neighbours *n)
{
	fd_done(&n->fd);
}

enum err neighbours_ask(struct neighbours *n)
{
	const struct {
		struct nlmsghdr header;
		struct ndmsg body;
	} request = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)),
				.nlmsg_type = RTM_GETNEIGH,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				.nlmsg_seq = 1},
		     .body = {.ndm_family = AF_UNSPEC}};
	return send(n->fd, &request, request.header.nlmsg_len, 0) < 0 ? err_errno() : OK;
}

/* False: not one of ours to tell. */
static bool take(struct reader r, bool gone, struct neighbour *ret)
{
	struct ndmsg head = {0};
	struct reader value;
	uint16_t type;
	bool has_mac = false;
	read_bytes(&r, &head, sizeof(head));
	if (r.bad || (head.ndm_family != AF_INET && head.ndm_family != AF_INET6) ||
	    head.ndm_type == RTN_MULTICAST || head.ndm_type == RTN_BROADCAST ||
	    head.ndm_state & NUD_NOARP || head.ndm_flags & NTF_PROXY)
		return false;
	*ret = (struct neighbour){.ifindex = (uint32_t)head.ndm_ifindex};
	for (unsigned i = 0; i < ATTRIBUTES_MAX && netlink_attribute_next(&r, &type, &value); i++) {
		if (type == NDA_DST)
			ret->address = ip_address_of(read_span(&value, reader_left(&value)));
		if (type == NDA_LLADDR && reader_left(&value) == sizeof(ret->mac)) {
			read_bytes(&value, ret->mac, sizeof(ret->mac));
			has_mac = true;
		}
	}
	/* One that is asked for has the hardware address that it had, if any. */
	ret->gone = gone || !has_mac || head.ndm_state & (NUD_FAILED | NUD_INCOMPLETE);
	return ret->address.family != 0;
}

static enum neighbours_told
take_all(struct reader r, void (*call)(void *arg, const struct neighbour *one), void *arg)
{
	enum neighbours_told told = NEIGHBOURS_TOLD;
	struct nlmsghdr header;
	struct neighbour one;
	struct reader body;
	while (netlink_message_next(&r, &header, &body)) {
		bool gone = header.nlmsg_type == RTM_DELNEIGH;
		/* An error is the answer to neighbours_ask: the one before is under way. */
		if (header.nlmsg_flags & NLM_F_DUMP_INTR || header.nlmsg_type == NLMSG_ERROR)
			told = NEIGHBOURS_LOST;
		if (header.nlmsg_type == NLMSG_DONE && told == NEIGHBOURS_TOLD)
			told = NEIGHBOURS_ALL;
		if ((header.nlmsg_type == RTM_NEWNEIGH || gone) && take(body, gone, &one))
			call(arg, &one);
	}
	return told;
}

enum err neighbours_read(struct neighbours *n, void (*call)(void *arg, const struct neighbour *one),
			 void *arg, enum neighbours_told *ret)
{
	uint8_t room[MESSAGES_SIZE];
	*ret = NEIGHBOURS_TOLD;
	for (unsigned i = 0; i < READS_MAX; i++) {
		ssize_t got = recv(n->fd, room, sizeof(room), 0);
		if (got < 0 && errno == EAGAIN)
			break;
		enum neighbours_told told = NEIGHBOURS_TOLD;
		if (got < 0 && errno == ENOBUFS)
			told = NEIGHBOURS_LOST;
		else if (got < 0 && errno != EINTR)
			return err_errno();
		else if (got > 0)
			told = take_all(reader_of(room, (size_t)got), call, arg);
		if (told > *ret)
			*ret = told;
	}
	return OK;
}
