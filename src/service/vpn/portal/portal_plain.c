/* The plain port. */
#include "service/vpn/portal/page.h"
#include "service/vpn/portal/portal_inner.h"

static void give_authority(const struct portal *p, struct answer *a)
{
	page_answer_body(a, "application/x-x509-ca-cert");
	write_span(a->w, p->config.authority);
}

static void write_link(const struct portal *p, struct answer *a)
{
	page_answer_body(a, "text/html; charset=utf-8");
	write_text(a->w, "<!doctype html><html lang=\"en\"><title>");
	page_text(a->w, PORTAL_ENGLISH, TEXT_SITE);
	write_text(a->w, "</title><p><a href=\"");
	page_escaped(a->w, span_text(p->url));
	write_text(a->w, "\">");
	page_text(a->w, PORTAL_ENGLISH, TEXT_SIGN_IN);
	write_text(a->w, "</a></p></html>\n");
}

void portal_redirect(const struct portal *p, const struct http_request *request, struct writer *out)
{
	struct span path, query;
	bool head = span_is(request->method, "HEAD");
	bool reads = head || span_is(request->method, "GET");
	http_target_split(request->target, &path, &query);
	bool authority = reads && p->config.authority.len && span_is(path, "/authority.crt") &&
			 portal_is_host(p, request->host);
	/* RFC 7231 knows 303, RFC 1945 does not. */
	unsigned status = authority			     ? 200
			  : !reads			     ? 511
			  : request->head.version_minor == 0 ? 302
							     : 303;
	struct answer a = page_answer_begin(out, NULL, status, false);
	a.head_only = head;
	if (authority) {
		give_authority(p, &a);
	} else {
		if (reads)
			http_write_header(a.w, "Location", span_text(p->url));
		write_link(p, &a);
	}
	page_answer_end(&a);
}
