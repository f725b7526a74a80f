/* Leases become names: DNS UPDATE messages by RFC 4703, signed (TSIG), in order and retried. Does
 *no I/O: time and entropy are arguments, messages leave by calls. What else has an address and
 *holds a name by right (a tunnel's peer) is a lease without an end here. Never in the way of an
 *ACK: what does not fit into the queue is counted and comes again when the lease is renewed.
 *
 *	granted -> [queue] -> send(UPDATE) -> answer -> next step … -> done(address, names)
 *
 * Whoever owns the sockets (link.h): send() a message by UDP from a connected socket (or any, the
 * answer's origin is checked here), hand answers to names_answer. An answer with TC is refused by
 * the engine with tcp set in the next send() of the same message: then the message goes by TCP,
 *with two octets of length in front, and the answer without them to names_answer. Call names_turn
 *at names_next_ms.
 *
 * now_ms: monotonic or wall time that never goes back; now_s: wall time, for signatures. */
#ifndef NAMES_H
#define NAMES_H

#include "base/siphash.h"
#include "names/label.h"
#include "proto/dns/code.h"
#include "proto/dns/dhcid.h"
#include "proto/dns/tsig.h"

/* What of a lease is in the DNS; kept with the lease. The same numbers as DHCP_NAME_* of lease.h.
 */
enum {
	NAMES_FORWARD = 1 << 0,
	NAMES_REVERSE = 1 << 1,
	NAMES_MADE = 1 << 2, /* by the name made from the address: another holds the wanted one */
};

/* --- configuration --- */

struct names_zone {
	struct dns_name zone; /* as the server has it: the SOA is there */
	struct ip_endpoint server;
	const struct dns_tsig_key *key; /* borrowed as long as the configuration; NULL: unsigned */
};

struct names_conf {
	struct dns_name domain; /* hosts are labels right below it */
	struct names_zone forward;
	const struct names_zone *reverse; /* borrowed; the longest that holds the name is taken */
	size_t reverse_n;
	const struct names_label *reserved; /* borrowed: besides those that are everybody's */
	size_t reserved_n;
	uint32_t ttl_max_s; /* RFC 4702 5 wants a third of the lease at most; this bounds it further
			     */
	bool generate;	    /* a name from the address for clients without one */
	enum names_fqdn_policy fqdn;
};

/* --- effects --- */

struct names_send {
	struct ip_endpoint to;
	bool tcp;
	struct span message; /* good during the call */
};

enum names_event_kind {
	NAMES_EVENT_ADDED,
	NAMES_EVENT_REMOVED,
	NAMES_EVENT_CONFLICT, /* another client holds the name */
	NAMES_EVENT_FAILED,   /* the server refused or is away; it is tried again */
	NAMES_EVENT_GIVEN_UP,
};

struct names_event {
	enum names_event_kind kind;
	struct ip_address address;
	const struct dns_name *name;
	const struct ip_endpoint *server;
	/* FAILED: of the answer, TSIG's own errors (16 BADSIG, 17 BADKEY, 18 BADTIME) among them;
	 * NAMES_NO_ANSWER: there was none. */
	uint16_t rcode;
	unsigned tries;
};
#define NAMES_NO_ANSWER UINT16_MAX

/* "name-added", as events are called. */
const char *names_event_text(enum names_event_kind kind);
/* Of FAILED: "no answer", "REFUSED", "BADKEY". buf may hold it. */
const char *names_cause_text(uint16_t rcode, char buf[DNS_CODE_TEXT_MAX]);

struct names_effects {
	void *arg;
	void (*send)(void *arg, const struct names_send *s);
	/* names: what of the lease is in the DNS now. */
	void (*done)(void *arg, const struct ip_address *address, uint8_t names);
	void (*event)(void *arg, const struct names_event *e);
};

/* --- the engine --- */

struct names;

struct names_limits {
	size_t queue;	/* leases whose names are under way or wait */
	size_t at_once; /* messages without an answer, 1 to NAMES_AT_ONCE_MAX */
};
enum { NAMES_AT_ONCE_MAX = 256 };

/* conf: borrowed until names_set_conf or names_free. */
MUST enum err names_new(const struct names_conf *conf, const struct names_limits *limits,
			const struct names_effects *effects, struct hash_key key,
			struct names **ret);
void names_free(struct names *n);
/* What is under way begins anew with it. */
void names_set_conf(struct names *n, const struct names_conf *conf);

/* A lease as the names need it. */
struct names_lease {
	struct ip_address address;
	/* Of the client: DUID over IPv6; client identifier, htype and MAC over IPv4 (dhcid.h). */
	struct span duid, client_id, mac;
	uint8_t htype;
	struct span name; /* what the lease says: host name or FQDN, cleaned or not; empty: none */
	bool reserved;	  /* by a reservation of this client: reserved names are allowed then */
	bool fqdn, fqdn_s, fqdn_n; /* the client sent the option, and its flags */
	uint32_t lease_s;
	uint8_t names; /* NAMES_*: what was told before */
};

/* Granted or renewed: its names shall be in the DNS. What lease->names says is there already is not
 * sent again. Of several calls for one address the latest counts. */
void names_granted(struct names *n, uint64_t now_ms, const struct names_lease *lease);
/* Ended: what lease->names says, or what is under way, goes. */
void names_ended(struct names *n, uint64_t now_ms, const struct names_lease *lease);

/* A datagram or message from a server. Whatever it holds costs a counter at most. */
void names_answer(struct names *n, uint64_t now_ms, uint64_t now_s, const struct ip_endpoint *from,
		  struct span message);

uint64_t names_next_ms(const struct names *n); /* UINT64_MAX: not at all */
void names_turn(struct names *n, uint64_t now_ms, uint64_t now_s);

/* Leases that the queue still takes: for who walks all leases after a start. */
size_t names_room(const struct names *n);

struct names_counts {
	uint64_t added, removed, conflicts, failed, given_up, queue_full, forged;
	uint64_t sent, answered;
	size_t waiting; /* now */
};
void names_count(const struct names *n, struct names_counts *ret);

#endif
