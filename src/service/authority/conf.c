#include "service/authority/conf.h"

#include "base/writer.h"
#include "proto/dns/text.h"
#include "proto/dns/type.h"
#include "proto/ip/prefix.h"
#include "service/authority/answer.h"
#include "service/authority/keyring.h"
#include "service/authority/update_policy.h"

#include <stdlib.h>

static const char *const checks_choices[] = {"strict", "lenient", NULL};
static const char *const answers_choices[] = {"full", "minimal", NULL};

static const char *const algorithm_choices[] = {"hmac-sha256", "hmac-sha384", "hmac-sha512",
						"hmac-sha224", "hmac-sha1",   NULL};
static const char *const names_choices[] = {"zone", "self", NULL};

#define SECRET_BITS_MIN 128

static const struct config_key key_keys[] = {
	{.name = "name",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct authority_key_conf, name),
	 .help = "the key's name, which both sides must write alike",
	 .example = "dhcp-key"},
	{.name = "algorithm",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct authority_key_conf, algorithm),
	 .choices = algorithm_choices,
	 .fallback = "hmac-sha256",
	 .help = "how messages are signed by it"},
	{.name = "secret",
	 .type = CONFIG_SECRET,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct authority_key_conf, secret),
	 .min = 4,
	 .max = 684,
	 .help = "the secret in base64, at least 16 octets",
	 .example = "file:dhcp.key"},
};

static const struct config_map key_map = {
	.help = "A key by which updates and transfers are signed (TSIG, RFC 8945)",
	.size = sizeof(struct authority_key_conf),
	CONFIG_KEYS(key_keys),
	.example = "{name: dhcp-key, secret: \"file:dhcp.key\"}",
};

static const struct config_key update_keys[] = {
	{.name = "key",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct authority_update_conf, key),
	 .help = "the key that the update must be signed by, one of `keys`",
	 .example = "dhcp-key"},
	{.name = "names",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct authority_update_conf, names),
	 .choices = names_choices,
	 .fallback = "zone",
	 .help = "the names that it may change: `zone` is all of the zone, or those of `below` and "
		 "`exactly` when these are given; `self` is the name that is the key's own, and "
		 "those"},
	{.name = "below",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_update_conf, below),
	 .example = "[dyn.example.com]",
	 .help = "these names and all below them"},
	{.name = "exactly",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_update_conf, exactly),
	 .example = "[host.example.com]",
	 .help = "these names alone"},
	{.name = "types",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_update_conf, types),
	 .example = "[A, AAAA, DHCID]",
	 .help = "the types of records that it may change; all but SOA and NS unless named"},
};

static const struct config_map update_map = {
	.help = "What a key may change in the zone by DNS UPDATE (RFC 2136)",
	.size = sizeof(struct authority_update_conf),
	CONFIG_KEYS(update_keys),
	.example = "{key: dhcp-key, types: [A, AAAA, DHCID]}",
};

static const struct config_key zone_keys[] = {
	{.name = "origin",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct authority_zone_conf, origin),
	 .help = "the name at the top of the zone; `.` is the root zone",
	 .example = "example.com"},
	{.name = "file",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct authority_zone_conf, file),
	 .help = "the zone file (RFC 1035 section 5)",
	 .example = "example.com.zone"},
	{.name = "transfer",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_zone_conf, transfer),
	 CONFIG_PRESENT(struct authority_zone_conf, transfer_own),
	 .help = "who may copy this zone by AXFR, instead of those named for all zones",
	 .example = "[192.0.2.0/24]"},
	{.name = "transfer-keys",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_zone_conf, transfer_keys),
	 CONFIG_PRESENT(struct authority_zone_conf, transfer_keys_own),
	 .help = "keys by which this zone may be copied from anywhere, instead of those named for "
		 "all zones",
	 .example = "[secondary-key]"},
	{.name = "update",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_zone_conf, update),
	 .map = &update_map,
	 .help = "who may change the zone by DNS UPDATE; nobody unless named, and by key only: an "
		 "address can be forged"},
	{.name = "checks",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct authority_zone_conf, checks),
	 CONFIG_PRESENT(struct authority_zone_conf, checks_own),
	 .choices = checks_choices,
	 .help = "how this zone is judged, instead of the way named for all zones",
	 .example = "lenient"},
};

static const struct config_map zone_map = {
	.help = "A zone that this server answers for",
	.size = sizeof(struct authority_zone_conf),
	CONFIG_KEYS(zone_keys),
	.example = "{origin: example.com, file: example.com.zone}",
};

