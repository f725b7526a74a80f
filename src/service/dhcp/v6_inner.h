/* The inside of the DHCPv6 engine: its records, and one exchange under way. For v6_*.c alone; knows
 * no socket and no clock. */
#ifndef DHCP_V6_INNER_H
#define DHCP_V6_INNER_H

#include "base/slab.h"
#include "base/table.h"
#include "base/wheel.h"
#include "base/writer.h"
#include "proto/dhcp6/auth.h"
#include "proto/dhcp6/fqdn.h"
#include "proto/dhcp6/relay.h"
#include "service/dhcp/v6_engine.h"

#define V6_NEVER UINT32_MAX /* expires_s */

enum {
	V6_IA_LEASES_MAX = 4, /* of one IA in an answer */
	V6_CHANGES_MAX = 32,  /* leases that one exchange grants or ends */
	V6_PATH_MAX = 256,    /* octets of the relays' headers on the way to a client */
	V6_REPLY_MAX = 4096,  /* octets of an answer with its relays' layers */
	V6_TRIES = 32,	      /* places of a pool that are tried by chance */
	V6_SCAN_MAX = 65536,  /* places that are then looked at one after another */
	V6_REUSE_AFTER_S = 4, /* a lease that is over is kept this long from others: clocks differ,
			       * and clients count from when they hear the Reply */
	V6_STORE_PATIENCE_MS = 2000, /* how long a renewal waits for the store */
	/* RFC 8415 7.6 */
	V6_REC_TIMEOUT_MS = 2000,
	V6_REC_MAX_RC = 8,
};

struct v6_holder;

/* A lease. */
struct v6_record {
	union {
		struct wheel_timer timer; /* BOUND, DECLINED: its end */
		struct {
			struct v6_record *newer, *older; /* ENDED: of its pool */
		} ended;
	};
	struct v6_record *next_of_holder;
	struct v6_holder *holder; /* NULL: PENDING without one yet */
	char *name;		  /* from the slab of names, or NULL */
	uint64_t version;
	uint8_t address[16];
	uint32_t iaid, granted_s, expires_s, preferred_s;
	uint32_t pool; /* its index; UINT32_MAX: none holds it */
	uint8_t bits, kind, state, fqdn_flags, names, name_len;
	bool busy; /* a store of it is under way */
};

/* How to reach a client that accepts Reconfigure, and the one that is under way. */
struct v6_path {
	struct wheel_timer timer; /* the next Reconfigure */
	struct v6_holder *holder;
	struct ip_address to;
	uint32_t ifindex;
	uint64_t rt_ms;
	uint8_t tries;
	bool relayed;
	uint16_t len;
	uint8_t wire[V6_PATH_MAX]; /* the Relay-forward layers around an empty message */
};

/* A client: whoever has a DUID and a lease. */
struct v6_holder {
	struct v6_record *leases;
	struct v6_path *path; /* NULL: not known */
	uint32_t leases_n;
	uint8_t mac_len, mac[8];
	bool large; /* which slab */
	uint8_t duid_len, duid[];
};

enum { V6_DUID_SMALL = 22 };

/* What an exchange does to one lease when the store has it. */
enum v6_change_kind { V6_GRANT, V6_RENEW, V6_RELEASE, V6_DECLINE };

struct v6_change {
	enum v6_change_kind kind;
	struct v6_record *record;
	uint32_t granted_s, expires_s, preferred_s;
};

/* An exchange that waits for the store, with the answer that it will send. */
struct v6_wait {
	struct wheel_timer patience; /* a renewal's */
	uint64_t asked_ms;
	uint32_t serial; /* odd: in use */
	unsigned left, changes_n;
	bool failed, silent; /* silent: no answer, by order of the control socket */
	bool renewal;	     /* of what is known, and nothing else: memory can answer it */
	bool answered;	     /* it did */
	struct v6_change changes[V6_CHANGES_MAX];
	struct ip_address to;
	uint32_t ifindex, transaction_id;
	uint16_t port, len;
	uint8_t type;
	uint8_t message[V6_REPLY_MAX];
};

