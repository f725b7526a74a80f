#include "service/forward-proxy/conf_upstream.h"

#include "base/arena.h"
#include "base/writer.h"
#include "proto/http/basic.h"
#include "service/forward-proxy/access/inside.h"
#include "service/forward-proxy/upstream.h"

#include <string.h>

enum {
	PLACES_MAX = 1024,
	TEXT_MAX = 255, /* RFC 1929 2 */
	PORT_HTTP = 3128,
	PORT_HTTPS = 3129,
};

static const char *const orders[] = {"given", "rotate", NULL};
static const char *const otherwises[] = {"refuse", "direct", NULL};

static const struct config_key upstream_keys[] = {
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_upstream_conf, to),
	 .min = 1,
	 .max = 255,
	 .items_max = PLACES_MAX,
	 .example = "[\"*.onion\"]",
	 .help = "names (`*.onion` is all below `onion`), and prefixes for addresses that clients "
		 "write as such; everything unless set, but for addresses of `allow-inside`, which "
		 "only an entry is for that names them"},
	{.name = "except",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_upstream_conf, except),
	 .min = 1,
	 .max = 255,
	 .items_max = PLACES_MAX,
	 .example = "[\"*.home.arpa\", 10.0.9.0/24]",
	 .help = "names and prefixes that this is not for, whatever `to` says; entries below may "
		 "be for them"},
	{.name = "socks",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_upstream_conf, socks),
	 .items_max = UPSTREAM_SERVERS_MAX,
	 .port = 1080,
	 .example = "127.0.0.1:9050",
	 .help = "the SOCKS 5 server that leads there, Tor's for instance, or several; it gets the "
		 "name and resolves it, the DNS is not asked. Without `socks`, `http` and `https` "
		 "what is in `to` is gone to directly: an exception from entries below"},
	{.name = "http",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_upstream_conf, http),
	 .min = 1,
	 .max = DESTINATION_TEXT_MAX,
	 .items_max = UPSTREAM_SERVERS_MAX,
	 .example = "proxy.example:3128",
	 .help = "the HTTP proxy that leads there, or several, by name or address, with port 3128 "
		 "where none is written. It is asked for http addresses in absolute form, and by "
		 "CONNECT for tunnels and for clients of SOCKS; it resolves the names"},
	{.name = "https",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_upstream_conf, https),
	 .min = 1,
	 .max = DESTINATION_TEXT_MAX,
	 .items_max = UPSTREAM_SERVERS_MAX,
	 .example = "[one.example, two.example]",
	 .help = "the same, spoken to by TLS (with port 3129): who is on the way to it sees "
		 "neither what is asked for nor the password. Its certificate must be for the name "
		 "or address that stands here"},
	{.name = "ca",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct forward_upstream_conf, ca),
	 .example = "/etc/gatehouse/parents.pem",
	 .help = "with `https`: file of the authorities that may vouch for it (PEM), those that "
		 "the system trusts unless set; read anew by a reload"},
	{.name = "user",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_upstream_conf, user),
	 .min = 1,
	 .max = TEXT_MAX,
	 .help = "who we are to it (RFC 1929; of HTTP RFC 7617); nobody unless set"},
	{.name = "password",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct forward_upstream_conf, password),
	 .min = 1,
	 .max = TEXT_MAX,
	 .help = "with `user`"},
	{.name = "order",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_upstream_conf, order),
	 CONFIG_PRESENT(struct forward_upstream_conf, has_order),
	 .choices = orders,
	 .fallback = "given",
	 .help = "which of several is asked: `given`, the first that is up; `rotate`, each in "
		 "turn. The next one is asked where one cannot be reached or does not take us"},
	{.name = "pause",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct forward_upstream_conf, pause_ms),
	 CONFIG_PRESENT(struct forward_upstream_conf, has_pause),
	 .min = 1000,
	 .max = 3600000,
	 .fallback = "10s",
	 .help = "how long one is passed over that could not be reached or did not take us; one "
		 "request then tries it again. Where all are down they are tried all the same"},
	{.name = "otherwise",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_upstream_conf, otherwise),
	 CONFIG_PRESENT(struct forward_upstream_conf, has_otherwise),
	 .choices = otherwises,
	 .fallback = "refuse",
	 .help = "what becomes of requests while none can be reached: `direct` goes there without, "
		 "and asks the DNS for the name"},
};

