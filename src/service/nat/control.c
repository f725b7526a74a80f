/* Verbs, status and metrics. */
#include "base/writer.h"
#include "os/log.h"
#include "os/sysctl.h"
#include "service/nat/counter.h"
#include "service/nat/io_control.h"
#include "service/nat/io_flows.h"
#include "service/nat/nft.h"

#include <string.h>

void nat_json_set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

json_t *nat_json_address(const struct ip_address *a)
{
	char text[IP_ADDRESS_TEXT_MAX];
	(void)ip_address_format(a, text);
	return json_string(text);
}

json_t *nat_json_endpoint(const struct ip_endpoint *at)
{
	char text[IP_ENDPOINT_TEXT_MAX];
	if (!at->port)
		return nat_json_address(&at->address);
	(void)ip_endpoint_format(at, text);
	return json_string(text);
}

/* --- status ----------------------------------------------------------------------------------- */

static json_t *device_json(const struct nat *n, const struct nat_attached *a)
{
	json_t *hooks = json_object();
	json_t *o = json_pack("{s:s,s:s?}", "name", a->name, "zone",
			      nat_conf_zone_name(nat_conf_of(n), (unsigned)a->zone));
	for (enum bpf_hook h = BPF_HOOK_XDP; h < BPF_HOOKS; h++)
		if (a->has[h])
			nat_json_set(hooks, bpf_hook_name(h), json_string(bpf_way_name(a->way[h])));
	nat_json_set(o, "hooks", hooks);
	nat_json_set(o, "why", json_string(a->why));
	if (a->peer)
		nat_json_set(o, "peer", json_true());
	if (a->err)
		nat_json_set(o, "error", json_string(err_text(a->err)));
	return o;
}

static json_t *devices_json(const struct nat *n)
{
	json_t *array = json_array();
	const struct nat_net *net = &n->machine.net;
	for (size_t i = 0; nat_nft_is(&n->nft) && i < net->devices_n; i++)
		if (net->devices[i].zone >= 0)
			(void)json_array_append_new(
				array, json_pack("{s:s,s:s?,s:{},s:s}", "name",
						 net->devices[i].name, "zone",
						 nat_conf_zone_name(nat_conf_of(n),
								    (unsigned)net->devices[i].zone),
						 "hooks", "why", n->nft.why));
	for (size_t i = 0; i < n->attached.n; i++)
		(void)json_array_append_new(array, device_json(n, &n->attached.items[i]));
	return array;
}

static json_t *publics_json(const struct nat *n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < NAT_PUBLICS; i++) {
		struct ip_address a = nat_address_of(n->now->publics[i].address);
		const struct nat_net_device *d =
			nat_net_device(&n->machine.net, n->now->publics[i].ifindex);
		if (n->now->publics[i].address)
			(void)json_array_append_new(array, json_pack("{s:o,s:s?}", "address",
								     nat_json_address(&a), "device",
								     d ? d->name : NULL));
	}
	return array;
}

static json_t *notes_json(const struct nat *n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n->now->notes_n; i++) {
		const struct nat_note *note = &n->now->notes[i];
		(void)json_array_append_new(
			array, json_pack("{s:i,s:s}", "line", (int)note->line, "text", note->text));
	}
	return array;
}

static uint32_t pool_used(const struct nat *n, enum nat_pool_of of)
{
	const struct nat_pool *pool = nat_plane_at(&n->plane, NAT_ARRAY_POOLS, of);
	return __atomic_load_n(&pool->used, __ATOMIC_RELAXED);
}

/* Flows of all kinds that the kernel tracks, and its bound; 0: not known. */
static void tracked(int64_t *ret_n, int64_t *ret_max)
{
	*ret_n = *ret_max = 0;
	err_ignore(sysctl_read("netfilter/nf_conntrack_count", ret_n));
	err_ignore(sysctl_read("netfilter/nf_conntrack_max", ret_max));
}

static json_t *nft_tables_json(const struct nat *n)
{
	int64_t flows, max;
	tracked(&flows, &max);
	return json_pack("{s:I,s:I,s:i,s:i}", "flows", (json_int_t)flows, "flows_max",
			 (json_int_t)max, "rules", (int)n->now->rules_n, "forwards",
			 (int)n->now->forwards_n);
}

static void add_cannot(void *arg, uint32_t line, const char *text)
{
	(void)json_array_append_new(arg, json_pack("{s:i,s:s}", "line", (int)line, "text", text));
}

