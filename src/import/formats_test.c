/* Whole files of each program against what is made of them, and the refusals. */
#include "import/formats.h"
#include "import/site.h"
#include "import/tunnel.h"
#include "import/yaml_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef enum err read_call(struct span text, struct import_site *s);

/* What the text becomes, with its notes as comments behind it; to be freed. */
static char *made_of(read_call *read, const char *text, enum err expected)
{
	struct import_site s;
	size_t cap = 1 << 20;
	uint8_t *out = malloc(cap);

	assert_non_null(out);
	import_site_init(&s);
	assert_int_equal(read(span_text(text), &s), expected);
	struct writer w = writer_of(out, cap - 1);
	if (!expected)
		import_yaml_write(&s, &w);
	for (const struct import_note *n = s.notes; n; n = n->next)
		write_format(&w, "# %u: %.*s\n", n->line, (int)n->text.len,
			     (const char *)n->text.data);
	assert_int_equal(writer_check(&w), OK);
	out[w.pos] = '\0';
	import_site_done(&s);
	return (char *)out;
}

static void assert_made(read_call *read, const char *text, const char *expected)
{
	char *made = made_of(read, text, OK);
	assert_string_equal(made, expected);
	free(made);
}

static char *file(const char *name)
{
	char path[4096], *text;
	long len;

	(void)snprintf(path, sizeof(path), "%s/%s", IMPORT_DATA, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	len = ftell(f);
	rewind(f);
	text = malloc((size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)len, f), (size_t)len);
	text[len] = '\0';
	(void)fclose(f);
	return text;
}

static void assert_file(read_call *read, const char *name, const char *expected_name)
{
	char *text = file(name), *expected = file(expected_name);
	assert_made(read, text, expected);
	free(expected);
	free(text);
}

static void dnsmasq_file_is_carried_over(void **state)
{
	(void)state;
	assert_file(import_dnsmasq, "dnsmasq.conf", "dnsmasq.yaml");
}

static void isc_file_is_carried_over(void **state)
{
	(void)state;
	assert_file(import_isc_dhcpd, "dhcpd.conf", "dhcpd.yaml");
}

static void kea_file_is_carried_over(void **state)
{
	(void)state;
	assert_file(import_kea, "kea.json", "kea.yaml");
}

/* Files as they lie in the wild: options with and without a type, tags of ranges and of hosts,
 * pools of shared networks, prefixes that are no one prefix, hosts of all kinds, and slips. */
static void wild_files_are_carried_over(void **state)
{
	(void)state;
	assert_file(import_dnsmasq, "dnsmasq-more.conf", "dnsmasq-more.yaml");
	assert_file(import_isc_dhcpd, "dhcpd-more.conf", "dhcpd-more.yaml");
	assert_file(import_kea, "kea-more.json", "kea-more.yaml");
}

/* "says for each line what it could not carry over": the value that an option does not take is
 * found when all is written, and its note takes nobody's place (it once took everybody's). */
static void a_wrong_value_is_one_note_among_the_others(void **state)
{
	(void)state;
	assert_made(import_dnsmasq,
		    "bogus\n"
		    "dhcp-option=option:router,192.0.2.1,nonsense\n"
		    "dhcp-option=26,5\n"
		    "dhcp-script=/bin/true\n",
		    "dhcp:\n"
		    "  options:\n"
		    "    routers: 192.0.2.1\n"
		    "# 1: bogus is not carried over\n"
		    "# 2: option routers does not take nonsense: expected an IPv4 address\n"
		    "# 3: option interface-mtu does not take 5: expected 68 or more\n"
		    "# 4: dhcp-script is not carried over\n");
}

