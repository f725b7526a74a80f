/* What of any answer is looked at: fields, problems, addresses. */
#include "acme/acme_inner.h"

#include "acme/moment.h"
#include "base/writer.h"

enum { RETRY_MAX_S = 365 * 86400 };

struct span acme_field(const struct acme_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->fields_n; i++)
		if (span_equal_nocase(answer->fields[i].name, span_text(name)))
			return answer->fields[i].value;
	return (struct span){0};
}

uint64_t acme_retry_after(const struct acme_answer *answer, uint64_t unix_s)
{
	struct span text = span_trim(acme_field(answer, "Retry-After"));
	uint64_t n = 0, at_s;
	if (span_to_u64(text, UINT64_MAX, &n))
		return n < RETRY_MAX_S ? n : RETRY_MAX_S;
	if (acme_moment_read_http(text, &at_s) || at_s <= unix_s)
		return 0;
	return at_s - unix_s < RETRY_MAX_S ? at_s - unix_s : RETRY_MAX_S;
}

const char *acme_text(const json_t *of, const char *key)
{
	return json_string_value(json_object_get(of, key));
}

/* Printable ASCII; what is none becomes a question mark, what is too long is cut. */
static void clean(const char *text, char *ret, size_t size)
{
	size_t n = 0;
	for (; text && text[n] && n + 1 < size; n++)
		ret[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
	ret[n] = '\0';
}

void acme_problem_take(const json_t *json, unsigned status, struct acme_problem *ret)
{
	static const char urn[] = "urn:ietf:params:acme:error:";
	const char *type = acme_text(json, "type"), *detail = acme_text(json, "detail");
	struct acme_problem p = {.status = status};
	if (type && strncmp(type, urn, strlen(urn)) == 0)
		type += strlen(urn);
	clean(type, p.type, sizeof(p.type));
	clean(detail, p.text, sizeof(p.text));
	if (!detail) {
		struct writer w = writer_of(p.text, sizeof(p.text));
		write_format(&w, "the authority answered with status %u", status);
		write_u8(&w, 0);
	}
	*ret = p;
}

static bool is_url_byte(char c)
{
	return c > ' ' && c <= '~' && !strchr("\"\\<>^`{|}#", c);
}

bool acme_url_take(const struct acme *a, const char *text, char ret[ACME_URL_MAX])
{
	size_t len = text ? strlen(text) : 0;
	if (len >= ACME_URL_MAX || len <= a->origin_len ||
	    strncmp(text, a->directory, a->origin_len) != 0 || text[a->origin_len] != '/')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_url_byte(text[i]))
			return false;
	memcpy(ret, text, len + 1);
	return true;
}

/* The target of the first link in s that has the relation, into text; s goes past it. */
static bool link_next(struct span *s, const char *relation, char *text, size_t size)
{
	while (s->len) {
		size_t open = span_find(*s, '<'), close = span_find(*s, '>');
		if (close <= open || close >= s->len)
			return false;
		struct span target = span_sub(*s, open + 1, close - open - 1);
		struct span rest = span_sub(*s, close + 1, s->len);
		struct span about = span_sub(rest, 0, span_find(rest, ','));
		*s = span_sub(rest, about.len + 1, rest.len);
		bool has = false;
		while (about.len) {
			struct span part = span_trim(span_sub(about, 0, span_find(about, ';')));
			about = span_sub(about, span_find(about, ';') + 1, about.len);
			size_t equal = span_find(part, '=');
			struct span value = span_sub(part, equal + 1, part.len);
			if (value.len >= 2 && value.data[0] == '"')
				value = span_sub(value, 1, value.len - 2);
			has |= span_equal_nocase(span_sub(part, 0, equal), span_text("rel")) &&
			       span_equal_nocase(value, span_text(relation));
		}
		if (has && span_to_cstr(target, text, size))
			return true;
	}
	return false;
}

size_t acme_links(const struct acme *a, const struct acme_answer *answer, const char *relation,
		  char ret[ACME_LINKS_MAX][ACME_URL_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < answer->fields_n; i++) {
		struct span s = answer->fields[i].value;
		char text[ACME_URL_MAX];
		if (!span_equal_nocase(answer->fields[i].name, span_text("Link")))
			continue;
		while (n < ACME_LINKS_MAX && link_next(&s, relation, text, sizeof(text)))
			if (acme_url_take(a, text, ret[n]))
				n++;
	}
	return n;
}