/* Which of the two translates, and what it cannot give of what the configuration asks for. */
static void add_back_end(json_t *s, const struct nat *n)
{
	bool nft = nat_nft_is(&n->nft);
	nat_json_set(s, "back_end", json_string(nft ? "nftables" : "bpf"));
	if (!nft) {
		nat_json_set(s, "programs", json_string(n->plane.reused ? "reused" : "loaded"));
		return;
	}
	json_t *cannot = json_array();
	nat_nft_cannot(nat_conf_of(n), add_cannot, cannot);
	nat_json_set(s, "back_end_why", json_string(n->nft.why));
	nat_json_set(s, "cannot_give", cannot);
}

static json_t *tables_json(const struct nat *n)
{
	if (nat_nft_is(&n->nft))
		return nft_tables_json(n);
	const struct nat_settings *s = nat_plane_settings(&n->plane);
	return json_pack(
		"{s:I,s:I,s:I,s:I,s:I,s:i,s:i,s:b}", "flows",
		(json_int_t)pool_used(n, NAT_POOL_FLOWS4), "flows_max", (json_int_t)s->flows_max,
		"mappings", (json_int_t)pool_used(n, NAT_POOL_MAPPINGS4), "bytes",
		(json_int_t)n->plane.bytes, "bytes_a_flow",
		(json_int_t)(n->plane.bytes / n->plane.flows_max), "rules", (int)n->now->rules_n,
		"forwards", (int)n->now->forwards_n, "taken_over", n->plane.taken_over);
}

static json_t *status(void *arg)
{
	const struct nat *n = arg;
	json_t *s = service_life_status(&n->life);
	add_back_end(s, n);
	nat_json_set(s, "attached",
		     json_boolean(nat_nft_is(&n->nft) ? !n->nft.off : !n->attached.off));
	nat_json_set(s, "forwarding", json_boolean(n->forwarding));
	if (n->trouble)
		nat_json_set(s, "trouble", json_string(err_text(n->trouble)));
	nat_json_set(s, "devices", devices_json(n));
	nat_json_set(s, "public", publics_json(n));
	nat_json_set(s, "tables", tables_json(n));
	nat_json_set(s, "not_in_force", notes_json(n));
	json_t *log = nat_logger_status(&n->logger);
	if (log)
		nat_json_set(s, "log", log);
	return s;
}

/* --- metrics ---------------------------------------------------------------------------------- */

static void head(struct writer *w, const char *name, const char *help, const char *type)
{
	write_format(w, "# HELP gatehouse_%s %s\n# TYPE gatehouse_%s %s\n", name, help, name, type);
}

static void gauge(struct writer *w, const char *name, const char *help, uint64_t value)
{
	head(w, name, help, "gauge");
	write_format(w, "gatehouse_%s{service=\"nat\"} %llu\n", name, (unsigned long long)value);
}

static void left_metrics(struct writer *w, const struct nat_left *left)
{
	const struct held_counts *h = &left->held->counts;
	const struct unasked_counts *u = &left->unasked->counts;
	const struct {
		const char *name, *help;
		uint64_t value;
	} all[] = {
		{"nat_held_sent_total", "Early fragments sent on", h->sent},
		{"nat_held_lost_total", "Early fragments given up or refused",
		 h->expired + h->full + h->source_full + h->format + h->refused},
		{"nat_cut_total", "Packets cut for the next hop", h->cut},
		{"nat_unasked_answered_total", "TCP calls to nobody, answered", u->answered},
		{"nat_unsent_total", "Packets that the kernel would not send", left->unsent},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		head(w, all[i].name, all[i].help, "counter");
		write_format(w, "gatehouse_%s{service=\"nat\"} %llu\n", all[i].name,
			     (unsigned long long)all[i].value);
	}
}

static void back_end_metrics(const struct nat *n, struct writer *w)
{
	head(w, "nat_back_end", "Which back end translates", "gauge");
	write_format(w, "gatehouse_nat_back_end{service=\"nat\",back_end=\"%s\"} 1\n",
		     nat_nft_is(&n->nft) ? "nftables" : "bpf");
	gauge(w, "nat_not_in_force", "Parts of the configuration that are not in force",
	      n->now->notes_n + n->now->notes_more);
	gauge(w, "nat_forwarding", "Whether packets are forwarded", n->forwarding);
}

static void nft_metrics(struct writer *w)
{
	int64_t flows, max;
	tracked(&flows, &max);
	gauge(w, "nat_flows", "Flows now", (uint64_t)flows);
	gauge(w, "nat_flows_max", "Flows at most", (uint64_t)max);
}

