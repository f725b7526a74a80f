#include "proto/wireguard/wg_quick.h"

#include "import/tunnel.h"
#include "proto/wireguard/key.h"
#include <stdlib.h>

#define TEXT(s) (int)(s).len, (const char *)(s).data

enum { NAME_MAX_LEN = 63, DEVICE_MAX_LEN = 15, MTU_MIN = 576, MTU_MAX = 9216 };

struct reading {
	struct import_site *notes;
	struct import_tunnel *t;
	struct import_peer *peer; /* of the section; NULL: none yet, or one that is left out */
	struct span comment;	  /* the last whole line of it, while nothing else came */
	uint32_t peer_line;
	bool interface;
};

static void note_value(struct reading *r, const struct wg_quick_line *l)
{
	import_note(r->notes, l->number, "not a value of %.*s: %.*s", TEXT(l->name),
		    TEXT(l->value));
}

/* --- a peer's name: people write it as a comment beside the section --- */

static struct span without(struct span text, const char *before)
{
	struct span head = span_sub(text, 0, strlen(before));

	return span_equal_nocase(head, span_text(before)) ? span_sub(text, head.len, text.len)
							  : text;
}

/* Letters, digits and hyphens in lower case, as the DNS takes it; empty: nothing of that. */
static struct span label_of(struct import_site *s, struct span text)
{
	static const char *const heads[] = {
		"#",	"#", " ", "begin_peer", "client", "peer", "user", "friendly_name",
		"name", " ", "=", ":",		" "};
	char label[NAME_MAX_LEN + 1];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct span rest = without(text, heads[i]);
		/* A word is a head only when something else follows it. */
		bool word = heads[i][1] != '\0';
		if (!word || (rest.len < text.len && rest.len &&
			      (rest.data[0] == ' ' || rest.data[0] == '=' || rest.data[0] == ':')))
			text = rest;
	}
	for (size_t i = 0; i < text.len && n < NAME_MAX_LEN; i++) {
		uint8_t c = text.data[i];
		bool capital = c >= 'A' && c <= 'Z';
		bool word = capital || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (word)
			label[n++] = (char)(capital ? c + ('a' - 'A') : c);
		else if (n && label[n - 1] != '-')
			label[n++] = '-';
	}
	while (n && label[n - 1] == '-')
		n--;
	return import_copy(s, span_of(label, n));
}

static bool is_taken(const struct import_tunnel *t, struct span name, const struct import_peer *but)
{
	for (const struct import_peer *p = t->peers; p; p = p->next)
		if (p != but && span_equal(p->name, name))
			return true;
	return false;
}

/* A sentence, or a setting that somebody took out, is no name. */
static bool is_name(struct span comment)
{
	unsigned blanks = 0;

	for (size_t i = 0; i < comment.len; i++)
		blanks += comment.data[i] == ' ';
	return comment.len && comment.len <= NAME_MAX_LEN && blanks <= 3;
}

static void peer_name(struct reading *r, struct import_peer *p, struct span comment)
{
	struct span name = is_name(comment) ? label_of(r->notes, comment) : (struct span){0};

	if (name.len && !is_taken(r->t, name, p))
		p->name = name;
}

static void peer_begin(struct reading *r, const struct wg_quick_line *l)
{
	struct import_peer *p = arena_zalloc(&r->notes->arena, 1, sizeof(struct import_peer),
					     _Alignof(struct import_peer));

	r->peer = p;
	r->peer_line = l->number;
	if (!p) {
		r->notes->failed = true;
		return;
	}
	p->line = l->number;
	if (r->t->peers_last)
		r->t->peers_last->next = p;
	else
		r->t->peers = p;
	r->t->peers_last = p;
	for (size_t n = ++r->t->peers_n; !p->name.len || is_taken(r->t, p->name, p); n++)
		p->name = import_format(r->notes, "peer-%zu", n);
	peer_name(r, p, r->comment);
}

