/* What the programs tell, through the ring: flows that begin and end, to whoever reads the events.
 */
#include "os/log.h"
#include "service/nat/counter.h"
#include "service/nat/io_nat.h"

#include <string.h>

enum { EVENTS_A_WAKE = 512 };

static void set_endpoint(json_t *object, const char *key, __be32 address, __be16 port)
{
	struct ip_endpoint at = {.address = nat_address_of(address), .port = nat_host16(port)};
	char text[IP_ENDPOINT_TEXT_MAX];
	(void)ip_endpoint_format(&at, text);
	(void)json_object_set_new(object, key, json_string(text));
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

static void set_bytes(json_t *object, const struct nat_event *e)
{
	(void)json_object_set_new(object, "bytes_sent", json_integer((json_int_t)e->bytes[0]));
	(void)json_object_set_new(object, "bytes_received", json_integer((json_int_t)e->bytes[1]));
}

static void tell(struct nat *n, const struct nat_event *e)
{
	json_t *fields;
	if (!control_events_read(n->life.control))
		return;
	switch (e->kind) {
	case NAT_EVENT_FLOW_BEGUN:
		control_event(n->life.control, "flow begun", flow_fields(e));
		break;
	case NAT_EVENT_FLOW_ENDED:
		fields = flow_fields(e);
		set_bytes(fields, e);
		control_event(n->life.control, "flow ended", fields);
		break;
	case NAT_EVENT_REFUSED:
		fields = flow_fields(e);
		(void)json_object_set_new(
			fields, "cause",
			json_string(nat_counter_name((enum nat_counter)e->counter)->cause));
		control_event(n->life.control, "flow refused", fields);
		break;
	default: break;
	}
}

static void take_record(void *arg, struct span record)
{
	struct nat_event e;
	if (record.len < sizeof(e))
		return;
	memcpy(&e, record.data, sizeof(e)); /* why-reader-copy: of our own programs, as they lie */
	tell(arg, &e);
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
