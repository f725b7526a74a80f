#include "crypto/tls_pki_test.h"
#include "proxy/through1_test.h"
#include "proxy/transport_tls.h"

/* Our own client before the whole proxy, and the client's transport before our own server: each
 * over a connection in memory whose other end the test carries. */
enum { LONG = 100000 };

static struct pki_entity root, site, other;
static struct tls_server *server;
static struct proxy_tlss all;

static int make(void **state)
{
	const struct tls_options o = {.alpn = {"h2", "http/1.1"}, .alpn_n = 2};
	(void)state;
	pki_make(&root, (struct pki_wish){.called = "root", .is_authority = true});
	pki_make(&site,
		 (struct pki_wish){.called = "s", .names = "DNS:a.example", .issuer = &root});
	pki_make(&other, (struct pki_wish){.called = "other", .is_authority = true});
	assert_int_equal(tls_server_new(&o, &server), OK);
	assert_int_equal(tls_server_add(server, span_text(site.chain_pem), span_text(site.key_pem)),
			 OK);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	tls_server_unref(server);
	pki_done(&root);
	pki_done(&site);
	pki_done(&other);
	return 0;
}

/* tls_client_options.status of those that are made. */
static bool peers_ask;

static struct tls_peer *peer_of(const struct pki_entity *authority, const char *alpn)
{
	struct tls_client_options o = {.authorities_pem = span_text(authority->chain_pem),
				       .status = peers_ask};
	struct tls_client *c = NULL;
	struct tls_peer *p = NULL;
	if (alpn)
		o.alpn[o.alpn_n++] = alpn;
	assert_int_equal(tls_client_new(&o, &c), OK);
	assert_int_equal(tls_peer_new(c, "a.example", &p), OK);
	tls_client_unref(c);
	return p;
}

/* --- the server's side: a client of TLS before the proxy --- */

struct talk {
	struct through *t;
	struct tls_peer *peer;
	struct tls_stream *stream;
	uint8_t up[4096]; /* to the proxy */
	size_t up_len, step;
	size_t down_start;
	enum err err;
	char got[1 << 17];
	size_t got_len;
};

static enum err talk_receive(void *arg, void *buf, size_t size, size_t *ret_len)
{
	struct talk *k = arg;
	struct memory *m = k->t->client;
	size_t n = m->out_end - k->down_start;
	n = n < size ? n : size;
	if (n == 0 && (m->finished || m->closed))
		return ERR_CLOSED;
	if (n)
		memcpy(buf, m->out + k->down_start, n);
	k->down_start += n;
	if (k->down_start == m->out_end)
		k->down_start = m->out_end = 0;
	*ret_len = n;
	return OK;
}

static enum err talk_send(void *arg, struct span bytes, size_t *ret_len)
{
	struct talk *k = arg;
	size_t room = sizeof(k->up) - k->up_len;
	*ret_len = bytes.len < room ? bytes.len : room;
	memcpy(k->up + k->up_len, bytes.data, *ret_len);
	k->up_len += *ret_len;
	return OK;
}

/* Carries what there is until nothing moves; to the proxy in steps of k->step. */
static void talk_turn(struct talk *k)
{
	for (size_t i = 0; i < 100000; i++) {
		size_t before = k->got_len, n = 0;
		if (!k->err)
			k->err = tls_read(k->stream, k->got + k->got_len,
					  sizeof(k->got) - 1 - k->got_len, &n);
		k->got_len += n;
		n = k->up_len < k->step ? k->up_len : k->step;
		if (n)
			memory_send(k->t, k->t->client, span_of(k->up, n));
		k->up_len -= n;
		memmove(k->up, k->up + n, k->up_len);
		if (!n && k->got_len == before && k->t->client->out_end == k->down_start)
			break;
	}
	k->got[k->got_len] = 0;
}

static void talk_begin(struct talk *k, struct through *t, const struct pki_entity *authority,
		       const char *alpn, size_t step)
{
	const struct tls_wire wire = {talk_receive, talk_send, k};
	*k = (struct talk){.t = t, .step = step, .peer = peer_of(authority, alpn)};
	t->admission.tls = server;
	through_client(t);
	assert_int_equal(tls_stream_connect(k->peer, &wire, &k->stream), OK);
	talk_turn(k);
}

static void talk_write(struct talk *k, struct span plain)
{
	size_t n = 0;
	while (plain.len) {
		assert_int_equal(tls_write_some(k->stream, plain, &n), OK);
		plain = span_sub(plain, n, plain.len);
		talk_turn(k);
	}
}

