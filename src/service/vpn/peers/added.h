/* A peer that was added while the service ran, as its row in the store has it, and the choice of an
 * address for it. Knows neither the store nor the engine.
 *
 * A row says what it needs to write the client's file once more, but for the private key, which is
 * never here. It outlives the peer for as long as its names are in the DNS (`ended`). */
#ifndef VPN_PEERS_ADDED_H
#define VPN_PEERS_ADDED_H

#include "crypto/sealed.h"
#include "proto/ip/prefix.h"
#include "proto/wireguard/key.h"

enum {
	ADDED_NAME_MAX = 63,
	ADDED_DEVICE_MAX = 15,
	ADDED_ADDRESSES_MAX = 2, /* one of each family */
	ADDED_ROUTES_MAX = 32,
	ADDED_WHO_MAX = 16, /* users, and as many roles */
	ADDED_WHO_LEN_MAX = 63,
	ADDED_ROW_MAX = 3584,
};

struct added {
	char name[ADDED_NAME_MAX + 1]; /* the row's key: letters, digits, hyphens; lower case */
	char device[ADDED_DEVICE_MAX + 1];
	uint8_t public_key[WG_KEY_LEN];
	uint8_t preshared_key[WG_KEY_LEN]; /* sealed in the row; wiped by added_done */
	struct ip_address addresses[ADDED_ADDRESSES_MAX];
	uint8_t names[ADDED_ADDRESSES_MAX]; /* NAMES_*: what of each is in the DNS */
	size_t addresses_n;
	/* What the client sends into the tunnel; none: as the configuration says. */
	struct ip_prefix routes[ADDED_ROUTES_MAX];
	size_t routes_n;
	/* What it may reach; none: everything. A second, from and to it; 0: no limit. */
	struct ip_prefix reach[ADDED_ROUTES_MAX];
	size_t reach_n;
	uint64_t up_bits, down_bits;
	bool has_keepalive; /* else as the configuration says */
	uint16_t keepalive_s;
	bool sign_in;
	bool ended;		   /* removed, and its names are to go yet */
	int64_t expires_s, made_s; /* Unix time; expires 0: never */
	char users[ADDED_WHO_MAX][ADDED_WHO_LEN_MAX + 1],
		roles[ADDED_WHO_MAX][ADDED_WHO_LEN_MAX + 1];
	size_t users_n, roles_n;
};
void added_done(struct added *a); /* for AUTO_DONE: wipes */

/* The row's value. EIO: no randomness. */
MUST enum err added_write(const struct added *a, const struct sealed_key *key, struct writer *w);
/* name: the row's key. ERR_FORMAT: torn; ERR_UNSUPPORTED: of a newer program; ERR_REFUSED: sealed
 * with another key, or another peer's. */
MUST enum err added_read(struct span name, struct span value, const struct sealed_key *key,
			 struct added *ret);

/* Letters, digits and hyphens in lower case, none at an end, 1 to ADDED_NAME_MAX: a label. */
bool added_name_is_right(struct span name);

/* The lowest address of the network that taken() does not have; not its first, nor IPv4's last.
 * like: one of the other family whose place in like_network is tried first, so that a peer is .7
 * and
 * ::7; NULL. ERR_LIMIT: none in the first ADDED_TRIES_MAX. */
struct added_pick {
	const struct ip_prefix *network;
	const struct ip_address *like;
	const struct ip_prefix *like_network;
	bool (*taken)(void *arg, const struct ip_address *a);
	void *arg;
};
enum { ADDED_TRIES_MAX = 1 << 20 };
MUST enum err added_pick(const struct added_pick *p, struct ip_address *ret);

#endif
