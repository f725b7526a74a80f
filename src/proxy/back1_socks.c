/* The handshake with a SOCKS 5 server that leads on to the target (RFC 1928). The target's name is
 * said to it, and to nobody else. */
#include "base/reader.h"
#include "base/writer.h"
#include "proto/socks/socks5.h"
#include "proxy/back1_inner.h"
#include "proxy/hop.h"

enum step { STEP_GREETING, STEP_CHOICE, STEP_STATUS, STEP_REPLY };

/* What is said, each with its length before it. */
enum part { PART_GREETING, PART_PASSWORD, PART_REQUEST };

bool back1_socks_prepare(struct proxy_back1 *b)
{
	static const uint8_t methods[] = {SOCKS5_NO_AUTHENTICATION, SOCKS5_BY_PASSWORD};
	const struct proxy_hop_socks *s = b->hop->socks;
	b->lead = proxy_buffer_take(b->wire.pool);
	if (!b->lead)
		return false;
	struct writer w = writer_of(b->lead->data, PROXY_BUFFER_SIZE);
	size_t at = writer_reserve(&w, 2);
	socks5_greeting_write(&w, span_of(methods, s->user.len ? 2 : 1));
	writer_fill_u16(&w, at);
	at = writer_reserve(&w, 2);
	if (s->user.len)
		socks5_password_write(&w, s->user, s->password);
	writer_fill_u16(&w, at);
	at = writer_reserve(&w, 2);
	socks5_request_write(&w, SOCKS_CONNECT, &s->target);
	writer_fill_u16(&w, at);
	b->lead->end = (uint32_t)w.pos;
	b->lead_step = STEP_GREETING;
	return !w.bad;
}

static struct span part_of(const struct proxy_back1 *b, enum part part)
{
	struct reader r = reader_of_span(proxy_buffer_span(b->lead));
	struct span s = {0};
	for (unsigned i = 0; i <= part; i++)
		s = read_span(&r, read_u16(&r));
	return s;
}

static enum back1_lead failed(struct proxy_back1 *b, enum err e)
{
	b->lead_cause = PROXY_CONNECT_FAILED;
	b->wire.t->error = e;
	return BACK1_LEAD_FAILED;
}

/* False: it cannot be. */
static bool say(struct proxy_back1 *b, enum part part, enum step next)
{
	struct span s = part_of(b, part);
	uint8_t *at = s.len ? proxy_wire1_room(&b->wire, s.len) : NULL;
	if (!at)
		return false;
	memcpy(at, s.data, s.len);
	b->lead_step = (uint8_t)next;
	return proxy_wire1_flush(&b->wire) == OK;
}

static enum err error_of(uint8_t reply)
{
	switch ((enum socks5_reply)reply) {
	case SOCKS5_NOT_ALLOWED: return ERR_REFUSED;
	case SOCKS5_NETWORK_UNREACHABLE: return (enum err)ENETUNREACH;
	case SOCKS5_HOST_UNREACHABLE: return (enum err)EHOSTUNREACH;
	case SOCKS5_CONNECTION_REFUSED: return (enum err)ECONNREFUSED;
	case SOCKS5_TTL_EXPIRED: return (enum err)ETIMEDOUT;
	default: return (enum err)EIO;
	}
}

/* One message of the server's, at the beginning of what was received. */
static enum parse hear(const struct proxy_back1 *b, struct span in, uint8_t *ret_code,
		       size_t *ret_len)
{
	struct socks_address bound;
	bool right = false;
	enum parse p;
	*ret_len = SOCKS5_CHOICE_LEN;
	switch ((enum step)b->lead_step) {
	case STEP_CHOICE: return socks5_choice_read(in, ret_code);
	case STEP_STATUS:
		p = socks5_status_read(in, &right);
		*ret_code = right ? SOCKS5_SUCCEEDED : SOCKS5_NOT_ALLOWED;
		return p;
	default: return socks5_reply_read(in, ret_code, &bound, ret_len);
	}
}

/* What it says to code. False: it ends here. */
static bool answer(struct proxy_back1 *b, uint8_t code)
{
	switch ((enum step)b->lead_step) {
	case STEP_CHOICE:
		if (code == SOCKS5_BY_PASSWORD)
			return say(b, PART_PASSWORD, STEP_STATUS);
		return code == SOCKS5_NO_AUTHENTICATION && say(b, PART_REQUEST, STEP_REPLY);
	case STEP_STATUS: return code == SOCKS5_SUCCEEDED && say(b, PART_REQUEST, STEP_REPLY);
	default: return code == SOCKS5_SUCCEEDED;
	}
}

enum back1_lead back1_socks_turn(struct proxy_back1 *b)
{
	if (b->lead_step == STEP_GREETING && !say(b, PART_GREETING, STEP_CHOICE))
		return failed(b, (enum err)EIO);
	for (;;) {
		struct span in = proxy_wire1_bytes(&b->wire);
		bool last = b->lead_step == STEP_REPLY, got = false;
		uint8_t code = 0;
		size_t len = 0;
		enum parse p = in.len ? hear(b, in, &code, &len) : PARSE_MORE;
		if (p == PARSE_BAD)
			return failed(b, ERR_FORMAT);
		if (p == PARSE_DONE) {
			proxy_wire1_skip(&b->wire, len);
			if (!answer(b, code))
				return failed(b, error_of(code));
			if (last)
				return BACK1_LEAD_OPEN;
			continue;
		}
		enum err e = proxy_wire1_fill(&b->wire, &got);
		if (e)
			return failed(b, e == ERR_CLOSED ? (enum err)ECONNRESET : e);
		if (!got) {
			proxy_wire1_rest(&b->wire);
			return BACK1_LEAD_WAIT;
		}
	}
}
