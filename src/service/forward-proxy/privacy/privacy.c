#include "service/forward-proxy/privacy/privacy.h"

#include "base/writer.h"
#include "proto/http/forwarded.h"
#include "proxy/head.h"

#include <assert.h>

#define P PRIVACY_PASSED
#define A PRIVACY_ADDED
#define D PRIVACY_DROPPED
#define S PRIVACY_SITE
#define F PRIVACY_FIXED

static const struct privacy_row rows[] = {
	/* That there is a proxy. A loop of proxies that all hide is not seen by Via. */
	{"via", false, {A, A, D, D}},
	/* For whom, by us and by those before us; what a client says of itself, others may take for
	 * the word of a proxy. */
	{"forwarded", false, {A, D, D, D}},
	{"x-forwarded-for", false, {A, D, D, D}},
	{"x-forwarded-*", false, {P, D, D, D}},
	{"x-real-ip", false, {P, D, D, D}},
	{"x-client-ip", false, {P, D, D, D}},
	{"client-ip", false, {P, D, D, D}},
	{"true-client-ip", false, {P, D, D, D}},
	{"x-cluster-client-ip", false, {P, D, D, D}},
	{"x-originating-ip", false, {P, D, D, D}},
	{"x-remote-ip", false, {P, D, D, D}},
	{"x-remote-addr", false, {P, D, D, D}},
	{"cf-connecting-ip", false, {P, D, D, D}},
	{"fastly-client-ip", false, {P, D, D, D}},
	/* Of which subscriber, as carriers write it. */
	{"x-uidh", false, {P, D, D, D}},
	{"x-acr", false, {P, D, D, D}},
	{"x-msisdn", false, {P, D, D, D}},
	{"msisdn", false, {P, D, D, D}},
	{"x-up-calling-line-id", false, {P, D, D, D}},
	{"x-up-subno", false, {P, D, D, D}},
	{"x-wap-profile", false, {P, D, D, D}},
	/* Who it is, and where it came from. */
	{"from", false, {P, P, D, D}},
	{"referer", false, {P, P, S, S}},
	/* Of which device: client hints. */
	{"sec-ch-*", false, {P, P, D, D}},
	{"dpr", false, {P, P, D, D}},
	{"width", false, {P, P, D, D}},
	{"viewport-width", false, {P, P, D, D}},
	{"viewport-height", false, {P, P, D, D}},
	{"device-memory", false, {P, P, D, D}},
	{"downlink", false, {P, P, D, D}},
	{"ect", false, {P, P, D, D}},
	{"rtt", false, {P, P, D, D}},
	{"save-data", false, {P, P, D, D}},
	/* Of which work inside. */
	{"traceparent", false, {P, P, D, D}},
	{"tracestate", false, {P, P, D, D}},
	{"baggage", false, {P, P, D, D}},
	{"x-request-id", false, {P, P, D, D}},
	{"x-correlation-id", false, {P, P, D, D}},
	/* What it wishes. */
	{"sec-gpc", false, {P, P, F, F}},
	{"dnt", false, {P, P, P, D}},
	/* With which program, in which language. */
	{"x-requested-with", false, {P, P, P, D}},
	{"user-agent", false, {P, P, P, F}},
	{"accept-language", false, {P, P, P, F}},
	/* What sites gave themselves, and what the exchange needs. */
	{"cookie", false, {P, P, P, P}},
	{"authorization", false, {P, P, P, P}},
	{"if-none-match", false, {P, P, P, P}},
	/* Answers that ask for more of it, or have it told elsewhere. */
	{"accept-ch", true, {P, P, D, D}},
	{"critical-ch", true, {P, P, D, D}},
	{"nel", true, {P, P, D, D}},
	{"report-to", true, {P, P, D, D}},
	{"reporting-endpoints", true, {P, P, D, D}},
};

#undef P
#undef A
#undef D
#undef S
#undef F

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct privacy_row *privacy_table(size_t *ret_n)
{
	*ret_n = ROWS;
	return rows;
}

