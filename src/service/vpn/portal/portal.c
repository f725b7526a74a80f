/* Who may ask what: hosts, methods, routes, the checks that all forms share. */
#include "service/vpn/portal/portal.h"

#include "crypto/hmac.h"
#include "crypto/secret.h"
#include "service/vpn/portal/form.h"
#include "service/vpn/portal/page.h"
#include "service/vpn/portal/portal_inner.h"

#include <stdio.h>
#include <stdlib.h>

#define HTTPS_PORT	443
#define LANGUAGE_FOLDER "/language/"
#define YEAR_S		UINT64_C(31536000)

enum { ORIGIN_MAX = PORTAL_HOST_MAX + 8 };

/* --- the portal --------------------------------------------------------------------------------
 */

static void write_url(struct portal *p)
{
	struct writer w = writer_of(p->url, sizeof(p->url) - 1);
	write_format(&w, "https://%s", p->name);
	if (p->config.port != HTTPS_PORT)
		write_format(&w, ":%u", p->config.port);
	write_text(&w, "/");
	ASSERT(!w.bad); /* a name has at most 253 bytes */
}

enum err portal_new(const struct portal_config *config, struct portal **ret)
{
	AUTO(portal_free) struct portal *p = calloc(1, sizeof(*p));
	size_t addresses = config->addresses_n * sizeof(*p->addresses);
	if (!p)
		return ENOMEM;
	p->config = *config;
	p->name = strdup(config->name);
	p->addresses = malloc(addresses ? addresses : 1);
	p->authority = malloc(config->authority.len ? config->authority.len : 1);
	if (!p->name || !p->addresses || !p->authority)
		return ENOMEM;
	if (addresses)
		memcpy(p->addresses, config->addresses, addresses);
	if (config->authority.len)
		memcpy(p->authority, config->authority.data, config->authority.len);
	p->config.name = p->name;
	p->config.addresses = p->addresses;
	p->config.authority.data = p->authority;
	p->policy.strict_transport = config->authority.len == 0;
	page_answer_style(page_style(), p->policy.style);
	write_url(p);
	*ret = TAKE(p);
	return OK;
}

void portal_free(struct portal *p)
{
	if (!p)
		return;
	crypto_wipe(p->config.key, sizeof(p->config.key));
	free(p->name);
	free(p->addresses);
	free(p->authority);
	free(p);
}

const char *portal_url(const struct portal *p)
{
	return p->url;
}

bool portal_is_host(const struct portal *p, struct span host)
{
	struct ip_endpoint at;
	struct span name = span_text(p->name);
	struct span port = span_sub(host, name.len, host.len);
	if (span_equal_nocase(span_sub(host, 0, name.len), name) &&
	    (port.len == 0 || port.data[0] == ':'))
		return true;
	if (ip_endpoint_parse(host, HTTPS_PORT, &at) != OK)
		return false;
	for (size_t i = 0; i < p->config.addresses_n; i++)
		if (ip_address_equal(&at.address, &p->addresses[i]))
			return true;
	return false;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void hex(struct span bytes, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.len; i++) {
		*ret++ = digits[bytes.data[i] >> 4];
		*ret++ = digits[bytes.data[i] & 15];
	}
	*ret = 0;
}

struct answer portal_answer(struct portal_visit *v, unsigned status)
{
	struct answer a = page_answer_begin(v->out, &v->portal->policy, status, v->keep_alive);
	char nonce[2 * PORTAL_NONCE_LEN + 1];
	a.head_only = v->head_only;
	hex(span_of(v->nonce, sizeof(v->nonce)), nonce);
	if (v->fresh_nonce)
		page_answer_cookie(&a, ANSWER_COOKIE_FORM, span_text(nonce), 0);
	return a;
}