/* --- values --- */

static bool is_key(struct span text)
{
	uint8_t key[WG_KEY_LEN];

	return wg_key_read_base64(text, key) == OK;
}

static void key_take(struct reading *r, const struct wg_quick_line *l, struct span *ret)
{
	if (is_key(l->value))
		*ret = import_copy(r->notes, l->value);
	else /* It may be a secret with a slip in it: not repeated here. */
		import_note(r->notes, l->number, "%.*s is no key in base64", TEXT(l->name));
}

static void number_take(struct reading *r, const struct wg_quick_line *l, uint64_t max,
			uint64_t *ret)
{
	if (!span_to_u64(l->value, max, ret))
		note_value(r, l);
}

static void addresses_take(struct reading *r, const struct wg_quick_line *l)
{
	struct span list = l->value, item;
	struct ip_prefix p;

	while (wg_quick_item(&list, &item))
		if (ip_prefix_parse_masked(item, &p))
			import_note(r->notes, l->number, "not an address: %.*s", TEXT(item));
		else
			import_text_add(r->notes, &r->t->addresses, item);
}

static void allowed_take(struct reading *r, const struct wg_quick_line *l)
{
	struct span list = l->value, item;
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix p;

	while (wg_quick_item(&list, &item)) {
		bool sign = item.data[0] == '+' || item.data[0] == '-';
		if (sign || ip_prefix_parse_masked(item, &p)) {
			import_note(r->notes, l->number, "not a network: %.*s", TEXT(item));
			continue;
		}
		size_t len = ip_prefix_format(&p, text);
		import_text_add(r->notes, &r->peer->allowed_ips, span_of(text, len));
		if (p.bits == 0)
			import_note(
				r->notes, l->number,
				"%s: wg-quick turns the machine's default route into the tunnel; "
				"here only what `routes` lists goes there",
				text);
	}
}

/* HOST:PORT; the host an address or a name. */
static void endpoint_take(struct reading *r, const struct wg_quick_line *l)
{
	struct ip_endpoint e;
	size_t colon = l->value.len;
	uint64_t port = 0;

	while (colon && l->value.data[colon - 1] != ':')
		colon--;
	bool by_name = colon > 1 && span_find(l->value, ':') == colon - 1 &&
		       span_to_u64(span_sub(l->value, colon, l->value.len), UINT16_MAX, &port) &&
		       port && span_find(l->value, ' ') == l->value.len;
	if (by_name || !ip_endpoint_parse(l->value, 0, &e))
		r->peer->endpoint = import_copy(r->notes, l->value);
	else
		note_value(r, l);
}

static void keepalive_take(struct reading *r, const struct wg_quick_line *l)
{
	if (!span_equal_nocase(l->value, span_text("off")))
		number_take(r, l, UINT16_MAX, &r->peer->keepalive_s);
}

/* --- settings --- */

static void command_note(struct reading *r, const struct wg_quick_line *l)
{
	static const struct {
		const char *word, *hint;
	} hints[] = {
		{"MASQUERADE", "; translation is the section `nat`"},
		{"masquerade", "; translation is the section `nat`"},
		{"iptables", "; what peers may reach is `reach` and the section `nat`"},
		{"nft", "; what peers may reach is `reach` and the section `nat`"},
		{"ip_forward", "; the section `nat` turns forwarding on"},
		{"forwarding", "; the section `nat` turns forwarding on"},
		{"ip route", "; write its networks into `routes`"},
	};
	const char *hint = "";

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]) && !*hint; i++)
		for (size_t at = 0; at < l->value.len && !*hint; at++)
			if (span_is(span_sub(l->value, at, strlen(hints[i].word)), hints[i].word))
				hint = hints[i].hint;
	import_note(r->notes, l->number, "%.*s is not carried over: no commands are run here%s",
		    TEXT(l->name), hint);
}

