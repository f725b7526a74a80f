/* A client, a store, a link and a clock around one engine, for its tests: what is asked is written
 * in one line, and everything that the engine does is kept. Judges nothing itself. */
#ifndef DHCP_CLIENT_TEST_H
#define DHCP_CLIENT_TEST_H

#include "proto/dhcp/build.h"
#include "proto/dhcp/message.h"
#include "service/dhcp/engine.h"
#include "service/dhcp/site_fake_test.h"

enum {
	TRY_SENT = 64,
	TRY_STORES = 64,
	TRY_ROWS = 1024,
	TRY_EVENTS = 256,
	TRY_IFINDEX = 3,
};

#define NET_A	  0xc0a80700u /* 192.168.7.0/24 */
#define NET_B	  0x0a000000u /* 10.0.0.0/16, behind a relay */
#define SERVER	  (NET_A + 1)
#define RELAY	  (NET_B + 1)
#define BROADCAST 0xffffffffu

struct try_sent {
	struct dhcp_send how;
	uint8_t bytes[1500];
	size_t len;
	struct dhcp_message m;
};

struct try_row {
	uint8_t key[DHCP_LEASE_KEY_LEN];
	uint8_t value[DHCP_LEASE_STORED_MAX];
	size_t len; /* 0: none */
	uint64_t version, token, expected;
};

struct
try {
	struct dhcp_site *site;
	struct dhcp_engine *engine;
	struct dhcp_effects effects;
	struct dhcp_limits limits;
	uint64_t now_ms;
	struct try_sent sent[TRY_SENT];
	size_t sent_n;
	struct try_row pending[TRY_STORES]; /* asked of the store, not answered */
	size_t pending_n;
	struct try_row rows[TRY_ROWS]; /* durable */
	size_t rows_n;
	uint64_t last_version;
	bool full; /* the store's queue */
	struct dhcp_probe probe;
	size_t probes_n;
	struct dhcp_event events[TRY_EVENTS]; /* pointers are dead: kind, cause, address, numbers */
	size_t events_n;
	struct {
		enum dhcp_name_change change;
		uint32_t address;
		char name[256];
	} name;
	size_t names_n;
};

/* What a client says; zero is absent. */
struct ask {
	enum dhcp_type type;
	uint8_t mac; /* the last octet of 02:00:00:00:00:xx */
	uint32_t xid, ciaddr, giaddr, requested, server_id, lease_s, subnet_selection;
	uint16_t flags, secs, size_max;
	struct span client_id, relay, prl, vendor_class, host_name;
	bool rapid, nonce;
	uint8_t htype, hlen; /* 0: Ethernet */
	uint32_t from, to, ifindex;
	struct span fqdn;
};

/* A site with NET_A on the link (pool .100 to .103, automatic) and NET_B behind a relay (pool
 * 10.0.0.100 to .199, dynamic); nobody is probed. The test may change it before try_start. */
void try_init(struct try *t);
void try_start(struct try *t);
/* The process dies and begins anew with the durable rows. */
void try_restart(struct try *t);
void try_done(struct try *t);

/* One message; then nothing more happens. */
void try_say(struct try *t, struct ask a);
size_t try_write(const struct ask *a, uint8_t *buf, size_t size);
/* The store answers all that was asked of it. */
void try_store(struct try *t);
void try_store_fails(struct try *t);
/* Time passes, and the engine turns as often as it wants. */
void try_wait_s(struct try *t, unsigned s);
void try_wait_ms(struct try *t, unsigned ms);
/* Another server writes a row for a client of that MAC. told: the engine hears of it. */
void try_other_server(struct try *t, uint32_t address, uint8_t mac, enum dhcp_lease_state state,
		      uint32_t for_s, bool told);

/* The last message, which must be the only one since the last call of any of these. */
const struct dhcp_message *try_answer(struct try *t, enum dhcp_type type);
const struct dhcp_send *try_how(const struct try *t); /* of that answer */
void try_silence(struct try *t);
uint32_t try_u32(const struct dhcp_message *m, uint8_t code);
bool try_event(const struct try *t, enum dhcp_event_kind kind);
uint64_t try_cause(const struct try *t, enum dhcp_cause cause);

/* DISCOVER to ACK; the address. */
uint32_t try_lease(struct try *t, uint8_t mac);
enum dhcp_lease_state try_state(struct try *t, uint32_t address); /* 0: no record */

#endif
