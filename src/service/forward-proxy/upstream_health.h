/* How a server that leads on does, as all threads see it: down for a while after it could not be
 * reached, what it was asked, how long its answers take. Knows no connection and no clock.
 *
 * It is learned from what clients ask alone: nothing is sent for it. After the pause one request
 * tries the server, and others pass it over until that one has come through, or for another pause.
 */
#ifndef FORWARD_PROXY_UPSTREAM_HEALTH_H
#define FORWARD_PROXY_UPSTREAM_HEALTH_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct upstream_health {
	atomic_uint refs;
	char *key; /* what it is of: kind and server; owned */
	/* 0: up. Else down, and by then to be tried again; milliseconds of the loops' clock. */
	atomic_uint_fast64_t until_ms;
	atomic_uint_fast64_t since_ms; /* when it went down */
	atomic_uint_fast64_t requests, errors, latency_us;
	atomic_uint_fast64_t downs;  /* how often it went down */
	_Atomic(const char *) fault; /* of its last error, a fixed word; NULL: there was none */
	atomic_bool led;	     /* it has led on, with what this configuration says to it */
	atomic_uint turn;
};

/* One reference. key: copied. ENOMEM. */
MUST enum err upstream_health_new(const char *key, struct upstream_health **ret);
struct upstream_health *upstream_health_ref(struct upstream_health *h);
void upstream_health_unref(struct upstream_health *h); /* any thread; accepts NULL */

bool upstream_health_is_up(const struct upstream_health *h, uint64_t now_ms);
/* May it be tried? When a pause is over, by one alone: the next pause begins. */
bool upstream_health_claim(struct upstream_health *h, uint64_t now_ms, uint64_t pause_ms);
/* 0, 1, 2…, for a choice in turn. */
unsigned upstream_health_turn(struct upstream_health *h);

void upstream_health_asked(struct upstream_health *h);
/* It was reached and takes us. */
void upstream_health_worked(struct upstream_health *h);
/* It has led on, or had an answer for us. Whoever it refuses from then on, for whatever reason, is
 * refused for what he asks for: what one client asks for takes it from nobody else. */
void upstream_health_leads(struct upstream_health *h);
bool upstream_health_has_led(const struct upstream_health *h);
/* Another password, maybe: has_led is to be found out again. */
void upstream_health_begin_anew(struct upstream_health *h);
/* So long its answer took. */
void upstream_health_took(struct upstream_health *h, uint64_t us);
/* why: a fixed word. down: it was not reached, or does not take us. */
void upstream_health_failed(struct upstream_health *h, const char *why, bool down, uint64_t now_ms,
			    uint64_t pause_ms);

#endif
