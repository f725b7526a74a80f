/* The thread that applies updates: workers hand it messages that are proved, it makes many of them
 * durable with one write, and hands them back with their answers. Knows no descriptor of clients.
 */
#ifndef AUTHORITY_IO_UPDATER_H
#define AUTHORITY_IO_UPDATER_H

#include "os/counters.h"
#include "proto/ip/address.h"
#include "service/authority/answer.h"
#include "service/authority/generation.h"
#include "service/authority/update.h"

struct loop;
struct tcp_client;
struct udp_socket;
struct updater;

#define UPDATER_WAIT_MAX  1024 /* updates of one worker that wait; one more is SERVFAIL */
#define UPDATER_REPLY_MAX (DNS_HEADER_LEN + DNS_NAME_MAX + 4 + DNS_TSIG_LEN_MAX)

/* One update on its way. The worker makes and frees it; between put and take it is the updater's.
 */
struct update_job {
	/* The worker's. */
	struct udp_socket *socket; /* NULL: over TCP */
	struct ip_address from;	   /* the address that it came to */
	struct tcp_client *client; /* NULL: it is gone */
	/* Both. */
	struct ip_endpoint peer;
	struct generation *generation; /* a reference: entry and key stay */
	const struct zones_entry *entry;
	struct dns_tsig_reply tsig;
	struct update_result result;
	size_t reply_len;
	uint8_t reply[UPDATER_REPLY_MAX];
	size_t len;
	uint8_t message[];
};

/* What an update did, for the event of that name. */
struct update_told {
	struct dns_name zone, key;
	struct ip_endpoint peer;
	struct update_result result;
};

/* ports: one for each worker. woken: the main thread's loop, turned when events or a renewal wait.
 */
MUST enum err updater_new(size_t ports, struct counter_row row, struct loop *woken,
			  struct updater **ret);
MUST enum err updater_start(struct updater *u);
void updater_stop(struct updater *u); /* ends the thread; what waits is not applied */
/* After the workers have ended. Accepts NULL. */
void updater_free(struct updater *u);

/* --- for the worker of that port --- */

/* The loop that updater_take's jobs wake. */
void updater_listen(struct updater *u, size_t port, struct loop *loop);
/* False: the queue is full. */
bool updater_put(struct updater *u, size_t port, struct update_job *job);
/* A job that is done, or NULL. */
struct update_job *updater_take(struct updater *u, size_t port);

/* --- for the main thread --- */

/* True once after zones were replaced: publish a generation of the renewed set. */
bool updater_wants_renewal(struct updater *u);
/* What was done since the last call, one by one; false: no more. */
bool updater_told(struct updater *u, struct update_told *ret);

#endif
