/* gatehouse policy lists|why|who|pause|resume|refresh: what the lists are, what holds for a name,
 * and how to lift it for a while. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "config/units.h"
#include "proto/http/http1.h"

#include <string.h>
#include <time.h>

enum { TARGET_SIZE = 2048 };

static const char service[] = "policy";

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "2026-11-29 12:00" by this machine's clock; "-": there is no such time. */
static const char *time_text(long long s, char buf[32])
{
	time_t at = (time_t)s;
	struct tm tm;
	if (s <= 0 || !localtime_r(&at, &tm) || strftime(buf, 32, "%Y-%m-%d %H:%M", &tm) == 0)
		return "-";
	return buf;
}

/* --- targets --- */

struct target {
	char text[TARGET_SIZE];
	struct writer w;
	bool asked; /* the question mark is there */
};

static void target_begin(struct target *t, const char *path)
{
	t->w = writer_of(t->text, sizeof(t->text) - 1);
	t->asked = false;
	write_text(&t->w, path);
}

/* value: NULL: nothing. */
static void target_add(struct target *t, const char *key, const char *value)
{
	if (!value)
		return;
	write_format(&t->w, "%c%s=", t->asked ? '&' : '?', key);
	http_percent_encode(&t->w, span_text(value));
	t->asked = true;
}

/* False: it is too long. */
static bool target_end(struct target *t)
{
	t->text[t->w.pos] = '\0';
	return !t->w.bad;
}

static json_t *ask(const struct command_line *line, const char *method, struct target *t, int *code)
{
	if (target_end(t))
		return remote_ask_or_print(line, service, method, t->text, code);
	*code = command_misused(NULL, "that is too long");
	return NULL;
}

/* --- lists --- */

static void print_list(struct print_table *t, const json_t *l)
{
	const char *state = text_of(l, "state");
	bool failed = strcmp(state, "failed") == 0;
	const json_t *names = json_object_get(l, "names");
	char when[32];
	print_cell(t, PRINT_BOLD, "%s", text_of(l, "list"));
	print_cell(t,
		   failed			? PRINT_RED
		   : strcmp(state, "good") == 0 ? PRINT_GREEN
						: PRINT_YELLOW,
		   "%s", state);
	if (json_is_integer(names))
		print_cell(t, PRINT_PLAIN, "%lld", json_integer_value(names));
	else
		print_cell(t, PRINT_DIM, "-");
	print_cell(t, PRINT_PLAIN, "%s", time_text(number_of(l, "checked"), when));
	print_cell(t, PRINT_PLAIN, "%s", time_text(number_of(l, "next"), when));
	print_cell(t, PRINT_DIM, "%s", text_of(l, "from"));
}

static void print_errors(const struct command_line *line, const json_t *answer)
{
	const json_t *l;
	size_t i;
	json_array_foreach(answer, i, l)
	{
		if (*text_of(l, "error"))
			(void)printf("%s%s%s: %s\n", print_style_on(line->colour, PRINT_RED),
				     text_of(l, "list"), print_style_off(line->colour, PRINT_RED),
				     text_of(l, "error"));
		if (*text_of(l, "stands_in"))
			(void)printf("%s: was not had yet; in its place stands %s\n",
				     text_of(l, "list"), text_of(l, "stands_in"));
		if (number_of(l, "bad"))
			(void)printf("%s: %lld lines are no rules, the first is line %lld\n",
				     text_of(l, "list"), number_of(l, "bad"),
				     number_of(l, "first_bad"));
		if (number_of(l, "left_out"))
			(void)printf("%s: %lld lines are left out: `lines-max`\n",
				     text_of(l, "list"), number_of(l, "left_out"));
	}
}

