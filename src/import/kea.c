/* Kea's configuration: a map Dhcp4, Dhcp6 or both, in JSON with comments. */
#include "import/formats.h"
#include "import/json_tree.h"
#include "import/kea_class.h"
#include "import/site.h"

#include "base/writer.h"
#include "proto/dhcp/option.h"
#include "proto/dhcp6/option.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

struct file {
	struct import_site *site;
	struct json_tree tree;
	const struct yaml_node *server; /* Dhcp4 or Dhcp6 */
	bool ipv6;
};

/* Notes each key of the map that is not in `known` (ended by NULL). */
static void note_unknown(struct file *f, const struct yaml_node *n, const char *const *known,
			 const char *where)
{
	if (!n || n->kind != YAML_MAP)
		return;
	for (const struct yaml_node *k = yaml_first(&f->tree.yaml, n), *v; k;
	     k = yaml_next(&f->tree.yaml, v)) {
		const char *const *w = known;
		v = yaml_next(&f->tree.yaml, k);
		if (!v)
			return;
		while (*w && !span_is(k->text, *w))
			w++;
		if (!*w)
			import_note(f->site, json_tree_line(&f->tree, k),
				    "%.*s of %s is not carried over", TEXT(k->text), where);
	}
}

/* --- options --- */

static bool is_own_space(struct span space)
{
	return !space.len || span_is(space, "dhcp4") || span_is(space, "dhcp6");
}

/* What the file itself defines by that name or number; NULL: nothing. */
static const struct yaml_node *definition(const struct file *f, struct span name, uint64_t code)
{
	const struct yaml_node *d =
		json_tree_items(&f->tree, json_tree_get(&f->tree, f->server, "option-def"));

	for (; d; d = yaml_next(&f->tree.yaml, d)) {
		bool same = code ? json_tree_number(&f->tree, d, "code") == code
				 : span_equal(json_tree_text(&f->tree, d, "name"), name);
		if (same && is_own_space(json_tree_text(&f->tree, d, "space")))
			return d;
	}
	return NULL;
}

/* Our word for the type of a definition; NULL: a record, or none that is known. */
static const char *definition_type(const struct file *f, const struct yaml_node *d)
{
	static const struct {
		const char *kea, *one, *array;
	} types[] = {
		{"empty", "empty", NULL},
		{"binary", "hex", NULL},
		{"string", "text", NULL},
		{"boolean", "flag", NULL},
		{"uint8", "u8", "u8-list"},
		{"uint16", "u16", "u16-list"},
		{"uint32", "u32", "u32-list"},
		{"int32", "s32", NULL},
		{"fqdn", "name", "names"},
		{"ipv4-address", "address", "addresses"},
		{"ipv6-address", "address", "addresses"},
	};
	struct span type = json_tree_text(&f->tree, d, "type");
	bool array = json_tree_true(&f->tree, d, "array");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_is(type, types[i].kea))
			return array ? types[i].array : types[i].one;
	return NULL;
}

static unsigned option_code(const struct file *f, const struct yaml_node *n,
			    const struct yaml_node *own)
{
	uint64_t code = json_tree_number(&f->tree, n, "code");

	if (!code && own)
		code = json_tree_number(&f->tree, own, "code");
	if (code)
		return code <= UINT16_MAX ? (unsigned)code : 0;
	struct span name = json_tree_text(&f->tree, n, "name");
	return f->ipv6 ? kea_option6(name) : kea_option(name);
}

/* `\,` is a comma that divides nothing. */
static struct span without_backslashes(struct import_site *s, struct span text)
{
	uint8_t out[1024];
	struct writer w = writer_of(out, sizeof(out));

	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '\\' || i + 1 == text.len || text.data[i + 1] != ',')
			write_u8(&w, text.data[i]);
	return writer_check(&w) ? text : import_copy(s, writer_span(&w));
}