static void interface_setting(struct reading *r, const struct wg_quick_line *l)
{
	struct import_tunnel *t = r->t;

	switch (l->key) {
	case WG_QUICK_PRIVATE_KEY: key_take(r, l, &t->private_key); break;
	case WG_QUICK_LISTEN_PORT: number_take(r, l, UINT16_MAX, &t->port); break;
	case WG_QUICK_ADDRESS: addresses_take(r, l); break;
	case WG_QUICK_MTU:
		number_take(r, l, MTU_MAX, &t->mtu);
		if (t->mtu && t->mtu < MTU_MIN) {
			note_value(r, l);
			t->mtu = 0;
		}
		break;
	case WG_QUICK_TABLE:
		t->no_routes = span_equal_nocase(l->value, span_text("off"));
		if (!t->no_routes && !span_equal_nocase(l->value, span_text("auto")))
			import_note(r->notes, l->number,
				    "Table %.*s: routes go into the main table", TEXT(l->value));
		break;
	case WG_QUICK_FWMARK:
		import_note(r->notes, l->number,
			    "FwMark is not carried over: packets are not marked");
		break;
	case WG_QUICK_DNS:
		import_note(r->notes, l->number,
			    "DNS is not carried over: this machine's own resolver stays; what "
			    "clients are told is `clients`");
		break;
	case WG_QUICK_SAVE_CONFIG:
		import_note(r->notes, l->number,
			    "SaveConfig is not carried over: what `wg set` changes lasts until the "
			    "restart; `gatehouse vpn add` keeps peers");
		break;
	default: command_note(r, l); break;
	}
}

static void peer_setting(struct reading *r, const struct wg_quick_line *l)
{
	if (!r->peer)
		return;
	switch (l->key) {
	case WG_QUICK_PUBLIC_KEY: key_take(r, l, &r->peer->public_key); break;
	case WG_QUICK_PRESHARED_KEY: key_take(r, l, &r->peer->preshared_key); break;
	case WG_QUICK_ALLOWED_IPS: allowed_take(r, l); break;
	case WG_QUICK_ENDPOINT: endpoint_take(r, l); break;
	default: keepalive_take(r, l); break;
	}
}

static void line_take(struct reading *r, const struct wg_quick_line *l)
{
	switch (l->kind) {
	case WG_QUICK_BEGIN:
		r->interface |= l->section == WG_QUICK_INTERFACE;
		if (l->section == WG_QUICK_PEER)
			peer_begin(r, l);
		break;
	case WG_QUICK_COMMENT:
		/* Right behind [Peer], it names it as well. */
		if (r->peer && r->peer_line + 1 == l->number)
			peer_name(r, r->peer, l->value);
		r->comment = l->value;
		return;
	case WG_QUICK_WRONG:
		import_note(r->notes, l->number, "not understood: %.*s", TEXT(l->value));
		break;
	case WG_QUICK_SETTING:
		if (l->key == WG_QUICK_UNKNOWN)
			import_note(r->notes, l->number, "%.*s is not carried over: not known here",
				    TEXT(l->name));
		else if (l->section == WG_QUICK_INTERFACE)
			interface_setting(r, l);
		else
			peer_setting(r, l);
	}
	r->comment = (struct span){0};
}

/* --- the whole --- */

static bool is_earlier(const struct import_tunnel *t, const struct import_peer *p)
{
	for (const struct import_peer *e = t->peers; e != p; e = e->next)
		if (span_equal(e->public_key, p->public_key))
			return true;
	return false;
}

/* Peers without a key, or with one that came before, are no peers. */
static void peers_settle(struct import_site *notes, struct import_tunnel *t)
{
	struct import_peer **at = &t->peers;

	for (struct import_peer *p = t->peers; p; p = p->next) {
		bool again = p->public_key.len && is_earlier(t, p);
		if (p->public_key.len && !again) {
			at = &p->next;
			continue;
		}
		import_note(notes, p->line, "%.*s is left out: %s", TEXT(p->name),
			    again ? "an earlier peer has its key" : "it has no PublicKey");
		*at = p->next;
	}
}

