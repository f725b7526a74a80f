#include "service/forward-proxy/page.h"

#include "proto/http/accept.h"
#include "proto/http/http1.h"

/* What is no plain letter of ASCII stands as its number: whatever the reader takes the text for, no
 * mark of HTML and no word of another language comes out. */
void page_write_escaped(struct writer *w, struct span s)
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
void page_write_words(struct writer *w, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c && strchr("<>&\"'", c))
			write_format(w, "&#%u;", c);
		else
			write_u8(w, c < ' ' || c == 0x7f ? ' ' : c);
	}
}

/* As the page where people sign in looks, and no more of it than this one needs. */
static const char style[] =
	":root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#1a1d21;--soft:#5a626c;"
	"--line:#8a929c;--bad:#a5142a;--badback:#fdecee}"
	"@media(prefers-color-scheme:dark){:root{--back:#14171a;--card:#1e2226;--ink:#eceff2;"
	"--soft:#a9b1ba;--line:#6c757f;--bad:#ffb3bc;--badback:#3d1a20}}"
	"body{margin:0;background:var(--back);color:var(--ink);font:1rem/1.5 system-ui,"
	"\"Noto Sans KR\",sans-serif;overflow-wrap:anywhere}"
	"header,main,footer{max-width:30rem;margin:0 auto;padding:1rem;color:var(--soft)}"
	"main{box-sizing:border-box;color:inherit;background:var(--card);border:1px solid "
	"var(--line);border-radius:.75rem;padding:1.5rem}"
	"h1{font-size:1.5rem;line-height:1.2;margin:0 0 1rem}"
	".error{color:var(--bad);background:var(--badback);padding:.75rem 1rem;border-radius:.4rem}"
	"dt{color:var(--soft);font-size:.9rem}dd{margin:0 0 .5rem}";

enum word { WORD_HEADING, WORD_ASKED, WORD_WHY, WORD_CONTACT, WORDS };

static const char *const words[PAGE_LANGUAGES][WORDS] = {
	[PAGE_ENGLISH] = {"This page cannot be shown", "Asked for", "Why", "Whom to ask"},
	[PAGE_KOREAN] = {"페이지를 열 수 없습니다", "요청한 곳", "이유", "문의"},
};

static void write_row(struct writer *w, const char *name)
{
	write_text(w, "<dt>");
	write_text(w, name);
	write_text(w, "</dt><dd>");
}

static void write_rows(const struct page *p, struct writer *w)
{
	const char *const *word = words[p->language];
	write_text(w, "<dl>");
	if (p->asked.len) {
		write_row(w, word[WORD_ASKED]);
		write_text(w, "<code>");
		page_write_escaped(w, p->asked);
		write_text(w, "</code></dd>\n");
	}
	write_row(w, word[WORD_WHY]);
	write_text(w, "<code>");
	write_text(w, p->why.word);
	if (p->detail.len) {
		write_text(w, ": ");
		page_write_escaped(w, p->detail);
	}
	write_text(w, "</code></dd>\n");
	if (p->contact.len) {
		write_row(w, word[WORD_CONTACT]);
		page_write_words(w, p->contact);
		write_text(w, "</dd>\n");
	}
	write_text(w, "</dl>");
}

const char *page_language_tag(enum page_language language)
{
	return language == PAGE_KOREAN ? "ko" : "en";
}

enum page_language page_language_choose(struct span accepted)
{
	return accept_language(accepted, "ko") > accept_language(accepted, "en") ? PAGE_KOREAN
										 : PAGE_ENGLISH;
}

void page_head_write(struct writer *w, enum page_language language, const char *title,
		     struct span proxy)
{
	write_format(w,
		     "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
		     "<meta name=\"viewport\" content=\"width=device-width\">"
		     "<title>%s</title><style>",
		     page_language_tag(language), title);
	write_text(w, style);
	write_text(w, "</style></head>\n<body><header>");
	page_write_escaped(w, proxy);
	write_format(w, "</header><main><h1>%s</h1>\n", title);
}

void page_write(const struct page *p, struct writer *w)
{
	page_head_write(w, p->language, words[p->language][WORD_HEADING], p->proxy);
	write_text(w, "<p>");
	write_text(w, p->why.text[p->language]);
	write_text(w, "</p>\n");
	if (p->reason.len) {
		write_text(w, "<p class=\"error\">");
		page_write_words(w, p->reason);
		write_text(w, "</p>\n");
	}
	write_rows(p, w);
	write_format(w, "</main><footer>%u %s</footer></body></html>\n", p->why.status,
		     http_reason(p->why.status));
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
