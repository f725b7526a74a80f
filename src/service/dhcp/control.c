/* The verbs of the address server on its control socket, its status and its metrics. */
#include "proto/dhcp/message.h"
#include "proto/dhcp6/code.h"
#include "proto/ip/address.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"
#include "service/dhcp/io_reserve.h"
#include "service/dhcp/relay.h"
#include "store/worker.h"

#include <stdlib.h>

#define PREFIX "gatehouse_dhcp_"

static void address_text(uint32_t host, char ret[IP_ADDRESS_TEXT_MAX])
{
	const struct ip_address a = ip_address_v4((uint8_t)(host >> 24), (uint8_t)(host >> 16),
						  (uint8_t)(host >> 8), (uint8_t)host);
	(void)ip_address_format(&a, ret);
}

/* --- pools --- */

static const char *allocate_name(enum dhcp_allocate a)
{
	switch (a) {
	case DHCP_DYNAMIC: return "dynamic";
	case DHCP_AUTOMATIC: return "automatic";
	case DHCP_FIXED: return "fixed";
	}
	return "?";
}

static size_t percent(const struct dhcp_pool_use *u)
{
	return u->size ? 100 * (u->bound + u->offered + u->resting) / u->size : 0;
}

static json_t *pool_json(const struct dhcp_pool_use *u)
{
	char first[IP_ADDRESS_TEXT_MAX], last[IP_ADDRESS_TEXT_MAX];
	address_text(u->pool->first, first);
	address_text(u->pool->last, last);
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "network", u->network->name,
			      "first", first, "last", last, "allocate",
			      allocate_name(u->pool->allocate), "size", (json_int_t)u->size,
			      "bound", (json_int_t)u->bound, "offered", (json_int_t)u->offered,
			      "resting", (json_int_t)u->resting, "percent", (json_int_t)percent(u));
	if (u->pool->warn_percent)
		(void)json_object_set_new(o, "warn_percent", json_integer(u->pool->warn_percent));
	return o;
}

static void pools6_add(struct dhcp_service *d, json_t *list)
{
	struct v6_pool_use u;
	for (size_t i = 0; d->v6.engine && v6_engine_pool_use(d->v6.engine, i, &u); i++) {
		struct ip_prefix first = v6_pool_nth(u.pool, 0);
		struct ip_prefix last = v6_pool_nth(u.pool, u.pool->size - 1);
		char a[IP_PREFIX_TEXT_MAX], b[IP_PREFIX_TEXT_MAX];
		(void)(u.pool->bits == 128 ? ip_address_format(&first.address, a)
					   : ip_prefix_format(&first, a));
		(void)(u.pool->bits == 128 ? ip_address_format(&last.address, b)
					   : ip_prefix_format(&last, b));
		/* JSON has no number for a whole /64. */
		uint64_t size = u.size > INT64_MAX ? INT64_MAX : u.size;
		(void)json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "network", u.network->name,
				  "first", a, "last", b, "allocate",
				  allocate_name(u.pool->allocate), "size", (json_int_t)size,
				  "bound", (json_int_t)u.bound, "resting", (json_int_t)u.resting));
	}
}

static void handle_pools(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct dhcp_service *d = arg;
	struct dhcp_pool_use use;
	json_t *list = json_array();
	(void)req;
	for (size_t i = 0; dhcp_engine_pool_use(d->engine, i, &use); i++)
		(void)json_array_append_new(list, pool_json(&use));
	pools6_add(d, list);
	control_reply_json(reply, 200, json_pack("{s:o}", "pools", list));
}

/* --- status --- */

static json_t *store_json(struct dhcp_service *d)
{
	struct store_state s;
	int64_t ahead_ms;
	store_state(d->store, &s);
	json_t *o = json_pack("{s:s,s:b,s:I,s:I,s:I,s:I}", "kind",
			      s.shared ? "postgresql" : "sqlite", "connected", (int)s.connected,
			      "commits", (json_int_t)s.commits, "rows", (json_int_t)s.items,
			      "conflicts", (json_int_t)s.conflicts, "losses", (json_int_t)s.losses);
	if (dhcp_store_clock(d, &s, &ahead_ms))
		(void)json_object_set_new(o, "clock_ahead_ms", json_integer(ahead_ms));
	if (!s.connected)
		(void)json_object_set_new(o, "reason", json_string(s.reason));
	return o;
}

