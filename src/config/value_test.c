/* Every type, good and bad, with the exact place of each error. */
#include "config/global.h"
#include "config/report.h"
#include "config/sample_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct wrong {
	const char *text; /* behind "one:\n  " */
	uint32_t column;  /* in line 2 */
	const char *message, *suggestion;
};

static void assert_text(const char *is, const char *wanted)
{
	if (wanted)
		assert_string_equal(is ? is : "(none)", wanted);
	else
		assert_null(is);
}

static void check_wrong(const struct wrong *w)
{
	char text[512];
	(void)snprintf(text, sizeof(text), "one:\n  %s\n", w->text);
	struct config *c = NULL;
	struct config_report r = {0};
	enum err err = sample_parse(span_text(text), &c, &r);
	if (err != ERR_CONFIG || r.n != 1)
		print_error("in %s\n", text);
	assert_int_equal(err, ERR_CONFIG);
	assert_null(c);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.more, 0);
	assert_text(r.errors[0].message, w->message);
	assert_text(r.errors[0].suggestion, w->suggestion);
	if (r.errors[0].column != w->column)
		print_error("in %s\n", text);
	assert_int_equal(r.errors[0].line, 2);
	assert_int_equal(r.errors[0].column, w->column);
	config_report_done(&r);
}

static const struct wrong wrongs[] = {
	{"fast: treu", 9, "wrong value for 'fast'", "true"},
	{"fast: 1", 9, "wrong value for 'fast'", NULL},
	{"fast: [on]", 9, "wrong value for 'fast'", NULL},
	{"fast:", 3, "'fast' has no value", NULL},
	{"fast: ~", 9, "'fast' has no value", NULL},
	{"small: 256", 10, "value of 'small' is out of bounds", NULL},
	{"small: -1", 10, "value of 'small' is out of bounds", NULL},
	{"small: 99999999999999999999", 10, "value of 'small' is out of bounds", NULL},
	{"small: 1.0", 10, "wrong value for 'small'", NULL},
	{"small: \"\"", 10, "wrong value for 'small'", NULL},
	{"small: \"-\"", 10, "wrong value for 'small'", NULL},
	{"small: 0x1f", 10, "wrong value for 'small'", NULL},
	{"small: 010", 10, "value of 'small' begins with a 0: is it octal? write it without", NULL},
	{"level: -11", 10, "value of 'level' is out of bounds", NULL},
	{"level: 11", 10, "value of 'level' is out of bounds", NULL},
	{"wait: 12", 9, "value of 'wait' lacks its unit", "12s"},
	{"wait: 1h1d", 9, "wrong value for 'wait'", NULL},
	{"wait: 99999999999w", 9, "value of 'wait' is out of bounds", NULL},
	{"limits: {idle: 999ms}", 18, "value of 'idle' is out of bounds", NULL},
	{"limits: {idle: 61m}", 18, "value of 'idle' is out of bounds", NULL},
	{"limits: {clients: 0}", 21, "value of 'clients' is out of bounds", NULL},
	{"limits: [1]", 11, "wrong value for 'limits'", NULL},
	{"limits: 1", 11, "wrong value for 'limits'", NULL},
	{"cache: 64MB", 10, "wrong value for 'cache'", "64M"},
	{"cache: 64Mib", 10, "wrong value for 'cache'", "64M"},
	{"cache: 1023", 10, "value of 'cache' is out of bounds", NULL},
	{"cache: 99999999T", 10, "value of 'cache' is out of bounds", NULL},
	{"source: 192.0.2.256", 11, "wrong value for 'source'", NULL},
	{"source: 192.0.2.1:53", 11, "wrong value for 'source'", NULL},
	{"source: localhost", 11, "wrong value for 'source'", NULL},
	{"listen: 127.0.0.1:0", 11, "wrong value for 'listen'", NULL},
	{"listen: []", 11, "'listen' has 0 items; expected 1 to 8", NULL},
	{"listen: [::1, ::2, ::3, ::4, ::5, ::6, ::7, ::8, ::9]", 11,
	 "'listen' has 9 items; expected 1 to 8", NULL},
	{"listen: [\"::1\", ::1@53]", 19, "the same is in 'listen' twice", NULL},
	{"listen: [127.0.0.1, {a: b}]", 23, "wrong value for 'listen'", NULL},
	{"listen: {a: b}", 11, "wrong value for 'listen'", NULL},
	{"listen:", 3, "'listen' has no value", NULL},
	{"upstream: 192.0.2.1", 13, "value of 'upstream' lacks its port", NULL},
	{"listen: [\":443\"]", 12, "wrong value for 'listen'", "0.0.0.0:443"},
	{"listen: 443", 11, "wrong value for 'listen'", "0.0.0.0:443"},
	{"listen: \"*:80\"", 11, "wrong value for 'listen'", "0.0.0.0:80"},
	{"listen: \":0\"", 11, "wrong value for 'listen'", NULL},
	{"upstream: 443", 13, "wrong value for 'upstream'", NULL},
	{"upstream: http://192.0.2.1:80/a", 13, "wrong value for 'upstream'", "192.0.2.1:80"},
	{"upstream: http://", 13, "wrong value for 'upstream'", NULL},
	{"upstream: 192.0.2.1:65536", 13, "wrong value for 'upstream'", NULL},
	{"network: 10.0.0.1/8", 12, "value of 'network' has bits set behind its length",
	 "10.0.0.0/8"},
	{"network: 10.0.0.0/33", 12, "wrong value for 'network'", NULL},
	{"range: 192.0.2.9-192.0.2.1", 10, "wrong value for 'range'", NULL},
	{"range: 192.0.2.1/24", 10, "value of 'range' has bits set behind its length", NULL},
	{"port: 443", 9, "value of 'port' lacks its protocol", "443/tcp"},
	{"port: 443/tpc", 9, "wrong value for 'port'", NULL},
	{"port: 0/tcp", 9, "wrong value for 'port'", NULL},
	{"port: 65536/tcp", 9, "wrong value for 'port'", NULL},
	{"port: /tcp", 9, "wrong value for 'port'", NULL},
	{"name: a..b", 9, "wrong value for 'name'", NULL},
	{"name: a b", 9, "value of 'name' has a blank in it", NULL},
	{"name: \"@\"", 9, "wrong value for 'name'", NULL},
	{"name: b\xc3\xbc"
	 "cher.example",
	 9, "value of 'name' is not ASCII: write the name in its xn-- form", NULL},
	{"name: "
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
	 9, "value of 'name' has a label over 63 octets, or over 255 octets in all", NULL},
	{"identity: 123456789", 13, "value of 'identity' is too long", NULL},
	{"identity: {}", 13, "wrong value for 'identity'", NULL},
	{"identity: \"a\\0b\"", 13, "\\0 in a text: no value may hold it", NULL},
	{"file: \"\"", 9, "value of 'file' is empty", NULL},
	{"secret: abc", 11, "value of 'secret' is too short", NULL},
	{"secret: 123456789012345678901234567890123", 11, "value of 'secret' is too long", NULL},
	{"secret: file:gone", 11,
	 "value of 'secret' is in a file that cannot be read, dir/gone: No such file or "
	 "directory",
	 NULL},
	{"secret: file:empty", 11, "value of 'secret' is empty", NULL},
	{"secret: \"file:\"", 11, "value of 'secret' names no file that could be read", NULL},
	{"secret: [abcd]", 11, "wrong value for 'secret'", NULL},
	{"mode: stric", 9, "wrong value for 'mode'", "strict"},
	{"mode: true", 9, "wrong value for 'mode'", "on"},
	{"mode: no", 9, "wrong value for 'mode'", "off"},
	{"mode: whatever", 9, "wrong value for 'mode'", NULL},
	{"numbers: [1, 2x]", 16, "wrong value for 'numbers'", NULL},
	{"numbers: [1, [2]]", 16, "wrong value for 'numbers'", NULL},
	{"numbers: [1001]", 13, "value of 'numbers' is out of bounds", NULL},
	{"words: [a, b, a]", 17, "the same is in 'words' twice", NULL},
	{"zones: [a]", 11, "wrong value for 'zones'", NULL},
	{"pools: []", 10, "wrong value for 'pools'", NULL},
	{"pools: {a: 5}", 14, "wrong value for 'range'", NULL},
	{"pools: {a: [5]}", 14, "wrong value for 'a'", NULL},
	{"peer: 192.0.2.1:0", 9, "wrong value for 'peer'", NULL},
	{"pools: {12345678901234567: {range: \"::\"}}", 11, "value of 'name' is too long", NULL},
	{"pools: {a: }", 11, "key 'range' is missing here", NULL},
	{"zones: {file: a}", 10, "key 'origin' is missing here", NULL},
	{"mode: off", 9, "mode: off is not for fast: on", NULL},
	{"pools: {a: {range: \"::\"}, b: {range: \"::\", lease: 1s}}\n  wait: 2s", 29,
	 "the lease is shorter than the wait", NULL},
	{"listen: [::1@5, ::1@6]\n  upstream: ::1@6", 19, "this is the upstream itself", NULL},
};

