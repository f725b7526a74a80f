#include "proxy/through1_test.h"

#define CONNECT "CONNECT www.example:443 HTTP/1.1\r\nHost: www.example:443\r\n\r\n"
#define ASKED	CONNECT
#define GOOD	"HTTP/1.1 200 Connection established\r\n\r\n"
#define BASIC	"Basic am9lOnNlY3JldA=="

static struct proxy_hop_connect way;

/* A tunnel, or a request, by way of an HTTP proxy: its end of the connection. */
static struct memory *begin_with(struct through *t, bool tunnel, const char *said)
{
	way = (struct proxy_hop_connect){.authority = span_text("www.example:443")};
	for (size_t i = 0; i < 2; i++) {
		t->hops[i].connect = &way;
		t->hops[i].protocol = tunnel ? PROXY_RAW : PROXY_HTTP1;
	}
	t->verdict = (struct proxy_verdict){.kind = tunnel ? PROXY_TUNNEL : PROXY_FORWARD};
	t->verdict_set = true;
	t->limits.tries_max = 1;
	through_client(t);
	memory_text(t, t->client, said);
	return t->backs[t->backs_n - 1];
}

static struct memory *begin(struct through *t, bool tunnel)
{
	return begin_with(t, tunnel, tunnel ? CONNECT : GET);
}

static void it_is_asked_by_name_and_bytes_go_through(void **state)
{
	struct through *t = *state;
	struct memory *b = begin(t, true);
	way = (struct proxy_hop_connect){{0}}; /* it was only borrowed */
	assert_string_equal(memory_take(b), ASKED);
	assert_int_equal(t->client->out_end, 0);
	memory_text(t, b, GOOD "first");
	contains(memory_take(t->client), "HTTP/1.1 200 OK\r\n\r\nfirst");
	memory_text(t, t->client, "to");
	assert_string_equal(memory_take(b), "to");
	memory_text(t, b, "fro");
	assert_string_equal(memory_take(t->client), "fro");
}

static void its_answer_may_come_octet_by_octet(void **state)
{
	struct through *t = *state;
	struct memory *b = begin(t, false);
	static const char said[] = "HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 200 Connection "
				   "established\r\nVia: 1.1 x\r\n\r\n" OK5;
	assert_string_equal(memory_take(b), ASKED);
	for (size_t i = 0; i < sizeof(said) - 1; i++)
		memory_send(t, b, span_of(said + i, 1));
	assert_string_equal(memory_take(b), GET);
	const char *got = memory_take(t->client);
	contains(got, "hello");
	lacks(got, "Via");
	/* and the connection is kept: it leads to the target now */
	memory_text(t, t->client, GET);
	assert_int_equal(t->backs_n, 1);
}

static void who_we_are_is_told_to_it_alone(void **state)
{
	struct through *t = *state;
	for (size_t i = 0; i < 2; i++)
		t->hops[i].authorization = span_text(BASIC);
	struct memory *b = begin_with(t, false,
				      "GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: me\r\nVia: 1.1 "
				      "first\r\nvia: 1.0 second\r\nCookie: c\r\n\r\n");
	assert_string_equal(memory_take(b),
			    "CONNECT www.example:443 HTTP/1.1\r\nHost: www.example:443\r\n"
			    "Proxy-Authorization: " BASIC "\r\n"
			    "Via: 1.1 first\r\nVia: 1.0 second\r\n\r\n");
	memory_text(t, b, GOOD);
	const char *inside = memory_take(b);
	contains(inside, "GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: me\r\n");
	lacks(inside, "Proxy-");
}

/* RFC 9112 3.2.2: that proxy is asked for the whole address, and told who we are. */
static void absolute_form_has_the_password_too(void **state)
{
	struct through *t = *state;
	t->hops[0].via_proxy = true;
	t->hops[0].authorization = span_text(BASIC);
	memory_text(t, t->client, "GET http://o/p HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_string_equal(memory_take(t->backs[0]), "GET http://o/p HTTP/1.1\r\nHost: o\r\n"
						      "Proxy-Authorization: " BASIC "\r\n\r\n");
	memory_text(t, t->backs[0], OK5);
	contains(memory_take(t->client), "hello");
	/* RFC 9112 3.2.4: OPTIONS of the server as a whole */
	memory_text(t, t->client, "OPTIONS http://o:81 HTTP/1.1\r\nHost: h\r\n\r\n");
	contains(memory_take(t->backs[0]), "OPTIONS http://o:81 HTTP/1.1\r\nHost: o:81\r\n");
	memory_text(t, t->backs[0], OK5);
	/* a proxy that does not lead on is told none */
	t->hops[0].via_proxy = false;
	(void)memory_take(t->client);
	memory_text(t, t->client, "GET http://o/p HTTP/1.1\r\nHost: h\r\n\r\n");
	lacks(memory_take(t->backs[0]), "Proxy-");
}

