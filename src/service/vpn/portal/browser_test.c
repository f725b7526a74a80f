#include "service/vpn/portal/browser_test.h"

#include "service/vpn/portal/portal_inner.h"

static const struct ip_address pages[] = {
	{4, {10, 9, 0, 1}},
	{6, {0xfd, [15] = 1}},
};

static bool name_of(void *arg, const uint8_t *peer, char ret[PORTAL_PEER_NAME_MAX])
{
	const struct browser *b = arg;
	for (size_t i = 0; i < STAGE_PEERS; i++)
		if (memcmp(b->stage.peers[i].key, peer, SESSION_PEER_LEN) == 0)
			return span_to_cstr(span_text(b->stage.peers[i].is.name), ret,
					    PORTAL_PEER_NAME_MAX);
	return false;
}

static enum err random_of(void *arg, void *buf, size_t len)
{
	struct browser *b = arg;
	memset(buf, (int)++b->random, len);
	return OK;
}

void browser_open(struct browser *b)
{
	memset(b, 0, sizeof(*b));
	stage_open(&b->stage);
	const struct portal_config config = {.name = "vpn.home.arpa",
					     .addresses = pages,
					     .addresses_n = 2,
					     .port = 443,
					     .authority = span_text("DER"),
					     .key = {1, 2, 3},
					     .signin = b->stage.s,
					     .arg = b,
					     .peer_name = name_of,
					     .random = random_of};
	assert_int_equal(portal_new(&config, &b->portal), OK);
	b->host = "vpn.home.arpa";
}

void browser_close(struct browser *b)
{
	portal_free(b->portal);
	stage_close(&b->stage);
}

static void keep_cookie(struct browser *b, struct span set)
{
	struct span pair = span_sub(set, 0, span_find(set, ';'));
	size_t equals = span_find(pair, '=');
	char name[32];
	assert_true(span_to_cstr(span_sub(pair, 0, equals), name, sizeof(name)));
	for (size_t i = 0; i < BROWSER_COOKIES; i++)
		if (!b->cookies[i].name[0] || strcmp(b->cookies[i].name, name) == 0) {
			memcpy(b->cookies[i].name, name, sizeof(name));
			assert_true(span_to_cstr(span_sub(pair, equals + 1, pair.len),
						 b->cookies[i].value, sizeof(b->cookies[i].value)));
			return;
		}
	fail_msg("too many cookies");
}

static void answered(void *arg)
{
	struct browser *b = arg;
	b->answers++;
	assert_false(b->out.bad);
	b->answer[b->out.pos] = 0;
	assert_int_equal(http_response_read(writer_span(&b->out), span_text("GET"), &b->head),
			 PARSE_DONE);
	for (size_t i = 0; i < b->head.head.headers_n; i++)
		if (span_equal_nocase(b->head.head.headers[i].name, span_text("set-cookie")))
			keep_cookie(b, b->head.head.headers[i].value);
}

unsigned browser_ask(struct browser *b, const char *text)
{
	struct http_request request;
	unsigned before = b->answers;
	assert_int_equal(http_request_read(span_text(text), &request), PARSE_DONE);
	b->out = writer_of(b->answer, PORTAL_ANSWER_MAX);
	b->visit = (struct portal_visit){
		.now_ms = b->stage.now_ms, .out = &b->out, .answered = answered, .arg = b};
	b->visit.visitor.must_sign_in = b->stage.peers[b->peer].is.must_sign_in;
	memcpy(b->visit.visitor.peer, b->stage.peers[b->peer].key, SESSION_PEER_LEN);
	b->visit.visitor.endpoint = stage_endpoint(b->peer + 1, 1000);
	portal_serve(b->portal, &b->visit, &request, span_text(text + request.head.len));
	if (b->stage.holds)
		return 0;
	stage_run(&b->stage);
	assert_int_equal(b->answers, before + 1);
	return b->head.status;
}

static void write_head(const struct browser *b, struct writer *w, const char *method,
		       const char *path)
{
	write_format(w, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", method, path, b->host,
		     b->headers ? b->headers : "");
	write_text(w, "Cookie: a=b");
	for (size_t i = 0; i < BROWSER_COOKIES; i++)
		if (b->cookies[i].name[0])
			write_format(w, "; %s=%s", b->cookies[i].name, b->cookies[i].value);
	write_text(w, "\r\n");
}

unsigned browser_get(struct browser *b, const char *path)
{
	char text[4096];
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_head(b, &w, "GET", path);
	write_text(&w, "\r\n");
	assert_false(w.bad);
	text[w.pos] = 0;
	return browser_ask(b, text);
}

unsigned browser_post(struct browser *b, const char *path, const char *fields)
{
	char text[8192], body[4096] = "";
	struct writer w = writer_of(text, sizeof(text) - 1);
	if (fields)
		(void)snprintf(body, sizeof(body), "form=%s&%s",
			       browser_between(b, "name=\"form\" value=\"", "\""), fields);
	write_head(b, &w, "POST", path);
	write_format(&w,
		     "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
		     "%zu\r\n\r\n%s",
		     strlen(body), body);
	assert_false(w.bad);
	text[w.pos] = 0;
	return browser_ask(b, text);
}

const char *browser_header(struct browser *b, const char *name)
{
	static char text[1024];
	const struct http_field *h = http_head_find(&b->head.head, name);
	if (!h)
		return NULL;
	assert_true(span_to_cstr(h->value, text, sizeof(text)));
	return text;
}

bool browser_sees(const struct browser *b, const char *text)
{
	return strstr(b->answer, text) != NULL;
}

const char *browser_between(const struct browser *b, const char *before, const char *after)
{
	static char text[BROWSER_TEXT];
	const char *at = strstr(b->answer, before);
	assert_non_null(at);
	at += strlen(before);
	const char *end = strstr(at, after);
	assert_non_null(end);
	assert_true(span_to_cstr(span_of(at, (size_t)(end - at)), text, sizeof(text)));
	return text;
}

const char *browser_cookie(const struct browser *b, const char *name)
{
	for (size_t i = 0; i < BROWSER_COOKIES; i++)
		if (strcmp(b->cookies[i].name, name) == 0)
			return b->cookies[i].value;
	return "";
}
