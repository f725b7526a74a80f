/* The address server for IPv4 (RFC 2131): from a client's message to what is sent, stored and told.
 * Does no I/O and has no clock: time is an argument, effects are calls.
 *
 *	DISCOVER -> receive -> [probe -> probed or its time passes] -> send OFFER
 *	REQUEST  -> receive -> store -> stored -> send ACK, name, event
 *
 * An ACK is sent only from dhcp_engine_stored: what was acknowledged is durable. While a store does
 * not answer, leases that are known and unchanged in owner go on being renewed from memory.
 *
 * now_ms: Unix time in milliseconds that never goes back while the process lives. */
#ifndef DHCP_ENGINE_H
#define DHCP_ENGINE_H

#include "base/err.h"
#include "base/siphash.h"
#include "base/span.h"
#include "names/label.h"
#include "proto/dns/name.h"
#include "service/dhcp/lease.h"
#include "service/dhcp/site.h"

struct dhcp_engine;

/* --- effects --- */

enum dhcp_send_how {
	DHCP_SEND_UDP,	     /* to address:port, from local (0: any), routed */
	DHCP_SEND_BROADCAST, /* to 255.255.255.255:port on the link ifindex */
	DHCP_SEND_FRAME, /* to address:port in a frame to mac on the link ifindex: the host does not
			  * answer ARP yet (RFC 2131 4.1) */
};

struct dhcp_send {
	enum dhcp_send_how how;
	uint32_t ifindex; /* BROADCAST, FRAME */
	uint32_t local;	  /* source address: the server identifier */
	uint32_t address;
	uint16_t port; /* 68, or 67 for a relay */
	uint8_t mac[6];
	struct span message; /* good during the call */
};

/* One row to make durable, in one commit with whatever else waits. */
struct dhcp_store {
	uint64_t token;		/* comes back in dhcp_engine_stored */
	struct span key, value; /* good during the call; value empty: remove the row */
	uint64_t expected;	/* version that the row must have; 0: there must be none */
};

struct dhcp_probe {
	uint32_t address;
	uint32_t ifindex; /* ARP on that link; 0: ICMP echo, routed */
	uint32_t local;	  /* our address there */
};

enum dhcp_event_kind {
	DHCP_EVENT_DISCOVER,
	DHCP_EVENT_OFFER,
	DHCP_EVENT_REQUEST,
	DHCP_EVENT_ACK,
	DHCP_EVENT_NAK,
	DHCP_EVENT_DECLINE,
	DHCP_EVENT_RELEASE,
	DHCP_EVENT_INFORM,
	DHCP_EVENT_CONFLICT, /* a probe was answered */
	DHCP_EVENT_EXPIRE,
	DHCP_EVENT_POOL,    /* use of a pool passed its threshold, upwards or downwards */
	DHCP_EVENT_REFUSED, /* not answered: cause says why */
};

/* Why something was not answered, or refused; each has a counter. */
enum dhcp_cause {
	DHCP_CAUSE_NONE,
	DHCP_CAUSE_TORN, /* not a DHCP message (RFC 2131 2, 3) */
	DHCP_CAUSE_TYPE, /* unknown message type, or one that servers send */
	DHCP_CAUSE_BOOTP,
	DHCP_CAUSE_NO_NETWORK,	  /* from a link or relay that no network is configured for */
	DHCP_CAUSE_NO_ADDRESS,	  /* pools exhausted, or none admits this client */
	DHCP_CAUSE_FIXED,	  /* no reservation, and all pools are fixed */
	DHCP_CAUSE_RATE,	  /* per_second */
	DHCP_CAUSE_PORT,	  /* per_port */
	DHCP_CAUSE_BUSY,	  /* too many at once: slabs or queues are full */
	DHCP_CAUSE_NOT_OURS,	  /* another server was chosen, or load split */
	DHCP_CAUSE_UNKNOWN_LEASE, /* RFC 2131 4.3.2: silent, we have no record */
	DHCP_CAUSE_WRONG_NETWORK, /* NAK */
	DHCP_CAUSE_TAKEN,	  /* NAK: somebody else has it */
	DHCP_CAUSE_FORGED,	  /* RELEASE or DECLINE of what the sender does not hold */
	DHCP_CAUSE_STORE,	  /* the store did not take it */
	DHCP_CAUSES,
};

struct dhcp_event {
	enum dhcp_event_kind kind;
	enum dhcp_cause cause;
	const struct dhcp_client *client; /* NULL: EXPIRE, POOL */
	const struct dhcp_lease *lease;	  /* NULL: none */
	const struct dhcp_pool *pool;	  /* POOL */
	const struct dhcp_network *network;
	uint32_t address;
	size_t used, size; /* POOL */
};

enum dhcp_name_change { DHCP_NAME_GRANTED, DHCP_NAME_ENDED };

struct dhcp_effects {
	void *arg;
	void (*send)(void *arg, const struct dhcp_send *s);
	/* ERR_LIMIT: its queue is full; the client will ask again. */
	enum err (*store)(void *arg, const struct dhcp_store *s);
	void (*probe)(void *arg, const struct dhcp_probe *p);
	/* A lease was granted or renewed (durable already), or ended; the DNS shall say so. */
	void (*name)(void *arg, enum dhcp_name_change change, const struct dhcp_lease *l,
		     const struct dhcp_network *n);
	void (*event)(void *arg, const struct dhcp_event *e);
};

/* --- the engine --- */

