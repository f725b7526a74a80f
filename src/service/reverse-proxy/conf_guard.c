#include "service/reverse-proxy/conf_guard.h"

#include "base/arena.h"
#include "proto/http/token.h"
#include "proxy/auth/basic_auth.h"
#include "proxy/auth/conf_user.h"
#include "service/reverse-proxy/guard/guard.h"

enum { PREFIXES_MAX = 1024, RATE_MAX = 1000000 };

/* "100/s", "10/m", "1000/h"; false: none. */
static bool rate_read(const char *text, uint32_t *ret_requests, uint32_t *ret_period_ms)
{
	struct span s = span_text(text);
	size_t slash = span_find(s, '/');
	struct span unit = span_sub(s, slash + 1, s.len);
	uint64_t n;
	if (!span_to_u64(span_sub(s, 0, slash), RATE_MAX, &n) || n == 0)
		return false;
	*ret_requests = (uint32_t)n;
	*ret_period_ms = span_is(unit, "s")   ? 1000
			 : span_is(unit, "m") ? 60 * 1000
			 : span_is(unit, "h") ? 3600 * 1000
					      : 0;
	return *ret_period_ms > 0;
}

static bool by_read(const char *text, enum guard_key *ret, const char **ret_name)
{
	static const struct {
		const char *word;
		enum guard_key key;
		bool named;
	} words[] = {{"client", GUARD_BY_CLIENT, false},
		     {"route", GUARD_BY_ROUTE, false},
		     {"header", GUARD_BY_FIELD, true},
		     {"cookie", GUARD_BY_COOKIE, true}};
	struct span s = span_text(text);
	size_t blank = span_find(s, ' ');
	const char *name = blank < s.len ? text + blank + 1 : "";
	for (size_t i = 0; i < 4; i++)
		if (span_is(span_sub(s, 0, blank), words[i].word)) {
			*ret = words[i].key;
			*ret_name = words[i].named ? name : NULL;
			return words[i].named ? http_is_token(span_text(name)) : blank == s.len;
		}
	return false;
}

static const struct config_key rate_keys[] = {
	{.name = "limit",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_rate_conf, limit),
	 .min = 1,
	 .max = 32,
	 .example = "100/s",
	 .help = "requests in a second, minute or hour: `100/s`, `600/m`, `5000/h`"},
	{.name = "burst",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct reverse_rate_conf, burst),
	 .fallback = "0",
	 .max = RATE_MAX,
	 .help = "so many at once after a rest; 0 is as many as the limit's number"},
	{.name = "by",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_rate_conf, by),
	 .min = 1,
	 .max = 128,
	 .fallback = "client",
	 .help = "whose requests are counted together: `client` (an IPv4 address, an IPv6 /64), "
		 "`route` (all), `header NAME` or `cookie NAME` (one value of it; who has none is "
		 "counted by address)"},
	{.name = "shared",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_rate_conf, shared),
	 .fallback = "no",
	 .help = "counted for all gateways of one `store` (PostgreSQL) and `store-key` together: "
		 "each admits by itself and hears a moment later of what others did"},
};

static void check_rate(const void *conf, struct config_at *at)
{
	const struct reverse_rate_conf *c = conf;
	uint32_t requests, period;
	enum guard_key key;
	const char *name;
	if (!rate_read(c->limit, &requests, &period))
		config_fail(at, "limit", "'%s' is no rate; write 100/s, 600/m or 5000/h", c->limit);
	if (!by_read(c->by, &key, &name))
		config_fail(at, "by", "'%s': write client, route, header NAME or cookie NAME",
			    c->by);
}

static const struct config_map rate_map = {
	.help = "How often",
	.size = sizeof(struct reverse_rate_conf),
	CONFIG_KEYS(rate_keys),
	.check = check_rate,
	.alone = "limit",
	.example = "{limit: 10/s, burst: 50, by: client}",
};

static const struct config_key basic_keys[] = {
	{.name = "realm",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_basic_conf, realm),
	 .min = 1,
	 .max = 128,
	 .fallback = "restricted",
	 .help = "what the browser shows"},
	{.name = "users",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct reverse_basic_conf, users),
	 .map = &proxy_user_map,
	 .items_max = PROXY_USERS_MAX,
	 .help = "who may, by name, with the records of their passwords"},
};