static const struct config_key tcp_keys[] = {
	{.name = "clients",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct authority_tcp_conf, clients),
	 .fallback = "256",
	 .min = 1,
	 .max = 65536,
	 .help = "how many TCP connections are held at once; one more closes the longest silent "
		 "one"},
	{.name = "idle",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct authority_tcp_conf, idle_ms),
	 .fallback = "10s",
	 .min = 100,
	 .max = 3600000,
	 .help = "a connection without a query for this long is closed"},
};

static const struct config_map tcp_map = {
	.help = "Clients that ask over TCP",
	.size = sizeof(struct authority_tcp_conf),
	CONFIG_KEYS(tcp_keys),
};

static const struct config_key authority_keys[] = {
	{.name = "listen",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct authority_conf, listen),
	 .port = 53,
	 .items_min = 1,
	 .items_max = 256,
	 .fallback = "127.0.0.1:53",
	 .example = "[\"192.0.2.53\", \"[2001:db8::53]:53\"]",
	 .help = "the addresses to serve on, over UDP and TCP each; where a service runs "
		 "alone, a change needs a restart"},
	{.name = "workers",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct authority_conf, workers),
	 .fallback = "0",
	 .min = 0,
	 .max = 256,
	 .help = "threads that answer; 0 is one for each processor; where a service runs alone, "
		 "a change needs a restart"},
	{.name = "zones",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_conf, zones),
	 .map = &zone_map,
	 .help = "the zones to serve"},
	{.name = "checks",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct authority_conf, checks),
	 .choices = checks_choices,
	 .fallback = "strict",
	 .help = "what names that are no host names, data outside of its zone and missing glue "
		 "are: `strict` "
		 "refuses the zone, `lenient` warns and leaves such data out"},
	{.name = "transfer",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_conf, transfer),
	 .example = "[127.0.0.0/8]",
	 .help = "who may copy zones by AXFR; nobody unless named"},
	{.name = "transfer-keys",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_conf, transfer_keys),
	 .example = "[secondary-key]",
	 .help = "keys by which zones may be copied from anywhere"},
	{.name = "keys",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct authority_conf, keys),
	 .map = &key_map,
	 .items_max = 1024,
	 .help = "the keys by which updates and transfers are signed"},
	{.name = "round-robin",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct authority_conf, round_robin),
	 .fallback = "on",
	 .help = "begin an answer with another record of the set each time"},
	{.name = "answers",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct authority_conf, answers),
	 .choices = answers_choices,
	 .fallback = "full",
	 .help = "`minimal` leaves out the addresses of mail, service and name servers, except for "
		 "glue"},
	{.name = "edns-size",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct authority_conf, edns_size),
	 .fallback = "1232",
	 .min = 512,
	 .max = ANSWER_UDP_MAX,
	 .help = "the longest answer over UDP, in octets, when the client takes that much"},
	{.name = "tcp",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct authority_conf, tcp),
	 .map = &tcp_map,
	 .help = "clients that ask over TCP"},
	{.name = "identity",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct authority_conf, identity),
	 .min = 1,
	 .max = ANSWER_IDENTITY_MAX,
	 .example = "ns1",
	 .help = "what this server tells of itself: NSID (RFC 5001) and id.server (RFC 4892); "
		 "nothing unless set"},
	{.name = "version",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct authority_conf, version),
	 .fallback = "off",
	 .help = "tell the program's version to those who ask for version.server"},
	{.name = "cookies",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct authority_conf, cookies),
	 .fallback = "on",
	 .help = "answer DNS cookies (RFC 7873)"},
	{.name = "cookie-secret",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct authority_conf, cookie_secret),
	 .min = 32,
	 .max = 32,
	 .example = "file:cookie.secret",
	 .help = "16 octets as 32 hexadecimal digits, the same on all servers of one address; made "
		 "at start "
		 "unless set"},
};

static bool is_hex(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return false;
	}
	return true;
}

static int compare_origins(const void *a, const void *b)
{
	const struct authority_zone_conf *const *x = a, *const *y = b;
	const struct dns_name *p = &(*x)->origin, *q = &(*y)->origin;
	int c = p->len == q->len ? memcmp(p->wire, q->wire, p->len) : p->len - q->len;

	return c ? c : (*x > *y) - (*x < *y);
}

