/* The pages of a person: sign in, enrol, how the peer stands, sign out. */
#include "crypto/secret.h"
#include "proto/qr/qr.h"
#include "service/vpn/portal/form.h"
#include "service/vpn/portal/page.h"
#include "service/vpn/portal/portal_inner.h"

#include <stdio.h>

enum {
	FIELD_MAX = SIGNIN_TEXT_MAX + 1,
	CODE_MAX = 65, /* of the app, or a backup code, with blanks as people type them */
	KEY_GROUP = 4, /* characters between two blanks of a key that is typed */
	HINT_MAX = 16,
	SECOND_MS = 1000,
};

/* --- the front page -----------------------------------------------------------------------------
 */

void portal_trouble_write(struct portal_visit *v, struct writer *w, struct portal_trouble t)
{
	char time[64];
	struct writer inside = writer_of(time, sizeof(time));
	if (t.status == 0)
		return;
	page_duration(&inside, v->language, t.wait_ms);
	page_error(w, v->language, t.text, writer_span(&inside));
}

/* What the page itself wrote into its query, to be said once; nothing follows from it. */
static bool has_hint(struct span query, const char *name, char ret[HINT_MAX])
{
	return form_field(query, name, ret, HINT_MAX) == OK && *ret;
}

static void sign_in_page(struct portal_visit *v, enum signin_gate gate, struct portal_trouble t,
			 struct span query)
{
	char hint[HINT_MAX];
	struct answer a = portal_page(v, t.status ? t.status : 200, TEXT_SIGN_IN, NULL);
	struct span user = span_text(v->user);
	portal_trouble_write(v, a.w, t);
	if (gate == SIGNIN_CLOSED && has_hint(query, "out", hint))
		page_notice(a.w, v->language, TEXT_SIGNED_OUT);
	if (gate == SIGNIN_CLOSED && has_hint(query, "changed", hint))
		page_notice(a.w, v->language, TEXT_PASSWORD_CHANGED);
	write_text(a.w, "<p>");
	page_text(a.w, v->language, gate == SIGNIN_OPEN ? TEXT_OPEN_ELSEWHERE : TEXT_SIGN_IN_WHY);
	write_text(a.w, "</p>");
	portal_form_begin(v, a.w, "/sign-in");
	page_field(a.w, v->language,
		   &(struct page_field){.name = "user",
					.type = "text",
					.autocomplete = "username",
					.label = TEXT_USER,
					.value = user,
					.required = true,
					.focus = user.len == 0});
	page_field(a.w, v->language,
		   &(struct page_field){.name = "password",
					.type = "password",
					.autocomplete = "current-password",
					.label = TEXT_PASSWORD,
					.required = true,
					.focus = user.len != 0});
	page_field(a.w, v->language,
		   &(struct page_field){.name = "code",
					.type = "text",
					.autocomplete = "one-time-code",
					.label = TEXT_CODE,
					.hint = TEXT_CODE_HINT});
	write_text(a.w, "<p class=\"hint\">");
	page_text(a.w, v->language, TEXT_CODE_NONE_YET);
	write_text(a.w, "</p>");
	page_form_end(a.w, v->language, TEXT_SIGN_IN);
	if (v->portal->config.authority.len) {
		write_text(a.w, "<nav class=\"more\"><a href=\"/authority.crt\">");
		page_text(a.w, v->language, TEXT_AUTHORITY);
		write_text(a.w, "</a></nav>");
	}
	portal_page_close(v, &a);
}

static void account_page(struct portal_visit *v, const struct signin_view *view, struct span query)
{
	struct answer a = portal_page(v, 200, TEXT_SIGNED_IN, NULL);
	char hint[HINT_MAX], time[64];
	struct writer left = writer_of(time, sizeof(time));
	if (has_hint(query, "proved", hint))
		page_notice(a.w, v->language, TEXT_PROVED);
	write_text(a.w, "<p>");
	page_text_with(a.w, v->language, TEXT_SIGNED_IN_AS, span_text(view->user));
	write_text(a.w, "</p><p>");
	page_duration(&left, v->language,
		      view->expires_ms > v->now_ms ? view->expires_ms - v->now_ms : 0);
	page_text_with(a.w, v->language, TEXT_ENDS_IN, writer_span(&left));
	write_text(a.w, "</p>");
	if (has_hint(query, "left", hint)) {
		write_text(a.w, "<p class=\"notice\" role=\"status\">");
		page_text_with(a.w, v->language, TEXT_BACKUP_LEFT, span_text(hint));
		write_text(a.w, "</p>");
	}
	portal_form_begin(v, a.w, "/sign-out");
	page_form_end(a.w, v->language, TEXT_SIGN_OUT);
	write_text(a.w, "<nav class=\"more\"><a href=\"/password\">");
	page_text(a.w, v->language, TEXT_CHANGE);
	if (view->administrator) {
		write_text(a.w, "</a><a href=\"/sessions\">");
		page_text(a.w, v->language, TEXT_SESSIONS);
	}
	write_text(a.w, "</a></nav>");
	portal_page_close(v, &a);
}

