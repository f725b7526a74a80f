/* gatehouse dhcp probe IFACE: which DHCP servers answer on a link. Asks as a new host would
 * (DISCOVER, Solicit), and takes nothing of what is offered. */
#include "cli/commands.h"

#include "base/reader.h"
#include "cli/dhcp_probe6.h"
#include "cli/print.h"
#include "crypto/random.h"
#include "os/fd.h"
#include "os/links.h"
#include "os/loop.h"
#include "os/packet.h"
#include "proto/dhcp/build.h"
#include "proto/dhcp/identity.h"
#include "proto/dhcp/option.h"
#include "proto/ip/frame.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
	SECONDS_DEFAULT = 3,
	SECONDS_MAX = 600,
	SERVERS_MAX = 64,
	EXPECTED_MAX = 64,
	TEXT_MAX = 512,
	PACKET_BYTES = 2304,
};

/* One that has answered. */
struct server {
	uint32_t identifier, offered, from;
	uint8_t mac[IP_MAC_LEN];
	uint32_t lease_s;
	bool expected;
	char mask[TEXT_MAX], routers[TEXT_MAX], dns[TEXT_MAX], domain[TEXT_MAX];
};

struct probe {
	const struct command_line *line;
	struct loop loop;
	struct loop_watch ear, ear6;
	struct loop_timer again, end;
	int fd;
	uint32_t ifindex, xid;
	uint8_t mac[IP_MAC_LEN];
	struct ip_address expected[EXPECTED_MAX];
	size_t expected_n, servers_n;
	struct server servers[SERVERS_MAX];
	struct dhcp_message message;
	struct probe6 six;
	bool has_six;
};

