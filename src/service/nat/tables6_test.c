#include "service/nat/tables6.h"

#include "service/nat/conf_v6.h"
#include "service/nat/net.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p = {0};
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

/* RFC 6296 3.1 to 3.5: the adjustment of its example is d54f; longer prefixes choose their word for
 * each address. */
static void prefixes_carry_their_adjustment(void **state)
{
	struct nat_prefix_conf list[] = {
		{prefix("fd01:203:405::/48"), prefix("2001:db8:1::/48"), 1},
		{prefix("fd01:203:405:1::/64"), prefix("2001:db8:1:2::/64"), 2},
		{prefix("fd01:203:405::/48"), prefix("fd01:203:405::/48"), 3},
	};
	struct nat_v6_conf conf = {.forward = true, .prefixes = {list, 3}};
	static struct nat_tables6 t;
	(void)state;
	nat_tables6_make(&conf, &(struct nat_net){0}, &t);
	assert_int_equal(t.settings.prefixes_n, 3);
	assert_int_equal(t.settings.prefixes[0].adjustment, htons(0xd54f));
	assert_int_equal(t.settings.prefixes[0].word, 3);
	assert_int_equal(t.settings.prefixes[0].bits, 48);
	assert_memory_equal(t.settings.prefixes[0].inside.octets, list[0].inside.address.bytes, 16);
	assert_memory_equal(t.settings.prefixes[0].outside.octets, list[0].outside.address.bytes,
			    16);
	assert_int_equal(t.settings.prefixes[1].adjustment, htons(0xd54e));
	assert_int_equal(t.settings.prefixes[1].word, 0);
	assert_int_equal(t.settings.prefixes[2].adjustment, htons(0xffff));
	assert_int_equal(t.settings.flags, NAT_SETTING6_ROUTE);
}

static void only_the_well_known_prefix_is_well_known(void **state)
{
	struct nat_v6_conf conf = {.forward = true, .nat64 = prefix("64:ff9b::/96")};
	static struct nat_tables6 t;
	(void)state;
	nat_tables6_make(&conf, &(struct nat_net){0}, &t);
	assert_int_equal(t.settings.flags, NAT_SETTING6_ROUTE | NAT_SETTING6_WELL_KNOWN);
	assert_int_equal(t.settings.nat64_bits, 96);
	assert_int_equal(t.settings.nat64.words[0], htonl(0x64ff9b));
	conf.nat64 = prefix("2001:db8:64::/96");
	nat_tables6_make(&conf, &(struct nat_net){0}, &t);
	assert_int_equal(t.settings.flags, NAT_SETTING6_ROUTE);
	conf = (struct nat_v6_conf){0};
	nat_tables6_make(&conf, &(struct nat_net){0}, &t);
	assert_int_equal(t.settings.flags, 0);
	assert_int_equal(t.settings.nat64_bits, 0);
}

/* A private address is the machine's, and never a source outside; nobody outside is answered from
 * it. */
static void private_addresses_stay_inside(void **state)
{
	struct nat_net_device devices[] = {
		{.ifindex = 1, .zone = NAT_ZONE_OUTSIDE},
		{.ifindex = 2, .zone = NAT_ZONE_INSIDE},
		{.ifindex = 3, .zone = -1},
	};
	struct nat_net_address addresses[] = {
		{1, prefix("fd02::1/128").address, 64},
		{1, prefix("fe80::1/128").address, 64},
		{2, prefix("fd01::1/128").address, 64},
		{2, prefix("2001:db8:1::1/128").address, 64},
		{3, prefix("2001:db8:3::1/128").address, 64},
		{2, prefix("10.0.0.1/32").address, 24},
		{3, prefix("::1/128").address, 128},
	};
	struct nat_net net = {.devices = devices,
			      .devices_n = 3,
			      .addresses = addresses,
			      .addresses_n = sizeof(addresses) / sizeof(addresses[0])};
	struct nat_v6_conf conf = {.forward = true};
	static struct nat_tables6 t;
	(void)state;
	nat_tables6_make(&conf, &net, &t);
	assert_int_equal(t.locals_n, 4);
	assert_int_equal(t.locals[0].flags, NAT_LOCAL_HERE);
	assert_int_equal(t.locals[1].flags, NAT_LOCAL_HERE);
	assert_int_equal(t.locals[2].flags, NAT_LOCAL_HERE | NAT_LOCAL_OUTSIDE);
	assert_int_equal(t.answerers_n, 2);
	assert_int_equal(t.answerers[0].ifindex, 1);
	assert_memory_equal(t.answerers[0].address.octets, addresses[3].address.bytes, 16);
	assert_int_equal(t.answerers[1].ifindex, 2);
	assert_memory_equal(t.answerers[1].address.octets, addresses[3].address.bytes, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_carry_their_adjustment),
		cmocka_unit_test(only_the_well_known_prefix_is_well_known),
		cmocka_unit_test(private_addresses_stay_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
