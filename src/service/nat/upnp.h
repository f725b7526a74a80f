/* An Internet gateway device of UPnP (IGD:2; IGD:1 for who knows no other): what it answers to HTTP
 * requests and to searches, and what it announces. Knows no socket; who is inside is judged before.
 * No events (GENA): a subscription would make us connect to wherever its sender says. */
#ifndef NAT_UPNP_H
#define NAT_UPNP_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

struct http_request;
struct portctl;
struct ssdp_notice;
struct writer;

enum {
	UPNP_SEED_LEN = 16,
	UPNP_UUID_TEXT_MAX = 37, /* with the NUL */
	UPNP_BODY_MAX = 65536,	 /* of an answer */
	UPNP_MAX_AGE_S = 1800,
	UPNP_NOTICES_MAX = 12, /* things that can be searched for, the older versions not counted */
	UPNP_TEXT_MAX = 160,   /* of a type, a USN, a location */
	UPNP_SEARCHES_MAX = 32,
};

/* The device and the two in it. */
enum upnp_device { UPNP_GATEWAY, UPNP_WAN, UPNP_CONNECTION, UPNP_DEVICES };

struct upnp {
	struct portctl *list; /* borrowed */
	char uuid[UPNP_DEVICES][UPNP_UUID_TEXT_MAX];
	uint64_t started_ms;
	uint32_t boot_id; /* grows from start to start: seconds since 1970 */
	uint16_t http_port;
	uint64_t calls, faults, refused; /* refused: requests that were no call */
};

/* seed: random once, then kept: the device stays the same through restarts (UDA 2.0 1.1.4). */
void upnp_init(struct upnp *u, struct portctl *list, const uint8_t seed[UPNP_SEED_LEN]);

/* --- HTTP --- */

struct upnp_request {
	struct ip_endpoint client, local; /* a host inside, and our address that it came to */
	const char *zone;
	const struct http_request *http;
	struct span body;
};

/* Writes the body of the answer, at most UPNP_BODY_MAX octets, and returns its status. salt:
 * random, not 0. */
unsigned upnp_answer(struct upnp *u, uint64_t now_ms, uint64_t salt, const struct upnp_request *req,
		     struct writer *body);

/* --- discovery --- */

/* Texts of one thing that can be found; spare room for struct ssdp_notice's pointers. */
struct upnp_notice {
	char type[UPNP_TEXT_MAX], usn[UPNP_TEXT_MAX], location[UPNP_TEXT_MAX];
};

/* The nth thing (from 0) that target asks for, from a host that sees us by `local`; false: no more.
 * target: empty for all that is announced; "ssdp:all"; or one type or device, of our version or an
 * older one, which is then answered as asked. */
bool upnp_notice(const struct upnp *u, struct span target, size_t n, const struct ip_address *local,
		 struct upnp_notice *ret);
/* The notice as SSDP has it; points into n. */
struct ssdp_notice upnp_ssdp(const struct upnp *u, const struct upnp_notice *n);

#endif