struct v6_pool_state {
	uint64_t bound, resting, ended;
	struct v6_record *newest, *oldest; /* ENDED */
	uint64_t scan;			   /* where the last scan stopped */
	bool above;			   /* use is above the threshold */
};

/* New leases of one network in the present second. */
struct v6_rate {
	uint64_t second;
	uint32_t n;
};

/* What becomes of one IA. */
struct v6_answer {
	struct dhcp6_ia ia;
	bool has_status, granted; /* granted: T1 and T2 are for it */
	uint16_t status;
	const char *text;
	size_t leases_n;
	struct dhcp6_lease leases[V6_IA_LEASES_MAX];
};

/* One message under way; lives in the engine, for one call. */
struct v6_exchange {
	struct v6_engine *engine;
	uint64_t now_ms;
	uint32_t now_s; /* v6_now_up_s */
	const struct v6_arrival *arrival;
	struct dhcp6_relays relays;
	struct dhcp6_message m;
	const struct v6_network *network;
	struct v6_client client;
	const struct v6_reservation *reservation; /* of the first IA */
	struct v6_holder *holder;		  /* NULL: not known */
	bool commit;				  /* leases are granted, not only told */
	bool refuses;				  /* an IA is told that there is nothing for it */
	bool without_store; /* it is away: what is known is renewed, no more */
	struct v6_answer answers[DHCP6_IAS_MAX];
	size_t answers_n;
	struct v6_change changes[V6_CHANGES_MAX];
	size_t changes_n;
	uint32_t shortest_s; /* preferred lifetime of all that is granted */
	bool has_status;
	uint16_t status;
	const char *status_text;
	bool has_fqdn;
	struct dhcp6_fqdn fqdn;
	uint8_t name_len, name[V6_NAME_MAX];
	enum v6_cause cause; /* why it is not answered, or a lease was not given */
};

struct v6_engine {
	struct v6_site *site;
	struct v6_limits limits;
	struct v6_effects effects;
	struct dhcp_naming naming;
	struct v6_link links[DHCP_LINKS_MAX];
	size_t links_n;
	uint8_t duid_len, duid[DHCP6_DUID_LEN_MAX];
	uint8_t secret[32];
	struct hash_key key;
	uint64_t replay; /* of the last Reconfigure or key */
	struct slab records, small_holders, large_holders, names, paths;
	struct table by_lease, by_duid;
	struct wheel ends, nudges;
	struct v6_pool_state *pools; /* by index */
	size_t pools_n;
	struct v6_rate *rates; /* by network */
	struct v6_wait *waits;
	uint32_t *free_waits;
	size_t free_n;
	struct wheel patience; /* of those that wait */
	bool store_away;
	struct v6_counts counts;
	struct v6_exchange x;
	uint8_t room[V6_REPLY_MAX];
};

/* At least a second later than it is. Whatever moment a client counts its lifetimes from, up to
 * when it hears the Reply, the row then ends later: seconds that the store took are taken from the
 * answer, what is left of one is here. */
static inline uint32_t v6_now_up_s(uint64_t now_ms)
{
	return (uint32_t)((now_ms + 1999) / 1000);
}

