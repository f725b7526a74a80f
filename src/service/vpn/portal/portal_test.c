#include "service/vpn/portal/portal.h"

#include "service/vpn/portal/browser_test.h"
#include "service/vpn/portal/portal_inner.h"

#define PASSWORD "correct horse"

static int set_up(void **state)
{
	struct browser *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	browser_open(b);
	stage_add_active(&b->stage, "alice", PASSWORD);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	browser_close(*state);
	free(*state);
	return 0;
}

static unsigned try(struct browser *b, const char *user, const char *password, const char *code)
{
	char fields[BROWSER_TEXT];
	(void)snprintf(fields, sizeof(fields), "user=%s&password=%s&code=%s", user, password, code);
	return browser_post(b, "/sign-in", fields);
}

static void sign_in(struct browser *b)
{
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 0)), 303);
	assert_int_equal(stage_gate(&b->stage, b->peer), SIGNIN_OPEN);
}

/* --- what is refused --- */

static void refuses_form_without_its_token_or_cookie(void **state)
{
	struct browser *b = *state;
	const char *right = "user=alice&password=correct+horse&code=%s";
	char fields[BROWSER_TEXT];
	(void)snprintf(fields, sizeof(fields), right, stage_code(&b->stage, "alice", 0));
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(browser_post(b, "/sign-in", NULL), 403);
	assert_int_equal(browser_get(b, "/"), 200);
	memset(b->cookies, 0, sizeof(b->cookies)); /* another browser's form */
	assert_int_equal(browser_post(b, "/sign-in", fields), 403);
	assert_true(browser_sees(b, "too old"));
	/* The form that came with the refusal is a good one. */
	assert_int_equal(browser_post(b, "/sign-in", fields), 303);
}

static void refuses_form_of_another_peer(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_get(b, "/"), 200);
	b->peer = 1;
	assert_int_equal(try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 0)), 403);
	assert_int_equal(stage_gate(&b->stage, 1), SIGNIN_CLOSED);
}

static void refuses_form_from_another_site(void **state)
{
	static const char *const wrong[] = {
		"Origin: https://evil.example\r\n", "Origin: null\r\n",
		"Origin: http://vpn.home.arpa\r\n", "Sec-Fetch-Site: cross-site\r\n",
		"Sec-Fetch-Site: same-site\r\n",    "Sec-Fetch-Site: none\r\n"};
	struct browser *b = *state;
	assert_int_equal(browser_get(b, "/"), 200);
	char page[sizeof(b->answer)];
	memcpy(page, b->answer, sizeof(page));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(b->answer, page, sizeof(page));
		b->headers = wrong[i];
		assert_int_equal(
			try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 0)), 403);
		assert_int_equal(b->stage.hashed, 2); /* of set_up */
	}
	memcpy(b->answer, page, sizeof(page));
	b->headers = "Origin: https://vpn.home.arpa\r\nSec-Fetch-Site: same-origin\r\n";
	assert_int_equal(try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 0)), 303);
}

static void refuses_hosts_that_are_not_the_page(void **state)
{
	struct browser *b = *state;
	static const char *const wrong[] = {"evil.example", "vpn.home.arpa.evil.example",
					    "10.9.0.2", "avpn.home.arpa", ""};
	static const char *const right[] = {"VPN.home.arpa", "vpn.home.arpa:443", "10.9.0.1",
					    "10.9.0.1:443",  "[fd00::1]",	  "[fd00::1]:443"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		b->host = wrong[i];
		assert_int_equal(browser_get(b, "/"), 421);
	}
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		b->host = right[i];
		assert_int_equal(browser_get(b, "/"), 200);
	}
}

static void refuses_other_methods_paths_and_types(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_ask(b, "DELETE / HTTP/1.1\r\nHost: vpn.home.arpa\r\n\r\n"), 405);
	assert_string_equal(browser_header(b, "Allow"), "GET, HEAD");
	assert_int_equal(browser_get(b, "/sign-in"), 405);
	assert_string_equal(browser_header(b, "Allow"), "POST");
	assert_int_equal(browser_get(b, "/nowhere"), 404);
	assert_int_equal(browser_get(b, "/language/xx"), 404);
	assert_int_equal(browser_get(b, "/sign-in/"), 404);
	assert_int_equal(browser_ask(b, "POST /sign-in HTTP/1.1\r\nHost: vpn.home.arpa\r\n"
					"Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n"),
			 415);
}

