#include "service/reverse-proxy/route/request.h"

#include "base/decimal.h"
#include "base/writer.h"
#include "proto/http/forwarded.h"
#include "proto/http/uri.h"
#include "proxy/exchange.h"
#include "proxy/face.h"
#include "service/reverse-proxy/route/client_certificate.h"

/* What a written text may be long: a path, a field's value. */
enum { TEXT_MAX = 4096 };

/* ---- reading ---- */

bool route_head_field(const void *head, struct span name, size_t *at, struct span *ret_value)
{
	const struct proxy_head *h = head;
	uint16_t id = http_field_id(name);
	for (; *at < h->fields_n; (*at)++) {
		const struct http_field *f = &h->fields[*at];
		if (f->id != id || (id == HTTP_FIELD_OTHER && !span_equal_nocase(f->name, name)))
			continue;
		*ret_value = f->value;
		(*at)++;
		return true;
	}
	return false;
}

static bool is_trusted(const struct route_trust *trust, const struct ip_address *a)
{
	for (size_t i = 0; i < trust->n; i++)
		if (ip_prefix_contains(&trust->prefixes[i], a))
			return true;
	return false;
}

/* One hop further from us: node is who spoke to the one known so far. False: that one is the
 * client, as far as anybody can tell. */
static bool step_back(const struct route_trust *trust, struct span node, struct ip_endpoint *client)
{
	struct ip_endpoint e;
	if (!is_trusted(trust, &client->address) || forwarded_node_read(node, &e) != OK)
		return false;
	e.address = ip_address_unmap(&e.address);
	*client = e;
	return true;
}

/* The values of all fields of that name, the last one first, joined by nobody: RFC 9110 5.3. */
static size_t values_of(const struct proxy_head *h, uint16_t id, struct span *ret, size_t max)
{
	size_t n = 0;
	for (size_t i = h->fields_n; i-- > 0 && n < max;)
		if (h->fields[i].id == id)
			ret[n++] = h->fields[i].value;
	return n;
}

/* Of a Forwarded field that is malformed nothing is believed. */
static void believe_forwarded(struct route_request *r, const struct route_trust *trust,
			      struct span *fields, size_t n)
{
	bool goes_on = true;
	for (size_t i = 0; i < n && goes_on; i++) {
		struct forwarded_element e[FORWARDED_ELEMENTS_MAX];
		size_t elements;
		if (forwarded_read(fields[i], e, &elements) != OK)
			return;
		while (elements-- > 0 && goes_on) {
			goes_on = step_back(trust, e[elements].client, &r->values.client);
			bool https = span_equal_nocase(e[elements].proto, span_text("https"));
			if (goes_on && e[elements].proto.len)
				r->values.scheme = span_text(https ? "https" : "http");
		}
	}
}

static void believe_x_forwarded(struct route_request *r, const struct route_trust *trust,
				const struct proxy_head *h)
{
	struct span fields[8], item, proto;
	size_t n = values_of(h, HTTP_FIELD_X_FORWARDED_FOR, fields, 8);
	bool goes_on = true;
	for (size_t i = 0; i < n && goes_on; i++)
		while (goes_on && forwarded_item_before(&fields[i], &item))
			goes_on = step_back(trust, item, &r->values.client);
	if (values_of(h, HTTP_FIELD_X_FORWARDED_PROTO, &proto, 1)) {
		bool https = span_equal_nocase(span_trim(proto), span_text("https"));
		r->values.scheme = span_text(https ? "https" : "http");
	}
}

static void believe(struct route_request *r, const struct proxy_exchange *x,
		    const struct route_trust *trust)
{
	struct span fields[8];
	r->values.client = x->connection->peer;
	r->values.client.address = ip_address_unmap(&r->values.client.address);
	r->values.scheme = span_text(x->connection->tls ? "https" : "http");
	r->peer_trusted = is_trusted(trust, &r->values.client.address);
	if (!r->peer_trusted)
		return;
	size_t n = values_of(&x->request, HTTP_FIELD_FORWARDED, fields, 8);
	if (n)
		believe_forwarded(r, trust, fields, n);
	else
		believe_x_forwarded(r, trust, &x->request);
}

/* Room for a text in the exchange's storage; give back what was not used by nobody: it goes with
 * the exchange. */
