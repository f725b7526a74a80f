/* Metrics for Prometheus: of interfaces, by cause of drop, and of each peer. */
#include "base/writer.h"
#include "os/clock.h"
#include "proto/wireguard/key.h"
#include "service/vpn/io_devices.h"
#include "service/vpn/io_page.h"
#include "service/vpn/io_signin.h"
#include "service/vpn/io_vpn.h"

/* A peer has a line in each family below. Families of all peers are left out above so many, as
 * nobody could store them; the interface's sums stay. */
enum { METRICS_PEERS_MAX = 1000 };

static void head(struct writer *w, const char *name, const char *type, const char *help)
{
	write_format(w, "# HELP gatehouse_vpn_%s %s\n# TYPE gatehouse_vpn_%s %s\n", name, help,
		     name, type);
}

static void line(struct writer *w, const char *name, const struct vpn_interface *f,
		 const char *label, const char *value, uint64_t n)
{
	write_format(w, "gatehouse_vpn_%s{service=\"vpn\",interface=\"%s\"", name, f->name);
	if (label)
		write_format(w, ",%s=\"%s\"", label, value);
	write_format(w, "} %llu\n", (unsigned long long)n);
}

/* --- interfaces ------------------------------------------------------------------------------- */

struct sum {
	const char *name, *help;
	size_t offset; /* in struct vpn_counts */
};

static const struct sum sums[] = {
	{"received_packets_total", "Inner packets from peers",
	 offsetof(struct vpn_counts, rx_packets)},
	{"sent_packets_total", "Inner packets to peers", offsetof(struct vpn_counts, tx_packets)},
	{"received_bytes_total", "Octets of datagrams with data from peers",
	 offsetof(struct vpn_counts, rx_bytes)},
	{"sent_bytes_total", "Octets of datagrams with data to peers",
	 offsetof(struct vpn_counts, tx_bytes)},
	{"handshakes_total", "Complete handshakes", offsetof(struct vpn_counts, handshakes)},
	{"initiations_received_total", "Handshakes that others began",
	 offsetof(struct vpn_counts, initiations_received)},
	{"initiations_sent_total", "Handshakes that we began",
	 offsetof(struct vpn_counts, initiations_sent)},
	{"cookies_sent_total", "Cookies sent under load",
	 offsetof(struct vpn_counts, cookies_sent)},
	{"keepalives_received_total", "Keepalives from peers",
	 offsetof(struct vpn_counts, keepalives_received)},
	{"moved_total", "Endpoints that moved", offsetof(struct vpn_counts, moved)},
};

static void sums_write(const struct vpn *v, struct writer *w)
{
	for (size_t s = 0; s < sizeof(sums) / sizeof(sums[0]); s++) {
		head(w, sums[s].name, "counter", sums[s].help);
		for (size_t i = 0; i < v->interfaces_n; i++) {
			struct vpn_counts c;
			uint64_t n;
			vpn_engine_counts(v->interfaces[i].engine, &c);
			memcpy(&n, (const char *)&c + sums[s].offset, sizeof(n));
			line(w, sums[s].name, &v->interfaces[i], NULL, NULL, n);
		}
	}
}

static void drops_write(const struct vpn *v, struct writer *w)
{
	head(w, "dropped_total", "counter", "Datagrams and packets dropped, by cause");
	for (size_t i = 0; i < v->interfaces_n; i++) {
		struct vpn_counts c;
		vpn_engine_counts(v->interfaces[i].engine, &c);
		for (enum vpn_drop d = VPN_DROP_NONE + 1; d < VPN_DROPS; d++)
			line(w, "dropped_total", &v->interfaces[i], "cause", vpn_drop_name(d),
			     c.dropped[d]);
	}
	head(w, "refused_total", "counter", "Inner packets that the gate refused, by cause");
	for (size_t i = 0; i < v->interfaces_n; i++) {
		const struct gate_net *net = &v->interfaces[i].net;
		for (enum gate_cause g = 0; g < GATE_CAUSES; g++)
			line(w, "refused_total", &v->interfaces[i], "cause", gate_cause_name(g),
			     atomic_load_explicit(&net->refused[g], memory_order_relaxed));
	}
}

