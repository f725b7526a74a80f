#include "service/resolver/rrset.h"

#include "proto/dns/type.h"

#define TTL_AT	 6u /* in a packed RRset */
#define COUNT_AT 10u
#define SIGS_AT	 12u

bool rrset_next(struct reader *r, struct rrset *ret)
{
	if (reader_left(r) == 0)
		return false;
	struct reader start = *r;
	uint32_t len = read_u32(r);
	struct reader body = reader_sub(r, len);
	struct rrset set = {.type = read_u16(&body), .ttl_s = read_u32(&body)};
	set.count = read_u16(&body);
	set.sigs = read_u16(&body);
	set.owner = read_span(&body, read_u8(&body));
	set.records = read_span(&body, reader_left(&body));
	set.packed = read_span(&start, (size_t)len + 4);
	if (body.bad || start.bad)
		return false;
	*ret = set;
	return true;
}

bool rrset_read(struct span packed, struct rrset *ret)
{
	struct reader r = reader_of_span(packed);
	return rrset_next(&r, ret);
}

bool rrset_record_next(struct reader *r, struct span *ret_rdata)
{
	if (reader_left(r) == 0)
		return false;
	*ret_rdata = read_span(r, read_u16(r));
	return !r->bad;
}

size_t rrset_pack_begin(struct writer *w, struct span owner, uint16_t type, uint32_t ttl_s)
{
	size_t at = writer_reserve(w, 4);
	write_u16(w, type);
	write_u32(w, ttl_s);
	write_u32(w, 0); /* the counts */
	write_u8(w, (uint8_t)owner.len);
	write_span(w, owner);
	return at;
}

void rrset_pack_rdata(struct writer *w, struct span rdata)
{
	write_u16(w, (uint16_t)rdata.len);
	write_span(w, rdata);
}

void rrset_pack_end(struct writer *w, size_t at, uint16_t count, uint16_t sigs)
{
	if (w->bad)
		return;
	put_u32(w->data + at, (uint32_t)(w->pos - at - 4));
	put_u16(w->data + at + COUNT_AT, count);
	put_u16(w->data + at + SIGS_AT, sigs);
}

void rrset_copy_aged(struct writer *w, struct span row, uint32_t age_s)
{
	struct reader r = reader_of_span(row);
	struct rrset set;
	while (rrset_next(&r, &set)) {
		size_t at = w->pos;
		write_span(w, set.packed);
		if (!w->bad)
			put_u32(w->data + at + TTL_AT, set.ttl_s > age_s ? set.ttl_s - age_s : 0);
	}
}

void rrset_set_ttl(uint8_t *row, size_t len, uint32_t ttl_s)
{
	struct reader r = reader_of(row, len);
	struct rrset set;
	for (size_t at = 0; rrset_next(&r, &set); at += set.packed.len)
		put_u32(row + at + TTL_AT, ttl_s);
}

uint32_t rrset_least_ttl(struct span row)
{
	uint32_t least = UINT32_MAX;
	struct reader r = reader_of_span(row);
	struct rrset set;
	while (rrset_next(&r, &set))
		if (set.ttl_s < least)
			least = set.ttl_s;
	return least;
}

bool rrset_write(struct dns_build *b, enum dns_section section, const struct rrset *set,
		 uint16_t class, bool sigs)
{
	struct dns_build_mark mark = dns_build_mark(b);
	struct reader r = reader_of_span(set->records);
	struct span rdata;
	struct dns_build_rrset s =
		dns_build_rrset_begin(b, section, set->owner, set->type, class, set->ttl_s);
	for (uint16_t i = 0; i < set->count && rrset_record_next(&r, &rdata); i++)
		dns_build_rrset_add(b, &s, rdata);
	if (!dns_build_rrset_end(b, &s))
		return false;
	if (!sigs || set->sigs == 0)
		return true;
	s = dns_build_rrset_begin(b, section, set->owner, DNS_TYPE_RRSIG, class, set->ttl_s);
	while (rrset_record_next(&r, &rdata))
		dns_build_rrset_add(b, &s, rdata);
	if (dns_build_rrset_end(b, &s))
		return true;
	dns_build_rewind(b, &mark);
	return false;
}