/* The answer is whole: tells v's caller. */
static void answer_close(struct portal_visit *v, struct answer *a)
{
	page_answer_end(a);
	if (a->w->bad) {
		writer_rewind(a->w, 0);
		portal_fault(500, a->w);
		v->keep_alive = false;
	}
	v->waits = false;
	v->answered(v->arg);
}

struct answer portal_page(struct portal_visit *v, unsigned status, enum portal_text heading,
			  const char *refresh)
{
	struct answer a = portal_answer(v, status);
	http_write_header(a.w, "Content-Language", span_text(portal_language_tag(v->language)));
	page_answer_body(&a, "text/html; charset=utf-8");
	page_begin(a.w, v->language, heading, refresh);
	return a;
}

void portal_page_close(struct portal_visit *v, struct answer *a)
{
	page_end(a->w);
	answer_close(v, a);
}

void portal_say(struct portal_visit *v, unsigned status, enum portal_text heading,
		enum portal_text sentence)
{
	struct answer a = portal_page(v, status, heading, NULL);
	write_text(a.w, "<p>");
	page_text(a.w, v->language, sentence);
	write_text(a.w, "</p><nav class=\"more\"><a href=\"/\">");
	page_text(a.w, v->language, TEXT_BACK);
	write_text(a.w, "</a></nav>");
	portal_page_close(v, &a);
}

void portal_see_other(struct portal_visit *v, const char *path, const char *cookie,
		      uint64_t max_age_s)
{
	struct answer a = portal_answer(v, 303);
	http_write_header(a.w, "Location", span_text(path));
	if (cookie)
		page_answer_cookie(&a, ANSWER_COOKIE_SESSION, span_text(cookie), max_age_s);
	page_answer_body(&a, NULL);
	answer_close(v, &a);
}

void portal_fault(unsigned status, struct writer *out)
{
	struct answer a = page_answer_begin(out, NULL, status, false);
	page_answer_body(&a, "text/plain; charset=utf-8");
	write_format(a.w, "%u %s\n", status, http_reason(status));
	page_answer_end(&a);
}

/* --- forms (OWASP ASVS 4.2.2) -------------------------------------------------------------------
 */

void portal_token(const struct portal_visit *v, char ret[PORTAL_TOKEN_TEXT])
{
	uint8_t mac[CRYPTO_SHA256_LEN];
	struct crypto_hmac h;
	crypto_hmac_init(&h, CRYPTO_SHA256, span_of(v->portal->config.key, PORTAL_KEY_LEN));
	crypto_hmac_add(&h, span_text("form"));
	crypto_hmac_add(&h, span_of(v->visitor.peer, SESSION_PEER_LEN));
	crypto_hmac_add(&h, span_of(v->nonce, PORTAL_NONCE_LEN));
	crypto_hmac_add(&h, span_text(v->session));
	crypto_hmac_end(&h, mac);
	hex(span_of(mac, PORTAL_TOKEN_LEN), ret);
}

void portal_form_begin(struct portal_visit *v, struct writer *w, const char *action)
{
	char token[PORTAL_TOKEN_TEXT];
	portal_token(v, token);
	page_form_begin(w, action, span_text(token));
}

/* Browsers say where a form was; what says nothing has the token to show all the same. */
static bool is_from_here(const struct http_request *r)
{
	const struct http_field *origin = http_head_find(&r->head, "Origin");
	const struct http_field *site = http_head_find(&r->head, "Sec-Fetch-Site");
	char ours[ORIGIN_MAX];
	struct writer w = writer_of(ours, sizeof(ours));
	write_text(&w, "https://");
	write_span(&w, r->host);
	if (origin && (w.bad || !span_equal_nocase(origin->value, writer_span(&w))))
		return false;
	return !site || span_is(site->value, "same-origin");
}

static bool has_token(const struct portal_visit *v, struct span form)
{
	char shown[PORTAL_TOKEN_TEXT], token[PORTAL_TOKEN_TEXT];
	portal_token(v, token);
	return !v->fresh_nonce && form_field(form, "form", shown, sizeof(shown)) == OK &&
	       crypto_equal(span_text(shown), span_text(token));
}

