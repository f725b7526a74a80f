/* Where a client wants to go, read from what it wrote into one form that nobody can read as another
 * place. Knows no message, no rule and no name's addresses (inside.h judges those).
 *
 * A host is an address or a name, and each has one spelling here. What some readers take for an
 * address and others for a name is refused rather than guessed: decimal, octal, hexadecimal and
 * short forms (inet_aton(3): 2130706433, 0177.0.0.1, 0x7f.1, 127.1), an address with a dot at its
 * end, escapes, zone identifiers, user names, letters that are not ASCII (a browser sends A-labels,
 * RFC 5891). An IPv4-mapped address becomes the IPv4 address that a socket would make of it. */
#ifndef FORWARD_PROXY_ACCESS_DESTINATION_H
#define FORWARD_PROXY_ACCESS_DESTINATION_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

enum {
	DESTINATION_NAME_MAX = 253,
	DESTINATION_LABEL_MAX = 63,
	/* A name, or an address in brackets, with its port. */
	DESTINATION_TEXT_MAX = DESTINATION_NAME_MAX + 1 + 6,
};

struct destination {
	/* Of a family where the host is an address; never IPv4-mapped. Family 0: a name. */
	struct ip_address address;
	uint16_t port; /* 1 to 65535 */
	uint8_t name_len;
	char name[DESTINATION_NAME_MAX + 1]; /* lower case, without a dot at the end; NUL */
};

/* No host, and nothing behind where its name would end is touched. */
static inline void destination_clear(struct destination *d)
{
	d->address = (struct ip_address){0};
	d->port = 0;
	d->name_len = 0;
	d->name[0] = 0;
}

/* text: HOST or HOST:PORT, as in a request's target or Host (RFC 9110 7.2), an IPv6 address in
 * brackets. port_default: where none is written; 0: it must be (CONNECT, RFC 9110 9.3.6).
 * ERR_FORMAT: no host and port; ERR_REFUSED: one that could be read in two ways. */
MUST enum err destination_read(struct span text, uint16_t port_default, struct destination *ret);

/* The host alone, as SOCKS and others have it: a name, or an address without brackets. As above. */
MUST enum err destination_read_host(struct span host, uint16_t port, struct destination *ret);

/* localhost and names below it, which never leave a machine (RFC 6761 6.3). */
bool destination_is_localhost(const struct destination *d);

static inline struct span destination_name(const struct destination *d)
{
	return span_of(d->name, d->name_len);
}

/* "example.com", "192.0.2.1", "[2001:db8::1]": what destination_read reads back as the same.
 * Returns the length without the NUL. */
size_t destination_host_format(const struct destination *d, char ret[DESTINATION_TEXT_MAX + 1]);

#endif
