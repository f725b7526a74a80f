/* Fields, limits and pages of errors of a place. */
#include "import/nginx_inner.h"

#include "base/writer.h"

#include <inttypes.h>

/* Written anew for each connection, or always told to servers: nothing is to be said. */
static bool is_ours(struct span name, struct span value)
{
	static const char *const anew[] = {"upgrade",		"connection", "content-length",
					   "transfer-encoding", "te",	      "keep-alive",
					   "trailer",		"expect",     "proxy-connection"};
	static const struct {
		const char *name, *value;
	} told[] = {{"x-forwarded-for", "$proxy_add_x_forwarded_for"},
		    {"x-forwarded-for", "$remote_addr"},
		    {"x-real-ip", "$remote_addr"},
		    {"x-forwarded-proto", "$scheme"},
		    {"x-forwarded-host", "$host"},
		    {"x-forwarded-host", "$http_host"},
		    {"x-forwarded-port", "$server_port"},
		    {"x-request-id", "$request_id"}};
	for (size_t i = 0; i < sizeof(anew) / sizeof(anew[0]); i++)
		if (span_equal_nocase(name, span_text(anew[i])))
			return true;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (span_equal_nocase(name, span_text(told[i].name)) &&
		    span_is(value, told[i].value))
			return true;
	return false;
}

static struct out_node *child(struct nginx *n, struct out_node *map, const char *key,
			      enum out_kind kind)
{
	struct out_node *c = out_find(map, key);
	return c ? c : kind == OUT_MAP ? out_map(n->s, map, key) : out_list(n->s, map, key);
}

static void edit_add(struct nginx *n, struct out_node *body, const char *side, const char *verb,
		     struct span text)
{
	struct out_node *list = child(n, child(n, body, side, OUT_MAP), verb, OUT_LIST);
	out_item(n->s, list, text);
}

static void host_set(struct nginx *n, struct nginx_directive *d, struct out_node *body,
		     const struct nginx_target *target, struct span value)
{
	struct span text = target->host;
	if (span_is(value, "$host") || span_is(value, "$http_host") ||
	    span_is(value, "$host:$server_port"))
		return;
	if (value.len && !span_is(value, "$proxy_host") && !nginx_text(n, d, value, NULL, &text))
		return;
	if (text.len)
		out_text(n->s, child(n, body, "rewrite", OUT_MAP), "host", text);
}

static void request_fields(struct nginx *n, struct nginx_directive *at, struct out_node *body,
			   const struct nginx_target *target)
{
	bool host = false;
	struct nginx_directive *d = nginx_find(at, "proxy_set_header");
	for (; d; d = nginx_same(d)) {
		struct span name = nginx_arg(d, 0), value = nginx_arg(d, 1), text;
		if (span_equal_nocase(name, span_text("host"))) {
			host = true;
			host_set(n, d, body, target, value);
		} else if (is_ours(name, value)) {
			continue;
		} else if (value.len == 0) {
			edit_add(n, body, "request", "remove", name);
		} else if (nginx_text(n, d, value, NULL, &text)) {
			edit_add(n, body, "request", "set",
				 import_format(n->s, "%.*s: %.*s", SPAN(name), SPAN(text)));
		}
	}
	if (!host)
		host_set(n, at, body, target, (struct span){0});
}

static void expires(struct nginx *n, struct nginx_directive *at, struct out_node *body)
{
	struct nginx_directive *d = nginx_find(at, "expires");
	struct span value = nginx_arg(d, 0);
	struct out_node *files = out_find(body, "files");
	uint64_t ms = 0;
	if (!d || span_is(value, "off"))
		return;
	bool never = span_is(value, "epoch") || (value.len && value.data[0] == '-');
	if (span_is(value, "max"))
		ms = UINT64_C(1000) * 365 * 86400;
	else if (d->args_n != 1 || (!never && !nginx_time_ms(value, &ms))) {
		nginx_note(n->s, d, "not carried over: %.*s", SPAN(value));
		return;
	}
	if (ms > UINT64_C(1000) * 365 * 86400)
		ms = UINT64_C(1000) * 365 * 86400;
	if (files && !never)
		out_format(n->s, files, "max-age", "%" PRIu64 "s", ms / 1000);
	else
		edit_add(n, body, "response", "set",
			 never ? span_text("Cache-Control: no-cache")
			       : import_format(n->s, "Cache-Control: max-age=%" PRIu64, ms / 1000));
}

static void response_fields(struct nginx *n, struct nginx_directive *at, struct out_node *body)
{
	struct nginx_directive *d = nginx_find(at, "add_header");
	for (; d; d = nginx_same(d)) {
		struct span name = nginx_arg(d, 0), text;
		if (is_ours(name, nginx_arg(d, 1)))
			nginx_note(n->s, d, "the proxy itself writes this field");
		else if (nginx_text(n, d, nginx_arg(d, 1), NULL, &text) && text.len)
			edit_add(n, body, "response", "add",
				 import_format(n->s, "%.*s: %.*s", SPAN(name), SPAN(text)));
	}
	for (d = nginx_find(at, "proxy_hide_header"); d; d = nginx_same(d))
		if (is_ours(nginx_arg(d, 0), (struct span){0}))
			nginx_note(n->s, d, "the proxy itself writes this field");
		else
			edit_add(n, body, "response", "remove", nginx_arg(d, 0));
	expires(n, at, body);
}

