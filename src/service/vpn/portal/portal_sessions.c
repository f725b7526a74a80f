/* The administrators' page: who is signed in, and ending that. */
#include "service/vpn/portal/form.h"
#include "service/vpn/portal/page.h"
#include "service/vpn/portal/portal_inner.h"

#include <stdio.h>

enum {
	ROWS = 50, /* sessions of a page: PORTAL_ANSWER_MAX holds them */
	PEER_TEXT = 2 * SESSION_PEER_LEN + 1,
	CURSOR_MAX = 24,
};

static bool is_administrator(const struct signin_view *view)
{
	return view->gate == SIGNIN_OPEN && view->ours && view->administrator;
}

static enum portal_text state_text(enum signin_gate gate)
{
	return gate == SIGNIN_OPEN    ? TEXT_STATE_OPEN
	       : gate == SIGNIN_PROOF ? TEXT_STATE_PROOF
				      : TEXT_STATE_CLOSED;
}

static void write_head(struct portal_visit *v, struct writer *w)
{
	static const enum portal_text columns[] = {TEXT_DEVICE, TEXT_USER, TEXT_STATE};
	write_text(w, "<table><thead><tr>");
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		write_text(w, "<th scope=\"col\">");
		page_text(w, v->language, columns[i]);
		write_text(w, "</th>");
	}
	write_text(w, "<td></td></tr></thead><tbody>");
}

static void write_row(struct portal_visit *v, struct writer *w, const struct signin_session *one)
{
	const struct session *s = one->session;
	const struct portal_config *c = &v->portal->config;
	char peer[PEER_TEXT], name[PORTAL_PEER_NAME_MAX];
	for (size_t i = 0; i < SESSION_PEER_LEN; i++)
		(void)snprintf(peer + 2 * i, 3, "%02x", s->peer[i]);
	if (!c->peer_name(c->arg, s->peer, name))
		(void)snprintf(name, sizeof(name), "%.12s", peer);
	write_text(w, "<tr><th scope=\"row\">");
	page_escaped(w, span_text(name));
	write_text(w, "</th><td>");
	page_escaped(w, span_text(s->user));
	write_text(w, "</td><td>");
	page_text(w, v->language, state_text(one->gate));
	write_text(w, "</td><td>");
	portal_form_begin(v, w, "/sessions/end");
	page_hidden(w, "peer", span_text(peer));
	page_form_end(w, v->language, TEXT_END);
	write_text(w, "</td></tr>");
}

static size_t cursor_of(struct span query)
{
	char text[CURSOR_MAX];
	uint64_t at = 0;
	if (form_field(query, "from", text, sizeof(text)) != OK ||
	    !span_to_u64(span_text(text), UINT32_MAX, &at))
		return 0;
	return (size_t)at;
}

void portal_sessions(struct portal_visit *v, struct span query)
{
	struct signin_view view = portal_view(v);
	struct signin_session one;
	char ended[CURSOR_MAX];
	size_t at = cursor_of(query), rows = 0;
	if (!is_administrator(&view)) {
		portal_say(v, 403, TEXT_SESSIONS, TEXT_NOT_ALLOWED);
		return;
	}
	struct answer a = portal_page(v, 200, TEXT_SESSIONS, NULL);
	if (form_field(query, "ended", ended, sizeof(ended)) == OK && *ended)
		page_notice(a.w, v->language, TEXT_ENDED);
	write_head(v, a.w);
	for (; rows < ROWS && signin_session_next(v->portal->config.signin, &at, &one); rows++)
		write_row(v, a.w, &one);
	write_text(a.w, "</tbody></table><nav class=\"more\">");
	if (rows == ROWS) {
		write_format(a.w, "<a href=\"/sessions?from=%zu\">", at);
		page_text(a.w, v->language, TEXT_MORE);
		write_text(a.w, "</a>");
	}
	write_text(a.w, "<a href=\"/\">");
	page_text(a.w, v->language, TEXT_BACK);
	write_text(a.w, "</a></nav>");
	portal_page_close(v, &a);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_peer(struct span form, uint8_t ret[SESSION_PEER_LEN])
{
	char text[PEER_TEXT];
	if (form_field(form, "peer", text, sizeof(text)) != OK || strlen(text) != PEER_TEXT - 1)
		return false;
	for (size_t i = 0; i < SESSION_PEER_LEN; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void portal_sessions_end(struct portal_visit *v, struct span form)
{
	struct signin_view view = portal_view(v);
	uint8_t peer[SESSION_PEER_LEN];
	if (!is_administrator(&view) || !read_peer(form, peer)) {
		portal_say(v, 403, TEXT_SESSIONS, TEXT_NOT_ALLOWED);
		return;
	}
	/* One that ended meanwhile is ended, too. */
	err_ignore(signin_end(v->portal->config.signin, v->now_ms, peer, view.user));
	portal_see_other(v, "/sessions?ended=1", NULL, 0);
}