static int lists_run(const struct command_line *line)
{
	static const char *const heads[] = {"LIST", "STATE", "NAMES", "CHECKED", "NEXT", "FROM"};
	struct print_table t;
	struct target target;
	const json_t *l;
	size_t i;
	int code = EXIT_OK;
	target_begin(&target, "/lists");
	json_t *answer = ask(line, "GET", &target, &code);
	if (!answer)
		return code;
	print_table_init(&t, stdout, line->colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(answer, i, l) print_list(&t, l);
	print_table_end(&t);
	print_errors(line, answer);
	json_decref(answer);
	return EXIT_OK;
}

/* --- why --- */

/* "2026-11-29T21:00" or "21:00" of today, by this machine's clock, or seconds since 1970. */
static bool moment_read(const char *text, char ret[32])
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
					    "%H:%M"};
	time_t now = time(NULL);
	uint64_t seconds;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm;
		if (!localtime_r(&now, &tm))
			return false;
		tm.tm_sec = 0;
		tm.tm_isdst = -1;
		const char *end = strptime(text, forms[i], &tm);
		if (!end || *end)
			continue;
		(void)snprintf(ret, 32, "%lld", (long long)mktime(&tm));
		return true;
	}
	(void)snprintf(ret, 32, "%s", text);
	return span_to_u64(span_text(text), INT64_MAX, &seconds);
}

static void print_words(const char *head, const json_t *array)
{
	const json_t *word;
	size_t i;
	(void)printf("%s", head);
	json_array_foreach(array, i, word)(void)
		printf("%s%s", i ? ", " : " ", json_string_value(word));
	(void)printf("%s\n", json_array_size(array) ? "" : " none");
}

static void print_decision(const struct command_line *line, const json_t *a)
{
	const char *verdict = text_of(a, "verdict");
	bool blocked = strcmp(verdict, "blocked") == 0, nothing = strcmp(verdict, "nothing") == 0;
	enum print_style style = blocked ? PRINT_RED : nothing ? PRINT_PLAIN : PRINT_GREEN;
	const char *name = text_of(a, "name"), *target = text_of(a, "target");
	size_t len = strlen(name);
	if (*target && len && name[len - 1] == '.')
		len--; /* in an address a name has no last dot */
	(void)printf(
		"%.*s%s: %s%s%s\n", (int)len, name, target, print_style_on(line->colour, style),
		nothing ? "no rule says anything" : verdict, print_style_off(line->colour, style));
	if (!nothing)
		(void)printf("by:        %s (list %s, line %lld; rule %lld)\n", text_of(a, "text"),
			     text_of(a, "list"), number_of(a, "line"), number_of(a, "rule"));
	if (*text_of(a, "schedule"))
		(void)printf("schedule:  %s\n", text_of(a, "schedule"));
	if (*text_of(a, "reason"))
		(void)printf("reason:    %s\n", text_of(a, "reason"));
}

/* What is known of a client; NULL: nobody was named. */
static void print_who(const json_t *who)
{
	static const char *const words[] = {"address", "lease", "mac", "duid", "peer", "user"};
	size_t known = 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *text = text_of(who, words[i]);
		if (*text)
			(void)printf("%s%s %s", known++ ? ", " : "client:    ", words[i], text);
	}
	if (known)
		(void)printf("\n");
	if (json_is_true(json_object_get(who, "not_its_lease")))
		(void)printf("           another device speaks than the one that leased the "
			     "address\n");
}

static void print_why(const struct command_line *line, const json_t *a)
{
	const json_t *search = json_object_get(a, "safe_search"), *until;
	const char *group;
	char when[32];
	print_decision(line, a);
	if (search)
		(void)printf("search:    %s is asked as %s\n", text_of(search, "engine"),
			     text_of(search, "name"));
	print_who(json_object_get(a, "client"));
	print_words("groups:   ", json_object_get(a, "groups"));
	json_t *pauses = json_object_get(a, "pauses");
	json_object_foreach(pauses, group, until)(void) printf(
		"paused:    %s until %s\n", group, time_text(json_integer_value(until), when));
	if (json_is_integer(json_object_get(a, "until")))
		(void)printf("until:     %s, then it is judged anew\n",
			     time_text(number_of(a, "until"), when));
}

static int why_run(const struct command_line *line)
{
	const char *at = command_line_value(line, "at");
	struct target target;
	char moment[32];
	int code = EXIT_OK;
	if (at && !moment_read(at, moment))
		return command_misused("Write one like 21:00 or 2026-11-29T21:00.",
				       "'%s' is no time", at);
	target_begin(&target, "/why");
	/* A name has no slash, an address has. */
	target_add(&target, strchr(line->arguments[0], '/') ? "url" : "name", line->arguments[0]);
	target_add(&target, "client", command_line_value(line, "client"));
	target_add(&target, "at", at ? moment : NULL);
	json_t *answer = ask(line, "GET", &target, &code);
	if (answer)
		print_why(line, answer);
	json_decref(answer);
	return code;
}

