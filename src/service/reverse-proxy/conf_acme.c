#include "service/reverse-proxy/conf_acme.h"

#include "acme/acme.h"
#include "base/base64url.h"
#include "base/writer.h"
#include "crypto/certificate_order.h"
#include "proto/dns/text.h"
#include "service/reverse-proxy/conf.h"

enum { TSIG_LEN_MIN = 16, DNS_PORT = 53 };

static const char *const challenges[] = {
	[ACME_HTTP_01] = "http-01",
	[ACME_TLS_ALPN_01] = "tls-alpn-01",
	[ACME_DNS_01] = "dns-01",
	NULL,
};

const char *const reverse_key_types[] = {
	[CERTIFICATE_KEY_P256] = "p256",
	[CERTIFICATE_KEY_P384] = "p384",
	[CERTIFICATE_KEY_RSA2048] = "rsa2048",
	[CERTIFICATE_KEY_RSA4096] = "rsa4096",
	NULL,
};

static const char *const terms[] = {
	[REVERSE_TERMS_UNREAD] = "unread", [REVERSE_TERMS_AGREED] = "agreed", NULL};

static const char *const algorithms[] = {"hmac-sha256", "hmac-sha384", "hmac-sha512",
					 "hmac-sha224", "hmac-sha1",   NULL};

/* --- keys --- */

static const struct config_key dns_keys[] = {
	{.name = "server",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_acme_dns_conf, server),
	 .port = DNS_PORT,
	 .example = "127.0.0.1:5300",
	 .help = "the name server that takes the updates"},
	{.name = "zones",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_acme_dns_conf, zones),
	 .items_min = 1,
	 .items_max = REVERSE_ACME_ZONES_MAX,
	 .example = "[home.arpa]",
	 .help = "its zones; the longest that has a name gets the record"},
	{.name = "key",
	 .type = CONFIG_NAME,
	 CONFIG_FIELD(struct reverse_acme_dns_conf, key),
	 .example = "proxy-key",
	 .help = "the name of the key that signs the updates (TSIG, RFC 8945); unsigned unless "
		 "set"},
	{.name = "algorithm",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_acme_dns_conf, algorithm),
	 .choices = algorithms,
	 .fallback = "hmac-sha256",
	 .help = "how they are signed"},
	{.name = "secret",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct reverse_acme_dns_conf, secret),
	 .max = 684,
	 .example = "file:proxy-key.secret",
	 .help = "the key's secret in base64, at least 16 octets"},
	{.name = "wait",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_acme_dns_conf, wait_ms),
	 .max = 600000,
	 .fallback = "0",
	 .help = "how long after the update the authority is asked to look: for secondary servers "
		 "to learn of it"},
};

static void dns_check(const void *conf, struct config_at *at)
{
	const struct reverse_acme_dns_conf *d = conf;
	struct dns_tsig_key key = {0};
	if (d->key.len && reverse_acme_tsig(d, &key))
		config_fail(at, "secret", "write base64 of at least %d octets", TSIG_LEN_MIN);
	if (!d->key.len && d->secret.len)
		config_fail(at, "secret", "it needs the name of its `key`");
	secret_done(&key.secret);
}

static const struct config_map dns_map = {
	.help = "Where the records of dns-01 are written, by DNS UPDATE (RFC 2136): TXT at "
		"`_acme-challenge` below each name",
	.size = sizeof(struct reverse_acme_dns_conf),
	CONFIG_KEYS(dns_keys),
	.check = dns_check,
	.example = "server: 127.0.0.1:5300\nzones: [home.arpa]\nkey: proxy-key\n"
		   "secret: c2l4dGVlbiBvY3RldHMgb3IgbW9yZQ==",
};

static const struct config_key account_keys[] = {
	{.name = "id",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_account_conf, id),
	 .min = 1,
	 .max = 256,
	 .example = "kid-1",
	 .help = "what the authority calls the account"},
	{.name = "key",
	 .type = CONFIG_SECRET,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_account_conf, key),
	 .min = 1,
	 .max = 344,
	 .example = "file:account.key",
	 .help = "its key in base64url, as the authority gave it"},
};

