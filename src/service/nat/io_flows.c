#include "service/nat/io_flows.h"

#include "crypto/random.h"
#include "os/conntrack.h"
#include "service/nat/io_control.h"
#include "service/nat/io_walk.h"
#include "service/nat/top.h"

#include <stdlib.h>
#include <string.h>

enum {
	PAGE_DEFAULT = 100,
	PAGE_MAX = 1000,
	TOP_DEFAULT = 20,
	HOSTS_READ = 512, /* records of hosts at once */
};

/* --- a list --- */

/* The rule's place in the file, if it is one of the rules that are in force. */
static void set_rule(json_t *object, const struct nat *n, uint16_t rule)
{
	uint32_t number = rule % NAT_SET_RULES;
	if (!rule)
		return;
	bool current = rule / NAT_SET_RULES == nat_plane_settings(&n->plane)->set;
	nat_json_set(object, "rule", json_integer(number));
	if (current && number <= n->now->rules_end && n->now->rules[number].line)
		nat_json_set(object, "line", json_integer(n->now->rules[number].line));
}

static json_t *flow_json(const struct nat *n, const struct nat_flow_view *v)
{
	const struct nat_conf *conf = nat_conf_of(n);
	char proto[NAT_PROTO_TEXT_MAX];
	json_t *o =
		json_pack("{s:I,s:s,s:s}", "flow", (json_int_t)v->number, "protocol",
			  nat_proto_name(v->proto, proto), "state", nat_flow_state_name(v->state));
	nat_json_set(o, "from", nat_json_endpoint(&v->from));
	if (!ip_endpoint_equal(&v->from, &v->from_as))
		nat_json_set(o, "as", nat_json_endpoint(&v->from_as));
	nat_json_set(o, "to", nat_json_endpoint(&v->to));
	if (!ip_endpoint_equal(&v->to, &v->to_as))
		nat_json_set(o, "reaches", nat_json_endpoint(&v->to_as));
	(void)json_object_update_new(o, json_pack("{s:s?,s:s?,s:I,s:I,s:I}", "from_zone",
						  nat_conf_zone_name(conf, v->from_zone), "to_zone",
						  nat_conf_zone_name(conf, v->to_zone),
						  "bytes_sent", (json_int_t)v->bytes[0],
						  "bytes_received", (json_int_t)v->bytes[1],
						  "left_s", (json_int_t)v->left_s));
	if (!v->untimed)
		(void)json_object_update_new(o,
					     json_pack("{s:I,s:I}", "age_s", (json_int_t)v->age_s,
						       "idle_s", (json_int_t)v->idle_s));
	set_rule(o, n, v->rule);
	if (v->flags & NAT_FLOW_FORWARD)
		nat_json_set(o, "forwarded", json_true());
	if (v->flags & NAT_FLOW_HAIRPIN)
		nat_json_set(o, "hairpin", json_true());
	return o;
}

static bool list_see(struct nat_walk *w, const struct nat_flow_view *v)
{
	if (json_array_size(w->list) == w->limit) {
		w->more = true;
		return false;
	}
	(void)json_array_append_new(w->list, flow_json(w->n, v));
	return true;
}

static void list_done(struct nat_walk *w)
{
	json_t *answer = json_object();
	nat_json_set(answer, "flows", TAKE(w->list));
	if (w->more)
		nat_json_set(answer, "next", json_integer(w->at));
	control_reply_json(w->reply, 200, answer);
	nat_walk_free(w);
}

static void refuse(struct nat_walk *w, const char *wrong)
{
	control_reply_error(w->reply, 400, wrong);
	nat_walk_free(w);
}

void nat_handle_flows(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct nat_walk *w = nat_walk_begin(arg, reply);
	uint64_t from, limit;
	if (!w)
		return;
	const char *wrong = nat_walk_filter(req, w);
	if (!wrong && !nat_walk_number(req, "from", UINT32_MAX, 1, &from))
		wrong = "from= must be the number that the page before gave as next";
	if (!wrong && !nat_walk_number(req, "limit", PAGE_MAX, PAGE_DEFAULT, &limit))
		wrong = "limit= must be a number from 1 to 1000";
	if (wrong) {
		refuse(w, wrong);
		return;
	}
	w->at = (uint32_t)from;
	w->limit = limit;
	w->list = json_array();
	w->see = list_see;
	w->done = list_done;
	nat_walk_go(w);
}

/* --- their end --- */

/* The sweep ends what is marked. A packet that comes at the same instant may write the octet of
 * flags back as it was: that is what the second round is for. */