/* --- who --- */

static int who_run(const struct command_line *line)
{
	struct target target;
	int code = EXIT_OK;
	target_begin(&target, "/who");
	target_add(&target, "client", line->arguments[0]);
	json_t *answer = ask(line, "GET", &target, &code);
	if (answer) {
		print_who(answer);
		print_words("groups:   ", json_object_get(answer, "groups"));
	}
	json_decref(answer);
	return code;
}

/* --- pauses --- */

static int order(const struct command_line *line, const char *path, const char *seconds)
{
	struct target target;
	char when[32];
	int code = EXIT_OK;
	target_begin(&target, path);
	target_add(&target, "group", line->arguments[0]);
	target_add(&target, "seconds", seconds);
	json_t *answer = ask(line, "POST", &target, &code);
	if (answer && seconds)
		(void)printf("The rules for %s are lifted until %s.\n", line->arguments[0],
			     time_text(number_of(answer, "until"), when));
	else if (answer)
		(void)printf("The rules for %s hold again.\n", line->arguments[0]);
	json_decref(answer);
	return code;
}

static int pause_run(const struct command_line *line)
{
	uint64_t ms;
	char seconds[32];
	if (config_duration_parse(span_text(line->arguments[1]), &ms) != OK || ms < 1000)
		return command_misused("Write one like 30m or 2h.", "'%s' is no duration",
				       line->arguments[1]);
	(void)snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)(ms / 1000));
	return order(line, "/pause", seconds);
}

static int resume_run(const struct command_line *line)
{
	return order(line, "/resume", NULL);
}

/* --- refresh --- */

static int refresh_run(const struct command_line *line)
{
	struct target target;
	int code = EXIT_OK;
	target_begin(&target, "/refresh");
	target_add(&target, "list", line->arguments_n ? line->arguments[0] : NULL);
	target_add(&target, "force", command_line_value(line, "force") ? "yes" : NULL);
	json_t *answer = ask(line, "POST", &target, &code);
	if (answer)
		(void)printf("%lld lists are fetched; 'gatehouse policy lists' shows what comes of "
			     "it.\n",
			     number_of(answer, "lists"));
	json_decref(answer);
	return code;
}

/* --- the table --- */

static const struct command_option options[] = {REMOTE_OPTIONS};
static const struct command_option why_options[] = {
	{"client", 'C', "WHO",
	 "its address or hardware address, or what its lease, its tunnel or its user is called"},
	{"at", 0, "TIME", "21:00, 2026-11-29T21:00; now, unless given"},
	REMOTE_OPTIONS,
};
static const struct command_option refresh_options[] = {
	{"force", 'f', NULL, "take what comes though it is far shorter than the last one"},
	REMOTE_OPTIONS,
};

#define VERB(word, words, least, most, choices, text)                                              \
	const struct command policy_##word##_verb = {                                              \
		.name = #word,                                                                     \
		.within = "policy",                                                                \
		.arguments = words,                                                                \
		.summary = text,                                                                   \
		.arguments_min = least,                                                            \
		.arguments_max = most,                                                             \
		.options = choices,                                                                \
		.options_n = sizeof(choices) / sizeof((choices)[0]),                               \
		.run = word##_run,                                                                 \
	}

VERB(lists, "", 0, 0, options, "Show the lists: how many names, when they were taken, what failed");
VERB(why, "NAME|URL", 1, 1, why_options,
     "Say whether a name or an address is blocked, and by which line");
VERB(who, "ADDRESS", 1, 1, options, "Say which device is at an address, and its groups");
VERB(pause, "GROUP DURATION", 2, 2, options, "Lift the rules of a group, or of all, for a while");
VERB(resume, "GROUP", 1, 1, options, "End the pause of a group, or of all");
VERB(refresh, "[LIST]", 0, 1, refresh_options, "Fetch a list now, or all of them");
