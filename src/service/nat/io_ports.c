#include "service/nat/io_ports.h"

#include "base/writer.h"
#include "crypto/random.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/log.h"
#include "os/outbox.h"
#include "os/tcp.h"
#include "proto/upnp/ssdp.h"
#include "service/nat/conf.h"
#include "service/nat/net.h"
#include "service/nat/portctl_rules.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	BATCH_SLOTS = 32,
	OUT_SLOTS = 128,
	DATAGRAM_MAX = 1500,
	RECEIVE_BYTES = 256 * 1024,
	LISTEN_BACKLOG = 64,
	SAVE_MS = 1000, /* a list that changes all the time is written once in this */
	STATE_MODE = 0600,
	STATE_MAX = 256 << 20,
};

/* --- places --- */

size_t ports_places(const struct nat_conf *conf, const struct nat_net *net, struct ports_place *ret,
		    size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < net->addresses_n && n < max; i++) {
		const struct nat_net_address *a = &net->addresses[i];
		const struct nat_net_device *d = nat_net_device(net, a->ifindex);
		if (!d || !d->up || d->zone < NAT_ZONE_INSIDE)
			continue;
		ret[n++] = (struct ports_place){a->ifindex,
						nat_conf_zone_name(conf, (unsigned)d->zone),
						a->address, a->bits};
	}
	return n;
}

const struct ports_place *ports_place_of(struct ports_io *io, uint32_t ifindex,
					 const struct ip_address *to)
{
	for (size_t i = 0; i < io->places_n; i++) {
		const struct ports_place *place = &io->places[i];
		if (place->ifindex == ifindex && place->address.family == to->family &&
		    (ip_address_is_multicast(to) || ip_address_equal(&place->address, to)))
			return place;
	}
	io->strangers++;
	return NULL;
}

bool ports_place_has(const struct ports_place *place, const struct ip_address *host)
{
	struct ip_prefix net = ip_prefix_of(&place->address, place->bits);
	return ip_prefix_contains(&net, host) && !ip_address_equal(&place->address, host);
}

void ports_io_places(struct ports_io *io, const struct ports_place *places, size_t n)
{
	n = n < PORTS_PLACES_MAX ? n : PORTS_PLACES_MAX;
	if (n)
		memcpy(io->places, places, n * sizeof(*places));
	io->places_n = n;
	ports_ssdp_join(io);
	ports_io_schedule(io);
}

/* --- sockets --- */

enum err ports_udp_open(struct ports_udp *u, const char *name, uint8_t family, uint16_t port,
			struct activation *activation)
{
	const struct ip_endpoint at = {.address = {.family = family}, .port = port};
	struct activation_fd *passed = activation_find(activation, name, 0);
	if (passed) {
		u->socket.fd = fd_take(&passed->fd);
	} else {
		enum err e = udp_open(&at, 0, &u->socket.fd);
		if (e) {
			log_error("a port of port-control cannot be opened",
				  LOG_ENDPOINT("address", &at), LOG_ERR(e));
			return e;
		}
	}
	int fd = u->socket.fd;
	TRY(udp_prepare(fd, RECEIVE_BYTES, &u->socket));
	TRY(udp_batch_new(BATCH_SLOTS, DATAGRAM_MAX, DATAGRAM_MAX, &u->batch));
	return outbox_new(OUT_SLOTS, DATAGRAM_MAX, &u->out);
}

void ports_udp_done(struct ports_udp *u)
{
	if (u->io)
		loop_remove(u->io->loop, &u->watch);
	udp_batch_free(u->batch);
	outbox_free(u->out);
	fd_done(&u->socket.fd);
	u->batch = NULL;
	u->out = NULL;
}

static enum err http_open(struct ports_io *io, struct activation *activation)
{
	const struct ip_endpoint at = {.address = {.family = 4}, .port = io->conf->upnp_port};
	struct activation_fd *passed = activation_find_at(activation, ACTIVATION_TCP, &at, 0);
	if (passed) {
		io->http_fd = fd_take(&passed->fd);
		return OK;
	}
	enum err e = tcp_listen(&at, 0, LISTEN_BACKLOG, &io->http_fd);
	if (e)
		log_error("UPnP's port cannot be opened", LOG_ENDPOINT("address", &at), LOG_ERR(e));
	return e;
}

