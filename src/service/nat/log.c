#include "service/nat/log.h"

#include "proto/ip/address.h"
#include "proto/ipfix/element.h"
#include "proto/ipfix/message.h"
#include "service/nat/conf_log.h"
#include "service/nat/flows.h"
#include "service/nat/tables.h"

#include <assert.h>
#include <stdio.h>

enum { NS_OF_MS = 1000000 };

const char *nat_event_name(unsigned kind)
{
	switch (kind) {
	case NAT_EVENT_FLOW_BEGUN:
	case NAT_EVENT_FLOW6_BEGUN: return "flow begun";
	case NAT_EVENT_FLOW_ENDED:
	case NAT_EVENT_FLOW6_ENDED: return "flow ended";
	case NAT_EVENT_MAPPING_MADE:
	case NAT_EVENT_MAPPING6_MADE: return "mapping made";
	case NAT_EVENT_MAPPING_ENDED:
	case NAT_EVENT_MAPPING6_ENDED: return "mapping ended";
	case NAT_EVENT_REFUSED: return "flow refused";
	case NAT_EVENT_BLOCK: return "block given";
	case NAT_EVENT_BLOCK_ENDED: return "block ended";
	default: return NULL;
	}
}

void nat_log_configure(struct nat_log *log, const struct nat_log_conf *conf)
{
	bool on = nat_log_conf_on(conf);
	log->mappings = on && conf->mappings;
	log->flows = on && conf->flows;
	log->destinations = on && conf->destinations;
}

enum err nat_log_init(struct nat_log *log, const struct nat_log_conf *conf)
{
	*log = (struct nat_log){0};
	TRY(queue_init(&log->queue, sizeof(struct nat_log_entry), NAT_LOG_QUEUE));
	nat_log_configure(log, conf);
	return OK;
}

void nat_log_done(struct nat_log *log)
{
	queue_done(&log->queue);
}

/* --- from an event --- */

static void of_flow(struct nat_log_entry *e, const struct nat_event *event)
{
	const struct nat_tuple4 *one = &event->tuple, *two = &event->answer;
	e->inward = one->zone == NAT_ZONE_OUTSIDE;
	e->host = e->inward ? two->src : one->src;
	e->host_port = e->inward ? two->sport : one->sport;
	e->public = e->inward ? one->dst : two->dst;
	e->public_port = e->inward ? one->dport : two->dport;
	e->far = e->inward ? one->src : one->dst;
	e->far_port = e->inward ? one->sport : one->dport;
	e->far_as = e->inward ? two->dst : two->src;
	e->far_as_port = e->inward ? two->dport : two->sport;
	if (event->kind == NAT_EVENT_FLOW_ENDED) {
		e->out = event->bytes[e->inward ? 1 : 0];
		e->in = event->bytes[e->inward ? 0 : 1];
	}
}

static void of_mapping(struct nat_log_entry *e, const struct nat_event *event)
{
	e->host = event->tuple.src;
	e->host_port = event->tuple.sport;
	e->public = event->answer.dst;
	e->public_port = event->answer.dport;
}

static void of_block(struct nat_log_entry *e, const struct nat_event *event)
{
	e->host = event->tuple.src;
	e->public = event->answer.dst;
	e->block_first = event->block_first;
	e->block_last = (uint16_t)(event->block_first + event->block_n - 1);
}

void nat_log_event(struct nat_log *log, const struct nat_event *event)
{
	struct nat_log_entry e = {
		.time_ms = (uint64_t)((int64_t)(event->time_ns / NS_OF_MS) + log->clock_ms),
		.kind = event->kind,
		.proto = event->tuple.proto,
		.with_far = log->destinations,
	};
	/* Nobody is behind the machine's own public ports but itself. */
	if (event->tuple.zone == NAT_ZONE_GATEWAY && event->kind != NAT_EVENT_BLOCK &&
	    event->kind != NAT_EVENT_BLOCK_ENDED)
		return;
	switch (event->kind) {
	case NAT_EVENT_FLOW_BEGUN:
	case NAT_EVENT_FLOW_ENDED:
		if (event->answer.zone == NAT_ZONE_GATEWAY || !log->flows)
			return;
		of_flow(&e, event);
		break;
	case NAT_EVENT_MAPPING_MADE:
	case NAT_EVENT_MAPPING_ENDED:
		if (!log->mappings)
			return;
		of_mapping(&e, event);
		break;
	case NAT_EVENT_BLOCK:
	case NAT_EVENT_BLOCK_ENDED:
		if (event->block_n == 0)
			return;
		of_block(&e, event);
		break;
	default: return;
	}
	err_ignore(queue_put(&log->queue, &e)); /* the queue counts what it refuses */
}

