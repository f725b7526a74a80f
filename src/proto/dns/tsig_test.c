#include "proto/dns/tsig.h"

#include "base/writer.h"
#include "proto/dns/code.h"
#include "proto/dns/message.h"
#include "test/guard.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SIGNED_S 1700000000u

/* Made by dnspython: an update of `example.` and its answer, signed by the key `key.example.` of
 * the octets 0 to 31 at SIGNED_S. */
static const struct {
	enum crypto_hash_kind algorithm;
	const char *request, *answer;
} vectors[] = {
	{CRYPTO_SHA1,
	 "123428000001000000010001076578616d706c65000006000104686f7374c00c000100010000012c0004"
	 "c0000201034b6579c00c00fa00ff00000000002f09686d61632d736861310000006553f100012c0014f1"
	 "83d90e66658f031dda83d997e07789edd2186c123400000000",
	 "1234a8000001000000000001076578616d706c650000060001034b6579c00c00fa00ff00000000002f09"
	 "686d61632d736861310000006553f100012c0014e23635ffefe39a46ba8824d91e2893ab970673bb1234"
	 "00000000"},
	{CRYPTO_SHA224,
	 "123428000001000000010001076578616d706c65000006000104686f7374c00c000100010000012c0004"
	 "c0000201034b6579c00c00fa00ff0000000000390b686d61632d7368613232340000006553f100012c00"
	 "1c9dd697a599f6582e653ac442c0bfc4e9cb247c9c70ff2e704bfbbb85123400000000",
	 "1234a8000001000000000001076578616d706c650000060001034b6579c00c00fa00ff0000000000390b"
	 "686d61632d7368613232340000006553f100012c001c22bf3d16c8d75d43e11fe9129dfaf37c182d7da7"
	 "ece31515078e9852123400000000"},
	{CRYPTO_SHA256,
	 "123428000001000000010001076578616d706c65000006000104686f7374c00c000100010000012c0004"
	 "c0000201034b6579c00c00fa00ff00000000003d0b686d61632d7368613235360000006553f100012c00"
	 "20f47f26dd6eee2736a59e12227a769435fd6c4ce393f542f012b446635fe9e34a123400000000",
	 "1234a8000001000000000001076578616d706c650000060001034b6579c00c00fa00ff00000000003d0b"
	 "686d61632d7368613235360000006553f100012c0020a138a99ed16ce04e2c6d557007a88f4919d8c2bd"
	 "649a32b09417c5d48f0a5b71123400000000"},
	{CRYPTO_SHA384,
	 "123428000001000000010001076578616d706c65000006000104686f7374c00c000100010000012c0004"
	 "c0000201034b6579c00c00fa00ff00000000004d0b686d61632d7368613338340000006553f100012c00"
	 "3090f5afb06044b8ec5d9f04595fbbc83d852357c790df851254082ce9168dc50c20596b969b39265873"
	 "21b09e36875dd2123400000000",
	 "1234a8000001000000000001076578616d706c650000060001034b6579c00c00fa00ff00000000004d0b"
	 "686d61632d7368613338340000006553f100012c00308302feb66e24d7c9f31c5ba4c11bc74e023e2e30"
	 "fd6aa5f9fcc5fbc596a3b728b0edf50438272d57966926205b214e2b123400000000"},
	{CRYPTO_SHA512,
	 "123428000001000000010001076578616d706c65000006000104686f7374c00c000100010000012c0004"
	 "c0000201034b6579c00c00fa00ff00000000005d0b686d61632d7368613531320000006553f100012c00"
	 "405a5172abe4ee4060f105ee3c6a2287ae09bfd7c91db4e271173cb69b63c6b31ea378b75be9f8de7bcc"
	 "9d583d9946afb949652c5b6df510a7509dd4608bdb1947123400000000",
	 "1234a8000001000000000001076578616d706c650000060001034b6579c00c00fa00ff00000000005d0b"
	 "686d61632d7368613531320000006553f100012c004073f8d657a004d4b0a21e34063176dfdd4b20611a"
	 "95e8760834cacf3d36583856f4406d9dff3d334e2a889b69c79194c3fa7a217ae003b9eabf888f47458d"
	 "3905123400000000"},
};