/* The cookie was shown: the decisions are told. False: that changed nothing. */
static bool proved(const struct portal_visit *v)
{
	return signin_prove(v->portal->config.signin, v->now_ms, v->visitor.peer,
			    span_text(v->session), &v->visitor.endpoint) == OK;
}

void portal_front(struct portal_visit *v, struct span query)
{
	struct signin_view view = portal_view(v);
	struct portal_trouble none = {0};
	if (view.gate == SIGNIN_OPEN && view.ours) {
		account_page(v, &view, query);
	} else if (view.gate == SIGNIN_PROOF && view.ours && proved(v)) {
		portal_see_other(v, "/?proved=1", NULL, 0);
	} else if (view.gate == SIGNIN_PROOF) {
		/* A browser that was led here by another site keeps a SameSite=Strict cookie to
		 * itself; a page of ours that asks again gets it. */
		struct answer a = portal_page(v, 200, TEXT_PROOF, "/proof");
		write_text(a.w, "<p>");
		page_text(a.w, v->language, TEXT_PROOF_WHY);
		write_text(a.w, "</p><nav class=\"more\"><a href=\"/proof\">");
		page_text(a.w, v->language, TEXT_CONTINUE);
		write_text(a.w, "</a></nav>");
		portal_page_close(v, &a);
	} else {
		sign_in_page(v, view.gate, none, query);
	}
}

void portal_front_again(struct portal_visit *v, struct portal_trouble trouble)
{
	sign_in_page(v, portal_view(v).gate, trouble, (struct span){0});
}

void portal_proof(struct portal_visit *v, struct span query)
{
	struct signin_view view = portal_view(v);
	if (view.gate == SIGNIN_PROOF && view.ours && proved(v))
		portal_see_other(v, "/?proved=1", NULL, 0);
	else if (view.gate == SIGNIN_OPEN)
		portal_see_other(v, "/", NULL, 0);
	else
		sign_in_page(v, view.gate, (struct portal_trouble){0}, query);
}

/* --- enrolment ----------------------------------------------------------------------------------
 */

static void write_key(struct writer *w, const char *key)
{
	write_text(w, "<code>");
	for (size_t i = 0; key[i]; i++) {
		if (i && i % KEY_GROUP == 0)
			write_text(w, " ");
		page_escaped(w, span_of(key + i, 1));
	}
	write_text(w, "</code>");
}

static void enrol_page(struct portal_visit *v, const struct signin_secret *secret,
		       struct portal_trouble t)
{
	struct answer a = portal_page(v, t.status ? t.status : 200, TEXT_ENROL, NULL);
	AUTO_DONE(qr_done) struct qr code;
	portal_trouble_write(v, a.w, t);
	write_text(a.w, "<p>");
	page_text(a.w, v->language, TEXT_ENROL_WHY);
	write_text(a.w, "</p>");
	if (qr_encode(span_text(secret->uri), &code) == OK)
		qr_write_svg(&code, portal_text(v->language, TEXT_QR), a.w);
	write_text(a.w, "<p>");
	page_text(a.w, v->language, TEXT_ENROL_BY_HAND);
	write_text(a.w, "<br>");
	write_key(a.w, secret->secret);
	write_text(a.w, "</p>");
	portal_form_begin(v, a.w, "/enrol");
	page_hidden(a.w, "enrolment", span_text(secret->token));
	page_field(a.w, v->language,
		   &(struct page_field){.name = "code",
					.type = "text",
					.autocomplete = "one-time-code",
					.label = TEXT_ENROL_CODE,
					.required = true,
					.numeric = true,
					.focus = true});
	page_form_end(a.w, v->language, TEXT_ENROL_BUTTON);
	portal_page_close(v, &a);
}

static void backup_page(struct portal_visit *v, const struct signin_answer *answer,
			uint64_t max_age_s)
{
	struct answer a = portal_answer(v, 200);
	page_answer_cookie(&a, ANSWER_COOKIE_SESSION, span_text(answer->cookie), max_age_s);
	page_answer_body(&a, "text/html; charset=utf-8");
	page_begin(a.w, v->language, TEXT_BACKUP, NULL);
	write_text(a.w, "<p>");
	page_text(a.w, v->language, TEXT_BACKUP_WHY);
	write_text(a.w, "</p><ul class=\"codes\">");
	for (size_t i = 0; i < answer->backup_n; i++) {
		write_text(a.w, "<li><code>");
		page_escaped(a.w, span_text(answer->backup[i]));
		write_text(a.w, "</code></li>");
	}
	write_text(a.w, "</ul><nav class=\"more\"><a href=\"/\">");
	page_text(a.w, v->language, TEXT_CONTINUE);
	write_text(a.w, "</a></nav>");
	portal_page_close(v, &a);
}

