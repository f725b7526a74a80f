#include "service/reverse-proxy/conf_pool.h"

static const char *const balance_choices[] = {"two-choices", "round-robin", "least-requests",
					      "hash",	     "random",	    NULL};
static const char *const down_choices[] = {"refuse", "try", NULL};

static const struct config_key server_keys[] = {
	{.name = "address",
	 .type = CONFIG_ENDPOINT,
	 CONFIG_FIELD(struct reverse_server_conf, address),
	 .example = "10.0.0.11:80",
	 .help = "where it listens"},
	{.name = "name",
	 .type = CONFIG_NAME,
	 CONFIG_FIELD(struct reverse_server_conf, name),
	 .example = "app.home.arpa",
	 .help = "a DNS name instead of an address: each of its addresses is a server, as they "
		 "come and go"},
	{.name = "port",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_server_conf, port),
	 .fallback = "80",
	 .min = 1,
	 .max = 65535,
	 .help = "the port of those addresses"},
	{.name = "srv",
	 .type = CONFIG_NAME,
	 CONFIG_FIELD(struct reverse_server_conf, srv),
	 .example = "_http._tcp.home.arpa",
	 .help = "a DNS name with SRV records (RFC 2782) instead of an address: hosts, ports, "
		 "priorities and weights are from there"},
	{.name = "weight",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_server_conf, weight),
	 .fallback = "1",
	 .min = 1,
	 .max = POOL_WEIGHT_MAX,
	 .help = "how many requests it gets beside the others"},
	{.name = "backup",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_server_conf, backup),
	 .fallback = "off",
	 .help = "it is asked only when no other is well"},
	{.name = "drain",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_server_conf, drain),
	 .fallback = "off",
	 .help = "nothing new goes there; clients whose cookie names it stay"},
	{.name = "zone",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_server_conf, zone),
	 .example = "rack1",
	 .min = 1,
	 .max = 63,
	 .help = "where it stands; see the `zone` of the pool"},
	{.name = "max-requests",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_server_conf, requests_max),
	 .fallback = "0",
	 .max = 1000000,
	 .help = "requests there at once; more wait in the queue; 0 is no limit"},
};

static void judge_server(const void *conf, struct config_at *at)
{
	const struct reverse_server_conf *s = conf;
	int said = (s->address.address.family != 0) + (s->name.len != 0) + (s->srv.len != 0);
	if (said == 0)
		config_fail(at, NULL, "a server needs an address, a name or srv");
	if (said > 1)
		config_fail(at, s->srv.len ? "srv" : "name",
			    "address, name and srv are three ways to say one thing; write one");
}

static const struct config_map server_map = {
	.help = "A server",
	.size = sizeof(struct reverse_server_conf),
	CONFIG_KEYS(server_keys),
	.check = judge_server,
	.alone = "address",
	.example = "{name: app.home.arpa, port: 8080}",
};

