/* The address server for IPv6 (RFC 8415): from a client's message to what is sent, stored and told.
 * Does no I/O and has no clock: time is an argument, effects are calls.
 *
 *	SOLICIT -> receive -> send ADVERTISE	(nothing is remembered of it)
 *	REQUEST -> receive -> store, for each lease -> stored -> send REPLY, name, event
 *
 * A Reply that grants, renews or ends leases is sent only from v6_engine_stored: what was
 *acknowledged is durable. While the store fails or keeps silent, leases that are known and stay
 *with their owner are renewed, but for no longer than what is durable says: so no other server can
 *give them away meanwhile.
 *
 * What the caller must do (front rooms):
 * - UDP port 547, bound to each served interface; ff02::1:2 joined there and ff05::1:3 on those
 *where relays may be. Each datagram goes to v6_engine_receive with the interface that it came in
 *by, its source and its destination address (IPV6_RECVPKTINFO).
 * - effects.send: UDP from port 547 of an own address on `ifindex` (0: routed) to `to`:`port`.
 * - effects.store as of the server for IPv4; rows whose key begins with the octet 6 are this
 *engine's. Removals come by the same effect with an empty value.
 * - secret: 32 octets that outlive the process, known to nobody else: keys of Reconfigure (RFC 8415
 *   20.4) are derived from it.
 * - duid: of this server, 3 to 130 octets, the same for ever (RFC 8415 11).
 *
 * now_ms: Unix time in milliseconds that never goes back while the process lives; nor should it
 *across restarts, since Reconfigure messages are numbered by it. */
#ifndef DHCP_V6_ENGINE_H
#define DHCP_V6_ENGINE_H

#include "base/siphash.h"
#include "service/dhcp/engine.h"
#include "service/dhcp/v6_site.h"

struct v6_engine;

enum v6_lease_state {
	V6_LEASE_PENDING = 1, /* in memory only: its store is under way */
	V6_LEASE_BOUND,
	V6_LEASE_ENDED,	   /* released or expired; remembered for automatic allocation */
	V6_LEASE_DECLINED, /* rests until expires_s */
};

enum {
	V6_LEASE_KEY_LEN = 18,	   /* 6, the address, the length */
	V6_LEASE_STORED_MAX = 512, /* octets of the durable form */
	V6_NAME_MAX = 255,
};

/* A lease as others see it: spans are borrowed and good until the next call of the engine. */
struct v6_lease_view {
	enum dhcp6_ia_kind kind;
	struct ip_prefix prefix; /* 128 bits: an address */
	enum v6_lease_state state;
	uint32_t iaid;
	uint32_t granted_s, expires_s; /* Unix time; expires_s UINT32_MAX: never */
	uint32_t preferred_s;	       /* the lifetime as it was granted last */
	struct span duid;
	struct span mac;    /* as a relay told it, or as the DUID says; empty: not known */
	struct span name;   /* host name or FQDN that the client or its reservation gave, as text */
	uint8_t fqdn_flags; /* DHCP6_FQDN_*; bit 7 set: the option was there */
	uint8_t names;	    /* DHCP_NAME_*: what the DNS was told */
	uint64_t version;   /* of its row; 0: not stored */
};

/* The durable form: a version octet, then the fields. ERR_FORMAT: not one of ours; ERR_UNSUPPORTED:
 * of a newer program. Spans of ret lie inside value. */
void v6_lease_key(const struct ip_prefix *p, uint8_t ret[V6_LEASE_KEY_LEN]);
void v6_lease_write(const struct v6_lease_view *l, struct writer *w);
MUST enum err v6_lease_read(struct span key, struct span value, struct v6_lease_view *ret);

/* --- effects --- */

struct v6_send {
	struct ip_address to;
	uint16_t port;	     /* 546, or 547 for a relay */
	uint32_t ifindex;    /* the link of `to`; 0: routed */
	uint8_t type;	     /* enum dhcp6_type of what is inside */
	struct span message; /* good during the call */
};

