#include "service/reverse-proxy/stream_end.h"

#include "proxy/access-log/access_line.h"

#include <assert.h>

const char *stream_how_text(enum stream_how how)
{
	static const char *const texts[] = {
		[STREAM_CLOSED] = "closed", [STREAM_IDLE] = "idle", [STREAM_ANSWERED] = "answered"};
	static_assert(sizeof(texts) / sizeof(texts[0]) == STREAM_HOWS, "a word for each");
	return how < STREAM_HOWS ? texts[how] : "unknown";
}

static uint16_t status_of(const struct stream_end *e)
{
	if (e->led)
		return 200;
	return (uint16_t)(e->cause == PROXY_REFUSED ? 403 : proxy_cause_status(e->cause));
}

static struct span text_of(const char *text)
{
	return text ? span_text(text) : (struct span){0};
}

void stream_end_line(const struct stream_end *e, char room[IP_ENDPOINT_TEXT_MAX],
		     struct access_line *ret)
{
	*ret = (struct access_line){
		.client = e->peer.address,
		.version = e->kind == REVERSE_STREAM_UDP ? ACCESS_VERSION_UDP : ACCESS_VERSION_TCP,
		.status = status_of(e),
		.listen = span_of(room, ip_endpoint_format(&e->at, room)),
		.pool = text_of(e->pool),
		.server = text_of(e->server),
		.passed_name = text_of(e->name),
		.tries = e->tries,
		.request_bytes = e->up,
		.response_bytes = e->down,
		.duration_us = e->ended_us > e->begun_us ? e->ended_us - e->begun_us : 0,
		.connect_us = e->connect_us,
	};
	if (e->cause == PROXY_FINE)
		ret->ended = stream_how_text(e->how);
	else
		ret->cause = proxy_cause_text(e->cause);
}