void nginx_fields(struct nginx *n, struct nginx_directive *at, struct out_node *body,
		  const struct nginx_target *target)
{
	if (target)
		request_fields(n, at, body, target);
	response_fields(n, at, body);
}

void nginx_limits(struct nginx *n, struct nginx_directive *at, struct out_node *body, bool proxied)
{
	struct nginx_directive *d = nginx_find(at, "client_max_body_size");
	uint64_t size = 1 << 20, ms; /* nginx's own default */
	if (d && !nginx_size(nginx_arg(d, 0), &size))
		nginx_note(n->s, d, "not a size: %.*s", SPAN(nginx_arg(d, 0)));
	if (size == 0)
		size = UINT64_MAX;
	if (proxied && size != UINT64_MAX)
		out_format(n->s, body, "body-max", "%" PRIu64, size);
	if (proxied && size > n->body_most)
		n->body_most = size;
	d = proxied ? nginx_find(at, "proxy_read_timeout") : NULL;
	if (d && nginx_time_ms(nginx_arg(d, 0), &ms) && ms && ms <= 86400000)
		out_format(n->s, body, "timeout", "%" PRIu64 "ms", ms);
	else if (d)
		nginx_note(n->s, d, "not a time that a server may be silent: %.*s",
			   SPAN(nginx_arg(d, 0)));
	static const char *const smaller[] = {"gzip", "brotli", "zstd"};
	for (size_t i = 0; i < 3; i++) {
		d = nginx_find(at, smaller[i]);
		if (!d || !nginx_has(d, "on"))
			continue;
		if (!proxied && out_find(body, "files"))
			nginx_note(n->s, d,
				   "files are not compressed while they are sent: put a "
				   "compressed one beside each and write `compressed: yes`");
		else if (proxied && !out_find(body, "compress"))
			out_text(n->s, body, "compress", span_text("yes"));
	}
}

/* The file that a path of error_page leads to. */
static bool page_file(struct nginx *n, const struct nginx_server *server, struct span path,
		      struct span *ret)
{
	const struct nginx_place *place = nginx_pick(server, path);
	struct nginx_directive *at = place ? place->at : server->at;
	bool alias;
	struct span root;
	if (nginx_pass_of(at) || nginx_own(at, "return") || !nginx_root(n, at, &root, &alias))
		return false;
	if (alias)
		path = span_sub(path, place ? place->text.len : 0, path.len);
	bool slash = root.len && root.data[root.len - 1] == '/';
	if (slash && path.len && path.data[0] == '/')
		path = span_sub(path, 1, path.len);
	*ret = import_format(n->s, "%.*s%.*s", SPAN(root), SPAN(path));
	return true;
}

static void page_add(struct nginx *n, struct out_node *errors, struct span status, struct span file,
		     bool servers)
{
	char key[8];
	if (!span_to_cstr(status, key, sizeof(key)) || out_find(errors, key))
		return;
	if (!servers) {
		out_text(n->s, errors, key, file);
		return;
	}
	struct out_node *page = out_named(n->s, errors, OUT_MAP, status);
	out_text(n->s, page, "file", file);
	out_text(n->s, page, "servers", span_text("yes"));
}

void nginx_errors(struct nginx *n, const struct nginx_server *server, struct nginx_directive *at,
		  struct out_node *body)
{
	struct nginx_directive *d = nginx_find(at, "error_page");
	struct nginx_directive *intercept = nginx_find(at, "proxy_intercept_errors");
	struct out_node *errors = out_map(n->s, NULL, "errors");
	for (; d; d = nginx_same(d)) {
		struct span uri = nginx_arg(d, d->args_n - 1), file;
		bool changes = false;
		for (size_t i = 0; i + 1 < d->args_n; i++)
			changes = changes || (d->args[i].len && d->args[i].data[0] == '=');
		if (d->args_n < 2 || changes || !uri.len || uri.data[0] != '/' ||
		    span_find(uri, '$') < uri.len || !page_file(n, server, uri, &file)) {
			nginx_note(n->s, d,
				   "only a file can stand for an error, with its status: "
				   "%.*s is not carried over",
				   SPAN(uri));
			continue;
		}
		for (size_t i = 0; i + 1 < d->args_n; i++) {
			uint64_t status;
			if (span_to_u64(d->args[i], 599, &status) && status >= 400)
				page_add(n, errors, d->args[i], file, nginx_has(intercept, "on"));
			else
				nginx_note(n->s, d, "%.*s is no status of an error here",
					   SPAN(d->args[i]));
		}
	}
	if (errors->first)
		out_share(n->s, out_map(n->s, body, "errors"), errors);
}
