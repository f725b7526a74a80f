#include "fetch/fetch.h"

#include "base/writer.h"
#include "fetch/dial.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "os/udp.h"
#include "proto/http/http1.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TURNS_MS = 20000 };

/* A server at one address that says the same to each who asks, and a resolver that names it. All
 * in the loop of who asks. */
struct world {
	struct loop loop;
	struct fetch fetch;
	/* the server */
	int listen_fd, fd;
	struct loop_watch listen_watch, watch;
	struct ip_endpoint at;
	struct span says; /* empty: nothing, ever */
	size_t said;
	bool hangs_up; /* when it has said it */
	char heard[4096];
	size_t heard_len;
	unsigned asked;
	const char *then; /* said to all but the first who asks; NULL: the same */
	/* the resolver */
	int dns_fd;
	struct loop_watch dns_watch;
	struct udp_socket dns;
	const char *addresses; /* four octets each */
	size_t addresses_n;
	/* what came */
	bool over;
	enum err why;
	unsigned status;
	char body[4096], sunk[4096];
	size_t body_len, sunk_len;
};

static struct world w;

static void serve(void *arg, uint32_t events)
{
	size_t len = 0;
	(void)arg;
	(void)events;
	enum err e = tcp_read(w.fd, w.heard + w.heard_len, sizeof(w.heard) - 1 - w.heard_len, &len);
	w.heard_len += e ? 0 : len;
	w.heard[w.heard_len] = '\0';
	bool whole = strstr(w.heard, "\r\n\r\n") != NULL;
	size_t n = 0;
	if (!e && whole && w.said < w.says.len) {
		assert_int_equal(tcp_write(w.fd, span_sub(w.says, w.said, w.says.len), &n), OK);
		w.said += n;
	}
	if (e || (whole && w.hangs_up)) {
		loop_remove(&w.loop, &w.watch);
		fd_done(&w.fd);
	}
}

static void meet(void *arg, uint32_t events)
{
	struct ip_endpoint peer;
	(void)arg;
	(void)events;
	loop_remove(&w.loop, &w.watch);
	fd_done(&w.fd);
	if (tcp_accept(w.listen_fd, &w.fd, &peer, NULL) != OK)
		return;
	if (w.asked++ && w.then)
		w.says = span_text(w.then);
	w.said = w.heard_len = 0;
	assert_int_equal(loop_add(&w.loop, &w.watch, w.fd, LOOP_READ, serve, NULL), OK);
}

