#include "proto/wireguard/uapi.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEX_A "e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a"
#define HEX_B "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* Much as the protocol's own page shows it. */
static const char whole[] = "set=1\n"
			    "private_key=" HEX_A "\n"
			    "listen_port=12912\n"
			    "fwmark=0\n"
			    "replace_peers=true\n"
			    "public_key=" HEX_B "\n"
			    "preshared_key=" ZEROS "\n"
			    "replace_allowed_ips=true\n"
			    "allowed_ip=192.168.4.4/32\n"
			    "endpoint=[fd00:23:ffb5::33]:51820\n"
			    "protocol_version=1\n"
			    "public_key=" HEX_A "\n"
			    "update_only=true\n"
			    "persistent_keepalive_interval=111\n"
			    "endpoint=182.122.22.19:3233\n"
			    "allowed_ip=10.9.9.9/8\n"
			    "allowed_ip=-fd00::/64\n"
			    "public_key=" HEX_B "\n"
			    "remove=true\n"
			    "\n";

static struct span set_body(const char *text)
{
	struct uapi_request q;
	size_t len;

	assert_int_equal(uapi_request_read(span_text(text), &q, &len), PARSE_DONE);
	assert_int_equal(q.operation, UAPI_SET);
	assert_int_equal(len, strlen(text));
	return q.body;
}

static enum err verdict(const char *lines)
{
	char text[1024] = "set=1\n";
	struct uapi_interface i;
	struct span peers;

	strncat(text, lines, sizeof(text) - 16);
	strncat(text, "\n", 2);
	return uapi_set_read(set_body(text), &i, &peers);
}

static void refuses_values_that_the_protocol_does_not_have(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"nonsense\n",
		"nonsense=1\n",
		"private_key=\n",
		"private_key=" HEX_A "00\n",
		"private_key=xx4b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a\n",
		"listen_port=65536\n",
		"listen_port=-1\n",
		"listen_port= 1\n",
		"fwmark=4294967296\n",
		"replace_peers=false\n",
		"replace_peers=\n",
		/* Of a peer, and there is none yet. */
		"endpoint=192.0.2.1:1\n",
		"allowed_ip=10.0.0.0/8\n",
		"remove=true\n",
		/* Of the interface, behind a peer. */
		"public_key=" HEX_A "\nlisten_port=1\n",
		"public_key=" HEX_A "\nprivate_key=" HEX_A "\n",
		"public_key=\n",
		"public_key=" HEX_A "\nendpoint=192.0.2.1\n",
		"public_key=" HEX_A "\nendpoint=192.0.2.1:0\n",
		"public_key=" HEX_A "\nendpoint=example.org:51820\n",
		"public_key=" HEX_A "\npersistent_keepalive_interval=65536\n",
		"public_key=" HEX_A "\npersistent_keepalive_interval=off\n",
		"public_key=" HEX_A "\nallowed_ip=10.0.0.0/33\n",
		"public_key=" HEX_A "\nallowed_ip=--10.0.0.0/8\n",
		"public_key=" HEX_A "\nallowed_ip=\n",
		"public_key=" HEX_A "\nupdate_only=1\n",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (verdict(wrong[i]) != ERR_FORMAT)
			fail_msg("taken: %s", wrong[i]);
	assert_int_equal(verdict("public_key=" HEX_A "\nprotocol_version=2\n"), ERR_UNSUPPORTED);
}

static void a_wrong_line_at_the_end_tells_of_nothing(void **state)
{
	(void)state;
	struct uapi_interface i = {.says = 77};
	struct span peers = {0};
	struct span body =
		set_body("set=1\nlisten_port=1\npublic_key=" HEX_A "\nallowed_ip=bad\n\n");

	assert_int_equal(uapi_set_read(body, &i, &peers), ERR_FORMAT);
	assert_int_equal(i.says, 77);
	assert_null(peers.data);
}

