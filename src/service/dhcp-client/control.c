#include "service/dhcp-client/control.h"

#include "base/writer.h"
#include "control/service_life.h"
#include "service/dhcp-client/io_uplink6.h"
#include "service/dhcp-client/setting.h"

/* --- status ----------------------------------------------------------------------------------- */

static json_t *address_json(uint32_t address)
{
	char text[IP_ADDRESS_TEXT_MAX];
	struct ip_address a = setting_address(address);
	(void)ip_address_format(&a, text);
	return json_string(text);
}

static void set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static void set_list(json_t *object, const char *key, const uint32_t *list, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(array, address_json(list[i]));
	set(object, key, array);
}

/* Seconds until then; null: never. */
static json_t *seconds_to(uint64_t at_ms, uint64_t now_ms)
{
	if (at_ms == UINT64_MAX)
		return json_null();
	return json_integer(at_ms > now_ms ? (json_int_t)((at_ms - now_ms) / 1000) : 0);
}

static json_t *routes_json(const struct lease *l)
{
	json_t *array = json_array();
	for (size_t i = 0; i < l->routes_n; i++) {
		char text[IP_PREFIX_TEXT_MAX];
		struct ip_address to = setting_address(l->routes[i].destination);
		struct ip_prefix prefix = ip_prefix_of(&to, l->routes[i].bits);
		(void)ip_prefix_format(&prefix, text);
		json_t *route = json_pack("{s:s}", "to", text);
		if (l->routes[i].router)
			set(route, "via", address_json(l->routes[i].router));
		(void)json_array_append_new(array, route);
	}
	return array;
}

static void set_names(json_t *object, const struct lease *l)
{
	char text[DNS_NAME_TEXT_MAX];
	json_t *search = json_array();
	for (size_t i = 0; i < l->search_n; i++)
		(void)json_array_append_new(search,
					    json_string(dns_name_format(&l->search[i], text)));
	set(object, "search", search);
	if (l->domain.len)
		set(object, "domain", json_string(dns_name_format(&l->domain, text)));
}

static json_t *lease_json(const struct uplink *u, uint64_t now_ms)
{
	const struct lease *l = &u->lease;
	json_t *o = json_object();
	set(o, "address", address_json(l->address));
	set(o, "bits", json_integer(l->bits));
	set(o, "server", address_json(l->server));
	set(o, "routes", routes_json(l));
	set_list(o, "dns", l->dns, l->dns_n);
	set_list(o, "ntp", l->ntp, l->ntp_n);
	set_names(o, l);
	if (l->mtu)
		set(o, "mtu", json_integer(l->mtu));
	set(o, "obtained", json_integer((json_int_t)(u->obtained_ms / 1000)));
	set(o, "renew_in_s", seconds_to(u->renew_ms, now_ms));
	set(o, "rebind_in_s", seconds_to(u->rebind_ms, now_ms));
	set(o, "ends_in_s", seconds_to(u->end_ms, now_ms));
	return o;
}

static json_t *lease6_json(const struct uplink6_lease *l, uint64_t now_ms)
{
	char text[IP_PREFIX_TEXT_MAX];
	(void)ip_prefix_format(&l->prefix, text);
	json_t *o = json_pack("{s:s,s:b}", "lease", text, "delegated", l->kind == DHCP6_IA_PD);
	set(o, "preferred_s", seconds_to(l->preferred_until_ms, now_ms));
	set(o, "valid_s", seconds_to(l->valid_until_ms, now_ms));
	return o;
}

/* What is set by them, on which link. */
static json_t *addresses6_json(const struct client_uplink6 *c)
{
	json_t *array = json_array();
	for (size_t i = 0; i < c->net.addresses_n; i++) {
		const struct net6_address *a = &c->net.addresses[i];
		const struct link *link = links_by_index(&c->uplink->env->links, a->ifindex);
		char text[IP_ADDRESS_TEXT_MAX];
		(void)ip_address_format(&a->address, text);
		(void)json_array_append_new(array, json_pack("{s:s?,s:s,s:i,s:b}", "interface",
							     link ? link->name : NULL, "address",
							     text, "bits", a->bits, "deprecated",
							     a->preferred_until_ms == 0));
	}
	return array;
}

static json_t *v6_json(const struct client_uplink6 *c, uint64_t now_ms)
{
	json_t *o = json_pack("{s:s}", "state", uplink6_state_name(c->u.state));
	json_t *leases = json_array();
	for (size_t i = 0; i < c->u.leases_n; i++)
		(void)json_array_append_new(leases, lease6_json(&c->u.leases[i], now_ms));
	set(o, "leases", leases);
	set(o, "addresses", addresses6_json(c));
	set(o, "renew_in_s", seconds_to(c->u.renew_ms, now_ms));
	set(o, "rebind_in_s", seconds_to(c->u.rebind_ms, now_ms));
	set(o, "next_in_s", seconds_to(uplink6_next_ms(&c->u), now_ms));
	return o;
}

