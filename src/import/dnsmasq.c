/* dnsmasq.conf: a line is `keyword` or `keyword=value`, values are lists separated by commas. */
#include "import/dnsmasq_range.h"
#include "import/formats.h"
#include "import/site.h"

#include "proto/ip/address.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

/* --- dhcp-host --- */

static bool is_mac(struct span text)
{
	if (text.len < 11 || text.len > 47)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool hex = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
		if (i % 3 == 2 ? c != ':' : !hex)
			return false;
	}
	return text.len % 3 == 2;
}

static struct span unbracketed(struct span text)
{
	bool is = text.len > 2 && text.data[0] == '[' && text.data[text.len - 1] == ']';
	return is ? span_sub(text, 1, text.len - 2) : text;
}

struct host {
	struct span mac, id, name, set;
	struct span address[2]; /* IPv4, IPv6 */
	uint64_t lease_s;
	bool ignore, more_macs;
};

static void host_item(struct import_site *s, uint32_t line, struct span item, struct host *h)
{
	struct ip_address address;
	struct span rest;
	uint64_t lease_s;

	if (is_mac(item)) {
		h->more_macs |= h->mac.len != 0;
		h->mac = h->mac.len ? h->mac : item;
	} else if (dnsmasq_prefix(item, "id:", &rest))
		h->id = rest;
	else if (dnsmasq_prefix(item, "set:", &rest) || dnsmasq_prefix(item, "net:", &rest))
		h->set = rest;
	else if (dnsmasq_prefix(item, "tag:", &rest))
		import_note(s, line, "tag:%.*s: a reservation here is not limited to a class",
			    TEXT(rest));
	else if (!ip_address_parse(unbracketed(item), &address))
		h->address[address.family == 6] = unbracketed(item);
	else if (span_is(item, "ignore"))
		h->ignore = true;
	else if (dnsmasq_lease_time(item, &lease_s))
		h->lease_s = lease_s;
	else if (span_find(item, ':') == item.len && span_find(item, '*') == item.len)
		h->name = item;
	else
		import_note(s, line, "not understood in a host: %.*s", TEXT(item));
}

static void host_make(struct import_site *s, uint32_t line, const struct host *h,
		      struct span address, bool ipv6)
{
	struct import_reservation *r = import_reservation_add(s, NULL, line);

	if (h->id.len && !span_is(h->id, "*")) {
		if (ipv6)
			r->duid = import_copy(s, h->id);
		else if (span_find(h->id, ':') < h->id.len)
			r->client_id = import_hex(s, h->id);
		else
			r->client_id = import_copy(s, h->id);
	} else {
		r->mac = import_copy(s, h->mac);
	}
	r->address = import_copy(s, address);
	r->name = import_copy(s, h->name);
	r->scope.lease_s = h->lease_s;
	r->set = import_copy(s, h->set);
}

static void host(struct import_site *s, uint32_t line, struct span value)
{
	struct dnsmasq_list l = dnsmasq_list_of(value);
	struct host h = {.lease_s = 0};

	for (; l.item.len; dnsmasq_list_next(&l))
		host_item(s, line, l.item, &h);
	if (h.ignore) {
		import_note(s, line,
			    "a host that is to be ignored has no counterpart; a pool of "
			    "`allocate: fixed` answers only those who are listed");
		return;
	}
	if (!h.mac.len && (!h.id.len || span_is(h.id, "*"))) {
		import_note(s, line,
			    "a host known by its name alone is not carried over: names are "
			    "told by clients and prove nothing");
		return;
	}
	if (h.more_macs)
		import_note(s, line, "several MAC addresses share one address; the first was kept");
	if (h.address[0].len || !h.address[1].len)
		host_make(s, line, &h, h.address[0], false);
	if (h.address[1].len)
		host_make(s, line, &h, h.address[1], true);
}

/* --- classes --- */

