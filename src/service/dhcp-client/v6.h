/* The DHCPv6 client of one uplink (RFC 8415 18.2): addresses, delegated prefixes and options from
 *the network above. Does no I/O: time and entropy are arguments, and what is to be done is told to
 *effects.
 *
 *	SOLICITING -> REQUESTING -> BOUND <-> RENEWING -> REBINDING -> SOLICITING
 *	a lease that was kept: CONFIRMING (addresses) or REBINDING (prefixes too, 18.2.12) -> BOUND
 *	options only: INFORMING -> INFORMED
 *
 * What the caller must do: UDP port 546 on the uplink; effects.send goes from there and from the
 * link-local address to ff02::1:2, port 547. Duplicate address detection is the kernel's: an
 *address that it finds taken (IFA_F_DADFAILED) goes to uplink6_decline. A delegated prefix is for
 *the other links; an unreachable route for the whole of it keeps the rest from looping (RFC 7084
 *WPD-5).
 *
 * now_ms: Unix time in milliseconds that never goes back while the process lives. */
#ifndef DHCP_CLIENT_V6_H
#define DHCP_CLIENT_V6_H

#include "proto/dhcp6/auth.h"
#include "proto/dhcp6/ia.h"
#include "proto/dhcp6/message.h"

enum uplink6_state {
	UPLINK6_DOWN,	    /* the link is: nothing is sent; leases in force stay to their ends */
	UPLINK6_IDLE,	    /* released by order, or nothing is asked for */
	UPLINK6_SOLICITING, /* also while it waits to begin */
	UPLINK6_REQUESTING,
	UPLINK6_CONFIRMING,
	UPLINK6_BOUND,
	UPLINK6_RENEWING,
	UPLINK6_REBINDING,
	UPLINK6_RELEASING,
	UPLINK6_DECLINING,
	UPLINK6_INFORMING,
	UPLINK6_INFORMED,
	UPLINK6_STATES,
};

/* "soliciting". */
const char *uplink6_state_name(enum uplink6_state state);

enum {
	UPLINK6_LEASES_MAX = 16,
	UPLINK6_REQUEST_MAX = 64,
	UPLINK6_OPTIONS_MAX = 2048, /* octets of what a server told besides leases */
	UPLINK6_OFFERS_MAX = 4,
	UPLINK6_MESSAGE_MAX = 1400,
	UPLINK6_STORED_MAX = 4096, /* octets of the durable form */
};

/* What the configuration decides; immutable while an uplink has it. */
struct uplink6_rules {
	struct span duid;	 /* 3 to 130 octets; borrowed, as all spans and pointers here */
	uint32_t iaid;		 /* of the IA_NA and of the IA_PD */
	bool address, prefix;	 /* ask for an IA_NA, an IA_PD; neither: options only */
	uint8_t prefix_length;	 /* as a hint (RFC 8168); 0: none */
	const uint16_t *request; /* codes for the Option Request option; 82, 83 and 32 are added */
	size_t request_n;
	bool rapid_commit, reconfigure;
	struct span fqdn;			 /* body of option 39; empty: not sent */
	const struct ip_prefix *servers_allowed; /* their source addresses; none: all */
	size_t servers_allowed_n;
	const struct ip_prefix *leases_allowed; /* addresses and prefixes inside these; none: all */
	size_t leases_allowed_n;
	bool release_on_stop; /* for the caller: see uplink6_release */
};

/* An address or a delegated prefix in force. */
struct uplink6_lease {
	enum dhcp6_ia_kind kind;
	struct ip_prefix prefix;		     /* 128 bits: an address */
	struct ip_prefix excluded;		     /* RFC 6603; family 0: none */
	uint64_t preferred_until_ms, valid_until_ms; /* UINT64_MAX: for ever */
};

/* Why something that came was not acted upon; each has a counter. */
enum uplink6_cause {
	UPLINK6_CAUSE_NONE,
	UPLINK6_CAUSE_TORN,
	UPLINK6_CAUSE_TYPE,	/* RFC 8415 16: not what a client takes, or not now */
	UPLINK6_CAUSE_NOT_OURS, /* another transaction id or client identifier */
	UPLINK6_CAUSE_IDENTITY, /* no server identifier, or no client identifier */
	UPLINK6_CAUSE_SERVER,	/* not an allowed one, or not the one that was asked */
	UPLINK6_CAUSE_STATUS,	/* the server said no */
	UPLINK6_CAUSE_LEASE,	/* nothing usable in it */
	UPLINK6_CAUSE_FORGED,	/* Reconfigure: no valid digest, or multicast */
	UPLINK6_CAUSES,
};
const char *uplink6_cause_name(enum uplink6_cause cause);

enum uplink6_event_kind {
	UPLINK6_EVENT_SENT,
	UPLINK6_EVENT_RECEIVED,
	UPLINK6_EVENT_REFUSED,
	UPLINK6_EVENT_STATE,
	UPLINK6_EVENT_EXPIRED, /* a lease ended because nobody renewed it */
};

