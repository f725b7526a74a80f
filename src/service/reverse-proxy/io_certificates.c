#include "service/reverse-proxy/io_certificates.h"

#include "crypto/tls.h"
#include "crypto/tls_chain.h"
#include "fetch/trust.h"
#include "os/log.h"
#include "proxy/io_chain.h"
#include "service/reverse-proxy/conf.h"
#include "service/reverse-proxy/io_acme.h"
#include "service/reverse-proxy/io_acme_proofs.h"
#include "service/reverse-proxy/io_way.h"

#include <stdlib.h>
#include <string.h>

static void chain_keep(struct reverse_tls *t, struct tls_chain *chain, size_t entry)
{
	t->chains[t->chains_n] = chain;
	t->entries[t->chains_n++] = entry;
}

/* From its files, from the site before, or from its authority, if it is there yet. */
static enum err chain_have(struct reverse_tls *t, const struct reverse_tls_source *from, size_t i)
{
	const struct reverse_certificate_conf *c =
		(const struct reverse_certificate_conf *)from->conf->certificates.items + i;
	struct tls_chain *chain = NULL;
	if (c->acme)
		chain = reverse_acme_chain(from->acme, from->conf, c);
	else if (from->before)
		chain = tls_chain_ref(reverse_tls_chain(from->before, i));
	else
		TRY(proxy_chain_read(c->chain, c->key, c->line, &chain));
	if (chain)
		chain_keep(t, chain, i);
	return OK;
}

struct tls_chain *reverse_tls_chain(const struct reverse_tls *t, size_t entry)
{
	for (size_t i = 0; i < t->chains_n; i++)
		if (t->entries[i] == entry)
			return t->chains[i];
	return NULL;
}

/* --- servers --- */

static enum err clients_read(const struct reverse_client_certificates_conf *c, struct proxy_pem *ca,
			     struct proxy_pem *crl)
{
	TRY(proxy_pem_read(c->ca, c->line, ca));
	return c->crl ? proxy_pem_read(c->crl, c->line, crl) : OK;
}

static enum err clients_wrong(const struct reverse_client_certificates_conf *c, enum err e)
{
	if (e != ERR_FORMAT && e != ERR_ABSENT)
		return e;
	log_error(e == ERR_FORMAT ? "no authority's certificate is in `ca` (PEM)"
				  : "no list of revoked certificates is in `crl` (PEM)",
		  LOG_TEXT("file", e == ERR_FORMAT ? c->ca : c->crl), LOG_U64("line", c->line));
	return ERR_CONFIG;
}

/* Of the listener at that place. */
static enum err server_make(struct reverse_tls *t, const struct reverse_tls_source *from, size_t at)
{
	const struct reverse_listen_conf *l =
		(const struct reverse_listen_conf *)from->conf->listen.items + at;
	AUTO_DONE(proxy_pem_done) struct proxy_pem ca = {0};
	AUTO_DONE(proxy_pem_done) struct proxy_pem crl = {0};
	AUTO(tls_server_unref) struct tls_server *s = NULL;
	struct tls_options options = {.alpn = {"h2", "http/1.1", "http/1.0"},
				      .alpn_n = 3,
				      .refuse_unknown = l->refuse_unknown,
				      .tickets = from->tickets,
				      .acme = reverse_orders(from->conf) ? acme_proofs_chain : NULL,
				      .acme_arg = reverse_acme_proofs(from->acme)};
	if (l->clients.ca) {
		TRY(clients_read(&l->clients, &ca, &crl));
		options.verify = l->clients.required ? TLS_VERIFY_REQUIRED : TLS_VERIFY_OPTIONAL;
		options.authorities_pem = span_of(ca.bytes, ca.len);
		options.revoked_pem = span_of(crl.bytes, crl.len);
	}
	enum err e = tls_server_new(&options, &s);
	if (!e && l->clients.crl && !crl.len)
		e = ERR_ABSENT;
	if (e)
		return clients_wrong(&l->clients, e);
	for (size_t i = 0; i < t->chains_n; i++)
		TRY(tls_server_add_chain(s, t->chains[i]));
	t->servers[at] = TAKE(s);
	return OK;
}

/* Listeners that ask no client for a certificate differ in one thing at most. */
static struct tls_server *server_of_another(const struct reverse_tls *t,
					    const struct reverse_listen_conf *all, size_t i)
{
	for (size_t k = 0; k < i && !all[i].clients.ca; k++)
		if (t->servers[k] && !all[k].clients.ca &&
		    all[k].refuse_unknown == all[i].refuse_unknown)
			return tls_server_ref(t->servers[k]);
	return NULL;
}