#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

/* The same: a transfer's question, and three messages of its answer, each signed. */
static const char *const stream[] = {
	"000700000001000000000001076578616d706c650000fc0001036b6579c00c00fa00ff00000000003d0b"
	"686d61632d7368613235360000006553f100012c002053bc137e5b7953bf56ef44740e2f77ab1cf7dddc"
	"c59e998339e23c751ecaf94a000700000000",
	"000784000001000100000001076578616d706c650000fc0001026830c00c000100010000003c0004c000"
	"0200036b6579c00c00fa00ff00000000003d0b686d61632d7368613235360000006553f100012c0020e8"
	"de6823dffe52a6c1ae9c2e9e8022a4e28195a135ff2e9226c183d05ae135a7000700000000",
	"000784000000000100000001026831076578616d706c6500000100010000003c0004c0000201036b6579"
	"c00f00fa00ff00000000003d0b686d61632d7368613235360000006553f100012c0020adf66b9537e640"
	"1c5bb90e849e6ea593fbc338a01a11a7ed0fd7a4037dddd0be000700000000",
	"000784000000000100000001026832076578616d706c6500000100010000003c0004c0000202036b6579"
	"c00f00fa00ff00000000003d0b686d61632d7368613235360000006553f100012c00202a063f1386f8c6"
	"5010b40aa2920f8cbfaf606aa2f1990bcfd6f93eb08f7373e8000700000000",
};

static struct dns_tsig_key key_of(enum crypto_hash_kind algorithm)
{
	struct dns_tsig_key k = {.algorithm = algorithm};
	uint8_t octets[32];
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)i;
	assert_int_equal(dns_name_from_text(span_text("key.example."), NULL, &k.name), OK);
	assert_int_equal(secret_set(&k.secret, span_of(octets, sizeof(octets))), OK);
	return k;
}

static struct dns_tsig tsig_of(struct span message)
{
	struct dns_message m;
	struct dns_tsig t;
	assert_int_equal(dns_message_read(message, &m), OK);
	assert_true(m.tsig_at);
	assert_int_equal(dns_tsig_read(message, m.tsig_at, &t), OK);
	return t;
}

static const struct dns_tsig_key *find(const void *arg, const struct dns_name *name)
{
	const struct dns_tsig_key *k = arg;
	return dns_name_equal(&k->name, name) ? k : NULL;
}

static enum dns_tsig_verdict check(struct span message, const struct dns_tsig_key *key,
				   uint64_t now_s, struct dns_tsig_reply *ret)
{
	struct dns_message m;
	assert_int_equal(dns_message_read(message, &m), OK);
	return dns_tsig_check(message, m.tsig_at, find, key, now_s, ret);
}

static struct span vector(const char *hex, uint8_t buf[1024])
{
	size_t len = hex_read(hex, buf, 1024);
	assert_true(len);
	return span_of(buf, len);
}

static void refuses_md5_and_unknown_algorithms(void **state)
{
	(void)state;
	enum crypto_hash_kind kind;
	assert_int_equal(dns_tsig_algorithm_from_text(span_text("hmac-md5"), &kind),
			 ERR_UNSUPPORTED);
	assert_int_equal(
		dns_tsig_algorithm_from_text(span_text("HMAC-MD5.SIG-ALG.REG.INT."), &kind),
		ERR_UNSUPPORTED);
	assert_int_equal(dns_tsig_algorithm_from_text(span_text("hmac-sha3"), &kind), ERR_FORMAT);
	assert_int_equal(dns_tsig_algorithm_from_text(span_text("HMAC-SHA256."), &kind), OK);
	assert_int_equal(kind, CRYPTO_SHA256);
}

static void verifies_what_dnspython_signed(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		struct dns_tsig_key key = key_of(vectors[i].algorithm);
		struct dns_tsig_reply reply;
		uint8_t a[1024], b[1024];
		struct span request = vector(vectors[i].request, a);
		struct span answer = vector(vectors[i].answer, b);
		assert_int_equal(check(request, &key, SIGNED_S + 300, &reply), DNS_TSIG_GOOD);
		struct dns_tsig t = tsig_of(answer);
		struct dns_tsig_chain chain = {.prior_mac = span_of(reply.mac, reply.mac_len)};
		assert_int_equal(dns_tsig_verify(answer, &t, &key, &chain, SIGNED_S),
				 DNS_TSIG_GOOD);
		/* RFC 8945 5.4: an answer is bound to its request. */
		chain.prior_mac = (struct span){0};
		assert_int_equal(dns_tsig_verify(answer, &t, &key, &chain, SIGNED_S),
				 DNS_TSIG_BADSIG);
	}
}