static void check_origins(const struct authority_conf *c, struct config_at *at)
{
	const struct authority_zone_conf *zones = c->zones.items, **sorted;

	sorted = malloc((c->zones.n + 1) * sizeof(struct authority_zone_conf *));
	if (!sorted) {
		config_fail(at, "zones", "there is no memory for so many");
		return;
	}
	for (size_t i = 0; i < c->zones.n; i++)
		sorted[i] = &zones[i];
	qsort(sorted, c->zones.n, sizeof(struct authority_zone_conf *), compare_origins);
	for (size_t i = 1; i < c->zones.n; i++) {
		char text[DNS_NAME_TEXT_MAX];
		if (dns_name_equal(&sorted[i]->origin, &sorted[i - 1]->origin))
			config_fail_item(at, "zones", (size_t)(sorted[i] - zones),
					 "the zone %s is named twice",
					 dns_name_format(&sorted[i]->origin, text));
	}
	free(sorted);
}

static struct dns_name lowered(const struct dns_name *name)
{
	struct dns_name n = *name;

	dns_name_lower(&n);
	return n;
}

static bool has_key(const struct authority_conf *c, const struct dns_name *name)
{
	const struct authority_key_conf *keys = c->keys.items;
	struct dns_name wanted = lowered(name);

	for (size_t i = 0; i < c->keys.n; i++) {
		struct dns_name n = lowered(&keys[i].name);
		if (dns_name_equal(&n, &wanted))
			return true;
	}
	return false;
}

static enum err decode_secret(struct span text, struct secret *ret)
{
	uint8_t octets[SECRET_LEN_MAX];
	struct writer w = writer_of(octets, sizeof(octets));
	bool whole = dns_text_decode_all(DNS_TEXT_BASE64, span_trim(text), &w) && !w.bad;
	enum err e = whole && w.pos >= SECRET_BITS_MIN / 8 ? secret_set(ret, writer_span(&w))
							   : ERR_FORMAT;

	crypto_wipe(octets, sizeof(octets));
	return e;
}

static void check_keys(const struct authority_conf *c, struct config_at *at)
{
	const struct authority_key_conf *keys = c->keys.items;

	for (size_t i = 0; i < c->keys.n; i++) {
		AUTO_DONE(secret_done) struct secret secret = {0};
		struct dns_name n = lowered(&keys[i].name);
		if (decode_secret(keys[i].secret, &secret))
			config_fail_item(at, "keys", i,
					 "`secret` must be base64 of at least %d octets",
					 SECRET_BITS_MIN / 8);
		for (size_t k = 0; k < i; k++) {
			struct dns_name other = lowered(&keys[k].name);
			if (dns_name_equal(&n, &other))
				config_fail_item(at, "keys", i,
						 "there is a key of this name already");
		}
	}
}

static void check_key_names(const struct authority_conf *c, const struct config_list *names,
			    const char *key, struct config_at *at)
{
	const struct dns_name *n = names->items;
	char text[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < names->n; i++)
		if (!has_key(c, &n[i]))
			config_fail(at, key, "there is no key %s in `keys`",
				    dns_name_format(&n[i], text));
}

static bool is_in_zone(const struct config_list *names, const struct dns_name *origin)
{
	const struct dns_name *n = names->items;

	for (size_t i = 0; i < names->n; i++)
		if (!dns_name_is_under_nocase(dns_name_span(&n[i]), dns_name_span(origin)))
			return false;
	return true;
}

static void check_rule(const struct authority_conf *c, size_t zone,
		       const struct authority_update_conf *u, struct config_at *at)
{
	const struct authority_zone_conf *z =
		(const struct authority_zone_conf *)c->zones.items + zone;
	const char *const *types = u->types.items;
	char text[DNS_NAME_TEXT_MAX];
	uint16_t type;

	if (!has_key(c, &u->key))
		config_fail_item(at, "zones", zone, "`update`: there is no key %s in `keys`",
				 dns_name_format(&u->key, text));
	if (!is_in_zone(&u->below, &z->origin) || !is_in_zone(&u->exactly, &z->origin))
		config_fail_item(
			at, "zones", zone,
			"`update`: a name of `below` or `exactly` is outside of the zone %s",
			dns_name_format(&z->origin, text));
	for (size_t i = 0; i < u->types.n; i++)
		if (!dns_type_from_text(span_text(types[i]), &type) ||
		    (dns_type_flags(type) & DNS_TYPE_META))
			config_fail_item(at, "zones", zone, "`update`: %s is no type of records",
					 types[i]);
}

