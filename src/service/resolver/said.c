#include "service/resolver/said.h"

#include "proto/dns/rdata.h"
#include "proto/dns/type.h"

#define DUPLICATES_AMONG 64u /* records of a set among which duplicates are looked for */

bool said_is_proof(const struct said_set *set)
{
	return set->set.type == DNS_TYPE_NSEC || set->set.type == DNS_TYPE_NSEC3;
}

static size_t bucket_of(const struct dns_name *owner, uint16_t type)
{
	/* Keyless: it only spreads one message, which at worst makes itself slow within its own
	 * bound. */
	uint32_t h = type * 2654435761u;
	for (size_t i = 0; i < owner->len; i++)
		h = (h ^ owner->wire[i]) * 16777619u;
	return (h >> 8) % SAID_BUCKETS;
}

static bool set_is(const struct said_set *s, enum dns_section section, const struct dns_name *owner,
		   uint16_t type)
{
	return s->section == section && s->set.type == type &&
	       span_equal(s->set.owner, dns_name_span(owner));
}

static struct said_set *set_find(const struct said *s, enum dns_section section,
				 const struct dns_name *owner, uint16_t type)
{
	uint16_t i = s->buckets[bucket_of(owner, type)];
	for (; i; i = s->sets[i - 1].next_in_bucket)
		if (set_is(&s->sets[i - 1], section, owner, type))
			return (struct said_set *)(uintptr_t)&s->sets[i - 1];
	return NULL;
}

const struct said_set *said_find(const struct said *s, enum dns_section section,
				 const struct dns_name *owner, uint16_t type)
{
	return set_find(s, section, owner, type);
}

static struct said_set *set_add(struct said *s, const struct dns_record *rec, uint16_t type)
{
	if (s->sets_n == SAID_SETS_MAX)
		return NULL;
	struct said_set *set = &s->sets[s->sets_n++];
	uint16_t *bucket = &s->buckets[bucket_of(&rec->owner, type)];
	size_t at = s->rdata.pos; /* the owner is kept beside the rdata until it is packed */
	write_span(&s->rdata, dns_name_span(&rec->owner));
	*set = (struct said_set){.section = (uint8_t)rec->section, .next_in_bucket = *bucket};
	set->set.type = type;
	set->set.owner = span_of(s->rdata_room + at, rec->owner.len);
	set->set.ttl_s = UINT32_MAX;
	*bucket = s->sets_n;
	return s->rdata.bad ? NULL : set;
}

static bool is_duplicate(const struct said *s, uint16_t first, const struct said_record *rec)
{
	struct span mine = span_of(s->rdata_room + rec->at, rec->len);
	unsigned seen = 0;
	for (uint16_t i = first; i && seen < DUPLICATES_AMONG; i = s->records[i - 1].next, seen++)
		if (span_equal(mine, span_of(s->rdata_room + s->records[i - 1].at,
					     s->records[i - 1].len)))
			return true;
	return false;
}

static void record_append(struct said *s, struct said_set *set, bool sig)
{
	uint16_t self = (uint16_t)(s->records_n + 1);
	uint16_t *first = sig ? &set->sig_first : &set->first;
	uint16_t *last = sig ? &set->sig_last : &set->last;
	if (is_duplicate(s, *first, &s->records[s->records_n]))
		return; /* RFC 2181 5 */
	if (*last)
		s->records[*last - 1].next = self;
	else
		*first = self;
	*last = self;
	s->records_n++;
	if (sig)
		set->set.sigs++;
	else
		set->set.count++;
}

static enum err record_take(struct said *s, const struct dns_record *rec, uint16_t qtype)
{
	struct reader rdata = dns_record_reader(rec);
	size_t at = s->rdata.pos;
	TRY(dns_rdata_from_wire(rec->type, &rdata, dns_message_reader(&s->message), &s->rdata));
	struct span plain = span_of(s->rdata_room + at, s->rdata.pos - at);
	bool sig = rec->type == DNS_TYPE_RRSIG && qtype != DNS_TYPE_RRSIG;
	uint16_t type = sig ? dns_rdata_rrsig_covered(plain) : rec->type;
	if (s->records_n == SAID_RECORDS_MAX)
		return ERR_LIMIT;
	s->records[s->records_n] = (struct said_record){(uint32_t)at, (uint32_t)plain.len, 0};
	struct said_set *set = set_find(s, rec->section, &rec->owner, type);
	if (!set)
		set = set_add(s, rec, type);
	if (!set)
		return ERR_LIMIT;
	uint32_t ttl_s = rec->ttl & 0x80000000u ? 0 : rec->ttl; /* RFC 2181 8 */
	if (ttl_s < set->set.ttl_s)
		set->set.ttl_s = ttl_s; /* RFC 2181 5.2 */
	record_append(s, set, sig);
	return OK;
}

