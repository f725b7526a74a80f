/* From the routes of the configuration to those that requests are matched against. */
#include "proto/ip/prefix.h"
#include "service/reverse-proxy/conf.h"
#include "service/reverse-proxy/conf_errors.h"
#include "service/reverse-proxy/guard/guard.h"
#include "service/reverse-proxy/route/errors.h"
#include "service/reverse-proxy/route/route.h"

#include <stdlib.h>

/* Bytes of all compiled routes together; a route takes a few hundred. */
static const size_t memory_max = (size_t)1 << 30;

/* Is it the address of a server and no pool's name? */
static bool is_server(const struct reverse_conf *conf, const char *to, struct ip_endpoint *ret)
{
	return to && reverse_pool_find(conf, to) == SIZE_MAX &&
	       ip_endpoint_parse(span_text(to), 0, ret) == OK;
}

size_t reverse_route_pools(const struct reverse_conf *conf)
{
	const struct reverse_route_conf *routes = conf->routes.items;
	struct ip_endpoint e;
	size_t n = 0;
	for (size_t i = 0; i < conf->routes.n; i++)
		n += is_server(conf, routes[i].to, &e);
	return n;
}

bool reverse_route_pool(const struct reverse_conf *conf, size_t number, struct ip_endpoint *ret)
{
	const struct reverse_route_conf *routes = conf->routes.items;
	size_t n = conf->pools.n;
	for (size_t i = 0; i < conf->routes.n && number >= n; i++)
		if (is_server(conf, routes[i].to, ret) && n++ == number)
			return true;
	return false;
}

/* "NAME=VALUE" each. */
static enum err conditions_of(struct arena *a, const struct config_list *list,
			      const struct route_condition **ret, size_t *ret_n)
{
	struct route_condition *made = ARENA_ARRAY(a, struct route_condition, list->n + 1);
	if (!made)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		struct span s = span_text(((const char *const *)list->items)[i]);
		size_t equals = span_find(s, '=');
		made[i].name = arena_copy(a, span_sub(s, 0, equals));
		if (equals < s.len)
			made[i].value = arena_copy(a, span_sub(s, equals + 1, s.len));
		if (!made[i].name || (equals < s.len && !made[i].value))
			return (enum err)ENOMEM;
	}
	*ret = made;
	*ret_n = list->n;
	return OK;
}

/* text: judged by the configuration's checks; NULL gives NULL. */
static enum err text_of(struct arena *a, const char *text, const struct edit_text **ret)
{
	if (!text)
		return OK;
	struct edit_text *t = ARENA_NEW(a, struct edit_text);
	if (!t)
		return (enum err)ENOMEM;
	*ret = t;
	return edit_text_parse(text, true, t);
}

static enum err edit_of(struct arena *a, enum edit_kind kind, const char *line, struct edit *ret)
{
	struct span s = span_text(line);
	size_t colon = kind == EDIT_REMOVE ? s.len : span_find(s, ':');
	ret->kind = kind;
	ret->name = arena_copy(a, span_trim(span_sub(s, 0, colon)));
	const char *text = arena_copy(a, span_trim(span_sub(s, colon + 1, s.len)));
	if (!ret->name || !text)
		return (enum err)ENOMEM;
	return edit_text_parse(text, true, &ret->value);
}

static enum err edits_of(struct arena *a, const struct reverse_edits_conf *c,
			 const struct edit_list **ret)
{
	const struct config_list *const lists[] = {
		[EDIT_SET] = &c->set, [EDIT_ADD] = &c->add, [EDIT_REMOVE] = &c->remove};
	/* What is taken out must not take what is put in. */
	static const enum edit_kind order[] = {EDIT_REMOVE, EDIT_SET, EDIT_ADD};
	size_t n = c->set.n + c->add.n + c->remove.n;
	if (n == 0)
		return OK;
	struct edit_list *made = ARENA_NEW(a, struct edit_list);
	struct edit *items = ARENA_ARRAY(a, struct edit, n);
	if (!made || !items)
		return (enum err)ENOMEM;
	made->items = items;
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < lists[order[k]]->n; i++)
			TRY(edit_of(a, order[k], ((const char *const *)lists[order[k]]->items)[i],
				    &items[made->n++]));
	*ret = made;
	return OK;
}

/* "https", "https://www.home.arpa" (the path is kept), "https://www.home.arpa/new?x=1". */
static enum err redirect_of(struct arena *a, const struct reverse_redirect_conf *c,
			    struct route_redirect *ret)
{
	static const uint16_t statuses[] = {301, 302, 303, 307, 308};
	const char *host = strstr(c->to, "://");
	ret->status = statuses[c->status];
	ret->keep_path = host && !strchr(host + 3, '/');
	ret->keep_query = c->keep_query && !strchr(c->to, '?');
	if (strcmp(c->to, "https") == 0)
		return OK;
	return text_of(a, c->to, &ret->to);
}

static void when_of(const struct reverse_route_conf *c, struct route *ret)
{
	ret->hosts = c->host.items;
	ret->hosts_n = c->host.n;
	ret->paths = c->path.items;
	ret->paths_n = c->path.n;
	ret->methods = c->method.items;
	ret->methods_n = c->method.n;
	ret->clients = c->client.items;
	ret->clients_n = c->client.n;
	ret->ports = c->port.items;
	ret->ports_n = c->port.n;
}

