#include "os/netlink_request.h"

#include "os/fd.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

enum { ANSWER_MAX = 32768, ANSWERS_MAX = 65536 };

void *netlink_request_room(struct netlink_request *q, size_t len)
{
	size_t at = NLMSG_ALIGN(q->header.nlmsg_len);
	ASSERT(at + NLMSG_ALIGN(len) <= sizeof(q->bytes));
	q->header.nlmsg_len = (uint32_t)(at + len);
	return q->bytes + at;
}

void netlink_request_init(struct netlink_request *q, uint16_t type, uint16_t flags,
			  const void *body, size_t body_len)
{
	*q = (struct netlink_request){.family = NETLINK_ROUTE,
				      .header = {.nlmsg_len = NLMSG_HDRLEN,
						 .nlmsg_type = type,
						 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
						 .nlmsg_seq = 1}};
	memcpy(netlink_request_room(q, body_len), body, body_len);
}

void netlink_put(struct netlink_request *q, uint16_t type, const void *data, size_t len)
{
	struct rtattr head = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
	uint8_t *room = netlink_request_room(q, RTA_LENGTH(len));
	memcpy(room, &head, sizeof(head));
	if (len)
		memcpy(room + RTA_LENGTH(0), data, len);
}

void netlink_put_text(struct netlink_request *q, uint16_t type, const char *text)
{
	netlink_put(q, type, text, strlen(text) + 1);
}

void netlink_put_number(struct netlink_request *q, uint16_t type, uint32_t value)
{
	netlink_put(q, type, &value, sizeof(value));
}

void netlink_put_address(struct netlink_request *q, uint16_t type, const struct ip_address *address)
{
	netlink_put(q, type, address->bytes, ip_address_len(address));
}

size_t netlink_nest_begin(struct netlink_request *q, uint16_t type)
{
	size_t at = NLMSG_ALIGN(q->header.nlmsg_len);
	netlink_put(q, type, NULL, 0);
	return at;
}

void netlink_nest_end(struct netlink_request *q, size_t at)
{
	uint16_t len = (uint16_t)(q->header.nlmsg_len - at);
	memcpy(q->bytes + at + offsetof(struct rtattr, rta_len), &len, sizeof(len));
}

uint8_t netlink_domain(const struct ip_address *address)
{
	ASSERT(address->family == 4 || address->family == 6);
	return address->family == 4 ? AF_INET : AF_INET6;
}

bool netlink_message_next(struct reader *r, struct nlmsghdr *ret_header, struct reader *ret_body)
{
	struct nlmsghdr header;
	if (reader_left(r) < NLMSG_HDRLEN)
		return false;
	read_bytes(r, &header, sizeof(header));
	if (header.nlmsg_len < NLMSG_HDRLEN)
		return false;
	*ret_body = reader_sub(r, header.nlmsg_len - NLMSG_HDRLEN);
	size_t padding = NLMSG_ALIGN(header.nlmsg_len) - header.nlmsg_len;
	reader_skip(r, padding < reader_left(r) ? padding : reader_left(r));
	*ret_header = header;
	return !r->bad;
}

static enum err read_error(struct reader body)
{
	int error = 0;
	read_bytes(&body, &error, sizeof(error));
	TRY(reader_check(&body));
	return (enum err) - error;
}

static enum err request_send(const struct netlink_request *q, int *ret_fd)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	AUTO_DONE(fd_done) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, q->family);
	if (fd < 0)
		return err_errno();
	if (sendto(fd, q->bytes, q->header.nlmsg_len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

static enum err answer_receive(int fd, uint8_t *room, struct reader *ret)
{
	ssize_t n;
	do
		n = recv(fd, room, ANSWER_MAX, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno();
	*ret = reader_of(room, (size_t)n);
	return OK;
}

enum err netlink_request_do(struct netlink_request *q)
{
	uint8_t room[ANSWER_MAX];
	AUTO_DONE(fd_done) int fd = -1;
	struct reader r, body;
	struct nlmsghdr header;
	q->header.nlmsg_flags |= NLM_F_ACK;
	TRY(request_send(q, &fd));
	TRY(answer_receive(fd, room, &r));
	while (netlink_message_next(&r, &header, &body))
		if (header.nlmsg_type == NLMSG_ERROR)
			return read_error(body);
	return ERR_FORMAT;
}

enum err netlink_request_ask(struct netlink_request *q,
			     void (*call)(void *arg, uint16_t type, struct reader body), void *arg)
{
	uint8_t room[ANSWER_MAX];
	AUTO_DONE(fd_done) int fd = -1;
	struct reader r, body;
	struct nlmsghdr header;
	TRY(request_send(q, &fd));
	TRY(answer_receive(fd, room, &r));
	while (netlink_message_next(&r, &header, &body)) {
		if (header.nlmsg_type == NLMSG_ERROR)
			return read_error(body);
		call(arg, header.nlmsg_type, body);
	}
	return OK;
}

enum err netlink_request_list(struct netlink_request *q,
			      void (*call)(void *arg, uint16_t type, struct reader body), void *arg)
{
	uint8_t room[ANSWER_MAX];
	AUTO_DONE(fd_done) int fd = -1;
	q->header.nlmsg_flags |= NLM_F_DUMP;
	TRY(request_send(q, &fd));
	bool interrupted = false;
	for (size_t i = 0; i < ANSWERS_MAX; i++) {
		struct reader r, body;
		struct nlmsghdr header;
		TRY(answer_receive(fd, room, &r));
		while (netlink_message_next(&r, &header, &body)) {
			interrupted |= (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (header.nlmsg_type == NLMSG_ERROR)
				return read_error(body);
			if (header.nlmsg_type == NLMSG_DONE)
				return interrupted ? (enum err)EINTR : OK;
			call(arg, header.nlmsg_type, body);
		}
	}
	return ERR_LIMIT;
}

bool netlink_attribute_next(struct reader *r, uint16_t *ret_type, struct reader *ret_body)
{
	struct rtattr head;
	if (reader_left(r) < sizeof(head))
		return false;
	read_bytes(r, &head, sizeof(head));
	if (head.rta_len < sizeof(head))
		return false;
	*ret_body = reader_sub(r, head.rta_len - sizeof(head));
	size_t padding = RTA_ALIGN(head.rta_len) - head.rta_len;
	reader_skip(r, padding < reader_left(r) ? padding : reader_left(r));
	*ret_type = (uint16_t)(head.rta_type & (uint16_t)NLA_TYPE_MASK);
	return !r->bad;
}

uint32_t netlink_number(struct reader body)
{
	uint32_t value = 0;
	read_bytes(&body, &value, sizeof(value));
	return value;
}
