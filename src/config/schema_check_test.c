#include "base/writer.h"
#include "config/global.h"
#include "config/sample_test.h"
#include "config/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct thing {
	bool on;
	int32_t number;
	uint64_t time_ms;
	const char *text;
	struct config_list list;
	struct span secret;
};

static const char *const words[] = {"a", "b", NULL};
static const char *const no_words[] = {NULL};

static char problems[16384];

static enum err check(const struct config_map *map)
{
	const struct config_section section = {.name = "thing", .map = map};
	const struct config_sections sections = {.items = &section, .n = 1};
	struct writer w = writer_of(problems, sizeof(problems));
	enum err err = config_schema_check(&sections, &w);
	write_u8(&w, 0);
	assert_false(w.bad);
	return err;
}

static void the_schemas_of_this_folder_are_right(void **state)
{
	(void)state;
	struct writer w = writer_of(problems, sizeof(problems));
	assert_int_equal(config_schema_check(&sample_sections, &w), OK);
	assert_int_equal(w.pos, 0);
	assert_int_equal(check(&config_global_map), OK);
}

static bool twin_row(size_t n, struct config_row *ret)
{
	*ret = (struct config_row){.name = "twin", .takes = "a number"};
	return n < 2;
}

static enum err twin_read(struct config_memory *memory, const struct config_entry *e, void *into,
			  struct config_complaint *ret_why, struct config_blame *ret_blame)
{
	(void)memory, (void)e, (void)into, (void)ret_why, (void)ret_blame;
	return ERR_ABSENT;
}

static const struct config_table twins = {
	.title = "TWINS", .help = "The same twice", .size = 8, .row = twin_row, .read = twin_read};

#define THING(member) CONFIG_FIELD(struct thing, member), .help = "A thing"
static const struct config_key part_keys[] = {
	{.name = "on", .type = CONFIG_BOOL, THING(on), .fallback = "on"}};
static const struct config_map part = {
	.help = "A part", .size = sizeof(struct thing), CONFIG_KEYS(part_keys)};