/* dnsmasq sets a tag by any of its lines; a class of ours wants all that it names. */
static void a_tag_of_two_kinds_is_two_classes(void **state)
{
	(void)state;
	assert_made(import_dnsmasq,
		    "dhcp-authoritative\n"
		    "dhcp-match=set:efi,option:client-arch,7\n"
		    "dhcp-vendorclass=set:efi,HTTPClient\n"
		    "dhcp-match=set:efi,option:client-arch,9\n"
		    "dhcp-boot=tag:efi,shim.efi,boot,192.0.2.9\n"
		    "dhcp-range=tag:efi,192.0.2.10,192.0.2.20,255.255.255.0,1h\n",
		    "dhcp:\n"
		    "  classes:\n"
		    "    - name: efi\n"
		    "      match:\n"
		    "        architecture: [7, 9]\n"
		    "      next-server: 192.0.2.9\n"
		    "      server-name: boot\n"
		    "      boot-file: shim.efi\n"
		    "    - name: efi-vendor-class\n"
		    "      match:\n"
		    "        vendor-class: [\"*HTTPClient*\"]\n"
		    "      next-server: 192.0.2.9\n"
		    "      server-name: boot\n"
		    "      boot-file: shim.efi\n"
		    "  networks:\n"
		    "    - subnet: 192.0.2.0/24\n"
		    "      pools:\n"
		    "        - range: 192.0.2.10-192.0.2.20\n"
		    "          allocate: dynamic\n"
		    "          classes: [efi, efi-vendor-class]\n"
		    "          lease-time: 1h\n");
}

/* Kea and others give a subnet's first and last address away; here they are for no host. */
static void a_range_is_of_hosts(void **state)
{
	(void)state;
	assert_made(import_kea,
		    "{ \"Dhcp4\": { \"authoritative\": true, \"subnet4\": [ { \"subnet\": "
		    "\"192.0.2.0/24\",\n\"pools\": [ { \"pool\": \"192.0.2.0/24\" } ],\n"
		    "\"reservations\": [ { \"hw-address\": \"2:0:0:0:0:1\", \"ip-address\": "
		    "\"192.0.2.255\" },\n"
		    "{ \"hw-address\": \"2:0:0:0:0:2\", \"ip-address\": \"192.0.3.1\" } ] } ] } }",
		    "dhcp:\n"
		    "  networks:\n"
		    "    - subnet: 192.0.2.0/24\n"
		    "      pools:\n"
		    "        - range: 192.0.2.1-192.0.2.254\n"
		    "          allocate: automatic\n"
		    "# 2: the first and the last address of 192.0.2.0/24 are for no host: the "
		    "range was "
		    "written as 192.0.2.1-192.0.2.254\n"
		    "# 3: 192.0.2.255 is no address of a host in 192.0.2.0/24\n"
		    "# 4: 192.0.3.1 is no address of a host in 192.0.2.0/24\n");
}

/* Who is in a class that only half of its condition names would be more than was meant. */
static void half_of_a_condition_is_none(void **state)
{
	(void)state;
	char *made = made_of(import_isc_dhcpd,
			     "class \"a\" { match if substring(hardware,1,3) = 00:0b:82 and "
			     "exists user-class; next-server 192.0.2.9; }\n"
			     "subnet 192.0.2.0 netmask 255.255.255.0 {\n"
			     "pool { allow members of \"a\"; range 192.0.2.9; } }\n",
			     OK);
	assert_null(strstr(made, "match:"));
	assert_non_null(strstr(made, "# 1: the condition of the class \"a\" is not carried over"));
	assert_non_null(strstr(made, "# 3: the pool is for the class a, and nothing"));
	free(made);
	made = made_of(import_kea,
		       "{ \"Dhcp4\": { \"client-classes\": [ { \"name\": \"a\", \"test\": "
		       "\"option[60].text == 'x' and member('b')\" } ] } }",
		       OK);
	assert_null(strstr(made, "match:"));
	free(made);
}

