#include "service/dhcp/conf_relay.h"

#include "config/config.h"
#include "config/report.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct config_section section = {"dhcp", &dhcp_conf_map};
static const struct config_sections sections = {&section, 1};

/* "LINE:COLUMN MESSAGE" of the first error; "" when there is none. */
static const char *error_of(const char *body)
{
	static char told[1024];
	char text[2048];
	struct config *c = NULL;
	struct config_report r = {0};
	(void)snprintf(text, sizeof(text), "dhcp:\n%s", body);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};

	enum err e = config_parse(&sections, &in, &c, &r);
	assert_int_equal(e, r.n ? ERR_CONFIG : OK);
	told[0] = '\0';
	if (r.n)
		(void)snprintf(told, sizeof(told), "%u:%u %s", r.errors[0].line, r.errors[0].column,
			       r.errors[0].message);
	config_report_done(&r);
	config_free(c);
	return told;
}

#define WRONG(body, error) assert_string_equal(error_of(body), (error))

static void tells_what_is_wrong_with_a_relay(void **state)
{
	(void)state;
	WRONG("  relay: {interface: lan1}\n", "2:10 key 'servers' is missing here");
	WRONG("  relay: {interface: lan1, servers: \"::1\"}\n",
	      "2:37 write the IPv4 address of a DHCP server");
	WRONG("  relay: {interface: lan1, servers: [192.0.2.1, 255.255.255.255, 224.0.0.1]}\n",
	      "2:49 write the IPv4 address of a DHCP server");
	WRONG("  relay: {interface: lan1, servers: 192.0.2.1, circuit-id: \"hex:0\"}\n",
	      "2:60 write a text, or hexadecimal octets behind hex:, of at most 64 octets");
	WRONG("  relay: {interface: lan1, servers: 192.0.2.1, option-82: off, remote-id: a}\n",
	      "2:59 what the other keys say is sent in option 82");
	WRONG("  relay: {interface: lan1, servers: 192.0.2.1, option-82: off, gateway-address: "
	      "192.0.2.9}\n",
	      "2:81 servers learn the link of the clients from option 82 then, which is off");
	WRONG("  relay: {interface: lan1, servers: 192.0.2.1, hops-max: 17}\n",
	      "2:58 value of 'hops-max' is out of bounds");
	WRONG("  relay: [{interface: a, servers: 192.0.2.1}, {interface: a, servers: "
	      "192.0.2.2}]\n",
	      "2:59 'a' is relayed twice");
	WRONG("  networks: {subnet: 192.0.2.0/24, interface: a}\n"
	      "  relay: {interface: a, servers: 198.51.100.1}\n",
	      "3:22 'a' has a network here; it is served or relayed");
}

static void relays_are_what_the_agent_takes(void **state)
{
	(void)state;
	static const char text[] =
		"dhcp:\n  relay:\n"
		"    - {interface: lan1, servers: [192.0.2.67, 192.0.2.68]}\n"
		"    - {interface: lan2, servers: 192.0.2.67, gateway-address: 192.0.2.1, "
		"circuit-id: "
		"\"hex:0102\",\n       remote-id: gate, subscriber-id: s, trusted: on, "
		"server-id-override: on, hops-max: 16}\n"
		"    - {interface: lan3, servers: 192.0.2.67, option-82: off}\n";
	struct config *c = NULL;
	struct config_report r = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	struct relay_link links[RELAY_LINKS_MAX];

	assert_int_equal(config_parse(&sections, &in, &c, &r), OK);
	assert_int_equal(dhcp_conf_relays(config_section(c, "dhcp"), links), 3);
	assert_string_equal(links[0].interface, "lan1");
	assert_int_equal(links[0].servers_n, 2);
	assert_int_equal(links[0].servers[1], 0xc0000244);
	assert_int_equal(links[0].hops_max, RELAY_HOPS_DEFAULT);
	assert_true(links[0].option_82);
	assert_int_equal(links[0].giaddr | links[0].circuit_id_len | links[0].remote_id_len, 0);
	assert_int_equal(links[1].giaddr, 0xc0000201);
	assert_int_equal(links[1].circuit_id_len, 2);
	assert_memory_equal(links[1].circuit_id, "\x01\x02", 2);
	assert_int_equal(links[1].remote_id_len, 4);
	assert_memory_equal(links[1].remote_id, "gate", 4);
	assert_int_equal(links[1].subscriber_id_len, 1);
	assert_true(links[1].trusted && links[1].server_id_override);
	assert_int_equal(links[1].hops_max, 16);
	assert_false(links[2].option_82);
	config_free(c);
	config_report_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_is_wrong_with_a_relay),
		cmocka_unit_test(relays_are_what_the_agent_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
