#include "service/resolver/control.h"

#include "control/service_life.h"
#include "os/clock.h"
#include "proto/dns/rdata.h"
#include "service/resolver/cache.h"
#include "service/resolver/io_forwarders.h"
#include "service/resolver/reply.h"
#include "service/resolver/rrset.h"

#include <stdlib.h>

#define RECORDS_SHOWN_MAX 32u
#define RECORD_TEXT_MAX	  4096u
#define LOOKUP_MAX	  512u

static void set_name(json_t *object, const char *key, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];
	(void)json_object_set_new(object, key, json_string(dns_name_format(name, text)));
}

static void add_record(json_t *array, const struct rrset *set, uint16_t type, struct span rdata)
{
	char room[RECORD_TEXT_MAX], name[DNS_NAME_TEXT_MAX];
	struct writer w = writer_of(room, sizeof(room));
	write_text(&w, dns_name_format_span(set->owner, name));
	write_format(&w, " %u IN ", (unsigned)set->ttl_s);
	dns_type_write(type, &w);
	write_u8(&w, ' ');
	size_t at = w.pos;
	dns_rdata_format(type, rdata, &w);
	if (w.bad) { /* too long to show */
		writer_rewind(&w, at);
		write_format(&w, "\\# %zu ...", rdata.len);
	}
	(void)json_array_append_new(array, json_stringn((const char *)w.data, w.pos));
}

void resolver_records_json(struct span row, size_t max, json_t *array)
{
	struct reader r = reader_of_span(row);
	struct rrset set;
	while (rrset_next(&r, &set)) {
		struct reader records = reader_of_span(set.records);
		struct span rdata;
		for (unsigned i = 0; rrset_record_next(&records, &rdata); i++) {
			if (json_array_size(array) >= max)
				return;
			add_record(array, &set, i < set.count ? set.type : DNS_TYPE_RRSIG, rdata);
		}
	}
}

/* The records of a trace without their signatures: they are for people. */
static json_t *plain_records(struct span row)
{
	json_t *array = json_array();
	struct reader r = reader_of_span(row);
	struct rrset set;
	while (rrset_next(&r, &set)) {
		struct reader records = reader_of_span(set.records);
		struct span rdata;
		for (unsigned i = 0; i < set.count && rrset_record_next(&records, &rdata); i++)
			if (json_array_size(array) < RECORDS_SHOWN_MAX)
				add_record(array, &set, set.type, rdata);
	}
	return array;
}

static void set_type(json_t *object, uint16_t type)
{
	char text[DNS_TYPE_TEXT_MAX];
	(void)json_object_set_new(object, "type", json_string(dns_type_format(type, text)));
}

static void set_rcode(json_t *object, uint16_t rcode)
{
	char text[DNS_CODE_TEXT_MAX];
	(void)json_object_set_new(object, "rcode", json_string(dns_rcode_format(rcode, text)));
}

static void set_number(json_t *object, const char *key, uint64_t n)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)n));
}

static void show_asked(json_t *line, const struct trace_step *s)
{
	char text[IP_ADDRESS_TEXT_MAX];
	set_name(line, "zone", &s->zone);
	if (s->server.len)
		set_name(line, "server", &s->server);
	(void)ip_address_format(&s->address.address, text);
	(void)json_object_set_new(line, "address", json_string(text));
	set_number(line, "port", s->address.port);
	(void)json_object_set_new(line, "transport", json_string(s->tcp ? "tcp" : "udp"));
	if (s->heard) {
		set_rcode(line, s->rcode);
		set_number(line, "round_trip_us", s->round_trip_us);
	}
	if (s->target.len)
		set_name(line, "target", &s->target);
	set_number(line, "retransmissions", s->retransmissions);
	set_number(line, "packets", s->unsent ? 0 : s->tcp ? TRACE_TCP_PACKETS : s->heard ? 2 : 1);
}

static json_t *show_step(const struct trace_step *s, unsigned number)
{
	json_t *line = json_object();
	set_number(line, "step", number);
	set_number(line, "depth", s->depth);
	(void)json_object_set_new(line, "kind", json_string(trace_kind_text(s->kind)));
	(void)json_object_set_new(line, "event", json_string(trace_event_text(s->event)));
	set_name(line, "name", &s->name);
	set_type(line, s->type);
	if (s->asked)
		show_asked(line, s);
	if (s->records.len) {
		set_number(line, "ttl", s->ttl_s);
		(void)json_object_set_new(line, "records", plain_records(s->records));
	}
	return line;
}

