/* For tests: engines of a few sites on a wire that loses nothing unless told to, with one virtual
 * clock. Knows no sockets and no threads. */
#ifndef VPN_TUNNEL_SITE_TEST_H
#define VPN_TUNNEL_SITE_TEST_H

#include "service/vpn/tunnel/engine.h"
#include "test/random.h"

enum { WIRE_MAX = 256, SITES_MAX = 5, DATAGRAM_MAX = 2048, INBOX_MAX = 64, TOLD_MAX = 64 };

struct wire_datagram {
	struct ip_endpoint from, to;
	uint8_t tos;
	size_t len;
	uint8_t bytes[DATAGRAM_MAX];
};

struct inbox_packet {
	struct vpn_peer *peer;
	size_t len;
	uint8_t bytes[DATAGRAM_MAX];
};

struct site {
	struct wire *wire;
	struct vpn_engine *e;
	unsigned number;
	struct ip_endpoint at;
	uint8_t private[VPN_KEY_LEN], public[VPN_KEY_LEN];
	uint64_t wall_ns; /* added to the wire's clock */
	struct inbox_packet inbox[INBOX_MAX];
	size_t inbox_n;
	struct vpn_event told[TOLD_MAX];
	size_t told_n;
	enum vpn_open_result last_open; /* of the last datagram */
	enum vpn_drop last_drop;
	enum vpn_seal_result last_seal;
	int depth;
};

struct wire {
	uint64_t now_ms;
	struct test_random random;
	struct wire_datagram queue[WIRE_MAX];
	size_t queue_n;
	struct site sites[SITES_MAX];
	size_t sites_n;
	bool cut;      /* what is sent is lost */
	uint64_t sent; /* datagrams, lost ones too */
};

/* n sites at 192.0.2.1.. port 51820, each the peer of all others with 10.0.0.N/32 and fd00::N/128,
 * endpoints known. */
struct wire *wire_new(size_t n);
void wire_free(struct wire *w);

/* Another engine in the place of the site's, as after a restart. */
void site_restart(struct site *s);
struct vpn_peer *site_peer(struct site *s, unsigned number);

/* A UDP-like packet of len bytes from 10.0.0.FROM to 10.0.0.TO; at least 28. */
size_t packet_make(uint8_t *ret, unsigned from, unsigned to, size_t len, uint8_t fill);

/* Routes, seals and puts on the wire. */
void site_send_packet(struct site *s, struct span packet);
void site_send(struct site *s, unsigned to, uint8_t fill);

/* One datagram into the site, as a worker and the main thread handle it. */
void site_take(struct site *s, const struct ip_endpoint *from, uint8_t ecn, struct span datagram);

/* Delivers all that is on the wire, and what that brings, and lets the engines do what is due. */
void wire_run(struct wire *w);
/* The same in steps until then. */
void wire_run_until(struct wire *w, uint64_t now_ms);

struct vpn_counts site_counts(const struct site *s);
bool site_was_told(const struct site *s, enum vpn_event_kind kind);

#endif