static void match(struct import_site *s, uint32_t line, struct span value, const char *key)
{
	struct dnsmasq_list l = dnsmasq_list_of(value);
	struct span rest, name;

	if (!dnsmasq_prefix(l.item, "set:", &name) && !dnsmasq_prefix(l.item, "net:", &name))
		name = l.item;
	dnsmasq_list_next(&l);
	if (dnsmasq_prefix(l.item, "enterprise:", &rest)) {
		import_note(s, line,
			    "enterprise:%.*s: a vendor class of DHCPv6 is not carried over",
			    TEXT(rest));
		return;
	}
	struct span text = dnsmasq_list_rest(&l);
	bool relayed = strcmp(key, "circuit-id") == 0 || strcmp(key, "remote-id") == 0 ||
		       strcmp(key, "subscriber-id") == 0;
	if (relayed && span_find(text, ':') < text.len) {
		struct span octets = import_hex(s, text); /* with colons it is no text */
		text = octets.len ? octets : text;
	}
	bool substring = strcmp(key, "vendor-class") == 0 || strcmp(key, "user-class") == 0;
	/* dnsmasq looks for the text anywhere in the client's. */
	import_match_add(s, import_class_get(s, name, line), key,
			 substring ? import_format(s, "*%.*s*", TEXT(text)) : text);
}

/* 00:15:65:*:*:* as 00:15:65:*. */
static void match_mac(struct import_site *s, uint32_t line, struct span value)
{
	size_t star = span_find(value, '*');

	for (size_t i = star; i < value.len; i++)
		if (value.data[i] != '*' && value.data[i] != ':') {
			import_note(s, line, "a MAC address with a gap is not carried over: %.*s",
				    TEXT(value));
			return;
		}
	match(s, line, span_sub(value, 0, star + 1), "mac");
}

static void match_vendor(struct import_site *s, uint32_t line, struct span value)
{
	match(s, line, value, "vendor-class");
}

static void match_user(struct import_site *s, uint32_t line, struct span value)
{
	match(s, line, value, "user-class");
}

static void match_circuit(struct import_site *s, uint32_t line, struct span value)
{
	match(s, line, value, "circuit-id");
}

static void match_remote(struct import_site *s, uint32_t line, struct span value)
{
	match(s, line, value, "remote-id");
}

static void match_subscriber(struct import_site *s, uint32_t line, struct span value)
{
	match(s, line, value, "subscriber-id");
}

/* dhcp-match=set:efi64,option:client-arch,7 */
static void match_option(struct import_site *s, uint32_t line, struct span value)
{
	struct dnsmasq_list l = dnsmasq_list_of(value);
	struct span name, rest;

	if (!dnsmasq_prefix(l.item, "set:", &name))
		name = l.item;
	dnsmasq_list_next(&l);
	unsigned code = dnsmasq_prefix(l.item, "option:", &rest) ? dnsmasq_option(rest)
								 : dnsmasq_option(l.item);
	dnsmasq_list_next(&l);
	struct span text = dnsmasq_list_rest(&l);
	const char *key = code == 93   ? "architecture"
			  : code == 60 ? "vendor-class"
			  : code == 77 ? "user-class"
				       : NULL;
	if (key && text.len)
		import_match_add(s, import_class_get(s, name, line), key, text);
	else
		import_note(s, line, "a match on that option is not carried over: %.*s",
			    TEXT(value));
}

/* --- options --- */

static void routes_add(struct import_site *s, struct dnsmasq_list *l, struct import_option *o)
{
	while (l->item.len) {
		struct span to = l->item;
		dnsmasq_list_next(l);
		import_text_add(s, &o->values,
				import_format(s, "%.*s %.*s", TEXT(to), TEXT(l->item)));
		dnsmasq_list_next(l);
	}
}

/* 5b, 5s, 5i: a number with its width. */
static bool width_take(struct import_option *o, struct span *item)
{
	static const struct {
		char suffix;
		const char *type;
	} widths[] = {{'b', "u8"}, {'s', "u16"}, {'i', "u32"}};
	uint64_t number;

	if (item->len < 2 || !span_to_u64(span_sub(*item, 0, item->len - 1), UINT32_MAX, &number))
		return false;
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		if (item->data[item->len - 1] == widths[i].suffix) {
			o->type = widths[i].type;
			item->len--;
			return true;
		}
	return false;
}

static void option_values(struct import_site *s, bool six, unsigned code, struct dnsmasq_list *l,
			  struct import_option *o)
{
	if (!six && (code == 121 || code == 249)) {
		routes_add(s, l, o);
		return;
	}
	/* A comma is a part of what is in quotes, and of text where the option is known for it. */
	if (dnsmasq_option_is_text(six, code) && l->rest.len) {
		import_text_add(s, &o->values, dnsmasq_unescaped(s, dnsmasq_list_rest(l)));
		return;
	}
	for (; l->item.len; dnsmasq_list_next(l)) {
		struct span item = unbracketed(l->item);
		if (span_is(item, "0.0.0.0") || span_is(item, "::")) {
			import_note(s, o->line,
				    "%.*s stands for the server's own address in dnsmasq: write "
				    "the address",
				    TEXT(item));
			continue;
		}
		if (!l->quoted && !o->values.first && !l->rest.len && width_take(o, &item)) {
			import_text_add(s, &o->values, item);
			continue;
		}
		import_text_add(s, &o->values, l->quoted ? dnsmasq_unescaped(s, item) : item);
	}
}

