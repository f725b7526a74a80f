#include "service/forward-proxy/io_upstreams.h"

#include "base/writer.h"
#include "control/control.h"
#include "crypto/secret.h"
#include "crypto/tls.h"
#include "fetch/trust.h"
#include "os/log.h"
#include "service/forward-proxy/io_site.h"
#include "service/forward-proxy/upstream_health.h"

#define PREFIX "gatehouse_forward_proxy_upstream_"

enum { KEY_MAX = DESTINATION_TEXT_MAX + 300 };

static const char *const kinds[] = {[UPSTREAM_DIRECT] = "direct",
				    [UPSTREAM_SOCKS] = "socks",
				    [UPSTREAM_HTTP] = "http",
				    [UPSTREAM_HTTPS] = "https"};

static size_t upstreams_n(const struct forward_site *s)
{
	return s->upstreams ? s->conf->upstreams.n : 0;
}

/* --- health ----------------------------------------------------------------------------------- */

static struct upstream_health *known(const struct forward_site *s, const char *key)
{
	for (size_t i = 0; s && i < upstreams_n(s); i++) {
		const struct upstream *u = &s->upstreams[i];
		for (size_t k = 0; k < u->servers_n; k++)
			if (u->servers[k].health && strcmp(u->servers[k].health->key, key) == 0)
				return u->servers[k].health;
	}
	return NULL;
}

/* One server that is told the same of us is one, wherever it stands. */
static enum err health_of(const struct forward_site *s, const struct forward_site *before,
			  size_t at, struct upstream_server *server)
{
	const struct forward_upstream_conf *c = s->conf->upstreams.items;
	char key[KEY_MAX];
	struct writer w = writer_of(key, sizeof(key));
	write_format(&w, "%s %s %s", kinds[s->upstreams[at].kind], server->text,
		     c[at].user ? c[at].user : "");
	write_u8(&w, 0);
	TRY(writer_check(&w));
	struct upstream_health *h = known(s, key);
	h = h ? h : known(before, key);
	if (!h)
		return upstream_health_new(key, &server->health);
	upstream_health_begin_anew(h);
	server->health = upstream_health_ref(h);
	return OK;
}

/* --- TLS -------------------------------------------------------------------------------------- */

static enum err client_of(const struct forward_upstream_conf *c, struct tls_client **ret)
{
	enum err e = fetch_trust_read(c->ca, ret);
	if (!e || e == (enum err)ENOMEM)
		return e;
	if (!c->ca && e == ERR_ABSENT)
		log_error("this system has no file of trusted authorities; write `ca: PATH`",
			  LOG_U64("line", c->line));
	else
		log_error("the authorities for a proxy of others cannot be read",
			  LOG_TEXT("file", c->ca ? c->ca : fetch_system_authorities()),
			  LOG_U64("line", c->line), LOG_ERR(e));
	return ERR_CONFIG;
}

static enum err tls_of(const struct forward_upstream_conf *c, struct upstream *u)
{
	AUTO(tls_client_unref) struct tls_client *client = NULL;
	if (u->kind != UPSTREAM_HTTPS)
		return OK;
	TRY(client_of(c, &client));
	for (size_t i = 0; i < u->servers_n; i++) {
		const struct destination *at = &u->servers[i].at;
		char address[IP_ADDRESS_TEXT_MAX];
		const char *name = at->name;
		if (at->address.family) {
			(void)ip_address_format(&at->address, address);
			name = address;
		}
		TRY(tls_peer_new(client, name, &u->servers[i].tls));
	}
	return OK;
}

/* --- life ------------------------------------------------------------------------------------- */

enum err forward_upstreams_make(struct forward_site *s, const struct forward_site *before)
{
	const struct forward_upstream_conf *c = s->conf->upstreams.items;
	TRY(forward_upstreams(&s->arena, &s->conf->upstreams, &s->upstreams));
	for (size_t i = 0; i < upstreams_n(s); i++) {
		struct upstream *u = &s->upstreams[i];
		for (size_t k = 0; k < u->servers_n; k++)
			TRY(health_of(s, before, i, &u->servers[k]));
		TRY(tls_of(&c[i], u));
	}
	return OK;
}

