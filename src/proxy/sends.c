#include "proxy/sends.h"

#include "proxy/worker.h"

static void send_each(struct proxy_sending *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		list[i].e = proxy_transport_write(list[i].t, &list[i].bytes, 1, &list[i].sent);
}

/* Those that have left are taken out, from there on. */
static void close_up(struct proxy_sends *s, uint32_t from)
{
	uint32_t to = from;
	for (uint32_t i = from; i < s->n; i++) {
		if (!s->who[i])
			continue;
		if (to != i) {
			s->list[to] = s->list[i];
			s->who[to] = s->who[i];
			s->who[to]->at = to + 1;
		}
		to++;
	}
	s->n = to;
}

void proxy_sends_run(struct proxy_worker *w)
{
	struct proxy_sends *s = &w->sends;
	uint32_t from = 0;
	while (close_up(s, from), from < s->n) {
		uint32_t to = s->n;
		if (w->io->send_many)
			w->io->send_many(w, s->list + from, to - from);
		else
			send_each(s->list + from, to - from);
		for (; from < to; from++) {
			struct proxy_send *who = TAKE(s->who[from]);
			if (!who)
				continue;
			who->at = 0;
			who->call(who, &s->list[from]);
		}
	}
	s->n = 0;
}
