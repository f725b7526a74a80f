#include "proto/dhcp/build.h"
#include "service/dhcp-client/engine_inner.h"

/* RFC 2131 table 5: what each message of a client holds. */

/* One more than what fits in option 55: the codes are put together here. */
#define REQUEST_MAX 255

struct message {
	struct dhcp_build build;
	uint8_t room[DHCP_SIZE_MIN];
	uint8_t type;
};

static void begin(struct uplink *u, struct message *m, uint8_t type, uint32_t ciaddr, uint16_t secs)
{
	/* RFC 2131 4.1: a client that takes unicast before it has an address clears the bit. */
	struct dhcp_head head = {.op = DHCP_OP_REQUEST,
				 .htype = DHCP_HTYPE_ETHERNET,
				 .hlen = IP_MAC_LEN,
				 .xid = u->xid,
				 .secs = secs,
				 .ciaddr = ciaddr};
	struct dhcp_build_rules rules = {.size_max = sizeof(m->room)};
	if (u->rules->broadcast && ciaddr == 0 && type != DHCP_DECLINE)
		head.flags = DHCP_FLAG_BROADCAST;
	for (size_t i = 0; i < IP_MAC_LEN; i++)
		head.chaddr[i] = u->mac[i];
	m->type = type;
	dhcp_build_init(&m->build, m->room, sizeof(m->room), &head, &rules);
	dhcp_build_u8(&m->build, DHCP_OPT_MESSAGE_TYPE, type);
	/* RFC 2131 4.2: "it MUST use the same identifier in all subsequent messages". */
	if (u->rules->client_id.len)
		dhcp_build_option(&m->build, DHCP_OPT_CLIENT_IDENTIFIER, u->rules->client_id);
}

static void send(struct uplink *u, uint64_t now_ms, struct message *m, uint32_t from, uint32_t to)
{
	struct span wire;
	u->sent_ms = now_ms;
	if (dhcp_build_finish(&m->build, &wire) != OK)
		return; /* not with texts of UPLINK_TEXT_MAX octets: the room holds them all */
	u->counts.sent[m->type]++;
	u->effects.send(u->effects.arg, from, to, m->type == DHCP_RELEASE, wire);
	struct uplink_event event = {.kind = UPLINK_EVENT_SENT,
				     .state = u->state,
				     .type = m->type,
				     .xid = u->xid,
				     .address = from,
				     .server = to == UPLINK_ALL ? 0 : to};
	u->effects.event(u->effects.arg, &event);
}

static bool add_code(uint8_t *codes, size_t *n, uint8_t code)
{
	for (size_t i = 0; i < *n; i++)
		if (codes[i] == code)
			return false;
	if (*n < REQUEST_MAX)
		codes[(*n)++] = code;
	return true;
}

/* RFC 3442: "The Classless Static Routes option code MUST appear in the parameter request list
 * prior to both the Router option code and the Static Routes option code, if present." */
static void add_requested(const struct uplink *u, struct dhcp_build *b)
{
	uint8_t codes[REQUEST_MAX];
	size_t n = 0;
	bool classless = false;
	for (size_t i = 0; i < u->rules->request_n; i++)
		classless |= u->rules->request[i] == DHCP_OPT_CLASSLESS_STATIC_ROUTES;
	for (size_t i = 0; i < u->rules->request_n; i++) {
		uint8_t code = u->rules->request[i];
		if (classless && (code == DHCP_OPT_ROUTERS || code == DHCP_OPT_STATIC_ROUTES))
			(void)add_code(codes, &n, DHCP_OPT_CLASSLESS_STATIC_ROUTES);
		(void)add_code(codes, &n, code);
	}
	if (u->rules->ipv6_only)
		(void)add_code(codes, &n, DHCP_OPT_IPV6_ONLY_PREFERRED);
	if (n)
		dhcp_build_option(b, DHCP_OPT_PARAMETER_REQUEST_LIST, span_of(codes, n));
}

