#include "proto/dns/dhcid.h"

#include "base/writer.h"
#include "crypto/hash.h"

#define DIGEST_SHA256  1   /* RFC 4701 3.4 */
#define CLIENT_ID_DUID 255 /* RFC 4361 6.1 */
#define IAID_LEN       4

void dns_dhcid_make(enum dns_dhcid_source source, struct span identifier,
		    const struct dns_name *name, uint8_t ret[DNS_DHCID_LEN])
{
	struct dns_name lower = *name;
	struct crypto_hash h;

	dns_name_lower(&lower);
	put_u16(ret, (uint16_t)source);
	ret[2] = DIGEST_SHA256;
	crypto_hash_init(&h, CRYPTO_SHA256);
	crypto_hash_add(&h, identifier);
	crypto_hash_add(&h, dns_name_span(&lower));
	crypto_hash_end(&h, ret + 3);
}

void dns_dhcid_make_v4(struct span client_id, uint8_t htype, struct span chaddr,
		       const struct dns_name *name, uint8_t ret[DNS_DHCID_LEN])
{
	uint8_t hardware[1 + 255];
	struct writer w = writer_of(hardware, sizeof(hardware));

	if (client_id.len > 1 + IAID_LEN && client_id.data[0] == CLIENT_ID_DUID) {
		dns_dhcid_make(DNS_DHCID_DUID, span_sub(client_id, 1 + IAID_LEN, client_id.len),
			       name, ret);
		return;
	}
	if (client_id.len) {
		dns_dhcid_make(DNS_DHCID_CLIENT_ID, client_id, name, ret);
		return;
	}
	write_u8(&w, htype);
	write_span(&w, chaddr);
	dns_dhcid_make(DNS_DHCID_HARDWARE, writer_span(&w), name, ret);
}
