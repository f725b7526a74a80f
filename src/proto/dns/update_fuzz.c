/* Any octets as an UPDATE: each record of one that is taken can be written again, and reads the
 * same. */
#include "proto/dns/rdata.h"
#include "proto/dns/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t rewrite(const struct dns_update *u, uint8_t *rdata, struct dns_build *b)
{
	struct dns_update_iter it = dns_update_prerequisites(u);
	struct dns_update_item item;
	size_t n = 0;
	for (; dns_update_next(u, &it, rdata, &item); n++)
		dns_update_require(b, (enum dns_prerequisite_kind)item.kind, &item.owner, item.type,
				   item.rdata);
	it = dns_update_changes(u);
	for (; dns_update_next(u, &it, rdata, &item); n++)
		dns_update_change(b, (enum dns_update_kind)item.kind, &item);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[DNS_MESSAGE_MAX], rdata[2][DNS_RDATA_MAX];
	static struct dns_build b;
	struct dns_update u, again;
	if (dns_update_read(span_of(data, size), &u) != DNS_RCODE_NOERROR ||
	    u.message.question.class != DNS_CLASS_IN)
		return 0;
	dns_update_begin(&b, out, sizeof(out), u.message.header.id, dns_update_zone(&u));
	(void)rewrite(&u, rdata[0], &b);
	struct span written = dns_update_finish(&b);
	if (written.len == 0)
		return 0; /* written in full, its names may need more than a message holds */
	ASSERT(dns_update_read(written, &again) == DNS_RCODE_NOERROR);
	struct dns_update_iter a = dns_update_changes(&u), c = dns_update_changes(&again);
	struct dns_update_item x, y;
	while (dns_update_next(&u, &a, rdata[0], &x)) {
		ASSERT(dns_update_next(&again, &c, rdata[1], &y));
		ASSERT(x.kind == y.kind && dns_name_equal(&x.owner, &y.owner));
		ASSERT(x.kind == DNS_UPDATE_DELETE_NAME || x.type == y.type);
		ASSERT(x.rdata.len == y.rdata.len);
	}
	ASSERT(!dns_update_next(&again, &c, rdata[1], &y));
	return 0;
}
