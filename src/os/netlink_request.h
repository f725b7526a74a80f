/* One netlink request with its attributes, and what the kernel answers to it. Private to this
 * folder; knows neither links nor routes. */
#ifndef OS_NETLINK_REQUEST_H
#define OS_NETLINK_REQUEST_H

#include "base/reader.h"
#include "proto/ip/address.h"

#include <linux/netlink.h>

enum { NETLINK_REQUEST_MAX = 1024 };

/* Everything is in host byte order and padded to 4 bytes. */
struct netlink_request {
	int family; /* NETLINK_ROUTE unless it is set after init: NETLINK_GENERIC… */
	union {
		struct nlmsghdr header;
		uint8_t bytes[NETLINK_REQUEST_MAX];
	};
};

/* body: the fixed part behind the header, ifinfomsg for one. flags beyond NLM_F_REQUEST. */
void netlink_request_init(struct netlink_request *q, uint16_t type, uint16_t flags,
			  const void *body, size_t body_len);
/* Room for len more bytes, which the caller fills. */
void *netlink_request_room(struct netlink_request *q, size_t len);

/* Attributes. */
void netlink_put(struct netlink_request *q, uint16_t type, const void *data, size_t len);
void netlink_put_text(struct netlink_request *q, uint16_t type, const char *text);
void netlink_put_number(struct netlink_request *q, uint16_t type, uint32_t value);
void netlink_put_address(struct netlink_request *q, uint16_t type,
			 const struct ip_address *address);
/* Begins an attribute that holds others; nest_end fills its length. */
size_t netlink_nest_begin(struct netlink_request *q, uint16_t type);
void netlink_nest_end(struct netlink_request *q, size_t at);

/* AF_INET or AF_INET6. */
uint8_t netlink_domain(const struct ip_address *address);

/* Sends it on a socket of its own; the error of its acknowledgement, or OK. */
MUST enum err netlink_request_do(struct netlink_request *q);

/* Asks for one thing and calls for each message of the answer, as netlink_request_list does. */
MUST enum err netlink_request_ask(struct netlink_request *q,
				  void (*call)(void *arg, uint16_t type, struct reader body),
				  void *arg);

/* Asks for a list and calls for each message of it: type as in nlmsg_type, body without that
 * header. EINTR: the list changed meanwhile and is to be asked for again. */
MUST enum err netlink_request_list(struct netlink_request *q,
				   void (*call)(void *arg, uint16_t type, struct reader body),
				   void *arg);

/* The next message of what was received; false at the end, and for one that is torn. */
bool netlink_message_next(struct reader *r, struct nlmsghdr *ret_header, struct reader *ret_body);

/* The next attribute; false at the end, or where what follows is none. */
bool netlink_attribute_next(struct reader *r, uint16_t *ret_type, struct reader *ret_body);
/* A number of four bytes in host order; 0 when there are fewer. */
uint32_t netlink_number(struct reader body);

#endif
