/* Questions that no zone's data answers: about the server itself (class CH) and for whole zones. */
#include "proto/dns/rdata.h"
#include "proto/ip/prefix.h"
#include "service/authority/answer_inner.h"
#include "service/authority/keyring.h"

static bool asks(const struct answer *a, const char *name)
{
	struct dns_name n;

	return !dns_name_from_text(span_text(name), NULL, &n) && n.len == a->path.len &&
	       memcmp(n.wire, a->path.wire, n.len) == 0;
}

/* RFC 4892: TXT records that say which server of a set this is. */
void answer_chaos(struct answer *a)
{
	struct span text = {0};

	if (a->type != DNS_TYPE_TXT && a->type != DNS_TYPE_ANY) {
		answer_fail(a, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED);
		return;
	}
	if (asks(a, "id.server.") || asks(a, "hostname.bind."))
		text = span_of(a->conf->identity, a->conf->identity_len);
	else if ((asks(a, "version.server.") || asks(a, "version.bind.")) && a->conf->version)
		text = span_text(a->conf->version);
	if (text.len == 0 || text.len > 255) {
		answer_fail(a, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED);
		return;
	}
	a->flags |= DNS_FLAG_AA;
	write_u16(&a->w, 0xC000 | DNS_HEADER_LEN);
	write_u16(&a->w, DNS_TYPE_TXT);
	write_u16(&a->w, DNS_CLASS_CH);
	write_u32(&a->w, 0);
	write_u16(&a->w, (uint16_t)(text.len + 1));
	write_u8(&a->w, (uint8_t)text.len);
	write_span(&a->w, text);
	a->counts[DNS_ANSWER] = 1;
}

static bool may_transfer(const struct answer *a, const struct zones_entry *e)
{
	struct ip_address client = ip_address_unmap(a->in->client);

	for (size_t i = 0; i < e->transfer_n; i++)
		if (ip_prefix_contains(&e->transfer_own[i], &client))
			return true;
	for (size_t i = 0; a->tsig->present && i < e->transfer_keys_n; i++)
		if (dns_name_equal(&e->transfer_keys[i], &a->tsig->key->name))
			return true;
	return false;
}

/* RFC 1995 4: the SOA alone says "you are up to date", or over UDP "ask by TCP". */
static void put_soa_alone(struct answer *a)
{
	const struct zone *z = a->zone;

	a->flags |= DNS_FLAG_AA;
	a->encloser = zone_node_at(z, z->apex);
	answer_must_put(a, &(struct answer_rrset){
				   .section = DNS_ANSWER,
				   .owner_at = a->owner_at,
				   .rrset = zone_rrset_at(z, z->soa),
			   });
}

/* The serial that an IXFR client has, from the SOA in its authority section. */
static bool client_serial(const struct answer *a, uint32_t *ret)
{
	struct reader r = reader_of_span(a->in->packet), rdata;
	uint8_t raw[2 * DNS_NAME_MAX + 20];
	struct writer w = writer_of(raw, sizeof(raw));
	struct dns_soa soa;
	uint16_t type;

	if (!a->query.authority_at)
		return false;
	reader_skip(&r, a->query.authority_at);
	dns_name_skip(&r);
	type = read_u16(&r);
	reader_skip(&r, 6);
	rdata = reader_sub(&r, read_u16(&r));
	if (reader_check(&r) || type != DNS_TYPE_SOA ||
	    dns_rdata_from_wire(DNS_TYPE_SOA, &rdata, reader_of_span(a->in->packet), &w) ||
	    dns_rdata_soa(writer_span(&w), &soa))
		return false;
	*ret = soa.serial;
	return true;
}

void answer_transfer(struct answer *a, const struct zones_entry **ret)
{
	const struct zones_entry *e = zones_find(a->zones, &a->path, a->path.labels);
	uint32_t serial;

	*ret = NULL;
	if (!e || e->origin.len != a->path.len) {
		answer_fail(a, DNS_RCODE_NOTAUTH, DNS_EDE_NOT_AUTHORITATIVE); /* RFC 5936 2.2.1 */
		return;
	}
	if (!may_transfer(a, e)) {
		answer_fail(a, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED);
		return;
	}
	if (!e->zone) {
		answer_fail(a, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY);
		return;
	}
	answer_enter_zone(a, zone_now(e->zone));
	if (a->type == DNS_TYPE_IXFR) {
		if (!client_serial(a, &serial)) {
			a->rcode = DNS_RCODE_FORMERR;
			return;
		}
		/* RFC 1982: theirs is ours or newer. */
		if (!a->in->tcp || (int32_t)(serial - a->zone->serial) >= 0) {
			put_soa_alone(a);
			return;
		}
	} else if (!a->in->tcp) {
		a->rcode = DNS_RCODE_FORMERR; /* RFC 5936 4.2: AXFR is not for UDP */
		return;
	}
	*ret = e;
}

/* RFC 2136 3.1: the zone section, and whether we are its primary; 3.3: who may at all. The rest is
 * decided where the zone is written. */
void answer_update(struct answer *a, const struct zones_entry **ret)
{
	struct dns_message m;
	const struct zones_entry *e;

	*ret = NULL;
	if (!a->query.tsig_at && !dns_message_read(a->in->packet, &m) && m.tsig_at) {
		/* dns_query_read does not look for it behind records. */
		enum dns_tsig_verdict v = dns_tsig_check(a->in->packet, m.tsig_at, keyring_find,
							 a->conf->keys, a->in->now_s, a->tsig);
		a->query.tsig_at = m.tsig_at;
		if (v != DNS_TSIG_GOOD) {
			a->rcode = v == DNS_TSIG_FORMERR ? DNS_RCODE_FORMERR : DNS_RCODE_NOTAUTH;
			return;
		}
	}
	if (!a->query.has_question || a->type != DNS_TYPE_SOA) {
		a->rcode = DNS_RCODE_FORMERR;
		return;
	}
	zone_path_set(&a->path, a->query.question.name.wire, a->query.question.name.len);
	e = zones_find(a->zones, &a->path, a->path.labels);
	if (!e || e->origin.len != a->path.len || a->query.question.class != DNS_CLASS_IN)
		a->rcode = DNS_RCODE_NOTAUTH;
	else if (!a->tsig->present || !update_policy_knows(&e->policy, &a->tsig->key->name))
		answer_fail(a, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED);
	else if (!e->zone || !e->updater)
		answer_fail(a, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY);
	else
		*ret = e;
}

size_t answer_update_write(struct span packet, enum dns_rcode rcode, struct dns_tsig_reply *tsig,
			   uint64_t now_s, uint8_t *out, size_t out_cap)
{
	struct writer w = writer_of(out, out_cap);
	struct dns_message m;

	if (dns_message_read_head(packet, &m))
		return 0;
	write_u16(&w, m.header.id);
	write_u16(&w, (uint16_t)(DNS_FLAG_QR | DNS_OPCODE_UPDATE << DNS_FLAGS_OPCODE_SHIFT |
				 (unsigned)rcode));
	write_u16(&w, m.has_question ? 1 : 0);
	write_u16(&w, 0);
	write_u32(&w, 0);
	if (m.has_question)
		write_span(&w, m.question.wire);
	if (w.bad)
		return 0;
	return dns_tsig_reply_sign(tsig, out, w.pos, out_cap, now_s);
}