static json_t *show_summary(const struct trace_step *s, unsigned steps)
{
	json_t *line = json_object();
	uint32_t udp = s->exchanges - s->tcp_exchanges, udp_silent = s->silent - s->tcp_silent;
	(void)json_object_set_new(line, "kind", json_string("summary"));
	set_name(line, "name", &s->name);
	set_type(line, s->type);
	set_rcode(line, s->rcode);
	const char *error = s->ede == REPLY_EDE_NONE ? NULL : dns_ede_text(s->ede);
	if (error)
		(void)json_object_set_new(line, "error", json_string(error));
	(void)json_object_set_new(line, "answer", plain_records(s->records));
	set_number(line, "time_us", s->time_us);
	set_number(line, "steps", steps);
	(void)json_object_set_new(line, "cached",
				  json_boolean(s->exchanges == 0 && s->silent == 0));
	set_number(line, "packets_udp", 2ull * s->exchanges + s->silent);
	set_number(line, "packets_tcp", (uint64_t)TRACE_TCP_PACKETS * (s->exchanges + s->silent));
	set_number(line, "packets",
		   2ull * udp + udp_silent +
			   (uint64_t)TRACE_TCP_PACKETS * (s->tcp_exchanges + s->tcp_silent));
	return line;
}

static struct resolver_trace *find_trace(struct resolver_control *c, uint64_t number)
{
	for (size_t i = 0; i < RESOLVER_TRACES_MAX; i++)
		if (c->traces[i].number == number)
			return &c->traces[i];
	return NULL;
}

static void pass_on(struct resolver_control *c, const struct resolver_line *line)
{
	struct resolver_trace *t = find_trace(c, line->trace);
	bool last = line->step.kind == TRACE_SUMMARY;
	if (!t)
		return;
	if (t->stream)
		(void)control_stream_write(t->stream, last ? show_summary(&line->step, t->steps)
							   : show_step(&line->step, ++t->steps));
	if (!last)
		return;
	if (t->stream)
		control_stream_end(t->stream);
	*t = (struct resolver_trace){0};
}

void resolver_control_woken(void *arg)
{
	struct resolver_control *c = arg;
	struct resolver_line *line;
	while (spsc_queue_take(c->workers[0].lines, &line)) {
		pass_on(c, line);
		free(line);
	}
}

void resolver_control_done(struct resolver_control *c)
{
	for (size_t i = 0; i < RESOLVER_TRACES_MAX; i++) {
		if (c->traces[i].number && c->traces[i].stream)
			control_stream_end(c->traces[i].stream);
		c->traces[i] = (struct resolver_trace){0};
	}
}

static void reader_gone(void *arg)
{
	struct resolver_trace *t = arg;
	control_stream_end(t->stream);
	t->stream = NULL; /* the place is free when the walk ends */
}

/* name= and, with a default, type=. False: the answer was given. */
static bool read_question(const struct control_request *req, const char *type_default,
			  struct control_reply *reply, struct dns_name *ret_name,
			  uint16_t *ret_type)
{
	const char *name = control_request_query(req, "name");
	const char *type = control_request_query(req, "type");
	if (!name || dns_name_from_text(span_text(name), NULL, ret_name) != OK) {
		control_reply_error(reply, 400, "name= must be a DNS name");
		return false;
	}
	*ret_type = 0;
	if (!type)
		type = type_default;
	if (type && !dns_type_from_text(span_text(type), ret_type)) {
		control_reply_error(reply, 400, "type= must be a record type, such as AAAA");
		return false;
	}
	return true;
}

static void handle_trace(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct resolver_control *c = arg;
	struct resolver_order order = {.kind = RESOLVER_ORDER_TRACE};
	if (!read_question(req, "A", reply, &order.name, &order.type))
		return;
	if (order.type == 0 || (dns_type_flags(order.type) & DNS_TYPE_META)) {
		control_reply_error(reply, 400, "this type is not data that can be resolved");
		return;
	}
	struct resolver_trace *t = find_trace(c, 0);
	order.trace = ++c->trace_last;
	if (!t || resolver_worker_order(&c->workers[0], &order) != OK) {
		control_reply_error(reply, 503, "too many traces are under way");
		return;
	}
	*t = (struct resolver_trace){.number = order.trace};
	t->stream = control_reply_stream(reply, reader_gone, t);
}

