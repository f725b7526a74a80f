/* RFC 2136 section 3, in its order: 3.2 prerequisites, 3.3 permission, 3.4 the update section, 3.6
 * the serial. The message's form (3.1, and the pre-scan of 3.4.1) is judged as a whole before: what
 * is malformed is FORMERR or NOTZONE whatever its prerequisites are. */
#include "service/authority/update.h"

#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "service/authority/update_inner.h"

struct updating {
	struct zone_edit *edit;
	const struct update_request *req;
	const struct dns_update *message;
	struct update_scratch *scratch;
	struct journal_batch *batch;
	struct update_result *result;
	bool soa_given; /* an SOA with a higher serial was among the changes */
};

const char *update_outcome_text(enum update_outcome o)
{
	static const char *const texts[UPDATE_OUTCOMES] = {
		[UPDATE_CHANGED] = "changed",	  [UPDATE_UNCHANGED] = "unchanged",
		[UPDATE_MALFORMED] = "malformed", [UPDATE_PREREQUISITE] = "prerequisite",
		[UPDATE_FORBIDDEN] = "forbidden", [UPDATE_TOO_LARGE] = "too-large",
		[UPDATE_CONTRARY] = "contrary",	  [UPDATE_FAILED] = "failed",
	};
	return o < UPDATE_OUTCOMES ? texts[o] : "failed";
}

static const struct zone *view(const struct updating *u)
{
	return zone_edit_view(u->edit);
}

static bool is_apex(const struct updating *u, const struct dns_name *owner)
{
	return dns_name_equal(owner, &view(u)->origin);
}

/* --- 3.3 --- */

/* Deleting a name takes what stands there: all of it must be allowed. At the apex SOA and NS stay.
 */
static bool may_delete_name(const struct updating *u, const struct dns_name *owner)
{
	const struct update_policy *p = u->req->policy;
	const struct zone_node *n = update_node(view(u), owner);
	const struct zone_rrset *s = n ? zone_node_rrsets(n) : NULL;

	for (unsigned i = n ? n->rrsets : 0; i > 0; i--, s = zone_rrset_next(s)) {
		uint16_t type = zone_rrset_type(s);
		if (is_apex(u, owner) && (type == DNS_TYPE_SOA || type == DNS_TYPE_NS))
			continue;
		if (!update_policy_allows(p, u->req->key, owner, type))
			return false;
	}
	return update_policy_allows_name(p, u->req->key, owner);
}

static bool is_permitted(const struct updating *u)
{
	struct dns_update_iter it = dns_update_changes(u->message);
	struct dns_update_item item;

	while (dns_update_next(u->message, &it, u->scratch->item, &item))
		if (item.kind == DNS_UPDATE_DELETE_NAME
			    ? !may_delete_name(u, &item.owner)
			    : !update_policy_allows(u->req->policy, u->req->key, &item.owner,
						    item.type))
			return false;
	return true;
}

/* --- 3.4.2: RRsets as they become --- */

static void note(struct updating *u, enum journal_op op, const struct dns_update_item *item,
		 struct span rdata)
{
	struct journal_change c = {.op = (uint8_t)op,
				   .type = item->type,
				   .ttl_s = item->ttl_s,
				   .owner = item->owner,
				   .rdata = rdata};

	journal_put(u->batch, &c);
	if (item->type == DNS_TYPE_SOA)
		return;
	u->result->added += op == JOURNAL_ADD;
	u->result->removed += op == JOURNAL_REMOVE;
}

/* All records of the RRset but number `skip`, into w; noted as gone when they get another TTL. */
static void others_keep(struct updating *u, const struct zone_rrset *s, unsigned skip,
			const struct dns_update_item *item, struct writer *w)
{
	struct reader r = reader_of(zone_rrset_data(s), s->size);
	struct dns_update_item old = *item;

	old.ttl_s = zone_rrset_ttl(s);
	for (unsigned i = 0; i < s->count; i++) {
		struct span rdata = read_span(&r, read_u16(&r));
		if (i == skip)
			continue;
		write_u16(w, (uint16_t)rdata.len);
		write_span(w, rdata);
		if (old.ttl_s == item->ttl_s)
			continue;
		note(u, JOURNAL_REMOVE, &old, rdata);
		note(u, JOURNAL_ADD, item, rdata);
	}
}

static enum err rrset_set(struct updating *u, const struct dns_update_item *item, unsigned count,
			  struct span records)
{
	return zone_edit_set(u->edit, &item->owner,
			     &(struct zone_edit_rrset){.type = item->type,
						       .count = (uint16_t)count,
						       .ttl_s = item->ttl_s,
						       .records = records});
}

