#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct command_option options[] = {
	{"config", 'c', "FILE", "the configuration"},
	{"control", 0, "PATH", "the socket"},
	{"lenient", 'l', NULL, "warn only"},
};

static const struct command plain = {
	.name = "plain",
	.arguments = "NAME [TYPE]",
	.summary = "A plain one",
	.arguments_min = 1,
	.arguments_max = 2,
	.options = options,
	.options_n = 3,
};

static const struct command verb = {
	.name = "run",
	.within = "box",
	.arguments = "HOST COMMAND...",
	.summary = "A verb",
	.arguments_min = 2,
	.arguments_max = COMMAND_ARGUMENTS_MAX,
	.passes_on = true,
};

static const struct command *const verbs[] = {&verb, NULL};
static const struct command box = {
	.name = "box", .arguments = "", .summary = "Has verbs", .verbs = verbs};
static const struct command *const table[] = {&plain, &box, NULL};

static struct command_line line;
static bool help;
static char *said; /* on stderr, by the last call */

/* Reads a NULL-terminated line; what it writes to stderr is in said. */
static int read_line(const struct command *c, const char *const *words)
{
	char *argv[COMMAND_ARGUMENTS_MAX + 8];
	int argc = 0;
	size_t len;
	for (; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc]; /* main's are not const either */
	FILE *before = stderr;
	free(said);
	said = NULL;
	stderr = open_memstream(&said, &len);
	int status = command_line_read(c, "gatehouse", argc, argv, &line, &help);
	(void)fclose(stderr);
	stderr = before;
	return status;
}

#define READ(command, ...) read_line(command, (const char *const[]){__VA_ARGS__, NULL})

static void refuses(int status, const char *text)
{
	assert_int_equal(status, EXIT_USAGE);
	if (!strstr(said, text))
		fail_msg("said: %s", said);
}

static void wrong_options_are_told_with_the_near_one(void **state)
{
	(void)state;
	refuses(READ(&plain, "--confg", "f", "name"),
		"no option '--confg'; did you mean '--config'?");
	refuses(READ(&plain, "--lenent", "name"), "did you mean '--lenient'?");
	refuses(READ(&plain, "--jason", "name"), "did you mean '--json'?");
	refuses(READ(&plain, "--zzz", "name"), "no option '--zzz'\n");
	refuses(READ(&plain, "--conf", "f", "name"), "no option '--conf'"); /* no shortening */
	refuses(READ(&plain, "-x", "name"), "no option '-x'");
	refuses(READ(&plain, "-cfile", "name"), "no option '-cfile'");
	refuses(READ(&plain, "name", "--config"), "'--config' needs a value");
	refuses(READ(&plain, "name", "-c"), "'--config' needs a value");
	refuses(READ(&plain, "--lenient=no", "name"), "'--lenient' takes no value");
	refuses(READ(&verb, "--confg", "a", "b"),
		"gatehouse: box run: there is no option '--confg'");
	assert_non_null(strstr(said, "'gatehouse help box run'"));
}

static void number_of_words_is_checked(void **state)
{
	const char *many[COMMAND_ARGUMENTS_MAX + 2];
	(void)state;
	refuses(READ(&plain, "--json"), "plain: it needs NAME [TYPE]");
	refuses(READ(&plain, "a", "b", "c"), "plain: 'c' is one word too many");
	for (size_t i = 0; i < COMMAND_ARGUMENTS_MAX + 1; i++)
		many[i] = "word";
	many[COMMAND_ARGUMENTS_MAX + 1] = NULL;
	refuses(read_line(&verb, many), "'word' is one word too many");
	many[COMMAND_ARGUMENTS_MAX] = NULL;
	assert_int_equal(read_line(&verb, many), EXIT_OK);
}

