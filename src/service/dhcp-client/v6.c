#include "service/dhcp-client/v6.h"

#include "base/siphash.h"
#include "service/dhcp-client/v6_inner.h"

static const char *const state_names[UPLINK6_STATES] = {
	[UPLINK6_DOWN] = "down",
	[UPLINK6_IDLE] = "idle",
	[UPLINK6_SOLICITING] = "soliciting",
	[UPLINK6_REQUESTING] = "requesting",
	[UPLINK6_CONFIRMING] = "confirming",
	[UPLINK6_BOUND] = "bound",
	[UPLINK6_RENEWING] = "renewing",
	[UPLINK6_REBINDING] = "rebinding",
	[UPLINK6_RELEASING] = "releasing",
	[UPLINK6_DECLINING] = "declining",
	[UPLINK6_INFORMING] = "informing",
	[UPLINK6_INFORMED] = "informed",
};

static const char *const cause_names[UPLINK6_CAUSES] = {
	[UPLINK6_CAUSE_NONE] = "none",	       [UPLINK6_CAUSE_TORN] = "torn",
	[UPLINK6_CAUSE_TYPE] = "type",	       [UPLINK6_CAUSE_NOT_OURS] = "not-ours",
	[UPLINK6_CAUSE_IDENTITY] = "identity", [UPLINK6_CAUSE_SERVER] = "server",
	[UPLINK6_CAUSE_STATUS] = "status",     [UPLINK6_CAUSE_LEASE] = "lease",
	[UPLINK6_CAUSE_FORGED] = "forged",
};

const char *uplink6_state_name(enum uplink6_state state)
{
	ASSERT(state < UPLINK6_STATES);
	return state_names[state];
}

const char *uplink6_cause_name(enum uplink6_cause cause)
{
	ASSERT(cause < UPLINK6_CAUSES);
	return cause_names[cause];
}

void uplink6_init(struct uplink6 *u, const struct uplink6_rules *rules, const uint8_t seed[16],
		  const struct uplink6_effects *effects)
{
	*u = (struct uplink6){.rules = rules,
			      .effects = *effects,
			      .renew_ms = UPLINK6_NEVER,
			      .rebind_ms = UPLINK6_NEVER,
			      .refresh_ms = UPLINK6_NEVER};
	struct writer w = writer_of(u->seed, sizeof(u->seed));
	write_bytes(&w, seed, sizeof(u->seed));
	ASSERT(rules->duid.len >= DHCP6_DUID_LEN_MIN && rules->duid.len <= DHCP6_DUID_LEN_MAX);
	ASSERT(rules->request_n <= UPLINK6_REQUEST_MAX);
}

uint64_t uplink6_draw(struct uplink6 *u, uint64_t below)
{
	uint64_t n = u->drawn++;
	return siphash24(u->seed, &n, sizeof(n)) % below;
}

void uplink6_tell(struct uplink6 *u, const struct uplink6_event *event)
{
	struct uplink6_event e = *event;
	e.state = u->state;
	u->effects.event(u->effects.arg, &e);
}

void uplink6_enter(struct uplink6 *u, enum uplink6_state state)
{
	if (u->state == state)
		return;
	u->state = state;
	uplink6_tell(u, &(struct uplink6_event){.kind = UPLINK6_EVENT_STATE});
}

/* --- retransmission, RFC 8415 15 --- */

/* "RAND … chosen with a uniform distribution between -0.1 and +0.1", of that time. */
static uint64_t shaken(struct uplink6 *u, uint64_t base_ms, uint64_t of_ms)
{
	return base_ms - of_ms / 10 + uplink6_draw(u, of_ms / 5 + 1);
}

/* The first RT of a Solicit "MUST be selected to be strictly greater than IRT" (18.2.1). */
static uint64_t first_rt(struct uplink6 *u)
{
	uint64_t irt = u->sending.irt_ms;
	if (u->sending.type == DHCP6_SOLICIT)
		return irt + 1 + uplink6_draw(u, irt / 10);
	return shaken(u, irt, irt);
}

static uint64_t next_rt(struct uplink6 *u)
{
	uint64_t rt = shaken(u, 2 * u->sending.rt_ms, u->sending.rt_ms), mrt = u->sending.mrt_ms;
	return mrt && rt > mrt ? shaken(u, mrt, mrt) : rt;
}