struct uplink6_event {
	enum uplink6_event_kind kind;
	enum uplink6_cause cause;
	enum uplink6_state state;
	uint8_t type;	 /* enum dhcp6_type */
	uint16_t status; /* enum dhcp6_status */
	uint32_t transaction_id;
	const struct uplink6_lease *lease; /* EXPIRED */
};

struct uplink6;

struct uplink6_effects {
	void *arg;
	void (*send)(void *arg, struct span message);
	/* Leases (u->leases) or options (u->options) in force changed; of those that are not there
	 * any more nothing may be used. */
	void (*set)(void *arg, const struct uplink6 *u);
	/* To be found after a restart (uplink6_restore); empty: nothing is. */
	void (*store)(void *arg, struct span lease);
	void (*event)(void *arg, const struct uplink6_event *event);
};

struct uplink6_counts {
	uint64_t sent[16], received[16], refused[UPLINK6_CAUSES], bound, expired;
};

struct uplink6_offer {
	uint8_t preference, duid_len, leases;
	uint8_t duid[DHCP6_DUID_LEN_MAX];
};

/* RFC 8415 15, of the message that is under way. */
struct uplink6_sending {
	uint8_t type; /* 0: none */
	uint32_t transaction_id;
	uint64_t begun_ms, due_ms;		/* of the first sending; of the next one */
	uint64_t rt_ms, irt_ms, mrt_ms, mrd_ms; /* mrt, mrd 0: none */
	unsigned mrc, sent;			/* mrc 0: none */
};

/* The caller's storage; read state, leases, options, times and counts, the rest is internal. */
struct uplink6 {
	enum uplink6_state state;
	struct uplink6_lease leases[UPLINK6_LEASES_MAX];
	size_t leases_n;
	size_t options_len; /* all options of the last Reply but those of the exchange */
	uint8_t options[UPLINK6_OPTIONS_MAX];
	uint64_t renew_ms, rebind_ms; /* UINT64_MAX: never */
	uint64_t refresh_ms;	      /* INFORMED: when to ask again */
	struct uplink6_counts counts;

	const struct uplink6_rules *rules; /* borrowed */
	struct uplink6_effects effects;
	uint8_t seed[16];
	uint64_t drawn;
	bool link_up;
	uint8_t server_len, server[DHCP6_DUID_LEN_MAX]; /* the one that we are bound to */
	struct uplink6_sending sending;
	struct uplink6_offer offers[UPLINK6_OFFERS_MAX], chosen;
	size_t offers_n;
	uint32_t sol_max_rt_s, inf_max_rt_s; /* RFC 8415 18.2.9; 0: the default */
	bool has_key, has_replay;
	uint8_t key[DHCP6_RECONFIGURE_KEY_LEN];
	uint64_t replay;
	bool reconfiguring; /* 18.2.11: the exchange answers a Reconfigure */
	bool off_link;	    /* CONFIRMING: somebody said NotOnLink */
	struct ip_prefix ending[UPLINK6_LEASES_MAX]; /* what a Release or Decline names */
	size_t ending_n;
	unsigned vain; /* attempts in a row that ended without a lease: each waits longer */
	struct dhcp6_message message; /* being read */
	uint8_t room[UPLINK6_MESSAGE_MAX];
};

/* seed: fresh entropy. rules are borrowed, effects copied. Begins DOWN. */
void uplink6_init(struct uplink6 *u, const struct uplink6_rules *rules, const uint8_t seed[16],
		  const struct uplink6_effects *effects);
/* New rules hold from now on; leases that they refuse are given up at once. */
void uplink6_set_rules(struct uplink6 *u, uint64_t now_ms, const struct uplink6_rules *rules);

/* What effects.store was told, before the link is up: it is asked whether it still holds.
 * ERR_FORMAT, ERR_UNSUPPORTED; ERR_ABSENT: all of it is over. */
MUST enum err uplink6_restore(struct uplink6 *u, uint64_t now_ms, struct span lease);

/* The link can carry packets (its link-local address is there), or not. Up again after a while
 * down, it may be another link (RFC 8415 18.2.12). */
void uplink6_link(struct uplink6 *u, uint64_t now_ms, bool up);

/* A datagram that came to port 546. to_multicast: its destination was a group. */
void uplink6_receive(struct uplink6 *u, uint64_t now_ms, const struct ip_address *from,
		     bool to_multicast, struct span datagram);

void uplink6_turn(struct uplink6 *u, uint64_t now_ms);
uint64_t uplink6_next_ms(const struct uplink6 *u); /* UINT64_MAX: no need */

/* By order: asks the server now. ERR_REFUSED: the link is down. */
MUST enum err uplink6_renew(struct uplink6 *u, uint64_t now_ms);
/* Gives the leases back and is IDLE after the server's answer or the last try; effects.set comes
 * first, with no lease (18.2.7: they MUST NOT be used any more). ERR_ABSENT: there is none (it is
 * IDLE all the same). */
MUST enum err uplink6_release(struct uplink6 *u, uint64_t now_ms);
/* Somebody else uses an address of ours. ERR_ABSENT: we have no such lease. */
MUST enum err uplink6_decline(struct uplink6 *u, uint64_t now_ms, const struct ip_address *a);

#endif
