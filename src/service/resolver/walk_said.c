#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "service/resolver/walk.h"

static struct delegation_address *address_of(struct walk *w)
{
	return &w->cut.addresses[w->ask.address];
}

/* The question is over; the next is for the walk to choose. */
static void go_on(struct walk *w)
{
	walk_ask_end(w);
	w->state = WALK_READY;
	engine_ready(w);
}

static void ask_again_over_tcp(struct walk *w)
{
	w->ask.tcp_next = true;
	go_on(w);
}

static void try_another(struct walk *w)
{
	address_of(w)->bad = true;
	go_on(w);
}

/* --- is it ours?
 * ---------------------------------------------------------------------------------- */

/* RFC 5452 9.1: address, id and question must be those of the question that is out. */
static bool is_reply(const struct walk *w, const struct ip_endpoint *from,
		     const struct dns_message *m)
{
	const struct ask *ask = &w->ask;
	if (!ip_endpoint_equal(from, &ask->at) || m->header.id != ask->id ||
	    !(m->header.flags & DNS_FLAG_QR) || dns_header_opcode(&m->header) != DNS_OPCODE_QUERY)
		return false;
	if (!m->has_question) /* an error, or a server that is broken: said_judge says which */
		return true;
	return m->question.type == ask->type && m->question.class == DNS_CLASS_IN &&
	       dns_name_equal(&m->question.name, &ask->name);
}

static bool mismatch(struct walk *w)
{
	w->engine->stats.mismatched++;
	if (++w->ask.mismatches < WALK_MISMATCHES_MAX)
		return false;
	/* Somebody guesses: ask where guessing is hard. */
	if (w->ask.transport == ENGINE_UDP)
		ask_again_over_tcp(w);
	else
		try_another(w);
	return false;
}

enum cookie { COOKIE_FINE, COOKIE_FORGED, COOKIE_MISSING };

/* RFC 7873 5.3. */
static enum cookie check_cookie(struct walk *w, const struct dns_edns *edns)
{
	struct server *s = walk_ask_server(w);
	uint8_t ours[DNS_COOKIE_CLIENT_LEN];
	struct reader cookie = reader_of_span(edns->cookie);
	if (!w->ask.edns)
		return COOKIE_FINE;
	if (edns->cookie.len == 0)
		return w->ask.cookie ? COOKIE_MISSING : COOKIE_FINE;
	servers_client_cookie(&w->engine->servers, &w->ask.at, ours);
	if (!span_equal(read_span(&cookie, sizeof(ours)), span_of(ours, sizeof(ours))))
		return COOKIE_FORGED;
	size_t len = reader_left(&cookie);
	if (len >= DNS_COOKIE_SERVER_MIN && len <= DNS_COOKIE_SERVER_MAX) {
		read_bytes(&cookie, s->cookie, len);
		s->cookie_len = (uint8_t)len;
	}
	return COOKIE_FINE;
}

/* --- what it does ------------------------------------------------------------------------------
 */

static bool is_part(const struct walk *w)
{
	return w->ask.name.len != w->sname.len;
}

/* The links of the verdict as a row: CNAMEs as they came, DNAMEs with the CNAME that they make
 * (RFC 6672 3.1). */
static struct span links_row(struct engine *e, const struct verdict *v)
{
	struct writer row = writer_of(e->joined_row, ROW_MAX);
	for (size_t i = 0; i < v->links_n; i++) {
		const struct rrset *set = &v->links[i].set->set;
		write_span(&row, set->packed);
		if (set->type != DNS_TYPE_DNAME)
			continue;
		size_t at = rrset_pack_begin(&row, dns_name_span(&v->links[i].from), DNS_TYPE_CNAME,
					     set->ttl_s);
		rrset_pack_rdata(&row, dns_name_span(&v->links[i].to));
		rrset_pack_end(&row, at, 1, 0);
	}
	return row.bad ? (struct span){0} : writer_span(&row);
}

static bool keep_links(struct walk *w, struct span row)
{
	struct engine *e = w->engine;
	if (row.len && !w->links)
		w->links = slab_take(&e->links);
	if (row.len && (!w->links || row.len > WALK_LINKS_BYTES - w->links_len))
		return false;
	if (row.len)
		memcpy(w->links + w->links_len, row.data, row.len); /* room checked above */
	w->links_len += row.len;
	return true;
}