static void one_answer_for_whatever_was_wrong(void **state)
{
	struct browser *b = *state;
	static const char *const wrong[][3] = {{"alice", "wrong", "right"},
					       {"alice", "correct+horse", "000000"},
					       {"nobody", "correct+horse", "000000"},
					       {"bad%00", "x", "y"}};
	char first[PORTAL_ANSWER_MAX] = "";
	for (size_t i = 0; i < 4; i++) {
		const char *code = strcmp(wrong[i][2], "right") == 0
					   ? stage_code(&b->stage, "alice", 0)
					   : wrong[i][2];
		assert_int_equal(browser_get(b, "/"), 200);
		assert_int_equal(try(b, wrong[i][0], wrong[i][1], code), 403);
		const char *said = browser_between(b, "role=\"alert\">", "</p>");
		if (i == 0)
			(void)snprintf(first, sizeof(first), "%s", said);
		assert_string_equal(said, first);
		assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_CLOSED);
		stage_pass(&b->stage, 3600 * 1000);
	}
}

static void shows_again_what_was_typed_and_no_password(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(try(b, "%3Cb%3E%22", "secret-word", "000000"), 403);
	assert_true(browser_sees(b, "value=\"&lt;b&gt;&quot;\""));
	assert_false(browser_sees(b, "<b>"));
	assert_false(browser_sees(b, "secret-word"));
	assert_false(browser_sees(b, "000000"));
}

static void too_many_tries_are_told_how_long_to_wait(void **state)
{
	struct browser *b = *state;
	unsigned status = 0;
	for (unsigned i = 0; i < 10 && status != 429; i++) {
		assert_int_equal(browser_get(b, "/"), 200);
		status = try(b, "alice", "wrong", "000000");
	}
	assert_int_equal(status, 429);
	assert_true(browser_sees(b, "Too many tries. Wait "));
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 0)), 429);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_CLOSED);
}

static void says_when_nothing_can_be_made_durable(void **state)
{
	struct browser *b = *state;
	b->stage.store_away = true;
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 0)), 503);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_CLOSED);
	b->stage.store_away = false;
	b->stage.hash_full = true;
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 1)), 503);
	assert_true(browser_sees(b, "Many people"));
}

static void has_nothing_for_hosts_that_do_not_sign_in(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_get(b, "/"), 200);
	b->peer = 3;
	assert_int_equal(try(b, "alice", "correct+horse", "000000"), 403);
	assert_int_equal(b->stage.hashed, 2);
	assert_int_equal(browser_get(b, "/"), 200);
	assert_true(browser_sees(b, "does not have to sign in"));
	assert_false(browser_sees(b, "<form"));
	assert_int_equal(browser_get(b, "/sessions"), 200);
	assert_false(browser_sees(b, "<form"));
}

static void who_has_gone_gets_no_answer(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_get(b, "/"), 200);
	unsigned before = b->answers;
	b->stage.holds = true;
	(void)try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 0));
	portal_forget(&b->visit);
	stage_run(&b->stage);
	assert_int_equal(b->answers, before);
	portal_forget(&b->visit); /* twice changes nothing */
}

/* --- what is allowed --- */

static void right_fields_open_the_peer_and_set_the_cookie(void **state)
{
	struct browser *b = *state;
	sign_in(b);
	assert_string_equal(browser_header(b, "Location"), "/");
	const char *set = browser_header(b, "Set-Cookie");
	assert_int_equal(strncmp(set, "__Host-session=", 15), 0);
	assert_non_null(strstr(set, "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200"));
	assert_int_equal(browser_get(b, "/"), 200);
	assert_true(browser_sees(b, "Signed in as alice."));
	assert_true(browser_sees(b, "12 h"));
	assert_false(browser_sees(b, "/sessions"));
}

static void a_code_is_good_once(void **state)
{
	struct browser *b = *state;
	sign_in(b);
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(browser_post(b, "/sign-out", "x=1"), 303);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_CLOSED);
	assert_string_equal(browser_cookie(b, ANSWER_COOKIE_SESSION), "");
	assert_int_equal(browser_get(b, browser_header(b, "Location")), 200);
	assert_true(browser_sees(b, "You are signed out"));
	assert_int_equal(try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 0)), 403);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_CLOSED);
}

static void another_browser_at_an_open_peer_is_told_nothing(void **state)
{
	struct browser *b = *state;
	sign_in(b);
	memset(b->cookies, 0, sizeof(b->cookies));
	assert_int_equal(browser_get(b, "/"), 200);
	assert_false(browser_sees(b, "alice"));
	assert_true(browser_sees(b, "open already"));
	assert_int_equal(browser_post(b, "/sign-out", "x=1"), 303);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_OPEN);
}

