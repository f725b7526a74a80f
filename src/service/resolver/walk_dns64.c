/* DNS64 on a walk's way (RFC 6147): an AAAA that is not there is looked for as A at the same name,
 * the aliases kept, and a synthesized address's reverse name leads to the IPv4 address's. */
#include "proto/dns/type.h"
#include "service/resolver/local.h"
#include "service/resolver/walk.h"

#define REVERSE_TTL_S 600u /* of the made CNAME: the configuration may change */

bool walk_dns64_reverse(struct walk *w)
{
	struct engine *e = w->engine;
	struct dns_name target, zone;
	if (w->qtype != DNS_TYPE_PTR || w->cnames || !e->rules->dns64 ||
	    !dns64_reverse(e->rules->dns64, &w->sname, &target, &zone))
		return false;
	struct writer row = writer_of(e->joined_row, ROW_MAX);
	size_t at = rrset_pack_begin(&row, dns_name_span(&w->sname), DNS_TYPE_CNAME, REVERSE_TTL_S);
	rrset_pack_rdata(&row, dns_name_span(&target));
	rrset_pack_end(&row, at, 1, 0);
	w->dns64_renamed = true;
	walk_follow(w, writer_span(&row), &target);
	return true;
}

/* RFC 6147 5.3.1: there SHOULD be RDATA at the IPv4 address's name, so that the CNAME does not lead
 * nowhere: without it the prefix's zone denies the name, as if it were ours. */
static void deny_reverse(struct walk *w, struct walk_result *r)
{
	struct engine *e = w->engine;
	struct writer row = writer_of(e->dns64_row, sizeof(e->dns64_row));
	struct dns_name target, zone;
	bool denied = r->rcode == DNS_RCODE_NXDOMAIN || r->rcode == DNS_RCODE_NOERROR;
	if (!w->dns64_renamed || r->final.len || !denied ||
	    !dns64_reverse(e->rules->dns64, &w->qname, &target, &zone))
		return;
	local_soa(&row, &zone);
	w->links_len = 0;
	r->authority = writer_span(&row);
}

/* RFC 6147 5.1.6: the same name is asked for its A records, with the budget of a question of its
 * own; names of servers are not looked up anew. */
static void look_for_a(struct walk *w, uint32_t ttl_max_s)
{
	struct engine *e = w->engine;
	w->stype = DNS_TYPE_A;
	w->dns64_ttl_max_s = ttl_max_s;
	w->asks = 0;
	w->cut_retried = false;
	w->ask.tcp_next = w->ask.plain_next = false;
	w->ask.vain = 0;
	w->started_us = e->now_us;
	w->state = WALK_START;
	walk_timer(w);
	engine_ready(w);
}

/* After the question for AAAA. True: the A is looked for. */
static bool after_aaaa(struct walk *w, struct walk_result *r)
{
	struct engine *e = w->engine;
	struct writer row = writer_of(e->dns64_row, sizeof(e->dns64_row));
	struct rrset set;
	/* RFC 6147 5.1.2: "A result with RCODE=3 (Name Error) is handled according to normal DNS
	 * operation"; who asked without RD is told only what is known. */
	if (r->rcode == DNS_RCODE_NXDOMAIN || r->rcode == DNS_RCODE_REFUSED)
		return false;
	/* RFC 6147 5.1.2, 5.1.3: "Any other RCODE is treated as though the RCODE were 0 and the
	 * answer section were empty", and so is silence. */
	if (r->rcode != DNS_RCODE_NOERROR) {
		w->dns64_failed = true;
		look_for_a(w, DNS64_TTL_MAX_S);
		return true;
	}
	if (!rrset_read(r->final, &set)) {
		look_for_a(w, r->authority.len ? rrset_least_ttl(r->authority) : DNS64_TTL_MAX_S);
		return true;
	}
	if (set.type != DNS_TYPE_AAAA)
		return false;
	uint16_t usable = dns64_usable(e->rules->dns64, &set, &row);
	if (usable == 0) {
		look_for_a(w, DNS64_TTL_MAX_S);
		return true;
	}
	if (usable < set.count)
		r->final = writer_span(&row);
	return false;
}

/* What answers when nothing can be made: RFC 6147 5.4 wants the answer to the question for the
 * AAAA. It is kept no longer than either denial. */
static void deny(struct walk *w, struct walk_result *r)
{
	struct engine *e = w->engine;
	struct span known = walk_cached_row(e, CACHE_NODATA, dns_name_span(&w->sname),
					    DNS_TYPE_AAAA, 0, e->dns64_row, sizeof(e->dns64_row));
	uint32_t hold_s = w->dns64_failed ? WALK_FAILURE_MS / 1000 : w->dns64_ttl_max_s;
	r->final = (struct span){0};
	if (known.len)
		r->authority = known;
	if (w->hold_max_s > hold_s)
		w->hold_max_s = hold_s;
}

/* After the question for A. */
static void after_a(struct walk *w, struct walk_result *r)
{
	struct engine *e = w->engine;
	struct writer row = writer_of(e->dns64_row, sizeof(e->dns64_row));
	struct rrset set;
	if (r->rcode != DNS_RCODE_NOERROR) /* RFC 6147 5.1.6: the error is the answer */
		return;
	bool found = rrset_read(r->final, &set) && set.type == DNS_TYPE_A;
	if (!found || dns64_synthesize(e->rules->dns64, &set, w->dns64_ttl_max_s, &row) == 0) {
		deny(w, r);
		return;
	}
	if (row.bad) {
		*r = (struct walk_result){.rcode = DNS_RCODE_SERVFAIL, .ede = DNS_EDE_OTHER};
		return;
	}
	e->stats.synthesized++;
	r->final = writer_span(&row);
	r->authority = (struct span){0};
}

bool walk_dns64_finish(struct walk *w, struct walk_result *r)
{
	if (!w->engine->rules->dns64) { /* it was turned off meanwhile */
		if (w->stype == w->qtype)
			return false;
		*r = (struct walk_result){.rcode = DNS_RCODE_SERVFAIL, .ede = DNS_EDE_OTHER};
		return false;
	}
	if (w->qtype == DNS_TYPE_AAAA && w->stype == DNS_TYPE_AAAA)
		return after_aaaa(w, r);
	if (w->qtype == DNS_TYPE_AAAA)
		after_a(w, r);
	else
		deny_reverse(w, r);
	return false;
}