/* What DISCOVER and REQUEST have in common. */
static void add_wishes(const struct uplink *u, struct dhcp_build *b)
{
	const struct uplink_rules *rules = u->rules;
	dhcp_build_u16(b, DHCP_OPT_MAX_MESSAGE_SIZE, rules->message_max);
	if (rules->lease_s)
		dhcp_build_u32(b, DHCP_OPT_LEASE_TIME, rules->lease_s);
	add_requested(u, b);
	if (rules->vendor_class.len)
		dhcp_build_option(b, DHCP_OPT_VENDOR_CLASS, rules->vendor_class);
	/* RFC 4702 3.1: "clients that send the Client FQDN option MUST NOT also send the Host Name
	 * option". */
	if (rules->fqdn.len)
		dhcp_build_option(b, DHCP_OPT_CLIENT_FQDN, rules->fqdn);
	else if (rules->host_name.len)
		dhcp_build_option(b, DHCP_OPT_HOST_NAME, rules->host_name);
	/* RFC 6704 3.1.1: the algorithms of which a nonce is understood. */
	if (rules->force_renew)
		dhcp_build_u8(b, DHCP_OPT_FORCERENEW_NONCE_CAPABLE, DHCP_AUTH_ALGORITHM_HMAC_MD5);
}

static uint16_t seconds_since(uint64_t begun_ms, uint64_t now_ms)
{
	uint64_t secs = (now_ms - begun_ms) / 1000;
	return secs < UINT16_MAX ? (uint16_t)secs : UINT16_MAX;
}

void uplink_say_discover(struct uplink *u, uint64_t now_ms)
{
	struct message m;
	u->secs = seconds_since(u->begun_ms, now_ms);
	begin(u, &m, DHCP_DISCOVER, 0, u->secs);
	add_wishes(u, &m.build);
	if (u->last)
		dhcp_build_u32(&m.build, DHCP_OPT_REQUESTED_ADDRESS, u->last);
	if (u->rules->rapid_commit)
		dhcp_build_option(&m.build, DHCP_OPT_RAPID_COMMIT, (struct span){0});
	send(u, now_ms, &m, 0, UPLINK_ALL);
}

/* RFC 2131 table 4, column by column. */
void uplink_say_request(struct uplink *u, uint64_t now_ms)
{
	struct message m;
	uint16_t secs = seconds_since(u->begun_ms, now_ms);
	bool has_address = u->state == UPLINK_RENEWING || u->state == UPLINK_REBINDING;
	uint32_t from = has_address ? u->lease.address : 0;
	if (u->state == UPLINK_REQUESTING) {
		/* RFC 2131 3.1: "MUST use the same value in the DHCP message header's 'secs' field
		 * and be sent to the same IP broadcast address as the original DHCPDISCOVER". */
		begin(u, &m, DHCP_REQUEST, 0, u->secs);
		dhcp_build_u32(&m.build, DHCP_OPT_REQUESTED_ADDRESS, u->chosen.address);
		dhcp_build_u32(&m.build, DHCP_OPT_SERVER_IDENTIFIER, u->chosen.server);
	} else if (u->state == UPLINK_REBOOTING) {
		begin(u, &m, DHCP_REQUEST, 0, secs);
		dhcp_build_u32(&m.build, DHCP_OPT_REQUESTED_ADDRESS, u->last);
	} else {
		ASSERT(has_address && u->has_lease);
		begin(u, &m, DHCP_REQUEST, u->lease.address, secs);
	}
	add_wishes(u, &m.build);
	send(u, now_ms, &m, from, u->state == UPLINK_RENEWING ? u->lease.server : UPLINK_ALL);
}

void uplink_say_decline(struct uplink *u, uint64_t now_ms, uint32_t address, uint32_t server)
{
	struct message m;
	u->xid = (uint32_t)uplink_random(u);
	begin(u, &m, DHCP_DECLINE, 0, 0);
	dhcp_build_u32(&m.build, DHCP_OPT_REQUESTED_ADDRESS, address);
	dhcp_build_u32(&m.build, DHCP_OPT_SERVER_IDENTIFIER, server);
	send(u, now_ms, &m, 0, UPLINK_ALL);
}

void uplink_say_release(struct uplink *u, uint64_t now_ms)
{
	struct message m;
	u->xid = (uint32_t)uplink_random(u);
	begin(u, &m, DHCP_RELEASE, u->lease.address, 0);
	dhcp_build_u32(&m.build, DHCP_OPT_SERVER_IDENTIFIER, u->lease.server);
	send(u, now_ms, &m, u->lease.address, u->lease.server);
}
