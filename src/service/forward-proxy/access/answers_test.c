/* Answers against rules: types, sizes, parts, and what cannot be told. */
#include "service/forward-proxy/access/answers.h"

#include "base/arena.h"
#include "policy/url.h"
#include "service/forward-proxy/access/conf_answers.h"
#include "service/forward-proxy/access/destination.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

struct whole {
	struct config_list answers;
};

static const struct config_key keys[] = {{.name = "answers",
					  .type = CONFIG_MAP,
					  .flags = CONFIG_LIST,
					  CONFIG_FIELD(struct whole, answers),
					  .map = &forward_answer_map,
					  .items_max = FORWARD_ANSWERS_MAX,
					  .help = "rules"}};
static const struct config_map map = {.help = "A proxy",
				      .size = sizeof(struct whole),
				      CONFIG_KEYS(keys),
				      .example = "answers: []"};
static const struct config_section section = {"proxy", &map};
static const struct config_sections sections = {&section, 1};

struct fixture {
	struct config *config;
	struct arena arena;
	struct answers_rules rules;
	struct destination to;
	struct access_facts who;
};

static void begin(struct fixture *f, const char *rules)
{
	char text[1024];
	(void)snprintf(text, sizeof(text), "proxy:\n  answers: %s\n", rules);
	*f = (struct fixture){.config = conf_parse(&sections, text)};
	arena_init(&f->arena, 1 << 20);
	const struct whole *w = config_section(f->config, "proxy");
	assert_int_equal(forward_answers(&f->arena, &w->answers, &f->rules), OK);
	assert_int_equal(destination_read(span_text("www.example.org"), 80, &f->to), OK);
	f->who = (struct access_facts){.client = ip_address_v4(192, 168, 1, 1), .to = &f->to};
}

static void end(struct fixture *f)
{
	forward_answers_done(&f->rules);
	arena_done(&f->arena);
	config_free(f->config);
}

static struct answers_verdict judge(const struct fixture *f, const struct answers_facts *facts)
{
	struct answers_verdict v;
	answers_judge(&f->rules, &f->who, facts, &v);
	return v;
}

/* type: NULL: none is said. */
static bool denies(const struct fixture *f, const char *type)
{
	struct answers_facts facts = {.has_size = true, .size = 10};
	if (type)
		answers_type_add(&facts, span_text(type));
	return judge(f, &facts).denied;
}

static bool denies_size(const struct fixture *f, uint64_t size)
{
	struct answers_facts facts = {.has_size = true, .size = size};
	answers_type_add(&facts, span_text("text/plain"));
	struct answers_verdict v = judge(f, &facts);
	assert_int_equal(v.denied, v.by_size);
	return v.denied;
}

static void the_configuration_is_judged(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
	conf_refused(&sections, "proxy:\n  answers: {types: [Video/mp4]}\n", 2, 21,
		     "no media type");
	conf_refused(&sections, "proxy:\n  answers: {types: [\"*/*\"]}\n", 2, 21, "no media type");
	conf_refused(&sections, "proxy:\n  answers: {types: [video]}\n", 2, 21, "no media type");
	conf_refused(&sections, "proxy:\n  answers: {action: allow, larger-than: 1M}\n", 2, 41,
		     "no least size");
	conf_refused(&sections, "proxy:\n  answers: {action: allow, reason: x}\n", 2, 36,
		     "nobody is refused");
	conf_refused(&sections, "proxy:\n  answers: {paths: [ads]}\n", 2, 21, "no path");
	conf_refused(&sections, "proxy:\n  answers: {paths: [\"~(\"]}\n", 2, 21,
		     "no regular expression");
	conf_refused(&sections, "proxy:\n  answers: {typ: [a/b]}\n", 2, 13, "unknown key");
}

static void types_are_those_of_the_head(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, "[{types: [\"video/*\", application/x-msdownload]}]");
	assert_true(denies(&f, "video/mp4"));
	assert_true(denies(&f, "Video/MP4; codecs=\"a,b\""));
	assert_true(denies(&f, "application/x-msdownload"));
	assert_false(denies(&f, "application/x-msdownloads"));
	assert_false(denies(&f, "text/html; a=video/mp4"));
	assert_false(denies(&f, "videos/mp4"));
	assert_false(denies(&f, NULL));
	assert_false(denies(&f, "text/html; a=\", video/mp4\""));
	/* Of several, one is enough. */
	assert_true(denies(&f, "text/html, video/mp4"));
	assert_true(denies(&f, "text/html; a=\"\\\"\", video/mp4"));
	assert_true(denies(&f, "a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b"));
	assert_true(denies(&f, "multipart/byteranges; boundary=x"));
	end(&f);
}