/* --- the decisions' answers ---------------------------------------------------------------------
 */

static void opened(struct portal_visit *v, const struct signin_answer *answer)
{
	uint64_t max_age_s =
		answer->expires_ms > v->now_ms ? (answer->expires_ms - v->now_ms) / SECOND_MS : 0;
	char path[HINT_MAX + 8] = "/";
	if (answer->backup_n) {
		backup_page(v, answer, max_age_s);
		return;
	}
	if (answer->backup_left >= 0)
		(void)snprintf(path, sizeof(path), "/?left=%d", answer->backup_left);
	portal_see_other(v, path, answer->cookie, max_age_s);
}

struct portal_trouble portal_trouble_of(const struct signin_answer *answer)
{
	switch (answer->result) {
	case SIGNIN_WAIT: return (struct portal_trouble){429, TEXT_WAIT, answer->wait_ms};
	case SIGNIN_BUSY: return (struct portal_trouble){503, TEXT_BUSY, 0};
	case SIGNIN_UNAVAILABLE: return (struct portal_trouble){503, TEXT_UNAVAILABLE, 0};
	default: return (struct portal_trouble){403, TEXT_REFUSED, 0};
	}
}

static void answered(void *arg, const struct signin_answer *answer)
{
	struct portal_visit *v = arg;
	struct signin_secret secret = {0};
	v->waits = false;
	if (answer->result == SIGNIN_OPENED)
		opened(v, answer);
	else if (answer->result == SIGNIN_ENROL && answer->secret)
		enrol_page(v, answer->secret, (struct portal_trouble){0});
	else if (!*v->enrolment)
		portal_front_again(v, portal_trouble_of(answer));
	else if (signin_enrol_show(v->portal->config.signin, v->now_ms, v->visitor.peer,
				   span_text(v->enrolment), &secret))
		enrol_page(v, &secret, portal_trouble_of(answer));
	else
		portal_front_again(v, (struct portal_trouble){403, TEXT_ENROL_OVER, 0});
	crypto_wipe(&secret, sizeof(secret));
}

void portal_sign_in(struct portal_visit *v, struct span form)
{
	char user[FIELD_MAX], password[FIELD_MAX], code[CODE_MAX];
	if (form_field(form, "user", user, sizeof(user)) ||
	    form_field(form, "password", password, sizeof(password)) ||
	    form_field(form, "code", code, sizeof(code))) {
		portal_front_again(v, (struct portal_trouble){403, TEXT_REFUSED, 0});
	} else {
		/* Too long a name is not shown again. */
		(void)span_to_cstr(span_text(user), v->user, sizeof(v->user));
		v->waits = true;
		signin_begin(v->portal->config.signin, v->now_ms,
			     &(struct signin_attempt){.peer = v->visitor.peer,
						      .endpoint = v->visitor.endpoint,
						      .user = span_text(user),
						      .password = span_text(password),
						      .code = span_text(code),
						      .answer = answered,
						      .arg = v});
	}
	crypto_wipe(password, sizeof(password));
	crypto_wipe(code, sizeof(code));
}

void portal_enrol(struct portal_visit *v, struct span form)
{
	char code[CODE_MAX];
	if (form_field(form, "enrolment", v->enrolment, sizeof(v->enrolment)) ||
	    form_field(form, "code", code, sizeof(code))) {
		portal_front_again(v, (struct portal_trouble){403, TEXT_ENROL_OVER, 0});
		return;
	}
	v->waits = true;
	signin_enrol(v->portal->config.signin, v->now_ms,
		     &(struct signin_enrolment){.peer = v->visitor.peer,
						.endpoint = v->visitor.endpoint,
						.token = span_text(v->enrolment),
						.code = span_text(code),
						.answer = answered,
						.arg = v});
	crypto_wipe(code, sizeof(code));
}

void portal_sign_out(struct portal_visit *v, struct span form)
{
	(void)form;
	if (signin_out(v->portal->config.signin, v->now_ms, v->visitor.peer,
		       span_text(v->session)) == OK)
		portal_see_other(v, "/?out=1", "", 0);
	else
		portal_see_other(v, "/", NULL, 0);
}
