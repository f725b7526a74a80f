#include "service/authority/axfr.h"

#include "base/writer.h"
#include "proto/dns/message.h"
#include "proto/dns/type.h"

#define POINTER	    0xC000u
#define POINTER_MAX 0x3FFFu
#define MESSAGE_LEN 16384u /* where a message is full, unless a single record is larger */
#define MESSAGE_MAX 65535u

enum err axfr_begin(struct axfr *x, const struct zone *z, struct span packet, uint16_t edns_size,
		    const struct dns_tsig_reply *tsig)
{
	struct dns_query q;

	if (dns_query_read(packet, &q) != DNS_QUERY_ANSWER ||
	    q.question.wire.len > sizeof(x->question))
		return ERR_FORMAT;
	*x = (struct axfr){
		.part = AXFR_SOA_FIRST,
		.id = q.header.id,
		.flags = (uint16_t)(DNS_FLAG_QR | DNS_FLAG_AA |
				    (q.header.flags & (DNS_FLAG_RD | DNS_FLAG_CD))),
		.edns_size = q.edns.present ? edns_size : 0,
		.question_len = (uint8_t)(q.question.wire.len - 4),
	};
	x->tsig.present = false;
	if (tsig->present) {
		x->tsig = *tsig;
		x->key = *tsig->key;
		x->tsig.key = &x->key;
	}
	memcpy(x->question, q.question.wire.data, q.question.wire.len);
	x->zone = zone_keep(z);
	return OK;
}

void axfr_done(struct axfr *x)
{
	zone_drop(x->zone);
	x->zone = NULL;
	x->part = AXFR_DONE;
	secret_done(&x->key.secret);
}

static void take_rrset(struct axfr *x, const struct zone_rrset *s)
{
	x->rrset = s;
	x->record = zone_rrset_data(s);
	x->index = 0;
	x->records_left = (unsigned)s->count + s->sigs;
}

static bool is_signature(const struct axfr *x)
{
	return x->index >= x->rrset->count;
}

static void pass_record(struct axfr *x)
{
	x->record += 2 + (size_t)(x->record[0] << 8 | x->record[1]);
	x->index++;
	x->records_left--;
}

/* The apex's SOA begins and ends the transfer and does not come between (RFC 5936 2.2). */
static bool is_left_out(const struct axfr *x)
{
	return x->part == AXFR_NODES && zone_rrset_type(x->rrset) == DNS_TYPE_SOA;
}

/* The next record, or false at the end. The signatures of the SOA come with the other nodes' data.
 */
static bool advance(struct axfr *x)
{
	const struct zone *z = x->zone;

	for (;;) {
		if (x->rrset && x->records_left) {
			if (!is_left_out(x) || is_signature(x))
				return true;
			pass_record(x);
			continue;
		}
		if (x->part == AXFR_NODES && x->rrsets_left > 1) {
			x->rrsets_left--;
			take_rrset(x, zone_rrset_next(x->rrset));
			continue;
		}
		if (x->part == AXFR_SOA_FIRST && x->rrset) {
			x->part = AXFR_NODES;
			x->node = NULL;
		}
		if (x->part == AXFR_SOA_FIRST || x->part == AXFR_SOA_LAST) {
			if (x->part == AXFR_SOA_LAST && x->rrset == zone_rrset_at(z, z->soa))
				return false;
			x->node = zone_node_at(z, z->apex);
			take_rrset(x, zone_rrset_at(z, z->soa));
			x->records_left = 1;
			continue;
		}
		x->node = zone_next(z, x->node);
		x->rrset = NULL;
		if (!x->node) {
			x->part = AXFR_SOA_LAST;
			continue;
		}
		x->rrsets_left = x->node->rrsets;
		if (x->rrsets_left)
			take_rrset(x, zone_node_rrsets(x->node));
	}
}

/* A name at or below the apex, its end pointed to in the question. */
static void put_name(const struct axfr *x, struct writer *w, const uint8_t *wire, size_t len)
{
	size_t apex_len = zone_node_at(x->zone, x->zone->apex)->name_len;

	if (apex_len == 1) {
		write_bytes(w, wire, len);
		return;
	}
	write_bytes(w, wire, len - apex_len);
	write_u16(w, POINTER | DNS_HEADER_LEN);
}