static const struct config_key pool_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct reverse_pool_conf, name),
	 .min = 1,
	 .max = REVERSE_POOL_NAME_MAX,
	 .help = "what routes call it"},
	{.name = "servers",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_pool_conf, servers),
	 .map = &server_map,
	 .items_min = 1,
	 .items_max = REVERSE_SERVERS_MAX,
	 .example = "[\"10.0.0.11:80\", \"10.0.0.12:80\"]",
	 .help = "who answers"},
	{.name = "tls",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_pool_conf, tls),
	 CONFIG_PRESENT(struct reverse_pool_conf, has_tls),
	 .map = &reverse_back_tls_map,
	 .help = "whether and how the servers are spoken to by TLS; `tls: yes` checks them by "
		 "whom the system trusts"},
	{.name = "protocol",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_pool_conf, protocol),
	 .choices = reverse_protocol_choices,
	 .fallback = "auto",
	 .help = "the version of HTTP that the servers speak: `auto` is by TLS what they agree to "
		 "(ALPN), else HTTP/1.1; `h2` is HTTP/2, without TLS too (RFC 9113 3.3), which "
		 "servers of gRPC need"},
	{.name = "balance",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_pool_conf, balance),
	 .choices = balance_choices,
	 .fallback = "two-choices",
	 .help = "how one is chosen: `two-choices` takes two at random and the less busy of them, "
		 "`round-robin` each in turn, `least-requests` the least busy of all, `hash` "
		 "always the same for the same client (see `hash`), `random` any"},
	{.name = "hash",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_pool_conf, hash),
	 .map = &reverse_hash_map,
	 .help = "what decides with `balance: hash`"},
	{.name = "sticky",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_pool_conf, sticky),
	 .map = &reverse_sticky_map,
	 .help = "a cookie that keeps a client at its server"},
	{.name = "slow-start",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_pool_conf, slow_start_ms),
	 .fallback = "0",
	 .max = 3600000,
	 .help = "a server that came back gets its full share only after this time"},
	{.name = "max-requests",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_pool_conf, requests_max),
	 .fallback = "0",
	 .max = 10000000,
	 .help = "requests in the whole pool at once; more wait in the queue; 0 is no limit"},
	{.name = "zone",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_pool_conf, zone),
	 .example = "rack1",
	 .min = 1,
	 .max = 63,
	 .help = "where this gateway stands: servers of this zone are preferred"},
	{.name = "zone-share",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_pool_conf, zone_min_pct),
	 .fallback = "50",
	 .min = 1,
	 .max = 100,
	 .help = "percent of the zone's servers that must be well for it to be preferred"},
	{.name = "all-down",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_pool_conf, all_down),
	 .choices = down_choices,
	 .fallback = "refuse",
	 .help = "when no server is well: `refuse` answers 503, `try` asks them all the same"},
	{.name = "check",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_pool_conf, check),
	 CONFIG_PRESENT(struct reverse_pool_conf, checked),
	 .map = &reverse_check_map,
	 .help = "how servers are checked"},
	{.name = "eject",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_pool_conf, eject),
	 .map = &reverse_eject_map,
	 .help = "who fails is left alone for a while"},
	{.name = "breaker",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_pool_conf, breaker),
	 .map = &reverse_breaker_map,
	 .help = "who fails too often is cut off"},
	{.name = "retry",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_pool_conf, retry),
	 .map = &reverse_retry_map,
	 .help = "requests that go again to another server"},
	{.name = "queue",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_pool_conf, queue),
	 .map = &reverse_queue_map,
	 .help = "requests that wait while all servers are full"},
};

bool reverse_pool_has_tls(const struct reverse_pool_conf *conf)
{
	return conf->has_tls && conf->tls.on;
}

/* With a port of its own a check is of something else than requests are. */
static void judge_pool(const void *conf, struct config_at *at)
{
	const struct reverse_pool_conf *c = conf;
	if (c->checked && c->check.grpc && c->protocol == REVERSE_PROTOCOL_HTTP1 && !c->check.port)
		config_fail(at, "check",
			    "gRPC is spoken by HTTP/2; with `protocol: http/1.1` check by http, or "
			    "name the `port` where gRPC is");
}

const struct config_map reverse_pool_map = {
	.help = "Servers that do the same",
	.size = sizeof(struct reverse_pool_conf),
	CONFIG_KEYS(pool_keys),
	.check = judge_pool,
	.alone = "servers",
	.example = "servers: [\"10.0.0.11:80\", \"10.0.0.12:80\"]\n"
		   "check: {http: /health}",
};

struct pool_policy reverse_pool_policy(const struct reverse_pool_conf *conf)
{
	return (struct pool_policy){
		.balance = conf->balance,
		.hash_by = conf->hash.by,
		.hash_name = conf->hash.name,
		.hash_load_pct = conf->hash.load_pct,
		.slow_start_ms = conf->slow_start_ms,
		.requests_max = conf->requests_max,
		.zone_min_pct = conf->zone ? conf->zone_min_pct : 0,
		.fail_open = conf->all_down == REVERSE_ALL_DOWN_TRY,
		.sticky = {.cookie = conf->sticky.cookie,
			   .same_site = conf->sticky.same_site,
			   .secure = conf->sticky.secure,
			   .http_only = conf->sticky.http_only,
			   .max_age_s = conf->sticky.max_age_ms / 1000},
		.outlier = conf->eject,
		.breaker = conf->breaker,
		.retry = conf->retry,
		.wait = conf->queue,
	};
}
