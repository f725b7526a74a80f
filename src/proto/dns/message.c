#include "proto/dns/message.h"

#include "proto/dns/type.h"

/* A record as it stands, its owner not copied. */
struct raw_record {
	uint16_t type, class;
	uint32_t ttl;
	size_t at, rdata_at;
	bool root; /* the owner is the single octet 0 */
	struct span rdata;
};

static enum err raw_record_read(struct reader *r, struct reader message, struct raw_record *ret)
{
	struct raw_record raw = {.at = r->pos};
	raw.root = reader_left(r) && r->data[r->pos] == 0; /* OPT's, in almost every message */
	if (raw.root)
		reader_skip(r, 1);
	else
		TRY(dns_name_check(r, message));
	raw.type = read_u16(r);
	raw.class = read_u16(r);
	raw.ttl = read_u32(r);
	uint16_t rdlength = read_u16(r);
	raw.rdata_at = r->pos;
	raw.rdata = read_span(r, rdlength);
	TRY(reader_check(r));
	*ret = raw;
	return OK;
}

static struct dns_header header_read(struct reader *r)
{
	struct dns_header h;
	h.id = read_u16(r);
	h.flags = read_u16(r);
	h.qdcount = read_u16(r);
	h.ancount = read_u16(r);
	h.nscount = read_u16(r);
	h.arcount = read_u16(r);
	return h;
}

enum err dns_header_read(struct span message, struct dns_header *ret)
{
	if (message.len < DNS_HEADER_LEN)
		return ERR_FORMAT;
	struct reader r = reader_of_span(message);
	*ret = header_read(&r);
	return OK;
}

/* The first question's name has nothing before it to point to: a pointer is refused. */
static enum err question_read(struct reader *r, struct dns_question *ret)
{
	size_t name_len = dns_name_wire_len(span_of(r->data + r->pos, reader_left(r)));
	if (name_len == 0 || reader_left(r) < name_len + 4)
		return ERR_FORMAT;
	ret->wire = span_of(r->data + r->pos, name_len + 4);
	dns_octets_lower(ret->name.wire, read_span(r, name_len).data, name_len);
	ret->name.len = (uint8_t)name_len;
	ret->type = read_u16(r);
	ret->class = read_u16(r);
	return OK;
}

/* --- one query --- */

/* An OPT or a TSIG of a query. Anything else has no place there. */
static enum err query_additional_read(struct reader *r, struct span message, struct dns_query *q)
{
	struct raw_record raw;
	TRY(raw_record_read(r, reader_of_span(message), &raw));
	if (q->tsig_at)
		return ERR_FORMAT; /* RFC 8945 5.1: the last record */
	if (raw.type == DNS_TYPE_TSIG) {
		q->tsig_at = raw.at;
		return OK;
	}
	/* RFC 6891 6.1.1: one, its owner the root. */
	if (raw.type != DNS_TYPE_OPT || !raw.root || q->edns.present)
		return ERR_FORMAT;
	enum err e = dns_edns_read(raw.class, raw.ttl, raw.rdata, &q->edns);
	if (e)
		q->edns = (struct dns_edns){.present = true, .udp_size = DNS_EDNS_UDP_MIN};
	return e;
}

static enum err query_records_read(struct reader *r, struct span message, struct dns_query *q)
{
	const struct dns_header *h = &q->header;
	if (h->ancount || h->nscount > 1 || h->arcount > 2)
		return ERR_FORMAT;
	if (h->nscount) {
		struct raw_record raw;
		if (!q->has_question || q->question.type != DNS_TYPE_IXFR)
			return ERR_FORMAT;
		TRY(raw_record_read(r, reader_of_span(message), &raw));
		if (raw.type != DNS_TYPE_SOA)
			return ERR_FORMAT;
		q->authority_at = raw.at;
	}
	for (unsigned i = 0; i < h->arcount; i++)
		TRY(query_additional_read(r, message, q));
	return reader_end(r);
}

enum dns_query_verdict dns_query_read(struct span message, struct dns_query *ret)
{
	ret->verdict = DNS_QUERY_DROP;
	if (message.len < DNS_HEADER_LEN)
		return ret->verdict;
	struct reader r = reader_of_span(message);
	ret->header = header_read(&r);
	if (ret->header.flags & DNS_FLAG_QR)
		return ret->verdict;

	ret->verdict = DNS_QUERY_REPLY;
	ret->rcode = DNS_RCODE_FORMERR;
	ret->edns = (struct dns_edns){0};
	ret->tsig_at = 0;
	ret->authority_at = 0;
	ret->has_question = ret->header.qdcount == 1 && question_read(&r, &ret->question) == OK;
	if (dns_header_opcode(&ret->header) != DNS_OPCODE_QUERY) {
		ret->rcode = DNS_RCODE_NOTIMP;
		return ret->verdict;
	}
	if (!ret->has_question && ret->header.qdcount != 0)
		return ret->verdict;
	if (query_records_read(&r, message, ret) != OK)
		return ret->verdict;
	if (ret->edns.present && ret->edns.version != DNS_EDNS_VERSION)
		ret->rcode = DNS_RCODE_BADVERS; /* RFC 6891 6.1.3 */
	else if (!ret->has_question && ret->edns.cookie.len)
		ret->rcode = DNS_RCODE_NOERROR; /* RFC 7873 5.4 */
	else if (ret->has_question)
		ret->verdict = DNS_QUERY_ANSWER;
	return ret->verdict;
}