static void devices_write(const struct vpn *v, struct writer *w)
{
	head(w, "tun_refused_total", "counter", "Writes that the TUN device did not take");
	for (size_t i = 0; i < v->interfaces_n; i++) {
		struct vpn_worker_counts c;
		vpn_link_counts(v->interfaces[i].link, SIZE_MAX, &c);
		line(w, "tun_refused_total", &v->interfaces[i], NULL, NULL, c.tun_refused);
	}
	head(w, "datagrams_lost_total", "counter", "Datagrams that the kernel did not take");
	for (size_t i = 0; i < v->interfaces_n; i++) {
		struct vpn_worker_counts c;
		vpn_link_counts(v->interfaces[i].link, SIZE_MAX, &c);
		line(w, "datagrams_lost_total", &v->interfaces[i], NULL, NULL, c.datagrams_lost);
	}
	head(w, "peers", "gauge", "Peers");
	for (size_t i = 0; i < v->interfaces_n; i++)
		line(w, "peers", &v->interfaces[i], NULL, NULL,
		     vpn_engine_peers(v->interfaces[i].engine));
}

/* --- peers ------------------------------------------------------------------------------------ */

enum of_peer { PEER_RECEIVED, PEER_SENT, PEER_REFUSED, PEER_HANDSHAKE, PEER_OPEN, OF_PEER };

static const struct {
	const char *name, *type, *help;
} of_peer[OF_PEER] = {
	[PEER_RECEIVED] = {"peer_received_bytes_total", "counter", "Octets from the peer"},
	[PEER_SENT] = {"peer_sent_bytes_total", "counter", "Octets to the peer"},
	[PEER_REFUSED] = {"peer_refused_total", "counter", "Inner packets refused"},
	[PEER_HANDSHAKE] = {"peer_handshake_seconds", "gauge",
			    "Unix time of the last handshake; 0: none yet"},
	[PEER_OPEN] = {"peer_open", "gauge", "1: all that its rules allow passes"},
};

static uint64_t of_peer_value(enum of_peer which, const struct vpn_peer *p, uint64_t now_ms)
{
	switch (which) {
	case PEER_RECEIVED: return atomic_load_explicit(&p->rx_bytes, memory_order_relaxed);
	case PEER_SENT: return atomic_load_explicit(&p->tx_bytes, memory_order_relaxed);
	case PEER_REFUSED: return atomic_load_explicit(&p->refused, memory_order_relaxed);
	case PEER_HANDSHAKE: return p->handshake_wall_ns / 1000000000;
	case PEER_OPEN: return vpn_peer_gate(p, now_ms) == VPN_GATE_OPEN;
	case OF_PEER: break;
	}
	return 0;
}

/* Peers of `wg set` have no name. */
static const char *label_of(const struct vpn_peer *p, char room[WG_KEY_BASE64_LEN + 1])
{
	if (p->name[0])
		return p->name;
	wg_key_write_base64(p->public_key, room);
	return room;
}

static void peers_write(const struct vpn *v, struct writer *w)
{
	char room[WG_KEY_BASE64_LEN + 1];
	uint64_t now_ms = vpn_now_ms();
	size_t n = 0;
	for (size_t i = 0; i < v->interfaces_n; i++)
		n += vpn_engine_peers(v->interfaces[i].engine);
	for (enum of_peer k = 0; n <= METRICS_PEERS_MAX && k < OF_PEER; k++) {
		head(w, of_peer[k].name, of_peer[k].type, of_peer[k].help);
		for (size_t i = 0; i < v->interfaces_n; i++) {
			const struct vpn_interface *f = &v->interfaces[i];
			for (struct vpn_peer *p = NULL; (p = vpn_engine_next_peer(f->engine, p));)
				line(w, of_peer[k].name, f, "peer", label_of(p, room),
				     of_peer_value(k, p, now_ms));
		}
	}
}

void vpn_metrics(void *vpn, struct writer *text)
{
	const struct vpn *v = vpn;
	sums_write(v, text);
	drops_write(v, text);
	devices_write(v, text);
	peers_write(v, text);
	vpn_signin_metrics(v->people, text);
	vpn_page_metrics(v->page, text);
	vpn_devices_metrics(v, text);
}