static void refuses_wrong_values_and_tells_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		check_wrong(&wrongs[i]);
}

static struct config *parse_good(const char *text)
{
	struct config *c = NULL;
	struct config_report r = {0};
	enum err err = sample_parse(span_text(text), &c, &r);
	if (err && r.n)
		print_error("%u:%u: %s\n", r.errors[0].line, r.errors[0].column,
			    r.errors[0].message);
	assert_int_equal(err, OK);
	assert_int_equal(r.n + r.more, 0);
	config_report_done(&r);
	return c;
}

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static void assert_endpoint(const struct ip_endpoint *e, const char *text)
{
	char is[IP_ENDPOINT_TEXT_MAX];
	(void)ip_endpoint_format(e, is);
	assert_string_equal(is, text);
}

static const char all[] = "one:\n"
			  "  fast: no\n"
			  "  small: 255\n"
			  "  level: -10\n"
			  "  wait: 1h30m\n"
			  "  cache: 1GiB\n"
			  "  source: 2001:db8::1\n"
			  "  listen: [127.0.0.1, \"[::1]:5300\"]\n"
			  "  upstream: 192.0.2.1:53\n"
			  "  network: 2001:db8::/32\n"
			  "  range: 192.0.2.10-192.0.2.99\n"
			  "  port: 53/UDP\n"
			  "  name: www.Example.com\n"
			  "  identity: \"ns: 1\"\n"
			  "  file: /etc/x\n"
			  "  secret: file:key\n"
			  "  mode: on\n"
			  "  limits: {clients: 1}\n"
			  "  numbers: 7\n"
			  "  words: [a, 'b c', null x]\n"
			  "  zones:\n"
			  "  - {origin: example.com, file: example.zone, transfer: 192.0.2.0/24}\n"
			  "  - origin: .\n"
			  "    file: /root.zone\n"
			  "  pools:\n"
			  "    guests: {range: 192.0.2.1, lease: 2d}\n"
			  "    staff: {range: 192.0.2.0/24}\n";

