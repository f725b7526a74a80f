/* The engine's front: what a client asks, and what can be said at once. */
#include "proto/dns/type.h"
#include "proto/ip/prefix.h"
#include "service/resolver/walk.h"

#define HINFO_TTL_S    3600u
#define CHAOS_TEXT_MAX 255u

struct hit {
	const struct reply_to *to;
	uint64_t now_ms;
	uint8_t *out;
	size_t len;
};

static bool write_hit(void *arg, const struct cache_entry *entry)
{
	struct hit *hit = arg;
	uint64_t age_ms = hit->now_ms - entry->stored_ms;
	hit->len = reply_write(entry->payload, hit->to, (uint32_t)((age_ms + 999) / 1000),
			       (*entry->turn)++, hit->out);
	return true;
}

static bool may_ask(const struct engine_rules *rules, const struct ip_address *peer)
{
	struct ip_address plain = ip_address_unmap(peer);
	for (size_t i = 0; i < rules->access_n; i++)
		if (ip_prefix_contains(&rules->access[i], &plain))
			return true;
	return false;
}

/* What DNS64 has a say in. RFC 6147 5.5: "If the CD bit is set and DO is set, then vDNS64 […] MUST
 * NOT perform translation": the client validates, and what is made has no signature. Nothing is
 * validated here, so DO without CD is as without both (RFC 6147 3, case 3). */
static bool is_for_dns64(const struct engine_rules *rules, const struct asker *from,
			 const struct dns_query *q)
{
	uint16_t type = q->question.type;
	if (!rules->dns64 || (type != DNS_TYPE_AAAA && type != DNS_TYPE_PTR) ||
	    (q->edns.do_bit && (q->header.flags & DNS_FLAG_CD)))
		return false;
	return dns64_serves(rules->dns64, &from->peer.address);
}

static struct reply_to reply_to_of(const struct engine *e, const struct asker *from,
				   const struct dns_query *q, size_t cap)
{
	struct reply_to to = {.id = q->header.id,
			      .flags = q->header.flags,
			      .edns = q->edns.present,
			      .do_bit = q->edns.do_bit,
			      .edns_size = e->rules->edns_size,
			      .limit = DNS_MESSAGE_MAX};
	if (q->has_question)
		to.question = q->question.wire;
	if (from->transport == ENGINE_UDP) {
		uint16_t theirs = q->edns.present ? q->edns.udp_size : DNS_EDNS_UDP_MIN;
		to.limit = theirs < e->rules->edns_size ? theirs : e->rules->edns_size;
	}
	if (to.limit > cap)
		to.limit = cap;
	return to;
}

/* One TXT or HINFO record that nobody is asked for. */
static size_t answer_made(struct engine *e, const struct dns_query *q, const struct reply_to *to,
			  struct span rdata, uint16_t type, uint32_t ttl_s, uint8_t *out)
{
	struct writer row = writer_of(e->answer_row, ROW_MAX);
	size_t at = rrset_pack_begin(&row, dns_name_span(&q->question.name), type, ttl_s), len;
	rrset_pack_rdata(&row, rdata);
	rrset_pack_end(&row, at, 1, 0);
	struct reply_parts parts = {.name = dns_name_span(&q->question.name),
				    .type = q->question.type,
				    .class = q->question.class,
				    .ede = REPLY_EDE_NONE,
				    .answer = writer_span(&row)};
	if (reply_compose(&parts, false, e->build, e->packed, sizeof(e->packed), &len) != OK)
		return 0;
	return reply_write(span_of(e->packed, len), to, 0, 0, out);
}

static bool name_is(const struct dns_name *name, const char *text)
{
	struct dns_name other;
	return dns_name_from_text(span_text(text), NULL, &other) == OK &&
	       dns_name_equal(name, &other);
}

/* RFC 4892 2: what this server says of itself. NULL: nothing. */
static const char *chaos_text(const struct engine_rules *rules, const struct dns_name *name)
{
	if (name_is(name, "version.bind") || name_is(name, "version.server"))
		return rules->version;
	if (name_is(name, "id.server") || name_is(name, "hostname.bind"))
		return rules->identity;
	return NULL;
}

static size_t answer_chaos(struct engine *e, const struct dns_query *q, const struct reply_to *to,
			   uint8_t *out)
{
	const char *text = chaos_text(e->rules, &q->question.name);
	uint8_t room[CHAOS_TEXT_MAX + 1];
	struct writer rdata = writer_of(room, sizeof(room));
	if (!text || strlen(text) > CHAOS_TEXT_MAX ||
	    (q->question.type != DNS_TYPE_TXT && q->question.type != DNS_TYPE_ANY))
		return reply_write_bare(to, DNS_RCODE_REFUSED, REPLY_EDE_NONE, out);
	write_u8(&rdata, (uint8_t)strlen(text));
	write_text(&rdata, text);
	return answer_made(e, q, to, writer_span(&rdata), DNS_TYPE_TXT, 0, out);
}