static void signs_as_dnspython_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		struct dns_tsig_key key = key_of(vectors[i].algorithm);
		struct dns_tsig_reply reply;
		uint8_t a[1024], b[1024], mac[CRYPTO_HASH_LEN_MAX];
		struct span request = vector(vectors[i].request, a);
		struct dns_tsig t = tsig_of(request);
		size_t mac_len = t.mac.len, at = t.at;
		assert_true(mac_len <= sizeof(mac));
		memcpy(mac, t.mac.data, mac_len);
		assert_int_equal(check(request, &key, SIGNED_S, &reply), DNS_TSIG_GOOD);
		a[11]--; /* ARCOUNT */
		size_t len = dns_tsig_sign(a, at, sizeof(a),
					   &(struct dns_tsig_sign){.key = &key, .time_s = SIGNED_S},
					   NULL);
		t = tsig_of(span_of(a, len));
		assert_int_equal(t.mac.len, mac_len);
		assert_memory_equal(t.mac.data, mac, mac_len);
		/* And the answer. */
		struct span answer = vector(vectors[i].answer, b);
		t = tsig_of(answer);
		memcpy(mac, t.mac.data, mac_len);
		b[11]--;
		len = dns_tsig_reply_sign(&reply, b, t.at, sizeof(b), SIGNED_S);
		assert_true(len - t.at <= dns_tsig_reply_len(&reply));
		t = tsig_of(span_of(b, len));
		assert_memory_equal(t.mac.data, mac, mac_len);
	}
}

/* RFC 8945 5.3.1: later messages are signed with the MAC before and the timers alone. */
static void signs_and_verifies_a_stream(void **state)
{
	(void)state;
	struct dns_tsig_key key = key_of(CRYPTO_SHA256);
	struct dns_tsig_reply reply;
	uint8_t a[1024], b[1024], mac[CRYPTO_HASH_LEN_MAX];
	struct span request = vector(stream[0], a);
	assert_int_equal(check(request, &key, SIGNED_S, &reply), DNS_TSIG_GOOD);
	struct dns_tsig_chain chain = {.prior_mac = tsig_of(request).mac};
	for (unsigned i = 1; i < 4; i++) {
		struct span message = vector(stream[i], b);
		struct dns_tsig t = tsig_of(message);
		chain.timers_only = i > 1;
		assert_int_equal(dns_tsig_verify(message, &t, &key, &chain, SIGNED_S),
				 DNS_TSIG_GOOD);
		memcpy(mac, t.mac.data, t.mac.len);
		chain.prior_mac = span_of(mac, t.mac.len);
		b[11]--;
		size_t len = dns_tsig_reply_sign(&reply, b, t.at, sizeof(b), SIGNED_S);
		t = tsig_of(span_of(b, len));
		assert_memory_equal(t.mac.data, mac, t.mac.len);
	}
}

