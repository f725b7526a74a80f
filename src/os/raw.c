#include "os/raw.h"

#include "base/reader.h"
#include "os/fd.h"
#include "os/sockaddr.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { DESTINATION_AT = 16 };

enum err raw4_open(uint32_t mark, int *ret_fd)
{
	AUTO_DONE(fd_done)
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		return err_errno();
	if (mark)
		TRY(socket_option(fd, SOL_SOCKET, SO_MARK, (int)mark));
	*ret_fd = fd_take(&fd);
	return OK;
}

enum err raw4_send(int fd, uint32_t ifindex, struct span packet)
{
	struct ip_endpoint to = {.address = {.family = 4}};
	struct reader r = reader_of_span(packet);
	reader_skip(&r, DESTINATION_AT);
	read_bytes(&r, to.address.bytes, 4);
	if (reader_check(&r))
		return ERR_FORMAT;
	union sockaddr_ip raw = {0};
	socklen_t len = sockaddr_write(&to, &raw);
	struct iovec iov = {.iov_base = (void *)(uintptr_t)packet.data, .iov_len = packet.len};
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0};
	struct msghdr m = {.msg_name = &raw, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1};
	if (ifindex) {
		struct in_pktinfo info = {.ipi_ifindex = (int)ifindex};
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? err_errno() : OK;
}
