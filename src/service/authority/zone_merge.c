#include "service/authority/zone_merge.h"

#include "base/writer.h"
#include "proto/dns/code.h"
#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "service/authority/zone_build.h"
#include "service/authority/zone_edit.h"

struct merging {
	const struct zone *file;
	const struct ledger *ledger;
	struct journal_batch *base;
	struct zone_merge *how;
	struct zone_build *build;
	struct dns_name owner; /* of the node that is walked */
	uint8_t soa[DNS_NAME_MAX * 2 + 20];
};

static bool is_newer(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0; /* RFC 1982 3.2 */
}

/* RFC 2136 4.6 wants no serial of 0. */
static uint32_t serial_after(uint32_t serial)
{
	return serial + 1 ? serial + 1 : 1;
}

static uint32_t merged_serial(const struct merging *m, uint32_t head_serial)
{
	uint32_t file = m->file->serial, last = m->ledger->serial;

	if (m->ledger->entries == 0 || is_newer(file, last))
		return file;
	/* Who saw `last` must see that the file is another. */
	return file == head_serial ? last : serial_after(last);
}

static void note(struct merging *m, const struct journal_change *c)
{
	if (m->base)
		journal_put(m->base, c);
}

static enum err add(struct merging *m, const struct journal_change *c)
{
	return zone_build_add(m->build, &(struct zone_build_record){
						.owner = &c->owner,
						.type = c->type,
						.class = DNS_CLASS_IN,
						.ttl_s = c->ttl_s,
						.rdata = c->rdata,
					});
}

/* The SOA with the serial that is served. */
static enum err add_soa(struct merging *m, struct journal_change *c)
{
	bool updated = m->ledger->soa.len && !m->how->edited;
	struct writer w = writer_of(m->soa, sizeof(m->soa));
	struct dns_soa fields;

	if (updated) {
		c->rdata = m->ledger->soa;
		c->ttl_s = m->ledger->soa_ttl_s;
	}
	TRY(dns_rdata_soa(c->rdata, &fields));
	write_span(&w, c->rdata);
	TRY(writer_check(&w));
	put_u32(m->soa + fields.mname.len + fields.rname.len, m->how->serial);
	c->rdata = writer_span(&w);
	if (updated)
		note(m, c);
	return add(m, c);
}

static bool is_taken_away(const struct merging *m, uint16_t type, struct span owner,
			  struct span rdata)
{
	const struct ledger_record *r;

	if (m->how->edited)
		return false;
	r = ledger_find(m->ledger, owner, type, rdata);
	return r && r->minus;
}

static enum err file_rrset(struct merging *m, const struct zone_rrset *s)
{
	struct reader r = reader_of(zone_rrset_data(s), s->size);
	struct journal_change c = {
		.type = zone_rrset_type(s), .ttl_s = zone_rrset_ttl(s), .owner = m->owner};

	for (unsigned i = 0; i < s->count; i++) {
		c.rdata = read_span(&r, read_u16(&r));
		c.op = JOURNAL_ADD;
		if (c.type == DNS_TYPE_SOA) {
			TRY(add_soa(m, &c));
		} else if (is_taken_away(m, c.type, dns_name_span(&c.owner), c.rdata)) {
			c.op = JOURNAL_REMOVE;
			note(m, &c);
		} else {
			TRY(add(m, &c));
		}
	}
	return OK;
}

static enum err file_records(struct merging *m)
{
	const struct zone *z = m->file;

	for (const struct zone_node *n = zone_next(z, NULL); n; n = zone_next(z, n)) {
		const struct zone_rrset *s = zone_node_rrsets(n);
		m->owner.len = n->name_len;
		dns_octets_lower(m->owner.wire, n->name, n->name_len);
		for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s))
			TRY(file_rrset(m, s));
	}
	return OK;
}

/* Does a record of the file remain in the RRset; rdata, when it has one: of that rdata. */
static bool remains(const struct merging *m, const struct zone_node *n, const struct zone_rrset *s,
		    const struct span *rdata)
{
	struct reader r = reader_of(zone_rrset_data(s), s->size);
	uint16_t type = zone_rrset_type(s);

	for (unsigned i = 0; i < s->count; i++) {
		struct span have = read_span(&r, read_u16(&r));
		if ((!rdata || dns_rdata_compare(type, have, *rdata) == 0) &&
		    !is_taken_away(m, type, span_of(n->name, n->name_len), have))
			return true;
	}
	return false;
}

static bool is_single(uint16_t type)
{
	return type == DNS_TYPE_CNAME || type == DNS_TYPE_DNAME;
}

/* May an added record stand beside the file's RRset of type `have`? */
static bool goes_with(uint16_t type, uint16_t have)
{
	if (type == DNS_TYPE_CNAME || have == DNS_TYPE_CNAME)
		return false;
	if (type == have)
		return !is_single(type);
	return !((type == DNS_TYPE_DNAME && have == DNS_TYPE_NS) ||
		 (type == DNS_TYPE_NS && have == DNS_TYPE_DNAME));
}

/* Added, and neither in the file by now nor against it. */
static bool is_wanted(const struct merging *m, const struct ledger_record *r)
{
	struct span rdata = span_of(r->rdata, r->rdata_len);
	const struct zone_node *n;
	struct zone_path p;

	if (!r->plus)
		return false;
	zone_path_set(&p, r->owner->wire, r->owner->len);
	n = zone_lookup(m->file, &p, p.labels);
	if (!n)
		return true;
	const struct zone_rrset *s = zone_node_rrsets(n);
	for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s)) {
		uint16_t have = zone_rrset_type(s);
		if (have == r->type && remains(m, n, s, &rdata))
			return false;
		if (!goes_with(r->type, have) && remains(m, n, s, NULL))
			return false;
	}
	return true;
}

static enum err added_records(struct merging *m)
{
	for (const struct ledger_record *r = m->ledger->first; r; r = r->next) {
		struct journal_change c = {.op = JOURNAL_ADD,
					   .type = r->type,
					   .ttl_s = r->ttl_s,
					   .owner = {.len = r->owner->len},
					   .rdata = span_of(r->rdata, r->rdata_len)};
		if (!is_wanted(m, r)) {
			m->how->dropped += r->plus;
			continue;
		}
		memcpy(c.owner.wire, r->owner->wire, r->owner->len);
		m->how->kept++;
		note(m, &c);
		TRY(add(m, &c));
	}
	return OK;
}

enum err zone_merge(const struct zone *file, const struct ledger *l, uint32_t head_serial,
		    struct journal_batch *base, struct zone_merge *ret_how, struct zone **ret)
{
	struct zone_judge judge = {.lenient = true};
	AUTO(zone_build_free) struct zone_build *b = NULL;
	AUTO(zone_unref) struct zone *z = NULL;
	struct zone_merge how = {.edited = file->serial != head_serial};
	struct merging m = {.file = file, .ledger = l, .base = base, .how = &how};

	how.serial = merged_serial(&m, head_serial);
	TRY(zone_build_new(&file->origin, file->key, &judge, &b));
	m.build = b;
	TRY(file_records(&m));
	TRY(added_records(&m));
	TRY(zone_build_finish(b, &z));
	TRY(zone_home_copy(z->home, file->home));
	*ret = TAKE(z);
	*ret_how = how;
	return OK;
}
