/* Upstreams, and what proxy_pass names. */
#include "import/nginx_inner.h"

#include "base/siphash.h"
#include "proto/ip/address.h"

#include <inttypes.h>

/* HOST[:PORT] without braces; false: neither. */
static bool split_port(struct span text, uint16_t port, struct span *ret_host, uint16_t *ret_port)
{
	size_t colon = text.len;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == ':')
			colon = i;
	/* The colons of [::1] are none. */
	if (colon < text.len && memchr(text.data + colon, ']', text.len - colon))
		colon = text.len;
	uint64_t number = port;
	if (colon < text.len &&
	    (!span_to_u64(span_sub(text, colon + 1, text.len), 65535, &number) || number == 0))
		return false;
	*ret_host = span_sub(text, 0, colon);
	*ret_port = (uint16_t)number;
	return ret_host->len > 0 && number > 0;
}

/* [::1] and localhost as addresses are written. */
static struct span bare_host(struct span host)
{
	if (span_equal_nocase(host, span_text("localhost")))
		return span_text("127.0.0.1");
	return host.len > 2 && host.data[0] == '[' ? span_sub(host, 1, host.len - 2) : host;
}

static bool is_host_name(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		      c == '.' || c == '-' || c == '_'))
			return false;
	}
	return text.len > 0 && text.len <= 253 && text.data[0] != '.';
}

static void note_names(struct nginx *n, struct nginx_directive *d)
{
	n->named = true;
	if (n->noted_names)
		return;
	n->noted_names = true;
	nginx_note(n->s, d,
		   "names of servers are asked of `resolver`, the name server on this host unless "
		   "written, and not looked for in /etc/hosts");
}

/* One server into a list of servers. False: it is none of ours, as a note says. */
static struct out_node *server_add(struct nginx *n, struct nginx_directive *d,
				   struct out_node *list, struct span text, uint16_t port)
{
	struct span host;
	struct ip_endpoint e = {0};
	char at[IP_ENDPOINT_TEXT_MAX];
	if (span_is(span_sub(text, 0, 5), "unix:")) {
		nginx_note(n->s, d, "sockets of files are not served: %.*s", SPAN(text));
		return NULL;
	}
	if (!split_port(text, port, &host, &port)) {
		nginx_note(n->s, d, "no server: %.*s", SPAN(text));
		return NULL;
	}
	host = bare_host(host);
	struct out_node *server = out_map(n->s, NULL, "");
	if (ip_address_parse(host, &e.address) == OK) {
		e.port = port;
		(void)ip_endpoint_format(&e, at);
		out_text(n->s, server, "address", span_text(at));
	} else if (is_host_name(host)) {
		out_text(n->s, server, "name", host);
		out_format(n->s, server, "port", "%u", port);
		note_names(n, d);
	} else {
		nginx_note(n->s, d, "no server: %.*s", SPAN(text));
		return NULL;
	}
	struct out_node *item = out_map(n->s, list, "");
	item->first = server->first;
	item->last = server->last;
	return item;
}

/* What the configuration takes at most. */
enum {
	WEIGHT_MOST = 256,
	REQUESTS_MOST = 1000000,
	FAILURES_MOST = 1000,
	EJECTED_MOST_MS = 86400 * 1000,
	SLOW_START_MOST_MS = 3600 * 1000,
};

static uint64_t at_most(struct nginx *n, struct nginx_directive *d, const char *key,
			uint64_t number, uint64_t most)
{
	if (number > most)
		nginx_note(n->s, d, "%s is less here: %" PRIu64, key, most);
	return number > most ? most : number;
}

static void number_put(struct nginx *n, struct nginx_directive *d, struct out_node *to,
		       const char *key, struct span value, uint64_t most)
{
	uint64_t number;
	if (span_to_u64(value, UINT32_MAX, &number))
		out_format(n->s, to, key, "%" PRIu64, at_most(n, d, key, number, most));
	else
		nginx_note(n->s, d, "no number: %.*s", SPAN(value));
}

