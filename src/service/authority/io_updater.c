#include "service/authority/io_updater.h"

#include "base/spsc_queue.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/loop.h"
#include "os/thread.h"
#include "service/authority/io_counters.h"
#include "service/authority/io_dynamic.h"

#include <stdlib.h>

#define BATCH_MAX 256 /* updates that one write makes durable */
#define TOLD_MAX  1024

struct port {
	struct spsc_queue *in, *out; /* of struct update_job pointers */
	_Atomic(struct loop *) loop;
};

struct updater {
	struct thread thread;
	struct loop loop;
	struct loop *woken; /* borrowed: the main thread's */
	struct counter_row row;
	atomic_bool stop, renewal;
	struct spsc_queue *told;
	struct update_scratch *scratch;
	struct update_job *batch[BATCH_MAX];
	size_t batch_n;
	struct dynamic_zone *touched[BATCH_MAX]; /* locked */
	size_t touched_n;
	size_t ports_n;
	struct port ports[];
};

/* --- one batch --- */

static void touch(struct updater *u, struct dynamic_zone *dz)
{
	for (size_t i = 0; i < u->touched_n; i++)
		if (u->touched[i] == dz)
			return;
	dynamic_zone_lock(dz);
	u->touched[u->touched_n++] = dz;
}

static void apply(struct updater *u, struct update_job *job)
{
	struct dynamic_zone *dz = dynamic_zone_of(job->entry->updater);
	struct update_request req = {
		.message = span_of(job->message, job->len),
		.key = &job->tsig.key->name,
		.policy = &job->entry->policy,
	};

	touch(u, dz);
	dynamic_zone_update(dz, &req, u->scratch, &job->result);
	u->batch[u->batch_n++] = job;
}

/* The updates of the zone that changed it did not become durable. */
static void fail(struct updater *u, const struct dynamic_zone *dz)
{
	for (size_t i = 0; i < u->batch_n; i++) {
		struct update_job *job = u->batch[i];
		if (dynamic_zone_of(job->entry->updater) != dz ||
		    job->result.outcome != UPDATE_CHANGED)
			continue;
		job->result = (struct update_result){.outcome = UPDATE_FAILED,
						     .rcode = DNS_RCODE_SERVFAIL};
	}
}

static void commit(struct updater *u)
{
	bool replaced = false, any = false;

	for (size_t i = 0; i < u->touched_n; i++) {
		struct dynamic_zone *dz = u->touched[i];
		if (dynamic_zone_commit(dz, &replaced))
			fail(u, dz);
		any |= replaced;
	}
	if (any)
		atomic_store_explicit(&u->renewal, true, memory_order_release);
}

static void log_one(const struct update_job *job)
{
	char zone[DNS_NAME_TEXT_MAX], key[DNS_NAME_TEXT_MAX], rcode[DNS_CODE_TEXT_MAX];
	const struct update_result *r = &job->result;

	if (r->outcome < UPDATE_FORBIDDEN)
		return;
	log_notice("update refused", LOG_TEXT("zone", dns_name_format(&job->entry->origin, zone)),
		   LOG_TEXT("key", dns_name_format(&job->tsig.key->name, key)),
		   LOG_ENDPOINT("client", &job->peer),
		   LOG_TEXT("rcode", dns_rcode_format(r->rcode, rcode)),
		   LOG_TEXT("cause", update_outcome_text(r->outcome)));
}

static void tell(struct updater *u, const struct update_job *job)
{
	struct update_told told = {.zone = job->entry->origin,
				   .key = job->tsig.key->name,
				   .peer = job->peer,
				   .result = job->result};

	log_one(job);
	counter_add(u->row, COUNT_UPDATE_FIRST + (size_t)job->result.outcome, 1);
	count_rcode(u->row, (uint16_t)job->result.rcode);
	if (job->result.outcome != UPDATE_UNCHANGED && spsc_queue_put(u->told, &told))
		counter_add(u->row, COUNT_UPDATE_UNTOLD, 1);
}

static void hand_back(struct updater *u, uint64_t now_s)
{
	for (size_t i = 0; i < u->batch_n; i++) {
		struct update_job *job = u->batch[i];
		job->reply_len =
			answer_update_write(span_of(job->message, job->len), job->result.rcode,
					    &job->tsig, now_s, job->reply, sizeof(job->reply));
		tell(u, job);
	}
}

static void batch_end(struct updater *u)
{
	commit(u);
	hand_back(u, clock_wall_s());
	for (size_t i = 0; i < u->touched_n; i++) {
		dynamic_zone_tidy(u->touched[i]);
		dynamic_zone_unlock(u->touched[i]);
	}
	u->touched_n = 0;
}