/* --- networks that are in the file twice: wg gives them to the last who names them --- */

struct named {
	struct import_text *text;
	const struct import_peer *peer;
	size_t at; /* in the file */
};

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	struct span s = x->text->text, t = y->text->text;
	size_t len = s.len < t.len ? s.len : t.len;
	int order = len ? memcmp(s.data, t.data, len) : 0;

	if (order || s.len != t.len)
		return order ? order : s.len < t.len ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* Those that were emptied leave the list. */
static void texts_tidy(struct import_texts *list)
{
	struct import_text **at = &list->first;

	list->last = NULL;
	for (struct import_text *t = list->first; t; t = t->next) {
		if (!t->text.len)
			continue;
		*at = list->last = t;
		at = &t->next;
	}
	*at = NULL;
}

static void networks_settle(struct import_site *notes, struct import_tunnel *t)
{
	size_t n = 0;

	for (const struct import_peer *p = t->peers; p; p = p->next)
		for (const struct import_text *a = p->allowed_ips.first; a; a = a->next)
			n++;
	struct named *all =
		arena_zalloc(&notes->arena, n + 1, sizeof(struct named), _Alignof(struct named));
	if (!all) {
		notes->failed = true;
		return;
	}
	n = 0;
	for (const struct import_peer *p = t->peers; p; p = p->next)
		for (struct import_text *a = p->allowed_ips.first; a; a = a->next, n++)
			all[n] = (struct named){.text = a, .peer = p, .at = n};
	qsort(all, n, sizeof(*all), compare_named);
	for (size_t i = 0; i + 1 < n; i++) {
		if (!span_equal(all[i].text->text, all[i + 1].text->text))
			continue;
		if (all[i].peer != all[i + 1].peer)
			import_note(notes, all[i].peer->line,
				    "%.*s of %.*s is left out: a later peer has it",
				    TEXT(all[i].text->text), TEXT(all[i].peer->name));
		all[i].text->text = (struct span){0};
	}
	for (struct import_peer *p = t->peers; p; p = p->next)
		texts_tidy(&p->allowed_ips);
}

static void device_set(struct import_site *notes, struct span device, struct import_tunnel *t)
{
	if (device.len && device.len <= DEVICE_MAX_LEN) {
		t->device = import_copy(notes, device);
		return;
	}
	t->device = span_text("wg0");
	import_note(notes, 0, "no device can be called as the file is: wg0 is taken");
}

enum err import_wg_quick(struct span text, struct span device, struct import_site *notes,
			 struct import_tunnel *ret)
{
	struct wg_quick_walk walk = wg_quick_begin(text);
	struct reading r = {.notes = notes, .t = ret};
	struct wg_quick_line line;

	if (text.len > IMPORT_FILE_MAX)
		return ERR_LIMIT;
	*ret = (struct import_tunnel){.port = 0};
	device_set(notes, device, ret);
	while (wg_quick_next(&walk, &line))
		line_take(&r, &line);
	if (!r.interface) {
		import_note(notes, 0, "there is no [Interface] in it");
		return notes->failed ? (enum err)ENOMEM : ERR_FORMAT;
	}
	peers_settle(notes, ret);
	networks_settle(notes, ret);
	if (!ret->addresses.first)
		import_note(notes, 0, "no Address is in it: write `addresses`");
	if (!ret->private_key.len)
		import_note(notes, 0,
			    "no PrivateKey is in it: a new one is made at the first start, and the "
			    "peers must be told");
	if (!ret->port)
		import_note(notes, 0,
			    "no ListenPort is in it, where wg takes any free one: it is 51820");
	import_site_settle(notes); /* in the order of lines */
	return notes->failed ? (enum err)ENOMEM : OK;
}
