#include "proto/tls/client_hello.h"

#include "base/reader.h"
#include "base/writer.h"

enum {
	RECORD_HEAD = 5,
	RECORD_HANDSHAKE = 22,
	RECORD_LEN_MAX = 1 << 14, /* RFC 8446 5.1 */
	MESSAGE_HEAD = 4,
	MESSAGE_CLIENT_HELLO = 1,
	SESSION_ID_MAX = 32,
	NAME_TYPE_HOST = 0,
	LABEL_MAX = 63,
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ALPN = 16,
	EXTENSION_VERSIONS = 43,
	EXTENSION_ECH = 0xfe0d,
	TLS_1_3_VERSION = 0x0304,
};

/* --- the message out of its records ------------------------------------------------------------
 */

/* Whether a client's first record can begin so: RFC 8446 5.1, and 4.1.2 for the message in it. */
static bool head_is_right(struct span wire)
{
	static const uint8_t any = 0;
	const uint8_t *b = wire.data ? wire.data : &any;
	return (wire.len < 1 || b[0] == RECORD_HANDSHAKE) && (wire.len < 2 || b[1] == 3) &&
	       (wire.len < 3 || b[2] <= 4) &&
	       (wire.len < RECORD_HEAD + 1 || b[RECORD_HEAD] == MESSAGE_CLIENT_HELLO);
}

/* How long the whole message is, its head with it; 0: that is not there yet. */
static size_t message_len(struct span so_far)
{
	struct reader r = reader_of_span(so_far);
	(void)read_u8(&r);
	size_t high = read_u8(&r), low = read_u16(&r);
	return r.bad ? 0 : MESSAGE_HEAD + (high << 16 | low);
}

/* Puts what lies in the records together until the message is whole. */
static enum parse message_gather(struct span wire, struct writer *w)
{
	struct reader r = reader_of_span(wire);
	while (reader_left(&r) >= RECORD_HEAD) {
		uint8_t type = read_u8(&r);
		uint16_t version = read_u16(&r);
		size_t len = read_u16(&r), whole;
		/* RFC 8446 5.1: no empty record, and no other kind in between */
		if (type != RECORD_HANDSHAKE || version >> 8 != 3 || len == 0 ||
		    len > RECORD_LEN_MAX)
			return PARSE_BAD;
		if (len > reader_left(&r))
			len = reader_left(&r);
		write_span(w, read_span(&r, len < writer_left(w) ? len : writer_left(w)));
		whole = message_len(writer_span(w));
		if (whole > CLIENT_HELLO_MESSAGE_MAX)
			return PARSE_BAD;
		if (whole && w->pos >= whole) {
			w->pos = whole;
			return PARSE_DONE;
		}
	}
	return PARSE_MORE;
}

/* --- what it says ------------------------------------------------------------------------------
 */

/* Lower case, labels of letters, digits, hyphens and underscores (RFC 6066 3: a DNS hostname). */
static bool name_read(struct span text, char ret[CLIENT_HELLO_NAME_MAX])
{
	size_t label = 0;
	if (text.len && text.data[text.len - 1] == '.')
		text.len--;
	if (text.len == 0 || text.len >= CLIENT_HELLO_NAME_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			    c == '_' || (c == '.' && label);
		label = c == '.' ? 0 : label + 1;
		if (!good || label > LABEL_MAX)
			return false;
		ret[i] = (char)c;
	}
	ret[text.len] = 0;
	return label > 0;
}

static bool server_name_read(struct reader r, struct client_hello *ret)
{
	struct reader list = reader_sub(&r, read_u16(&r));
	if (reader_end(&r) != OK || reader_left(&list) == 0)
		return false;
	bool host = false;
	while (reader_left(&list)) { /* each turn takes three bytes */
		uint8_t type = read_u8(&list);
		struct span name = read_span(&list, read_u16(&list));
		if (list.bad || (type == NAME_TYPE_HOST && host))
			return false; /* RFC 6066 3: no two of a type */
		if (type == NAME_TYPE_HOST && !name_read(name, ret->name))
			return false;
		host |= type == NAME_TYPE_HOST;
	}
	return !list.bad;
}

