#include "crypto/certificate_order.h"

#include "crypto/certificate_inner.h"
#include "crypto/signing_key.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* As the example of RFC 9773 4.1: authority key identifier 69:88:…:C8:D4, serial 00:87:65:43:21. */
static const char example[] = "-----BEGIN CERTIFICATE-----\n"
			      "MIIBYjCCAQigAwIBAgIFAIdlQyEwCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwKRXhh\n"
			      "bXBsZSBDQTAgFw0yNjExMjkwMjM0NTdaGA8yMDU0MDQxNjAyMzQ1N1owFjEUMBIG\n"
			      "A1UEAwwLZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARzzYPY\n"
			      "+FraBjFMS3pDkRzL8bDAUGfp596sH1Xxrr27ZgGiIV7v8MEQ+vYg0H0Nx6l27NGZ\n"
			      "TEXHX4WWgF2MEswGo0IwQDAfBgNVHSMEGDAWgBRpiFtrh0ZAQeGze4R7oK4s3gHI\n"
			      "1DAdBgNVHQ4EFgQUkj8PxqXt8ssvPOF+OCBIYDE9PhAwCgYIKoZIzj0EAwIDSAAw\n"
			      "RQIgVJzjzhqgBmBFbwEzIDVizCDnXYwaq+ovpWYajKuFqhMCIQC2Af2wauLZp5OV\n"
			      "chRRjG14HV37mH6cX0nzMnjaM0UhfA==\n"
			      "-----END CERTIFICATE-----\n";

static bool names_it(X509_REQ *r, const char *name)
{
	STACK_OF(X509_EXTENSION) *all = X509_REQ_get_extensions(r);
	GENERAL_NAMES *names = X509V3_get_d2i(all, NID_subject_alt_name, NULL, NULL);
	bool found = false;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		found |= n->type == GEN_DNS &&
			 span_is(span_of(ASN1_STRING_get0_data(n->d.dNSName),
					 (size_t)ASN1_STRING_length(n->d.dNSName)),
				 name);
	}
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return found;
}

static void request_names_all_and_is_signed_by_its_key(void **state)
{
	(void)state;
	static const char *const names[] = {"www.home.arpa", "*.home.arpa"};
	static const struct certificate_names whom = {names, 2, NULL, 0};
	char pem[SIGNING_KEY_PEM_MAX];
	uint8_t der[1024];
	size_t len = 0;
	assert_int_equal(signing_key_new(pem), OK);
	assert_int_equal(certificate_request(span_text(pem), &whom, der, 10, &len), ERR_LIMIT);
	assert_int_equal(certificate_request(span_text(pem), &whom, der, sizeof(der), &len), OK);
	const unsigned char *at = der;
	X509_REQ *r = d2i_X509_REQ(NULL, &at, (long)len);
	assert_non_null(r);
	assert_true(at == der + len);
	assert_int_equal(X509_REQ_verify(r, X509_REQ_get0_pubkey(r)), 1);
	assert_true(names_it(r, names[0]) && names_it(r, names[1]));
	assert_false(names_it(r, "home.arpa"));
	X509_REQ_free(r);
}

static void request_refuses_what_is_no_name_or_key(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	  "*",	 "*.", "a.*.b", "*.*.b",
					  "**.b", "a b", "a.", "x/y"};
	char pem[SIGNING_KEY_PEM_MAX];
	uint8_t der[1024];
	size_t len = 7;
	assert_int_equal(signing_key_new(pem), OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct certificate_names whom = {&bad[i], 1, NULL, 0};
		assert_int_equal(certificate_request(span_text(pem), &whom, der, sizeof(der), &len),
				 ERR_FORMAT);
	}
	static const char *const good = "a.b";
	struct certificate_names whom = {&good, 1, NULL, 0};
	assert_int_equal(certificate_request(span_text("x"), &whom, der, sizeof(der), &len),
			 ERR_FORMAT);
	whom.names_n = 0;
	assert_int_equal(certificate_request(span_text(pem), &whom, der, sizeof(der), &len),
			 ERR_FORMAT);
	assert_int_equal(len, 7);
}

static void keys_are_of_the_kind_that_was_asked_for(void **state)
{
	(void)state;
	static const struct {
		enum certificate_key kind;
		int id, bits;
	} kinds[] = {{CERTIFICATE_KEY_P256, EVP_PKEY_EC, 256},
		     {CERTIFICATE_KEY_P384, EVP_PKEY_EC, 384},
		     {CERTIFICATE_KEY_RSA2048, EVP_PKEY_RSA, 2048}};
	static const char *const name = "www.home.arpa";
	static const struct certificate_names whom = {&name, 1, NULL, 0};
	uint8_t der[1024];
	size_t len;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char pem[CERTIFICATE_KEY_PEM_MAX];
		assert_int_equal(certificate_key_new(kinds[i].kind, pem), OK);
		EVP_PKEY *key = certificate_key_parse(span_text(pem));
		assert_non_null(key);
		assert_int_equal(EVP_PKEY_get_base_id(key), kinds[i].id);
		assert_int_equal(EVP_PKEY_get_bits(key), kinds[i].bits);
		EVP_PKEY_free(key);
		assert_int_equal(certificate_request(span_text(pem), &whom, der, sizeof(der), &len),
				 OK);
	}
}

static void identity_is_that_of_the_example_of_rfc_9773(void **state)
{
	(void)state;
	static const uint8_t authority[] = {0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40,
					    0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0,
					    0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4};
	static const uint8_t serial[] = {0x00, 0x87, 0x65, 0x43, 0x21};
	struct certificate_identity i;
	assert_int_equal(certificate_identify(span_text(""), &i), ERR_FORMAT);
	assert_int_equal(certificate_identify(span_text(example), &i), OK);
	assert_int_equal(i.authority_len, sizeof(authority));
	assert_memory_equal(i.authority, authority, sizeof(authority));
	assert_int_equal(i.serial_len, sizeof(serial));
	assert_memory_equal(i.serial, serial, sizeof(serial));
	assert_string_equal(i.issuer, "Example CA");
	assert_string_equal(i.top, "Example CA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_refuses_what_is_no_name_or_key),
		cmocka_unit_test(request_names_all_and_is_signed_by_its_key),
		cmocka_unit_test(keys_are_of_the_kind_that_was_asked_for),
		cmocka_unit_test(identity_is_that_of_the_example_of_rfc_9773),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
