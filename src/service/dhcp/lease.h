/* A lease of an IPv4 address: what is remembered of it, and its durable form. Knows no packet, no
 * table and no store. */
#ifndef DHCP_LEASE_H
#define DHCP_LEASE_H

#include "base/err.h"
#include "base/reader.h"
#include "base/writer.h"

enum dhcp_lease_state {
	DHCP_LEASE_OFFERED = 1, /* in memory only */
	DHCP_LEASE_BOUND,
	DHCP_LEASE_RELEASED, /* by the client; remembered for automatic allocation */
	DHCP_LEASE_EXPIRED,  /* the same, by time. Durable rows say BOUND and let time judge */
	DHCP_LEASE_DECLINED, /* rests until expires_s: the client found a holder */
	DHCP_LEASE_CONFLICT, /* rests until expires_s: our probe found a holder */
};

enum {
	DHCP_LEASE_NAME_MAX = 255,    /* octets of a host name or FQDN as text */
	DHCP_LEASE_STORED_MAX = 1400, /* octets of the durable form */
	DHCP_LEASE_FQDN = 0x80,	      /* of fqdn_flags: the client sent option 81 */
	DHCP_LEASE_KEY_LEN = 5,	      /* 4 and the address, network byte order */
};

/* Which names of it are in the DNS: kept with the lease, so that they can be withdrawn. */
enum { DHCP_NAME_FORWARD = 1 << 0, DHCP_NAME_REVERSE = 1 << 1 };

/* A lease as others see it: spans are borrowed and good until the next call of the engine. */
struct dhcp_lease {
	uint32_t address;
	uint32_t granted_s, expires_s; /* Unix time; expires_s UINT32_MAX: never */
	enum dhcp_lease_state state;
	uint8_t htype, mac_len;
	const uint8_t *mac;    /* mac_len octets */
	struct span client_id; /* option 61; empty: none */
	struct span circuit_id, remote_id;
	struct span name; /* host name that the client or its reservation gave, cleaned; as text */
	uint8_t fqdn_flags; /* of option 81; bit 7 set: the option was there */
	uint8_t names;	    /* DHCP_NAME_*: what the DNS was told */
	uint64_t version;   /* of its row in the store; 0: not stored */
};

/* The durable form: a version octet, then the fields. ERR_FORMAT: not one of ours; ERR_UNSUPPORTED:
 * of a newer program. Spans of ret lie inside value. key has DHCP_LEASE_KEY_LEN octets. */
void dhcp_lease_key(uint32_t address, uint8_t ret[DHCP_LEASE_KEY_LEN]);
void dhcp_lease_write(const struct dhcp_lease *l, struct writer *w);
MUST enum err dhcp_lease_read(struct span key, struct span value, struct dhcp_lease *ret);

#endif
