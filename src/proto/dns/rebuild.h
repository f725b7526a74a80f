/* For tests and fuzzing: a received message written again by the builder and read again must say
 * the same. Knows no right bytes, only that both directions agree; aborts by ASSERT where they do
 * not. */
#ifndef PROTO_DNS_REBUILD_H
#define PROTO_DNS_REBUILD_H

#include "proto/dns/build.h"
#include "proto/dns/rdata.h"

/* The record's rdata uncompressed, in buf; false when it is not what its type says. */
static inline bool rebuild_rdata(const struct dns_message *m, const struct dns_record *rec,
				 uint8_t buf[DNS_MESSAGE_MAX], struct span *ret)
{
	struct reader r = dns_record_reader(rec);
	struct writer w = writer_of(buf, DNS_MESSAGE_MAX);
	if (dns_rdata_from_wire(rec->type, &r, dns_message_reader(m), &w))
		return false;
	*ret = writer_span(&w);
	return true;
}

/* The next record with right rdata. */
static inline bool rebuild_next(const struct dns_message *m, struct dns_record_iter *it,
				struct dns_record *ret, uint8_t buf[DNS_MESSAGE_MAX],
				struct span *ret_rdata)
{
	while (dns_record_next(m, it, ret))
		if (rebuild_rdata(m, ret, buf, ret_rdata))
			return true;
	return false;
}

/* Writes m's records, as far as limit allows; returns how many. */
static inline size_t rebuild_write(const struct dns_message *m, struct dns_build *b,
				   uint8_t rdata_buf[DNS_MESSAGE_MAX])
{
	struct dns_record_iter it = dns_record_iter_all(m);
	struct dns_record rec;
	struct span rdata;
	size_t count = 0;
	while (rebuild_next(m, &it, &rec, rdata_buf, &rdata)) {
		if (!dns_build_record(b, rec.section, dns_name_span(&rec.owner), rec.type,
				      rec.class, rec.ttl, rdata)) {
			dns_build_truncate(b);
			break;
		}
		count++;
	}
	return count;
}

static inline void rebuild_compare(const struct dns_message *a, const struct dns_message *b,
				   size_t count)
{
	uint8_t buf_a[DNS_MESSAGE_MAX], buf_b[DNS_MESSAGE_MAX];
	struct dns_record_iter it_a = dns_record_iter_all(a), it_b = dns_record_iter_all(b);
	struct dns_record ra, rb;
	struct span da, db;
	for (size_t i = 0; i < count; i++) {
		ASSERT(rebuild_next(a, &it_a, &ra, buf_a, &da));
		ASSERT(rebuild_next(b, &it_b, &rb, buf_b, &db));
		ASSERT(ra.section == rb.section && ra.type == rb.type && ra.class == rb.class);
		ASSERT(ra.ttl == rb.ttl && dns_name_equal(&ra.owner, &rb.owner));
		/* A compressed name takes the letters' case of what it points to. */
		ASSERT(da.len == db.len && dns_rdata_compare(ra.type, da, db) == 0);
	}
	ASSERT(!dns_record_next(b, &it_b, &rb));
}

/* message: one that dns_message_read takes. */
static inline void rebuild_check(struct span message, size_t limit)
{
	uint8_t out[DNS_MESSAGE_MAX], rdata_buf[DNS_MESSAGE_MAX];
	struct dns_message m, again;
	struct dns_build b;
	ASSERT(dns_message_read(message, &m) == OK);
	dns_build_init(&b, out, limit, m.header.id, m.header.flags);
	dns_build_reserve(&b, m.edns.present ? DNS_OPT_LEN + m.edns.options.len : 0);
	if (m.has_question)
		dns_build_question_echo(&b, m.question.wire);
	size_t count = rebuild_write(&m, &b, rdata_buf);
	if (m.edns.present)
		dns_build_opt(&b, m.edns.udp_size, dns_message_rcode(&m), m.edns.do_bit,
			      m.edns.options);
	struct span built = dns_build_finish(&b);
	ASSERT(built.len <= limit && dns_message_read(built, &again) == OK);
	ASSERT(again.header.id == m.header.id);
	ASSERT(((again.header.flags ^ m.header.flags) & ~DNS_FLAG_TC) == 0);
	if (again.has_question)
		ASSERT(span_equal(again.question.wire, m.question.wire));
	if (again.edns.present) {
		ASSERT(dns_message_rcode(&again) == dns_message_rcode(&m));
		ASSERT(again.edns.do_bit == m.edns.do_bit);
		ASSERT(again.edns.options.len == 0 ||
		       span_equal(again.edns.options, m.edns.options));
	}
	rebuild_compare(&m, &again, count);
}

#endif