static bool has_items(const struct file *f, const struct import_option *o, unsigned code)
{
	enum dhcp_option_type type;

	if (o->type)
		return !f->ipv6 && dhcp_option_type_by_name(span_text(o->type), &type)
			       ? dhcp_option_type_is_list(type)
			       : strcmp(o->type, "text") != 0;
	if (f->ipv6) {
		const struct dhcp6_option_info *six = dhcp6_option_by_code((uint16_t)code);
		return !six || dhcp6_option_type_is_list((enum dhcp6_option_type)six->type);
	}
	const struct dhcp_option_info *four = dhcp_option_by_code((uint8_t)code);
	return !four || dhcp_option_type_is_list((enum dhcp_option_type)four->type);
}

/* csv-format data: items between commas; a comma inside one is written `\,`. */
static void option_items(struct file *f, unsigned code, struct span data, struct import_option *o)
{
	if (!has_items(f, o, code)) {
		import_text_add(f->site, &o->values, without_backslashes(f->site, data));
		return;
	}
	while (data.len) {
		size_t n = 0;
		while (n < data.len && data.data[n] != ',')
			n += data.data[n] == '\\' && n + 1 < data.len ? 2 : 1;
		/* A route is `10.0.0.0/8 - 192.0.2.1`. */
		struct span item = span_trim(span_sub(data, 0, n));
		size_t dash = code == 121 && !f->ipv6 ? span_find(item, '-') : item.len;
		if (dash < item.len) {
			struct span to = span_trim(span_sub(item, 0, dash)),
				    via = span_trim(span_sub(item, dash + 1, item.len));
			item = import_format(f->site, "%.*s %.*s", TEXT(to), TEXT(via));
		}
		import_text_add(f->site, &o->values, without_backslashes(f->site, item));
		data = span_sub(data, n + 1, data.len);
	}
}

/* Octets in hexadecimal digits, or a text in single quotes. */
static void octets_take(struct file *f, struct span data, struct import_option *o)
{
	struct span hex = import_hex(f->site, data);
	bool text = data.len > 2 && data.data[0] == '\'' && data.data[data.len - 1] == '\'';

	o->hex = !text;
	if (text)
		o->type = "text";
	else if (!hex.len && data.len) {
		import_note(f->site, o->line, "no octets in hexadecimal: %.*s", TEXT(data));
		o->name = (struct span){0};
	}
	if (text)
		import_text_add(f->site, &o->values, span_sub(data, 1, data.len - 2));
	else if (hex.len)
		import_text_add(f->site, &o->values, span_sub(hex, 4, hex.len));
}

static void option_take(struct file *f, const struct yaml_node *n, struct import_options *to)
{
	struct span space = json_tree_text(&f->tree, n, "space"),
		    name = json_tree_text(&f->tree, n, "name"),
		    data = json_tree_text(&f->tree, n, "data");
	uint32_t line = json_tree_line(&f->tree, n);
	const struct yaml_node *own = definition(f, name, json_tree_number(&f->tree, n, "code"));
	unsigned code = option_code(f, n, own);
	bool octets = json_tree_get(&f->tree, n, "csv-format") &&
		      !json_tree_true(&f->tree, n, "csv-format");

	if (!is_own_space(space)) {
		import_note(f->site, line,
			    "an option of the space %.*s is not carried over: see "
			    "`vendor-options`",
			    TEXT(space));
		return;
	}
	if (!code) {
		import_note(f->site, line, "no option of that name: %.*s", TEXT(name));
		return;
	}
	if (own && !octets && !definition_type(f, own)) {
		import_note(f->site, line,
			    "option %u is of a type that is not carried over: write its octets",
			    code);
		return;
	}
	struct import_option *o = import_option_add(f->site, to, code, line);
	o->always = json_tree_true(&f->tree, n, "always-send");
	if (octets) {
		octets_take(f, data, o);
		return;
	}
	o->type = own ? definition_type(f, own) : NULL;
	option_items(f, code, data, o);
}