/* RFC 9110 9.3.6: a 2xx has no body, whatever its fields say. */
static void fields_of_a_body_are_not_looked_at(void **state)
{
	struct through *t = *state;
	static const char *const heads[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
	};
	for (size_t i = 0; i < 3; i++) {
		struct memory *b = begin(t, true);
		memory_text(t, b, heads[i]);
		memory_text(t, b, "hello, and more");
		contains(memory_take(t->client), "HTTP/1.1 200 OK\r\n\r\nhello, and more");
	}
}

static void refused(struct through *t, const char *said, enum proxy_cause cause, unsigned status,
		    int error)
{
	struct memory *b = begin(t, true);
	memory_text(t, b, said);
	assert_int_equal(t->status, status);
	assert_int_equal(t->done_cause, cause);
	assert_true(b->closed);
	if (error)
		assert_int_equal(t->failed_error, error);
	const char *got = memory_take(t->client);
	/* nothing of what it says is ours */
	lacks(got, "secret");
	lacks(got, "Basic");
	lacks(got, " 407 ");
}

static void what_it_refuses_is_told_by_its_kind(void **state)
{
	struct through *t = *state;
	refused(t,
		"HTTP/1.1 407 Sign in\r\nProxy-Authenticate: Basic realm=x\r\n"
		"Content-Length: 6\r\n\r\nsecret",
		PROXY_UPSTREAM_SIGN_IN, 502, EACCES);
	refused(t, "HTTP/1.1 403 No\r\n\r\nsecret", PROXY_UPSTREAM_REFUSED, 403, (int)ERR_REFUSED);
	refused(t, "HTTP/1.1 451 No\r\n\r\n", PROXY_UPSTREAM_REFUSED, 403, (int)ERR_REFUSED);
	refused(t, "HTTP/1.1 500 No\r\n\r\n", PROXY_UPSTREAM_FAILED, 502, EHOSTUNREACH);
	refused(t, "HTTP/1.1 503 No\r\n\r\n", PROXY_UPSTREAM_FAILED, 502, EHOSTUNREACH);
	refused(t, "HTTP/1.1 504 No\r\n\r\n", PROXY_UPSTREAM_FAILED, 502, ETIMEDOUT);
	refused(t, "HTTP/1.1 429 No\r\n\r\n", PROXY_UPSTREAM_FAILED, 502, EHOSTUNREACH);
}

static void what_is_no_proxy_is_told_so(void **state)
{
	struct through *t = *state;
	static const char *const said[] = {
		"HTTP/1.1 404 Not Found\r\n\r\n",
		"HTTP/1.1 405 Not Allowed\r\n\r\n",
		"HTTP/1.1 301 Moved\r\nLocation: http://x/\r\n\r\n",
		"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"HTTP/2 200 OK\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n",
		"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
		"HTTP/1.1 200 OK\r\n folded: b\r\n\r\n",
		"\x05\xff",
	};
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		refused(t, said[i], PROXY_UPSTREAM_FORMAT, 502, (int)ERR_FORMAT);
}

static void a_head_without_end_is_not_read_to_its_end(void **state)
{
	struct through *t = *state;
	struct memory *b = begin(t, true);
	memory_text(t, b, "HTTP/1.1 200 OK\r\n");
	for (unsigned i = 0; i < 100000 && !b->closed; i++)
		memory_text(t, b, "A: 123456789012345678901234567890\r\n");
	assert_true(b->closed);
	assert_int_equal(t->done_cause, PROXY_UPSTREAM_FORMAT);
	b = begin(t, true);
	for (unsigned i = 0; i < 100000 && !b->closed; i++)
		memory_text(t, b, "HTTP/1.1 103 Early\r\n\r\n");
	assert_true(b->closed);
	assert_int_equal(t->done_cause, PROXY_UPSTREAM_FORMAT);
}

