/* What the client sends (RFC 8415 18.2.1 to 18.2.8). */
#include "service/dhcp-client/v6_inner.h"

static bool is_asking(uint8_t type)
{
	return type == DHCP6_SOLICIT || type == DHCP6_REQUEST || type == DHCP6_RENEW ||
	       type == DHCP6_REBIND;
}

/* RFC 8415 21.9: "the elapsed-time field is set to 0 in the first message in the message exchange".
 */
static void write_elapsed(const struct uplink6 *u, uint64_t now_ms, struct writer *w)
{
	uint64_t cs = u->sending.sent ? (now_ms - u->sending.begun_ms) / 10 : 0;
	dhcp6_write_option_u16(w, DHCP6_OPT_ELAPSED_TIME, cs < 0xffff ? (uint16_t)cs : 0xffff);
}

/* RFC 8415 21.7: "MUST include … in a Solicit, Request, Renew, Rebind, or Information-request". */
static void write_oro(const struct uplink6 *u, struct writer *w)
{
	bool information = u->sending.type == DHCP6_INFORMATION_REQUEST;
	size_t at = dhcp6_option_begin(w, DHCP6_OPT_ORO);
	if (information)
		write_u16(w, DHCP6_OPT_INFORMATION_REFRESH_TIME);
	write_u16(w, information ? DHCP6_OPT_INF_MAX_RT : DHCP6_OPT_SOL_MAX_RT);
	if (!information && u->rules->prefix)
		write_u16(w, DHCP6_OPT_PD_EXCLUDE);
	for (size_t i = 0; i < u->rules->request_n; i++)
		write_u16(w, u->rules->request[i]);
	dhcp6_option_end(w, at);
}

/* Leases of that kind as they are, their lifetimes 0: "The server MUST ignore any received values".
 */
static void write_held(const struct uplink6 *u, enum dhcp6_ia_kind kind, struct writer *w)
{
	for (size_t i = 0; i < u->leases_n; i++) {
		struct dhcp6_lease l = {.prefix = u->leases[i].prefix};
		if (u->leases[i].kind == kind)
			dhcp6_write_lease(w, kind, &l, NULL);
	}
}

static void write_wanted(const struct uplink6 *u, enum dhcp6_ia_kind kind, struct writer *w)
{
	size_t at = dhcp6_ia_begin(w, kind, u->rules->iaid, 0, 0);
	struct dhcp6_lease hint = {
		.prefix = {.address = {.family = 6}, .bits = u->rules->prefix_length}};
	if (uplink6_has(u, kind))
		write_held(u, kind, w);
	else if (kind == DHCP6_IA_PD && u->rules->prefix_length)
		dhcp6_write_lease(w, kind, &hint, NULL);
	dhcp6_option_end(w, at);
}

static void write_ending(const struct uplink6 *u, enum dhcp6_ia_kind kind, struct writer *w)
{
	size_t before = w->pos, n = 0;
	size_t at = dhcp6_ia_begin(w, kind, u->rules->iaid, 0, 0);
	for (size_t i = 0; i < u->ending_n; i++) {
		struct dhcp6_lease l = {.prefix = u->ending[i]};
		if ((l.prefix.bits == 128) != (kind == DHCP6_IA_NA))
			continue;
		dhcp6_write_lease(w, kind, &l, NULL);
		n++;
	}
	dhcp6_option_end(w, at);
	if (n == 0)
		writer_rewind(w, before);
}

static void write_ias(const struct uplink6 *u, struct writer *w)
{
	uint8_t type = u->sending.type;
	if (type == DHCP6_RELEASE || type == DHCP6_DECLINE) {
		write_ending(u, DHCP6_IA_NA, w);
		write_ending(u, DHCP6_IA_PD, w);
	} else if (type != DHCP6_INFORMATION_REQUEST) {
		if (u->rules->address)
			write_wanted(u, DHCP6_IA_NA, w);
		if (u->rules->prefix && type != DHCP6_CONFIRM)
			write_wanted(u, DHCP6_IA_PD, w);
	}
}

static void write_server(const struct uplink6 *u, struct writer *w)
{
	uint8_t type = u->sending.type;
	if (type == DHCP6_REQUEST)
		dhcp6_write_option(w, DHCP6_OPT_SERVERID,
				   span_of(u->chosen.duid, u->chosen.duid_len));
	/* 18.2.6: "When responding to a Reconfigure, the client MUST include a Server Identifier".
	 */
	else if (type == DHCP6_RENEW || type == DHCP6_RELEASE || type == DHCP6_DECLINE ||
		 (type == DHCP6_INFORMATION_REQUEST && u->reconfiguring))
		dhcp6_write_option(w, DHCP6_OPT_SERVERID, span_of(u->server, u->server_len));
}

void uplink6_say(struct uplink6 *u, uint64_t now_ms)
{
	uint8_t type = u->sending.type;
	struct writer w = writer_of(u->room, sizeof(u->room));
	bool asking = is_asking(type) || type == DHCP6_INFORMATION_REQUEST;
	dhcp6_write_header(&w, type, u->sending.transaction_id);
	dhcp6_write_option(&w, DHCP6_OPT_CLIENTID, u->rules->duid);
	write_server(u, &w);
	write_elapsed(u, now_ms, &w);
	if (asking)
		write_oro(u, &w);
	if (type == DHCP6_SOLICIT && u->rules->rapid_commit)
		dhcp6_write_option(&w, DHCP6_OPT_RAPID_COMMIT, (struct span){0});
	if (asking && u->rules->reconfigure)
		dhcp6_write_option(&w, DHCP6_OPT_RECONF_ACCEPT, (struct span){0});
	write_ias(u, &w);
	if (is_asking(type) && u->rules->fqdn.len)
		dhcp6_write_option(&w, DHCP6_OPT_CLIENT_FQDN, u->rules->fqdn);
	if (writer_check(&w) != OK)
		return; /* the limits of rules and leases keep it below the room */
	u->counts.sent[type & 15]++;
	u->effects.send(u->effects.arg, writer_span(&w));
	uplink6_tell(u, &(struct uplink6_event){.kind = UPLINK6_EVENT_SENT,
						.type = type,
						.transaction_id = u->sending.transaction_id});
}