static void values_are_found_in_every_form(void **state)
{
	(void)state;
	assert_int_equal(READ(&plain, "--config=a", "name", "--control", "b", "-l", "type"),
			 EXIT_OK);
	assert_string_equal(command_line_value(&line, "config"), "a");
	assert_string_equal(command_line_value(&line, "control"), "b");
	assert_string_equal(command_line_value(&line, "lenient"), "");
	assert_int_equal(line.arguments_n, 2);
	assert_string_equal(line.arguments[0], "name");
	assert_string_equal(line.arguments[1], "type");
	assert_false(line.json || help);
	assert_int_equal(READ(&plain, "-c", "--json", "name"),
			 EXIT_OK); /* a value may look like one */
	assert_string_equal(command_line_value(&line, "config"), "--json");
	assert_null(command_line_value(&line, "lenient"));
	assert_int_equal(READ(&plain, "--config=", "name", "--json"), EXIT_OK);
	assert_string_equal(command_line_value(&line, "config"), "");
	assert_true(line.json);
	assert_string_equal(said, "");
}

static void dashes_end_the_options(void **state)
{
	(void)state;
	assert_int_equal(READ(&plain, "--", "--json", "-c"), EXIT_OK);
	assert_string_equal(line.arguments[0], "--json");
	assert_string_equal(line.arguments[1], "-c");
	assert_false(line.json);
	assert_int_equal(READ(&plain, "-", "name"), EXIT_OK); /* a dash alone is a word */
	assert_string_equal(line.arguments[0], "-");
}

static void words_of_another_program_are_passed_on(void **state)
{
	(void)state;
	assert_int_equal(READ(&verb, "--json", "host", "dig", "--json", "-h", "--"), EXIT_OK);
	assert_true(line.json && !help);
	assert_int_equal(line.arguments_n, 5);
	assert_string_equal(line.arguments[2], "--json");
	assert_string_equal(line.arguments[4], "--");
}

static void help_comes_before_what_is_missing(void **state)
{
	(void)state;
	assert_int_equal(READ(&plain, "--help"), EXIT_OK);
	assert_true(help);
	assert_int_equal(READ(&plain, "-h", "a", "b", "c", "d"), EXIT_OK);
	assert_true(help);
}

static void usage_names_all_that_it_takes(void **state)
{
	char *text = NULL;
	size_t len;
	(void)state;
	FILE *to = open_memstream(&text, &len);
	command_usage_print(to, &plain);
	command_usage_print(to, &verb);
	command_usage_print(to, &box);
	(void)fclose(to);
	static const char *const parts[] = {
		"Usage: gatehouse plain [OPTION]... NAME [TYPE]\nA plain one.\n",
		"  -c --config FILE ",
		"     --control PATH ",
		"  -l --lenient ",
		"Usage: gatehouse box run HOST COMMAND...\n",
		"Usage: gatehouse box VERB\n",
		"  run      HOST COMMAND...  A verb\n"};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(text, parts[i]))
			fail_msg("'%s' is not in: %s", parts[i], text);
	free(text);
}

static void commands_are_found_by_their_whole_name(void **state)
{
	(void)state;
	assert_ptr_equal(command_find(table, "plain"), &plain);
	assert_ptr_equal(command_find(table, "box"), &box);
	assert_null(command_find(table, "plai"));
	assert_null(command_find(table, "plainer"));
	assert_null(command_find(table, ""));
	assert_null(command_find(verbs, "plain"));
}

static int free_said(void **state)
{
	(void)state;
	free(said);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_options_are_told_with_the_near_one),
		cmocka_unit_test(number_of_words_is_checked),
		cmocka_unit_test(values_are_found_in_every_form),
		cmocka_unit_test(dashes_end_the_options),
		cmocka_unit_test(words_of_another_program_are_passed_on),
		cmocka_unit_test(help_comes_before_what_is_missing),
		cmocka_unit_test(usage_names_all_that_it_takes),
		cmocka_unit_test(commands_are_found_by_their_whole_name),
	};
	return cmocka_run_group_tests(tests, NULL, free_said);
}
