#include "service/vpn/io_portal.h"

#include "crypto/certificate.h"
#include "crypto/tls.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/tcp.h"
#include "service/vpn/io_portal_inner.h"
#include "service/vpn/signin/signin_stage_test.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

enum { PATIENCE_MS = 10000, SHORT_MS = 300, CLIENTS = PORTAL_CONNECTIONS_OF_ONE + 4 };

#define GET "GET / HTTP/1.1\r\nHost: vpn.home.arpa\r\n\r\n"

struct scene {
	struct stage stage;
	struct loop loop;
	struct portal *portal;
	struct portal_io *io;
	struct ip_endpoint https, plain;
	SSL_CTX *library;
};

struct client {
	int fd;
	SSL *tls;
	char got[PORTAL_ANSWER_MAX];
	size_t got_len;
	bool closed;
};

static bool name_of(void *arg, const uint8_t *peer, char ret[PORTAL_PEER_NAME_MAX])
{
	(void)arg, (void)peer, (void)ret;
	return false;
}

static enum err random_of(void *arg, void *buf, size_t len)
{
	(void)arg;
	memset(buf, 9, len);
	return OK;
}

static void visitor_of(void *arg, const struct ip_address *inner, struct portal_visitor *ret)
{
	const struct scene *s = arg;
	assert_true(ip_address_is_loopback(inner));
	ret->must_sign_in = true;
	memcpy(ret->peer, s->stage.peers[0].key, SESSION_PEER_LEN);
	ret->endpoint = stage_endpoint(1, 1000);
}

static struct tls_server *certificate(void)
{
	AUTO_DONE(certificate_done) struct certificate c = {0};
	static const char *const names[] = {"vpn.home.arpa"};
	const struct certificate_names whom = {names, 1, NULL, 0};
	const struct tls_options options = {0};
	struct tls_server *s = NULL;
	assert_int_equal(certificate_authority("x", &whom,
					       (struct certificate_time){1, UINT64_C(4000000000)},
					       &c),
			 OK);
	assert_int_equal(tls_server_new(&options, &s), OK);
	assert_int_equal(tls_server_add(s, span_text(c.chain), span_text(c.key)), OK);
	return s;
}

static void listen_at(struct scene *s, bool https, struct ip_endpoint *ret)
{
	const struct ip_endpoint any = {.address = ip_address_v4(127, 0, 0, 1)};
	int fd = -1;
	assert_int_equal(tcp_listen(&any, 0, 64, &fd), OK);
	assert_int_equal(socket_local(fd, ret), OK);
	assert_int_equal(portal_io_listen(s->io, fd, https), OK);
}

static int set_up_in(void **state, uint32_t ms)
{
	struct scene *s = calloc(1, sizeof(*s));
	stage_open(&s->stage);
	const struct portal_config config = {.name = "vpn.home.arpa",
					     .port = 443,
					     .signin = s->stage.s,
					     .peer_name = name_of,
					     .random = random_of};
	assert_int_equal(loop_init(&s->loop), OK);
	assert_int_equal(portal_new(&config, &s->portal), OK);
	const struct portal_io_options options = {.loop = &s->loop,
						  .portal = s->portal,
						  .times = {ms, ms, ms},
						  .arg = s,
						  .visitor = visitor_of};
	assert_int_equal(portal_io_new(&options, &s->io), OK);
	listen_at(s, true, &s->https);
	listen_at(s, false, &s->plain);
	assert_int_equal(portal_io_show(s->io, certificate()), OK);
	s->library = SSL_CTX_new(TLS_client_method());
	*state = s;
	return 0;
}

static int set_up(void **state)
{
	return set_up_in(state, 3 * PATIENCE_MS); /* a busy machine is no slow client */
}

static int set_up_hasty(void **state)
{
	return set_up_in(state, SHORT_MS);
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	portal_io_free(s->io);
	portal_free(s->portal);
	loop_done(&s->loop);
	stage_close(&s->stage);
	SSL_CTX_free(s->library);
	free(s);
	return 0;
}

static struct portal_io_counts counts(const struct scene *s)
{
	struct portal_io_counts c;
	portal_io_counts(s->io, &c);
	return c;
}