enum upstream_kind forward_upstream_kind(const struct forward_upstream_conf *c)
{
	return c->socks.n   ? UPSTREAM_SOCKS
	       : c->http.n  ? UPSTREAM_HTTP
	       : c->https.n ? UPSTREAM_HTTPS
			    : UPSTREAM_DIRECT;
}

const struct config_list *forward_upstream_servers(const struct forward_upstream_conf *c)
{
	return c->socks.n ? &c->socks : c->http.n ? &c->http : &c->https;
}

static enum err server_read(const char *text, uint16_t port, struct destination *ret)
{
	return destination_read(span_text(text), port, ret);
}

void forward_upstream_server(const struct forward_upstream_conf *c, size_t i,
			     struct destination *ret)
{
	const struct config_list *list = forward_upstream_servers(c);
	if (list == &c->socks) {
		const struct ip_endpoint *e = list->items;
		*ret = (struct destination){.address = ip_address_unmap(&e[i].address),
					    .port = e[i].port};
		return;
	}
	const char *text = ((const char *const *)list->items)[i];
	enum err e = server_read(text, list == &c->http ? PORT_HTTP : PORT_HTTPS, ret);
	ASSERT(!e); /* judged */
}

/* --- judging ---------------------------------------------------------------------------------- */

static void check_places(const struct config_list *list, const char *key, struct config_at *at)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *text = ((const char *const *)list->items)[i];
		char room[256];
		struct access_place place;
		if (access_place_read(span_text(text), room, &place))
			config_fail_item(at, key, i,
					 "'%s' is no place; write a name, *.NAME or a prefix",
					 text);
	}
}

static void check_servers(const struct config_list *list, const char *key, struct config_at *at)
{
	struct destination d;
	for (size_t i = 0; i < list->n; i++) {
		const char *text = ((const char *const *)list->items)[i];
		if (server_read(text, PORT_HTTP, &d))
			config_fail_item(at, key, i,
					 "'%s' is no server; write NAME or ADDRESS, :PORT behind "
					 "it where it is another one",
					 text);
		else if (destination_is_localhost(&d))
			config_fail_item(at, key, i,
					 "the DNS is asked for names, and does not know this one; "
					 "write 127.0.0.1 or [::1]");
	}
}

static void check_credentials(const struct forward_upstream_conf *c, struct config_at *at)
{
	bool http = c->http.n || c->https.n;
	if (!c->user != !c->password.len)
		config_fail(at, c->user ? "user" : "password", "`user` and `password` go together");
	else if (c->user && http && strchr(c->user, ':'))
		config_fail(at, "user",
			    "a name with a colon cannot be told to an HTTP proxy (RFC "
			    "7617 2)");
	if (c->user && forward_upstream_kind(c) == UPSTREAM_DIRECT)
		config_fail(at, "user",
			    "there is no server that is told it: write `socks`, `http` "
			    "or `https`");
}

static void check(const void *conf, struct config_at *at)
{
	const struct forward_upstream_conf *c = conf;
	bool direct = forward_upstream_kind(c) == UPSTREAM_DIRECT;
	check_places(&c->to, "to", at);
	check_places(&c->except, "except", at);
	check_servers(&c->http, "http", at);
	check_servers(&c->https, "https", at);
	if (!!c->socks.n + !!c->http.n + !!c->https.n > 1)
		config_fail(at, c->https.n ? "https" : "http",
			    "`socks`, `http` and `https` are of one kind each: write an entry for "
			    "each of them");
	if (direct && c->to.n == 0)
		config_fail(at, NULL,
			    "this says nothing: write `socks`, `http` or `https`, or `to` for an "
			    "exception");
	check_credentials(c, at);
	if (c->ca && !c->https.n)
		config_fail(at, "ca", "certificates are those of `https`");
	if (direct && (c->has_order || c->has_pause || c->has_otherwise))
		config_fail(at,
			    c->has_order   ? "order"
			    : c->has_pause ? "pause"
					   : "otherwise",
			    "there is no server that this is about: write `socks`, `http` or "
			    "`https`");
}

const struct config_map forward_upstream_map = {
	.help = "Proxies of others that lead to some destinations",
	.size = sizeof(struct forward_upstream_conf),
	CONFIG_KEYS(upstream_keys),
	.check = check,
	CONFIG_LINE(struct forward_upstream_conf, line),
	.example = "{to: [\"*.onion\"], socks: 127.0.0.1:9050}",
};