/* --- any message --- */

static enum err head_read(struct reader *r, struct dns_message *m)
{
	m->wire = span_of(r->data, r->len);
	m->header = header_read(r);
	TRY(reader_check(r));
	m->edns = (struct dns_edns){0};
	m->tsig_at = 0;
	memset(m->section_at, 0, sizeof(m->section_at));
	memset(m->section_len, 0, sizeof(m->section_len));
	m->has_question = m->header.qdcount == 1;
	if (m->header.qdcount > 1)
		return ERR_FORMAT;
	return m->has_question ? question_read(r, &m->question) : OK;
}

enum err dns_message_read_head(struct span message, struct dns_message *ret)
{
	struct reader r = reader_of_span(message);
	return head_read(&r, ret);
}

/* What the message as a whole must obey: where OPT and TSIG may stand. */
static enum err record_place(const struct raw_record *raw, enum dns_section section,
			     struct dns_message *m)
{
	if (m->tsig_at)
		return ERR_FORMAT;
	if (raw->type == DNS_TYPE_TSIG) {
		m->tsig_at = raw->at;
		return section == DNS_ADDITIONAL ? OK : ERR_FORMAT;
	}
	if (raw->type != DNS_TYPE_OPT)
		return OK;
	if (section != DNS_ADDITIONAL || !raw->root || m->edns.present)
		return ERR_FORMAT;
	return dns_edns_read(raw->class, raw->ttl, raw->rdata, &m->edns);
}

static enum err sections_read(struct reader *r, struct dns_message *m)
{
	const uint16_t counts[4] = {
		[DNS_ANSWER] = m->header.ancount,
		[DNS_AUTHORITY] = m->header.nscount,
		[DNS_ADDITIONAL] = m->header.arcount,
	};
	m->section_at[DNS_QUESTION] = DNS_HEADER_LEN;
	for (unsigned section = DNS_ANSWER; section <= DNS_ADDITIONAL; section++) {
		m->section_at[section] = (uint32_t)r->pos;
		/* A record takes 11 octets or more, so the message's length bounds this. */
		for (unsigned i = 0; i < counts[section]; i++) {
			struct raw_record raw;
			TRY(raw_record_read(r, reader_of_span(m->wire), &raw));
			TRY(record_place(&raw, (enum dns_section)section, m));
		}
	}
	TRY(reader_end(r));
	memcpy(m->section_len, counts, sizeof(counts));
	return OK;
}

enum err dns_message_read(struct span message, struct dns_message *ret)
{
	struct reader r = reader_of_span(message);
	if (message.len > DNS_MESSAGE_MAX)
		return ERR_FORMAT;
	TRY(head_read(&r, ret));
	return sections_read(&r, ret);
}

struct dns_record_iter dns_record_iter_section(const struct dns_message *m, enum dns_section s)
{
	return (struct dns_record_iter){
		.at = m->section_at[s],
		.left = s == DNS_QUESTION ? 0 : m->section_len[s],
		.section = (uint8_t)s,
		.one = true,
	};
}

struct dns_record_iter dns_record_iter_all(const struct dns_message *m)
{
	struct dns_record_iter it = dns_record_iter_section(m, DNS_ANSWER);
	it.one = false;
	return it;
}

bool dns_record_next(const struct dns_message *m, struct dns_record_iter *it,
		     struct dns_record *ret)
{
	for (;;) {
		while (it->left == 0) {
			if (it->one || it->section >= DNS_ADDITIONAL)
				return false;
			it->left = m->section_len[++it->section];
		}
		it->left--;
		struct reader r = reader_of_span(m->wire);
		r.pos = it->at;
		if (dns_name_read(&r, dns_message_reader(m), &ret->owner))
			return false;
		ret->section = (enum dns_section)it->section;
		ret->type = read_u16(&r);
		ret->class = read_u16(&r);
		uint32_t ttl = read_u32(&r);
		ret->ttl = ttl > INT32_MAX ? 0 : ttl; /* RFC 2181 8 */
		uint16_t rdlength = read_u16(&r);
		ret->rdata_at = (uint32_t)r.pos;
		ret->rdata = read_span(&r, rdlength);
		it->at = (uint32_t)r.pos;
		if (r.bad)
			return false;
		if (ret->type != DNS_TYPE_OPT && ret->type != DNS_TYPE_TSIG)
			return true;
	}
}
