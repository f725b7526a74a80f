#include "import/yaml_out.h"

#include "import/site.h"
#include "import/yaml_option.h"
#include "import/yaml_scalar.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

static void key(struct writer *w, unsigned depth, const char *name)
{
	import_yaml_indent(w, depth);
	write_format(w, "%s: ", name);
}

static void line_duration(struct writer *w, unsigned depth, const char *name, uint64_t seconds)
{
	static const struct {
		uint32_t seconds;
		char unit;
	} units[] = {{604800, 'w'}, {86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t u = 0;

	if (!seconds)
		return;
	while (seconds % units[u].seconds)
		u++;
	key(w, depth, name);
	write_format(w, "%llu%c\n", (unsigned long long)(seconds / units[u].seconds),
		     units[u].unit);
}

static void scope(struct import_site *s, struct writer *w, unsigned depth,
		  const struct import_scope *c, bool ipv6)
{
	line_duration(w, depth, ipv6 ? "valid" : "lease-time", c->lease_s);
	if (ipv6) {
		line_duration(w, depth, "preferred", c->preferred_s);
		line_duration(w, depth, "renew", c->renew_s);
		line_duration(w, depth, "rebind", c->rebind_s);
	} else {
		line_duration(w, depth, "lease-time-min", c->lease_min_s);
		line_duration(w, depth, "lease-time-max", c->lease_max_s);
		line_duration(w, depth, "renew-time", c->renew_s);
		line_duration(w, depth, "rebind-time", c->rebind_s);
		import_yaml_line(w, depth, "next-server", c->next_server);
		import_yaml_line(w, depth, "server-name", c->server_name);
		import_yaml_line(w, depth, "boot-file", c->boot_file);
	}
	import_yaml_options(s, w, depth, &c->options, ipv6);
}

/* --- networks --- */

static void pools(struct import_site *s, struct writer *w, unsigned depth,
		  const struct import_network *n, bool ipv6)
{
	static const char *const words[] = {"dynamic", "automatic", "fixed"};

	if (!n->pools)
		return;
	import_yaml_indent(w, depth);
	write_text(w, "pools:\n");
	for (const struct import_pool *p = n->pools; p; p = p->next) {
		import_yaml_indent(w, depth + 1);
		struct span range =
			p->last.len && !span_equal(p->first, p->last)
				? import_format(s, "%.*s-%.*s", TEXT(p->first), TEXT(p->last))
				: p->first;
		write_text(w, "- range: ");
		import_yaml_scalar(w, range);
		write_u8(w, '\n');
		import_yaml_line(w, depth + 2, "allocate", span_text(words[p->allocate]));
		if (!ipv6) {
			import_yaml_list(w, depth + 2, "classes", &p->classes);
			scope(s, w, depth + 2, &p->scope, ipv6);
		} else if (p->classes.first || p->scope.options.first || p->scope.lease_s) {
			import_note(s, p->line,
				    "what a pool of IPv6 says of classes, options or times "
				    "is not carried over: write it at its network");
		}
	}
}

static void reservations(struct import_site *s, struct writer *w, unsigned depth,
			 const struct import_network *n, bool ipv6)
{
	if (!n->reservations)
		return;
	import_yaml_indent(w, depth);
	write_text(w, "reservations:\n");
	for (const struct import_reservation *r = n->reservations; r; r = r->next) {
		const struct {
			const char *name;
			struct span value;
		} fields[] = {
			{"mac", r->mac},
			{"client-id", r->client_id},
			{"duid", r->duid},
			{"circuit-id", r->circuit_id},
			{"remote-id", r->remote_id},
			{"address", r->address},
			{"prefix", r->prefix},
			{"name", r->name},
		};
		bool first = true;
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
			if (!fields[i].value.len)
				continue;
			import_yaml_indent(w, depth + 1);
			write_format(w, "%s%s: ", first ? "- " : "  ", fields[i].name);
			import_yaml_scalar(w, fields[i].value);
			write_u8(w, '\n');
			first = false;
		}
		if (!first)
			scope(s, w, depth + 2, &r->scope, ipv6);
	}
}

static void prefix_pools(struct writer *w, unsigned depth, const struct import_network *n)
{
	if (!n->prefix_pools)
		return;
	import_yaml_indent(w, depth);
	write_text(w, "prefix-pools:\n");
	for (const struct import_prefix_pool *p = n->prefix_pools; p; p = p->next) {
		import_yaml_indent(w, depth + 1);
		write_text(w, "- prefix: ");
		import_yaml_scalar(w, p->prefix);
		write_u8(w, '\n');
		import_yaml_indent(w, depth + 2);
		write_format(w, "delegated-length: %llu\n", (unsigned long long)p->delegated);
	}
}

static void networks(struct import_site *s, struct writer *w, unsigned depth,
		     const struct import_network *first, bool ipv6)
{
	if (!first)
		return;
	import_yaml_indent(w, depth);
	write_text(w, "networks:\n");
	for (const struct import_network *n = first; n; n = n->next) {
		import_yaml_indent(w, depth + 1);
		write_text(w, "- subnet: ");
		import_yaml_scalar(w, n->subnet);
		write_u8(w, '\n');
		import_yaml_line(w, depth + 2, "interface", n->interface);
		import_yaml_line(w, depth + 2, "link", n->link);
		if (!ipv6 && n->authoritative != n->not_authoritative)
			import_yaml_line(w, depth + 2, "authoritative",
					 span_text(n->authoritative ? "on" : "off"));
		if (!ipv6 && s->no_probe)
			import_yaml_line(w, depth + 2, "probe", span_text("off"));
		if (n->rapid_commit || (!ipv6 && s->rapid_commit))
			import_yaml_line(w, depth + 2, "rapid-commit", span_text("on"));
		scope(s, w, depth + 2, &n->scope, ipv6);
		pools(s, w, depth + 2, n, ipv6);
		prefix_pools(w, depth + 2, n);
		reservations(s, w, depth + 2, n, ipv6);
	}
}

static void classes(struct import_site *s, struct writer *w, unsigned depth)
{
	const struct import_class *first = s->classes;

	while (first && !first->matches)
		first = first->next;
	if (!first)
		return;
	import_yaml_indent(w, depth);
	write_text(w, "classes:\n");
	for (const struct import_class *c = first; c; c = c->next) {
		/* A note says that it lacks a condition. */
		if (!c->matches)
			continue;
		import_yaml_indent(w, depth + 1);
		write_text(w, "- name: ");
		import_yaml_scalar(w, c->name);
		write_u8(w, '\n');
		import_yaml_indent(w, depth + 2);
		write_text(w, "match:\n");
		for (const struct import_match *m = c->matches; m; m = m->next) {
			bool seen = false;
			for (const struct import_match *b = c->matches; b != m; b = b->next)
				seen |= strcmp(b->key, m->key) == 0;
			if (seen)
				continue;
			struct import_texts values = {.first = NULL};
			for (const struct import_match *a = m; a; a = a->next)
				if (strcmp(a->key, m->key) == 0)
					import_text_add(s, &values, a->value);
			import_yaml_indent(w, depth + 3);
			write_text(w, m->key);
			write_text(w, ": [");
			for (const struct import_text *t = values.first; t; t = t->next) {
				import_yaml_scalar(w, t->text);
				write_text(w, t->next ? ", " : "]\n");
			}
		}
		scope(s, w, depth + 2, &c->scope, false);
	}
}

static void relays(struct writer *w, unsigned depth, const struct import_site *s)
{
	if (!s->relays)
		return;
	import_yaml_indent(w, depth);
	write_text(w, "relay:\n");
	for (const struct import_relay *r = s->relays; r; r = r->next) {
		import_yaml_indent(w, depth + 1);
		write_text(w, "- interface: ");
		import_yaml_scalar(w, r->interface);
		write_u8(w, '\n');
		import_yaml_list(w, depth + 2, "servers", &r->servers);
	}
}

/* Router advertisements belong to an interface; the only one of the file where it names none. */
static void advertisements(struct import_site *s, struct writer *w, unsigned depth)
{
	const struct import_text *only = s->interfaces.first;
	bool any = false;

	for (const struct import_network *n = s->networks6; n; n = n->next) {
		struct span interface = n->interface;
		bool seen = false;
		if (!n->advertise && !s->advertise)
			continue;
		if (!interface.len && only && !only->next)
			interface = only->text;
		if (!interface.len) {
			import_note(s, n->line,
				    "router advertisements: write under `advertise` of "
				    "which interface");
			continue;
		}
		for (const struct import_network *b = s->networks6; b != n; b = b->next)
			seen |= (b->advertise || s->advertise) &&
				(span_equal(b->interface, interface) || !b->interface.len);
		if (seen)
			continue;
		if (!any) {
			import_yaml_indent(w, depth);
			write_text(w, "advertise:\n");
		}
		any = true;
		import_yaml_indent(w, depth + 1);
		write_text(w, "- interface: ");
		import_yaml_scalar(w, interface);
		write_u8(w, '\n');
		if (n->pools)
			import_yaml_line(w, depth + 2, "managed", span_text("on"));
	}
}

void import_yaml_write(struct import_site *s, struct writer *w)
{
	write_text(w, "dhcp:\n");
	import_yaml_list(w, 1, "interfaces", &s->interfaces);
	if (s->leases_max)
		write_format(w, "  leases-max: %llu\n", (unsigned long long)s->leases_max);
	if (s->networks && !s->authoritative)
		import_yaml_line(w, 1, "authoritative", span_text("off"));
	scope(s, w, 1, &s->scope, false);
	classes(s, w, 1);
	networks(s, w, 1, s->networks, false);
	relays(w, 1, s);
	if (s->networks6) {
		write_text(w, "  ipv6:\n");
		scope(s, w, 2, &s->scope6, true);
		networks(s, w, 2, s->networks6, true);
		advertisements(s, w, 2);
	} else if (s->scope6.options.first) {
		import_note(s, s->scope6.options.first->line,
			    "options of DHCPv6 without a network of IPv6 are left out");
	}
	import_notes_sort(s);
}
