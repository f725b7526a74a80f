#include "service/dhcp-client/engine_inner.h"

/* Address conflict detection (RFC 5227): probes, announcements, defence. */

enum {
	ANNOUNCE_INTERVAL_MS = 2000,
	DEFEND_INTERVAL_MS = 10000,
	RATE_LIMIT_INTERVAL_MS = 60000,
	/* RFC 2131 3.1: "The client SHOULD wait a minimum of ten seconds before restarting". */
	DECLINE_WAIT_MS = 10000,
};

static void arp(struct uplink *u, uint32_t sender, uint32_t target)
{
	struct ip_arp a = {.operation = IP_ARP_REQUEST, .sender = sender, .target = target};
	for (size_t i = 0; i < IP_MAC_LEN; i++)
		a.sender_mac[i] = u->mac[i];
	u->effects.arp(u->effects.arg, &a);
}

void uplink_announce(struct uplink *u)
{
	arp(u, u->lease.address, u->lease.address);
}

void uplink_check(struct uplink *u, uint64_t now_ms)
{
	u->tries = 0;
	uplink_enter(u, UPLINK_CHECKING, now_ms);
	/* RFC 5227 2.1.1: a host "should then wait for a random time interval selected uniformly
	 * in the range zero to PROBE_WAIT seconds". */
	if (u->rules->probing.probes)
		u->due_ms = now_ms + uplink_random_in(u, 0, u->rules->probing.wait_ms);
	else
		uplink_check_turn(u, now_ms);
}

void uplink_check_turn(struct uplink *u, uint64_t now_ms)
{
	const struct uplink_probing *p = &u->rules->probing;
	if (u->tries >= p->probes) { /* and the wait after the last one is over */
		bool first = !u->has_lease || u->lease.address != u->pending.address;
		uplink_take(u, now_ms);
		if (first || p->probes) {
			uplink_announce(u);
			u->announce_ms = now_ms + ANNOUNCE_INTERVAL_MS;
		}
		return;
	}
	arp(u, 0, u->pending.address);
	u->tries++;
	u->due_ms = now_ms + (u->tries < p->probes ? uplink_random_in(u, p->min_ms, p->max_ms)
						   : p->settle_ms);
}

static void tell_conflict(struct uplink *u, uint32_t address, const uint8_t *mac)
{
	struct uplink_event event = {
		.kind = UPLINK_EVENT_CONFLICT, .state = u->state, .address = address, .mac = mac};
	u->counts.conflicts++;
	u->effects.event(u->effects.arg, &event);
}

/* RFC 2131 3.1: "If the client detects that the address is already in use, the client MUST send a
 * DHCPDECLINE message to the server and restarts the configuration process." */
static void decline(struct uplink *u, uint64_t now_ms, uint32_t address, uint32_t server)
{
	uplink_drop(u, true);
	u->has_pending = false;
	u->last = 0;
	uplink_say_decline(u, now_ms, address, server);
	u->conflicts++;
	/* RFC 5227 2.1.1: "the host MUST limit the rate at which it probes for new addresses to
	 * no more than one new address per RATE_LIMIT_INTERVAL". */
	uplink_begin(u, now_ms,
		     u->conflicts >= UPLINK_CONFLICTS_MAX ? RATE_LIMIT_INTERVAL_MS
							  : DECLINE_WAIT_MS);
}

static bool is_own(const struct uplink *u, const struct ip_arp *a)
{
	return span_equal(span_of(a->sender_mac, IP_MAC_LEN), span_of(u->mac, IP_MAC_LEN));
}

/* RFC 5227 2.4 (b), or (c) where an administrator wants that: then the second of two conflicts
 * within DEFEND_INTERVAL is not answered, so that two hosts do not fight without end. */
static void defend(struct uplink *u, uint64_t now_ms, const struct ip_arp *a)
{
	bool again = u->defended && now_ms - u->defended_ms < DEFEND_INTERVAL_MS;
	tell_conflict(u, u->lease.address, a->sender_mac);
	if (again && u->rules->defend_always)
		return;
	if (again) {
		u->defended = false;
		decline(u, now_ms, u->lease.address, u->lease.server);
		return;
	}
	u->defended = true;
	u->defended_ms = now_ms;
	uplink_announce(u);
}

void uplink_arp(struct uplink *u, uint64_t now_ms, const struct ip_arp *a)
{
	if (is_own(u, a) || u->state == UPLINK_DOWN)
		return;
	if (u->state == UPLINK_CHECKING) {
		uint32_t address = u->pending.address;
		/* RFC 5227 2.1.1: it is in use when its sender has it, or when another host probes
		 * for it at the same time. */
		if (a->sender == address ||
		    (a->operation == IP_ARP_REQUEST && a->sender == 0 && a->target == address)) {
			tell_conflict(u, address, a->sender_mac);
			decline(u, now_ms, address, u->pending.server);
			return;
		}
	}
	if (u->has_lease && a->sender == u->lease.address)
		defend(u, now_ms, a);
}
