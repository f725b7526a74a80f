/* The page that says why there is no other one, and its field Proxy-Status (RFC 9209). Knows
 * neither the request nor its rules.
 */
#ifndef FORWARD_PROXY_PAGE_H
#define FORWARD_PROXY_PAGE_H

#include "base/writer.h"
#include "service/forward-proxy/refusal.h"

struct page {
	struct refusal_facts why;
	struct span asked;   /* host and port as the client wrote them; may be empty */
	struct span detail;  /* a word more: of which inside it is; may be empty */
	struct span reason;  /* the configuration's own words, UTF-8; may be empty */
	struct span contact; /* likewise: whom people may ask */
	enum page_language language;
	struct span proxy; /* our name */
};

enum { PAGE_MAX = 8192, PAGE_ASKED_MAX = 300 };

/* "en", "ko". */
const char *page_language_tag(enum page_language language);
/* Of the value of Accept-Language; English where both are alike to the client, and for who wants
 * neither. */
enum page_language page_language_choose(struct span accepted);

/* A page's beginning down to its heading; title: HTML. */
void page_head_write(struct writer *w, enum page_language language, const char *title,
		     struct span proxy);
/* What is no plain letter of ASCII stands as its number, cut at PAGE_ASKED_MAX. */
void page_write_escaped(struct writer *w, struct span s);
/* The configuration's words, UTF-8. */
void page_write_words(struct writer *w, struct span s);

/* HTML; w is bad when it does not fit, which PAGE_MAX always does. Bytes of strangers stand in it
 * escaped, and cut at PAGE_ASKED_MAX. */
void page_write(const struct page *p, struct writer *w);

/* `gatehouse; error=dns_error; details="inside"`. */
void page_write_status(const struct page *p, struct writer *w);

#endif
