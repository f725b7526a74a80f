#include "proto/dns/nsec3.h"

#include "proto/dns/name.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t salt[] = {0xaa, 0xbb, 0xcc, 0xdd};

static struct dns_name named(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &n), OK);
	return n;
}

/* RFC 5155 appendix A: "hash algorithm 1, 12 iterations, salt aabbccdd". */
static void hashes_the_names_of_rfc_5155_appendix_a(void **state)
{
	(void)state;
	static const char *const vectors[][2] = {
		{"example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},
		{"a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"},
		{"ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"},
		{"ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
		{"ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r"},
		{"w.example", "k8udemvp1j2f7eg6jebps17vp3n8i58h"},
		{"*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"},
		{"x.w.example", "b4um86eghhds6nea196smvmlo4ors995"},
		{"y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"},
		{"x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"},
		{"xx.example", "t644ebqk9bibcna874givr6joj62mlhv"},
	};
	const struct dns_name zone = named("example");
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct dns_name name = named(vectors[i][0]), owner;
		uint8_t hash[DNS_NSEC3_HASH_LEN];
		char label[DNS_NSEC3_LABEL_LEN], text[DNS_NAME_TEXT_MAX];
		assert_int_equal(dns_nsec3_hash(&name, 12, span_of(salt, sizeof(salt)), hash), OK);
		dns_nsec3_label(hash, label);
		assert_memory_equal(label, vectors[i][1], sizeof(label));
		assert_int_equal(dns_nsec3_owner(hash, &zone, &owner), OK);
		dns_name_format(&owner, text);
		assert_memory_equal(text, vectors[i][1], sizeof(label));
		assert_string_equal(text + sizeof(label), ".example.");
	}
}

static void refuses_more_iterations_than_any_zone_needs(void **state)
{
	(void)state;
	const struct dns_name name = named("example");
	uint8_t hash[DNS_NSEC3_HASH_LEN], big[256] = {0};
	assert_int_equal(
		dns_nsec3_hash(&name, DNS_NSEC3_ITERATIONS_MAX + 1, span_of(NULL, 0), hash),
		ERR_LIMIT);
	assert_int_equal(dns_nsec3_hash(&name, 0, span_of(big, sizeof(big)), hash), ERR_LIMIT);
	assert_int_equal(dns_nsec3_hash(&name, DNS_NSEC3_ITERATIONS_MAX, span_of(big, 255), hash),
			 OK);
}

static void refuses_an_owner_past_255_bytes(void **state)
{
	(void)state;
	uint8_t hash[DNS_NSEC3_HASH_LEN] = {0};
	struct dns_name zone = DNS_NAME_ROOT, owner;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			dns_name_prepend_label(span_text("0123456789012345678901234567890123456789"
							 "01234567890123"),
					       &zone, &zone),
			OK);
	assert_int_equal(zone.len, 221);
	assert_int_equal(dns_nsec3_owner(hash, &zone, &owner), OK);
	assert_int_equal(dns_name_prepend_label(span_text("a"), &zone, &zone), OK);
	assert_int_equal(dns_nsec3_owner(hash, &zone, &owner), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_more_iterations_than_any_zone_needs),
		cmocka_unit_test(refuses_an_owner_past_255_bytes),
		cmocka_unit_test(hashes_the_names_of_rfc_5155_appendix_a),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