static void one_that_goes_or_says_nothing_is_not_waited_for(void **state)
{
	struct through *t = *state;
	struct memory *b = begin(t, true);
	memory_end(t, b);
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	assert_int_equal(t->done_cause, PROXY_BACK_CLOSED);
	b = begin(t, true);
	memory_text(t, b, "HTTP/1.1 20");
	memory_end(t, b);
	assert_int_equal(t->done_cause, PROXY_BACK_CLOSED);
	b = begin(t, true);
	memory_text(t, b, "HTTP/1.1 200 OK\r\n");
	memory_reset(t, b);
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	b = begin(t, true);
	memory_text(t, b, "HTTP/1.1 ");
	through_wait(t, 600); /* connect_ms */
	contains(memory_take(t->client), "HTTP/1.1 504 ");
	assert_int_equal(t->done_cause, PROXY_UPSTREAM_TIME);
	assert_true(b->closed);
	/* nor is a client */
	b = begin(t, true);
	memory_reset(t, t->client);
	assert_true(b->closed);
}

/* One that answers slowly has its own time, from when it was reached. */
static void leading_on_has_its_own_time(void **state)
{
	struct through *t = *state;
	for (size_t i = 0; i < 2; i++)
		t->hops[i].limits.lead_ms = 2000;
	t->connect_slow = true;
	struct memory *b = begin(t, true);
	through_wait(t, 600);
	assert_int_equal(t->done_cause, PROXY_CONNECT_TIME);
	assert_true(b->closed);
	b = begin(t, true);
	through_wait(t, 400);
	b->t.ready |= PROXY_OPENED | PROXY_CAN_WRITE;
	b->t.call(b->t.owner, PROXY_OPENED | PROXY_CAN_WRITE);
	through_turn(t);
	assert_string_equal(memory_take(b), ASKED);
	through_wait(t, 1900);
	assert_false(b->closed);
	memory_text(t, b, "HTTP/1.1 ");
	through_wait(t, 200);
	assert_true(b->closed);
	assert_int_equal(t->done_cause, PROXY_UPSTREAM_TIME);
	contains(memory_take(t->client), "HTTP/1.1 504 ");
}

static void another_one_is_tried_where_the_first_is_at_fault(void **state)
{
	struct through *t = *state;
	static const struct {
		const char *said;
		bool again;
	} told[] = {
		{"HTTP/1.1 407 No\r\n\r\n", true},  {"HTTP/1.1 503 No\r\n\r\n", true},
		{"HTTP/1.1 400 No\r\n\r\n", true},  {"nonsense\r\n", true},
		{"HTTP/1.1 403 No\r\n\r\n", false},
	};
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct memory *b = begin(t, true);
		size_t had = t->backs_n;
		t->limits.tries_max = 2;
		memory_text(t, b, told[i].said);
		assert_int_equal(t->backs_n, had + told[i].again);
		if (!told[i].again)
			continue;
		assert_string_equal(memory_take(t->backs[had]), ASKED);
		memory_text(t, t->backs[had], GOOD);
		contains(memory_take(t->client), "HTTP/1.1 200 OK\r\n");
	}
}

/* What does not go at once goes later. */
static void it_may_take_the_question_in_pieces(void **state)
{
	struct through *t = *state;
	t->connect_slow = true;
	struct memory *b = begin(t, true);
	b->window = 10;
	b->t.ready |= PROXY_OPENED | PROXY_CAN_WRITE;
	b->t.call(b->t.owner, PROXY_OPENED | PROXY_CAN_WRITE);
	through_turn(t);
	assert_int_equal(b->out_end, 10);
	memory_open(t, b, SIZE_MAX);
	assert_string_equal(memory_take(b), ASKED);
	memory_text(t, b, GOOD);
	contains(memory_take(t->client), "HTTP/1.1 200 OK\r\n");
}

/* ---- TLS with the target, by way of it ---- */

/* Whom TLS is begun with, and how that goes. */
static struct {
	char target, target1, proxy; /* their addresses stand for peers */
	const void *asked, *led;
	struct proxy_tls_facts facts;
	bool slow, full;
	enum err error;
	const char *fault;
} tls;

static struct tls_peer *peer(char *which)
{
	return (struct tls_peer *)(void *)which;
}

static enum err connect_led(struct proxy_worker *w, const struct proxy_hop *hop,
			    struct tls_peer *with, struct span first, struct proxy_transport **ret)
{
	tls.led = with;
	return through_connect(w, hop, with, first, ret);
}