struct manner {
	uint8_t type;
	enum uplink6_state state;
	uint64_t irt_ms, mrt_ms;
	unsigned mrc;
};

/* mrd_ms 0: none. delay_ms: before the first message. 16.1: a new transaction id for each. */
static void begin(struct uplink6 *u, uint64_t now_ms, const struct manner *m, uint64_t mrd_ms,
		  uint64_t delay_ms)
{
	u->sending = (struct uplink6_sending){
		.type = m->type,
		.transaction_id = (uint32_t)uplink6_draw(u, 1 << 24),
		.begun_ms = now_ms + delay_ms,
		.due_ms = now_ms + delay_ms,
		.irt_ms = m->irt_ms,
		.mrt_ms = m->mrt_ms,
		.mrc = m->mrc,
		.mrd_ms = mrd_ms,
	};
	uplink6_enter(u, m->state);
}

static void transmit(struct uplink6 *u, uint64_t now_ms)
{
	struct uplink6_sending *s = &u->sending;
	if (s->sent == 0)
		s->begun_ms = now_ms;
	uplink6_say(u, now_ms);
	s->rt_ms = s->sent++ ? next_rt(u) : first_rt(u);
	s->due_ms = now_ms + s->rt_ms;
	if (s->mrd_ms && s->due_ms > s->begun_ms + s->mrd_ms)
		s->due_ms = s->begun_ms + s->mrd_ms;
}

void uplink6_quiet(struct uplink6 *u)
{
	u->sending = (struct uplink6_sending){0};
	u->reconfiguring = false;
}

/* --- the exchanges --- */

static bool wants_leases(const struct uplink6 *u)
{
	return u->rules->address || u->rules->prefix;
}

void uplink6_solicit(struct uplink6 *u, uint64_t now_ms)
{
	uint64_t mrt_s = u->sol_max_rt_s ? u->sol_max_rt_s : SOL_MAX_RT_S;
	struct manner m = {DHCP6_SOLICIT, UPLINK6_SOLICITING, SOL_TIMEOUT, mrt_s * 1000, 0};
	unsigned doublings = u->vain < VAIN_DOUBLINGS_MAX ? u->vain : VAIN_DOUBLINGS_MAX;
	uint64_t more_ms = u->vain ? (uint64_t)VAIN_MS << doublings : 0;
	uplink6_quiet(u);
	u->offers_n = 0;
	u->vain++;
	begin(u, now_ms, &m, 0, more_ms + uplink6_draw(u, SOL_MAX_DELAY));
}

static void start_request(struct uplink6 *u, uint64_t now_ms)
{
	static const struct manner m = {DHCP6_REQUEST, UPLINK6_REQUESTING, REQ_TIMEOUT, REQ_MAX_RT,
					REQ_MAX_RC};
	uplink6_quiet(u);
	begin(u, now_ms, &m, 0, 0);
	transmit(u, now_ms);
}

void uplink6_request(struct uplink6 *u, uint64_t now_ms)
{
	if (u->offers_n == 0) {
		uplink6_solicit(u, now_ms);
		return;
	}
	u->chosen = u->offers[0];
	u->offers_n--;
	for (size_t i = 0; i < u->offers_n; i++)
		u->offers[i] = u->offers[i + 1];
	start_request(u, now_ms);
}

void uplink6_request_again(struct uplink6 *u, uint64_t now_ms)
{
	u->offers_n = 0;
	start_request(u, now_ms);
}

void uplink6_start_renew(struct uplink6 *u, uint64_t now_ms)
{
	static const struct manner m = {DHCP6_RENEW, UPLINK6_RENEWING, REN_TIMEOUT, REN_MAX_RT, 0};
	bool reconfiguring = u->reconfiguring;
	uint64_t mrd = u->rebind_ms == UPLINK6_NEVER ? 0
		       : u->rebind_ms > now_ms	     ? u->rebind_ms - now_ms
						     : 1;
	uplink6_quiet(u);
	u->reconfiguring = reconfiguring;
	begin(u, now_ms, &m, mrd, 0);
	transmit(u, now_ms);
}