/* Numbers of a server, and words that it has. */
static void server_options(struct nginx *n, struct nginx_directive *d, struct out_node *server,
			   struct out_node *pool)
{
	static const char *const known[] = {"weight=", "max_conns=", "max_fails=", "fail_timeout="};
	struct span value;
	uint64_t number;
	if (nginx_option(d, "weight=", &value) && !span_is(value, "1"))
		number_put(n, d, server, "weight", value, WEIGHT_MOST);
	if (nginx_option(d, "max_conns=", &value) && !span_is(value, "0"))
		number_put(n, d, server, "max-requests", value, REQUESTS_MOST);
	if (nginx_has(d, "backup"))
		out_text(n->s, server, "backup", span_text("yes"));
	if (nginx_has(d, "down"))
		out_text(n->s, server, "drain", span_text("yes"));
	struct out_node *eject = out_find(pool, "eject");
	if (nginx_option(d, "max_fails=", &value)) {
		if (!eject)
			eject = out_map(n->s, pool, "eject");
		if (!out_find(eject, "failures"))
			number_put(n, d, eject, "failures", value, FAILURES_MOST);
		else if (!out_is(eject, "failures", value))
			nginx_note(n->s, d,
				   "max_fails is the pool's here: that of its first server counts");
	}
	if (nginx_option(d, "fail_timeout=", &value) && nginx_time_ms(value, &number) &&
	    number >= 100) {
		if (!eject)
			eject = out_map(n->s, pool, "eject");
		if (!out_find(eject, "time"))
			out_format(n->s, eject, "time", "%" PRIu64 "ms",
				   at_most(n, d, "fail_timeout", number, EJECTED_MOST_MS));
	}
	for (size_t i = 1; i < d->args_n; i++) {
		bool is_known = nginx_arg(d, i).len == 0 || span_is(d->args[i], "backup") ||
				span_is(d->args[i], "down") || span_is(d->args[i], "resolve");
		for (size_t k = 0; k < 4; k++)
			is_known = is_known ||
				   span_is(span_sub(d->args[i], 0, strlen(known[k])), known[k]);
		if (span_is(span_sub(d->args[i], 0, 11), "slow_start=")) {
			if (!out_find(pool, "slow-start") &&
			    nginx_time_ms(span_sub(d->args[i], 11, d->args[i].len), &number))
				out_format(n->s, pool, "slow-start", "%" PRIu64 "ms",
					   at_most(n, d, "slow_start", number, SLOW_START_MOST_MS));
		} else if (!is_known) {
			nginx_note(n->s, d, "%.*s is not carried over", SPAN(d->args[i]));
		}
	}
}

static void hash_of(struct nginx *n, struct nginx_directive *d, struct out_node *pool)
{
	struct span key = nginx_arg(d, 0);
	struct out_node *hash = out_map(n->s, NULL, "hash");
	if (span_is(key, "$remote_addr") || span_is(key, "$binary_remote_addr")) {
		out_text(n->s, hash, "by", span_text("address"));
	} else if (span_is(key, "$request_uri") || span_is(key, "$uri") ||
		   span_is(key, "$document_uri")) {
		out_text(n->s, hash, "by", span_text("path"));
		if (span_is(key, "$request_uri"))
			nginx_note(n->s, d, "the query does not count in the hash");
	} else if (span_is(span_sub(key, 0, 8), "$cookie_") &&
		   is_host_name(span_sub(key, 8, key.len))) {
		out_text(n->s, hash, "by", span_text("cookie"));
		out_text(n->s, hash, "name", span_sub(key, 8, key.len));
	} else if (span_is(span_sub(key, 0, 6), "$http_") &&
		   is_host_name(span_sub(key, 6, key.len))) {
		out_text(n->s, hash, "by", span_text("header"));
		out_text(n->s, hash, "name", nginx_field(n, span_sub(key, 6, key.len)));
	} else {
		nginx_note(n->s, d, "there is no hash of %.*s: each server in turn", SPAN(key));
		out_text(n->s, pool, "balance", span_text("round-robin"));
		return;
	}
	if (!nginx_has(d, "consistent"))
		nginx_note(n->s, d,
			   "hashes are always consistent: clients move to other servers once");
	out_text(n->s, pool, "balance", span_text("hash"));
	struct out_node *to = out_map(n->s, pool, "hash");
	out_share(n->s, to, hash);
}

