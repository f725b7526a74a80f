#include "import/nginx.h"

#include "import/nginx_inner.h"

/* Why a directive has no counterpart. Those without words change nothing that a client or a server
 * sees here, or are read with others. */
static const struct {
	const char *name, *why;
} reasons[] = {
	{"events", NULL},
	{"types", "media types are those of the proxy's own table"},
	{"default_type", NULL},
	{"location", NULL},
	{"worker_processes", "see `workers`"},
	{"worker_connections", NULL},
	{"worker_rlimit_nofile", NULL},
	{"worker_cpu_affinity", NULL},
	{"multi_accept", NULL},
	{"use", NULL},
	{"user", "see `global: {user: …}`"},
	{"pid", "not needed"},
	{"daemon", "not needed"},
	{"error_log", "see `global: {log: …}`"},
	{"load_module", "there are no modules"},
	{"sendfile", "always so"},
	{"tcp_nopush", "always so"},
	{"tcp_nodelay", "always so"},
	{"server_tokens", "servers' own Server field goes along, and the proxy has none"},
	{"proxy_http_version", "servers are asked by HTTP/1.1 with kept connections"},
	{"proxy_buffering", "answers are passed on as they come, in bounded memory"},
	{"proxy_request_buffering", "requests are passed on as they come, in bounded memory"},
	{"proxy_redirect", "Location of servers is passed on as it is: let them know their name by "
			   "the Host they are told"},
	{"proxy_send_timeout", "see `timeouts`"},
	{"proxy_cache", "not kept: see `cache`"},
	{"proxy_pass_header", "all fields are passed on"},
	{"proxy_ssl_server_name", "always so"},
	{"proxy_ssl_verify_depth", "chains may be as long as the library takes"},
	{"satisfy", "all that a guard asks for must hold"},
	{"keepalive", "connections to servers are always kept"},
	{"zone", "what is known of servers is shared by all workers"},
	{"autoindex", "folders are not listed"},
	{"gzip_types", "compressed is what is text by its media type"},
	{"gzip_vary", "always so"},
	{"gzip_proxied", "always so"},
	{"gzip_comp_level", "the level is fixed"},
	{"gzip_min_length", "answers below 1 KiB are left alone"},
	{"ssl_ciphers", "suites are modern ones and fixed"},
	{"ssl_prefer_server_ciphers", "suites are modern ones and fixed"},
	{"ssl_dhparam", "suites are modern ones and fixed"},
	{"ssl_ecdh_curve", "groups are modern ones and fixed"},
	{"ssl_session_cache", "sessions are resumed by tickets"},
	{"ssl_session_timeout", "sessions are resumed by tickets"},
	{"ssl_session_tickets", "sessions are resumed by tickets"},
	{"log_format", "see `access-log`"},
	{"limit_req_status", NULL},
	{"limit_conn_status", "one connection too many is reset"},
	{"limit_req_zone", "no place uses it"},
	{"limit_conn_zone", "no place uses it"},
	{"real_ip_header", "the client is read from X-Forwarded-For or Forwarded of `trusted`"},
	{"real_ip_recursive", "always so"},
	{"server_name_in_redirect", "redirects keep the host of the request"},
	{"absolute_redirect", "redirects to paths are written as paths"},
	{"port_in_redirect", "redirects to paths are written as paths"},
	{"geo", "not carried over, nor what depends on it"},
	{"map", "not carried over, nor what depends on it"},
	{"split_clients", "not carried over, nor what depends on it"},
	{"ssl_preread", NULL},
};

/* A directive that nobody has looked at. */
static void note_unused(struct nginx *n, struct nginx_directive *d)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (span_is(d->name, reasons[i].name)) {
			if (reasons[i].why)
				nginx_note(n->s, d, "%s", reasons[i].why);
			return;
		}
	nginx_note(n->s, d, "not carried over: not known here");
}

static void note_all_unused(struct nginx *n, const struct nginx_directive *block)
{
	for (struct nginx_directive *d = block->first; d; d = d->next) {
		if (!d->used) {
			note_unused(n, d);
			continue;
		}
		/* Lines of a map are no directives. */
		if (d->first && !span_is(d->name, "map") && !span_is(d->name, "if"))
			note_all_unused(n, d);
	}
}

/* A place whose route is written twice says the same twice, with some others between. */
static void notes_once(struct import_site *s)
{
	enum { OTHERS_MAX = 16 };
	for (struct import_note *note = s->notes; note; note = note->next) {
		struct import_note **next = &note->next;
		for (unsigned others = 0; *next && others < OTHERS_MAX;) {
			if ((*next)->line != note->line || (*next)->file != note->file)
				break;
			if (span_equal((*next)->text, note->text)) {
				*next = (*next)->next;
				continue;
			}
			next = &(*next)->next;
			others++;
		}
	}
}

static void attach(struct nginx *n, const struct out_node *list)
{
	if (!list->first)
		return;
	struct out_node *to = out_named(n->s, n->out, list->kind, list->key);
	out_share(n->s, to, list);
}

static enum err convert(struct nginx *n)
{
	struct nginx_directive *http = nginx_own(n->root, "http"),
			       *stream = nginx_own(n->root, "stream");
	/* A file of sites-available has servers only. */
	n->http = http ? http : n->root;
	n->pools = out_map(n->s, NULL, "pools");
	n->certificates = out_list(n->s, NULL, "certificates");
	n->routes = out_list(n->s, NULL, "routes");
	n->streams = out_list(n->s, NULL, "streams");
	nginx_upstreams(n, n->http);
	nginx_servers(n);
	if (stream)
		nginx_streams(n, stream);
	if (!n->servers && !n->streams->first) {
		import_note(n->s, 1, "there is no server in it");
		return ERR_FORMAT;
	}
	/* The section has a listener, whatever it is for. */
	if (!n->servers) {
		struct out_node *listen = out_list(n->s, n->out, "listen");
		out_item(n->s, listen, span_text("127.0.0.1:80"));
		import_note(n->s, 1,
			    "there is no server of HTTP in it: one that answers 404 to this "
			    "host only stands in its place");
	}
	attach(n, n->certificates);
	attach(n, n->pools);
	attach(n, n->routes);
	attach(n, n->streams);
	note_all_unused(n, n->root);
	return OK;
}

enum err import_nginx(struct span text, const struct nginx_files *files, struct import_site *notes,
		      struct out_node **ret)
{
	struct nginx n = {.s = notes, .files = files};
	if (text.len > IMPORT_FILE_MAX)
		return ERR_LIMIT;
	enum err e = nginx_tree_read(notes, text, files, &n.root);
	struct out_node *whole = out_map(notes, NULL, "");
	n.out = out_map(notes, whole, "reverse-proxy");
	if (!e)
		e = convert(&n);
	import_notes_sort(notes);
	notes_once(notes);
	if (!e && notes->failed)
		e = (enum err)ENOMEM;
	if (!e)
		*ret = whole;
	return e;
}
