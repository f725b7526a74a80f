/* The inside of the IPv4 engine: its state, one exchange with a client, and what its files ask of
 * each other. Only files of the engine include it.
 *
 *	engine.c	the life of the engine; reload, links, time
 *	receive.c	what a message says of its sender, and where it leads
 *	choose.c	which address a client gets (RFC 2131 4.3.1)
 *	exchange_*.c	what each message type does
 *	commit.c	towards the store, and back
 *	record.c	what becomes of a lease, and what follows from that
 *	admit.c		limits for strangers
 *	client_name.c	what the client calls itself
 *	wait.c		exchanges that wait
 *	reply.c		what is sent, and to where (RFC 2131 4.1, tables 3 and 5) */
#ifndef DHCP_EXCHANGE_H
#define DHCP_EXCHANGE_H

#include "base/slab.h"
#include "base/table.h"
#include "base/wheel.h"
#include "proto/dhcp/fqdn.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp/relay.h"
#include "service/dhcp/calendar.h"
#include "service/dhcp/engine.h"
#include "service/dhcp/lease_table.h"
#include "service/dhcp/pool.h"

enum {
	DHCP_REPLY_MAX = 1472,	/* what one Ethernet frame takes */
	DHCP_REUSE_AFTER_S = 2, /* a lease that ended is kept this long from others: two servers'
				 * clocks, and the client's, differ a little */
	DHCP_JUST_HELD_S = 60,	/* who held an address until then gets it without a probe */
	DHCP_STORE_PATIENCE_MS = 2000, /* how long a renewal waits for the store */
	DHCP_TRIES_MAX = 4, /* addresses probed, or rows met that others wrote, for one message */
	DHCP_RATES = 4096,  /* buckets of admit.c */
	DHCP_TURN_STEPS = 2048, /* of the calendar in one turn: about a millisecond */
	DHCP_REUSE_TRIES = 16,
	DHCP_DECLINES_MAX = 4, /* addresses that rest because one client said so */
};

/* Flags of a record. */
enum {
	DHCP_RECORD_DIRTY = 1, /* the row does not say yet which names the DNS has */
	DHCP_RECORD_NONCE = 2, /* its client took a nonce: FORCERENEW is possible */
	DHCP_RECORD_FREED = 4, /* a write of its end is under way */
};

/* Where an address is. */
struct dhcp_place {
	const struct dhcp_network *network;
	const struct dhcp_pool *pool; /* NULL: reserved, outside of all pools */
};

enum dhcp_phase {
	DHCP_PHASE_HERE,    /* being decided upon */
	DHCP_PHASE_PROBING, /* until its time passes, or somebody answers */
	DHCP_PHASE_GRANT,   /* the store writes; then an ACK */
	DHCP_PHASE_NOTE,    /* the store writes; nobody waits for it */
	DHCP_PHASE_QUEUED,  /* behind another exchange of the same record */
};

/* One message of a client and what has been found out about it. It does not move, so that what
 * points into it is good while it waits. */
struct dhcp_exchange {
	struct wheel_timer timer; /* first: the wheel gives it back */
	struct dhcp_site
		*site; /* a reference once it has waited: what it points to outlives a reload */
	struct dhcp_exchange *then; /* owned: came for the same record meanwhile */
	struct dhcp_exchange *spare_next;
	uint64_t token, asked_ms; /* asked_ms: when the store was */
	uint32_t slot;		  /* 0: not waiting */
	uint32_t record;
	enum dhcp_phase phase;
	unsigned tries;
	bool rapid;    /* DISCOVER that an ACK answers (RFC 4039) */
	bool answered; /* from memory, while the store kept it waiting */
	bool familiar; /* the client has the address already, or had it a moment ago */
	struct dhcp_place place;
	struct dhcp_times times;
	struct dhcp_arrival arrival;
	uint32_t server_id;
	struct dhcp_client client;
	struct dhcp_relay_info relay;
	struct names_label label; /* what the lease is called; empty: nothing */
	bool has_fqdn;
	struct dhcp_fqdn fqdn; /* option 81 as the client sent it, when has_fqdn */
	uint32_t value_len;
	uint8_t value[DHCP_LEASE_STORED_MAX]; /* the row that is being written */
	uint32_t packet_len;
	uint8_t packet[DHCP_MESSAGE_MAX];
	struct dhcp_message message;
};

/* A pool, and who is in it. */
struct dhcp_pool_state {
	const struct dhcp_pool *pool;	    /* borrowed from the site */
	const struct dhcp_network *network; /* the same */
	struct dhcp_free free;		    /* empty for fixed pools */
	uint32_t ended;			    /* list: whose lease ended, the longest ago first */
	uint32_t bound, offered, resting;
	bool warned;
};

/* Leases of one relay port. */
struct dhcp_port {
	uint64_t key;
	uint32_t leases;
};

struct dhcp_rate {
	uint64_t key;
	uint64_t since_ms;
	uint32_t taken;
};

