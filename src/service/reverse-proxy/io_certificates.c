#include "service/reverse-proxy/io_certificates.h"

#include "crypto/secret.h"
#include "crypto/tls.h"
#include "crypto/tls_chain.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "service/reverse-proxy/conf.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX  (1u << 20)
#define WARN_S	  (UINT64_C(14) * 86400)
#define MS_OF_A_S UINT64_C(1000)

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

static enum err read_one(const char *path, uint32_t line, struct text *ret)
{
	enum err e = file_read(path, FILE_MAX, &ret->bytes, &ret->len);
	if (!e)
		return OK;
	log_error("a file of `certificates` cannot be read", LOG_TEXT("file", path),
		  LOG_U64("line", line), LOG_ERR(e));
	return ERR_CONFIG;
}

static void tell_time(const struct tls_chain *chain, const char *path)
{
	struct tls_chain_facts facts;
	uint64_t now_s = clock_wall_ms() / MS_OF_A_S;
	tls_chain_facts(chain, &facts);
	if (facts.from_s > now_s || facts.until_s < now_s)
		log_warning("a certificate is out of its time", LOG_TEXT("file", path));
	else if (facts.until_s - now_s < WARN_S)
		log_warning("a certificate ends soon", LOG_TEXT("file", path),
			    LOG_U64("hours", (facts.until_s - now_s) / 3600));
}

static enum err add(struct tls_server *s, const struct reverse_certificate_conf *c)
{
	AUTO_DONE(text_done) struct text chain = {0};
	AUTO_DONE(text_done) struct text key = {0};
	AUTO(tls_chain_unref) struct tls_chain *made = NULL;
	TRY(read_one(c->chain, c->line, &chain));
	TRY(read_one(c->key, c->line, &key));
	enum err e =
		tls_chain_new(span_of(chain.bytes, chain.len), span_of(key.bytes, key.len), &made);
	if (!e)
		e = tls_server_add_chain(s, made);
	if (e == (enum err)ENOMEM)
		return e;
	if (e) {
		log_error(e == ERR_REFUSED
				  ? "the key in `certificates` is of another certificate, or "
				    "too weak"
				  : "a certificate or its key is not in PEM",
			  LOG_TEXT("file", c->chain), LOG_TEXT("key", c->key),
			  LOG_U64("line", c->line), LOG_ERR(e));
		return ERR_CONFIG;
	}
	tell_time(made, c->chain);
	return OK;
}

enum err reverse_certificates_read(const struct reverse_conf *conf, struct tls_tickets *tickets,
				   struct tls_server **ret)
{
	const struct reverse_certificate_conf *all = conf->certificates.items;
	const struct tls_options options = {
		.alpn = {"h2", "http/1.1", "http/1.0"}, .alpn_n = 3, .tickets = tickets};
	AUTO(tls_server_unref) struct tls_server *s = NULL;
	if (conf->certificates.n == 0)
		return OK;
	TRY(tls_server_new(&options, &s));
	for (size_t i = 0; i < conf->certificates.n; i++)
		TRY(add(s, &all[i]));
	*ret = TAKE(s);
	return OK;
}

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

enum err reverse_certificates_folders(const struct reverse_conf *conf, char ***ret, size_t *ret_n)
{
	const struct reverse_certificate_conf *all = conf->certificates.items;
	char **folders = calloc(2 * conf->certificates.n + 1, sizeof(*folders));
	enum err e = folders ? OK : (enum err)ENOMEM;
	size_t n = 0;
	for (size_t i = 0; !e && i < conf->certificates.n; i++) {
		e = folder_add(folders, &n, all[i].chain);
		if (!e)
			e = folder_add(folders, &n, all[i].key);
	}
	if (e) {
		reverse_certificates_folders_free(folders, n);
		return e;
	}
	*ret = folders;
	*ret_n = n;
	return OK;
}
