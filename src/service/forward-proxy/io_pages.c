/* Pages that are the proxy's own: the script for browsers, the notice of TLS inspection. */
#include "base/writer.h"
#include "service/forward-proxy/inspect/authority.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_inspect.h"
#include "service/forward-proxy/notice.h"
#include "service/forward-proxy/pac/pac.h"

static void add(struct proxy_exchange *x, const char *name, const char *value)
{
	/* It is among the first fields: there is room. */
	err_ignore(proxy_head_add(&x->response, span_text(name), span_text(value)));
}

/* Browsers that look for a proxy by themselves ask for wpad.dat at a host that is called wpad;
 * DHCP's option 252 tells them another address. */
static bool is_script(struct span path)
{
	struct span p = span_sub(path, 0, span_find(path, '?'));
	return span_is(p, "/proxy.pac") || span_is(p, "/wpad.dat");
}

static enum forward_step answer(struct forward_exchange *e, const char *type, struct span body,
				struct proxy_verdict *ret)
{
	struct proxy_exchange *x = e->x;
	proxy_head_reset(&x->response);
	x->response.status = 200;
	add(x, "content-type", type);
	add(x, "cache-control", "no-store");
	add(x, "x-content-type-options", "nosniff");
	ret->kind = PROXY_ANSWER;
	ret->answer = body;
	return FORWARD_STEP_ANSWERED;
}

static enum forward_step answer_notice(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct forward_site *site = e->view->site;
	const char *contact = site->conf->contact;
	uint8_t text[NOTICE_MAX];
	struct writer w = writer_of(text, sizeof(text));
	const struct notice n = {.language = (enum page_language)e->language,
				 .proxy = site->name,
				 .contact = contact ? span_text(contact) : (struct span){0},
				 .fingerprint = inspect_authority_fingerprint(site->authority),
				 .until_s = inspect_authority_time(site->authority).until_s,
				 .mine = forward_is_inspected(e)};
	notice_write(&n, &w);
	struct span body = w.bad ? (struct span){0} : proxy_exchange_store(e->x, writer_span(&w));
	if (!body.data)
		return forward_refuse(e, REFUSAL_MEMORY, (struct span){0}, ret);
	(void)answer(e, "text/html; charset=utf-8", body, ret);
	add(e->x, "content-language", page_language_tag(n.language));
	return FORWARD_STEP_ANSWERED;
}

/* Of TLS inspection: what it is, and the authority. False: it is another page. */
static bool is_of_inspection(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct forward_site *site = e->view->site;
	struct span path = e->x->request.path;
	if (!site->authority)
		return false;
	if (span_is(path, "/authority"))
		(void)answer_notice(e, ret);
	else if (span_is(path, "/authority.pem"))
		(void)answer(e, "application/x-pem-file", inspect_authority_pem(site->authority),
			     ret);
	else if (span_is(path, "/authority.crt"))
		(void)answer(e, "application/x-x509-ca-cert",
			     inspect_authority_der(site->authority), ret);
	else
		return false;
	return true;
}

enum forward_step forward_own_page(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct proxy_exchange *x = e->x;
	const struct proxy_head *r = &x->request;
	struct span script = e->view->site->pac;
	bool asked = r->method_id == PROXY_GET || r->method_id == PROXY_HEAD;
	if (asked && is_of_inspection(e, ret))
		return FORWARD_STEP_ANSWERED;
	if (!script.len || !asked || !is_script(r->path))
		return forward_refuse(e, REFUSAL_OWN, (struct span){0}, ret);
	proxy_head_reset(&x->response);
	x->response.status = 200;
	add(x, "content-type", PAC_MEDIA_TYPE);
	add(x, "cache-control", "max-age=3600");
	add(x, "x-content-type-options", "nosniff");
	forward_count(e->worker, FORWARD_COUNT_SCRIPTS);
	ret->kind = PROXY_ANSWER;
	ret->answer = script;
	return FORWARD_STEP_ANSWERED;
}
