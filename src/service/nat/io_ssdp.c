/* UPnP's discovery: searches that are answered a little later, and announcements. */
#include "base/writer.h"
#include "crypto/random.h"
#include "os/icmp.h"
#include "os/log.h"
#include "os/outbox.h"
#include "proto/upnp/ssdp.h"
#include "service/nat/io_ports.h"

#include <stdio.h>

enum {
	DELAY_MAX_MS = 500, /* for all that MX allows more: nobody has so many gateways */
	NOTIFY_FAST = 3,    /* announcements of a new place in quick succession: some are lost */
	NOTIFY_FAST_MS = 400,
	NOTIFY_MS = UPNP_MAX_AGE_S * 1000 / 3, /* UDA 2.0 1.2.2: at most half of max-age */
	DATAGRAM_MAX = 1400,
};

static const struct ip_address group = {4, {239, 255, 255, 250}};

/* --- searches --- */

static struct ports_search *search_free(struct ports_io *io, const struct ports_search *s)
{
	struct ports_search *ret = NULL;
	for (size_t i = 0; i < PORTS_SEARCHES_MAX; i++) {
		struct ports_search *at = &io->searches[i];
		if (!at->due_ms)
			ret = at;
		else if (ip_endpoint_equal(&at->from, &s->from) &&
			 strcmp(at->target, s->target) == 0)
			return NULL; /* asked already: control points ask several times */
	}
	return ret;
}

static uint64_t delay_ms(unsigned mx_s)
{
	uint32_t random = 0;
	uint32_t max_ms = mx_s * 1000 < DELAY_MAX_MS ? mx_s * 1000 : DELAY_MAX_MS;
	if (max_ms == 0 || crypto_random(&random, sizeof(random)))
		return 0;
	return random % max_ms;
}

static void search(struct ports_io *io, const struct ports_place *place,
		   const struct ip_endpoint *from, const struct ssdp_search *in)
{
	struct ports_search s = {.from = *from, .place = *place};
	struct upnp_notice notice;
	if (!span_to_cstr(in->target, s.target, sizeof(s.target)) ||
	    !upnp_notice(&io->upnp, in->target, 0, &place->address, &notice))
		return; /* not for us */
	struct ports_search *at = search_free(io, &s);
	if (!at)
		return;
	*at = s;
	at->due_ms = loop_now_ms(io->loop) + 1 + delay_ms(in->mx_s);
}

static void receive(struct ports_io *io, const struct udp_batch *batch, struct udp_slot *slot)
{
	struct ip_endpoint from, local;
	struct ssdp_search in;
	udp_slot_peer(slot, &from);
	udp_slot_local(batch, slot, &local);
	if (slot->truncated || ssdp_search_read(span_of(slot->rx, slot->rx_len), &in))
		return;
	/* UDA 2.0 1.3.2: a multicast search without MX is not answered. */
	if (in.mx_s == 0 && ip_address_is_multicast(&local.address))
		return;
	const struct ports_place *place =
		ports_place_of(io, udp_slot_ifindex(batch, slot), &local.address);
	/* A sender that is no neighbour is forged: answers would fall upon somebody else. */
	if (place && ports_place_has(place, &from.address) && from.port)
		search(io, place, &from, &in);
	else if (place)
		io->strangers++;
}

static void ready(void *arg, uint32_t events)
{
	struct ports_udp *u = arg;
	struct ports_io *io = u->io;
	(void)events;
	if (udp_batch_receive(u->batch, &u->socket) || !io->conf->upnp)
		return;
	for (size_t i = 0; i < u->batch->count; i++)
		receive(io, u->batch, &u->batch->slots[i]);
	ports_io_schedule(io);
}

static void send(struct ports_io *io, const struct ip_endpoint *to, const struct ports_place *from,
		 struct span datagram)
{
	struct ports_udp *u = &io->ssdp;
	if (outbox_is_full(u->out))
		(void)outbox_send(u->out, u->socket.fd);
	(void)outbox_add_udp(u->out, to, &from->address, from->ifindex, datagram);
}

static void answer(struct ports_io *io, const struct ports_search *s)
{
	struct upnp_notice n;
	uint8_t room[DATAGRAM_MAX];
	for (size_t i = 0; upnp_notice(&io->upnp, span_text(s->target), i, &s->place.address, &n);
	     i++) {
		struct ssdp_notice notice = upnp_ssdp(&io->upnp, &n);
		struct writer w = writer_of(room, sizeof(room));
		ssdp_write_answer(&w, &notice);
		if (!w.bad)
			send(io, &s->from, &s->place, writer_span(&w));
	}
}