static void files_of(const struct reverse_files_conf *c, struct route_files *ret)
{
	*ret = (struct route_files){.root = c->root,
				    .index = c->index.items,
				    .index_n = c->index.n,
				    .fallback = c->fallback,
				    .links = c->links,
				    .compressed = c->compressed,
				    .max_age_s = UINT32_MAX};
	if (c->has_max_age)
		ret->max_age_s = (uint32_t)(c->max_age_ms / 1000);
}

static enum err route_of(struct arena *a, const struct reverse_route_conf *c, struct route *ret)
{
	when_of(c, ret);
	TRY(conditions_of(a, &c->header, &ret->fields, &ret->fields_n));
	TRY(conditions_of(a, &c->query, &ret->query, &ret->query_n));
	ret->rewrite.strip = c->rewrite.strip;
	ret->rewrite.add = c->rewrite.add;
	TRY(text_of(a, c->rewrite.path, &ret->rewrite.path));
	TRY(text_of(a, c->rewrite.query, &ret->rewrite.query));
	TRY(text_of(a, c->rewrite.host, &ret->rewrite.host));
	TRY(edits_of(a, &c->request, &ret->request_edits));
	TRY(edits_of(a, &c->response, &ret->response_edits));
	ret->compress = c->compress;
	ret->body_max = c->body_max ? c->body_max : UINT64_MAX;
	ret->timeout_ms = (uint32_t)c->timeout_ms;
	if (c->redirect.to) {
		ret->action = ROUTE_REDIRECT;
		return redirect_of(a, &c->redirect, &ret->redirect);
	}
	if (c->files.root) {
		ret->action = ROUTE_FILES;
		ret->files_or_pool = c->to != NULL;
		files_of(&c->files, &ret->files);
	}
	if (c->answer.status) {
		ret->action = ROUTE_ANSWER;
		ret->answer =
			(struct route_answer){c->answer.status, c->answer.body, c->answer.type};
	}
	return OK;
}

/* The next guard; its pool is one of the configuration (reverse_route_check). */
static enum err guard_of(struct reverse_routes *r, const struct reverse_conf *conf,
			 const struct reverse_guard_conf *c, uint32_t *rate)
{
	struct guard_rules *rules = &r->guards[r->guards_n++];
	TRY(reverse_guard_rules(&r->memory, c, rate, rules));
	if (c->has_forward)
		rules->forward.pool = (uint32_t)reverse_pool_find(conf, c->forward.to);
	return OK;
}

/* Of the section and of each route that has its own. */
static enum err errors_fill(const struct reverse_conf *conf, struct reverse_routes *r)
{
	const struct reverse_route_conf *c = conf->routes.items;
	r->errors = ARENA_ARRAY(&r->memory, struct error_pages, conf->routes.n + 1);
	if (!r->errors)
		return (enum err)ENOMEM;
	TRY(reverse_error_pages(&r->memory, &conf->errors, &r->errors[r->errors_n++]));
	for (size_t i = 0; i < conf->routes.n; i++) {
		if (!c[i].has_errors)
			continue;
		r->routes[i].errors = (uint32_t)r->errors_n;
		TRY(reverse_error_pages(&r->memory, &c[i].errors, &r->errors[r->errors_n++]));
	}
	return OK;
}

static enum err routes_fill(const struct reverse_conf *conf, struct reverse_routes *r)
{
	const struct reverse_route_conf *c = conf->routes.items;
	size_t servers = conf->pools.n;
	uint32_t rate = 0;
	/* The section's own is number 0, and the last when no route has one. */
	r->guards = ARENA_ARRAY(&r->memory, struct guard_rules, conf->routes.n + 1);
	if (!r->guards)
		return (enum err)ENOMEM;
	TRY(guard_of(r, conf, &conf->guard, &rate));
	r->routes = ARENA_ARRAY(&r->memory, struct route, conf->routes.n + 1);
	if (!r->routes)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < conf->routes.n; i++) {
		struct route *to = &r->routes[r->routes_n++];
		struct ip_endpoint e;
		to->number = (uint32_t)i;
		TRY(route_of(&r->memory, &c[i], to));
		to->guard = conf->has_guard ? 0 : GUARD_NONE;
		if (c[i].has_guard) {
			to->guard = (uint32_t)r->guards_n;
			TRY(guard_of(r, conf, &c[i].guard, &rate));
		}
		if (is_server(conf, c[i].to, &e))
			to->pool = (uint32_t)servers++;
		else if (c[i].to)
			to->pool = (uint32_t)reverse_pool_find(conf, c[i].to);
	}
	TRY(errors_fill(conf, r));
	return route_table_new(r->routes, r->routes_n, &r->table);
}

enum err reverse_routes_new(const struct reverse_conf *conf, struct reverse_routes **ret)
{
	AUTO(reverse_routes_free) struct reverse_routes *r = calloc(1, sizeof(*r));
	if (!r)
		return (enum err)ENOMEM;
	arena_init(&r->memory, memory_max);
	TRY(routes_fill(conf, r));
	*ret = TAKE(r);
	return OK;
}

void reverse_routes_free(struct reverse_routes *r)
{
	if (!r)
		return;
	route_table_free(r->table);
	arena_done(&r->memory);
	free(r);
}
