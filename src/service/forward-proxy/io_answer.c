/* Why a request goes nowhere, as its answer. */
#include "base/writer.h"
#include "proto/tls/alert.h"
#include "proxy/pace.h"
#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/page.h"

enum { STATUS_MAX = 256 };

static void add(struct proxy_exchange *x, const char *name, struct span value)
{
	/* It is among the first fields: there is room. */
	if (value.data)
		err_ignore(proxy_head_add(&x->response, span_text(name), value));
}

static void answer(struct proxy_exchange *x, const struct page *page, struct proxy_verdict *ret)
{
	uint8_t text[PAGE_MAX], status[STATUS_MAX];
	struct writer w = writer_of(text, sizeof(text)), sw = writer_of(status, sizeof(status));
	page_write(page, &w);
	page_write_status(page, &sw);
	proxy_head_reset(&x->response);
	x->response.status = (uint16_t)page->why.status;
	ret->kind = PROXY_ANSWER;
	ret->answer = w.bad ? (struct span){0} : proxy_exchange_store(x, writer_span(&w));
	if (ret->answer.data)
		add(x, "content-type", span_text("text/html; charset=utf-8"));
	add(x, "content-language", span_text(page_language_tag(page->language)));
	/* It stands under the name of whoever was asked for. */
	add(x, "content-security-policy",
	    span_text("default-src 'none'; style-src 'unsafe-inline'"));
	add(x, "cache-control", span_text("no-store"));
	if (!sw.bad)
		add(x, "proxy-status", proxy_exchange_store(x, writer_span(&sw)));
}

/* Who speaks TLS, and not to us, is told so by its record (RFC 8446 6.2); who does not, nothing. */
static void alert(const struct forward_exchange *e, enum refusal why, unsigned status,
		  struct proxy_verdict *ret)
{
	uint8_t text[TLS_ALERT_LEN];
	struct writer w = writer_of(text, sizeof(text));
	enum tls_alert kind = why == REFUSAL_HELLO ? TLS_ALERT_DECODE_ERROR
			      : status != 403	   ? TLS_ALERT_INTERNAL_ERROR
			      : e->asked.len	   ? TLS_ALERT_UNRECOGNIZED_NAME
						   : TLS_ALERT_ACCESS_DENIED;
	tls_alert_write(&w, kind);
	proxy_head_reset(&e->x->response);
	e->x->response.status = (uint16_t)status;
	ret->kind = PROXY_ANSWER;
	ret->answer = why == REFUSAL_NO_TLS ? (struct span){0}
					    : proxy_exchange_store(e->x, writer_span(&w));
}

static struct span number(struct proxy_exchange *x, uint32_t n)
{
	char text[16];
	struct writer w = writer_of(text, sizeof(text));
	write_format(&w, "%u", n);
	return proxy_exchange_store(x, writer_span(&w));
}

/* The configuration's own words, or about them. */
static struct span reason_of(const struct forward_exchange *e, enum refusal why)
{
	bool ruled = why == REFUSAL_RULE || why == REFUSAL_TYPE || why == REFUSAL_SIZE;
	if (why == REFUSAL_BLOCKED || why == REFUSAL_PATH || why == REFUSAL_QUOTA)
		return e->reason;
	return ruled && e->rule && e->rule->reason ? span_text(e->rule->reason) : (struct span){0};
}

static struct span contact_of(const struct forward_exchange *e)
{
	const char *contact = e->view->site->conf->contact;
	return contact ? span_text(contact) : (struct span){0};
}

enum forward_step forward_say(struct forward_exchange *e, enum refusal why, struct span detail,
			      struct proxy_verdict *ret)
{
	struct proxy_exchange *x = e->x;
	const struct page page = {.why = *refusal_facts(why),
				  .asked = x->received_authority,
				  .detail = detail,
				  .reason = reason_of(e, why),
				  .contact = contact_of(e),
				  .language = (enum page_language)e->language,
				  .proxy = e->view->site->name};
	e->refusal = (uint8_t)why;
	e->detail = detail;
	if (e->kind == FORWARD_TLS) {
		alert(e, why, page.why.status, ret);
		return FORWARD_STEP_ANSWERED;
	}
	answer(x, &page, ret);
	if (why == REFUSAL_SIGN_IN)
		add(x, "proxy-authenticate", e->view->site->realm_field);
	if (why == REFUSAL_GUESSES || why == REFUSAL_USERS_UNTOLD)
		add(x, "retry-after", span_text("10"));
	if (why == REFUSAL_QUOTA && e->again_s)
		add(x, "retry-after", number(x, e->again_s));
	/* Who took us for the server may send more of what was meant for it. */
	ret->close = why == REFUSAL_OWN || why == REFUSAL_ADDRESS;
	return FORWARD_STEP_ANSWERED;
}

enum forward_step forward_refuse(struct forward_exchange *e, enum refusal why, struct span detail,
				 struct proxy_verdict *ret)
{
	forward_count(e->worker, FORWARD_COUNT_REFUSED + why);
	if (ret)
		return forward_say(e, why, detail, ret);
	e->unsaid = (uint8_t)why;
	return FORWARD_STEP_ANSWERED;
}

void forward_refuse_bare(struct proxy_exchange *x, struct proxy_verdict *ret)
{
	proxy_head_reset(&x->response);
	x->response.status = 503;
	ret->kind = PROXY_ANSWER;
	if (x->opening.len)
		return;
	add(x, "content-type", span_text("text/plain"));
	ret->answer = span_text("the proxy has no memory for this\n");
}

/* Then a proxy of others is at fault, and not the server that it leads to. */
static bool is_of_connecting(uint8_t cause)
{
	return cause == PROXY_CONNECT_FAILED || cause == PROXY_CONNECT_TIME ||
	       cause == PROXY_BACK_TLS || cause == PROXY_BACK_CERTIFICATE;
}

void forward_error(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct forward_exchange *e = x->service;
	(void)arg;
	if (e && x->cause == PROXY_QUOTA) {
		/* The page that says so goes out all the same. */
		proxy_pace_stop(x->pace);
		(void)forward_refuse_spent(e, ret);
		return;
	}
	if (!e || proxy_cached_error(e->cached, ret))
		return;
	if (e->kind == FORWARD_TLS) {
		alert(e, REFUSAL_NONE, x->response.status, ret);
		return;
	}
	struct page page = {.why = refusal_of_cause((enum proxy_cause)x->cause, x->response.status),
			    .asked = x->received_authority,
			    .contact = contact_of(e),
			    .language = (enum page_language)e->language,
			    .proxy = e->view->site->name};
	if (e->upstream && !x->asked && is_of_connecting(x->cause)) {
		const struct refusal_facts *f = refusal_facts(REFUSAL_UPSTREAM);
		memcpy(page.why.text, f->text, sizeof(f->text));
		page.why.error = f->error;
	}
	answer(x, &page, ret);
}
