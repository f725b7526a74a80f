#include "service/vpn/gate/page_dns.h"

#include "proto/dns/build.h"
#include "proto/dns/type.h"

enum { UDP_SIZE = 1232, TTL_S = 0 };

static bool is_under(const struct dns_name *name, const char *text)
{
	struct dns_name other;
	return dns_name_from_text(span_text(text), NULL, &other) == OK &&
	       dns_name_is_under(name, &other);
}

/* Names whose addresses would mislead rather than lead: those by which browsers and phones ask
 * whether they may go round this resolver, and those of the DNS's own working (RFC 7050, RFC 9462).
 */
static bool is_signal(const struct dns_name *name)
{
	static const char *const signals[] = {"use-application-dns.net",
					      "mask.icloud.com",
					      "mask-h2.icloud.com",
					      "arpa",
					      "localhost",
					      "invalid"};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (is_under(name, signals[i]))
			return true;
	return false;
}

static bool wants(uint16_t asked, uint16_t type)
{
	return asked == type || asked == DNS_TYPE_ANY;
}

static bool add_address(struct dns_build *b, const struct dns_question *q, uint16_t type,
			const struct ip_address *address)
{
	if (!address->family || !wants(q->type, type))
		return false;
	return dns_build_record(b, DNS_ANSWER, dns_name_span(&q->name), type, DNS_CLASS_IN, TTL_S,
				ip_address_span(address));
}

/* RFC 2308 2.2 and 5: no data, for 0 seconds. */
static bool add_soa(struct dns_build *b, const struct page_dns *d, const struct dns_question *q)
{
	struct dns_name server = d->name.len ? d->name : DNS_NAME_ROOT;
	uint8_t room[DNS_NAME_MAX + 32];
	struct writer w = writer_of(room, sizeof(room));
	write_span(&w, dns_name_span(&server));
	write_u8(&w, 0); /* a mailbox that is none */
	write_u32(&w, 1);
	write_u32(&w, 0);
	write_u32(&w, 0);
	write_u32(&w, 0);
	write_u32(&w, TTL_S);
	return dns_build_record(b, DNS_AUTHORITY, dns_name_span(&q->name), DNS_TYPE_SOA,
				DNS_CLASS_IN, TTL_S, writer_span(&w));
}

static void answer_question(struct dns_build *b, const struct page_dns *d, struct dns_question *q)
{
	bool own = d->name.len && dns_name_equal(&q->name, &d->name);
	bool any = false;
	if (q->class != DNS_CLASS_IN) {
		dns_build_set_rcode(b, DNS_RCODE_REFUSED);
		return;
	}
	if (own || !is_signal(&q->name)) {
		any = add_address(b, q, DNS_TYPE_A, &d->page4);
		any = add_address(b, q, DNS_TYPE_AAAA, &d->page6) || any;
	}
	if (!any && !add_soa(b, d, q))
		dns_build_truncate(b);
}

enum err page_dns_answer(const struct page_dns *d, struct span query, struct writer *w)
{
	struct dns_query q;
	enum dns_query_verdict verdict = dns_query_read(query, &q);
	if (verdict == DNS_QUERY_DROP ||
	    (verdict == DNS_QUERY_REPLY && q.rcode == DNS_RCODE_FORMERR))
		return ERR_FORMAT;
	if (writer_left(w) < PAGE_DNS_ANSWER_MAX)
		return ERR_LIMIT;
	struct dns_build b;
	unsigned keep = DNS_FLAG_RD | DNS_FLAG_CD | DNS_FLAGS_OPCODE_MASK;
	dns_build_init(&b, w->data + w->pos, PAGE_DNS_ANSWER_MAX, q.header.id,
		       (uint16_t)(DNS_FLAG_QR | DNS_FLAG_RA | (q.header.flags & keep)));
	if (q.has_question)
		dns_build_question_echo(&b, q.question.wire);
	if (q.edns.present)
		dns_build_reserve(&b, DNS_OPT_LEN);
	unsigned rcode = verdict == DNS_QUERY_REPLY ? (unsigned)q.rcode : DNS_RCODE_NOERROR;
	dns_build_set_rcode(&b, rcode);
	if (verdict == DNS_QUERY_ANSWER) {
		answer_question(&b, d, &q.question);
		rcode = b.flags & DNS_FLAGS_RCODE_MASK;
	}
	if (q.edns.present)
		dns_build_opt(&b, UDP_SIZE, rcode, q.edns.do_bit, (struct span){0});
	w->pos += dns_build_finish(&b).len;
	return OK;
}

bool page_dns_is_for_page(const struct page_dns *d, struct span query)
{
	struct dns_query q;
	return d->name.len && dns_query_read(query, &q) == DNS_QUERY_ANSWER &&
	       q.question.class == DNS_CLASS_IN && dns_name_equal(&q.question.name, &d->name);
}
