#include "service/resolver/reply.h"

#include "proto/dns/type.h"
#include "service/resolver/rrset.h"

/* In front of the message; then ttls_n offsets, then the message from its question on. */
struct head {
	uint32_t least_ttl_s;
	uint16_t rcode, ede;
	uint16_t flags; /* of ours: AA */
	uint16_t counts[3];
	uint16_t answer_end, authority_end, end; /* offsets in the message */
	uint16_t ttls_n;
	/* Addresses that take turns: turn_n rdatas of turn_len bytes, turn_step apart. */
	uint16_t turn_at, turn_n, turn_step, turn_len;
};

static bool is_dnssec_only(uint16_t type)
{
	return type == DNS_TYPE_NSEC || type == DNS_TYPE_NSEC3 || type == DNS_TYPE_RRSIG;
}

/* RFC 4035 3.2.1: without DO, no DNSSEC records but those that were asked for. */
static bool write_row(struct dns_build *b, enum dns_section section, struct span row,
		      uint16_t class, bool sigs)
{
	struct reader r = reader_of_span(row);
	struct rrset set;
	while (rrset_next(&r, &set)) {
		if (!sigs && section != DNS_ANSWER && is_dnssec_only(set.type))
			continue;
		if (!rrset_write(b, section, &set, class, sigs))
			return false;
	}
	return true;
}

/* The row of equal addresses that ends the answer section may be turned. */
static void note_turn(struct head *h, const struct dns_record *rec)
{
	bool address = rec->type == DNS_TYPE_A || rec->type == DNS_TYPE_AAAA;
	uint16_t at = (uint16_t)rec->rdata_at;
	if (rec->section != DNS_ANSWER || !address)
		return;
	if (h->turn_n == 0) {
		h->turn_at = at;
		h->turn_len = (uint16_t)rec->rdata.len;
		h->turn_n = 1;
		return;
	}
	if (h->turn_n == 1)
		h->turn_step = (uint16_t)(at - h->turn_at);
	if (at == h->turn_at + h->turn_n * h->turn_step && rec->rdata.len == h->turn_len)
		h->turn_n++;
}

static enum err index_message(struct span message, struct head *h, struct writer *ttls)
{
	struct dns_message m;
	TRY(dns_message_read(message, &m));
	struct dns_record_iter it = dns_record_iter_all(&m);
	struct dns_record rec;
	h->least_ttl_s = UINT32_MAX;
	while (dns_record_next(&m, &it, &rec)) {
		note_turn(h, &rec);
		uint16_t at = (uint16_t)(rec.rdata_at - 6); /* before rdlength */
		write_bytes(ttls, &at, sizeof(at));
		h->ttls_n++;
		if (rec.ttl < h->least_ttl_s)
			h->least_ttl_s = rec.ttl;
	}
	h->counts[0] = m.header.ancount;
	h->counts[1] = m.header.nscount;
	h->counts[2] = m.header.arcount;
	h->answer_end = (uint16_t)m.section_at[DNS_AUTHORITY];
	h->authority_end = (uint16_t)m.section_at[DNS_ADDITIONAL];
	h->end = (uint16_t)message.len;
	return h->ttls_n > REPLY_TTLS_MAX ? ERR_LIMIT : OK;
}

enum err reply_compose(const struct reply_parts *parts, bool sigs, uint8_t *scratch,
		       uint8_t *packed, size_t cap, size_t *ret_len)
{
	struct dns_build b;
	/* The OPT is not in here, but must fit after it. */
	dns_build_init(&b, scratch, DNS_MESSAGE_MAX - 64, 0, 0);
	dns_build_question(&b, parts->name, parts->type, parts->class);
	if (!write_row(&b, DNS_ANSWER, parts->answer, parts->class, sigs) ||
	    !write_row(&b, DNS_AUTHORITY, parts->authority, parts->class, sigs))
		return ERR_LIMIT;
	(void)write_row(&b, DNS_ADDITIONAL, parts->additional, parts->class,
			sigs); /* what fits: it is a courtesy */
	struct span message = dns_build_finish(&b);
	struct writer w = writer_of(packed, cap);
	struct head h = {
		.rcode = parts->rcode, .ede = parts->ede, .flags = parts->aa ? DNS_FLAG_AA : 0};
	uint8_t *head = write_room(&w, sizeof(h));
	TRY(index_message(message, &h, &w));
	write_span(&w, span_sub(message, DNS_HEADER_LEN, message.len));
	TRY(writer_check(&w));
	memcpy(head, &h, sizeof(h)); /* room was made above */
	*ret_len = w.pos;
	return OK;
}

static struct head head_of(struct span packed)
{
	struct head h;
	ASSERT(packed.len >= sizeof(h));
	memcpy(&h, packed.data, sizeof(h)); /* composed by us, not received */
	return h;
}

uint32_t reply_least_ttl(struct span packed)
{
	return head_of(packed).least_ttl_s;
}

/* OPT with at most one option: the extended error, without a text. */
static size_t opt_len(const struct reply_to *to, uint16_t ede)
{
	if (!to->edns)
		return 0;
	return DNS_OPT_LEN + (ede != REPLY_EDE_NONE ? DNS_OPTION_LEN(2) : 0);
}