static void form_of_before_the_sign_in_is_stale_after_it(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_get(b, "/"), 200);
	char page[sizeof(b->answer)];
	memcpy(page, b->answer, sizeof(page));
	sign_in(b);
	memcpy(b->answer, page, sizeof(page));
	assert_int_equal(browser_post(b, "/sign-out", "x=1"), 403);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_OPEN);
}

/* The code of the key that the last page shows (RFC 4648 6), now. */
static const char *code_of_page(const struct browser *b)
{
	static char code[TOTP_DIGITS + 1];
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint8_t secret[TOTP_SECRET_LEN] = {0};
	size_t bit = 0;
	for (const char *c = browser_between(b, "<code>", "</code>"); *c; c++) {
		if (*c == ' ')
			continue;
		unsigned five = (unsigned)(strchr(alphabet, *c) - alphabet);
		for (unsigned i = 0; i < 5; i++, bit++)
			if (five & 16u >> i)
				secret[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	assert_int_equal(bit, 8 * TOTP_SECRET_LEN);
	assert_int_equal(totp_code(secret, totp_step(b->stage.now_ms / 1000), code), OK);
	return code;
}

static void enrols_by_a_verified_code_and_shows_backup_codes_once(void **state)
{
	struct browser *b = *state;
	char fields[BROWSER_TEXT], backup[32];
	stage_add(&b->stage, "bob", PASSWORD);
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(try(b, "bob", "correct+horse", ""), 200);
	assert_true(browser_sees(b, "<svg class=\"qr\""));
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_CLOSED);
	const char *format = "enrolment=%s&code=%s";
	(void)snprintf(fields, sizeof(fields), format,
		       browser_between(b, "name=\"enrolment\" value=\"", "\""), "000000");
	assert_int_equal(browser_post(b, "/enrol", fields), 403);
	assert_true(browser_sees(b, "<svg class=\"qr\"")); /* the same, once more */
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_CLOSED);
	stage_pass(&b->stage, 5000);
	const char *code = code_of_page(b);
	(void)snprintf(fields, sizeof(fields), format,
		       browser_between(b, "name=\"enrolment\" value=\"", "\""), code);
	assert_int_equal(browser_post(b, "/enrol", fields), 200);
	assert_true(browser_sees(b, "Your backup codes"));
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_OPEN);
	(void)snprintf(backup, sizeof(backup), "%s", browser_between(b, "<li><code>", "</code>"));
	assert_int_equal(browser_get(b, "/"), 200);
	assert_true(browser_sees(b, "Signed in as bob."));
	assert_false(browser_sees(b, backup));
	assert_int_equal(browser_post(b, "/sign-out", "x=1"), 303);
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(try(b, "bob", "correct+horse", backup), 303);
	assert_string_equal(browser_header(b, "Location"), "/?left=9");
	assert_int_equal(browser_get(b, "/?left=9"), 200);
	assert_true(browser_sees(b, "Codes left: 9."));
}

static void enrolment_that_is_over_begins_anew(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(browser_post(b, "/enrol", "enrolment=none&code=123456"), 403);
	assert_true(browser_sees(b, "took too long"));
	assert_false(browser_sees(b, "<svg"));
}

static unsigned change(struct browser *b, const char *password, const char *new, const char *again,
		       const char *code)
{
	char fields[BROWSER_TEXT];
	assert_int_equal(browser_get(b, "/password"), 200);
	(void)snprintf(fields, sizeof(fields), "password=%s&new=%s&again=%s&code=%s", password, new,
		       again, code);
	return browser_post(b, "/password/change", fields);
}

static void password_is_changed_by_both_factors_and_all_sessions_end(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_get(b, "/password"), 303); /* nobody is signed in */
	sign_in(b);
	assert_int_equal(change(b, "correct+horse", "short", "short", "000000"), 422);
	assert_int_equal(change(b, "correct+horse", "long+enough", "long+enouhg", "000000"), 422);
	assert_int_equal(b->stage.hashed, 3); /* none of these was looked at */
	assert_int_equal(change(b, "correct+horse", "long+enough", "long+enough", "000000"), 403);
	stage_pass(&b->stage, 60000);
	assert_int_equal(
		change(b, "wrong", "long+enough", "long+enough", stage_code(&b->stage, "alice", 0)),
		403);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_OPEN);
	assert_false(browser_sees(b, "long enough"));
	stage_pass(&b->stage, 60000);
	assert_int_equal(change(b, "correct+horse", "long+enough", "long+enough",
				stage_code(&b->stage, "alice", 0)),
			 303);
	assert_string_equal(browser_header(b, "Location"), "/?changed=1");
	assert_string_equal(browser_cookie(b, ANSWER_COOKIE_SESSION), "");
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_CLOSED);
	assert_int_equal(browser_get(b, "/?changed=1"), 200);
	assert_true(browser_sees(b, "Your password is changed."));
	stage_pass(&b->stage, 60000);
	assert_int_equal(try(b, "alice", "correct+horse", stage_code(&b->stage, "alice", 0)), 403);
	stage_pass(&b->stage, 60000);
	assert_int_equal(try(b, "alice", "long+enough", stage_code(&b->stage, "alice", 0)), 303);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_OPEN);
}

