/* HTTP/1 through the whole proxy, client and back ends played in memory. */
#include "proxy/through1_test.h"

/* ---- one after another ---- */

static void passes_a_request_and_its_answer(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "GET /a?b HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nConnection: x-gone\r\n"
		    "X-Gone: 2\r\nKeep-Alive: 3\r\n\r\n");
	assert_int_equal(t->backs_n, 1);
	assert_string_equal(memory_take(t->backs[0]),
			    "GET /a?b HTTP/1.1\r\nHost: h\r\nX-One: 1\r\n\r\n");
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(memory_take(t->client),
			    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_FINE);
	assert_int_equal(t->status, 200);
	assert_false(t->client->closed);
}

static uint64_t wall_now_ms = 784111777000; /* RFC 9110 5.6.7's example */

static uint64_t wall_ms(void)
{
	return wall_now_ms;
}

static void an_answer_without_date_gets_one(void **state)
{
	struct through *t = *state;
	const struct proxy_worker_io *without = t->w.io;
	struct proxy_worker_io io = *without;
	io.wall_ms = wall_ms;
	t->w.io = &io;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(memory_take(t->client),
			    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			    "Content-Length: 5\r\n\r\nhello");
	/* What a server says stays; an interim answer has none. */
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0],
		    "HTTP/1.1 103 Early Hints\r\n\r\n"
		    "HTTP/1.1 204 No Content\r\nDate: Mon, 07 Nov 1994 08:49:37 GMT\r\n\r\n");
	assert_string_equal(
		memory_take(t->client),
		"HTTP/1.1 103 Early Hints\r\n\r\n"
		"HTTP/1.1 204 No Content\r\nDate: Mon, 07 Nov 1994 08:49:37 GMT\r\n\r\n");
	/* The next second, and an answer of our own. */
	through_wait(t, 1000);
	wall_now_ms += 1000;
	t->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER, .answer = span_text("no")};
	t->verdict_set = true;
	t->response_status = 403;
	memory_text(t, t->client, GET);
	contains(memory_take(t->client), "\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
	t->w.io = without;
}

static void keeps_both_connections(void **state)
{
	struct through *t = *state;
	for (int i = 0; i < 5; i++) {
		memory_text(t, t->client, GET);
		memory_text(t, t->backs[0], OK5);
	}
	assert_int_equal(t->backs_n, 1);
	assert_int_equal(t->dones, 5);
	assert_int_equal(t->hops[0].idle_n, 1);
	assert_int_equal(t->w.buffers.out, 0); /* idle connections own no buffer */
	through_wait(t, 10100);
	assert_true(t->backs[0]->closed);
	assert_int_equal(t->hops[0].open_n, 0);
}