static void account_check(const void *conf, struct config_at *at)
{
	const struct reverse_account_conf *a = conf;
	uint8_t room[REVERSE_ACME_KEY_LEN];
	struct writer w = writer_of(room, sizeof(room));
	if (base64url_read(span_trim(a->key), &w) || w.pos == 0)
		config_fail(at, "key", "write base64url without padding, of at most %d octets",
			    REVERSE_ACME_KEY_LEN);
	crypto_wipe(room, sizeof(room));
}

static const struct config_map account_map = {
	.help = "An account that one has with the authority beforehand, which a new account of "
		"ours is bound to (RFC 8555 7.3.4)",
	.size = sizeof(struct reverse_account_conf),
	CONFIG_KEYS(account_keys),
	.check = account_check,
};

static const struct config_key authority_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct reverse_authority_conf, name),
	 .min = 1,
	 .max = 64,
	 .help = "what certificates call it"},
	{.name = "directory",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_authority_conf, directory),
	 .min = 1,
	 .max = ACME_URL_MAX - 1,
	 .example = "https://acme-v02.api.letsencrypt.org/directory",
	 .help = "where it begins: the URL of its directory"},
	{.name = "contact",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_authority_conf, contact),
	 .min = 1,
	 .max = 254,
	 .items_max = REVERSE_CONTACTS_MAX,
	 .example = "hostmaster@home.arpa",
	 .help = "mail addresses that it may write to"},
	{.name = "ca",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct reverse_authority_conf, ca),
	 .example = "/etc/gatehouse/site-ca.pem",
	 .help = "file of the certificates by one of which its own server must be signed (PEM), "
		 "for "
		 "private authorities; unless set, those that the system trusts; read anew by a "
		 "reload"},
	{.name = "challenge",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_authority_conf, challenge),
	 .choices = challenges,
	 .fallback = "http-01",
	 .help = "how names are proved: by a page at port 80 (`http-01`), by a handshake at port "
		 "443 "
		 "(`tls-alpn-01`), or by a record of the DNS (`dns-01`, the only way for "
		 "wildcards)"},
	{.name = "key-type",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_authority_conf, key_type),
	 .choices = reverse_key_types,
	 .fallback = "p256",
	 .help = "the key of each certificate, which is made anew with it"},
	{.name = "terms",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_authority_conf, terms),
	 .choices = terms,
	 .fallback = "unread",
	 .help = "`agreed`: you agree to the authority's terms of service, without which most give "
		 "no account"},
	{.name = "issuer",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_authority_conf, issuer),
	 .min = 1,
	 .max = 127,
	 .example = "ISRG Root X1",
	 .help = "of several chains take the one whose last certificate this one issued; unless "
		 "set, the authority's first"},
	{.name = "account",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_authority_conf, account),
	 .map = &account_map,
	 .help = "for authorities that give accounts to known customers only"},
	{.name = "dns",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_authority_conf, dns),
	 .map = &dns_map,
	 .help = "for `dns-01`: where the records are written"},
};

static void authority_check(const void *conf, struct config_at *at)
{
	const struct reverse_authority_conf *a = conf;
	const char *const *contact = a->contact.items;
	static const char scheme[] = "https://";
	if (strncmp(a->directory, scheme, strlen(scheme)) != 0 ||
	    !strchr(a->directory + strlen(scheme), '/') || strpbrk(a->directory, " #@\""))
		config_fail(at, "directory", "expected https://HOST/PATH");
	for (size_t i = 0; i < a->contact.n; i++)
		if (!strchr(contact[i], '@') || strpbrk(contact[i], " :,?\""))
			config_fail_item(at, "contact", i, "expected a mail address");
	if (a->challenge == ACME_DNS_01 && !a->dns.server.address.family)
		config_fail(at, "challenge",
			    "dns-01 needs `dns: {server: ADDRESS, zones: [ZONE]}`");
	if (a->challenge != ACME_DNS_01 && a->dns.server.address.family)
		config_fail(at, "dns", "it is of `challenge: dns-01`");
}