/* Without TLS, whatever is expected. */
static void dial_raw(struct scene *s, struct client *c, bool https)
{
	memset(c, 0, sizeof(*c));
	assert_int_equal(tcp_connect(https ? &s->https : &s->plain, NULL, &c->fd), OK);
}

static void dial(struct scene *s, struct client *c, bool https)
{
	dial_raw(s, c, https);
	if (!https)
		return;
	c->tls = SSL_new(s->library);
	SSL_set_fd(c->tls, c->fd);
	SSL_set_connect_state(c->tls);
}

static void hang_up(struct client *c)
{
	SSL_free(c->tls);
	fd_done(&c->fd);
}

/* One turn of the loop, and whatever the client can read then. */
static void turn(struct scene *s, struct client *c)
{
	size_t n = 0;
	assert_int_equal(loop_turn(&s->loop, 5), OK);
	if (c->tls) {
		int answer = SSL_read_ex(c->tls, c->got + c->got_len,
					 sizeof(c->got) - 1 - c->got_len, &n);
		int why = SSL_get_error(c->tls, answer);
		c->closed |=
			answer != 1 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
		ERR_clear_error();
	} else {
		enum err e =
			tcp_read(c->fd, c->got + c->got_len, sizeof(c->got) - 1 - c->got_len, &n);
		c->closed |= e != OK;
		n = e ? 0 : n;
	}
	c->got_len += n;
	c->got[c->got_len] = 0;
}

static void say(struct scene *s, struct client *c, const char *text)
{
	size_t n = 0, len = strlen(text);
	for (uint64_t end = clock_monotonic_ms() + PATIENCE_MS; n < len;) {
		size_t one = 0;
		assert_true(clock_monotonic_ms() < end);
		if (c->tls)
			(void)SSL_write_ex(c->tls, text + n, len - n, &one);
		else if (tcp_write(c->fd, span_of(text + n, len - n), &one) != OK)
			one = 0;
		ERR_clear_error();
		n += one;
		assert_int_equal(loop_turn(&s->loop, 1), OK);
	}
}

static void hears(struct scene *s, struct client *c, const char *text)
{
	for (uint64_t end = clock_monotonic_ms() + PATIENCE_MS; !strstr(c->got, text);) {
		assert_true(clock_monotonic_ms() < end);
		turn(s, c);
	}
}

static void is_closed(struct scene *s, struct client *c)
{
	for (uint64_t end = clock_monotonic_ms() + PATIENCE_MS; !c->closed;) {
		assert_true(clock_monotonic_ms() < end);
		turn(s, c);
	}
}

static void who_says_nothing_is_closed_in_time(void **state)
{
	struct scene *s = *state;
	struct client c;
	for (int https = 0; https < 2; https++) {
		dial_raw(s, &c, https);
		is_closed(s, &c);
		hang_up(&c);
	}
	assert_true(counts(s).timed_out >= 2);
}

static void half_a_request_in_drops_is_closed_in_time(void **state)
{
	struct scene *s = *state;
	struct client c;
	uint64_t begin = clock_monotonic_ms();
	dial(s, &c, true);
	say(s, &c, "GET / HTTP/1.1\r\nA: ");
	for (unsigned i = 0; !c.closed && clock_monotonic_ms() < begin + PATIENCE_MS; i++) {
		size_t n;
		(void)SSL_write_ex(c.tls, "a", 1,
				   &n); /* each byte is a sign of life, none of haste */
		ERR_clear_error();
		turn(s, &c);
	}
	assert_true(c.closed);
	assert_int_equal(counts(s).timed_out, 1);
	hang_up(&c);
}

static void connections_of_one_are_bounded(void **state)
{
	struct scene *s = *state;
	struct client c[CLIENTS];
	for (size_t i = 0; i < CLIENTS; i++)
		dial(s, &c[i], false);
	for (uint64_t end = clock_monotonic_ms() + PATIENCE_MS; counts(s).refused < 4;) {
		assert_true(clock_monotonic_ms() < end);
		turn(s, &c[0]);
	}
	assert_int_equal(counts(s).refused, 4);
	for (size_t i = 0; i < CLIENTS; i++)
		hang_up(&c[i]);
}

