#include "service/reverse-proxy/conf_stream.h"

#include "proto/http/token.h"
#include "service/reverse-proxy/conf.h"

enum { IDLE_MOST_MS = 86400000 }; /* a day */

static const char *const header_choices[] = {"off", "v1", "v2", NULL};

static const struct config_key name_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct reverse_stream_name, name),
	 .min = 1,
	 .max = 253,
	 .help = "the server's name in the client's TLS, or `*.` and its end"},
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_stream_name, to),
	 .min = 1,
	 .max = REVERSE_POOL_NAME_MAX,
	 .example = "vpn",
	 .help = "the pool of who asks for that name"},
};

static const struct config_map name_map = {
	.help = "The name of a TLS server, or `*.` and what it ends with",
	.size = sizeof(struct reverse_stream_name),
	CONFIG_KEYS(name_keys),
	.alone = "to",
	.example = "vpn",
};

static const struct config_key udp_keys[] = {
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_stream_udp, to),
	 .min = 1,
	 .max = REVERSE_POOL_NAME_MAX,
	 .example = "dns",
	 .help = "the pool that datagrams go to"},
	{.name = "idle",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_stream_udp, idle_ms),
	 .min = 10,
	 .max = IDLE_MOST_MS,
	 .fallback = "60s",
	 .help = "a session in which nothing moves ends then"},
	{.name = "answers",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_stream_udp, answers),
	 .max = 65535,
	 .fallback = "0",
	 .example = "1",
	 .help = "how many datagrams a server answers to each, 1 for DNS; a session ends with "
		 "the last of them, and the client's next datagram is shared out anew; 0: not "
		 "known"},
};

static const struct config_map udp_map = {
	.help = "Where datagrams go, and when those of a client are at an end",
	.size = sizeof(struct reverse_stream_udp),
	CONFIG_KEYS(udp_keys),
	.alone = "to",
	.example = "dns",
};

static const struct config_key stream_keys[] = {
	{.name = "listen",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_stream_conf, listen),
	 .items_min = 1,
	 .items_max = REVERSE_STREAM_ADDRESSES_MAX,
	 .example = "\"192.0.2.1:25\"",
	 .help = "addresses with their ports; a change needs a restart where a service runs alone"},
	{.name = "tcp",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_stream_conf, tcp),
	 .min = 1,
	 .max = REVERSE_POOL_NAME_MAX,
	 .example = "mail",
	 .help = "the pool that all connections go to; with `sni`, those that ask for none of its "
		 "names"},
	{.name = "sni",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct reverse_stream_conf, sni),
	 .map = &name_map,
	 .items_max = REVERSE_STREAM_NAMES_MAX,
	 .help = "pools by the name of the server that a TLS client asks for; nothing is "
		 "decrypted, and who speaks no TLS is not served"},
	{.name = "udp",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_stream_conf, udp),
	 .map = &udp_map,
	 .help = "the pool that datagrams to these addresses go to, those of one client's port to "
		 "one server"},
	{.name = "proxy-header",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_stream_conf, header),
	 .choices = header_choices,
	 .fallback = "off",
	 .help = "whether servers are told the client's address, by which version of the PROXY "
		 "protocol; they must expect it; with `udp` `v2`, in the first datagram"},
};

static const char *above(const char *name)
{
	return name[0] == '*' && name[1] == '.' ? name + 2 : NULL;
}

static void judge(const void *conf, struct config_at *at)
{
	const struct reverse_stream_conf *s = conf;
	const struct reverse_stream_name *names = s->sni.items;
	if (!s->tcp && s->sni.n == 0 && !s->udp.to)
		config_fail(at, NULL,
			    "say where to: `tcp: POOL`, `udp: POOL`, or `sni: {NAME: POOL}`");
	if (s->udp.to && s->header == REVERSE_STREAM_HEADER_1)
		config_fail(at, "proxy-header", "`v1` knows no datagrams; say `v2`");
	for (size_t i = 0; i < s->sni.n; i++) {
		const char *host = above(names[i].name) ? above(names[i].name) : names[i].name;
		if (!http_is_host(span_text(host)))
			config_fail_item(at, "sni", i, "'%s' is no name of a server",
					 names[i].name);
	}
}

const struct config_map reverse_stream_map = {
	.help = "Connections that are passed on as they are",
	.size = sizeof(struct reverse_stream_conf),
	CONFIG_KEYS(stream_keys),
	.check = judge,
	.example = "{listen: \"192.0.2.1:25\", tcp: mail}",
};

static bool is_of(const struct reverse_stream_conf *s, enum reverse_stream_kind kind)
{
	return kind == REVERSE_STREAM_UDP ? s->udp.to != NULL : s->tcp || s->sni.n > 0;
}

