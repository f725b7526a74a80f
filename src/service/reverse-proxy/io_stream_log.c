#include "service/reverse-proxy/io_stream_log.h"

#include "os/clock.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/io_worker.h"
#include "service/reverse-proxy/stream_end.h"

bool reverse_stream_is_logged(const struct reverse_view *v)
{
	return v->snapshot->site->conf->access_log.format != ACCESS_LOG_OFF;
}

void reverse_stream_log(const struct reverse_view *v, struct stream_end *e)
{
	const struct access_log_conf *conf = &v->snapshot->site->conf->access_log;
	struct access_out *out = v->worker->access;
	char at[IP_ENDPOINT_TEXT_MAX];
	struct access_line l;
	struct writer w;
	if (!reverse_stream_is_logged(v) || !access_out_begin(out, ACCESS_LINE_MAX, &w))
		return;
	e->ended_us = loop_now_us(&v->worker->loop);
	stream_end_line(e, at, &l);
	l.time_ms = clock_wall_ms() - l.duration_us / 1000;
	access_line_write(&l, conf->format == ACCESS_LOG_JSON ? ACCESS_JSON : ACCESS_COMBINED,
			  conf->clients, &w);
	access_out_end(out, &w);
}
