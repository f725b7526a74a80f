#include "crypto/tls.h"

#include "crypto/certificate.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A client of the library's own beside our stream, over memory. */
struct pair {
	struct tls_server *server;
	struct tls_stream *stream;
	SSL_CTX *client_side;
	SSL *client;
	enum err err; /* of our last step */
	char got[4096];
	size_t got_len;
};

static void add(struct tls_server *s, const char *name)
{
	AUTO_DONE(certificate_done) struct certificate a = {0}, c = {0};
	const char *const names[] = {name};
	struct certificate_names whom = {names, 1, NULL, 0};
	struct certificate_time time = {1, UINT64_C(4000000000)};
	assert_int_equal(certificate_authority("x", &whom, time, &a), OK);
	assert_int_equal(certificate_issue(&a, &whom, time, &c), OK);
	assert_int_equal(tls_server_add(s, span_text(c.chain), span_text(c.key)), OK);
}

static int set_up(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct tls_options o = {.alpn = {"h2", "http/1.1"}, .alpn_n = 2};
	assert_int_equal(tls_server_new(&o, &p->server), OK);
	assert_int_equal(tls_stream_new(p->server, &p->stream), ERR_ABSENT);
	add(p->server, "vpn.home.arpa");
	add(p->server, "other.example");
	p->client_side = SSL_CTX_new(TLS_client_method());
	*state = p;
	return 0;
}

static void hang_up(struct pair *p)
{
	SSL_free(p->client);
	p->client = NULL;
	tls_stream_free(p->stream);
	p->stream = NULL;
}

static int tear_down(void **state)
{
	struct pair *p = *state;
	hang_up(p);
	SSL_CTX_free(p->client_side);
	tls_server_unref(p->server);
	free(p);
	return 0;
}

static void dial(struct pair *p, const char *name)
{
	hang_up(p);
	p->got_len = 0;
	p->err = OK;
	p->client = SSL_new(p->client_side);
	SSL_set_bio(p->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(p->client);
	if (name) {
		char copy[64]; /* the library's macro casts a const away */
		assert_true(span_to_cstr(span_text(name), copy, sizeof(copy)));
		assert_int_equal(SSL_set_tlsext_host_name(p->client, copy), 1);
	}
	assert_int_equal(tls_stream_new(p->server, &p->stream), OK);
}

/* Carries bytes both ways until nothing moves; at most chunk at a time. */
static void carry(struct pair *p, size_t chunk)
{
	char buf[4096];
	for (bool moved = true; moved;) {
		size_t n = 0, len = 0;
		char sink[1];
		(void)SSL_read_ex(p->client, p->got + p->got_len, sizeof(p->got) - p->got_len, &n);
		p->got_len += n;
		moved = n > 0;
		ERR_clear_error();
		int out = BIO_read(SSL_get_wbio(p->client), buf, (int)chunk);
		if (out > 0) {
			assert_int_equal(tls_receive(p->stream, span_of(buf, (size_t)out)), OK);
			moved = true;
			if (!p->err && !tls_is_open(p->stream))
				p->err = tls_read(p->stream, sink, sizeof(sink), &len);
		}
		while ((n = tls_output(p->stream, buf, chunk))) {
			assert_int_equal(BIO_write(SSL_get_rbio(p->client), buf, (int)n), n);
			moved = true;
		}
	}
}

static void carries_text_both_ways_a_byte_at_a_time(void **state)
{
	struct pair *p = *state;
	char buf[64];
	size_t len = 0;
	dial(p, "vpn.home.arpa");
	assert_int_equal(tls_write(p->stream, span_text("early")), ERR_REFUSED);
	carry(p, 1);
	assert_true(tls_is_open(p->stream));
	assert_string_equal(SSL_get_version(p->client), "TLSv1.3");
	assert_int_equal(SSL_write(p->client, "question", 8), 8);
	carry(p, 1);
	assert_int_equal(tls_read(p->stream, buf, sizeof(buf), &len), OK);
	assert_int_equal(len, 8);
	assert_memory_equal(buf, "question", 8);
	assert_int_equal(tls_write(p->stream, span_text("answer")), OK);
	tls_finish(p->stream);
	carry(p, 1);
	assert_int_equal(p->got_len, 6);
	assert_memory_equal(p->got, "answer", 6);
	assert_int_equal(SSL_get_shutdown(p->client) & SSL_RECEIVED_SHUTDOWN,
			 SSL_RECEIVED_SHUTDOWN);
	assert_int_equal(SSL_shutdown(p->client), 1);
	carry(p, 64);
	assert_int_equal(tls_read(p->stream, buf, sizeof(buf), &len), ERR_CLOSED);
}

static const char *shown(struct pair *p)
{
	static char name[256];
	X509 *x = SSL_get_peer_certificate(p->client);
	assert_non_null(x);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
	X509_free(x);
	return name;
}

static void shows_the_certificate_of_the_name_asked_for(void **state)
{
	struct pair *p = *state;
	static const char *const asked[][2] = {{"other.example", "other.example"},
					       {"vpn.home.arpa", "vpn.home.arpa"},
					       {"unknown.example", "vpn.home.arpa"},
					       {NULL, "vpn.home.arpa"}};
	for (size_t i = 0; i < 4; i++) {
		dial(p, asked[i][0]);
		carry(p, 4096);
		assert_true(tls_is_open(p->stream));
		assert_string_equal(shown(p), asked[i][1]);
		assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(p->client)), 2);
	}
}