static json_t *uplink_json(const struct client_uplink *c, uint64_t now_ms)
{
	json_t *o = json_pack("{s:s,s:s,s:b}", "interface", c->interface, "state",
			      uplink_state_name(c->u.state), "link", c->begun);
	set(o, "next_in_s", c->begun ? seconds_to(uplink_next_ms(&c->u), now_ms) : json_null());
	if (c->begun && c->u.has_lease)
		set(o, "lease", lease_json(&c->u, now_ms));
	if (c->v6 && c->v6->begun)
		set(o, "ipv6", v6_json(c->v6, now_ms));
	return o;
}

static json_t *status(void *arg)
{
	const struct client_control *c = arg;
	json_t *s = service_life_status(c->env->life), *uplinks = json_array();
	uint64_t now_ms = client_env_now_ms(c->env);
	for (size_t i = 0; i < c->env->uplinks_n; i++)
		(void)json_array_append_new(uplinks, uplink_json(c->env->uplinks[i], now_ms));
	char duid[DUID_TEXT_MAX];
	if (c->env->duid.len && duid_format(duid_span(&c->env->duid), duid))
		set(s, "duid", json_string(duid));
	set(s, "uplinks", uplinks);
	return s;
}

/* --- metrics ---------------------------------------------------------------------------------- */

static void head(struct writer *w, const char *name, const char *help, const char *type)
{
	write_format(w, "# HELP gatehouse_%s %s\n# TYPE gatehouse_%s %s\n", name, help, name, type);
}

static void row(struct writer *w, const char *name, const struct client_uplink *u,
		const char *label, const char *value, uint64_t n)
{
	write_format(w, "gatehouse_%s{service=\"dhcp-client\",interface=\"%s\"", name,
		     u->interface);
	if (label)
		write_format(w, ",%s=\"%s\"", label, value);
	write_format(w, "} %llu\n", (unsigned long long)n);
}

static void messages(struct writer *w, const struct client_control *c, bool sent)
{
	const char *name = sent ? "dhcp_client_sent_total" : "dhcp_client_received_total";
	head(w, name, sent ? "Messages sent, by type" : "Messages that were acted upon, by type",
	     "counter");
	for (size_t i = 0; i < c->env->uplinks_n; i++)
		for (unsigned type = DHCP_DISCOVER; type <= DHCP_FORCERENEW; type++) {
			const struct uplink_counts *n = &c->env->uplinks[i]->u.counts;
			uint64_t count = sent ? n->sent[type] : n->received[type];
			if (count)
				row(w, name, c->env->uplinks[i], "type", dhcp_type_name(type),
				    count);
		}
}

static void messages6(struct writer *w, const struct client_control *c, bool sent)
{
	const char *name = sent ? "dhcp6_client_sent_total" : "dhcp6_client_received_total";
	head(w, name, sent ? "DHCPv6 messages sent, by type" : "Those that were acted upon",
	     "counter");
	for (size_t i = 0; i < c->env->uplinks_n; i++) {
		const struct client_uplink6 *v6 = c->env->uplinks[i]->v6;
		for (uint8_t type = DHCP6_SOLICIT; v6 && type <= DHCP6_INFORMATION_REQUEST;
		     type++) {
			uint64_t n = sent ? v6->u.counts.sent[type] : v6->u.counts.received[type];
			if (n)
				row(w, name, c->env->uplinks[i], "type", dhcp6_type_name(type), n);
		}
	}
}

static void refusals6(struct writer *w, const struct client_control *c)
{
	static const char name[] = "dhcp6_client_refused_total";
	head(w, name, "What came by DHCPv6 and was not acted upon, by cause", "counter");
	for (size_t i = 0; i < c->env->uplinks_n; i++)
		for (enum uplink6_cause cause = UPLINK6_CAUSE_TORN; cause < UPLINK6_CAUSES; cause++)
			if (c->env->uplinks[i]->v6)
				row(w, name, c->env->uplinks[i], "cause", uplink6_cause_name(cause),
				    c->env->uplinks[i]->v6->u.counts.refused[cause]);
}

