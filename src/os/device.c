#include "os/device.h"

#include "os/fd.h"
#include "os/netlink_request.h"

#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { ATTRIBUTES_MAX = 128 };

static void read_text(struct reader body, char *ret, size_t size)
{
	size_t len = reader_left(&body) < size - 1 ? reader_left(&body) : size - 1;
	memset(ret, 0, size);
	read_bytes(&body, ret, len);
}

static bool is_text(struct reader body, const char *text)
{
	char room[DEVICE_NAME_MAX];
	read_text(body, room, sizeof(room));
	return strcmp(room, text) == 0;
}

/* ---- the link ---- */

static void read_kind(struct device *d, struct reader info)
{
	struct reader attribute;
	uint16_t type;
	for (size_t i = 0; i < ATTRIBUTES_MAX && netlink_attribute_next(&info, &type, &attribute);
	     i++)
		if (type == IFLA_INFO_KIND)
			read_text(attribute, d->kind, sizeof(d->kind));
}

static void read_link(void *arg, uint16_t type, struct reader body)
{
	struct device *d = arg;
	struct ifinfomsg head;
	struct reader attribute;
	uint16_t kind;
	if (type != RTM_NEWLINK)
		return;
	read_bytes(&body, &head, sizeof(head));
	d->index = (uint32_t)head.ifi_index;
	d->hardware = head.ifi_type;
	d->ethernet = head.ifi_type == ARPHRD_ETHER || head.ifi_type == ARPHRD_LOOPBACK;
	d->loopback = (head.ifi_flags & IFF_LOOPBACK) != 0;
	for (size_t i = 0; i < ATTRIBUTES_MAX && netlink_attribute_next(&body, &kind, &attribute);
	     i++)
		switch (kind) {
		case IFLA_IFNAME: read_text(attribute, d->name, sizeof(d->name)); break;
		case IFLA_MTU: d->mtu = netlink_number(attribute); break;
		case IFLA_MASTER: d->master = netlink_number(attribute); break;
		case IFLA_LINKINFO: read_kind(d, attribute); break;
		case IFLA_PARENT_DEV_NAME: d->physical = true; break;
		case IFLA_LINK_NETNSID: d->apart = true; break;
		case IFLA_QDISC: d->queues = !is_text(attribute, "noqueue"); break;
		default: break;
		}
}

/* ---- the driver (Documentation/netlink/specs/netdev.yaml; newer than some build machines) ---- */

enum {
	NETDEV_DEV_GET = 1,	 /* command */
	NETDEV_DEV_IFINDEX = 1,	 /* attributes */
	NETDEV_DEV_FEATURES = 3, /* 64 bits */
	NETDEV_XDP_BASIC = 1,	 /* bits: pass, drop, send back */
	NETDEV_XDP_REDIRECT = 2,
};

static void generic_init(struct netlink_request *q, uint16_t type, uint8_t command, uint8_t version)
{
	const struct genlmsghdr head = {.cmd = command, .version = version};
	netlink_request_init(q, type, 0, &head, sizeof(head));
	q->family = NETLINK_GENERIC;
}

/* The attributes of a generic answer. */
struct answer {
	uint16_t wanted;
	bool there;
	uint8_t room[8];
};

static void read_answer(void *arg, uint16_t type, struct reader body)
{
	struct answer *a = arg;
	struct reader attribute;
	uint16_t kind;
	(void)type;
	reader_skip(&body, GENL_HDRLEN);
	for (size_t i = 0; i < ATTRIBUTES_MAX && netlink_attribute_next(&body, &kind, &attribute);
	     i++) {
		if (kind != a->wanted || reader_left(&attribute) > sizeof(a->room))
			continue;
		size_t len = reader_left(&attribute);
		read_bytes(&attribute, a->room, len);
		a->there = true;
	}
}

static enum err find_family(const char *name, uint16_t *ret)
{
	struct netlink_request q;
	struct answer a = {.wanted = CTRL_ATTR_FAMILY_ID};
	generic_init(&q, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	netlink_put_text(&q, CTRL_ATTR_FAMILY_NAME, name);
	TRY(netlink_request_ask(&q, read_answer, &a));
	if (!a.there)
		return ERR_FORMAT;
	memcpy(ret, a.room, sizeof(*ret));
	return OK;
}

static enum err driver_features(uint32_t index, uint64_t *ret)
{
	struct netlink_request q;
	struct answer a = {.wanted = NETDEV_DEV_FEATURES};
	uint16_t family;
	TRY(find_family("netdev", &family));
	generic_init(&q, family, NETDEV_DEV_GET, 1);
	netlink_put_number(&q, NETDEV_DEV_IFINDEX, index);
	TRY(netlink_request_ask(&q, read_answer, &a));
	if (!a.there)
		return ERR_FORMAT;
	memcpy(ret, a.room, sizeof(*ret));
	return OK;
}

enum err device_get(uint32_t index, struct device *ret)
{
	struct netlink_request q;
	struct device d = {0};
	const struct ifinfomsg info = {.ifi_index = (int)index};
	netlink_request_init(&q, RTM_GETLINK, 0, &info, sizeof(info));
	TRY(netlink_request_ask(&q, read_link, &d));
	if (d.index != index)
		return (enum err)ENODEV;
	uint64_t features = 0, needed = NETDEV_XDP_BASIC | NETDEV_XDP_REDIRECT;
	if (!driver_features(index, &features)) /* an older kernel does not tell */
		d.xdp = (features & needed) == needed ? DEVICE_XDP_YES : DEVICE_XDP_NO;
	*ret = d;
	return OK;
}

/* ---- the choice ---- */

void device_choose(const struct device *d, struct device_choice *ret)
{
	const char *why;
	bool xdp = false;
	if (d->loopback) {
		why = "is the loopback";
	} else if (!d->ethernet) {
		why = "has no Ethernet frames, which XDP takes";
	} else if (strcmp(d->kind, "veth") == 0) {
		why = "is a veth, where XDP breaks GSO packets up and loses checksums";
	} else if (!d->physical) {
		why = "is no hardware: tc sees its packets whole";
	} else if (d->master) {
		why = "is a port of another device, which the packets are for";
	} else if (d->xdp == DEVICE_XDP_NO) {
		why = "is hardware whose driver does not run XDP";
	} else {
		xdp = true;
		why = d->xdp == DEVICE_XDP_YES
			      ? "is hardware whose driver runs XDP"
			      : "is hardware; whether its driver runs XDP is tried";
	}
	ret->xdp = xdp;
	(void)snprintf(ret->why, sizeof(ret->why), "%s %s%s%s%s", d->name, why,
		       d->kind[0] ? " (" : "", d->kind, d->kind[0] ? ")" : "");
}

bool device_has_peer(const struct device *d)
{
	return strcmp(d->kind, "veth") == 0 && d->apart && !d->queues && d->master == 0;
}

/* ---- checksums ---- */

enum err device_fill_checksums(const char *name)
{
	struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM};
	struct ifreq request = {.ifr_data = (void *)&off};
	AUTO_DONE(fd_done) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno();
	if (snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name) >=
	    (int)sizeof(request.ifr_name))
		return (enum err)ENODEV;
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? err_errno() : OK;
}
