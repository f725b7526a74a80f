#include "service/vpn/portal/page.h"

#include <stdio.h>

enum { SECOND_MS = 1000, MINUTE_S = 60, HOUR_S = 3600, SPELLED_MAX = 256 };

static const char style[] =
	":root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#1a1d21;--soft:#5a626c;"
	"--line:#8a929c;--act:#0b5cad;--on:#fff;--bad:#a5142a;--badback:#fdecee;--good:#0c5c34;"
	"--goodback:#e8f6ee}"
	"@media(prefers-color-scheme:dark){:root{--back:#14171a;--card:#1e2226;--ink:#eceff2;"
	"--soft:#a9b1ba;--line:#6c757f;--act:#8cc4ff;--on:#0a1a2b;--bad:#ffb3bc;--badback:#3d1a20;"
	"--good:#9fe3bd;--goodback:#15301f}}"
	"*{box-sizing:border-box}"
	"body{margin:0;background:var(--back);color:var(--ink);font:1rem/1.5 system-ui,"
	"\"Noto Sans KR\",sans-serif;overflow-wrap:anywhere}"
	"header,main{max-width:30rem;margin:0 auto;padding:1rem}"
	"header{display:flex;justify-content:space-between;gap:1rem;color:var(--soft)}"
	"header p{margin:0}"
	"main{background:var(--card);border:1px solid var(--line);border-radius:.75rem;"
	"padding:1.5rem}"
	"@media(max-width:32rem){main{border-width:1px 0;border-radius:0}}"
	"h1{font-size:1.5rem;line-height:1.2;margin:0 0 1rem}"
	"a{color:var(--act)}"
	"label{display:block;font-weight:600;margin-top:1rem}"
	"input{width:100%;font:inherit;padding:.6rem .75rem;color:inherit;background:var(--back);"
	"border:1px solid var(--line);border-radius:.4rem}"
	"button{font:inherit;font-weight:600;margin-top:1.25rem;padding:.6rem 1.25rem;border:0;"
	"border-radius:.4rem;background:var(--act);color:var(--on);cursor:pointer;min-height:2."
	"75rem}"
	"form.main button{width:100%}"
	":focus-visible{outline:3px solid var(--act);outline-offset:2px}"
	".hint{color:var(--soft);font-size:.9rem;margin:.25rem 0 0}"
	".error,.notice{padding:.75rem 1rem;border-radius:.4rem;margin:0 0 1rem}"
	".error{color:var(--bad);background:var(--badback)}"
	".notice{color:var(--good);background:var(--goodback)}"
	".qr{display:block;width:100%;max-width:17rem;margin:1rem auto;border-radius:.4rem}"
	"code{font:1rem/1.6 ui-monospace,monospace;user-select:all}"
	"ul.codes{list-style:none;padding:0;columns:2}"
	"table{width:100%;border-collapse:collapse}"
	"th,td{text-align:start;padding:.4rem .5rem .4rem 0;border-bottom:1px solid var(--line)}"
	"td button{margin:0;padding:.3rem .75rem}"
	"nav.more{margin-top:1.5rem;display:flex;gap:1.25rem;flex-wrap:wrap}";

static const char icon[] =
	"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><path fill=\"#0b5cad\" "
	"d=\"M4 30V14a12 12 0 0 1 24 0v16h-6V14a6 6 0 0 0-12 0v16z\"/></svg>";

const char *page_style(void)
{
	return style;
}

const char *page_icon(void)
{
	return icon;
}

void page_escaped(struct writer *w, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		switch (text.data[i]) {
		case '&': write_text(w, "&amp;"); break;
		case '<': write_text(w, "&lt;"); break;
		case '>': write_text(w, "&gt;"); break;
		case '"': write_text(w, "&quot;"); break;
		case '\'': write_text(w, "&#39;"); break;
		default: write_u8(w, text.data[i]); break;
		}
}

void page_text(struct writer *w, enum portal_language language, enum portal_text text)
{
	page_escaped(w, span_text(portal_text(language, text)));
}

void page_text_with(struct writer *w, enum portal_language language, enum portal_text text,
		    struct span inside)
{
	const char *whole = portal_text(language, text), *at = strstr(whole, "%s");
	ASSERT(at);
	page_escaped(w, span_of(whole, (size_t)(at - whole)));
	page_escaped(w, inside);
	page_escaped(w, span_text(at + 2));
}

