#include "service/dhcp-client/io_forwarders.h"

#include "base/writer.h"
#include "control/forwarders.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/tcp.h"
#include "os/unix.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert((int)CLIENT_FORWARDERS_MAX == FORWARDERS_MAX, "as many as the resolver takes");

static void hang_up(struct client_forwarders *f)
{
	loop_remove(f->loop, &f->watch);
	fd_done(&f->fd);
}

/* text: what was the matter. */
static void failed(struct client_forwarders *f, const char *text, enum err e)
{
	hang_up(f);
	if (!f->told_failure)
		log_warning("the resolver takes no forwarders now; it is told again and again",
			    LOG_TEXT("path", f->path), LOG_TEXT("why", text), LOG_ERR(e));
	f->told_failure = true;
	loop_timer_set_after(f->loop, &f->timer, f->retry_ms);
	f->retry_ms *= 2;
	if (f->retry_ms > CLIENT_FORWARDERS_AGAIN_MS)
		f->retry_ms = CLIENT_FORWARDERS_AGAIN_MS;
}

static void succeeded(struct client_forwarders *f)
{
	hang_up(f);
	if (f->told_failure || f->told == 0)
		log_info("the resolver is told the forwarders", LOG_U64("servers", f->n));
	f->told_failure = false;
	f->told++;
	f->retry_ms = CLIENT_FORWARDERS_RETRY_MS;
	if (f->n)
		loop_timer_set_after(f->loop, &f->timer, CLIENT_FORWARDERS_AGAIN_MS);
	else
		loop_timer_cancel(f->loop, &f->timer);
}

static void answered(void *arg, uint32_t events)
{
	static const char good[] = "HTTP/1.1 200 ";
	struct client_forwarders *f = arg;
	char text[512];
	size_t n = 0;
	(void)events;
	enum err e = tcp_read(f->fd, text, sizeof(text), &n);
	if (!e && n == 0)
		return;
	/* Its head comes in one piece: the other side writes it so. */
	if (!e && n >= sizeof(good) - 1 && memcmp(text, good, sizeof(good) - 1) == 0)
		succeeded(f);
	else
		failed(f, e ? "it hung up" : "it refuses", e ? e : ERR_REFUSED);
}

static void body_write(const struct client_forwarders *f, struct writer *w)
{
	write_text(w, "{\"servers\":[");
	for (size_t i = 0; i < f->n; i++) {
		char text[IP_ADDRESS_TEXT_MAX];
		(void)ip_address_format(&f->servers[i], text);
		write_format(w, "%s\"%s\"", i ? "," : "", text);
	}
	write_format(w, "],\"hold_s\":%d}", FORWARDERS_HOLD_S);
}

static enum err ask(struct client_forwarders *f)
{
	char body[256], request[512];
	struct writer b = writer_of(body, sizeof(body)), w = writer_of(request, sizeof(request));
	size_t n = 0;
	body_write(f, &b);
	write_format(&w,
		     "POST /forwarders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		     b.pos);
	write_span(&w, writer_span(&b));
	ASSERT(!b.bad && !w.bad);
	TRY(unix_connect_now(f->path, &f->fd));
	TRY(tcp_write(f->fd, writer_span(&w), &n));
	if (n != w.pos) /* a new connection has room for it */
		return ERR_LIMIT;
	return loop_add(f->loop, &f->watch, f->fd, LOOP_READ, answered, f);
}

static void due(void *arg)
{
	struct client_forwarders *f = arg;
	if (f->fd >= 0) {
		failed(f, "it does not answer", (enum err)ETIMEDOUT);
		return;
	}
	enum err e = ask(f);
	if (e)
		failed(f, "it is not there", e);
	else
		loop_timer_set_after(f->loop, &f->timer, CLIENT_FORWARDERS_WAIT_MS);
}

void client_forwarders_begin(struct client_forwarders *f, struct loop *loop, const char *run)
{
	*f = (struct client_forwarders){
		.loop = loop, .fd = -1, .retry_ms = CLIENT_FORWARDERS_RETRY_MS, .begun = true};
	(void)snprintf(f->path, sizeof(f->path), "%s/%s", run, FORWARDERS_SOCKET);
	loop_timer_init(&f->timer, due, f);
}

void client_forwarders_set(struct client_forwarders *f, const struct ip_address *servers, size_t n)
{
	bool same = n == f->n;
	for (size_t i = 0; same && i < n; i++)
		same = ip_address_equal(&servers[i], &f->servers[i]);
	if (!f->begun || same)
		return;
	for (size_t i = 0; i < n; i++)
		f->servers[i] = servers[i];
	f->n = n;
	hang_up(f);
	f->retry_ms = CLIENT_FORWARDERS_RETRY_MS;
	loop_timer_set_after(f->loop, &f->timer, 0);
}

void client_forwarders_done(struct client_forwarders *f)
{
	if (!f->begun)
		return;
	hang_up(f);
	loop_timer_cancel(f->loop, &f->timer);
	f->begun = false;
}
