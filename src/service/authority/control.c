/* The verbs of the authority on its control socket. */
#include "proto/dns/code.h"
#include "proto/dns/message.h"
#include "proto/dns/rdata.h"
#include "service/authority/io_authority.h"
#include "service/authority/io_dynamic.h"

#include <stdlib.h>

#define PREFIX "gatehouse_authority_"

static const char *denial_of(const struct zone *z)
{
	return z->nsec_n ? "NSEC" : z->nsec3_n ? "NSEC3" : "none";
}

static json_t *updates_json(const struct zones_entry *e)
{
	struct dynamic_zone *dz = dynamic_zone_of(e->updater);

	return json_pack(
		"{s:s,s:I,s:I,s:I}", "state",
		dynamic_state_text(
			(enum dynamic_state)atomic_load_explicit(&dz->state, memory_order_relaxed)),
		"applied", (json_int_t)atomic_load_explicit(&dz->updates, memory_order_relaxed),
		"failed", (json_int_t)atomic_load_explicit(&dz->failures, memory_order_relaxed),
		"journal_bytes",
		(json_int_t)atomic_load_explicit(&dz->journal_len, memory_order_relaxed));
}

static json_t *zone_json(const struct zones_entry *e)
{
	char origin[DNS_NAME_TEXT_MAX];
	const struct zone *z = zone_now(e->zone);

	dns_name_format(&e->origin, origin);
	if (!z)
		return json_pack("{s:s,s:b}", "origin", origin, "loaded", 0);
	json_t *json =
		json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:I}", "origin", origin, "loaded",
			  1, "serial", (json_int_t)z->serial, "records", (json_int_t)z->records,
			  "rrsets", (json_int_t)z->rrsets, "names", (json_int_t)z->nodes, "bytes",
			  (json_int_t)(z->region_len +
				       ((size_t)z->slots_mask + 1) * sizeof(struct zone_slot)),
			  "denial", denial_of(z), "file", z->home->path, "loaded_s",
			  (json_int_t)z->home->loaded_s);
	if (json && e->updater)
		json_object_set_new(json, "updates", updates_json(e));
	return json;
}

static void zones_handle(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct authority *a = arg;
	json_t *list = json_array();
	(void)req;

	for (size_t i = 0; a->generation && i < a->generation->zones->n; i++)
		json_array_append_new(list, zone_json(&a->generation->zones->entries[i]));
	control_reply_json(reply, 200, json_pack("{s:o}", "zones", list));
}

/* --- /zones/lookup: a query as a client would send it, its answer as text --- */

static json_t *record_json(const struct dns_message *m, const struct dns_record *rec)
{
	static const char *const sections[] = {"question", "answer", "authority", "additional"};
	char owner[DNS_NAME_TEXT_MAX], type[DNS_TYPE_TEXT_MAX];
	size_t size = DNS_RDATA_MAX + 16 * ((size_t)rec->rdata.len + DNS_NAME_MAX) + 64;
	uint8_t *wire = malloc(DNS_RDATA_MAX), *text = malloc(size);
	json_t *json = NULL;
	struct reader r = dns_record_reader(rec);

	if (wire && text) {
		struct writer w = writer_of(wire, DNS_RDATA_MAX), t = writer_of(text, size);
		if (!dns_rdata_from_wire(rec->type, &r, dns_message_reader(m), &w))
			dns_rdata_format(rec->type, writer_span(&w), &t);
		json = json_pack("{s:s,s:s,s:I,s:s,s:s%}", "section", sections[rec->section],
				 "name", dns_name_format(&rec->owner, owner), "ttl",
				 (json_int_t)rec->ttl, "type", dns_type_format(rec->type, type),
				 "data", (char *)text, t.pos);
	}
	free(wire);
	free(text);
	return json ? json : json_null();
}

static json_t *answer_json(struct span answer, unsigned rcode)
{
	char text[DNS_CODE_TEXT_MAX];
	struct dns_message m;
	struct dns_record rec;
	json_t *records = json_array();

	if (!dns_message_read(answer, &m)) {
		struct dns_record_iter it = dns_record_iter_all(&m);
		while (dns_record_next(&m, &it, &rec))
			json_array_append_new(records, record_json(&m, &rec));
	}
	return json_pack("{s:s,s:b,s:o}", "rcode", dns_rcode_format(rcode, text), "authoritative",
			 (m.header.flags & DNS_FLAG_AA) != 0, "records", records);
}