static struct writer room_of(struct proxy_exchange *x, size_t size)
{
	void *at = proxy_exchange_alloc(x, size);
	return writer_of(at, at ? size : 0);
}

static enum err split_target(struct route_request *r, struct proxy_exchange *x)
{
	struct span target = x->request.path;
	r->facts.path = target;
	if (target.len == 0 || target.data[0] != '/')
		return OK; /* "*", CONNECT */
	size_t mark = span_find(target, '?');
	r->facts.query = span_sub(target, mark + 1, target.len);
	struct span path = span_sub(target, 0, mark);
	struct writer none = {0};
	/* Most paths are in normal form, and take no room. */
	enum err e = uri_path_normal(path, 0, &none, &r->facts.path);
	if (e == OK || path.len > TEXT_MAX)
		return e;
	struct writer w = room_of(x, path.len);
	return uri_path_normal(path, 0, &w, &r->facts.path);
}

static enum err split_host(struct route_request *r, struct proxy_exchange *x)
{
	struct span host = x->request.authority;
	if (host.len == 0)
		return x->request.version == 10 ? OK : ERR_FORMAT;
	if (host.len > ROUTE_HOST_MAX + 7)
		return ERR_FORMAT;
	struct writer none = {0};
	enum err e = uri_host_normal(host, &none, &r->facts.host, &r->host_port);
	if (e != ERR_LIMIT)
		return e;
	struct writer w = room_of(x, host.len);
	return uri_host_normal(host, &w, &r->facts.host, &r->host_port);
}

unsigned route_request_read(struct route_request *r, struct proxy_exchange *x,
			    const struct route_trust *trust, const char id[ROUTE_REQUEST_ID_LEN])
{
	const struct proxy_tls_facts *tls = x->connection->tls;
	*r = (struct route_request){.facts = {.method = x->request.method,
					      .field = route_head_field,
					      .head = &x->request}};
	enum err e = split_target(r, x);
	if (!e)
		e = split_host(r, x);
	if (e)
		return e == ERR_LIMIT ? 500 : 400;
	believe(r, x, trust);
	if (client_certificate_tell(&x->request, tls, r->peer_trusted))
		return 500;
	memcpy(r->id, id, sizeof(r->id));
	r->facts.client = r->values.client.address;
	r->facts.port = x->connection->local.port;
	r->facts.secure = span_is(r->values.scheme, "https");
	r->values.host = x->request.authority;
	r->values.method = x->request.method;
	r->values.path = r->facts.path;
	r->values.query = r->facts.query;
	if (tls) {
		r->values.tls = tls->version;
		r->values.client_certificate = tls->client_subject;
	}
	r->values.id = span_of(r->id, sizeof(r->id));
	r->values.found = &r->found;
	return 0;
}

/* ---- what the server gets ---- */