enum v6_event_kind {
	V6_EVENT_RECEIVED, /* a message that was acted upon: type */
	V6_EVENT_SENT,	   /* a message: type */
	V6_EVENT_BOUND,	   /* a lease is new, durable and told */
	V6_EVENT_RENEWED,
	V6_EVENT_RELEASED,
	V6_EVENT_DECLINED,
	V6_EVENT_EXPIRED,
	V6_EVENT_POOL,	  /* use of a pool passed its threshold, upwards or downwards */
	V6_EVENT_REFUSED, /* not answered: cause says why */
};

/* Why something was not answered, or refused; each has a counter. */
enum v6_cause {
	V6_CAUSE_NONE,
	V6_CAUSE_TORN,	/* not a DHCPv6 message */
	V6_CAUSE_TYPE,	/* unknown, or one that servers send (RFC 8415 16.3, 16.10, 16.11, 16.14) */
	V6_CAUSE_LIMIT, /* more IAs, options or relays than are looked at */
	V6_CAUSE_NO_NETWORK, /* from a link or relay that no network is configured for */
	V6_CAUSE_IDENTITY,   /* a client or server identifier lacks, or is there and must not */
	V6_CAUSE_NOT_OURS,   /* for another server */
	V6_CAUSE_UNICAST,    /* RFC 8415 16: these types come by multicast */
	V6_CAUSE_OPTION,     /* an option that its type of message must not have */
	V6_CAUSE_NOTHING,    /* RFC 8415 18.3.3, 18.3.5: nothing to say */
	V6_CAUSE_RATE,	     /* per_second */
	V6_CAUSE_CLIENT,     /* leases_per_client */
	V6_CAUSE_BUSY,	     /* its store is under way, or slabs are full */
	V6_CAUSE_NO_LEASE,   /* told the client so: nothing free for an IA */
	V6_CAUSE_LENGTH,     /* the answer does not fit */
	V6_CAUSE_STORE,	     /* the store did not take it */
	V6_CAUSES,
};

/* "torn", "no-network". */
const char *v6_cause_name(enum v6_cause cause);

struct v6_event {
	enum v6_event_kind kind;
	enum v6_cause cause;
	uint8_t type; /* enum dhcp6_type; 0: not known */
	uint32_t transaction_id;
	struct span duid;		   /* empty: not known */
	struct ip_address from;		   /* family 0: not known */
	const struct v6_lease_view *lease; /* NULL: none */
	const struct v6_network *network;  /* NULL: not known */
	const struct v6_pool *pool;	   /* POOL */
	uint64_t used, size;		   /* POOL */
};

struct v6_effects {
	void *arg;
	void (*send)(void *arg, const struct v6_send *s);
	/* ERR_LIMIT: its queue is full; the client will ask again. */
	enum err (*store)(void *arg, const struct dhcp_store *s);
	/* A lease of an address was granted or renewed (durable already), or ended; the DNS shall
	 * say so. */
	void (*name)(void *arg, enum dhcp_name_change change, const struct v6_lease_view *l,
		     const struct v6_network *n);
	void (*event)(void *arg, const struct v6_event *e);
};

/* --- the engine --- */

enum { V6_LINK_ADDRESSES_MAX = 8 };

/* A link of this machine, as it is now. */
struct v6_link {
	uint32_t ifindex;
	char name[16];
	struct ip_address addresses[V6_LINK_ADDRESSES_MAX]; /* ours there, global ones */
	uint8_t bits[V6_LINK_ADDRESSES_MAX];		    /* their prefix lengths */
	size_t addresses_n;
};

struct v6_limits {
	size_t leases;	/* records in memory */
	size_t waiting; /* exchanges that wait for the store */
};

/* site: a reference is taken. effects, duid and secret are copied. key: random. ENOMEM. */
MUST enum err v6_engine_new(struct v6_site *site, const struct v6_limits *limits,
			    const struct v6_effects *effects, struct span duid,
			    const uint8_t secret[32], struct hash_key key, struct v6_engine **ret);