/* The question once more, and a record A for each address. */
static void resolve(void *arg, uint32_t events)
{
	uint8_t q[512], a[1024];
	size_t len = 0, end = 12;
	struct writer to = writer_of(a, sizeof(a));
	struct ip_endpoint from;
	(void)arg;
	(void)events;
	if (udp_receive_one(&w.dns, q, sizeof(q), &len, &from, NULL) != OK || len < 17)
		return;
	while (end < len && q[end])
		end += q[end] + 1u;
	end += 5;
	size_t n = q[end - 3] == 1 ? w.addresses_n : 0;
	write_bytes(&to, q, 2);
	write_u16(&to, 0x8180);
	write_u16(&to, 1);
	write_u16(&to, (uint16_t)n);
	write_u32(&to, 0);
	write_bytes(&to, q + 12, end - 12);
	for (size_t i = 0; i < n; i++) {
		write_bytes(&to, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4", 12);
		write_bytes(&to, w.addresses + 4 * i, 4);
	}
	assert_int_equal(udp_send_to(&w.dns, NULL, &from, writer_span(&to)), OK);
}

static void done(void *arg, const struct fetch_answer *answer, enum err why)
{
	(void)arg;
	assert_false(w.over);
	w.over = true;
	w.why = why;
	if (answer) {
		w.status = answer->response->status;
		w.body_len = answer->body.len;
		assert_true(w.body_len < sizeof(w.body));
		if (w.body_len)
			memcpy(w.body, answer->body.data, w.body_len);
	}
}

static enum err sink(void *arg, struct span piece)
{
	(void)arg;
	assert_true(piece.len < sizeof(w.sunk) - w.sunk_len);
	memcpy(w.sunk + w.sunk_len, piece.data, piece.len);
	w.sunk_len += piece.len;
	return span_is(piece, "stop") ? ERR_EXISTS : OK;
}

static int up(void **state)
{
	(void)state;
	w = (struct world){.listen_fd = -1, .fd = -1, .dns_fd = -1};
	w.at = (struct ip_endpoint){.address = {.family = 4, .bytes = {127, 0, 0, 1}}};
	assert_int_equal(loop_init(&w.loop), OK);
	assert_int_equal(udp_open(&w.at, 0, &w.dns_fd), OK);
	assert_int_equal(udp_prepare(w.dns_fd, 0, &w.dns), OK);
	assert_int_equal(loop_add(&w.loop, &w.dns_watch, w.dns_fd, LOOP_READ, resolve, NULL), OK);
	assert_int_equal(tcp_listen(&w.at, 0, 8, &w.listen_fd), OK);
	assert_int_equal(socket_local(w.listen_fd, &w.at), OK);
	assert_int_equal(loop_add(&w.loop, &w.listen_watch, w.listen_fd, LOOP_READ, meet, NULL),
			 OK);
	fetch_init(&w.fetch, &w.loop, done, NULL);
	w.addresses = "\x7f\0\0\1";
	w.addresses_n = 1;
	return 0;
}

static int down(void **state)
{
	(void)state;
	fetch_free(&w.fetch);
	loop_remove(&w.loop, &w.watch);
	loop_remove(&w.loop, &w.listen_watch);
	loop_remove(&w.loop, &w.dns_watch);
	fd_done(&w.fd);
	fd_done(&w.listen_fd);
	fd_done(&w.dns_fd);
	loop_done(&w.loop);
	return 0;
}

static struct fetch_question question(const char *url)
{
	return (struct fetch_question){.method = "GET",
				       .url = url,
				       .agent = "test",
				       .resolvers = {&w.dns.local, 1},
				       .total_ms = TURNS_MS,
				       .address_ms = TURNS_MS / 4,
				       .idle_ms = TURNS_MS / 2,
				       .body_max = 1000,
				       .redirects_max = 2};
}

static const char *here(const char *host, const char *path)
{
	static char url[256];
	struct writer to = writer_of(url, sizeof(url) - 1);
	write_format(&to, "http://%s:%u%s", host, (unsigned)w.at.port, path);
	url[to.pos] = '\0';
	return url;
}

/* Asks, and waits for what comes of it. */
static enum err ask(const struct fetch_question *q, const char *says)
{
	w.says = span_text(says);
	w.over = false;
	w.body_len = w.sunk_len = w.status = w.asked = 0;
	assert_int_equal(fetch_ask(&w.fetch, q), OK);
	assert_int_equal(fetch_ask(&w.fetch, q), ERR_EXISTS);
	assert_false(w.over);
	while (!w.over)
		assert_int_equal(loop_turn(&w.loop, TURNS_MS), OK);
	assert_false(fetch_runs(&w.fetch));
	return w.why;
}

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"

static void who_cannot_be_asked_is_not(void **state)
{
	(void)state;
	struct fetch_question q = question("https://a.example/");
	assert_int_equal(fetch_ask(&w.fetch, &q), ERR_UNSUPPORTED); /* nobody is trusted */
	q.url = "gopher://a.example/";
	assert_int_equal(fetch_ask(&w.fetch, &q), ERR_UNSUPPORTED);
	q.url = "http://a..example/";
	assert_int_equal(fetch_ask(&w.fetch, &q), ERR_FORMAT);
	q.url = here("nobody.example", "/");
	w.addresses_n = 0;
	assert_int_equal(ask(&q, GOOD), ERR_ABSENT);
}

static void what_takes_too_long_is_given_up(void **state)
{
	(void)state;
	struct fetch_question q = question(here("a.example", "/"));
	q.idle_ms = 20;
	assert_int_equal(ask(&q, ""), ETIMEDOUT);
	assert_int_equal(ask(&q, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo"), ETIMEDOUT);
	q.idle_ms = TURNS_MS;
	q.total_ms = 20;
	assert_int_equal(ask(&q, ""), ETIMEDOUT);
	q.resolvers.n = 0; /* nobody tells */
	assert_int_equal(ask(&q, ""), ERR_ABSENT);
}

static void what_is_not_whole_is_no_answer(void **state)
{
	(void)state;
	struct fetch_question q = question(here("a.example", "/"));
	w.hangs_up = true;
	assert_int_equal(ask(&q, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo"), ERR_CLOSED);
	assert_int_equal(ask(&q, "SSH-2.0-OpenSSH\r\n\r\n"), ERR_FORMAT);
	assert_int_equal(ask(&q, "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"), ERR_LIMIT);
	q.only_200 = true;
	assert_int_equal(ask(&q, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), ERR_REFUSED);
	assert_string_equal(fetch_fault(&w.fetch), "the server's answer is 404 Not Found");
}

static void the_first_address_that_answers_is_taken(void **state)
{
	(void)state;
	struct fetch_question q = question(here("a.example", "/x?y"));
	w.addresses = "\x7f\0\0\2\x7f\0\0\1\x7f\0\0\3"; /* nobody listens at the others */
	w.addresses_n = 3;
	q.fields = span_text("If-None-Match: \"t\"\r\n");
	assert_int_equal(ask(&q, GOOD), OK);
	assert_int_equal(w.status, 200);
	assert_true(span_is(span_of(w.body, w.body_len), "body"));
	assert_non_null(strstr(w.heard, "GET /x?y HTTP/1.1\r\nHost: a.example:"));
	assert_non_null(strstr(w.heard, "\r\nUser-Agent: test\r\nIf-None-Match: \"t\"\r\n"));
	assert_null(strstr(w.heard, "Accept-Encoding"));
	/* One that is of no use leads on to the next only when that is asked for. */
	w.addresses = "\x7f\0\0\1\x7f\0\0\1";
	w.addresses_n = 2;
	q.only_200 = true;
	w.then = NULL;
	assert_int_equal(ask(&q, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), ERR_REFUSED);
	assert_int_equal(w.asked, 1);
	q.every_address = true;
	assert_int_equal(ask(&q, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), ERR_REFUSED);
	assert_int_equal(w.asked, 2);
}

static void what_a_server_said_is_told_rather_than_who_was_not_there(void **state)
{
	(void)state;
	struct fetch_question q = question(here("a.example", "/"));
	w.addresses = "\x7f\0\0\1\x7f\0\0\2";
	w.addresses_n = 2;
	q.every_address = true;
	assert_int_equal(ask(&q, "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"), ERR_LIMIT);
}

static void redirects_are_followed_so_far_and_no_further(void **state)
{
	(void)state;
	struct fetch_question q = question(here("127.0.0.1", "/a/b"));
#define MOVED "HTTP/1.1 302 Found\r\nLocation: /d/../c\r\nContent-Length: 5\r\n\r\nmoved"
	assert_int_equal(ask(&q, MOVED), ERR_LIMIT);
	assert_int_equal(w.asked, 3);
	assert_string_equal(fetch_fault(&w.fetch), "too many redirects");
	q.redirects_max = 1;
	assert_int_equal(ask(&q, MOVED), ERR_LIMIT);
	assert_int_equal(w.asked, 2);
}

static void more_addresses_are_no_more_redirects(void **state)
{
	(void)state;
	struct fetch_question q = question(here("a.example", "/a/b"));
	w.addresses = "\x7f\0\0\1\x7f\0\0\1";
	w.addresses_n = 2;
	q.every_address = true;
	q.redirects_max = 1;
	assert_int_equal(ask(&q, MOVED), ERR_LIMIT);
	assert_int_equal(w.asked, 3); /* one was followed, and each address there leads on */
	assert_string_equal(fetch_fault(&w.fetch), "too many redirects");
}

struct dialling {
	bool over;
	enum err why;
};

static void dialled(void *arg, enum err why)
{
	struct dialling *d = arg;
	d->over = true;
	d->why = why;
}

static enum err dial(struct fetch_dial *d, const char *addresses, size_t n, bool outside)
{
	struct dialling was = {0};
	const struct fetch_dial_to to = {.resolvers = {&w.dns.local, 1},
					 .host = "a.example",
					 .port = w.at.port,
					 .address_ms = TURNS_MS / 4,
					 .until_ms = loop_now_ms(&w.loop) + TURNS_MS,
					 .outside = outside};
	w.addresses = addresses;
	w.addresses_n = n;
	fetch_dial_init(d, &w.loop, dialled, &was);
	assert_int_equal(fetch_dial(d, &to), OK);
	while (!was.over)
		assert_int_equal(loop_turn(&w.loop, TURNS_MS), OK);
	return was.why;
}

static void who_must_stay_outside_does_not_dial_inside(void **state)
{
	(void)state;
	struct fetch_dial d;
	static const char inside[] = "\x7f\0\0\1\x0a\0\0\1\xac\x10\0\1\xc0\xa8\0\1"
				     "\xa9\xfe\0\1\0\0\0\0\xe0\0\0\1";
	assert_int_equal(dial(&d, inside, 7, true), ERR_REFUSED);
	assert_string_equal(d.fault, "a redirect leads from outside to an address inside");
	fetch_dial_stop(&d);
	assert_int_equal(dial(&d, inside, 1, false), OK);
	assert_true(fetch_dial_is_inside(&d));
	fetch_dial_stop(&d);
}

static size_t may_n;

static bool may_not_10(void *arg, const struct ip_address *found, size_t n)
{
	bool may = true;
	assert_ptr_equal(arg, &may_n);
	for (size_t i = 0; i < n; i++)
		may = may && !ip_address_is_private(&found[i]);
	may_n += n;
	return may;
}

/* One address that may not be gone to closes the way to all of the name's. */
static void who_may_not_go_there_dials_none(void **state)
{
	(void)state;
	struct fetch_question q = question(here("a.example", "/"));
	static const char both[] = "\x7f\0\0\1\x0a\0\0\1", one[] = "\x7f\0\0\1";
	q.may = may_not_10;
	q.may_arg = &may_n;
	may_n = 0;
	w.addresses = both;
	w.addresses_n = 2;
	assert_int_equal(ask(&q, GOOD), ERR_REFUSED);
	assert_string_equal(fetch_fault(&w.fetch), "an address may not be gone to");
	assert_int_equal(may_n, 2);
	assert_int_equal(w.asked, 0);
	w.addresses = one;
	w.addresses_n = 1;
	assert_int_equal(ask(&q, GOOD), OK);
}

static void a_redirect_leads_to_the_answer(void **state)
{
	(void)state;
	struct fetch_question q = question(here("127.0.0.1", "/a/b"));
	w.asked = 0;
	w.then = NULL;
	w.says = span_text(MOVED);
	w.over = false;
	assert_int_equal(fetch_ask(&w.fetch, &q), OK);
	while (!w.asked)
		assert_int_equal(loop_turn(&w.loop, TURNS_MS), OK);
	w.then = GOOD;
	while (!w.over)
		assert_int_equal(loop_turn(&w.loop, TURNS_MS), OK);
	assert_int_equal(w.why, OK);
	assert_int_equal(w.status, 200);
	assert_true(span_is(span_of(w.body, w.body_len), "body"));
	assert_memory_equal(w.heard, "GET /c HTTP/1.1", 15);
	q.redirects_max = 0; /* then it is an answer like any other */
	w.then = NULL;
	assert_int_equal(ask(&q, MOVED), OK);
	assert_int_equal(w.status, 302);
	assert_true(span_is(span_of(w.body, w.body_len), "moved"));
}

static void a_sink_gets_the_bodies_of_200_alone(void **state)
{
	(void)state;
	struct fetch_question q = question(here("a.example", "/"));
	w.fetch.sink = sink;
	assert_int_equal(ask(&q, GOOD), OK);
	assert_true(span_is(span_of(w.sunk, w.sunk_len), "body"));
	assert_int_equal(w.body_len, 0);
	assert_int_equal(ask(&q, "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\noops"), OK);
	assert_int_equal(w.sunk_len, 0);
	assert_int_equal(ask(&q, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"), OK);
	assert_int_equal(w.status, 304);
	assert_int_equal(ask(&q, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nstop"), ERR_EXISTS);
}

static void a_question_can_carry_a_body(void **state)
{
	(void)state;
	struct fetch_question q = question(here("a.example", "/"));
	q.method = "POST";
	q.type = "text/plain";
	q.body = span_text("hello\r\n\r\n"); /* what the server of this test waits for */
	assert_int_equal(ask(&q, GOOD), OK);
	assert_non_null(
		strstr(w.heard, "Content-Type: text/plain\r\nContent-Length: 9\r\n\r\nhel"));
}

static void who_stops_hears_nothing(void **state)
{
	(void)state;
	struct fetch_question q = question(here("a.example", "/"));
	w.says = span_text(GOOD);
	assert_int_equal(fetch_ask(&w.fetch, &q), OK);
	while (!w.asked)
		assert_int_equal(loop_turn(&w.loop, TURNS_MS), OK);
	fetch_stop(&w.fetch);
	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_turn(&w.loop, 5), OK);
	assert_false(w.over);
	assert_int_equal(ask(&q, GOOD), OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_cannot_be_asked_is_not),
		TEST(what_takes_too_long_is_given_up),
		TEST(what_is_not_whole_is_no_answer),
		TEST(the_first_address_that_answers_is_taken),
		TEST(what_a_server_said_is_told_rather_than_who_was_not_there),
		TEST(redirects_are_followed_so_far_and_no_further),
		TEST(more_addresses_are_no_more_redirects),
		TEST(who_must_stay_outside_does_not_dial_inside),
		TEST(who_may_not_go_there_dials_none),
		TEST(a_redirect_leads_to_the_answer),
		TEST(a_sink_gets_the_bodies_of_200_alone),
		TEST(a_question_can_carry_a_body),
		TEST(who_stops_hears_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