static void check_basic(const void *conf, struct config_at *at)
{
	const struct reverse_basic_conf *c = conf;
	if (strpbrk(c->realm, "\"\\") || !http_is_field_value(span_text(c->realm)))
		config_fail(at, "realm", "no quotes, backslashes or control bytes");
}

static const struct config_map basic_map = {
	.help = "Name and password (RFC 7617), for pages behind TLS",
	.size = sizeof(struct reverse_basic_conf),
	CONFIG_KEYS(basic_keys),
	.check = check_basic,
};

static const struct config_key forward_keys[] = {
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_forward_conf, to),
	 .min = 1,
	 .max = 64,
	 .example = "signin",
	 .help = "the pool that is asked"},
	{.name = "path",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_forward_conf, path),
	 .min = 1,
	 .max = 1024,
	 .fallback = "/",
	 .example = "/verify",
	 .help = "by a GET of this path, with the request's fields and X-Forwarded-Method, -Proto, "
		 "-Host, -Uri and -For"},
	{.name = "host",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_forward_conf, host),
	 .min = 1,
	 .max = 253,
	 .example = "signin.home.arpa",
	 .help = "of this host; the request's own unless set"},
	{.name = "timeout",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_forward_conf, timeout_ms),
	 .min = 10,
	 .max = 60 * 1000,
	 .fallback = "5s",
	 .help = "who has not answered by then has said no"},
	{.name = "copy",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_forward_conf, copy),
	 .min = 1,
	 .max = 128,
	 .items_max = 16,
	 .example = "[X-User]",
	 .help = "fields of its yes that go to the server, in place of the client's"},
};

static void check_forward(const void *conf, struct config_at *at)
{
	const struct reverse_forward_conf *c = conf;
	const char *const *copy = c->copy.items;
	if (c->path[0] != '/' || strpbrk(c->path, " \t\r\n#"))
		config_fail(at, "path", "'%s': a path begins with a slash", c->path);
	if (c->host && !http_is_field_value(span_text(c->host)))
		config_fail(at, "host", "no control bytes");
	for (size_t i = 0; i < c->copy.n; i++)
		if (!http_is_token(span_text(copy[i])))
			config_fail(at, "copy", "'%s' is no name of a field", copy[i]);
}

static const struct config_map forward_map = {
	.help = "Another server is asked about each request: 2xx lets it in; 401 and redirects go "
		"to the client, with Location, WWW-Authenticate and Set-Cookie; all else is no",
	.size = sizeof(struct reverse_forward_conf),
	CONFIG_KEYS(forward_keys),
	.check = check_forward,
	.alone = "to",
	.example = "{to: signin, path: /verify, copy: [X-User]}",
};

static const struct config_key guard_keys[] = {
	{.name = "allow",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_guard_conf, allow),
	 .items_max = PREFIXES_MAX,
	 .example = "[10.0.0.0/8]",
	 .help = "these clients only; everybody unless set"},
	{.name = "deny",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_guard_conf, deny),
	 .items_max = PREFIXES_MAX,
	 .example = "[192.0.2.0/24]",
	 .help = "not these clients; comes before `allow`"},
	{.name = "allow-countries",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_guard_conf, allow_countries),
	 .min = 2,
	 .max = 2,
	 .items_max = GUARD_COUNTRIES_MAX,
	 .example = "[KR, NZ]",
	 .help = "clients of these countries only (ISO 3166, by the section's `countries`), and "
		 "none "
		 "whose country is not known; anybody unless set; beside `allow` both must hold"},
	{.name = "deny-countries",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_guard_conf, deny_countries),
	 .min = 2,
	 .max = 2,
	 .items_max = GUARD_COUNTRIES_MAX,
	 .example = "[AQ]",
	 .help = "not clients of these countries"},
	{.name = "rate",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_guard_conf, rate),
	 .map = &rate_map,
	 .items_max = GUARD_RATES_MAX,
	 .example = "10/s",
	 .help = "how often; who asks more often gets 429 and is told when to come again"},
	{.name = "basic",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_guard_conf, basic),
	 .map = &basic_map,
	 .help = "name and password (RFC 7617)"},
	{.name = "forward",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_guard_conf, forward),
	 CONFIG_PRESENT(struct reverse_guard_conf, has_forward),
	 .map = &forward_map,
	 .help = "another server says who is let in"},
	{.name = "secure",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_guard_conf, secure),
	 .fallback = "no",
	 .help = "fields that make browsers careful, unless the server sends its own: "
		 "Strict-Transport-Security (by TLS only), X-Content-Type-Options, "
		 "X-Frame-Options, Referrer-Policy, Permissions-Policy"},
};