static void metrics(void *arg, struct writer *w)
{
	const struct nat *n = arg;
	uint64_t counts[NAT_C_N];
	const char *before = "";
	back_end_metrics(n, w);
	if (nat_nft_is(&n->nft)) {
		nft_metrics(w);
		return;
	}
	if (nat_plane_counts(&n->plane, counts))
		return;
	for (unsigned c = 0; c < NAT_C_N; c++) {
		const struct nat_counter_name *name = nat_counter_name(c);
		if (strcmp(name->metric, before) != 0)
			head(w, name->metric, name->help, "counter");
		before = name->metric;
		write_format(w, "gatehouse_%s{service=\"nat\"", name->metric);
		if (name->cause)
			write_format(w, ",cause=\"%s\"", name->cause);
		write_format(w, "} %llu\n", (unsigned long long)counts[c]);
	}
	gauge(w, "nat_flows", "Flows now", pool_used(n, NAT_POOL_FLOWS4));
	gauge(w, "nat_flows_max", "Flows at most", nat_plane_settings(&n->plane)->flows_max);
	gauge(w, "nat_mappings", "Mappings now", pool_used(n, NAT_POOL_MAPPINGS4));
	left_metrics(w, &n->left);
	nat_logger_metrics(&n->logger, w);
	ports_io_metrics(&n->ports, w);
}

/* --- verbs ------------------------------------------------------------------------------------ */

/* Whoever asks has turned the kernel's forwarding off, which takes a right that we have given up;
 * while it is on, private sources would leave as soon as the guard is gone. */
static void handle_detach(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct nat *n = arg;
	int64_t on = 1;
	(void)req;
	if (sysctl_forwarding_read(4, &on) || on) {
		control_reply_error(reply, 409,
				    "the kernel forwards IPv4: turn net.ipv4.ip_forward off "
				    "before the guard is taken off");
		return;
	}
	n->forwarding = false;
	bool nft = nat_nft_is(&n->nft);
	enum err e = nft ? nat_nft_end(&n->nft)
			 : nat_attach_end(&n->attached, &n->plane, &n->machine.net);
	if (!e && n->taker.nft)
		e = nat_taker_end(&n->taker);
	if (!e && !nft)
		e = nat_plane_unpin(&n->plane);
	if (e) {
		control_reply_error(reply, 500, err_text(e));
		return;
	}
	log_notice("taken off all devices, by order");
	control_reply_json(reply, 200, json_pack("{s:b}", "detached", 1));
}

/* As many as an answer holds in comfort. */
enum { PORTS_MAX = 10000 };

static const char no_ports[] = "the nftables back end opens no ports for hosts";

static void handle_ports(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct nat *n = arg;
	size_t more;
	(void)req;
	if (nat_nft_is(&n->nft)) {
		control_reply_error(reply, 409, no_ports);
		return;
	}
	json_t *list = ports_io_list(&n->ports, PORTS_MAX, &more);
	control_reply_json(reply, 200,
			   json_pack("{s:b,s:o,s:I}", "on",
				     portctl_conf_on(&nat_conf_of(n)->port_control), "ports", list,
				     "more", (json_int_t)more));
}

static void handle_revoke(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct nat *n = arg;
	const char *protocol = control_request_query(req, "protocol");
	if (nat_nft_is(&n->nft)) {
		control_reply_error(reply, 409, no_ports);
		return;
	}
	const char *internal = control_request_query(req, "internal");
	enum err e =
		protocol && internal ? ports_io_revoke(&n->ports, protocol, internal) : ERR_FORMAT;
	if (e == ERR_FORMAT)
		control_reply_error(reply, 400,
				    "protocol is tcp or udp, internal an endpoint inside: "
				    "192.168.1.5:80");
	else if (e)
		control_reply_error(reply, 404, "nobody has opened that port");
	else
		control_reply_json(reply, 200, json_pack("{s:b}", "closed", 1));
}

static void reload(void *arg, struct control_reply *reply)
{
	nat_reload(arg, reply);
}

static const struct control_verb verbs[] = {
	{"GET", "/explain",
	 "what would happen to a packet (src=, dst=, and traffic=, sport=, zone=)",
	 nat_handle_explain},
	{"GET", "/flows",
	 "flows (host=, port=, protocol=, zone=, state=; from= and limit= for the next page)",
	 nat_handle_flows},
	{"POST", "/flows/end", "end the flows of host= (port=, protocol=, zone=, state=)",
	 nat_handle_flows_end},
	{"GET", "/top", "traffic and flows by host (by=, limit=)", nat_handle_top},
	{"GET", "/forwards", "forwarded ports, and where they lead now", nat_handle_forwards},
	{"GET", "/ports", "ports that hosts inside have opened for themselves", handle_ports},
	{"POST", "/ports/revoke", "close one of them (protocol=, internal=)", handle_revoke},
	{"POST", "/detach", "take the programs off all devices, and forget all flows",
	 handle_detach},
};

void nat_control_face(struct nat *n, struct control_face *ret)
{
	*ret = (struct control_face){.service = "nat",
				     .verbs = verbs,
				     .verbs_n = sizeof(verbs) / sizeof(verbs[0]),
				     .status = status,
				     .metrics = metrics,
				     .reload = reload,
				     .arg = n};
}
