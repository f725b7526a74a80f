#include "service/resolver/walk.h"

#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "service/resolver/local.h"

/* The time until `then`, and at most the walk's own end. */
void walk_timer(struct walk *w)
{
	struct engine *e = w->engine;
	uint64_t due_us = w->started_us + WALK_TIME_US;
	if (w->ask.active) {
		uint64_t wait_us =
			w->ask.transport == ENGINE_TCP ? WALK_TCP_US : walk_ask_server(w)->rto_us;
		if (w->ask.sent_us + wait_us < due_us)
			due_us = w->ask.sent_us + wait_us;
	}
	wheel_add(&e->wheel, &w->timer, (due_us + 999) / 1000);
}

/* --- what the cache has ----------------------------------------------------------------------- */

struct span walk_cached_row(struct engine *e, enum cache_kind kind, struct span name, uint16_t type,
			    uint8_t rank, uint8_t *room, size_t cap)
{
	struct cache_key key = {name, type, (uint8_t)kind};
	struct cache_entry entry;
	if (!cache_get(e->cache, &key, engine_now_ms(e), e->entry, sizeof(e->entry), &entry) ||
	    entry.rank < rank)
		return (struct span){0};
	struct writer row = writer_of(room, cap);
	uint64_t age_ms = engine_now_ms(e) - entry.stored_ms;
	/* Rounded up, so that no TTL ever outlives the truth. */
	rrset_copy_aged(&row, entry.payload, (uint32_t)((age_ms + 999) / 1000));
	return row.bad ? (struct span){0} : writer_span(&row);
}

static struct span get_answer(struct walk *w, struct span name, uint16_t type)
{
	struct engine *e = w->engine;
	return walk_cached_row(e, CACHE_RRSET, name, type, CACHE_RANK_ANSWER, e->answer_row,
			       ROW_MAX);
}

static bool first_name(struct span row, struct dns_name *ret)
{
	struct rrset set;
	struct span rdata;
	if (!rrset_read(row, &set))
		return false;
	struct reader r = reader_of_span(set.records);
	return rrset_record_next(&r, &rdata) && dns_rdata_name(set.type, rdata, 0, ret);
}

static bool look_for_alias(struct walk *w)
{
	struct dns_name target;
	struct span row = get_answer(w, dns_name_span(&w->sname), DNS_TYPE_CNAME);
	if (row.len == 0 || w->stype == DNS_TYPE_CNAME || !first_name(row, &target))
		return false;
	walk_trace_cache(w, true, row);
	walk_follow(w, row, &target);
	return true;
}

/* RFC 6672 3.3: a DNAME that is cached renames all that is below it. */
static bool use_dname(struct walk *w, struct span owner, struct span row)
{
	struct engine *e = w->engine;
	struct dns_name from, to;
	if (dns_name_from_wire(owner, &from) != OK || !first_name(row, &to))
		return false;
	if (dns_name_replace_suffix(&w->sname, &from, &to, &to) != OK) {
		walk_finish(w, &(struct walk_result){.rcode = DNS_RCODE_YXDOMAIN,
						     .ede = REPLY_EDE_NONE,
						     .final = row,
						     .cached = true});
		return true;
	}
	struct writer links = writer_of(e->joined_row, ROW_MAX);
	write_span(&links, row);
	size_t at = rrset_pack_begin(&links, dns_name_span(&w->sname), DNS_TYPE_CNAME,
				     rrset_least_ttl(row));
	rrset_pack_rdata(&links, dns_name_span(&to));
	rrset_pack_end(&links, at, 1, 0);
	walk_trace_cache(w, true, row);
	if (w->stype == DNS_TYPE_CNAME) /* what the DNAME makes is what was asked for */
		walk_finish(w, &(struct walk_result){
				       .ede = REPLY_EDE_NONE,
				       .final = span_sub(writer_span(&links), at, links.pos - at),
				       .cached = true});
	else
		walk_follow(w, writer_span(&links), &to);
	return true;
}

static void finish_denied(struct walk *w, uint16_t rcode, struct span row)
{
	walk_trace_cache(w, true, row);
	walk_finish(w, &(struct walk_result){.rcode = rcode,
					     .ede = REPLY_EDE_NONE,
					     .authority = row,
					     .cached = true});
}

