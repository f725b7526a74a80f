/* Pages that are the proxy's own: the script for browsers. */
#include "service/forward-proxy/io_face.h"
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

enum forward_step forward_own_page(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct proxy_exchange *x = e->x;
	const struct proxy_head *r = &x->request;
	struct span script = e->view->site->pac;
	bool asked = r->method_id == PROXY_GET || r->method_id == PROXY_HEAD;
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
