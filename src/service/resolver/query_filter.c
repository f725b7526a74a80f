/* The policy on a question's way: what is answered in place of what is blocked, aliases in answers
 * looked through, search engines asked under their other name. */
#include "policy/safe_search.h"
#include "proto/dns/message.h"
#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "service/resolver/local.h"
#include "service/resolver/rrset.h"
#include "service/resolver/walk.h"

enum {
	ALIASES_MAX = WALK_CNAMES_MAX + 1, /* of an answer: a safe search's own, and a walk's */
	/* An address or an SOA, and the message around it, with room to spare. */
	BLOCKED_ROW_MAX = 1024,
	BLOCKED_PACKED_MAX = 2048,
};

/* The address that is told; false: none of this type. */
static bool address_told(const struct filter_rules *f, uint16_t type, struct ip_address *ret)
{
	bool four = type == DNS_TYPE_A;
	if (!four && type != DNS_TYPE_AAAA)
		return false;
	*ret = (struct ip_address){.family = four ? 4 : 6};
	if (f->answer == FILTER_PAGE)
		*ret = four ? f->page4 : f->page6;
	return f->answer != FILTER_NXDOMAIN && ret->family != 0;
}

/* RFC 8914 4.16, "Blocked": by policy of whoever runs the server. */
static size_t write_blocked(struct engine *e, const struct reply_to *to,
			    const struct dns_name *name, uint16_t type, uint8_t *out)
{
	const struct filter_rules *f = e->rules->filter;
	uint8_t room[BLOCKED_ROW_MAX], packed[BLOCKED_PACKED_MAX];
	struct writer row = writer_of(room, sizeof(room));
	struct reply_parts parts = {.name = dns_name_span(name),
				    .type = type,
				    .class = DNS_CLASS_IN,
				    .ede = DNS_EDE_BLOCKED};
	struct ip_address told;
	size_t len;
	if (address_told(f, type, &told)) {
		size_t at = rrset_pack_begin(&row, dns_name_span(name), type, f->ttl_s);
		rrset_pack_rdata(&row, ip_address_span(&told));
		rrset_pack_end(&row, at, 1, 0);
		parts.answer = writer_span(&row);
	} else {
		local_soa(&row, name); /* so that the denial has an end (RFC 2308 5) */
		rrset_set_ttl(row.data, row.pos, f->ttl_s);
		parts.authority = writer_span(&row);
		parts.rcode = f->answer == FILTER_NXDOMAIN ? DNS_RCODE_NXDOMAIN : DNS_RCODE_NOERROR;
	}
	if (reply_compose(&parts, false, e->build, packed, sizeof(packed), &len) != OK)
		return reply_write_bare(to, DNS_RCODE_REFUSED, DNS_EDE_BLOCKED, out);
	return reply_write(span_of(packed, len), to, 0, 0, out);
}

size_t engine_filter_query(struct engine *e, const struct asker *from, const struct dns_query *q,
			   const struct reply_to *to, uint8_t *out, struct query_filter *ret)
{
	const struct filter_rules *rules = e->rules->filter;
	*ret = (struct query_filter){0};
	if (!rules || q->question.class != DNS_CLASS_IN)
		return 0;
	struct filter_ruling r = filter_judge(&e->filter, rules, e->hash_key, &from->peer.address,
					      &q->question.name, q->question.type);
	switch (r.verdict) {
	case FILTER_PASS: break;
	case FILTER_BLOCK: return write_blocked(e, to, &q->question.name, q->question.type, out);
	case FILTER_SAFE: ret->safe = (uint8_t)(r.engine + 1); break;
	case FILTER_LOOK: ret->look = true; break;
	}
	return 0;
}

/* Does an alias of the answer section lead to what is blocked? Ours: composed and written here. */
static bool has_blocked_alias(struct engine *e, const struct ip_address *client,
			      struct span message)
{
	struct dns_message m;
	struct dns_record rec;
	struct dns_name target;
	if (dns_message_read(message, &m) != OK || m.header.ancount < 2)
		return false;
	struct dns_record_iter it = dns_record_iter_section(&m, DNS_ANSWER);
	/* Aliases stand first, and between them what they are made of and their signatures, of
	 * which a zone may have as many as it likes. */
	for (unsigned n = 0; n < ALIASES_MAX && dns_record_next(&m, &it, &rec);) {
		if (rec.type == DNS_TYPE_DNAME || rec.type == DNS_TYPE_RRSIG)
			continue;
		if (rec.type != DNS_TYPE_CNAME)
			break;
		n++;
		struct reader r = reader_of_span(message);
		reader_skip(&r, rec.rdata_at);
		if (dns_name_read(&r, reader_of_span(message), &target) == OK &&
		    filter_blocks_alias(&e->filter, e->rules->filter, e->hash_key, client, &target))
			return true;
	}
	return false;
}

size_t engine_filter_answer(struct engine *e, const struct ip_address *client,
			    const struct reply_to *to, uint8_t *out, size_t len)
{
	struct dns_name name;
	struct reader question = reader_of_span(to->question);
	if (len == 0 || !e->rules->filter || !has_blocked_alias(e, client, span_of(out, len)) ||
	    dns_name_read_plain(&question, &name) != OK)
		return len;
	dns_name_lower(&name);
	return write_blocked(e, to, &name, read_u16(&question), out);
}

/* The search engine's other name is an alias of the one that was asked for. */
bool walk_safe_search(struct walk *w)
{
	struct engine *e = w->engine;
	struct dns_name target;
	enum policy_engine engine;
	uint32_t ttl_s = e->rules->filter ? e->rules->filter->ttl_s : 0;
	if (!w->safe || w->cnames ||
	    !policy_safe_search(UINT32_C(1) << (w->safe - 1), &w->sname, &target, &engine))
		return false;
	struct writer row = writer_of(e->joined_row, ROW_MAX);
	size_t at = rrset_pack_begin(&row, dns_name_span(&w->sname), DNS_TYPE_CNAME, ttl_s);
	rrset_pack_rdata(&row, dns_name_span(&target));
	rrset_pack_end(&row, at, 1, 0);
	if (w->stype == DNS_TYPE_CNAME)
		walk_finish(w, &(struct walk_result){.ede = REPLY_EDE_NONE,
						     .final = writer_span(&row),
						     .cached = true});
	else
		walk_follow(w, writer_span(&row), &target);
	return true;
}