static void take_answer(struct walk *w, const struct verdict *v)
{
	struct engine *e = w->engine;
	if (!keep_links(w, links_row(e, v))) {
		walk_fail(w, DNS_EDE_OTHER);
		return;
	}
	walk_finish(w, &(struct walk_result){.ede = REPLY_EDE_NONE,
					     .final = walk_answer_row(e, &e->said, v->final)});
}

static void take_denial(struct walk *w, const struct verdict *v)
{
	struct engine *e = w->engine;
	uint16_t rcode = v->kind == SAID_NXDOMAIN ? DNS_RCODE_NXDOMAIN : DNS_RCODE_NOERROR;
	walk_finish(w, &(struct walk_result){.rcode = rcode,
					     .ede = REPLY_EDE_NONE,
					     .authority = walk_denial_row(e, &e->said, v->soa)});
}

/* A reply to a part of the name only says whether there is a cut. */
static void take_part(struct walk *w, const struct verdict *v)
{
	bool strict = w->engine->rules->minimise == MINIMISE_STRICT;
	switch (v->kind) {
	case SAID_ANSWER:
	case SAID_CNAME:
	case SAID_NODATA: minimise_passed(&w->minimise, dns_name_labels(&w->ask.name)); break;
	case SAID_NXDOMAIN:
		if (walk_believes_denial(w)) {
			take_denial(w, v);
			return;
		}
		w->minimise.whole = true; /* RFC 9156 2.3: some deny names that others are below */
		break;
	case SAID_LAME:
	case SAID_FAILED:
		if (!strict)
			w->minimise.whole = true;
		else
			address_of(w)->bad = true;
		break;
	case SAID_REFERRAL: break; /* taken before */
	}
	go_on(w);
}

static void take_failure(struct walk *w, const struct verdict *v)
{
	struct engine *e = w->engine;
	e->stats.lame++;
	/* SERVFAIL may be over in a moment; the others are what the server is. */
	if (v->kind == SAID_LAME || e->said.rcode != DNS_RCODE_SERVFAIL)
		server_set_lame(walk_ask_server(w), w->zone_hash, engine_now_ms(e));
	try_another(w);
}

/* Does the sender resolve for others instead of being a server of the zone? What it says may be old
 * or forged on its way to it. Servers of the configuration were chosen by somebody. */
static bool is_recursive(const struct walk *w, const struct verdict *v)
{
	unsigned seen = 0;
	if ((w->engine->said.flags & (DNS_FLAG_AA | DNS_FLAG_RA)) != DNS_FLAG_RA ||
	    v->kind == SAID_REFERRAL || v->kind == SAID_LAME || v->kind == SAID_FAILED)
		return false;
	for (uint8_t i = 0; i < w->cut.addresses_n; i++)
		seen += w->cut.addresses[i].recursive;
	return !w->cut.configured && !w->cut_settled && seen < WALK_RECURSIVE_MAX;
}

static void pass_over_recursive(struct walk *w)
{
	struct engine *e = w->engine;
	e->stats.lame++;
	server_set_lame(walk_ask_server(w), w->zone_hash, engine_now_ms(e));
	walk_trace_reply(w, TRACE_LAME, e->said.rcode, NULL, (struct span){0});
	address_of(w)->recursive = true;
	try_another(w);
}

static void take(struct walk *w, const struct verdict *v)
{
	struct engine *e = w->engine;
	if (v->kind == SAID_REFERRAL) {
		walk_ask_end(w);
		walk_cut_refer(w, &e->said, v->ns);
		w->ask.vain = 0;
		w->state = WALK_READY;
		engine_ready(w);
		return;
	}
	if (is_part(w)) {
		take_part(w, v);
		return;
	}
	switch (v->kind) {
	case SAID_ANSWER: take_answer(w, v); break;
	case SAID_CNAME:
		walk_ask_end(w);
		walk_follow(w, links_row(e, v), &v->target);
		break;
	case SAID_NODATA:
	case SAID_NXDOMAIN: take_denial(w, v); break;
	case SAID_LAME:
	case SAID_FAILED: take_failure(w, v); break;
	case SAID_REFERRAL: break; /* above */
	}
}