static void talk_done(struct talk *k)
{
	tls_stream_free(k->stream);
	tls_peer_unref(k->peer);
}

static enum err accept_in_memory(struct proxy_worker *w, struct proxy_transport *lower,
				 struct tls_server *s, struct proxy_transport **ret)
{
	(void)w;
	return proxy_tls_accept(&all, lower, s, ret);
}

static const struct proxy_worker_io tls_io = {.connect = through_connect,
					      .tls_accept = accept_in_memory};

static int tls_set_up_test(void **state)
{
	proxy_tlss_init(&all, 16);
	set_up(state);
	((struct through *)*state)->w.io = &tls_io;
	return 0;
}

static int tls_tear_down_test(void **state)
{
	tear_down(state);
	assert_int_equal(all.streams.used, 0);
	proxy_tlss_done(&all);
	return 0;
}

static void answers_through_tls_however_the_bytes_come(void **state)
{
	static const size_t steps[] = {1, 7, 300, 4096};
	struct through *t = *state;
	static struct talk k;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		talk_begin(&k, t, &root, "http/1.1", steps[i]);
		assert_true(tls_is_open(k.stream));
		talk_write(&k, span_text(GET));
		memory_text(t, t->backs[t->backs_n - 1], OK5);
		talk_turn(&k);
		contains(k.got, "HTTP/1.1 200 OK");
		contains(k.got, "hello");
		assert_int_equal(k.err, OK);
		talk_done(&k);
	}
}

/* A client that takes a few bytes at a time gets all of them, in their order. */
static void a_long_answer_waits_for_room(void **state)
{
	struct through *t = *state;
	static struct talk k;
	static char answer[LONG + 200];
	talk_begin(&k, t, &root, NULL, 4096);
	talk_write(&k, span_text(GET));
	int head = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
			    LONG);
	for (size_t i = 0; i < LONG; i++)
		answer[(size_t)head + i] = (char)('a' + i % 23);
	t->client->window = 0;
	t->client->t.ready &= (uint8_t)~PROXY_CAN_WRITE;
	memory_send(t, t->backs[0], span_of(answer, (size_t)head + LONG));
	for (size_t i = 0; i < 1000 && k.got_len < LONG; i++) {
		memory_open(t, t->client, 977);
		talk_turn(&k);
	}
	const char *body = strstr(k.got, "\r\n\r\n");
	assert_non_null(body);
	assert_string_equal(body + 4, answer + head);
	talk_done(&k);
}

/* So that a client can begin with what its first packets bring. */
static void the_first_records_are_small_and_the_others_whole(void **state)
{
	struct through *t = *state;
	static struct talk k;
	static char answer[60000];
	size_t small = 0, large = 0;
	talk_begin(&k, t, &root, NULL, 4096);
	talk_write(&k, span_text(GET));
	int head = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
			    50000);
	size_t at = k.down_start;
	memory_send(t, t->backs[0], span_of(answer, (size_t)head + 50000));
	const uint8_t *out = t->client->out;
	while (at < t->client->out_end) {
		size_t len = (size_t)out[at + 3] << 8 | out[at + 4];
		assert_int_equal(out[at], 0x17);
		if (small < 16384) {
			assert_in_range(len, 1, 4096 + 17);
			small += len - 17;
		} else if (len > 4096 + 17) {
			large++;
		}
		at += 5 + len;
	}
	assert_int_equal(at, t->client->out_end);
	assert_true(small >= 16384 && large > 0);
	talk_turn(&k);
	assert_int_equal(proxy_count_get(&t->w.counts, PROXY_COUNT_HANDSHAKES), 1);
	assert_int_equal(proxy_count_get(&t->w.counts, PROXY_COUNT_HANDSHAKES_RESUMED), 0);
	talk_done(&k);
}

static void what_follows_close_notify_is_not_heard(void **state)
{
	struct through *t = *state;
	static struct talk k;
	talk_begin(&k, t, &root, NULL, 4096);
	tls_finish(k.stream);
	memcpy(k.up + k.up_len, "\x17\x03\x03\x00\x05junk!", 10);
	k.up_len += 10;
	talk_turn(&k);
	assert_int_equal(t->requests, 0);
	assert_true(t->client->finished || t->client->closed);
	talk_done(&k);
}

