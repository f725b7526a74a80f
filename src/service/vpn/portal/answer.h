/* An answer as it is written: the head with what every answer of the page carries, cookies, and the
 * length of the body once it is known. Knows neither routes nor HTML. */
#ifndef VPN_PORTAL_ANSWER_H
#define VPN_PORTAL_ANSWER_H

#include "base/writer.h"

struct answer_policy {
	char style[64];	       /* source expression of CSP: the style sheet's hash */
	bool strict_transport; /* RFC 6797 */
};

struct answer {
	struct writer *w; /* borrowed */
	size_t length_at, body_at;
	bool head_only; /* HEAD: the body is measured, and left out */
};

/* "'sha256-…'" of the style sheet (CSP 3, 2.3.1). */
void page_answer_style(const char *style, char ret[64]);

/* The status line and what all have. policy NULL: over plain HTTP. */
struct answer page_answer_begin(struct writer *w, const struct answer_policy *policy,
				unsigned status, bool keep_alive);
/* Set-Cookie of one that this host alone gets back, over TLS, from its own pages, unseen by scripts
 * (the prefix __Host-). max_age_s 0: until the browser ends; value empty: it is forgotten. */
void page_answer_cookie(struct answer *a, const char *name, struct span value, uint64_t max_age_s);
/* The end of the head; type NULL: no body comes. */
void page_answer_body(struct answer *a, const char *type);
/* Fills in the length. */
void page_answer_end(struct answer *a);

/* The names of cookies, whole. */
#define ANSWER_COOKIE_SESSION  "__Host-session"
#define ANSWER_COOKIE_FORM     "__Host-form"
#define ANSWER_COOKIE_LANGUAGE "__Host-language"

#endif