void uplink6_start_rebind(struct uplink6 *u, uint64_t now_ms)
{
	static const struct manner m = {DHCP6_REBIND, UPLINK6_REBINDING, REB_TIMEOUT, REB_MAX_RT,
					0};
	bool reconfiguring = u->reconfiguring;
	uplink6_quiet(u); /* MRD: the leases end by themselves */
	u->reconfiguring = reconfiguring;
	begin(u, now_ms, &m, 0, 0);
	transmit(u, now_ms);
}

void uplink6_inform(struct uplink6 *u, uint64_t now_ms)
{
	uint64_t mrt_s = u->inf_max_rt_s ? u->inf_max_rt_s : INF_MAX_RT_S;
	struct manner m = {DHCP6_INFORMATION_REQUEST, UPLINK6_INFORMING, INF_TIMEOUT, mrt_s * 1000,
			   0};
	bool reconfiguring = u->reconfiguring;
	uplink6_quiet(u);
	u->reconfiguring = reconfiguring;
	begin(u, now_ms, &m, 0, uplink6_draw(u, INF_MAX_DELAY));
}

/* 18.2.12: it may be another link. */
static void start_confirm(struct uplink6 *u, uint64_t now_ms)
{
	static const struct manner confirm = {DHCP6_CONFIRM, UPLINK6_CONFIRMING, CNF_TIMEOUT,
					      CNF_MAX_RT, 0};
	static const struct manner rebind = {DHCP6_REBIND, UPLINK6_REBINDING, CNF_TIMEOUT,
					     CNF_MAX_RT, 0};
	bool prefixes = uplink6_has(u, DHCP6_IA_PD);
	uplink6_quiet(u);
	u->off_link = false;
	begin(u, now_ms, prefixes ? &rebind : &confirm, CNF_MAX_RD, uplink6_draw(u, CNF_MAX_DELAY));
}

void uplink6_settle(struct uplink6 *u, uint64_t now_ms)
{
	uplink6_quiet(u);
	if (u->leases_n)
		uplink6_enter(u, UPLINK6_BOUND);
	else
		uplink6_solicit(u, now_ms);
}

static void start(struct uplink6 *u, uint64_t now_ms)
{
	if (!wants_leases(u))
		uplink6_inform(u, now_ms);
	else if (u->leases_n)
		start_confirm(u, now_ms);
	else
		uplink6_solicit(u, now_ms);
}

/* Its tries or its time are over. */
static void give_up(struct uplink6 *u, uint64_t now_ms)
{
	switch (u->sending.type) {
	case DHCP6_REQUEST:
		if (u->leases_n) /* some IAs are in force: those go on */
			uplink6_settle(u, now_ms);
		else
			uplink6_request(u, now_ms);
		break;
	case DHCP6_CONFIRM:
		if (u->off_link) {
			u->leases_n = 0;
			uplink6_publish(u);
		}
		uplink6_settle(u, now_ms); /* 18.2.3: "SHOULD continue to use any leases" */
		break;
	case DHCP6_RENEW: uplink6_start_rebind(u, now_ms); break;
	case DHCP6_RELEASE:
		uplink6_quiet(u);
		uplink6_enter(u, UPLINK6_IDLE);
		break;
	default: uplink6_settle(u, now_ms); break; /* Decline; a Rebind in place of a Confirm */
	}
}

/* --- time --- */