void forward_upstreams_done(struct forward_site *s)
{
	for (size_t i = 0; i < upstreams_n(s); i++) {
		struct upstream *u = &s->upstreams[i];
		for (size_t k = 0; k < u->servers_n; k++) {
			upstream_health_unref(u->servers[k].health);
			tls_peer_unref(u->servers[k].tls);
		}
		/* The arena is its owner. */
		if (u->authorization.len)
			crypto_wipe((void *)(uintptr_t)u->authorization.data, u->authorization.len);
	}
}

/* --- control ---------------------------------------------------------------------------------- */

static uint64_t load(const atomic_uint_fast64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static json_t *server_json(const struct upstream_server *server, uint64_t now_ms)
{
	const struct upstream_health *h = server->health;
	uint64_t until = load(&h->until_ms), since = load(&h->since_ms);
	const char *fault = atomic_load_explicit(&h->fault, memory_order_relaxed);
	json_t *row = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I}", "server", server->text, "state",
				until ? "down" : "up", "requests", (json_int_t)load(&h->requests),
				"errors", (json_int_t)load(&h->errors), "downs",
				(json_int_t)load(&h->downs), "latency_us",
				(json_int_t)load(&h->latency_us));
	if (row && until)
		(void)json_object_set_new(
			row, "down_ms",
			json_integer((json_int_t)(now_ms > since ? now_ms - since : 0)));
	if (row && fault)
		(void)json_object_set_new(row, "last_error", json_string(fault));
	return row;
}

static json_t *texts(const struct config_list *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->n; i++)
		(void)json_array_append_new(all,
					    json_string(((const char *const *)list->items)[i]));
	return all;
}

void forward_upstreams_show(const struct forward_site *s, uint64_t now_ms,
			    struct control_reply *reply)
{
	const struct forward_upstream_conf *c = s->conf->upstreams.items;
	json_t *all = json_array();
	for (size_t i = 0; i < upstreams_n(s); i++) {
		const struct upstream *u = &s->upstreams[i];
		json_t *servers = json_array();
		for (size_t k = 0; k < u->servers_n; k++)
			(void)json_array_append_new(servers, server_json(&u->servers[k], now_ms));
		(void)json_array_append_new(
			all,
			json_pack("{s:I,s:s,s:o,s:o,s:s,s:o}", "line", (json_int_t)c[i].line,
				  "kind", kinds[u->kind], "to", texts(&c[i].to), "except",
				  texts(&c[i].except), "otherwise",
				  u->kind == UPSTREAM_DIRECT || u->or_direct ? "direct" : "refuse",
				  "servers", servers));
	}
	control_reply_json(reply, 200, json_pack("{s:o}", "upstreams", all));
}

static const struct {
	const char *name, *kind, *help;
} lines[] = {
	{"up", "gauge", "whether a proxy of others is up, as far as requests have told"},
	{"requests_total", "counter", "requests that a proxy of others was chosen for"},
	{"errors_total", "counter", "of them, those that failed by it"},
	{"downs_total", "counter", "times that it could not be reached or did not take us"},
	{"latency_seconds", "gauge", "how long its last answers took, in the mean"},
};

static uint64_t value_of(const struct upstream_health *h, size_t line, uint64_t now_ms)
{
	switch (line) {
	case 0: return upstream_health_is_up(h, now_ms) && !load(&h->until_ms);
	case 1: return load(&h->requests);
	case 2: return load(&h->errors);
	case 3: return load(&h->downs);
	default: return load(&h->latency_us);
	}
}

void forward_upstreams_metrics(const struct forward_site *s, uint64_t now_ms, struct writer *w)
{
	for (size_t l = 0; l < sizeof(lines) / sizeof(lines[0]); l++) {
		bool latency = l == sizeof(lines) / sizeof(lines[0]) - 1;
		if (upstreams_n(s))
			write_format(w, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n",
				     lines[l].name, lines[l].help, lines[l].name, lines[l].kind);
		for (size_t i = 0; i < upstreams_n(s); i++) {
			const struct upstream *u = &s->upstreams[i];
			for (size_t k = 0; k < u->servers_n; k++) {
				uint64_t v = value_of(u->servers[k].health, l, now_ms);
				write_format(
					w, PREFIX "%s{upstream=\"%zu\",kind=\"%s\",server=\"%s\"} ",
					lines[l].name, i + 1, kinds[u->kind], u->servers[k].text);
				if (latency)
					write_format(w, "%llu.%06llu\n",
						     (unsigned long long)(v / 1000000),
						     (unsigned long long)(v % 1000000));
				else
					write_format(w, "%llu\n", (unsigned long long)v);
			}
		}
	}
}
