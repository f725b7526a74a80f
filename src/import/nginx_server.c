/* Servers: where they listen, what they are called, their certificates, and the routes of each
 * under its names and ports. */
#include "import/nginx_inner.h"

#include "base/writer.h"
#include "proto/ip/address.h"
#include "proto/ip/prefix.h"
#include "regex/regex.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- addresses ---- */

struct door {
	struct ip_endpoint at;
	bool tls, proxy_header, h2c;
};

struct doors {
	struct door items[NGINX_PORTS_MAX];
	size_t n;
};

/* 80, *:80, 127.0.0.1, 127.0.0.1:80, [::1]:80, localhost:80 */
static bool endpoint_read(struct span text, struct ip_endpoint *ret)
{
	uint64_t port;
	char buf[64];
	if (span_to_u64(text, 65535, &port)) {
		*ret = (struct ip_endpoint){.address = ip_address_v4(0, 0, 0, 0),
					    .port = (uint16_t)port};
		return port > 0;
	}
	struct writer w = writer_of(buf, sizeof(buf));
	bool star = text.len && text.data[0] == '*';
	bool local = span_equal_nocase(span_sub(text, 0, 9), span_text("localhost"));
	write_text(&w, star ? "0.0.0.0" : local ? "127.0.0.1" : "");
	write_span(&w, span_sub(text, star ? 1 : local ? 9 : 0, text.len));
	if (ip_endpoint_parse(writer_span(&w), 80, ret) == OK)
		return ret->port > 0;
	struct span bare =
		text.len > 2 && text.data[0] == '[' ? span_sub(text, 1, text.len - 2) : text;
	ret->port = 80;
	return ip_address_parse(bare, &ret->address) == OK;
}

static struct nginx_port *port_of(struct nginx *n, uint16_t port)
{
	for (size_t i = 0; i < n->ports_n; i++)
		if (n->ports[i].port == port)
			return &n->ports[i];
	if (n->ports_n == NGINX_PORTS_MAX)
		return NULL;
	n->ports[n->ports_n] = (struct nginx_port){.port = port};
	return &n->ports[n->ports_n++];
}

static void door_add(struct nginx *n, struct nginx_server *server, struct nginx_directive *d,
		     const struct ip_endpoint *at, struct doors *doors)
{
	size_t i = 0;
	while (i < doors->n && !ip_endpoint_equal(&doors->items[i].at, at))
		i++;
	struct nginx_port *port = port_of(n, at->port);
	if (i == NGINX_PORTS_MAX || !port) {
		nginx_note(n->s, d, "too many addresses: this one is left out");
		return;
	}
	if (i == doors->n)
		doors->items[doors->n++] = (struct door){.at = *at};
	struct door *door = &doors->items[i];
	door->tls = door->tls || nginx_has(d, "ssl");
	door->proxy_header = door->proxy_header || nginx_has(d, "proxy_protocol");
	door->h2c = door->h2c || nginx_has(d, "http2");
	server->port_of[port - n->ports] = true;
	bool chosen = nginx_has(d, "default_server") || nginx_has(d, "default");
	if (!port->first || (chosen && !port->chosen)) {
		port->first = server;
		port->chosen = chosen;
	}
}

static void listen_read(struct nginx *n, struct nginx_server *server, struct doors *doors)
{
	struct nginx_directive *d = nginx_own(server->at, "listen");
	struct ip_endpoint e = {.address = ip_address_v4(0, 0, 0, 0), .port = 80};
	if (!d)
		door_add(n, server, server->at, &e, doors);
	for (; d; d = nginx_same(d)) {
		struct span text = nginx_arg(d, 0);
		if (nginx_has(d, "quic"))
			nginx_note(n->s, d, "there is no HTTP/3: left out");
		else if (!endpoint_read(text, &e))
			nginx_note(n->s, d, "no address with a port to listen on: %.*s",
				   SPAN(text));
		else
			door_add(n, server, d, &e, doors);
	}
	bool http2 = span_is(nginx_arg(nginx_find(server->at, "http2"), 0), "on");
	for (size_t i = 0; http2 && i < doors->n; i++)
		if (server->port_of[port_of(n, doors->items[i].at.port) - n->ports])
			doors->items[i].h2c = true;
}