static enum err tls_connect(struct proxy_worker *w, struct proxy_transport *lower,
			    struct tls_peer *with, struct proxy_transport **ret)
{
	(void)w;
	tls.asked = with;
	if (tls.full) {
		proxy_transport_close(lower, true);
		return ERR_LIMIT;
	}
	lower->tls = &tls.facts;
	lower->error = tls.error;
	lower->fault = tls.fault;
	if (tls.slow)
		lower->ready &= (uint8_t) ~(unsigned)PROXY_OPENED;
	if (tls.error)
		lower->ready |= PROXY_BROKEN;
	*ret = lower;
	return OK;
}

static const struct proxy_worker_io secure_io = {.connect = connect_led,
						 .tls_connect = tls_connect};

static void led_by_alpn(struct through *t)
{
	for (size_t i = 0; i < 2; i++) {
		t->hops[i].protocol = PROXY_HTTP_ALPN;
		t->hops[i].connect = &way;
	}
	way = (struct proxy_hop_connect){.authority = span_text("www.example:443")};
}

/* Requests of a client that is there, to a hop of which nothing is kept. */
static struct memory *ask_secure(struct through *t, const char *alpn, const char *said)
{
	size_t had = t->backs_n;
	memset(&tls, 0, sizeof(tls));
	tls.facts.alpn = span_text(alpn);
	t->w.io = &secure_io;
	led_by_alpn(t);
	for (size_t i = 0; i < 2; i++) {
		t->hops[i].tls = peer(&tls.target);
		t->hops[i].tls1 = peer(&tls.target1);
		t->hops[i].lead_tls = peer(&tls.proxy);
	}
	t->verdict_set = false;
	t->limits.tries_max = 1;
	through_client(t);
	memory_text(t, t->client, said);
	assert_int_equal(t->backs_n, had + 1);
	assert_ptr_equal(tls.led, &tls.proxy);
	struct memory *b = t->backs[had];
	assert_string_equal(memory_take(b), ASKED);
	return b;
}

static void the_targets_tls_begins_when_it_has_led_on(void **state)
{
	struct through *t = *state;
	struct memory *b = ask_secure(t, "http/1.1", GET);
	assert_null(tls.asked);
	memory_text(t, b, "HTTP/1.1 200 OK\r\n");
	assert_null(tls.asked);
	memory_text(t, b, "\r\n");
	assert_ptr_equal(tls.asked, &tls.target);
	assert_string_equal(memory_take(b), GET);
	memory_text(t, b, OK5);
	contains(memory_take(t->client), "hello");
	/* and it is kept */
	memory_text(t, t->client, GET);
	assert_int_equal(t->backs_n, 1);
	assert_string_equal(memory_take(b), GET);
}