static void refuses_every_flipped_bit(void **state)
{
	(void)state;
	struct dns_tsig_key key = key_of(CRYPTO_SHA256);
	uint8_t a[1024];
	struct span request = vector(vectors[2].request, a);
	struct dns_tsig t = tsig_of(request);
	size_t key_at = t.at; /* its name's letters may change case, as names do */
	for (size_t bit = 0; bit < request.len * 8; bit++) {
		struct dns_message m;
		struct dns_tsig_reply reply;
		bool id = bit<16, letter = bit / 8> 11 && bit % 8 == 5;
		a[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (!dns_message_read(request, &m) && m.tsig_at && !id && !letter)
			assert_int_not_equal(
				dns_tsig_check(request, m.tsig_at, find, &key, SIGNED_S, &reply),
				DNS_TSIG_GOOD);
		a[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(key_at > DNS_HEADER_LEN);
}

static void answers_an_unknown_key_without_a_mac(void **state)
{
	(void)state;
	struct dns_tsig_key key = key_of(CRYPTO_SHA256), other = key;
	struct dns_tsig_reply reply;
	uint8_t a[1024], out[512] = {0x12, 0x34, 0xa8, 0x09};
	other.name.wire[1] = 'x';
	struct span request = vector(vectors[2].request, a);
	assert_int_equal(check(request, &other, SIGNED_S, &reply), DNS_TSIG_BADKEY);
	/* RFC 8945 5.2.1: "the server MUST generate an error response with RCODE 9 (NOTAUTH) and
	 * TSIG ERROR 17 (BADKEY)", unsigned. */
	size_t len = dns_tsig_reply_sign(&reply, out, 12, sizeof(out), SIGNED_S);
	assert_int_equal(len, 12 + dns_tsig_reply_len(&reply));
	struct dns_tsig t = tsig_of(span_of(out, len));
	assert_int_equal(t.error, DNS_RCODE_BADKEY);
	assert_int_equal(t.mac.len, 0);
	assert_true(dns_name_equal(&t.key, &key.name));
	/* The right name with another algorithm is no key either. */
	other = key;
	other.algorithm = CRYPTO_SHA512;
	assert_int_equal(check(request, &other, SIGNED_S, &reply), DNS_TSIG_BADKEY);
}

static void answers_a_wrong_mac_without_a_mac(void **state)
{
	(void)state;
	struct dns_tsig_key key = key_of(CRYPTO_SHA256);
	struct dns_tsig_reply reply;
	uint8_t a[1024], out[512] = {0};
	struct span request = vector(vectors[2].request, a);
	key.secret.bytes[3] ^= 1;
	assert_int_equal(check(request, &key, SIGNED_S, &reply), DNS_TSIG_BADSIG);
	size_t len = dns_tsig_reply_sign(&reply, out, 12, sizeof(out), SIGNED_S);
	struct dns_tsig t = tsig_of(span_of(out, len));
	assert_int_equal(t.error, 16);
	assert_int_equal(t.mac.len, 0);
}

static void answers_a_wrong_time_signed_with_our_clock(void **state)
{
	(void)state;
	struct dns_tsig_key key = key_of(CRYPTO_SHA256);
	static const int apart[] = {301, -301};
	for (unsigned i = 0; i < 2; i++) {
		struct dns_tsig_reply reply;
		uint8_t a[1024], out[512] = {0};
		uint64_t now_s = SIGNED_S + (uint64_t)(int64_t)apart[i];
		struct span request = vector(vectors[2].request, a);
		assert_int_equal(check(request, &key, now_s, &reply), DNS_TSIG_BADTIME);
		size_t len = dns_tsig_reply_sign(&reply, out, 12, sizeof(out), now_s);
		struct dns_tsig t = tsig_of(span_of(out, len));
		/* RFC 8945 5.2.3: "the response … MUST … be signed … and the server's current
		 * time … in the other data field". */
		assert_int_equal(t.error, DNS_RCODE_BADTIME);
		assert_int_equal(t.time_s, SIGNED_S);
		struct reader r = reader_of_span(t.other);
		assert_int_equal(read_u48(&r), now_s);
		assert_int_equal(reader_end(&r), OK);
		struct dns_tsig_chain chain = {.prior_mac = tsig_of(request).mac};
		assert_int_equal(dns_tsig_verify(span_of(out, len), &t, &key, &chain, SIGNED_S),
				 DNS_TSIG_GOOD);
	}
}

/* The last `cut` octets of the MAC taken off. */
static size_t truncate_mac(uint8_t *a, struct span message, size_t cut)
{
	struct dns_tsig t = tsig_of(message);
	size_t mac_at = (size_t)(t.mac.data - a), end = mac_at + t.mac.len, rdlength_at;
	put_u16(a + mac_at - 2, (uint16_t)(t.mac.len - cut));
	rdlength_at = mac_at - 2 - 8 - t.algorithm.len - 2;
	put_u16(a + rdlength_at, (uint16_t)((a[rdlength_at] << 8 | a[rdlength_at + 1]) - (int)cut));
	memmove(a + end - cut, a + end, message.len - end);
	return message.len - cut;
}

static void refuses_a_truncated_mac(void **state)
{
	(void)state;
	struct dns_tsig_key key = key_of(CRYPTO_SHA256);
	struct dns_tsig_reply reply;
	uint8_t a[1024], out[512] = {0};
	struct span request = vector(vectors[2].request, a);
	request.len = truncate_mac(a, request, 16);
	assert_int_equal(check(request, &key, SIGNED_S, &reply), DNS_TSIG_BADTRUNC);
	size_t len = dns_tsig_reply_sign(&reply, out, 12, sizeof(out), SIGNED_S);
	assert_int_equal(tsig_of(span_of(out, len)).error, DNS_RCODE_BADTRUNC);
	assert_int_equal(tsig_of(span_of(out, len)).mac.len, 32);
	/* RFC 8945 5.2.2.1: less than half of the hash is FORMERR. */
	request = vector(vectors[2].request, a);
	request.len = truncate_mac(a, request, 17);
	assert_int_equal(check(request, &key, SIGNED_S, &reply), DNS_TSIG_FORMERR);
	assert_false(reply.present);
	/* And so is one shorter than 10 octets, for SHA-1. */
	key = key_of(CRYPTO_SHA1);
	request = vector(vectors[0].request, a);
	request.len = truncate_mac(a, request, 11);
	assert_int_equal(check(request, &key, SIGNED_S, &reply), DNS_TSIG_FORMERR);
}

static void refuses_a_wrong_class_and_ttl(void **state)
{
	(void)state;
	uint8_t a[1024];
	struct span request = vector(vectors[2].request, a);
	struct dns_tsig t = tsig_of(request);
	size_t class_at = t.at + 4 + 2 + 2;
	for (size_t at = class_at; at < class_at + 6; at++) {
		a[at] ^= 1;
		assert_int_equal(dns_tsig_read(request, t.at, &t), ERR_FORMAT);
		a[at] ^= 1;
	}
	assert_int_equal(dns_tsig_read(request, t.at, &t), OK);
}

static void call_read(const uint8_t *data, size_t len)
{
	struct dns_tsig_key key = key_of(CRYPTO_SHA256);
	struct dns_tsig_reply reply;
	struct dns_message m;
	if (!dns_message_read(span_of(data, len), &m))
		(void)dns_tsig_check(span_of(data, len), m.tsig_at, find, &key, SIGNED_S, &reply);
	struct dns_tsig t;
	for (size_t at = 1; at < len; at += 7)
		(void)!dns_tsig_read(span_of(data, len), at, &t);
}

static void stays_within_every_prefix_and_flip(void **state)
{
	(void)state;
	uint8_t a[1024];
	struct span request = vector(vectors[2].request, a);
	guard_every_prefix(request.data, request.len, call_read);
	guard_every_bit_flip(request.data, request.len, call_read);
}

static void a_message_without_room_stays_unsigned(void **state)
{
	(void)state;
	struct dns_tsig_key key = key_of(CRYPTO_SHA256);
	uint8_t a[60] = {0};
	struct dns_tsig_sign sign = {.key = &key, .time_s = SIGNED_S};
	assert_int_equal(dns_tsig_sign(a, 12, sizeof(a), &sign, NULL), 0);
	assert_int_equal(a[11], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_md5_and_unknown_algorithms),
		cmocka_unit_test(refuses_every_flipped_bit),
		cmocka_unit_test(refuses_a_truncated_mac),
		cmocka_unit_test(refuses_a_wrong_class_and_ttl),
		cmocka_unit_test(answers_an_unknown_key_without_a_mac),
		cmocka_unit_test(answers_a_wrong_mac_without_a_mac),
		cmocka_unit_test(answers_a_wrong_time_signed_with_our_clock),
		cmocka_unit_test(a_message_without_room_stays_unsigned),
		cmocka_unit_test(stays_within_every_prefix_and_flip),
		cmocka_unit_test(verifies_what_dnspython_signed),
		cmocka_unit_test(signs_as_dnspython_does),
		cmocka_unit_test(signs_and_verifies_a_stream),
	};
	return cmocka_run_group_tests_name("dns_tsig", tests, NULL, NULL);
}
