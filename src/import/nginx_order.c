/* From the places of a server to routes, in the order in which nginx would choose them: what stands
 * for itself, then expressions, then beginnings (src/service/reverse-proxy/route/route.h). */
#include "import/nginx_inner.h"

#include "base/writer.h"
#include "regex/regex.h"

static struct nginx_route *route_add(struct nginx *n, struct nginx_server *server)
{
	struct nginx_route *r = IMPORT_NEW(n->s, struct nginx_route);
	r->paths = out_list(n->s, NULL, "path");
	r->body = out_map(n->s, NULL, "");
	if (n->s->failed)
		return r;
	if (server->routes_last)
		server->routes_last->next = r;
	else
		server->routes = r;
	server->routes_last = r;
	return r;
}

/* ---- rewrite ---- */

/* "/new?x=$1" as path and query of ours. */
static bool replacement_read(struct nginx *n, struct nginx_directive *d, const struct regex *regex,
			     struct nginx_rewritten *ret)
{
	struct span text = nginx_arg(d, 1);
	size_t mark = span_find(text, '?');
	struct span query = span_sub(text, mark + 1, text.len);
	*ret = (struct nginx_rewritten){0};
	if (!nginx_text(n, d, span_sub(text, 0, mark), regex, &ret->path))
		return false;
	if (!ret->path.len || ret->path.data[0] != '/') {
		nginx_note(n->s, d, "no path: %.*s", SPAN(text));
		return false;
	}
	/* A mark at the end drops the query, which an empty one cannot say here. */
	if (mark + 1 == text.len)
		nginx_note(n->s, d, "the query goes along");
	bool drops = query.len && query.data[query.len - 1] == '?';
	if (drops)
		query.len--;
	if (query.len && !nginx_text(n, d, query, regex, &ret->query))
		return false;
	if (query.len && !drops)
		ret->query = import_format(n->s, "%.*s&{query}", SPAN(ret->query));
	return true;
}

/* The path that stands for all that the replacement can become. */
static struct span sample_of(struct nginx *n, struct span path)
{
	uint8_t buf[NGINX_TEXT_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	for (size_t i = 0; i < path.len; i++) {
		if (path.data[i] != '{') {
			write_u8(&w, path.data[i]);
			continue;
		}
		write_u8(&w, 'x');
		while (i < path.len && path.data[i] != '}')
			i++;
	}
	return import_copy(n->s, writer_span(&w));
}

/* What was rewritten is at another place now, whose proxy_pass may have a path. */
static void moved(struct nginx *n, const struct nginx_place *end, struct nginx_rewritten *r)
{
	struct nginx_directive *pass = nginx_pass_of(end->at);
	struct nginx_target target = {0};
	bool prefix = end->kind == PLACE_PREFIX || end->kind == PLACE_STOP;
	if (!pass || !prefix || !nginx_pass(n, pass, &target) || !target.uri.len ||
	    !span_equal(span_sub(r->path, 0, end->text.len), end->text))
		return;
	r->path = import_format(n->s, "%.*s%.*s", SPAN(target.uri),
				SPAN(span_sub(r->path, end->text.len, r->path.len)));
}

/* Has it a `|` outside of groups and sets? */
static bool has_alternatives(struct span text)
{
	unsigned depth = 0;
	bool set = false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '\\') {
			i++;
		} else if (set) {
			set = c != ']';
		} else if (c == '[') {
			set = true;
			i += span_is(span_sub(text, i + 1, 1), "^");
			i += span_is(span_sub(text, i + 1, 1), "]"); /* stands for itself there */
		} else if (c == '|' && depth == 0) {
			return true;
		} else {
			depth += c == '(';
			depth -= c == ')' && depth;
		}
	}
	return false;
}

/* Behind `^` and what was looked ahead at: an expression, which stands at the beginning only if it
 * begins with ^; what was looked ahead at holds for each of its alternatives. */