/* Where the option is said: for all, or for those with the first tag. */
static struct import_options *option_place(struct import_site *s, uint32_t line, bool six,
					   const struct dnsmasq_tags *tags)
{
	const struct import_text *tag = tags->wanted.first;

	if (six && tag)
		import_note(s, line,
			    "tag:%.*s: an option of DHCPv6 was written for all: make a class "
			    "under `ipv6` for it",
			    TEXT(tag->text));
	if (six)
		return &s->scope6.options;
	if (!tag)
		return &s->scope.options;
	if (tag->next)
		import_note(s, line,
			    "an option under several tags was written for the first of them");
	return &import_class_get(s, tag->text, line)->scope.options;
}

static void option(struct import_site *s, uint32_t line, struct span value, bool always)
{
	struct dnsmasq_list l = dnsmasq_list_of(value);
	struct span rest;
	struct dnsmasq_tags tags;
	unsigned code;

	dnsmasq_tags_take(s, &l, &tags);
	bool six = dnsmasq_prefix(l.item, "option6:", &rest);
	if (dnsmasq_prefix(l.item, "encap:", &rest) || dnsmasq_prefix(l.item, "vi-encap:", &rest) ||
	    dnsmasq_prefix(l.item, "vendor:", &rest)) {
		import_note(s, line, "options inside of another option (%.*s) are not carried over",
			    TEXT(l.item));
		return;
	}
	if (!six && !dnsmasq_prefix(l.item, "option:", &rest))
		rest = l.item;
	code = six ? dnsmasq_option6(rest) : dnsmasq_option(rest);
	if (!code) {
		import_note(s, line, "no option of that name: %.*s", TEXT(rest));
		return;
	}
	dnsmasq_list_next(&l);
	struct import_option *o =
		import_option_add(s, option_place(s, line, six, &tags), code, line);
	o->always = always;
	bool some = l.item.len;
	option_values(s, six, code, &l, o);
	/* All of them had their notes; an empty list would have another. */
	if (some && !o->values.first)
		o->name = (struct span){0};
}

static void option_plain(struct import_site *s, uint32_t line, struct span value)
{
	option(s, line, value, false);
}

static void option_force(struct import_site *s, uint32_t line, struct span value)
{
	option(s, line, value, true);
}

/* --- the rest --- */

static void boot(struct import_site *s, uint32_t line, struct span value)
{
	struct dnsmasq_list l = dnsmasq_list_of(value);
	struct dnsmasq_tags tags;

	dnsmasq_tags_take(s, &l, &tags);
	struct import_scope *scope =
		tags.wanted.first ? &import_class_get(s, tags.wanted.first->text, line)->scope
				  : &s->scope;
	scope->boot_file = import_copy(s, l.item);
	dnsmasq_list_next(&l);
	scope->server_name = import_copy(s, l.item);
	dnsmasq_list_next(&l);
	scope->next_server = import_copy(s, l.item);
	if (!scope->next_server.len)
		import_note(s, line,
			    "dnsmasq names itself as the boot server here: write "
			    "`next-server`");
}

static void relay(struct import_site *s, uint32_t line, struct span value)
{
	struct dnsmasq_list l = dnsmasq_list_of(value);
	struct span local = l.item, server, interface;

	dnsmasq_list_next(&l);
	server = l.item;
	dnsmasq_list_next(&l);
	interface = l.item;
	if (!interface.len)
		import_note(s, line,
			    "which interface has the address %.*s is not in the file: mend "
			    "`interface`",
			    TEXT(local));
	import_text_add(s, &import_relay_add(s, interface.len ? interface : local)->servers,
			server);
}

static void interface(struct import_site *s, uint32_t line, struct span value)
{
	struct dnsmasq_list l = dnsmasq_list_of(value);
	(void)line;

	for (; l.item.len; dnsmasq_list_next(&l))
		import_text_add(s, &s->interfaces, l.item);
}

static void authoritative(struct import_site *s, uint32_t line, struct span value)
{
	(void)line, (void)value;
	s->authoritative = true;
}

