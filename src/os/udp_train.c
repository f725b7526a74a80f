#include "os/udp_train.h"

#include "os/sockaddr.h"

#include <assert.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* Newer than the headers of some build machines (Linux 4.18, 5.0). */
enum { OPTION_SEGMENT = 103, OPTION_GRO = 104 };

enum {
	CONTROL_ROOM = CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int)),
	STRIDE = 65536 + 64, /* rooms begin in different sets of the cache */
	RECEIVE_BYTES = 4 << 20,
	ROOM_WAIT_MS = 5, /* how long a full socket may hold its sender up */
};
static_assert((int)UDP_TRAIN_MAX <= (int)STRIDE, "a train fits its room");
static_assert(sizeof(struct in_pktinfo) <= sizeof(struct in6_pktinfo), "room for both");

union train_control {
	struct cmsghdr header;
	uint8_t bytes[CONTROL_ROOM];
};

struct udp_trains_raw {
	struct mmsghdr messages[UDP_TRAINS_MAX];
	struct iovec parts[UDP_TRAINS_MAX];
	union sockaddr_ip peers[UDP_TRAINS_MAX];
	union train_control controls[UDP_TRAINS_MAX];
	/* For a train that goes datagram by datagram. */
	struct mmsghdr singles[UDP_TRAIN_DATAGRAMS_MAX];
	struct iovec single_parts[UDP_TRAIN_DATAGRAMS_MAX];
	uint8_t *rooms;
};

enum err udp_train_prepare(int fd, size_t receive_bytes, bool trains, struct udp_train_socket *ret)
{
	struct udp_train_socket s = {0};
	TRY(udp_prepare(fd, receive_bytes ? receive_bytes : RECEIVE_BYTES, &s.udp));
	TRY(s.udp.family == 4 ? socket_option(fd, IPPROTO_IP, IP_RECVTOS, 1)
			      : socket_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1));
	if (trains) {
		int none = 0;
		socklen_t len = sizeof(none);
		s.receives_trains = socket_option(fd, IPPROTO_UDP, OPTION_GRO, 1) == OK;
		s.sends_trains = getsockopt(fd, IPPROTO_UDP, OPTION_SEGMENT, &none, &len) == 0;
	}
	*ret = s;
	return OK;
}

enum err udp_trains_new(size_t trains, struct udp_trains **ret)
{
	ASSERT(trains > 0 && trains <= UDP_TRAINS_MAX);
	AUTO(udp_trains_free)
	struct udp_trains *t = calloc(1, sizeof(*t) + trains * sizeof(t->trains[0]));
	if (!t)
		return (enum err)ENOMEM;
	t->trains_max = trains;
	t->raw = calloc(1, sizeof(*t->raw));
	void *rooms = NULL;
	if (!t->raw || posix_memalign(&rooms, 64, STRIDE * trains) != 0)
		return (enum err)ENOMEM;
	memset(rooms, 0, STRIDE * trains);
	t->raw->rooms = rooms;
	for (size_t i = 0; i < trains; i++)
		t->trains[i].data = t->raw->rooms + STRIDE * i;
	*ret = TAKE(t);
	return OK;
}

void udp_trains_free(struct udp_trains *trains)
{
	if (!trains)
		return;
	if (trains->raw)
		free(trains->raw->rooms);
	free(trains->raw);
	free(trains);
}

/* ---- receiving ---- */

static void read_control(struct cmsghdr *c, struct udp_train *ret)
{
	const void *data = CMSG_DATA(c);
	if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == OPTION_GRO) {
		ret->segment = (uint16_t) * (const int *)data;
	} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
		ret->tos = *(const uint8_t *)data;
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
		ret->tos = (uint8_t) * (const int *)data;
	} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		const struct in_pktinfo *info = data;
		ret->local = (struct ip_address){.family = 4};
		memcpy(ret->local.bytes, &info->ipi_spec_dst, 4);
		ret->ifindex = (uint32_t)info->ipi_ifindex;
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		const struct in6_pktinfo *info = data;
		ret->local = (struct ip_address){.family = 6};
		memcpy(ret->local.bytes, &info->ipi6_addr, 16);
		ret->ifindex = info->ipi6_ifindex;
	}
}

/* false: cut, or of no use. */
static bool read_train(const struct udp_trains_raw *raw, size_t i, struct udp_train *ret)
{
	struct msghdr header = raw->messages[i].msg_hdr;
	ret->len = raw->messages[i].msg_len;
	ret->segment = (uint16_t)ret->len;
	ret->tos = 0;
	ret->local = (struct ip_address){0};
	ret->ifindex = 0;
	sockaddr_read(&raw->peers[i], &ret->peer);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
		read_control(c, ret);
	return ret->len > 0 && ret->segment > 0 && !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	       ret->peer.address.family;
}

