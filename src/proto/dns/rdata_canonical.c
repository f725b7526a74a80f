/* Canonical form and order: RFC 4034 6.2 and 6.3, RFC 6840 5.1. */
#include "proto/dns/rdata.h"
#include "proto/dns/rdata_field.h"

/* The next run of bytes that are all names (to be lowered) or all not. Fields that are not right,
 * and all after them, are one run of other bytes. */
static struct span next_run(const uint8_t **f, struct reader *r, bool *ret_name)
{
	struct span left = span_of(r->data + r->pos, reader_left(r));
	*ret_name = dns_field_is_name(**f);
	if (**f == DNS_FIELD_END || dns_field_check(**f, r)) {
		*ret_name = false;
		reader_skip_all(r);
		return left;
	}
	++*f;
	return span_sub(left, 0, left.len - reader_left(r));
}

static bool is_lowered(uint16_t type)
{
	return dns_type_flags(type) & DNS_TYPE_LOWER;
}

void dns_rdata_canonical(uint16_t type, struct span rdata, struct writer *w)
{
	if (!is_lowered(type)) {
		write_span(w, rdata);
		return;
	}
	struct reader r = reader_of_span(rdata);
	const uint8_t *f = dns_type_find(type)->fields;
	while (reader_left(&r)) {
		bool name;
		struct span run = next_run(&f, &r, &name);
		uint8_t *at = name ? write_room(w, run.len) : NULL;
		if (at)
			dns_octets_lower(at, run.data, run.len);
		else if (!name)
			write_span(w, run);
	}
}

static uint8_t lower(uint8_t c, bool name)
{
	return name && c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Left-justified bytes: what ends first comes first. */
static int compare_runs(struct span a, bool a_name, struct span b, bool b_name)
{
	size_t len = a.len < b.len ? a.len : b.len;
	for (size_t i = 0; i < len; i++) {
		int order = lower(a.data[i], a_name) - lower(b.data[i], b_name);
		if (order)
			return order;
	}
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

int dns_rdata_compare(uint16_t type, struct span a, struct span b)
{
	if (!is_lowered(type)) {
		size_t len = a.len < b.len ? a.len : b.len;
		int order = len ? memcmp(a.data, b.data, len) : 0;
		return order ? order : a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
	}
	const uint8_t *fa = dns_type_find(type)->fields, *fb = fa;
	struct reader ra = reader_of_span(a), rb = reader_of_span(b);
	/* As long as all before is equal both are at the same field: no field of these types is a
	 * beginning of another value of it, but the last. */
	while (reader_left(&ra) && reader_left(&rb)) {
		bool a_name, b_name;
		struct span run_a = next_run(&fa, &ra, &a_name);
		struct span run_b = next_run(&fb, &rb, &b_name);
		int order = compare_runs(run_a, a_name, run_b, b_name);
		if (order)
			return order;
	}
	return (reader_left(&ra) != 0) - (reader_left(&rb) != 0);
}

void dns_record_canonical(const struct dns_name *owner, uint16_t type, uint16_t class, uint32_t ttl,
			  struct span rdata, struct writer *w)
{
	uint8_t *at = write_room(w, owner->len);
	if (at)
		dns_octets_lower(at, owner->wire, owner->len);
	write_u16(w, type);
	write_u16(w, class);
	write_u32(w, ttl);
	write_u16(w, (uint16_t)rdata.len);
	dns_rdata_canonical(type, rdata, w);
}
