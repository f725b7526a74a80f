#include "service/dhcp/exchange.h"

#include "proto/dhcp/auth.h"
#include "proto/dhcp/build.h"

#define BROADCAST UINT32_MAX

/* --- to where: RFC 2131 4.1 --- */

static void send(struct dhcp_engine *e, struct dhcp_exchange *x, const struct dhcp_head *h,
		 enum dhcp_type type, struct dhcp_build *b)
{
	struct span message;
	if (dhcp_build_finish(b, &message) != OK) {
		dhcp_refuse(e, x, DHCP_CAUSE_BUSY, h->yiaddr);
		return;
	}
	struct dhcp_send s = {
		.how = DHCP_SEND_UDP,
		.ifindex = x->arrival.ifindex,
		.local = x->client.relay && x->relay.has_server_id_override ? 0 : x->server_id,
		.port = DHCP_PORT_CLIENT,
		.message = message};
	struct reader chaddr = reader_of(h->chaddr, sizeof(h->chaddr));
	if (h->giaddr && type != DHCP_FORCERENEW && x->message.type != DHCP_INFORM) {
		/* "If the 'giaddr' field in a DHCP message from a client is non-zero, the server
		 * sends any return messages to the 'DHCP server' port on the BOOTP relay agent". */
		s.address = h->giaddr;
		s.port = DHCP_PORT_SERVER;
	} else if (type == DHCP_NAK) {
		/* "In all cases, when 'giaddr' is zero, the server broadcasts any DHCPNAK messages
		 * to 0xffffffff." */
		s.how = DHCP_SEND_BROADCAST;
		s.address = BROADCAST;
	} else if (h->ciaddr) {
		s.address = h->ciaddr;
	} else if (h->flags & DHCP_FLAG_BROADCAST || h->htype != DHCP_HTYPE_ETHERNET ||
		   h->hlen != sizeof(s.mac) || !h->yiaddr) {
		s.how = DHCP_SEND_BROADCAST;
		s.address = BROADCAST;
	} else {
		s.how = DHCP_SEND_FRAME;
		s.address = h->yiaddr;
		read_bytes(&chaddr, s.mac, sizeof(s.mac));
	}
	e->counts.sent[type]++;
	e->effects.send(e->effects.arg, &s);
}

/* --- what: tables 3 and 5 --- */

static struct dhcp_build_rules rules_of(const struct dhcp_exchange *x)
{
	struct dhcp_build_rules rules = {
		.size_max = dhcp_message_size_max(&x->message, DHCP_REPLY_MAX), .overload = true};
	/* RFC 3046 2.2: servers "SHALL echo the entire contents of the Relay Agent Information
	 * option in all replies. Servers SHOULD copy [it] as the last DHCP option". */
	if (x->client.relay)
		rules.relay = x->relay.whole;
	return rules;
}

static void begin(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_build *b,
		  const struct dhcp_head *h, enum dhcp_type type)
{
	struct dhcp_boot boot = {0};
	struct dhcp_head head = *h;
	struct dhcp_build_rules rules = rules_of(x);
	if (type != DHCP_NAK) { /* table 3: siaddr, sname and file of a NAK are not used */
		dhcp_site_boot(dhcp_exchange_site(e, x), &x->client, x->place.network,
			       x->place.pool, &boot);
		head.siaddr = boot.siaddr;
		rules.sname = boot.sname;
		rules.file = boot.file;
	}
	dhcp_build_init(b, e->reply, sizeof(e->reply), &head, &rules);
	dhcp_build_u8(b, DHCP_OPT_MESSAGE_TYPE, (uint8_t)type);
	dhcp_build_u32(b, DHCP_OPT_SERVER_IDENTIFIER, x->server_id);
}

static void echo(const struct dhcp_exchange *x, struct dhcp_build *b, uint8_t code)
{
	if (dhcp_message_has(&x->message, code))
		dhcp_build_option(b, code, dhcp_message_option(&x->message, code));
}

/* What belongs to the exchange and stands behind the configured options. */
static void add_echoes(const struct dhcp_exchange *x, struct dhcp_build *b)
{
	/* RFC 6842 3: "If the 'client identifier' option is present in a message received from a
	 * client, the server MUST return the 'client identifier' option, unaltered, in its
	 * response message." */
	echo(x, b, DHCP_OPT_CLIENT_IDENTIFIER);
	/* RFC 3011 3: a server that has used the option returns it, so that the client knows. */
	if (x->client.link_address && !(x->client.relay && x->relay.has_link_selection))
		echo(x, b, DHCP_OPT_SUBNET_SELECTION);
}

