/* Who is let in at a place: addresses, rates, passwords, another server that is asked. What of
 * these cannot be carried over lets nobody in rather than everybody. Methods (limit_except) and
 * clients' certificates (ssl_verify_client) are none of them: they are notes. */
#include "import/nginx_inner.h"

#include "proto/ip/prefix.h"

static void deny_all(struct nginx *n, struct out_node *guard)
{
	struct out_node *deny = out_find(guard, "deny");
	if (!deny)
		deny = out_list(n->s, guard, "deny");
	out_item(n->s, deny, span_text("0.0.0.0/0"));
	out_item(n->s, deny, span_text("::/0"));
}

/* ---- addresses ---- */

static bool overlaps(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return ip_prefix_contains(a, &b->address) || ip_prefix_contains(b, &a->address);
}

struct access {
	struct out_node *allow, *deny;
	struct ip_prefix allowed[256];
	size_t allowed_n;
	bool closed; /* deny all: what is not allowed by now is denied */
	bool open;   /* allow all */
};

static void rule(struct nginx *n, struct nginx_directive *d, bool allow, struct access *a)
{
	struct span text = nginx_arg(d, 0);
	struct ip_prefix prefix;
	d->used = true;
	if (a->closed || a->open)
		return; /* nothing comes behind it */
	if (span_is(text, "all")) {
		*(allow ? &a->open : &a->closed) = true;
		return;
	}
	if (ip_prefix_parse_masked(text, &prefix) != OK) {
		nginx_note(n->s, d, "no network: %.*s%s", SPAN(text),
			   allow ? "" : "; it is let in until that is mended");
		return;
	}
	for (size_t i = 0; !allow && i < a->allowed_n; i++)
		if (overlaps(&a->allowed[i], &prefix)) {
			nginx_note(n->s, d,
				   "here `deny` comes before every `allow`: less is let in");
			break;
		}
	if (allow && a->allowed_n < 256)
		a->allowed[a->allowed_n++] = prefix;
	char at[IP_PREFIX_TEXT_MAX];
	(void)ip_prefix_format(&prefix, at);
	out_item(n->s, allow ? a->allow : a->deny, span_text(at));
}

/* Both are one list: the first that matches counts. */
static void addresses(struct nginx *n, struct nginx_directive *at, struct out_node *guard)
{
	struct nginx_directive *block = at;
	while (block && !nginx_own(block, "allow") && !nginx_own(block, "deny"))
		block = block->parent;
	if (!block)
		return;
	struct access a = {.allow = out_list(n->s, NULL, "allow"),
			   .deny = out_list(n->s, NULL, "deny")};
	for (struct nginx_directive *d = block->first; d; d = d->next)
		if (span_is(d->name, "allow") || span_is(d->name, "deny"))
			rule(n, d, span_is(d->name, "allow"), &a);
	if (a.deny->first)
		out_share(n->s, out_list(n->s, guard, "deny"), a.deny);
	if (a.closed && a.allow->first)
		out_share(n->s, out_list(n->s, guard, "allow"), a.allow);
	else if (a.closed)
		deny_all(n, guard);
}

/* ---- rates ---- */

static struct nginx_directive *zone_of(const struct nginx *n, const char *kind, struct span name)
{
	for (struct nginx_directive *d = nginx_own(n->http, kind); d; d = nginx_same(d)) {
		struct span zone;
		if (nginx_option(d, "zone=", &zone) &&
		    span_equal(span_sub(zone, 0, span_find(zone, ':')), name))
			return d;
	}
	return NULL;
}

enum { NAME_MOST = 90 };

/* False: there is no counterpart. */
static bool key_of(struct nginx *n, struct span key, struct span *ret)
{
	if (span_is(key, "$binary_remote_addr") || span_is(key, "$remote_addr")) {
		*ret = span_text("client");
		return true;
	}
	if (span_is(key, "$server_name") || span_is(key, "$host")) {
		*ret = span_text("route");
		return true;
	}
	bool cookie = span_is(span_sub(key, 0, 8), "$cookie_");
	struct span name = span_sub(key, cookie ? 8 : 6, key.len);
	if ((!cookie && !span_is(span_sub(key, 0, 6), "$http_")) || name.len > NAME_MOST ||
	    span_find(name, '$') < name.len)
		return false;
	*ret = cookie ? import_format(n->s, "cookie %.*s", SPAN(name))
		      : import_format(n->s, "header %.*s", SPAN(nginx_field(n, name)));
	return true;
}

