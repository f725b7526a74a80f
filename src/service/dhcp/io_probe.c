/* Whether somebody has an address already: asked by ARP on a link (RFC 5227) and by an ICMP echo
 * behind a relay. What is heard goes to the engine; how long to wait is its business. */
#include "base/reader.h"
#include "base/siphash.h"
#include "base/writer.h"
#include "os/fd.h"
#include "os/icmp.h"
#include "os/log.h"
#include "os/outbox.h"
#include "os/packet.h"
#include "proto/ip/frame.h"
#include "service/dhcp/io_dhcp.h"

enum { TOKEN_LEN = 8, HEARD_MAX = 256, ECHO_MAX = 512 };

static enum err open_one(struct dhcp_service *d, const char *name, int *ret)
{
	struct activation_fd *passed = activation_find(&d->life.activation, name, 0);
	bool packet = strcmp(name, "packet") == 0;
	enum err e = OK;
	if (passed)
		*ret = fd_take(&passed->fd);
	else
		e = packet ? packet_open(ret) : icmp_open(4, ret);
	if (e)
		log_error(e == (enum err)EPERM
				  ? "raw sockets are for root to open; start it as root, or by "
				    "'gatehouse run'"
				  : "a raw socket cannot be opened",
			  LOG_TEXT("name", name), LOG_ERR(e));
	return e;
}

enum err dhcp_probe_open(struct dhcp_service *d)
{
	static const uint8_t replies[] = {IP_ICMP_ECHO_REPLY};
	if (!dhcp_v4_serves(dhcp_conf_of(d)))
		return OK;
	TRY(open_one(d, "packet", &d->packet_fd));
	TRY(open_one(d, "icmp", &d->icmp_fd));
	TRY(packet_listen_arp_replies(d->packet_fd, 0));
	TRY(icmp_listen(d->icmp_fd, 4, replies, sizeof(replies)));
	d->echo_ident = (uint16_t)d->key.k0;
	return OK;
}

/* --- asking --- */

static void ask_link(struct dhcp_service *d, const struct dhcp_probe *p)
{
	uint8_t room[IP_ARP_LEN];
	struct writer w = writer_of(room, sizeof(room));
	const struct link *link = links_by_index(&d->links, p->ifindex);
	struct packet_end to = {
		.ifindex = p->ifindex, .protocol = PACKET_ARP, .address_len = IP_MAC_LEN};
	struct ip_arp arp = {.operation = IP_ARP_REQUEST, .target = p->address};
	if (!link || link->mac_len != IP_MAC_LEN)
		return;
	/* Sender 0.0.0.0, so that no cache learns anything (RFC 5227 1.1). */
	memcpy(arp.sender_mac, link->mac, IP_MAC_LEN);
	memcpy(to.address, ip_mac_broadcast, IP_MAC_LEN);
	ip_arp_write(&w, &arp);
	if (outbox_is_full(d->packets))
		dhcp_v4_flush(d);
	if (w.bad || !outbox_add_packet(d->packets, &to, writer_span(&w), (struct span){0}))
		d->dropped_out++;
}

/* What only who saw the question can answer: a stranger elsewhere cannot make addresses look taken.
 */
static uint64_t token_of(const struct dhcp_service *d, uint32_t address)
{
	return siphash13_of(d->key, &address, sizeof(address));
}

static void ask_routed(struct dhcp_service *d, const struct dhcp_probe *p)
{
	uint8_t room[IP_ECHO_HEAD_LEN + TOKEN_LEN], token_room[TOKEN_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct writer token = writer_of(token_room, sizeof(token_room));
	uint64_t value = token_of(d, p->address);
	write_u32(&token, (uint32_t)(value >> 32));
	write_u32(&token, (uint32_t)value);
	const struct ip_echo echo = {.ident = d->echo_ident,
				     .sequence = d->echo_sequence++,
				     .payload = writer_span(&token)};
	const struct ip_address to =
		ip_address_v4((uint8_t)(p->address >> 24), (uint8_t)(p->address >> 16),
			      (uint8_t)(p->address >> 8), (uint8_t)p->address);
	ip_echo_write(&w, &echo);
	if (w.bad || icmp_send(d->icmp_fd, &to, writer_span(&w)))
		d->dropped_out++; /* no way there: then nobody there answers either */
}

void dhcp_probe_send(void *arg, const struct dhcp_probe *p)
{
	struct dhcp_service *d = arg;
	if (d->packet_fd < 0)
		return;
	if (p->ifindex)
		ask_link(d, p);
	else
		ask_routed(d, p);
}

/* --- hearing --- */

static void packet_ready(void *arg, uint32_t events)
{
	struct dhcp_service *d = arg;
	uint8_t buf[HEARD_MAX];
	struct packet_received got;
	(void)events;
	for (unsigned i = 0; i < HEARD_MAX; i++) {
		struct ip_arp arp;
		if (packet_receive(d->packet_fd, buf, sizeof(buf), &got) || got.len == 0)
			return;
		size_t len = got.len < sizeof(buf) ? got.len : sizeof(buf);
		if (ip_arp_read(span_of(buf, len), &arp) || arp.operation != IP_ARP_REPLY)
			continue;
		if (dhcp_links_serves(d, got.from.ifindex))
			dhcp_engine_probed(d->engine, dhcp_now_ms(d), arp.sender, arp.sender_mac);
	}
}

static void icmp_ready(void *arg, uint32_t events)
{
	struct dhcp_service *d = arg;
	uint8_t buf[ECHO_MAX];
	(void)events;
	for (unsigned i = 0; i < HEARD_MAX; i++) {
		struct icmp_received got;
		struct ip_echo echo;
		if (icmp_receive(d->icmp_fd, buf, sizeof(buf), &got) || got.message.len == 0)
			return;
		if (ip_echo_read(got.message, &echo) || !echo.reply || echo.ident != d->echo_ident)
			continue;
		struct reader from = reader_of_span(ip_address_span(&got.from));
		struct reader token = reader_of_span(echo.payload);
		uint32_t address = read_u32(&from);
		if (read_u64(&token) == token_of(d, address) && !reader_end(&token))
			dhcp_engine_probed(d->engine, dhcp_now_ms(d), address, NULL);
	}
}

enum err dhcp_probe_watch(struct dhcp_service *d)
{
	if (d->packet_fd < 0)
		return OK;
	TRY(loop_add(&d->life.loop, &d->packet_watch, d->packet_fd, LOOP_READ, packet_ready, d));
	return loop_add(&d->life.loop, &d->icmp_watch, d->icmp_fd, LOOP_READ, icmp_ready, d);
}

void dhcp_probe_done(struct dhcp_service *d)
{
	loop_remove(&d->life.loop, &d->packet_watch);
	loop_remove(&d->life.loop, &d->icmp_watch);
	fd_done(&d->packet_fd);
	fd_done(&d->icmp_fd);
}
