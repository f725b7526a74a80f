#include "cli/dhcp_probe6.h"

#include "crypto/random.h"
#include "os/fd.h"
#include "os/outbox.h"
#include "proto/dhcp6/ia.h"
#include "proto/dhcp6/message.h"

enum { SLOTS = 8, RECEIVE_BYTES = 4096, SEND_BYTES = 512, TRANSACTION_MASK = 0xffffff };

static const struct ip_endpoint any_546 = {.address = {.family = 6}, .port = DHCP6_CLIENT_PORT};
/* All_DHCP_Relay_Agents_and_Servers, RFC 8415 7.1. */
static const struct ip_endpoint servers = {
	.address = {.family = 6, .bytes = {0xff, 2, [13] = 1, [15] = 2}},
	.port = DHCP6_SERVER_PORT,
};

enum err probe6_open(struct probe6 *p, const struct link *link)
{
	p->ifindex = link->index;
	TRY(duid_make_ll(1, span_of(link->mac, link->mac_len), &p->duid));
	TRY(crypto_random(&p->transaction, sizeof(p->transaction)));
	p->transaction &= TRANSACTION_MASK;
	TRY(udp_open(&any_546, 0, &p->fd));
	TRY(udp_prepare(p->fd, 0, &p->socket));
	TRY(udp_batch_new(SLOTS, RECEIVE_BYTES, SEND_BYTES, &p->batch));
	return outbox_new(1, SEND_BYTES, &p->outbox);
}

void probe6_done(struct probe6 *p)
{
	udp_batch_free(p->batch);
	outbox_free(p->outbox);
	fd_done(&p->fd);
}

enum err probe6_ask(struct probe6 *p)
{
	uint8_t room[SEND_BYTES];
	struct writer w = writer_of(room, sizeof(room));
	struct ip_endpoint to = servers;
	to.scope = p->ifindex;
	dhcp6_write_header(&w, DHCP6_SOLICIT, p->transaction);
	dhcp6_write_option(&w, DHCP6_OPT_CLIENTID, duid_span(&p->duid));
	dhcp6_write_option_u16(&w, DHCP6_OPT_ELAPSED_TIME, 0);
	dhcp6_write_option_u16(&w, DHCP6_OPT_ORO, DHCP6_OPT_DNS_SERVERS);
	dhcp6_option_end(&w, dhcp6_ia_begin(&w, DHCP6_IA_NA, 1, 0, 0));
	dhcp6_option_end(&w, dhcp6_ia_begin(&w, DHCP6_IA_PD, 1, 0, 0));
	TRY(writer_check(&w));
	if (!outbox_add_udp(p->outbox, &to, NULL, p->ifindex, writer_span(&w)))
		return ERR_LIMIT;
	return outbox_send(p->outbox, p->fd) == 0 ? OK : (enum err)ENETUNREACH;
}

static void add_offers(const struct dhcp6_message *m, struct writer *w)
{
	for (size_t i = 0; i < m->ias_n; i++) {
		struct dhcp6_ia ia;
		struct dhcp6_lease l;
		if (dhcp6_ia_read(&m->ias[i], &ia) != OK)
			continue;
		struct reader r = reader_of_span(ia.options);
		while (dhcp6_lease_next(&r, ia.kind, &l)) {
			char text[IP_PREFIX_TEXT_MAX];
			(void)ip_prefix_format(&l.prefix, text);
			write_format(w, "%s%s", w->pos ? " " : "", text);
		}
	}
}

static void add_dns(const struct dhcp6_message *m, struct writer *w)
{
	struct reader r = reader_of_span(dhcp6_option_find(m->options, DHCP6_OPT_DNS_SERVERS));
	while (reader_left(&r) >= 16) {
		struct ip_address a = ip_address_of(read_span(&r, 16));
		if (w->pos)
			write_u8(w, ' ');
		ip_address_write(w, &a);
	}
}

static void advertised(struct probe6 *p, const struct ip_address *from,
		       const struct dhcp6_message *m)
{
	struct probe6_server s = {.from = *from, .preference = m->preference};
	struct writer offers = writer_of(s.offers, sizeof(s.offers) - 1);
	struct writer dns = writer_of(s.dns, sizeof(s.dns) - 1);
	if (m->type != DHCP6_ADVERTISE || m->transaction_id != p->transaction ||
	    !span_equal(m->client_id, duid_span(&p->duid)) ||
	    duid_from_span(m->server_id, &s.duid) != OK)
		return;
	for (size_t i = 0; i < p->servers_n; i++)
		if (ip_address_equal(&p->servers[i].from, from) &&
		    span_equal(duid_span(&p->servers[i].duid), duid_span(&s.duid)))
			return;
	if (p->servers_n == PROBE6_SERVERS_MAX)
		return;
	add_offers(m, &offers);
	add_dns(m, &dns);
	s.offers[offers.pos] = s.dns[dns.pos] = '\0';
	p->servers[p->servers_n++] = s;
}

void probe6_heard(struct probe6 *p)
{
	while (udp_batch_receive(p->batch, &p->socket) == OK && p->batch->count)
		for (size_t i = 0; i < p->batch->count; i++) {
			const struct udp_slot *slot = &p->batch->slots[i];
			struct dhcp6_message m;
			struct ip_endpoint from;
			udp_slot_peer(slot, &from);
			if (!slot->truncated && udp_slot_ifindex(p->batch, slot) == p->ifindex &&
			    dhcp6_message_read(span_of(slot->rx, slot->rx_len), &m) == OK)
				advertised(p, &from.address, &m);
		}
}
