#include "service/reverse-proxy/conf_route.h"

#include "base/nearest.h"
#include "proto/http/token.h"
#include "proto/ip/prefix.h"
#include "regex/regex.h"
#include "service/reverse-proxy/conf.h"
#include "service/reverse-proxy/conf_errors.h"
#include "service/reverse-proxy/route/route.h"

#define LIST_OF(field, what, most)                                                                 \
	.name = what, .type = CONFIG_TEXT, .flags = CONFIG_LIST | CONFIG_UNIQUE,                   \
	CONFIG_FIELD(struct reverse_route_conf, field), .min = 1, .max = (most), .items_max = 256

static const struct config_key edits_keys[] = {
	{.name = "set",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_edits_conf, set),
	 .min = 3,
	 .max = 1024,
	 .items_max = REVERSE_EDITS_MAX,
	 .example = "[\"X-Client: {client}\"]",
	 .help = "fields in place of all of that name; with variables in braces"},
	{.name = "add",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_edits_conf, add),
	 .min = 3,
	 .max = 1024,
	 .items_max = REVERSE_EDITS_MAX,
	 .example = "[\"Vary: Accept\"]",
	 .help = "fields beside those that are there"},
	{.name = "remove",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_edits_conf, remove),
	 .min = 1,
	 .max = 128,
	 .items_max = REVERSE_EDITS_MAX,
	 .example = "[Server]",
	 .help = "names of fields that are taken out"},
};

/* Name and text of "Name: text"; false: there is no colon. */
static bool edit_split(const char *line, struct span *ret_name, struct span *ret_text)
{
	struct span s = span_text(line);
	size_t colon = span_find(s, ':');
	*ret_name = span_trim(span_sub(s, 0, colon));
	*ret_text = span_trim(span_sub(s, colon + 1, s.len));
	return colon < s.len;
}

static const char *edit_wrong(const char *line, bool removes)
{
	static const char no_colon[] = "write it as \"Name: text\"";
	struct span name = span_text(line), text = {0};
	char buf[1025];
	if (!removes && !edit_split(line, &name, &text))
		return no_colon;
	if (!span_to_cstr(name, buf, sizeof(buf)))
		return "it is too long";
	const char *wrong = edit_name_wrong(buf);
	if (wrong || removes)
		return wrong;
	if (!http_is_field_value(text))
		return "its text has a byte that no field has";
	struct edit_text t;
	if (!span_to_cstr(text, buf, sizeof(buf)) || edit_text_parse(buf, true, &t) != OK)
		return "a brace is open; write {{ for a brace itself, and at most 24 pieces";
	return NULL;
}

static void check_edits(const void *conf, struct config_at *at)
{
	const struct reverse_edits_conf *c = conf;
	const struct {
		const char *key;
		const struct config_list *list;
	} lists[] = {{"set", &c->set}, {"add", &c->add}, {"remove", &c->remove}};
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < lists[k].list->n; i++) {
			const char *line = ((const char *const *)lists[k].list->items)[i];
			const char *wrong = edit_wrong(line, k == 2);
			if (wrong)
				config_fail_item(at, lists[k].key, i, "'%s': %s", line, wrong);
		}
}

static const struct config_map edits_map = {
	.help = "Fields that the route writes of its own",
	.size = sizeof(struct reverse_edits_conf),
	CONFIG_KEYS(edits_keys),
	.check = check_edits,
	.example = "{set: [\"X-Client: {client}\"], remove: [X-Debug]}",
};

static const struct config_key rewrite_keys[] = {
	{.name = "strip",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_rewrite_conf, strip),
	 .min = 2,
	 .max = ROUTE_PATH_MAX,
	 .example = "/api",
	 .help = "taken off the path's front"},
	{.name = "add",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_rewrite_conf, add),
	 .min = 2,
	 .max = ROUTE_PATH_MAX,
	 .example = "/v2",
	 .help = "put in front of the path, after `strip`"},
	{.name = "path",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_rewrite_conf, path),
	 .min = 1,
	 .max = ROUTE_PATH_MAX,
	 .example = "\"/show/{id}\"",
	 .help = "in place of the path, with variables and the names of the route's path"},
	{.name = "query",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_rewrite_conf, query),
	 .min = 1,
	 .max = ROUTE_PATH_MAX,
	 .example = "\"page={1}&{query}\"",
	 .help = "in place of the query, with variables and the names of the route's path; a `&` "
		 "with nothing behind it is left out"},
	{.name = "host",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_rewrite_conf, host),
	 .min = 1,
	 .max = 253,
	 .example = "app.home.arpa",
	 .help = "what the server is told as host, in place of what the client asked"},
};