static json_t *names_json(const struct dhcp_service *d)
{
	struct names_counts c;
	names_count(d->names.engine, &c);
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "added", (json_int_t)c.added, "removed",
			 (json_int_t)c.removed, "conflicts", (json_int_t)c.conflicts, "failed",
			 (json_int_t)c.failed, "waiting", (json_int_t)c.waiting);
}

static json_t *v6_json(const struct dhcp_service *d)
{
	struct v6_counts c;
	v6_engine_counts(d->v6.engine, &c);
	return json_pack("{s:I,s:I}", "leases", (json_int_t)c.leases, "waiting",
			 (json_int_t)c.waiting);
}

static json_t *status(void *arg)
{
	struct dhcp_service *d = arg;
	const struct dhcp_network *networks;
	struct dhcp_counts c;
	json_t *s = service_life_status(&d->life);
	dhcp_engine_counts(d->engine, &c);
	size_t n = dhcp_site_networks(d->site, &networks);
	(void)json_object_update_new(s, json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "networks",
						  (json_int_t)n, "leases", (json_int_t)c.leases,
						  "offers", (json_int_t)c.offers, "waiting",
						  (json_int_t)c.waiting, "reserved_by_command",
						  (json_int_t)d->reserved.n, "conflicts",
						  (json_int_t)c.conflicts, "store", store_json(d)));
	if (d->v6.engine)
		(void)json_object_set_new(s, "ipv6", v6_json(d));
	if (d->v6.ra)
		(void)json_object_set_new(s, "advertised_interfaces",
					  json_integer((json_int_t)d->v6.ra->interfaces_n));
	if (d->relay)
		(void)json_object_set_new(s, "relayed_interfaces",
					  json_integer((json_int_t)d->relay->links_n));
	if (d->names.engine)
		(void)json_object_set_new(s, "names", names_json(d));
	return s;
}

/* --- metrics --- */

