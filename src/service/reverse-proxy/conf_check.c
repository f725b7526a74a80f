#include "service/reverse-proxy/conf_check.h"

#include "proto/http/token.h"
#include "service/reverse-proxy/check_udp.h"

static const struct config_key check_keys[] = {
	{.name = "http",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_check_conf, http),
	 .min = 1,
	 .max = 1024,
	 .example = "/health",
	 .help = "ask for this path, by HTTP/2 where the pool's `protocol` is `h2`, else by "
		 "HTTP/1.1, "
		 "with the pool's `tls` if it has some, and look at the answer"},
	{.name = "grpc",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_check_conf, grpc),
	 .max = 255,
	 .example = "\"\"",
	 .help = "ask gRPC's health service (`grpc.health.v1.Health`) for this service, `\"\"` for "
		 "the server as a whole, by HTTP/2; who says SERVING is well"},
	{.name = "tcp",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_check_conf, tcp),
	 .fallback = "off",
	 .help = "a connection that is taken is enough, with `tls` a handshake too"},
	{.name = "udp",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_check_conf, udp),
	 .min = 1,
	 .max = REVERSE_CHECK_UDP_TEXT_MAX,
	 .example = "\"0x00\"",
	 .help = "send this datagram, never by TLS: a text as it is, or octets as hexadecimal "
		 "digits behind `0x`; who is not there, as ICMP says, is not well, and what "
		 "else is asked of a server says `answer`"},
	{.name = "answer",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_check_conf, answer),
	 .max = REVERSE_CHECK_UDP_TEXT_MAX,
	 .example = "\"\"",
	 .help = "with `udp`: a datagram must come within `timeout` and have this in it, written "
		 "as `udp`; `\"\"`: any. Unless set, who is silent is well as well"},
	{.name = "method",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_check_conf, method),
	 CONFIG_PRESENT(struct reverse_check_conf, has_method),
	 .min = 1,
	 .max = 32,
	 .fallback = "GET",
	 .help = "of the request"},
	{.name = "host",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_check_conf, host),
	 .min = 1,
	 .max = 255,
	 .example = "www.home.arpa",
	 .help = "the name that is asked for; the server's address unless set"},
	{.name = "status",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_check_conf, status),
	 CONFIG_PRESENT(struct reverse_check_conf, has_status),
	 .min = 3,
	 .max = 7,
	 .items_min = 1,
	 .items_max = 32,
	 .fallback = "200-399",
	 .example = "[\"200\", \"204\"]",
	 .help = "statuses, or ranges of them, of who is well"},
	{.name = "body",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_check_conf, body),
	 .min = 1,
	 .max = 255,
	 .example = "ok",
	 .help = "a text that must be in the first 16 KiB of the body"},
	{.name = "port",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_check_conf, port),
	 .fallback = "0",
	 .max = 65535,
	 .help = "another port than that of requests; 0 is the same"},
	{.name = "interval",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_check_conf, interval_ms),
	 .fallback = "5s",
	 .min = 50,
	 .max = 86400000,
	 .help = "from one check to the next, a tenth more or less at random"},
	{.name = "timeout",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_check_conf, timeout_ms),
	 .fallback = "3s",
	 .min = 10,
	 .max = 600000,
	 .help = "a check that takes longer has failed"},
	{.name = "rise",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_check_conf, rise),
	 .fallback = "2",
	 .min = 1,
	 .max = 100,
	 .help = "good checks in a row until a server that was down is up"},
	{.name = "fall",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_check_conf, fall),
	 .fallback = "3",
	 .min = 1,
	 .max = 100,
	 .help = "failed checks in a row until a server is down; the very first check after a "
		 "start decides alone"},
};

/* "200" or "200-399"; false: it is neither. */
static bool read_range(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
	struct span s = span_text(text);
	size_t dash = span_find(s, '-');
	if (!span_to_u64(span_sub(s, 0, dash), 599, ret_first))
		return false;
	*ret_last = *ret_first;
	if (dash < s.len && !span_to_u64(span_sub(s, dash + 1, s.len), 599, ret_last))
		return false;
	return *ret_first >= 100 && *ret_first <= *ret_last;
}

