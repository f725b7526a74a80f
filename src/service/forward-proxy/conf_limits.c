#include "service/forward-proxy/conf_limits.h"

#define TIME_MOST_MS 86400000 /* a day */

#define TIME(word, member, value, text)                                                            \
	{                                                                                          \
		.name = (word), .type = CONFIG_DURATION,                                           \
		CONFIG_FIELD(struct forward_timeouts_conf, member), .max = TIME_MOST_MS,           \
		.fallback = (value), .help = (text)                                                \
	}

static const struct config_key timeout_keys[] = {
	TIME("head", head_ms, "10s", "from the first to the last octet of a request's head"),
	TIME("idle", idle_ms, "2m", "a client's connection between two requests"),
	TIME("client-body", client_body_ms, "60s", "a request's body of which nothing more comes"),
	TIME("client-read", client_read_ms, "2m", "a client that takes nothing of its answer"),
	TIME("connect", connect_ms, "5s",
	     "until a server has taken a connection, by whichever of its addresses"),
	TIME("upstream", upstream_ms, "60s",
	     "until a server of `upstreams` has connected us to where we want to go"),
	TIME("first-byte", first_byte_ms, "2m",
	     "from the end of a request to the head of its answer"),
	TIME("server-body", origin_body_ms, "2m", "an answer's body of which nothing more comes"),
	TIME("server-idle", origin_idle_ms, "60s",
	     "a connection to a server that is kept for the next request"),
	TIME("hello", hello_ms, "10s",
	     "from the first octet of a ClientHello in a tunnel to its last, where it is looked "
	     "at"),
	TIME("tunnel", tunnel_ms, "1h", "a tunnel in which nothing moves"),
	TIME("whole", whole_ms, "0",
	     "a request from its head to the end of its answer; 0 is no limit"),
	TIME("drain", drain_ms, "4s",
	     "at the end of the service: how long requests that run are waited for"),
};

const struct config_map forward_timeouts_map = {
	.help = "How long the phases of a request may take; 0 is no limit",
	.size = sizeof(struct forward_timeouts_conf),
	CONFIG_KEYS(timeout_keys),
};

static const struct config_key limit_keys[] = {
	{.name = "connections",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct forward_limits_conf, connections),
	 .max = 4 << 20,
	 .fallback = "0",
	 .example = "20000",
	 .help = "clients' connections at once; 0 is as many as the process may have open files "
		 "for, a server's connection counted for each; a change needs a restart"},
	{.name = "client-connections",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct forward_limits_conf, client_connections),
	 .max = 1 << 20,
	 .fallback = "0",
	 .example = "200",
	 .help = "connections at once of one address (of IPv6 of its /64), one more is reset; 0 is "
		 "any number"},
	{.name = "requests",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct forward_limits_conf, requests),
	 .min = 64,
	 .max = 1 << 20,
	 .fallback = "32768",
	 .help = "requests and tunnels that run at once; one more is answered with 503; a change "
		 "needs a restart"},
	{.name = "servers",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct forward_limits_conf, origins),
	 .min = 64,
	 .max = 1 << 20,
	 .fallback = "8192",
	 .help = "servers at once to which connections are kept or used; for one more the "
		 "connections of the one that was used longest ago are closed; a change needs a "
		 "restart"},
	{.name = "associations",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct forward_limits_conf, associations),
	 .min = 1,
	 .max = 1 << 16,
	 .fallback = "256",
	 .help = "clients of SOCKS at once that send datagrams, where a listener has `udp`; each "
		 "takes up to three open files; a change needs a restart"},
	{.name = "client-associations",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct forward_limits_conf, client_associations),
	 .max = 1 << 16,
	 .fallback = "32",
	 .help = "of them those of one address (of IPv6 of its /64), one more is refused; 0 is any "
		 "number"},
	{.name = "memory",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct forward_limits_conf, memory),
	 .min = 4 << 20,
	 .max = INT64_C(1) << 40,
	 .fallback = "512M",
	 .help = "for what is on its way between clients and servers; a change needs a restart"},
	{.name = "body",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct forward_limits_conf, body),
	 .fallback = "0",
	 .example = "64M",
	 .help = "the longest body of a request, longer ones are answered with 413; 0 is no limit"},
};

const struct config_map forward_limits_map = {
	.help = "How much is taken at once, by all workers together",
	.size = sizeof(struct forward_limits_conf),
	CONFIG_KEYS(limit_keys),
};