static void reads_scalars_of_every_type(void **state)
{
	(void)state;
	struct config *c = parse_good(all);
	const struct sample_one *o = config_section(c, "one");
	assert_false(o->fast);
	assert_int_equal(o->small, 255);
	assert_int_equal(o->level, -10);
	assert_int_equal(o->wait_ms, 5400000);
	assert_int_equal(o->cache, 1073741824);
	struct ip_address a = address("2001:db8::1");
	assert_true(ip_address_equal(&o->source, &a));
	assert_endpoint(&o->upstream, "192.0.2.1:53");
	char text[IP_PREFIX_TEXT_MAX], range[IP_RANGE_TEXT_MAX], name[DNS_NAME_TEXT_MAX];
	(void)ip_prefix_format(&o->network, text);
	assert_string_equal(text, "2001:db8::/32");
	(void)ip_range_format(&o->range, range);
	assert_string_equal(range, "192.0.2.10-192.0.2.99");
	assert_int_equal(o->port.port, 53);
	assert_int_equal(o->port.protocol, 17);
	assert_string_equal(dns_name_format(&o->name, name), "www.example.com.");
	assert_string_equal(o->identity, "ns: 1");
	assert_string_equal(o->file, "/etc/x");
	assert_true(span_is(o->secret, "hunter2"));
	assert_int_equal(o->mode, SAMPLE_ON);
	assert_true(o->limits.written);
	assert_int_equal(o->limits.clients, 1);
	assert_int_equal(o->limits.idle_ms, 10000);
	config_free(c);
}

