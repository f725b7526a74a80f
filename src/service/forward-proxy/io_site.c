#include "service/forward-proxy/io_site.h"

#include "base/writer.h"
#include "config/config.h"
#include "crypto/tls.h"
#include "crypto/tls_chain.h"
#include "fetch/trust.h"
#include "os/file.h"
#include "os/log.h"
#include "proxy/io_chain.h"
#include "service/forward-proxy/inspect/authority.h"
#include "service/forward-proxy/io_upstreams.h"
#include "service/forward-proxy/names.h"
#include "service/forward-proxy/origin.h"

#include <stdlib.h>

enum {
	ARENA_MAX = 256 << 20,
	AUTHORITIES_MAX = 4 << 20,
	REALM_FIELD_MAX = 192,
	WAIT_MS = 30000, /* above what asking the DNS may take */
	TRIES_MAX = ORIGIN_OTHERS_MAX + 1,
};

static void limits_of(const struct forward_conf *conf, struct proxy_limits *ret)
{
	const struct forward_timeouts_conf *t = &conf->timeouts;
	*ret = (struct proxy_limits){
		.wait_ms = WAIT_MS,
		.first_byte_ms = (uint32_t)t->first_byte_ms,
		.back_body_ms = (uint32_t)t->origin_body_ms,
		.client_body_ms = (uint32_t)t->client_body_ms,
		.client_read_ms = (uint32_t)t->client_read_ms,
		.tunnel_ms = (uint32_t)t->tunnel_ms,
		.first_bytes_ms = (uint32_t)t->hello_ms,
		.whole_ms = (uint32_t)t->whole_ms,
		.request_body_max = conf->limits.body ? conf->limits.body : UINT64_MAX,
		.tries_max = TRIES_MAX,
	};
}

/* --- certificates ----------------------------------------------------------------------------- */

static enum err server_new(const struct forward_conf *conf, struct tls_tickets *tickets,
			   struct tls_server **ret)
{
	const struct forward_certificate_conf *all = conf->certificates.items;
	AUTO(tls_server_unref) struct tls_server *s = NULL;
	const struct tls_options options = {
		.alpn = {"h2", "http/1.1", "http/1.0"}, .alpn_n = 3, .tickets = tickets};
	TRY(tls_server_new(&options, &s));
	for (size_t i = 0; i < conf->certificates.n; i++) {
		AUTO(tls_chain_unref) struct tls_chain *chain = NULL;
		TRY(proxy_chain_read(all[i].chain, all[i].key, all[i].line, &chain));
		TRY(tls_server_add_chain(s, chain));
	}
	*ret = TAKE(s);
	return OK;
}

/* All listeners with TLS show the same. */
static enum err make_servers(struct forward_site *s, struct tls_tickets *tickets)
{
	const struct forward_listen_conf *listens = s->conf->listen.items;
	AUTO(tls_server_unref) struct tls_server *server = NULL;
	s->servers = calloc(s->conf->listen.n + 1, sizeof(struct tls_server *));
	if (!s->servers)
		return ENOMEM;
	s->servers_n = s->conf->listen.n;
	for (size_t i = 0; i < s->servers_n; i++) {
		if (!listens[i].tls)
			continue;
		if (!server)
			TRY(server_new(s->conf, tickets, &server));
		s->servers[i] = tls_server_ref(server);
	}
	return OK;
}

/* --- life ------------------------------------------------------------------------------------- */

static void make_via(struct forward_site *s)
{
	static const char *const versions[] = {"1.0 ", "1.1 ", "2.0 "};
	struct span *const to[] = {&s->via.of10, &s->via.of11, &s->via.of20};
	for (size_t i = 0; i < 3; i++) {
		struct writer w = writer_of(s->via_text[i], FORWARD_VIA_MAX);
		write_text(&w, versions[i]);
		write_span(&w, s->name);
		*to[i] = writer_span(&w);
	}
}

/* What Proxy-Authenticate says (RFC 7617 2, 2.1). */
static enum err make_realm(struct forward_site *s)
{
	char *room = arena_alloc(&s->arena, REALM_FIELD_MAX, 1);
	if (!room)
		return ENOMEM;
	struct writer w = writer_of(room, REALM_FIELD_MAX);
	write_format(&w, "Basic realm=\"%s\", charset=\"UTF-8\"", s->conf->access.realm);
	s->realm_field = writer_span(&w);
	return writer_check(&w);
}

/* How servers are checked: as a browser does, whole in each handshake. */
static enum err client_new(const struct forward_inspect_conf *c, struct tls_client **ret)
{
	const char *path = c->authorities;
	const char *file = path ? path : fetch_system_authorities();
	char *pem = NULL;
	size_t len = 0;
	if (!file) {
		log_error(
			"nobody knows whom this system trusts: write `inspection: {authorities}`");
		return ERR_CONFIG;
	}
	enum err e = file_read(file, AUTHORITIES_MAX, &pem, &len);
	const struct tls_client_options options = {.alpn = {"h2", "http/1.1"},
						   .alpn_n = 2,
						   .authorities_pem = span_of(pem, len),
						   .no_sessions = true,
						   .staples = true,
						   .status = c->revocation !=
							     FORWARD_REVOCATION_STAPLED};
	if (!e)
		e = len ? tls_client_new(&options, ret) : ERR_FORMAT;
	free(pem);
	if (!e || e == (enum err)ENOMEM)
		return e;
	log_error("the authorities of `inspection` cannot be read", LOG_TEXT("file", file),
		  LOG_ERR(e));
	return ERR_CONFIG;
}