enum err udp_trains_receive(struct udp_trains *in, struct udp_train_socket *socket)
{
	struct udp_trains_raw *raw = in->raw;
	in->count = 0;
	for (size_t i = 0; i < in->trains_max; i++) {
		raw->parts[i] =
			(struct iovec){.iov_base = in->trains[i].data, .iov_len = STRIDE - 64};
		raw->messages[i].msg_hdr = (struct msghdr){.msg_name = &raw->peers[i],
							   .msg_namelen = sizeof(raw->peers[i]),
							   .msg_iov = &raw->parts[i],
							   .msg_iovlen = 1,
							   .msg_control = &raw->controls[i],
							   .msg_controllen = CONTROL_ROOM};
	}
	int n = recvmmsg(socket->udp.fd, raw->messages, (unsigned)in->trains_max, MSG_DONTWAIT,
			 NULL);
	if (n < 0) {
		socket->refused += errno == ECONNREFUSED;
		return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? OK
										  : err_errno();
	}
	for (size_t i = 0; i < (size_t)n; i++) {
		struct udp_train *to = &in->trains[in->count];
		uint8_t *room = to->data;
		struct udp_train train = in->trains[i];
		if (!read_train(raw, i, &train)) {
			socket->left_out++;
			continue;
		}
		/* Rooms change places where a train before this one was left out. */
		*to = train;
		if (i != in->count)
			in->trains[i].data = room;
		in->count++;
		socket->received += (train.len + train.segment - 1) / train.segment;
	}
	return OK;
}

/* ---- sending ---- */

static size_t put_control(uint8_t *at, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)at;
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
	memcpy(CMSG_DATA(c), data, len);
	return CMSG_SPACE(len);
}