/* --- of NAT64 --- */

static bool is_mapped(const struct nat_address6 *a)
{
	return a->halves[0] == 0 && a->shorts[4] == 0 && a->shorts[5] == 0xffff;
}

static __be32 four_of(const struct nat_address6 *a)
{
	return a->words[3];
}

/* One of the two tuples is of IPv4: the one that began, if somebody outside did. */
static void of_flow64(struct nat_log_entry *e, const struct nat_event6 *event)
{
	const struct nat_tuple6 *one = &event->tuple, *two = &event->answer;
	e->inward = is_mapped(&one->src);
	e->host6 = e->inward ? two->src : one->src;
	e->host_port = e->inward ? two->sport : one->sport;
	e->far6 = e->inward ? two->dst : one->dst;
	e->far_port = e->inward ? two->dport : one->dport;
	e->public = four_of(e->inward ? &one->dst : &two->dst);
	e->public_port = e->inward ? one->dport : two->dport;
	e->far = e->far_as = four_of(e->inward ? &one->src : &two->src);
	e->far_as_port = e->inward ? one->sport : two->sport;
	if (e->kind == NAT_EVENT_FLOW_ENDED) {
		e->out = event->head.bytes[e->inward ? 1 : 0];
		e->in = event->head.bytes[e->inward ? 0 : 1];
	}
}

void nat_log_event6(struct nat_log *log, const struct nat_event6 *event)
{
	const struct nat_event *head = &event->head;
	struct nat_log_entry e = {
		.time_ms = (uint64_t)((int64_t)(head->time_ns / NS_OF_MS) + log->clock_ms),
		.proto = head->tuple.proto,
		.with_far = log->destinations,
		.six = true,
	};
	switch (head->kind) {
	case NAT_EVENT_FLOW6_BEGUN:
	case NAT_EVENT_FLOW6_ENDED:
		if (!log->flows || is_mapped(&event->tuple.src) == is_mapped(&event->answer.src))
			return;
		e.kind = head->kind == NAT_EVENT_FLOW6_BEGUN ? NAT_EVENT_FLOW_BEGUN
							     : NAT_EVENT_FLOW_ENDED;
		of_flow64(&e, event);
		break;
	case NAT_EVENT_MAPPING6_MADE:
	case NAT_EVENT_MAPPING6_ENDED:
		if (!log->mappings)
			return;
		e.kind = head->kind == NAT_EVENT_MAPPING6_MADE ? NAT_EVENT_MAPPING_MADE
							       : NAT_EVENT_MAPPING_ENDED;
		e.host6 = event->tuple.src;
		e.host_port = event->tuple.sport;
		e.public = four_of(&event->answer.dst);
		e.public_port = event->answer.dport;
		break;
	default: return;
	}
	err_ignore(queue_put(&log->queue, &e)); /* the queue counts what it refuses */
}

bool nat_log_take(struct nat_log *log, struct nat_log_entry *ret)
{
	if (!queue_take(&log->queue, ret))
		return false;
	log->told++;
	return true;
}

static bool is_block(const struct nat_log_entry *e)
{
	return e->kind == NAT_EVENT_BLOCK || e->kind == NAT_EVENT_BLOCK_ENDED;
}

static bool is_flow(const struct nat_log_entry *e)
{
	return e->kind == NAT_EVENT_FLOW_BEGUN || e->kind == NAT_EVENT_FLOW_ENDED;
}

/* --- JSON --- */

