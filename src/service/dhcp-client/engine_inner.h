/* What the files of the engine share: steps between states, and messages. Knows nothing that
 * engine.h does not. */
#ifndef DHCP_CLIENT_ENGINE_INNER_H
#define DHCP_CLIENT_ENGINE_INNER_H

#include "service/dhcp-client/engine.h"

#define UPLINK_ALL UINT32_C(0xffffffff) /* every host and server on the link */

/* engine.c */
uint64_t uplink_random(struct uplink *u);
/* Evenly from min to max. */
uint64_t uplink_random_in(struct uplink *u, uint64_t min, uint64_t max);
void uplink_enter(struct uplink *u, enum uplink_state state, uint64_t due_ms);
/* To INIT; DISCOVER leaves after delay_ms. */
void uplink_begin(struct uplink *u, uint64_t now_ms, uint64_t delay_ms);
/* The lease in force is no more; forget: nor is it to be found on disk. */
void uplink_drop(struct uplink *u, bool forget);
void uplink_refuse(struct uplink *u, enum uplink_cause cause, uint8_t type, uint32_t server);
bool uplink_address_allowed(const struct uplink *u, uint32_t address);
bool uplink_server_allowed(const struct uplink *u, uint32_t server);

/* check.c: probes, announces, defends (RFC 5227). */
void uplink_check(struct uplink *u, uint64_t now_ms); /* pending is to be taken */
void uplink_check_turn(struct uplink *u, uint64_t now_ms);
void uplink_announce(struct uplink *u);
/* Pending is in force from now on. */
void uplink_take(struct uplink *u, uint64_t now_ms);

/* say.c: each builds and sends one message. */
void uplink_say_discover(struct uplink *u, uint64_t now_ms);
/* By the state: SELECTING's choice, REBOOTING, RENEWING, REBINDING. */
void uplink_say_request(struct uplink *u, uint64_t now_ms);
void uplink_say_decline(struct uplink *u, uint64_t now_ms, uint32_t address, uint32_t server);
void uplink_say_release(struct uplink *u, uint64_t now_ms);

#endif
