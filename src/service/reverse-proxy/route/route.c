#include "service/reverse-proxy/route/route.h"

#include "base/table.h"
#include "proto/http/uri.h"
#include "regex/regex.h"
#include "service/reverse-proxy/route/pattern.h"

#include <stdlib.h>

/* One host and one path of a route. */
struct entry {
	const struct route *route;
	const char *path; /* as configured; "/" where the route has none */
	struct pattern pattern;
	struct span host;    /* "" any; ".x" all below x; "~x" an expression */
	size_t place;	     /* of the file's hosts and paths */
	struct regex *regex; /* of PATTERN_REGEX; owned */
};

/* All entries of one host whose paths have the same head. */
struct node {
	struct span head;
	const struct entry *entries; /* of the table's: exact, then patterns, then prefixes */
	size_t entries_n;
};

/* All entries of one host. */
struct group {
	struct span host;
	struct table nodes;
	size_t depth_max;    /* slashes of the deepest head that is no exact one's */
	bool has_regex;	     /* among its paths */
	struct regex *regex; /* that its host is; owned; NULL: it is a name */
	uint32_t number;     /* of its first route */
};

struct route_table {
	struct entry *entries; /* sorted */
	size_t entries_n;
	struct node *nodes;
	size_t nodes_n;
	struct group *groups;
	size_t groups_n;
	struct table hosts;
	bool has_wildcards;
	struct group **regexes; /* those whose host is one, in the order of the file */
	size_t regexes_n;
};

/* ---- building ---- */

/* Who came by TLS is not sent there again, and again. */
static bool leads_to_tls(const struct route *r)
{
	return r->action == ROUTE_REDIRECT && !r->redirect.to;
}

static size_t conditions(const struct route *r)
{
	return r->fields_n + r->query_n + (r->clients_n > 0) + (r->ports_n > 0) + leads_to_tls(r);
}

static int compare_spans(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.data, b.data, n) : 0;
	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static int compare_numbers(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

/* By host and head, so that those of one node are neighbours; there by the order of route.h. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = compare_spans(x->host, y->host);
	if (!c)
		c = compare_spans(x->pattern.head, y->pattern.head);
	if (!c && x->pattern.kind == PATTERN_REGEX && y->pattern.kind == PATTERN_REGEX)
		return compare_numbers(x->place, y->place);
	if (!c)
		c = compare_numbers(x->pattern.kind, y->pattern.kind);
	if (!c)
		c = compare_numbers(y->pattern.segments, x->pattern.segments);
	if (!c)
		c = compare_numbers(y->route->methods_n > 0, x->route->methods_n > 0);
	if (!c)
		c = compare_numbers(conditions(y->route), conditions(x->route));
	if (!c)
		c = compare_numbers(x->route->number, y->route->number);
	return c ? c : compare_numbers(x->place, y->place);
}

static int compare_groups(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;
	return compare_numbers((*x)->number, (*y)->number);
}

static struct span host_key(const char *host)
{
	struct span s = span_text(host);
	return s.len && s.data[0] == '*' ? span_sub(s, 1, s.len) : s;
}

static size_t add_entries(const struct route *r, struct entry *at, size_t place)
{
	size_t n = 0;
	for (size_t h = 0; h < (r->hosts_n ? r->hosts_n : 1); h++)
		for (size_t p = 0; p < (r->paths_n ? r->paths_n : 1); p++) {
			const char *path = r->paths_n ? r->paths[p] : "/";
			at[n] = (struct entry){.route = r,
					       .path = path,
					       .pattern = pattern_of(path),
					       .host = host_key(r->hosts_n ? r->hosts[h] : "*"),
					       .place = place + n};
			n++;
		}
	return n;
}

static bool node_is(const void *record, const void *key, size_t len)
{
	return span_equal(((const struct node *)record)->head, span_of(key, len));
}

static bool group_is(const void *record, const void *key, size_t len)
{
	return span_equal(((const struct group *)record)->host, span_of(key, len));
}

/* Requests find in these tables and never insert: a fixed key is enough. */
static const struct hash_key fixed_key = {0};

static size_t depth_of(struct span head)
{
	size_t n = 0;
	for (size_t i = 0; i < head.len; i++)
		n += head.data[i] == '/';
	return n;
}

static enum err put(struct table *t, struct span key, void *record)
{
	return table_insert(t, table_hash(t, key), key.data, key.len, record);
}

/* Behind the `~`. */
static enum err compile(struct span text, struct regex **ret)
{
	return regex_new(span_sub(text, 1, text.len), ret, NULL);
}

static enum err open_group(struct route_table *t, struct span host, struct group **ret)
{
	struct group *g = &t->groups[t->groups_n++];
	g->host = host;
	g->number = UINT32_MAX;
	table_init(&g->nodes, fixed_key, TABLE_RECORDS_MAX, node_is);
	t->has_wildcards = t->has_wildcards || (host.len && host.data[0] == '.');
	*ret = g;
	if (host.len && host.data[0] == '~') {
		t->regexes[t->regexes_n++] = g;
		return compile(host, &g->regex);
	}
	return put(&t->hosts, host, g);
}

static enum err index_entries(struct route_table *t)
{
	struct group *g = NULL;
	struct node *node = NULL;
	for (size_t i = 0; i < t->entries_n; i++) {
		struct entry *e = &t->entries[i];
		if (!g || !span_equal(g->host, e->host)) {
			TRY(open_group(t, e->host, &g));
			node = NULL;
		}
		if (!node || !span_equal(node->head, e->pattern.head)) {
			node = &t->nodes[t->nodes_n++];
			*node = (struct node){.head = e->pattern.head, .entries = e};
			TRY(put(&g->nodes, node->head, node));
		}
		node->entries_n++;
		if (e->route->number < g->number)
			g->number = e->route->number;
		if (e->pattern.kind == PATTERN_REGEX) {
			g->has_regex = true;
			TRY(compile(span_text(e->path), &e->regex));
		}
		size_t depth = depth_of(node->head);
		if (e->pattern.kind != PATTERN_EXACT && depth > g->depth_max)
			g->depth_max = depth;
	}
	return OK;
}

enum err route_table_new(const struct route *routes, size_t n, struct route_table **ret)
{
	AUTO(route_table_free) struct route_table *t = calloc(1, sizeof(*t));
	size_t entries = 0;
	for (size_t i = 0; i < n; i++)
		entries += (routes[i].hosts_n ? routes[i].hosts_n : 1) *
			   (routes[i].paths_n ? routes[i].paths_n : 1);
	if (!t)
		return (enum err)ENOMEM;
	/* One more, so that an empty table is no special case. */
	t->entries = calloc(entries + 1, sizeof(*t->entries));
	t->nodes = calloc(entries + 1, sizeof(*t->nodes));
	t->groups = calloc(entries + 1, sizeof(*t->groups));
	t->regexes = calloc(entries + 1, sizeof(struct group *));
	if (!t->entries || !t->nodes || !t->groups || !t->regexes)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < n; i++)
		t->entries_n += add_entries(&routes[i], &t->entries[t->entries_n], t->entries_n);
	qsort(t->entries, t->entries_n, sizeof(*t->entries), compare_entries);
	table_init(&t->hosts, fixed_key, TABLE_RECORDS_MAX, group_is);
	TRY(index_entries(t));
	qsort(t->regexes, t->regexes_n, sizeof(struct group *), compare_groups);
	*ret = TAKE(t);
	return OK;
}