static void scope_take(struct file *f, const struct yaml_node *n, struct import_scope *to)
{
	const struct json_tree *t = &f->tree;

	for (const struct yaml_node *o = json_tree_items(t, json_tree_get(t, n, "option-data")); o;
	     o = yaml_next(&t->yaml, o))
		option_take(f, o, &to->options);
	to->lease_s = json_tree_number(t, n, "valid-lifetime");
	to->lease_min_s = json_tree_number(t, n, "min-valid-lifetime");
	to->lease_max_s = json_tree_number(t, n, "max-valid-lifetime");
	to->renew_s = json_tree_number(t, n, "renew-timer");
	to->rebind_s = json_tree_number(t, n, "rebind-timer");
	to->preferred_s = json_tree_number(t, n, "preferred-lifetime");
	to->next_server = import_copy(f->site, json_tree_text(t, n, "next-server"));
	to->boot_file = import_copy(f->site, json_tree_text(t, n, "boot-file-name"));
	to->server_name = import_copy(f->site, json_tree_text(t, n, "server-hostname"));
	if (span_is(to->next_server, "0.0.0.0"))
		to->next_server = (struct span){0};
}

#define SCOPE_KEYS                                                                                 \
	"option-data", "valid-lifetime", "min-valid-lifetime", "max-valid-lifetime",               \
		"renew-timer", "rebind-timer", "preferred-lifetime", "next-server",                \
		"boot-file-name", "server-hostname", "comment", "user-context"

/* --- networks --- */

static void classes_take(struct file *f, const struct yaml_node *n, struct import_texts *to)
{
	struct span one = json_tree_text(&f->tree, n, "client-class");

	if (one.len)
		import_text_add(f->site, to, one);
	for (const struct yaml_node *c = json_tree_items(
		     &f->tree, json_tree_get(&f->tree, n, "require-client-classes"));
	     c; c = yaml_next(&f->tree.yaml, c))
		import_note(f->site, json_tree_line(&f->tree, c),
			    "require-client-classes is not carried over: %.*s", TEXT(c->text));
}

/* "192.0.2.10 - 192.0.2.200" or "192.0.2.64/26". */
static void pool_take(struct file *f, struct import_network *net, const struct yaml_node *n)
{
	static const char *const known[] = {"pool", "client-class", "require-client-classes",
					    SCOPE_KEYS, NULL};
	struct span range = json_tree_text(&f->tree, n, "pool");
	size_t dash = span_find(range, '-');
	struct span first = span_trim(span_sub(range, 0, dash)),
		    last = span_trim(span_sub(range, dash + 1, range.len));
	struct import_pool *p =
		import_pool_add(f->site, net, first, last, json_tree_line(&f->tree, n));

	/* Kea gives a client its former address while its record is there. */
	p->allocate = IMPORT_AUTOMATIC;
	classes_take(f, n, &p->classes);
	scope_take(f, n, &p->scope);
	note_unknown(f, n, known, "a pool");
}

static void reservation_take(struct file *f, struct import_network *net, const struct yaml_node *n)
{
	static const char *const known[] = {"hw-address", "client-id", "duid",	   "circuit-id",
					    "ip-address", "hostname",  "prefixes", "ip-addresses",
					    SCOPE_KEYS,	  NULL};
	const struct json_tree *t = &f->tree;
	struct import_reservation *r = import_reservation_add(f->site, net, json_tree_line(t, n));
	const struct yaml_node *many = json_tree_items(t, json_tree_get(t, n, "ip-addresses")),
			       *prefix = json_tree_items(t, json_tree_get(t, n, "prefixes"));

	r->mac = import_copy(f->site, json_tree_text(t, n, "hw-address"));
	r->client_id = import_hex(f->site, json_tree_text(t, n, "client-id"));
	r->duid = import_copy(f->site, json_tree_text(t, n, "duid"));
	r->circuit_id = kea_identity(f->site, json_tree_text(t, n, "circuit-id"));
	r->address = import_copy(f->site, many ? many->text : json_tree_text(t, n, "ip-address"));
	r->prefix = import_copy(f->site, prefix ? prefix->text : (struct span){0});
	r->name = import_copy(f->site, json_tree_text(t, n, "hostname"));
	scope_take(f, n, &r->scope);
	note_unknown(f, n, known, "a reservation");
	if ((many && yaml_next(&t->yaml, many)) || (prefix && yaml_next(&t->yaml, prefix)))
		import_note(f->site, r->line, "several addresses or prefixes: the first was kept");
}