static void head(struct writer *w, const char *name, const char *help, const char *type)
{
	write_format(w, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void one(struct writer *w, const char *name, const char *help, const char *type,
		uint64_t value)
{
	head(w, name, help, type);
	write_format(w, PREFIX "%s %llu\n", name, (unsigned long long)value);
}

/* Types without a name, and those that nobody sent, are left out; BOOTP is type 0. */
static void by_type(struct writer *w, const char *name, const char *help, const uint64_t counts[32])
{
	head(w, name, help, "counter");
	uint64_t other = 0;
	for (unsigned i = 0; i < 32; i++) {
		const char *type = dhcp_type_name(i);
		if (type && (counts[i] || i <= DHCP_INFORM))
			write_format(w, PREFIX "%s{type=\"%s\"} %llu\n", name, type,
				     (unsigned long long)counts[i]);
		else if (!type)
			other += counts[i];
	}
	write_format(w, PREFIX "%s{type=\"other\"} %llu\n", name, (unsigned long long)other);
}

static void metrics_pools(struct dhcp_service *d, struct writer *w)
{
	static const struct {
		const char *name, *help;
		size_t at;
	} rows[] = {
		{"pool_addresses", "Addresses of a pool", offsetof(struct dhcp_pool_use, size)},
		{"pool_bound", "Addresses of a pool that somebody has",
		 offsetof(struct dhcp_pool_use, bound)},
		{"pool_offered", "Addresses of a pool that are offered",
		 offsetof(struct dhcp_pool_use, offered)},
		{"pool_resting", "Addresses of a pool that were found in use by strangers",
		 offsetof(struct dhcp_pool_use, resting)},
	};
	struct dhcp_pool_use u;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		head(w, rows[row].name, rows[row].help, "gauge");
		for (size_t i = 0; dhcp_engine_pool_use(d->engine, i, &u); i++) {
			char first[IP_ADDRESS_TEXT_MAX];
			size_t value;
			memcpy(&value, (const char *)&u + rows[row].at, sizeof(value));
			address_text(u.pool->first, first);
			write_format(w, PREFIX "%s{network=\"%s\",first=\"%s\"} %zu\n",
				     rows[row].name, u.network->name, first, value);
		}
	}
}

static void metrics_store(struct dhcp_service *d, struct writer *w)
{
	struct store_state s;
	struct store_worker_counts c;
	store_state(d->store, &s);
	store_worker_counts(d->worker, &c);
	one(w, "store_connected", "Whether the store is there", "gauge", s.connected);
	one(w, "store_commits_total", "Transactions made durable", "counter", s.commits);
	one(w, "store_rows_total", "Rows made durable", "counter", s.items);
	one(w, "store_conflicts_total", "Rows that another server had changed", "counter",
	    s.conflicts);
	one(w, "store_failures_total", "Transactions that failed", "counter", s.failures);
	one(w, "store_refused_total", "Writes refused because too many were under way", "counter",
	    c.refused);
}

static void metrics_names(const struct dhcp_service *d, struct writer *w)
{
	struct names_counts c;
	names_count(d->names.engine, &c);
	one(w, "names_added_total", "Names written to the DNS", "counter", c.added);
	one(w, "names_removed_total", "Names withdrawn from the DNS", "counter", c.removed);
	one(w, "names_conflicts_total", "Names that another client holds", "counter", c.conflicts);
	one(w, "names_failed_total", "Updates refused or without an answer, tried again", "counter",
	    c.failed);
	one(w, "names_given_up_total", "Names that no server took", "counter", c.given_up);
	one(w, "names_queue_full_total", "Leases whose names were not queued", "counter",
	    c.queue_full);
	one(w, "names_forged_total", "Answers to updates that proved nothing", "counter", c.forged);
	one(w, "names_waiting", "Leases whose names wait or are under way", "gauge", c.waiting);
}

static void metrics_relay(const struct dhcp_service *d, struct writer *w)
{
	const struct relay *r = d->relay;
	one(w, "relay_forwarded_total", "Messages of clients passed on", "counter", r->forwarded);
	one(w, "relay_returned_total", "Answers passed back to clients", "counter", r->returned);
	head(w, "relay_refused_total", "Messages not passed on, by cause", "counter");
	for (unsigned i = RELAY_CAUSE_NONE + 1; i < RELAY_CAUSES; i++)
		write_format(w, PREFIX "relay_refused_total{cause=\"%s\"} %llu\n",
			     relay_cause_name((enum relay_cause)i),
			     (unsigned long long)r->refused[i]);
}

static void by_type6(struct writer *w, const char *name, const char *help,
		     const uint64_t counts[16])
{
	head(w, name, help, "counter");
	for (unsigned i = 1; i < 16; i++) {
		const char *type = dhcp6_type_name((uint8_t)i);
		if (type)
			write_format(w, PREFIX "%s{type=\"%s\"} %llu\n", name, type,
				     (unsigned long long)counts[i]);
	}
}

static void metrics_v6(const struct dhcp_service *d, struct writer *w)
{
	struct v6_counts c;
	v6_engine_counts(d->v6.engine, &c);
	by_type6(w, "v6_received_total", "Messages of DHCPv6 received, by type", c.received);
	by_type6(w, "v6_sent_total", "Messages of DHCPv6 sent, by type", c.sent);
	head(w, "v6_refused_total", "Messages of DHCPv6 not answered or refused, by cause",
	     "counter");
	for (unsigned i = V6_CAUSE_NONE + 1; i < V6_CAUSES; i++)
		write_format(w, PREFIX "v6_refused_total{cause=\"%s\"} %llu\n",
			     v6_cause_name((enum v6_cause)i), (unsigned long long)c.causes[i]);
	one(w, "v6_leases", "Leases of IPv6 addresses and prefixes now", "gauge", c.leases);
	one(w, "v6_waiting", "Exchanges of DHCPv6 that wait for the store", "gauge", c.waiting);
}

static void metrics_ra(const struct dhcp_service *d, struct writer *w)
{
	struct ra_counts sum = {0};
	for (size_t i = 0; i < d->v6.ra->interfaces_n; i++) {
		const struct ra_counts *c = &d->v6.ra->interfaces[i].counts;
		sum.sent += c->sent;
		sum.answered += c->answered;
		sum.solicited += c->solicited;
		sum.refused += c->refused;
	}
	one(w, "ra_sent_total", "Router advertisements sent", "counter", sum.sent);
	one(w, "ra_solicited_total", "Router solicitations received", "counter", sum.solicited);
	one(w, "ra_refused_total", "Router solicitations that were none", "counter", sum.refused);
}

static void metrics(void *arg, struct writer *w)
{
	struct dhcp_service *d = arg;
	struct dhcp_counts c;
	dhcp_engine_counts(d->engine, &c);
	by_type(w, "received_total", "Messages received, by type", c.received);
	by_type(w, "sent_total", "Messages sent, by type", c.sent);
	head(w, "refused_total", "Messages not answered or refused, by cause", "counter");
	for (unsigned i = DHCP_CAUSE_NONE + 1; i < DHCP_CAUSES; i++)
		write_format(w, PREFIX "refused_total{cause=\"%s\"} %llu\n",
			     dhcp_cause_name((enum dhcp_cause)i), (unsigned long long)c.causes[i]);
	one(w, "leases", "Leases now", "gauge", c.leases);
	one(w, "offers", "Offers now", "gauge", c.offers);
	one(w, "waiting", "Exchanges that wait for a probe or the store", "gauge", c.waiting);
	one(w, "ipv6_only_offers_total",
	    "Offers without an address, to clients that can do without IPv4 (RFC 8925)", "counter",
	    c.ipv6_only);
	one(w, "probes_total", "Addresses asked for before they were offered", "counter", c.probes);
	one(w, "conflicts_total", "Addresses found in use by strangers", "counter", c.conflicts);
	one(w, "expired_total", "Leases that ran out", "counter", c.expired);
	one(w, "too_long_total", "Datagrams longer than any message", "counter", d->dropped_in);
	one(w, "other_interface_total", "Messages at interfaces that are not served", "counter",
	    d->elsewhere);
	one(w, "unsent_total", "Messages that the kernel would not take", "counter",
	    d->dropped_out);
	metrics_pools(d, w);
	metrics_store(d, w);
	if (d->names.engine)
		metrics_names(d, w);
	if (d->relay)
		metrics_relay(d, w);
	if (d->v6.engine)
		metrics_v6(d, w);
	if (d->v6.ra)
		metrics_ra(d, w);
	dhcp_devices_metrics(d, w);
}

/* --- the face --- */

static void reload(void *arg, struct control_reply *reply)
{
	dhcp_reload(arg, reply);
}

static void catch_up(void *arg)
{
	struct dhcp_service *d = arg;
	events_tell(&d->events, d->life.control);
}

static const struct control_verb verbs[] = {
	{"GET", "/leases",
	 "leases by address (network=, mac=, name=, state=; from= and limit= for the next page)",
	 dhcp_leases_list},
	{"GET", "/leases6", "leases of IPv6 addresses and prefixes (from= and limit=)",
	 dhcp_leases6_list},
	{"GET", "/lease", "the lease of address=", dhcp_lease_show},
	{"POST", "/lease/release", "end the lease of address=, as if its client had given it back",
	 dhcp_lease_release},
	{"POST", "/lease/renew", "ask the client of address= to renew now (RFC 6704)",
	 dhcp_lease_renew},
	{"POST", "/lease/reserve",
	 "keep address= for mac=, client-id= or (IPv6) duid= (else for who has it), with name=; "
	 "remove=1 undoes it",
	 dhcp_lease_reserve},
	{"GET", "/pools", "each pool and how full it is", handle_pools},
};

const struct control_face dhcp_face = {
	.service = "dhcp",
	.verbs = verbs,
	.verbs_n = sizeof(verbs) / sizeof(verbs[0]),
	.status = status,
	.metrics = metrics,
	.reload = reload,
	.catch_up = catch_up,
};