/* An ancestor that was renamed or that does not exist (RFC 8020) decides for the name. */
static bool look_above(struct walk *w)
{
	struct engine *e = w->engine;
	struct span name = dns_name_span(&w->sname);
	for (struct span up = name; up.len > 1; up = dns_name_parent_span(up)) {
		struct span row =
			walk_cached_row(e, CACHE_NXDOMAIN, up, 0, 0, e->authority_row, ROW_MAX);
		if (row.len) {
			finish_denied(w, DNS_RCODE_NXDOMAIN, row);
			return true;
		}
		if (up.len == name.len)
			continue;
		row = get_answer(w, up, DNS_TYPE_DNAME);
		if (row.len && use_dname(w, up, row))
			return true;
	}
	return false;
}

static bool look_in_cache(struct walk *w)
{
	struct engine *e = w->engine;
	struct span name = dns_name_span(&w->sname);
	struct span row = get_answer(w, name, w->stype);
	if (row.len) {
		walk_trace_cache(w, true, row);
		walk_finish(w, &(struct walk_result){
				       .ede = REPLY_EDE_NONE, .final = row, .cached = true});
		return true;
	}
	if (look_for_alias(w))
		return true;
	row = walk_cached_row(e, CACHE_NODATA, name, w->stype, 0, e->authority_row, ROW_MAX);
	if (row.len) {
		finish_denied(w, DNS_RCODE_NOERROR, row);
		return true;
	}
	if (look_above(w))
		return true;
	struct cache_key failed = {name, w->stype, CACHE_FAILURE};
	if (!cache_has(e->cache, &failed, engine_now_ms(e), NULL))
		return false;
	walk_trace_cache(w, true, (struct span){0});
	walk_finish(w, &(struct walk_result){.rcode = DNS_RCODE_SERVFAIL,
					     .ede = DNS_EDE_CACHED_ERROR,
					     .cached = true});
	return true;
}

/* A zone of the configuration at or below the local one is meant to be asked. */
static bool is_configured(const struct engine_rules *rules, const struct dns_name *name,
			  const struct dns_name *local)
{
	for (size_t i = 0; i < rules->zones_n; i++)
		if (dns_name_is_under(name, &rules->zones[i].name) &&
		    dns_name_is_under(&rules->zones[i].name, local))
			return true;
	return false;
}

static bool look_at_special(struct walk *w)
{
	struct engine *e = w->engine;
	struct writer answer = writer_of(e->answer_row, ROW_MAX);
	struct writer authority = writer_of(e->authority_row, ROW_MAX);
	struct dns_name zone;
	enum local_kind kind = LOCAL_NONE;
	if (e->rules->dns64)
		kind = local_find_ipv4only(&w->sname, w->stype, &answer, &authority, &zone);
	if (kind == LOCAL_NONE && e->rules->special_names)
		kind = local_find(&w->sname, w->stype, &answer, &authority, &zone);
	if (kind == LOCAL_NONE || is_configured(e->rules, &w->sname, &zone))
		return false;
	walk_trace_cache(w, true, writer_span(&answer));
	walk_finish(w,
		    &(struct walk_result){.rcode = kind == LOCAL_NXDOMAIN ? DNS_RCODE_NXDOMAIN : 0,
					  .ede = REPLY_EDE_NONE,
					  .final = writer_span(&answer),
					  .authority = writer_span(&authority),
					  .cached = true});
	return true;
}

/* --- steps ---------------------------------------------------------------------------------------
 */

static void start(struct walk *w)
{
	if (walk_safe_search(w) || (w->dns64 && walk_dns64_reverse(w)))
		return;
	if (look_at_special(w) || (!w->prime && look_in_cache(w)))
		return;
	if (w->cache_only) { /* RFC 8914 4.21 */
		walk_finish(w, &(struct walk_result){.rcode = DNS_RCODE_REFUSED,
						     .ede = DNS_EDE_NOT_AUTHORITATIVE,
						     .cached = true});
		return;
	}
	walk_trace_cache(w, false, (struct span){0});
	walk_trace_start(w, w->cnames > 0);
	w->from_cache = false;
	minimise_start(&w->minimise, w->engine->rules->minimise);
	walk_cut_find(w);
	w->state = WALK_READY;
	walk_ask(w);
}

void walk_step(struct walk *w)
{
	switch (w->state) {
	case WALK_START: start(w); break;
	case WALK_READY: walk_ask(w); break;
	case WALK_ASKING:
	case WALK_WAITING:
	case WALK_DONE: break;
	}
}