static void no_ping(struct import_site *s, uint32_t line, struct span value)
{
	(void)line, (void)value;
	s->no_probe = true;
}

static void rapid_commit(struct import_site *s, uint32_t line, struct span value)
{
	(void)line, (void)value;
	s->rapid_commit = true;
}

static void lease_max(struct import_site *s, uint32_t line, struct span value)
{
	if (!span_to_u64(value, UINT32_MAX, &s->leases_max))
		import_note(s, line, "not a number: %.*s", TEXT(value));
}

static void domain(struct import_site *s, uint32_t line, struct span value)
{
	struct dnsmasq_list l = dnsmasq_list_of(value);
	struct import_option *o = import_option_add(s, &s->scope.options, 15, line);

	import_text_add(s, &o->values, l.item);
	dnsmasq_list_next(&l);
	if (l.item.len)
		import_note(s, line,
			    "a domain for some addresses only: write `domain-name` under "
			    "that network's `options`");
}

static void enable_ra(struct import_site *s, uint32_t line, struct span value)
{
	(void)line, (void)value;
	s->advertise = true;
}

static const struct keyword {
	const char *word;
	void (*take)(struct import_site *s, uint32_t line, struct span value);
} keywords[] = {
	{"dhcp-range", dnsmasq_range_take},
	{"dhcp-host", host},
	{"dhcp-option", option_plain},
	{"dhcp-option-force", option_force},
	{"dhcp-boot", boot},
	{"dhcp-mac", match_mac},
	{"dhcp-vendorclass", match_vendor},
	{"dhcp-userclass", match_user},
	{"dhcp-circuitid", match_circuit},
	{"dhcp-remoteid", match_remote},
	{"dhcp-subscrid", match_subscriber},
	{"dhcp-match", match_option},
	{"dhcp-relay", relay},
	{"dhcp-authoritative", authoritative},
	{"dhcp-rapid-commit", rapid_commit},
	{"dhcp-lease-max", lease_max},
	{"no-ping", no_ping},
	{"domain", domain},
	{"interface", interface},
	{"enable-ra", enable_ra},
};

static void line_take(struct import_site *s, uint32_t line, struct span text)
{
	struct span word, value;

	dnsmasq_line_split(text, &word, &value);
	if (!word.len)
		return;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (span_is(word, keywords[i].word)) {
			keywords[i].take(s, line, value);
			return;
		}
	import_note(s, line, "%.*s is not carried over%s", TEXT(word),
		    dnsmasq_is_dns(word) ? ": it belongs to names; see `resolver` and `authority`"
					 : "");
}

/* --- tags that several kinds of matches set --- */

/* The class of the tag's matches of this kind. */
static struct import_class *class_of_kind(struct import_site *s, struct import_class *c,
					  const char *key)
{
	if (!c->matches || strcmp(c->matches->key, key) == 0)
		return c;
	struct span name = import_format(s, "%.*s-%s", TEXT(c->name), key);
	struct import_class *of = import_class_get(s, name, c->line);
	if (of->matches)
		return of;
	import_scope_inherit(s, &of->scope, &c->scope);
	for (struct import_network *n = s->networks; n; n = n->next)
		for (struct import_pool *p = n->pools; p; p = p->next)
			if (p->classes.first && span_equal(p->classes.first->text, c->name))
				import_text_add(s, &p->classes, name);
	return of;
}

/* A tag is set by any one of its lines; of a class here all kinds of matches must hold. So each
 * kind becomes a class of its own, with what the tag gets, and a pool for the tag takes any. */
static void class_split(struct import_site *s, struct import_class *c)
{
	const struct import_match *m = c->matches;

	c->matches = c->matches_last = NULL;
	for (; m && !s->failed; m = m->next)
		import_match_add(s, class_of_kind(s, c, m->key), m->key, m->value);
}

enum err import_dnsmasq(struct span text, struct import_site *s)
{
	uint32_t line = 0;

	if (text.len > IMPORT_FILE_MAX)
		return ERR_LIMIT;
	while (text.len) {
		size_t len = span_find(text, '\n');
		line_take(s, ++line, span_sub(text, 0, len));
		text = span_sub(text, len + 1, text.len);
	}
	/* Those that it makes stand behind the last one there is now, and have one kind. */
	const struct import_class *last = s->classes_last;
	for (struct import_class *c = s->classes; c; c = c == last ? NULL : c->next)
		class_split(s, c);
	import_site_settle(s);
	return s->failed ? ENOMEM : OK;
}