size_t reverse_stream_doors(const struct reverse_conf *conf, enum reverse_stream_kind kind,
			    struct ip_endpoint *ret, size_t max)
{
	const struct reverse_stream_conf *streams = conf->streams.items;
	size_t n = 0;
	for (size_t i = 0; i < conf->streams.n; i++) {
		const struct ip_endpoint *at = streams[i].listen.items;
		for (size_t k = 0; k < streams[i].listen.n && is_of(&streams[i], kind); k++, n++)
			if (n < max)
				ret[n] = at[k];
	}
	return n;
}

const struct reverse_stream_conf *reverse_stream_at(const struct reverse_conf *conf,
						    enum reverse_stream_kind kind,
						    const struct ip_endpoint *at)
{
	const struct reverse_stream_conf *streams = conf->streams.items;
	for (size_t i = 0; i < conf->streams.n; i++) {
		const struct ip_endpoint *listen = streams[i].listen.items;
		for (size_t k = 0; k < streams[i].listen.n && is_of(&streams[i], kind); k++)
			if (ip_endpoint_equal(&listen[k], at))
				return &streams[i];
	}
	return NULL;
}

const char *reverse_stream_pool(const struct reverse_stream_conf *s, const char *name)
{
	const struct reverse_stream_name *names = s->sni.items;
	const char *best = s->tcp;
	size_t best_len = 0, len = strlen(name);
	for (size_t i = 0; i < s->sni.n; i++) {
		const char *end = above(names[i].name);
		size_t end_len = end ? strlen(end) : 0;
		if (!end && strcasecmp(names[i].name, name) == 0)
			return names[i].to;
		if (!end || end_len <= best_len || len <= end_len + 1 ||
		    name[len - end_len - 1] != '.' || strcasecmp(name + len - end_len, end) != 0)
			continue;
		best = names[i].to;
		best_len = end_len;
	}
	return best;
}

static void check_pool(const struct reverse_conf *conf, struct config_at *at, size_t stream,
		       const char *pool)
{
	if (pool && reverse_pool_find(conf, pool) == SIZE_MAX)
		config_fail_item(at, "streams", stream, "there is no pool '%s'", pool);
	const struct reverse_pool_conf *pools = conf->pools.items;
	for (size_t i = 0; pool && i < conf->pools.n; i++)
		if (strcmp(pools[i].name, pool) == 0 && reverse_pool_has_tls(&pools[i]))
			config_fail_item(at, "streams", stream,
					 "a stream is passed on as it is, and pool '%s' has `tls`; "
					 "give the stream a pool of its own",
					 pool);
}

/* seen: n addresses that are served already, with room for those of all streams. */
static void check_twice(const struct reverse_conf *conf, struct config_at *at,
			enum reverse_stream_kind kind, struct ip_endpoint *seen, size_t n)
{
	const struct reverse_stream_conf *streams = conf->streams.items;
	for (size_t i = 0; i < conf->streams.n; i++) {
		const struct ip_endpoint *listen = streams[i].listen.items;
		for (size_t k = 0; k < streams[i].listen.n && is_of(&streams[i], kind); k++) {
			char text[IP_ENDPOINT_TEXT_MAX];
			(void)ip_endpoint_format(&listen[k], text);
			for (size_t j = 0; j < n; j++)
				if (ip_endpoint_equal(&seen[j], &listen[k]))
					config_fail_item(at, "streams", i, "%s is served twice",
							 text);
			seen[n++] = listen[k];
		}
	}
}

void reverse_stream_check(const struct reverse_conf *conf, struct config_at *at)
{
	const struct reverse_stream_conf *streams = conf->streams.items;
	struct ip_endpoint seen[REVERSE_STREAM_ADDRESSES_MAX + REVERSE_ADDRESSES_MAX];
	struct reverse_door doors[REVERSE_ADDRESSES_MAX];
	size_t n = reverse_doors(conf, doors, REVERSE_ADDRESSES_MAX);
	n = n < REVERSE_ADDRESSES_MAX ? n : REVERSE_ADDRESSES_MAX;
	for (size_t i = 0; i < n; i++)
		seen[i] = doors[i].at;
	for (int kind = REVERSE_STREAM_TCP; kind <= REVERSE_STREAM_UDP; kind++)
		if (reverse_stream_doors(conf, (enum reverse_stream_kind)kind, NULL, 0) >
		    REVERSE_STREAM_ADDRESSES_MAX) {
			config_fail(at, "streams", "these are more than %d addresses",
				    REVERSE_STREAM_ADDRESSES_MAX);
			return;
		}
	for (size_t i = 0; i < conf->streams.n; i++) {
		const struct reverse_stream_name *names = streams[i].sni.items;
		check_pool(conf, at, i, streams[i].tcp);
		check_pool(conf, at, i, streams[i].udp.to);
		for (size_t k = 0; k < streams[i].sni.n; k++)
			check_pool(conf, at, i, names[k].to);
	}
	check_twice(conf, at, REVERSE_STREAM_TCP, seen, n);
	check_twice(conf, at, REVERSE_STREAM_UDP, seen, 0);
}