static void it_goes_on_by_the_version_that_is_agreed_on(void **state)
{
	struct through *t = *state;
	struct memory *b = ask_secure(t, "h2", GET);
	memory_text(t, b, GOOD);
	contains(memory_take(b), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	assert_false(b->closed);
	/* what comes meanwhile finds it */
	assert_non_null(t->hops[0].shared);
	assert_int_equal(t->hops[0].open_n, 1);
}

static void what_changes_the_protocol_is_offered_one_that_can(void **state)
{
	struct through *t = *state;
	struct memory *b = ask_secure(t, "http/1.1",
				      "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
				      "Connection: Upgrade\r\n\r\n");
	memory_text(t, b, GOOD);
	assert_ptr_equal(tls.asked, &tls.target1);
	contains(memory_take(b), "Upgrade: websocket");
}

static void fails_with(struct through *t, enum proxy_cause cause)
{
	assert_int_equal(t->done_cause, cause);
	contains(memory_take(t->client), "HTTP/1.1 50");
	assert_true(t->backs[t->backs_n - 1]->closed);
	assert_int_equal(t->hops[0].open_n + t->hops[1].open_n, 0);
}

static void why_the_targets_tls_fails_is_told(void **state)
{
	struct through *t = *state;
	static const struct {
		enum err error;
		const char *fault;
		enum proxy_cause cause;
	} bad[] = {
		{ERR_REFUSED, "certificate has expired", PROXY_BACK_CERTIFICATE},
		{ERR_FORMAT, "wrong version number", PROXY_BACK_TLS},
		{(enum err)ECONNRESET, NULL, PROXY_BACK_TLS}, /* that proxy was there */
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct memory *b = ask_secure(t, "", GET);
		tls.error = bad[i].error;
		tls.fault = bad[i].fault;
		memory_text(t, b, GOOD);
		assert_int_equal(memory_take(b)[0], 0); /* nothing is said */
		fails_with(t, bad[i].cause);
	}
	struct memory *b = ask_secure(t, "", GET);
	tls.full = true;
	memory_text(t, b, GOOD);
	fails_with(t, PROXY_BUSY);
	/* who speaks first does not speak TLS, and nothing of it is taken for an answer */
	b = ask_secure(t, "", GET);
	memory_text(t, b, GOOD OK5);
	assert_null(tls.asked);
	fails_with(t, PROXY_BACK_TLS);
}

static void a_target_that_shakes_no_hands_is_late(void **state)
{
	struct through *t = *state;
	for (size_t i = 0; i < 2; i++)
		t->hops[i].limits.lead_ms = 3000;
	struct memory *b = ask_secure(t, "h2", GET);
	tls.slow = true;
	memory_text(t, b, GOOD);
	through_wait(t, 2900);
	assert_false(b->closed);
	through_wait(t, 200);
	fails_with(t, PROXY_UPSTREAM_TIME);
	/* nor does its client have to wait for it */
	b = ask_secure(t, "h2", GET);
	tls.slow = true;
	memory_text(t, b, GOOD);
	through_client(t);
	assert_true(b->closed);
}

/* ---- by whichever version, and no connection left for it ---- */

static size_t emptied;

static enum err connect_alpn(struct proxy_worker *w, const struct proxy_hop *hop,
			     struct tls_peer *with, struct span first, struct proxy_transport **ret)
{
	TRY(through_connect(w, hop, with, first, ret));
	(*ret)->tls = &tls.facts;
	return OK;
}

/* As of a configuration that is not in force any more, with its last request. */
static void left_for_good(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
			  enum proxy_cause cause)
{
	struct through *t = arg;
	through_left(arg, x, hop, cause);
	proxy_hop_close(&t->w, hop);
}

static void empty(void *arg, struct proxy_hop *hop)
{
	(void)arg;
	assert_int_equal(hop->open_n, 0);
	emptied++;
}

static void a_hop_that_is_left_while_its_connection_changes_hands_is_told_empty(void **state)
{
	static const struct proxy_worker_io io = {.connect = connect_alpn};
	struct through *t = *state;
	struct proxy_face face = through_face;
	face.left = left_for_good;
	face.hop_empty = empty;
	memset(&tls, 0, sizeof(tls));
	tls.facts.alpn = span_text("http/1.1");
	emptied = 0;
	t->w.face = &face;
	t->w.io = &io;
	t->limits.tries_max = 1;
	t->hops[0].protocol = PROXY_HTTP_ALPN;
	t->hops[0].tls = t->hops[0].tls1 = peer(&tls.target);
	while (slab_take(&t->w.back1s))
		;
	memory_text(t, t->client, GET);
	contains(memory_take(t->client), "HTTP/1.1 503");
	assert_int_equal(t->done_cause, PROXY_BUSY);
	assert_true(t->backs[0]->closed);
	assert_int_equal(emptied, 1);
	t->w.face = &through_face;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_asked_by_name_and_bytes_go_through),
		TEST(its_answer_may_come_octet_by_octet),
		TEST(who_we_are_is_told_to_it_alone),
		TEST(absolute_form_has_the_password_too),
		TEST(fields_of_a_body_are_not_looked_at),
		TEST(what_it_refuses_is_told_by_its_kind),
		TEST(what_is_no_proxy_is_told_so),
		TEST(a_head_without_end_is_not_read_to_its_end),
		TEST(one_that_goes_or_says_nothing_is_not_waited_for),
		TEST(leading_on_has_its_own_time),
		TEST(another_one_is_tried_where_the_first_is_at_fault),
		TEST(it_may_take_the_question_in_pieces),
		TEST(the_targets_tls_begins_when_it_has_led_on),
		TEST(it_goes_on_by_the_version_that_is_agreed_on),
		TEST(what_changes_the_protocol_is_offered_one_that_can),
		TEST(why_the_targets_tls_fails_is_told),
		TEST(a_target_that_shakes_no_hands_is_late),
		TEST(a_hop_that_is_left_while_its_connection_changes_hands_is_told_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
