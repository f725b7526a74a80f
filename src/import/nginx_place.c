/* Locations: which there are, and which one nginx chooses for a path. */
#include "import/nginx_inner.h"

#include "base/writer.h"
#include "regex/regex.h"

static struct nginx_place *add(struct nginx *n, struct nginx_server *server,
			       struct nginx_directive *d)
{
	struct nginx_place *p = IMPORT_NEW(n->s, struct nginx_place);
	p->at = d;
	if (n->s->failed)
		return p;
	if (server->places_last)
		server->places_last->next = p;
	else
		server->places = p;
	server->places_last = p;
	server->places_n++;
	return p;
}

/* False: a note says why it is none. */
static bool kind_read(struct nginx *n, struct nginx_directive *d, enum place_kind *ret_kind,
		      struct span *ret_text)
{
	static const struct {
		const char *mark;
		enum place_kind kind;
	} marks[] = {
		{"=", PLACE_EXACT}, {"^~", PLACE_STOP}, {"~*", PLACE_REGEX}, {"~", PLACE_REGEX}};
	struct span mark = nginx_arg(d, 0), text = nginx_arg(d, 1);
	for (size_t i = 0; i < 4; i++) {
		size_t len = strlen(marks[i].mark);
		bool joined = d->args_n == 1 && mark.len > len &&
			      span_is(span_sub(mark, 0, len), marks[i].mark);
		if (!joined && !(d->args_n == 2 && span_is(mark, marks[i].mark)))
			continue;
		*ret_kind = marks[i].kind;
		*ret_text = joined ? span_sub(mark, len, mark.len) : text;
		if (strcmp(marks[i].mark, "~*") == 0)
			*ret_text = import_format(n->s, "(?i)%.*s", SPAN(*ret_text));
		return true;
	}
	*ret_kind = mark.len && mark.data[0] == '@' ? PLACE_NAMED : PLACE_PREFIX;
	*ret_text = mark;
	if (d->args_n == 1 && d->block)
		return true;
	nginx_note(n->s, d, "not understood");
	return false;
}

static void place_read(struct nginx *n, struct nginx_server *server, struct nginx_directive *d,
		       const struct nginx_place *outer, unsigned depth)
{
	enum place_kind kind;
	struct span text, path;
	char wrong[REGEX_WRONG_MAX] = "";
	struct regex *regex = NULL;
	d->used = true;
	if (server->places_n == NGINX_PLACES_MAX) {
		nginx_note(n->s, d, "the server has too many locations: this one is left out");
		return;
	}
	if (!kind_read(n, d, &kind, &text))
		return;
	if (kind == PLACE_REGEX && regex_new(text, &regex, wrong)) {
		nginx_note(n->s, d, "%s", wrong);
		return;
	}
	if ((kind == PLACE_EXACT || kind == PLACE_PREFIX || kind == PLACE_STOP) &&
	    !nginx_path(n, d, text, &path))
		return;
	struct nginx_place *p = add(n, server, d);
	if (n->s->failed) {
		regex_free(regex);
		return;
	}
	p->kind = kind;
	p->text = kind == PLACE_REGEX || kind == PLACE_NAMED ? text : path;
	p->outer = outer;
	p->depth = depth;
	p->regex = regex;
	server->has_regex = server->has_regex || kind == PLACE_REGEX;
	for (struct nginx_directive *inner = nginx_own(d, "location"); inner;
	     inner = nginx_same(inner))
		place_read(n, server, inner, p, depth + 1);
}

void nginx_places(struct nginx *n, struct nginx_server *server)
{
	for (struct nginx_directive *d = nginx_own(server->at, "location"); d; d = nginx_same(d))
		place_read(n, server, d, NULL, 1);
}

void nginx_places_done(struct nginx_server *server)
{
	for (struct nginx_place *p = server->places; p; p = p->next) {
		regex_free(p->regex);
		p->regex = NULL;
	}
}

static bool begins(struct span text, struct span with)
{
	return span_equal(span_sub(text, 0, with.len), with);
}

static bool is_prefix(const struct nginx_place *p)
{
	return p->kind == PLACE_PREFIX || p->kind == PLACE_STOP;
}

/* Is it around p, or p itself? NULL is the server. */
static bool is_around(const struct nginx_place *around, const struct nginx_place *p)
{
	for (; p; p = p->outer)
		if (p == around)
			return true;
	return around == NULL;
}

const struct nginx_place *nginx_pick(const struct nginx_server *server, struct span path)
{
	const struct nginx_place *longest = NULL, *found = NULL;
	for (const struct nginx_place *p = server->places; p; p = p->next) {
		if (p->kind == PLACE_EXACT && span_equal(p->text, path))
			return p;
		if (is_prefix(p) && begins(path, p->text) &&
		    (!longest || p->text.len > longest->text.len))
			longest = p;
	}
	if (longest && longest->kind == PLACE_STOP)
		return longest;
	for (const struct nginx_place *p = server->places; p; p = p->next) {
		size_t n;
		if (p->kind != PLACE_REGEX || !is_around(p->outer, longest))
			continue;
		/* Of inner ones the first, before those around. */
		if ((!found || p->depth > found->depth) &&
		    regex_match(p->regex, path, NULL, 0, &n) == OK)
			found = p;
	}
	return found ? found : longest;
}

const struct nginx_place *nginx_named(const struct nginx_server *server, struct span name)
{
	for (const struct nginx_place *p = server->places; p; p = p->next)
		if (p->kind == PLACE_NAMED && span_equal(p->text, name))
			return p;
	return NULL;
}

bool nginx_only(struct nginx *n, const struct nginx_server *server, const struct nginx_place *place,
		struct writer *w)
{
	unsigned others = 0;
	write_text(w, "^(?=");
	nginx_quote(w, place->text);
	write_text(w, ")");
	for (const struct nginx_place *p = server->places; p; p = p->next) {
		if (!is_prefix(p) || p->text.len <= place->text.len ||
		    !begins(p->text, place->text))
			continue;
		if (++others > NGINX_BEFORE_MAX) {
			nginx_note(n->s, place->at, "too many locations begin like this one");
			break;
		}
		write_text(w, others == 1 ? "(?!" : "|");
		nginx_quote(w, p->text);
	}
	if (others)
		write_text(w, ")");
	return others > 0;
}