/* The whole RRset goes. */
static enum err rrset_remove(struct updating *u, const struct dns_name *owner,
			     const struct zone_rrset *s)
{
	struct reader r = reader_of(zone_rrset_data(s), s->size);
	struct dns_update_item item = {
		.type = zone_rrset_type(s), .ttl_s = zone_rrset_ttl(s), .owner = *owner};

	for (unsigned i = 0; i < s->count; i++)
		note(u, JOURNAL_REMOVE, &item, read_span(&r, read_u16(&r)));
	return rrset_set(u, &item, 0, (struct span){0});
}

/* --- 3.4.2.2: add --- */

static bool has_other_than_cname(const struct zone_node *n)
{
	const struct zone_rrset *s = n ? zone_node_rrsets(n) : NULL;

	for (unsigned i = n ? n->rrsets : 0; i > 0; i--, s = zone_rrset_next(s))
		if (zone_rrset_type(s) != DNS_TYPE_CNAME)
			return true;
	return false;
}

/* "… are silently ignored": what may not stand beside what is there. */
static bool is_to_be_ignored(const struct updating *u, const struct dns_update_item *item,
			     const struct zone_node *n)
{
	struct dns_soa now, wanted;
	const struct zone_rrset *s;

	switch (item->type) {
	case DNS_TYPE_CNAME: return has_other_than_cname(n);
	case DNS_TYPE_SOA:
		s = n ? zone_node_find(n, DNS_TYPE_SOA) : NULL;
		if (!s || dns_rdata_soa(span_of(zone_rrset_data(s) + 2, s->size - 2U), &now) ||
		    dns_rdata_soa(item->rdata, &wanted))
			return true;
		return (int32_t)(wanted.serial - now.serial) <= 0;
	/* RFC 6672 2.4 allows no NS beside a DNAME, but at the apex. */
	case DNS_TYPE_DNAME:
		return n && (zone_node_find(n, DNS_TYPE_CNAME) ||
			     (!is_apex(u, &item->owner) && zone_node_find(n, DNS_TYPE_NS)));
	case DNS_TYPE_NS:
		return n && (zone_node_find(n, DNS_TYPE_CNAME) ||
			     (!is_apex(u, &item->owner) && zone_node_find(n, DNS_TYPE_DNAME)));
	default: return n && zone_node_find(n, DNS_TYPE_CNAME);
	}
}

static bool is_single(uint16_t type)
{
	return type == DNS_TYPE_CNAME || type == DNS_TYPE_SOA || type == DNS_TYPE_DNAME;
}

static enum err add(struct updating *u, const struct dns_update_item *item)
{
	const struct zone_node *n = update_node(view(u), &item->owner);
	const struct zone_rrset *s = n ? zone_node_find(n, item->type) : NULL;
	struct writer w = writer_of(u->scratch->records, sizeof(u->scratch->records));
	unsigned at = s ? update_record_find(s, item->rdata) : 0, count = 1;

	if (is_to_be_ignored(u, item, n))
		return OK;
	if (s && at < s->count && zone_rrset_ttl(s) == item->ttl_s)
		return OK; /* it is there as it is */
	if (s && is_single(item->type)) {
		struct dns_update_item old = *item;
		old.ttl_s = zone_rrset_ttl(s);
		note(u, JOURNAL_REMOVE, &old, span_of(zone_rrset_data(s) + 2, s->size - 2U));
	} else if (s) {
		struct dns_update_item old = *item;
		old.ttl_s = zone_rrset_ttl(s);
		others_keep(u, s, at, item, &w);
		if (at < s->count)
			note(u, JOURNAL_REMOVE, &old, item->rdata);
		count = s->count + (at == s->count ? 1U : 0U);
	}
	u->soa_given |= item->type == DNS_TYPE_SOA;
	note(u, JOURNAL_ADD, item, item->rdata);
	write_u16(&w, (uint16_t)item->rdata.len);
	write_span(&w, item->rdata);
	if (w.bad || count > UINT16_MAX)
		return ERR_LIMIT;
	return rrset_set(u, item, count, writer_span(&w));
}

/* --- 3.4.2.3, 3.4.2.4: delete --- */

static enum err delete_rrset(struct updating *u, const struct dns_name *owner, uint16_t type)
{
	const struct zone_node *n = update_node(view(u), owner);
	const struct zone_rrset *s = n ? zone_node_find(n, type) : NULL;

	/* "… if NAME equals ZNAME, and TYPE is SOA or NS, ignore". */
	if (!s || type == DNS_TYPE_SOA || (type == DNS_TYPE_NS && is_apex(u, owner)))
		return OK;
	return rrset_remove(u, owner, s);
}

static enum err delete_name(struct updating *u, const struct dns_name *owner)
{
	uint16_t types[ZONE_RRSETS_MAX];
	const struct zone_node *n = update_node(view(u), owner);
	const struct zone_rrset *s = n ? zone_node_rrsets(n) : NULL;
	unsigned count = n ? n->rrsets : 0;