struct dhcp_engine {
	struct dhcp_site *site;
	struct dhcp_limits limits;
	struct dhcp_effects effects;
	struct hash_key key;
	uint64_t now_ms;
	uint64_t started_ms; /* 0: not yet */
	bool store_away;
	bool settled; /* what expired while we were away is sorted out: pools may be judged */
	struct dhcp_table table;
	struct dhcp_calendar calendar;
	struct dhcp_pool_state *pools; /* owned */
	size_t pools_n;
	struct dhcp_link links[DHCP_LINKS_MAX];
	const struct dhcp_network *served[DHCP_LINKS_MAX]; /* by link; NULL: none */
	size_t links_n;

	struct slab exchanges;
	struct dhcp_exchange *here;	/* the next message is read into it */
	struct dhcp_exchange *spares;	/* by spare_next */
	struct dhcp_exchange **waiting; /* owned; by slot, from 1 */
	uint32_t *slots_free;		/* owned; a stack */
	size_t slots_free_n;
	uint32_t serial; /* part of the tokens, so that an old answer meets no new exchange */
	struct wheel wheel;

	bool counts_ports;
	struct slab ports;
	struct table by_port;
	struct dhcp_rate *rates; /* owned; DHCP_RATES */

	struct dhcp_counts counts;
	struct dhcp_naming naming;
	uint64_t replay; /* of the last FORCERENEW or nonce */
	uint8_t reply[DHCP_REPLY_MAX];
};

static inline uint32_t dhcp_now_s(const struct dhcp_engine *e)
{
	return (uint32_t)(e->now_ms / 1000);
}

/* --- receive.c --- */

void dhcp_exchange_identity(const struct dhcp_exchange *x, struct dhcp_identity *ret);
/* Is that server identifier one of ours (RFC 2131 4.3.2)? */
bool dhcp_exchange_is_ours(const struct dhcp_engine *e, const struct dhcp_exchange *x, uint32_t id);
/* The identifier for clients of a network whom no message has told of; 0: none known. */
uint32_t dhcp_engine_server_id(const struct dhcp_engine *e, const struct dhcp_network *n);
/* Does what the type wants; again after the store has told of another row. */
void dhcp_exchange_dispatch(struct dhcp_engine *e, struct dhcp_exchange *x);
/* After a reload: what it points to is the new site's again. False: that has no such network. */
bool dhcp_exchange_refresh(struct dhcp_engine *e, struct dhcp_exchange *x);
/* Which network each link serves; after links or site have changed. */
void dhcp_engine_serve(struct dhcp_engine *e);

/* The link of a network, as records name it. */
static inline uint32_t dhcp_network_link(const struct dhcp_network *n)
{
	return n ? n->link[0]->index : DHCP_LINK_NONE;
}

static inline struct dhcp_site *dhcp_exchange_site(const struct dhcp_engine *e,
						   const struct dhcp_exchange *x)
{
	return x->site ? x->site : e->site;
}

/* --- exchange_*.c: each is done with x when it returns, unless x->slot says that it waits --- */

void dhcp_exchange_discover(struct dhcp_engine *e, struct dhcp_exchange *x);
/* The probe has found nobody. */
void dhcp_exchange_probed(struct dhcp_engine *e, struct dhcp_exchange *x);
void dhcp_exchange_request(struct dhcp_engine *e, struct dhcp_exchange *x);
void dhcp_exchange_decline(struct dhcp_engine *e, struct dhcp_exchange *x);
void dhcp_exchange_release(struct dhcp_engine *e, struct dhcp_exchange *x);
void dhcp_exchange_inform(struct dhcp_engine *e, struct dhcp_exchange *x);

/* --- choose.c --- */

/* May the client have that address, as far as the configuration goes? OK fills ret.
 * WRONG_NETWORK: it is not on the client's link; NO_ADDRESS, TAKEN: not for this client. */
enum dhcp_cause dhcp_place_of(const struct dhcp_engine *e, const struct dhcp_exchange *x,
			      uint32_t address, struct dhcp_place *ret);
/* The address to be offered, as a record that is the client's (OFFERED or BOUND); fills x->place
 * and x->record. */
enum dhcp_cause dhcp_choose(struct dhcp_engine *e, struct dhcp_exchange *x);
/* Where that address would be; takes none. False: nowhere. */
bool dhcp_foresee(const struct dhcp_engine *e, const struct dhcp_exchange *x,
		  struct dhcp_place *ret);
/* That very address, for this client. TAKEN: somebody else has it. */
enum dhcp_cause dhcp_claim(struct dhcp_engine *e, struct dhcp_exchange *x, uint32_t address,
			   struct dhcp_place place);

/* --- record.c --- */

bool dhcp_record_is_held(const struct dhcp_engine *e, const struct dhcp_record *r);
bool dhcp_state_is_ended(unsigned state);
uint32_t dhcp_record_due_s(const struct dhcp_record *r);
/* A record for an address that has none; NULL: full. */
struct dhcp_record *dhcp_record_new(struct dhcp_engine *e, uint32_t address);
/* The address is free again, and nothing is remembered. */
void dhcp_record_drop(struct dhcp_engine *e, struct dhcp_record *r);
/* The one way to another state: keeps pools, ports, lists and counts right. */
void dhcp_record_become(struct dhcp_engine *e, struct dhcp_record *r, unsigned state);
MUST enum err dhcp_record_describe(struct dhcp_engine *e, struct dhcp_record *r,
				   const struct dhcp_lease *l);
