#include "service/reverse-proxy/io_way.h"

#include "crypto/secret.h"
#include "crypto/tls.h"
#include "crypto/tls_chain.h"
#include "fetch/trust.h"
#include "os/file.h"
#include "os/log.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/conf.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX (4u << 20)

/* --- life ------------------------------------------------------------------------------------- */

struct reverse_way *reverse_way_ref(struct reverse_way *w)
{
	if (w)
		(void)atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
	return w;
}

void reverse_way_unref(struct reverse_way *w)
{
	if (!w || atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1)
		return;
	tls_client_unref(w->tls);
	free(w->name);
	free(w);
}

void reverse_ways_free(struct reverse_way **ways, size_t n)
{
	for (size_t i = 0; ways && i < n; i++)
		reverse_way_unref(ways[i]);
	free(ways);
}

/* --- files ------------------------------------------------------------------------------------ */

struct text {
	char *bytes; /* owned; may be a secret */
	size_t len;
};

static void text_done(struct text *t)
{
	if (t->bytes)
		crypto_wipe(t->bytes, t->len);
	free(t->bytes);
}

/* What a way is made of. */
struct materials {
	const struct reverse_pool_conf *pool;
	struct text ca, chain, key;
};

static void materials_done(struct materials *m)
{
	text_done(&m->ca);
	text_done(&m->chain);
	text_done(&m->key);
}

static enum err read_one(const struct materials *m, const char *path, struct text *ret)
{
	enum err e = file_read(path, FILE_MAX, &ret->bytes, &ret->len);
	if (!e)
		return OK;
	log_error("a file for TLS to servers cannot be read", LOG_TEXT("pool", m->pool->name),
		  LOG_TEXT("file", path), LOG_U64("line", m->pool->tls.line), LOG_ERR(e));
	return ERR_CONFIG;
}

static enum err read_ca(struct materials *m)
{
	const struct reverse_back_tls_conf *c = &m->pool->tls;
	const char *path = c->ca ? c->ca : fetch_system_authorities();
	if (path)
		return read_one(m, path, &m->ca);
	log_error("this system has no file of trusted authorities; write `ca: PATH`",
		  LOG_TEXT("pool", m->pool->name), LOG_U64("line", c->line));
	return ERR_CONFIG;
}

static enum err read_all(struct materials *m)
{
	const struct reverse_back_tls_conf *c = &m->pool->tls;
	if (c->verify)
		TRY(read_ca(m));
	if (!c->has_certificate)
		return OK;
	TRY(read_one(m, c->certificate.chain, &m->chain));
	return read_one(m, c->certificate.key, &m->key);
}

/* --- making one ------------------------------------------------------------------------------- */

static void add_text(struct crypto_hash *h, const char *text, size_t len)
{
	uint64_t size = len;
	crypto_hash_add(h, span_of(&size, sizeof(size)));
	crypto_hash_add(h, span_of(text, len));
}

static enum proxy_protocol protocol_of(const struct reverse_pool_conf *pool)
{
	switch (pool->protocol) {
	case REVERSE_PROTOCOL_H2: return PROXY_HTTP2;
	case REVERSE_PROTOCOL_AUTO:
		return reverse_pool_has_tls(pool) ? PROXY_HTTP_ALPN : PROXY_HTTP1;
	case REVERSE_PROTOCOL_HTTP1: break;
	}
	return PROXY_HTTP1;
}

static void print_of(const struct materials *m, uint8_t ret[CRYPTO_SHA256_LEN])
{
	const struct reverse_back_tls_conf *c = &m->pool->tls;
	const uint8_t words[] = {(uint8_t)protocol_of(m->pool), reverse_pool_has_tls(m->pool),
				 c->verify, (uint8_t)c->version_min};
	const char *name = c->name ? c->name : "";
	struct crypto_hash h;
	crypto_hash_init(&h, CRYPTO_SHA256);
	crypto_hash_add(&h, span_of(words, sizeof(words)));
	add_text(&h, name, strlen(name));
	add_text(&h, m->ca.bytes, m->ca.len);
	add_text(&h, m->chain.bytes, m->chain.len);
	add_text(&h, m->key.bytes, m->key.len);
	crypto_hash_end(&h, ret);
}

static enum err chain_of(const struct materials *m, struct tls_chain **ret)
{
	const struct reverse_back_tls_conf *c = &m->pool->tls;
	if (!c->has_certificate)
		return OK;
	enum err e = tls_chain_new(span_of(m->chain.bytes, m->chain.len),
				   span_of(m->key.bytes, m->key.len), ret);
	if (!e || e == (enum err)ENOMEM)
		return e;
	log_error(e == ERR_REFUSED ? "the key for servers is of another certificate, or too weak"
				   : "the certificate for servers or its key is not in PEM",
		  LOG_TEXT("pool", m->pool->name), LOG_TEXT("file", c->certificate.chain),
		  LOG_U64("line", c->line), LOG_ERR(e));
	return ERR_CONFIG;
}