	for (unsigned i = 0; i < count; i++, s = zone_rrset_next(s))
		types[i] = zone_rrset_type(s);
	for (unsigned i = 0; i < count; i++)
		TRY(delete_rrset(u, owner, types[i]));
	return OK;
}

static enum err delete_record(struct updating *u, const struct dns_update_item *item)
{
	const struct zone_node *n = update_node(view(u), &item->owner);
	const struct zone_rrset *s = n ? zone_node_find(n, item->type) : NULL;
	struct writer w = writer_of(u->scratch->records, sizeof(u->scratch->records));
	struct dns_update_item as_is = *item;

	if (!s || item->type == DNS_TYPE_SOA)
		return OK;
	unsigned at = update_record_find(s, item->rdata);
	/* "… the last NS of the zone is not deleted". */
	if (at == s->count ||
	    (item->type == DNS_TYPE_NS && s->count == 1 && is_apex(u, &item->owner)))
		return OK;
	as_is.ttl_s = zone_rrset_ttl(s);
	note(u, JOURNAL_REMOVE, &as_is, item->rdata);
	others_keep(u, s, at, &as_is, &w);
	return rrset_set(u, &as_is, s->count - 1U, writer_span(&w));
}

static enum err change(struct updating *u, const struct dns_update_item *item)
{
	switch ((enum dns_update_kind)item->kind) {
	case DNS_UPDATE_ADD: return add(u, item);
	case DNS_UPDATE_DELETE_RRSET: return delete_rrset(u, &item->owner, item->type);
	case DNS_UPDATE_DELETE_NAME: return delete_name(u, &item->owner);
	case DNS_UPDATE_DELETE: return delete_record(u, item);
	}
	return OK;
}

/* 3.6: "… the server must increment the SERIAL", unless the update did it itself. */
static enum err serial_raise(struct updating *u)
{
	const struct zone *z = view(u);
	const struct zone_rrset *s = zone_rrset_at(z, z->soa);
	uint8_t *rdata = u->scratch->records + 2;
	struct dns_soa fields;
	struct writer w = writer_of(u->scratch->records, sizeof(u->scratch->records));

	if (u->soa_given)
		return OK;
	write_bytes(&w, zone_rrset_data(s), s->size);
	TRY(dns_rdata_soa(span_of(rdata, s->size - 2U), &fields));
	/* 4.6: 0 is passed over. */
	put_u32(rdata + fields.mname.len + fields.rname.len,
		fields.serial + 1 ? fields.serial + 1 : 1);
	return zone_edit_set(u->edit, &z->origin,
			     &(struct zone_edit_rrset){.type = DNS_TYPE_SOA,
						       .count = 1,
						       .ttl_s = zone_rrset_ttl(s),
						       .records = writer_span(&w)});
}

static enum err change_all(struct updating *u)
{
	struct dns_update_iter it = dns_update_changes(u->message);
	struct dns_update_item item;

	while (dns_update_next(u->message, &it, u->scratch->item, &item))
		TRY(change(u, &item));
	if (u->result->added || u->result->removed || u->soa_given)
		TRY(serial_raise(u));
	return OK;
}

static enum err refuse(struct update_result *r, enum update_outcome outcome, enum dns_rcode rcode)
{
	r->outcome = outcome;
	r->rcode = rcode;
	return OK;
}

enum err update_apply(struct zone_edit *e, const struct update_request *req,
		      struct update_scratch *scratch, struct journal_batch *batch,
		      struct update_result *ret)
{
	struct dns_update message;
	struct updating u = {.edit = e,
			     .req = req,
			     .message = &message,
			     .scratch = scratch,
			     .batch = batch,
			     .result = ret};
	enum dns_rcode rcode = dns_update_read(req->message, &message);

	*ret = (struct update_result){.serial = zone_edit_view(e)->serial};
	if (rcode)
		return refuse(ret, UPDATE_MALFORMED, rcode);
	rcode = update_prerequisites_hold(view(&u), &message, scratch);
	if (rcode)
		return refuse(ret, UPDATE_PREREQUISITE, rcode);
	if (!is_permitted(&u))
		return refuse(ret, UPDATE_FORBIDDEN, DNS_RCODE_REFUSED);
	zone_edit_mark(e);
	journal_begin(batch);
	enum err failed = change_all(&u);
	if (!failed && !ret->added && !ret->removed && !u.soa_given) {
		journal_cancel(batch);
		ret->outcome = UPDATE_UNCHANGED;
		return OK;
	}
	if (failed) {
		journal_cancel(batch);
		zone_edit_undo_to_mark(e);
		ret->added = ret->removed = 0;
		if (failed == ERR_LIMIT)
			return refuse(ret, UPDATE_TOO_LARGE, DNS_RCODE_REFUSED);
		return failed;
	}
	ret->outcome = UPDATE_CHANGED;
	ret->serial = view(&u)->serial;
	return OK;
}
