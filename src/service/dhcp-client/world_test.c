#include "service/dhcp-client/world_test.h"

#include <stdlib.h>
#include <string.h>

const uint8_t world_mac[IP_MAC_LEN] = {2, 0, 0, 0, 0, 1};
const uint8_t world_stranger[IP_MAC_LEN] = {2, 0, 0, 0, 0, 9};

static const uint8_t world_id[] = {255, 0, 0, 0, 1, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1};
static const uint8_t world_request[] = {
	DHCP_OPT_SUBNET_MASK,	DHCP_OPT_ROUTERS,      DHCP_OPT_CLASSLESS_STATIC_ROUTES,
	DHCP_OPT_STATIC_ROUTES, DHCP_OPT_RENEWAL_TIME, DHCP_OPT_REBINDING_TIME};

static void on_send(void *arg, uint32_t from, uint32_t to, bool last, struct span message)
{
	(void)last;
	struct world *w = arg;
	if (w->sent_n == WORLD_SENT_MAX || message.len > sizeof(w->sent[0].bytes))
		abort();
	struct world_sent *s = &w->sent[w->sent_n++];
	s->at_ms = w->now_ms;
	s->from = from;
	s->to = to;
	s->len = message.len;
	memcpy(s->bytes, message.data, message.len);
}

static void on_arp(void *arg, const struct ip_arp *arp)
{
	struct world *w = arg;
	if (w->arps_n == WORLD_SENT_MAX)
		abort();
	w->arps[w->arps_n].at_ms = w->now_ms;
	w->arps[w->arps_n++].arp = *arp;
}

static void on_set(void *arg, const struct lease *lease, uint64_t end_ms)
{
	struct world *w = arg;
	w->is_set = true;
	w->set = *lease;
	w->set_end_ms = end_ms;
	w->sets++;
}

static void on_unset(void *arg)
{
	struct world *w = arg;
	if (!w->is_set)
		abort(); /* removed is what was set, once */
	w->is_set = false;
	w->unsets++;
}

static void on_store(void *arg, const struct lease *lease, uint64_t end_ms)
{
	struct world *w = arg;
	w->is_stored = lease != NULL;
	if (lease)
		w->stored = *lease;
	w->stored_end_ms = end_ms;
}

static void on_event(void *arg, const struct uplink_event *event)
{
	struct world *w = arg;
	w->events[event->kind]++;
	if (event->kind == UPLINK_EVENT_REFUSED)
		w->refused = event->cause;
}

struct world *world_new(uint8_t seed)
{
	struct world *w = calloc(1, sizeof(*w));
	if (!w)
		abort();
	struct uplink_effects effects = {.arg = w,
					 .send = on_send,
					 .arp = on_arp,
					 .set = on_set,
					 .unset = on_unset,
					 .store = on_store,
					 .event = on_event};
	w->rules = (struct uplink_rules){.client_id = span_of(world_id, sizeof(world_id)),
					 .request = world_request,
					 .request_n = sizeof(world_request),
					 .offer_wait_ms = 100,
					 .message_max = 1500,
					 .keep_unconfirmed = true,
					 .force_renew = true,
					 .probing = {.probes = 3,
						     .wait_ms = 1000,
						     .min_ms = 1000,
						     .max_ms = 2000,
						     .settle_ms = 2000}};
	w->now_ms = WORLD_START_MS;
	memset(w->seed, seed, sizeof(w->seed));
	uplink_init(&w->u, &w->rules, world_mac, w->seed, &effects);
	return w;
}

void world_free(struct world *w)
{
	free(w);
}

void world_run(struct world *w, uint64_t ms)
{
	uint64_t end_ms = w->now_ms + ms;
	for (uint64_t next_ms; (next_ms = uplink_next_ms(&w->u)) <= end_ms;) {
		if (next_ms > w->now_ms)
			w->now_ms = next_ms;
		uplink_turn(&w->u, w->now_ms);
	}
	w->now_ms = end_ms;
}

void world_up(struct world *w, uint64_t ms)
{
	uplink_link(&w->u, w->now_ms, true);
	world_run(w, ms);
}

const struct dhcp_message *world_last(struct world *w)
{
	if (w->sent_n == 0)
		return NULL;
	const struct world_sent *s = &w->sent[w->sent_n - 1];
	return dhcp_message_read(span_of(s->bytes, s->len), &w->read) == OK ? &w->read : NULL;
}