void uplink6_turn(struct uplink6 *u, uint64_t now_ms)
{
	struct uplink6_sending *s = &u->sending;
	if (uplink6_expire(u, now_ms)) {
		uplink6_publish(u);
		bool waits = u->state == UPLINK6_BOUND || u->state == UPLINK6_RENEWING ||
			     u->state == UPLINK6_REBINDING || u->state == UPLINK6_CONFIRMING;
		if (u->leases_n == 0 && waits)
			uplink6_solicit(u, now_ms);
	}
	if (s->type && s->due_ms <= now_ms) {
		bool over = s->sent && ((s->mrc && s->sent >= s->mrc) ||
					(s->mrd_ms && now_ms >= s->begun_ms + s->mrd_ms));
		if (over)
			give_up(u, now_ms);
		else if (s->type == DHCP6_SOLICIT && s->sent == 1 && u->offers_n)
			uplink6_request(u, now_ms); /* the first RT has elapsed */
		else
			transmit(u, now_ms);
	}
	if (u->state == UPLINK6_BOUND && u->rebind_ms <= now_ms)
		uplink6_start_rebind(u, now_ms);
	else if (u->state == UPLINK6_BOUND && u->renew_ms <= now_ms)
		uplink6_start_renew(u, now_ms);
	else if (u->state == UPLINK6_INFORMED && u->refresh_ms <= now_ms)
		uplink6_inform(u, now_ms);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t uplink6_next_ms(const struct uplink6 *u)
{
	uint64_t next = UPLINK6_NEVER;
	for (size_t i = 0; i < u->leases_n; i++)
		next = earlier(next, u->leases[i].valid_until_ms);
	if (u->sending.type)
		next = earlier(next, u->sending.due_ms);
	if (u->state == UPLINK6_BOUND)
		next = earlier(next, earlier(u->renew_ms, u->rebind_ms));
	if (u->state == UPLINK6_INFORMED)
		next = earlier(next, u->refresh_ms);
	return next;
}

/* --- what others tell it --- */

void uplink6_link(struct uplink6 *u, uint64_t now_ms, bool up)
{
	if (u->link_up == up)
		return;
	u->link_up = up;
	if (!up) {
		uplink6_quiet(u);
		uplink6_enter(u, UPLINK6_DOWN);
		return;
	}
	u->vain = 0;
	start(u, now_ms);
}

void uplink6_set_rules(struct uplink6 *u, uint64_t now_ms, const struct uplink6_rules *rules)
{
	size_t before = u->leases_n;
	u->rules = rules;
	for (size_t i = 0; i < u->leases_n;) {
		const struct uplink6_lease *l = &u->leases[i];
		if (uplink6_allows(u, &l->prefix) &&
		    (l->kind == DHCP6_IA_PD ? rules->prefix : rules->address))
			i++;
		else
			uplink6_forget(u, i);
	}
	if (u->leases_n != before)
		uplink6_publish(u);
	if (u->state == UPLINK6_DOWN || u->state == UPLINK6_IDLE)
		return;
	/* What is asked for may be more, or less, than before. */
	if (wants_leases(u) && u->leases_n)
		uplink6_start_renew(u, now_ms);
	else
		start(u, now_ms);
}

enum err uplink6_renew(struct uplink6 *u, uint64_t now_ms)
{
	if (!u->link_up)
		return ERR_REFUSED;
	if (wants_leases(u) && u->leases_n)
		uplink6_start_renew(u, now_ms);
	else
		start(u, now_ms);
	return OK;
}

enum err uplink6_release(struct uplink6 *u, uint64_t now_ms)
{
	static const struct manner m = {DHCP6_RELEASE, UPLINK6_RELEASING, REL_TIMEOUT, 0,
					REL_MAX_RC};
	bool any = u->leases_n > 0;
	u->ending_n = 0;
	for (size_t i = 0; i < u->leases_n; i++)
		u->ending[u->ending_n++] = u->leases[i].prefix;
	u->leases_n = u->options_len = 0;
	uplink6_quiet(u);
	/* 18.2.7: "MUST stop using all of the leases being released before the client begins the
	 * Release message exchange process". */
	uplink6_publish(u);
	if (!any || !u->link_up) {
		uplink6_enter(u, u->link_up ? UPLINK6_IDLE : UPLINK6_DOWN);
		return ERR_ABSENT;
	}
	begin(u, now_ms, &m, 0, 0);
	transmit(u, now_ms);
	return OK;
}

enum err uplink6_decline(struct uplink6 *u, uint64_t now_ms, const struct ip_address *a)
{
	static const struct manner m = {DHCP6_DECLINE, UPLINK6_DECLINING, DEC_TIMEOUT, 0,
					DEC_MAX_RC};
	for (size_t i = 0; i < u->leases_n; i++) {
		if (u->leases[i].prefix.bits != 128 ||
		    !ip_address_equal(&u->leases[i].prefix.address, a))
			continue;
		u->ending[0] = u->leases[i].prefix;
		u->ending_n = 1;
		uplink6_forget(u, i);
		uplink6_publish(u);
		if (!u->link_up)
			return OK;
		uplink6_quiet(u);
		begin(u, now_ms, &m, 0, 0);
		transmit(u, now_ms);
		return OK;
	}
	return ERR_ABSENT;
}