/* Each program is silent where it does not know, unless it is told that the network is its own. */
static void authority_is_what_the_file_says(void **state)
{
	(void)state;
	assert_made(import_isc_dhcpd,
		    "authoritative;\n"
		    "subnet 192.0.2.0 netmask 255.255.255.0 { not authoritative; }\n"
		    "subnet 198.51.100.0 netmask 255.255.255.0 { }\n",
		    "dhcp:\n"
		    "  networks:\n"
		    "    - subnet: 192.0.2.0/24\n"
		    "      authoritative: off\n"
		    "    - subnet: 198.51.100.0/24\n");
	assert_made(import_kea,
		    "{ \"Dhcp4\": { \"subnet4\": [ { \"subnet\": \"192.0.2.0/24\", "
		    "\"authoritative\": true }, { \"subnet\": \"198.51.100.0/24\" } ] } }",
		    "dhcp:\n"
		    "  authoritative: off\n"
		    "  networks:\n"
		    "    - subnet: 192.0.2.0/24\n"
		    "      authoritative: on\n"
		    "    - subnet: 198.51.100.0/24\n");
}

/* dhcpd.conf(5): as C has them, but that \x has two digits at most and a number three. */
static void escapes_of_dhcpd_are_octets(void **state)
{
	(void)state;
	assert_made(import_isc_dhcpd,
		    "authoritative;\n"
		    "option domain-name \"a\\x41\\x4g\\1023\\\\\\q\\\"\\X\";\n"
		    "option root-path \"\\t\\n\\b\\r\\7\\x7f\\377\\0\";\n"
		    "option tftp-server-name \"\\x\";\n",
		    "dhcp:\n"
		    "  options:\n"
		    "    \"15/hex\": 6141046742335c712258\n"
		    "    \"17/hex\": 090a080d077fff00\n"
		    "    \"66/hex\": 00\n");
}

static void kea_refuses_what_is_no_json(void **state)
{
	(void)state;
	char *made = made_of(import_kea, "{ \"Dhcp4\": [ }", ERR_FORMAT);
	assert_non_null(strstr(made, "# 1: "));
	free(made);
	made = made_of(import_kea, "{ \"Other\": 1 }", ERR_FORMAT);
	assert_string_equal(made, "# 1: expected a map with Dhcp4 or Dhcp6\n");
	free(made);
}

static void files_too_long_are_refused(void **state)
{
	(void)state;
	struct import_site s;
	static const uint8_t octet = '#';
	read_call *const all[] = {import_dnsmasq, import_isc_dhcpd, import_kea};

	for (size_t i = 0; i < 3; i++) {
		import_site_init(&s);
		assert_int_equal(all[i](span_of(&octet, IMPORT_FILE_MAX + 1), &s), ERR_LIMIT);
		import_site_done(&s);
	}
}

static void torn_files_say_where(void **state)
{
	(void)state;
	assert_made(import_isc_dhcpd, "subnet 192.0.2.0 {\n}\n}\nrange 1;\n",
		    "dhcp:\n"
		    "# 1: no subnet: 192.0.2.0\n"
		    "# 3: a } that closes nothing\n"
		    "# 4: a range outside of a subnet\n");
	assert_made(import_dnsmasq, "dhcp-range=eth0\ndhcp-option=option:rooter,1.2.3.4\n",
		    "dhcp:\n"
		    "# 1: a range that begins with no address is not carried over: eth0\n"
		    "# 2: no option of that name: rooter\n");
}

static void a_netmask_with_a_gap_is_none(void **state)
{
	(void)state;
	static const char *const masks[] = {"0.255.255.0", "255.0.255.0", "0.0.0.1", "0.0.0.0"};
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		char text[128];
		(void)snprintf(text, sizeof(text), "dhcp-range=192.0.2.10,192.0.2.20,%s\n",
			       masks[i]);
		char *made = made_of(import_dnsmasq, text, OK);
		assert_non_null(strstr(made, "subnet: 192.0.2.0/24"));
		assert_non_null(strstr(made, "not understood in a range"));
		free(made);
	}
}