static struct ip_address address_of(uint32_t a)
{
	return ip_address_v4((uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a);
}

static const char *address_text(uint32_t a, char buf[IP_ADDRESS_TEXT_MAX])
{
	struct ip_address address = address_of(a);
	(void)ip_address_format(&address, buf);
	return buf;
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum err ask(struct probe *p)
{
	static const uint8_t wanted[] = {DHCP_OPT_SUBNET_MASK, DHCP_OPT_ROUTERS,
					 DHCP_OPT_DOMAIN_NAME_SERVERS, DHCP_OPT_DOMAIN_NAME};
	uint8_t message[DHCP_SIZE_MIN], packet[PACKET_BYTES];
	struct dhcp_build b;
	struct dhcp_build_rules rules = {.size_max = sizeof(message)};
	/* By broadcast: the address that is offered will never be ours. */
	struct dhcp_head head = {.op = DHCP_OP_REQUEST,
				 .htype = DHCP_HTYPE_ETHERNET,
				 .hlen = IP_MAC_LEN,
				 .xid = p->xid,
				 .flags = DHCP_FLAG_BROADCAST};
	struct ip_datagram d = {.destination = UINT32_MAX,
				.source_port = DHCP_PORT_CLIENT,
				.destination_port = DHCP_PORT_SERVER};
	struct packet_end to = {
		.ifindex = p->ifindex, .protocol = PACKET_IP4, .address_len = IP_MAC_LEN};
	struct writer w = writer_of(packet, sizeof(packet));
	memcpy(head.chaddr, p->mac, IP_MAC_LEN);
	memcpy(to.address, ip_mac_broadcast, IP_MAC_LEN);
	dhcp_build_init(&b, message, sizeof(message), &head, &rules);
	dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, DHCP_DISCOVER);
	dhcp_build_option(&b, DHCP_OPT_PARAMETER_REQUEST_LIST, span_of(wanted, sizeof(wanted)));
	TRY(dhcp_build_finish(&b, &d.payload));
	ip_datagram_write_head(&w, &d);
	write_span(&w, d.payload);
	TRY(writer_check(&w));
	return packet_send(p->fd, &to, writer_span(&w));
}

/* One DISCOVER may be lost. */
static void ask_again(void *arg)
{
	struct probe *p = arg;
	err_ignore(ask(p)); /* the first has told of what is wrong with the link */
	if (p->has_six)
		err_ignore(probe6_ask(&p->six));
}

/* --- hearing ---------------------------------------------------------------------------------- */

static void option_text(const struct dhcp_message *m, uint8_t code, char ret[TEXT_MAX])
{
	struct writer w = writer_of(ret, TEXT_MAX - 1);
	if (dhcp_message_has(m, code))
		dhcp_option_format(code, dhcp_message_option(m, code), &w);
	ret[w.pos] = '\0';
}

static bool is_expected(const struct probe *p, const struct ip_address *a)
{
	for (size_t i = 0; i < p->expected_n; i++)
		if (ip_address_equal(&p->expected[i], a))
			return true;
	return p->expected_n == 0;
}

/* A server that lies about its identifier still has its own link address. */
static bool is_known(const struct probe *p, const struct server *s)
{
	for (size_t i = 0; i < p->servers_n; i++)
		if (p->servers[i].identifier == s->identifier &&
		    memcmp(p->servers[i].mac, s->mac, IP_MAC_LEN) == 0)
			return true;
	return false;
}

static void offer(struct probe *p, const struct ip_packet *packet, const struct packet_end *from)
{
	const struct dhcp_message *m = &p->message;
	struct server s = {.offered = m->head.yiaddr, .from = packet->source};
	struct reader mac = reader_of(from->address, from->address_len);
	if (m->head.op != DHCP_OP_REPLY || m->head.xid != p->xid || m->type != DHCP_OFFER)
		return;
	read_bytes(&mac, s.mac, IP_MAC_LEN);
	if (dhcp_message_address(m, DHCP_OPT_SERVER_IDENTIFIER, &s.identifier) != OK)
		s.identifier = packet->source;
	if (is_known(p, &s) || p->servers_n == SERVERS_MAX)
		return;
	err_ignore(dhcp_message_u32(m, DHCP_OPT_LEASE_TIME, &s.lease_s)); /* 0: not told */
	option_text(m, DHCP_OPT_SUBNET_MASK, s.mask);
	option_text(m, DHCP_OPT_ROUTERS, s.routers);
	option_text(m, DHCP_OPT_DOMAIN_NAME_SERVERS, s.dns);
	option_text(m, DHCP_OPT_DOMAIN_NAME, s.domain);
	const struct ip_address identifier = address_of(s.identifier);
	s.expected = is_expected(p, &identifier);
	p->servers[p->servers_n++] = s;
}

static void heard(void *arg, uint32_t events)
{
	struct probe *p = arg;
	uint8_t room[PACKET_BYTES];
	struct packet_received got;
	(void)events;
	while (packet_receive(p->fd, room, sizeof(room), &got) == OK && got.len) {
		struct ip_packet packet;
		struct ip_udp udp;
		if (got.len <= sizeof(room) &&
		    ip_packet_read(span_of(room, got.len), &packet) == OK &&
		    ip_udp_read(&packet, !got.checksum_pending, &udp) == OK &&
		    dhcp_message_read(udp.payload, &p->message) == OK)
			offer(p, &packet, &got.from);
	}
}

static void heard6(void *arg, uint32_t events)
{
	struct probe *p = arg;
	(void)events;
	probe6_heard(&p->six);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void mac_text(const uint8_t *mac, char buf[32])
{
	struct writer w = writer_of(buf, 31);
	dhcp_hex_write(&w, span_of(mac, IP_MAC_LEN));
	buf[w.pos] = '\0';
}

static void add_json6(const struct probe *p, json_t *list)
{
	for (size_t i = 0; i < p->six.servers_n; i++) {
		const struct probe6_server *s = &p->six.servers[i];
		char from[IP_ADDRESS_TEXT_MAX], duid[DUID_TEXT_MAX];
		(void)ip_address_format(&s->from, from);
		(void)duid_format(duid_span(&s->duid), duid);
		json_array_append_new(list,
				      json_pack("{s:i,s:s,s:s,s:i,s:s,s:s,s:b}", "family", 6,
						"server", duid, "from", from, "preference",
						s->preference, "offered", s->offers, "dns", s->dns,
						"expected", is_expected(p, &s->from)));
	}
}

static void print_json(const struct probe *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->servers_n; i++) {
		const struct server *s = &p->servers[i];
		char server[IP_ADDRESS_TEXT_MAX], from[IP_ADDRESS_TEXT_MAX];
		char offered[IP_ADDRESS_TEXT_MAX], mac[32];
		mac_text(s->mac, mac);
		json_array_append_new(
			list,
			json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:b}", "family", 4,
				  "server", address_text(s->identifier, server), "from",
				  address_text(s->from, from), "mac", mac, "offered",
				  address_text(s->offered, offered), "mask", s->mask, "routers",
				  s->routers, "dns", s->dns, "domain", s->domain, "lease_s",
				  (json_int_t)s->lease_s, "expected", s->expected));
	}
	add_json6(p, list);
	(void)json_dumpf(list, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	json_decref(list);
}