static void a_torn_or_wrong_handshake_ends_it(void **state)
{
	struct through *t = *state;
	static struct talk k;
	uint64_t before[PROXY_HANDSHAKE_FAULTS];
	for (unsigned i = 0; i < PROXY_HANDSHAKE_FAULTS; i++)
		before[i] = proxy_count_get(&t->w.counts, PROXY_COUNT_HANDSHAKES_FAILED + i);
	t->admission.tls = server;
	through_client(t);
	memory_send(t, t->client, span_of("\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9));
	assert_true(t->client->closed);
	assert_true(t->client->out_end && t->client->out[0] == 0x15); /* an alert says so */
	through_client(t);
	memory_send(t, t->client, span_of("\x16\x03\x01\x02\x00\x01", 6));
	memory_end(t, t->client);
	assert_true(t->client->closed);
	through_client(t);
	memory_send(t, t->client, span_of("\x16\x03\x01\x02\x00\x01", 6));
	through_wait(t, 2000); /* handshake_ms */
	assert_true(t->client->closed);
	talk_begin(&k, t, &other, NULL, 4096); /* does not know our authority: alert */
	assert_int_equal(k.err, ERR_REFUSED);
	talk_turn(&k);
	for (unsigned i = 0; i < PROXY_HANDSHAKE_FAULTS; i++)
		assert_int_equal(proxy_count_get(&t->w.counts, PROXY_COUNT_HANDSHAKES_FAILED + i) -
					 before[i],
				 i != PROXY_HANDSHAKE_HEADER && i != PROXY_HANDSHAKE_ROOM);
	assert_int_equal(proxy_count_get(&t->w.counts, PROXY_COUNT_HANDSHAKES), 0);
	assert_int_equal(t->requests, 0);
	talk_done(&k);
}

static void a_client_may_go_at_any_byte_of_the_handshake(void **state)
{
	struct through *t = *state;
	static struct talk k;
	talk_begin(&k, t, &root, NULL, 4096);
	talk_done(&k);
	for (size_t cut = 1; cut < 600; cut += 37) {
		const struct tls_wire wire = {talk_receive, talk_send, &k};
		k = (struct talk){.t = t, .peer = peer_of(&root, NULL)};
		through_client(t);
		assert_int_equal(tls_stream_connect(k.peer, &wire, &k.stream), OK);
		assert_int_equal(tls_handshake(k.stream), OK);
		memory_send(t, t->client, span_of(k.up, cut < k.up_len ? cut : k.up_len));
		if (cut & 1)
			memory_reset(t, t->client);
		else
			memory_end(t, t->client);
		assert_true(t->client->closed);
		talk_done(&k);
	}
}

/* --- the client's side: the transport before a server of TLS --- */

struct serve {
	struct memory *m;
	struct tls_stream *stream;
	struct proxy_transport *t;
	struct tls_peer *peer;
	size_t taken;
};

static enum err serve_receive(void *arg, void *buf, size_t size, size_t *ret_len)
{
	struct serve *s = arg;
	size_t n = s->m->out_end - s->taken;
	n = n < size ? n : size;
	if (n)
		memcpy(buf, s->m->out + s->taken, n);
	s->taken += n;
	*ret_len = n;
	return OK;
}

static enum err serve_send(void *arg, struct span bytes, size_t *ret_len)
{
	struct serve *s = arg;
	memcpy(s->m->in + s->m->in_end, bytes.data, bytes.len);
	s->m->in_end += bytes.len;
	*ret_len = bytes.len;
	return OK;
}

static void told(void *owner, unsigned events)
{
	*(unsigned *)owner |= events;
}

static unsigned serve_begin(struct serve *s, const struct pki_entity *authority)
{
	const struct tls_wire wire = {serve_receive, serve_send, s};
	unsigned marks = 0;
	*s = (struct serve){.m = memory_new(), .peer = peer_of(authority, "http/1.1")};
	s->m->t.ready = 0;
	assert_int_equal(tls_stream_accept(server, &wire, &s->stream), OK);
	assert_int_equal(proxy_tls_connect(&all, &s->m->t, s->peer, &s->t), OK);
	s->t->call = told;
	s->t->owner = &marks;
	s->m->t.ready = PROXY_OPENED | PROXY_CAN_WRITE;
	s->m->t.call(s->m->t.owner, PROXY_OPENED | PROXY_CAN_WRITE);
	for (size_t i = 0; i < 4; i++) {
		err_ignore(tls_handshake(s->stream));
		s->m->t.ready |= PROXY_CAN_READ;
		s->m->t.call(s->m->t.owner, PROXY_CAN_READ);
	}
	s->t->owner = NULL;
	s->t->call = NULL;
	return marks;
}

static void serve_done(struct serve *s)
{
	proxy_transport_close(s->t, true);
	assert_true(s->m->closed);
	memory_free(s->m);
	tls_stream_free(s->stream);
	tls_peer_unref(s->peer);
}

static void a_server_is_spoken_to_once_it_is_known(void **state)
{
	struct serve s;
	const struct span parts[] = {span_text("one "), span_text(""), span_text("two")};
	char buf[64];
	size_t n = 0;
	(void)state;
	assert_true(serve_begin(&s, &root) & PROXY_OPENED);
	assert_true(span_is(s.t->tls->alpn, "http/1.1"));
	size_t before = s.m->out_end;
	assert_int_equal(proxy_transport_write(s.t, parts, 3, &n), OK);
	assert_int_equal(n, 7);
	assert_int_equal(s.m->out_end - before, 7 + 22); /* one record of TLS 1.3 */
	assert_int_equal(tls_read(s.stream, buf, sizeof(buf), &n), OK);
	assert_int_equal(n, 7);
	assert_memory_equal(buf, "one two", 7);
	serve_done(&s);
	assert_false(serve_begin(&s, &other) & PROXY_OPENED);
	assert_true(s.t->ready & PROXY_BROKEN);
	assert_int_equal(s.t->error, ERR_REFUSED);
	serve_done(&s);
}

/* The inside of s, at the server's end. */
static enum err inside_receive(void *arg, void *buf, size_t size, size_t *ret_len)
{
	return tls_read(((struct serve *)arg)->stream, buf, size, ret_len);
}

static enum err inside_send(void *arg, struct span bytes, size_t *ret_len)
{
	struct serve *s = arg;
	TRY(tls_write_some(s->stream, bytes, ret_len));
	return OK;
}

/* TLS by way of a server that is spoken to by TLS itself. */
static void why_it_fails_is_known_inside_of_tls_too(void **state)
{
	const struct pki_entity *const authorities[] = {&root, &other};
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct serve s;
		const struct tls_wire wire = {inside_receive, inside_send, &s};
		struct tls_peer *peer = peer_of(authorities[k], "h2");
		struct tls_stream *end;
		struct proxy_transport *t;
		assert_true(serve_begin(&s, &root) & PROXY_OPENED);
		assert_int_equal(tls_stream_accept(server, &wire, &end), OK);
		assert_int_equal(proxy_tls_connect(&all, TAKE(s.t), peer, &t), OK);
		for (size_t i = 0; i < 4; i++) {
			err_ignore(tls_handshake(end));
			s.m->t.ready |= PROXY_CAN_READ;
			s.m->t.call(s.m->t.owner, PROXY_CAN_READ);
		}
		if (k == 0) {
			assert_true(t->ready & PROXY_OPENED);
			assert_true(span_is(t->tls->alpn, "h2"));
		} else {
			assert_true(t->ready & PROXY_BROKEN);
			assert_int_equal(t->error, ERR_REFUSED);
			assert_string_equal(t->fault,
					    "self-signed certificate in certificate chain");
			assert_int_equal(tls_handshake(end), ERR_REFUSED); /* by our alert */
		}
		proxy_transport_close(t, true);
		tls_stream_free(end);
		tls_peer_unref(peer);
		assert_true(s.m->closed);
		memory_free(s.m);
		tls_stream_free(s.stream);
		tls_peer_unref(s.peer);
	}
}

/* ---- what is still to be found out ---- */

static struct {
	enum proxy_tls_said says;
	struct proxy_tls_question *waits;
	unsigned asked, left;
} found;

static enum proxy_tls_said find_out(void *arg, struct proxy_tls_question *q,
				    const struct tls_stream *s, const char **ret_fault)
{
	(void)arg;
	assert_true(tls_is_open(s));
	found.asked++;
	if (found.says == PROXY_TLS_WAIT)
		found.waits = q;
	if (found.says == PROXY_TLS_BAD)
		*ret_fault = "it is bad";
	return found.says;
}

static void leave(void *arg, struct proxy_tls_question *q)
{
	(void)arg;
	assert_ptr_equal(q, found.waits);
	found.waits = NULL;
	found.left++;
}

static const struct proxy_tls_judge finder = {find_out, leave, NULL};

static unsigned serve_judged(struct serve *s, enum proxy_tls_said says)
{
	memset(&found, 0, sizeof(found));
	found.says = says;
	all.judge = &finder;
	return serve_begin(s, &root);
}

static void a_server_is_not_open_before_all_is_known_of_it(void **state)
{
	struct serve s;
	unsigned marks = 0;
	(void)state;
	/* of those that ask for it alone */
	assert_true(serve_judged(&s, PROXY_TLS_BAD) & PROXY_OPENED);
	assert_int_equal(found.asked, 0);
	serve_done(&s);
	peers_ask = true;
	assert_true(serve_judged(&s, PROXY_TLS_GOOD) & PROXY_OPENED);
	assert_int_equal(found.asked, 1);
	serve_done(&s);
	assert_false(serve_judged(&s, PROXY_TLS_BAD) & PROXY_OPENED);
	assert_true(s.t->ready & PROXY_BROKEN);
	assert_int_equal(s.t->error, ERR_REFUSED);
	assert_string_equal(s.t->fault, "it is bad");
	serve_done(&s);
	/* one that is waited for */
	for (unsigned bad = 0; bad < 2; bad++) {
		assert_int_equal(serve_judged(&s, PROXY_TLS_WAIT), 0);
		assert_int_equal(found.asked, 1);
		assert_int_equal(s.t->ready & (PROXY_OPENED | PROXY_BROKEN), 0);
		s.t->call = told;
		s.t->owner = &marks;
		marks = 0;
		proxy_tls_judged(TAKE(found.waits), bad ? "it is bad" : NULL);
		assert_int_equal(marks & PROXY_OPENED, bad ? 0 : PROXY_OPENED);
		assert_int_equal(marks & PROXY_BROKEN, bad ? PROXY_BROKEN : 0);
		serve_done(&s);
		assert_int_equal(found.left, 0);
	}
	/* and who goes meanwhile */
	assert_int_equal(serve_judged(&s, PROXY_TLS_WAIT), 0);
	serve_done(&s);
	assert_int_equal(found.left, 1);
	assert_int_equal(serve_judged(&s, PROXY_TLS_WAIT), 0);
	s.m->t.ready |= PROXY_BROKEN;
	s.m->t.error = (enum err)ECONNRESET;
	s.m->t.call(s.m->t.owner, PROXY_BROKEN);
	assert_int_equal(found.left, 1);
	assert_true(s.t->ready & PROXY_BROKEN);
	assert_int_equal(s.t->error, ECONNRESET);
	serve_done(&s);
	assert_int_equal(found.left, 1);
	peers_ask = false;
	all.judge = NULL;
}

static void an_end_that_nobody_announced_is_no_end(void **state)
{
	struct serve s;
	char buf[64];
	size_t n = 0;
	(void)state;
	assert_true(serve_begin(&s, &root) & PROXY_OPENED);
	assert_int_equal(tls_write_some(s.stream, span_text("half"), &n), OK);
	s.m->t.ready |= PROXY_CAN_READ;
	s.m->in_eof = true;
	assert_int_equal(proxy_transport_read(s.t, buf, sizeof(buf), &n), OK);
	assert_int_equal(n, 4);
	assert_int_equal(proxy_transport_read(s.t, buf, sizeof(buf), &n), ECONNRESET);
	serve_done(&s);
	assert_true(serve_begin(&s, &root) & PROXY_OPENED);
	tls_finish(s.stream);
	s.m->t.ready |= PROXY_CAN_READ;
	s.m->in_eof = true;
	assert_int_equal(proxy_transport_read(s.t, buf, sizeof(buf), &n), ERR_CLOSED);
	serve_done(&s);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, tls_set_up_test, tls_tear_down_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TLS_TEST(a_torn_or_wrong_handshake_ends_it),
		TLS_TEST(a_client_may_go_at_any_byte_of_the_handshake),
		TLS_TEST(answers_through_tls_however_the_bytes_come),
		TLS_TEST(a_long_answer_waits_for_room),
		TLS_TEST(the_first_records_are_small_and_the_others_whole),
		TLS_TEST(what_follows_close_notify_is_not_heard),
		TLS_TEST(a_server_is_spoken_to_once_it_is_known),
		TLS_TEST(why_it_fails_is_known_inside_of_tls_too),
		TLS_TEST(a_server_is_not_open_before_all_is_known_of_it),
		TLS_TEST(an_end_that_nobody_announced_is_no_end),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