static void later_option_counts_and_groups_reach_inside(void **state)
{
	(void)state;
	assert_made(
		import_isc_dhcpd,
		"group { option routers 192.0.2.1;\n"
		"subnet 192.0.2.0 netmask 255.255.255.0 { }\n"
		"subnet 198.51.100.0 netmask 255.255.255.0 { option routers 198.51.100.1; } }\n",
		"dhcp:\n"
		"  authoritative: off\n"
		"  networks:\n"
		"    - subnet: 192.0.2.0/24\n"
		"      options:\n"
		"        routers: 192.0.2.1\n"
		"    - subnet: 198.51.100.0/24\n"
		"      options:\n"
		"        routers: 198.51.100.1\n");
	assert_made(import_dnsmasq, "dhcp-option=42,192.0.2.1\ndhcp-option=42,192.0.2.2\n",
		    "dhcp:\n"
		    "  options:\n"
		    "    ntp-servers: 192.0.2.2\n");
}

/* Else it would stand among the classes of IPv4. */
static void a_class_of_kea_for_ipv6_is_told_of(void **state)
{
	static const char text[] = "{ \"Dhcp6\": {\n"
				   "  \"client-classes\": [\n"
				   "    { \"name\": \"pxe\", \"test\": \"option[60].text == 'x'\", "
				   "\"valid-lifetime\": 600 }\n"
				   "  ],\n"
				   "  \"subnet6\": [ { \"subnet\": \"2001:db8:7::/64\" } ] } }\n";
	(void)state;
	char *made = made_of(import_kea, text, OK);
	assert_non_null(strstr(made, "# 3: the class pxe of Dhcp6 is not carried over"));
	assert_null(strstr(made, "classes:\n"));
	assert_null(strstr(made, "match:"));
	free(made);
}

/* --- tunnels --- */

/* As made_of, of an interface called wg0. */
static char *tunnel_of(const char *text, enum err expected)
{
	struct import_site s;
	struct import_tunnel t;
	size_t cap = 1 << 16;
	char *out = malloc(cap);

	assert_non_null(out);
	import_site_init(&s);
	assert_int_equal(import_wg_quick(span_text(text), span_text("wg0"), &s, &t), expected);
	struct writer w = writer_of(out, cap - 1);
	if (!expected)
		import_tunnel_write(&t, &w);
	for (const struct import_note *n = s.notes; n; n = n->next)
		write_format(&w, "# %u: %.*s\n", n->line, (int)n->text.len,
			     (const char *)n->text.data);
	assert_int_equal(writer_check(&w), OK);
	out[w.pos] = '\0';
	import_site_done(&s);
	return out;
}

static void wg_quick_file_is_carried_over(void **state)
{
	(void)state;
	char *text = file("wg0.conf"), *expected = file("wg0.yaml");
	char *made = tunnel_of(text, OK);
	assert_string_equal(made, expected);
	free(made);
	free(expected);
	free(text);
}

static void a_file_without_an_interface_is_none_of_wg_quick(void **state)
{
	(void)state;
	char *made = tunnel_of("subnet 192.0.2.0 netmask 255.255.255.0 { }\n", ERR_FORMAT);
	assert_non_null(strstr(made, "there is no [Interface] in it"));
	free(made);
}

/* A secret with a slip in it is not shown to whoever reads the notes. */
static void a_wrong_key_is_told_of_without_it(void **state)
{
	(void)state;
	char *made =
		tunnel_of("[Interface]\nPrivateKey = c2VjcmV0\n[Peer]\nPublicKey = aGVsbG8=\n", OK);
	assert_non_null(strstr(made, "# 2: PrivateKey is no key in base64"));
	assert_non_null(strstr(made, "# 3: peer-1 is left out: it has no PublicKey"));
	assert_null(strstr(made, "c2VjcmV0"));
	free(made);
}