static void judge_octets(const char *key, const char *text, struct config_at *at)
{
	uint8_t room[REVERSE_CHECK_UDP_TEXT_MAX];
	struct span octets;
	if (text && *text && reverse_check_octets(text, room, &octets))
		config_fail(at, key,
			    "behind 0x stand pairs of hexadecimal digits, as 0x1f00; write 0x3078 "
			    "for what begins with 0x itself");
}

static void judge_udp(const struct reverse_check_conf *c, struct config_at *at)
{
	if (c->udp && (c->http || c->grpc || c->tcp))
		config_fail(at, "udp", "it is asked for instead of %s; write one of the two",
			    c->http   ? "http"
			    : c->grpc ? "grpc"
				      : "tcp");
	if (c->answer && !c->udp)
		config_fail(at, "answer",
			    "`answer` is of checks by udp, and says nothing to others");
	judge_octets("udp", c->udp, at);
	judge_octets("answer", c->answer, at);
}

/* What a check asks, and nothing beside it that would say nothing. */
static void judge_kind(const struct reverse_check_conf *c, struct config_at *at)
{
	static const char of_http[] = "is of checks by http, and says nothing to others";
	if (!c->http && !c->tcp && !c->grpc && !c->udp)
		config_fail(at, NULL,
			    "say how: `http: /health`, `grpc: \"\"`, `tcp: yes` or `udp: ping`");
	if (c->http && c->tcp)
		config_fail(at, "tcp", "http opens a connection as well; write one of the two");
	if (c->grpc && (c->http || c->tcp))
		config_fail(at, "grpc", "it is asked for instead of %s; write one of the two",
			    c->http ? "http" : "tcp");
	judge_udp(c, at);
	if (c->http || (!c->grpc && !c->tcp && !c->udp))
		return;
	if (c->has_method)
		config_fail(at, "method", "`method` %s", of_http);
	if (c->has_status)
		config_fail(at, "status", "`status` %s", of_http);
	if (c->body)
		config_fail(at, "body", "`body` %s", of_http);
}

static void judge(const void *conf, struct config_at *at)
{
	const struct reverse_check_conf *c = conf;
	const char *const *status = c->status.items;
	uint64_t first, last;
	judge_kind(c, at);
	if (c->http && (c->http[0] != '/' || !http_is_target(span_text("GET"), span_text(c->http))))
		config_fail(at, "http", "'%s' is no path; write one like /health", c->http);
	if (!http_is_token(span_text(c->method)))
		config_fail(at, "method", "'%s' is no method; write GET or HEAD", c->method);
	if (c->host && !http_is_host(span_text(c->host)))
		config_fail(at, "host", "'%s' is no host", c->host);
	for (size_t i = 0; i < c->status.n; i++)
		if (!read_range(status[i], &first, &last))
			config_fail_item(at, "status", i,
					 "'%s' is no status from 100 to 599; write 200 or 200-399",
					 status[i]);
}

const struct config_map reverse_check_map = {
	.help = "How servers are checked; not at all unless written",
	.size = sizeof(struct reverse_check_conf),
	CONFIG_KEYS(check_keys),
	.check = judge,
	.alone = "http",
	.example = "{http: /health, interval: 2s}",
};

enum reverse_check_kind reverse_check_kind(const struct reverse_check_conf *c)
{
	if (c->http)
		return REVERSE_CHECK_HTTP;
	if (c->grpc)
		return REVERSE_CHECK_GRPC;
	if (c->udp)
		return REVERSE_CHECK_UDP;
	return c->tcp ? REVERSE_CHECK_TCP : REVERSE_CHECK_NONE;
}

bool reverse_check_expects(const struct reverse_check_conf *c, unsigned status)
{
	const char *const *ranges = c->status.items;
	uint64_t first, last;
	for (size_t i = 0; i < c->status.n; i++)
		if (read_range(ranges[i], &first, &last) && status >= first && status <= last)
			return true;
	return false;
}