static void handle_cache(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct resolver_control *c = arg;
	struct cache_stats s;
	(void)req;
	cache_stats(c->cache, &s);
	control_reply_json(reply, 200,
			   json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "entries",
				     (json_int_t)s.entries, "bytes", (json_int_t)s.bytes,
				     "bytes_max", (json_int_t)s.bytes_max, "hits",
				     (json_int_t)s.hits, "misses", (json_int_t)s.misses, "stored",
				     (json_int_t)s.stored, "evicted", (json_int_t)s.evicted,
				     "refused", (json_int_t)s.refused));
}

static void handle_flush(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct resolver_control *c = arg;
	struct dns_name name;
	uint16_t type;
	if (!read_question(req, NULL, reply, &name, &type))
		return;
	const char *below = control_request_query(req, "below");
	bool all_below = below && strcmp(below, "0") != 0;
	size_t gone = cache_flush(c->cache, dns_name_span(&name), type, all_below);
	/* What is known of servers goes with the whole. */
	struct resolver_order order = {.kind = RESOLVER_ORDER_FORGET_SERVERS};
	if (all_below && dns_name_is_root(&name) && type == 0 &&
	    resolver_worker_order(&c->workers[0], &order) != OK) {
		control_reply_error(
			reply, 503,
			"the cache is empty now, but the servers' round trips are kept");
		return;
	}
	control_reply_json(reply, 200, json_pack("{s:I}", "flushed", (json_int_t)gone));
}

struct lookup {
	json_t *list;
	uint16_t type;
	uint64_t now_ms;
};

static const char *kind_text(uint8_t kind)
{
	switch ((enum cache_kind)kind) {
	case CACHE_RRSET: return "rrset";
	case CACHE_NODATA: return "nodata";
	case CACHE_NXDOMAIN: return "nxdomain";
	case CACHE_DELEGATION: return "delegation";
	case CACHE_GLUE: return "glue";
	case CACHE_FAILURE: return "failure";
	case CACHE_ANSWER:
	case CACHE_ANSWER_DO:
	case CACHE_ANSWER_64:
	case CACHE_ANSWER_64_DO: return "answer";
	}
	return "?";
}

static const char *rank_text(uint8_t rank)
{
	switch ((enum cache_rank)rank) {
	case CACHE_RANK_GLUE: return "glue";
	case CACHE_RANK_AUTHORITY: return "authority";
	case CACHE_RANK_ANSWER: return "answer";
	case CACHE_RANK_ANSWER_AA: return "authoritative answer";
	case CACHE_RANK_CONFIGURED: return "configured";
	}
	return "";
}

static bool see_entry(void *arg, const struct cache_key *key, const struct cache_entry *e)
{
	const struct lookup *l = arg;
	if (cache_kind_is_whole(key->kind) || (l->type && key->type && key->type != l->type))
		return true; /* whole answers repeat what the others say */
	json_t *entry = json_object(), *records = json_array();
	(void)json_object_set_new(entry, "kind", json_string(kind_text(key->kind)));
	if (key->type)
		set_type(entry, key->type);
	(void)json_object_set_new(entry, "rank", json_string(rank_text(e->rank)));
	set_number(entry, "ttl", (e->expires_ms - l->now_ms) / 1000);
	resolver_records_json(e->payload, RECORDS_SHOWN_MAX, records);
	(void)json_object_set_new(entry, "records", records);
	(void)json_array_append_new(l->list, entry);
	return json_array_size(l->list) < LOOKUP_MAX;
}

static void handle_lookup(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct resolver_control *c = arg;
	struct dns_name name;
	struct lookup l = {.now_ms = clock_ageing_us() / 1000};
	if (!read_question(req, NULL, reply, &name, &l.type))
		return;
	l.list = json_array();
	cache_list(c->cache, dns_name_span(&name), l.now_ms, see_entry, &l);
	control_reply_json(reply, 200, json_pack("{s:o}", "entries", l.list));
}

