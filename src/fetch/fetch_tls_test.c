/* One question over TLS: whom is believed, and what of an answer that was cut. */
#include "crypto/tls.h"
#include "crypto/tls_pki_test.h"
#include "fetch/fetch.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/tcp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TURNS_MS = 20000 };

#define GOOD  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define UNTIL "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"

/* How the server ends. */
enum goodbye {
	STAYS,	  /* it does not */
	NOTIFIES, /* by close_notify */
	CUTS,	  /* by closing alone, as whoever is between could */
	REFUSES,  /* ahead of the handshake */
};

static struct world {
	struct loop loop;
	struct fetch fetch;
	int listen_fd, fd;
	struct loop_watch listen_watch, watch;
	struct ip_endpoint at;
	struct tls_server *server;
	struct tls_stream *stream;
	struct span says;
	enum goodbye goodbye;
	char heard[4096];
	size_t heard_len;
	unsigned asked;
	bool over;
	enum err why;
	char body[64], fault[FETCH_FAULT_MAX];
} w;

static struct pki_entity authority, other, site, stranger, elsewhere, old;

/* ---- the server ---- */

static enum err wire_receive(void *arg, void *buf, size_t size, size_t *ret_len)
{
	(void)arg;
	return tcp_read(w.fd, buf, size, ret_len);
}

static enum err wire_send(void *arg, struct span bytes, size_t *ret_len)
{
	(void)arg;
	return tcp_write(w.fd, bytes, ret_len);
}

static void hang_up(void)
{
	loop_remove(&w.loop, &w.watch);
	tls_stream_free(TAKE(w.stream));
	fd_done(&w.fd);
}

static enum err speak(void)
{
	size_t len = 0;
	if (!tls_is_open(w.stream))
		TRY(tls_handshake(w.stream));
	if (!tls_is_open(w.stream))
		return OK;
	TRY(tls_read(w.stream, w.heard + w.heard_len, sizeof(w.heard) - 1 - w.heard_len, &len));
	w.heard_len += len;
	w.heard[w.heard_len] = '\0';
	if (!strstr(w.heard, "\r\n\r\n"))
		return OK;
	w.heard_len = 0;
	w.asked++;
	TRY(tls_write_some(w.stream, w.says, &len));
	if (w.goodbye == NOTIFIES)
		tls_finish(w.stream);
	return w.goodbye == STAYS ? OK : ERR_CLOSED;
}

static void serve(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
	if (speak())
		hang_up();
}

static void meet(void *arg, uint32_t events)
{
	static const struct tls_wire wire = {wire_receive, wire_send, NULL};
	struct ip_endpoint peer;
	(void)arg;
	(void)events;
	hang_up();
	if (tcp_accept(w.listen_fd, &w.fd, &peer, NULL))
		return;
	w.heard_len = 0;
	if (w.goodbye == REFUSES) {
		fd_done(&w.fd);
		return;
	}
	assert_int_equal(tls_stream_accept(w.server, &wire, &w.stream), OK);
	assert_int_equal(loop_add(&w.loop, &w.watch, w.fd, LOOP_READ, serve, NULL), OK);
}

/* ---- the world ---- */

static void done(void *arg, const struct fetch_answer *answer, enum err why)
{
	(void)arg;
	w.over = true;
	w.why = why;
	w.body[0] = '\0';
	if (answer)
		(void)span_to_cstr(answer->body, w.body, sizeof(w.body));
	(void)span_to_cstr(span_text(fetch_fault(&w.fetch)), w.fault, sizeof(w.fault));
}

static void show(const struct pki_entity *e)
{
	const struct tls_options o = {0};
	tls_server_unref(TAKE(w.server));
	assert_int_equal(tls_server_new(&o, &w.server), OK);
	assert_int_equal(tls_server_add(w.server, span_text(e->chain_pem), span_text(e->key_pem)),
			 OK);
}

static void believe(const struct pki_entity *e)
{
	const struct tls_client_options o = {.authorities_pem = span_text(e->chain_pem)};
	struct tls_client *c = NULL;
	assert_int_equal(tls_client_new(&o, &c), OK);
	fetch_trust(&w.fetch, c);
	tls_client_unref(c);
}

static int up(void **state)
{
	(void)state;
	w = (struct world){.listen_fd = -1, .fd = -1};
	w.at = (struct ip_endpoint){.address = {.family = 4, .bytes = {127, 0, 0, 1}}};
	assert_int_equal(loop_init(&w.loop), OK);
	assert_int_equal(tcp_listen(&w.at, 0, 8, &w.listen_fd), OK);
	assert_int_equal(socket_local(w.listen_fd, &w.at), OK);
	assert_int_equal(loop_add(&w.loop, &w.listen_watch, w.listen_fd, LOOP_READ, meet, NULL),
			 OK);
	fetch_init(&w.fetch, &w.loop, done, NULL);
	believe(&authority);
	show(&site);
	w.says = span_text(GOOD);
	return 0;
}

