/* GET /explain: the decisions about one packet, step by step. */
#include "service/nat/explain.h"
#include "service/nat/io_control.h"

static void take_step(void *arg, const struct nat_step *s)
{
	json_t *o = json_pack("{s:s,s:s}", "kind", nat_step_name(s->kind), "text", s->text);
	if (s->kind == NAT_STEP_RULE) {
		nat_json_set(o, "rule", json_integer(s->rule));
		nat_json_set(o, "matched", json_boolean(s->matched));
		if (s->line)
			nat_json_set(o, "line", json_integer(s->line));
	}
	(void)json_array_append_new(arg, o);
}

/* NULL, or what is wrong. A name is one that the configuration knows. */
static const char *read_end(const struct nat *n, const char *text, struct ip_address *ret)
{
	struct nat_who who;
	if (!text)
		return "say src= and dst=";
	if (ip_address_parse(span_text(text), ret) == OK)
		return NULL;
	if (nat_who_parse(nat_conf_of(n), span_text(text), &who) || who.kind != NAT_WHO_NAME)
		return "an end is an address, or a host name of the configuration";
	const struct nat_name *name = nat_names_find(&n->names, &who.name);
	for (size_t f = 0; name && f < NAT_NAME_FAMILIES; f++)
		if (name->family[f].n) {
			*ret = name->family[f].addresses[0];
			return NULL;
		}
	return "that name has no address here now";
}

static const char *read_question(const struct nat *n, const struct control_request *req,
				 struct nat_question *q)
{
	const char *traffic = control_request_query(req, "traffic");
	const char *sport = control_request_query(req, "sport");
	const char *zone = control_request_query(req, "zone");
	struct nat_traffics t;
	uint64_t port;
	const char *why = read_end(n, control_request_query(req, "src"), &q->src);
	if (!why)
		why = read_end(n, control_request_query(req, "dst"), &q->dst);
	if (why)
		return why;
	if (q->src.family != q->dst.family)
		return "both ends are of one family";
	if (nat_traffic_parse(span_text(traffic ? traffic : "443/tcp"), &t))
		return "traffic is such as 443/tcp, ping or esp";
	size_t which = t.n > 1 && t.items[1].proto == NAT_PROTO_ICMPV6 && q->src.family == 6;
	q->proto = t.items[which].proto;
	q->dport = t.items[which].first;
	q->sport = 40000;
	q->zone = zone ? nat_conf_zone(nat_conf_of(n), span_text(zone)) : -1;
	if (zone && q->zone < 0)
		return "there is no such zone";
	if (sport && !span_to_u64(span_text(sport), UINT16_MAX, &port))
		return "sport is a number up to 65535";
	if (sport)
		q->sport = (uint16_t)port;
	return NULL;
}

void nat_handle_explain(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct nat *n = arg;
	struct nat_question q = {.zone = -1};
	const char *why = read_question(n, req, &q);
	if (why) {
		control_reply_error(reply, 400, why);
		return;
	}
	json_t *steps = json_array();
	enum nat_verdict v =
		nat_explain(nat_conf_of(n), &n->machine.net, n->now, &q, take_step, steps);
	control_reply_json(reply, 200,
			   json_pack("{s:s,s:o}", "verdict", nat_verdict_name(v), "steps", steps));
}
