/* HTML out of texts and what people typed, every byte of which is escaped; and the frame that all
 * pages share. Knows no request and no session. */
#ifndef VPN_PORTAL_PAGE_H
#define VPN_PORTAL_PAGE_H

#include "base/writer.h"
#include "service/vpn/portal/text.h"

/* As text between tags or in a quoted attribute (OWASP's rule 1 and 2 of cross-site scripting). */
void page_escaped(struct writer *w, struct span text);
/* A text of ours that holds no %s. */
void page_text(struct writer *w, enum portal_language language, enum portal_text text);
/* The text with inside, escaped, in the place of its %s. */
void page_text_with(struct writer *w, enum portal_language language, enum portal_text text,
		    struct span inside);
/* "11 h 59 min", "45 s": two units at most. */
void page_duration(struct writer *w, enum portal_language language, uint64_t ms);

/* All before and after <main>'s contents. heading is the page's own. refresh: where the browser
 * goes on by itself, or NULL. */
void page_begin(struct writer *w, enum portal_language language, enum portal_text heading,
		const char *refresh);
void page_end(struct writer *w);

/* <p> of that class; role alert or status for who does not see. */
void page_notice(struct writer *w, enum portal_language language, enum portal_text text);
void page_error(struct writer *w, enum portal_language language, enum portal_text text,
		struct span inside);

/* Parts of forms. token: against forged requests. */
void page_form_begin(struct writer *w, const char *action, struct span token);
void page_hidden(struct writer *w, const char *name, struct span value);
struct page_field {
	const char *name, *type, *autocomplete;
	enum portal_text label;
	enum portal_text hint; /* 0: none */
	struct span value;
	bool required, numeric, focus;
};
void page_field(struct writer *w, enum portal_language language, const struct page_field *f);
/* The button that sends the form, and its end. */
void page_form_end(struct writer *w, enum portal_language language, enum portal_text button);

/* The one style sheet: what stands between <style> and </style>. */
const char *page_style(void);
/* The icon, SVG. */
const char *page_icon(void);

#endif