/* A link of this machine, as it is now. */
struct dhcp_link {
	uint32_t ifindex;
	char name[16];
	uint32_t address; /* ours there, the first that a network of the site holds; 0: none */
	uint8_t bits;
	uint8_t mac[6];
};

struct dhcp_limits {
	size_t leases;	/* records in memory, offers among them */
	size_t waiting; /* exchanges that wait for a probe or the store */
};

/* site: a reference is taken. key: random. */
MUST enum err dhcp_engine_new(struct dhcp_site *site, const struct dhcp_limits *limits,
			      const struct dhcp_effects *effects, struct hash_key key,
			      struct dhcp_engine **ret);
void dhcp_engine_free(struct dhcp_engine *e);

/* A reload: leases stay, also those that no pool covers any more (until they end). */
void dhcp_engine_set_site(struct dhcp_engine *e, struct dhcp_site *site, uint64_t now_ms);
/* What clients are told of their names (option 81, RFC 4702); copied. Until then: that we write
 * none.
 */
struct dhcp_naming {
	bool updates; /* leases become names */
	enum names_fqdn_policy policy;
	struct dns_name domain; /* completes a client's name; len 0, or the root: nothing does */
};
void dhcp_engine_set_naming(struct dhcp_engine *e, const struct dhcp_naming *naming);
/* Links that are there now; copied. At most DHCP_LINKS_MAX. */
enum { DHCP_LINKS_MAX = 256 };
void dhcp_engine_set_links(struct dhcp_engine *e, const struct dhcp_link *links, size_t n);

struct dhcp_arrival {
	uint32_t ifindex;  /* it came in by that link */
	uint32_t from, to; /* addresses of the datagram */
	uint16_t from_port;
};

/* One datagram. Whatever it holds costs a counter at most. */
void dhcp_engine_receive(struct dhcp_engine *e, uint64_t now_ms, const struct dhcp_arrival *a,
			 struct span packet);

enum dhcp_stored {
	DHCP_STORED,	     /* durable */
	DHCP_STORE_CONFLICT, /* the row has another version: its current form comes with it */
	DHCP_STORE_FAILED,   /* the store is away; nothing is known to have changed */
};

/* The answer to the effect store. version: the row's new one, or its present one (0: absent).
 * current: on a conflict its value, empty when absent. */
void dhcp_engine_stored(struct dhcp_engine *e, uint64_t now_ms, uint64_t token,
			enum dhcp_stored result, uint64_t version, struct span current);

/* While it is away nobody is told that he has no lease: another server may have given it to him,
 * and he could not have a new one. Failed writes, and those that get no answer, say so by
 * themselves. */
void dhcp_engine_store_away(struct dhcp_engine *e, bool away);

/* Somebody answered for an address: after the effect probe, or heard on the link anyway. mac: NULL
 * when not known (ICMP). */
void dhcp_engine_probed(struct dhcp_engine *e, uint64_t now_ms, uint32_t address,
			const uint8_t *mac);

/* A row of the store: at start each one, later those that another server changed. value empty: it
 * was removed. ERR_FORMAT, ERR_UNSUPPORTED: as dhcp_lease_read; ERR_LIMIT: no room. */
MUST enum err dhcp_engine_learn(struct dhcp_engine *e, uint64_t now_ms, struct span key,
				struct span value, uint64_t version);

/* When dhcp_engine_turn is due: UINT64_MAX: not at all. */
uint64_t dhcp_engine_next_ms(struct dhcp_engine *e);
void dhcp_engine_turn(struct dhcp_engine *e, uint64_t now_ms);

/* The DNS was told (or could not be): kept with the lease at its next write. */
void dhcp_engine_named(struct dhcp_engine *e, uint32_t address, uint8_t names);

/* --- for the control socket --- */

/* NULL: no record of that address. */
bool dhcp_engine_lease(struct dhcp_engine *e, uint32_t address, struct dhcp_lease *ret);
/* The record with the lowest address >= from; false: none. Cheap enough to walk 1,000,000 in
 * slices. */
bool dhcp_engine_lease_from(struct dhcp_engine *e, uint32_t from, struct dhcp_lease *ret);
/* Ends a lease as if its client had released it. ERR_ABSENT. */
MUST enum err dhcp_engine_release(struct dhcp_engine *e, uint64_t now_ms, uint32_t address);
/* FORCERENEW with the client's nonce (RFC 6704). ERR_ABSENT: no lease; ERR_UNSUPPORTED: the client
 * gave no capability for it. */
MUST enum err dhcp_engine_force_renew(struct dhcp_engine *e, uint64_t now_ms, uint32_t address);

struct dhcp_pool_use {
	const struct dhcp_network *network;
	const struct dhcp_pool *pool;
	size_t size, bound, offered, resting; /* addresses */
};
/* The nth pool of the site (from 0); false: no more. */
bool dhcp_engine_pool_use(struct dhcp_engine *e, size_t nth, struct dhcp_pool_use *ret);

/* Messages by type (index: option 53, 0: none) and by cause. */
struct dhcp_counts {
	uint64_t received[32], sent[32], causes[DHCP_CAUSES];
	uint64_t leases, offers, waiting; /* now */
	uint64_t probes, conflicts, expired;
	uint64_t ipv6_only; /* OFFERs without an address, to clients that prefer IPv6 */
};
void dhcp_engine_counts(const struct dhcp_engine *e, struct dhcp_counts *ret);

#endif