static void check_rewrite(const void *conf, struct config_at *at)
{
	const struct reverse_rewrite_conf *c = conf;
	struct edit_text t;
	const char *const paths[] = {c->strip, c->add};
	static const char *const keys[] = {"strip", "add"};
	for (size_t i = 0; i < 2; i++) {
		const char *wrong = paths[i] ? route_path_wrong(paths[i]) : NULL;
		if (!wrong && paths[i] && (paths[i][0] == '=' || strchr(paths[i], '{')))
			wrong = "it is a plain path";
		if (wrong)
			config_fail(at, keys[i], "%s", wrong);
	}
	if (c->path && (c->path[0] != '/' || edit_text_parse(c->path, true, &t) != OK))
		config_fail(at, "path", "a path begins with a slash, and each brace has its other");
	if (c->path && (c->strip || c->add))
		config_fail(at, "path", "the whole path is written: nothing is stripped or added");
	if (c->query && (c->query[0] == '?' || strpbrk(c->query, " \t#") ||
			 edit_text_parse(c->query, true, &t) != OK))
		config_fail(at, "query",
			    "write what stands behind the question mark, without blanks and `#`, "
			    "each brace with its other");
	if (c->host && edit_text_parse(c->host, true, &t) != OK)
		config_fail(at, "host", "a brace is open");
}

static const struct config_map rewrite_map = {
	.help = "How the request changes on its way to the server",
	.size = sizeof(struct reverse_rewrite_conf),
	CONFIG_KEYS(rewrite_keys),
	.check = check_rewrite,
	.example = "{strip: /api}",
};

static const char *const statuses[] = {"301", "302", "303", "307", "308", NULL};

static const struct config_key redirect_keys[] = {
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_redirect_conf, to),
	 .min = 1,
	 .max = 2048,
	 .example = "https://www.home.arpa",
	 .help = "`https`: the same address by TLS, for requests that did not come so; the others "
		 "take the next route that is for them; or an address, which keeps the request's "
		 "path when it has none itself; with variables in braces"},
	{.name = "status",
	 .type = CONFIG_CHOICE,
	 .choices = statuses,
	 CONFIG_FIELD(struct reverse_redirect_conf, status),
	 .fallback = "308",
	 .help = "301 and 308 are for good; 307 and 308 keep the method"},
	{.name = "keep-query",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_redirect_conf, keep_query),
	 .fallback = "yes",
	 .help = "the request's query goes along, unless `to` has one"},
};

static void check_redirect(const void *conf, struct config_at *at)
{
	const struct reverse_redirect_conf *c = conf;
	struct edit_text t;
	if (strcmp(c->to, "https") == 0)
		return;
	if (c->to[0] != '/' && strncmp(c->to, "http://", 7) && strncmp(c->to, "https://", 8) &&
	    strncmp(c->to, "{scheme}://", 11) && strncmp(c->to, "{path}", 6))
		config_fail(at, "to",
			    "write `https`, an address with http:// or https://, or a "
			    "path");
	else if (edit_text_parse(c->to, true, &t) != OK || strpbrk(c->to, " \t\"<>"))
		config_fail(at, "to", "it is no address: a brace is open, or it has a blank");
}

static const struct config_map redirect_map = {
	.help = "The client is sent elsewhere",
	.size = sizeof(struct reverse_redirect_conf),
	CONFIG_KEYS(redirect_keys),
	.check = check_redirect,
	.alone = "to",
	.example = "{to: https://www.home.arpa, status: 301}",
};

static const struct config_key answer_keys[] = {
	{.name = "status",
	 .type = CONFIG_INTEGER,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_answer_conf, status),
	 .min = 200,
	 .max = 599,
	 .example = "410",
	 .help = "of the answer; from 400 on with what it means as text, unless `body` is written"},
	{.name = "body",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_answer_conf, body),
	 .example = "gone",
	 .help = "its text"},
	{.name = "type",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_answer_conf, type),
	 .min = 1,
	 .max = 100,
	 .fallback = "text/plain; charset=utf-8",
	 .help = "the text's media type"},
};

static const struct config_map answer_map = {
	.help = "The proxy itself answers",
	.size = sizeof(struct reverse_answer_conf),
	CONFIG_KEYS(answer_keys),
	.alone = "status",
	.example = "{status: 410, body: gone}",
};

