/* Any octets as a signed request: what a server finds in it stays within it, and its answer can be
 * read. */
#include "proto/dns/message.h"
#include "proto/dns/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dns_tsig_key *find(const void *arg, const struct dns_name *name)
{
	const struct dns_tsig_key *k = arg;
	return dns_name_equal(&k->name, name) ? k : NULL;
}

static void check(struct span message, size_t at, const struct dns_tsig_key *key)
{
	uint8_t out[DNS_HEADER_LEN + DNS_TSIG_LEN_MAX + DNS_NAME_MAX] = {0};
	struct dns_tsig_reply reply;
	struct dns_message again;
	struct dns_tsig t;
	enum dns_tsig_verdict v = dns_tsig_check(message, at, find, key, 1700000000, &reply);
	if (v == DNS_TSIG_FORMERR) {
		ASSERT(!reply.present);
		return;
	}
	size_t len = dns_tsig_reply_sign(&reply, out, DNS_HEADER_LEN, sizeof(out), 1700000000);
	ASSERT(len > DNS_HEADER_LEN && len <= DNS_HEADER_LEN + dns_tsig_reply_len(&reply));
	ASSERT(dns_message_read(span_of(out, len), &again) == OK && again.tsig_at);
	ASSERT(dns_tsig_read(span_of(out, len), again.tsig_at, &t) == OK);
	ASSERT(t.error == dns_tsig_error_of(v) && dns_name_equal(&t.key, &reply.name));
	ASSERT((t.mac.len > 0) == (reply.key != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t octets[32] = {1, 2, 3};
	struct dns_tsig_key key = {.algorithm = CRYPTO_SHA256};
	struct span message = span_of(data, size);
	struct dns_message m;
	struct dns_tsig t;
	if (dns_message_read(message, &m) != OK || !m.tsig_at)
		return 0;
	/* The key that it names, when it names one, so that the rest is reached. */
	key.name = DNS_NAME_ROOT;
	if (dns_tsig_read(message, m.tsig_at, &t) == OK)
		key.name = t.key;
	if (secret_set(&key.secret, span_of(octets, sizeof(octets))))
		return 0;
	check(message, m.tsig_at, &key);
	key.name = DNS_NAME_ROOT;
	check(message, m.tsig_at, &key);
	return 0;
}