/* Does the password go over networks of others in the clear? */
static bool is_bare(const struct forward_upstream_conf *c)
{
	const struct inside_rules none = {0};
	for (size_t i = 0; c->user && i < c->http.n; i++) {
		struct destination d;
		forward_upstream_server(c, i, &d);
		if (!d.address.family || inside_judge(&none, &d.address) == INSIDE_NOT)
			return true;
	}
	return false;
}

void forward_upstreams_advise(const struct config_list *list,
			      void (*tell)(void *arg, uint32_t line, const char *text), void *arg)
{
	const struct forward_upstream_conf *c = list->items;
	bool all = false;
	for (size_t i = 0; i < list->n; i++) {
		if (all)
			tell(arg, c[i].line,
			     "an entry of `upstreams` above this one is for everything: this one "
			     "is "
			     "never come to");
		if (is_bare(&c[i]))
			tell(arg, c[i].line,
			     "the password for this proxy goes there in the clear; with `https` "
			     "nobody on the way reads it");
		all = all || (!c[i].to.n && !c[i].except.n);
	}
}

/* --- as the service has it -------------------------------------------------------------------- */

static enum err places_of(struct arena *a, const struct config_list *list,
			  const struct access_place **ret)
{
	struct access_place *places = ARENA_ARRAY(a, struct access_place, list->n + 1);
	if (!places)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		struct span text = span_text(((const char *const *)list->items)[i]);
		char *room = arena_alloc(a, text.len + 1, 1);
		if (!room)
			return (enum err)ENOMEM;
		TRY(access_place_read(text, room, &places[i]));
	}
	*ret = places;
	return OK;
}

static enum err servers_of(struct arena *a, const struct forward_upstream_conf *c, uint32_t *number,
			   struct upstream *ret)
{
	size_t n = forward_upstream_servers(c)->n;
	ret->servers = ARENA_ARRAY(a, struct upstream_server, n + 1);
	if (!ret->servers)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct upstream_server *s = &ret->servers[i];
		char *text = arena_alloc(a, DESTINATION_TEXT_MAX + 1, 1);
		if (!text)
			return (enum err)ENOMEM;
		*s = (struct upstream_server){.number = (*number)++, .text = text};
		forward_upstream_server(c, i, &s->at);
		size_t len = destination_host_format(&s->at, text);
		struct writer w = writer_of(text + len, DESTINATION_TEXT_MAX + 1 - len);
		write_format(&w, ":%u", (unsigned)s->at.port);
		write_u8(&w, 0);
		TRY(writer_check(&w));
	}
	ret->servers_n = n;
	return OK;
}

/* What an HTTP proxy is told of who we are (RFC 7617 2). */
static enum err authorization_of(struct arena *a, const struct forward_upstream_conf *c,
				 struct span *ret)
{
	enum { ROOM = sizeof("Basic ") + 4 * (2 * TEXT_MAX + 3) / 3 };
	uint8_t *room = arena_alloc(a, ROOM, 1);
	if (!room)
		return (enum err)ENOMEM;
	struct writer w = writer_of(room, ROOM);
	basic_write(&w, span_text(c->user), c->password);
	*ret = writer_span(&w);
	return writer_check(&w);
}

static enum err upstream_of(struct arena *a, const struct forward_upstream_conf *c,
			    uint32_t *number, struct upstream *ret)
{
	*ret = (struct upstream){.kind = forward_upstream_kind(c),
				 .to_n = c->to.n,
				 .except_n = c->except.n,
				 .order = (enum upstream_order)c->order,
				 .or_direct = c->otherwise == 1,
				 .pause_ms = c->pause_ms};
	TRY(places_of(a, &c->to, &ret->to));
	TRY(places_of(a, &c->except, &ret->except));
	TRY(servers_of(a, c, number, ret));
	if (!c->user)
		return OK;
	if (upstream_is_http(ret))
		return authorization_of(a, c, &ret->authorization);
	ret->user = span_text(c->user);
	ret->password = c->password;
	return OK;
}

enum err forward_upstreams(struct arena *a, const struct config_list *list, struct upstream **ret)
{
	const struct forward_upstream_conf *c = list->items;
	struct upstream *all = ARENA_ARRAY(a, struct upstream, list->n + 1);
	uint32_t number = 0;
	if (!all)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		TRY(upstream_of(a, &c[i], &number, &all[i]));
	*ret = all;
	return OK;
}
