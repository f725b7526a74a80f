#include "proxy/io_chain.h"

#include "crypto/secret.h"
#include "crypto/tls_chain.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"

#include <stdlib.h>

#define FILE_MAX  (1u << 20)
#define WARN_S	  (UINT64_C(14) * 86400)
#define MS_OF_A_S UINT64_C(1000)

void proxy_pem_done(struct proxy_pem *t)
{
	if (t->bytes)
		crypto_wipe(t->bytes, t->len);
	free(t->bytes);
}

enum err proxy_pem_read(const char *path, uint32_t line, struct proxy_pem *ret)
{
	enum err e = file_read(path, FILE_MAX, &ret->bytes, &ret->len);
	if (!e)
		return OK;
	log_error("a file of certificates cannot be read", LOG_TEXT("file", path),
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

enum err proxy_chain_read(const char *chain, const char *key, uint32_t line, struct tls_chain **ret)
{
	AUTO_DONE(proxy_pem_done) struct proxy_pem c = {0};
	AUTO_DONE(proxy_pem_done) struct proxy_pem k = {0};
	TRY(proxy_pem_read(chain, line, &c));
	TRY(proxy_pem_read(key, line, &k));
	enum err e = tls_chain_new(span_of(c.bytes, c.len), span_of(k.bytes, k.len), ret);
	if (e == (enum err)ENOMEM)
		return e;
	if (e) {
		log_error(e == ERR_REFUSED
				  ? "the key in `certificates` is of another certificate, or "
				    "too weak"
				  : "a certificate or its key is not in PEM",
			  LOG_TEXT("file", chain), LOG_TEXT("key", key), LOG_U64("line", line),
			  LOG_ERR(e));
		return ERR_CONFIG;
	}
	tell_time(*ret, chain);
	return OK;
}
