#include "service/resolver/walk.h"

static void emit(struct walk *w, struct trace_step *step)
{
	struct engine *e = w->engine;
	step->depth = w->depth;
	if (e->effects.trace)
		e->effects.trace(e->effects.ctx, w->trace, step);
}

void walk_trace_cache(struct walk *w, bool hit, struct span row)
{
	if (!w->trace)
		return;
	struct trace_step step = {.kind = TRACE_CACHING,
				  .event = hit ? TRACE_HIT : TRACE_MISS,
				  .name = w->sname,
				  .type = w->stype,
				  .ede = REPLY_EDE_NONE,
				  .ttl_s = row.len ? rrset_least_ttl(row) : 0,
				  .records = row};
	emit(w, &step);
}

void walk_trace_start(struct walk *w, bool restart)
{
	if (!w->trace)
		return;
	struct trace_step step = {.kind = TRACE_RECURSIVE,
				  .event = restart ? TRACE_RESTART : TRACE_START,
				  .name = w->sname,
				  .type = w->stype,
				  .ede = REPLY_EDE_NONE};
	emit(w, &step);
}

static enum trace_kind kind_of(const struct delegation *cut)
{
	if (cut->kind == DELEGATION_FORWARD)
		return TRACE_RECURSIVE;
	unsigned labels = dns_name_labels(&cut->zone);
	return labels == 0 ? TRACE_ROOT : labels == 1 ? TRACE_TLD : TRACE_AUTHORITATIVE;
}

static struct trace_step question_step(const struct walk *w, enum trace_event event)
{
	const struct delegation_address *a = &w->cut.addresses[w->ask.address];
	struct trace_step step = {.kind = kind_of(&w->cut),
				  .event = event,
				  .asked = true,
				  .tcp = w->ask.transport == ENGINE_TCP,
				  .name = w->ask.name,
				  .type = w->ask.type,
				  .zone = w->cut.zone,
				  .address = w->ask.at,
				  .ede = REPLY_EDE_NONE,
				  .retransmissions = w->ask.vain};
	if (a->name < w->cut.names_n)
		step.server = w->cut.names[a->name].name;
	return step;
}

/* Summed at the walk that a person asked for. */
static struct walk *payer(struct walk *w)
{
	while (w->starter)
		w = w->starter;
	return w;
}

void walk_trace_reply(struct walk *w, enum trace_event event, uint16_t rcode,
		      const struct dns_name *target, struct span row)
{
	if (!w->trace)
		return;
	struct trace_step step = question_step(w, event);
	step.heard = true;
	step.rcode = rcode;
	step.round_trip_us = (uint32_t)(w->engine->now_us - w->ask.sent_us);
	step.records = row;
	step.ttl_s = row.len ? rrset_least_ttl(row) : 0;
	if (target)
		step.target = *target;
	payer(w)->exchanges++;
	payer(w)->tcp_exchanges += step.tcp;
	emit(w, &step);
}

void walk_trace_silence(struct walk *w, enum trace_event event, bool sent)
{
	if (!w->trace)
		return;
	struct trace_step step = question_step(w, event);
	step.unsent = !sent;
	payer(w)->silent += sent;
	payer(w)->tcp_silent += sent && step.tcp;
	emit(w, &step);
}

void walk_trace_summary(struct walk *w, const struct walk_result *r, struct span row)
{
	struct engine *e = w->engine;
	if (!w->trace || w->depth)
		return;
	struct trace_step step = {.kind = TRACE_SUMMARY,
				  .name = w->qname,
				  .type = w->qtype,
				  .rcode = r->rcode,
				  .ede = r->ede,
				  .records = row,
				  .time_us = e->now_us - w->started_us,
				  .exchanges = w->exchanges,
				  .silent = w->silent,
				  .tcp_exchanges = w->tcp_exchanges,
				  .tcp_silent = w->tcp_silent};
	emit(w, &step);
}