/* nginx tells servers apart by the whole address, we by the port. */
static void note_addresses(struct nginx *n, const struct doors *doors)
{
	for (size_t i = 0; i < doors->n; i++)
		for (size_t k = 0; k < i; k++)
			if (doors->items[i].at.port == doors->items[k].at.port &&
			    doors->items[i].at.address.family ==
				    doors->items[k].at.address.family) {
				nginx_note(n->s, n->servers->at,
					   "servers are told apart by their names and ports, not "
					   "by the "
					   "addresses of port %u",
					   doors->items[i].at.port);
				return;
			}
}

/* Whom to believe. */
static void trusted_put(struct nginx *n, struct out_node *list)
{
	struct nginx_directive *d = nginx_own(n->http, "set_real_ip_from");
	for (; d; d = nginx_same(d)) {
		struct ip_prefix prefix;
		char text[IP_PREFIX_TEXT_MAX];
		if (ip_prefix_parse_masked(nginx_arg(d, 0), &prefix) == OK) {
			(void)ip_prefix_format(&prefix, text);
			out_item(n->s, list, span_text(text));
		} else {
			nginx_note(n->s, d, "no network: %.*s", SPAN(nginx_arg(d, 0)));
		}
	}
}

static void doors_write(struct nginx *n, const struct doors *doors)
{
	struct out_node *all = out_list(n->s, n->out, "listen");
	bool done[NGINX_PORTS_MAX] = {false};
	bool real = nginx_own(n->http, "set_real_ip_from") != NULL;
	for (size_t i = 0; i < doors->n; i++) {
		const struct door *a = &doors->items[i];
		if (done[i])
			continue;
		struct out_node *one = out_map(n->s, all, "");
		struct out_node *list = out_list(n->s, one, "address");
		for (size_t k = i; k < doors->n; k++) {
			const struct door *b = &doors->items[k];
			char text[IP_ENDPOINT_TEXT_MAX];
			if (done[k] || a->tls != b->tls || a->proxy_header != b->proxy_header ||
			    a->h2c != b->h2c)
				continue;
			done[k] = true;
			(void)ip_endpoint_format(&b->at, text);
			out_item(n->s, list, span_text(text));
		}
		if (a->tls)
			out_text(n->s, one, "tls", span_text("yes"));
		else if (a->h2c)
			out_text(n->s, one, "h2c", span_text("yes"));
		if (!a->proxy_header)
			continue;
		struct out_node *from = out_list(n->s, one, "proxy-header");
		trusted_put(n, from);
		if (!real) {
			out_item(n->s, from, span_text("0.0.0.0/0"));
			out_item(n->s, from, span_text("::/0"));
		}
	}
}

/* ---- names ---- */