/* Civil date of a day since 1970-01-01, by the era of 400 years that begins on 1 March. */
static void date_write(struct writer *w, uint64_t time_ms)
{
	uint64_t s = time_ms / 1000, days = s / 86400 + 719468, of_day = s % 86400;
	uint64_t era = days / 146097, of_era = days % 146097;
	uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t march = (5 * of_year + 2) / 153; /* months since March */
	unsigned day = (unsigned)(of_year - (153 * march + 2) / 5 + 1);
	unsigned month = (unsigned)(march < 10 ? march + 3 : march - 9);
	year += era * 400 + (month <= 2);
	write_format(w, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)year, month, day,
		     (unsigned)(of_day / 3600), (unsigned)(of_day / 60 % 60),
		     (unsigned)(of_day % 60), (unsigned)(time_ms % 1000));
}

static void any_address_write(struct writer *w, const char *key, const struct ip_address *a)
{
	write_format(w, ",\"%s\":\"", key);
	ip_address_write(w, a);
	write_text(w, "\"");
}

static void address_write(struct writer *w, const char *key, __be32 address)
{
	struct ip_address a = nat_address_of(address);
	any_address_write(w, key, &a);
}

static void port_write(struct writer *w, const char *key, __be16 port)
{
	if (port != 0)
		write_format(w, ",\"%s_port\":%u", key, nat_host16(port));
}

/* The keys of a protocol without ports are left out. */
static void end_write(struct writer *w, const char *key, __be32 address, __be16 port)
{
	address_write(w, key, address);
	port_write(w, key, port);
}

static void host_write(struct writer *w, const struct nat_log_entry *e)
{
	if (e->six) {
		struct ip_address a =
			ip_address_of(span_of(e->host6.octets, sizeof(e->host6.octets)));
		any_address_write(w, "host", &a);
		port_write(w, "host", e->host_port);
	} else {
		end_write(w, "host", e->host, e->host_port);
	}
}

void nat_log_json(const struct nat_log_entry *e, struct writer *w)
{
	char proto[NAT_PROTO_TEXT_MAX];
	const char *name = nat_event_name(e->kind);
	ASSERT(name);
	write_text(w, "{\"time\":\"");
	date_write(w, e->time_ms);
	write_format(w, "\",\"event\":\"%s\"", name);
	if (is_block(e)) {
		address_write(w, "host", e->host);
		address_write(w, "public", e->public);
		write_format(w, ",\"first_port\":%u,\"last_port\":%u}\n", e->block_first,
			     e->block_last);
		return;
	}
	write_format(w, ",\"protocol\":\"%s\"", nat_proto_name(e->proto, proto));
	host_write(w, e);
	end_write(w, "public", e->public, e->public_port);
	if (is_flow(e)) {
		write_format(w, ",\"began\":\"%s\"", e->inward ? "outside" : "inside");
		if (e->with_far)
			end_write(w, "far", e->far, e->six ? e->far_as_port : e->far_port);
	}
	if (e->kind == NAT_EVENT_FLOW_ENDED)
		write_format(w, ",\"bytes_out\":%llu,\"bytes_in\":%llu", (unsigned long long)e->out,
			     (unsigned long long)e->in);
	write_text(w, "}\n");
}

/* --- IPFIX --- */

/* RFC 8158 4.3: each event's elements, less those of who was spoken with where they are not told.
 */
#define BEGINS                                                                                     \
	{IPFIX_OBSERVATION_TIME_MILLISECONDS, 8},                                                  \
	{                                                                                          \
		IPFIX_NAT_EVENT, 1                                                                 \
	}
#define ADDRESSES                                                                                  \
	{IPFIX_SOURCE_IPV4_ADDRESS, 4},                                                            \
	{                                                                                          \
		IPFIX_POST_NAT_SOURCE_IPV4_ADDRESS, 4                                              \
	}
#define ADDRESSES64                                                                                \
	{IPFIX_SOURCE_IPV6_ADDRESS, 16},                                                           \
	{                                                                                          \
		IPFIX_POST_NAT_SOURCE_IPV4_ADDRESS, 4                                              \
	}
