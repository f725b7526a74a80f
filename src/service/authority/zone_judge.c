#include "proto/dns/code.h"
#include "proto/dns/nsec3.h"
#include "proto/dns/rdata.h"
#include "service/authority/zone_build_inner.h"

static const char *format_name(struct span wire, char buf[DNS_NAME_TEXT_MAX])
{
	return dns_name_format_span(wire, buf);
}

static struct span owner_span(const struct zone_build *b, const struct build_node *n)
{
	return span_of(build_name(b, n), n->name_len);
}

/* RFC 1123 2.1 for owners of addresses and mail; `*` may lead (RFC 4592). */
static bool is_host_owner(struct span name)
{
	return dns_name_is_host_name(dns_name_is_wildcard(name) ? dns_name_parent_span(name)
								: name);
}

static void judge_host_names(struct zone_build *b, const struct zone_build_record *r)
{
	char text[DNS_NAME_TEXT_MAX], type[DNS_TYPE_TEXT_MAX];
	struct span owner = dns_name_span(r->owner), target;

	switch (r->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
	case DNS_TYPE_MX:
		if (!is_host_owner(owner) && !dns_name_is_root(r->owner))
			build_tell(b, build_forgivable(b), &r->at, "%s: %s is not a host name",
				   dns_type_format(r->type, type), format_name(owner, text));
		break;
	default: break;
	}
	if (r->type != DNS_TYPE_NS && r->type != DNS_TYPE_MX)
		return;
	target = dns_rdata_name_span(r->type, r->rdata, 0);
	if (r->type == DNS_TYPE_MX && target.len == 1)
		return; /* RFC 7505: null MX */
	if (!dns_name_is_host_name(target))
		build_tell(b, build_forgivable(b), &r->at, "%s: the target %s is not a host name",
			   dns_type_format(r->type, type), format_name(target, text));
}

/* RFC 5155 3: the owner of an NSEC3 is one label, a hash in base32hex, under the apex. */
static bool is_nsec3_owner(const struct zone_build *b, const struct dns_name *owner)
{
	if (owner->len != b->origin.len + DNS_NSEC3_LABEL_LEN + 1 ||
	    owner->wire[0] != DNS_NSEC3_LABEL_LEN)
		return false;
	for (unsigned i = 1; i <= DNS_NSEC3_LABEL_LEN; i++) {
		uint8_t c = owner->wire[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'v')))
			return false;
	}
	return true;
}

bool judge_record(struct zone_build *b, const struct zone_build_record *r)
{
	char text[DNS_NAME_TEXT_MAX], type[DNS_TYPE_TEXT_MAX];
	struct dns_nsec3 param;

	dns_type_format(r->type, type);
	if (r->class != DNS_CLASS_IN) {
		build_tell(b, ZONE_ERROR, &r->at, "%s: class is %u, only IN is served", type,
			   r->class);
		return false;
	}
	if (!dns_name_is_under(r->owner, &b->origin)) {
		build_tell(b, build_forgivable(b), &r->at, "%s: %s is outside of the zone%s", type,
			   format_name(dns_name_span(r->owner), text),
			   b->judge->lenient ? " and is left out" : "");
		return false;
	}
	if (dns_type_flags(r->type) & DNS_TYPE_META) {
		build_tell(b, ZONE_ERROR, &r->at, "%s: is not a type that a zone holds", type);
		return false;
	}
	if (r->type == DNS_TYPE_SOA && !dns_name_equal(r->owner, &b->origin)) {
		build_tell(b, ZONE_ERROR, &r->at, "SOA: %s is not the zone's origin",
			   format_name(dns_name_span(r->owner), text));
		return false;
	}
	if (r->type == DNS_TYPE_NSEC3 && !is_nsec3_owner(b, r->owner)) {
		build_tell(b, ZONE_ERROR, &r->at, "NSEC3: %s is not a hash under the zone's origin",
			   format_name(dns_name_span(r->owner), text));
		return false;
	}
	if (r->type == DNS_TYPE_NSEC3PARAM && !dns_rdata_nsec3param(r->rdata, &param) &&
	    param.iterations > DNS_NSEC3_ITERATIONS_MAX) {
		build_tell(b, ZONE_ERROR, &r->at, "NSEC3PARAM: more than %d iterations",
			   DNS_NSEC3_ITERATIONS_MAX);
		return false;
	}
	judge_host_names(b, r);
	return true;
}