/* What is not resolved: other classes, query types that are not data. 0: it is to be resolved. */
static size_t answer_odd(struct engine *e, const struct dns_query *q, const struct reply_to *to,
			 uint8_t *out)
{
	const struct dns_question *asked = &q->question;
	if (asked->class == DNS_CLASS_CH)
		return answer_chaos(e, q, to, out);
	if (asked->class != DNS_CLASS_IN)
		return reply_write_bare(to, DNS_RCODE_REFUSED, REPLY_EDE_NONE, out);
	if (asked->type == DNS_TYPE_ANY) /* RFC 8482 4.2 */
		return answer_made(e, q, to, span_of("\007RFC8482", 9), DNS_TYPE_HINFO, HINFO_TTL_S,
				   out);
	if (asked->type == DNS_TYPE_AXFR || asked->type == DNS_TYPE_IXFR)
		return reply_write_bare(to, DNS_RCODE_REFUSED, REPLY_EDE_NONE, out);
	if (asked->type == 0 || (dns_type_flags(asked->type) & DNS_TYPE_META))
		return reply_write_bare(to, DNS_RCODE_NOTIMP, REPLY_EDE_NONE, out);
	return 0;
}

static bool wait_for(struct engine *e, struct walk *w, const struct asker *from,
		     const struct dns_query *q, bool look)
{
	struct waiter *wait = w->waiters_n < ASKERS_A_WALK_MAX ? slab_take(&e->waiters) : NULL;
	if (!wait)
		return false;
	wait->from = *from;
	wait->id = q->header.id;
	wait->flags = q->header.flags;
	wait->edns = q->edns.present;
	wait->edns_size = q->edns.udp_size;
	wait->do_bit = q->edns.do_bit;
	wait->look = look;
	struct reader question = reader_of_span(q->question.wire);
	wait->question_len = (uint16_t)q->question.wire.len;
	read_bytes(&question, wait->question, wait->question_len);
	if (w->waiters_last)
		w->waiters_last->next = wait;
	else
		w->waiters = wait;
	w->waiters_last = wait;
	w->waiters_n++;
	return true;
}

/* UDP clients ask again when they have waited: they are not to be answered twice for that. */
static bool waits_already(const struct walk *w, const struct asker *from, uint16_t id)
{
	const struct waiter *at = w->waiters;
	for (unsigned n = 0; at && n < 32; at = at->next, n++)
		if (at->id == id && from->transport == ENGINE_UDP &&
		    at->from.transport == ENGINE_UDP &&
		    ip_endpoint_equal(&at->from.peer, &from->peer))
			return true;
	return false;
}

static size_t resolve(struct engine *e, const struct asker *from, const struct dns_query *q,
		      const struct reply_to *to, struct query_filter filter, uint8_t *out)
{
	bool cache_only = !(q->header.flags & DNS_FLAG_RD), dns64 = is_for_dns64(e->rules, from, q);
	struct walk *w = cache_only ? NULL
				    : engine_walk_find(e, &q->question.name, q->question.type,
						       dns64, filter.safe);
	if (w) {
		if (waits_already(w, from, q->header.id))
			return 0;
		e->stats.joined++;
	} else if (engine_walk_new(e, &q->question.name, q->question.type, &w) != OK) {
		return reply_write_bare(to, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY, out);
	} else {
		w->cache_only = cache_only;
		w->dns64 = dns64;
		w->safe = filter.safe;
	}
	if (!wait_for(e, w, from, q, filter.look)) {
		e->stats.limit_walks++;
		return reply_write_bare(to, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY, out);
	}
	engine_run(e);
	return 0;
}

static bool answer_from_cache(struct engine *e, const struct cache_key *key,
			      const struct reply_to *to, uint8_t *out, size_t *ret_len)
{
	struct hit hit = {to, engine_now_ms(e), out, 0};
	if (!cache_visit(e->cache, key, hit.now_ms, write_hit, &hit))
		return false;
	e->stats.hits++;
	*ret_len = hit.len;
	return true;
}

size_t engine_query(struct engine *e, uint64_t now_us, const struct asker *from,
		    struct span message, uint8_t *out, size_t cap)
{
	struct dns_query q;
	struct query_filter filter;
	size_t len;
	engine_time_is(e, now_us);
	e->stats.queries++;
	e->stats.queries_tcp += from->transport == ENGINE_TCP;
	enum dns_query_verdict verdict = dns_query_read(message, &q);
	if (verdict == DNS_QUERY_DROP) {
		e->stats.dropped++;
		return 0;
	}
	struct reply_to to = reply_to_of(e, from, &q, cap);
	if (!may_ask(e->rules, &from->peer.address)) {
		e->stats.refused++;
		return reply_write_bare(&to, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED, out);
	}
	if (verdict == DNS_QUERY_REPLY) {
		e->stats.malformed++;
		return reply_write_bare(&to, q.rcode, REPLY_EDE_NONE, out);
	}
	len = engine_filter_query(e, from, &q, &to, out, &filter);
	if (len)
		return len;
	struct cache_key key = {
		dns_name_span(&q.question.name), q.question.type,
		engine_answer_kind(is_for_dns64(e->rules, from, &q), q.edns.do_bit)};
	if (q.question.class == DNS_CLASS_IN && !filter.safe &&
	    answer_from_cache(e, &key, &to, out, &len))
		return filter.look ? engine_filter_answer(e, &from->peer.address, &to, out, len)
				   : len;
	len = answer_odd(e, &q, &to, out);
	if (len)
		return len;
	return resolve(e, from, &q, &to, filter, out);
}
