/* What the programs tell, through the ring: flows that begin and end, to whoever reads the events.
 */
#include "os/log.h"
#include "service/nat/counter.h"
#include "service/nat/io_control.h"

#include <string.h>

enum { EVENTS_A_WAKE = 512 };

static void set_endpoint(json_t *object, const char *key, __be32 address, __be16 port)
{
	struct ip_endpoint at = {.address = nat_address_of(address), .port = nat_host16(port)};
	nat_json_set(object, key, nat_json_endpoint(&at));
}

/* The near end, what the world sees of it, and the far end. */
static json_t *flow_fields(const struct nat_event *e)
{
	struct nat_traffic t = {.proto = e->tuple.proto, .last = UINT16_MAX};
	char text[NAT_TRAFFIC_TEXT_MAX];
	json_t *o = json_pack("{s:s}", "protocol", nat_traffic_format(&t, text));
	set_endpoint(o, "from", e->tuple.src, e->tuple.sport);
	set_endpoint(o, "to", e->tuple.dst, e->tuple.dport);
	set_endpoint(o, "as", e->answer.dst, e->answer.dport);
	set_endpoint(o, "reaches", e->answer.src, e->answer.sport);
	if (e->rule)
		(void)json_object_set_new(o, "rule", json_integer(e->rule % NAT_SET_RULES));
	return o;
}

static void set_end6(json_t *object, const char *key, const struct nat_address6 *address,
		     __be16 port)
{
	struct ip_endpoint at = {.address = nat_address_unmap(address->octets),
				 .port = nat_host16(port)};
	nat_json_set(object, key, nat_json_endpoint(&at));
}

/* The same of IPv6; the outer ends of NAT64 are of IPv4. */
static json_t *flow6_fields(const struct nat_event6 *e)
{
	struct nat_traffic t = {.proto = e->head.tuple.proto, .last = UINT16_MAX};
	char text[NAT_TRAFFIC_TEXT_MAX];
	json_t *o = json_pack("{s:s}", "protocol", nat_traffic_format(&t, text));
	set_end6(o, "from", &e->tuple.src, e->tuple.sport);
	if (e->head.kind == NAT_EVENT_FLOW6_BEGUN || e->head.kind == NAT_EVENT_FLOW6_ENDED)
		set_end6(o, "to", &e->tuple.dst, e->tuple.dport);
	set_end6(o, "as", &e->answer.dst, e->answer.dport);
	if (e->head.kind == NAT_EVENT_FLOW6_BEGUN || e->head.kind == NAT_EVENT_FLOW6_ENDED)
		set_end6(o, "reaches", &e->answer.src, e->answer.sport);
	if (e->head.rule)
		(void)json_object_set_new(o, "rule", json_integer(e->head.rule % NAT_SET_RULES));
	return o;
}

static void set_bytes(json_t *object, const struct nat_event *e)
{
	(void)json_object_set_new(object, "bytes_sent", json_integer((json_int_t)e->bytes[0]));
	(void)json_object_set_new(object, "bytes_received", json_integer((json_int_t)e->bytes[1]));
}

static json_t *mapping_fields(const struct nat_event *e)
{
	struct nat_traffic t = {.proto = e->tuple.proto, .last = UINT16_MAX};
	char text[NAT_TRAFFIC_TEXT_MAX];
	json_t *o = json_pack("{s:s}", "protocol", nat_traffic_format(&t, text));
	set_endpoint(o, "from", e->tuple.src, e->tuple.sport);
	set_endpoint(o, "as", e->answer.dst, e->answer.dport);
	return o;
}

static json_t *block_fields(const struct nat_event *e)
{
	struct ip_address host = nat_address_of(e->tuple.src);
	struct ip_address public = nat_address_of(e->answer.dst);
	return json_pack("{s:o,s:o,s:i,s:i}", "host", nat_json_address(&host), "public",
			 nat_json_address(&public), "first_port", e->block_first, "last_port",
			 e->block_first + e->block_n - 1);
}