static void none_is_what_browsers_guess_by(void **state)
{
	(void)state;
	struct fixture f;
	struct answers_facts unsaid = {.typeless = true};
	begin(&f, "[{types: none}]");
	assert_true(denies(&f, NULL));
	assert_true(denies(&f, ""));
	assert_true(denies(&f, "*/*"));
	assert_true(denies(&f, "video"));
	assert_true(denies(&f, "unknown/unknown"));
	assert_true(denies(&f, "Application/Unknown"));
	assert_false(denies(&f, "text/plain"));
	assert_false(denies(&f, "application/octet-stream"));
	assert_false(judge(&f, &unsaid).denied); /* 304 */
	end(&f);
}

static void what_is_allowed_is_allowed_whole(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, "[{action: allow, types: [\"text/*\"]}, {reason: only text}]");
	assert_false(denies(&f, "text/html"));
	assert_true(denies(&f, "text/html, video/mp4"));
	assert_true(denies(&f, "image/png"));
	assert_true(denies(&f, NULL));
	assert_true(denies(&f, "multipart/byteranges"));
	end(&f);
}

static void sizes_are_those_of_the_whole(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t size;
	begin(&f, "[{larger-than: 1000}]");
	assert_false(denies_size(&f, 1000));
	assert_true(denies_size(&f, 1001));
	struct answers_facts parts = {.has_size = true, .size = 1};
	answers_type_add(&parts, span_text("multipart/byteranges"));
	assert_true(judge(&f, &parts).denied);
	assert_true(answers_size_of_range(span_text("bytes 0-9/2000"), &size) && size == 2000);
	assert_true(answers_size_of_range(span_text("bytes 990-1999/*"), &size) && size == 2000);
	assert_false(answers_size_of_range(span_text("bytes 0-9"), &size));
	assert_false(answers_size_of_range(span_text("lines 0-9/20"), &size));
	assert_false(answers_size_of_range(span_text("bytes 0-x/y"), &size));
	assert_false(answers_size_of_range(span_text("/"), &size));
	assert_false(answers_size_of_range(
		span_text("bytes 0-18446744073709551615/99999999999999999999"), &size));
	end(&f);
}

static void what_nobody_tells_is_measured(void **state)
{
	(void)state;
	struct fixture f;
	struct answers_facts facts = {0};
	answers_type_add(&facts, span_text("text/plain"));
	begin(&f, "[{larger-than: 5000}, {types: [\"text/*\"], larger-than: 1000}, {action: allow, "
		  "types: [text/plain]}, {larger-than: 10}]");
	struct answers_verdict v = judge(&f, &facts);
	assert_false(v.denied);
	assert_int_equal(v.most, 1000);
	assert_int_equal(v.most_rule, 1);
	facts.never_sized = true; /* HEAD */
	assert_true(judge(&f, &facts).most == ANSWERS_ANY_SIZE);
	end(&f);
	begin(&f, "[{types: [\"text/*\"]}, {larger-than: 1000}]");
	facts.never_sized = false;
	assert_true(judge(&f, &facts).denied);
	end(&f);
}

static void clients_servers_and_paths_count(void **state)
{
	(void)state;
	struct fixture f;
	static struct policy_readings readings;
	begin(&f, "[{types: [a/b], from: 192.168.7.0/24}, {types: [c/d], to: \"*.example.org\"}, "
		  "{types: [e/f], paths: [/x/, \"~[.]exe$\"]}, {types: [g/h], users: \"*\"}]");
	assert_true(f.rules.paths);
	assert_false(denies(&f, "a/b"));
	assert_true(denies(&f, "c/d"));
	assert_false(denies(&f, "e/f"));
	assert_false(denies(&f, "g/h"));
	f.who.client = ip_address_v4(192, 168, 7, 7);
	f.who.user = span_text("ann");
	assert_true(denies(&f, "a/b"));
	assert_true(denies(&f, "g/h"));
	f.who.readings = &readings;
	policy_url_read(span_text("/y/a.exe"), &readings);
	assert_true(denies(&f, "e/f"));
	policy_url_read(span_text("/y/../x/a"), &readings);
	assert_true(denies(&f, "e/f"));
	policy_url_read(span_text("/y/"), &readings);
	assert_false(denies(&f, "e/f"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_configuration_is_judged),
		cmocka_unit_test(types_are_those_of_the_head),
		cmocka_unit_test(none_is_what_browsers_guess_by),
		cmocka_unit_test(what_is_allowed_is_allowed_whole),
		cmocka_unit_test(sizes_are_those_of_the_whole),
		cmocka_unit_test(what_nobody_tells_is_measured),
		cmocka_unit_test(clients_servers_and_paths_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