static void lease_text(uint32_t lease_s, char buf[32])
{
	if (lease_s == DHCP_INFINITE_S)
		(void)snprintf(buf, 32, "for ever");
	else
		(void)print_duration_us(lease_s * UINT64_C(1000000), buf, 32);
}

static void print_text6(const struct probe *p)
{
	static const char *const heads[] = {"DHCPV6 SERVER", "OFFERS", "DNS", "DUID", ""};
	struct print_table t;
	if (p->six.servers_n == 0)
		return;
	print_table_init(&t, stdout, p->line->colour, 5, heads);
	for (size_t i = 0; i < p->six.servers_n; i++) {
		const struct probe6_server *s = &p->six.servers[i];
		bool expected = is_expected(p, &s->from);
		enum print_style style = expected ? PRINT_PLAIN : PRINT_RED;
		char from[IP_ADDRESS_TEXT_MAX], duid[DUID_TEXT_MAX];
		(void)ip_address_format(&s->from, from);
		(void)duid_format(duid_span(&s->duid), duid);
		print_cell(&t, style, "%s", from);
		print_cell(&t, PRINT_PLAIN, "%s", s->offers);
		print_cell(&t, PRINT_PLAIN, "%s", s->dns);
		print_cell(&t, PRINT_DIM, "%s", duid);
		print_cell(&t, style, "%s", expected ? "" : "not expected");
	}
	print_table_end(&t);
}

static void print_text(const struct probe *p)
{
	static const char *const heads[] = {"SERVER", "MAC",   "OFFERS", "ROUTERS",
					    "DNS",    "LEASE", ""};
	struct print_table t;
	char text[IP_ADDRESS_TEXT_MAX], mac[32], lease[32];
	if (p->servers_n == 0) {
		if (p->six.servers_n == 0)
			(void)printf("No DHCP server answers on %s.\n", p->line->arguments[0]);
		return;
	}
	print_table_init(&t, stdout, p->line->colour, 7, heads);
	for (size_t i = 0; i < p->servers_n; i++) {
		const struct server *s = &p->servers[i];
		enum print_style style = s->expected ? PRINT_PLAIN : PRINT_RED;
		mac_text(s->mac, mac);
		lease_text(s->lease_s, lease);
		print_cell(&t, style, "%s", address_text(s->identifier, text));
		print_cell(&t, PRINT_PLAIN, "%s", mac);
		print_cell(&t, PRINT_PLAIN, "%s", address_text(s->offered, text));
		print_cell(&t, PRINT_PLAIN, "%s", s->routers);
		print_cell(&t, PRINT_PLAIN, "%s", s->dns);
		print_cell(&t, PRINT_PLAIN, "%s", lease);
		print_cell(&t, style, "%s", s->expected ? "" : "not expected");
	}
	print_table_end(&t);
}

/* --- its life --------------------------------------------------------------------------------- */

static void time_is_up(void *arg)
{
	struct probe *p = arg;
	loop_stop(&p->loop);
}

/* What keeps us from asking by IPv6 is no reason not to ask by IPv4. */
static void open_six(struct probe *p, const struct link *link)
{
	enum err e = probe6_open(&p->six, link);
	p->has_six = !e;
	if (e)
		(void)fprintf(stderr, "DHCPv6 is not asked: %s\n",
			      e == (enum err)EADDRINUSE ? "a client of this machine has its port"
							: err_text(e));
}

