#include "service/vpn/io_portal_certificate.h"

#include "crypto/certificate.h"
#include "crypto/secret.h"
#include "crypto/tls.h"
#include "os/file.h"
#include "os/log.h"

#include <stdio.h>
#include <stdlib.h>

#define AUTHORITY_FILE "sign-in-authority.pem"
#define OWN_FILE       "sign-in.pem"
#define DAY_S	       UINT64_C(86400)
#define AUTHORITY_S    (3650 * DAY_S)
#define OWN_S	       (90 * DAY_S)
#define OWN_LEFT_S     (30 * DAY_S)
#define BEFORE_S       DAY_S /* clocks that are slow believe it, too */

enum { PATH_MAX_LEN = 4096, ADDRESSES_MAX = CERTIFICATE_NAMES_MAX, CALLED_MAX = 300 };

/* A file of a certificate and its key, in one, so that they are never of two makings. */
struct pem {
	char *text; /* owned; NULL: there is none */
	size_t len;
};

static void pem_done(struct pem *p)
{
	if (p->text)
		crypto_wipe(p->text, p->len);
	free(p->text);
	*p = (struct pem){0};
}

static struct span pem_span(const struct pem *p)
{
	return span_of(p->text, p->len);
}

static enum err pem_read(const char *state, const char *file, struct pem *ret)
{
	char path[PATH_MAX_LEN];
	(void)snprintf(path, sizeof(path), "%s/%s", state, file);
	enum err e = file_read(path, CERTIFICATE_PEM_MAX, &ret->text, &ret->len);
	return e == (enum err)ENOENT ? OK : e;
}

static enum err pem_write(const char *state, const char *file, const struct certificate *c,
			  struct pem *ret)
{
	char path[PATH_MAX_LEN], *text = NULL;
	int len = asprintf(&text, "%s%s", c->chain, c->key);
	if (len < 0)
		return ENOMEM;
	(void)snprintf(path, sizeof(path), "%s/%s", state, file);
	pem_done(ret);
	*ret = (struct pem){text, (size_t)len};
	return file_write_atomic(path, pem_span(ret), 0600);
}

/* Whom the page's certificate is for. */
struct whom {
	struct span addresses[ADDRESSES_MAX];
	struct certificate_names names;
};

static void whom_fill(const struct portal_certificate *c, struct whom *ret)
{
	size_t n = c->addresses_n < ADDRESSES_MAX ? c->addresses_n : ADDRESSES_MAX;
	for (size_t i = 0; i < n; i++)
		ret->addresses[i] = ip_address_span(&c->addresses[i]);
	ret->names = (struct certificate_names){&c->name, 1, ret->addresses, n};
}

static bool is_good(const struct pem *p, uint64_t now_s, uint64_t left_s, bool authority)
{
	struct certificate_facts facts;
	return p->text && certificate_read(pem_span(p), pem_span(p), &facts) == OK &&
	       facts.is_authority == authority && facts.time.from_s <= now_s &&
	       facts.time.until_s >= now_s + left_s;
}

static enum err make_authority(const struct portal_certificate *c, const struct whom *whom,
			       uint64_t now_s, struct pem *ret)
{
	AUTO_DONE(certificate_done) struct certificate made = {0};
	struct certificate_time time = {now_s - BEFORE_S, now_s + AUTHORITY_S};
	char called[CALLED_MAX];
	bool first = !ret->text;
	(void)snprintf(called, sizeof(called), "Gatehouse %s", c->name);
	TRY(certificate_authority(called, &whom->names, time, &made));
	TRY(pem_write(c->state, AUTHORITY_FILE, &made, ret));
	if (first)
		log_info("the sign-in page has an authority of its own",
			 LOG_TEXT("file", AUTHORITY_FILE));
	else
		log_warning("the sign-in page has a new authority, which people must install",
			    LOG_TEXT("file", AUTHORITY_FILE));
	return OK;
}

