#include "config/reference.h"

#include "base/writer.h"
#include "config/sample_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char text[CONFIG_REFERENCE_MAX];

static void assert_has(const char *part)
{
	if (!strstr(text, part))
		print_error("missing: %s\n", part);
	assert_non_null(strstr(text, part));
}

static void the_manual_has_every_key_with_its_type_and_default(void **state)
{
	(void)state;
	struct writer w = writer_of(text, sizeof(text));
	config_reference_scdoc(&sample_sections, "1.2.3", &w);
	write_u8(&w, 0);
	assert_false(w.bad);
	assert_memory_equal(text, "gatehouse.yaml(5) \"gatehouse 1.2.3\"", 35);
	assert_has("# SECTION GLOBAL\n");
	assert_has("# SECTION ONE\n\nThe first section.\n");
	assert_has("\n*log.level*: *error* | *warning* | *notice* | *info* | *debug*\n\tLeast "
		   "important lines that are written. Default: *info*.\n");
	assert_has("\n*limits.clients*: _number_, from 1 to 65536\n\tConnections at once. Default: "
		   "*256*.\n");
	assert_has("\n*listen*: _list of endpoint_, port 53\n\tServe here. Default: *127.0.0.1, "
		   "\\[::1\\]:5300*.\n");
	assert_has("\n*zones.origin*: _name_\n\tName of the zone. Required.\n");
	assert_has("\n*pools.NAME*: _map of entries_\n\tThe pools. A value in place of the map "
		   "is its *range*. Each name: Name of the pool.\n");
	assert_has("\n*pools.NAME.range*: _address range_\n");
	assert_has("\n*must*: _address_\n\tHas to be there. Required.\n");
	assert_has("```\none:\n  listen: [127.0.0.1, \"[::1]:53\"]\n  zones:\n    - {origin: ");
	assert_null(strstr(text, "*pools.NAME.name*"));
}

/* Past one JSON value at *at; depth-limited by what we write. */
static const char *skip_json(const char *at)
{
	at += strspn(at, " \n");
	if (*at == '"') {
		for (at++; *at && *at != '"'; at++)
			at += *at == '\\';
		return *at ? at + 1 : NULL;
	}
	if (*at == '{' || *at == '[') {
		bool object = *at++ == '{';
		char close = object ? '}' : ']';
		at += strspn(at, " ");
		if (*at == close)
			return at + 1;
		for (;; at++) {
			if (object && *(at += strspn(at, " ")) != '"')
				return NULL;
			if (object && (!(at = skip_json(at)) || *at++ != ':'))
				return NULL;
			if (!(at = skip_json(at)))
				return NULL;
			at += strspn(at, " ");
			if (*at == close)
				return at + 1;
			if (*at != ',')
				return NULL;
		}
	}
	size_t n = strspn(at, "-0123456789abcdefghijklmnopqrstuvwxyz");
	return n ? at + n : NULL;
}

static void the_json_schema_is_json_and_has_every_key(void **state)
{
	(void)state;
	struct writer w = writer_of(text, sizeof(text));
	config_json_schema(&sample_sections, &w);
	write_u8(&w, 0);
	assert_false(w.bad);
	const char *end = skip_json(text);
	assert_non_null(end);
	assert_string_equal(end, "\n");
	assert_memory_equal(text, "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\"",
			    58);
	assert_has("\"clients\": {\"description\": \"Connections at once\", \"default\": \"256\", "
		   "\"allOf\": [{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 65536}]}");
	assert_has("\"mode\": {\"description\": \"How to do it\", \"default\": \"strict\", "
		   "\"allOf\": [{\"enum\": [\"on\", \"strict\", \"off\"]}]}");
	assert_has("\"required\": [\"origin\", \"file\"]");
	assert_has("\"additionalProperties\": {\"anyOf\": [{\"type\": \"object\", "
		   "\"additionalProperties\": false, \"properties\": {\"range\": ");
	assert_has("\"required\": [\"range\"]}, {\"type\": \"string\"}]}");
	assert_has("\"minItems\": 1, \"maxItems\": 8, \"uniqueItems\": true");
}

static void what_the_section_explains_is_only_named(void **state)
{
	(void)state;
	struct writer w = writer_of(text, sizeof(text));
	config_reference_scdoc(&sample_sections, "1.2.3", &w);
	write_u8(&w, 0);
	assert_has(
		"\n*pools.NAME.small*, *level*\n\tThe keys of these names of the section, for this "
		"place alone.\n");
	assert_null(strstr(text, "A number without a sign"));
}

static void the_words_of_a_table_are_told_once(void **state)
{
	(void)state;
	struct writer w = writer_of(text, sizeof(text));
	config_reference_scdoc(&sample_sections, "1.2.3", &w);
	write_u8(&w, 0);
	assert_false(w.bad);
	assert_has("\n*colours*: _map of values_\n\tThe colours. Example: *{red: 1, mix: \\[2, "
		   "3\\]}*. Its words are in the list *COLOURS* below.\n");
	assert_has("\n# COLOURS\n\nHow much of each colour.\n\n*red*: number++\n");
	assert_has("\nBesides these: a number from 0 to 255.\n");
	w = writer_of(text, sizeof(text));
	config_json_schema(&sample_sections, &w);
	write_u8(&w, 0);
	assert_has("\"allOf\": [{\"$ref\": \"#/$defs/colours\"}]");
	assert_has("\"$defs\": {\"part\": {\"type\": [\"string\", ");
	assert_has(", \"colours\": {\"description\": \"How much of each colour\", \"type\": "
		   "\"object\", \"additionalProperties\": {\"anyOf\": ");
	assert_has("\"mix\": {\"description\": \"number, or a list of such\", \"anyOf\": ");
}

static const char *keys(const char *prefix)
{
	struct writer w = writer_of(text, sizeof(text));
	config_keys(&sample_sections, span_text(prefix), &w);
	write_u8(&w, 0);
	assert_false(w.bad);
	return text;
}

static void keys_are_completed_as_far_as_the_next_dot(void **state)
{
	(void)state;
	assert_string_equal(keys("t"), "two.\tThe second section\n");
	assert_string_equal(keys("two."), "two.idle\tBe idle this long\n"
					  "two.must\tHas to be there\n");
	assert_string_equal(keys("one.li"), "one.listen\tServe here\n"
					    "one.limits.\tWhat a stranger may take\n");
	assert_string_equal(keys("one.limits.c"), "one.limits.clients\tConnections at once\n");
	assert_string_equal(keys("one.pools."), "one.pools.range\tAddresses that are given away\n"
						"one.pools.lease\tHow long one has them\n"
						"one.pools.small\tA small number\n"
						"one.pools.level\tA number without a sign\n");
	assert_string_equal(keys("one.colours.m"), "one.colours.mix\tnumber, or a list of such\n");
	assert_string_equal(keys("one.colou"), "one.colours.\tThe colours\n");
	assert_string_equal(keys("one.colours.mix."), "");
	assert_string_equal(keys("x"), "");
	assert_string_equal(keys("x."), "");
	assert_string_equal(keys("one.fast."), "");
	assert_string_equal(keys("."), "");
	assert_non_null(strstr(keys(""), "global.\t"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_has_every_key_with_its_type_and_default),
		cmocka_unit_test(what_the_section_explains_is_only_named),
		cmocka_unit_test(the_words_of_a_table_are_told_once),
		cmocka_unit_test(the_json_schema_is_json_and_has_every_key),
		cmocka_unit_test(keys_are_completed_as_far_as_the_next_dot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