/* FORCERENEW is believed from the server alone that gave the nonce (RFC 6704 3.1): made of the
 * process's key, so that it need not be kept, and of who the client is, so that whoever had the
 * address before does not know it. */
static void make_nonce(const struct dhcp_engine *e, const struct dhcp_record *r,
		       uint8_t ret[DHCP_NONCE_LEN])
{
	uint8_t key[SIPHASH_KEY_LEN], bytes[1 + 4 + 1 + 16 + 255];
	struct writer k = writer_of(key, sizeof(key)), n = writer_of(ret, DHCP_NONCE_LEN);
	struct dhcp_lease l;
	dhcp_record_lease(r, &l);
	write_u64(&k, e->key.k0);
	write_u64(&k, e->key.k1);
	for (uint8_t half = 0; half < 2; half++) {
		struct writer w = writer_of(bytes, sizeof(bytes));
		write_u8(&w, half);
		write_u32(&w, l.address);
		write_u8(&w, l.mac_len);
		write_bytes(&w, l.mac, l.mac_len);
		write_span(&w, l.client_id);
		write_u64(&n, siphash24(key, bytes, w.pos));
	}
}

static uint64_t next_replay(struct dhcp_engine *e)
{
	e->replay = e->now_ms > e->replay ? e->now_ms : e->replay + 1;
	return e->replay;
}

static void add_nonce(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_build *b,
		      struct dhcp_record *r, enum dhcp_type type)
{
	if (!dhcp_auth_capable(&x->message))
		return;
	/* RFC 6704 3.1.1: the server says in its OFFER that it can, and gives the nonce in the ACK.
	 */
	if (type == DHCP_OFFER) {
		dhcp_build_u8(b, DHCP_OPT_FORCERENEW_NONCE_CAPABLE, DHCP_AUTH_ALGORITHM_HMAC_MD5);
		return;
	}
	uint8_t nonce[DHCP_NONCE_LEN];
	make_nonce(e, r, nonce);
	dhcp_auth_add_nonce(b, next_replay(e), nonce);
	r->flags |= DHCP_RECORD_NONCE;
}

void dhcp_reply_lease(struct dhcp_engine *e, struct dhcp_exchange *x, enum dhcp_type type,
		      struct dhcp_record *r)
{
	struct dhcp_build b;
	struct dhcp_head head = dhcp_head_reply(&x->message.head);
	struct dhcp_site *site = dhcp_exchange_site(e, x);
	head.yiaddr = r ? r->address : 0;
	if (type == DHCP_ACK && x->message.type == DHCP_REQUEST)
		head.ciaddr = x->message.head.ciaddr;
	if (type == DHCP_OFFER) {
		uint32_t asked_s;
		dhcp_exchange_name(x);
		if (dhcp_message_u32(&x->message, DHCP_OPT_LEASE_TIME, &asked_s) != OK)
			asked_s = 0;
		x->times =
			dhcp_site_times(site, &x->client, x->place.network, x->place.pool, asked_s);
	}
	begin(e, x, &b, &head, type);
	dhcp_build_u32(&b, DHCP_OPT_LEASE_TIME, x->times.lease_s);
	if (x->times.lease_s != DHCP_INFINITE_S) {
		dhcp_build_u32(&b, DHCP_OPT_RENEWAL_TIME, x->times.renew_s);
		dhcp_build_u32(&b, DHCP_OPT_REBINDING_TIME, x->times.rebind_s);
	}
	if (x->rapid)
		dhcp_build_option(&b, DHCP_OPT_RAPID_COMMIT, (struct span){0});
	dhcp_site_options(site, &x->client, x->place.network, x->place.pool, &b);
	dhcp_reply_fqdn(e, x, &b);
	add_echoes(x, &b);
	add_nonce(e, x, &b, r, type);
	send(e, x, &head, type, &b);
	dhcp_tell(e, type == DHCP_ACK ? DHCP_EVENT_ACK : DHCP_EVENT_OFFER, x, r);
}