#define PORTS                                                                                      \
	{IPFIX_PROTOCOL_IDENTIFIER, 1}, {IPFIX_SOURCE_TRANSPORT_PORT, 2},                          \
	{                                                                                          \
		IPFIX_POST_NAPT_SOURCE_TRANSPORT_PORT, 2                                           \
	}
#define REALM                                                                                      \
	{                                                                                          \
		IPFIX_NAT_ORIGINATING_ADDRESS_REALM, 1                                             \
	}
#define FAR                                                                                        \
	{IPFIX_DESTINATION_IPV4_ADDRESS, 4}, {IPFIX_DESTINATION_TRANSPORT_PORT, 2},                \
		{IPFIX_POST_NAT_DESTINATION_IPV4_ADDRESS, 4},                                      \
	{                                                                                          \
		IPFIX_POST_NAPT_DESTINATION_TRANSPORT_PORT, 2                                      \
	}
#define FAR64                                                                                      \
	{IPFIX_DESTINATION_IPV6_ADDRESS, 16}, {IPFIX_DESTINATION_TRANSPORT_PORT, 2},               \
		{IPFIX_POST_NAT_DESTINATION_IPV4_ADDRESS, 4},                                      \
	{                                                                                          \
		IPFIX_POST_NAPT_DESTINATION_TRANSPORT_PORT, 2                                      \
	}
#define OCTETS                                                                                     \
	{IPFIX_INITIATOR_OCTETS, 8},                                                               \
	{                                                                                          \
		IPFIX_RESPONDER_OCTETS, 8                                                          \
	}

static const struct ipfix_field mapping_fields[] = {BEGINS, ADDRESSES, PORTS};
static const struct ipfix_field block_fields[] = {
	BEGINS, ADDRESSES, {IPFIX_PORT_RANGE_START, 2}, {IPFIX_PORT_RANGE_END, 2}};
static const struct ipfix_field begun_fields[] = {BEGINS, ADDRESSES, PORTS, REALM};
static const struct ipfix_field begun_far_fields[] = {BEGINS, ADDRESSES, PORTS, REALM, FAR};
static const struct ipfix_field ended_fields[] = {BEGINS, ADDRESSES, PORTS, REALM, OCTETS};
static const struct ipfix_field ended_far_fields[] = {BEGINS, ADDRESSES, PORTS, REALM, FAR, OCTETS};
static const struct ipfix_field mapping64_fields[] = {BEGINS, ADDRESSES64, PORTS};
static const struct ipfix_field begun64_fields[] = {BEGINS, ADDRESSES64, PORTS, REALM};
static const struct ipfix_field begun_far64_fields[] = {BEGINS, ADDRESSES64, PORTS, REALM, FAR64};
static const struct ipfix_field ended64_fields[] = {BEGINS, ADDRESSES64, PORTS, REALM, OCTETS};
static const struct ipfix_field ended_far64_fields[] = {BEGINS, ADDRESSES64, PORTS,
							REALM,	FAR64,	     OCTETS};

enum template {
	MAPPING,
	BLOCK,
	BEGUN,
	BEGUN_FAR,
	ENDED,
	ENDED_FAR,
	MAPPING64,
	BEGUN64,
	BEGUN_FAR64,
	ENDED64,
	ENDED_FAR64,
	TEMPLATES
};
static_assert((int)TEMPLATES == (int)NAT_LOG_TEMPLATES, "all are told");

#define TEMPLATE(place, fields)                                                                    \
	[place] = {IPFIX_TEMPLATE_MIN + (place), sizeof(fields) / sizeof((fields)[0]), fields}

static const struct ipfix_template templates[TEMPLATES] = {
	TEMPLATE(MAPPING, mapping_fields),
	TEMPLATE(BLOCK, block_fields),
	TEMPLATE(BEGUN, begun_fields),
	TEMPLATE(BEGUN_FAR, begun_far_fields),
	TEMPLATE(ENDED, ended_fields),
	TEMPLATE(ENDED_FAR, ended_far_fields),
	TEMPLATE(MAPPING64, mapping64_fields),
	TEMPLATE(BEGUN64, begun64_fields),
	TEMPLATE(BEGUN_FAR64, begun_far64_fields),
	TEMPLATE(ENDED64, ended64_fields),
	TEMPLATE(ENDED_FAR64, ended_far64_fields),
};

