#include "os/outbox.h"

#include "os/packet.h"
#include "os/sockaddr.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/uio.h>

union end {
	union sockaddr_ip ip;
	struct sockaddr_ll link;
	uint8_t bytes[offsetof(struct sockaddr_ll, sll_addr) + PACKET_LINK_MAX];
};

union control {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct outbox {
	size_t slots, size, n;
	struct mmsghdr *messages;
	struct iovec *parts;
	union end *ends;
	union control *controls;
	uint8_t *buffers;
};

enum err outbox_new(size_t slots, size_t size, struct outbox **ret)
{
	ASSERT(slots > 0 && slots <= OUTBOX_SLOTS_MAX && size >= 64 && size <= UINT16_MAX);
	AUTO(outbox_free) struct outbox *box = calloc(1, sizeof(*box));
	if (!box)
		return (enum err)ENOMEM;
	box->slots = slots;
	/* As in udp_batch: not all beginnings in the same sets of the cache. */
	box->size = ((size + 63) / 64 | 1) * 64;
	box->messages = calloc(slots, sizeof(*box->messages));
	box->parts = calloc(slots, sizeof(*box->parts));
	box->ends = calloc(slots, sizeof(*box->ends));
	box->controls = calloc(slots, sizeof(*box->controls));
	box->buffers = calloc(slots, box->size);
	if (!box->messages || !box->parts || !box->ends || !box->controls || !box->buffers)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < slots; i++) {
		box->parts[i].iov_base = box->buffers + i * box->size;
		box->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &box->ends[i], .msg_iov = &box->parts[i], .msg_iovlen = 1};
	}
	*ret = TAKE(box);
	return OK;
}

void outbox_free(struct outbox *box)
{
	if (!box)
		return;
	free(box->messages);
	free(box->parts);
	free(box->ends);
	free(box->controls);
	free(box->buffers);
	free(box);
}

bool outbox_is_full(const struct outbox *box)
{
	return box->n == box->slots;
}

bool outbox_is_empty(const struct outbox *box)
{
	return box->n == 0;
}

/* Copies the bytes into the next slot; NULL: there is none. The slot counts when n is raised. */
static struct msghdr *fill(struct outbox *box, struct span head, struct span body)
{
	if (box->n == box->slots || head.len > box->size || body.len > box->size - head.len)
		return NULL;
	struct iovec *part = &box->parts[box->n];
	memcpy(part->iov_base, head.data, head.len);
	if (body.len)
		memcpy((uint8_t *)part->iov_base + head.len, body.data, body.len);
	part->iov_len = head.len + body.len;
	return &box->messages[box->n].msg_hdr;
}

/* Source and link, as a control message. Returns its length; 0: the kernel chooses both. */
static size_t control_write(union control *c, uint8_t family, const struct ip_address *from,
			    uint32_t ifindex)
{
	if (!from && !ifindex)
		return 0;
	if (family == 4) {
		struct in_pktinfo info = {.ipi_ifindex = (int)ifindex};
		if (from)
			memcpy(&info.ipi_spec_dst, from->bytes, 4);
		c->header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(info)),
					     .cmsg_level = IPPROTO_IP,
					     .cmsg_type = IP_PKTINFO};
		memcpy(CMSG_DATA(&c->header), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	struct in6_pktinfo info = {.ipi6_ifindex = ifindex};
	if (from)
		memcpy(&info.ipi6_addr, from->bytes, 16);
	c->header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(info)),
				     .cmsg_level = IPPROTO_IPV6,
				     .cmsg_type = IPV6_PKTINFO};
	memcpy(CMSG_DATA(&c->header), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

bool outbox_add_udp(struct outbox *box, const struct ip_endpoint *to, const struct ip_address *from,
		    uint32_t ifindex, struct span datagram)
{
	ASSERT(!from || from->family == to->address.family);
	struct msghdr *m = fill(box, datagram, (struct span){0});
	if (!m)
		return false;
	union control *control = &box->controls[box->n];
	m->msg_namelen = sockaddr_write(to, &box->ends[box->n].ip);
	m->msg_controllen = control_write(control, to->address.family, from, ifindex);
	m->msg_control = m->msg_controllen ? control : NULL;
	box->n++;
	return true;
}

bool outbox_add_packet(struct outbox *box, const struct packet_end *to, struct span head,
		       struct span body)
{
	ASSERT(to->address_len <= PACKET_LINK_MAX);
	struct msghdr *m = fill(box, head, body);
	if (!m)
		return false;
	union end *end = &box->ends[box->n];
	*end = (union end){.link = {.sll_family = AF_PACKET,
				    .sll_protocol = htons(to->protocol),
				    .sll_ifindex = (int)to->ifindex,
				    .sll_halen = to->address_len}};
	memcpy(end->bytes + offsetof(struct sockaddr_ll, sll_addr), to->address, to->address_len);
	m->msg_namelen = sizeof(*end);
	m->msg_control = NULL;
	m->msg_controllen = 0;
	box->n++;
	return true;
}

size_t outbox_send(struct outbox *box, int fd)
{
	size_t done = 0, dropped = 0;
	while (done < box->n) {
		int sent = sendmmsg(fd, box->messages + done, (unsigned)(box->n - done),
				    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0) {
			done += (size_t)sent;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			dropped += box->n - done;
			break;
		} else if (errno != EINTR) {
			dropped++; /* this one only: no route, its link is gone… */
			done++;
		}
	}
	box->n = 0;
	return dropped;
}