void route_table_free(struct route_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->groups_n; i++) {
		table_done(&t->groups[i].nodes);
		regex_free(t->groups[i].regex);
	}
	for (size_t i = 0; i < t->entries_n; i++)
		regex_free(t->entries[i].regex);
	table_done(&t->hosts);
	free(t->regexes);
	free(t->groups);
	free(t->nodes);
	free(t->entries);
	free(t);
}

/* ---- finding ---- */

static bool methods_hold(const struct route *r, const struct route_facts *f)
{
	for (size_t i = 0; i < r->methods_n; i++)
		if (span_is(f->method, r->methods[i]))
			return true;
	return r->methods_n == 0;
}

static bool field_holds(const struct route_condition *c, const struct route_facts *f)
{
	struct span value;
	size_t at = 0;
	while (f->field && f->field(f->head, span_text(c->name), &at, &value))
		if (!c->value || span_is(value, c->value))
			return true;
	return false;
}

static bool argument_holds(const struct route_condition *c, const struct route_facts *f)
{
	struct span rest = f->query, name, value;
	while (uri_query_next(&rest, &name, &value))
		if (uri_is_text(name, true, c->name) &&
		    (!c->value || uri_is_text(value, true, c->value)))
			return true;
	return false;
}

static bool client_holds(const struct route *r, const struct route_facts *f)
{
	for (size_t i = 0; i < r->clients_n; i++)
		if (ip_prefix_contains(&r->clients[i], &f->client))
			return true;
	return r->clients_n == 0;
}

static bool port_holds(const struct route *r, const struct route_facts *f)
{
	for (size_t i = 0; i < r->ports_n; i++)
		if (r->ports[i] == f->port)
			return true;
	return r->ports_n == 0;
}

static bool conditions_hold(const struct route *r, const struct route_facts *f)
{
	if (!methods_hold(r, f) || !client_holds(r, f) || !port_holds(r, f))
		return false;
	if (f->secure && leads_to_tls(r))
		return false;
	for (size_t i = 0; i < r->fields_n; i++)
		if (!field_holds(&r->fields[i], f))
			return false;
	for (size_t i = 0; i < r->query_n; i++)
		if (!argument_holds(&r->query[i], f))
			return false;
	return true;
}