enum err forward_site_inspect(struct forward_site *s, struct inspect_authority *authority)
{
	const struct tls_options options = {.alpn = {"h2", "http/1.1"}, .alpn_n = 2};
	if (!s->conf->has_inspection)
		return OK;
	TRY(tls_server_new(&options, &s->inspect_like));
	s->authority = inspect_authority_ref(authority);
	return OK;
}

static enum err make_parts(struct forward_site *s)
{
	TRY(forward_access_rules(&s->arena, &s->conf->access, &s->rules, &s->users));
	TRY(forward_answers(&s->arena, &s->conf->answers, &s->answers));
	TRY(forward_privacy(&s->arena, &s->conf->privacy, &s->privacy));
	TRY(forward_bandwidth_limits(&s->arena, &s->conf->bandwidth, &s->bandwidth));
	TRY(forward_quotas(&s->arena, &s->conf->quotas, &s->quotas));
	if (s->conf->has_pac)
		TRY(forward_pac_text(&s->arena, &s->conf->pac, &s->pac));
	if (s->conf->has_inspection) {
		TRY(forward_inspect_rules(&s->arena, &s->conf->inspection, &s->inspect_rules,
					  &s->inspect_skip));
		TRY(client_new(&s->conf->inspection, &s->inspect_client));
	}
	return make_realm(s);
}

enum err forward_site_new(struct config *config, struct tls_tickets *tickets, uint64_t number,
			  const struct forward_site *before, struct forward_site **ret)
{
	struct forward_site *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	atomic_init(&s->refs, 1);
	s->number = number;
	s->config = config_ref(config);
	s->conf = config_section(config, "forward-proxy");
	ASSERT(s->conf);
	s->name = span_text(s->conf->name);
	limits_of(s->conf, &s->limits);
	s->hold_limits = s->limits;
	s->hold_limits.client_read_ms = s->hold_limits.whole_ms = 0;
	forward_ports(&s->conf->ports, &s->ports);
	forward_ports(&s->conf->tunnel_ports, &s->tunnel_ports);
	forward_ports(&s->conf->socks_ports, &s->socks_ports);
	forward_ports(&s->conf->tunnels.tls_ports, &s->tls_ports);
	s->inside = (struct inside_rules){.allow = s->conf->allow_inside.items,
					  .allow_n = s->conf->allow_inside.n,
					  .nat64 = s->conf->nat64.items,
					  .nat64_n = s->conf->nat64.n};
	make_via(s);
	arena_init(&s->arena, ARENA_MAX);
	enum err e = make_parts(s);
	if (!e)
		e = forward_upstreams_make(s, before);
	if (!e)
		e = make_servers(s, tickets);
	if (e)
		forward_site_unref(s);
	else
		*ret = s;
	return e;
}

struct forward_site *forward_site_ref(struct forward_site *s)
{
	(void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void forward_site_unref(struct forward_site *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->servers_n; i++)
		tls_server_unref(s->servers[i]);
	free(s->servers);
	tls_client_unref(s->inspect_client);
	inspect_authority_unref(s->authority);
	tls_server_unref(s->inspect_like);
	forward_access_rules_done(&s->rules);
	forward_answers_done(&s->answers);
	forward_upstreams_done(s);
	arena_done(&s->arena);
	config_free(s->config);
	free(s);
}

/* --- folders ---------------------------------------------------------------------------------- */

void forward_site_folders_free(char **folders)
{
	for (size_t i = 0; folders && folders[i]; i++)
		free(folders[i]);
	free(folders);
}

static enum err folder_add(char **folders, size_t *n, const char *path)
{
	char *folder = file_folder(path);
	if (!folder)
		return ENOMEM;
	for (size_t i = 0; i < *n; i++) {
		if (strcmp(folders[i], folder) == 0) {
			free(folder);
			return OK;
		}
	}
	folders[(*n)++] = folder;
	return OK;
}

/* Of whom certificates of other proxies must be. */
static enum err folders_of_authorities(const struct forward_conf *conf, char **folders, size_t *n)
{
	const struct forward_upstream_conf *u = conf->upstreams.items;
	for (size_t i = 0; i < conf->upstreams.n; i++) {
		const char *path = u[i].ca ? u[i].ca : fetch_system_authorities();
		if (u[i].https.n && path)
			TRY(folder_add(folders, n, path));
	}
	return OK;
}

enum err forward_site_folders(const struct forward_conf *conf, char ***ret)
{
	const struct forward_certificate_conf *all = conf->certificates.items;
	size_t most = 2 * conf->certificates.n + conf->upstreams.n + 2;
	char **folders = calloc(most, sizeof(*folders));
	const char *trusted = conf->inspection.authorities;
	if (conf->has_inspection && !trusted)
		trusted = fetch_system_authorities();
	size_t n = 0;
	enum err e = folders ? OK : (enum err)ENOMEM;
	for (size_t i = 0; !e && i < conf->certificates.n; i++) {
		e = folder_add(folders, &n, all[i].chain);
		if (!e)
			e = folder_add(folders, &n, all[i].key);
	}
	if (!e && conf->has_inspection && trusted)
		e = folder_add(folders, &n, trusted);
	if (!e)
		e = folders_of_authorities(conf, folders, &n);
	if (e)
		forward_site_folders_free(folders);
	else
		*ret = folders;
	return e;
}