static void garbage_for_tls_ends_the_connection(void **state)
{
	struct scene *s = *state;
	struct client c;
	dial_raw(s, &c, true);
	say(s, &c, "GET / HTTP/1.1\r\n\r\n");
	is_closed(s, &c);
	assert_int_equal(counts(s).tls_failed, 1);
	hang_up(&c);
}

static void serves_requests_one_after_the_other_and_at_once(void **state)
{
	struct scene *s = *state;
	struct client c;
	dial(s, &c, true);
	say(s, &c, GET);
	hears(s, &c, "</html>");
	c.got_len = 0;
	c.got[0] = 0;
	say(s, &c,
	    GET "GET /icon.svg HTTP/1.1\r\nHost: vpn.home.arpa\r\nConnection: close\r\n\r\n");
	hears(s, &c, "</svg>");
	assert_non_null(strstr(c.got, "</html>"));
	is_closed(s, &c);
	assert_int_equal(counts(s).requests, 3);
	hang_up(&c);
}

static void plain_port_redirects_and_closes(void **state)
{
	struct scene *s = *state;
	struct client c;
	dial(s, &c, false);
	say(s, &c, "GET /a HTTP/1.1\r\nHost: b.example\r\n\r\n");
	hears(s, &c, "Location: https://vpn.home.arpa/\r\n");
	is_closed(s, &c);
	assert_int_equal(counts(s).redirects, 1);
	hang_up(&c);
}

static void a_new_certificate_leaves_open_connections_alone(void **state)
{
	struct scene *s = *state;
	struct client c;
	dial(s, &c, true);
	say(s, &c, GET);
	hears(s, &c, "</html>");
	assert_int_equal(portal_io_show(s->io, certificate()), OK);
	c.got_len = 0;
	c.got[0] = 0;
	say(s, &c, GET);
	hears(s, &c, "</html>");
	hang_up(&c);
}

static void who_goes_while_a_password_is_checked_leaves_nothing_behind(void **state)
{
	struct scene *s = *state;
	struct client c;
	char token[64], body[256], text[1024];
	stage_add_active(&s->stage, "alice", "correct horse");
	dial(s, &c, true);
	say(s, &c, GET);
	hears(s, &c, "</html>");
	const char *at = strstr(c.got, "name=\"form\" value=\"");
	assert_non_null(at);
	(void)snprintf(token, sizeof(token), "%.32s", at + 19);
	(void)snprintf(body, sizeof(body), "form=%s&user=alice&password=correct+horse&code=%s",
		       token, stage_code(&s->stage, "alice", 0));
	(void)snprintf(text, sizeof(text),
		       "POST /sign-in HTTP/1.1\r\nHost: vpn.home.arpa\r\nCookie: "
		       "__Host-form=09090909090909090909090909090909\r\nContent-Type: "
		       "application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n%s",
		       strlen(body), body);
	s->stage.holds = true;
	say(s, &c, text);
	for (uint64_t end = clock_monotonic_ms() + PATIENCE_MS; s->stage.hashes_n == 0;) {
		assert_true(clock_monotonic_ms() < end);
		turn(s, &c);
	}
	assert_int_equal(counts(s).open, 1);
	portal_io_use(s->io, s->portal); /* its connection is closed in the middle */
	assert_int_equal(counts(s).open, 0);
	stage_run(&s->stage);
	assert_int_equal(stage_gate(&s->stage, 0), SIGNIN_OPEN); /* what was asked goes on */
	turn(s, &c);
	hang_up(&c);
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define HASTY(name) cmocka_unit_test_setup_teardown(name, set_up_hasty, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HASTY(who_says_nothing_is_closed_in_time),
		HASTY(half_a_request_in_drops_is_closed_in_time),
		TEST(connections_of_one_are_bounded),
		TEST(garbage_for_tls_ends_the_connection),
		TEST(serves_requests_one_after_the_other_and_at_once),
		TEST(plain_port_redirects_and_closes),
		TEST(a_new_certificate_leaves_open_connections_alone),
		TEST(who_goes_while_a_password_is_checked_leaves_nothing_behind),
	};
	(void)signal(SIGPIPE, SIG_IGN); /* the client's library writes as it likes */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
