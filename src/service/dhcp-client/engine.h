/* The client of one uplink (RFC 2131 4.4): from what the link brings to what is sent, set and kept.
 * Does no I/O: time and entropy are arguments, and what is to be done is told to effects.
 *
 *	INIT -> SELECTING -> REQUESTING -> CHECKING -> BOUND <-> RENEWING -> REBINDING -> INIT
 *	INIT-REBOOT -> REBOOTING -> CHECKING -> BOUND
 *
 * INIT-REBOOT is passed through at once: a lease that is not over is asked for by REBOOTING.
 * CHECKING is RFC 2131 4.4.1's "SHOULD probe" by RFC 5227. Effects are made before the function
 * that was called returns, and must not call the uplink.
 *
 * now_ms: Unix time in milliseconds that never goes back while the process lives. Addresses are
 * uint32_t in host order. */
#ifndef DHCP_CLIENT_ENGINE_H
#define DHCP_CLIENT_ENGINE_H

#include "proto/ip/frame.h"
#include "proto/ip/prefix.h"
#include "service/dhcp-client/lease.h"

enum uplink_state {
	UPLINK_DOWN, /* the link is: nothing is sent; a lease in force stays to its end */
	UPLINK_IDLE, /* released by order: nothing is done until uplink_renew */
	UPLINK_INIT, /* waits to begin */
	UPLINK_SELECTING,
	UPLINK_REQUESTING,
	UPLINK_REBOOTING,
	UPLINK_CHECKING, /* an ACK is there, and the address is probed */
	UPLINK_BOUND,
	UPLINK_RENEWING,
	UPLINK_REBINDING,
	UPLINK_STATES,
};

/* "down", "selecting". */
const char *uplink_state_name(enum uplink_state state);

enum {
	UPLINK_OFFERS_MAX = 8,
	UPLINK_OPTIONS_MAX = 64,   /* codes that are asked for */
	UPLINK_IDENTITY_MAX = 255, /* octets of option 61 */
	UPLINK_TEXT_MAX = 255,	   /* octets of each text that is sent */
	UPLINK_CONFLICTS_MAX = 10, /* RFC 5227 1.1: MAX_CONFLICTS */
};

/* What the configuration decides; immutable while an uplink has it. */
struct uplink_rules {
	struct span client_id;	/* option 61; borrowed, as all spans and pointers here */
	const uint8_t *request; /* codes for option 55; 121 is put before 33 and 3 */
	size_t request_n;
	struct span host_name;	  /* option 12; empty: not sent */
	struct span fqdn;	  /* option 81, encoded; in place of option 12 (RFC 4702 3.1) */
	struct span vendor_class; /* option 60 */
	const struct ip_prefix *servers_allowed; /* none: all */
	size_t servers_allowed_n;
	const struct ip_prefix *addresses_allowed; /* none: all */
	size_t addresses_allowed_n;
	const struct ip_prefix *addresses_refused;
	size_t addresses_refused_n;
	uint32_t lease_s;	 /* option 51 in what we ask; 0: none */
	uint32_t start_delay_ms; /* at most; RFC 2131 4.4.1: 1 to 10 s at random */
	uint32_t offer_wait_ms;	 /* from the first OFFER on, for better ones */
	uint16_t message_max;	 /* option 57, octets with the headers of IP and UDP */
	bool broadcast, rapid_commit, force_renew, ipv6_only;
	bool defend_always;    /* RFC 5227 2.4 (c): an address is never given up to another host */
	bool keep_unconfirmed; /* RFC 2131 3.2.4: a lease that nobody confirms is used */
	/* RFC 5227; probes 0: addresses are not probed. */
	struct uplink_probing {
		uint32_t probes, wait_ms, min_ms, max_ms, settle_ms;
	} probing;
};

/* Why something that came was not acted upon; each has a counter. */
enum uplink_cause {
	UPLINK_CAUSE_NONE,
	UPLINK_CAUSE_TORN,     /* not a DHCP message */
	UPLINK_CAUSE_NOT_OURS, /* another xid, chaddr or op: somebody else's */
	UPLINK_CAUSE_TYPE,     /* not what this state waits for */
	UPLINK_CAUSE_SERVER,   /* not an allowed one, or not the one that was asked */
	UPLINK_CAUSE_ADDRESS,  /* refused by the configuration, or not the one that was asked for */
	UPLINK_CAUSE_IDENTITY, /* another client's identifier (RFC 6842) */
	UPLINK_CAUSE_LEASE,    /* no lease time or server, or values that make no sense */
	UPLINK_CAUSE_FORGED,   /* FORCERENEW without a valid digest */
	UPLINK_CAUSE_FULL,     /* more offers than are kept */
	UPLINK_CAUSE_OPTION,   /* counted only: a malformed option was left out */
	UPLINK_CAUSES,
};

/* "torn", "not-ours". */
const char *uplink_cause_name(enum uplink_cause cause);

enum uplink_event_kind {
	UPLINK_EVENT_SENT,     /* a message, of type */
	UPLINK_EVENT_RECEIVED, /* one that was acted upon */
	UPLINK_EVENT_REFUSED,  /* one that was not: cause. Never of NOT_OURS and TORN */
	UPLINK_EVENT_STATE,    /* state is new */
	UPLINK_EVENT_CONFLICT, /* somebody else uses address: mac */
	UPLINK_EVENT_EXPIRED,
};

