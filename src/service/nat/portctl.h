/* The one list of mappings that hosts inside asked for, whichever protocol they spoke: who may have
 * what, how many, for how long, and since when nothing was lost. Knows no protocol and no packet;
 * time is an argument, what the data plane is to do are calls of `struct portctl_effects`. */
#ifndef NAT_PORTCTL_H
#define NAT_PORTCTL_H

#include "base/slab.h"
#include "base/table.h"
#include "base/wheel.h"
#include "proto/ip/prefix.h"

struct portctl;
struct portctl_host;
struct portctl_rules;
struct writer;

enum portctl_origin { PORTCTL_PCP, PORTCTL_NAT_PMP, PORTCTL_UPNP, PORTCTL_ORIGINS };

/* "pcp", "nat-pmp", "upnp"; never NULL. */
const char *portctl_origin_name(enum portctl_origin origin);

enum {
	PORTCTL_FILTERS_MAX = 8,
	PORTCTL_NONCE_LEN = 12,
	PORTCTL_TEXT_MAX = 64, /* octets of a description, and of a zone's name */
	PORTCTL_TCP = 6,
	PORTCTL_UDP = 17,
};

/* Who may send to a mapping; port 0: from any. */
struct portctl_filter {
	struct ip_prefix remote;
	uint16_t port;
};

struct portctl_mapping {
	enum portctl_origin origin;
	uint8_t protocol; /* IANA's number; today PORTCTL_TCP and PORTCTL_UDP pass */
	/* Where packets go, and what reaches them from outside. The families say which function of
	 * the gateway this is: 4 to 4 NAT, 6 to 6 the firewall (or NPTv6), 6 to 4 NAT64. */
	struct ip_endpoint internal, external;
	struct ip_endpoint remote; /* the only far end it serves (PCP's PEER); family 0: all */
	struct portctl_filter filters[PORTCTL_FILTERS_MAX];
	uint8_t filters_n; /* 0: anybody outside may send */
	uint8_t nonce[PORTCTL_NONCE_LEN];
	uint64_t expires_ms;
	char zone[PORTCTL_TEXT_MAX + 1];	/* of the link from which it was asked for */
	char description[PORTCTL_TEXT_MAX + 1]; /* UTF-8, as a stranger wrote it */
	/* Private. */
	struct wheel_timer timer;
	struct portctl_host *host;
	struct portctl_mapping *next, *previous; /* of the host, oldest first */
};

/* What the data plane does; arg is the first argument of each. */
struct portctl_effects {
	void *arg;
	/* Lets packets in. m->external is what is wanted: its family is the outer one; an
	 * unspecified address: any; port 0: any. exact: nothing else will do. The same mapping may
	 * be open already, from before a restart: then it is adopted. *ret: what was given.
	 * ERR_EXISTS: taken, by a forward of the configuration, a flow or our own sockets;
	 * ERR_LIMIT: no port or no room is left; ERR_REFUSED: the host is not inside;
	 * ERR_UNSUPPORTED: not this protocol, not these families, not for a single far end;
	 * anything else: there is no address outside now. */
	enum err (*map_open)(void *arg, const struct portctl_mapping *m, bool exact,
			     struct ip_endpoint *ret);
	/* An open mapping's lifetime (expires_ms) or filters have changed. Any error closes it. */
	enum err (*map_renew)(void *arg, const struct portctl_mapping *m);
	/* Nothing more is let in by it. */
	void (*map_close)(void *arg, const struct portctl_mapping *m);
	/* The address of that family outside, for that host; ERR_ABSENT: none now. */
	enum err (*external_address)(void *arg, const struct ip_address *internal, uint8_t family,
				     struct ip_address *ret);
	/* Mappings were lost or changed unasked: hosts are to be told (RFC 6887 14.1.2). May be
	 * NULL. */
	void (*lost)(void *arg);
	/* Something was opened, renewed or closed; what: "opened", "renewed", "closed", "expired",
	 * "lost". May be NULL. */
	void (*told)(void *arg, const char *what, const struct portctl_mapping *m);
};

/* How an ask ended. */
enum portctl_verdict {
	PORTCTL_DONE,
	PORTCTL_FORBIDDEN,   /* no rule allows it */
	PORTCTL_FOREIGN,     /* the mapping is there and is another's */
	PORTCTL_TAKEN,	     /* the wanted external endpoint cannot be had */
	PORTCTL_HOST_FULL,   /* the host has as many as it may */
	PORTCTL_FULL,	     /* all together have, or the data plane has no room */
	PORTCTL_PEERS_FULL,  /* more filters than PORTCTL_FILTERS_MAX */
	PORTCTL_UNSUPPORTED, /* not such a protocol or family */
	PORTCTL_NO_NETWORK,  /* there is no address outside */
	PORTCTL_ABSENT,	     /* no such mapping */
	PORTCTL_VERDICTS,
};

/* "forbidden"; never NULL. */
const char *portctl_verdict_name(enum portctl_verdict verdict);

struct portctl_ask {
	enum portctl_origin origin;
	const char *zone; /* of the link that the ask came in by */
	uint8_t protocol;
	struct ip_endpoint internal, wanted, remote; /* as in struct portctl_mapping */
	bool exact;				     /* the wanted endpoint or none */
	bool filters_clear;			     /* those that a renewed mapping has go first */
	const struct portctl_filter *filters;	     /* added to what a renewed mapping has */
	size_t filters_n;
	const uint8_t *nonce; /* PORTCTL_NONCE_LEN; NULL: the protocol has none */
	uint32_t lifetime_s;  /* wanted; 0: as long as may be */
	struct span description;
};