static void reads_every_key(void **state)
{
	(void)state;
	struct uapi_interface i;
	struct uapi_peer p;
	struct ip_prefix a;
	struct span peers;
	char text[IP_PREFIX_TEXT_MAX];
	bool remove;

	assert_int_equal(uapi_set_read(set_body(whole), &i, &peers), OK);
	assert_int_equal(i.says,
			 UAPI_PRIVATE_KEY | UAPI_LISTEN_PORT | UAPI_FWMARK | UAPI_REPLACE_PEERS);
	assert_int_equal(i.private_key[0], 0xe8);
	assert_int_equal(i.private_key[31], 0x7a);
	assert_int_equal(i.listen_port, 12912);

	assert_true(uapi_set_peer(&peers, &p));
	assert_int_equal(p.public_key[0], 0xb8);
	assert_int_equal(p.says, UAPI_PRESHARED_KEY | UAPI_REPLACE_ALLOWED | UAPI_ENDPOINT);
	assert_int_equal(p.endpoint.port, 51820);
	assert_true(uapi_set_allowed(&p.lines, &a, &remove));
	assert_false(remove);
	ip_prefix_format(&a, text);
	assert_string_equal(text, "192.168.4.4/32");
	assert_false(uapi_set_allowed(&p.lines, &a, &remove));

	assert_true(uapi_set_peer(&peers, &p));
	assert_int_equal(p.says, UAPI_UPDATE_ONLY | UAPI_KEEPALIVE | UAPI_ENDPOINT);
	assert_int_equal(p.keepalive_s, 111);
	assert_true(uapi_set_allowed(&p.lines, &a, &remove));
	ip_prefix_format(&a, text);
	assert_string_equal(text, "10.0.0.0/8");
	assert_true(uapi_set_allowed(&p.lines, &a, &remove));
	assert_true(remove);
	assert_false(uapi_set_allowed(&p.lines, &a, &remove));

	assert_true(uapi_set_peer(&peers, &p));
	assert_int_equal(p.says, UAPI_REMOVE);
	assert_false(uapi_set_peer(&peers, &p));
}

static enum parse begins(const char *text)
{
	struct uapi_request q;
	size_t len;

	return uapi_request_read(span_text(text), &q, &len);
}

static void refuses_what_is_no_request(void **state)
{
	(void)state;
	char longest[2 * UAPI_LINE_MAX] = "set=1\n";

	assert_int_equal(begins("get=2\n"), PARSE_BAD);
	assert_int_equal(begins("\n"), PARSE_BAD);
	assert_int_equal(begins("GET / HTTP/1.1\r\n\r\n"), PARSE_BAD);
	assert_int_equal(begins("get=1\nlisten_port=1\n\n"), PARSE_BAD);
	memset(longest + 6, 'a', UAPI_LINE_MAX + 1);
	assert_int_equal(begins(longest), PARSE_BAD);
	memset(longest, 'a', UAPI_LINE_MAX);
	longest[UAPI_LINE_MAX] = '\0';
	assert_int_equal(begins(longest), PARSE_BAD);
	assert_int_equal(begins(""), PARSE_MORE);
	assert_int_equal(begins("get=1\n"), PARSE_MORE);
	assert_int_equal(begins("set=1\nlisten_port=1\n"), PARSE_MORE);
}

static void one_request_ends_where_the_next_begins(void **state)
{
	(void)state;
	struct uapi_request q;
	size_t len;

	assert_int_equal(uapi_request_read(span_text("get=1\n\nset=1\n\n"), &q, &len), PARSE_DONE);
	assert_int_equal(q.operation, UAPI_GET);
	assert_int_equal(len, 7);
	assert_int_equal(uapi_request_read(span_text("set=1\n\nget=1\n\n"), &q, &len), PARSE_DONE);
	assert_int_equal(q.operation, UAPI_SET);
	assert_int_equal(q.body.len, 0);
}

static void read_any(const uint8_t *data, size_t len)
{
	struct uapi_request q;
	struct uapi_interface i;
	struct uapi_peer p;
	struct ip_prefix a;
	struct span peers;
	size_t used;
	bool remove;

	if (uapi_request_read(span_of(data, len), &q, &used) != PARSE_DONE)
		return;
	assert_true(used <= len);
	if (uapi_set_read(q.body, &i, &peers))
		return;
	while (uapi_set_peer(&peers, &p))
		while (uapi_set_allowed(&p.lines, &a, &remove))
			;
	/* What was judged is walked to its end. */
	assert_int_equal(peers.len, 0);
}

