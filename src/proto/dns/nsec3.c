#include "proto/dns/nsec3.h"

#include "base/writer.h"
#include "crypto/hash.h"
#include "proto/dns/name.h"
#include "proto/dns/text.h"

#include <assert.h>

static_assert(DNS_NSEC3_HASH_LEN == CRYPTO_SHA1_LEN, "NSEC3 has SHA-1 only");

enum err dns_nsec3_hash(const struct dns_name *name, uint16_t iterations, struct span salt,
			uint8_t ret[DNS_NSEC3_HASH_LEN])
{
	/* IH(salt, x, 0) = H(x || salt); IH(salt, x, k) = H(IH(salt, x, k-1) || salt). */
	uint8_t input[DNS_NAME_MAX + UINT8_MAX];
	if (iterations > DNS_NSEC3_ITERATIONS_MAX || salt.len > UINT8_MAX)
		return ERR_LIMIT;
	struct writer w = writer_of(input, sizeof(input));
	write_bytes(&w, name->wire, name->len);
	write_span(&w, salt);
	crypto_sha1(writer_span(&w), ret);
	for (unsigned i = 0; i < iterations; i++) {
		writer_rewind(&w, 0);
		write_bytes(&w, ret, DNS_NSEC3_HASH_LEN);
		write_span(&w, salt);
		crypto_sha1(writer_span(&w), ret);
	}
	return OK;
}

void dns_nsec3_label(const uint8_t hash[DNS_NSEC3_HASH_LEN], char ret[DNS_NSEC3_LABEL_LEN])
{
	struct writer w = writer_of(ret, DNS_NSEC3_LABEL_LEN);
	dns_text_base32hex_write(span_of(hash, DNS_NSEC3_HASH_LEN), &w);
}

enum err dns_nsec3_owner(const uint8_t hash[DNS_NSEC3_HASH_LEN], const struct dns_name *zone,
			 struct dns_name *ret)
{
	char label[DNS_NSEC3_LABEL_LEN];
	dns_nsec3_label(hash, label);
	return dns_name_prepend_label(span_of(label, sizeof(label)), zone, ret);
}