static void check_rules(const struct authority_conf *c, struct config_at *at)
{
	const struct authority_zone_conf *zones = c->zones.items;

	check_key_names(c, &c->transfer_keys, "transfer-keys", at);
	for (size_t i = 0; i < c->zones.n; i++) {
		const struct authority_update_conf *rules = zones[i].update.items;
		check_key_names(c, &zones[i].transfer_keys, "zones", at);
		for (size_t k = 0; k < zones[i].update.n; k++)
			check_rule(c, i, &rules[k], at);
	}
}

enum err authority_conf_keys(const struct authority_conf *conf, struct keyring **ret)
{
	const struct authority_key_conf *keys = conf->keys.items;
	AUTO(keyring_unref) struct keyring *k = NULL;

	if (conf->keys.n == 0) {
		*ret = NULL;
		return OK;
	}
	TRY(keyring_new(conf->keys.n, &k));
	for (size_t i = 0; i < conf->keys.n; i++) {
		k->keys[i].name = lowered(&keys[i].name);
		TRY(dns_tsig_algorithm_from_text(span_text(algorithm_choices[keys[i].algorithm]),
						 &k->keys[i].algorithm));
		TRY(decode_secret(keys[i].secret, &k->keys[i].secret));
	}
	*ret = TAKE(k);
	return OK;
}

static enum err lower_names(const struct config_list *from, struct dns_name **ret, size_t *ret_n)
{
	const struct dns_name *names = from->items;

	if (from->n == 0)
		return OK;
	*ret = calloc(from->n, sizeof(**ret));
	if (!*ret)
		return ENOMEM;
	for (size_t i = 0; i < from->n; i++)
		(*ret)[i] = lowered(&names[i]);
	*ret_n = from->n;
	return OK;
}

static enum err rule_of(const struct authority_update_conf *u, struct update_rule *r)
{
	const char *const *types = u->types.items;

	r->key = lowered(&u->key);
	r->self = u->names == AUTHORITY_UPDATE_SELF;
	TRY(lower_names(&u->below, &r->below, &r->below_n));
	TRY(lower_names(&u->exactly, &r->exactly, &r->exactly_n));
	if (u->types.n == 0)
		return OK;
	r->types = calloc(u->types.n, sizeof(*r->types));
	if (!r->types)
		return ENOMEM;
	for (; r->types_n < u->types.n; r->types_n++)
		if (!dns_type_from_text(span_text(types[r->types_n]), &r->types[r->types_n]))
			return ERR_CONFIG;
	return OK;
}

enum err authority_conf_policy(const struct authority_zone_conf *zone, struct update_policy *ret)
{
	const struct authority_update_conf *rules = zone->update.items;
	struct update_policy p = {.rules = calloc(zone->update.n + 1, sizeof(*p.rules))};
	enum err e = p.rules ? OK : (enum err)ENOMEM;

	while (!e && p.n < zone->update.n) {
		e = rule_of(&rules[p.n], &p.rules[p.n]);
		p.n++;
	}
	if (e) {
		update_policy_done(&p);
		return e;
	}
	*ret = p;
	return OK;
}

static void check(const void *conf, struct config_at *at)
{
	const struct authority_conf *c = conf;

	check_keys(c, at);
	check_rules(c, at);

	if (!is_hex(c->cookie_secret))
		config_fail(at, "cookie-secret", "write 32 hexadecimal digits");
	check_origins(c, at);
}

static uint8_t hex_digit(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

void authority_conf_answers(const struct authority_conf *conf, const uint8_t secret[16],
			    struct answer_config *ret)
{
	*ret = (struct answer_config){
		.edns_size = (uint16_t)conf->edns_size,
		.minimal = conf->answers == AUTHORITY_ANSWERS_MINIMAL,
		.round_robin = conf->round_robin,
		.cookies = conf->cookies,
		.idle_100ms = (uint16_t)(conf->tcp.idle_ms / 100),
		.version = conf->version ? "gatehouse " GATEHOUSE_VERSION : NULL,
	};
	if (conf->identity) {
		ret->identity_len = (uint8_t)strlen(conf->identity);
		memcpy(ret->identity, conf->identity, ret->identity_len);
	}
	for (size_t i = 0; i < sizeof(ret->cookie_secret); i++) {
		const uint8_t *digits = conf->cookie_secret.data + 2 * i;
		ret->cookie_secret[i] =
			conf->cookie_secret.len
				? (uint8_t)(hex_digit(digits[0]) << 4 | hex_digit(digits[1]))
				: secret[i];
	}
}

const struct config_map authority_conf_map = {
	.help = "The authoritative name server: answers for the zones that it has as files",
	.size = sizeof(struct authority_conf),
	CONFIG_KEYS(authority_keys),
	.check = check,
};