/* --- browser proof --- */

static void moved_peer_is_open_again_when_its_browser_shows_the_cookie(void **state)
{
	struct browser *b = *state;
	const struct ip_endpoint elsewhere = stage_endpoint(99, 7);
	sign_in(b);
	signin_moved(b->stage.s, b->stage.now_ms, b->stage.peers[0].key, &elsewhere);
	stage_run(&b->stage);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_PROOF);
	struct browser *thief = calloc(1, sizeof(*thief));
	memcpy(thief, b, sizeof(*b)); /* the key, and not the cookie */
	memset(b->cookies, 0, sizeof(b->cookies));
	assert_int_equal(browser_get(b, "/"), 200);
	assert_true(browser_sees(b, "content=\"0;url=/proof\""));
	assert_false(browser_sees(b, "alice"));
	assert_int_equal(browser_get(b, "/proof"), 200);
	assert_true(browser_sees(b, "name=\"password\""));
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_PROOF);
	memcpy(b->cookies, thief->cookies, sizeof(b->cookies));
	free(thief);
	assert_int_equal(browser_get(b, "/proof"), 303);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_OPEN);
	assert_int_equal(browser_get(b, browser_header(b, "Location")), 200);
	assert_true(browser_sees(b, "open again"));
}

/* --- administrators --- */

static void administrator_ends_a_session_and_nobody_else_does(void **state)
{
	struct browser *b = *state;
	char fields[BROWSER_TEXT];
	stage_add_active(&b->stage, "bob", PASSWORD);
	b->peer = 1;
	sign_in(b);
	assert_int_equal(browser_get(b, "/sessions"), 403);
	memset(b->cookies, 0, sizeof(b->cookies));
	b->peer = 0;
	assert_int_equal(
		stage_change(&b->stage, (struct signin_change){.kind = SIGNIN_USER_SET,
							       .user = "bob",
							       .administrator = true,
							       .sets_administrator = true}),
		OK);
	assert_int_equal(browser_get(b, "/"), 200);
	assert_int_equal(try(b, "bob", "correct+horse", stage_code(&b->stage, "bob", 0)), 303);
	assert_int_equal(browser_get(b, "/"), 200);
	assert_true(browser_sees(b, "href=\"/sessions\""));
	assert_int_equal(browser_get(b, "/sessions"), 200);
	assert_true(browser_sees(b, "laptop") && browser_sees(b, "phone"));
	assert_int_equal(browser_post(b, "/sessions/end", "peer=zz"), 403);
	assert_int_equal(browser_get(b, "/sessions"), 200);
	for (size_t i = 0, at = (size_t)snprintf(fields, sizeof(fields), "peer=");
	     i < SESSION_PEER_LEN; i++, at += 2)
		(void)snprintf(fields + at, 3, "%02x", b->stage.peers[1].key[i]);
	assert_int_equal(browser_post(b, "/sessions/end", fields), 303);
	assert_int_equal(stage_gate(&b->stage, 1), SIGNIN_CLOSED);
	assert_int_equal(stage_gate(&b->stage, 0), SIGNIN_OPEN);
	assert_int_equal(browser_get(b, browser_header(b, "Location")), 200);
	assert_true(browser_sees(b, "The session is ended."));
	assert_false(browser_sees(b, "laptop"));
}

/* --- what else the page has --- */

static void speaks_korean_by_header_and_by_link(void **state)
{
	struct browser *b = *state;
	b->headers = "Accept-Language: ko-KR,ko;q=0.9,en;q=0.8\r\n";
	assert_int_equal(browser_get(b, "/"), 200);
	assert_true(browser_sees(b, "<html lang=\"ko\">") && browser_sees(b, "비밀번호"));
	assert_string_equal(browser_header(b, "Content-Language"), "ko");
	assert_int_equal(browser_get(b, "/language/en"), 303);
	assert_int_equal(browser_get(b, "/"), 200);
	assert_true(browser_sees(b, "<html lang=\"en\">"));
	b->headers = NULL;
	assert_int_equal(browser_get(b, "/language/ko"), 303);
	assert_int_equal(browser_get(b, "/"), 200);
	assert_true(browser_sees(b, "<html lang=\"ko\">"));
}

