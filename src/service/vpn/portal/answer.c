#include "service/vpn/portal/answer.h"

#include "crypto/hash.h"
#include "proto/dns/text.h"
#include "proto/http/http1.h"

#include <stdio.h>

enum { LENGTH_DIGITS = 8 };

/* OWASP ASVS 14.4: what an answer says of itself. A page has no script, loads nothing from others,
 * cannot be framed, and sends its forms here only. Referrer-Policy is not no-referrer: browsers
 * would send `Origin: null` with our own forms. */
static const struct {
	const char *name, *value;
} always[] = {
	{"Cache-Control", "no-store"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
};

void page_answer_style(const char *style, char ret[64])
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	struct writer w = writer_of(ret, 63);
	crypto_sha256(span_text(style), hash);
	write_text(&w, "'sha256-");
	dns_text_base64_write(span_of(hash, sizeof(hash)), &w);
	write_text(&w, "'");
	ASSERT(!w.bad);
	ret[w.pos] = 0;
}

struct answer page_answer_begin(struct writer *w, const struct answer_policy *policy,
				unsigned status, bool keep_alive)
{
	char text[256];
	http_write_status(w, status);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (policy || i < 2) /* the rest binds browsers over TLS only, or is for pages */
			http_write_header(w, always[i].name, span_text(always[i].value));
	if (policy) {
		(void)snprintf(text, sizeof(text),
			       "default-src 'none'; style-src %s; img-src 'self'; form-action "
			       "'self'; frame-ancestors 'none'; base-uri 'none'",
			       policy->style);
		http_write_header(w, "Content-Security-Policy", span_text(text));
	}
	if (policy && policy->strict_transport)
		http_write_header(w, "Strict-Transport-Security", span_text("max-age=31536000"));
	if (!keep_alive)
		http_write_header(w, "Connection", span_text("close"));
	return (struct answer){.w = w};
}

void page_answer_cookie(struct answer *a, const char *name, struct span value, uint64_t max_age_s)
{
	char text[256];
	struct writer w = writer_of(text, sizeof(text));
	write_text(&w, name);
	write_text(&w, "=");
	write_span(&w, value);
	write_text(&w, "; Path=/; Secure; HttpOnly; SameSite=Strict");
	if (max_age_s || value.len == 0)
		write_format(&w, "; Max-Age=%llu", (unsigned long long)max_age_s);
	ASSERT(!w.bad);
	http_write_header(a->w, "Set-Cookie", writer_span(&w));
}

void page_answer_body(struct answer *a, const char *type)
{
	if (type)
		http_write_header(a->w, "Content-Type", span_text(type));
	write_text(a->w, "Content-Length: ");
	a->length_at = a->w->pos;
	for (unsigned i = 0; i < LENGTH_DIGITS; i++)
		write_u8(a->w, ' ');
	write_text(a->w, "\r\n\r\n");
	a->body_at = a->w->pos;
}

void page_answer_end(struct answer *a)
{
	char digits[LENGTH_DIGITS + 1];
	if (a->w->bad)
		return;
	/* Blanks ahead of a value are none of it (RFC 9110 5.5). */
	(void)snprintf(digits, sizeof(digits), "%*zu", LENGTH_DIGITS, a->w->pos - a->body_at);
	memcpy(a->w->data + a->length_at, digits, LENGTH_DIGITS);
	if (a->head_only)
		a->w->pos = a->body_at;
}