static void name_read(struct nginx *n, struct nginx_server *server, struct nginx_directive *d,
		      struct span name)
{
	uint8_t buf[300];
	struct writer w = writer_of(buf, sizeof(buf));
	AUTO(regex_free) struct regex *regex = NULL;
	if (name.len == 0 || name.len > 250 || span_is(name, "_"))
		return;
	if (name.data[0] == '~') {
		if (regex_new(span_sub(name, 1, name.len), &regex, NULL) != OK) {
			nginx_note(n->s, d, "no regular expression: %.*s", SPAN(name));
			return;
		}
		out_item(n->s, server->hosts,
			 import_format(n->s, "~(?i)%.*s", SPAN(span_sub(name, 1, name.len))));
		return;
	}
	for (size_t i = 0; i < name.len; i++)
		write_u8(&w, name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] | 0x20
									: name.data[i]);
	struct span low = writer_span(&w);
	if (low.len > 2 && low.data[low.len - 1] == '*' && low.data[low.len - 2] == '.') {
		uint8_t text[700];
		struct writer t = writer_of(text, sizeof(text));
		write_text(&t, "~^");
		nginx_quote(&t, span_sub(low, 0, low.len - 1));
		write_text(&t, ".");
		out_item(n->s, server->hosts, writer_span(&t));
		return;
	}
	bool dot = low.data[0] == '.';
	struct span bare = dot ? span_sub(low, 1, low.len) : low;
	bool star = bare.len > 2 && bare.data[0] == '*' && bare.data[1] == '.';
	struct span host = star ? span_sub(bare, 2, bare.len) : bare;
	bool good = host.len > 0 && host.data[0] != '.' && host.data[host.len - 1] != '.';
	for (size_t i = 0; i < host.len; i++) {
		uint8_t c = host.data[i];
		good = good &&
		       ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			(c && strchr("-_.", c) && !(c == '.' && i && host.data[i - 1] == '.')));
	}
	if (!good) {
		nginx_note(n->s, d, "no name of a host: %.*s", SPAN(name));
		return;
	}
	out_item(n->s, server->hosts, bare);
	if (dot)
		out_item(n->s, server->hosts, import_format(n->s, "*.%.*s", SPAN(bare)));
}

/* ---- certificates ---- */

static struct span absolute(struct nginx *n, struct span path)
{
	return path.len && path.data[0] == '/' ? path
					       : import_format(n->s, "/etc/nginx/%.*s", SPAN(path));
}

static void certificates(struct nginx *n, const struct nginx_server *server)
{
	struct nginx_directive *d = nginx_find(server->at, "ssl_certificate");
	struct nginx_directive *key = nginx_find(server->at, "ssl_certificate_key");
	for (; d && key; d = nginx_same(d), key = nginx_same(key)) {
		struct span chain = absolute(n, nginx_arg(d, 0));
		bool there = false;
		for (const struct out_node *c = n->certificates->first; c; c = c->next)
			there = there || out_is(c, "chain", chain);
		if (there)
			continue;
		if (span_find(chain, '$') < chain.len || span_find(chain, ':') < chain.len) {
			nginx_note(n->s, d, "no file: %.*s", SPAN(chain));
			continue;
		}
		struct out_node *one = out_map(n->s, n->certificates, "");
		out_text(n->s, one, "chain", chain);
		out_text(n->s, one, "key", absolute(n, nginx_arg(key, 0)));
	}
	d = nginx_find(server->at, "ssl_protocols");
	for (size_t i = 0; d && i < d->args_n; i++)
		if (!span_is(d->args[i], "TLSv1.2") && !span_is(d->args[i], "TLSv1.3"))
			nginx_note(n->s, d, "%.*s is not spoken", SPAN(d->args[i]));
	if (d && (!nginx_has(d, "TLSv1.2") || !nginx_has(d, "TLSv1.3")))
		nginx_note(n->s, d, "TLS 1.2 and 1.3 are both spoken");
}

/* ---- under names and ports ---- */

/* The routes of a server, for these hosts (NULL: any) and ports. */
static void face_write(struct nginx *n, const struct nginx_route *routes,
		       const struct out_node *hosts, const bool *ports, bool ports_count)
{
	for (const struct nginx_route *r = routes; r; r = r->next) {
		struct out_node *one = out_map(n->s, n->routes, "");
		if (hosts && hosts->first)
			out_share(n->s, out_list(n->s, one, "host"), hosts);
		if (r->paths->first)
			out_share(n->s, out_list(n->s, one, "path"), r->paths);
		struct out_node *list = ports_count ? out_list(n->s, one, "port") : NULL;
		char text[8];
		for (size_t i = 0; list && i < n->ports_n; i++)
			if (ports[i]) {
				(void)snprintf(text, sizeof(text), "%u", n->ports[i].port);
				out_item(n->s, list, span_text(text));
			}
		out_share(n->s, one, r->body);
	}
}