static void balance_of(struct nginx *n, struct nginx_directive *block, struct out_node *pool)
{
	struct nginx_directive *d = nginx_own(block, "hash");
	if (d) {
		hash_of(n, d, pool);
		return;
	}
	const char *balance = "round-robin";
	if (nginx_own(block, "ip_hash")) {
		out_text(n->s, pool, "balance", span_text("hash"));
		struct out_node *hash = out_map(n->s, pool, "hash");
		out_text(n->s, hash, "by", span_text("address"));
		return;
	}
	d = nginx_own(block, "random");
	if (d)
		balance = nginx_has(d, "two") ? "two-choices" : "random";
	else if (nginx_own(block, "least_conn"))
		balance = "least-requests";
	out_text(n->s, pool, "balance", span_text(balance));
}

/* A name that pools may have: ours are no longer than 64 bytes, of which others put some around it.
 */
static struct span pool_name(struct nginx *n, const char *before, struct span name)
{
	enum { MOST = 48, BEGIN = 31 }; /* begin, dash, 16 digits */
	static const uint8_t key[SIPHASH_KEY_LEN];
	if (name.len <= MOST)
		return import_format(n->s, "%s%.*s", before, SPAN(name));
	return import_format(n->s, "%s%.*s-%016" PRIx64, before, SPAN(span_sub(name, 0, BEGIN)),
			     siphash24(key, name.data, name.len));
}

static void upstream_read(struct nginx *n, struct nginx_directive *d, const char *before)
{
	struct span name = pool_name(n, before, nginx_arg(d, 0));
	char key[80];
	if (!span_to_cstr(name, key, sizeof(key)) || name.len == 0 || out_find(n->pools, key)) {
		nginx_note(n->s, d, "there is another of that name, or it is none");
		return;
	}
	struct out_node *pool = out_named(n->s, NULL, OUT_MAP, name);
	struct out_node *servers = out_list(n->s, pool, "servers");
	for (struct nginx_directive *one = nginx_own(d, "server"); one; one = nginx_same(one)) {
		struct out_node *server = server_add(n, one, servers, nginx_arg(one, 0), 80);
		if (server)
			server_options(n, one, server, pool);
	}
	balance_of(n, d, pool);
	if (!servers->first) {
		nginx_note(n->s, d, "no server of it is left: it is left out");
		return;
	}
	struct out_node *to = out_named(n->s, n->pools, OUT_MAP, name);
	out_share(n->s, to, pool);
}

void nginx_upstreams(struct nginx *n, struct nginx_directive *block)
{
	const char *before = span_is(block->name, "stream") ? "stream-" : "";
	for (struct nginx_directive *d = nginx_own(block, "upstream"); d; d = nginx_same(d))
		upstream_read(n, d, before);
}

static bool upstream_is(const struct nginx *n, const char *block, struct span name)
{
	const struct nginx_directive *b = nginx_own(n->root, block);
	for (struct nginx_directive *d = b ? nginx_own(b, "upstream") : NULL; d; d = nginx_same(d))
		if (span_equal(nginx_arg(d, 0), name))
			return true;
	return false;
}