static bool is_form(const struct http_request *r)
{
	const struct http_field *type = http_head_find(&r->head, "Content-Type");
	struct span value = type ? type->value : (struct span){0};
	value = span_trim(span_sub(value, 0, span_find(value, ';')));
	return span_equal_nocase(value, span_text("application/x-www-form-urlencoded"));
}

/* --- small routes ------------------------------------------------------------------------------
 */

static void give(struct portal_visit *v, const char *type, struct span body)
{
	struct answer a = portal_answer(v, 200);
	page_answer_body(&a, type);
	write_span(a.w, body);
	answer_close(v, &a);
}

static void give_icon(struct portal_visit *v, struct span query)
{
	(void)query;
	give(v, "image/svg+xml", span_text(page_icon()));
}

static void give_authority(struct portal_visit *v, struct span query)
{
	(void)query;
	if (v->portal->config.authority.len == 0)
		portal_say(v, 404, TEXT_SITE, TEXT_NOT_FOUND);
	else
		give(v, "application/x-x509-ca-cert", v->portal->config.authority);
}

/* RFC 8908 5. */
static void give_captive(struct portal_visit *v, struct span query)
{
	char text[PORTAL_HOST_MAX + 128];
	struct writer w = writer_of(text, sizeof(text));
	bool captive = v->visitor.must_sign_in && portal_view(v).gate != SIGNIN_OPEN;
	(void)query;
	write_format(&w, "{\"captive\":%s,\"user-portal-url\":\"%s\"}\n",
		     captive ? "true" : "false", v->portal->url);
	give(v, "application/captive+json", writer_span(&w));
}

static void give_language(struct portal_visit *v, struct span tag)
{
	if (!portal_language_read(tag, &v->language)) {
		portal_say(v, 404, TEXT_SITE, TEXT_NOT_FOUND);
		return;
	}
	struct answer a = portal_answer(v, 303);
	http_write_header(a.w, "Location", span_text("/"));
	page_answer_cookie(&a, ANSWER_COOKIE_LANGUAGE, span_text(portal_language_tag(v->language)),
			   YEAR_S);
	page_answer_body(&a, NULL);
	answer_close(v, &a);
}

/* --- routes ------------------------------------------------------------------------------------
 */

static const struct route {
	const char *path;
	bool post;   /* else GET and HEAD */
	bool anyone; /* also who does not have to sign in */
	void (*serve)(struct portal_visit *v, struct span query_or_form);
} routes[] = {
	{"/", false, false, portal_front},
	{"/proof", false, false, portal_proof},
	{"/sign-in", true, false, portal_sign_in},
	{"/enrol", true, false, portal_enrol},
	{"/password", false, false, portal_password},
	{"/password/change", true, false, portal_password_change},
	{"/sign-out", true, false, portal_sign_out},
	{"/sessions", false, false, portal_sessions},
	{"/sessions/end", true, false, portal_sessions_end},
	{"/captive", false, true, give_captive},
	{"/authority.crt", false, true, give_authority},
	{"/icon.svg", false, true, give_icon},
};

static const struct route *route_find(struct span path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (span_is(path, routes[i].path))
			return &routes[i];
	return NULL;
}

static void post(struct portal_visit *v, const struct route *r, const struct http_request *request,
		 struct span body)
{
	if (!is_form(request))
		portal_say(v, 415, TEXT_SITE, TEXT_NOT_ALLOWED);
	else if (!is_from_here(request))
		portal_say(v, 403, TEXT_SITE, TEXT_NOT_ALLOWED);
	else if (!v->visitor.must_sign_in)
		portal_say(v, 403, TEXT_NOT_NEEDED, TEXT_NOT_NEEDED_WHY);
	else if (!has_token(v, body))
		portal_front_again(v, (struct portal_trouble){403, TEXT_STALE, 0});
	else
		r->serve(v, body);
}