/* RFC 6891 7, and those who never read it: the same server is asked again without EDNS. */
static bool dislikes_edns(struct walk *w)
{
	const struct said *s = &w->engine->said;
	if (!w->ask.edns || (s->rcode != DNS_RCODE_FORMERR && s->rcode != DNS_RCODE_NOTIMP &&
			     s->rcode != DNS_RCODE_BADVERS))
		return false;
	if (!s->message.edns.present || s->rcode == DNS_RCODE_BADVERS)
		server_set_no_edns(walk_ask_server(w), engine_now_ms(w->engine));
	w->ask.plain_next = true;
	return true;
}

static enum trace_event event_of(const struct verdict *v)
{
	switch (v->kind) {
	case SAID_ANSWER: return TRACE_ANSWER;
	case SAID_CNAME: return TRACE_CNAME;
	case SAID_NODATA: return TRACE_NODATA;
	case SAID_NXDOMAIN: return TRACE_NXDOMAIN;
	case SAID_REFERRAL: return TRACE_REFERRAL;
	case SAID_LAME: return TRACE_LAME;
	case SAID_FAILED: return TRACE_FAILED;
	}
	return TRACE_FAILED;
}

static void trace_verdict(struct walk *w, const struct verdict *v)
{
	const struct said *s = &w->engine->said;
	struct dns_name target = {.len = 0};
	struct span row = {0};
	if (!w->trace)
		return;
	if (v->ns) {
		row = v->ns->set.packed;
		if (dns_name_from_wire(v->ns->set.owner, &target) != OK)
			target.len = 0;
	} else if (v->links_n) {
		target = v->target;
		row = links_row(w->engine, v);
	}
	if (v->final && !v->links_n)
		row = v->final->set.packed;
	else if (v->soa && !v->links_n)
		row = v->soa->set.packed;
	walk_trace_reply(w, event_of(v), s->rcode, &target, row);
}

static void hear(struct walk *w)
{
	uint64_t rtt_us = w->engine->now_us - w->ask.sent_us;
	if (w->ask.transport == ENGINE_UDP)
		server_heard(walk_ask_server(w),
			     rtt_us < UINT32_MAX ? (uint32_t)rtt_us : UINT32_MAX);
}

/* The whole message may be believed to be from the server. */
static void take_message(struct walk *w, struct span message)
{
	struct engine *e = w->engine;
	struct verdict *v = &e->verdict;
	if (said_read(&e->said, message, &w->cut.zone, w->ask.type) != OK) {
		walk_trace_reply(w, TRACE_FAILED, DNS_RCODE_FORMERR, NULL, (struct span){0});
		try_another(w);
		return;
	}
	if (dislikes_edns(w)) {
		walk_trace_reply(w, TRACE_FAILED, e->said.rcode, NULL, (struct span){0});
		go_on(w);
		return;
	}
	said_judge(&e->said, &w->cut.zone, &w->ask.name, w->ask.type,
		   w->cut.kind == DELEGATION_FORWARD, v);
	if (is_recursive(w, v)) {
		pass_over_recursive(w);
		return;
	}
	walk_store(w, &e->said, v);
	trace_verdict(w, v);
	take(w, v);
}

bool walk_receive(struct walk *w, const struct ip_endpoint *from, struct span message)
{
	struct dns_message m;
	bool udp = w->ask.transport == ENGINE_UDP;
	if (dns_message_read_head(message, &m) != OK || !is_reply(w, from, &m))
		return mismatch(w);
	if (m.header.flags & DNS_FLAG_TC) { /* RFC 2181 9: what is in it is not to be used */
		hear(w);
		walk_trace_reply(w, TRACE_TRUNCATED, (uint16_t)dns_header_rcode(&m.header), NULL,
				 (struct span){0});
		if (udp)
			ask_again_over_tcp(w);
		else
			try_another(w);
		return true;
	}
	if (dns_message_read(message, &m) == OK) {
		enum cookie cookie = check_cookie(w, &m.edns);
		if (udp && cookie == COOKIE_FORGED) {
			w->engine->stats.cookies_bad++;
			return mismatch(w);
		}
		if (udp &&
		    (cookie == COOKIE_MISSING || dns_message_rcode(&m) == DNS_RCODE_BADCOOKIE)) {
			/* A server that has shown that it knows cookies: RFC 7873 5.3 */
			w->engine->stats.cookies_bad++;
			ask_again_over_tcp(w);
			return true;
		}
	}
	hear(w);
	take_message(w, message);
	return true;
}