const char *privacy_level_text(enum privacy_level level)
{
	static const char *const texts[] = {"none", "proxy", "anonymous", "strict"};
	static_assert(sizeof(texts) / sizeof(texts[0]) == PRIVACY_LEVELS, "a word for each");
	return level < PRIVACY_LEVELS ? texts[level] : "?";
}

const char *privacy_rule_text(enum privacy_rule rule)
{
	static const char *const texts[] = {"passed", "added", "dropped", "own site", "fixed"};
	static_assert(sizeof(texts) / sizeof(texts[0]) == PRIVACY_RULES, "a word for each");
	return rule < PRIVACY_RULES ? texts[rule] : "?";
}

void privacy_table_write(struct writer *w)
{
	write_format(w, "%-22s %-8s %-8s %-9s %s\n", "", privacy_level_text(0),
		     privacy_level_text(1), privacy_level_text(2), privacy_level_text(3));
	for (size_t i = 0; i < ROWS; i++) {
		if (i && rows[i].of_answer && !rows[i - 1].of_answer)
			write_text(w, "of answers:\n");
		write_format(
			w, "%-22s %-8s %-8s %-9s %s\n", rows[i].name,
			privacy_rule_text(rows[i].rules[0]), privacy_rule_text(rows[i].rules[1]),
			privacy_rule_text(rows[i].rules[2]), privacy_rule_text(rows[i].rules[3]));
	}
}

/* ---- sites ---- */

static bool is_below(struct span name, struct span above)
{
	return name.len > above.len + 1 && name.data[name.len - above.len - 1] == '.' &&
	       span_equal_nocase(span_sub(name, name.len - above.len, above.len), above);
}

bool privacy_is_one_site(struct span a, struct span b)
{
	/* Of "org" and "example.org" the one is no site. */
	bool a_named = span_find(a, '.') < a.len, b_named = span_find(b, '.') < b.len;
	return a.len && b.len &&
	       (span_equal_nocase(a, b) || (b_named && is_below(a, b)) ||
		(a_named && is_below(b, a)));
}

/* "https://user@a.test:8443/path" to a.test. */
static struct span host_of(struct span url)
{
	size_t at = 0;
	while (at + 3 <= url.len && memcmp(url.data + at, "://", 3) != 0)
		at++;
	struct span rest = span_sub(url, at + 3, url.len);
	size_t end = 0;
	while (end < rest.len && !strchr("/?#", rest.data[end]))
		end++;
	rest = span_sub(rest, 0, end);
	if (span_find(rest, '@') < rest.len)
		return (struct span){0}; /* no browser writes one */
	if (rest.len && rest.data[0] == '[')
		return span_sub(rest, 0, span_find(rest, ']') + 1);
	return span_sub(rest, 0, span_find(rest, ':'));
}

/* ---- edits ---- */

static bool is_named(const struct privacy_row *row, struct span field)
{
	if (!field.len || (field.data[0] | 0x20) != row->name[0])
		return false;
	size_t len = strlen(row->name);
	bool all = row->name[len - 1] == '*';
	struct span name = span_of(row->name, len - all);
	return span_equal_nocase(all ? span_sub(field, 0, name.len) : field, name);
}

/* Names are told apart by their first letters: a bit for each, in either case. */
static uint32_t letter_of(uint8_t first)
{
	return UINT32_C(1) << (first & 31);
}

static bool takes(const struct privacy_row *row, enum privacy_level level, bool of_answer)
{
	return row->rules[level] > PRIVACY_ADDED && row->of_answer == of_answer;
}

struct privacy_conf privacy_conf_of(enum privacy_level level, struct span user_agent,
				    struct span accept_language)
{
	struct privacy_conf c = {
		.level = level, .user_agent = user_agent, .accept_language = accept_language};
	for (size_t i = 0; i < ROWS; i++) {
		if (!takes(&rows[i], level, rows[i].of_answer))
			continue;
		c.letters[rows[i].of_answer] |= letter_of((uint8_t)rows[i].name[0]);
		c.fixes |= rows[i].rules[level] == PRIVACY_FIXED;
	}
	return c;
}