static void takes_requests_that_come_together(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    GET "GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
			"GET /c HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(t->requests, 1);
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(t->path, "/b");
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(t->path, "/c");
	memory_text(t, t->backs[0], OK5);
	assert_int_equal(t->dones, 3);
	assert_int_equal(t->backs_n, 1);
	assert_string_equal(memory_take(t->client),
			    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
			    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
			    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static void answers_many_that_come_together_without_depth(void **state)
{
	struct through *t = *state;
	t->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER, .answer = span_text("no")};
	t->verdict_set = true;
	t->response_status = 403;
	char all[16000];
	size_t n = 0;
	for (unsigned i = 0; i < 500; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, GET);
	memory_text(t, t->client, all);
	assert_int_equal(t->dones, 500);
	assert_int_equal(t->backs_n, 0);
}

static void reads_a_head_byte_by_byte(void **state)
{
	struct through *t = *state;
	const char *text = GET;
	for (size_t i = 0; text[i]; i++)
		memory_send(t, t->client, span_of(text + i, 1));
	assert_int_equal(t->requests, 1);
	text = OK5;
	for (size_t i = 0; text[i]; i++)
		memory_send(t, t->backs[0], span_of(text + i, 1));
	assert_string_equal(memory_take(t->client), OK5);
	assert_int_equal(t->hops[0].idle_n, 1);
}

static void takes_http_1_0(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_string_equal(memory_take(t->backs[0]), "GET / HTTP/1.1\r\nHost: \r\n\r\n");
	memory_text(t, t->backs[0], OK5);
	contains(memory_take(t->client), "Connection: keep-alive\r\n");
	memory_text(t, t->client, "GET / HTTP/1.0\r\n\r\n");
	memory_text(t, t->backs[0],
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
	const char *got = memory_take(t->client);
	contains(got, "Connection: close\r\n");
	lacks(got, "chunked");
	contains(got, "\r\n\r\nabc");
	assert_true(t->client->finished);
}

static void takes_absolute_form(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET http://other:81/p HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_string_equal(memory_take(t->backs[0]), "GET /p HTTP/1.1\r\nHost: other:81\r\n\r\n");
	memory_text(t, t->backs[0], OK5);
	t->hops[0].via_proxy = true;
	memory_text(t, t->client, "GET http://other:81?q HTTP/1.1\r\nHost: h\r\n\r\n");
	contains(memory_take(t->backs[0]), "GET http://other:81/?q HTTP/1.1\r\nHost: other:81\r\n");
}

/* ---- bodies ---- */

static void passes_bodies_of_every_framing(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
	assert_string_equal(memory_take(t->backs[0]),
			    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
	memory_text(t, t->backs[0],
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "2;x=y\r\nab\r\n1\r\nc\r\n");
	assert_string_equal(memory_take(t->client),
			    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	memory_text(t, t->backs[0], "0\r\n\r\n");
	assert_string_equal(memory_take(t->client), "0\r\n\r\n");
	memory_text(t, t->client,
		    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "1\r\na\r\n");
	memory_text(t, t->client, "2\r\nbc\r\n0\r\n\r\n");
	assert_string_equal(memory_take(t->backs[0]),
			    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n");
	memory_text(t, t->backs[0], "HTTP/1.1 204 No Content\r\n\r\n");
	assert_string_equal(memory_take(t->client), "HTTP/1.1 204 No Content\r\n\r\n");
	memory_text(t, t->client, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
	assert_string_equal(memory_take(t->client),
			    "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\n\r\nuntil");
	memory_text(t, t->backs[0], " close");
	memory_end(t, t->backs[0]);
	contains(memory_take(t->client), "chunked\r\n\r\n5\r\nuntil\r\n6\r\n close\r\n0\r\n\r\n");
	assert_int_equal(t->dones, 4);
	assert_false(t->client->closed);
	assert_true(t->backs[0]->closed);
}

static void passes_trailers_that_say_nothing_of_framing(void **state)
{
	struct through *t = *state;
	memory_text(
		t, t->client,
		"POST / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1\r\na\r\n0\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n");
	contains(memory_take(t->backs[0]), "0\r\nX-Sum: 1\r\n\r\n");
	memory_text(t, t->backs[0],
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
		    "0\r\nGrpc-Status: 0\r\nSet-Cookie: a=b\r\n\r\n");
	contains(memory_take(t->client), "1\r\na\r\n0\r\nGrpc-Status: 0\r\n\r\n");
	assert_int_equal(t->dones, 1);
}

/* A body of n bytes that can be checked. */
static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static void holds_a_fast_back_end_for_a_slow_client(void **state)
{
	struct through *t = *state;
	enum { N = 300000 };
	uint8_t *body = malloc(N);
	assert_non_null(body);
	for (size_t i = 0; i < N; i++)
		body[i] = pattern(i);
	memory_text(t, t->client, GET);
	t->client->window = 100;
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n");
	memory_send(t, t->backs[0], span_of(body, N));
	assert_true(t->w.buffers.out <= 4); /* what is not taken stays with the back end */
	for (int i = 0; i < 400; i++)
		memory_open(t, t->client, 1000);
	const char *got = memory_take(t->client);
	const char *start = strstr(got, "\r\n\r\n") + 4;
	assert_memory_equal(start, body, N);
	assert_int_equal(t->dones, 1);
	free(body);
}

/* What is read with the head is copied; the rest is left to be spliced, which it can not be here.
 */
static void reads_little_of_a_body_that_follows_spliced_ones(void **state)
{
	struct through *t = *state;
	enum { N = 9000, LITTLE = 1024 };
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n";
	uint8_t all[sizeof(head) - 1 + N];
	memcpy(all, head, sizeof(head) - 1);
	for (size_t i = 0; i < N; i++)
		all[sizeof(head) - 1 + i] = pattern(i);
	for (unsigned spliced = 0; spliced <= PROXY_SPLICED_MAX; spliced++) {
		t->client->window = 0;
		memory_text(t, t->client, GET);
		(void)memory_take(t->backs[0]);
		t->hops[0].spliced_n = (uint8_t)spliced;
		memory_send(t, t->backs[0], span_of(all, sizeof(all)));
		size_t unread = t->backs[0]->in_end - t->backs[0]->in_start;
		assert_int_equal(unread, spliced < PROXY_SPLICED_MAX ? 0 : sizeof(all) - LITTLE);
		memory_open(t, t->client, sizeof(all));
		assert_memory_equal(memory_take(t->client), all, sizeof(all));
		assert_int_equal(t->dones, spliced + 1);
		assert_int_equal(t->hops[0].spliced_n, 0);
	}
}

static unsigned pipes_asked;

static struct proxy_splice *no_pipe(struct proxy_worker *w)
{
	const struct through *t = w->io_arg;
	assert_false(t->backs[0]->t.holds);
	pipes_asked++;
	return NULL;
}

/* A pipe would take from the socket what comes behind it. */
static void asks_for_no_pipe_while_what_was_received_ahead_is_unread(void **state)
{
	struct through *t = *state;
	struct proxy_worker_io ways = through_io;
	ways.splice_take = no_pipe;
	t->w.io = &ways;
	pipes_asked = 0;
	memory_text(t, t->client, GET);
	t->client->t.fd = t->backs[0]->t.fd = 0; /* as over plain TCP */
	t->ring.on = true;
	t->backs[0]->read_max = 19; /* of 38 and 4 */
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcd");
	assert_int_equal(t->ring.received, 1);
	assert_int_equal(t->ring.parts, 2); /* the head, and a look at what comes is due */
	assert_true(pipes_asked > 0);
	memory_text(t, t->backs[0], "ef");
	assert_int_equal(t->dones, 1);
	contains(memory_take(t->client), "\r\n\r\nabcdef");
	t->w.io = &through_io;
}

static void holds_a_fast_client_for_a_slow_back_end(void **state)
{
	struct through *t = *state;
	enum { N = 300000 };
	uint8_t *body = malloc(N);
	assert_non_null(body);
	for (size_t i = 0; i < N; i++)
		body[i] = pattern(i);
	memory_text(t, t->client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n");
	t->backs[0]->window = 10;
	memory_send(t, t->client, span_of(body, N));
	assert_true(t->w.buffers.out <= 4);
	for (int i = 0; i < 400; i++)
		memory_open(t, t->backs[0], 1000);
	const char *got = memory_take(t->backs[0]);
	assert_memory_equal(strstr(got, "\r\n\r\n") + 4, body, N);
	memory_text(t, t->backs[0], OK5);
	contains(memory_take(t->client), "hello");
	free(body);
}

static void passes_100_continue(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
		    "Content-Length: 3\r\n\r\n");
	contains(memory_take(t->backs[0]), "Expect: 100-continue\r\n");
	memory_text(t, t->backs[0], "HTTP/1.1 100 Continue\r\n\r\n");
	assert_string_equal(memory_take(t->client), "HTTP/1.1 100 Continue\r\n\r\n");
	memory_text(t, t->client, "abc");
	assert_string_equal(memory_take(t->backs[0]), "abc");
	memory_text(t, t->backs[0], "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" OK5);
	assert_string_equal(memory_take(t->client),
			    "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" OK5);
	assert_int_equal(t->dones, 1);
}

static void ends_a_connection_whose_client_awaits_100_in_vain(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
		    "Content-Length: 3\r\n\r\n");
	memory_text(t, t->backs[0], "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
	contains(memory_take(t->client), "Connection: close\r\n");
	assert_true(t->client->finished);
	assert_true(t->backs[0]->closed);
}

static void throws_a_small_rest_of_a_body_away_after_an_early_answer(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
	memory_text(t, t->backs[0], "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(memory_take(t->client), "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
	assert_true(t->backs[0]->closed); /* it still waits for the rest */
	memory_text(t, t->client, "def" GET);
	assert_int_equal(t->requests, 2);
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(t->client), OK5);
}

static void refuses_a_body_over_the_limit(void **state)
{
	struct through *t = *state;
	t->limits.request_body_max = 4;
	memory_text(t, t->client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde");
	contains(memory_take(t->client), "HTTP/1.1 413 ");
	assert_int_equal(t->backs_n, 0);
	memory_text(t, t->client,
		    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "3\r\nabc\r\n");
	memory_text(t, t->client, "2\r\nde\r\n");
	contains(memory_take(t->client), "HTTP/1.1 413 ");
	assert_int_equal(t->done_cause, PROXY_CLIENT_BODY_LIMIT);
	assert_true(t->backs[0]->closed);
	assert_true(t->client->finished);
}

/* ---- tunnels ---- */

static void passes_an_upgrade_and_then_bytes_both_ways(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
		    "Upgrade: websocket\r\n\r\n");
	contains(memory_take(t->backs[0]), "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
	memory_text(t, t->backs[0],
		    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
		    "Upgrade: websocket\r\n\r\nfirst");
	const char *got = memory_take(t->client);
	contains(got, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
		      "Upgrade: websocket\r\n\r\nfirst");
	memory_text(t, t->client, "\x01to");
	assert_string_equal(memory_take(t->backs[0]), "\x01to");
	memory_text(t, t->backs[0],
		    "\x02"
		    "fro");
	assert_string_equal(memory_take(t->client), "\x02"
						    "fro");
	memory_end(t, t->client);
	assert_true(t->backs[0]->finished);
	memory_text(t, t->backs[0], "last");
	assert_string_equal(memory_take(t->client), "last");
	memory_end(t, t->backs[0]);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_FINE);
	assert_true(t->client->finished);
}

static void ends_a_tunnel_that_stands_still(void **state)
{
	struct through *t = *state;
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->verdict_set = true;
	t->hops[0].protocol = PROXY_RAW;
	memory_text(t, t->client, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
	contains(memory_take(t->client), "HTTP/1.1 200 OK\r\n\r\n");
	memory_text(t, t->client, "hello");
	assert_string_equal(memory_take(t->backs[0]), "hello");
	through_wait(t, 6100);
	assert_int_equal(t->dones, 1);
	assert_true(t->backs[0]->closed);
	through_wait(t, 3000);
	assert_true(t->client->closed);
}

static void refuses_an_upgrade_that_nobody_asked_for(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
		    "Upgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n");
	lacks(memory_take(t->backs[0]), "pgrade");
	memory_text(t, t->backs[0], "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n");
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	assert_int_equal(t->done_cause, PROXY_BACK_FORMAT);
}

/* ---- the face ---- */

static void waits_and_goes_on(void **state)
{
	struct through *t = *state;
	t->verdict = (struct proxy_verdict){.kind = PROXY_WAIT};
	t->verdict_set = true;
	memory_text(t, t->client, GET);
	assert_int_equal(t->backs_n, 0);
	t->verdict_set = false;
	proxy_exchange_resume(t->x);
	through_turn(t);
	assert_int_equal(t->requests, 2);
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(memory_take(t->client), OK5);
	t->pick = PROXY_PICK_WAIT;
	memory_text(t, t->client, GET);
	through_wait(t, 1100);
	contains(memory_take(t->client), "HTTP/1.1 503 ");
	assert_int_equal(t->done_cause, PROXY_NO_BACK);
	t->pick = PROXY_PICK_NONE;
	memory_text(t, t->client, GET);
	contains(memory_take(t->client), "HTTP/1.1 503 ");
}

static void drops_without_an_answer(void **state)
{
	struct through *t = *state;
	t->verdict = (struct proxy_verdict){.kind = PROXY_DROP};
	t->verdict_set = true;
	memory_text(t, t->client, GET);
	assert_true(t->client->closed);
	assert_string_equal(memory_take(t->client), "");
	assert_int_equal(t->dones, 1);
}

static void drains(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->w.draining = true;
	proxy_front1_drain(&t->w);
	assert_false(t->client->closed);
	memory_text(t, t->backs[0], OK5);
	contains(memory_take(t->client), "Connection: close\r\n");
	assert_true(t->client->finished);
	through_client(t);
	assert_true(t->client->closed);
}

/* ---- PROXY headers ---- */

static void believes_a_proxy_header_and_tells_one(void **state)
{
	struct through *t = *state;
	t->admission.proxy_header = true;
	t->hops[0].proxy_header = 1;
	through_client(t);
	const char *text = "PROXY TCP4 192.0.2.1 192.0.2.2 1111 80\r\n" GET;
	for (size_t i = 0; text[i]; i++)
		memory_send(t, t->client, span_of(text + i, 1));
	assert_true(t->proxied);
	assert_int_equal(t->peer.port, 1111);
	assert_int_equal(t->requests, 1);
	assert_string_equal(memory_take(t->backs[0]), "PROXY TCP4 192.0.2.1 192.0.2.2 1111 80\r\n"
						      "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(memory_take(t->client), OK5);
	assert_true(t->backs[0]->closed); /* it was of this client */
}

static void closes_who_sends_no_proxy_header(void **state)
{
	struct through *t = *state;
	t->admission.proxy_header = true;
	through_client(t);
	memory_text(t, t->client, GET);
	assert_true(t->client->closed);
	through_client(t);
	memory_text(t, t->client, "PROXY TCP4 ");
	through_wait(t, 1100);
	assert_true(t->client->closed);
	through_client(t);
	memory_text(t, t->client, "PROXY TCP4 ");
	memory_end(t, t->client);
	through_wait(t, 1100); /* an end behind half a header is not seen before its time is over */
	assert_true(t->client->closed);
	assert_int_equal(t->requests, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(passes_a_request_and_its_answer),
		TEST(an_answer_without_date_gets_one),
		TEST(keeps_both_connections),
		TEST(takes_requests_that_come_together),
		TEST(answers_many_that_come_together_without_depth),
		TEST(reads_a_head_byte_by_byte),
		TEST(takes_http_1_0),
		TEST(takes_absolute_form),
		TEST(passes_bodies_of_every_framing),
		TEST(passes_trailers_that_say_nothing_of_framing),
		TEST(holds_a_fast_back_end_for_a_slow_client),
		TEST(reads_little_of_a_body_that_follows_spliced_ones),
		TEST(asks_for_no_pipe_while_what_was_received_ahead_is_unread),
		TEST(holds_a_fast_client_for_a_slow_back_end),
		TEST(passes_100_continue),
		TEST(ends_a_connection_whose_client_awaits_100_in_vain),
		TEST(throws_a_small_rest_of_a_body_away_after_an_early_answer),
		TEST(refuses_a_body_over_the_limit),
		TEST(passes_an_upgrade_and_then_bytes_both_ways),
		TEST(ends_a_tunnel_that_stands_still),
		TEST(refuses_an_upgrade_that_nobody_asked_for),
		TEST(waits_and_goes_on),
		TEST(drops_without_an_answer),
		TEST(drains),
		TEST(believes_a_proxy_header_and_tells_one),
		TEST(closes_who_sends_no_proxy_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
