#include "service/reverse-proxy/conf_limits.h"

#define TIME_MOST_MS 86400000 /* a day */

#define TIME(word, member, value, text)                                                            \
	{                                                                                          \
		.name = (word), .type = CONFIG_DURATION,                                           \
		CONFIG_FIELD(struct reverse_timeouts_conf, member), .max = TIME_MOST_MS,           \
		.fallback = (value), .help = (text)                                                \
	}

static const struct config_key timeout_keys[] = {
	TIME("head", head_ms, "10s",
	     "from the first to the last octet of a request's head, however slowly they come"),
	TIME("idle", idle_ms, "75s", "a client's connection between two requests"),
	TIME("client-body", client_body_ms, "30s", "a request's body of which nothing more comes"),
	TIME("client-read", client_read_ms, "60s", "a client that takes nothing of its answer"),
	TIME("connect", connect_ms, "5s", "until a server has taken a connection, TLS included"),
	TIME("first-byte", first_byte_ms, "60s",
	     "from the end of a request to the head of a server's answer"),
	TIME("server-body", back_body_ms, "60s", "an answer's body of which nothing more comes"),
	TIME("server-idle", back_idle_ms, "50s",
	     "a connection to a server that is kept for the next request"),
	TIME("tunnel", tunnel_ms, "1h",
	     "a tunnel, of a WebSocket for instance, in which nothing moves"),
	TIME("whole", whole_ms, "0",
	     "a request from its head to the end of its answer; 0 is no limit"),
	TIME("drain", drain_ms, "4s",
	     "at the end of the service: how long requests that run are waited for"),
};

const struct config_map reverse_timeouts_map = {
	.help = "How long the phases of a request may take; 0 is no limit",
	.size = sizeof(struct reverse_timeouts_conf),
	CONFIG_KEYS(timeout_keys),
};

static const struct config_key limit_keys[] = {
	{.name = "connections",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_limits_conf, connections),
	 .max = 4 << 20,
	 .fallback = "0",
	 .example = "50000",
	 .help = "clients' connections at once; 0 is as many as the process may have open files "
		 "for, a server's connection counted for each; a number may take three quarters of "
		 "those; a change needs a restart"},
	{.name = "client-connections",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_limits_conf, client_connections),
	 .max = 1 << 20,
	 .fallback = "0",
	 .example = "100",
	 .help = "one client's connections at once (an IPv4 address, an IPv6 /64); one more is "
		 "reset; 0 is no limit; those of `trusted` proxies are not counted"},
	{.name = "sessions",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_limits_conf, sessions),
	 .min = 64,
	 .max = 1 << 20,
	 .fallback = "8192",
	 .help = "sessions of `streams` with `udp` at once; for one more the one that was quiet "
		 "for longest ends; each takes an open file; a change needs a restart"},
	{.name = "client-sessions",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_limits_conf, client_sessions),
	 .max = 1 << 20,
	 .fallback = "1024",
	 .example = "100",
	 .help = "one client's sessions of `udp` at once (an IPv4 address, an IPv6 /64), for one "
		 "more his oldest ends; 0 is no limit; each worker has its share; a change needs "
		 "a restart"},
	{.name = "requests",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_limits_conf, requests),
	 .min = 64,
	 .max = 1 << 20,
	 .fallback = "32768",
	 .help = "requests that run at once; one more is answered with 503; a change needs a "
		 "restart"},
	{.name = "memory",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct reverse_limits_conf, memory),
	 .min = 4 << 20,
	 .max = INT64_C(1) << 40,
	 .fallback = "512M",
	 .help = "for what is on its way between clients and servers; a change needs a restart"},
	{.name = "body",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct reverse_limits_conf, body),
	 .fallback = "0",
	 .example = "64M",
	 .help = "the longest body of a request, longer ones are answered with 413; 0 is no limit"},
};

const struct config_map reverse_limits_map = {
	.help = "How much is taken at once, by all workers together",
	.size = sizeof(struct reverse_limits_conf),
	CONFIG_KEYS(limit_keys),
};
