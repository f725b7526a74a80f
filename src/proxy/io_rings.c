#include "proxy/io_rings.h"

#include "base/writer.h"
#include "os/log.h"
#include "os/loop.h"
#include "os/ring.h"

#include <stdlib.h>

static enum err open_all(struct proxy_rings *r, size_t n)
{
	r->of = calloc(n, sizeof(struct ring *));
	if (!r->of)
		return (enum err)ENOMEM;
	for (; r->n < n; r->n++)
		TRY(ring_new(LOOP_EVENTS_MAX, &r->of[r->n]));
	return OK;
}

void proxy_rings_open(struct proxy_rings *ret, enum proxy_rings_wish wish, size_t n)
{
	*ret = (struct proxy_rings){0};
	enum err e = wish == PROXY_RINGS_OFF ? OK : open_all(ret, n);
	if (!e)
		return;
	proxy_rings_done(ret);
	ret->e = e;
	log_info("no io_uring here: each receive and send is a call of its own", LOG_ERR(e));
}

void proxy_rings_done(struct proxy_rings *r)
{
	for (size_t i = 0; i < r->n; i++)
		ring_free(r->of[i]);
	free(r->of);
	*r = (struct proxy_rings){0};
}

const int *proxy_rings_syscalls(const struct proxy_rings *r, size_t *ret_n)
{
	*ret_n = r->of ? RING_SYSCALLS : 0;
	return ring_syscalls;
}

const char *proxy_rings_text(const struct proxy_rings *r)
{
	if (r->of)
		return "on";
	return r->e ? err_text(r->e) : "off";
}

void proxy_rings_metrics(const struct proxy_rings *r, const char *prefix, struct writer *w)
{
	write_format(w,
		     "# HELP %srings workers that receive and send by io_uring\n"
		     "# TYPE %srings gauge\n%srings %zu\n",
		     prefix, prefix, prefix, r->n);
}