const struct config_map reverse_authority_map = {
	.help = "An authority that gives certificates by ACME (RFC 8555)",
	.size = sizeof(struct reverse_authority_conf),
	CONFIG_KEYS(authority_keys),
	.check = authority_check,
	CONFIG_LINE(struct reverse_authority_conf, line),
	.alone = "directory",
	.example = "directory: https://acme-v02.api.letsencrypt.org/directory\n"
		   "contact: hostmaster@home.arpa\nterms: agreed",
};

/* --- what follows from it --- */

enum err reverse_acme_tsig(const struct reverse_acme_dns_conf *conf, struct dns_tsig_key *ret)
{
	uint8_t octets[SECRET_LEN_MAX];
	struct writer w = writer_of(octets, sizeof(octets));
	struct dns_tsig_key key = {.name = conf->key};
	bool whole = dns_text_decode_all(DNS_TEXT_BASE64, span_trim(conf->secret), &w) && !w.bad;
	enum err e = whole && w.pos >= TSIG_LEN_MIN ? secret_set(&key.secret, writer_span(&w))
						    : ERR_FORMAT;
	crypto_wipe(octets, sizeof(octets));
	TRY(e);
	dns_name_lower(&key.name);
	TRY(dns_tsig_algorithm_from_text(span_text(algorithms[conf->algorithm]), &key.algorithm));
	*ret = key;
	secret_done(&key.secret);
	return OK;
}

enum err reverse_store_key_read(struct span text, uint8_t ret[REVERSE_STORE_KEY_LEN])
{
	uint8_t octets[REVERSE_STORE_KEY_LEN];
	struct writer w = writer_of(octets, sizeof(octets));
	bool good = dns_text_decode_all(DNS_TEXT_BASE64, span_trim(text), &w) && !w.bad &&
		    w.pos == REVERSE_STORE_KEY_LEN;
	if (good)
		memcpy(ret, octets, sizeof(octets));
	crypto_wipe(octets, sizeof(octets));
	return good ? OK : ERR_FORMAT;
}

const struct dns_name *reverse_acme_zone(const struct reverse_acme_dns_conf *conf,
					 const struct dns_name *name)
{
	const struct dns_name *zones = conf->zones.items, *best = NULL;
	struct dns_name lower = *name;
	dns_name_lower(&lower);
	for (size_t i = 0; i < conf->zones.n; i++) {
		struct dns_name zone = zones[i];
		dns_name_lower(&zone);
		if (dns_name_is_under(&lower, &zone) && (!best || zone.len > best->len))
			best = &zones[i];
	}
	return best;
}

