#include "service/authority/answer.h"

#include "proto/ip/address.h"
#include "service/authority/answer_inner.h"
#include "service/authority/keyring.h"

#define OPTIONS_MAX (3 * DNS_OPTION_LEN(0) + ANSWER_IDENTITY_MAX + DNS_COOKIE_MAX + 2)

/* What goes into the answer's OPT record, known before anything else is written. */
struct tail {
	size_t options_len;
	uint8_t options[OPTIONS_MAX];
};

static void tail_cookie(const struct answer *a, struct writer *w)
{
	uint8_t server[DNS_COOKIE_INTEROP_LEN];
	struct span client = ip_address_span(a->in->client), cookie = a->query.edns.cookie;

	switch (dns_cookie_check(a->conf->cookie_secret, cookie, client, a->in->now_s)) {
	case DNS_COOKIE_NONE: return;
	case DNS_COOKIE_GOOD: dns_edns_write_option(w, DNS_OPTION_COOKIE, cookie); return;
	default: break;
	}
	dns_cookie_make(a->conf->cookie_secret, cookie.data, client, a->in->now_s, server);
	dns_edns_write_cookie(w, cookie.data, span_of(server, sizeof(server)));
}

static void tail_make(const struct answer *a, struct tail *ret)
{
	struct writer w = writer_of(ret->options, sizeof(ret->options));
	const struct dns_edns *edns = &a->query.edns;

	ret->options_len = 0;
	if (edns->options.len == 0 || edns->version != 0)
		return;
	if (edns->nsid && a->conf->identity_len)
		dns_edns_write_nsid(&w, span_of(a->conf->identity, a->conf->identity_len));
	if (edns->cookie.len && a->conf->cookies)
		tail_cookie(a, &w);
	if (edns->keepalive && a->in->tcp)
		dns_edns_write_keepalive(&w,
					 a->conf->idle_100ms); /* RFC 7828 3.2.1: not over UDP */
	ret->options_len = w.pos;
}

/* The OPT record of RFC 6891 6.1.2, with an extended error when there is one and room for it. */
static void put_opt(struct answer *a, const struct tail *tail)
{
	size_t length_at;

	write_u8(&a->w, 0);
	write_u16(&a->w, DNS_TYPE_OPT);
	write_u16(&a->w, a->conf->edns_size);
	write_u8(&a->w, (uint8_t)(a->rcode >> 4));
	write_u8(&a->w, DNS_EDNS_VERSION);
	write_u16(&a->w, a->query.edns.do_bit ? 0x8000 : 0);
	length_at = writer_reserve(&a->w, 2);
	write_bytes(&a->w, tail->options, tail->options_len);
	if (a->has_ede && writer_left(&a->w) >= DNS_OPTION_LEN(2))
		dns_edns_write_extended_error(&a->w, a->ede, (struct span){0});
	writer_fill_u16(&a->w, length_at);
	a->counts[DNS_ADDITIONAL]++;
}

static void put_header(const struct answer *a)
{
	uint16_t keep = (uint16_t)(DNS_FLAGS_OPCODE_MASK | DNS_FLAG_RD | DNS_FLAG_CD);
	uint16_t flags = (uint16_t)((a->query.header.flags & keep) | DNS_FLAG_QR | a->flags |
				    (a->rcode & DNS_FLAGS_RCODE_MASK));
	uint8_t *at = a->w.data;

	put_u16(at, a->query.header.id);
	put_u16(at + 2, flags);
	put_u16(at + 4, a->query.has_question ? 1 : 0);
	put_u16(at + 6, a->counts[DNS_ANSWER]);
	put_u16(at + 8, a->counts[DNS_AUTHORITY]);
	put_u16(at + 10, a->counts[DNS_ADDITIONAL]);
}

/* The most bytes that this client takes over this transport, RFC 6891 6.2.3 to 6.2.5. */
static size_t limit_of(const struct answer *a, size_t out_cap)
{
	size_t limit = ANSWER_TCP_MAX;

	if (!a->in->tcp) {
		limit = a->query.edns.present ? a->query.edns.udp_size : DNS_EDNS_UDP_MIN;
		if (limit > a->conf->edns_size)
			limit = a->conf->edns_size;
	}
	return limit < out_cap ? limit : out_cap;
}

/* Query types that are no data and that nobody serves (RFC 6895 3.1). */
static bool is_meta(uint16_t type)
{
	return type != DNS_TYPE_ANY && (dns_type_flags(type) & DNS_TYPE_META);
}

