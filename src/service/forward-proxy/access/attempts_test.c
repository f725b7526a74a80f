/* Each attempt of test/data/proxy/inside.txt, with the ports that are open unless told. */
#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/access/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ATTEMPTS_MIN = 100, ADDRESSES_MAX = 8 };

static struct ip_address address(const char *text)
{
	struct ip_address a;
	if (ip_address_parse(span_text(text), &a) != OK)
		fail_msg("'%s' is no address", text);
	return a;
}

/* The next part of s up to `mark`, or all of it. */
static struct span cut(struct span *s, uint8_t mark)
{
	size_t end = span_find(*s, mark);
	struct span part = span_sub(*s, 0, end);
	*s = span_sub(*s, end + 1, s->len);
	return part;
}

static struct ip_address address_of(struct span text)
{
	char buf[64];
	assert_true(span_to_cstr(text, buf, sizeof(buf)));
	return address(strcmp(buf, "@own") == 0	   ? "8.8.4.4"
		       : strcmp(buf, "@own6") == 0 ? "2606:4700::5"
						   : buf);
}

/* One answer's addresses. */
static enum inside judge_answer(const struct inside_rules *r, struct span answer)
{
	struct ip_address addresses[ADDRESSES_MAX];
	size_t n = 0, outside = 0;
	while (answer.len)
		addresses[n++] = address_of(cut(&answer, ','));
	enum inside kind = inside_judge_all(r, addresses, n);
	for (size_t i = 0; i < n; i++)
		outside += inside_judge(r, &addresses[i]) == INSIDE_NOT;
	assert_true((kind == INSIDE_NOT) == (outside == n));
	return kind;
}

/* A name is asked for anew by each request that finds the last answer too old. */
static const char *attempt(const struct inside_rules *r, struct span method, struct span target,
			   struct span answers)
{
	static const struct access_ports ports[] = {{80, 80}, {1024, 65535}, {443, 443}};
	struct destination d;
	bool connect = span_is(method, "CONNECT");
	if (!connect) {
		assert_true(span_is(span_sub(target, 0, 7), "http://"));
		target = span_sub(target, 7, target.len);
		target = cut(&target, '/');
	}
	if (destination_read(target, connect ? 0 : 80, &d) != OK)
		return "spelling";
	enum inside kind = inside_judge_written(r, &d);
	if (kind == INSIDE_NOT &&
	    !access_ports_contain(&ports[connect ? 2 : 0], connect ? 1 : 2, d.port))
		return "port";
	while (kind == INSIDE_NOT && d.name_len && answers.len > 1)
		kind = judge_answer(r, cut(&answers, ';'));
	return inside_text(kind);
}

static void refuses_each_attempt(void **state)
{
	(void)state;
	const struct ip_address own[] = {address("8.8.4.4"), address("2606:4700::5")};
	const struct inside_rules r = {.own = own, .own_n = 2};
	FILE *f = fopen(PROXY_INSIDE_DATA, "r");
	char line[1024];
	unsigned n = 0;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		struct span s = span_text(line);
		s.len--;
		struct span method = cut(&s, '\t'), target = cut(&s, '\t');
		struct span answers = cut(&s, '\t');
		const char *why = attempt(&r, method, target, answers);
		if (!span_is(s, why) || strcmp(why, "outside") == 0)
			fail_msg("%.*s: %s", (int)strlen(line) - 1, line, why);
		n++;
	}
	(void)fclose(f);
	assert_true(n >= ATTEMPTS_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(refuses_each_attempt)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