static void reads_no_further_than_the_text(void **state)
{
	(void)state;
	guard_every_prefix(whole, sizeof(whole) - 1, read_any);
	guard_every_bit_flip(whole, sizeof(whole) - 1, read_any);
}

static void writes_what_the_tools_read(void **state)
{
	(void)state;
	char room[2048];
	struct writer w = writer_of(room, sizeof(room));
	struct uapi_interface i = {.says = UAPI_PRIVATE_KEY | UAPI_LISTEN_PORT | UAPI_FWMARK,
				   .listen_port = 51820,
				   .fwmark = 7};
	struct uapi_peer p = {.says = UAPI_ENDPOINT | UAPI_PRESHARED_KEY, .keepalive_s = 25};
	struct uapi_peer_state s = {.last_handshake_s = 1700000000,
				    .last_handshake_ns = 5,
				    .rx_bytes = UINT64_MAX,
				    .tx_bytes = 1};
	struct ip_prefix a;

	assert_int_equal(ip_endpoint_parse(span_text("[2001:db8::1]:5"), 0, &p.endpoint), OK);
	assert_int_equal(ip_prefix_parse(span_text("10.0.0.0/8"), &a), OK);
	uapi_write_interface(&w, &i);
	uapi_write_peer(&w, &p, &s);
	uapi_write_allowed(&w, &a);
	uapi_write_end(&w, OK);
	uapi_write_end(&w, ERR_FORMAT);
	uapi_write_end(&w, (enum err)EADDRINUSE);
	assert_int_equal(writer_check(&w), OK);
	room[w.pos] = '\0';
	assert_string_equal(room, "private_key=" ZEROS "\nlisten_port=51820\nfwmark=7\n"
				  "public_key=" ZEROS "\npreshared_key=" ZEROS
				  "\nprotocol_version=1\nendpoint=[2001:db8::1]:5\n"
				  "last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=5\n"
				  "tx_bytes=1\nrx_bytes=18446744073709551615\n"
				  "persistent_keepalive_interval=25\nallowed_ip=10.0.0.0/8\n"
				  "errno=0\n\nerrno=-22\n\nerrno=-98\n\n");
}

/* The bounds of the header are enough for the longest of each. */
static void the_longest_answers_fit(void **state)
{
	(void)state;
	char room[UAPI_PEER_MAX];
	struct ip_prefix a = {.address.family = 6, .bits = 128};
	struct uapi_interface i = {.says = ~0u, .listen_port = UINT16_MAX, .fwmark = UINT32_MAX};
	struct uapi_peer p = {.says = ~0u, .keepalive_s = UINT16_MAX};
	struct uapi_peer_state s = {UINT64_MAX, 999999999, UINT64_MAX, UINT64_MAX};

	p.endpoint = (struct ip_endpoint){.port = 65535, .scope = UINT32_MAX, .address.family = 6};
	memset(p.endpoint.address.bytes, 0xfe, 16);
	memset(a.address.bytes, 0xfe, 16);
	struct writer w = writer_of(room, UAPI_INTERFACE_MAX);
	uapi_write_interface(&w, &i);
	assert_int_equal(writer_check(&w), OK);
	w = writer_of(room, UAPI_PEER_MAX);
	uapi_write_peer(&w, &p, &s);
	assert_int_equal(writer_check(&w), OK);
	w = writer_of(room, UAPI_ALLOWED_MAX);
	uapi_write_allowed(&w, &a);
	assert_int_equal(writer_check(&w), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_values_that_the_protocol_does_not_have),
		cmocka_unit_test(a_wrong_line_at_the_end_tells_of_nothing),
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(refuses_what_is_no_request),
		cmocka_unit_test(one_request_ends_where_the_next_begins),
		cmocka_unit_test(reads_no_further_than_the_text),
		cmocka_unit_test(writes_what_the_tools_read),
		cmocka_unit_test(the_longest_answers_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