static const struct config_key files_keys[] = {
	{.name = "root",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_files_conf, root),
	 .example = "/srv/files",
	 .help = "the folder; nothing outside of it is sent, and nothing whose name begins with a "
		 "dot; a folder that is new needs a restart"},
	{.name = "index",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_files_conf, index),
	 .min = 1,
	 .max = 255,
	 .items_max = 16,
	 .fallback = "index.html",
	 .help = "what is sent for a folder; of none, as in `[]`, folders are not there"},
	{.name = "fallback",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_files_conf, fallback),
	 .min = 1,
	 .max = 255,
	 .example = "index.html",
	 .help = "what is sent, with status 200, for what is not there: for pages that know their "
		 "own paths"},
	{.name = "links",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_files_conf, links),
	 .fallback = "no",
	 .help = "symbolic links are followed, as long as they stay in the folder"},
	{.name = "compressed",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_files_conf, compressed),
	 .fallback = "no",
	 .help = "`FILE.br`, `FILE.zst` or `FILE.gz` beside `FILE` is sent to who takes it"},
	{.name = "max-age",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_files_conf, max_age_ms),
	 CONFIG_PRESENT(struct reverse_files_conf, has_max_age),
	 .max = INT64_C(1000) * 365 * 24 * 3600,
	 .example = "1h",
	 .help = "so long browsers and caches need not ask again"},
};

static const char *file_wrong(const char *text)
{
	return text[0] == '/' || text[0] == '.' || strstr(text, "..")
		       ? "it is a name below the folder, without a slash or dot in front"
		       : NULL;
}

static void check_texts(struct config_at *at, const char *key, const struct config_list *list,
			const char *(*wrong)(const char *text));

static void check_files(const void *conf, struct config_at *at)
{
	const struct reverse_files_conf *c = conf;
	check_texts(at, "index", &c->index, file_wrong);
	if (c->fallback && file_wrong(c->fallback))
		config_fail(at, "fallback", "'%s': %s", c->fallback, file_wrong(c->fallback));
}

static const struct config_map files_map = {
	.help = "Files of a folder",
	.size = sizeof(struct reverse_files_conf),
	CONFIG_KEYS(files_keys),
	.check = check_files,
	.alone = "root",
	.example = "{root: /srv/files, fallback: index.html}",
};

static const struct config_key route_keys[] = {
	{LIST_OF(host, "host", 253), .example = "[www.home.arpa, \"*.apps.home.arpa\"]",
	 .help = "names that the request asks for, with a `~` in front regular expressions "
		 "(PCRE2) of names; any unless set"},
	{LIST_OF(path, "path", ROUTE_PATH_MAX),
	 .example = "[/api, \"=/health\", \"/users/{user}\"]",
	 .help = "how its path begins, in whole segments; with a `=` in front the whole of it; "
		 "with names in braces a pattern of the whole of it; with a `~` in front a regular "
		 "expression (PCRE2) of any part of it, whose groups are `{1}` to `{8}`, and which "
		 "comes before beginnings, in the order of the file; any unless set"},
	{LIST_OF(method, "method", 32), .example = "[GET, HEAD]", .help = "any unless set"},
	{LIST_OF(header, "header", 256), .example = "[X-Beta=1]",
	 .help = "fields that it must have, all of them: `NAME`, or `NAME=VALUE`"},
	{LIST_OF(query, "query", 256), .example = "[version=2]",
	 .help = "arguments that it must have, all of them: `NAME`, or `NAME=VALUE`"},
	{.name = "client",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_route_conf, client),
	 .items_max = 256,
	 .example = "[10.0.0.0/8]",
	 .help = "who asks; anybody unless set"},
	{.name = "port",
	 .type = CONFIG_INTEGER,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_route_conf, port),
	 .min = 1,
	 .max = 65535,
	 .items_max = 64,
	 .example = "80",
	 .help = "which of our own ports it came to; any unless set"},
	{.name = "to",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_route_conf, to),
	 .min = 1,
	 .max = 255,
	 .example = "web",
	 .help = "a pool's name, or a server's address and port; beside `files` it is asked for "
		 "what is no file there"},
	{.name = "redirect",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_route_conf, redirect),
	 .map = &redirect_map,
	 .help = "instead of `to`: the client is sent elsewhere"},
	{.name = "answer",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_route_conf, answer),
	 .map = &answer_map,
	 .help = "instead of `to`: the proxy itself answers"},
	{.name = "files",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_route_conf, files),
	 .map = &files_map,
	 .help = "instead of `to`: files of a folder"},
	{.name = "guard",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_NARROWER,
	 CONFIG_FIELD(struct reverse_route_conf, guard),
	 CONFIG_PRESENT(struct reverse_route_conf, has_guard),
	 .map = &reverse_guard_map,
	 .help = "who is let in here; replaces the section's"},
	{.name = "rewrite",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_route_conf, rewrite),
	 .map = &rewrite_map,
	 .help = "how the request changes on its way to the server"},
	{.name = "request",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_route_conf, request),
	 .map = &edits_map,
	 .help = "fields of the request that the server gets"},
	{.name = "response",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_route_conf, response),
	 .map = &edits_map,
	 .help = "fields of the answer that the client gets"},
	{.name = "compress",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_route_conf, compress),
	 .fallback = "no",
	 .help = "answers of servers are compressed by what the client takes (zstd, br, gzip), "
		 "when "
		 "they are text, not short, and set no cookie; leave it off where a page repeats "
		 "what the request said beside a secret (BREACH)"},
	{.name = "cache",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_route_conf, cache),
	 CONFIG_PRESENT(struct reverse_route_conf, has_cache),
	 .map = &proxy_cache_rules_map,
	 .help = "answers of servers are kept and given to who asks the same (RFC 9111)"},
	{.name = "body-max",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct reverse_route_conf, body_max),
	 .example = "10M",
	 .help = "a longer body of a request is refused"},
	{.name = "errors",
	 .type = CONFIG_DICTIONARY,
	 .flags = CONFIG_NARROWER,
	 CONFIG_FIELD(struct reverse_route_conf, errors),
	 CONFIG_PRESENT(struct reverse_route_conf, has_errors),
	 .map = &reverse_error_map,
	 .items_max = REVERSE_ERRORS_MAX,
	 .help = "pages in place of errors; replace the section's"},
	{.name = "timeout",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct reverse_route_conf, timeout_ms),
	 .min = 1,
	 .max = 86400000,
	 .example = "5m",
	 .help = "how long a server may be silent here, before its answer and in it, in place of "
		 "the section's `first-byte` and `server-body`"},
};

