#include "service/dhcp-client/engine_inner.h"

#include "base/siphash.h"

#include <assert.h>

/* RFC 2131 4.1: 4 s, doubled up to 64 s, each moved by a random -1 to +1 s. */
#define BACKOFF_FIRST_MS UINT64_C(4000)
#define BACKOFF_MAX_MS	 UINT64_C(64000)
#define BACKOFF_FUZZ_MS	 UINT64_C(1000)
/* RFC 2131 3.1: a REQUEST is repeated four times, for a total of 60 s. */
#define REQUEST_TRIES 5u
/* Twelve seconds: who just rebooted has an address that is most likely right. */
#define REBOOT_TRIES 2u
/* RFC 2131 4.4.5: "down to a minimum of 60 seconds, before retransmitting". */
#define RENEW_WAIT_MIN_MS  UINT64_C(60000)
#define START_DELAY_MIN_MS UINT64_C(1000)
#define TURNS_MAX	   16

const char *uplink_state_name(enum uplink_state state)
{
	static const char *const names[] = {"down",	  "idle",      "init",	   "selecting",
					    "requesting", "rebooting", "checking", "bound",
					    "renewing",	  "rebinding"};
	static_assert(sizeof(names) / sizeof(names[0]) == UPLINK_STATES, "a name for each");
	ASSERT(state < UPLINK_STATES);
	return names[state];
}

const char *uplink_cause_name(enum uplink_cause cause)
{
	static const char *const names[] = {"none",   "torn",	 "not-ours", "type",
					    "server", "address", "identity", "lease",
					    "forged", "full",	 "option"};
	static_assert(sizeof(names) / sizeof(names[0]) == UPLINK_CAUSES, "a name for each");
	ASSERT(cause < UPLINK_CAUSES);
	return names[cause];
}

uint64_t uplink_random(struct uplink *u)
{
	u->drawn++;
	return siphash24(u->seed, &u->drawn, sizeof(u->drawn));
}

uint64_t uplink_random_in(struct uplink *u, uint64_t min, uint64_t max)
{
	return max > min ? min + uplink_random(u) % (max - min + 1) : min;
}

/* --- steps ------------------------------------------------------------------------------------ */

void uplink_enter(struct uplink *u, enum uplink_state state, uint64_t due_ms)
{
	bool changed = u->state != state;
	u->state = state;
	u->due_ms = due_ms;
	u->choose_ms = UINT64_MAX;
	if (!changed)
		return;
	struct uplink_event event = {.kind = UPLINK_EVENT_STATE,
				     .state = state,
				     .address = u->has_lease ? u->lease.address : 0,
				     .server = u->has_lease ? u->lease.server : 0,
				     .xid = u->xid};
	u->effects.event(u->effects.arg, &event);
}

void uplink_refuse(struct uplink *u, enum uplink_cause cause, uint8_t type, uint32_t server)
{
	struct uplink_event event = {.kind = UPLINK_EVENT_REFUSED,
				     .cause = cause,
				     .state = u->state,
				     .type = type,
				     .address = u->message.head.yiaddr,
				     .server = server,
				     .xid = u->message.head.xid};
	u->counts.refused[cause]++;
	/* Strangers' packets are only counted: they could be many. */
	if (cause != UPLINK_CAUSE_TORN && cause != UPLINK_CAUSE_NOT_OURS)
		u->effects.event(u->effects.arg, &event);
}

static bool listed(const struct ip_prefix *list, size_t n, uint32_t address)
{
	struct ip_address a = ip_address_v4((uint8_t)(address >> 24), (uint8_t)(address >> 16),
					    (uint8_t)(address >> 8), (uint8_t)address);
	for (size_t i = 0; i < n; i++)
		if (ip_prefix_contains(&list[i], &a))
			return true;
	return false;
}

bool uplink_address_allowed(const struct uplink *u, uint32_t address)
{
	const struct uplink_rules *r = u->rules;
	return (r->addresses_allowed_n == 0 ||
		listed(r->addresses_allowed, r->addresses_allowed_n, address)) &&
	       !listed(r->addresses_refused, r->addresses_refused_n, address);
}

