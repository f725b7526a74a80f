#include "service/forward-proxy/page.h"

#include "proto/http/http1.h"

/* What is no plain letter of ASCII stands as its number: whatever the reader takes the text for, no
 * mark of HTML and no word of another language comes out. */
static void write_escaped(struct writer *w, struct span s)
{
	s = span_sub(s, 0, PAGE_ASKED_MAX);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == ':' ||
			     c == '_' || c == '/' || c == '[' || c == ']' || c == ' ';
		if (plain)
			write_u8(w, c);
		else if (c < ' ' || c > '~')
			write_u8(w, '?');
		else
			write_format(w, "&#%u;", c);
	}
}

/* The configuration's words stay what they are, but for what HTML takes for itself. */
static void write_words(struct writer *w, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c && strchr("<>&\"'", c))
			write_format(w, "&#%u;", c);
		else
			write_u8(w, c < ' ' || c == 0x7f ? ' ' : c);
	}
}

void page_write(const struct page *p, struct writer *w)
{
	const char *reason = http_reason(p->why.status);
	write_format(w,
		     "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		     "<title>%u %s</title></head>\n<body><h1>%s</h1>\n<p>",
		     p->why.status, reason, reason);
	write_text(w, p->why.text);
	write_text(w, "</p>\n");
	if (p->reason.len) {
		write_text(w, "<p><strong>");
		write_words(w, p->reason);
		write_text(w, "</strong></p>\n");
	}
	if (p->asked.len) {
		write_text(w, "<p>Asked for: <code>");
		write_escaped(w, p->asked);
		write_text(w, "</code></p>\n");
	}
	write_text(w, "<p>Why: <code>");
	write_text(w, p->why.word);
	if (p->detail.len) {
		write_text(w, ": ");
		write_escaped(w, p->detail);
	}
	write_text(w, "</code></p>\n<hr><p><small>");
	write_escaped(w, p->proxy);
	write_text(w, "</small></p></body></html>\n");
}

void page_write_status(const struct page *p, struct writer *w)
{
	write_span(w, p->proxy);
	if (p->why.error)
		write_format(w, "; error=%s", p->why.error);
	if (p->detail.len) {
		write_text(w, "; details=\"");
		write_span(w, p->detail);
		write_text(w, "\"");
	}
}