struct uplink_event {
	enum uplink_event_kind kind;
	enum uplink_cause cause;
	enum uplink_state state;
	uint8_t type; /* enum dhcp_type */
	uint32_t address, server, xid;
	const uint8_t *mac;
};

struct uplink_effects {
	void *arg;
	/* UDP from port 68 of `from` (0: we have none) to port 67 of `to`; 0xffffffff: to all on
	 * the link. last: `from` is ours no longer when the next effect was made, so that nothing
	 * can be waited for. */
	void (*send)(void *arg, uint32_t from, uint32_t to, bool last, struct span message);
	void (*arp)(void *arg, const struct ip_arp *arp); /* to all on the link */
	/* From now on this lease is in force, and no other; it ends at end_ms. */
	void (*set)(void *arg, const struct lease *lease, uint64_t end_ms);
	/* No lease is in force any more. */
	void (*unset)(void *arg);
	/* To be found after a crash or a reboot; NULL: nothing is to be found. */
	void (*store)(void *arg, const struct lease *lease, uint64_t end_ms);
	void (*event)(void *arg, const struct uplink_event *event);
};

struct uplink_counts {
	uint64_t sent[DHCP_TYPES], received[DHCP_TYPES], refused[UPLINK_CAUSES];
	uint64_t bound, expired, conflicts;
};

struct uplink_offer {
	uint32_t address, server, lease_s;
};

/* The caller's storage; read state, lease (while has_lease), times and counts, the rest is
 * internal. */
struct uplink {
	enum uplink_state state;
	bool has_lease; /* in force: it was told by effects.set */
	struct lease lease;
	uint64_t obtained_ms, renew_ms, rebind_ms, end_ms; /* of lease; UINT64_MAX: never */
	uint64_t due_ms;				   /* the state's next step */
	struct uplink_counts counts;

	const struct uplink_rules *rules; /* borrowed */
	struct uplink_effects effects;
	uint8_t mac[IP_MAC_LEN], seed[16];
	uint64_t drawn;
	uint32_t xid;
	uint64_t begun_ms; /* of the exchange: secs counts from here */
	uint64_t sent_ms;  /* of the last message: a lease begins here (RFC 2131 4.4.1) */
	uint16_t secs;	   /* of the last DISCOVER */
	unsigned tries;	   /* sent in this exchange; probes while CHECKING */
	bool link_up;
	uint32_t last; /* address to ask for again; 0: none */
	struct uplink_offer offers[UPLINK_OFFERS_MAX], chosen;
	size_t offers_n;
	uint64_t choose_ms; /* when to choose among offers; UINT64_MAX: there is none */
	/* A lease that is not in force yet: of an ACK while CHECKING, of the file while
	 * REBOOTING. */
	struct lease pending, scratch;
	bool has_pending;
	uint64_t pending_ms, pending_end_ms; /* it began, it ends; end UINT64_MAX: never */
	uint64_t announce_ms;		     /* the second announcement; UINT64_MAX: none */
	uint64_t defended_ms;		     /* RFC 5227 2.4: the last conflict that was answered */
	bool defended;
	unsigned conflicts, naks;    /* in a row */
	struct dhcp_message message; /* being read */
};

/* seed: fresh entropy. rules are borrowed, effects copied. Begins DOWN. */
void uplink_init(struct uplink *u, const struct uplink_rules *rules, const uint8_t mac[IP_MAC_LEN],
		 const uint8_t seed[16], const struct uplink_effects *effects);

/* New rules hold from now on; a lease that they refuse is given up at once. */
void uplink_set_rules(struct uplink *u, uint64_t now_ms, const struct uplink_rules *rules);

/* A lease from the file, before the link is up: message as lease_file has it, end_ms as it was
 * stored (UINT64_MAX: never). in_force: what it says is set already, by this program before a
 * crash. ERR_FORMAT, ERR_REFUSED: it is none, or over, or the rules refuse it. */
MUST enum err uplink_restore(struct uplink *u, uint64_t now_ms, struct span message,
			     uint64_t obtained_ms, uint64_t end_ms, bool in_force);

/* The link can carry packets, or not. */
void uplink_link(struct uplink *u, uint64_t now_ms, bool up);

/* A datagram that came to port 68. */
void uplink_receive(struct uplink *u, uint64_t now_ms, struct span datagram);
/* An ARP packet on the link that we did not send. */
void uplink_arp(struct uplink *u, uint64_t now_ms, const struct ip_arp *arp);

/* Does what is due. */
void uplink_turn(struct uplink *u, uint64_t now_ms);
/* When to call it; UINT64_MAX: no need. */
uint64_t uplink_next_ms(const struct uplink *u);

/* By order: asks the server now. ERR_REFUSED: the link is down. */
MUST enum err uplink_renew(struct uplink *u, uint64_t now_ms);
/* Gives the lease back and is IDLE. ERR_ABSENT: there is none (it is IDLE all the same). */
MUST enum err uplink_release(struct uplink *u, uint64_t now_ms);

#endif