/* The pool of an upstream, or of the one server that the name is. */
static bool pool_of(struct nginx *n, struct nginx_directive *d, const char *block,
		    const char *before, struct span name, uint16_t port, struct span *ret)
{
	char key[80];
	struct span host, made = pool_name(n, before, name);
	uint16_t its;
	struct ip_endpoint e = {0};
	if (!span_to_cstr(made, key, sizeof(key)))
		return false;
	if (upstream_is(n, block, name)) {
		*ret = made;
		return out_find(n->pools, key) != NULL;
	}
	if (!split_port(name, port, &host, &its)) {
		nginx_note(n->s, d, "no server: %.*s", SPAN(name));
		return false;
	}
	if (!before[0] && ip_address_parse(bare_host(host), &e.address) == OK) {
		char at[IP_ENDPOINT_TEXT_MAX];
		e.port = its;
		(void)ip_endpoint_format(&e, at);
		*ret = import_copy(n->s, span_text(at));
		return true;
	}
	*ret = made;
	if (out_find(n->pools, key))
		return true;
	struct out_node *pool = out_named(n->s, NULL, OUT_MAP, made);
	struct out_node *servers = out_list(n->s, pool, "servers");
	if (!server_add(n, d, servers, name, port))
		return false;
	struct out_node *to = out_named(n->s, n->pools, OUT_MAP, made);
	out_share(n->s, to, pool);
	return true;
}

/* `set`s that are constant, in the place of their variables. */
static struct span constants_in(struct nginx *n, const struct nginx_directive *d, struct span text)
{
	size_t dollar = span_find(text, '$'), end = dollar + 1;
	struct span value;
	while (end < text.len &&
	       (text.data[end] == '_' || (text.data[end] >= '0' && text.data[end] <= '9') ||
		((text.data[end] | 0x20) >= 'a' && (text.data[end] | 0x20) <= 'z')))
		end++;
	if (dollar >= text.len ||
	    !nginx_constant(d->parent, span_sub(text, dollar + 1, end - dollar - 1), &value))
		return text;
	return import_format(n->s, "%.*s%.*s%.*s", SPAN(span_sub(text, 0, dollar)), SPAN(value),
			     SPAN(span_sub(text, end, text.len)));
}

struct nginx_directive *nginx_pass_of(const struct nginx_directive *at)
{
	struct nginx_directive *d = nginx_own(at, "proxy_pass");
	return d ? d : nginx_own(at, "grpc_pass");
}

/* Whom nginx checks, and by what; it checks nobody unless it is told to. */
static void tls_put(struct nginx *n, struct nginx_directive *d, struct out_node *pool)
{
	struct out_node *tls = out_map(n->s, pool, "tls");
	struct nginx_directive *verify = nginx_find(d->parent, "proxy_ssl_verify");
	struct nginx_directive *ca = nginx_find(d->parent, "proxy_ssl_trusted_certificate");
	struct nginx_directive *name = nginx_find(d->parent, "proxy_ssl_name");
	out_text(n->s, tls, "on", span_text("yes"));
	if (!nginx_has(verify, "on"))
		out_text(n->s, tls, "verify", span_text("no"));
	else if (ca && nginx_arg(ca, 0).len && nginx_arg(ca, 0).data[0] == '/')
		out_text(n->s, tls, "ca", nginx_arg(ca, 0));
	if (name && is_host_name(nginx_arg(name, 0)))
		out_text(n->s, tls, "name", nginx_arg(name, 0));
	out_text(n->s, pool, "protocol", span_text("http/1.1"));
}

/* The same servers, spoken to in another way. */
static struct span pool_beside(struct nginx *n, struct nginx_directive *d, struct span base,
			       struct span scheme)
{
	bool tls = span_is(scheme, "https") || span_is(scheme, "grpcs");
	bool h2 = span_is(span_sub(scheme, 0, 4), "grpc");
	char key[80];
	struct span name = import_format(n->s, "%.*s-%.*s", SPAN(base), SPAN(scheme));
	if (!span_to_cstr(name, key, sizeof(key)) || out_find(n->pools, key))
		return name;
	const struct out_node *from =
		span_to_cstr(base, key, sizeof(key)) ? out_find(n->pools, key) : NULL;
	struct out_node *pool = out_named(n->s, n->pools, OUT_MAP, name);
	if (from) {
		out_share(n->s, pool, from);
	} else {
		struct out_node *one = out_map(n->s, out_list(n->s, pool, "servers"), "");
		out_text(n->s, one, "address", base);
	}
	if (tls)
		tls_put(n, d, pool);
	if (h2) {
		(void)out_take(pool, "protocol");
		out_text(n->s, pool, "protocol", span_text("h2"));
	}
	return name;
}

