/* The block `stream`: connections that are passed on as they are. */
#include "import/nginx_inner.h"

#include "proto/ip/address.h"

#include <inttypes.h>

enum { IDLE_OF_NGINX_MS = 600 * 1000, IDLE_MOST_MS = 86400 * 1000 };

/* `map $ssl_preread_server_name $name { … }` that gives the variable. */
static struct nginx_directive *map_of(struct nginx_directive *stream, struct span variable)
{
	for (struct nginx_directive *d = nginx_own(stream, "map"); d; d = nginx_same(d))
		if (span_is(nginx_arg(d, 0), "$ssl_preread_server_name") &&
		    span_equal(nginx_arg(d, 1), variable))
			return d;
	return NULL;
}

static void name_put(struct nginx *n, struct nginx_directive *d, struct out_node *sni,
		     struct out_node *body)
{
	struct span name = d->name, pool, to = nginx_arg(d, 0);
	d->used = true;
	if (span_is(name, "hostnames") || span_is(name, "volatile"))
		return;
	if (span_is(name, "include") || (name.len && name.data[0] == '~')) {
		nginx_note(n->s, d, "names are whole, or `*.` and their end");
		return;
	}
	if (!nginx_stream_pass(n, d, to, &pool))
		return;
	if (span_is(name, "default")) {
		out_text(n->s, body, "tcp", pool);
		return;
	}
	bool dot = name.len > 1 && name.data[0] == '.';
	char key[256];
	struct span names[2] = {dot ? span_sub(name, 1, name.len) : name,
				import_format(n->s, "*%.*s", SPAN(name))};
	for (size_t i = 0; i < (dot ? 2u : 1u); i++)
		if (span_to_cstr(names[i], key, sizeof(key)) && names[i].len &&
		    !out_find(sni, key)) {
			struct out_node *one = out_named(n->s, sni, OUT_MAP, names[i]);
			out_text(n->s, one, "to", pool);
		}
}

/* False: it leads nowhere. */
static bool target_put(struct nginx *n, struct nginx_directive *stream,
		       struct nginx_directive *pass, struct out_node *body)
{
	struct span to = nginx_arg(pass, 0), pool;
	struct nginx_directive *map = to.len && to.data[0] == '$' ? map_of(stream, to) : NULL;
	if (!map && to.len && to.data[0] == '$') {
		nginx_note(n->s, pass,
			   "what it names is known only when a connection comes: left out");
		return false;
	}
	if (!map) {
		if (!nginx_stream_pass(n, pass, to, &pool))
			return false;
		out_text(n->s, body, "tcp", pool);
		return true;
	}
	struct out_node *sni = out_map(n->s, NULL, "sni");
	for (struct nginx_directive *d = map->first; d; d = d->next)
		name_put(n, d, sni, body);
	if (sni->first)
		out_share(n->s, out_map(n->s, body, "sni"), sni);
	return sni->first || out_find(body, "tcp");
}

static struct span listen_text(struct nginx *n, struct span text)
{
	uint64_t port;
	if (span_to_u64(text, 65535, &port))
		return import_format(n->s, "0.0.0.0:%.*s", SPAN(text));
	if (text.len && text.data[0] == '*')
		return import_format(n->s, "0.0.0.0%.*s", SPAN(span_sub(text, 1, text.len)));
	return text;
}

/* Where datagrams go: nginx waits ten minutes for the next one unless it is told otherwise. */
static bool datagrams_put(struct nginx *n, struct nginx_directive *server,
			  struct nginx_directive *pass, struct out_node *body)
{
	struct nginx_directive *time = nginx_find(server, "proxy_timeout");
	struct nginx_directive *responses = nginx_find(server, "proxy_responses");
	uint64_t ms = IDLE_OF_NGINX_MS, answers = 0;
	struct span pool;
	if (!nginx_stream_pass(n, pass, nginx_arg(pass, 0), &pool))
		return false;
	if (time && (!nginx_time_ms(nginx_arg(time, 0), &ms) || ms < 10 || ms > IDLE_MOST_MS)) {
		nginx_note(n->s, time, "not carried over: %.*s", SPAN(nginx_arg(time, 0)));
		ms = IDLE_OF_NGINX_MS;
	}
	if (responses && (!span_to_u64(nginx_arg(responses, 0), 65535, &answers) || !answers))
		nginx_note(n->s, responses, "not carried over: sessions end when nothing moves");
	struct out_node *udp = out_map(n->s, body, "udp");
	out_text(n->s, udp, "to", pool);
	if (ms % 1000)
		out_format(n->s, udp, "idle", "%" PRIu64 "ms", ms);
	else
		out_format(n->s, udp, "idle", "%" PRIu64 "s", ms / 1000);
	if (answers)
		out_format(n->s, udp, "answers", "%" PRIu64, answers);
	return true;
}

static void stream_put(struct nginx *n, struct nginx_directive *server, struct out_node *body)
{
	if (nginx_has(nginx_find(server, "proxy_protocol"), "on") && !out_find(body, "udp"))
		out_text(n->s, body, "proxy-header", span_text("v1"));
	out_share(n->s, out_map(n->s, n->streams, ""), body);
}

static void server_put(struct nginx *n, struct nginx_directive *stream,
		       struct nginx_directive *server)
{
	struct nginx_directive *pass = nginx_own(server, "proxy_pass"), *d;
	struct out_node *body = out_map(n->s, NULL, ""), *datagrams = out_map(n->s, NULL, "");
	struct out_node *listen = out_list(n->s, body, "listen"),
			*at_udp = out_list(n->s, datagrams, "listen");
	struct ip_endpoint e;
	for (d = nginx_own(server, "listen"); d; d = nginx_same(d)) {
		struct span at = listen_text(n, nginx_arg(d, 0));
		if (nginx_has(d, "ssl"))
			nginx_note(n->s, d, "TLS does not end at a stream: left out");
		else if (ip_endpoint_parse(at, 0, &e) != OK || e.port == 0)
			nginx_note(n->s, d, "no address with a port: %.*s", SPAN(at));
		else
			out_item(n->s, nginx_has(d, "udp") ? at_udp : listen, at);
	}
	if (!pass)
		nginx_note(n->s, server, "it leads nowhere: left out");
	if (pass && listen->first && target_put(n, stream, pass, body))
		stream_put(n, server, body);
	if (pass && at_udp->first && datagrams_put(n, server, pass, datagrams))
		stream_put(n, server, datagrams);
}

void nginx_streams(struct nginx *n, struct nginx_directive *stream)
{
	nginx_upstreams(n, stream);
	for (struct nginx_directive *d = nginx_own(stream, "server"); d; d = nginx_same(d))
		server_put(n, stream, d);
}
