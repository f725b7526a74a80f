#include "service/dhcp-client/conf.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "proto/dhcp/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"dhcp-client", &dhcp_client_conf_map};
static const struct config_sections sections = {&section, 1};
static const uint8_t mac[IP_MAC_LEN] = {2, 0, 0xa, 0xb, 0xc, 0xd};

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static size_t parse(const char *text, struct config **ret)
{
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err e = config_parse(&sections, &in, ret, &report);
	size_t n = report.n;
	assert_int_equal(e, n ? ERR_CONFIG : OK);
	config_report_done(&report);
	return n;
}

static size_t errors_of(const char *uplink)
{
	char text[512];
	struct config *c = NULL;
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_format(&w, "dhcp-client:\n  uplinks:\n    %s\n", uplink);
	text[w.pos] = 0;
	size_t n = parse(text, &c);
	config_free(c);
	return n;
}

static void refuses_what_makes_no_sense(void **state)
{
	(void)state;
	assert_int_equal(errors_of("wan: {}"), 0);
	assert_int_equal(errors_of("a-name-of-17-long: {}"), 1);
	assert_int_equal(errors_of("\"a/b\": {}"), 1);
	assert_int_equal(errors_of("wan: {request: [routers, no-such]}"), 1);
	assert_int_equal(errors_of("wan: {request: [0, 255]}"), 2);
	assert_int_equal(errors_of("wan: {servers-allowed: [\"2001:db8::1\"]}"), 1);
	assert_int_equal(errors_of("wan: {addresses-allowed: [\"2001:db8::/32\"], "
				   "addresses-refused: [\"::/0\"]}"),
			 2);
	assert_int_equal(errors_of("wan: {host-name: a, fqdn: b.example}"), 1);
	assert_int_equal(errors_of("wan: {lease: 1s}"), 1);
	assert_int_equal(errors_of("wan: {message-max: 575}"), 1);
	assert_int_equal(errors_of("wan: {probing: {min: 3s, max: 2s}}"), 1);
	assert_int_equal(errors_of("{}"), 1);
}

static void rules_of(const char *text, struct config **config, struct client_rules *ret)
{
	static const uint8_t duid[] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1};
	assert_int_equal(parse(text, config), 0);
	const struct client_conf *c = config_section(*config, "dhcp-client");
	assert_int_equal(c->uplinks.n, 1);
	client_rules_fill(c->uplinks.items, mac, span_of(duid, sizeof(duid)), ret);
}

/* RFC 4361 6.1: "DHCPv4 clients conforming to this specification MUST use stable DHCPv4 node
 * identifiers in the dhcp-client-identifier option", of type 255 with an IAID and a DUID, and "MUST
 * NOT use client identifiers based solely on layer two addresses". */
static void the_identity_is_a_duid_unless_told_otherwise(void **state)
{
	(void)state;
	struct client_rules rules;
	struct dhcp_client_id id;
	struct config *config = NULL;
	rules_of("dhcp-client: {uplinks: {wan: {}}}\n", &config, &rules);
	assert_int_equal(dhcp_client_id_read(rules.rules.client_id, &id), OK);
	assert_int_equal(id.kind, DHCP_CLIENT_ID_DUID);
	assert_int_equal(id.iaid, 0x0a0b0c0d);
	assert_int_equal(id.value.len, 10);
	config_free(config);
	rules_of("dhcp-client: {uplinks: {wan: {identity: mac}}}\n", &config, &rules);
	assert_int_equal(dhcp_client_id_read(rules.rules.client_id, &id), OK);
	assert_int_equal(id.kind, DHCP_CLIENT_ID_HARDWARE);
	assert_true(span_equal(id.value, span_of(mac, sizeof(mac))));
	config_free(config);
}

static void rules_say_what_is_configured(void **state)
{
	(void)state;
	static const uint8_t codes[] = {DHCP_OPT_ROUTERS, 119};
	struct client_rules rules;
	struct config *config = NULL;
	rules_of("dhcp-client:\n  uplinks:\n    wan:\n      request: [routers, 119]\n"
		 "      fqdn: gw.example\n      lease: 1h\n      vendor-class: v\n"
		 "      servers-allowed: [192.0.2.1, 198.51.100.0/24]\n      ipv6-only: on\n"
		 "      probing: {probes: 2, wait: 5ms}\n",
		 &config, &rules);
	const struct uplink_rules *r = &rules.rules;
	assert_true(span_equal(span_of(r->request, r->request_n), span_of(codes, 2)));
	assert_int_equal(r->lease_s, 3600);
	assert_int_equal(r->servers_allowed_n, 2);
	assert_true(r->ipv6_only && r->force_renew && !r->rapid_commit && r->keep_unconfirmed);
	assert_true(span_equal(r->fqdn, span_of("\5\0\0\2gw\7example", 15)));
	assert_true(span_is(r->vendor_class, "v"));
	assert_int_equal(r->host_name.len, 0);
	assert_int_equal(r->probing.probes, 2);
	assert_int_equal(r->probing.wait_ms, 5);
	assert_int_equal(r->start_delay_ms, 10000);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_what_makes_no_sense),
		cmocka_unit_test(the_identity_is_a_duid_unless_told_otherwise),
		cmocka_unit_test(rules_say_what_is_configured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