static void check_texts(struct config_at *at, const char *key, const struct config_list *list,
			const char *(*wrong)(const char *text))
{
	for (size_t i = 0; i < list->n; i++) {
		const char *text = ((const char *const *)list->items)[i];
		const char *why = wrong(text);
		if (why)
			config_fail_item(at, key, i, "'%s': %s", text, why);
	}
}

/* The words of the library say more than those of route_path_wrong. */
static void check_regexes(struct config_at *at, const char *key, const struct config_list *list,
			  const char *(*wrong)(const char *text))
{
	for (size_t i = 0; i < list->n; i++) {
		const char *text = ((const char *const *)list->items)[i];
		AUTO(regex_free) struct regex *r = NULL;
		char why[REGEX_WRONG_MAX] = "";
		const char *other = wrong(text);
		if (other && text[0] == '~' && regex_new(span_text(text + 1), &r, why))
			other = why[0] ? why : other;
		if (other)
			config_fail_item(at, key, i, "'%s': %s", text, other);
	}
}

static const char *method_wrong(const char *text)
{
	return http_is_token(span_text(text)) ? NULL : "it is no method";
}

static const char *header_wrong(const char *text)
{
	struct span s = span_text(text);
	return http_is_token(span_sub(s, 0, span_find(s, '='))) ? NULL : "it is no field's name";
}

static const char *query_wrong(const char *text)
{
	return text[0] != '=' ? NULL : "an argument has a name";
}

static void check_route(const void *conf, struct config_at *at)
{
	const struct reverse_route_conf *c = conf;
	check_regexes(at, "host", &c->host, route_host_wrong);
	check_regexes(at, "path", &c->path, route_path_wrong);
	check_texts(at, "method", &c->method, method_wrong);
	check_texts(at, "header", &c->header, header_wrong);
	check_texts(at, "query", &c->query, query_wrong);
	bool files = c->files.root != NULL;
	int ends = (c->to != NULL && !files) + (c->redirect.to != NULL) + (c->answer.status != 0) +
		   files;
	if (c->to && files && c->files.fallback)
		config_fail(at, "to", "what is not there is `fallback` or asked of `to`, not both");
	if (c->has_cache && c->cache.on && !c->to)
		config_fail(at, "cache", "only answers of servers are kept: there is no `to`");
	if (ends == 0)
		config_fail(at, NULL,
			    "the route leads nowhere: write `to`, `redirect` or "
			    "`answer`");
	if (ends > 1)
		config_fail(at,
			    c->to && !files  ? "to"
			    : c->redirect.to ? "redirect"
					     : "files",
			    "a route has one of `to`, `redirect`, `answer` and `files`, but for "
			    "`files` with a `to` for the rest");
}