/* As many as wait, of all ports in turn. */
static void batch_fill(struct updater *u, size_t from[BATCH_MAX])
{
	bool more = true;

	while (more && u->batch_n < BATCH_MAX) {
		more = false;
		for (size_t i = 0; i < u->ports_n && u->batch_n < BATCH_MAX; i++) {
			struct update_job *job;
			if (!spsc_queue_take(u->ports[i].in, &job))
				continue;
			more = true;
			from[u->batch_n] = i;
			apply(u, job);
		}
	}
}

static void return_all(struct updater *u, const size_t from[BATCH_MAX])
{
	for (size_t i = 0; i < u->batch_n; i++) {
		struct port *p = &u->ports[from[i]];
		/* There is room: it holds as many as the worker may have out. */
		enum err e = spsc_queue_put(p->out, &u->batch[i]);
		ASSERT(!e);
	}
	for (size_t i = 0; i < u->ports_n; i++) {
		struct loop *loop = atomic_load_explicit(&u->ports[i].loop, memory_order_acquire);
		if (loop && spsc_queue_used(u->ports[i].out))
			loop_wake(loop);
	}
	u->batch_n = 0;
	loop_wake(u->woken);
}

static void woken(void *arg)
{
	struct updater *u = arg;
	size_t from[BATCH_MAX];

	for (;;) {
		if (atomic_load_explicit(&u->stop, memory_order_acquire)) {
			loop_stop(&u->loop);
			return;
		}
		batch_fill(u, from);
		if (u->batch_n == 0)
			return;
		batch_end(u);
		return_all(u, from);
	}
}

/* --- life --- */

static void run(void *arg)
{
	struct updater *u = arg;
	enum err e = loop_run(&u->loop);

	ASSERT(!e);
}

enum err updater_new(size_t ports, struct counter_row row, struct loop *main_loop,
		     struct updater **ret)
{
	struct updater *u = calloc(1, sizeof(*u) + ports * sizeof(u->ports[0]));
	enum err e = u ? OK : (enum err)ENOMEM;

	if (!u)
		return e;
	u->row = row;
	u->woken = main_loop;
	u->ports_n = ports;
	u->scratch = malloc(sizeof(*u->scratch));
	e = u->scratch ? loop_init(&u->loop) : (enum err)ENOMEM;
	if (!e)
		e = spsc_queue_new(sizeof(struct update_told), TOLD_MAX, &u->told);
	for (size_t i = 0; !e && i < ports; i++) {
		e = spsc_queue_new(sizeof(struct update_job *), UPDATER_WAIT_MAX, &u->ports[i].in);
		if (!e)
			e = spsc_queue_new(sizeof(struct update_job *), UPDATER_WAIT_MAX,
					   &u->ports[i].out);
	}
	if (e) {
		updater_free(u);
		return e;
	}
	loop_on_wake(&u->loop, woken, u);
	*ret = u;
	return OK;
}

enum err updater_start(struct updater *u)
{
	return thread_start(&u->thread, "update", -1, run, u);
}

void updater_stop(struct updater *u)
{
	if (!u || u->thread.state != THREAD_RUNS)
		return;
	atomic_store_explicit(&u->stop, true, memory_order_release);
	loop_wake(&u->loop);
	thread_join(&u->thread);
}

static void queue_free(struct spsc_queue *q)
{
	struct update_job *job;

	while (q && spsc_queue_take(q, &job)) {
		generation_unref(job->generation);
		free(job);
	}
	spsc_queue_free(q);
}

void updater_free(struct updater *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->ports_n; i++) {
		queue_free(u->ports[i].in);
		queue_free(u->ports[i].out);
	}
	spsc_queue_free(u->told);
	free(u->scratch);
	loop_done(&u->loop);
	free(u);
}

void updater_listen(struct updater *u, size_t port, struct loop *loop)
{
	atomic_store_explicit(&u->ports[port].loop, loop, memory_order_release);
}

bool updater_put(struct updater *u, size_t port, struct update_job *job)
{
	if (spsc_queue_put(u->ports[port].in, &job))
		return false;
	loop_wake(&u->loop);
	return true;
}

struct update_job *updater_take(struct updater *u, size_t port)
{
	struct update_job *job;

	return spsc_queue_take(u->ports[port].out, &job) ? job : NULL;
}

bool updater_wants_renewal(struct updater *u)
{
	return atomic_exchange_explicit(&u->renewal, false, memory_order_acq_rel);
}

bool updater_told(struct updater *u, struct update_told *ret)
{
	return spsc_queue_take(u->told, ret);
}
