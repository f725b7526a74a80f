/* Where a place leads: to servers, to files, elsewhere, or to an answer. */
#include "import/nginx_inner.h"

static bool ends_with(struct span text, const char *end)
{
	size_t len = strlen(end);
	return text.len >= len && span_is(span_sub(text, text.len - len, len), end);
}

/* ---- where a place leads ---- */

/* A target of `return` and `rewrite` as `redirect: {to: …}`. */
bool nginx_redirect(struct nginx *n, struct nginx_directive *d, struct span text, unsigned status,
		    const struct regex *regex, bool keeps, struct out_node *body)
{
	struct span whole = text, to;
	bool path = ends_with(text, "$request_uri");
	if (path)
		text.len -= strlen("$request_uri");
	else if (ends_with(text, "$is_args$args"))
		text.len -= strlen("$is_args$args");
	else if (ends_with(text, "?$args") || ends_with(text, "?$query_string"))
		text.len = span_find(text, '?');
	/* What nginx does with a mark at the end: the query does not go along. */
	bool query = text.len != whole.len || keeps;
	if (!path && text.len == whole.len && ends_with(text, "?")) {
		text.len--;
		query = false;
	}
	if (!nginx_text(n, d, text, regex, &to))
		return false;
	if (path && (span_is(to, "https://{host}") || span_is(to, "https://")))
		to = span_text("https");
	else if (path && (to.len == 0 || to.data[0] == '/' ||
			  span_find(span_sub(to, 8, to.len), '/') + 8 < to.len))
		/* An address with a path of its own does not get the request's behind it. */
		to = import_format(n->s, "%.*s{path}", SPAN(to));
	static const char *const begins[] = {"/",	 "{path}",	"http://",
					     "https://", "{scheme}://", "https"};
	bool good = false;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		good = good || span_is(span_sub(to, 0, strlen(begins[i])), begins[i]);
	if (!good || memchr(to.data, ' ', to.len)) {
		nginx_note(n->s, d, "no address to be sent to: %.*s", SPAN(whole));
		return false;
	}
	/* What a rewrite says comes before the query that came. */
	if (keeps && query && memchr(to.data, '?', to.len))
		to = import_format(n->s, "%.*s&{query}", SPAN(to));
	struct out_node *redirect = out_map(n->s, body, "redirect");
	out_text(n->s, redirect, "to", to);
	out_format(n->s, redirect, "status", "%u", status);
	if (!query)
		out_text(n->s, redirect, "keep-query", span_text("no"));
	return true;
}

void nginx_answer(struct nginx *n, struct out_node *body, unsigned status, struct span text,
		  struct span type)
{
	struct out_node *answer = out_map(n->s, body, "answer");
	out_format(n->s, answer, "status", "%u", status);
	if (text.len)
		out_text(n->s, answer, "body", text);
	if (type.len)
		out_text(n->s, answer, "type", type);
}

