#include "service/reverse-proxy/conf_balance.h"

#include "proto/http/token.h"
#include "service/reverse-proxy/balance/breaker.h"

static const char *const hash_choices[] = {"address", "header", "cookie", "path", NULL};
static const char *const site_choices[] = {"lax", "strict", "none", NULL};

static const struct config_key hash_keys[] = {
	{.name = "by",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_hash_conf, by),
	 .choices = hash_choices,
	 .fallback = "address",
	 .help = "the client's address, a header, a cookie, or the path without its query"},
	{.name = "name",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_hash_conf, name),
	 .example = "session",
	 .min = 1,
	 .max = 64,
	 .help = "of the header or the cookie"},
	{.name = "load",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_hash_conf, load_pct),
	 .fallback = "150",
	 .max = 1000,
	 .help = "percent of the mean load at which a server is passed over for the next one of "
		 "the ring; 0 is no bound"},
};

static void judge_hash(const void *conf, struct config_at *at)
{
	const struct reverse_hash_conf *h = conf;
	bool named = h->by == POOL_HASH_HEADER || h->by == POOL_HASH_COOKIE;
	if (named && !h->name)
		config_fail(at, "name", "which one? write its name");
	if (!named && h->name)
		config_fail(at, "name", "this hash is made of nothing that has a name");
	if (h->name && !http_is_token(span_text(h->name)))
		config_fail(at, "name", "'%s' is no name of a header or cookie", h->name);
	if (h->load_pct && h->load_pct <= 100)
		config_fail(at, "load", "a bound above 100 leaves room for differences; write 125");
}

const struct config_map reverse_hash_map = {
	.help = "What decides with `balance: hash`",
	.size = sizeof(struct reverse_hash_conf),
	CONFIG_KEYS(hash_keys),
	.check = judge_hash,
	.alone = "by",
	.example = "{by: cookie, name: session}",
};

static const struct config_key sticky_keys[] = {
	{.name = "cookie",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_sticky_conf, cookie),
	 .example = "gatehouse",
	 .min = 1,
	 .max = 64,
	 .help = "the name of the cookie"},
	{.name = "same-site",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_sticky_conf, same_site),
	 .choices = site_choices,
	 .fallback = "lax",
	 .help = "its SameSite attribute; `none` makes it Secure as well"},
	{.name = "secure",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_sticky_conf, secure),
	 .fallback = "off",
	 .help = "its Secure attribute: browsers send it over TLS only"},
	{.name = "http-only",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_sticky_conf, http_only),
	 .fallback = "on",
	 .help = "its HttpOnly attribute: scripts of the page do not see it"},
	{.name = "max-age",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_sticky_conf, max_age_ms),
	 .fallback = "0",
	 .max = INT64_C(31536000000),
	 .help = "how long browsers keep it; 0 is until they are closed"},
};

static void judge_sticky(const void *conf, struct config_at *at)
{
	const struct reverse_sticky_conf *s = conf;
	if (!s->cookie)
		config_fail(at, "cookie", "write its name");
	else if (!http_is_token(span_text(s->cookie)))
		config_fail(at, "cookie", "'%s' is no name of a cookie", s->cookie);
}

const struct config_map reverse_sticky_map = {
	.help = "A cookie that keeps a client at its server; none unless written",
	.size = sizeof(struct reverse_sticky_conf),
	CONFIG_KEYS(sticky_keys),
	.check = judge_sticky,
	.alone = "cookie",
	.example = "{cookie: gatehouse, secure: yes}",
};