bool uplink_server_allowed(const struct uplink *u, uint32_t server)
{
	const struct uplink_rules *r = u->rules;
	return r->servers_allowed_n == 0 ||
	       listed(r->servers_allowed, r->servers_allowed_n, server);
}

void uplink_drop(struct uplink *u, bool forget)
{
	u->announce_ms = UINT64_MAX;
	if (u->has_lease) {
		u->has_lease = false;
		u->effects.unset(u->effects.arg);
	}
	if (forget)
		u->effects.store(u->effects.arg, NULL, 0);
}

void uplink_begin(struct uplink *u, uint64_t now_ms, uint64_t delay_ms)
{
	u->offers_n = 0;
	u->has_pending = false;
	uplink_enter(u, UPLINK_INIT, now_ms + delay_ms);
}

void uplink_take(struct uplink *u, uint64_t now_ms)
{
	struct lease_times times = lease_times(&u->pending, uplink_random(u));
	bool forever = u->pending_end_ms == UINT64_MAX;
	u->lease = u->pending;
	u->has_lease = true;
	u->has_pending = false;
	u->last = u->lease.address;
	u->obtained_ms = u->pending_ms;
	u->renew_ms = forever ? UINT64_MAX : u->pending_ms + times.renew_ms;
	u->rebind_ms = forever ? UINT64_MAX : u->pending_ms + times.rebind_ms;
	u->end_ms = u->pending_end_ms;
	u->naks = 0;
	u->counts.bound++;
	/* First to disk: what is set is found again after a crash. */
	u->effects.store(u->effects.arg, &u->lease, u->end_ms);
	u->effects.set(u->effects.arg, &u->lease, u->end_ms);
	uplink_enter(u, UPLINK_BOUND, u->renew_ms);
	if (u->renew_ms <= now_ms) /* of a file: T1 may be past */
		u->due_ms = now_ms;
}

static uint64_t backoff_ms(struct uplink *u)
{
	uint64_t wait_ms = BACKOFF_FIRST_MS;
	for (unsigned i = 1; i < u->tries && wait_ms < BACKOFF_MAX_MS; i++)
		wait_ms *= 2;
	return uplink_random_in(u, wait_ms - BACKOFF_FUZZ_MS, wait_ms + BACKOFF_FUZZ_MS);
}

static void new_exchange(struct uplink *u, uint64_t now_ms)
{
	/* RFC 2131 4.1: "MUST choose 'xid's in such a way as to minimize the chance of using an
	 * 'xid' identical to one used by another client". */
	u->xid = (uint32_t)uplink_random(u);
	u->begun_ms = now_ms;
	u->tries = 0;
}

static void discover(struct uplink *u, uint64_t now_ms)
{
	uplink_say_discover(u, now_ms);
	u->tries++;
	u->due_ms = now_ms + backoff_ms(u);
}

static void request(struct uplink *u, uint64_t now_ms)
{
	uplink_say_request(u, now_ms);
	u->tries++;
	u->due_ms = now_ms + backoff_ms(u);
}

/* RFC 2131 4.4.5: half of the time that is left to T2, or to the end. */
static void renew(struct uplink *u, uint64_t now_ms)
{
	uint64_t until_ms = u->state == UPLINK_RENEWING ? u->rebind_ms : u->end_ms;
	uplink_say_request(u, now_ms);
	u->tries++;
	uint64_t wait_ms = until_ms == UINT64_MAX ? RENEW_WAIT_MIN_MS : (until_ms - now_ms) / 2;
	if (wait_ms < RENEW_WAIT_MIN_MS)
		wait_ms = RENEW_WAIT_MIN_MS;
	u->due_ms = until_ms - now_ms < wait_ms ? until_ms : now_ms + wait_ms;
}