enum err ports_io_open(struct ports_io *io, const struct portctl_conf *conf,
		       struct activation *activation)
{
	*io = (struct ports_io){.conf = conf,
				.http_fd = -1,
				.pcp4.socket.fd = -1,
				.pcp6.socket.fd = -1,
				.ssdp.socket.fd = -1};
	if (conf->pcp || conf->nat_pmp)
		TRY(ports_udp_open(&io->pcp4, "pcp4", 4, PCP_SERVER_PORT, activation));
	if (conf->pcp)
		TRY(ports_udp_open(&io->pcp6, "pcp6", 6, PCP_SERVER_PORT, activation));
	if (!conf->upnp)
		return OK;
	TRY(ports_udp_open(&io->ssdp, "ssdp", 4, SSDP_PORT, activation));
	return http_open(io, activation);
}

/* --- what is kept --- */

static enum err path_of(char *room, size_t size, const struct ports_io *io, const char *name)
{
	int n = snprintf(room, size, "%s/%s", io->state_path, name);
	return n > 0 && (size_t)n < size ? OK : ERR_LIMIT;
}

static enum err save(struct ports_io *io, bool whole)
{
	char path[4096];
	size_t size = portctl_save_max(io->list);
	uint64_t changes = portctl_changes(io->list);
	TRY(path_of(path, sizeof(path), io, "ports"));
	uint8_t *room = malloc(size);
	if (!room)
		return (enum err)ENOMEM;
	struct writer w = writer_of(room, size);
	portctl_save(io->list, loop_now_ms(io->loop), clock_wall_s(), whole, &w);
	enum err e = writer_check(&w);
	if (!e)
		e = file_write_atomic(path, writer_span(&w), STATE_MODE);
	free(room);
	if (!e)
		io->saved = changes;
	return e;
}

static void save_or_log(struct ports_io *io, bool whole)
{
	enum err e = io->state_path ? save(io, whole) : OK;
	if (!e)
		return;
	if (io->save_failures++ == 0)
		log_warning("the list of opened ports cannot be kept", LOG_ERR(e));
}

static void save_due(void *arg)
{
	save_or_log(arg, false);
}

/* What was kept is opened again; nothing kept is no error, and what cannot be read begins anew. */
static void restore(struct ports_io *io)
{
	char path[4096], *text = NULL;
	size_t len = 0;
	if (!io->state_path || path_of(path, sizeof(path), io, "ports"))
		return;
	enum err e = file_read(path, STATE_MAX, &text, &len);
	if (!e)
		e = portctl_restore(io->list, loop_now_ms(io->loop), clock_wall_s(),
				    span_of(text, len));
	free(text);
	if (e && e != (enum err)ENOENT)
		log_warning("the list of opened ports cannot be read; hosts are told to ask again",
			    LOG_ERR(e));
	/* From here on the file says that the list is in use: a crash shows at the next start. */
	save_or_log(io, false);
}

/* The UPnP device's names last as long as this file. */
static enum err seed_read(struct ports_io *io, uint8_t seed[UPNP_SEED_LEN])
{
	char path[4096], *text = NULL;
	size_t len = 0;
	TRY(crypto_random(seed, UPNP_SEED_LEN));
	if (!io->state_path)
		return OK;
	TRY(path_of(path, sizeof(path), io, "upnp.seed"));
	enum err e = file_read(path, UPNP_SEED_LEN + 1, &text, &len);
	if (!e && len == UPNP_SEED_LEN)
		memcpy(seed, text, UPNP_SEED_LEN);
	else
		e = file_write_atomic(path, span_of(seed, UPNP_SEED_LEN), STATE_MODE);
	free(text);
	return e;
}

/* --- time --- */