static const struct config_key eject_keys[] = {
	{.name = "failures",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_outlier, failures),
	 .fallback = "5",
	 .max = 1000,
	 .help = "so many in a row; 0 turns it off"},
	{.name = "time",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct pool_outlier, eject_ms),
	 .fallback = "10s",
	 .min = 100,
	 .max = 86400000,
	 .help = "for how long; twice as long each time after"},
	{.name = "longest",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct pool_outlier, eject_max_ms),
	 .fallback = "5m",
	 .min = 100,
	 .max = 86400000,
	 .help = "but no longer than this"},
	{.name = "share",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_outlier, eject_max_pct),
	 .fallback = "50",
	 .max = 100,
	 .help = "percent of the pool that may be out at once"},
	{.name = "interval",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct pool_outlier, interval_ms),
	 .fallback = "10s",
	 .max = 3600000,
	 .help = "how often shares of successes are compared: who is far below the others is left "
		 "alone as well; 0 turns it off"},
	{.name = "requests",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_outlier, interval_requests),
	 .fallback = "100",
	 .min = 1,
	 .max = 1000000,
	 .help = "servers with fewer requests in that time are not compared"},
	{.name = "deviation",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_outlier, deviations_tenths),
	 .fallback = "19",
	 .min = 1,
	 .max = 100,
	 .help = "tenths of a standard deviation below the mean that are far"},
};

const struct config_map reverse_eject_map = {
	.help = "Servers that fail are left alone for a while; failures are connections refused or "
		"reset, answers that do not come, and statuses 502, 503 and 504",
	.size = sizeof(struct pool_outlier),
	CONFIG_KEYS(eject_keys),
};

static const struct config_key breaker_keys[] = {
	{.name = "failures",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_breaker, failure_pct),
	 .fallback = "0",
	 .max = 100,
	 .help = "percent of requests that fail; 0 turns it off"},
	{.name = "requests",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_breaker, requests_min),
	 .fallback = "20",
	 .min = 1,
	 .max = 60000,
	 .help = "it is not judged by fewer"},
	{.name = "window",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct pool_breaker, window_ms),
	 .fallback = "10s",
	 .min = 100,
	 .max = 3600000,
	 .help = "requests of how long are counted"},
	{.name = "open",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct pool_breaker, open_ms),
	 .fallback = "5s",
	 .min = 10,
	 .max = 3600000,
	 .help = "how long it is cut off; twice as long each time that the trial fails"},
	{.name = "probes",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_breaker, probes),
	 .fallback = "3",
	 .min = 1,
	 .max = BREAKER_PROBES_MAX,
	 .help = "requests that must go well until it is well"},
};

const struct config_map reverse_breaker_map = {
	.help = "A server of which too large a share fails is cut off, then tried by a few "
		"requests",
	.size = sizeof(struct pool_breaker),
	CONFIG_KEYS(breaker_keys),
	.alone = "failures",
	.example = "{failures: 50}",
};

static const struct config_key retry_keys[] = {
	{.name = "tries",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_retry, tries_max),
	 .fallback = "3",
	 .min = 1,
	 .max = POOL_TRIED_MAX,
	 .help = "of one request in all; 1 is no retry"},
	{.name = "budget",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_retry, budget_pct),
	 .fallback = "20",
	 .max = 100,
	 .help = "percent of all requests under way that may be retries"},
	{.name = "least",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_retry, budget_min),
	 .fallback = "10",
	 .max = 100000,
	 .help = "retries at once that are always allowed"},
};

const struct config_map reverse_retry_map = {
	.help = "Requests that go again to another server: when none has received them, or when "
		"they are idempotent, and nothing of an answer was passed on",
	.size = sizeof(struct pool_retry),
	CONFIG_KEYS(retry_keys),
	.alone = "tries",
};

static const struct config_key queue_keys[] = {
	{.name = "length",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct pool_wait, length),
	 .fallback = "100",
	 .max = 1000000,
	 .help = "of each worker; more are answered 503"},
	{.name = "time",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct pool_wait, time_ms),
	 .fallback = "5s",
	 .max = 60000,
	 .help = "longest wait, then 503"},
};

const struct config_map reverse_queue_map = {
	.help = "Requests that wait when all servers have as many as `max-requests` says",
	.size = sizeof(struct pool_wait),
	CONFIG_KEYS(queue_keys),
	.alone = "length",
};