static void start_renewing(struct uplink *u, uint64_t now_ms)
{
	new_exchange(u, now_ms);
	bool late = u->rebind_ms <= now_ms;
	uplink_enter(u, late ? UPLINK_REBINDING : UPLINK_RENEWING, now_ms);
	renew(u, now_ms);
}

/* INIT-REBOOT: RFC 2131 4.4.2. */
static void start_rebooting(struct uplink *u, uint64_t now_ms)
{
	new_exchange(u, now_ms);
	u->last = u->has_lease ? u->lease.address : u->pending.address;
	uplink_enter(u, UPLINK_REBOOTING, now_ms);
	request(u, now_ms);
}

/* Nobody answered INIT-REBOOT. RFC 2131 3.2.4: "the client MAY choose to use the previously
 * allocated network address and configuration parameters for the remainder of the unexpired lease".
 */
static void unconfirmed(struct uplink *u, uint64_t now_ms)
{
	bool keep = u->rules->keep_unconfirmed;
	if (keep && u->has_lease) {
		uplink_enter(u, UPLINK_BOUND, u->renew_ms > now_ms ? u->renew_ms : now_ms);
	} else if (keep && u->has_pending && u->pending_end_ms > now_ms) {
		uplink_check(u, now_ms);
	} else {
		uplink_drop(u, false);
		uplink_begin(u, now_ms, 0);
	}
}

static void choose(struct uplink *u, uint64_t now_ms)
{
	/* Those that came are in the order of their rank: see receive.c. */
	u->chosen = u->offers[0];
	u->offers_n = 0;
	u->tries = 0;
	uplink_enter(u, UPLINK_REQUESTING, now_ms);
	request(u, now_ms);
}

static void expire(struct uplink *u, uint64_t now_ms)
{
	struct uplink_event event = {.kind = UPLINK_EVENT_EXPIRED,
				     .state = u->state,
				     .address = u->lease.address,
				     .server = u->lease.server};
	u->counts.expired++;
	u->effects.event(u->effects.arg, &event);
	/* RFC 2131 4.4.5: "the client MUST immediately stop any other network processing". */
	uplink_drop(u, true);
	if (u->state != UPLINK_DOWN && u->state != UPLINK_CHECKING)
		uplink_begin(u, now_ms, 0);
}

/* --- time ------------------------------------------------------------------------------------- */

static void state_due(struct uplink *u, uint64_t now_ms)
{
	switch (u->state) {
	case UPLINK_INIT:
		new_exchange(u, now_ms);
		uplink_enter(u, UPLINK_SELECTING, now_ms);
		discover(u, now_ms);
		break;
	case UPLINK_SELECTING: discover(u, now_ms); break;
	case UPLINK_REQUESTING:
		if (u->tries < REQUEST_TRIES)
			request(u, now_ms);
		else
			uplink_begin(u, now_ms, 0);
		break;
	case UPLINK_REBOOTING:
		if (u->tries < REBOOT_TRIES)
			request(u, now_ms);
		else
			unconfirmed(u, now_ms);
		break;
	case UPLINK_CHECKING: uplink_check_turn(u, now_ms); break;
	case UPLINK_BOUND: start_renewing(u, now_ms); break;
	case UPLINK_RENEWING:
		if (now_ms >= u->rebind_ms)
			uplink_enter(u, UPLINK_REBINDING, now_ms);
		renew(u, now_ms);
		break;
	case UPLINK_REBINDING: renew(u, now_ms); break;
	case UPLINK_DOWN:
	case UPLINK_IDLE:
	case UPLINK_STATES: u->due_ms = UINT64_MAX; break;
	}
}

static bool turn_once(struct uplink *u, uint64_t now_ms)
{
	if (u->has_lease && u->end_ms <= now_ms)
		expire(u, now_ms);
	else if (u->announce_ms <= now_ms) {
		u->announce_ms = UINT64_MAX;
		if (u->has_lease && u->state != UPLINK_DOWN)
			uplink_announce(u);
	} else if (u->choose_ms <= now_ms) {
		choose(u, now_ms);
	} else if (u->due_ms <= now_ms) {
		state_due(u, now_ms);
	} else {
		return false;
	}
	return true;
}

