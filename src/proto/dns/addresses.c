#include "proto/dns/addresses.h"

#include "proto/dns/build.h"
#include "proto/dns/message.h"
#include "proto/dns/type.h"

struct span dns_addresses_query(const struct dns_name *name, uint16_t type, uint16_t id, void *room)
{
	struct dns_build b;
	dns_build_init(&b, room, DNS_ADDRESSES_QUERY_MAX, id, DNS_FLAG_RD);
	dns_build_question(&b, dns_name_span(name), type, DNS_CLASS_IN);
	return dns_build_finish(&b);
}

static bool is_answer(const struct dns_message *m, const struct dns_name *name, uint16_t type,
		      uint16_t id)
{
	return (m->header.flags & DNS_FLAG_QR) && m->header.id == id && m->has_question &&
	       m->question.type == type && m->question.class == DNS_CLASS_IN &&
	       dns_name_equal(&m->question.name, name);
}

/* RFC 1035 3.4.1, RFC 3596 2.2: the type says how long an address is. */
static enum err take(struct dns_addresses *a, const struct dns_record *rec)
{
	if (rec->rdata.len != (rec->type == DNS_TYPE_A ? 4U : 16U))
		return ERR_FORMAT;
	if (rec->ttl < a->ttl_s)
		a->ttl_s = rec->ttl;
	if (a->n < DNS_ADDRESSES_MAX)
		a->items[a->n++] = ip_address_of(rec->rdata);
	return OK;
}

/* Aliases stand before what they lead to, as resolvers write them. */
static enum err read_records(const struct dns_message *m, const struct dns_name *name,
			     uint16_t type, struct dns_addresses *ret)
{
	struct dns_record_iter it = dns_record_iter_section(m, DNS_ANSWER);
	struct dns_name owner = *name;
	struct dns_record rec;
	*ret = (struct dns_addresses){.ttl_s = UINT32_MAX};
	while (dns_record_next(m, &it, &rec)) {
		if (rec.class != DNS_CLASS_IN || !dns_name_equal(&rec.owner, &owner))
			continue;
		if (rec.type == DNS_TYPE_CNAME) {
			struct reader r = dns_record_reader(&rec);
			TRY(dns_name_read(&r, dns_message_reader(m), &owner));
			if (rec.ttl < ret->ttl_s)
				ret->ttl_s = rec.ttl;
		} else if (rec.type == type) {
			TRY(take(ret, &rec));
		}
	}
	return OK;
}

enum err dns_addresses_read(struct span message, const struct dns_name *name, uint16_t type,
			    uint16_t id, struct dns_addresses *ret)
{
	struct dns_message m;
	struct dns_addresses answer;
	TRY(dns_message_read(message, &m));
	if (!is_answer(&m, name, type, id))
		return ERR_FORMAT;
	unsigned rcode = dns_header_rcode(&m.header);
	if (rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN)
		return ERR_REFUSED;
	TRY(read_records(&m, name, type, &answer));
	*ret = answer;
	return OK;
}
