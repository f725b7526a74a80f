/* A person's own change of password: both factors are asked for once more, as in a sign-in, and all
 * sessions end. */
#include "crypto/secret.h"
#include "service/vpn/portal/form.h"
#include "service/vpn/portal/page.h"
#include "service/vpn/portal/portal_inner.h"

enum { FIELD_MAX = SIGNIN_TEXT_MAX + 1, CODE_MAX = 65, SECOND_MS = 1000 };

static void password_page(struct portal_visit *v, struct portal_trouble t)
{
	static const struct page_field fields[] = {
		{"password",
		 "password",
		 "current-password",
		 TEXT_PASSWORD_NOW,
		 0,
		 {0},
		 true,
		 false,
		 true},
		{"code",
		 "text",
		 "one-time-code",
		 TEXT_CODE,
		 TEXT_CODE_HINT,
		 {0},
		 true,
		 false,
		 false},
		{"new",
		 "password",
		 "new-password",
		 TEXT_PASSWORD_NEW,
		 TEXT_PASSWORD_HINT,
		 {0},
		 true,
		 false,
		 false},
		{"again",
		 "password",
		 "new-password",
		 TEXT_PASSWORD_AGAIN,
		 0,
		 {0},
		 true,
		 false,
		 false},
	};
	struct answer a = portal_page(v, t.status ? t.status : 200, TEXT_CHANGE, NULL);
	portal_trouble_write(v, a.w, t);
	write_text(a.w, "<p>");
	page_text(a.w, v->language, TEXT_CHANGE_WHY);
	write_text(a.w, "</p>");
	portal_form_begin(v, a.w, "/password/change");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		page_field(a.w, v->language, &fields[i]);
	page_form_end(a.w, v->language, TEXT_CHANGE);
	write_text(a.w, "<nav class=\"more\"><a href=\"/\">");
	page_text(a.w, v->language, TEXT_BACK);
	write_text(a.w, "</a></nav>");
	portal_page_close(v, &a);
}

static bool is_signed_in(const struct signin_view *view)
{
	return view->gate == SIGNIN_OPEN && view->ours;
}

void portal_password(struct portal_visit *v, struct span query)
{
	struct signin_view view = portal_view(v);
	(void)query;
	if (is_signed_in(&view))
		password_page(v, (struct portal_trouble){0});
	else
		portal_see_other(v, "/", NULL, 0);
}

static void changed(void *arg, const struct signin_changed *c)
{
	struct portal_visit *v = arg;
	if (c->result == OK)
		portal_see_other(v, "/?changed=1", "", 0);
	else /* signed in anew by then, and no more than that */
		portal_see_other(v, "/", v->session, v->max_age_s);
}

/* Both factors were right: the new session lasts as long as the change takes. */
static void answered(void *arg, const struct signin_answer *answer)
{
	struct portal_visit *v = arg;
	if (answer->result != SIGNIN_OPENED) {
		crypto_wipe(v->password, sizeof(v->password));
		password_page(v, portal_trouble_of(answer));
		return;
	}
	memcpy(v->session, answer->cookie, sizeof(v->session));
	v->max_age_s =
		answer->expires_ms > v->now_ms ? (answer->expires_ms - v->now_ms) / SECOND_MS : 0;
	struct signin_change change = {.kind = SIGNIN_USER_PASSWD,
				       .user = v->user,
				       .password = span_text(v->password),
				       .changed = changed,
				       .arg = v};
	signin_change(v->portal->config.signin, v->now_ms, &change);
	crypto_wipe(v->password, sizeof(v->password));
}

static bool takes_new(struct portal_visit *v, struct span form, enum portal_text *ret_why)
{
	char again[PORTAL_PASSWORD_MAX + 1];
	*ret_why = TEXT_PASSWORD_SHORT;
	if (form_field(form, "new", v->password, sizeof(v->password)) ||
	    strlen(v->password) < SIGNIN_PASSWORD_MIN)
		return false;
	*ret_why = TEXT_PASSWORD_DIFFERS;
	bool same = form_field(form, "again", again, sizeof(again)) == OK &&
		    crypto_equal(span_text(again), span_text(v->password));
	crypto_wipe(again, sizeof(again));
	return same;
}

void portal_password_change(struct portal_visit *v, struct span form)
{
	struct signin_view view = portal_view(v);
	char password[FIELD_MAX], code[CODE_MAX];
	enum portal_text why;
	if (!is_signed_in(&view)) {
		portal_see_other(v, "/", NULL, 0);
	} else if (!takes_new(v, form, &why)) {
		password_page(v, (struct portal_trouble){422, why, 0});
	} else if (form_field(form, "password", password, sizeof(password)) ||
		   form_field(form, "code", code, sizeof(code))) {
		password_page(v, (struct portal_trouble){403, TEXT_REFUSED, 0});
	} else {
		memcpy(v->user, view.user, sizeof(v->user));
		v->waits = true;
		signin_begin(v->portal->config.signin, v->now_ms,
			     &(struct signin_attempt){.peer = v->visitor.peer,
						      .endpoint = v->visitor.endpoint,
						      .user = span_text(v->user),
						      .password = span_text(password),
						      .code = span_text(code),
						      .answer = answered,
						      .arg = v});
	}
	crypto_wipe(password, sizeof(password));
	crypto_wipe(code, sizeof(code));
}