static void pack(struct said *s, struct said_set *set)
{
	size_t at = rrset_pack_begin(&s->packed, set->set.owner, set->set.type, set->set.ttl_s);
	const uint16_t heads[2] = {set->first, set->sig_first};
	for (size_t k = 0; k < 2; k++)
		for (uint16_t i = heads[k]; i; i = s->records[i - 1].next)
			rrset_pack_rdata(&s->packed, span_of(s->rdata_room + s->records[i - 1].at,
							     s->records[i - 1].len));
	rrset_pack_end(&s->packed, at, set->set.count, set->set.sigs);
	if (s->packed.bad ||
	    !rrset_read(span_of(s->packed_room + at, s->packed.pos - at), &set->set))
		s->packed.bad = true;
}

enum err said_read(struct said *s, struct span message, const struct dns_name *zone, uint16_t qtype)
{
	TRY(dns_message_read(message, &s->message));
	s->flags = s->message.header.flags;
	s->rcode = (uint16_t)dns_message_rcode(&s->message);
	s->sets_n = s->records_n = 0;
	s->upward = false;
	memset(s->buckets, 0, sizeof(s->buckets));
	s->rdata = writer_of(s->rdata_room, sizeof(s->rdata_room));
	s->packed = writer_of(s->packed_room, sizeof(s->packed_room));
	struct dns_record_iter it = dns_record_iter_all(&s->message);
	struct dns_record rec;
	while (dns_record_next(&s->message, &it, &rec)) {
		s->upward |= rec.section == DNS_AUTHORITY && rec.type == DNS_TYPE_NS &&
			     rec.owner.len < zone->len && dns_name_is_under(zone, &rec.owner);
		if (rec.class != DNS_CLASS_IN || (dns_type_flags(rec.type) & DNS_TYPE_META) ||
		    !dns_name_is_under(&rec.owner, zone))
			continue;
		TRY(record_take(s, &rec, qtype));
	}
	for (uint16_t i = 0; i < s->sets_n; i++)
		pack(s, &s->sets[i]);
	return writer_check(&s->packed);
}

/* The DNAME that renames the name, RFC 6672 2.2: at an ancestor, never at the name itself. */
static const struct said_set *find_dname(const struct said *s, const struct dns_name *zone,
					 const struct dns_name *name, struct dns_name *ret_owner)
{
	struct dns_name up = *name;
	while (dns_name_parent(&up, &up) && dns_name_is_under(&up, zone)) {
		const struct said_set *set = said_find(s, DNS_ANSWER, &up, DNS_TYPE_DNAME);
		if (set && set->set.count) {
			*ret_owner = up;
			return set;
		}
	}
	return NULL;
}

/* One link of the chain from v->target on; false: the chain ends here. */
static bool follow(const struct said *s, const struct dns_name *zone, struct verdict *v)
{
	struct dns_name owner, to;
	struct reader r;
	struct span rdata;
	const struct said_set *set = find_dname(s, zone, &v->target, &owner);
	if (!set)
		set = said_find(s, DNS_ANSWER, &v->target, DNS_TYPE_CNAME);
	if (!set || set->set.count == 0 || v->links_n == SAID_LINKS_MAX)
		return false;
	r = reader_of_span(set->set.records);
	if (!rrset_record_next(&r, &rdata) || !dns_rdata_name(set->set.type, rdata, 0, &to))
		return false;
	if (set->set.type == DNS_TYPE_DNAME &&
	    dns_name_replace_suffix(&v->target, &owner, &to, &to) != OK)
		return false;
	v->links[v->links_n].set = set;
	v->links[v->links_n].from = v->target;
	v->links[v->links_n++].to = to;
	v->target = to;
	return true;
}

