#include "proto/wireguard/wg_quick.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char whole[] = "# the office\r\n"
			    "[Interface]\n"
			    "  privatekey = abc=\t# secret\n"
			    "Address=10.0.0.1/24,fd00::1/64\n"
			    "PostUp = iptables -A FORWARD\n"
			    "AllowedIPs = 10.0.0.0/8\n"
			    "\n"
			    "[Peer]\n"
			    "PublicKey = xyz=\n"
			    "no equals\n"
			    "[Pear]\n"
			    "ListenPort = 1\n"
			    "[PEER]\n"
			    "Endpoint = vpn.example:51820";

static const struct {
	enum wg_quick_kind kind;
	uint32_t number;
	enum wg_quick_section section;
	enum wg_quick_key key;
	const char *value;
} expected[] = {
	{WG_QUICK_COMMENT, 1, WG_QUICK_NONE, WG_QUICK_UNKNOWN, "the office"},
	{WG_QUICK_BEGIN, 2, WG_QUICK_INTERFACE, WG_QUICK_UNKNOWN, "[Interface]"},
	{WG_QUICK_SETTING, 3, WG_QUICK_INTERFACE, WG_QUICK_PRIVATE_KEY, "abc="},
	{WG_QUICK_SETTING, 4, WG_QUICK_INTERFACE, WG_QUICK_ADDRESS, "10.0.0.1/24,fd00::1/64"},
	{WG_QUICK_SETTING, 5, WG_QUICK_INTERFACE, WG_QUICK_POST_UP, "iptables -A FORWARD"},
	/* Of the other section: not understood here. */
	{WG_QUICK_SETTING, 6, WG_QUICK_INTERFACE, WG_QUICK_UNKNOWN, "10.0.0.0/8"},
	{WG_QUICK_BEGIN, 8, WG_QUICK_PEER, WG_QUICK_UNKNOWN, "[Peer]"},
	{WG_QUICK_SETTING, 9, WG_QUICK_PEER, WG_QUICK_PUBLIC_KEY, "xyz="},
	{WG_QUICK_WRONG, 10, WG_QUICK_PEER, WG_QUICK_UNKNOWN, "no equals"},
	{WG_QUICK_WRONG, 11, WG_QUICK_NONE, WG_QUICK_UNKNOWN, "[Pear]"},
	/* Of no section that is known. */
	{WG_QUICK_WRONG, 12, WG_QUICK_NONE, WG_QUICK_UNKNOWN, "ListenPort = 1"},
	{WG_QUICK_BEGIN, 13, WG_QUICK_PEER, WG_QUICK_UNKNOWN, "[PEER]"},
	{WG_QUICK_SETTING, 14, WG_QUICK_PEER, WG_QUICK_ENDPOINT, "vpn.example:51820"},
};

static void reads_lines_as_the_programs_do(void **state)
{
	(void)state;
	struct wg_quick_walk w = wg_quick_begin(span_text(whole));
	struct wg_quick_line l;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_true(wg_quick_next(&w, &l));
		assert_int_equal(l.number, expected[i].number);
		assert_int_equal(l.kind, expected[i].kind);
		assert_int_equal(l.section, expected[i].section);
		assert_int_equal(l.key, expected[i].key);
		assert_true(span_is(l.value, expected[i].value));
	}
	assert_false(wg_quick_next(&w, &l));
}

static void read_any(const uint8_t *data, size_t len)
{
	struct wg_quick_walk w = wg_quick_begin(span_of(data, len));
	struct wg_quick_line l;
	struct span item;
	uint32_t number = 0;

	while (wg_quick_next(&w, &l)) {
		assert_true(l.number > number);
		number = l.number;
		while (wg_quick_item(&l.value, &item))
			assert_true(item.len > 0);
	}
}

static void reads_no_further_than_the_text(void **state)
{
	(void)state;
	guard_every_prefix(whole, sizeof(whole) - 1, read_any);
	guard_every_bit_flip(whole, sizeof(whole) - 1, read_any);
}

static void lists_pass_over_what_is_empty(void **state)
{
	(void)state;
	struct span list = span_text(" , a ,,b c, "), item;

	assert_true(wg_quick_item(&list, &item));
	assert_true(span_is(item, "a"));
	assert_true(wg_quick_item(&list, &item));
	assert_true(span_is(item, "b c"));
	assert_false(wg_quick_item(&list, &item));
}

static void a_client_without_its_private_key_is_told_where_it_goes(void **state)
{
	(void)state;
	char room[1024];
	struct writer w = writer_of(room, sizeof(room));
	struct ip_prefix addresses[2], all[2];
	struct ip_address dns = ip_address_v4(10, 8, 0, 1);

	assert_int_equal(ip_prefix_parse(span_text("10.8.0.2/32"), &addresses[0]), OK);
	assert_int_equal(ip_prefix_parse(span_text("fd00::2/128"), &addresses[1]), OK);
	assert_int_equal(ip_prefix_parse(span_text("0.0.0.0/0"), &all[0]), OK);
	assert_int_equal(ip_prefix_parse(span_text("::/0"), &all[1]), OK);
	struct wg_quick_client c = {.addresses = addresses,
				    .addresses_n = 2,
				    .dns = &dns,
				    .dns_n = 1,
				    .search = span_text("home.arpa"),
				    .mtu = 1380,
				    .public_key = span_text("PUB="),
				    .preshared_key = span_text("PSK="),
				    .endpoint = span_text("vpn.example.org:51820"),
				    .allowed = all,
				    .allowed_n = 2,
				    .keepalive_s = 25};
	wg_quick_write(&w, &c);
	assert_int_equal(writer_check(&w), OK);
	room[w.pos] = '\0';
	assert_string_equal(room,
			    "[Interface]\n# PrivateKey = put the private key here; it is not kept\n"
			    "Address = 10.8.0.2/32, fd00::2/128\nDNS = 10.8.0.1, home.arpa\n"
			    "MTU = 1380\n\n[Peer]\nPublicKey = PUB=\nPresharedKey = PSK=\n"
			    "Endpoint = vpn.example.org:51820\nAllowedIPs = 0.0.0.0/0, ::/0\n"
			    "PersistentKeepalive = 25\n");
	c = (struct wg_quick_client){.private_key = span_text("PRIV="),
				     .public_key = span_text("PUB="),
				     .endpoint = span_text("192.0.2.1:1")};
	w = writer_of(room, sizeof(room));
	wg_quick_write(&w, &c);
	room[w.pos] = '\0';
	assert_string_equal(room, "[Interface]\nPrivateKey = PRIV=\n\n[Peer]\nPublicKey = PUB=\n"
				  "Endpoint = 192.0.2.1:1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lines_as_the_programs_do),
		cmocka_unit_test(reads_no_further_than_the_text),
		cmocka_unit_test(lists_pass_over_what_is_empty),
		cmocka_unit_test(a_client_without_its_private_key_is_told_where_it_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