/* rules and effects: borrowed; effects for as long as it lives. mappings_max: of each family, so
 * that hosts with many IPv6 addresses leave IPv4's alone. key: random. epoch 0 is now. */
struct portctl_start {
	const struct portctl_rules *rules;
	const struct portctl_effects *effects;
	struct hash_key key;
	uint64_t now_ms;
};
MUST enum err portctl_new(const struct portctl_start *start, struct portctl **ret);
/* Closes nothing: mappings go on while the service is away. Accepts NULL. */
void portctl_free(struct portctl *p);
DEFINE_AUTO(struct portctl, portctl_free)

/* Opens the mapping, or renews the one that the same internal endpoint (and far end) has already.
 * With PORTCTL_DONE and with PORTCTL_FOREIGN *ret is that mapping, until the next call. */
MUST enum portctl_verdict portctl_open(struct portctl *p, uint64_t now_ms,
				       const struct portctl_ask *ask,
				       const struct portctl_mapping **ret);
/* Closes the ask's mapping: protocol, internal, remote, nonce and origin count. PORTCTL_ABSENT,
 * PORTCTL_FOREIGN (then *ret is set). */
MUST enum portctl_verdict portctl_close(struct portctl *p, uint64_t now_ms,
					const struct portctl_ask *ask,
					const struct portctl_mapping **ret);
/* All of the ask's origin, protocol (0: all) and internal address, with its nonce when it has one.
 * Returns how many. */
size_t portctl_close_all(struct portctl *p, uint64_t now_ms, const struct portctl_ask *ask);
/* For an administrator: whoever's it is. */
void portctl_revoke(struct portctl *p, uint64_t now_ms, const struct portctl_mapping *m);

/* NULL: none. remote NULL: the one for all far ends. */
const struct portctl_mapping *portctl_find(const struct portctl *p, uint8_t protocol,
					   const struct ip_endpoint *internal,
					   const struct ip_endpoint *remote);
/* The mappings of a host, oldest first: before NULL begins. NULL: no more. */
const struct portctl_mapping *portctl_of_host(const struct portctl *p,
					      const struct ip_address *host,
					      const struct portctl_mapping *before);
/* All, in no order: for (size_t at = 0; (m = portctl_next(p, &at));) while nothing changes. */
const struct portctl_mapping *portctl_next(const struct portctl *p, size_t *at);
size_t portctl_used(const struct portctl *p, uint8_t family);
/* Whole seconds left, at least 1 for a mapping that is open. */
uint32_t portctl_left_s(const struct portctl_mapping *m, uint64_t now_ms);
/* Whether a mapping with that external port is open for another host (RFC 6886 3.3: the companion
 * of the other protocol is kept for the same host). */
bool portctl_port_is_others(const struct portctl *p, uint8_t protocol,
			    const struct ip_endpoint *external, const struct ip_address *host);

/* The address outside by which that host is seen; ERR_ABSENT: none now. */
MUST enum err portctl_external_address(const struct portctl *p, const struct ip_address *internal,
				       uint8_t family, struct ip_address *ret);
/* RFC 6887 13.1: whether that host may ask for others; and whether anybody may. */
bool portctl_third_party(const struct portctl *p, const struct ip_address *host);
bool portctl_third_party_on(const struct portctl *p);

/* Closes what is over; to be called at portctl_next_ms (UINT64_MAX: never). */
void portctl_advance(struct portctl *p, uint64_t now_ms);
uint64_t portctl_next_ms(struct portctl *p);

/* The address outside has changed: RFC 6887 8.5: "if the public IP address(es) of the NAT ...
 * changes, the Epoch Time MUST be reset". Mappings of that family are opened anew at the new
 * address, with their ports where they are free; those that cannot be are gone. */
void portctl_outside_changed(struct portctl *p, uint64_t now_ms, uint8_t family);
/* Other rules from here on: what they do not allow is closed. The old ones may be freed then. */
void portctl_reload(struct portctl *p, uint64_t now_ms, const struct portctl_rules *rules);

/* RFC 6887 8.5, RFC 6886 3.6: seconds since the list began, or lost something. */
uint32_t portctl_epoch_s(const struct portctl *p, uint64_t now_ms);

/* --- across restarts --- */

/* Grows with each change that is worth keeping. */
uint64_t portctl_changes(const struct portctl *p);
/* Room that portctl_save needs at most. */
size_t portctl_save_max(const struct portctl *p);
/* Writes the list as text. whole: nothing happens after this; without it the service may have died
 * with more in the list than was kept, and the epoch begins anew when this is read. */
void portctl_save(const struct portctl *p, uint64_t now_ms, uint64_t wall_s, bool whole,
		  struct writer *w);
/* Opens what was kept and is not over, in an empty list. ERR_FORMAT: no such text, nothing was
 * opened, the epoch is 0. Without that the epoch goes on when nothing was lost. A clock that stands
 * before the time of the text counts as that time. */
MUST enum err portctl_restore(struct portctl *p, uint64_t now_ms, uint64_t wall_s,
			      struct span text);

/* How often each protocol's asks ended so. */
uint64_t portctl_count(const struct portctl *p, enum portctl_origin origin,
		       enum portctl_verdict verdict);

#endif