/* v6_record.c: what is remembered. */
void v6_records_init(struct v6_engine *e, uint64_t now_ms);
void v6_records_done(struct v6_engine *e);
struct ip_prefix v6_record_prefix(const struct v6_record *r);
struct v6_record *v6_record_find(const struct v6_engine *e, const struct ip_prefix *p);
/* A new record, PENDING, without a holder. NULL: no room. */
struct v6_record *v6_record_new(struct v6_engine *e, const struct ip_prefix *p);
void v6_record_free(struct v6_engine *e, struct v6_record *r);
/* Counts and lists by the state follow. */
void v6_record_set_state(struct v6_engine *e, struct v6_record *r, enum v6_lease_state state);
/* BOUND and DECLINED records end at expires_s. */
void v6_record_set_end(struct v6_engine *e, struct v6_record *r, uint32_t expires_s);
void v6_record_set_name(struct v6_engine *e, struct v6_record *r, struct span name);
void v6_record_view(const struct v6_record *r, struct v6_lease_view *ret);
struct v6_holder *v6_holder_find(const struct v6_engine *e, struct span duid);
/* Found or made; NULL: no room. */
struct v6_holder *v6_holder_get(struct v6_engine *e, struct span duid);
void v6_holder_take(struct v6_holder *h, struct v6_record *r);
/* The record has no holder then; one without leases is forgotten. */
void v6_holder_drop(struct v6_engine *e, struct v6_record *r);
/* Pools of a new site: all records find theirs anew. ENOMEM. */
MUST enum err v6_records_regroup(struct v6_engine *e);
/* The pool of that index and its network; false: none. */
bool v6_pool_at(const struct v6_engine *e, uint32_t index, struct v6_pool_use *ret);

/* v6_choose.c: which lease an IA gets. */
/* A lease for the IA, into ret; NULL: none is free. *ret_record: its record, where there is one. */
bool v6_choose(struct v6_exchange *x, const struct dhcp6_ia *ia, struct dhcp6_lease *ret);
/* May this client have it: of a pool that gives it, or reserved for it, and not for others? */
bool v6_admits(const struct v6_exchange *x, const struct dhcp6_ia *ia, const struct ip_prefix *p);

/* Is another lease reserved for the IA, and free? Then it moves there. */
bool v6_moves(const struct v6_exchange *x, const struct dhcp6_ia *ia, const struct ip_prefix *p);

/* v6_bind.c: what becomes of each IA, by the type of message. False: x->cause says why not. */
bool v6_bind(struct v6_exchange *x);

/* v6_reply.c */
/* The answer into the room of w. False: it does not fit. */
bool v6_reply_write(struct v6_exchange *x, uint8_t type, struct writer *w);
/* Where an answer goes. */
void v6_reply_to(const struct v6_exchange *x, struct v6_send *ret);

/* v6_commit.c: through the store. */
/* Takes the exchange's changes and answer; false: x->cause. */
bool v6_commit(struct v6_exchange *x, uint8_t type);
/* The exchange comes to nothing before any of it was stored: so do its new records. */
void v6_commit_forget(struct v6_exchange *x);
/* Its patience is over. */
void v6_late(struct wheel_timer *t, void *arg);
/* One lease ends by the engine's own doing: its row is removed, or kept to be remembered. */
void v6_end(struct v6_engine *e, struct v6_record *r, uint64_t now_ms);

/* v6_memory.c: the answer that waits says no more than the rows of its leases. False: one of them
 * is not its client's any more, or is over. */
bool v6_memory_limit(const struct v6_engine *e, uint64_t now_ms, struct v6_wait *wait);

/* v6_reconfigure.c */
void v6_key_of(const struct v6_engine *e, struct span duid, uint8_t ret[DHCP6_RECONFIGURE_KEY_LEN]);
uint64_t v6_replay_next(struct v6_engine *e, uint64_t now_ms);
/* Remembers how the client was reached. */
void v6_path_note(struct v6_exchange *x, struct v6_holder *h);
void v6_path_drop(struct v6_engine *e, struct v6_holder *h);
/* The client did as it was told. */
void v6_path_obeyed(struct v6_engine *e, struct v6_holder *h);
void v6_nudge(struct wheel_timer *t, void *arg);

/* v6_record.c */
void v6_tell(struct v6_engine *e, const struct v6_event *event);
/* v6_receive.c */
void v6_send_message(struct v6_engine *e, const struct v6_send *s, uint32_t transaction_id,
		     struct span duid);

#endif