static void refuses_tls_1_1_and_weak_ciphers(void **state)
{
	struct pair *p = *state;
	dial(p, NULL);
	SSL_set_security_level(p->client, 0);
	SSL_set_max_proto_version(p->client, TLS1_1_VERSION);
	carry(p, 4096);
	assert_false(tls_is_open(p->stream));
	assert_int_equal(p->err, ERR_FORMAT);
	assert_true(SSL_get_shutdown(p->client) & SSL_RECEIVED_SHUTDOWN); /* by our alert */
	char byte;
	size_t len;
	assert_int_equal(tls_read(p->stream, &byte, 1, &len), ERR_FORMAT);
	assert_int_equal(tls_write(p->stream, span_text("x")), ERR_REFUSED);

	dial(p, NULL);
	SSL_set_max_proto_version(p->client, TLS1_2_VERSION);
	SSL_set_cipher_list(p->client, "ECDHE-ECDSA-AES128-SHA256");
	carry(p, 4096);
	assert_false(tls_is_open(p->stream));
}

static void speaks_tls_1_2_with_an_aead(void **state)
{
	struct pair *p = *state;
	dial(p, NULL);
	SSL_set_max_proto_version(p->client, TLS1_2_VERSION);
	carry(p, 4096);
	assert_true(tls_is_open(p->stream));
	assert_string_equal(SSL_get_version(p->client), "TLSv1.2");
	assert_int_equal(SSL_renegotiate(p->client), 1);
	(void)SSL_do_handshake(p->client);
	carry(p, 4096);
	assert_int_not_equal(SSL_do_handshake(p->client), 1);
	ERR_clear_error();
}

static void garbage_ends_the_stream(void **state)
{
	struct pair *p = *state;
	char byte;
	size_t len;
	dial(p, NULL);
	assert_int_equal(tls_receive(p->stream, span_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
			 OK);
	assert_int_equal(tls_read(p->stream, &byte, 1, &len), ERR_FORMAT);
	assert_int_equal(tls_receive(p->stream, span_text("more")), OK);
	assert_int_equal(tls_read(p->stream, &byte, 1, &len), ERR_FORMAT);
}

/* As the client was told. */
static void assert_protocol(struct pair *p, const char *name)
{
	const unsigned char *told = NULL;
	unsigned len = 0;
	SSL_get0_alpn_selected(p->client, &told, &len);
	assert_true(span_equal(span_of(told, len), span_text(name)));
}

static void chooses_the_protocol_that_we_prefer(void **state)
{
	struct pair *p = *state;
	dial(p, NULL);
	carry(p, 4096);
	assert_protocol(p, "");
	dial(p, NULL);
	SSL_set_alpn_protos(p->client, (const uint8_t *)"\x08http/1.1\x02h2", 12);
	carry(p, 4096);
	assert_protocol(p, "h2");
	dial(p, NULL);
	SSL_set_alpn_protos(p->client,
			    (const uint8_t *)"\x03"
					     "foo",
			    4);
	carry(p, 4096);
	assert_false(tls_is_open(p->stream));
}

static void gives_nothing_by_which_a_session_is_resumed(void **state)
{
	struct pair *p = *state;
	const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	for (size_t i = 0; i < 2; i++) {
		dial(p, "vpn.home.arpa");
		SSL_set_max_proto_version(p->client, versions[i]);
		carry(p, 4096);
		assert_true(tls_is_open(p->stream));
		SSL_SESSION *session = SSL_get1_session(p->client);
		assert_false(SSL_SESSION_has_ticket(session));
		SSL_shutdown(p->client); /* or the library takes the session as broken */
		dial(p, "vpn.home.arpa");
		SSL_set_session(p->client, session);
		carry(p, 4096);
		assert_true(tls_is_open(p->stream));
		assert_false(SSL_session_reused(p->client));
		SSL_SESSION_free(session);
	}
}

static void refuses_certificates_that_cannot_be_shown(void **state)
{
	struct pair *p = *state;
	AUTO_DONE(certificate_done) struct certificate a = {0}, b = {0};
	const char *const names[] = {"a.example"};
	struct certificate_names whom = {names, 1, NULL, 0};
	struct certificate_time time = {1, UINT64_C(4000000000)};
	assert_int_equal(certificate_authority("a", &whom, time, &a), OK);
	assert_int_equal(certificate_authority("b", &whom, time, &b), OK);
	assert_int_equal(tls_server_add(p->server, span_text(a.chain), span_text(b.key)),
			 ERR_REFUSED);
	assert_int_equal(tls_server_add(p->server, span_text("x"), span_text(b.key)), ERR_FORMAT);
	assert_int_equal(tls_server_add(p->server, span_text(a.chain), span_text("")), ERR_FORMAT);
}

static void bounds_what_waits(void **state)
{
	struct pair *p = *state;
	static uint8_t wire[TLS_INPUT_MAX];
	dial(p, NULL);
	assert_int_equal(tls_room(p->stream), TLS_INPUT_MAX);
	assert_int_equal(tls_receive(p->stream, span_of(wire, TLS_INPUT_MAX - 1)), OK);
	assert_int_equal(tls_room(p->stream), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_tls_1_1_and_weak_ciphers),
		TEST(refuses_certificates_that_cannot_be_shown),
		TEST(garbage_ends_the_stream),
		TEST(carries_text_both_ways_a_byte_at_a_time),
		TEST(shows_the_certificate_of_the_name_asked_for),
		TEST(speaks_tls_1_2_with_an_aead),
		TEST(chooses_the_protocol_that_we_prefer),
		TEST(gives_nothing_by_which_a_session_is_resumed),
		TEST(bounds_what_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
