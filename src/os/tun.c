#include "os/tun.h"

#include "os/fd.h"
#include "os/netlink_request.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Newer than the headers of some build machines (Linux 6.2). */
enum { OFFLOAD_USO4 = 0x20, OFFLOAD_USO6 = 0x40 };

static_assert(sizeof(struct virtio_net_hdr) == TUN_HEAD_LEN, "the kernel's default");
/* A part is written as it lies. */
static_assert(sizeof(struct span) == sizeof(struct iovec), "same members");
static_assert(offsetof(struct span, data) == offsetof(struct iovec, iov_base), "same members");
static_assert(offsetof(struct span, len) == offsetof(struct iovec, iov_len), "same members");

/* ---- opening ---- */

static short flags_of(unsigned features)
{
	return (short)(IFF_TUN | IFF_NO_PI | (features & TUN_HEADS ? IFF_VNET_HDR : 0) |
		       (features & TUN_QUEUES ? IFF_MULTI_QUEUE : 0));
}

static enum err attach(const char *name, unsigned features, int *ret_fd)
{
	struct ifreq request = {.ifr_flags = flags_of(features)};
	size_t len = strlen(name);
	if (len == 0 || len >= sizeof(request.ifr_name) || strchr(name, '%') || strchr(name, '/'))
		return ERR_FORMAT;
	memcpy(request.ifr_name, name, len);
	AUTO_DONE(fd_done) int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_errno();
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

/* The first descriptor, and with which of the features that shape a device it was to be had. */
static enum err attach_first(const char *name, unsigned wanted, int *ret_fd, unsigned *ret_on)
{
	static const unsigned tries[] = {TUN_QUEUES | TUN_HEADS, TUN_HEADS, TUN_QUEUES, 0};
	enum err e = (enum err)EINVAL;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if (tries[i] & ~wanted)
			continue;
		e = attach(name, tries[i], ret_fd);
		*ret_on = tries[i];
		if (e != (enum err)EINVAL)
			return e;
	}
	return e;
}

static enum err set_waiting(const char *name)
{
	struct netlink_request q;
	const struct ifinfomsg body = {.ifi_index = (int)if_nametoindex(name)};
	if (body.ifi_index == 0)
		return err_errno();
	netlink_request_init(&q, RTM_NEWLINK, 0, &body, sizeof(body));
	netlink_put_number(&q, IFLA_TXQLEN, TUN_WAITING_MAX);
	return netlink_request_do(&q);
}

static enum err open_all(const char *name, size_t queues, unsigned wanted, int *fds, size_t *n)
{
	unsigned on;
	TRY(attach_first(name, wanted, &fds[0], &on));
	*n = 1;
	for (; *n < queues && (on & TUN_QUEUES); (*n)++)
		TRY(attach(name, on, &fds[*n]));
	return set_waiting(name);
}

enum err tun_open(const char *name, size_t queues, unsigned wanted, int *ret_fds, size_t *ret_n)
{
	int fds[TUN_QUEUES_MAX];
	size_t n = 0;
	ASSERT(queues > 0 && queues <= TUN_QUEUES_MAX);
	enum err e = open_all(name, queues, wanted, fds, &n);
	if (e) {
		while (n)
			fd_done(&fds[--n]);
		return e;
	}
	memcpy(ret_fds, fds, n * sizeof(fds[0]));
	*ret_n = n;
	return OK;
}

/* ---- offloads ---- */

struct step {
	unsigned features;
	unsigned bits;
};

/* Most first. The kernel takes all bits of a step or none, USO for both families or not at all. */
static const struct step steps[] = {
	{TUN_CHECKSUM | TUN_TSO4 | TUN_TSO6 | TUN_ECN | TUN_USO,
	 TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | OFFLOAD_USO4 | OFFLOAD_USO6},
	{TUN_CHECKSUM | TUN_TSO4 | TUN_TSO6 | TUN_ECN,
	 TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN},
	{TUN_CHECKSUM | TUN_TSO4 | TUN_TSO6, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6},
	{TUN_CHECKSUM | TUN_TSO4, TUN_F_CSUM | TUN_F_TSO4},
	{TUN_CHECKSUM, TUN_F_CSUM},
	{0, 0},
};

static unsigned set_offloads(int fd, unsigned wanted)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].features & ~wanted)
			continue;
		if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)steps[i].bits) == 0)
			return steps[i].features;
	}
	return 0;
}

enum err tun_prepare(int fd, unsigned wanted, struct tun *ret)
{
	struct ifreq request = {0};
	struct tun tun = {.fd = fd};
	if (ioctl(fd, TUNGETIFF, &request) < 0)
		return err_errno();
	if ((request.ifr_flags & (IFF_TUN | IFF_NO_PI)) != (IFF_TUN | IFF_NO_PI))
		return ERR_UNSUPPORTED;
	memcpy(tun.name, request.ifr_name, sizeof(tun.name) - 1);
	TRY(fd_set_nonblocking(fd, true));
	TRY(fd_set_cloexec(fd, true));
	if (request.ifr_flags & IFF_MULTI_QUEUE)
		tun.on |= TUN_QUEUES;
	if (request.ifr_flags & IFF_VNET_HDR) {
		int head = TUN_HEAD_LEN;
		if (ioctl(fd, TUNSETVNETHDRSZ, &head) < 0)
			return err_errno();
		tun.on |= TUN_HEADS | set_offloads(fd, wanted);
	}
	*ret = tun;
	return OK;
}

const char *tun_feature_name(unsigned bit)
{
	switch (bit) {
	case TUN_QUEUES: return "queues";
	case TUN_HEADS: return "heads";
	case TUN_CHECKSUM: return "checksum";
	case TUN_TSO4: return "tso4";
	case TUN_TSO6: return "tso6";
	case TUN_ECN: return "ecn";
	case TUN_USO: return "uso";
	default: return NULL;
	}
}

/* ---- packets ---- */

enum err tun_read(const struct tun *tun, uint8_t *room, size_t size, size_t *ret_len)
{
	size_t head = tun->on & TUN_HEADS ? 0 : TUN_HEAD_LEN;
	ASSERT(size > TUN_HEAD_LEN);
	ssize_t n = read(tun->fd, room + head, size - head);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return err_errno();
	memset(room, 0, head);
	*ret_len = n <= 0 ? 0 : (size_t)n + head;
	return OK;
}

enum err tun_write(const struct tun *tun, const struct span *parts, size_t n)
{
	size_t first = tun->on & TUN_HEADS ? 0 : 1;
	ASSERT(n >= 2 && n <= TUN_PARTS_MAX);
	const struct iovec *raw = (const struct iovec *)(const void *)(parts + first);
	ssize_t done;
	do
		done = writev(tun->fd, raw, (int)(n - first));
	while (done < 0 && errno == EINTR);
	return done < 0 ? err_errno() : OK;
}