static void reads_lists_and_dictionaries(void **state)
{
	(void)state;
	struct config *c = parse_good(all);
	const struct sample_one *o = config_section(c, "one");
	const struct ip_endpoint *listen = o->listen.items;
	assert_int_equal(o->listen.n, 2);
	assert_endpoint(&listen[0], "127.0.0.1:53");
	assert_endpoint(&listen[1], "[::1]:5300");
	assert_int_equal(o->numbers.n, 1);
	assert_int_equal(*(const int64_t *)o->numbers.items, 7);
	const char *const *words = o->words.items;
	assert_int_equal(o->words.n, 3);
	assert_string_equal(words[1], "b c");
	assert_string_equal(words[2], "null x");
	const struct sample_zone *zones = o->zones.items;
	char name[DNS_NAME_TEXT_MAX];
	assert_int_equal(o->zones.n, 2);
	assert_string_equal(dns_name_format(&zones[0].origin, name), "example.com.");
	assert_string_equal(zones[0].file, "dir/example.zone");
	assert_int_equal(zones[0].transfer.n, 1);
	assert_true(dns_name_is_root(&zones[1].origin));
	assert_string_equal(zones[1].file, "/root.zone");
	assert_int_equal(zones[1].transfer.n, 0);
	assert_null(zones[1].transfer.items);
	const struct sample_pool *pools = o->pools.items;
	assert_int_equal(o->pools.n, 2);
	assert_string_equal(pools[0].name, "guests");
	assert_int_equal(pools[0].lease_ms, 172800000);
	assert_string_equal(pools[1].name, "staff");
	assert_int_equal(pools[1].lease_ms, 43200000);
	config_free(c);
}

static void a_map_knows_its_line(void **state)
{
	(void)state;
	struct config *c =
		parse_good("one:\n  zones:\n    - origin: a\n      file: b\n    - {origin: c, "
			   "file: d}\n  pools:\n    guests:\n      range: 10.0.0.1\n");
	const struct sample_one *o = config_section(c, "one");
	const struct sample_zone *zones = o->zones.items;
	const struct sample_pool *pools = o->pools.items;
	assert_int_equal(o->zones.n, 2);
	assert_int_equal(zones[0].line, 3);
	assert_int_equal(zones[1].line, 5);
	assert_int_equal(pools[0].line, 7);
	config_free(c);
}

static void a_value_stands_for_the_map_that_has_a_key_for_it(void **state)
{
	(void)state;
	struct config *c = parse_good("one:\n  peer: 192.0.2.1\n  upstream: 192.0.2.1:53\n"
				      "  pools:\n    a: 10.0.0.1-10.0.0.9\n");
	const struct sample_one *o = config_section(c, "one");
	const struct sample_pool *pools = o->pools.items;
	assert_int_equal(o->pools.n, 1);
	assert_string_equal(pools[0].name, "a");
	assert_int_equal(pools[0].range.last.bytes[3], 9);
	assert_int_equal(pools[0].lease_ms, 43200000);
	assert_int_equal(pools[0].line, 5);
	assert_int_equal(o->peer.address.family, 4);
	assert_int_equal(o->peer.port, 0);
	assert_ptr_equal(config_ref(c), c);
	config_free(c); /* the other one still uses it */
	assert_int_equal(o->peer.address.bytes[3], 1);
	config_free(c);
	c = parse_good("one:\n  peer: 192.0.2.1:80\n");
	o = config_section(c, "one");
	assert_int_equal(o->peer.port, 80);
	config_free(c);
}