static const struct {
	struct config_key key;
	const char *problem;
} cases[] = {
	{{.name = "Name", .type = CONFIG_TEXT, THING(text)},
	 "thing.Name: a name is words of a-z and 0-9 with hyphens between\n"},
	{{.name = "a_b", .type = CONFIG_TEXT, THING(text)},
	 "thing.a_b: a name is words of a-z and 0-9 with hyphens between\n"},
	{{.name = "a", .type = CONFIG_TEXT, CONFIG_FIELD(struct thing, text)},
	 "thing.a: help has 1 to 400 octets and no dot at its end\n"},
	{{.name = "a", .type = CONFIG_TEXT, CONFIG_FIELD(struct thing, text), .help = "B."},
	 "thing.a: help has 1 to 400 octets and no dot at its end\n"},
	{{.name = "a", .type = CONFIG_DURATION, THING(number)},
	 "thing.a: the field has 4 octets and its type wants 8\n"},
	{{.name = "a", .type = CONFIG_TEXT, .offset = 4096, .width = 8, .help = "A"},
	 "thing.a: the field lies outside of the map's struct\n"},
	{{.name = "a", .type = CONFIG_TEXT, .flags = CONFIG_LIST, THING(text)},
	 "thing.a: the field has 8 octets and its type wants 16\n"},
	{{.name = "a", .type = CONFIG_INTEGER, THING(number), .max = 4294967296},
	 "thing.a: the bounds pass what the field can hold\n"},
	{{.name = "a", .type = CONFIG_INTEGER, THING(number), .min = -1, .max = 2147483648},
	 "thing.a: the bounds pass what the field can hold\n"},
	{{.name = "a", .type = CONFIG_INTEGER, THING(number), .min = 2, .max = 1},
	 "thing.a: min is above max\n"},
	{{.name = "a", .type = CONFIG_BOOL, THING(on), .max = 1, .fallback = "on"},
	 "thing.a: this type has no min and max\n"},
	{{.name = "a", .type = CONFIG_SECRET, THING(secret), .max = 5000},
	 "thing.a: the bounds pass what the field can hold\n"},
	{{.name = "a", .type = CONFIG_BOOL, THING(on)},
	 "thing.a: absent looks like the first choice: give a fallback\n"},
	{{.name = "a", .type = CONFIG_BOOL, THING(on), .fallback = "maybe"},
	 "thing.a: the fallback 'maybe' is refused\n"},
	{{.name = "a", .type = CONFIG_DURATION, THING(time_ms), .fallback = "1s", .min = 2000},
	 "thing.a: the fallback '1s' is refused\n"},
	{{.name = "a",
	  .type = CONFIG_ADDRESS,
	  .flags = CONFIG_LIST,
	  THING(list),
	  .fallback = "::1, ::x"},
	 "thing.a: the fallback '::1, ::x' is refused\n"},
	{{.name = "a", .type = CONFIG_SECRET, THING(secret), .fallback = "abc"},
	 "thing.a: what is required, a map or a secret has no fallback\n"},
	{{.name = "a", .type = CONFIG_TEXT, .flags = CONFIG_REQUIRED, THING(text), .fallback = "b"},
	 "thing.a: what is required, a map or a secret has no fallback\n"},
	{{.name = "a", .type = CONFIG_CHOICE, THING(number), .fallback = "a"},
	 "thing.a: choices belong to a CONFIG_CHOICE, which needs one at least\n"},
	{{.name = "a", .type = CONFIG_CHOICE, THING(number), .choices = no_words, .fallback = "a"},
	 "thing.a: choices belong to a CONFIG_CHOICE, which needs one at least\n"},
	{{.name = "a", .type = CONFIG_CHOICE, THING(number), .choices = words, .fallback = "c"},
	 "thing.a: the fallback 'c' is refused\n"},
	{{.name = "a", .type = CONFIG_TEXT, THING(text), .port = 53},
	 "thing.a: only an endpoint has a port\n"},
	{{.name = "a", .type = CONFIG_TEXT, THING(text), .items_max = 5},
	 "thing.a: only lists and dictionaries count items\n"},
	{{.name = "a", .type = CONFIG_TEXT, .flags = CONFIG_UNIQUE, THING(text)},
	 "thing.a: CONFIG_UNIQUE is for lists of at most 1024 scalars\n"},
	{{.name = "a", .type = CONFIG_MAP, THING(list)},
	 "thing.a: a map or dictionary needs a map, and nothing else has one\n"},
	{{.name = "a", .type = CONFIG_TEXT, THING(text), .map = &part},
	 "thing.a: a map or dictionary needs a map, and nothing else has one\n"},
	{{.name = "a", .type = CONFIG_DICTIONARY, THING(list), .map = &part},
	 "thing.a: a dictionary's map, and no other, has one CONFIG_ENTRY_NAME\n"},
	{{.name = "a", .type = CONFIG_DICTIONARY, .flags = CONFIG_LIST, THING(list), .map = &part},
	 "thing.a: a dictionary or a table is a list already\n"},
	{{.name = "a", .type = CONFIG_TEXT, .flags = CONFIG_ENTRY_NAME, THING(text)},
	 "thing: a dictionary's map, and no other, has one CONFIG_ENTRY_NAME\n"},
	{{.name = "a", .type = CONFIG_TABLE, THING(list)},
	 "thing.a: a table needs a table, and nothing else has one\n"},
	{{.name = "a", .type = CONFIG_TEXT, THING(text), .table = &twins},
	 "thing.a: a table needs a table, and nothing else has one\n"},
	{{.name = "a", .type = CONFIG_TABLE, THING(text), .table = &twins},
	 "thing.a: the field has 8 octets and its type wants 16\n"},
	{{.name = "a", .type = CONFIG_TABLE, THING(list), .table = &twins},
	 "thing.a: the row twin is there twice\n"},
	{{.name = "a", .type = CONFIG_TABLE, .flags = CONFIG_LIST, THING(list), .table = &twins},
	 "thing.a: a dictionary or a table is a list already\n"},
	{{.name = "a", .type = CONFIG_DURATION, THING(time_ms), .example = "12"},
	 "thing.a: the example is refused: wrong configuration: value of 'a' lacks its "
	 "unit; "
	 "expected a duration such as 12h, 1d12h or 500ms\n"},
};

static void tells_each_fault_of_a_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct config_map map = {.help = "A thing",
					       .size = sizeof(struct thing),
					       .keys = &cases[i].key,
					       .keys_n = 1};
		assert_int_equal(check(&map), ERR_FORMAT);
		assert_string_equal(problems, cases[i].problem);
	}
}

static void tells_each_fault_of_a_map(void **state)
{
	(void)state;
	static const struct config_key twice[] = {
		{.name = "a", .type = CONFIG_TEXT, THING(text)},
		{.name = "a", .type = CONFIG_TEXT, THING(text)},
	};
	struct config_map map = {.help = "A", .size = sizeof(struct thing), CONFIG_KEYS(twice)};
	assert_int_equal(check(&map), ERR_FORMAT);
	assert_string_equal(problems, "thing.a: the name is there twice\n");
	map.keys_n = 1;
	map.example = "b: 1";
	assert_int_equal(check(&map), ERR_FORMAT);
	assert_string_equal(problems, "thing: the example is refused: wrong configuration: unknown "
				      "key 'b'; expected a\n");
	map.example = NULL;
	map.help = "A `b";
	assert_int_equal(check(&map), ERR_FORMAT);
	assert_string_equal(problems, "thing: a ` in the help is not closed\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_schemas_of_this_folder_are_right),
		cmocka_unit_test(tells_each_fault_of_a_key),
		cmocka_unit_test(tells_each_fault_of_a_map),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
