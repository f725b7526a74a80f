#include "service/reverse-proxy/route/client_certificate.h"

#include "proxy/head.h"
#include "proxy/transport.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const claimed[] = {
	"client-cert",		 "Client-Cert",
	"Client_Cert",		 "client-cert-chain",
	"X-Client-Cert-Subject", "x_client_cert_subject",
	"x-client-CERT",	 "X-Client_Cert-Fingerprint",
};
static const char *const others[] = {"client",	    "x-client",	  "cookie", "content-type",
				     "x-client-ip", "client-cer", "x"};

static void fill(struct proxy_head *h)
{
	proxy_head_reset(h);
	for (size_t i = 0; i < sizeof(claimed) / sizeof(claimed[0]); i++)
		assert_int_equal(proxy_head_add(h, span_text(claimed[i]), span_text("CN=somebody")),
				 OK);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(proxy_head_add(h, span_text(others[i]), span_text("y")), OK);
}

static const struct proxy_tls_facts shown = {
	.client_subject = {(const uint8_t *)"CN=alice", 8},
	.client_issuer = {(const uint8_t *)"CN=ca", 5},
	.client_serial = {(const uint8_t *)"01", 2},
	.client_fingerprint = {(const uint8_t *)"abcd", 4},
	.client_field = {(const uint8_t *)":AAAA:", 6},
};

static void assert_field(struct proxy_head *h, const char *name, const char *value)
{
	const struct http_field *f = proxy_head_find_name(h, span_text(name));
	assert_non_null(f);
	assert_true(span_is(f->value, value));
	assert_int_equal(proxy_head_remove_name(h, span_text(name)), 1);
}

static void a_stranger_is_not_believed(void **state)
{
	(void)state;
	const struct proxy_tls_facts none = {0};
	const struct proxy_tls_facts *const connections[] = {NULL, &none};
	for (size_t k = 0; k < 2; k++) {
		struct proxy_head h;
		fill(&h);
		assert_int_equal(client_certificate_tell(&h, connections[k], false), OK);
		assert_int_equal(h.fields_n, sizeof(others) / sizeof(others[0]));
		for (size_t i = 0; i < h.fields_n; i++)
			assert_true(span_is(h.fields[i].name, others[i]));
	}
}

static void a_certificate_that_is_good_is_told(void **state)
{
	(void)state;
	struct proxy_head h;
	fill(&h);
	assert_int_equal(client_certificate_tell(&h, &shown, false), OK);
	assert_int_equal(h.fields_n, sizeof(others) / sizeof(others[0]) + 5);
	assert_field(&h, "client-cert", ":AAAA:");
	assert_field(&h, "x-client-cert-subject", "CN=alice");
	assert_field(&h, "x-client-cert-issuer", "CN=ca");
	assert_field(&h, "x-client-cert-serial", "01");
	assert_field(&h, "x-client-cert-fingerprint", "abcd");
}

static void a_proxy_that_is_believed_speaks_of_its_client(void **state)
{
	(void)state;
	struct proxy_head h;
	proxy_head_reset(&h);
	assert_int_equal(proxy_head_add(&h, span_text("Client-Cert"), span_text(":BBBB:")), OK);
	assert_int_equal(proxy_head_add(&h, span_text("Client_Cert"), span_text(":CCCC:")), OK);
	assert_int_equal(client_certificate_tell(&h, &shown, true), OK);
	assert_int_equal(h.fields_n, 1);
	assert_field(&h, "client-cert", ":BBBB:");
}

static void a_name_that_would_tear_the_message_is_left_out(void **state)
{
	(void)state;
	struct proxy_head h;
	struct proxy_tls_facts bad = shown;
	proxy_head_reset(&h);
	bad.client_subject = span_text("CN=a\r\nX-User: root");
	assert_int_equal(client_certificate_tell(&h, &bad, false), OK);
	assert_null(proxy_head_find_name(&h, span_text("x-client-cert-subject")));
	assert_int_equal(h.fields_n, 4);
	for (size_t i = h.fields_n; i < PROXY_FIELDS_MAX; i++)
		assert_int_equal(proxy_head_add(&h, span_text("a"), span_text("b")), OK);
	assert_int_equal(client_certificate_tell(&h, &shown, false), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_is_not_believed),
		cmocka_unit_test(a_certificate_that_is_good_is_told),
		cmocka_unit_test(a_proxy_that_is_believed_speaks_of_its_client),
		cmocka_unit_test(a_name_that_would_tear_the_message_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
