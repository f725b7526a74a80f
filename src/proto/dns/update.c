#include "proto/dns/update.h"

#include "proto/dns/rdata.h"
#include "proto/dns/type.h"

/* --- reading --- */

static bool rdata_is_right(const struct dns_message *m, const struct dns_record *rec, uint8_t *buf,
			   struct span *ret)
{
	struct reader r = dns_record_reader(rec);
	struct writer w = writer_of(buf, DNS_RDATA_MAX);

	if (dns_rdata_from_wire(rec->type, &r, dns_message_reader(m), &w))
		return false;
	*ret = writer_span(&w);
	return true;
}

static bool is_meta(uint16_t type)
{
	return (dns_type_flags(type) & DNS_TYPE_META) != 0;
}

/* RFC 2136 3.2.5, the parts that need no zone's data. False: FORMERR. */
static bool prerequisite_kind(const struct dns_record *rec, uint16_t class, uint8_t *ret)
{
	bool any = rec->type == DNS_TYPE_ANY;

	if (is_meta(rec->type) && !any)
		return false;
	if (rec->class == class && !any) {
		*ret = DNS_PREREQUISITE_RECORD;
		return true;
	}
	if (rec->rdata.len != 0)
		return false;
	if (rec->class == DNS_CLASS_ANY)
		*ret = any ? DNS_PREREQUISITE_NAME : DNS_PREREQUISITE_RRSET;
	else if (rec->class == DNS_CLASS_NONE)
		*ret = any ? DNS_PREREQUISITE_NO_NAME : DNS_PREREQUISITE_NO_RRSET;
	else
		return false;
	return true;
}

/* RFC 2136 3.4.1.3. False: FORMERR. */
static bool change_kind(const struct dns_record *rec, uint16_t class, uint8_t *ret)
{
	bool any = rec->type == DNS_TYPE_ANY;

	if (is_meta(rec->type) && !any)
		return false;
	if (rec->class == class) {
		*ret = DNS_UPDATE_ADD;
		return !any;
	}
	if (rec->ttl != 0)
		return false;
	if (rec->class == DNS_CLASS_NONE) {
		*ret = DNS_UPDATE_DELETE;
		return !any;
	}
	*ret = any ? DNS_UPDATE_DELETE_NAME : DNS_UPDATE_DELETE_RRSET;
	return rec->class == DNS_CLASS_ANY && rec->rdata.len == 0;
}

static bool has_rdata(enum dns_section section, uint8_t kind)
{
	if (section == DNS_ANSWER)
		return kind == DNS_PREREQUISITE_RECORD;
	return kind == DNS_UPDATE_ADD || kind == DNS_UPDATE_DELETE;
}

static bool kind_of(const struct dns_record *rec, uint16_t class, uint8_t *ret)
{
	return rec->section == DNS_ANSWER ? prerequisite_kind(rec, class, ret)
					  : change_kind(rec, class, ret);
}

static enum dns_rcode section_check(const struct dns_message *m, enum dns_section section)
{
	uint8_t buf[DNS_RDATA_MAX], kind;
	struct dns_record_iter it = dns_record_iter_section(m, section);
	struct dns_record rec;
	struct span rdata;

	while (dns_record_next(m, &it, &rec)) {
		/* The order of RFC 2136 3.2.5 and 3.4.1.3: their pseudocode differs in this. */
		if (section == DNS_ANSWER && rec.ttl != 0)
			return DNS_RCODE_FORMERR;
		if (!dns_name_is_under(&rec.owner, &m->question.name))
			return DNS_RCODE_NOTZONE;
		if (!kind_of(&rec, m->question.class, &kind))
			return DNS_RCODE_FORMERR;
		if (has_rdata(section, kind) && !rdata_is_right(m, &rec, buf, &rdata))
			return DNS_RCODE_FORMERR;
	}
	return DNS_RCODE_NOERROR;
}

enum dns_rcode dns_update_read(struct span message, struct dns_update *ret)
{
	struct dns_message *m = &ret->message;
	enum dns_rcode rcode;

	if (dns_message_read(message, m))
		return DNS_RCODE_FORMERR;
	/* RFC 2136 3.1.1: ZOCOUNT is 1, and ZTYPE is SOA. */
	if (!m->has_question || m->question.type != DNS_TYPE_SOA ||
	    m->question.class == DNS_CLASS_ANY || m->question.class == DNS_CLASS_NONE)
		return DNS_RCODE_FORMERR;
	rcode = section_check(m, DNS_ANSWER);
	return rcode ? rcode : section_check(m, DNS_AUTHORITY);
}

