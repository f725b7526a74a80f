#include "proto/socks/socks5.h"

#include "base/reader.h"

/* ATYP (RFC 1928 5). */
enum { TYPE_IPV4 = 1, TYPE_NAME = 3, TYPE_IPV6 = 4 };

enum { PASSWORD_VERSION = 1, PASSWORD_GOOD = 0, PASSWORD_BAD = 1 };

/* --- greeting and method (RFC 1928 3) ----------------------------------------------------------
 */

enum parse socks5_greeting_read(struct span in, struct socks5_greeting *ret)
{
	struct reader r = reader_of_span(in);
	if (in.len && read_u8(&r) != SOCKS5_VERSION)
		return PARSE_BAD;
	uint8_t n = read_u8(&r);
	if (in.len >= 2 && n == 0) /* "METHODS: 1 to 255" */
		return PARSE_BAD;
	struct span methods = read_span(&r, n);
	if (reader_check(&r))
		return PARSE_MORE;
	*ret = (struct socks5_greeting){.methods = methods, .len = r.pos};
	return PARSE_DONE;
}

bool socks5_offers(const struct socks5_greeting *g, enum socks5_method method)
{
	return span_find(g->methods, (uint8_t)method) < g->methods.len;
}

void socks5_greeting_write(struct writer *w, struct span methods)
{
	if (!methods.len || methods.len > SOCKS5_METHODS_MAX) {
		w->bad = true;
		return;
	}
	write_u8(w, SOCKS5_VERSION);
	write_u8(w, (uint8_t)methods.len);
	write_span(w, methods);
}

void socks5_choice_write(struct writer *w, enum socks5_method method)
{
	write_u8(w, SOCKS5_VERSION);
	write_u8(w, (uint8_t)method);
}

/* Two bytes, the first of which is known. */
static enum parse pair_read(struct span in, uint8_t version, uint8_t *ret)
{
	if (in.len && in.data[0] != version)
		return PARSE_BAD;
	if (in.len < 2)
		return PARSE_MORE;
	*ret = in.data[1];
	return PARSE_DONE;
}

enum parse socks5_choice_read(struct span in, uint8_t *ret)
{
	return pair_read(in, SOCKS5_VERSION, ret);
}

/* --- user and password (RFC 1929 2) ------------------------------------------------------------
 */

/* "1 to 255": a length byte and as many bytes. */
static enum parse text_read(struct reader *r, struct span *ret)
{
	bool has_len = reader_left(r) > 0;
	uint8_t len = read_u8(r);
	if (has_len && !len)
		return PARSE_BAD;
	*ret = read_span(r, len);
	return r->bad ? PARSE_MORE : PARSE_DONE;
}

enum parse socks5_password_read(struct span in, struct socks5_password *ret)
{
	struct reader r = reader_of_span(in);
	struct socks5_password q = {0};
	if (in.len && read_u8(&r) != PASSWORD_VERSION)
		return PARSE_BAD;
	enum parse p = text_read(&r, &q.user);
	if (p == PARSE_DONE)
		p = text_read(&r, &q.password);
	if (p != PARSE_DONE)
		return p;
	q.len = r.pos;
	*ret = q;
	return PARSE_DONE;
}

static void text_write(struct writer *w, struct span text)
{
	if (!text.len || text.len > SOCKS5_TEXT_MAX)
		w->bad = true;
	write_u8(w, (uint8_t)text.len);
	write_span(w, text);
}

void socks5_password_write(struct writer *w, struct span user, struct span password)
{
	write_u8(w, PASSWORD_VERSION);
	text_write(w, user);
	text_write(w, password);
}

void socks5_status_write(struct writer *w, bool good)
{
	write_u8(w, PASSWORD_VERSION);
	write_u8(w, good ? PASSWORD_GOOD : PASSWORD_BAD);
}

enum parse socks5_status_read(struct span in, bool *ret_good)
{
	uint8_t status;
	enum parse p = pair_read(in, PASSWORD_VERSION, &status);
	if (p == PARSE_DONE)
		*ret_good = status == PASSWORD_GOOD;
	return p;
}

/* --- addresses (RFC 1928 5) --------------------------------------------------------------------
 */

/* ATYP, address, port. *ret_known false: PARSE_BAD for a type that is none. */
static enum parse address_read(struct reader *r, struct socks_address *ret, bool *ret_known)
{
	struct socks_address a = {0};
	bool has_type = reader_left(r) > 0;
	uint8_t type = read_u8(r);
	*ret_known = true;
	switch (has_type ? type : 0) {
	case TYPE_IPV4: a.address = ip_address_of(read_span(r, 4)); break;
	case TYPE_IPV6: a.address = ip_address_of(read_span(r, 16)); break;
	case TYPE_NAME: {
		enum parse p = text_read(r, &a.name);
		if (p == PARSE_BAD || (p == PARSE_DONE && !socks_name_is_good(a.name)))
			return PARSE_BAD;
		break;
	}
	default: *ret_known = !has_type; return has_type ? PARSE_BAD : PARSE_MORE;
	}
	a.port = read_u16(r);
	if (reader_check(r))
		return PARSE_MORE;
	*ret = a;
	return PARSE_DONE;
}

