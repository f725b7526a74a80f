#include "os/netlink_watch.h"

#include "os/fd.h"
#include "os/netlink_request.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

/* READS_MAX: what comes faster than we read is left for the next turn of the loop. */
enum { MESSAGES_SIZE = 1 << 15, READS_MAX = 64 };

static const struct {
	unsigned bit;
	uint32_t groups; /* RTMGRP_… */
	uint16_t new, gone;
} kinds[] = {
	{NETLINK_LINKS, RTMGRP_LINK, RTM_NEWLINK, RTM_DELLINK},
	{NETLINK_ADDRESSES, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, RTM_NEWADDR, RTM_DELADDR},
	{NETLINK_ROUTES, RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE, RTM_NEWROUTE, RTM_DELROUTE},
	{NETLINK_NEIGHBOURS, RTMGRP_NEIGH, RTM_NEWNEIGH, RTM_DELNEIGH},
	{NETLINK_QDISCS, RTMGRP_TC, RTM_NEWQDISC, RTM_DELQDISC},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

enum err netlink_watch_open(unsigned what, struct netlink_watch *ret)
{
	struct sockaddr_nl at = {.nl_family = AF_NETLINK};
	for (size_t i = 0; i < KINDS; i++)
		at.nl_groups |= what & kinds[i].bit ? kinds[i].groups : 0;
	AUTO_DONE(fd_done)
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return err_errno();
	*ret = (struct netlink_watch){.fd = fd_take(&fd), .what = what};
	return OK;
}

void netlink_watch_done(struct netlink_watch *watch)
{
	if (watch && watch->what)
		fd_done(&watch->fd);
}

static unsigned bits_of(struct reader r)
{
	struct nlmsghdr header;
	struct reader body;
	unsigned bits = 0;
	while (netlink_message_next(&r, &header, &body))
		for (size_t i = 0; i < KINDS; i++)
			if (header.nlmsg_type == kinds[i].new || header.nlmsg_type == kinds[i].gone)
				bits |= kinds[i].bit;
	return bits;
}

enum err netlink_watch_read(struct netlink_watch *watch, unsigned *ret_bits)
{
	uint8_t room[MESSAGES_SIZE];
	unsigned bits = 0;
	for (size_t i = 0; i < READS_MAX; i++) {
		ssize_t n = recv(watch->fd, room, sizeof(room), 0);
		if (n < 0 && errno == ENOBUFS) /* some were lost */
			bits = watch->what;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n < 0 && errno != EINTR)
			return err_errno();
		else if (n > 0)
			bits |= bits_of(reader_of(room, (size_t)n));
	}
	*ret_bits = bits & watch->what;
	return OK;
}