static void put_rdata(const struct axfr *x, struct writer *w, const uint8_t *rdata, size_t len)
{
	const struct zone_rrset *s = x->rrset;
	uint16_t type = zone_rrset_type(s);
	size_t pos = type == DNS_TYPE_MX ? 2 : 0;

	/* RFC 3597 4: only these types may be compressed. */
	if (is_signature(x) ||
	    (type != DNS_TYPE_NS && type != DNS_TYPE_CNAME && type != DNS_TYPE_MX)) {
		write_bytes(w, rdata, len);
		return;
	}
	const struct zone_node *n = zone_node_at(x->zone, zone_rrset_links(s)[x->index]);
	write_bytes(w, rdata, pos);
	if (n->flags & ZONE_NODE_OUTSIDE)
		write_bytes(w, rdata + pos, len - pos);
	else
		put_name(x, w, rdata + pos, len - pos);
}

/* One record; *owner_at: where the node's name stands in this message already, 0 for not yet. */
static void put_record(struct axfr *x, struct writer *w, size_t *owner_at)
{
	const struct zone_rrset *s = x->rrset;
	size_t len = (size_t)(x->record[0] << 8 | x->record[1]), start = w->pos, length_at;

	if (*owner_at)
		write_u16(w, (uint16_t)(POINTER | *owner_at));
	else
		put_name(x, w, x->node->name, x->node->name_len);
	if (is_signature(x)) {
		write_u16(w, DNS_TYPE_RRSIG);
		write_u16(w, DNS_CLASS_IN);
		write_u32(w, s->sigs_ttl);
	} else {
		write_bytes(w, s->fixed, sizeof(s->fixed));
	}
	length_at = writer_reserve(w, 2);
	put_rdata(x, w, x->record + 2, len);
	writer_fill_u16(w, length_at);
	if (!*owner_at && start <= POINTER_MAX && x->node->name_len > 1)
		*owner_at = start;
}

static unsigned put_records(struct axfr *x, struct writer *w)
{
	const struct zone_node *owner = NULL;
	size_t owner_at = 0;
	unsigned n = 0;

	while (advance(x)) {
		size_t pos = w->pos;
		if (x->node != owner)
			owner_at = 0;
		owner = x->node;
		put_record(x, w, &owner_at);
		if (w->bad || (n > 0 && w->pos > MESSAGE_LEN)) {
			writer_rewind(w, pos);
			return n;
		}
		pass_record(x);
		n++;
	}
	x->part = AXFR_DONE;
	return n;
}

size_t axfr_next(struct axfr *x, uint8_t *out, size_t cap, uint64_t now_s)
{
	size_t limit = cap < MESSAGE_MAX ? cap : MESSAGE_MAX;
	struct writer w = writer_of(out, limit - dns_tsig_reply_len(&x->tsig));
	unsigned n;

	if (x->part == AXFR_DONE)
		return 0;
	if (x->edns_size)
		w.cap -= DNS_OPT_LEN;
	write_u16(&w, x->id);
	write_u16(&w, x->flags);
	write_u16(&w, 1);
	size_t count_at = w.pos;
	write_u16(&w, 0);
	write_u16(&w, 0);
	write_u16(&w, x->edns_size ? 1 : 0);
	write_bytes(&w, x->question, (size_t)x->question_len + 4);
	n = put_records(x, &w);
	if (w.bad || n == 0) {
		x->part = AXFR_DONE; /* a record that no message holds: the client sees a torn
					transfer */
		return 0;
	}
	put_u16(out + count_at, (uint16_t)n);
	if (x->edns_size) {
		w.cap += DNS_OPT_LEN;
		write_u8(&w, 0);
		write_u16(&w, DNS_TYPE_OPT);
		write_u16(&w, x->edns_size);
		write_u32(&w, 0);
		write_u16(&w, 0);
	}
	x->records += n;
	x->messages++;
	return dns_tsig_reply_sign(&x->tsig, out, w.pos, limit, now_s);
}