static const struct build_record *find_record(const struct zone_build *b,
					      const struct build_node *n, uint16_t type)
{
	for (uint32_t at = n->first; at; at = build_record(b, at)->next)
		if (build_record(b, at)->type == type)
			return build_record(b, at);
	return NULL;
}

/* RFC 1035 5.2, RFC 2181 6.1: one SOA and at least one NS at the top. */
static void judge_apex(struct zone_build *b)
{
	char text[DNS_NAME_TEXT_MAX];
	const struct build_node *apex = &b->nodes[b->apex];
	unsigned soas = 0;

	dns_name_format(&b->origin, text);
	for (uint32_t at = apex->first; at; at = build_record(b, at)->next) {
		const struct build_record *r = build_record(b, at);
		if (r->type == DNS_TYPE_SOA && ++soas > 1 &&
		    (r->rdata_len != find_record(b, apex, DNS_TYPE_SOA)->rdata_len ||
		     memcmp(r->rdata, find_record(b, apex, DNS_TYPE_SOA)->rdata, r->rdata_len) !=
			     0))
			build_tell(b, ZONE_ERROR, &r->at, "SOA: there is one already");
	}
	if (soas == 0)
		build_tell(b, ZONE_ERROR, NULL, "%s: the zone has no SOA", text);
	if (!(apex->flags & BUILD_NODE_NS))
		build_tell(b, ZONE_ERROR, NULL, "%s: the zone has no NS at its origin", text);
	if (apex->flags & ZONE_NODE_DS)
		build_tell(b, ZONE_WARNING, &find_record(b, apex, DNS_TYPE_DS)->at,
			   "DS: at the zone's own origin, where nobody asks for it");
}

/* RFC 2181 10.1, RFC 4034 3 and 4: CNAME stands alone, but for its NSEC and RRSIG. */
static void judge_cname(struct zone_build *b, const struct build_node *n)
{
	char text[DNS_NAME_TEXT_MAX], type[DNS_TYPE_TEXT_MAX];
	const struct build_record *first = find_record(b, n, DNS_TYPE_CNAME), *other = NULL;

	format_name(owner_span(b, n), text);
	for (uint32_t at = n->first; at; at = build_record(b, at)->next) {
		const struct build_record *r = build_record(b, at);
		if (r->type == DNS_TYPE_RRSIG || r->type == DNS_TYPE_NSEC ||
		    r->type == DNS_TYPE_NSEC3 || r->type == DNS_TYPE_KEY)
			continue;
		if (r->type != DNS_TYPE_CNAME)
			other = other ? other : r;
		else if (r->rdata_len != first->rdata_len ||
			 memcmp(r->rdata, first->rdata, r->rdata_len) != 0)
			build_tell(b, ZONE_ERROR, &r->at, "CNAME: %s has one already", text);
	}
	if (other)
		build_tell(b, ZONE_ERROR, &first->at,
			   "CNAME: %s has %s as well, and a CNAME must stand alone", text,
			   dns_type_format(other->type, type));
}

/* RFC 6672 2.4: one DNAME, no NS beside it but at the apex; 2.3: nothing below. */
static void judge_dname(struct zone_build *b, const struct build_node *n, bool apex)
{
	char text[DNS_NAME_TEXT_MAX];
	const struct build_record *first = find_record(b, n, DNS_TYPE_DNAME);

	for (uint32_t at = n->first; at; at = build_record(b, at)->next) {
		const struct build_record *r = build_record(b, at);
		if (r->type == DNS_TYPE_NS && !apex)
			build_tell(b, ZONE_ERROR, &r->at,
				   "NS: %s has a DNAME, which allows no delegation",
				   format_name(owner_span(b, n), text));
		if (r->type == DNS_TYPE_DNAME && r != first &&
		    (r->rdata_len != first->rdata_len ||
		     memcmp(r->rdata, first->rdata, r->rdata_len) != 0))
			build_tell(b, ZONE_ERROR, &r->at, "DNAME: %s has one already",
				   format_name(owner_span(b, n), text));
	}
}