static bool end_see(struct nat_walk *w, const struct nat_flow_view *v)
{
	const struct nat_plane *p = &w->n->plane;
	struct nat_flow4 *flow;
	struct nat_flow6 *six;
	if (w->tracked) {
		err_ignore(conntrack_remove(w->tracked)); /* it may have ended by itself */
		return true;
	}
	if (v->number >= NAT_WALK_SIX) {
		six = nat_plane_at(p, NAT_ARRAY_FLOWS6, v->number - NAT_WALK_SIX);
		(void)__atomic_fetch_or(&six->flags, NAT_FLOW_END, __ATOMIC_RELAXED);
		return true;
	}
	flow = nat_plane_at(p, NAT_ARRAY_FLOWS4, v->number);
	(void)__atomic_fetch_or(&flow->flags, NAT_FLOW_END, __ATOMIC_RELAXED);
	return true;
}

static void end_done(struct nat_walk *w)
{
	if (w->round++ == 0) {
		w->limit = w->seen_n;
		w->at = 1;
		loop_timer_set_after(&w->n->life.loop, &w->slice, 0);
		return;
	}
	control_reply_json(w->reply, 200, json_pack("{s:I}", "ended", (json_int_t)w->limit));
	nat_walk_free(w);
}

void nat_handle_flows_end(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct nat_walk *w = nat_walk_begin(arg, reply);
	if (!w)
		return;
	const char *wrong = nat_walk_filter(req, w);
	if (!wrong && !w->filter.host.address.family)
		wrong = "host= must say whose flows; 0.0.0.0/0 is everybody";
	if (wrong) {
		refuse(w, wrong);
		return;
	}
	w->see = end_see;
	w->done = end_done;
	nat_walk_go(w);
}

/* --- by host --- */

static bool top_see(struct nat_walk *w, const struct nat_flow_view *v)
{
	nat_top_add_flow(w->top, v);
	return true;
}

static json_t *row_json(const struct nat_top_row *row)
{
	json_t *o = json_pack("{s:o,s:I,s:I,s:I,s:I,s:I}", "host", nat_json_address(&row->host),
			      "flows", (json_int_t)row->flows, "bytes_out",
			      (json_int_t)row->bytes_out, "bytes_in", (json_int_t)row->bytes_in,
			      "begun", (json_int_t)row->begun, "refused", (json_int_t)row->refused);
	if (row->flows_max)
		nat_json_set(o, "flows_max", json_integer(row->flows_max));
	return o;
}

static void top_done(struct nat_walk *w)
{
	size_t n;
	json_t *list = json_array();
	const struct nat_top_row *rows = nat_top_sort(w->top, (enum nat_top_by)w->by, &n);
	for (size_t i = 0; i < n && i < w->limit; i++)
		(void)json_array_append_new(list, row_json(&rows[i]));
	control_reply_json(w->reply, 200,
			   json_pack("{s:o,s:I}", "top", list, "hosts", (json_int_t)n));
	nat_walk_free(w);
}

static enum err add_hosts(const struct nat *n, struct nat_top *top)
{
	static const size_t host_size = sizeof(struct nat_host);
	struct bpf_cursor cursor = {0};
	struct nat_host_key *keys = calloc(HOSTS_READ, sizeof(*keys));
	struct nat_host *hosts = calloc(HOSTS_READ, host_size);
	enum err e = keys && hosts ? OK : (enum err)ENOMEM;
	while (!e && !cursor.ended) {
		uint32_t got = HOSTS_READ;
		e = bpf_table_read(&n->plane.hosts, &cursor, keys, hosts, &got);
		for (uint32_t i = 0; !e && i < got; i++)
			nat_top_add_host(top, &keys[i], &hosts[i]);
	}
	free(keys);
	free(hosts);
	return e;
}

static bool by_read(const struct control_request *req, unsigned *ret)
{
	static const char *const names[] = {[NAT_TOP_BYTES] = "bytes",
					    [NAT_TOP_FLOWS] = "flows",
					    [NAT_TOP_BEGUN] = "begun",
					    [NAT_TOP_REFUSED] = "refused"};
	const char *by = control_request_query(req, "by");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], by ? by : names[0]) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static enum err top_begin(struct nat_walk *w)
{
	struct hash_key key;
	TRY(crypto_random(&key, sizeof(key)));
	TRY(nat_top_new(key, &w->top));
	return nat_nft_is(&w->n->nft) ? OK : add_hosts(w->n, w->top);
}

void nat_handle_top(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct nat_walk *w = nat_walk_begin(arg, reply);
	uint64_t limit = TOP_DEFAULT;
	if (!w)
		return;
	const char *wrong = nat_walk_filter(req, w);
	if (!wrong && !by_read(req, &w->by))
		wrong = "by= must be bytes, flows, begun or refused";
	if (!wrong && !nat_walk_number(req, "limit", PAGE_MAX, TOP_DEFAULT, &limit))
		wrong = "limit= must be a number from 1 to 1000";
	if (wrong) {
		refuse(w, wrong);
		return;
	}
	enum err e = top_begin(w);
	if (e) {
		control_reply_error(reply, 500, err_text(e));
		nat_walk_free(w);
		return;
	}
	w->limit = limit;
	w->see = top_see;
	w->done = top_done;
	nat_walk_go(w);
}
