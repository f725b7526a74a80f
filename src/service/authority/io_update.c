/* Updates between a worker and the updater: handed over with what their answer needs, sent when
 * they come back. */
#include "os/clock.h"
#include "service/authority/io_worker.h"

#include <stdlib.h>

static struct update_job *job_new(struct worker *w, struct span packet,
				  const struct answer_facts *facts)
{
	struct update_job *job;

	if (!w->updater || w->updates_out == UPDATER_WAIT_MAX)
		return NULL;
	/* The sender has proved who he is, and there are UPDATER_WAIT_MAX at most. */
	job = calloc(1, sizeof(*job) + packet.len);
	if (!job)
		return NULL;
	job->generation = generation_ref(w->generation);
	job->entry = facts->update;
	job->tsig = facts->tsig;
	job->len = packet.len;
	struct writer copy = writer_of(job->message, packet.len);
	write_span(&copy, packet);
	return job;
}

static void job_free(struct update_job *job)
{
	if (!job)
		return;
	generation_unref(job->generation);
	free(job);
}

static bool hand_over(struct worker *w, struct update_job *job)
{
	if (!job || !updater_put(w->updater, w->port, job)) {
		job_free(job);
		counter_add(w->row, COUNT_UPDATE_FULL, 1);
		return false;
	}
	w->updates_out++;
	return true;
}

bool worker_update_udp(struct worker *w, struct udp_socket *socket, const struct udp_slot *slot,
		       const struct answer_facts *facts)
{
	struct update_job *job = job_new(w, span_of(slot->rx, slot->rx_len), facts);
	struct ip_endpoint local;

	if (job) {
		job->socket = socket;
		udp_slot_peer(slot, &job->peer);
		udp_slot_local(w->batch, slot, &local);
		job->from = local.address;
	}
	return hand_over(w, job);
}

struct update_job *worker_update_tcp(struct worker *w, struct tcp_client *client,
				     const struct ip_endpoint *peer, struct span packet,
				     const struct answer_facts *facts)
{
	struct update_job *job = job_new(w, packet, facts);

	if (job) {
		job->client = client;
		job->peer = *peer;
	}
	return hand_over(w, job) ? job : NULL;
}

static void answer(struct worker *w, struct update_job *job)
{
	struct span reply = span_of(job->reply, job->reply_len);

	if (job->client)
		worker_tcp_updated(job->client, reply);
	else if (job->socket && reply.len &&
		 udp_send_to(job->socket, job->socket->wild ? &job->from : NULL, &job->peer, reply))
		counter_add(w->row, COUNT_DROP_SEND, 1);
}

void worker_updates_ready(struct worker *w)
{
	struct update_job *job;

	while (w->updater && (job = updater_take(w->updater, w->port))) {
		w->updates_out--;
		answer(w, job);
		job_free(job);
	}
}