/* `if ($host = NAME) { return …; }`, as certbot writes it: that name has a route of its own. Of all
 * other conditions a note says that they have none. */
static void hosts_apart(struct nginx *n, struct nginx_server *server, bool ports_count)
{
	for (struct nginx_directive *d = nginx_own(server->at, "if"); d; d = nginx_same(d)) {
		struct nginx_directive *end = nginx_own(d, "return");
		struct span name = nginx_arg(d, 2);
		bool known = d->args_n == 3 && span_is(nginx_arg(d, 0), "($host") &&
			     span_is(nginx_arg(d, 1), "=") && end && d->first == end &&
			     !end->next && name.len > 1;
		name.len -= known;
		struct out_node *left = out_list(n->s, NULL, "host"),
				*alone = out_list(n->s, NULL, "host");
		struct nginx_route route = {.paths = out_list(n->s, NULL, "path"),
					    .body = out_map(n->s, NULL, "")};
		const struct out_node *h = known && server->hosts ? server->hosts->first : NULL;
		for (; h; h = h->next)
			out_item(n->s, span_equal(h->text, name) ? alone : left, h->text);
		if (!alone->first) {
			nginx_note_condition(n, d);
			continue;
		}
		nginx_return(n, end, NULL, route.body);
		face_write(n, &route, alone, server->port_of, ports_count);
		server->hosts = left->first ? left : NULL;
	}
}

static void server_write(struct nginx *n, struct nginx_server *server)
{
	bool defaults[NGINX_PORTS_MAX] = {false}, others[NGINX_PORTS_MAX] = {false};
	size_t defaults_n = 0, others_n = 0, all = 0;
	for (size_t i = 0; i < n->ports_n; i++) {
		if (!server->port_of[i])
			continue;
		all++;
		bool first = n->ports[i].first == server;
		*(first ? &defaults[i] : &others[i]) = true;
		*(first ? &defaults_n : &others_n) += 1;
	}
	bool ports_count = all < n->ports_n || (defaults_n && others_n);
	hosts_apart(n, server, ports_count);
	struct out_node *names = server->hosts, *any = out_list(n->s, NULL, "host");
	if (names)
		out_share(n->s, any, names);
	if (any->first)
		out_item(n->s, any, span_text("*"));
	nginx_routes(n, server);
	if (defaults_n)
		face_write(n, server->routes, any, defaults, ports_count);
	if (others_n && names && names->first)
		face_write(n, server->routes, names, others, ports_count);
	else if (others_n && !defaults_n && names)
		nginx_note(n->s, server->at,
			   "no host is this server's, nor is it the first of its port: "
			   "it is left out");
}

/* ---- all ---- */

static void section_writes(struct nginx *n)
{
	static const struct {
		const char *theirs, *ours;
	} times[] = {{"keepalive_timeout", "idle"},
		     {"client_header_timeout", "head"},
		     {"client_body_timeout", "client-body"},
		     {"send_timeout", "client-read"},
		     {"proxy_connect_timeout", "connect"}};
	struct out_node *timeouts = out_map(n->s, NULL, "timeouts");
	uint64_t ms;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct nginx_directive *d = nginx_own(n->http, times[i].theirs);
		if (d && nginx_time_ms(nginx_arg(d, 0), &ms) && ms <= 86400000)
			out_format(n->s, timeouts, times[i].ours, "%" PRIu64 "ms", ms);
	}
	if (timeouts->first)
		out_share(n->s, out_map(n->s, n->out, "timeouts"), timeouts);
	struct nginx_directive *d = nginx_own(n->http, "access_log");
	if (d && !span_is(nginx_arg(d, 0), "off")) {
		out_text(n->s, n->out, "access-log", span_text("combined"));
		if (d->args_n > 1 && !span_is(nginx_arg(d, 1), "combined"))
			nginx_note(n->s, d,
				   "the format is `combined`; `json` has all that is known");
	}
	if (nginx_own(n->http, "set_real_ip_from"))
		trusted_put(n, out_list(n->s, n->out, "trusted"));
	struct nginx_directive *resolver = n->named ? nginx_find(n->http, "resolver") : NULL;
	struct out_node *list = resolver ? out_list(n->s, NULL, "resolver") : NULL;
	for (size_t i = 0; resolver && i < resolver->args_n; i++) {
		struct ip_endpoint e;
		if (ip_endpoint_parse(resolver->args[i], 53, &e) == OK)
			out_item(n->s, list, resolver->args[i]);
	}
	if (list && list->first)
		out_share(n->s, out_list(n->s, n->out, "resolver"), list);
}