static void answer_question(struct answer *a, const struct zones_entry **ret_transfer)
{
	uint16_t class = a->query.question.class;

	zone_path_set(&a->path, a->query.question.name.wire, a->query.question.name.len);
	a->owner_at = DNS_HEADER_LEN;
	a->first = true;
	if (class == DNS_CLASS_CH)
		answer_chaos(a);
	else if (class != DNS_CLASS_IN)
		answer_fail(a, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED);
	else if (a->type == DNS_TYPE_AXFR || a->type == DNS_TYPE_IXFR)
		answer_transfer(a, ret_transfer);
	else if (is_meta(a->type))
		answer_fail(a, DNS_RCODE_NOTIMP, DNS_EDE_INVALID_QUERY_TYPE);
	else
		answer_find(a);
}

static void facts_of(const struct answer *a, struct answer_facts *ret)
{
	ret->opcode = (uint8_t)dns_header_opcode(&a->query.header);
	ret->rcode = a->rcode;
	ret->type = a->query.has_question ? a->type : 0;
	ret->edns = a->query.edns.present;
	ret->dnssec = a->dnssec;
	ret->truncated = a->flags & DNS_FLAG_TC;
	ret->referral = a->referral;
}

/* RFC 8945 5.2. False: the signature is wrong, and the rcode says so. */
static bool is_proved(struct answer *a)
{
	enum dns_tsig_verdict v = dns_tsig_check(a->in->packet, a->query.tsig_at, keyring_find,
						 a->conf->keys, a->in->now_s, a->tsig);

	if (v != DNS_TSIG_GOOD)
		a->rcode = v == DNS_TSIG_FORMERR ? DNS_RCODE_FORMERR : DNS_RCODE_NOTAUTH;
	return v == DNS_TSIG_GOOD;
}

static void answer_any(struct answer *a, struct answer_facts *ret)
{
	const struct dns_query *q = &a->query;

	if (q->verdict == DNS_QUERY_ANSWER)
		answer_question(a, &ret->transfer);
	else if (dns_header_opcode(&q->header) == DNS_OPCODE_UPDATE)
		answer_update(a, &ret->update);
	else
		a->rcode = (uint16_t)q->rcode;
}

static size_t answer_write(struct answer *a, size_t limit, struct answer_facts *ret)
{
	const struct dns_query *q = &a->query;
	struct tail tail = {.options_len = 0};
	bool proved = true;
	size_t reserved = 0;

	if (q->edns.present) {
		tail_make(a, &tail);
		reserved = DNS_OPT_LEN + tail.options_len;
	}
	if (q->tsig_at) {
		proved = is_proved(a);
		reserved += dns_tsig_reply_len(a->tsig);
	}
	if (limit < DNS_HEADER_LEN + reserved + (q->has_question ? q->question.wire.len : 0)) {
		ret->drop = ANSWER_DROP_SPACE;
		return 0;
	}
	a->w.cap = limit - reserved;
	a->w.pos = DNS_HEADER_LEN;
	if (q->has_question) {
		a->type = q->question.type;
		write_span(&a->w, q->question.wire);
	}
	if (proved)
		answer_any(a, ret);
	facts_of(a, ret);
	if (ret->transfer || ret->update)
		return 0;
	a->w.cap = limit;
	if (q->edns.present)
		put_opt(a, &tail);
	put_header(a);
	if (q->tsig_at)
		return dns_tsig_reply_sign(a->tsig, a->w.data, a->w.pos, limit, a->in->now_s);
	return a->w.pos;
}

size_t answer_make(const struct zones *zones, const struct answer_config *conf,
		   const struct answer_input *in, uint8_t *out, size_t out_cap,
		   struct answer_facts *ret)
{
	struct answer a;

	ret->transfer = NULL;
	ret->update = NULL;
	ret->drop = ANSWER_SENT;
	if (dns_query_read(in->packet, &a.query) == DNS_QUERY_DROP) {
		ret->drop = ANSWER_DROP_SHORT;
		return 0;
	}
	/* Member by member: the arrays need no clearing, and there are kilobytes of them. */
	a.zones = zones;
	a.conf = conf;
	a.in = in;
	a.tsig = &ret->tsig;
	a.tsig->present = false;
	a.w = writer_of(out, out_cap);
	a.type = 0;
	a.rcode = DNS_RCODE_NOERROR;
	a.flags = 0;
	memset(a.counts, 0, sizeof(a.counts));
	a.dnssec = a.query.edns.present && a.query.edns.do_bit;
	a.referral = false;
	a.has_ede = false;
	a.ede = 0;
	a.entry = NULL;
	a.zone = NULL;
	a.encloser = NULL;
	a.suffixes_begun = false;
	a.suffixes_n = 0;
	a.proofs_n = 0;
	a.additional = NULL;
	a.cut = NULL;
	a.chain_n = 0;
	a.target_at = 0;
	a.first = false;
	return answer_write(&a, limit_of(&a, out_cap), ret);
}