static size_t put_local(uint8_t *at, const struct udp_train *t)
{
	if (t->local.family == 4) {
		struct in_pktinfo info = {.ipi_ifindex = (int)t->ifindex};
		memcpy(&info.ipi_spec_dst, t->local.bytes, 4);
		return put_control(at, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
	struct in6_pktinfo info = {.ipi6_ifindex = t->ifindex};
	memcpy(&info.ipi6_addr, t->local.bytes, 16);
	return put_control(at, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* Source and type of service. The segment comes last, so that who sends singles leaves it out. */
static size_t write_controls(union train_control *control, const struct udp_train *t)
{
	size_t len = 0;
	if (t->local.family && t->local.family == t->peer.address.family)
		len += put_local(control->bytes, t);
	if (t->tos) {
		int tos = t->tos;
		len += t->peer.address.family == 4 ? put_control(control->bytes + len, IPPROTO_IP,
								 IP_TOS, &tos, sizeof(tos))
						   : put_control(control->bytes + len, IPPROTO_IPV6,
								 IPV6_TCLASS, &tos, sizeof(tos));
	}
	return len;
}

static size_t datagrams_of(const struct udp_train *t)
{
	return (t->len + t->segment - 1) / t->segment;
}

/* Leaves the header of train i ready; controllen without the segment's control message. */
static void put_train(struct udp_trains *out, size_t i)
{
	struct udp_trains_raw *raw = out->raw;
	const struct udp_train *t = &out->trains[i];
	raw->parts[i] = (struct iovec){.iov_base = t->data, .iov_len = t->len};
	raw->messages[i].msg_hdr =
		(struct msghdr){.msg_name = &raw->peers[i],
				.msg_namelen = sockaddr_write(&t->peer, &raw->peers[i]),
				.msg_iov = &raw->parts[i],
				.msg_iovlen = 1,
				.msg_control = &raw->controls[i],
				.msg_controllen = write_controls(&raw->controls[i], t)};
}

static void put_segment(struct udp_trains *out, size_t i)
{
	struct msghdr *header = &out->raw->messages[i].msg_hdr;
	uint16_t segment = out->trains[i].segment;
	header->msg_controllen +=
		put_control(out->raw->controls[i].bytes + header->msg_controllen, IPPROTO_UDP,
			    OPTION_SEGMENT, &segment, sizeof(segment));
}

/* One sendmmsg. The number sent, or 0 and why the first was not. */
static size_t send_some(int fd, struct mmsghdr *messages, size_t n, enum err *ret)
{
	bool waited = false;
	for (;;) {
		int sent = sendmmsg(fd, messages, (unsigned)n, MSG_DONTWAIT);
		if (sent > 0)
			return (size_t)sent;
		*ret = err_errno();
		if (*ret == (enum err)EINTR)
			continue;
		if (*ret != (enum err)EAGAIN || waited)
			return 0;
		/* What it was given is still on its way out: the sender is as fast as the link. */
		struct pollfd room = {.fd = fd, .events = POLLOUT};
		(void)poll(&room, 1, ROOM_WAIT_MS);
		waited = true;
	}
}

/* The address that a train was to leave from is no longer one of this machine's: it has moved to
 * another network. Then the system's choice is better than silence. True: to be tried again. */
static bool let_local_go(struct udp_train *t, enum err e)
{
	bool of_address = e == (enum err)EINVAL || e == (enum err)EADDRNOTAVAIL ||
			  e == (enum err)ENETUNREACH || e == (enum err)EHOSTUNREACH ||
			  e == (enum err)ENODEV;
	if (!t->local.family || !of_address)
		return false;
	t->local = (struct ip_address){0};
	t->ifindex = 0;
	return true;
}

/* In step with the kernel's cutting: all of one size, the last what is left. */
static void send_singles(struct udp_trains *out, size_t train, struct udp_train_socket *socket)
{
	struct udp_trains_raw *raw = out->raw;
	const struct udp_train *t = &out->trains[train];
	size_t n = 0, done = 0;
	put_train(out, train);
	for (size_t at = 0; at < t->len; at += t->segment, n++) {
		size_t left = t->len - at;
		raw->single_parts[n] = (struct iovec){
			.iov_base = t->data + at, .iov_len = left < t->segment ? left : t->segment};
		raw->singles[n].msg_hdr = raw->messages[train].msg_hdr;
		raw->singles[n].msg_hdr.msg_iov = &raw->single_parts[n];
	}
	while (done < n) {
		enum err e = OK;
		size_t sent = send_some(socket->udp.fd, raw->singles + done, n - done, &e);
		socket->sent += sent;
		done += sent;
		if (sent == 0 && let_local_go(&out->trains[train], e)) {
			put_train(out, train);
			for (size_t i = done; i < n; i++)
				raw->singles[i].msg_hdr.msg_controllen =
					raw->messages[train].msg_hdr.msg_controllen;
		} else if (sent == 0) {
			socket->refused += e == (enum err)ECONNREFUSED;
			socket->lost++;
			done++;
		}
	}
}

/* What the kernel says of a train that it would take datagram by datagram: EIO, the device has no
 * checksums (or another kernel's reason that ends trains here); EINVAL and EMSGSIZE, a datagram of
 * it is longer than the link's MTU. */
static bool refused_as_train(struct udp_train_socket *socket, enum err e)
{
	if (e == (enum err)EIO)
		socket->sends_trains = false;
	return e == (enum err)EIO || e == (enum err)EINVAL || e == (enum err)EMSGSIZE;
}

/* Whole trains from `first` on; how many of them are done with, sent or lost: 0 when the first is
 * to be tried again. */
static size_t send_whole(struct udp_trains *out, size_t first, struct udp_train_socket *socket)
{
	enum err e = OK;
	for (size_t i = first; i < out->count; i++) {
		ASSERT(out->trains[i].segment && out->trains[i].len <= UDP_TRAIN_MAX &&
		       datagrams_of(&out->trains[i]) <= UDP_TRAIN_DATAGRAMS_MAX);
		put_train(out, i);
		if (datagrams_of(&out->trains[i]) > 1)
			put_segment(out, i);
	}
	size_t n = send_some(socket->udp.fd, out->raw->messages + first, out->count - first, &e);
	for (size_t i = 0; i < n; i++)
		socket->sent += datagrams_of(&out->trains[first + i]);
	if (n)
		return n;
	if (let_local_go(&out->trains[first], e))
		return 0;
	socket->refused += e == (enum err)ECONNREFUSED;
	size_t datagrams = datagrams_of(&out->trains[first]);
	if (datagrams > 1 && refused_as_train(socket, e)) {
		socket->cut++;
		send_singles(out, first, socket);
	} else {
		socket->lost += datagrams;
	}
	return 1;
}

/* Rooms change places, none is lost. */
static void leave_out_empty(struct udp_trains *out)
{
	size_t n = 0;
	for (size_t i = 0; i < out->count; i++) {
		struct udp_train t = out->trains[i];
		if (t.len == 0)
			continue;
		if (i != n) {
			out->trains[i] = out->trains[n];
			out->trains[n] = t;
		}
		n++;
	}
	out->count = n;
}

void udp_trains_send(struct udp_trains *out, struct udp_train_socket *socket)
{
	size_t done = 0;
	leave_out_empty(out);
	while (done < out->count)
		if (socket->sends_trains)
			done += send_whole(out, done, socket);
		else
			send_singles(out, done++, socket);
	out->count = 0;
}