static void servers_read(struct nginx *n, struct doors *doors)
{
	for (struct nginx_directive *d = nginx_own(n->http, "server"); d; d = nginx_same(d)) {
		if (n->servers_n == NGINX_SERVERS_MAX || n->s->failed) {
			nginx_note(n->s, d, "there are too many servers: left out");
			continue;
		}
		struct nginx_server *server = IMPORT_NEW(n->s, struct nginx_server);
		server->at = d;
		server->hosts = out_list(n->s, NULL, "host");
		if (n->s->failed)
			return;
		n->servers_n++;
		if (n->servers_last)
			n->servers_last->next = server;
		else
			n->servers = server;
		n->servers_last = server;
		listen_read(n, server, doors);
		for (struct nginx_directive *name = nginx_own(d, "server_name"); name;
		     name = nginx_same(name))
			for (size_t i = 0; i < name->args_n; i++)
				name_read(n, server, name, name->args[i]);
		certificates(n, server);
	}
}

/* The limit of most places is the section's, and is not written at each. */
static void limits_write(struct nginx *n)
{
	char text[32];
	struct out_node *limits = out_find(n->out, "limits");
	if (!n->body_most || n->body_most == UINT64_MAX)
		return;
	(void)snprintf(text, sizeof(text), "%" PRIu64, n->body_most);
	if (!limits)
		limits = out_map(n->s, n->out, "limits");
	out_text(n->s, limits, "body", span_text(text));
	for (struct out_node *r = n->routes->first; r; r = r->next) {
		const struct out_node *max = out_find(r, "body-max");
		if (max && span_is(max->text, text))
			(void)out_take(r, "body-max");
	}
}

/* Pages that many places share are the section's; a place without any says so then. */
static void errors_write(struct nginx *n)
{
	const struct out_node *shared = NULL;
	size_t same = 0, others = 0;
	for (const struct out_node *r = n->routes->first; r; r = r->next) {
		const struct out_node *errors = out_find(r, "errors");
		shared = shared ? shared : errors;
		*(errors && out_equal(errors, shared) ? &same : &others) += 1;
	}
	if (same < 2 || same < others)
		return;
	out_share(n->s, out_map(n->s, n->out, "errors"), shared);
	for (struct out_node *r = n->routes->first; r; r = r->next) {
		const struct out_node *errors = out_find(r, "errors");
		if (errors && out_equal(errors, shared))
			(void)out_take(r, "errors");
		else if (!errors)
			(void)out_named(n->s, r, OUT_NOTHING, span_text("errors"));
	}
}

void nginx_servers(struct nginx *n)
{
	static const struct doors none;
	struct doors doors = none;
	servers_read(n, &doors);
	if (!n->servers)
		return;
	note_addresses(n, &doors);
	doors_write(n, &doors);
	for (struct nginx_server *s = n->servers; s && !n->s->failed; s = s->next) {
		nginx_places(n, s);
		server_write(n, s);
		nginx_places_done(s);
	}
	limits_write(n);
	errors_write(n);
	section_writes(n);
}
