#include "proto/wireguard/uapi.h"

#include "crypto/secret.h"

#include <inttypes.h>

enum { PROTOCOL_VERSION = 1 };

/* --- lines --- */

/* The line at the start of *text without its end, and past it; false: no whole one is there. */
static bool line_take(struct span *text, struct span *ret)
{
	size_t len = span_find(*text, '\n');

	if (len == text->len)
		return false;
	*ret = span_sub(*text, 0, len);
	*text = span_sub(*text, len + 1, text->len);
	return true;
}

enum parse uapi_request_read(struct span text, struct uapi_request *ret, size_t *ret_len)
{
	struct span rest = text, line = {0};

	if (!line_take(&rest, &line))
		return text.len < UAPI_LINE_MAX ? PARSE_MORE : PARSE_BAD;
	bool get = span_is(line, "get=1");
	if (!get && !span_is(line, "set=1"))
		return PARSE_BAD;
	struct span body = rest;
	/* Each turn passes a line: the text's length bounds it. */
	while (line_take(&rest, &line)) {
		if (line.len > UAPI_LINE_MAX)
			return PARSE_BAD;
		if (line.len == 0) {
			ret->operation = get ? UAPI_GET : UAPI_SET;
			ret->body = span_sub(body, 0, body.len - rest.len - 1);
			*ret_len = text.len - rest.len;
			return PARSE_DONE;
		}
		if (get)
			return PARSE_BAD;
	}
	return rest.len <= UAPI_LINE_MAX ? PARSE_MORE : PARSE_BAD;
}

/* --- keys and values --- */

enum key {
	KEY_PRIVATE_KEY,
	KEY_LISTEN_PORT,
	KEY_FWMARK,
	KEY_REPLACE_PEERS,
	KEY_PUBLIC_KEY, /* from here on: of a peer */
	KEY_REMOVE,
	KEY_UPDATE_ONLY,
	KEY_PRESHARED_KEY,
	KEY_ENDPOINT,
	KEY_KEEPALIVE,
	KEY_REPLACE_ALLOWED,
	KEY_ALLOWED,
	KEY_PROTOCOL_VERSION,
	KEYS,
};

static const char *const key_names[KEYS] = {
	[KEY_PRIVATE_KEY] = "private_key",
	[KEY_LISTEN_PORT] = "listen_port",
	[KEY_FWMARK] = "fwmark",
	[KEY_REPLACE_PEERS] = "replace_peers",
	[KEY_PUBLIC_KEY] = "public_key",
	[KEY_REMOVE] = "remove",
	[KEY_UPDATE_ONLY] = "update_only",
	[KEY_PRESHARED_KEY] = "preshared_key",
	[KEY_ENDPOINT] = "endpoint",
	[KEY_KEEPALIVE] = "persistent_keepalive_interval",
	[KEY_REPLACE_ALLOWED] = "replace_allowed_ips",
	[KEY_ALLOWED] = "allowed_ip",
	[KEY_PROTOCOL_VERSION] = "protocol_version",
};

/* KEYS: none. */
static enum key line_split(struct span line, struct span *ret_value)
{
	size_t at = span_find(line, '=');
	struct span name = span_sub(line, 0, at);

	*ret_value = span_sub(line, at + 1, line.len);
	for (unsigned k = 0; at < line.len && k < KEYS; k++)
		if (span_is(name, key_names[k]))
			return (enum key)k;
	return KEYS;
}

/* The only value that a switch has. */
static enum err is_true(struct span value)
{
	return span_is(value, "true") ? OK : ERR_FORMAT;
}

static enum err number(struct span value, uint64_t max, uint64_t *ret)
{
	return span_to_u64(value, max, ret) ? OK : ERR_FORMAT;
}

static enum err allowed_read(struct span value, struct ip_prefix *ret, bool *ret_remove)
{
	bool remove = value.len && value.data[0] == '-';
	bool sign = remove || (value.len && value.data[0] == '+');

	TRY(ip_prefix_parse_masked(span_sub(value, sign, value.len), ret));
	*ret_remove = remove;
	return OK;
}

/* --- the interface's lines --- */

static enum err interface_take(struct uapi_interface *i, enum key key, struct span value)
{
	uint64_t n = 0;

	switch (key) {
	case KEY_PRIVATE_KEY:
		TRY(wg_key_read_hex(value, i->private_key));
		i->says |= UAPI_PRIVATE_KEY;
		return OK;
	case KEY_LISTEN_PORT:
		TRY(number(value, UINT16_MAX, &n));
		i->listen_port = (uint16_t)n;
		i->says |= UAPI_LISTEN_PORT;
		return OK;
	case KEY_FWMARK:
		TRY(number(value, UINT32_MAX, &n));
		i->fwmark = (uint32_t)n;
		i->says |= UAPI_FWMARK;
		return OK;
	case KEY_REPLACE_PEERS: i->says |= UAPI_REPLACE_PEERS; return is_true(value);
	default: return ERR_FORMAT;
	}
}

void uapi_interface_done(struct uapi_interface *i)
{
	crypto_wipe(i, sizeof(*i));
}

/* --- a peer's lines --- */

static enum err peer_take(struct uapi_peer *p, enum key key, struct span value)
{
	struct ip_prefix prefix;
	bool remove;
	uint64_t n = 0;