void walk_follow(struct walk *w, struct span links, const struct dns_name *target)
{
	struct engine *e = w->engine;
	w->cnames++;
	if (!w->links)
		w->links = slab_take(&e->links);
	if (w->cnames > WALK_CNAMES_MAX || !w->links ||
	    links.len > WALK_LINKS_BYTES - w->links_len) {
		walk_fail(w, DNS_EDE_OTHER);
		return;
	}
	memcpy(w->links + w->links_len, links.data, links.len); /* room checked above */
	w->links_len += links.len;
	w->sname = *target;
	w->state = WALK_START;
	engine_ready(w);
}

/* --- the end -------------------------------------------------------------------------------------
 */

static size_t limit_of(const struct engine *e, const struct waiter *to)
{
	if (to->from.transport == ENGINE_TCP)
		return DNS_MESSAGE_MAX;
	size_t ours = e->rules->edns_size, theirs = to->edns ? to->edns_size : DNS_EDNS_UDP_MIN;
	return theirs < ours ? theirs : ours;
}

static void deliver(struct engine *e, const struct waiter *to, struct span packed)
{
	struct reply_to how = {.id = to->id,
			       .flags = to->flags,
			       .question = span_of(to->question, to->question_len),
			       .edns = to->edns,
			       .do_bit = to->do_bit,
			       .edns_size = e->rules->edns_size,
			       .limit = limit_of(e, to)};
	size_t len = reply_write(packed, &how, 0, (uint32_t)engine_random(e), e->out);
	if (to->look)
		len = engine_filter_answer(e, &to->from.peer.address, &how, e->out, len);
	if (len)
		e->effects.answer(e->effects.ctx, &to->from, span_of(e->out, len));
}

/* Whole answers are kept as long as all that is in them holds. */
static void keep_answer(struct walk *w, struct span packed, uint16_t rcode, bool sigs)
{
	struct engine *e = w->engine;
	uint32_t ttl_s = reply_least_ttl(packed);
	if (w->hold_max_s == 0 || w->safe)
		return;
	if (ttl_s != UINT32_MAX && ttl_s > w->hold_max_s)
		ttl_s = w->hold_max_s;
	if (ttl_s == UINT32_MAX || (rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN))
		return;
	struct cache_key key = {dns_name_span(&w->qname), w->qtype,
				engine_answer_kind(w->dns64, sigs)};
	(void)cache_put(e->cache, &key, engine_now_ms(e), ttl_s * 1000ull, 0, packed);
}

/* More than a message holds. */
static size_t compose_failure(struct engine *e, const struct reply_parts *parts)
{
	struct reply_parts none = {.name = parts->name,
				   .type = parts->type,
				   .class = parts->class,
				   .rcode = DNS_RCODE_SERVFAIL,
				   .ede = DNS_EDE_OTHER};
	size_t len = 0;
	enum err err = reply_compose(&none, false, e->build, e->packed, sizeof(e->packed), &len);
	ASSERT(!err); /* a question alone fits */
	return len;
}

static void answer_waiters(struct walk *w, const struct reply_parts *parts, bool sigs)
{
	struct engine *e = w->engine;
	struct span packed = {0};
	for (struct waiter *to = w->waiters; to; to = to->next) {
		if (to->do_bit != sigs)
			continue;
		size_t len;
		if (packed.len == 0) {
			if (reply_compose(parts, sigs, e->build, e->packed, sizeof(e->packed),
					  &len) != OK)
				len = compose_failure(e, parts);
			packed = span_of(e->packed, len);
			keep_answer(w, packed, parts->rcode, sigs);
		}
		deliver(e, to, packed);
		e->stats.answered++;
		e->stats.nxdomain += parts->rcode == DNS_RCODE_NXDOMAIN;
		e->stats.servfail += parts->rcode == DNS_RCODE_SERVFAIL;
	}
}

static bool row_has(struct span row, struct span owner, uint16_t type)
{
	struct reader r = reader_of_span(row);
	struct rrset set;
	while (rrset_next(&r, &set))
		if (set.type == type && span_equal(set.owner, owner))
			return true;
	return false;
}