/* True with no route: it could not be found out, and the search ends. */
static bool regex_fits(const struct entry *e, const struct route_facts *f, struct route_found *ret)
{
	ret->pattern = e->path;
	ret->matched = f->path;
	if (!conditions_hold(e->route, f))
		return false;
	enum err err =
		regex_match(e->regex, f->path, ret->captures, ROUTE_CAPTURES_MAX, &ret->captures_n);
	if (err == ERR_LIMIT)
		ret->route = NULL;
	return err != ERR_ABSENT;
}

static bool entry_fits(const struct entry *e, const struct route_facts *f, struct route_found *ret)
{
	*ret = (struct route_found){.route = e->route, .matched = e->pattern.head};
	if (e->pattern.kind == PATTERN_NAMES) {
		ret->pattern = e->path;
		ret->matched = f->path;
		if (!pattern_fits(e->path, f->path, ret->captures, ROUTE_CAPTURES_MAX,
				  &ret->captures_n))
			return false;
	}
	if (e->pattern.kind == PATTERN_REGEX)
		return regex_fits(e, f, ret);
	return conditions_hold(e->route, f);
}

/* Of the node with that head: the exact ones, or the others. */
static bool find_in_node(const struct group *g, struct span head, bool exact,
			 const struct route_facts *f, struct route_found *ret)
{
	const struct node *node =
		table_find(&g->nodes, table_hash(&g->nodes, head), head.data, head.len);
	for (size_t i = 0; node && i < node->entries_n; i++)
		if ((node->entries[i].pattern.kind == PATTERN_EXACT) == exact &&
		    entry_fits(&node->entries[i], f, ret))
			return true;
	return false;
}

static bool find_in_group(const struct group *g, const struct route_facts *f,
			  struct route_found *ret)
{
	if (!g)
		return false;
	struct span head = f->path;
	if (head.len == 0 || head.data[0] != '/') /* "*", or CONNECT */
		return find_in_node(g, span_text(""), false, f, ret);
	if (find_in_node(g, head, true, f, ret))
		return true;
	if (g->has_regex && find_in_node(g, span_text("~"), false, f, ret))
		return true;
	if (head.data[head.len - 1] == '/')
		head.len--;
	size_t depth = depth_of(head);
	for (;;) {
		if (depth <= g->depth_max && find_in_node(g, head, false, f, ret))
			return true;
		if (head.len == 0)
			return false;
		while (head.data[--head.len] != '/')
			;
		depth--;
	}
}

static const struct group *group_of(const struct route_table *t, struct span host)
{
	return table_find(&t->hosts, table_hash(&t->hosts, host), host.data, host.len);
}

static bool find_by_regex(const struct route_table *t, const struct route_facts *f,
			  struct route_found *ret)
{
	for (size_t i = 0; i < t->regexes_n; i++) {
		size_t n;
		enum err e = regex_match(t->regexes[i]->regex, f->host, NULL, 0, &n);
		if (e == ERR_LIMIT) {
			ret->route = NULL;
			return true;
		}
		if (e == OK && find_in_group(t->regexes[i], f, ret))
			return true;
	}
	return false;
}

static bool find(const struct route_table *t, const struct route_facts *f, struct route_found *ret)
{
	struct span host = f->host;
	bool named = host.len && host.data[0] != '.' && host.len <= ROUTE_HOST_MAX;
	if (named && find_in_group(group_of(t, host), f, ret))
		return true;
	for (size_t at = 1; named && t->has_wildcards && at < host.len; at++)
		if (host.data[at] == '.' &&
		    find_in_group(group_of(t, span_sub(host, at, host.len)), f, ret))
			return true;
	return (named && find_by_regex(t, f, ret)) ||
	       find_in_group(group_of(t, span_text("")), f, ret);
}

bool route_find(const struct route_table *t, const struct route_facts *f, struct route_found *ret)
{
	struct route_found found;
	if (!find(t, f, &found) || !found.route)
		return false;
	*ret = found;
	return true;
}

bool route_capture(const struct route_found *found, struct span name, struct span *ret)
{
	struct span rest = span_text(found->pattern ? found->pattern : ""), one;
	uint64_t number;
	if (rest.len && rest.data[0] == '~') {
		if (!span_to_u64(name, found->captures_n, &number) || number == 0)
			return false;
		*ret = found->captures[number - 1];
		return true;
	}
	for (size_t i = 0; i < found->captures_n && pattern_next_name(&rest, &one); i++)
		if (span_equal(one, name)) {
			*ret = found->captures[i];
			return true;
		}
	return false;
}