	switch (key) {
	case KEY_REMOVE: p->says |= UAPI_REMOVE; return is_true(value);
	case KEY_UPDATE_ONLY: p->says |= UAPI_UPDATE_ONLY; return is_true(value);
	case KEY_REPLACE_ALLOWED: p->says |= UAPI_REPLACE_ALLOWED; return is_true(value);
	case KEY_PRESHARED_KEY:
		TRY(wg_key_read_hex(value, p->preshared_key));
		p->says |= UAPI_PRESHARED_KEY;
		return OK;
	case KEY_ENDPOINT:
		TRY(ip_endpoint_parse(value, 0, &p->endpoint));
		p->says |= UAPI_ENDPOINT;
		return OK;
	case KEY_KEEPALIVE:
		TRY(number(value, UINT16_MAX, &n));
		p->keepalive_s = (uint16_t)n;
		p->says |= UAPI_KEEPALIVE;
		return OK;
	case KEY_ALLOWED: return allowed_read(value, &prefix, &remove);
	case KEY_PROTOCOL_VERSION:
		TRY(number(value, UINT32_MAX, &n));
		return n == PROTOCOL_VERSION ? OK : ERR_UNSUPPORTED;
	default: return ERR_FORMAT;
	}
}

void uapi_peer_done(struct uapi_peer *p)
{
	crypto_wipe(p, sizeof(*p));
}

/* The peer at the start of *text, whose first line names its key, up to the next one's. */
static enum err peer_read(struct span *text, struct uapi_peer *ret)
{
	struct span rest = *text, line, value;

	if (!line_take(&rest, &line) || line_split(line, &value) != KEY_PUBLIC_KEY)
		return ERR_FORMAT;
	*ret = (struct uapi_peer){.lines = rest};
	TRY(wg_key_read_hex(value, ret->public_key));
	*text = rest;
	/* Each turn passes a line. */
	while (line_take(&rest, &line)) {
		enum key key = line_split(line, &value);
		if (key == KEY_PUBLIC_KEY)
			break;
		TRY(peer_take(ret, key, value));
		*text = rest;
	}
	ret->lines = span_sub(ret->lines, 0, ret->lines.len - text->len);
	return OK;
}

enum err uapi_set_read(struct span body, struct uapi_interface *ret, struct span *ret_peers)
{
	AUTO_DONE(uapi_interface_done) struct uapi_interface interface = {0};
	AUTO_DONE(uapi_peer_done) struct uapi_peer peer = {0};
	struct span rest = body, peers = body, line, value;

	while (line_take(&rest, &line)) {
		enum key key = line_split(line, &value);
		if (key == KEY_PUBLIC_KEY)
			break;
		TRY(interface_take(&interface, key, value));
		peers = rest;
	}
	for (struct span at = peers; at.len;)
		TRY(peer_read(&at, &peer));
	*ret = interface;
	*ret_peers = peers;
	return OK;
}

bool uapi_set_peer(struct span *peers, struct uapi_peer *ret)
{
	return peers->len && peer_read(peers, ret) == OK;
}

bool uapi_set_allowed(struct span *lines, struct ip_prefix *ret, bool *ret_remove)
{
	struct span line, value;

	while (line_take(lines, &line))
		if (line_split(line, &value) == KEY_ALLOWED)
			return allowed_read(value, ret, ret_remove) == OK;
	return false;
}

/* --- answers --- */

static void key_write(struct writer *w, enum key name, const uint8_t key[WG_KEY_LEN])
{
	char text[WG_KEY_HEX_LEN + 1];

	wg_key_write_hex(key, text);
	write_format(w, "%s=%s\n", key_names[name], text);
	crypto_wipe(text, sizeof(text));
}

void uapi_write_interface(struct writer *w, const struct uapi_interface *i)
{
	if (i->says & UAPI_PRIVATE_KEY)
		key_write(w, KEY_PRIVATE_KEY, i->private_key);
	if (i->says & UAPI_LISTEN_PORT)
		write_format(w, "listen_port=%u\n", i->listen_port);
	if (i->says & UAPI_FWMARK)
		write_format(w, "fwmark=%" PRIu32 "\n", i->fwmark);
}

void uapi_write_peer(struct writer *w, const struct uapi_peer *p, const struct uapi_peer_state *s)
{
	char endpoint[IP_ENDPOINT_TEXT_MAX];

	key_write(w, KEY_PUBLIC_KEY, p->public_key);
	if (p->says & UAPI_PRESHARED_KEY)
		key_write(w, KEY_PRESHARED_KEY, p->preshared_key);
	write_format(w, "protocol_version=%d\n", PROTOCOL_VERSION);
	if (p->says & UAPI_ENDPOINT) {
		ip_endpoint_format(&p->endpoint, endpoint);
		write_format(w, "endpoint=%s\n", endpoint);
	}
	write_format(w, "last_handshake_time_sec=%" PRIu64 "\n", s->last_handshake_s);
	write_format(w, "last_handshake_time_nsec=%" PRIu32 "\n", s->last_handshake_ns);
	write_format(w, "tx_bytes=%" PRIu64 "\nrx_bytes=%" PRIu64 "\n", s->tx_bytes, s->rx_bytes);
	write_format(w, "persistent_keepalive_interval=%u\n", p->keepalive_s);
}

void uapi_write_allowed(struct writer *w, const struct ip_prefix *p)
{
	char text[IP_PREFIX_TEXT_MAX];

	ip_prefix_format(p, text);
	write_format(w, "allowed_ip=%s\n", text);
}

/* What of ours has no number of the system's is the nearest that has one. */
static int errno_of(enum err e)
{
	switch (e) {
	case ERR_FORMAT: return EINVAL;
	case ERR_LIMIT: return ENOSPC;
	case ERR_REFUSED: return EPERM;
	case ERR_UNSUPPORTED: return EPROTO;
	case ERR_EXISTS: return EEXIST;
	case ERR_ABSENT: return ENODEV;
	default: return (int)e < 1000 ? (int)e : EIO;
	}
}

void uapi_write_end(struct writer *w, enum err e)
{
	write_format(w, "errno=%d\n\n", -errno_of(e));
}
