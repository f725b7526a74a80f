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
	if (h.set.len)
		import_note(s, line,
			    "set:%.*s: write the options of that tag under the "
			    "reservation's `options`",
			    TEXT(h.set));
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

static void option_values(struct import_site *s, uint32_t line, unsigned code,
			  struct dnsmasq_list *l, struct import_option *o)
{
	if (code == 121 || code == 249) {
		while (l->item.len) {
			struct span to = l->item;
			dnsmasq_list_next(l);
			import_text_add(s, &o->values,
					import_format(s, "%.*s %.*s", TEXT(to), TEXT(l->item)));
			dnsmasq_list_next(l);
		}
		return;
	}
	for (; l->item.len; dnsmasq_list_next(l)) {
		struct span item = unbracketed(l->item);
		if (span_is(item, "0.0.0.0") || span_is(item, "::"))
			import_note(s, line,
				    "%.*s stands for the server's own address in dnsmasq: write "
				    "the address",
				    TEXT(item));
		else
			import_text_add(s, &o->values, item);
	}
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
	struct import_scope *scope = &s->scope;
	if (six && s->networks6_last)
		scope = &s->networks6_last->scope;
	else if (tags.wanted.first)
		scope = &import_class_get(s, tags.wanted.first->text, line)->scope;
	if (tags.wanted.first && tags.wanted.first->next)
		import_note(s, line,
			    "an option under several tags was written for the first of them");
	if (six && !s->networks6_last) {
		import_note(s, line,
			    "an option of DHCPv6 before any IPv6 range is not carried over");
		return;
	}
	struct import_option *o =
		import_option_add(s, &scope->options, import_format(s, "%u", code));
	o->always = always;
	option_values(s, line, code, &l, o);
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
	struct import_option *o = import_option_add(s, &s->scope.options, span_text("15"));

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
	for (struct import_network *n = s->networks6; n; n = n->next)
		n->advertise = true;
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
	import_site_settle(s);
	return s->failed ? ENOMEM : OK;
}
