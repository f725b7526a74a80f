#include "proto/ndp/message.h"

#include "base/writer.h"
#include "proto/ndp/option.h"

enum { CHECKSUM_AT = 2 };

/* --- the checksum --- */

/* Sums 16-bit words, an odd octet at the end as the upper half of one. */
static uint64_t sum_words(struct span data, uint64_t sum)
{
	struct reader r = reader_of_span(data);
	while (reader_left(&r) >= 2)
		sum += read_u16(&r);
	if (reader_left(&r))
		sum += (uint64_t)read_u8(&r) << 8;
	return sum;
}

uint16_t ndp_checksum(const struct ip_address *source, const struct ip_address *destination,
		      struct span icmp)
{
	uint64_t sum = sum_words(span_of(source->bytes, 16), 0);
	sum = sum_words(span_of(destination->bytes, 16), sum);
	sum += icmp.len + NDP_NEXT_HEADER; /* RFC 8200 8.1 */
	sum = sum_words(icmp, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void ndp_checksum_fill(const struct ip_address *source, const struct ip_address *destination,
		       uint8_t *icmp, size_t len)
{
	ASSERT(len >= CHECKSUM_AT + 2);
	put_u16(icmp + CHECKSUM_AT, 0);
	put_u16(icmp + CHECKSUM_AT, ndp_checksum(source, destination, span_of(icmp, len)));
}

struct ip_address ndp_solicited_node(const struct ip_address *target)
{
	struct ip_address a = {.family = 6, .bytes = {0xff, 0x02, [11] = 1, [12] = 0xff}};
	memcpy(a.bytes + 13, target->bytes + 13, 3);
	return a;
}

/* --- reading --- */

static struct ip_address read_address(struct reader *r)
{
	struct ip_address a = {.family = 6};
	read_bytes(r, a.bytes, 16);
	return a;
}

static bool is_solicited_node(const struct ip_address *a)
{
	struct ip_address same = ndp_solicited_node(a);
	return ip_address_equal(a, &same);
}

static void read_router_advert(struct reader *r, struct ndp_message *m)
{
	m->hop_limit = read_u8(r);
	uint8_t flags = read_u8(r);
	m->managed = flags & 0x80;
	m->other = flags & 0x40;
	/* RFC 4191 2.2: the reserved value is treated as 00. */
	unsigned preference = flags >> 3 & 3;
	m->preference = preference == 2 ? NDP_MEDIUM : (enum ndp_preference)preference;
	m->lifetime_s = read_u16(r);
	m->reachable_ms = read_u32(r);
	m->retrans_ms = read_u32(r);
}

static void read_neighbour(struct reader *r, struct ndp_message *m)
{
	uint32_t flags = read_u32(r);
	if (m->type == NDP_NEIGHBOUR_ADVERT) {
		m->router = flags >> 31 & 1;
		m->solicited = flags >> 30 & 1;
		m->override = flags >> 29 & 1;
	}
	m->target = read_address(r);
}

static enum err read_fixed(struct reader *r, struct ndp_message *m)
{
	switch (m->type) {
	case NDP_ROUTER_SOLICIT: reader_skip(r, 4); break;
	case NDP_ROUTER_ADVERT: read_router_advert(r, m); break;
	case NDP_NEIGHBOUR_SOLICIT:
	case NDP_NEIGHBOUR_ADVERT: read_neighbour(r, m); break;
	default: return ERR_UNSUPPORTED;
	}
	return reader_check(r);
}

/* Which link-layer address option a type may carry. */
static uint8_t link_layer_type(uint8_t type)
{
	return type == NDP_NEIGHBOUR_ADVERT ? NDP_OPT_TARGET_LINK_LAYER : NDP_OPT_SOURCE_LINK_LAYER;
}

static enum err read_options(struct reader *r, struct ndp_message *m)
{
	struct ndp_option o;
	for (unsigned n = 0; ndp_option_next(r, &o); n++) {
		if (n == NDP_OPTIONS_MAX)
			return ERR_LIMIT;
		if (o.type == link_layer_type(m->type) && !m->link_layer.len)
			m->link_layer = o.body;
	}
	return reader_end(r);
}

/* RFC 4861 6.1.1, 6.1.2, 7.1.1, 7.1.2: what is judged by the addresses. */
static enum err judge(const struct ndp_message *m, const struct ndp_arrival *a)
{
	bool unspecified = ip_address_is_unspecified(&a->source);
	switch (m->type) {
	case NDP_ROUTER_ADVERT: return ip_address_is_link_local(&a->source) ? OK : ERR_FORMAT;
	case NDP_ROUTER_SOLICIT: return unspecified && m->link_layer.len ? ERR_FORMAT : OK;
	case NDP_NEIGHBOUR_SOLICIT:
		if (ip_address_is_multicast(&m->target))
			return ERR_FORMAT;
		return unspecified && (m->link_layer.len || !is_solicited_node(&a->destination))
			       ? ERR_FORMAT
			       : OK;
	default:
		return ip_address_is_multicast(&m->target) ||
				       (ip_address_is_multicast(&a->destination) && m->solicited)
			       ? ERR_FORMAT
			       : OK;
	}
}

enum err ndp_message_read(struct span icmp, const struct ndp_arrival *a, bool checked,
			  struct ndp_message *ret)
{
	struct reader r = reader_of_span(icmp);
	struct ndp_message m = {.type = read_u8(&r)};
	uint8_t code = read_u8(&r);
	reader_skip(&r, 2);
	TRY(reader_check(&r));
	TRY(read_fixed(&r, &m));
	if (code != 0 || a->hop_limit != NDP_HOP_LIMIT)
		return ERR_FORMAT;
	if (!checked && ndp_checksum(&a->source, &a->destination, icmp) != 0)
		return ERR_FORMAT;
	m.options = span_sub(icmp, r.pos, reader_left(&r));
	TRY(read_options(&r, &m));
	TRY(judge(&m, a));
	*ret = m;
	return OK;
}

/* --- writing --- */

static void write_head(struct writer *w, uint8_t type)
{
	write_u8(w, type);
	write_u8(w, 0);
	write_u16(w, 0); /* the checksum */
}

void ndp_write_router_solicit(struct writer *w)
{
	write_head(w, NDP_ROUTER_SOLICIT);
	write_u32(w, 0);
}

void ndp_write_router_advert(struct writer *w, const struct ndp_message *m)
{
	write_head(w, NDP_ROUTER_ADVERT);
	write_u8(w, m->hop_limit);
	write_u8(w, (uint8_t)((m->managed ? 0x80 : 0) | (m->other ? 0x40 : 0) |
			      (unsigned)m->preference << 3));
	write_u16(w, m->lifetime_s);
	write_u32(w, m->reachable_ms);
	write_u32(w, m->retrans_ms);
}

void ndp_write_neighbour_solicit(struct writer *w, const struct ip_address *target)
{
	write_head(w, NDP_NEIGHBOUR_SOLICIT);
	write_u32(w, 0);
	write_bytes(w, target->bytes, 16);
}

void ndp_write_neighbour_advert(struct writer *w, const struct ndp_message *m)
{
	write_head(w, NDP_NEIGHBOUR_ADVERT);
	write_u32(w, (m->router ? 1u << 31 : 0) | (m->solicited ? 1u << 30 : 0) |
			     (m->override ? 1u << 29 : 0));
	write_bytes(w, m->target.bytes, 16);
}