static void prefix_pool_take(struct file *f, struct import_network *net, const struct yaml_node *n)
{
	struct span prefix = json_tree_text(&f->tree, n, "prefix");
	uint64_t len = json_tree_number(&f->tree, n, "prefix-len"),
		 delegated = json_tree_number(&f->tree, n, "delegated-len");

	import_prefix_pool_add(
		f->site, net,
		import_format(f->site, "%.*s/%llu", TEXT(prefix), (unsigned long long)len),
		delegated, json_tree_line(&f->tree, n));
	if (json_tree_get(&f->tree, n, "excluded-prefix"))
		import_note(f->site, json_tree_line(&f->tree, n),
			    "excluded-prefix is not carried over");
}

/* Said of a network, or of a shared network for those of its own that say nothing. */
static void authority_take(struct file *f, const struct yaml_node *n, struct import_network *net)
{
	if (net->authoritative || net->not_authoritative ||
	    !json_tree_get(&f->tree, n, "authoritative"))
		return;
	net->authoritative = json_tree_true(&f->tree, n, "authoritative");
	net->not_authoritative = !net->authoritative;
}

static void network_take(struct file *f, const struct yaml_node *n, struct span link)
{
	static const char *const known[] = {
		"subnet",	"interface",	"pools",    "reservations",  "pd-pools", "id",
		"rapid-commit", "client-class", SCOPE_KEYS, "authoritative", NULL};
	const struct json_tree *t = &f->tree;
	struct import_network *net = import_network_add(
		f->site, f->ipv6, json_tree_text(t, n, "subnet"), json_tree_line(t, n));

	net->interface = import_copy(f->site, json_tree_text(t, n, "interface"));
	net->link = import_copy(f->site, link);
	net->rapid_commit = json_tree_true(t, n, "rapid-commit");
	authority_take(f, n, net);
	scope_take(f, n, &net->scope);
	for (const struct yaml_node *p = json_tree_items(t, json_tree_get(t, n, "pools")); p;
	     p = yaml_next(&t->yaml, p))
		pool_take(f, net, p);
	for (const struct yaml_node *p = json_tree_items(t, json_tree_get(t, n, "pd-pools")); p;
	     p = yaml_next(&t->yaml, p))
		prefix_pool_take(f, net, p);
	for (const struct yaml_node *r = json_tree_items(t, json_tree_get(t, n, "reservations")); r;
	     r = yaml_next(&t->yaml, r))
		reservation_take(f, net, r);
	if (json_tree_text(t, n, "client-class").len)
		for (struct import_pool *p = net->pools; p; p = p->next)
			if (!p->classes.first)
				import_text_add(f->site, &p->classes,
						json_tree_text(t, n, "client-class"));
	note_unknown(f, n, known, "a subnet");
}

static void shared_take(struct file *f, const struct yaml_node *n)
{
	static const char *const known[] = {
		"name",		"subnet4",	 "subnet6",  "interface",
		"rapid-commit", "authoritative", SCOPE_KEYS, NULL};
	const struct json_tree *t = &f->tree;
	struct import_scope scope = {.lease_s = 0};
	struct import_network *net = f->ipv6 ? f->site->networks6_last : f->site->networks_last;

	scope_take(f, n, &scope);
	for (const struct yaml_node *s =
		     json_tree_items(t, json_tree_get(t, n, f->ipv6 ? "subnet6" : "subnet4"));
	     s; s = yaml_next(&t->yaml, s))
		network_take(f, s, json_tree_text(t, n, "name"));
	net = net ? net->next : f->ipv6 ? f->site->networks6 : f->site->networks;
	for (; net; net = net->next) {
		import_scope_inherit(f->site, &net->scope, &scope);
		if (!net->interface.len)
			net->interface = import_copy(f->site, json_tree_text(t, n, "interface"));
		net->rapid_commit |= json_tree_true(t, n, "rapid-commit");
		authority_take(f, n, net);
	}
	note_unknown(f, n, known, "a shared network");
}

/* --- the whole --- */