const struct config_map reverse_route_map = {
	.help = "Which requests, and where they go",
	.size = sizeof(struct reverse_route_conf),
	CONFIG_KEYS(route_keys),
	CONFIG_LINE(struct reverse_route_conf, line),
	.check = check_route,
	.example = "{host: www.home.arpa, to: \"10.0.0.11:80\"}",
};

static void tell_unknown_pool(const struct reverse_conf *conf, size_t route, const char *to,
			      struct config_at *at)
{
	const struct reverse_pool_conf *pools = conf->pools.items;
	const struct config_step steps[] = {{"routes", route}, {"to", CONFIG_STEP_WHOLE}};
	struct nearest near = nearest_to(to);
	for (size_t i = 0; i < conf->pools.n; i++)
		nearest_offer(&near, pools[i].name);
	config_meant(at, near.word);
	if (strstr(to, "://"))
		config_fail_inside(at, steps, 2,
				   "'%s' is an address of the web; write the server's own, such as "
				   "10.0.0.11:80, or a pool's name",
				   to);
	else if (strchr(to, ':') && !strchr(to, ']'))
		config_fail_inside(
			at, steps, 2,
			"'%s' is no address with a port, and no pool; a server by name is "
			"written in a pool: `pools: {web: [{name: app.home.arpa, port: "
			"8080}]}`",
			to);
	else
		config_fail_inside(at, steps, 2,
				   "there is no pool '%s', and it is no address with a port", to);
}

static void check_forward(const struct reverse_conf *conf, const struct reverse_guard_conf *c,
			  const struct config_step *steps, size_t n, struct config_at *at)
{
	if (c->has_forward && c->forward.to && reverse_pool_find(conf, c->forward.to) == SIZE_MAX)
		config_fail_inside(at, steps, n, "there is no pool '%s'", c->forward.to);
}

/* Countries are known by a file only. */
static void check_source(const struct reverse_conf *conf, const struct reverse_guard_conf *c,
			 const struct config_step *steps, size_t n, struct config_at *at)
{
	if (!conf->countries && (c->allow_countries.n || c->deny_countries.n))
		config_fail_inside(at, steps, n,
				   "countries are told by a file: write `countries: PATH` in the "
				   "section");
}

/* steps: room for one more than n. */
static void check_shared(const struct reverse_conf *conf, const struct reverse_guard_conf *c,
			 struct config_step *steps, size_t n, struct config_at *at)
{
	size_t which = reverse_guard_shared(c);
	steps[n] = (struct config_step){"rate", which};
	if (which != SIZE_MAX && !(reverse_store_is_shared(conf) && conf->store_key.len))
		config_fail_inside(at, steps, n + 1,
				   "limits are shared through a database: write `store: "
				   "postgresql://…` and `store-key` in the section");
}

void reverse_route_check(const struct reverse_conf *conf, struct config_at *at)
{
	const struct reverse_route_conf *routes = conf->routes.items;
	const struct config_step section[] = {{"guard", CONFIG_STEP_WHOLE},
					      {"forward", CONFIG_STEP_WHOLE}};
	if (conf->has_guard) {
		check_forward(conf, &conf->guard, section, 2, at);
		check_source(conf, &conf->guard, section, 1, at);
		check_shared(conf, &conf->guard,
			     (struct config_step[2]){{"guard", CONFIG_STEP_WHOLE}}, 1, at);
	}
	for (size_t i = 0; i < conf->routes.n; i++) {
		struct ip_endpoint e;
		const struct config_step route[] = {{"routes", i},
						    {"guard", CONFIG_STEP_WHOLE},
						    {"forward", CONFIG_STEP_WHOLE}};
		if (routes[i].has_guard) {
			check_forward(conf, &routes[i].guard, route, 3, at);
			check_source(conf, &routes[i].guard, route, 2, at);
			check_shared(conf, &routes[i].guard,
				     (struct config_step[3]){{"routes", i},
							     {"guard", CONFIG_STEP_WHOLE}},
				     2, at);
		}
		if (routes[i].to && reverse_pool_find(conf, routes[i].to) == SIZE_MAX &&
		    ip_endpoint_parse(span_text(routes[i].to), 0, &e) != OK)
			tell_unknown_pool(conf, i, routes[i].to, at);
	}
}