static void behind_put(struct writer *w, struct span text)
{
	if (has_alternatives(text)) {
		write_text(w, ".*?(?:");
		write_span(w, text);
		write_text(w, ")");
		return;
	}
	bool first = text.len && text.data[0] == '^';
	write_text(w, first ? "" : ".*?");
	write_span(w, first ? span_sub(text, 1, text.len) : text);
}

/* An expression that begins as its place does needs no word of it. */
static void only_put(struct nginx *n, const struct nginx_server *server,
		     const struct nginx_place *place, struct span text, struct writer *w)
{
	size_t begin = w->pos;
	bool within = text.len > place->text.len && text.data[0] == '^' &&
		      !has_alternatives(text) &&
		      span_equal(span_sub(text, 1, place->text.len), place->text);
	if (!nginx_only(n, server, place, w) && within)
		w->pos = begin;
}

/* One `rewrite` of a place (NULL: of the server) as a route of its own. False: it is none. */
static void rewrite_route(struct nginx *n, struct nginx_server *server,
			  const struct nginx_place *place, struct nginx_directive *d)
{
	struct span text = nginx_arg(d, 0), to = nginx_arg(d, 1), flag = nginx_arg(d, 2);
	AUTO(regex_free) struct regex *regex = NULL;
	uint8_t buf[NGINX_TEXT_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	char wrong[REGEX_WRONG_MAX] = "";
	d->used = true;
	write_u8(&w, '~');
	if (place && (place->kind == PLACE_PREFIX || place->kind == PLACE_STOP) &&
	    place->text.len > 1)
		only_put(n, server, place, text, &w);
	else if (place && place->kind != PLACE_PREFIX) {
		nginx_note(n->s, d, "beside an expression or a whole path it is not carried over");
		return;
	} else if (place && server->has_regex) {
		nginx_note(n->s, d, "other expressions of the server come before it");
	}
	if (w.pos > 1)
		behind_put(&w, text);
	else
		write_span(&w, text);
	if (d->args_n < 2 || w.bad || regex_new(text, &regex, wrong)) {
		nginx_note(n->s, d, "%s", wrong[0] ? wrong : "not understood");
		return;
	}
	struct nginx_route *r = route_add(n, server);
	out_item(n->s, r->paths, writer_span(&w));
	bool away = span_is(flag, "redirect") || span_is(flag, "permanent") ||
		    span_is(span_sub(to, 0, 4), "http") || span_is(span_sub(to, 0, 7), "$scheme");
	struct nginx_rewritten made;
	if (away) {
		if (!nginx_redirect(n, d, to, span_is(flag, "permanent") ? 301 : 302, regex, true,
				    r->body))
			nginx_answer(n, r->body, 404, (struct span){0}, (struct span){0});
		return;
	}
	if (!replacement_read(n, d, regex, &made)) {
		nginx_answer(n, r->body, 404, (struct span){0}, (struct span){0});
		return;
	}
	const struct nginx_place *end = place;
	if (!span_is(flag, "break"))
		end = nginx_pick(server, sample_of(n, made.path));
	if (!span_is(flag, "break") && end)
		moved(n, end, &made);
	if (!span_is(flag, "break") && end && nginx_own(end->at, "rewrite") && end != place)
		nginx_note(n->s, d, "what it is rewritten to is not rewritten again");
	nginx_end(n, server, end, &made, r->body);
}

static void rewrites(struct nginx *n, struct nginx_server *server, const struct nginx_place *place)
{
	struct nginx_directive *at = place ? place->at : server->at;
	for (struct nginx_directive *d = nginx_own(at, "rewrite"); d; d = nginx_same(d))
		rewrite_route(n, server, place, d);
}

/* ---- if ---- */

/* `if (…) { return …; }` with a condition that routes have: on the method, a field, an argument. */
static void condition(struct nginx *n, struct nginx_server *server, const struct nginx_place *place,
		      struct nginx_directive *d, struct out_node *paths)
{
	struct nginx_directive *end = nginx_own(d, "return");
	struct span left = nginx_arg(d, 0), right = nginx_arg(d, 2);
	const char *key = NULL;
	struct span value = {0};
	d->used = true;
	left = span_sub(left, 1, left.len);
	if (right.len)
		right.len -= right.data[right.len - 1] == ')';
	bool equal = d->args_n == 3 && span_is(nginx_arg(d, 1), "=");
	if (equal && span_is(left, "$request_method")) {
		key = "method";
		value = right;
	} else if (equal && span_is(span_sub(left, 0, 6), "$http_")) {
		struct span name = nginx_field(n, span_sub(left, 6, left.len));
		key = "header";
		value = import_format(n->s, "%.*s=%.*s", SPAN(name), SPAN(right));
	} else if (equal && span_is(span_sub(left, 0, 5), "$arg_")) {
		key = "query";
		value = import_format(n->s, "%.*s=%.*s", SPAN(span_sub(left, 5, left.len)),
				      SPAN(right));
	}
	if (!key || !end || end->next || d->first != end || (place && place->kind == PLACE_REGEX)) {
		nginx_note_condition(n, d);
		return;
	}
	struct nginx_route *r = route_add(n, server);
	out_share(n->s, r->paths, paths);
	struct out_node *list = out_list(n->s, r->body, key);
	out_item(n->s, list, value);
	nginx_return(n, end, NULL, r->body);
}

/* ---- the routes of a place ---- */

/* True: what it looked ahead at is still to be written. */
static bool beginning_write(struct nginx *n, const struct nginx_server *server,
			    const struct nginx_place *p, struct writer *w)
{
	size_t begin = w->pos;
	write_u8(w, '~');
	if (nginx_only(n, server, p, w))
		return true;
	w->pos = begin;
	write_text(w, "~^");
	nginx_quote(w, p->text);
	return false;
}

/* What must hold around a location that is an expression. */
static void around_put(struct nginx *n, const struct nginx_server *server,
		       const struct nginx_place *outer, struct writer *w)
{
	if (outer->kind != PLACE_REGEX) {
		(void)nginx_only(n, server, outer, w);
		return;
	}
	if (outer->outer)
		around_put(n, server, outer->outer, w);
	else
		write_u8(w, '^');
	write_format(w, "(?=.*?(?:%.*s))", SPAN(outer->text));
	if (regex_groups(outer->regex))
		nginx_note(n->s, outer->at,
			   "its groups are counted before those of expressions within it");
}

static void paths_of(struct nginx *n, struct nginx_server *server, const struct nginx_place *p,
		     struct out_node *paths)
{
	uint8_t buf[2 * NGINX_TEXT_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	bool folder = p->text.len && p->text.data[p->text.len - 1] == '/';
	if (p->kind == PLACE_EXACT) {
		out_item(n->s, paths, import_format(n->s, "=%.*s", SPAN(p->text)));
		return;
	}
	if (p->kind == PLACE_REGEX) {
		write_u8(&w, '~');
		if (p->outer) {
			around_put(n, server, p->outer, &w);
			behind_put(&w, p->text);
		} else {
			write_span(&w, p->text);
		}
		out_item(n->s, paths, writer_span(&w));
		return;
	}
	if (p->kind == PLACE_STOP && server->has_regex) {
		beginning_write(n, server, p, &w);
		out_item(n->s, paths, writer_span(&w));
	}
	/* Ours end at a segment's border; nginx's `/api` is the beginning of /apix too. */
	if (p->kind == PLACE_PREFIX || !server->has_regex)
		out_item(n->s, paths, p->text);
	if (!folder && p->text.len > 1 && !(p->kind == PLACE_STOP && server->has_regex)) {
		w = writer_of(buf, sizeof(buf));
		if (beginning_write(n, server, p, &w))
			nginx_quote(&w, p->text);
		write_text(&w, "[^/]");
		out_item(n->s, paths, writer_span(&w));
	}
	if (w.bad)
		nginx_note(n->s, p->at, "the expression that it becomes is too long");
}

/* `/api/` is not the beginning of /api in nginx, but of a prefix here. */
static void folder_route(struct nginx *n, struct nginx_server *server, const struct nginx_place *p)
{
	struct span bare = span_sub(p->text, 0, p->text.len - 1);
	if (p->text.len < 2 || p->text.data[p->text.len - 1] != '/' ||
	    (p->kind == PLACE_STOP && server->has_regex && !nginx_pass_of(p->at)))
		return;
	for (const struct nginx_place *other = server->places; other; other = other->next)
		if ((other->kind != PLACE_REGEX && other->kind != PLACE_NAMED) &&
		    span_equal(other->text, bare))
			return;
	const struct nginx_place *end = nginx_pick(server, bare);
	struct nginx_route *r = route_add(n, server);
	out_item(n->s, r->paths, import_format(n->s, "=%.*s", SPAN(bare)));
	if (nginx_pass_of(p->at) || nginx_other_pass(p->at)) {
		struct out_node *redirect = out_map(n->s, r->body, "redirect");
		out_text(n->s, redirect, "to", p->text);
		out_text(n->s, redirect, "status", span_text("301"));
	} else {
		nginx_end(n, server, end, NULL, r->body);
	}
}

static void place_routes(struct nginx *n, struct nginx_server *server, const struct nginx_place *p)
{
	struct nginx_route *r;
	struct out_node *paths = out_list(n->s, NULL, "path");
	paths_of(n, server, p, paths);
	rewrites(n, server, p);
	for (struct nginx_directive *d = nginx_own(p->at, "if"); d; d = nginx_same(d))
		condition(n, server, p, d, paths);
	r = route_add(n, server);
	out_share(n->s, r->paths, paths);
	nginx_end(n, server, p, NULL, r->body);
	if (p->kind == PLACE_PREFIX || p->kind == PLACE_STOP)
		folder_route(n, server, p);
}

/* Those of a kind, the longest first; of expressions inner ones first, else as they stand. */
static void kind_routes(struct nginx *n, struct nginx_server *server, enum place_kind kind)
{
	size_t most = 0;
	for (const struct nginx_place *p = server->places; p; p = p->next) {
		size_t rank = kind == PLACE_REGEX ? p->depth : p->text.len;
		if (p->kind == kind && rank > most)
			most = rank;
	}
	for (size_t rank = most + 1; rank-- > 0;)
		for (const struct nginx_place *p = server->places; p; p = p->next)
			if (p->kind == kind &&
			    rank == (kind == PLACE_REGEX ? p->depth : p->text.len))
				place_routes(n, server, p);
}

static bool has_whole(const struct nginx_server *server)
{
	for (const struct nginx_place *p = server->places; p; p = p->next)
		if (p->kind == PLACE_PREFIX && span_is(p->text, "/"))
			return true;
	return false;
}

void nginx_routes(struct nginx *n, struct nginx_server *server)
{
	struct nginx_route *r;
	rewrites(n, server, NULL);
	if (nginx_own(server->at, "return")) {
		/* It comes before all locations. */
		for (const struct nginx_place *p = server->places; p; p = p->next)
			nginx_note(n->s, p->at, "never reached: the server has a `return`");
	} else {
		kind_routes(n, server, PLACE_EXACT);
		kind_routes(n, server, PLACE_STOP);
		kind_routes(n, server, PLACE_REGEX);
		kind_routes(n, server, PLACE_PREFIX);
	}
	if (!has_whole(server) || nginx_own(server->at, "return")) {
		r = route_add(n, server);
		nginx_end(n, server, NULL, NULL, r->body);
	}
}