static void refusals(struct writer *w, const struct client_control *c)
{
	static const char name[] = "dhcp_client_refused_total";
	head(w, name, "What came and was not acted upon, by cause", "counter");
	for (size_t i = 0; i < c->env->uplinks_n; i++)
		for (enum uplink_cause cause = UPLINK_CAUSE_TORN; cause < UPLINK_CAUSES; cause++)
			row(w, name, c->env->uplinks[i], "cause", uplink_cause_name(cause),
			    c->env->uplinks[i]->u.counts.refused[cause]);
}

static uint64_t bound_count(const struct client_uplink *u)
{
	return u->u.counts.bound;
}

static uint64_t expired_count(const struct client_uplink *u)
{
	return u->u.counts.expired;
}

static uint64_t conflict_count(const struct client_uplink *u)
{
	return u->u.counts.conflicts;
}

static uint64_t failure_count(const struct client_uplink *u)
{
	uint64_t n = 0;
	for (size_t i = 0; i < CLIENT_COUNTS; i++)
		n += u->counts[i];
	return u->v6 ? n + u->v6->failures : n;
}

static uint64_t in_force(const struct client_uplink *u)
{
	return u->begun && u->u.has_lease;
}

static void metrics(void *arg, struct writer *w)
{
	static const struct {
		const char *name, *help, *type;
		uint64_t (*value)(const struct client_uplink *u);
	} rows[] = {
		{"dhcp_client_leases_total", "Leases and renewals", "counter", bound_count},
		{"dhcp_client_expired_total", "Leases that ended", "counter", expired_count},
		{"dhcp_client_conflicts_total", "Other holders of our addresses seen", "counter",
		 conflict_count},
		{"dhcp_client_failures_total",
		 "What could not be sent, set or stored on this machine", "counter", failure_count},
		{"dhcp_client_lease_in_force", "Whether there is a lease now", "gauge", in_force},
	};
	const struct client_control *c = arg;
	messages(w, c, true);
	messages(w, c, false);
	refusals(w, c);
	messages6(w, c, true);
	messages6(w, c, false);
	refusals6(w, c);
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		head(w, rows[r].name, rows[r].help, rows[r].type);
		for (size_t i = 0; i < c->env->uplinks_n; i++)
			row(w, rows[r].name, c->env->uplinks[i], NULL, NULL,
			    rows[r].value(c->env->uplinks[i]));
	}
}

/* --- verbs ------------------------------------------------------------------------------------ */

/* interface=, or the only one there is; NULL: the answer was given. */
static struct client_uplink *find(const struct client_control *c, const struct control_request *req,
				  struct control_reply *reply)
{
	const char *name = control_request_query(req, "interface");
	if (!name && c->env->uplinks_n == 1)
		return c->env->uplinks[0];
	for (size_t i = 0; name && i < c->env->uplinks_n; i++)
		if (span_is(span_text(name), c->env->uplinks[i]->interface))
			return c->env->uplinks[i];
	control_reply_error(reply, name ? 404 : 400,
			    name ? "there is no such uplink"
				 : "there are several uplinks: say which by interface=");
	return NULL;
}

static void handle_renew(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct client_control *c = arg;
	struct client_uplink *u = find(c, req, reply);
	if (!u)
		return;
	bool asked = u->conf->ipv4 && client_uplink_renew(u) == OK;
	asked |= u->v6 && client_uplink6_renew(u->v6) == OK;
	if (!asked)
		control_reply_error(reply, 409, "the link is down");
	else
		control_reply_json(reply, 202,
				   json_pack("{s:s}", "state", uplink_state_name(u->u.state)));
}

static void handle_release(void *arg, const struct control_request *req,
			   struct control_reply *reply)
{
	const struct client_control *c = arg;
	struct client_uplink *u = find(c, req, reply);
	if (!u)
		return;
	bool released = client_uplink_release(u) == OK;
	released |= u->v6 && client_uplink6_release(u->v6) == OK;
	if (!released)
		control_reply_error(reply, 409, "there is no lease to give back");
	else
		control_reply_json(reply, 200, json_pack("{s:b}", "released", 1));
}

static void reload(void *arg, struct control_reply *reply)
{
	const struct client_control *c = arg;
	c->reload(c->arg, reply);
}

static const struct control_verb verbs[] = {
	{"POST", "/renew", "ask the server now (interface=)", handle_renew},
	{"POST", "/release", "give the lease back and stay without one until /renew (interface=)",
	 handle_release},
};

void client_control_face(struct client_control *c, struct control_face *ret)
{
	*ret = (struct control_face){.service = "dhcp-client",
				     .verbs = verbs,
				     .verbs_n = sizeof(verbs) / sizeof(verbs[0]),
				     .status = status,
				     .metrics = metrics,
				     .reload = reload,
				     .arg = c};
}
