#include "service/dhcp/conf_names.h"

#include "base/writer.h"
#include "proto/dns/text.h"
#include "service/dhcp/conf.h"

#include <stdlib.h>

#define SECRET_LEN_MIN 16

static const char *const algorithm_choices[] = {"hmac-sha256", "hmac-sha384", "hmac-sha512",
						"hmac-sha224", "hmac-sha1",   NULL};

static const struct config_key names_keys[] = {
	{.name = "domain",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dhcp_names_conf, domain),
	 .help = "hosts become names right below it",
	 .example = "home.arpa"},
	{.name = "server",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dhcp_names_conf, server),
	 .port = 53,
	 .help = "the authoritative server that takes the updates: this suite's, BIND, Knot",
	 .example = "127.0.0.1:5300"},
	{.name = "zone",
	 .type = CONFIG_NAME,
	 CONFIG_FIELD(struct dhcp_names_conf, zone),
	 .help = "the zone that holds `domain`; `domain` itself unless set",
	 .example = "home.arpa"},
	{.name = "reverse",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct dhcp_names_conf, reverse),
	 .items_max = 256,
	 .help = "the zones for names of addresses; an address that lies in none has none",
	 .example = "[7.168.192.in-addr.arpa]"},
	{.name = "key",
	 .type = CONFIG_NAME,
	 CONFIG_FIELD(struct dhcp_names_conf, key),
	 .help = "the name of the key that signs the updates (TSIG, RFC 8945); unsigned unless set",
	 .example = "dhcp-key"},
	{.name = "algorithm",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct dhcp_names_conf, algorithm),
	 .choices = algorithm_choices,
	 .fallback = "hmac-sha256",
	 .help = "how they are signed"},
	{.name = "secret",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct dhcp_names_conf, secret),
	 .max = 684,
	 .help = "the key's secret in base64, at least 16 octets",
	 .example = "file:dhcp.key"},
	{.name = "reserved",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct dhcp_names_conf, reserved),
	 .help = "names that no client gets, besides `wpad`, `isatap`, `localhost`, this machine's "
		 "own and those of reservations",
	 .example = "[gateway, printer]"},
	{.name = "ttl-max",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct dhcp_names_conf, ttl_max_ms),
	 .min = 1000,
	 .max = 86400000,
	 .fallback = "10m",
	 .help = "how long others may hold a record; never longer than a third of the lease (RFC "
		 "4702)"},
	{.name = "generate",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct dhcp_names_conf, generate),
	 .fallback = "on",
	 .help = "a client that gives no name gets one from its address, as 192-168-7-23"},
	{.name = "client-updates",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct dhcp_names_conf, client_updates),
	 .fallback = "off",
	 .help = "a client that wishes to write its own address record, or to have none, may "
		 "(option 81, RFC 4702)"},
	{.name = "queue",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct dhcp_names_conf, queue),
	 .fallback = "10000",
	 .min = 16,
	 .max = 1000000,
	 .help = "leases whose names may wait for the server; those beyond are named at their "
		 "renewal"},
};

static enum err decode(struct span text, struct secret *ret)
{
	uint8_t octets[SECRET_LEN_MAX];
	struct writer w = writer_of(octets, sizeof(octets));
	bool whole = dns_text_decode_all(DNS_TEXT_BASE64, span_trim(text), &w) && !w.bad;
	enum err e =
		whole && w.pos >= SECRET_LEN_MIN ? secret_set(ret, writer_span(&w)) : ERR_FORMAT;

	crypto_wipe(octets, sizeof(octets));
	return e;
}

static struct dns_name lowered(const struct dns_name *name)
{
	struct dns_name n = *name;

	dns_name_lower(&n);
	return n;
}

static struct dns_name zone_of(const struct dhcp_names_conf *n)
{
	return lowered(n->zone.len ? &n->zone : &n->domain);
}

static void check(const void *conf, struct config_at *at)
{
	const struct dhcp_names_conf *n = conf;
	const char *const *reserved = n->reserved.items;
	AUTO_DONE(secret_done) struct secret secret = {0};
	struct dns_name domain = lowered(&n->domain), zone = zone_of(n);

	if (!dns_name_is_under(&domain, &zone))
		config_fail(at, "zone", "`domain` does not lie in it");
	if (domain.len > DNS_NAME_MAX - NAMES_LABEL_MAX - 1)
		config_fail(at, "domain", "it leaves no room for a host's name");
	if (n->key.len && decode(n->secret, &secret))
		config_fail(at, "secret", "write base64 of at least %d octets", SECRET_LEN_MIN);
	if (!n->key.len && n->secret.len)
		config_fail(at, "secret", "it needs the name of its `key`");
	for (size_t i = 0; i < n->reserved.n; i++)
		if (names_label_clean(span_text(reserved[i])).len == 0)
			config_fail_item(at, "reserved", i, "this is no host name");
}