static size_t opt_write(const struct reply_to *to, unsigned rcode, uint16_t ede, uint8_t *at)
{
	size_t len = opt_len(to, ede);
	if (len == 0)
		return 0;
	at[0] = 0;
	put_u16(at + 1, DNS_TYPE_OPT);
	put_u16(at + 3, to->edns_size);
	at[5] = (uint8_t)(rcode >> 4);
	at[6] = 0;
	put_u16(at + 7, to->do_bit ? 0x8000 : 0); /* RFC 3225: DO is echoed */
	put_u16(at + 9, (uint16_t)(len - DNS_OPT_LEN));
	if (len > DNS_OPT_LEN) {
		put_u16(at + 11, DNS_OPTION_EDE);
		put_u16(at + 13, 2);
		put_u16(at + 15, ede);
	}
	return len;
}

static void header_write(uint8_t *out, const struct reply_to *to, unsigned flags, unsigned rcode)
{
	/* RFC 6840 5.7, 5.8: AD is for what was validated; nothing is yet. */
	flags |= DNS_FLAG_QR | DNS_FLAG_RA | (to->flags & (DNS_FLAG_RD | DNS_FLAG_CD));
	put_u16(out, to->id);
	put_u16(out + 2, (uint16_t)(flags | (rcode & DNS_FLAGS_RCODE_MASK)));
	put_u16(out + 4, to->question.len ? 1 : 0);
	memset(out + 6, 0, 6);
}

/* How much of the answer fits: a courtesy is left out without TC (RFC 2181 9), what is not leaves
 * an empty answer with TC. A negative answer needs its authority section. */
static uint16_t cut(struct head *h, size_t room, unsigned *flags)
{
	if (h->end <= room)
		return h->end;
	h->counts[2] = 0;
	if (h->authority_end <= room)
		return h->authority_end;
	bool negative = h->counts[0] == 0;
	h->counts[1] = 0;
	if (!negative && h->answer_end <= room)
		return h->answer_end;
	h->counts[0] = 0;
	*flags |= DNS_FLAG_TC;
	return 0;
}

static void lower_ttls(const struct head *h, const uint8_t *offsets, uint16_t end, uint32_t age_s,
		       uint8_t *out)
{
	for (uint16_t i = 0; i < h->ttls_n; i++) {
		uint16_t at;
		memcpy(&at, offsets + i * sizeof(at), sizeof(at)); /* packed by us */
		if (at >= end)
			return;
		struct reader r = reader_of(out + at, 4);
		uint32_t ttl_s = read_u32(&r);
		put_u32(out + at, ttl_s > age_s ? ttl_s - age_s : 0);
	}
}

static void turn_addresses(const struct head *h, const uint8_t *message, uint32_t turn,
			   uint8_t *out)
{
	for (uint16_t i = 0; i < h->turn_n; i++) {
		size_t to = h->turn_at + (size_t)i * h->turn_step;
		size_t from = h->turn_at + (size_t)((i + turn) % h->turn_n) * h->turn_step;
		memcpy(out + to, message + from, h->turn_len); /* both inside: indexed by us */
	}
}

size_t reply_write(struct span packed, const struct reply_to *to, uint32_t age_s, uint32_t turn,
		   uint8_t *out)
{
	struct head h = head_of(packed);
	const uint8_t *offsets = packed.data + sizeof(h);
	/* Offsets in the message count from its header, which is not stored. */
	const uint8_t *message = offsets + h.ttls_n * sizeof(uint16_t) - DNS_HEADER_LEN;
	size_t tail = opt_len(to, h.ede), question_end = DNS_HEADER_LEN + to->question.len;
	unsigned flags = h.flags;
	if (to->limit < question_end + tail)
		return 0;
	uint16_t end = cut(&h, to->limit - tail, &flags);
	header_write(out, to, flags, h.rcode);
	memcpy(out + DNS_HEADER_LEN, to->question.data, to->question.len); /* room checked above */
	size_t len = question_end;
	if (end > question_end) {
		memcpy(out + len, message + len, end - len); /* end is at most the limit */
		lower_ttls(&h, offsets, end, age_s, out);
		if (h.turn_n > 1)
			turn_addresses(&h, message, turn, out);
		len = end;
	}
	put_u16(out + 6, h.counts[0]);
	put_u16(out + 8, h.counts[1]);
	put_u16(out + 10, (uint16_t)(h.counts[2] + (to->edns ? 1 : 0)));
	return len + opt_write(to, h.rcode, h.ede, out + len);
}

size_t reply_write_bare(const struct reply_to *to, unsigned rcode, uint16_t ede, uint8_t *out)
{
	size_t len = DNS_HEADER_LEN + to->question.len;
	if (to->limit < len + opt_len(to, ede))
		return 0;
	header_write(out, to, 0, rcode);
	if (to->question.len)
		memcpy(out + DNS_HEADER_LEN, to->question.data, to->question.len); /* as above */
	put_u16(out + 10, to->edns ? 1 : 0);
	return len + opt_write(to, rcode, ede, out + len);
}