static bool is_six(unsigned kind)
{
	return kind == NAT_EVENT_FLOW6_BEGUN || kind == NAT_EVENT_FLOW6_ENDED ||
	       kind == NAT_EVENT_MAPPING6_MADE || kind == NAT_EVENT_MAPPING6_ENDED;
}

/* NULL: nobody is told of such a thing. */
static json_t *fields_of(const struct nat_event6 *event)
{
	const struct nat_event *e = &event->head;
	json_t *fields = NULL;
	switch (e->kind) {
	case NAT_EVENT_FLOW_BEGUN: return flow_fields(e);
	case NAT_EVENT_FLOW_ENDED:
		fields = flow_fields(e);
		set_bytes(fields, e);
		return fields;
	case NAT_EVENT_FLOW6_BEGUN:
	case NAT_EVENT_MAPPING6_MADE:
	case NAT_EVENT_MAPPING6_ENDED: return flow6_fields(event);
	case NAT_EVENT_FLOW6_ENDED:
		fields = flow6_fields(event);
		set_bytes(fields, e);
		return fields;
	case NAT_EVENT_REFUSED:
		fields = flow_fields(e);
		(void)json_object_set_new(
			fields, "cause",
			json_string(nat_counter_name((enum nat_counter)e->counter)->cause));
		return fields;
	case NAT_EVENT_MAPPING_MADE:
	case NAT_EVENT_MAPPING_ENDED: return mapping_fields(e);
	case NAT_EVENT_BLOCK:
	case NAT_EVENT_BLOCK_ENDED: return block_fields(e);
	default: return NULL;
	}
}

/* The programs keep to a rate themselves, but for what the log must have whatever the rate; whoever
 * reads the events is told how many he did not see. */
static bool may_tell(struct nat *n)
{
	uint64_t second = loop_now_ms(&n->life.loop) / 1000;
	if (second != n->told_second) {
		if (n->untold)
			control_event(n->life.control, "events skipped",
				      json_pack("{s:I}", "count", (json_int_t)n->untold));
		n->told_second = second;
		n->told = 0;
		n->untold = 0;
	}
	if (n->told == nat_plane_settings(&n->plane)->events_s) {
		n->untold++;
		return false;
	}
	n->told++;
	return true;
}

static void tell(struct nat *n, const struct nat_event6 *e)
{
	json_t *fields = NULL;
	if (control_events_read(n->life.control) && may_tell(n))
		fields = fields_of(e);
	if (fields)
		control_event(n->life.control, nat_event_name(e->head.kind), fields);
}

static void take_record(void *arg, struct span record)
{
	struct nat *n = arg;
	struct nat_event6 e = {0};
	if (record.len < sizeof(e.head))
		return;
	/* why-reader-copy: of our own programs, as they lie */
	memcpy(&e.head, record.data, sizeof(e.head));
	struct span packet = span_sub(record, sizeof(e.head), e.head.packet_len);
	if (is_six(e.head.kind)) {
		if (packet.len != sizeof(e.tuple) + sizeof(e.answer))
			return;
		memcpy(&e, record.data, sizeof(e)); /* why-reader-copy: as above */
		tell(n, &e);
		nat_logger_event6(&n->logger, &e);
		return;
	}
	n->left.answers = nat_conf_of(n)->answer_unasked;
	nat_left_event(&n->left, &e.head, packet);
	tell(n, &e);
	nat_logger_event(&n->logger, &e.head);
}

static void ring_woken(void *arg, uint32_t events)
{
	struct nat *n = arg;
	size_t told;
	(void)events;
	enum err e = bpf_ring_consume(n->plane.ring, EVENTS_A_WAKE, &told);
	if (e)
		log_warning("the events of the programs cannot be read", LOG_ERR(e));
}

enum err nat_events_open(struct nat *n)
{
	struct bpf_table events;
	TRY(bpf_set_table(n->plane.set, "events", &events));
	TRY(bpf_ring_new(&events, take_record, n, &n->plane.ring));
	return loop_add(&n->life.loop, &n->ring_watch, bpf_ring_fd(n->plane.ring), LOOP_READ,
			ring_woken, n);
}
