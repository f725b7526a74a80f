#include "service/forward-proxy/message.h"

#include "base/decimal.h"
#include "proto/http/token.h"

static const char max_forwards[] = "max-forwards";

/* "1.1 gatehouse (comment)": who received. */
static struct span received_by(struct span one)
{
	one = span_trim(one);
	size_t blank = span_find(one, ' ');
	struct span by = span_trim(span_sub(one, blank, one.len));
	return span_sub(by, 0, span_find(by, ' '));
}

size_t message_via_count(const struct proxy_head *head, struct span name)
{
	size_t n = 0;
	for (size_t i = 0; i < head->fields_n; i++) {
		struct span rest = head->fields[i].value;
		while (head->fields[i].id == HTTP_FIELD_VIA && rest.len) {
			size_t comma = span_find(rest, ',');
			n += span_equal_nocase(received_by(span_sub(rest, 0, comma)), name);
			rest = span_sub(rest, comma + 1, rest.len);
		}
	}
	return n;
}

enum message_hops message_hops_take(struct proxy_head *head, uint8_t room[MESSAGE_HOPS_TEXT])
{
	struct http_field *found = NULL;
	uint64_t left;
	if (head->method_id != PROXY_OPTIONS && head->method_id != PROXY_TRACE)
		return MESSAGE_GOES_ON;
	for (size_t i = 0; i < head->fields_n; i++) {
		if (!span_equal_nocase(head->fields[i].name, span_text(max_forwards)))
			continue;
		if (found)
			return MESSAGE_BAD;
		found = &head->fields[i];
	}
	if (!found)
		return MESSAGE_GOES_ON;
	/* The field has no largest value; ours is what fits. */
	if (!span_to_u64(found->value, UINT32_MAX, &left))
		return MESSAGE_BAD;
	if (!left)
		return MESSAGE_ENDS_HERE;
	struct writer w = writer_of(room, MESSAGE_HOPS_TEXT);
	write_decimal(&w, left - 1);
	found->value = writer_span(&w);
	return MESSAGE_GOES_ON;
}

static struct span via_of(const struct proxy_head *head, const struct message_via *via)
{
	return head->version == 20 ? via->of20 : head->version == 10 ? via->of10 : via->of11;
}

enum err message_request_edit(struct proxy_head *head, const struct message_via *via)
{
	/* What it proves is for us (RFC 9110 11.7.2); no proxy behind us asked for it. */
	(void)proxy_head_remove(head, HTTP_FIELD_PROXY_AUTHORIZATION);
	return proxy_head_add_known(head, HTTP_FIELD_VIA, via_of(head, via));
}

void message_response_edit(struct proxy_head *head, const struct message_via *via)
{
	/* An origin that asks as a proxy would gets what is meant for us. */
	(void)proxy_head_remove(head, HTTP_FIELD_PROXY_AUTHENTICATE);
	(void)proxy_head_remove_name(head, span_text("proxy-authentication-info"));
	err_ignore(proxy_head_add_known(head, HTTP_FIELD_VIA, via_of(head, via)));
}

static bool is_secret(const struct http_field *f)
{
	return f->id == HTTP_FIELD_AUTHORIZATION || f->id == HTTP_FIELD_PROXY_AUTHORIZATION ||
	       f->id == HTTP_FIELD_COOKIE;
}

void message_trace_write(const struct proxy_head *head, struct writer *w)
{
	write_text(w, "TRACE ");
	if (head->scheme.len) {
		write_span(w, head->scheme);
		write_text(w, "://");
	}
	write_span(w, head->authority);
	write_span(w, head->path);
	write_text(w, head->version == 10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\nHost: ");
	if (head->version != 10) {
		write_span(w, head->authority);
		write_text(w, "\r\n");
	}
	for (size_t i = 0; i < head->fields_n; i++) {
		if (is_secret(&head->fields[i]))
			continue;
		write_span(w, head->fields[i].name);
		write_text(w, ": ");
		write_span(w, head->fields[i].value);
		write_text(w, "\r\n");
	}
	write_text(w, "\r\n");
}