static size_t query_write(const struct dns_name *name, uint16_t type, uint8_t *buf, size_t cap)
{
	struct writer w = writer_of(buf, cap);

	write_u32(&w, 0);
	write_u16(&w, 1);
	write_u32(&w, 0);
	write_u16(&w, 0);
	write_bytes(&w, name->wire, name->len);
	write_u16(&w, type);
	write_u16(&w, DNS_CLASS_IN);
	return w.pos;
}

static void lookup_handle(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct authority *a = arg;
	const char *text = control_request_query(req, "name"),
		   *type = control_request_query(req, "type");
	static const struct ip_address nobody = {.family = 4};
	uint8_t query[512], *out;
	uint16_t number = DNS_TYPE_A;
	struct dns_name name;
	struct answer_facts facts;

	if (!text || dns_name_from_text(span_text(text), NULL, &name) ||
	    (type && !dns_type_from_text(span_text(type), &number)) || number == DNS_TYPE_AXFR ||
	    number == DNS_TYPE_IXFR) {
		control_reply_error(reply, 400, "give name=NAME and, if wanted, type=TYPE");
		return;
	}
	out = malloc(ANSWER_TCP_MAX);
	if (!a->generation || !out) {
		free(out);
		control_reply_error(reply, 503, "no zones are loaded yet");
		return;
	}
	struct answer_input in = {
		.packet = span_of(query, query_write(&name, number, query, sizeof(query))),
		.client = &nobody,
		.tcp = true,
	};
	size_t len = answer_make(a->generation->zones, &a->generation->answers, &in, out,
				 ANSWER_TCP_MAX, &facts);
	control_reply_json(reply, 200, answer_json(span_of(out, len), facts.rcode));
	free(out);
}

static const struct control_verb verbs[] = {
	{"GET", "/zones", "the zones, their serials and sizes", zones_handle},
	{"GET", "/zones/lookup", "what is answered to ?name=NAME&type=TYPE", lookup_handle},
};

/* --- status and metrics --- */

static json_t *status(void *arg)
{
	struct authority *a = arg;
	json_t *json = service_life_status(&a->life);
	size_t missing = 0, n = a->generation ? a->generation->zones->n : 0;

	for (size_t i = 0; i < n; i++)
		missing += !a->generation->zones->entries[i].zone;
	json_object_set_new(json, "ready",
			    json_boolean(a->workers_started == a->workers_n && a->workers_n));
	json_object_set_new(json, "workers", json_integer((json_int_t)a->workers_n));
	json_object_set_new(json, "zones", json_integer((json_int_t)n));
	json_object_set_new(json, "zones_missing", json_integer((json_int_t)missing));
	json_object_set_new(json, "reloads", json_integer((json_int_t)a->reloads));
	json_object_set_new(json, "reloads_failed", json_integer((json_int_t)a->reloads_failed));
	json_object_set_new(json, "queries_udp",
			    json_integer((json_int_t)counters_sum(&a->counters, COUNT_UDP)));
	json_object_set_new(json, "queries_tcp",
			    json_integer((json_int_t)counters_sum(&a->counters, COUNT_TCP)));
	return json;
}

static void metric_head(struct writer *w, const char *name, const char *help, bool gauge)
{
	write_format(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		     gauge ? "gauge" : "counter");
}

static void metrics(void *arg, struct writer *w)
{
	const struct authority *a = arg;

	for (size_t i = 0; i < COUNTERS; i++) {
		const struct counter_name *c = &authority_counter_names[i];
		if (i == 0 || strcmp(c->name, authority_counter_names[i - 1].name) != 0)
			metric_head(w, c->name, c->help, c->gauge);
		write_format(w, c->label ? "%s{%s} %llu\n" : "%s%s %llu\n", c->name,
			     c->label ? c->label : "",
			     (unsigned long long)counters_sum(&a->counters, i));
	}
	metric_head(w, PREFIX "zones", "zones that are configured", true);
	write_format(w, PREFIX "zones %zu\n", a->generation ? a->generation->zones->n : 0);
	metric_head(w, PREFIX "reloads_total", "reloads that ended", false);
	write_format(w, PREFIX "reloads_total %llu\n", (unsigned long long)a->reloads);
	metric_head(w, PREFIX "reloads_failed_total", "reloads in which something was refused",
		    false);
	write_format(w, PREFIX "reloads_failed_total %llu\n",
		     (unsigned long long)a->reloads_failed);
}

static void reload(void *arg, struct control_reply *reply)
{
	authority_reload(arg, reply);
}

const struct control_face authority_face = {
	.service = "authority",
	.verbs = verbs,
	.verbs_n = sizeof(verbs) / sizeof(verbs[0]),
	.status = status,
	.metrics = metrics,
	.reload = reload,
};
