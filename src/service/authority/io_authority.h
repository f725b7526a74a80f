/* The state of the authority's main thread: what its life, its reloads and its verbs share. Knows
 * nothing of queries. */
#ifndef AUTHORITY_IO_AUTHORITY_H
#define AUTHORITY_IO_AUTHORITY_H

#include "control/service_life.h"
#include "crypto/secret.h"
#include "service/authority/io_counters.h"
#include "service/authority/io_loader.h"
#include "service/authority/io_sockets.h"
#include "service/authority/io_updater.h"
#include "service/authority/io_worker.h"

#define AUTHORITY_REPLIES_MAX                                                                      \
	32 /* reloads that wait for their answer: as many as control has clients */

struct authority {
	struct service_life life;
	struct sockets sockets;
	struct counter_set counters;
	struct worker *workers;
	struct updater *updater; /* NULL: no zone took updates at the start */
	size_t workers_n, workers_started;
	struct generation *generation; /* published; a reference is held */
	uint8_t key[16];	       /* of all hash tables of zones */
	struct secret cookies;	       /* 16 octets, when the configuration has none */

	/* A reload in a thread of its own. */
	struct thread loading;
	struct loader *loader; /* not NULL: it runs */
	struct loader_result result;
	atomic_bool loaded, stop;
	bool again;					      /* asked for once more while it ran */
	struct control_reply *replies[AUTHORITY_REPLIES_MAX]; /* answered by this reload */
	struct control_reply *waiting[AUTHORITY_REPLIES_MAX]; /* answered by the next */
	size_t replies_n, waiting_n;
	uint64_t reloads, reloads_failed;
};

/* reload.c: begins to load; reply may be NULL. */
void authority_reload(struct authority *a, struct control_reply *reply);
/* Begins the first load. */
MUST enum err authority_load_begin(struct authority *a);
/* In the main loop, after the loader has woken it. */
void authority_load_end(struct authority *a);
/* In the main loop, after the updater has woken it: a renewed generation, and the events. */
void authority_updates_seen(struct authority *a);
/* Ends a load that runs, and answers who still waits. */
void authority_load_stop(struct authority *a);

/* control.c */
extern const struct control_face authority_face; /* .arg is to be set */

#endif
