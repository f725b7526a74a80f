#include "service/reverse-proxy/route/client_certificate.h"

#include "proxy/head.h"
#include "proxy/transport.h"

static bool begins(struct span name, const char *with)
{
	size_t i = 0;
	for (; with[i] && i < name.len; i++) {
		uint8_t c = name.data[i];
		if ((c == '_' ? '-' : c >= 'A' && c <= 'Z' ? c | 0x20 : c) != (uint8_t)with[i])
			return false;
	}
	return !with[i];
}

bool client_certificate_is_claim(struct span name)
{
	return begins(name, "client-cert") || begins(name, "x-client-cert");
}

/* One look at the first octet passes over most fields. */
static void take_out(struct proxy_head *h, bool trusted)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->fields_n; i++) {
		const struct http_field *f = &h->fields[i];
		uint8_t first = f->name.len ? f->name.data[0] | 0x20 : 0;
		if (f->id == HTTP_FIELD_OTHER && (first == 'c' || first == 'x') &&
		    client_certificate_is_claim(f->name) &&
		    (!trusted || memchr(f->name.data, '_', f->name.len)))
			continue;
		if (kept != i)
			h->fields[kept] = h->fields[i];
		kept++;
	}
	h->fields_n = (uint16_t)kept;
}

/* A value of the library's, in which nothing tears a message but what the certificate's owner put
 * there: proxy_head_add looks. */
static enum err put(struct proxy_head *h, const char *name, struct span value)
{
	enum err e = value.len ? proxy_head_add(h, span_text(name), value) : OK;
	return e == ERR_FORMAT ? OK : e;
}

enum err client_certificate_tell(struct proxy_head *request, const struct proxy_tls_facts *tls,
				 bool trusted)
{
	take_out(request, trusted);
	if (trusted || !tls || !tls->client_fingerprint.len)
		return OK;
	TRY(put(request, "client-cert", tls->client_field));
	TRY(put(request, "x-client-cert-subject", tls->client_subject));
	TRY(put(request, "x-client-cert-issuer", tls->client_issuer));
	TRY(put(request, "x-client-cert-serial", tls->client_serial));
	return put(request, "x-client-cert-fingerprint", tls->client_fingerprint);
}
