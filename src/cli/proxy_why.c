/* gatehouse proxy why URL: what would become of a request to the forward proxy, and by which rule.
 */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "proto/http/http1.h"

#include <string.h>

enum { TARGET_SIZE = 32 * 1024 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void add(struct writer *w, char mark, const char *key, const char *value)
{
	if (!value)
		return;
	write_format(w, "%c%s=", mark, key);
	http_percent_encode(w, span_text(value));
}

static void print_words(const char *head, const json_t *array)
{
	const json_t *word;
	size_t i;
	if (json_array_size(array) == 0)
		return;
	(void)printf("%s", head);
	json_array_foreach(array, i, word)(void)
		printf("%s%s", i ? ", " : "", json_string_value(word));
	(void)printf("\n");
}

static void print_rules(const json_t *a)
{
	if (json_object_get(a, "rule"))
		(void)printf("rule:     %lld of `access`\n", number_of(a, "rule"));
	if (json_object_get(a, "addresses"))
		(void)printf("rule:     it depends on the addresses of the name\n");
	if (json_object_get(a, "text"))
		(void)printf("policy:   %s (list %s, line %lld)\n", text_of(a, "text"),
			     text_of(a, "list"), number_of(a, "line"));
	if (json_object_get(a, "safe_search"))
		(void)printf("search:   gone to as %s\n", text_of(a, "safe_search"));
	if (json_object_get(a, "most"))
		(void)printf("answer:   at most %lld octets (rule %lld of `answers`)\n",
			     number_of(a, "most"), number_of(a, "answers_rule"));
	else if (json_object_get(a, "answers_rule"))
		(void)printf("answer:   rule %lld of `answers`\n", number_of(a, "answers_rule"));
	if (json_object_get(a, "reason"))
		(void)printf("reason:   %s\n", text_of(a, "reason"));
}

static void print_why(const struct command_line *line, const json_t *a)
{
	bool passes = strcmp(text_of(a, "verdict"), "passes") == 0;
	enum print_style style = passes ? PRINT_GREEN : PRINT_RED;
	(void)printf("%s:%lld: %s%s%s%s%s%s%s\n", text_of(a, "host"), number_of(a, "port"),
		     print_style_on(line->colour, style), passes ? "passes" : "refused",
		     print_style_off(line->colour, style), passes ? "" : ": ", text_of(a, "why"),
		     *text_of(a, "detail") ? ": " : "", text_of(a, "detail"));
	print_rules(a);
	if (*text_of(a, "user"))
		(void)printf("user:     %s\n", text_of(a, "user"));
	print_words("groups:   ", json_object_get(a, "groups"));
	if (strcmp(text_of(a, "by"), "tunnel") == 0)
		(void)printf("by:       a tunnel, in which nothing but the host is seen\n");
	else if (strcmp(text_of(a, "by"), "inspection") == 0)
		(void)printf("by:       a tunnel that is inspected\n");
	if (*text_of(a, "privacy"))
		(void)printf("privacy:  %s\n", text_of(a, "privacy"));
	print_words("path:     ", json_object_get(a, "paths"));
}

static int why_run(const struct command_line *line)
{
	char target[TARGET_SIZE];
	struct writer w = writer_of(target, sizeof(target) - 1);
	int code = EXIT_OK;
	write_text(&w, "/why");
	add(&w, '?', "url", line->arguments[0]);
	add(&w, '&', "client", command_line_value(line, "client"));
	add(&w, '&', "user", command_line_value(line, "as"));
	add(&w, '&', "type", command_line_value(line, "type"));
	add(&w, '&', "size", command_line_value(line, "size"));
	if (w.bad)
		return command_misused(NULL, "that is too long");
	target[w.pos] = '\0';
	json_t *answer = remote_ask_or_print(line, "forward-proxy", "GET", target, &code);
	if (answer)
		print_why(line, answer);
	json_decref(answer);
	return code;
}

static const struct command_option options[] = {
	{"client", 'C', "ADDRESS", "whose request it would be"},
	{"as", 0, "USER", "who has signed in"},
	{"type", 0, "TYPE", "of the answer: video/mp4, or none"},
	{"size", 0, "OCTETS", "of the answer"},
	REMOTE_OPTIONS,
};

const struct command proxy_why_verb = {
	.name = "why",
	.within = "proxy",
	.arguments = "URL",
	.summary = "Say what the forward proxy does with a request, and by which rule",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = why_run,
};