static enum err fill(const struct reverse_tls_source *from, struct reverse_tls *t)
{
	const struct reverse_conf *conf = from->conf;
	const struct reverse_listen_conf *listens = conf->listen.items;
	t->chains = calloc(conf->certificates.n + 1, sizeof(struct tls_chain *));
	t->entries = calloc(conf->certificates.n + 1, sizeof(*t->entries));
	t->servers = calloc(conf->listen.n + 1, sizeof(struct tls_server *));
	if (!t->chains || !t->entries || !t->servers)
		return ENOMEM;
	for (size_t i = 0; i < conf->certificates.n; i++)
		TRY(chain_have(t, from, i));
	t->servers_n = conf->listen.n;
	for (size_t i = 0; i < conf->listen.n; i++) {
		if (!listens[i].tls)
			continue;
		t->servers[i] = server_of_another(t, listens, i);
		if (!t->servers[i])
			TRY(server_make(t, from, i));
	}
	return OK;
}

enum err reverse_tls_read(const struct reverse_tls_source *from, struct reverse_tls **ret)
{
	struct reverse_tls *t = calloc(1, sizeof(*t));
	enum err e = t ? fill(from, t) : (enum err)ENOMEM;
	if (e)
		reverse_tls_free(t);
	else
		*ret = t;
	return e;
}

void reverse_tls_free(struct reverse_tls *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->servers_n; i++)
		tls_server_unref(t->servers[i]);
	for (size_t i = 0; i < t->chains_n; i++)
		tls_chain_unref(t->chains[i]);
	free(t->servers);
	free(t->chains);
	free(t->entries);
	free(t);
}

/* --- folders --- */

void reverse_certificates_folders_free(char **folders, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(folders[i]);
	free(folders);
}

static enum err folder_add(char **folders, size_t *n, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	for (size_t i = 0; i < *n; i++)
		if (strlen(folders[i]) == len && memcmp(folders[i], path, len) == 0)
			return OK;
	if (len == 0) /* the root of all files is too much */
		return OK;
	folders[*n] = strndup(path, len);
	if (!folders[*n])
		return ENOMEM;
	++*n;
	return OK;
}

static enum err folders_of_pool(const struct reverse_back_tls_conf *tls, char **folders, size_t *n)
{
	const char *const paths[] = {tls->ca, tls->certificate.chain, tls->certificate.key};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i])
			TRY(folder_add(folders, n, paths[i]));
	return OK;
}

static enum err folders_fill(const struct reverse_conf *conf, char **folders, size_t *n)
{
	const struct reverse_certificate_conf *all = conf->certificates.items;
	const struct reverse_listen_conf *listens = conf->listen.items;
	const struct reverse_authority_conf *authorities = conf->authorities.items;
	const struct reverse_pool_conf *pools = conf->pools.items;
	/* A pool that a reload brings may want it. */
	const char *system = fetch_system_authorities();
	for (size_t i = 0; i < conf->certificates.n; i++) {
		if (all[i].acme)
			continue;
		TRY(folder_add(folders, n, all[i].chain));
		TRY(folder_add(folders, n, all[i].key));
		if (all[i].staple_file)
			TRY(folder_add(folders, n, all[i].staple_file));
	}
	for (size_t i = 0; i < conf->authorities.n; i++)
		if (authorities[i].ca)
			TRY(folder_add(folders, n, authorities[i].ca));
	for (size_t i = 0; i < conf->listen.n; i++) {
		const struct reverse_client_certificates_conf *c = &listens[i].clients;
		if (c->ca)
			TRY(folder_add(folders, n, c->ca));
		if (c->crl)
			TRY(folder_add(folders, n, c->crl));
	}
	for (size_t i = 0; i < conf->pools.n; i++)
		TRY(folders_of_pool(&pools[i].tls, folders, n));
	if (conf->countries)
		TRY(folder_add(folders, n, conf->countries));
	return system ? folder_add(folders, n, system) : OK;
}

enum err reverse_certificates_folders(const struct reverse_conf *conf, char ***ret, size_t *ret_n)
{
	size_t most = 3 * (conf->certificates.n + conf->pools.n) + 2 * conf->listen.n +
		      conf->authorities.n + 3;
	char **folders = calloc(most, sizeof(*folders));
	size_t n = 0;
	enum err e = folders ? folders_fill(conf, folders, &n) : (enum err)ENOMEM;
	if (e) {
		reverse_certificates_folders_free(folders, n);
		return e;
	}
	*ret = folders;
	*ret_n = n;
	return OK;
}