static bool alpn_read(struct reader r, struct client_hello *ret)
{
	struct reader list = reader_sub(&r, read_u16(&r));
	if (reader_end(&r) != OK || reader_left(&list) == 0)
		return false;
	struct reader all = list;
	while (reader_left(&list)) {
		size_t len = read_u8(&list);
		reader_skip(&list, len);
		if (list.bad || len == 0)
			return false; /* RFC 7301 3.1 */
	}
	if (reader_left(&all) <= sizeof(ret->alpn)) {
		ret->alpn_len = reader_left(&all);
		read_bytes(&all, ret->alpn, ret->alpn_len);
	}
	return true;
}

static bool versions_read(struct reader r, struct client_hello *ret)
{
	struct reader list = reader_sub(&r, read_u8(&r));
	if (reader_end(&r) != OK)
		return false;
	while (reader_left(&list))
		if (read_u16(&list) == TLS_1_3_VERSION)
			ret->offers_tls13 = true;
	return !list.bad;
}

static bool extension_read(uint16_t type, struct reader body, struct client_hello *ret)
{
	switch (type) {
	case EXTENSION_SERVER_NAME: return server_name_read(body, ret);
	case EXTENSION_ALPN: return alpn_read(body, ret);
	case EXTENSION_VERSIONS: return versions_read(body, ret);
	case EXTENSION_ECH: ret->has_ech = true; return true;
	default: return true;
	}
}

static bool extensions_read(struct reader r, struct client_hello *ret)
{
	uint16_t seen[CLIENT_HELLO_EXTENSIONS_MAX];
	for (size_t n = 0; reader_left(&r); n++) {
		uint16_t type = read_u16(&r);
		struct reader body = reader_sub(&r, read_u16(&r));
		if (r.bad || n == CLIENT_HELLO_EXTENSIONS_MAX)
			return false;
		for (size_t i = 0; i < n; i++)
			if (seen[i] == type)
				return false; /* RFC 8446 4.2 */
		seen[n] = type;
		if (!extension_read(type, body, ret))
			return false;
	}
	return !r.bad;
}

static bool message_read(struct span message, struct client_hello *ret)
{
	enum { VERSION_AND_RANDOM = 2 + 32 };
	struct reader r = reader_of_span(message);
	reader_skip(&r, MESSAGE_HEAD + VERSION_AND_RANDOM);
	size_t session_len = read_u8(&r);
	reader_skip(&r, session_len);
	size_t ciphers_len = read_u16(&r);
	reader_skip(&r, ciphers_len);
	size_t compressions_len = read_u8(&r);
	reader_skip(&r, compressions_len);
	if (r.bad || session_len > SESSION_ID_MAX || ciphers_len == 0 || ciphers_len % 2 ||
	    compressions_len == 0)
		return false;
	if (reader_left(&r) == 0)
		return true; /* RFC 5246 7.4.1.2: no extensions */
	struct reader extensions = reader_sub(&r, read_u16(&r));
	return reader_end(&r) == OK && extensions_read(extensions, ret);
}

enum parse client_hello_read(struct span wire, struct client_hello *ret)
{
	uint8_t room[CLIENT_HELLO_MESSAGE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	if (!head_is_right(wire))
		return PARSE_BAD;
	enum parse p = message_gather(wire, &w);
	if (p == PARSE_MORE && wire.len >= CLIENT_HELLO_MAX)
		return PARSE_BAD;
	if (p != PARSE_DONE)
		return p;
	struct client_hello h;
	h.name[0] = 0;
	h.alpn_len = 0;
	h.has_ech = h.offers_tls13 = false;
	if (!message_read(writer_span(&w), &h))
		return PARSE_BAD;
	*ret = h;
	return PARSE_DONE;
}

bool client_hello_offers(const struct client_hello *h, const char *protocol)
{
	struct reader r = reader_of(h->alpn, h->alpn_len);
	while (reader_left(&r))
		if (span_is(read_span(&r, read_u8(&r)), protocol))
			return true;
	return false;
}
