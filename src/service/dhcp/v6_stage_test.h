/* The stage for tests of the DHCPv6 engine: a site from a configuration's text, a store in memory,
 * and answers as text. Knows nothing of what the engine decides. */
#ifndef DHCP_V6_STAGE_TEST_H
#define DHCP_V6_STAGE_TEST_H

#include "proto/dhcp6/relay.h"
#include "service/dhcp/v6_inner.h"

enum { STAGE_ROWS = 4096, STAGE_SENT = 64 };

struct stage_row {
	uint8_t key[V6_LEASE_KEY_LEN], value[V6_LEASE_STORED_MAX];
	size_t value_len;
	uint64_t version; /* 0: no row */
};

struct stage_asked {
	uint64_t token, expected;
	struct stage_row row;
};

/* What the engine did; read it, and set `hold`, `fail` and `now_ms`. */
struct stage {
	struct v6_site *site;
	struct v6_engine *engine;
	uint64_t now_ms, versions;
	bool hold; /* stores wait for stage_answer */
	bool fail; /* stores fail */
	bool full; /* effects.store refuses */
	struct stage_row rows[STAGE_ROWS];
	struct stage_asked asked[64];
	size_t asked_n;
	unsigned sent_n, names_granted, names_ended, events[V6_EVENT_REFUSED + 1];
	unsigned causes[V6_CAUSES];
	struct v6_send sent; /* the last; its message is in `message` */
	uint8_t message[V6_REPLY_MAX];
	char name[V6_NAME_MAX + 1]; /* the last that was granted */
};
extern struct stage stage;

/* body: of `dhcp.ipv6`, indented by two. Link 2 is lan0, with address 2001:db8:7::1/64. */
void stage_begin(const char *body);
void stage_site(const char *body); /* a reload */
void stage_end(void);
/* The engine is new, its rows are those of the store: as after a crash. */
void stage_restart(void);
/* Answers the nth store that waits (and those before it stay). */
void stage_answer(size_t nth, enum dhcp_stored result);
/* Lets time pass, with a turn at its end. */
void stage_wait(uint64_t ms);

/* A message of client `who` (DUID-LL 00:03:00:01:02:00:00:00:00:WHO), from fe80::WHO to ff02::1:2
 * by lan0; options are written to it with what proto/dhcp6 has. */
struct ask {
	struct writer w;
	struct v6_arrival arrival;
	uint8_t wire[2048];
};
void ask_begin(struct ask *a, uint8_t type, uint8_t who);
/* The same without any option. */
void ask_bare(struct ask *a, uint8_t type, uint8_t who);
void ask_server(struct ask *a); /* our server identifier */
/* leases: "2001:db8::1 2001:db8:f::/56", blanks between; "" none. */
void ask_ia(struct ask *a, enum dhcp6_ia_kind kind, uint32_t iaid, const char *leases);
/* Sends it. The answer as text, "" for none:
 * "REPLY na1 1800/2880 2001:db8:7::10=3600/7200; pd1 no-prefix-avail; success; rapid; preference 7"
 */
const char *ask_send(struct ask *a);
/* The same through a relay: link and interface id. */
const char *ask_relayed(struct ask *a, const char *link, const char *interface_id);

/* A message as that text. */
const char *stage_text(struct span message);
/* Solicit, then Request what was offered: the text of the Reply. */
const char *stage_get(uint8_t who, enum dhcp6_ia_kind kind, uint32_t iaid);

#endif
