#include "proto/wireguard/wg_quick.h"

#include <inttypes.h>

static const struct keyword {
	const char *name;
	enum wg_quick_section section;
	enum wg_quick_key key;
} keywords[] = {
	{"PrivateKey", WG_QUICK_INTERFACE, WG_QUICK_PRIVATE_KEY},
	{"ListenPort", WG_QUICK_INTERFACE, WG_QUICK_LISTEN_PORT},
	{"FwMark", WG_QUICK_INTERFACE, WG_QUICK_FWMARK},
	{"Address", WG_QUICK_INTERFACE, WG_QUICK_ADDRESS},
	{"DNS", WG_QUICK_INTERFACE, WG_QUICK_DNS},
	{"MTU", WG_QUICK_INTERFACE, WG_QUICK_MTU},
	{"Table", WG_QUICK_INTERFACE, WG_QUICK_TABLE},
	{"PreUp", WG_QUICK_INTERFACE, WG_QUICK_PRE_UP},
	{"PostUp", WG_QUICK_INTERFACE, WG_QUICK_POST_UP},
	{"PreDown", WG_QUICK_INTERFACE, WG_QUICK_PRE_DOWN},
	{"PostDown", WG_QUICK_INTERFACE, WG_QUICK_POST_DOWN},
	{"SaveConfig", WG_QUICK_INTERFACE, WG_QUICK_SAVE_CONFIG},
	{"PublicKey", WG_QUICK_PEER, WG_QUICK_PUBLIC_KEY},
	{"PresharedKey", WG_QUICK_PEER, WG_QUICK_PRESHARED_KEY},
	{"Endpoint", WG_QUICK_PEER, WG_QUICK_ENDPOINT},
	{"AllowedIPs", WG_QUICK_PEER, WG_QUICK_ALLOWED_IPS},
	{"PersistentKeepalive", WG_QUICK_PEER, WG_QUICK_PERSISTENT_KEEPALIVE},
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct span trimmed(struct span s)
{
	while (s.len && is_blank(s.data[0]))
		s = span_sub(s, 1, s.len);
	while (s.len && is_blank(s.data[s.len - 1]))
		s = span_sub(s, 0, s.len - 1);
	return s;
}

static enum wg_quick_key key_of(enum wg_quick_section section, struct span name)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (keywords[i].section == section &&
		    span_equal_nocase(name, span_text(keywords[i].name)))
			return keywords[i].key;
	return WG_QUICK_UNKNOWN;
}

static enum wg_quick_section section_of(struct span text)
{
	if (span_equal_nocase(text, span_text("[Interface]")))
		return WG_QUICK_INTERFACE;
	return span_equal_nocase(text, span_text("[Peer]")) ? WG_QUICK_PEER : WG_QUICK_NONE;
}

static void line_read(struct wg_quick_walk *w, struct span line, struct wg_quick_line *ret)
{
	/* Both programs end a line at the first mark, also inside a command. */
	struct span text = trimmed(span_sub(line, 0, span_find(line, '#')));
	size_t equals = span_find(text, '=');

	*ret = (struct wg_quick_line){.number = w->number, .section = w->section, .value = text};
	if (!text.len) {
		ret->kind = WG_QUICK_COMMENT;
		ret->value = trimmed(span_sub(line, span_find(line, '#') + 1, line.len));
	} else if (text.data[0] == '[') {
		w->section = ret->section = section_of(text);
		ret->kind = w->section ? WG_QUICK_BEGIN : WG_QUICK_WRONG;
	} else if (equals == text.len || !w->section) {
		ret->kind = WG_QUICK_WRONG;
	} else {
		ret->kind = WG_QUICK_SETTING;
		ret->name = trimmed(span_sub(text, 0, equals));
		ret->value = trimmed(span_sub(text, equals + 1, text.len));
		ret->key = key_of(w->section, ret->name);
	}
}

bool wg_quick_next(struct wg_quick_walk *w, struct wg_quick_line *ret)
{
	while (w->rest.len) {
		size_t len = span_find(w->rest, '\n');
		struct span line = trimmed(span_sub(w->rest, 0, len));
		w->rest = span_sub(w->rest, len + 1, w->rest.len);
		w->number++;
		if (line.len) {
			line_read(w, line, ret);
			return true;
		}
	}
	return false;
}

bool wg_quick_item(struct span *list, struct span *ret)
{
	while (list->len) {
		size_t len = span_find(*list, ',');
		struct span item = trimmed(span_sub(*list, 0, len));
		*list = span_sub(*list, len + 1, list->len);
		if (item.len) {
			*ret = item;
			return true;
		}
	}
	return false;
}

/* --- the client's file --- */

static void text_write(struct writer *w, const char *name, struct span value)
{
	write_format(w, "%s = ", name);
	write_span(w, value);
	write_u8(w, '\n');
}

static void prefixes_write(struct writer *w, const char *name, const struct ip_prefix *p, size_t n)
{
	char text[IP_PREFIX_TEXT_MAX];

	if (!n)
		return;
	write_format(w, "%s = ", name);
	for (size_t i = 0; i < n; i++) {
		ip_prefix_format(&p[i], text);
		write_format(w, "%s%s", i ? ", " : "", text);
	}
	write_u8(w, '\n');
}

static void dns_write(struct writer *w, const struct wg_quick_client *c)
{
	if (!c->dns_n)
		return;
	write_text(w, "DNS = ");
	for (size_t i = 0; i < c->dns_n; i++) {
		write_text(w, i ? ", " : "");
		ip_address_write(w, &c->dns[i]);
	}
	if (c->search.len) {
		write_text(w, ", ");
		write_span(w, c->search);
	}
	write_u8(w, '\n');
}

void wg_quick_write(struct writer *w, const struct wg_quick_client *c)
{
	write_text(w, "[Interface]\n");
	if (c->private_key.len)
		text_write(w, "PrivateKey", c->private_key);
	else
		write_text(w, "# PrivateKey = put the private key here; it is not kept\n");
	prefixes_write(w, "Address", c->addresses, c->addresses_n);
	dns_write(w, c);
	if (c->mtu)
		write_format(w, "MTU = %" PRIu32 "\n", c->mtu);
	write_text(w, "\n[Peer]\n");
	text_write(w, "PublicKey", c->public_key);
	if (c->preshared_key.len)
		text_write(w, "PresharedKey", c->preshared_key);
	text_write(w, "Endpoint", c->endpoint);
	prefixes_write(w, "AllowedIPs", c->allowed, c->allowed_n);
	if (c->keepalive_s)
		write_format(w, "PersistentKeepalive = %u\n", c->keepalive_s);
}
