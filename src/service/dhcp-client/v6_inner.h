/* The inside of the DHCPv6 client: for v6*.c alone. Knows no socket and no clock. */
#ifndef DHCP_CLIENT_V6_INNER_H
#define DHCP_CLIENT_V6_INNER_H

#include "base/writer.h"
#include "service/dhcp-client/v6.h"

#define UPLINK6_NEVER UINT64_MAX

/* RFC 8415 7.6, in milliseconds. */
enum {
	SOL_MAX_DELAY = 1000,
	SOL_TIMEOUT = 1000,
	SOL_MAX_RT_S = 3600,
	REQ_TIMEOUT = 1000,
	REQ_MAX_RT = 30000,
	REQ_MAX_RC = 10,
	CNF_MAX_DELAY = 1000,
	CNF_TIMEOUT = 1000,
	CNF_MAX_RT = 4000,
	CNF_MAX_RD = 10000,
	REN_TIMEOUT = 10000,
	REN_MAX_RT = 600000,
	REB_TIMEOUT = 10000,
	REB_MAX_RT = 600000,
	INF_MAX_DELAY = 1000,
	INF_TIMEOUT = 1000,
	INF_MAX_RT_S = 3600,
	REL_TIMEOUT = 1000,
	REL_MAX_RC = 4,
	DEC_TIMEOUT = 1000,
	DEC_MAX_RC = 4,
	IRT_DEFAULT_S = 86400,
	IRT_MINIMUM_S = 600,
	/* Ours: between attempts that end without a lease, doubling (RFC 8415 14.1). */
	VAIN_MS = 1000,
	VAIN_DOUBLINGS_MAX = 7,
};

/* v6.c: states and time. */
uint64_t uplink6_draw(struct uplink6 *u, uint64_t below); /* 0 to below - 1 */
void uplink6_tell(struct uplink6 *u, const struct uplink6_event *event);
void uplink6_enter(struct uplink6 *u, enum uplink6_state state);
void uplink6_solicit(struct uplink6 *u, uint64_t now_ms);
/* The next offer, or all from the beginning. */
void uplink6_request(struct uplink6 *u, uint64_t now_ms);
/* Asks the server that answered for what it does not know (18.2.10.1). */
void uplink6_request_again(struct uplink6 *u, uint64_t now_ms);
void uplink6_start_renew(struct uplink6 *u, uint64_t now_ms);
void uplink6_start_rebind(struct uplink6 *u, uint64_t now_ms);
void uplink6_inform(struct uplink6 *u, uint64_t now_ms);
/* The exchange is over: nothing is sent any more. */
void uplink6_quiet(struct uplink6 *u);
/* BOUND with what is in force, or all from the beginning when that is nothing. */
void uplink6_settle(struct uplink6 *u, uint64_t now_ms);

/* v6_say.c: the message of sending.type. */
void uplink6_say(struct uplink6 *u, uint64_t now_ms);

/* v6_lease.c: what is in force. */
/* Do the rules allow such an address or prefix? */
bool uplink6_allows(const struct uplink6 *u, const struct ip_prefix *p);
/* The IAs of a Reply. *ret_unknown: the server has no binding for one of them. False: nothing
 * usable was in it. */
bool uplink6_take(struct uplink6 *u, uint64_t now_ms, const struct dhcp6_message *m,
		  bool *ret_unknown);
/* Of an Advertise: how many leases it would give. */
uint8_t uplink6_count(const struct uplink6 *u, const struct dhcp6_message *m);
void uplink6_take_options(struct uplink6 *u, const struct dhcp6_message *m);
/* Leases that are over go, each with an event. */
bool uplink6_expire(struct uplink6 *u, uint64_t now_ms);
void uplink6_forget(struct uplink6 *u, size_t nth);
bool uplink6_has(const struct uplink6 *u, enum dhcp6_ia_kind kind);
uint64_t uplink6_last_end(const struct uplink6 *u); /* of all leases; 0: there are none */
/* Tells effects.set and effects.store how things are. */
void uplink6_publish(struct uplink6 *u);

#endif