static void judge_below(struct zone_build *b, const struct build_node *n,
			const struct build_node *cut)
{
	char text[DNS_NAME_TEXT_MAX], above[DNS_NAME_TEXT_MAX], type[DNS_TYPE_TEXT_MAX];
	bool dname = !(cut->flags & BUILD_NODE_NS);

	for (uint32_t at = n->first; at; at = build_record(b, at)->next) {
		const struct build_record *r = build_record(b, at);
		if (!dname && (r->type == DNS_TYPE_A || r->type == DNS_TYPE_AAAA))
			continue;
		if (n == cut && (r->type == DNS_TYPE_NS || r->type == DNS_TYPE_DS ||
				 r->type == DNS_TYPE_DNAME || r->type == DNS_TYPE_NSEC ||
				 r->type == DNS_TYPE_RRSIG))
			continue;
		if (n->flags & BUILD_NODE_NSEC3)
			continue;
		build_tell(b, dname ? build_forgivable(b) : ZONE_WARNING, &r->at,
			   dname ? "%s: %s is below the DNAME of %s and is never given"
				 : "%s: %s belongs to the delegated zone %s and is never given",
			   dns_type_format(r->type, type), format_name(owner_span(b, n), text),
			   format_name(owner_span(b, cut), above));
	}
}

void judge_tree(struct zone_build *b)
{
	judge_apex(b);
	/* Parents come before their children. */
	for (uint32_t i = 1; i < b->nodes_n; i++) {
		struct build_node *n = &b->nodes[i];
		const struct build_node *parent = &b->nodes[n->parent];
		if (!(n->flags & ZONE_NODE_REAL))
			continue;
		if (i != b->apex && parent->cut)
			n->cut = parent->cut;
		else if (i != b->apex && (parent->flags & ZONE_NODE_DNAME))
			n->cut = n->parent;
		else if (i != b->apex && (n->flags & BUILD_NODE_NS))
			n->cut = i;
		if (n->cut == i)
			n->flags |= ZONE_NODE_CUT;
		if (n->flags & ZONE_NODE_CNAME)
			judge_cname(b, n);
		if (n->flags & ZONE_NODE_DNAME)
			judge_dname(b, n, i == b->apex);
		if (n->cut)
			judge_below(b, n, &b->nodes[n->cut]);
	}
}

/* An NS names a server in this zone: RFC 2181 10.3 wants an address there, RFC 1034 4.2.2 the glue.
 */
static void judge_ns_target(struct zone_build *b, const struct build_node *owner,
			    const struct build_record *r, struct span name,
			    const struct build_node *t)
{
	char text[DNS_NAME_TEXT_MAX];
	bool below = dns_name_is_under_nocase(name, owner_span(b, owner));

	format_name(name, text);
	if (t && (t->flags & ZONE_NODE_CNAME))
		build_tell(b, ZONE_WARNING, &r->at, "NS: the target %s is a CNAME", text);
	else if (t && (t->flags & ZONE_NODE_ADDRESS))
		return;
	else if (owner->cut && below)
		build_tell(b, build_forgivable(b), &r->at, "NS: glue is missing for %s", text);
	else if (owner->labels == b->nodes[b->apex].labels && !(t && t->cut))
		build_tell(b, build_forgivable(b), &r->at, "NS: the target %s has no address",
			   text);
	else
		build_tell(b, ZONE_WARNING, &r->at, "NS: the target %s has no address here", text);
}

void judge_target(struct zone_build *b, const struct build_node *owner,
		  const struct build_record *r, struct span name, uint32_t target)
{
	char text[DNS_NAME_TEXT_MAX];
	const struct build_node *t = target ? &b->nodes[target] : NULL;

	if (!dns_name_is_under_nocase(name, dns_name_span(&b->origin)))
		return;
	if (r->type == DNS_TYPE_NS) {
		judge_ns_target(b, owner, r, name, t);
	} else if (r->type == DNS_TYPE_MX && name.len > 1) {
		if (t && (t->flags & ZONE_NODE_CNAME))
			build_tell(b, ZONE_WARNING, &r->at, "MX: the target %s is a CNAME",
				   format_name(name, text));
		else if (!t || (!t->cut && !(t->flags & ZONE_NODE_ADDRESS)))
			build_tell(b, ZONE_WARNING, &r->at, "MX: the target %s has no address",
				   format_name(name, text));
	}
}