const struct config_map dhcp_names_conf_map = {
	.help = "Leases become names by DNS UPDATE (RFC 2136, 4703), and go with the lease",
	.size = sizeof(struct dhcp_names_conf),
	CONFIG_KEYS(names_keys),
	.check = check,
	.example = "domain: home.arpa\nserver: 127.0.0.1:5300\n"
		   "reverse: [7.168.192.in-addr.arpa]\nkey: dhcp-key\n"
		   "secret: c2l4dGVlbiBvY3RldHMgb3IgbW9yZQ==",
};

/* --- rules --- */

void names_rules_free(struct names_rules *r)
{
	if (!r)
		return;
	secret_done(&r->key.secret);
	free(r->reverse);
	free(r->reserved);
	free(r);
}

static size_t reservations(const struct dhcp_conf *c)
{
	const struct dhcp_network_conf *networks = c->networks.items;
	const struct v6_network_conf *networks6 = c->v6.networks.items;
	size_t n = 0;

	for (size_t i = 0; i < c->networks.n; i++)
		n += networks[i].reservations.n;
	for (size_t i = 0; i < c->v6.networks.n; i++)
		n += networks6[i].reservations.n;
	return n;
}

static void reserve(struct names_rules *r, struct span text)
{
	struct names_label l = names_label_clean(text);

	if (l.len)
		r->reserved[r->conf.reserved_n++] = l;
}

/* What reservations name is theirs, as what the file reserves, and the gateway's own name. */
static enum err take_reserved(const struct dhcp_conf *c, struct span own, struct names_rules *r)
{
	const char *const *listed = c->names.reserved.items;
	const struct dhcp_network_conf *networks = c->networks.items;
	const struct v6_network_conf *networks6 = c->v6.networks.items;

	r->reserved = calloc(c->names.reserved.n + reservations(c) + 1, sizeof(*r->reserved));
	if (!r->reserved)
		return ENOMEM;
	for (size_t i = 0; i < c->names.reserved.n; i++)
		reserve(r, span_text(listed[i]));
	for (size_t i = 0; i < c->networks.n; i++) {
		const struct dhcp_reservation_conf *of = networks[i].reservations.items;
		for (size_t k = 0; k < networks[i].reservations.n; k++)
			if (of[k].name)
				reserve(r, span_text(of[k].name));
	}
	for (size_t i = 0; i < c->v6.networks.n; i++) {
		const struct v6_reservation_conf *of = networks6[i].reservations.items;
		for (size_t k = 0; k < networks6[i].reservations.n; k++)
			if (of[k].name)
				reserve(r, span_text(of[k].name));
	}
	reserve(r, own);
	r->conf.reserved = r->reserved;
	return OK;
}

static enum err take_zones(const struct dhcp_names_conf *n, struct names_rules *r)
{
	const struct dns_name *reverse = n->reverse.items;
	const struct dns_tsig_key *key = NULL;

	if (n->key.len) {
		r->key.name = lowered(&n->key);
		TRY(dns_tsig_algorithm_from_text(span_text(algorithm_choices[n->algorithm]),
						 &r->key.algorithm));
		TRY(decode(n->secret, &r->key.secret));
		key = &r->key;
	}
	r->reverse = calloc(n->reverse.n + 1, sizeof(*r->reverse));
	if (!r->reverse)
		return ENOMEM;
	for (size_t i = 0; i < n->reverse.n; i++)
		r->reverse[i] = (struct names_zone){lowered(&reverse[i]), n->server, key};
	r->conf.forward = (struct names_zone){zone_of(n), n->server, key};
	r->conf.reverse = r->reverse;
	r->conf.reverse_n = n->reverse.n;
	return OK;
}

enum err names_rules_new(const struct dhcp_conf *c, struct span own, struct names_rules **ret)
{
	const struct dhcp_names_conf *n = &c->names;
	AUTO(names_rules_free) struct names_rules *r = NULL;

	*ret = NULL;
	if (n->domain.len == 0)
		return OK;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ENOMEM;
	r->conf = (struct names_conf){
		.domain = lowered(&n->domain),
		.ttl_max_s = (uint32_t)(n->ttl_max_ms / 1000),
		.generate = n->generate,
		.fqdn = n->client_updates ? NAMES_FQDN_CLIENT : NAMES_FQDN_SERVER,
	};
	TRY(take_zones(n, r));
	TRY(take_reserved(c, own, r));
	*ret = TAKE(r);
	return OK;
}