static void count(struct writer *w, enum portal_language language, enum portal_text unit,
		  uint64_t n)
{
	char digits[24];
	(void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	page_text_with(w, language, unit, span_text(digits));
}

void page_duration(struct writer *w, enum portal_language language, uint64_t ms)
{
	uint64_t s = ms / SECOND_MS + (ms % SECOND_MS != 0);
	uint64_t hours = s / HOUR_S, minutes = s % HOUR_S / MINUTE_S;
	if (hours)
		count(w, language, TEXT_HOURS, hours);
	if (hours && minutes)
		write_text(w, " ");
	if (minutes)
		count(w, language, TEXT_MINUTES, minutes);
	if (!hours && !minutes)
		count(w, language, TEXT_SECONDS, s);
}

void page_begin(struct writer *w, enum portal_language language, enum portal_text heading,
		const char *refresh)
{
	write_text(w, "<!doctype html><html lang=\"");
	write_text(w, portal_language_tag(language));
	write_text(w, "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		      "content=\"width=device-width,initial-scale=1\"><title>");
	page_text(w, language, heading);
	write_text(w, " · ");
	page_text(w, language, TEXT_SITE);
	write_text(w, "</title><link rel=\"icon\" href=\"/icon.svg\">");
	if (refresh)
		write_format(w, "<meta http-equiv=\"refresh\" content=\"0;url=%s\">", refresh);
	write_text(w, "<style>");
	write_text(w, style);
	write_text(w, "</style></head><body><header><p>");
	page_text(w, language, TEXT_SITE);
	write_text(w, "</p><nav>");
	for (unsigned i = 0; i < PORTAL_LANGUAGES; i++) {
		const char *tag = portal_language_tag((enum portal_language)i);
		if (i != language)
			write_format(w,
				     "<a href=\"/language/%s\" lang=\"%s\" hreflang=\"%s\">%s</a>",
				     tag, tag, tag, portal_language_name((enum portal_language)i));
	}
	write_text(w, "</nav></header><main><h1>");
	page_text(w, language, heading);
	write_text(w, "</h1>");
}

void page_end(struct writer *w)
{
	write_text(w, "</main></body></html>\n");
}

void page_notice(struct writer *w, enum portal_language language, enum portal_text text)
{
	write_text(w, "<p class=\"notice\" role=\"status\">");
	page_text(w, language, text);
	write_text(w, "</p>");
}

void page_error(struct writer *w, enum portal_language language, enum portal_text text,
		struct span inside)
{
	write_text(w, "<p class=\"error\" role=\"alert\">");
	if (strstr(portal_text(language, text), "%s"))
		page_text_with(w, language, text, inside);
	else
		page_text(w, language, text);
	write_text(w, "</p>");
}

void page_form_begin(struct writer *w, const char *action, struct span token)
{
	write_format(w, "<form class=\"main\" method=\"post\" action=\"%s\">", action);
	page_hidden(w, "form", token);
}

void page_hidden(struct writer *w, const char *name, struct span value)
{
	write_format(w, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	page_escaped(w, value);
	write_text(w, "\">");
}

void page_field(struct writer *w, enum portal_language language, const struct page_field *f)
{
	write_format(w, "<label for=\"%s\">", f->name);
	page_text(w, language, f->label);
	write_format(w,
		     "</label><input id=\"%s\" name=\"%s\" type=\"%s\" autocomplete=\"%s\" "
		     "autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\" "
		     "maxlength=\"%d\"%s%s%s",
		     f->name, f->name, f->type, f->autocomplete, SPELLED_MAX,
		     f->required ? " required" : "", f->numeric ? " inputmode=\"numeric\"" : "",
		     f->focus ? " autofocus" : "");
	if (f->hint)
		write_format(w, " aria-describedby=\"%s-hint\"", f->name);
	if (f->value.len) {
		write_text(w, " value=\"");
		page_escaped(w, f->value);
		write_text(w, "\"");
	}
	write_text(w, ">");
	if (f->hint) {
		write_format(w, "<p class=\"hint\" id=\"%s-hint\">", f->name);
		page_text(w, language, f->hint);
		write_text(w, "</p>");
	}
}

void page_form_end(struct writer *w, enum portal_language language, enum portal_text button)
{
	write_text(w, "<button>");
	page_text(w, language, button);
	write_text(w, "</button></form>");
}
