/* What an OFFER or an ACK says, judged and copied (RFC 2131, RFC 2132, RFC 3397, RFC 3442), and the
 * file in which it outlives the process. Knows no state, no clock and no interface.
 *
 * IPv4 addresses are uint32_t in host order, as in proto/dhcp. */
#ifndef DHCP_CLIENT_LEASE_H
#define DHCP_CLIENT_LEASE_H

#include "base/writer.h"
#include "proto/dhcp/auth.h"
#include "proto/dhcp/message.h"
#include "proto/dns/name.h"

enum {
	LEASE_ROUTES_MAX = 128,
	LEASE_SERVERS_MAX = 8, /* of DNS, of NTP */
	LEASE_SEARCH_MAX = 16,
	LEASE_MIN_S = 5,	/* a shorter lease would only make us ask all the time */
	LEASE_MTU_MIN = 576,	/* RFC 791: what every host takes */
	LEASE_FILE_MAX = 16384, /* octets of the durable form */
};
#define LEASE_FOREVER UINT32_MAX

struct lease_route {
	uint32_t destination, router; /* router 0: on the link */
	uint8_t bits;
};

struct lease {
	uint32_t address, server;
	uint8_t bits;			     /* of the subnet mask */
	uint32_t lease_s, renew_s, rebind_s; /* LEASE_FOREVER; T1 and T2 are 0 when not told */
	bool rapid;			     /* an ACK without a REQUEST (RFC 4039) */
	uint16_t mtu;			     /* 0: not told */
	bool has_nonce;
	uint8_t nonce[DHCP_NONCE_LEN]; /* RFC 6704 */
	uint64_t replay;
	size_t dns_n, ntp_n, routes_n, search_n;
	uint32_t dns[LEASE_SERVERS_MAX], ntp[LEASE_SERVERS_MAX];
	struct dns_name domain; /* len 0: not told */
	struct dns_name search[LEASE_SEARCH_MAX];
	/* The default route among them, with 0 bits. Of option 121, or else of 33 and 3. */
	struct lease_route routes[LEASE_ROUTES_MAX];
	uint16_t message_len; /* as it came */
	uint8_t message[DHCP_MESSAGE_MAX];
};

/* An address that one host can have: not 0/8, 127/8, 224/3. */
bool lease_address_is_host(uint32_t address);

/* m: an OFFER or an ACK of a server. What is malformed or makes no sense among the options is left
 * out, and *ret_ignored counts it. ERR_ABSENT: no lease time or server identifier. ERR_REFUSED: an
 * address that no host can have, or a lease below LEASE_MIN_S. ret is undefined on failure. */
MUST enum err lease_read(const struct dhcp_message *m, struct lease *ret, uint32_t *ret_ignored);

/* T1 and T2 in milliseconds from the beginning of the lease: what the server said, where that makes
 * sense, else half and seven eighths of it, moved by random (any bits) by up to a 32nd of the lease
 * each, earlier only (RFC 2131 4.4.5: "some random fuzz"). UINT64_MAX: never. */
struct lease_times {
	uint64_t renew_ms, rebind_ms, end_ms;
};
struct lease_times lease_times(const struct lease *l, uint64_t random);

/* What is kept on disk: the ACK itself, when its lease ends, and which process uses it. */
struct lease_file {
	uint64_t owner;	     /* a random number of the process; 0: nobody */
	uint64_t mtu_before; /* what the link's MTU was before a lease changed it; 0: none did */
	uint64_t obtained_s, expires_s; /* Unix time; expires_s UINT64_MAX: never */
	struct span message;		/* empty: no lease, only an owner */
};
void lease_file_write(const struct lease_file *f, struct writer *w);
/* message is decoded into room. ERR_FORMAT, ERR_LIMIT: not one of ours. */
MUST enum err lease_file_read(struct span text, uint8_t room[DHCP_MESSAGE_MAX],
			      struct lease_file *ret);

#endif
