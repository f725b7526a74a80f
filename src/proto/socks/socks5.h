/* SOCKS 5, both sides: greeting, method, user and password, request, reply, and the header of its
 * datagrams (RFC 1928, RFC 1929). Knows no socket, no users, and not who may connect where.
 *
 * Readers are given what stands at the beginning of a message and pass over `len` bytes of it: what
 * follows belongs to the next one.
 */
#ifndef PROTO_SOCKS_SOCKS5_H
#define PROTO_SOCKS_SOCKS5_H

#include "base/parse.h"
#include "base/writer.h"
#include "proto/socks/address.h"

enum {
	SOCKS5_VERSION = 5,
	SOCKS5_METHODS_MAX = 255,
	SOCKS5_TEXT_MAX = 255, /* of a user's name, or a password */
	SOCKS5_GREETING_MAX = 2 + SOCKS5_METHODS_MAX,
	SOCKS5_CHOICE_LEN = 2,
	SOCKS5_PASSWORD_MAX = 3 + 2 * SOCKS5_TEXT_MAX,
	SOCKS5_STATUS_LEN = 2,
	SOCKS5_REQUEST_MAX = 4 + 1 + SOCKS_NAME_MAX + 2, /* of a reply, and of a UDP header too */
};

enum socks5_method {
	SOCKS5_NO_AUTHENTICATION = 0x00,
	SOCKS5_BY_PASSWORD = 0x02,
	SOCKS5_NONE_ACCEPTABLE = 0xff, /* the client must close */
};

enum socks5_reply {
	SOCKS5_SUCCEEDED = 0,
	SOCKS5_FAILED = 1,	/* general SOCKS server failure */
	SOCKS5_NOT_ALLOWED = 2, /* by ruleset */
	SOCKS5_NETWORK_UNREACHABLE = 3,
	SOCKS5_HOST_UNREACHABLE = 4,
	SOCKS5_CONNECTION_REFUSED = 5,
	SOCKS5_TTL_EXPIRED = 6,
	SOCKS5_COMMAND_UNSUPPORTED = 7,
	SOCKS5_ADDRESS_UNSUPPORTED = 8,
};

struct socks5_greeting {
	struct span methods; /* 1 to 255 of them, borrowed */
	size_t len;
};
MUST enum parse socks5_greeting_read(struct span in, struct socks5_greeting *ret);
bool socks5_offers(const struct socks5_greeting *g, enum socks5_method method);
/* w is bad without a method, or with too many. */
void socks5_greeting_write(struct writer *w, struct span methods);

void socks5_choice_write(struct writer *w, enum socks5_method method);
/* *ret: any value; the caller refuses one that it did not offer. */
MUST enum parse socks5_choice_read(struct span in, uint8_t *ret);

struct socks5_password {
	struct span user, password; /* 1 to 255 bytes each, borrowed; any bytes */
	size_t len;
};
MUST enum parse socks5_password_read(struct span in, struct socks5_password *ret);
void socks5_password_write(struct writer *w, struct span user, struct span password);
void socks5_status_write(struct writer *w, bool good);
MUST enum parse socks5_status_read(struct span in, bool *ret_good);

struct socks5_request {
	uint8_t command; /* enum socks_command, or any other value: for the caller to refuse */
	struct socks_address to;
	/* After PARSE_BAD, which sets nothing else: what the client is to be answered. */
	enum socks5_reply fault;
	size_t len;
};
MUST enum parse socks5_request_read(struct span in, struct socks5_request *ret);
void socks5_request_write(struct writer *w, uint8_t command, const struct socks_address *to);

/* bound: family 0: zeros, which tell nothing. */
void socks5_reply_write(struct writer *w, enum socks5_reply reply, const struct ip_endpoint *bound);
/* *ret: any value; none but 0 is success. PARSE_BAD: not a reply. */
MUST enum parse socks5_reply_read(struct span in, uint8_t *ret, struct socks_address *ret_bound,
				  size_t *ret_len);
/* What a failed connect is answered with. */
enum socks5_reply socks5_reply_of(enum err e);

/* The header of a datagram (RFC 1928 7), of which *ret_data is the rest. ERR_UNSUPPORTED: a
 * fragment, to be dropped. ERR_FORMAT. */
MUST enum err socks5_datagram_read(struct span in, struct socks_address *ret,
				   struct span *ret_data);
/* The header only. w is bad when `from` is a name that is none. */
void socks5_datagram_write(struct writer *w, const struct socks_address *from);

#endif