static bool is_redirect(uint64_t status)
{
	return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

/* return CODE [text], return CODE URL, return URL */
void nginx_return(struct nginx *n, struct nginx_directive *d, const struct regex *regex,
		  struct out_node *body)
{
	uint64_t status = 302;
	struct span text = nginx_arg(d, d->args_n - 1), out;
	bool number = span_to_u64(nginx_arg(d, 0), 999, &status);
	if (!number)
		status = 302;
	if (is_redirect(status) && (!number || d->args_n > 1)) {
		if (!nginx_redirect(n, d, text, (unsigned)status, regex, false, body))
			nginx_answer(n, body, 404, (struct span){0}, (struct span){0});
		return;
	}
	if (status == 444)
		nginx_note(n->s, d,
			   "the connection is not closed without a word: the answer has the status "
			   "444");
	if (status < 200 || status > 599) {
		nginx_note(n->s, d, "no status of an answer: 404 instead");
		status = 404;
	}
	struct span type = nginx_arg(nginx_find(d->parent, "default_type"), 0);
	if (d->args_n < 2 || span_find(text, '$') < text.len) {
		if (d->args_n > 1)
			nginx_note(n->s, d, "texts of answers have no variables: it has none here");
		nginx_answer(n, body, (unsigned)status, (struct span){0}, (struct span){0});
		return;
	}
	out = text.len ? text : span_text(" ");
	nginx_answer(n, body, (unsigned)status, out, type);
}

bool nginx_root(struct nginx *n, struct nginx_directive *at, struct span *ret, bool *ret_alias)
{
	struct nginx_directive *alias =
		span_is(at->name, "location") ? nginx_own(at, "alias") : NULL;
	struct nginx_directive *d = alias ? alias : nginx_find(at, "root");
	struct span path = nginx_arg(d, 0);
	*ret_alias = alias != NULL;
	if (!d)
		return false;
	if (span_find(path, '$') < path.len || !path.len) {
		nginx_note(n->s, d, "a folder with variables is none here");
		return false;
	}
	if (path.data[0] != '/')
		path = import_format(n->s, "/usr/share/nginx/%.*s", SPAN(path));
	while (path.len > 1 && path.data[path.len - 1] == '/')
		path.len--;
	*ret = path;
	return true;
}

static struct out_node *map_in(struct nginx *n, struct out_node *body, const char *key)
{
	struct out_node *m = out_find(body, key);
	return m ? m : out_map(n->s, body, key);
}

static void rewrite_put(struct nginx *n, struct out_node *body, const struct nginx_rewritten *r)
{
	if (!r || !r->path.len)
		return;
	struct out_node *rewrite = map_in(n, body, "rewrite");
	out_text(n->s, rewrite, "path", r->path);
	if (r->query.len)
		out_text(n->s, rewrite, "query", r->query);
}

/* To a server: the path changes when proxy_pass has one. */
static bool proxy_put(struct nginx *n, struct nginx_directive *pass,
		      const struct nginx_place *place, const struct nginx_rewritten *r,
		      struct out_node *body)
{
	struct nginx_target target;
	if (!nginx_pass(n, pass, &target))
		return false;
	out_text(n->s, body, "to", target.to);
	rewrite_put(n, body, r);
	bool changes = target.uri.len && !(r && r->path.len);
	if (changes && place && (place->kind == PLACE_PREFIX || place->kind == PLACE_STOP)) {
		struct span from = place->text, to = target.uri;
		bool same = from.len == to.len && span_equal(from, to);
		bool slashes = from.data[from.len - 1] == '/' && to.data[to.len - 1] == '/';
		struct out_node *rewrite = same ? NULL : map_in(n, body, "rewrite");
		if (rewrite && from.len > 1)
			out_text(n->s, rewrite, "strip",
				 slashes ? span_sub(from, 0, from.len - 1) : from);
		if (rewrite && to.len > 1)
			out_text(n->s, rewrite, "add", slashes ? span_sub(to, 0, to.len - 1) : to);
		if (!slashes && from.len > 1 && !same)
			nginx_note(n->s, pass,
				   "the path is put together with one slash between its parts, "
				   "whether "
				   "or not %.*s and %.*s end with one",
				   SPAN(from), SPAN(to));
	} else if (changes && place && place->kind == PLACE_EXACT) {
		struct span path;
		if (nginx_text(n, pass, target.uri, NULL, &path))
			out_text(n->s, map_in(n, body, "rewrite"), "path", path);
	} else if (changes && place) {
		nginx_note(n->s, pass, "a path beside an expression is left out");
	}
	nginx_fields(n, place ? place->at : pass->parent, body, &target);
	nginx_retry(n, pass->parent, target.to);
	nginx_limits(n, pass->parent, body, true);
	return true;
}

/* ---- files ---- */

/* Who is let in at a place that takes what is no file; body is of the place with the files. A route
 * has one guard: false, as a note says, when both have their own. */
static bool named_guard(struct nginx *n, const struct nginx_server *server,
			const struct nginx_place *named, struct out_node *body)
{
	struct out_node *its = out_map(n->s, NULL, "");
	nginx_guard(n, server, named->at, its);
	const struct out_node *there = out_find(its, "guard"), *here = out_find(body, "guard");
	if (!there || out_equal(there, here))
		return true;
	nginx_note(n->s, named->at,
		   here ? "what is asked of clients differs from what the place with the files "
			  "asks: what is no file is not there"
			: "what is asked of clients is asked of those who want files too");
	if (!here)
		out_share(n->s, body, its);
	return !here;
}

static void named_put(struct nginx *n, const struct nginx_server *server, struct nginx_directive *d,
		      struct span name, struct out_node *body)
{
	const struct nginx_place *place = nginx_named(server, name);
	struct nginx_directive *pass = place ? nginx_pass_of(place->at) : NULL;
	struct nginx_target target;
	if (!pass || !nginx_pass(n, pass, &target)) {
		nginx_note(n->s, d, "%.*s leads to no server of ours: what is no file is not there",
			   SPAN(name));
		return;
	}
	if (!named_guard(n, server, place, body))
		return;
	out_text(n->s, body, "to", target.to);
	nginx_fields(n, pass->parent, body, &target);
	nginx_retry(n, pass->parent, target.to);
	nginx_limits(n, pass->parent, body, true);
}

/* The last of try_files: what is done when nothing is there. */
static void last_try(struct nginx *n, const struct nginx_server *server, struct nginx_directive *d,
		     struct span root, struct out_node *body, struct out_node *files)
{
	struct span last = nginx_arg(d, d->args_n - 1), other;
	bool alias;
	if (last.len && last.data[0] == '@') {
		named_put(n, server, d, last, body);
		return;
	}
	if (last.len && last.data[0] == '=') {
		if (!span_is(last, "=404"))
			nginx_note(n->s, d, "what is not there is answered with 404, not with %.*s",
				   SPAN(last));
		return;
	}
	bool plain = last.len > 1 && last.data[0] == '/' && span_find(last, '$') == last.len &&
		     span_find(last, '?') == last.len;
	const struct nginx_place *place = plain ? nginx_pick(server, last) : NULL;
	struct nginx_directive *at = place ? place->at : server->at;
	if (plain && !nginx_pass_of(at) && !nginx_own(at, "fastcgi_pass") &&
	    nginx_root(n, at, &other, &alias) && !alias && span_equal(other, root))
		out_text(n->s, files, "fallback", span_sub(last, 1, last.len));
	else
		nginx_note(n->s, d,
			   "%.*s is no file of the same folder: what is not there is answered with "
			   "404",
			   SPAN(last));
}

static void try_files(struct nginx *n, const struct nginx_server *server, struct nginx_directive *d,
		      struct span root, struct out_node *body, struct out_node *files,
		      bool *ret_folders)
{
	*ret_folders = false;
	for (size_t i = 0; i + 1 < d->args_n; i++) {
		if (span_is(d->args[i], "$uri/"))
			*ret_folders = true;
		else if (!span_is(d->args[i], "$uri"))
			nginx_note(n->s, d, "%.*s is not tried", SPAN(d->args[i]));
	}
	last_try(n, server, d, root, body, files);
}

static void index_put(struct nginx *n, struct nginx_directive *at, struct out_node *files,
		      bool folders)
{
	struct nginx_directive *d = nginx_find(at, "index");
	struct out_node *list;
	if (!folders || (d && d->args_n != 1) || (d && !span_is(nginx_arg(d, 0), "index.html"))) {
		list = out_list(n->s, files, "index");
		for (size_t i = 0; folders && d && i < d->args_n; i++) {
			struct span name = d->args[i];
			bool good = name.len && name.data[0] != '/' && name.data[0] != '.' &&
				    span_find(name, '$') == name.len;
			if (good)
				out_item(n->s, list, name);
			else
				nginx_note(n->s, d, "no name of a file in the folder: %.*s",
					   SPAN(name));
		}
	}
}

static void files_put(struct nginx *n, const struct nginx_server *server,
		      struct nginx_directive *at, const struct nginx_place *place,
		      const struct nginx_rewritten *r, struct out_node *body)
{
	struct span root;
	bool alias, folders = true;
	if (!nginx_root(n, at, &root, &alias)) {
		/* nginx has a folder of its own, with its page of welcome. */
		nginx_answer(n, body, 404, (struct span){0}, (struct span){0});
		return;
	}
	if (alias && place && place->kind == PLACE_REGEX) {
		nginx_note(n->s, at,
			   "an alias beside an expression is not carried over: it leads nowhere");
		nginx_answer(n, body, 404, (struct span){0}, (struct span){0});
		return;
	}
	rewrite_put(n, body, r);
	if (alias && !(r && r->path.len) && place->text.len > 1) {
		struct span strip = place->text;
		if (place->kind == PLACE_EXACT) {
			const uint8_t *slash = memrchr(root.data, '/', root.len);
			size_t len = (size_t)(slash - root.data);
			out_text(n->s, map_in(n, body, "rewrite"), "path",
				 span_sub(root, len, root.len));
			root = span_sub(root, 0, len ? len : 1);
		} else {
			if (strip.data[strip.len - 1] == '/')
				strip.len--;
			out_text(n->s, map_in(n, body, "rewrite"), "strip", strip);
		}
	}
	struct out_node *files = out_map(n->s, body, "files");
	out_text(n->s, files, "root", root);
	struct nginx_directive *d = nginx_find(at, "try_files");
	if (d)
		try_files(n, server, d, root, body, files, &folders);
	index_put(n, at, files, folders);
	/* nginx follows links unless it is told not to. */
	d = nginx_find(at, "disable_symlinks");
	if (!d || span_is(nginx_arg(d, 0), "off"))
		out_text(n->s, files, "links", span_text("yes"));
	if (nginx_has(nginx_find(at, "gzip_static"), "on") ||
	    nginx_has(nginx_find(at, "brotli_static"), "on"))
		out_text(n->s, files, "compressed", span_text("yes"));
	if (!out_find(body, "to")) {
		nginx_fields(n, at, body, NULL);
		nginx_limits(n, at, body, false);
	}
}

/* A request is not for us: whose servers speak another protocol. */
struct nginx_directive *nginx_other_pass(struct nginx_directive *at)
{
	static const char *const others[] = {"fastcgi_pass", "uwsgi_pass", "scgi_pass",
					     "memcached_pass"};
	for (size_t i = 0; i < 4; i++) {
		struct nginx_directive *d = nginx_own(at, others[i]);
		if (d)
			return d;
	}
	return NULL;
}

/* All that a place does, into body. */
void nginx_end(struct nginx *n, const struct nginx_server *server, const struct nginx_place *place,
	       const struct nginx_rewritten *r, struct out_node *body)
{
	struct nginx_directive *at = place ? place->at : server->at;
	struct nginx_directive *d = nginx_own(at, "return");
	nginx_errors(n, server, at, body);
	if (nginx_own(at, "internal")) {
		nginx_answer(n, body, 404, (struct span){0}, (struct span){0});
		return;
	}
	if (d) {
		nginx_return(n, d, place ? place->regex : NULL, body);
		nginx_fields(n, at, body, NULL);
		return;
	}
	nginx_guard(n, server, at, body);
	d = nginx_other_pass(at);
	if (d)
		nginx_note(n->s, d,
			   "servers are asked by HTTP and gRPC only: it leads nowhere until that "
			   "is mended");
	struct nginx_directive *pass = d ? NULL : nginx_pass_of(at);
	if (d || (pass && !proxy_put(n, pass, place, r, body)))
		nginx_answer(n, body, 502, (struct span){0}, (struct span){0});
	else if (!pass)
		files_put(n, server, at, place, r, body);
}