static void an_empty_section_has_its_defaults(void **state)
{
	(void)state;
	static const char *const texts[] = {"one:\n", "one: {}\n", "one: ~\n", "{one: {}}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *c = parse_good(texts[i]);
		const struct sample_one *o = config_section(c, "one");
		assert_non_null(o);
		assert_null(config_section(c, "two"));
		assert_null(config_section(c, "three"));
		assert_true(o->fast);
		assert_int_equal(o->level, -3);
		assert_int_equal(o->cache, 67108864);
		assert_int_equal(o->listen.n, 2);
		assert_endpoint(&((const struct ip_endpoint *)o->listen.items)[1], "[::1]:5300");
		assert_int_equal(o->mode, SAMPLE_STRICT);
		assert_string_equal(o->file, "dir/default.file");
		assert_false(o->limits.written);
		assert_int_equal(o->limits.clients, 256);
		assert_int_equal(o->small, 0);
		assert_null(o->identity);
		assert_int_equal(o->secret.len, 0);
		assert_int_equal(o->source.family, 0);
		assert_int_equal(o->zones.n, 0);
		config_free(c);
	}
}

static void the_global_section_is_always_there(void **state)
{
	(void)state;
	struct config *c = parse_good("one:\n");
	const struct config_global *g = config_global(c);
	assert_string_equal(g->run, "/run/gatehouse");
	assert_string_equal(g->user, "gatehouse");
	assert_int_equal(g->log.level, CONFIG_LOG_INFO);
	assert_int_equal(g->log.format, CONFIG_LOG_TEXT);
	assert_true(g->sandbox);
	assert_int_equal(g->sandbox_read.n, 0);
	assert_int_equal(config_section_line(c, "global"), 0);
	assert_int_equal(config_section_line(c, "one"), 1);
	config_free(c);

	c = parse_good("two: {must: ::1}\nglobal:\n  log: {level: debug, format: json}\n"
		       "  sandbox: off\n  sandbox-read: zones\n  run: here\n");
	g = config_global(c);
	assert_int_equal(g->log.level, CONFIG_LOG_DEBUG);
	assert_int_equal(g->log.format, CONFIG_LOG_JSON);
	assert_false(g->sandbox);
	assert_int_equal(g->sandbox_read.n, 1);
	assert_string_equal(*(const char *const *)g->sandbox_read.items, "dir/zones");
	assert_string_equal(g->run, "dir/here");
	assert_int_equal(config_section_line(c, "global"), 2);
	assert_int_equal(config_section_line(c, "two"), 1);
	assert_null(config_section(c, "one"));
	config_free(c);
}

static void no_error_shows_a_secret(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"one:\n  secret: pw\n",
		"one:\n  secret: [swordfishswordfish]\n",
		"one:\n  secrte: swordfish\n",
		"two:\n  secret: swordfish\n  must: ::1\n",
		"one:\n  secret: swordfish\n  secret: swordfish\n",
		"one:\n  secret: swordfishswordfishswordfishswordfish\n",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *c = NULL;
		struct config_report r = {0};
		assert_int_equal(sample_parse(span_text(texts[i]), &c, &r), ERR_CONFIG);
		assert_int_equal(r.n, 1);
		assert_null(r.errors[0].source);
		assert_true(!r.errors[0].found || !strstr(r.errors[0].found, "sword"));
		assert_null(strstr(r.errors[0].message, "sword"));
		config_report_done(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_wrong_values_and_tells_where),
		cmocka_unit_test(reads_scalars_of_every_type),
		cmocka_unit_test(reads_lists_and_dictionaries),
		cmocka_unit_test(a_map_knows_its_line),
		cmocka_unit_test(a_value_stands_for_the_map_that_has_a_key_for_it),
		cmocka_unit_test(an_empty_section_has_its_defaults),
		cmocka_unit_test(the_global_section_is_always_there),
		cmocka_unit_test(no_error_shows_a_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