static uint32_t letters_of(const struct proxy_head *head)
{
	uint32_t letters = 0;
	for (uint16_t i = 0; i < head->fields_n; i++)
		if (head->fields[i].name.len)
			letters |= letter_of(head->fields[i].name.data[0]);
	return letters;
}

/* The rows that take something away at this level and may name a field of the head, in their order,
 * into ret; returns how many. What a row passes no later one takes away. */
static size_t likely(const struct privacy_conf *c, const struct proxy_head *head, bool of_answer,
		     const struct privacy_row **ret)
{
	uint32_t letters = c->letters[of_answer];
	size_t n = 0;
	if (!letters || !(letters &= letters_of(head)))
		return 0;
	for (size_t i = 0; i < ROWS; i++)
		if (letters & letter_of((uint8_t)rows[i].name[0]) &&
		    takes(&rows[i], c->level, of_answer))
			ret[n++] = &rows[i];
	return n;
}

static bool is_kept(const struct privacy_conf *c, const struct privacy_row *row,
		    const struct http_field *f, struct span host)
{
	switch (row ? (enum privacy_rule)row->rules[c->level] : PRIVACY_PASSED) {
	case PRIVACY_DROPPED:
	case PRIVACY_FIXED: return false;
	case PRIVACY_SITE: return privacy_is_one_site(host_of(f->value), host);
	default: return true;
	}
}

static void drop(const struct privacy_conf *c, struct proxy_head *head, bool of_answer,
		 struct span host)
{
	const struct privacy_row *some[ROWS];
	size_t some_n = likely(c, head, of_answer, some);
	uint16_t kept = 0;
	if (!some_n)
		return;
	for (uint16_t i = 0; i < head->fields_n; i++) {
		size_t row = 0; /* the first that names it */
		while (row < some_n && !is_named(some[row], head->fields[i].name))
			row++;
		if (!is_kept(c, row < some_n ? some[row] : NULL, &head->fields[i], host))
			continue;
		if (kept != i)
			head->fields[kept] = head->fields[i];
		kept++;
	}
	head->fields_n = kept;
}

static struct span fixed_value(const struct privacy_conf *c, const char *name)
{
	return strcmp(name, "user-agent") == 0	      ? c->user_agent
	       : strcmp(name, "accept-language") == 0 ? c->accept_language
						      : span_text("1");
}

static enum err fix(const struct privacy_conf *c, struct proxy_head *head)
{
	for (size_t i = 0; c->fixes && i < ROWS; i++) {
		if (rows[i].rules[c->level] != PRIVACY_FIXED)
			continue;
		struct span value = fixed_value(c, rows[i].name);
		if (value.len)
			TRY(proxy_head_add(head, span_text(rows[i].name), value));
	}
	return OK;
}

/* What came of that name, joined, and the client behind it, as one field. A list that has no room
 * is left out: it is somebody else's word. */
static enum err append(struct proxy_head *head, uint16_t id, const struct ip_address *client,
		       struct writer *w)
{
	size_t start = w->pos;
	for (size_t i = 0; i < head->fields_n; i++)
		if (head->fields[i].id == id && head->fields[i].value.len) {
			write_span(w, head->fields[i].value);
			write_text(w, ", ");
		}
	if (w->bad || writer_left(w) < PRIVACY_ROOM / 4)
		writer_rewind(w, start);
	if (id == HTTP_FIELD_FORWARDED)
		forwarded_write(w, client, (struct span){0}, (struct span){0}, NULL);
	else
		ip_address_write(w, client);
	TRY(writer_check(w));
	return proxy_head_set_known(head, id, span_of(w->data + start, w->pos - start));
}

enum err privacy_request_edit(const struct privacy_conf *c, struct proxy_head *head,
			      const struct ip_address *client, struct span host, struct writer *w)
{
	drop(c, head, false, host);
	TRY(fix(c, head));
	if (c->level != PRIVACY_NONE)
		return OK;
	TRY(append(head, HTTP_FIELD_FORWARDED, client, w));
	return append(head, HTTP_FIELD_X_FORWARDED_FOR, client, w);
}

void privacy_answer_edit(const struct privacy_conf *c, struct proxy_head *head)
{
	drop(c, head, true, (struct span){0});
}