static void rate_add(struct nginx *n, struct nginx_directive *d, struct out_node *list)
{
	struct span name, rate, key, burst = {0};
	uint64_t number = 0;
	struct nginx_directive *zone =
		nginx_option(d, "zone=", &name) ? zone_of(n, "limit_req_zone", name) : NULL;
	if (!zone || !nginx_option(zone, "rate=", &rate)) {
		nginx_note(n->s, d, "there is no such zone");
		return;
	}
	bool minute = rate.len > 3 && span_is(span_sub(rate, rate.len - 3, 3), "r/m");
	bool second = rate.len > 3 && span_is(span_sub(rate, rate.len - 3, 3), "r/s");
	if (!key_of(n, nginx_arg(zone, 0), &key) || (!minute && !second)) {
		nginx_note(n->s, d, "requests cannot be counted by %.*s: there is no limit",
			   SPAN(nginx_arg(zone, 0)));
		return;
	}
	struct out_node *item = out_map(n->s, list, "");
	out_text(n->s, item, "limit",
		 import_format(n->s, "%.*s/%s", SPAN(span_sub(rate, 0, rate.len - 3)),
			       minute ? "m" : "s"));
	/* nginx lets one pass, and burst more at once. */
	if (nginx_option(d, "burst=", &burst) && !span_to_u64(burst, 999999, &number))
		nginx_note(n->s, d, "no number: %.*s", SPAN(burst));
	out_format(n->s, item, "burst", "%u", (unsigned)number + 1);
	if (!span_is(key, "client"))
		out_text(n->s, item, "by", key);
	if (number && !nginx_has(d, "nodelay"))
		nginx_note(n->s, d, "requests of the burst are not delayed here");
	if (!span_is(nginx_arg(nginx_find(d->parent, "limit_req_status"), 0), "429"))
		nginx_note(n->s, d, "too many are answered with 429");
}

static void rates(struct nginx *n, struct nginx_directive *at, struct out_node *guard)
{
	struct out_node *list = out_list(n->s, NULL, "rate");
	unsigned most = 0;
	for (struct nginx_directive *d = nginx_find(at, "limit_req"); d; d = nginx_same(d))
		if (++most <= 4)
			rate_add(n, d, list);
		else
			nginx_note(n->s, d, "a place has four rates at most");
	if (list->first)
		out_share(n->s, out_list(n->s, guard, "rate"), list);
	for (struct nginx_directive *d = nginx_find(at, "limit_conn"); d; d = nginx_same(d)) {
		struct nginx_directive *zone = zone_of(n, "limit_conn_zone", nginx_arg(d, 0));
		struct span by = nginx_arg(zone, 0);
		struct out_node *limits = out_find(n->out, "limits");
		uint64_t number;
		if ((!span_is(by, "$binary_remote_addr") && !span_is(by, "$remote_addr")) ||
		    !span_to_u64(nginx_arg(d, 1), 1 << 20, &number)) {
			nginx_note(n->s, d, "connections cannot be counted by %.*s", SPAN(by));
			continue;
		}
		nginx_note(n->s, d,
			   "the limit holds for all connections of a client, to any place");
		if (!limits)
			limits = out_map(n->s, n->out, "limits");
		if (!out_find(limits, "client-connections"))
			out_text(n->s, limits, "client-connections", nginx_arg(d, 1));
	}
}

/* ---- who they are ---- */

struct users {
	struct nginx *n;
	struct nginx_directive *d;
	struct out_node *list;
};

static bool is_record(struct span text)
{
	static const char *const begins[] = {"$2a$", "$2b$", "$2y$", "$y$", "$6$", "$argon2id$"};
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (span_is(span_sub(text, 0, strlen(begins[i])), begins[i]))
			return text.len < 128;
	return false;
}