static enum err client_of(const struct materials *m, enum proxy_protocol protocol,
			  struct tls_client **ret)
{
	const struct reverse_back_tls_conf *c = &m->pool->tls;
	AUTO(tls_chain_unref) struct tls_chain *chain = NULL;
	TRY(chain_of(m, &chain));
	struct tls_client_options options = {
		.version_min = (enum tls_version)c->version_min,
		.authorities_pem = span_of(m->ca.bytes, m->ca.len),
		.unchecked = !c->verify,
		.chain = chain,
	};
	if (protocol != PROXY_HTTP1)
		options.alpn[options.alpn_n++] = "h2";
	if (protocol != PROXY_HTTP2)
		options.alpn[options.alpn_n++] = "http/1.1";
	enum err e = c->verify && !m->ca.len ? ERR_FORMAT : tls_client_new(&options, ret);
	if (!e || e == (enum err)ENOMEM)
		return e;
	log_error("there is no certificate in PEM in the file of authorities",
		  LOG_TEXT("pool", m->pool->name), LOG_TEXT("file", c->ca ? c->ca : "the system's"),
		  LOG_U64("line", c->line), LOG_ERR(e));
	return ERR_CONFIG;
}

static enum err way_new(const struct materials *m, const uint8_t print[CRYPTO_SHA256_LEN],
			struct reverse_way **ret)
{
	struct reverse_way *w = calloc(1, sizeof(*w));
	if (!w)
		return ENOMEM;
	atomic_init(&w->refs, 1);
	w->protocol = protocol_of(m->pool);
	memcpy(w->print, print, sizeof(w->print));
	enum err e = reverse_pool_has_tls(m->pool) ? client_of(m, w->protocol, &w->tls) : OK;
	if (!e && m->pool->tls.name) {
		w->name = strdup(m->pool->tls.name);
		e = w->name ? OK : (enum err)ENOMEM;
	}
	if (e)
		reverse_way_unref(w);
	else
		*ret = w;
	return e;
}

/* --- all of them ------------------------------------------------------------------------------ */

struct ways {
	struct reverse_way *const *before, **made;
	size_t before_n, made_n;
};

static struct reverse_way *find(struct reverse_way *const *ways, size_t n,
				const uint8_t print[CRYPTO_SHA256_LEN])
{
	for (size_t i = 0; ways && i < n; i++)
		if (ways[i] && memcmp(ways[i]->print, print, CRYPTO_SHA256_LEN) == 0)
			return ways[i];
	return NULL;
}

/* Of those of before, else of those made just now: pools that are spoken to alike share one. */
static struct reverse_way *find_any(const struct ways *w, const uint8_t print[CRYPTO_SHA256_LEN])
{
	struct reverse_way *found = find(w->before, w->before_n, print);
	return found ? found : find(w->made, w->made_n, print);
}

static enum err fill(const struct reverse_pool_conf *pool, const struct ways *ways,
		     struct reverse_way **ret)
{
	AUTO_DONE(materials_done) struct materials m = {.pool = pool};
	uint8_t print[CRYPTO_SHA256_LEN];
	if (!reverse_pool_has_tls(pool) && protocol_of(pool) == PROXY_HTTP1)
		return OK;
	if (reverse_pool_has_tls(pool) && !pool->tls.verify)
		log_warning("the certificates of a pool's servers are NOT checked: anybody on the "
			    "way can be the server (`verify: no`)",
			    LOG_TEXT("pool", pool->name), LOG_U64("line", pool->tls.line));
	if (reverse_pool_has_tls(pool))
		TRY(read_all(&m));
	print_of(&m, print);
	*ret = reverse_way_ref(find_any(ways, print));
	return *ret ? OK : way_new(&m, print, ret);
}

enum err reverse_ways_new(const struct reverse_conf *conf, struct reverse_way *const *before,
			  size_t before_n, struct reverse_way ***ret)
{
	const struct reverse_pool_conf *pools = conf->pools.items;
	struct reverse_way **ways = calloc(conf->pools.n + 1, sizeof(struct reverse_way *));
	enum err e = ways ? OK : (enum err)ENOMEM;
	for (size_t i = 0; !e && i < conf->pools.n; i++)
		e = fill(&pools[i], &(struct ways){before, ways, before_n, i}, &ways[i]);
	if (e)
		reverse_ways_free(ways, conf->pools.n);
	else
		*ret = ways;
	return e;
}

/* --- a hop ------------------------------------------------------------------------------------ */

enum err reverse_way_hop_set(const struct reverse_way *way, const char *host, struct proxy_hop *hop)
{
	const char *name = way && way->name ? way->name : host;
	hop->protocol = way ? way->protocol : PROXY_HTTP1;
	if (!way || !way->tls)
		return OK;
	TRY(tls_peer_new(way->tls, name, &hop->tls));
	if (hop->protocol != PROXY_HTTP_ALPN)
		return OK;
	TRY(tls_peer_new(way->tls, name, &hop->tls1));
	return tls_peer_offer(hop->tls1, "http/1.1");
}

void reverse_way_hop_done(struct proxy_hop *hop)
{
	tls_peer_unref(hop->tls);
	tls_peer_unref(hop->tls1);
	hop->tls = hop->tls1 = NULL;
}

void reverse_way_tell(const struct pool *pool)
{
	char at[IP_ENDPOINT_TEXT_MAX];
	for (size_t i = 0; i < pool->members_n; i++) {
		struct backend *b = pool->members[i].backend;
		const char *fault = atomic_load_explicit(&b->fault, memory_order_relaxed);
		if (fault == b->fault_told)
			continue;
		b->fault_told = fault;
		(void)ip_endpoint_format(&b->at, at);
		if (fault)
			log_warning("TLS to a server fails", LOG_TEXT("pool", b->pool),
				    LOG_TEXT("server", at), LOG_TEXT("why", fault));
		else
			log_info("TLS to a server is well again", LOG_TEXT("pool", b->pool),
				 LOG_TEXT("server", at));
	}
}
