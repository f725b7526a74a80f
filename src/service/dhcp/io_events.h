/* What happened, kept as fixed-size records until somebody looks: to make JSON of each packet would
 * cost more than to answer it. Knows the engine's events, and how the control socket tells them. */
#ifndef DHCP_IO_EVENTS_H
#define DHCP_IO_EVENTS_H

#include "proto/ip/prefix.h"
#include "service/dhcp/engine.h"

struct control;
struct v6_event;

enum {
	EVENTS_HELD = 256, /* as many as the control socket keeps */
	EVENT_TEXT_MAX = 64,
	EVENT_ID_MAX = 130, /* octets shown of an identifier */
};

struct held_event {
	uint64_t time_ms;
	bool v6;
	uint8_t kind, cause; /* enum dhcp_event_kind, enum dhcp_cause; or those of v6_engine.h */
	uint8_t type;	     /* IPv6: enum dhcp6_type */
	struct ip_prefix prefix, from; /* IPv6: the lease, the sender; client_id is the DUID */
	uint32_t lease_s;
	uint8_t mac_len, client_id_len, circuit_len, name_len, hostname_len;
	bool from_client;
	uint8_t mac[DHCP_MAC_MAX], client_id[EVENT_ID_MAX], circuit[EVENT_ID_MAX];
	char name[EVENT_TEXT_MAX], hostname[EVENT_TEXT_MAX]; /* of the lease; option 12 */
	char network[EVENT_TEXT_MAX];
	uint32_t address, xid, ciaddr, giaddr, requested, server_id;
	uint32_t pool_first, pool_last;
	uint64_t used, size;
};

struct events {
	struct held_event held[EVENTS_HELD]; /* a ring */
	size_t next, n;
	uint64_t overwritten; /* nobody looked in time */
};

/* now_ms: Unix time. */
void events_hold(struct events *e, uint64_t now_ms, const struct dhcp_event *event);
void events_hold6(struct events *e, uint64_t now_ms, const struct v6_event *event);
/* Tells all that is held, and holds nothing any more. */
void events_tell(struct events *e, struct control *control);

const char *dhcp_cause_name(enum dhcp_cause cause); /* "no-network", a label of a counter */

#endif