static enum err users_read(void *arg, struct span path, struct span text)
{
	struct users *u = arg;
	(void)path;
	while (text.len) {
		size_t end = span_find(text, '\n');
		struct span line = span_trim(span_sub(text, 0, end));
		text = span_sub(text, end + 1, text.len);
		if (line.len && line.data[line.len - 1] == '\r')
			line.len--;
		size_t colon = span_find(line, ':');
		struct span name = span_sub(line, 0, colon),
			    record = span_sub(line, colon + 1, line.len);
		record = span_sub(record, 0, span_find(record, ':'));
		if (!line.len || line.data[0] == '#')
			continue;
		if (name.len == 0 || name.len > 128 || !is_record(record)) {
			nginx_note(u->n->s, u->d,
				   "%.*s has no record of a password that is taken here: make one "
				   "with "
				   "htpasswd -B",
				   SPAN(name));
			continue;
		}
		char key[129];
		if (span_to_cstr(name, key, sizeof(key)) && !out_find(u->list, key)) {
			struct out_node *user = out_named(u->n->s, u->list, OUT_MAP, name);
			out_text(u->n->s, user, "password", record);
		}
	}
	return OK;
}

static void passwords(struct nginx *n, struct nginx_directive *at, struct out_node *guard)
{
	struct nginx_directive *d = nginx_find(at, "auth_basic");
	struct nginx_directive *file = nginx_find(at, "auth_basic_user_file");
	if (!d || span_is(nginx_arg(d, 0), "off"))
		return;
	struct users u = {n, file ? file : d, out_map(n->s, NULL, "users")};
	if (!file || !n->files ||
	    n->files->read(n->files->arg, nginx_arg(file, 0), users_read, &u) != OK)
		nginx_note(n->s, u.d, "its users could not be read");
	if (!u.list->first) {
		nginx_note(n->s, u.d, "nobody is let in until `users` are written");
		deny_all(n, guard);
		return;
	}
	struct out_node *basic = out_map(n->s, guard, "basic");
	struct span realm;
	if (!memchr(nginx_arg(d, 0).data, '"', nginx_arg(d, 0).len) &&
	    nginx_text(n, d, nginx_arg(d, 0), NULL, &realm) && realm.len && realm.len <= 128)
		out_text(n->s, basic, "realm", realm);
	out_share(n->s, out_map(n->s, basic, "users"), u.list);
}

static void asked(struct nginx *n, const struct nginx_server *server, struct nginx_directive *at,
		  struct out_node *guard)
{
	struct nginx_directive *d = nginx_find(at, "auth_request"), *pass;
	struct span path = nginx_arg(d, 0);
	struct nginx_target target;
	if (!d || span_is(path, "off"))
		return;
	const struct nginx_place *place = nginx_pick(server, path);
	pass = place ? nginx_pass_of(place->at) : NULL;
	char key[80];
	if (!pass || !nginx_pass(n, pass, &target)) {
		nginx_note(n->s, d, "no server of ours is asked there: nobody is let in");
		deny_all(n, guard);
		return;
	}
	if (!span_to_cstr(target.to, key, sizeof(key)))
		return;
	if (!out_find(n->pools, key)) {
		struct out_node *pool = out_named(n->s, n->pools, OUT_MAP, target.to);
		struct out_node *servers = out_list(n->s, pool, "servers");
		struct out_node *one = out_map(n->s, servers, "");
		out_text(n->s, one, "address", target.to);
	}
	struct out_node *forward = out_map(n->s, guard, "forward");
	out_text(n->s, forward, "to", target.to);
	out_text(n->s, forward, "path", target.uri.len ? target.uri : path);
}

void nginx_guard(struct nginx *n, const struct nginx_server *server, struct nginx_directive *at,
		 struct out_node *body)
{
	struct out_node *guard = out_map(n->s, NULL, "guard");
	addresses(n, at, guard);
	rates(n, at, guard);
	passwords(n, at, guard);
	asked(n, server, at, guard);
	if (guard->first)
		out_share(n->s, out_map(n->s, body, "guard"), guard);
}