size_t reverse_authority_find(const struct reverse_conf *conf, const char *name)
{
	const struct reverse_authority_conf *all = conf->authorities.items;
	for (size_t i = 0; i < conf->authorities.n; i++)
		if (strcmp(all[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

bool reverse_orders(const struct reverse_conf *conf)
{
	const struct reverse_certificate_conf *all = conf->certificates.items;
	for (size_t i = 0; i < conf->certificates.n; i++)
		if (all[i].acme)
			return true;
	return false;
}

/* --- judges --- */

static void check_name(const struct reverse_authority_conf *a, const struct dns_name *name,
		       const struct config_step steps[2], struct config_at *at)
{
	struct dns_name host = *name;
	bool star = dns_name_is_wildcard(dns_name_span(name)) && dns_name_parent(name, &host);
	if (star && a->challenge != ACME_DNS_01)
		config_fail_inside(at, steps, 2,
				   "only `challenge: dns-01` proves a wildcard, and `%s` has "
				   "another",
				   a->name);
	else if (!dns_name_is_host_name(dns_name_span(&host)) || dns_name_is_root(&host))
		config_fail_inside(at, steps, 2, "this cannot be the name of a host");
	else if (a->challenge == ACME_DNS_01 && !reverse_acme_zone(&a->dns, &host))
		config_fail_inside(at, steps, 2, "it lies in none of the `zones` of `%s`", a->name);
}

static bool has_door(const struct reverse_conf *conf, bool tls)
{
	const struct reverse_listen_conf *listen = conf->listen.items;
	for (size_t i = 0; i < conf->listen.n; i++)
		if (listen[i].tls == tls)
			return true;
	return false;
}

static void check_certificate(const struct reverse_conf *conf, size_t i, struct config_at *at)
{
	const struct reverse_certificate_conf *c =
		(const struct reverse_certificate_conf *)conf->certificates.items + i;
	const struct config_step where[2] = {{"certificates", i}, {"acme", CONFIG_STEP_WHOLE}};
	const struct dns_name *names = c->names.items;
	if (!c->acme)
		return;
	size_t of = reverse_authority_find(conf, c->acme);
	if (of == SIZE_MAX) {
		config_fail_inside(at, where, 2, "there is no `%s` in `authorities`", c->acme);
		return;
	}
	const struct reverse_authority_conf *a =
		(const struct reverse_authority_conf *)conf->authorities.items + of;
	for (size_t k = 0; k < c->names.n; k++)
		check_name(a, &names[k], (struct config_step[]){{"certificates", i}, {"names", k}},
			   at);
	if (a->challenge == ACME_HTTP_01 && !has_door(conf, false))
		config_fail_inside(at, where, 2,
				   "`%s` proves names by http-01: add an address without `tls` to "
				   "`listen`, which gets the requests of port 80",
				   c->acme);
	if (a->challenge == ACME_TLS_ALPN_01 && !has_door(conf, true))
		config_fail_inside(at, where, 2,
				   "`%s` proves names by tls-alpn-01: add an address with `tls` to "
				   "`listen`",
				   c->acme);
}

bool reverse_store_is_shared(const struct reverse_conf *conf)
{
	return strcmp(conf->store, "sqlite") != 0;
}

/* The password stands apart from the URL, which is shown; libpq takes it as a parameter of it. */
void reverse_store_url(const struct reverse_conf *conf, char *ret, size_t size)
{
	struct writer w = writer_of(ret, size - 1);
	write_text(&w, conf->store);
	if (conf->store_password.len) {
		write_text(&w, strchr(conf->store, '?') ? "&password=" : "?password=");
		for (size_t i = 0; i < conf->store_password.len; i++)
			write_format(&w, "%%%02X", conf->store_password.data[i]);
	}
	ret[w.pos] = '\0';
}

static void check_store(const struct reverse_conf *conf, struct config_at *at)
{
	static const char *const schemes[] = {"postgresql://", "postgres://"};
	struct span text = span_text(conf->store), rest;
	uint8_t octets[REVERSE_STORE_KEY_LEN];
	bool known = span_is(text, "sqlite");
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i]);
		if (!span_is(span_sub(text, 0, n), schemes[i]))
			continue;
		known = true;
		rest = span_sub(text, n, text.len);
		rest.len = span_find(rest, '@') < rest.len ? span_find(rest, '@') : 0;
		if (span_find(rest, ':') < rest.len)
			config_fail(at, "store", "write the password as store-password, not here");
	}
	if (!known)
		config_fail(at, "store", "write sqlite, or postgresql://USER@HOST/DATABASE");
	if (conf->store_key.len && reverse_store_key_read(conf->store_key, octets))
		config_fail(at, "store-key", "expected 32 octets in base64");
	crypto_wipe(octets, sizeof(octets));
}

void reverse_acme_check(const struct reverse_conf *conf, struct config_at *at)
{
	check_store(conf, at);
	for (size_t i = 0; i < conf->certificates.n; i++)
		check_certificate(conf, i, at);
}