static int down(void **state)
{
	(void)state;
	fetch_free(&w.fetch);
	hang_up();
	loop_remove(&w.loop, &w.listen_watch);
	fd_done(&w.listen_fd);
	tls_server_unref(w.server);
	loop_done(&w.loop);
	return 0;
}

static enum err ask(void)
{
	char url[64];
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/list", (unsigned)w.at.port);
	const struct fetch_question q = {.method = "GET",
					 .url = url,
					 .agent = "test",
					 .total_ms = TURNS_MS,
					 .address_ms = TURNS_MS / 4,
					 .idle_ms = TURNS_MS / 2,
					 .body_max = 1000,
					 .redirects_max = 2};
	w.over = false;
	w.asked = 0;
	enum err e = fetch_ask(&w.fetch, &q);
	if (e)
		return e;
	while (!w.over)
		assert_int_equal(loop_turn(&w.loop, TURNS_MS), OK);
	return w.why;
}

static void who_cannot_prove_it_is_not_asked(void **state)
{
	(void)state;
	const struct pki_entity *const bad[] = {&stranger, &elsewhere, &old};
	static const char *const words[] = {"certificate", "address", "expired"};
	for (size_t i = 0; i < 3; i++) {
		show(bad[i]);
		assert_int_equal(ask(), ERR_REFUSED);
		assert_int_equal(w.asked, 0);
		if (!strstr(w.fault, words[i]))
			fail_msg("%s, not %s", w.fault, words[i]);
	}
	show(&site);
	believe(&other);
	assert_int_equal(ask(), ERR_REFUSED);
	assert_int_equal(w.asked, 0);
	fetch_trust(&w.fetch, NULL);
	assert_int_equal(ask(), ERR_UNSUPPORTED);
}

static void who_can_is(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(), OK);
		assert_string_equal(w.body, "hello");
		assert_int_equal(w.asked, 1);
		assert_non_null(strstr(w.heard, "GET /list HTTP/1.1\r\n"));
	}
	show(&stranger); /* with whom it begins anew */
	believe(&other);
	assert_int_equal(ask(), OK);
}

static void what_was_cut_is_no_answer(void **state)
{
	(void)state;
	w.says = span_text(UNTIL);
	w.goodbye = CUTS;
	assert_int_not_equal(ask(), OK);
	w.goodbye = NOTIFIES;
	assert_int_equal(ask(), OK);
	assert_string_equal(w.body, "hello");
	/* Of what says how long it is, the end is known. */
	w.says = span_text(GOOD);
	w.goodbye = CUTS;
	assert_int_equal(ask(), OK);
	w.says = span_sub(span_text(GOOD), 0, sizeof(GOOD) - 2);
	assert_int_not_equal(ask(), OK);
	w.goodbye = NOTIFIES;
	assert_int_not_equal(ask(), OK);
}

static void who_hangs_up_in_the_handshake_is_told_of(void **state)
{
	(void)state;
	w.goodbye = REFUSES;
	assert_int_not_equal(ask(), OK);
	w.goodbye = STAYS;
	assert_int_equal(ask(), OK);
}

static void make_all(void)
{
	pki_make(&authority, (struct pki_wish){.called = "we trust it", .is_authority = true});
	pki_make(&other, (struct pki_wish){.called = "we do not", .is_authority = true});
	pki_make(&site, (struct pki_wish){
				.called = "site", .names = "IP:127.0.0.1", .issuer = &authority});
	pki_make(&stranger,
		 (struct pki_wish){.called = "site", .names = "IP:127.0.0.1", .issuer = &other});
	pki_make(
		&elsewhere,
		(struct pki_wish){.called = "site", .names = "IP:127.0.0.2", .issuer = &authority});
	pki_make(&old, (struct pki_wish){.called = "site",
					 .names = "IP:127.0.0.1",
					 .issuer = &authority,
					 .from_s = -7200,
					 .until_s = -3600});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_cannot_prove_it_is_not_asked),
		TEST(who_can_is),
		TEST(what_was_cut_is_no_answer),
		TEST(who_hangs_up_in_the_handshake_is_told_of),
	};
	make_all();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	struct pki_entity *const all[] = {&authority, &other, &site, &stranger, &elsewhere, &old};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		pki_done(all[i]);
	return failed;
}
