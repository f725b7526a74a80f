#include "proto/dns/services.h"

#include "proto/dns/build.h"
#include "proto/dns/message.h"
#include "proto/dns/type.h"

enum { OPT_LEN = 11 };

struct span dns_services_query(const struct dns_name *name, uint16_t id, void *room)
{
	struct dns_build b;
	dns_build_init(&b, room, DNS_SERVICES_QUERY_MAX, id, DNS_FLAG_RD);
	dns_build_reserve(&b, OPT_LEN);
	dns_build_question(&b, dns_name_span(name), DNS_TYPE_SRV, DNS_CLASS_IN);
	dns_build_opt(&b, DNS_SERVICES_ANSWER_MAX, 0, false, (struct span){0});
	return dns_build_finish(&b);
}

static bool is_answer(const struct dns_message *m, const struct dns_name *name, uint16_t id)
{
	return (m->header.flags & DNS_FLAG_QR) && m->header.id == id && m->has_question &&
	       m->question.type == DNS_TYPE_SRV && m->question.class == DNS_CLASS_IN &&
	       dns_name_equal(&m->question.name, name);
}

/* Sorted in by its priority; equals stay in the order in which they came. */
static enum err take(struct dns_services *s, const struct dns_message *m,
		     const struct dns_record *rec)
{
	struct reader r = dns_record_reader(rec);
	struct dns_service one = {
		.priority = read_u16(&r), .weight = read_u16(&r), .port = read_u16(&r)};
	TRY(dns_name_read(&r, dns_message_reader(m), &one.target));
	TRY(reader_end(&r));
	dns_name_lower(&one.target);
	if (rec->ttl < s->ttl_s)
		s->ttl_s = rec->ttl;
	if (one.target.len <= 1 || s->n == DNS_SERVICES_MAX)
		return OK;
	size_t at = s->n++;
	for (; at && s->items[at - 1].priority > one.priority; at--)
		s->items[at] = s->items[at - 1];
	s->items[at] = one;
	return OK;
}

/* Aliases stand before what they lead to, as resolvers write them. */
static enum err read_records(const struct dns_message *m, const struct dns_name *name,
			     struct dns_services *ret)
{
	struct dns_record_iter it = dns_record_iter_section(m, DNS_ANSWER);
	struct dns_name owner = *name;
	struct dns_record rec;
	*ret = (struct dns_services){.ttl_s = UINT32_MAX};
	while (dns_record_next(m, &it, &rec)) {
		if (rec.class != DNS_CLASS_IN || !dns_name_equal(&rec.owner, &owner))
			continue;
		if (rec.type == DNS_TYPE_CNAME) {
			struct reader r = dns_record_reader(&rec);
			TRY(dns_name_read(&r, dns_message_reader(m), &owner));
			if (rec.ttl < ret->ttl_s)
				ret->ttl_s = rec.ttl;
		} else if (rec.type == DNS_TYPE_SRV) {
			TRY(take(ret, m, &rec));
		}
	}
	return OK;
}

enum err dns_services_read(struct span message, const struct dns_name *name, uint16_t id,
			   struct dns_services *ret)
{
	struct dns_message m;
	struct dns_services answer;
	TRY(dns_message_read(message, &m));
	if (!is_answer(&m, name, id))
		return ERR_FORMAT;
	unsigned rcode = dns_header_rcode(&m.header);
	if ((rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN) ||
	    (m.header.flags & DNS_FLAG_TC))
		return ERR_REFUSED;
	TRY(read_records(&m, name, &answer));
	*ret = answer;
	return OK;
}