void uplink_turn(struct uplink *u, uint64_t now_ms)
{
	for (int i = 0; i < TURNS_MAX && turn_once(u, now_ms); i++)
		;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t uplink_next_ms(const struct uplink *u)
{
	uint64_t next_ms = earlier(u->due_ms, earlier(u->announce_ms, u->choose_ms));
	return u->has_lease ? earlier(next_ms, u->end_ms) : next_ms;
}

/* --- orders ----------------------------------------------------------------------------------- */

void uplink_init(struct uplink *u, const struct uplink_rules *rules, const uint8_t mac[IP_MAC_LEN],
		 const uint8_t seed[16], const struct uplink_effects *effects)
{
	*u = (struct uplink){.state = UPLINK_DOWN,
			     .rules = rules,
			     .effects = *effects,
			     .due_ms = UINT64_MAX,
			     .announce_ms = UINT64_MAX,
			     .choose_ms = UINT64_MAX};
	memcpy(u->mac, mac, IP_MAC_LEN);
	memcpy(u->seed, seed, sizeof(u->seed));
}

static void start(struct uplink *u, uint64_t now_ms)
{
	uint64_t most_ms = u->rules->start_delay_ms;
	if (u->has_lease || (u->has_pending && u->pending_end_ms > now_ms))
		start_rebooting(u, now_ms);
	else
		uplink_begin(u, now_ms,
			     uplink_random_in(u, earlier(START_DELAY_MIN_MS, most_ms), most_ms));
}

void uplink_link(struct uplink *u, uint64_t now_ms, bool up)
{
	u->link_up = up;
	if (u->state == UPLINK_IDLE || up == (u->state != UPLINK_DOWN))
		return;
	if (up) {
		start(u, now_ms);
	} else {
		u->announce_ms = UINT64_MAX;
		uplink_enter(u, UPLINK_DOWN, UINT64_MAX);
	}
	uplink_turn(u, now_ms);
}

void uplink_set_rules(struct uplink *u, uint64_t now_ms, const struct uplink_rules *rules)
{
	bool other = !span_equal(u->rules->client_id, rules->client_id);
	bool active = u->state != UPLINK_DOWN && u->state != UPLINK_IDLE;
	/* Given back as who we were. */
	const struct uplink_rules *before = u->rules;
	u->rules = rules;
	other |= u->has_lease && (!uplink_server_allowed(u, u->lease.server) ||
				  !uplink_address_allowed(u, u->lease.address));
	if (other && u->has_lease) {
		u->rules = before;
		uplink_say_release(u, now_ms);
		u->rules = rules;
		uplink_drop(u, true);
		u->last = 0;
	}
	bool under_way = active && !u->has_lease && u->state != UPLINK_INIT;
	if (active && (other || under_way))
		uplink_begin(u, now_ms, 0);
	uplink_turn(u, now_ms);
}

enum err uplink_renew(struct uplink *u, uint64_t now_ms)
{
	if (!u->link_up)
		return ERR_REFUSED;
	if (u->state == UPLINK_IDLE)
		uplink_begin(u, now_ms, 0);
	else if (u->state == UPLINK_INIT)
		u->due_ms = now_ms;
	else if (u->state == UPLINK_BOUND || u->state == UPLINK_RENEWING ||
		 u->state == UPLINK_REBINDING)
		start_renewing(u, now_ms);
	uplink_turn(u, now_ms);
	return OK;
}

enum err uplink_release(struct uplink *u, uint64_t now_ms)
{
	bool has_lease = u->has_lease;
	if (has_lease && u->link_up)
		uplink_say_release(u, now_ms);
	uplink_drop(u, true);
	u->has_pending = false;
	uplink_enter(u, UPLINK_IDLE, UINT64_MAX);
	return has_lease ? OK : ERR_ABSENT;
}