/* The text of t in the exchange's storage; empty with ERR_LIMIT when there is no room. */
static enum err text_store(struct proxy_exchange *x, const struct edit_text *t,
			   const struct edit_values *v, struct span *ret)
{
	uint8_t buf[TEXT_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	edit_text_write(t, v, &w);
	TRY(writer_check(&w));
	struct span s = proxy_exchange_store(x, writer_span(&w));
	if (w.pos && !s.data)
		return ERR_LIMIT;
	*ret = s;
	return OK;
}

static enum err edits_apply(struct proxy_exchange *x, struct proxy_head *head,
			    const struct edit_list *edits, const struct edit_values *v)
{
	for (size_t i = 0; edits && i < edits->n; i++) {
		const struct edit *e = &edits->items[i];
		struct span name = span_text(e->name), value;
		if (e->kind == EDIT_REMOVE) {
			(void)proxy_head_remove_name(head, name);
			continue;
		}
		TRY(text_store(x, &e->value, v, &value));
		TRY(e->kind == EDIT_SET ? proxy_head_set(head, name, value)
					: proxy_head_add(head, name, value));
	}
	return OK;
}

/* The path for the server, without its query. */
static enum err rewrite_path(const struct route_request *r, struct proxy_exchange *x,
			     struct writer *w)
{
	const struct route_rewrite *rw = &r->found.route->rewrite;
	struct span path = r->facts.path;
	if (rw->path) {
		struct span text;
		TRY(text_store(x, rw->path, &r->values, &text));
		struct writer again = room_of(x, text.len + 1);
		/* A capture may bring what makes dot segments: "/v/{x}" with "..". */
		TRY(uri_path_normal(text, 0, &again, &path));
	}
	struct span strip = span_text(rw->strip ? rw->strip : "");
	while (strip.len && strip.data[strip.len - 1] == '/')
		strip.len--;
	if (strip.len && path.len >= strip.len && span_equal(span_sub(path, 0, strip.len), strip) &&
	    (path.len == strip.len || path.data[strip.len] == '/'))
		path = span_sub(path, strip.len, path.len);
	struct span add = span_text(rw->add ? rw->add : "");
	while (add.len && add.data[add.len - 1] == '/')
		add.len--;
	write_span(w, add);
	if (path.len == 0)
		write_u8(w, '/');
	write_span(w, path);
	return OK;
}

enum err route_request_path(const struct route_request *r, struct proxy_exchange *x,
			    struct span *ret)
{
	const struct route_rewrite *rw = &r->found.route->rewrite;
	if (!rw->path && !rw->strip && !rw->add) {
		*ret = r->facts.path;
		return ret->len && ret->data[0] == '/' ? OK : ERR_FORMAT;
	}
	struct writer w = room_of(x, TEXT_MAX);
	TRY(rewrite_path(r, x, &w));
	TRY(writer_check(&w));
	*ret = writer_span(&w);
	return OK;
}

/* With its question mark. A "&" before {query} stands there for nothing when there was none. */
static void write_query(const struct route_request *r, struct span target, struct writer *w)
{
	const struct edit_text *text = r->found.route->rewrite.query;
	if (!text && (r->facts.path.len >= target.len || span_find(target, '?') == target.len))
		return;
	size_t mark = w->pos;
	write_u8(w, '?');
	if (!text) {
		write_span(w, r->facts.query);
		return;
	}
	edit_text_write(text, &r->values, w);
	while (w->pos > mark + 1 && w->data[w->pos - 1] == '&')
		w->pos--;
	if (w->pos == mark + 1)
		w->pos = mark;
}

static enum err write_target(const struct route_request *r, struct proxy_exchange *x)
{
	const struct route_rewrite *rw = &r->found.route->rewrite;
	struct span target = x->request.path;
	bool plain = !rw->path && !rw->strip && !rw->add && !rw->query;
	size_t path_len = target.len - r->facts.query.len;
	/* As received, "?" included: nothing to do. */
	if (target.len == 0 || target.data[0] != '/' ||
	    (plain && r->facts.path.data == target.data && r->facts.path.len <= path_len))
		return OK;
	/* The query that came is mostly part of the one that is written. */
	size_t size = TEXT_MAX + r->facts.query.len + 1;
	size += rw->query ? (size_t)TEXT_MAX : 0;
	struct writer w = room_of(x, size);
	TRY(rewrite_path(r, x, &w));
	write_query(r, target, &w);
	TRY(writer_check(&w));
	x->request.path = writer_span(&w);
	return OK;
}

/* Fields by which servers learn of the client without asking who wrote them. With "_" for "-" too:
 * CGI and its kin take the two for one name. */
bool route_request_is_claim(struct span name)
{
	static const char *const claims[] = {"forwarded",      "x-real-ip",	  "x-request-id",
					     "x-original-url", "x-original-host", "x-rewrite-url",
					     "x-client-ip",    "true-client-ip"};
	char low[20] = "";
	size_t n = name.len < sizeof(low) - 1 ? name.len : sizeof(low) - 1;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = name.data[i];
		low[i] = c == '_' ? '-' : (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	if (strncmp(low, "x-forwarded-", 12) == 0)
		return true;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		if (name.len == n && strcmp(low, claims[i]) == 0)
			return true;
	return false;
}

/* What of those came from whom we believe. */
struct claims {
	struct span chain[8], forwarded[8]; /* X-Forwarded-For, Forwarded */
	size_t chain_n, forwarded_n;
	bool host, port; /* X-Forwarded-Host, -Port: they stay */
};

/* True: the field stays. */
static bool sort_claim(const struct http_field *f, bool trusted, struct claims *c)
{
	bool underscore = memchr(f->name.data, '_', f->name.len) != NULL;
	if (!trusted || underscore)
		return false;
	switch (f->id) {
	case HTTP_FIELD_X_FORWARDED_FOR:
		if (c->chain_n < 8)
			c->chain[c->chain_n++] = f->value;
		return false;
	case HTTP_FIELD_FORWARDED:
		if (c->forwarded_n < 8)
			c->forwarded[c->forwarded_n++] = f->value;
		return false;
	case HTTP_FIELD_X_FORWARDED_HOST: c->host = true; return true;
	case HTTP_FIELD_X_FORWARDED_PROTO:
	case HTTP_FIELD_X_REAL_IP:
	case HTTP_FIELD_X_REQUEST_ID: return false;
	default:
		c->port = c->port || span_equal_nocase(f->name, span_text("x-forwarded-port"));
		return true;
	}
}

/* One pass: takes out all that we write ourselves, and what nobody may claim. */
static void sort_claims(struct proxy_head *h, bool trusted, struct claims *ret)
{
	size_t kept = 0;
	*ret = (struct claims){0};
	for (size_t i = 0; i < h->fields_n; i++) {
		const struct http_field *f = &h->fields[i];
		uint8_t first = f->name.len ? f->name.data[0] | 0x20 : 0;
		bool may_be = first == 'x' || first == 'f' || first == 't';
		if (may_be && route_request_is_claim(f->name) && !sort_claim(f, trusted, ret))
			continue;
		h->fields[kept++] = h->fields[i];
	}
	h->fields_n = (uint16_t)kept;
}

/* What came, then ours, in one field. */
static void chain_write(struct writer *w, const struct span *came, size_t n)
{
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += came[i].len + 2;
	if (sum > TEXT_MAX)
		return; /* so many hops are no honest chain: it begins anew */
	for (size_t i = 0; i < n; i++) {
		if (came[i].len == 0)
			continue;
		write_span(w, came[i]);
		write_text(w, ", ");
	}
}

/* The values are ours, or parts of a head that was checked: nothing in them tears a message. */
static enum err push(struct proxy_head *h, uint16_t id, const char *name, struct span value)
{
	if (h->fields_n == PROXY_FIELDS_MAX)
		return ERR_LIMIT;
	h->fields[h->fields_n++] = (struct http_field){span_text(name), value, id};
	return OK;
}

/* What was written since from. */
static struct span since(const struct writer *w, size_t from)
{
	return span_of(w->data + from, w->pos - from);
}

static size_t claims_len(const struct claims *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->chain_n; i++)
		n += c->chain[i].len + 2;
	for (size_t i = 0; i < c->forwarded_n; i++)
		n += c->forwarded[i].len + 2;
	return n;
}

static enum err write_forwarded(const struct route_request *r, struct proxy_exchange *x)
{
	struct ip_address peer = ip_address_unmap(&x->connection->peer.address);
	struct proxy_head *h = &x->request;
	struct claims c;
	sort_claims(h, r->peer_trusted, &c);
	enum { FIXED = 5 * IP_ADDRESS_TEXT_MAX + 64 };
	struct writer w = room_of(x, FIXED + 2 * h->authority.len + claims_len(&c));
	size_t at = w.pos;
	chain_write(&w, c.chain, c.chain_n);
	size_t own = w.pos;
	ip_address_write(&w, &peer);
	struct span address = since(&w, own), chain = since(&w, at);
	at = w.pos;
	chain_write(&w, c.forwarded, c.forwarded_n);
	forwarded_write(&w, &peer, h->authority, span_text(x->connection->tls ? "https" : "http"),
			NULL);
	struct span forwarded = since(&w, at);
	at = w.pos;
	if (r->peer_trusted)
		ip_address_write(&w, &r->values.client.address);
	struct span real = r->peer_trusted ? since(&w, at) : address;
	at = w.pos;
	write_decimal(&w, x->connection->local.port);
	struct span port = since(&w, at);
	TRY(writer_check(&w));
	TRY(push(h, HTTP_FIELD_FORWARDED, "forwarded", forwarded));
	TRY(push(h, HTTP_FIELD_X_FORWARDED_FOR, "x-forwarded-for", chain));
	TRY(push(h, HTTP_FIELD_X_FORWARDED_PROTO, "x-forwarded-proto", r->values.scheme));
	if (!c.host && h->authority.len)
		TRY(push(h, HTTP_FIELD_X_FORWARDED_HOST, "x-forwarded-host", h->authority));
	if (!c.port)
		TRY(push(h, HTTP_FIELD_OTHER, "x-forwarded-port", port));
	TRY(push(h, HTTP_FIELD_X_REAL_IP, "x-real-ip", real));
	return push(h, HTTP_FIELD_X_REQUEST_ID, "x-request-id", r->values.id);
}

static enum err forward(struct route_request *r, struct proxy_exchange *x, struct span server)
{
	const struct route *route = r->found.route;
	r->values.server = server;
	TRY(write_target(r, x));
	TRY(write_forwarded(r, x));
	TRY(edits_apply(x, &x->request, route->request_edits, &r->values));
	struct span host;
	if (route->rewrite.host) {
		TRY(text_store(x, route->rewrite.host, &r->values, &host));
		x->request.authority = host;
	}
	return OK;
}

static unsigned status_of(enum err e)
{
	return e == OK ? 0 : e == ERR_FORMAT || e == ERR_REFUSED ? 400 : 500;
}

unsigned route_request_forward(struct route_request *r, struct proxy_exchange *x,
			       struct span server)
{
	return status_of(forward(r, x, server));
}

/* ---- what the proxy itself answers ---- */

/* scheme://host of the request, with the port of `scheme`: none. */
static void write_origin(struct writer *w, const struct route_request *r, const char *scheme)
{
	write_text(w, scheme);
	write_text(w, "://");
	write_span(w, r->facts.host);
}

static enum err write_location(const struct route_request *r, struct writer *w)
{
	const struct route_redirect *to = &r->found.route->redirect;
	if (to->to) {
		edit_text_write(to->to, &r->values, w);
		/* "?a=1&{query}" of a request without a query. */
		w->pos -= w->pos && w->data[w->pos - 1] == '&';
	} else
		write_origin(w, r, "https");
	if (!to->to || to->keep_path)
		write_span(w, r->facts.path.data && r->facts.path.data[0] == '/' ? r->facts.path
										 : span_text("/"));
	if (to->keep_query && r->facts.query.len) {
		write_u8(w, '?');
		write_span(w, r->facts.query);
	}
	TRY(writer_check(w));
	/* "//host" as a path would lead elsewhere: an open redirect. */
	struct span s = writer_span(w);
	bool away = s.len > 1 && s.data[0] == '/' && (s.data[1] == '/' || s.data[1] == '\\');
	return away ? ERR_REFUSED : OK;
}

static enum err redirect(struct route_request *r, struct proxy_exchange *x)
{
	uint8_t buf[TEXT_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	/* HTTP/1.0 without a host: there is no address that https would stand for. */
	if (!r->found.route->redirect.to && r->facts.host.len == 0)
		return ERR_FORMAT;
	TRY(write_location(r, &w));
	struct span location = proxy_exchange_store(x, writer_span(&w));
	if (!location.data)
		return ERR_LIMIT;
	x->response.status = r->found.route->redirect.status;
	return proxy_head_set(&x->response, span_text("location"), location);
}

static enum err answer(const struct route_request *r, struct proxy_exchange *x,
		       struct proxy_verdict *ret)
{
	const struct route_answer *a = &r->found.route->answer;
	x->response.status = a->status;
	if (!a->body)
		return OK;
	ret->answer = span_text(a->body);
	return proxy_head_set(&x->response, span_text("content-type"), span_text(a->type));
}

unsigned route_request_answer(struct route_request *r, struct proxy_exchange *x,
			      struct proxy_verdict *ret)
{
	proxy_head_reset(&x->response);
	ret->kind = PROXY_ANSWER;
	enum err e = r->found.route->action == ROUTE_REDIRECT ? redirect(r, x) : answer(r, x, ret);
	if (!e)
		e = edits_apply(x, &x->response, r->found.route->response_edits, &r->values);
	return status_of(e);
}

unsigned route_response_edit(const struct route_request *r, struct proxy_exchange *x)
{
	if (!r->found.route)
		return 0;
	return status_of(edits_apply(x, &x->response, r->found.route->response_edits, &r->values));
}