void ports_io_schedule(struct ports_io *io)
{
	uint64_t next = portctl_next_ms(io->list);
	uint64_t others[] = {pcp_announcer_next_ms(&io->announcer), ports_ssdp_next_ms(io)};
	for (size_t i = 0; i < 2; i++)
		next = others[i] < next ? others[i] : next;
	if (next == UINT64_MAX)
		loop_timer_cancel(io->loop, &io->timer);
	else
		loop_timer_set(io->loop, &io->timer, next);
}

void ports_io_changed(struct ports_io *io)
{
	if (portctl_changes(io->list) != io->saved && !io->save_timer.set)
		loop_timer_set_after(io->loop, &io->save_timer, SAVE_MS);
	ports_io_schedule(io);
}

static void due(void *arg)
{
	struct ports_io *io = arg;
	portctl_advance(io->list, loop_now_ms(io->loop));
	if (pcp_announcer_step(&io->announcer, loop_now_ms(io->loop)))
		ports_pcp_announce(io);
	ports_ssdp_turn(io);
	ports_io_changed(io);
}

void ports_io_lost(struct ports_io *io)
{
	pcp_announcer_begin(&io->announcer, loop_now_ms(io->loop));
	if (io->timer.call)
		loop_timer_set_after(io->loop, &io->timer, 0);
}

void ports_io_outside(struct ports_io *io, uint8_t family)
{
	portctl_outside_changed(io->list, loop_now_ms(io->loop), family);
	ports_io_changed(io);
}

/* --- life --- */

static enum err begin(struct ports_io *io, const struct ports_begin *b)
{
	uint8_t seed[UPNP_SEED_LEN], key[SIPHASH_KEY_LEN];
	struct portctl_start start = {
		.rules = b->rules, .effects = b->effects, .now_ms = loop_now_ms(b->loop)};
	TRY(crypto_random(key, sizeof(key)));
	start.key = hash_key_of(key);
	TRY(portctl_new(&start, &io->list));
	TRY(seed_read(io, seed));
	upnp_init(&io->upnp, io->list, seed);
	io->upnp.started_ms = start.now_ms;
	io->upnp.boot_id = (uint32_t)clock_wall_s() & INT32_MAX;
	io->upnp.http_port = io->conf->upnp_port;
	io->pcp = (struct pcp_server){
		.list = io->list, .pcp = io->conf->pcp, .nat_pmp = io->conf->nat_pmp};
	loop_timer_init(&io->timer, due, io);
	loop_timer_init(&io->save_timer, save_due, io);
	/* RFC 6887 14.1.3: at every start, so that a loss is known at once. */
	pcp_announcer_begin(&io->announcer, start.now_ms);
	restore(io);
	TRY(ports_pcp_begin(io));
	TRY(ports_ssdp_begin(io));
	return ports_http_begin(io);
}

enum err ports_io_begin(struct ports_io *io, const struct ports_begin *b)
{
	io->loop = b->loop;
	io->state_path = b->state_path;
	enum err e = begin(io, b);
	if (e)
		log_error("port-control cannot begin", LOG_ERR(e));
	else
		ports_io_schedule(io);
	return e;
}

void ports_io_reload(struct ports_io *io, const struct portctl_conf *conf,
		     const struct portctl_rules *rules)
{
	if (io->conf->upnp && !conf->upnp)
		ports_ssdp_notify(io, false);
	io->conf = conf;
	io->pcp.pcp = conf->pcp;
	io->pcp.nat_pmp = conf->nat_pmp;
	portctl_reload(io->list, loop_now_ms(io->loop), rules);
	ports_io_changed(io);
}

void ports_io_end(struct ports_io *io)
{
	if (!io->list)
		return;
	ports_ssdp_notify(io, false);
	save_or_log(io, true);
}

void ports_io_done(struct ports_io *io)
{
	if (!io->conf)
		return;
	if (io->loop) {
		ports_http_done(io);
		loop_timer_cancel(io->loop, &io->timer);
		loop_timer_cancel(io->loop, &io->save_timer);
	}
	ports_udp_done(&io->pcp4);
	ports_udp_done(&io->pcp6);
	ports_udp_done(&io->ssdp);
	fd_done(&io->http_fd);
	portctl_free(io->list);
	io->list = NULL;
	io->conf = NULL;
}
