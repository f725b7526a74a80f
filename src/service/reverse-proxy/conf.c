#include "service/reverse-proxy/conf.h"

#include "proto/ip/prefix.h"
#include "service/reverse-proxy/conf_errors.h"

static const char *const rings_words[] = {PROXY_RINGS_WORDS, NULL};

static const struct config_key reverse_keys[] = {
	{.name = "listen",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_conf, listen),
	 .map = &reverse_listen_map,
	 .items_min = 1,
	 .items_max = REVERSE_LISTENS_MAX,
	 .example = "{address: 192.0.2.1}",
	 .help = "the addresses to serve on; where a service runs alone, a change needs a restart"},
	{.name = "certificates",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_conf, certificates),
	 .map = &reverse_certificate_map,
	 .items_max = REVERSE_CERTIFICATES_MAX,
	 .example = "{names: www.home.arpa, acme: site}",
	 .help = "what addresses with `tls` show: the first certificate that is for the name that "
		 "the client asks for and of a kind of key that it knows; for other names the "
		 "first "
		 "of all"},
	{.name = "authorities",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct reverse_conf, authorities),
	 .map = &reverse_authority_map,
	 .items_max = REVERSE_AUTHORITIES_MAX,
	 .example = "{site: {directory: \"https://ca.home.arpa/acme/directory\"}}",
	 .help = "whom certificates are ordered from by ACME, by the names that `certificates` "
		 "use"},
	{.name = "store",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_conf, store),
	 .min = 1,
	 .max = 1024,
	 .fallback = "sqlite",
	 .example = "postgresql://proxy@db.home.arpa/proxy",
	 .help = "where accounts and certificates of `authorities` are kept: `sqlite` in the "
		 "service's own directory, or the URL of a PostgreSQL database that several "
		 "gateways share (needs libpq5), of which one orders, and which with `store-key` "
		 "resume each other's TLS sessions and count `shared` rates together; a change "
		 "needs a restart"},
	{.name = "store-password",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct reverse_conf, store_password),
	 .min = 1,
	 .max = 256,
	 .example = "file:proxy.password",
	 .help = "for the database, where it wants one"},
	{.name = "store-key",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct reverse_conf, store_key),
	 .min = 44,
	 .max = 64,
	 .example = "file:proxy.store-key",
	 .help = "32 octets in base64 that seal private keys in the store; unless set, they are "
		 "made "
		 "at the first start and kept in the state directory. Gateways that share a store "
		 "share it"},
	{.name = "store-keep",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_conf, store_keep_ms),
	 .fallback = "30d",
	 .min = 1000,
	 .max = INT64_C(10) * 365 * 86400 * 1000,
	 .help = "a certificate that no entry of `certificates` names any more is taken out of "
		 "the store so long after its end and after the last try to get it"},
	{.name = "workers",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_conf, workers),
	 .fallback = "0",
	 .max = REVERSE_WORKERS_MAX,
	 .help = "threads that serve; 0 is one for each processor; a change needs a restart"},
	{.name = "io-uring",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_conf, io_uring),
	 .choices = rings_words,
	 .fallback = "auto",
	 .help = "whether what a worker receives and sends on many connections at the same time "
		 "goes by one system call: `auto` where the kernel lets it (Linux 5.19, "
		 "`kernel.io_uring_disabled`), by rings that can do nothing but receive and send; "
		 "`off` makes none; a change needs a restart"},
	{.name = "trusted",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_conf, trusted),
	 .items_max = 256,
	 .example = "[10.0.0.0/8]",
	 .help = "networks of proxies in front of this one, whose `X-Forwarded-For`, "
		 "`X-Forwarded-Proto`, `traceparent` and the like are believed; of others they are "
		 "taken out and written anew"},
	{.name = "pools",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct reverse_conf, pools),
	 .map = &reverse_pool_map,
	 .items_max = REVERSE_POOLS_MAX,
	 .help = "groups of servers that do the same, by name"},
	{.name = "resolver",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_conf, resolver),
	 .port = 53,
	 .items_min = 1,
	 .items_max = REVERSE_RESOLVERS_MAX,
	 .fallback = "127.0.0.1",
	 .help = "who is asked for servers by name, the next when one is silent"},
	{.name = "routes",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_conf, routes),
	 .map = &reverse_route_map,
	 .items_max = REVERSE_ROUTES_MAX,
	 .example = "[{host: www.home.arpa, to: \"10.0.0.11:80\"}]",
	 .help = "which requests go where"},
	{.name = "streams",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_conf, streams),
	 .map = &reverse_stream_map,
	 .items_max = REVERSE_STREAMS_MAX,
	 .example = "[{listen: \"192.0.2.1:25\", tcp: mail}]",
	 .help = "connections that are passed on as they are: mail, databases, TLS that ends at "
		 "the server"},
	{.name = "guard",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_conf, guard),
	 CONFIG_PRESENT(struct reverse_conf, has_guard),
	 .map = &reverse_guard_map,
	 .help = "who is let in, how often and after what proof; a route's own replaces it"},
	{.name = "countries",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct reverse_conf, countries),
	 .example = "/var/lib/GeoIP/GeoLite2-Country.mmdb",
	 .help = "which country an address is of: a file in MaxMind's DB format; read at the start "
		 "and by each reload; replace it by renaming; a folder that is new needs a "
		 "restart"},
	{.name = "errors",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct reverse_conf, errors),
	 .map = &reverse_error_map,
	 .items_max = REVERSE_ERRORS_MAX,
	 .example = "{404: /srv/pages/404.html, 500-599: {text: \"We are back at noon.\"}}",
	 .help = "pages in place of the proxy's own errors, by status, and of servers' where they "
		 "say so; a route's own replace them all"},
	{.name = "limits",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_conf, limits),
	 .map = &reverse_limits_map,
	 .help = "how much is taken at once"},
	{.name = "timeouts",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_conf, timeouts),
	 .map = &reverse_timeouts_map,
	 .help = "how long the phases of a request may take"},
	{.name = "cache",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_conf, cache),
	 .map = &proxy_cache_map,
	 .help = "how much is kept of answers; which ones, the routes say"},
	{.name = "access-log",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_conf, access_log),
	 .map = &access_log_map,
	 .help = "what of each request is written down"},
};

size_t reverse_pool_find(const struct reverse_conf *conf, const char *name)
{
	const struct reverse_pool_conf *pools = conf->pools.items;
	for (size_t i = 0; i < conf->pools.n; i++)
		if (strcmp(pools[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

/* Judges of parts that look at other parts too; each tells by config_fail. */
static void check(const void *section, struct config_at *at)
{
	const struct reverse_conf *conf = section;
	reverse_listen_check(conf, at);
	reverse_route_check(conf, at);
	reverse_stream_check(conf, at);
	reverse_acme_check(conf, at);
	proxy_cache_check(&conf->cache, at);
}

const struct config_map reverse_conf_map = {
	.help = "The reverse proxy: one server in front of many",
	.size = sizeof(struct reverse_conf),
	CONFIG_KEYS(reverse_keys),
	.check = check,
	.example = "listen: {address: 192.0.2.1}\n"
		   "pools: {web: [\"10.0.0.11:80\", \"10.0.0.12:80\"]}\n"
		   "routes: {host: www.home.arpa, to: web}",
};