size_t world_count(struct world *w, uint8_t type)
{
	size_t n = 0;
	for (size_t i = 0; i < w->sent_n; i++)
		n += dhcp_message_read(span_of(w->sent[i].bytes, w->sent[i].len), &w->read) == OK &&
		     w->read.type == type;
	return n;
}

static uint32_t either(uint32_t given, uint32_t usual)
{
	return given ? given : usual;
}

size_t world_reply_bytes(struct world *w, struct world_reply r, uint8_t room[1500])
{
	struct dhcp_build b;
	struct dhcp_build_rules rules = {.size_max = 1472};
	struct span wire;
	const struct dhcp_message *last = world_last(w);
	if (!last)
		abort();
	uint8_t type = r.type ? r.type : DHCP_OFFER;
	struct dhcp_head head = dhcp_head_reply(&last->head);
	head.op = r.request_op ? DHCP_OP_REQUEST : DHCP_OP_REPLY;
	head.xid ^= r.xid_flip;
	if (type != DHCP_NAK && !r.no_address)
		head.yiaddr = either(r.address, WORLD_ADDRESS);
	if (r.wrong_mac)
		memcpy(head.chaddr, world_stranger, IP_MAC_LEN);
	dhcp_build_init(&b, room, 1500, &head, &rules);
	dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, type);
	if (!r.no_server)
		dhcp_build_u32(&b, DHCP_OPT_SERVER_IDENTIFIER, either(r.server, WORLD_SERVER));
	if (r.code)
		dhcp_build_option(&b, r.code, r.value);
	if (type != DHCP_NAK) {
		if (!r.no_lease_time)
			dhcp_build_u32(&b, DHCP_OPT_LEASE_TIME, either(r.lease_s, WORLD_LEASE_S));
		dhcp_build_u32(&b, DHCP_OPT_SUBNET_MASK, 0xffffff00);
		dhcp_build_u32(&b, DHCP_OPT_ROUTERS, WORLD_SERVER);
		if (r.renew_s)
			dhcp_build_u32(&b, DHCP_OPT_RENEWAL_TIME, r.renew_s);
		if (r.rebind_s)
			dhcp_build_u32(&b, DHCP_OPT_REBINDING_TIME, r.rebind_s);
	}
	if (r.client_id.len)
		dhcp_build_option(&b, DHCP_OPT_CLIENT_IDENTIFIER, r.client_id);
	if (dhcp_build_finish(&b, &wire) != OK)
		abort();
	return wire.len;
}

void world_reply(struct world *w, struct world_reply reply)
{
	uint8_t room[1500];
	size_t len = world_reply_bytes(w, reply, room);
	uplink_receive(&w->u, w->now_ms, span_of(room, len));
}

void world_bind(struct world *w)
{
	world_choose(w);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	for (int i = 0; i < 100 && w->u.state != UPLINK_BOUND; i++)
		world_run(w, 100);
	if (w->u.state != UPLINK_BOUND)
		abort();
}

static void expect(const struct world *w, enum uplink_state state)
{
	if (w->u.state != state)
		abort();
}

void world_choose(struct world *w)
{
	world_up(w, 0);
	world_reply(w, (struct world_reply){0});
	world_run(w, w->rules.offer_wait_ms);
	expect(w, UPLINK_REQUESTING);
}

void world_renewing(struct world *w, bool rebind)
{
	world_bind(w);
	world_run(w, w->u.renew_ms - w->now_ms);
	expect(w, UPLINK_RENEWING);
	if (!rebind)
		return;
	world_run(w, w->u.rebind_ms - w->now_ms);
	expect(w, UPLINK_REBINDING);
}

struct world *world_restored(struct world *w, bool in_force)
{
	world_bind(w);
	struct world *next = world_new(2);
	next->now_ms = w->now_ms + 60000;
	next->is_set = next->is_stored = in_force;
	if (uplink_restore(&next->u, next->now_ms,
			   span_of(w->stored.message, w->stored.message_len), w->now_ms,
			   w->stored_end_ms, in_force) != OK)
		abort();
	world_free(w);
	return next;
}

void world_arp(struct world *w, uint16_t operation, const uint8_t mac[IP_MAC_LEN], uint32_t sender,
	       uint32_t target)
{
	struct ip_arp a = {.operation = operation, .sender = sender, .target = target};
	memcpy(a.sender_mac, mac, IP_MAC_LEN);
	uplink_arp(&w->u, w->now_ms, &a);
}
