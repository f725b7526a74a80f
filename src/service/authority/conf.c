#include "service/authority/conf.h"

#include "proto/ip/prefix.h"
#include "service/authority/answer.h"

#include <stdlib.h>

static const char *const checks_choices[] = {"strict", "lenient", NULL};
static const char *const answers_choices[] = {"full", "minimal", NULL};

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

static void check(const void *conf, struct config_at *at)
{
	const struct authority_conf *c = conf;

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