void dhcp_reply_inform(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	struct dhcp_build b;
	struct dhcp_head head = dhcp_head_reply(&x->message.head);
	/* RFC 2131 4.3.5: "The server MUST NOT send a lease expiration time to the client and
	 * SHOULD NOT fill in 'yiaddr'." It answers "directly to the address given in the 'ciaddr'
	 * field". */
	head.ciaddr = x->message.head.ciaddr;
	begin(e, x, &b, &head, DHCP_ACK);
	dhcp_site_options(dhcp_exchange_site(e, x), &x->client, x->place.network, x->place.pool,
			  &b);
	add_echoes(x, &b);
	if (!head.ciaddr)
		head.ciaddr = x->arrival.from;
	send(e, x, &head, DHCP_ACK, &b);
	dhcp_tell(e, DHCP_EVENT_ACK, x, NULL);
}

static const char *reason(enum dhcp_cause cause)
{
	switch (cause) {
	case DHCP_CAUSE_WRONG_NETWORK: return "the address is not of this network";
	case DHCP_CAUSE_TAKEN: return "the address is another's";
	default: return "the address is not available to this client";
	}
}

void dhcp_reply_nak(struct dhcp_engine *e, struct dhcp_exchange *x, enum dhcp_cause cause,
		    uint32_t address)
{
	struct dhcp_build b;
	struct dhcp_head head = dhcp_head_reply(&x->message.head);
	/* RFC 2131 4.3.2: "If 'giaddr' is set in the DHCPREQUEST message, [...] the server MUST set
	 * the broadcast bit in the DHCPNAK": the client may have no address, or a wrong mask. */
	if (head.giaddr)
		head.flags |= DHCP_FLAG_BROADCAST;
	begin(e, x, &b, &head, DHCP_NAK);
	dhcp_build_option(&b, DHCP_OPT_MESSAGE, span_text(reason(cause)));
	add_echoes(x, &b);
	e->counts.causes[cause]++;
	send(e, x, &head, DHCP_NAK, &b);
	struct dhcp_event event = {.kind = DHCP_EVENT_NAK,
				   .cause = cause,
				   .client = &x->client,
				   .network = x->client.network,
				   .address = address};
	e->effects.event(e->effects.arg, &event);
}

/* --- FORCERENEW (RFC 3203, RFC 6704) --- */

enum err dhcp_engine_force_renew(struct dhcp_engine *e, uint64_t now_ms, uint32_t address)
{
	dhcp_engine_at(e, now_ms);
	struct dhcp_record *r = dhcp_table_find(&e->table, address);
	if (!r || !dhcp_record_is_held(e, r))
		return ERR_ABSENT;
	if (!(r->flags & DHCP_RECORD_NONCE))
		return ERR_UNSUPPORTED;
	struct dhcp_lease l;
	struct dhcp_build b;
	uint8_t nonce[DHCP_NONCE_LEN];
	dhcp_record_lease(r, &l);
	const struct dhcp_network *n = dhcp_site_network_of(e->site, address);
	struct dhcp_head head = {.op = DHCP_OP_REPLY,
				 .htype = l.htype,
				 .hlen = l.mac_len,
				 .xid = (uint32_t)next_replay(e),
				 .ciaddr = address};
	struct reader mac = reader_of(l.mac, l.mac_len);
	read_bytes(&mac, head.chaddr, l.mac_len);
	uint32_t server_id = n ? dhcp_engine_server_id(e, n) : 0;
	struct dhcp_build_rules rules = {.size_max = DHCP_SIZE_MIN};
	dhcp_build_init(&b, e->reply, sizeof(e->reply), &head, &rules);
	dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, DHCP_FORCERENEW);
	if (server_id)
		dhcp_build_u32(&b, DHCP_OPT_SERVER_IDENTIFIER, server_id);
	if (l.client_id.len)
		dhcp_build_option(&b, DHCP_OPT_CLIENT_IDENTIFIER, l.client_id);
	dhcp_auth_add_digest(&b, e->replay);
	struct span message;
	TRY(dhcp_build_finish(&b, &message));
	make_nonce(e, r, nonce);
	TRY(dhcp_auth_sign(e->reply, message.len, nonce));
	struct dhcp_send s = {.how = DHCP_SEND_UDP,
			      .local = server_id,
			      .address = address,
			      .port = DHCP_PORT_CLIENT,
			      .message = message};
	e->counts.sent[DHCP_FORCERENEW]++;
	e->effects.send(e->effects.arg, &s);
	return OK;
}
