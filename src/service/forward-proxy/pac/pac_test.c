/* How the script is written; what it says is asked of real engines in test/net/test_forward_pac.py.
 */
#include "service/forward-proxy/pac/pac.h"

#include "base/arena.h"
#include "base/writer.h"
#include "service/forward-proxy/pac/conf_pac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"pac", &forward_pac_map};
static const struct config_sections sections = {&section, 1};

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static void refuses_what_is_no_proxy_and_no_place(void **state)
{
	(void)state;
	conf_refused(&sections, "pac: {proxies: [\"10.0.0.1:3128\"]}\n", 1, 17, "is no proxy");
	conf_refused(&sections, "pac: {proxies: \"ftp://a:1\"}\n", 1, 16, "is no proxy");
	conf_refused(&sections, "pac: {proxies: \"http://127.1:80\"}\n", 1, 16, "one place");
	conf_refused(&sections, "pac: {proxies: \"http://a:80/\"}\n", 1, 16, "one place");
	conf_refused(&sections, "pac: {proxies: \"http://u@a:80\"}\n", 1, 16, "one place");
	conf_refused(&sections, "pac: {proxies: \"http://a\", direct: [a, \"'\"]}\n", 1, 40,
		     "is no place");
	conf_refused(&sections, "pac: {direct: a}\n", 1, 6, "'proxies' is missing");
	struct pac_proxy p = {.kind = PAC_SOCKS5};
	assert_int_equal(pac_proxy_read(span_text("http:/a"), &p), ERR_UNSUPPORTED);
	assert_int_equal(pac_proxy_read(span_text("https://"), &p), ERR_FORMAT);
	assert_int_equal(p.kind, PAC_SOCKS5);
}

static void reads_proxies_as_they_are_written_elsewhere(void **state)
{
	(void)state;
	struct pac_proxy p;
	assert_int_equal(pac_proxy_read(span_text("https://Proxy.home.arpa"), &p), OK);
	assert_true(p.kind == PAC_HTTPS && p.at.port == 443);
	assert_string_equal(p.at.name, "proxy.home.arpa");
	assert_int_equal(pac_proxy_read(span_text("http://[2001:db8::1]:3128"), &p), OK);
	assert_true(p.kind == PAC_HTTP && p.at.port == 3128 && p.at.address.family == 6);
	assert_int_equal(pac_proxy_read(span_text("socks5://10.0.0.1"), &p), OK);
	assert_true(p.kind == PAC_SOCKS5 && p.at.port == 1080);
}

static void writes_the_proxies_in_their_order(void **state)
{
	(void)state;
	struct config *c = conf_parse(
		&sections,
		"pac: {proxies: [\"https://p.home.arpa:3129\", \"http://[fd00::1]:3128\", "
		"\"socks5://10.0.0.1\"], direct: [10.0.0.0/8], fallback: yes}\n");
	AUTO_DONE(arena_done) struct arena a = {0};
	struct span text;
	arena_init(&a, 4 << 20);
	assert_int_equal(forward_pac_text(&a, config_section(c, "pac"), &text), OK);
	char *copy = arena_copy(&a, text);
	assert_non_null(copy);
	assert_non_null(strstr(copy, "var gatehouseProxies = 'HTTPS p.home.arpa:3129; "
				     "PROXY [fd00::1]:3128; SOCKS5 10.0.0.1:1080; DIRECT';\n"));
	assert_non_null(strstr(copy, "\n\t'32:00001010'\n];\n"));
	assert_non_null(strstr(copy, "var gatehouseNames = {};\n"));
	config_free(c);
}

/* No configuration has such a name; if one had, it would stay a name. */
static void a_name_never_ends_its_string(void **state)
{
	(void)state;
	const struct access_place places[] = {{.name = "a';alert(1)//"}, {.name = "\\\n</script>"}};
	const struct pac p = {.direct = places, .direct_n = 2};
	char text[8192];
	struct writer w = writer_of(text, sizeof(text) - 1);
	pac_write(&p, &w);
	assert_false(w.bad);
	text[w.pos] = 0;
	assert_non_null(strstr(text, "'=a\\x27;alert\\x281\\x29\\x2f\\x2f': 1"));
	assert_non_null(strstr(text, "'=\\x5c\\x0a\\x3c\\x2fscript\\x3e': 1"));
	assert_non_null(strstr(text, "var gatehouseProxies = 'DIRECT';\n"));
}

static void the_longest_configuration_fits(void **state)
{
	(void)state;
	static struct access_place places[PAC_DIRECT_MAX]; /* why-global: too large for a stack */
	char name[DESTINATION_NAME_MAX + 1];
	memset(name, 'a', sizeof(name));
	name[DESTINATION_NAME_MAX] = 0;
	for (size_t i = 0; i < PAC_DIRECT_MAX; i++)
		places[i] = (struct access_place){.name = name};
	const struct pac p = {.direct = places, .direct_n = PAC_DIRECT_MAX};
	uint8_t *room = malloc(PAC_SIZE_MAX);
	assert_non_null(room);
	struct writer w = writer_of(room, PAC_SIZE_MAX);
	pac_write(&p, &w);
	assert_false(w.bad);
	free(room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_what_is_no_proxy_and_no_place),
		cmocka_unit_test(reads_proxies_as_they_are_written_elsewhere),
		cmocka_unit_test(writes_the_proxies_in_their_order),
		cmocka_unit_test(a_name_never_ends_its_string),
		cmocka_unit_test(the_longest_configuration_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