static enum err issue(const struct portal_certificate *c, const struct whom *whom, uint64_t now_s,
		      const struct pem *authority, struct pem *ret)
{
	AUTO_DONE(certificate_done) struct certificate made = {0};
	/* One text is both: each reader takes what it looks for. */
	const struct certificate by = {.chain = authority->text, .key = authority->text};
	struct certificate_time time = {now_s - BEFORE_S, now_s + OWN_S};
	TRY(certificate_issue(&by, &whom->names, time, &made));
	TRY(pem_write(c->state, OWN_FILE, &made, ret));
	log_info("the sign-in page's certificate is new", LOG_TEXT("name", c->name));
	return OK;
}

static enum err own(const struct portal_certificate *c, const struct whom *whom, uint64_t now_s,
		    struct pem *authority, struct pem *ret)
{
	TRY(pem_read(c->state, AUTHORITY_FILE, authority));
	TRY(pem_read(c->state, OWN_FILE, ret));
	bool fresh = !is_good(authority, now_s, OWN_S, true);
	if (fresh)
		TRY(make_authority(c, whom, now_s, authority));
	if (!fresh && is_good(ret, now_s, OWN_LEFT_S, false) &&
	    certificate_serves(pem_span(ret), pem_span(authority), &whom->names, now_s))
		return OK;
	enum err e = issue(c, whom, now_s, authority, ret);
	if (e != ERR_REFUSED || fresh)
		return e;
	/* Out of its reach: the page has another name than at its making. */
	TRY(make_authority(c, whom, now_s, authority));
	return issue(c, whom, now_s, authority, ret);
}

static enum err given(const struct portal_certificate *c, const struct whom *whom, uint64_t now_s,
		      struct pem *ret)
{
	struct certificate_facts facts = {0};
	const struct certificate_names name = {whom->names.names, 1, NULL, 0};
	enum err e = file_read(c->chain, CERTIFICATE_PEM_MAX, &ret->text, &ret->len);
	if (!e)
		e = certificate_read(pem_span(ret), c->key, &facts);
	if (e)
		return e;
	if (!certificate_serves(pem_span(ret), (struct span){0}, &name, now_s))
		log_warning("the sign-in page's certificate is for other names",
			    LOG_TEXT("file", c->chain), LOG_TEXT("name", c->name));
	if (facts.time.from_s > now_s || facts.time.until_s < now_s)
		log_warning("the sign-in page's certificate is out of its time",
			    LOG_TEXT("file", c->chain));
	return OK;
}

static enum err show(struct span chain, struct span key, struct tls_server **ret)
{
	/* A session that is taken up again would save little, and its key would be one more. */
	const struct tls_options options = {.alpn = {"http/1.1"}, .alpn_n = 1, .wipes = true};
	AUTO(tls_server_unref) struct tls_server *s = NULL;
	TRY(tls_server_new(&options, &s));
	TRY(tls_server_add(s, chain, key));
	*ret = TAKE(s);
	return OK;
}

/* Without the key, which stands behind it in the file. */
static enum err tell(const struct pem *authority, struct portal_authority *ret)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	const char *at = strstr(authority->text, end);
	size_t len = at ? (size_t)(at - authority->text) + sizeof(end) - 1 : 0;
	if (!span_to_cstr(span_of(authority->text, len), ret->pem, sizeof(ret->pem)))
		return ERR_LIMIT;
	return certificate_der(span_text(ret->pem), ret->der, sizeof(ret->der), &ret->der_len);
}

enum err portal_certificate(const struct portal_certificate *c, uint64_t now_s,
			    struct tls_server **ret, struct portal_authority *ret_authority)
{
	AUTO_DONE(pem_done) struct pem authority = {0};
	AUTO_DONE(pem_done) struct pem shown = {0};
	struct portal_authority told = {0};
	struct whom whom;
	whom_fill(c, &whom);
	enum err e = c->chain ? given(c, &whom, now_s, &shown)
			      : own(c, &whom, now_s, &authority, &shown);
	if (!e && !c->chain)
		e = tell(&authority, &told);
	if (!e)
		e = show(pem_span(&shown), c->chain ? c->key : pem_span(&shown), ret);
	if (e)
		log_error("the sign-in page has no certificate", LOG_ERR(e));
	else
		*ret_authority = told;
	return e;
}