/* As wg does. */
static void a_network_that_two_peers_name_is_the_laters(void **state)
{
	(void)state;
	char text[512], *made;

	(void)snprintf(text, sizeof(text),
		       "[Interface]\n"
		       "[Peer]\nPublicKey=okv2IkQPCFnprvMevUTCeKlf/lV8I/YL99b6k49lJxY=\n"
		       "AllowedIPs=10.0.0.1, 10.0.0.2, 10.0.0.2/32, 10.0.0.3\n"
		       "[Peer]\nPublicKey=qXpuyYZrlKV3dApkCiKBlVMKWuS1dtRHlWaZg45as3Y=\n"
		       "AllowedIPs=10.0.0.3, 10.0.0.1\n");
	made = tunnel_of(text, OK);
	assert_non_null(strstr(made, "allowed-ips: [10.0.0.2/32]\n"));
	assert_non_null(strstr(made, "allowed-ips: [10.0.0.3/32, 10.0.0.1/32]\n"));
	assert_non_null(
		strstr(made, "# 2: 10.0.0.1/32 of peer-1 is left out: a later peer has it"));
	assert_null(strstr(made, "10.0.0.2/32 of"));
	free(made);
}

static void values_out_of_range_are_told_of(void **state)
{
	static const struct {
		const char *line, *note;
	} wrong[] = {
		{"ListenPort = 65536", "# 2: not a value of ListenPort: 65536"},
		{"MTU = 100", "# 2: not a value of MTU: 100"},
		{"Address = 10.0.0.300/24", "# 2: not an address: 10.0.0.300/24"},
		{"Table = 7", "# 2: Table 7: routes go into the main table"},
		{"Jc = 4", "# 2: Jc is not carried over: not known here"},
		{"what is this", "# 2: not understood: what is this"},
		{"[Peer]\nAllowedIPs = 10.0.0.0/33", "# 3: not a network: 10.0.0.0/33"},
		{"[Peer]\nEndpoint = a b:1", "# 3: not a value of Endpoint: a b:1"},
		{"[Peer]\nEndpoint = example.org:0", "# 3: not a value of Endpoint: example.org:0"},
		{"[Peer]\nPersistentKeepalive = -1", "# 3: not a value of PersistentKeepalive: -1"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text), "[Interface]\n%s\n", wrong[i].line);
		char *made = tunnel_of(text, OK);
		if (!strstr(made, wrong[i].note))
			fail_msg("%s:\n%s", wrong[i].line, made);
		free(made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_too_long_are_refused),
		cmocka_unit_test(kea_refuses_what_is_no_json),
		cmocka_unit_test(torn_files_say_where),
		cmocka_unit_test(dnsmasq_file_is_carried_over),
		cmocka_unit_test(isc_file_is_carried_over),
		cmocka_unit_test(kea_file_is_carried_over),
		cmocka_unit_test(wild_files_are_carried_over),
		cmocka_unit_test(a_wrong_value_is_one_note_among_the_others),
		cmocka_unit_test(a_tag_of_two_kinds_is_two_classes),
		cmocka_unit_test(a_range_is_of_hosts),
		cmocka_unit_test(half_of_a_condition_is_none),
		cmocka_unit_test(authority_is_what_the_file_says),
		cmocka_unit_test(escapes_of_dhcpd_are_octets),
		cmocka_unit_test(a_class_of_kea_for_ipv6_is_told_of),
		cmocka_unit_test(a_netmask_with_a_gap_is_none),
		cmocka_unit_test(later_option_counts_and_groups_reach_inside),
		cmocka_unit_test(wg_quick_file_is_carried_over),
		cmocka_unit_test(a_file_without_an_interface_is_none_of_wg_quick),
		cmocka_unit_test(a_wrong_key_is_told_of_without_it),
		cmocka_unit_test(a_network_that_two_peers_name_is_the_laters),
		cmocka_unit_test(values_out_of_range_are_told_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
