#include "os/packet.h"

#include "os/fd.h"
#include "os/sockaddr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/uio.h>

static_assert(PACKET_IP4 == ETH_P_IP && PACKET_ARP == ETH_P_ARP && PACKET_IP6 == ETH_P_IPV6,
	      "the kernel's numbers");

/* sockaddr_ll has room for 8 bytes of address; the kernel takes and gives longer ones past it. */
union raw_end {
	struct sockaddr any;
	struct sockaddr_ll link;
	uint8_t bytes[offsetof(struct sockaddr_ll, sll_addr) + PACKET_LINK_MAX];
};

enum err packet_open(int *ret_fd)
{
	AUTO_DONE(fd_done)
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

static enum err filter_set(int fd, const struct sock_filter *code, size_t code_len)
{
	/* The kernel only reads the program. */
	struct sock_fprog program = {.len = (unsigned short)code_len,
				     .filter = (struct sock_filter *)(uintptr_t)code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0
		       ? err_errno()
		       : OK;
}

static enum err listen_at(int fd, uint32_t ifindex, uint16_t protocol)
{
	union raw_end at = {.link = {.sll_family = AF_PACKET,
				     .sll_protocol = htons(protocol),
				     .sll_ifindex = (int)ifindex}};
	TRY(socket_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1));
	TRY(socket_option(fd, SOL_PACKET, PACKET_AUXDATA, 1));
	return bind(fd, &at.any, sizeof(at.link)) < 0 ? err_errno() : OK;
}

enum err packet_listen(int fd, uint32_t ifindex, uint16_t protocol)
{
	static const struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
	TRY(filter_set(fd, all, sizeof(all) / sizeof(all[0])));
	return listen_at(fd, ifindex, protocol);
}

enum err packet_listen_arp_replies(int fd, uint32_t ifindex)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	TRY(filter_set(fd, code, sizeof(code) / sizeof(code[0])));
	return listen_at(fd, ifindex, PACKET_ARP);
}

enum err packet_listen_udp4(int fd, uint32_t ifindex, uint16_t port)
{
	/* From the network header on: protocol at 9, flags and fragment offset at 6 (RFC 791), the
	 * header's length in the low half of the first byte, the destination port 2 behind it. */
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	/* The filter first: nothing else may be in the queue. */
	TRY(filter_set(fd, code, sizeof(code) / sizeof(code[0])));
	return listen_at(fd, ifindex, PACKET_IP4);
}

enum err packet_watch_udp4(int fd, uint32_t ifindex, uint16_t first_port, uint16_t last_port)
{
	/* As above, but either port, from or to, between the two. */
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 12),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 10),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 8, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first_port, 0, 1),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last_port, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first_port, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last_port, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	union raw_end at = {.link = {.sll_family = AF_PACKET,
				     .sll_protocol = htons(ETH_P_ALL),
				     .sll_ifindex = (int)ifindex}};
	TRY(filter_set(fd, code, sizeof(code) / sizeof(code[0])));
	TRY(socket_option(fd, SOL_PACKET, PACKET_AUXDATA, 1));
	return bind(fd, &at.any, sizeof(at.link)) < 0 ? err_errno() : OK;
}

enum err packet_send(int fd, const struct packet_end *to, struct span packet)
{
	ASSERT(to->address_len <= PACKET_LINK_MAX);
	union raw_end at = {.link = {.sll_family = AF_PACKET,
				     .sll_protocol = htons(to->protocol),
				     .sll_ifindex = (int)to->ifindex,
				     .sll_halen = to->address_len}};
	memcpy(at.bytes + offsetof(struct sockaddr_ll, sll_addr), to->address, to->address_len);
	ssize_t n = sendto(fd, packet.data, packet.len, MSG_DONTWAIT | MSG_NOSIGNAL, &at.any,
			   sizeof(at));
	return n < 0 ? err_errno() : OK;
}

/* Whether the auxiliary data says that the checksum is still to be made. */
static bool is_pending(struct msghdr *message)
{
	for (const struct cmsghdr *c = CMSG_FIRSTHDR(message); c;
	     c = CMSG_NXTHDR(message, (struct cmsghdr *)(uintptr_t)c)) {
		const struct tpacket_auxdata *data = (const void *)CMSG_DATA(c);
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA &&
		    c->cmsg_len >= CMSG_LEN(sizeof(*data)))
			return (data->tp_status & TP_STATUS_CSUMNOTREADY) != 0;
	}
	return false;
}

enum err packet_receive(int fd, void *buf, size_t size, struct packet_received *ret)
{
	union raw_end from = {0};
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct iovec part = {.iov_base = buf, .iov_len = size};
	struct msghdr message = {.msg_name = &from,
				 .msg_namelen = sizeof(from),
				 .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN)
		return err_errno();
	*ret = (struct packet_received){0};
	if (n < 0)
		return OK; /* nothing there; or a link went down, which netlink tells better */
	ret->len = (size_t)n;
	ret->checksum_pending = is_pending(&message);
	ret->from.ifindex = (uint32_t)from.link.sll_ifindex;
	ret->from.protocol = ntohs(from.link.sll_protocol);
	ret->from.address_len =
		from.link.sll_halen <= PACKET_LINK_MAX ? from.link.sll_halen : PACKET_LINK_MAX;
	memcpy(ret->from.address, from.bytes + offsetof(struct sockaddr_ll, sll_addr),
	       ret->from.address_len);
	return OK;
}