static json_t *status(void *arg)
{
	struct resolver_control *c = arg;
	json_t *s = service_life_status(c->life);
	struct cache_stats cache;
	cache_stats(c->cache, &cache);
	const struct counter_set *n = &c->counters;
	uint64_t queries =
		counters_sum(n, RESOLVER_QUERIES_UDP) + counters_sum(n, RESOLVER_QUERIES_TCP);
	set_number(s, "workers", c->workers_n);
	set_number(s, "queries", queries);
	set_number(s, "cache_hits", counters_sum(n, RESOLVER_HITS));
	set_number(s, "resolutions", counters_sum(n, RESOLVER_WALKS));
	set_number(s, "resolutions_now", counters_sum(n, RESOLVER_WALKS_NOW));
	set_number(s, "upstream_queries",
		   counters_sum(n, RESOLVER_ASKS_UDP) + counters_sum(n, RESOLVER_ASKS_TCP));
	set_number(s, "blocked", counters_sum(n, RESOLVER_BLOCKED));
	set_number(s, "servfail", counters_sum(n, RESOLVER_SERVFAIL));
	set_number(s, "cache_entries", cache.entries);
	set_number(s, "cache_bytes", cache.bytes);
	set_number(s, "cache_bytes_max", cache.bytes_max);
	if (c->forwarders)
		(void)json_object_set_new(s, "forwarders", resolver_forwarders_json(c->forwarders));
	return s;
}

static void metrics(void *arg, struct writer *w)
{
	struct resolver_control *c = arg;
	const char *last = "";
	for (size_t i = 0; i < RESOLVER_COUNTERS; i++) {
		const struct counter_name *name = &resolver_counter_names[i];
		if (strcmp(name->name, last) != 0)
			write_format(w, "# HELP gatehouse_%s %s\n# TYPE gatehouse_%s %s\n",
				     name->name, name->help, name->name,
				     name->gauge ? "gauge" : "counter");
		last = name->name;
		write_format(w, "gatehouse_%s{service=\"resolver\"%s%s} %llu\n", name->name,
			     name->label ? "," : "", name->label ? name->label : "",
			     (unsigned long long)counters_sum(&c->counters, i));
	}
	struct cache_stats s;
	cache_stats(c->cache, &s);
	write_format(w,
		     "# HELP gatehouse_dns_cache_bytes Bytes of data in the cache\n"
		     "# TYPE gatehouse_dns_cache_bytes gauge\n"
		     "gatehouse_dns_cache_bytes{service=\"resolver\"} %llu\n"
		     "# HELP gatehouse_dns_cache_entries Entries in the cache\n"
		     "# TYPE gatehouse_dns_cache_entries gauge\n"
		     "gatehouse_dns_cache_entries{service=\"resolver\"} %llu\n"
		     "# HELP gatehouse_dns_cache_evicted_total Live entries that made room\n"
		     "# TYPE gatehouse_dns_cache_evicted_total counter\n"
		     "gatehouse_dns_cache_evicted_total{service=\"resolver\"} %llu\n",
		     (unsigned long long)s.bytes, (unsigned long long)s.entries,
		     (unsigned long long)s.evicted);
	resolver_control_policy_metrics(c, w);
}

static void reload(void *arg, struct control_reply *reply)
{
	struct resolver_control *c = arg;
	c->reload(c->arg, reply);
}

static const struct control_verb verbs[] = {
	{"POST", "/trace", "resolve name= and type= and tell each step", handle_trace},
	{"GET", "/cache", "what the cache holds, in numbers", handle_cache},
	{"GET", "/cache/lookup", "what is kept under name= (and type=)", handle_lookup},
	{"GET", "/policy", "the policy that is obeyed, and what its lists have blocked",
	 resolver_control_policy},
	{"GET", "/policy/why", "what it says of name= for client= (lease=, peer=, user=)",
	 resolver_control_why},
	{"POST", "/flush", "forget name= (type=, below=1)", handle_flush},
};

void resolver_control_face(struct resolver_control *c, struct control_face *ret)
{
	*ret = (struct control_face){.service = "resolver",
				     .verbs = verbs,
				     .verbs_n = sizeof(verbs) / sizeof(verbs[0]),
				     .status = status,
				     .metrics = metrics,
				     .reload = reload,
				     .arg = c};
}