static void not_this_method(struct portal_visit *v, const char *allowed)
{
	struct answer a = portal_answer(v, 405);
	http_write_header(a.w, "Allow", span_text(allowed));
	page_answer_body(&a, NULL);
	answer_close(v, &a);
}

static void dispatch(struct portal_visit *v, const struct http_request *request, struct span body)
{
	struct span path, query;
	bool reads = v->head_only || span_is(request->method, "GET");
	http_target_split(request->target, &path, &query);
	const struct route *r = route_find(path);
	size_t folder = strlen(LANGUAGE_FOLDER);
	if (reads && span_is(span_sub(path, 0, folder), LANGUAGE_FOLDER))
		give_language(v, span_sub(path, folder, path.len));
	else if (!r)
		portal_say(v, 404, TEXT_SITE, TEXT_NOT_FOUND);
	else if (r->post && span_is(request->method, "POST"))
		post(v, r, request, body);
	else if (r->post || !reads)
		not_this_method(v, r->post ? "POST" : "GET, HEAD");
	else if (!r->anyone && !v->visitor.must_sign_in)
		portal_say(v, 200, TEXT_NOT_NEEDED, TEXT_NOT_NEEDED_WHY);
	else
		r->serve(v, query);
}

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The browser's nonce, or a new one. */
static enum err take_nonce(struct portal_visit *v, struct span cookie)
{
	v->fresh_nonce = cookie.len != 2 * PORTAL_NONCE_LEN;
	for (size_t i = 0; !v->fresh_nonce && i < PORTAL_NONCE_LEN; i++) {
		int high = digit(cookie.data[2 * i]), low = digit(cookie.data[2 * i + 1]);
		v->fresh_nonce = high < 0 || low < 0;
		v->nonce[i] = (uint8_t)(high << 4 | low);
	}
	const struct portal_config *c = &v->portal->config;
	return v->fresh_nonce ? c->random(c->arg, v->nonce, PORTAL_NONCE_LEN) : OK;
}

static void choose_language(struct portal_visit *v, const struct http_head *head)
{
	const struct http_field *accepted = http_head_find(head, "Accept-Language");
	if (!portal_language_read(form_cookie(head, ANSWER_COOKIE_LANGUAGE), &v->language))
		v->language = accepted ? portal_language_choose(accepted->value) : PORTAL_ENGLISH;
}

static void fault(struct portal_visit *v, unsigned status)
{
	v->keep_alive = false;
	portal_fault(status, v->out);
	v->answered(v->arg);
}

void portal_serve(struct portal *p, struct portal_visit *v, const struct http_request *request,
		  struct span body)
{
	v->portal = p;
	v->keep_alive = request->head.keep_alive;
	v->head_only = span_is(request->method, "HEAD");
	choose_language(v, &request->head);
	/* Too long to be one of ours: as good as none. */
	(void)span_to_cstr(form_cookie(&request->head, ANSWER_COOKIE_SESSION), v->session,
			   sizeof(v->session));
	if (!portal_is_host(p, request->host))
		fault(v, 421); /* RFC 9110 7.4: and no name of a stranger's leads here */
	else if (take_nonce(v, form_cookie(&request->head, ANSWER_COOKIE_FORM)) != OK)
		fault(v, 503);
	else
		dispatch(v, request, body);
}

void portal_forget(struct portal_visit *v)
{
	if (v->waits)
		signin_forget(v->portal->config.signin, v);
	v->waits = false;
	crypto_wipe(v->password, sizeof(v->password));
	crypto_wipe(v->session, sizeof(v->session));
}

struct signin_view portal_view(const struct portal_visit *v)
{
	struct signin_view view = {0};
	signin_look(v->portal->config.signin, v->now_ms, v->visitor.peer, span_text(v->session),
		    &view);
	return view;
}