void v6_engine_free(struct v6_engine *e);

/* A reload: leases stay; those that no network holds any more end at their next renewal (RFC 8415
 * 18.3.4: lifetimes of 0). */
void v6_engine_set_site(struct v6_engine *e, struct v6_site *site, uint64_t now_ms);
/* What clients are told of their names (option 39, RFC 4704); copied. Until then: that we write
 * none.
 */
void v6_engine_set_naming(struct v6_engine *e, const struct dhcp_naming *naming);
/* Copied; at most DHCP_LINKS_MAX. */
void v6_engine_set_links(struct v6_engine *e, const struct v6_link *links, size_t n);

struct v6_arrival {
	uint32_t ifindex;
	struct ip_address from, to;
};

/* One datagram. Whatever it holds costs a counter at most. */
void v6_engine_receive(struct v6_engine *e, uint64_t now_ms, const struct v6_arrival *a,
		       struct span packet);

/* The answer to the effect store: as dhcp_engine_stored. */
void v6_engine_stored(struct v6_engine *e, uint64_t now_ms, uint64_t token, enum dhcp_stored result,
		      uint64_t version, struct span current);

/* While it is away nobody is told that he has no lease, or that there is none: another server may
 * know better. Failed writes, and those that get no answer, say so by themselves. */
void v6_engine_store_away(struct v6_engine *e, bool away);

/* A row of the store: at start each one, later those that another server changed. value empty: it
 * was removed. ERR_FORMAT, ERR_UNSUPPORTED: as v6_lease_read; ERR_LIMIT: no room. */
MUST enum err v6_engine_learn(struct v6_engine *e, uint64_t now_ms, struct span key,
			      struct span value, uint64_t version);

/* When v6_engine_turn is due: UINT64_MAX: not at all. */
uint64_t v6_engine_next_ms(struct v6_engine *e);
void v6_engine_turn(struct v6_engine *e, uint64_t now_ms);

/* The DNS was told (or could not be): kept with the lease at its next write. */
void v6_engine_named(struct v6_engine *e, const struct ip_prefix *lease, uint8_t names);

/* --- for the control socket --- */

bool v6_engine_lease(struct v6_engine *e, const struct ip_prefix *lease, struct v6_lease_view *ret);
/* All records, in no order: *at is 0 first and belongs to the walk. False: no more. Records may be
 * told twice or not at all when leases come and go between calls. */
bool v6_engine_lease_next(struct v6_engine *e, size_t *at, struct v6_lease_view *ret);
/* Ends a lease as if its client had released it. ERR_ABSENT; ERR_LIMIT: busy, try again. */
MUST enum err v6_engine_release(struct v6_engine *e, uint64_t now_ms,
				const struct ip_prefix *lease);
/* Tells the lease's client to renew (RFC 8415 18.3.11), again until it does or REC_MAX_RC.
 * ERR_ABSENT: no such lease; ERR_UNSUPPORTED: the client does not accept it, or was not heard since
 * we began. */
MUST enum err v6_engine_reconfigure(struct v6_engine *e, uint64_t now_ms,
				    const struct ip_prefix *lease);

struct v6_pool_use {
	const struct v6_network *network;
	const struct v6_pool *pool;
	uint64_t size, bound, resting;
};
/* The nth pool of the site (from 0), in the order of the networks, their address pools before their
 * prefix pools; false: no more. */
bool v6_engine_pool_use(struct v6_engine *e, size_t nth, struct v6_pool_use *ret);

/* Messages by type (index: enum dhcp6_type) and by cause. */
struct v6_counts {
	uint64_t received[16], sent[16], causes[V6_CAUSES];
	uint64_t leases, waiting; /* now */
	uint64_t bound, renewed, released, declined, expired;
};
void v6_engine_counts(const struct v6_engine *e, struct v6_counts *ret);

#endif