/* RFC 2181 5.4.1: data of any rank may be additional. */
static void add_addresses(struct engine *e, struct writer *row, const struct rrset *of)
{
	static const uint16_t types[2] = {DNS_TYPE_A, DNS_TYPE_AAAA};
	struct reader r = reader_of_span(of->records);
	struct span rdata;
	struct dns_name name;
	if (!(dns_type_flags(of->type) & DNS_TYPE_ADDITIONAL))
		return;
	for (uint16_t i = 0; i < of->count && rrset_record_next(&r, &rdata); i++) {
		if (!dns_rdata_name(of->type, rdata, 0, &name))
			continue;
		for (size_t t = 0; t < 2; t++) {
			size_t at = row->pos;
			if (row_has(writer_span(row), dns_name_span(&name), types[t]))
				continue;
			struct span found =
				walk_cached_row(e, CACHE_RRSET, dns_name_span(&name), types[t], 0,
						row->data + at, row->cap - at);
			row->pos += found.len;
		}
	}
}

/* `answers: full`: the zone's servers as authority, and addresses of what is named. */
static void add_courtesy(struct walk *w, struct reply_parts *parts)
{
	struct engine *e = w->engine;
	struct writer extra = writer_of(e->additional_row, ROW_MAX);
	struct reader r = reader_of_span(parts->answer);
	struct rrset set, last = {0};
	while (rrset_next(&r, &set)) {
		add_addresses(e, &extra, &set);
		last = set;
	}
	struct span up = parts->authority.len || !last.packed.len ? (struct span){0} : last.owner;
	for (; up.len; up = dns_name_parent_span(up)) {
		struct span ns = walk_cached_row(e, CACHE_RRSET, up, DNS_TYPE_NS,
						 CACHE_RANK_AUTHORITY, e->authority_row, ROW_MAX);
		if (!ns.len)
			ns = walk_cached_row(e, CACHE_DELEGATION, up, 0, 0, e->authority_row,
					     ROW_MAX);
		if (!rrset_read(ns, &set))
			continue;
		parts->authority = set.packed;
		add_addresses(e, &extra, &set);
		break;
	}
	parts->additional = writer_span(&extra);
}

static void fill_parts(struct walk *w, const struct walk_result *r, struct reply_parts *ret)
{
	struct engine *e = w->engine;
	struct rrset first = {0};
	*ret = (struct reply_parts){.name = dns_name_span(&w->qname),
				    .type = w->qtype,
				    .class = DNS_CLASS_IN,
				    .rcode = r->rcode,
				    .ede = r->ede};
	if (r->rcode == DNS_RCODE_SERVFAIL || r->rcode == DNS_RCODE_REFUSED)
		return; /* what was found on the way is not an answer */
	if (r->final.len)
		(void)rrset_read(r->final, &first);
	ret->answer = first.packed;
	if (w->links_len) {
		struct writer joined = writer_of(e->joined_row, ROW_MAX);
		write_span(&joined, span_of(w->links, w->links_len));
		write_span(&joined, first.packed);
		ret->answer = writer_span(&joined);
	}
	ret->authority = r->authority.len ? r->authority
					  : span_sub(r->final, first.packed.len, r->final.len);
	if (e->rules->full_answers && first.packed.len)
		add_courtesy(w, ret);
}

static void note_failure(struct walk *w, const struct walk_result *r)
{
	struct engine *e = w->engine;
	struct cache_key key = {dns_name_span(&w->sname), w->stype, CACHE_FAILURE};
	if (r->rcode == DNS_RCODE_SERVFAIL && !r->cached)
		(void)cache_put(e->cache, &key, engine_now_ms(e), WALK_FAILURE_MS, 0,
				(struct span){0});
}

void walk_finish(struct walk *w, const struct walk_result *found)
{
	struct walk_result r = *found;
	struct reply_parts parts;
	if (w->state == WALK_DONE)
		return;
	walk_ask_end(w);
	note_failure(w, &r);
	if (w->dns64 && walk_dns64_finish(w, &r))
		return;
	w->state = WALK_DONE;
	w->from_cache = r.cached;
	walk_cut_tell(w, r.final);
	fill_parts(w, &r, &parts);
	answer_waiters(w, &parts, false);
	answer_waiters(w, &parts, true);
	walk_trace_summary(w, &r, parts.answer);
	engine_walk_free(w);
}

void walk_fail(struct walk *w, uint16_t ede)
{
	walk_finish(w, &(struct walk_result){.rcode = DNS_RCODE_SERVFAIL, .ede = ede});
}