/* An offer that nobody wants. */
void dhcp_record_lapse(struct dhcp_engine *e, struct dhcp_record *r);
/* A lease ends: RELEASED or EXPIRED. Tells the DNS. */
void dhcp_record_end(struct dhcp_engine *e, struct dhcp_record *r, unsigned state);
void dhcp_record_rest(struct dhcp_engine *e, struct dhcp_record *r, unsigned state,
		      uint32_t rest_s);
void dhcp_record_due(struct dhcp_engine *e, struct dhcp_record *r);
void dhcp_engine_expire(struct dhcp_engine *e);
MUST enum err dhcp_pools_make(struct dhcp_engine *e);
void dhcp_pools_free(struct dhcp_pool_state *pools, size_t n);
/* Gives their lists back, which are empty. */
void dhcp_pools_unlist(struct dhcp_engine *e, const struct dhcp_pool_state *pools, size_t n);
struct dhcp_pool_state *dhcp_record_pool(struct dhcp_engine *e, const struct dhcp_record *r);
void dhcp_record_place(struct dhcp_engine *e, struct dhcp_record *r);
bool dhcp_engine_owns(const struct dhcp_engine *e, uint32_t address);

/* --- commit.c --- */

void dhcp_engine_at(struct dhcp_engine *e, uint64_t now_ms); /* engine.c */

/* What x asks for becomes a row; the ACK follows when it is durable. */
void dhcp_commit_grant(struct dhcp_engine *e, struct dhcp_exchange *x);
/* The store keeps it waiting for too long: who renews what is known has his answer now. */
void dhcp_commit_late(struct dhcp_engine *e, struct dhcp_exchange *x);
/* A renewal behind such a one. False: it is none, and was not answered. */
bool dhcp_commit_meanwhile(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r);
/* What the record says now becomes its row; nobody waits. */
void dhcp_commit_note(struct dhcp_engine *e, struct dhcp_record *r);

/* --- engine.c: exchanges that wait --- */

/* The one that the next message is read into; NULL: no memory. */
struct dhcp_exchange *dhcp_exchange_here(struct dhcp_engine *e);
/* One for a write that no message asked for; NULL: no memory. */
struct dhcp_exchange *dhcp_exchange_spare(struct dhcp_engine *e);
/* False: too many wait already. */
bool dhcp_exchange_wait(struct dhcp_engine *e, struct dhcp_exchange *x, enum dhcp_phase phase,
			struct dhcp_record *r);
/* Behind the exchange that the record waits for. False: somebody is there already. */
bool dhcp_exchange_queue(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r);
/* Waits no more; still the caller's. */
void dhcp_exchange_resume(struct dhcp_engine *e, struct dhcp_exchange *x);
/* Given back, unless it waits or is the one that messages are read into. */
void dhcp_exchange_done(struct dhcp_engine *e, struct dhcp_exchange *x);
struct dhcp_exchange *dhcp_record_exchange(const struct dhcp_engine *e,
					   const struct dhcp_record *r);

/* --- admit.c --- */

bool dhcp_admit_stranger(struct dhcp_engine *e, const struct dhcp_exchange *x);
bool dhcp_admit_port(struct dhcp_engine *e, const struct dhcp_exchange *x);
void dhcp_ports_init(struct dhcp_engine *e);
void dhcp_port_count(struct dhcp_engine *e, const struct dhcp_record *r, int change);

/* --- reply.c --- */

/* OFFER, or ACK of a grant. r NULL: an OFFER without an address, of x->place (RFC 8925 3.3). */
void dhcp_reply_lease(struct dhcp_engine *e, struct dhcp_exchange *x, enum dhcp_type type,
		      struct dhcp_record *r);
void dhcp_reply_inform(struct dhcp_engine *e, struct dhcp_exchange *x);
void dhcp_reply_nak(struct dhcp_engine *e, struct dhcp_exchange *x, enum dhcp_cause cause,
		    uint32_t address);

/* --- client_name.c --- */

struct dhcp_build;
/* Fills label and fqdn. */
void dhcp_exchange_name(struct dhcp_exchange *x);
/* Option 81 of a reply. */
void dhcp_reply_fqdn(const struct dhcp_engine *e, const struct dhcp_exchange *x,
		     struct dhcp_build *b);

/* --- events, in engine.c --- */

void dhcp_tell(struct dhcp_engine *e, enum dhcp_event_kind kind, const struct dhcp_exchange *x,
	       const struct dhcp_record *r);
/* Not answered: counted, and told. */
void dhcp_refuse(struct dhcp_engine *e, const struct dhcp_exchange *x, enum dhcp_cause cause,
		 uint32_t address);
void dhcp_tell_name(struct dhcp_engine *e, enum dhcp_name_change change,
		    const struct dhcp_record *r);

#endif