/* --- announcements --- */

static void notify_at(struct ports_io *io, const struct ports_place *place, bool alive)
{
	const struct ip_endpoint to = {.address = group, .port = SSDP_PORT};
	struct upnp_notice n;
	uint8_t room[DATAGRAM_MAX];
	for (size_t i = 0; upnp_notice(&io->upnp, (struct span){0}, i, &place->address, &n); i++) {
		struct ssdp_notice notice = upnp_ssdp(&io->upnp, &n);
		struct writer w = writer_of(room, sizeof(room));
		ssdp_write_notify(&w, &notice, "239.255.255.250:1900", alive);
		if (!w.bad)
			send(io, &to, place, writer_span(&w));
	}
}

void ports_ssdp_notify(struct ports_io *io, bool alive)
{
	if (io->ssdp.socket.fd < 0)
		return;
	for (size_t i = 0; i < io->places_n; i++)
		if (io->places[i].address.family == 4)
			notify_at(io, &io->places[i], alive);
	(void)outbox_send(io->ssdp.out, io->ssdp.socket.fd);
}

/* --- time --- */

/* A reload may have turned it off. */
static bool is_on(const struct ports_io *io)
{
	return io->ssdp.socket.fd >= 0 && io->conf->upnp;
}

uint64_t ports_ssdp_next_ms(const struct ports_io *io)
{
	if (!is_on(io))
		return UINT64_MAX;
	uint64_t next = io->notify_ms;
	for (size_t i = 0; i < PORTS_SEARCHES_MAX; i++)
		if (io->searches[i].due_ms && io->searches[i].due_ms < next)
			next = io->searches[i].due_ms;
	return next;
}

void ports_ssdp_turn(struct ports_io *io)
{
	uint64_t now_ms = loop_now_ms(io->loop);
	if (!is_on(io))
		return;
	for (size_t i = 0; i < PORTS_SEARCHES_MAX; i++) {
		struct ports_search *s = &io->searches[i];
		if (!s->due_ms || s->due_ms > now_ms)
			continue;
		answer(io, s);
		s->due_ms = 0;
	}
	if (!outbox_is_empty(io->ssdp.out))
		(void)outbox_send(io->ssdp.out, io->ssdp.socket.fd);
	if (io->notify_ms > now_ms)
		return;
	ports_ssdp_notify(io, true);
	io->notify_ms =
		now_ms + (++io->notifies < NOTIFY_FAST ? NOTIFY_FAST_MS : (uint64_t)NOTIFY_MS);
}

/* --- groups --- */

static bool is_place(const struct ports_io *io, uint32_t ifindex)
{
	for (size_t i = 0; i < io->places_n; i++)
		if (io->places[i].ifindex == ifindex && io->places[i].address.family == 4)
			return true;
	return false;
}

static bool is_joined(const struct ports_io *io, uint32_t ifindex)
{
	for (size_t i = 0; i < io->joined_n; i++)
		if (io->joined[i] == ifindex)
			return true;
	return false;
}

/* The group on all links inside, and on no other. */
void ports_ssdp_join(struct ports_io *io)
{
	int fd = io->ssdp.socket.fd;
	if (fd < 0)
		return;
	for (size_t i = 0; i < io->joined_n;) {
		if (is_place(io, io->joined[i])) {
			i++;
			continue;
		}
		err_ignore(multicast_leave(fd, &group, io->joined[i])); /* the link may be gone */
		io->joined[i] = io->joined[--io->joined_n];
	}
	for (size_t i = 0; i < io->places_n; i++) {
		const struct ports_place *place = &io->places[i];
		if (place->address.family != 4 || is_joined(io, place->ifindex))
			continue;
		enum err e = multicast_join(fd, &group, place->ifindex);
		if (e)
			log_warning("UPnP cannot hear searches on a link", LOG_ERR(e));
		else
			io->joined[io->joined_n++] = place->ifindex;
	}
	io->notifies = 0;
	io->notify_ms = loop_now_ms(io->loop);
}

enum err ports_ssdp_begin(struct ports_io *io)
{
	struct ports_udp *u = &io->ssdp;
	io->notify_ms = UINT64_MAX; /* when there is a place */
	if (u->socket.fd < 0)
		return OK;
	u->io = io;
	return loop_add(io->loop, &u->watch, u->socket.fd, LOOP_READ, ready, u);
}