static void check_countries(struct config_at *at, const char *key, const struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *c = ((const char *const *)list->items)[i];
		if (c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z')
			config_fail_item(at, key, i,
					 "'%s' is no country: two capital letters, as in KR", c);
	}
}

static void check_guard(const void *conf, struct config_at *at)
{
	const struct reverse_guard_conf *c = conf;
	check_countries(at, "allow-countries", &c->allow_countries);
	check_countries(at, "deny-countries", &c->deny_countries);
}

const struct config_map reverse_guard_map = {
	.help = "Who is let in, how often, and after what proof",
	.size = sizeof(struct reverse_guard_conf),
	CONFIG_KEYS(guard_keys),
	.check = check_guard,
	.example = "{allow: 10.0.0.0/8, rate: 100/s}",
};

static void rate_of(const struct reverse_rate_conf *c, uint32_t number, struct guard_rate *ret)
{
	/* Judged by check_rate. */
	(void)rate_read(c->limit, &ret->requests, &ret->period_ms);
	(void)by_read(c->by, &ret->key, &ret->name);
	ret->burst = c->burst ? c->burst : ret->requests;
	ret->number = number;
	ret->shared = c->shared;
}

size_t reverse_guard_shared(const struct reverse_guard_conf *c)
{
	const struct reverse_rate_conf *rates = c->rate.items;
	for (size_t i = 0; i < c->rate.n; i++)
		if (rates[i].shared)
			return i;
	return SIZE_MAX;
}

static enum err countries_of(struct arena *a, const struct config_list *list, const uint16_t **ret,
			     size_t *ret_n)
{
	uint16_t *made = ARENA_ARRAY(a, uint16_t, list->n + 1);
	if (!made)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		made[i] = guard_country(span_text(((const char *const *)list->items)[i]));
	*ret = made;
	*ret_n = list->n;
	return OK;
}

enum err reverse_guard_rules(struct arena *a, const struct reverse_guard_conf *c, uint32_t *rate,
			     struct guard_rules *ret)
{
	const struct reverse_rate_conf *rates = c->rate.items;
	const struct proxy_user_conf *users = c->basic.users.items;
	struct auth_user *made = ARENA_ARRAY(a, struct auth_user, c->basic.users.n + 1);
	if (!made)
		return (enum err)ENOMEM;
	*ret = (struct guard_rules){.deny = c->deny.items,
				    .deny_n = c->deny.n,
				    .allow = c->allow.items,
				    .allow_n = c->allow.n,
				    .secure = c->secure};
	TRY(countries_of(a, &c->allow_countries, &ret->allow_countries, &ret->allow_countries_n));
	TRY(countries_of(a, &c->deny_countries, &ret->deny_countries, &ret->deny_countries_n));
	for (size_t i = 0; i < c->rate.n; i++)
		rate_of(&rates[i], (*rate)++, &ret->rates[ret->rates_n++]);
	for (size_t i = 0; i < c->basic.users.n; i++)
		made[i] = (struct auth_user){users[i].name, users[i].password};
	ret->has_basic = c->basic.users.n > 0;
	ret->has_forward = c->has_forward;
	ret->forward = (struct guard_forward){.path = c->forward.path,
					      .host = c->forward.host,
					      .timeout_ms = (uint32_t)c->forward.timeout_ms,
					      .copy = c->forward.copy.items,
					      .copy_n = c->forward.copy.n};
	ret->basic = (struct guard_basic){c->basic.realm, {made, c->basic.users.n}};
	return OK;
}