bool nginx_pass(struct nginx *n, struct nginx_directive *d, struct nginx_target *ret)
{
	static const char *const schemes[] = {"http", "https", "grpc", "grpcs"};
	struct span text = constants_in(n, d, nginx_arg(d, 0));
	size_t colon = span_find(text, ':');
	struct span scheme = span_sub(text, 0, colon);
	bool known = false, grpc = span_is(d->name, "grpc_pass");
	for (size_t i = 0; i < 4; i++)
		known = known || span_is(scheme, schemes[i]);
	if (known && span_is(span_sub(text, colon, 3), "://"))
		text = span_sub(text, colon + 3, text.len);
	else if (grpc)
		scheme = span_text("grpc");
	else
		known = false;
	if ((!known && !grpc) || span_find(text, '$') < text.len) {
		nginx_note(n->s, d,
			   "it leads nowhere: what it names is known only when a request comes");
		return false;
	}
	bool tls = scheme.data[scheme.len - 1] == 's';
	uint16_t port = tls ? 443 : 80;
	size_t slash = span_find(text, '/');
	*ret = (struct nginx_target){.host = span_sub(text, 0, slash),
				     .uri = span_sub(text, slash, text.len)};
	struct span name = ret->host;
	const char *usual = tls ? ":443" : ":80";
	size_t len = strlen(usual);
	if (name.len > len && span_is(span_sub(name, name.len - len, len), usual))
		ret->host = span_sub(name, 0, name.len - len);
	if (!pool_of(n, d, "http", "", name, port, &ret->to))
		return false;
	if (!span_is(scheme, "http"))
		ret->to = pool_beside(n, d, ret->to, scheme);
	return true;
}

bool nginx_stream_pass(struct nginx *n, struct nginx_directive *d, struct span name,
		       struct span *ret)
{
	return pool_of(n, d, "stream", "stream-", constants_in(n, d, name), 0, ret);
}

void nginx_retry(struct nginx *n, struct nginx_directive *at, struct span name)
{
	char key[80];
	struct out_node *pool =
		span_to_cstr(name, key, sizeof(key)) ? out_find(n->pools, key) : NULL;
	struct nginx_directive *when = nginx_find(at, "proxy_next_upstream");
	struct nginx_directive *tries = nginx_find(at, "proxy_next_upstream_tries");
	bool off = when && nginx_has(when, "off");
	struct span most = off ? span_text("1") : nginx_arg(tries, 0);
	for (size_t i = 0; when && i < when->args_n; i++)
		if (span_is(span_sub(when->args[i], 0, 5), "http_") ||
		    span_is(when->args[i], "non_idempotent"))
			nginx_note(n->s, when,
				   "%.*s: requests go again when no answer came, never for its "
				   "status, and "
				   "only if their method may be repeated",
				   SPAN(when->args[i]));
	uint64_t number;
	if (!most.len || !span_to_u64(most, 16, &number) || number == 0)
		return;
	if (!pool)
		return; /* of one server: there is no other */
	struct out_node *retry = out_find(pool, "retry");
	if (retry && !out_is(retry, "tries", most))
		nginx_note(n->s, off ? when : tries,
			   "it is the pool's here, and another place says otherwise");
	if (!retry) {
		retry = out_map(n->s, pool, "retry");
		out_text(n->s, retry, "tries", most);
	}
}