struct dns_update_iter dns_update_prerequisites(const struct dns_update *u)
{
	return (struct dns_update_iter){dns_record_iter_section(&u->message, DNS_ANSWER),
					u->message.question.class};
}

struct dns_update_iter dns_update_changes(const struct dns_update *u)
{
	return (struct dns_update_iter){dns_record_iter_section(&u->message, DNS_AUTHORITY),
					u->message.question.class};
}

bool dns_update_next(const struct dns_update *u, struct dns_update_iter *it, uint8_t *rdata,
		     struct dns_update_item *ret)
{
	struct dns_record rec;

	if (!dns_record_next(&u->message, &it->records, &rec) ||
	    !kind_of(&rec, it->class, &ret->kind))
		return false;
	ret->type = rec.type;
	ret->ttl_s = rec.ttl;
	ret->owner = rec.owner;
	ret->rdata = (struct span){0};
	return !has_rdata(rec.section, ret->kind) ||
	       rdata_is_right(&u->message, &rec, rdata, &ret->rdata);
}

/* --- writing --- */

void dns_update_begin(struct dns_build *b, void *buf, size_t limit, uint16_t id,
		      const struct dns_name *zone)
{
	dns_build_init(b, buf, limit, id, DNS_OPCODE_UPDATE << DNS_FLAGS_OPCODE_SHIFT);
	dns_build_question(b, dns_name_span(zone), DNS_TYPE_SOA, DNS_CLASS_IN);
}

struct fields {
	enum dns_section section;
	uint16_t type, class;
	uint32_t ttl_s;
	struct span rdata;
};

static void put(struct dns_build *b, const struct dns_name *owner, const struct fields *f)
{
	struct dns_build_rrset s = dns_build_rrset_begin(b, f->section, dns_name_span(owner),
							 f->type, f->class, f->ttl_s);

	if (f->rdata.len) {
		dns_build_rrset_add(b, &s, f->rdata);
	} else {
		size_t at;
		dns_build_rrset_add_begin(b, &s, &at);
		if (!b->w.bad)
			dns_build_rrset_add_end(b, &s, at);
	}
	if (!dns_build_rrset_end(b, &s))
		dns_build_truncate(b);
}

void dns_update_require(struct dns_build *b, enum dns_prerequisite_kind kind,
			const struct dns_name *owner, uint16_t type, struct span rdata)
{
	bool record = kind == DNS_PREREQUISITE_RECORD;
	bool name = kind == DNS_PREREQUISITE_NAME || kind == DNS_PREREQUISITE_NO_NAME;
	bool none = kind == DNS_PREREQUISITE_NO_RRSET || kind == DNS_PREREQUISITE_NO_NAME;

	put(b, owner,
	    &(struct fields){
		    .section = DNS_ANSWER,
		    .type = name ? DNS_TYPE_ANY : type,
		    .class = record ? DNS_CLASS_IN
			     : none ? DNS_CLASS_NONE
				    : DNS_CLASS_ANY,
		    .rdata = record ? rdata : (struct span){0},
	    });
}

void dns_update_change(struct dns_build *b, enum dns_update_kind kind,
		       const struct dns_update_item *item)
{
	struct fields f = {.section = DNS_AUTHORITY, .type = item->type};

	switch (kind) {
	case DNS_UPDATE_ADD:
		f.class = DNS_CLASS_IN;
		f.ttl_s = item->ttl_s;
		f.rdata = item->rdata;
		break;
	case DNS_UPDATE_DELETE_RRSET: f.class = DNS_CLASS_ANY; break;
	case DNS_UPDATE_DELETE_NAME:
		f.class = DNS_CLASS_ANY;
		f.type = DNS_TYPE_ANY;
		break;
	case DNS_UPDATE_DELETE:
		f.class = DNS_CLASS_NONE;
		f.rdata = item->rdata;
		break;
	}
	put(b, &item->owner, &f);
}

struct span dns_update_finish(struct dns_build *b)
{
	if (b->truncated)
		return (struct span){0};
	return dns_build_finish(b);
}