static void class_take(struct file *f, const struct yaml_node *n)
{
	static const char *const known[] = {"name", "test", SCOPE_KEYS, NULL};
	struct span name = json_tree_text(&f->tree, n, "name");

	/* Its tests and its options go by the numbers of DHCPv6. */
	if (f->ipv6) {
		import_note(f->site, json_tree_line(&f->tree, n),
			    "the class %.*s of Dhcp6 is not carried over: write it under `ipv6`, "
			    "in `classes`",
			    TEXT(name));
		return;
	}
	struct import_class *c = import_class_add(f->site, name, json_tree_line(&f->tree, n));
	if (!kea_test_take(f->site, c, json_tree_text(&f->tree, n, "test"))) {
		/* The half of it would let in others than the whole. */
		c->matches = c->matches_last = NULL;
		c->told = true;
		import_note(f->site, c->line,
			    "the test of the class %.*s is not carried over: write its `match`",
			    TEXT(c->name));
	}
	scope_take(f, n, &c->scope);
	note_unknown(f, n, known, "a class");
}

static void interfaces_take(struct file *f)
{
	const struct json_tree *t = &f->tree;
	const struct yaml_node *config = json_tree_get(t, f->server, "interfaces-config");

	/* All of them is what ours has where the list is empty. */
	for (const struct yaml_node *i = json_tree_items(t, json_tree_get(t, config, "interfaces"));
	     i; i = yaml_next(&t->yaml, i))
		if (span_is(i->text, "*"))
			return;
	for (const struct yaml_node *i = json_tree_items(t, json_tree_get(t, config, "interfaces"));
	     i; i = yaml_next(&t->yaml, i)) {
		size_t slash = span_find(i->text, '/'); /* eth0/192.0.2.1 */
		import_text_add(f->site, &f->site->interfaces, span_sub(i->text, 0, slash));
	}
}

static void server_take(struct file *f)
{
	static const char *const known[] = {
		"interfaces-config", "subnet4",	   "subnet6",	   "shared-networks",
		"client-classes",    "option-def", "reservations", "authoritative",
		SCOPE_KEYS,	     NULL};
	const struct json_tree *t = &f->tree;

	interfaces_take(f);
	scope_take(f, f->server, f->ipv6 ? &f->site->scope6 : &f->site->scope);
	f->site->authoritative |= json_tree_true(t, f->server, "authoritative");
	for (const struct yaml_node *c =
		     json_tree_items(t, json_tree_get(t, f->server, "client-classes"));
	     c; c = yaml_next(&t->yaml, c))
		class_take(f, c);
	for (const struct yaml_node *n = json_tree_items(
		     t, json_tree_get(t, f->server, f->ipv6 ? "subnet6" : "subnet4"));
	     n; n = yaml_next(&t->yaml, n))
		network_take(f, n, (struct span){0});
	for (const struct yaml_node *n =
		     json_tree_items(t, json_tree_get(t, f->server, "shared-networks"));
	     n; n = yaml_next(&t->yaml, n))
		shared_take(f, n);
	for (const struct yaml_node *r =
		     json_tree_items(t, json_tree_get(t, f->server, "reservations"));
	     r; r = yaml_next(&t->yaml, r))
		reservation_take(f, NULL, r);
	note_unknown(f, f->server, known, f->ipv6 ? "Dhcp6" : "Dhcp4");
}

enum err import_kea(struct span text, struct import_site *s)
{
	if (text.len > IMPORT_FILE_MAX)
		return ERR_LIMIT;
	struct file f = {.site = s};
	enum err e = json_tree_read(text, s, &f.tree);
	if (e)
		return e;
	const struct yaml_node *root =
		f.tree.yaml.root ? &f.tree.yaml.nodes[f.tree.yaml.root] : NULL;
	const struct yaml_node *four = json_tree_get(&f.tree, root, "Dhcp4"),
			       *six = json_tree_get(&f.tree, root, "Dhcp6");
	if ((f.server = four))
		server_take(&f);
	f.ipv6 = true;
	if ((f.server = six))
		server_take(&f);
	if (!four && !six)
		import_note(s, 1, "expected a map with Dhcp4 or Dhcp6");
	json_tree_done(&f.tree);
	import_site_settle(s);
	return s->failed ? ENOMEM : four || six ? OK : ERR_FORMAT;
}