/* The SOA that makes a denial of the target, RFC 2308 3: of the zone or one below it that holds
 * target. */
static const struct said_set *find_soa(const struct said *s, const struct dns_name *target)
{
	for (uint16_t i = 0; i < s->sets_n; i++) {
		const struct said_set *set = &s->sets[i];
		if (set->section == DNS_AUTHORITY && set->set.type == DNS_TYPE_SOA &&
		    set->set.count == 1 &&
		    dns_name_is_under_nocase(dns_name_span(target), set->set.owner))
			return set;
	}
	return NULL;
}

/* The deepest delegation between the zone and the name; for a DS the cut at the name itself is
 * none. */
static const struct said_set *find_ns(const struct said *s, const struct dns_name *zone,
				      const struct dns_name *qname, uint16_t qtype)
{
	const struct said_set *best = NULL;
	for (uint16_t i = 0; i < s->sets_n; i++) {
		const struct said_set *set = &s->sets[i];
		struct span owner = set->set.owner;
		if (set->section != DNS_AUTHORITY || set->set.type != DNS_TYPE_NS ||
		    set->set.count == 0 || owner.len <= zone->len ||
		    !dns_name_is_under_nocase(dns_name_span(qname), owner) ||
		    (qtype == DNS_TYPE_DS && owner.len == qname->len))
			continue;
		if (!best || owner.len > best->set.owner.len)
			best = set;
	}
	return best;
}

static void judge_empty(const struct said *s, const struct dns_name *zone,
			const struct dns_name *qname, uint16_t qtype, bool forward,
			struct verdict *v)
{
	bool aa = s->flags & DNS_FLAG_AA;
	if (qtype == DNS_TYPE_DS)
		/* A parent that refers to the child tells what was asked all the same. */
		v->final = said_find(s, DNS_AUTHORITY, qname, DNS_TYPE_DS);
	if (v->final && v->final->set.count && zone->len < qname->len) {
		v->kind = SAID_ANSWER;
		return;
	}
	v->final = NULL;
	v->soa = find_soa(s, &v->target);
	v->ns = forward || v->soa ? NULL : find_ns(s, zone, qname, qtype);
	if (v->ns && !aa)
		v->kind = SAID_REFERRAL;
	else if (v->ns && !said_find(s, DNS_AUTHORITY, zone, DNS_TYPE_NS))
		v->kind = SAID_REFERRAL; /* some set AA on referrals */
	else if (v->soa || (aa && !s->upward) || forward)
		v->kind = SAID_NODATA;
	else
		v->kind = SAID_LAME;
}

void said_judge(const struct said *s, const struct dns_name *zone, const struct dns_name *qname,
		uint16_t qtype, bool forward, struct verdict *v)
{
	v->kind = SAID_FAILED;
	v->target = *qname;
	v->final = v->soa = v->ns = NULL;
	v->negative = v->denies_name = false;
	v->links_n = 0;
	if (!s->message.has_question ||
	    (s->rcode != DNS_RCODE_NOERROR && s->rcode != DNS_RCODE_NXDOMAIN))
		return;
	for (;;) {
		v->final = said_find(s, DNS_ANSWER, &v->target, qtype);
		if (v->final && v->final->set.count) {
			v->kind = SAID_ANSWER;
			return;
		}
		v->final = NULL;
		/* Where the zone ends, so does what this server may say. */
		if (!dns_name_is_under(&v->target, zone) || !follow(s, zone, v))
			break;
	}
	if (v->links_n) {
		v->kind = SAID_CNAME;
		v->soa = dns_name_is_under(&v->target, zone) ? find_soa(s, &v->target) : NULL;
		v->negative = v->soa != NULL;
		v->denies_name = s->rcode == DNS_RCODE_NXDOMAIN;
		return;
	}
	if (s->rcode == DNS_RCODE_NXDOMAIN) {
		v->soa = find_soa(s, &v->target);
		v->kind = SAID_NXDOMAIN;
		return;
	}
	judge_empty(s, zone, qname, qtype, forward, v);
}