static void captive_portal_api_tells_the_state(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_get(b, "/captive"), 200);
	assert_string_equal(browser_header(b, "Content-Type"), "application/captive+json");
	assert_true(browser_sees(
		b, "{\"captive\":true,\"user-portal-url\":\"https://vpn.home.arpa/\"}"));
	sign_in(b);
	assert_int_equal(browser_get(b, "/captive"), 200);
	assert_true(browser_sees(b, "{\"captive\":false,"));
	b->peer = 3;
	assert_int_equal(browser_get(b, "/captive"), 200);
	assert_true(browser_sees(b, "{\"captive\":false,"));
}

static unsigned plain(struct browser *b, const char *text)
{
	struct http_request request;
	assert_int_equal(http_request_read(span_text(text), &request), PARSE_DONE);
	b->out = writer_of(b->answer, PORTAL_ANSWER_MAX);
	portal_redirect(b->portal, &request, &b->out);
	assert_int_equal(writer_check(&b->out), OK);
	b->answer[b->out.pos] = 0;
	assert_int_equal(http_response_read(writer_span(&b->out), request.method, &b->head),
			 PARSE_DONE);
	assert_false(b->head.head.keep_alive);
	return b->head.status;
}

static void plain_port_leads_everything_to_the_page(void **state)
{
	struct browser *b = *state;
	static const char *const all[] = {
		"GET /generate_204 HTTP/1.1\r\nHost: connectivity.example\r\n\r\n",
		"GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"HEAD / HTTP/1.1\r\nHost: vpn.home.arpa\r\n\r\n",
		"GET /authority.crt HTTP/1.1\r\nHost: evil.example\r\n\r\n"};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(plain(b, all[i]), 303);
		assert_string_equal(browser_header(b, "Location"), "https://vpn.home.arpa/");
		assert_string_equal(browser_header(b, "Cache-Control"), "no-store");
	}
	assert_int_equal(plain(b, "GET / HTTP/1.0\r\n\r\n"), 302);
	assert_int_equal(plain(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 511);
	assert_null(browser_header(b, "Location"));
	assert_true(browser_sees(b, "href=\"https://vpn.home.arpa/\""));
	assert_int_equal(plain(b, "GET /authority.crt HTTP/1.1\r\nHost: 10.9.0.1\r\n\r\n"), 200);
	assert_true(browser_sees(b, "\r\n\r\nDER"));
}

static void head_has_no_body(void **state)
{
	struct browser *b = *state;
	assert_int_equal(browser_ask(b, "HEAD / HTTP/1.1\r\nHost: vpn.home.arpa\r\n\r\n"), 200);
	assert_true(b->head.head.content_length > 1000);
	assert_int_equal(b->out.pos, b->head.head.len);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_form_without_its_token_or_cookie),
		TEST(refuses_form_of_another_peer),
		TEST(refuses_form_from_another_site),
		TEST(refuses_hosts_that_are_not_the_page),
		TEST(refuses_other_methods_paths_and_types),
		TEST(one_answer_for_whatever_was_wrong),
		TEST(shows_again_what_was_typed_and_no_password),
		TEST(too_many_tries_are_told_how_long_to_wait),
		TEST(says_when_nothing_can_be_made_durable),
		TEST(has_nothing_for_hosts_that_do_not_sign_in),
		TEST(who_has_gone_gets_no_answer),
		TEST(right_fields_open_the_peer_and_set_the_cookie),
		TEST(a_code_is_good_once),
		TEST(another_browser_at_an_open_peer_is_told_nothing),
		TEST(form_of_before_the_sign_in_is_stale_after_it),
		TEST(enrols_by_a_verified_code_and_shows_backup_codes_once),
		TEST(enrolment_that_is_over_begins_anew),
		TEST(password_is_changed_by_both_factors_and_all_sessions_end),
		TEST(moved_peer_is_open_again_when_its_browser_shows_the_cookie),
		TEST(administrator_ends_a_session_and_nobody_else_does),
		TEST(speaks_korean_by_header_and_by_link),
		TEST(captive_portal_api_tells_the_state),
		TEST(plain_port_leads_everything_to_the_page),
		TEST(head_has_no_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