size_t nat_log_templates(struct ipfix_message *m, size_t from)
{
	size_t i = from;
	while (i < NAT_LOG_TEMPLATES && ipfix_add_template(m, &templates[i]))
		i++;
	ASSERT(i > from || from == NAT_LOG_TEMPLATES);
	return i;
}

static enum template template64_of(const struct nat_log_entry *e)
{
	switch (e->kind) {
	case NAT_EVENT_FLOW_BEGUN: return e->with_far ? BEGUN_FAR64 : BEGUN64;
	case NAT_EVENT_FLOW_ENDED: return e->with_far ? ENDED_FAR64 : ENDED64;
	default: return MAPPING64;
	}
}

static enum template template_of(const struct nat_log_entry *e)
{
	if (e->six)
		return template64_of(e);
	switch (e->kind) {
	case NAT_EVENT_FLOW_BEGUN: return e->with_far ? BEGUN_FAR : BEGUN;
	case NAT_EVENT_FLOW_ENDED: return e->with_far ? ENDED_FAR : ENDED;
	case NAT_EVENT_BLOCK:
	case NAT_EVENT_BLOCK_ENDED: return BLOCK;
	default: return MAPPING;
	}
}

static uint8_t ipfix_event(const struct nat_log_entry *e)
{
	switch (e->kind) {
	case NAT_EVENT_FLOW_BEGUN:
		return e->six ? IPFIX_NAT64_SESSION_CREATE : IPFIX_NAT44_SESSION_CREATE;
	case NAT_EVENT_FLOW_ENDED:
		return e->six ? IPFIX_NAT64_SESSION_DELETE : IPFIX_NAT44_SESSION_DELETE;
	case NAT_EVENT_MAPPING_MADE:
		return e->six ? IPFIX_NAT64_BIB_CREATE : IPFIX_NAT44_BIB_CREATE;
	case NAT_EVENT_MAPPING_ENDED:
		return e->six ? IPFIX_NAT64_BIB_DELETE : IPFIX_NAT44_BIB_DELETE;
	case NAT_EVENT_BLOCK_ENDED: return IPFIX_NAT_PORT_BLOCK_DEALLOCATION;
	default: return IPFIX_NAT_PORT_BLOCK_ALLOCATION;
	}
}

static void flow_write(struct writer *w, const struct nat_log_entry *e)
{
	write_u8(w, e->inward ? IPFIX_REALM_PUBLIC : IPFIX_REALM_PRIVATE);
	if (e->with_far) {
		if (e->six)
			write_bytes(w, &e->far6, sizeof(e->far6));
		else
			write_bytes(w, &e->far, sizeof(e->far));
		write_bytes(w, &e->far_port, sizeof(e->far_port));
		write_bytes(w, &e->far_as, sizeof(e->far_as));
		write_bytes(w, &e->far_as_port, sizeof(e->far_as_port));
	}
	if (e->kind == NAT_EVENT_FLOW_ENDED) {
		write_u64(w, e->inward ? e->in : e->out);
		write_u64(w, e->inward ? e->out : e->in);
	}
}

bool nat_log_ipfix(const struct nat_log_entry *e, struct ipfix_message *m)
{
	uint8_t room[96];
	struct writer w = writer_of(room, sizeof(room));
	write_u64(&w, e->time_ms);
	write_u8(&w, ipfix_event(e));
	if (e->six)
		write_bytes(&w, &e->host6, sizeof(e->host6));
	else
		write_bytes(&w, &e->host, sizeof(e->host));
	write_bytes(&w, &e->public, sizeof(e->public));
	if (is_block(e)) {
		write_u16(&w, e->block_first);
		write_u16(&w, e->block_last);
	} else {
		write_u8(&w, e->proto);
		write_bytes(&w, &e->host_port, sizeof(e->host_port));
		write_bytes(&w, &e->public_port, sizeof(e->public_port));
	}
	if (is_flow(e))
		flow_write(&w, e);
	ASSERT(!w.bad);
	return ipfix_add_record(m, &templates[template_of(e)], writer_span(&w));
}