static void address_write(struct writer *w, const struct socks_address *a)
{
	struct span address = ip_address_span(&a->address);
	if (a->name.len) {
		w->bad = w->bad || !socks_name_is_good(a->name);
		write_u8(w, TYPE_NAME);
		write_u8(w, (uint8_t)a->name.len);
		write_span(w, a->name);
	} else if (address.len) {
		write_u8(w, address.len == 4 ? TYPE_IPV4 : TYPE_IPV6);
		write_span(w, address);
	} else {
		write_u8(w, TYPE_IPV4);
		write_u32(w, 0);
	}
	write_u16(w, a->port);
}

/* --- requests and replies (RFC 1928 4, 6) ------------------------------------------------------
 */

/* VER, a byte, RSV, address; q may be half filled by what is not PARSE_DONE. */
static enum parse message_read(struct span in, struct socks5_request *q)
{
	struct reader r = reader_of_span(in);
	bool known;
	*q = (struct socks5_request){.fault = SOCKS5_FAILED};
	if (in.len && read_u8(&r) != SOCKS5_VERSION)
		return PARSE_BAD;
	q->command = read_u8(&r);
	/* "Fields marked RESERVED (RSV) must be set to X'00'." */
	if (read_u8(&r) != 0)
		return PARSE_BAD;
	enum parse p = address_read(&r, &q->to, &known);
	if (!known)
		q->fault = SOCKS5_ADDRESS_UNSUPPORTED;
	q->len = r.pos;
	return p;
}

enum parse socks5_request_read(struct span in, struct socks5_request *ret)
{
	struct socks5_request q;
	enum parse p = message_read(in, &q);
	if (p == PARSE_BAD)
		ret->fault = q.fault;
	if (p != PARSE_DONE)
		return p;
	*ret = q;
	ret->fault = SOCKS5_SUCCEEDED;
	return p;
}

void socks5_request_write(struct writer *w, uint8_t command, const struct socks_address *to)
{
	write_u8(w, SOCKS5_VERSION);
	write_u8(w, command);
	write_u8(w, 0);
	address_write(w, to);
}

void socks5_reply_write(struct writer *w, enum socks5_reply reply, const struct ip_endpoint *bound)
{
	const struct socks_address at = {.address = bound->address,
					 .port = bound->address.family ? bound->port : 0};
	socks5_request_write(w, (uint8_t)reply, &at);
}

enum parse socks5_reply_read(struct span in, uint8_t *ret, struct socks_address *ret_bound,
			     size_t *ret_len)
{
	struct socks5_request q;
	enum parse p = message_read(in, &q);
	if (p != PARSE_DONE)
		return p;
	*ret = q.command;
	*ret_bound = q.to;
	*ret_len = q.len;
	return PARSE_DONE;
}

enum socks5_reply socks5_reply_of(enum err e)
{
	switch ((int)e) {
	case OK: return SOCKS5_SUCCEEDED;
	case ENETUNREACH: return SOCKS5_NETWORK_UNREACHABLE;
	case EHOSTUNREACH:
	case ERR_ABSENT: /* a name that is not there */ return SOCKS5_HOST_UNREACHABLE;
	case ECONNREFUSED: return SOCKS5_CONNECTION_REFUSED;
	case ETIMEDOUT: return SOCKS5_TTL_EXPIRED;
	case EAFNOSUPPORT: return SOCKS5_ADDRESS_UNSUPPORTED;
	case EACCES:
	case EPERM:
	case ERR_REFUSED: return SOCKS5_NOT_ALLOWED;
	default: return SOCKS5_FAILED;
	}
}

/* --- datagrams (RFC 1928 7) --------------------------------------------------------------------
 */

enum err socks5_datagram_read(struct span in, struct socks_address *ret, struct span *ret_data)
{
	struct reader r = reader_of_span(in);
	struct socks_address to;
	bool known;
	uint16_t reserved = read_u16(&r);
	uint8_t fragment = read_u8(&r);
	if (reader_check(&r) || reserved)
		return ERR_FORMAT;
	/* "An implementation that does not support fragmentation MUST drop any datagram whose FRAG
	 * field is other than X'00'." */
	if (fragment)
		return ERR_UNSUPPORTED;
	if (address_read(&r, &to, &known) != PARSE_DONE)
		return ERR_FORMAT;
	*ret_data = read_span(&r, reader_left(&r));
	*ret = to;
	return OK;
}

void socks5_datagram_write(struct writer *w, const struct socks_address *from)
{
	write_u16(w, 0);
	write_u8(w, 0);
	address_write(w, from);
}