static enum err find_link(struct probe *p)
{
	struct links links;
	TRY(links_open(&links));
	const struct link *link = links_by_name(&links, p->line->arguments[0]);
	enum err e = !link			   ? (enum err)ENODEV
		     : link->mac_len != IP_MAC_LEN ? ERR_UNSUPPORTED
		     : !link->up || !link->carrier ? (enum err)ENETDOWN
						   : OK;
	if (!e) {
		p->ifindex = link->index;
		memcpy(p->mac, link->mac, IP_MAC_LEN);
		open_six(p, link);
	}
	links_done(&links);
	return e;
}

static enum err probe(struct probe *p, uint64_t seconds)
{
	TRY(find_link(p));
	TRY(crypto_random(&p->xid, sizeof(p->xid)));
	TRY(packet_open(&p->fd));
	TRY(packet_listen_udp4(p->fd, p->ifindex, DHCP_PORT_CLIENT));
	TRY(loop_add(&p->loop, &p->ear, p->fd, LOOP_READ, heard, p));
	loop_timer_init(&p->again, ask_again, p);
	loop_timer_init(&p->end, time_is_up, p);
	loop_timer_set_after(&p->loop, &p->again, seconds * 1000 / 2);
	loop_timer_set_after(&p->loop, &p->end, seconds * 1000);
	TRY(ask(p));
	if (p->has_six) {
		TRY(loop_add(&p->loop, &p->ear6, p->six.fd, LOOP_READ, heard6, p));
		err_ignore(probe6_ask(&p->six)); /* without a link-local address it cannot leave */
	}
	return loop_run(&p->loop);
}

/* "192.0.2.1,192.0.2.2". */
static bool read_expected(struct probe *p, const char *text)
{
	struct span left = text ? span_text(text) : (struct span){0};
	while (left.len && p->expected_n < EXPECTED_MAX) {
		size_t end = span_find(left, ',');
		struct ip_address *a = &p->expected[p->expected_n++];
		if (ip_address_parse(span_trim(span_sub(left, 0, end)), a) != OK)
			return false;
		left = span_sub(left, end + 1, left.len);
	}
	return left.len == 0;
}

static int tell(const struct probe *p)
{
	bool strange = false;
	for (size_t i = 0; i < p->servers_n; i++)
		strange |= !p->servers[i].expected;
	for (size_t i = 0; i < p->six.servers_n; i++)
		strange |= !is_expected(p, &p->six.servers[i].from);
	if (p->line->json) {
		print_json(p);
	} else {
		print_text(p);
		print_text6(p);
	}
	return strange ? EXIT_FAILED : EXIT_OK;
}

static int probe_run(const struct command_line *line)
{
	uint64_t seconds = SECONDS_DEFAULT;
	const char *text = command_line_value(line, "seconds");
	if (text && (!span_to_u64(span_text(text), SECONDS_MAX, &seconds) || seconds == 0))
		return command_misused(NULL, "--seconds takes a number from 1 to %d", SECONDS_MAX);
	struct probe *p = calloc(1, sizeof(*p));
	if (!p)
		return command_fail(NULL, "%s", err_text(ENOMEM));
	p->line = line;
	p->fd = p->six.fd = -1;
	int status = EXIT_USAGE;
	if (!read_expected(p, command_line_value(line, "expect"))) {
		(void)command_misused(NULL, "--expect takes addresses with commas between");
	} else {
		enum err e = loop_init(&p->loop);
		if (!e)
			e = probe(p, seconds);
		status = e ? command_fail(e == (enum err)EPERM ? "Run it as root." : NULL, "%s: %s",
					  line->arguments[0], err_text(e))
			   : tell(p);
		loop_remove(&p->loop, &p->ear);
		loop_remove(&p->loop, &p->ear6);
		loop_done(&p->loop);
	}
	fd_done(&p->fd);
	probe6_done(&p->six);
	free(p);
	return status;
}

static const struct command_option probe_options[] = {
	{"seconds", 0, "S", "wait so long for answers (3)"},
	{"expect", 0, "ADDRESS,…", "servers that may answer; exit with 1 when another one does"},
};

const struct command dhcp_probe_verb = {
	.name = "probe",
	.within = "dhcp",
	.arguments = "IFACE",
	.summary = "Show which DHCP servers answer on a link, the rogue one too",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = probe_options,
	.options_n = sizeof(probe_options) / sizeof(probe_options[0]),
	.run = probe_run,
};
