#include "proto/socks/socks4.h"
#include "proto/socks/socks5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct socks_address *a, const struct socks_address *b)
{
	return span_equal(a->name, b->name) && ip_address_equal(&a->address, &b->address) &&
	       a->port == b->port;
}

/* What was read and is written anew says the same when it is read again. */
static void request4(struct span in)
{
	uint8_t room[SOCKS4_REQUEST_MAX];
	struct socks4_request q, back;
	struct writer w = writer_of(room, sizeof(room));
	enum parse p = socks4_request_read(in, &q);
	ASSERT(p != PARSE_MORE || in.len < SOCKS4_REQUEST_MAX);
	if (p != PARSE_DONE)
		return;
	ASSERT(q.len <= in.len);
	socks4_request_write(&w, &q);
	ASSERT(!w.bad && socks4_request_read(writer_span(&w), &back) == PARSE_DONE);
	ASSERT(same(&q.to, &back.to) && span_equal(q.user, back.user) &&
	       q.command == back.command && back.len == q.len);
}

static void request5(struct span in)
{
	uint8_t room[SOCKS5_REQUEST_MAX];
	struct socks5_request q, back;
	struct writer w = writer_of(room, sizeof(room));
	enum parse p = socks5_request_read(in, &q);
	ASSERT(p != PARSE_MORE || in.len < SOCKS5_REQUEST_MAX);
	ASSERT(p != PARSE_BAD || q.fault != SOCKS5_SUCCEEDED);
	if (p != PARSE_DONE)
		return;
	socks5_request_write(&w, q.command, &q.to);
	ASSERT(!w.bad && w.pos == q.len && memcmp(room, in.data, q.len) == 0);
	ASSERT(socks5_request_read(writer_span(&w), &back) == PARSE_DONE && same(&q.to, &back.to));
}

static void opening5(struct span in)
{
	uint8_t room[SOCKS5_PASSWORD_MAX];
	struct socks5_greeting g;
	struct socks5_password s;
	enum parse p = socks5_greeting_read(in, &g);
	ASSERT(p != PARSE_MORE || in.len < SOCKS5_GREETING_MAX);
	if (p == PARSE_DONE) {
		struct writer w = writer_of(room, sizeof(room));
		socks5_greeting_write(&w, g.methods);
		ASSERT(!w.bad && w.pos == g.len && memcmp(room, in.data, g.len) == 0);
	}
	p = socks5_password_read(in, &s);
	ASSERT(p != PARSE_MORE || in.len < SOCKS5_PASSWORD_MAX);
	if (p == PARSE_DONE) {
		struct writer w = writer_of(room, sizeof(room));
		socks5_password_write(&w, s.user, s.password);
		ASSERT(!w.bad && w.pos == s.len && memcmp(room, in.data, s.len) == 0);
	}
}

static void answers(struct span in)
{
	enum socks4_reply reply4;
	struct ip_endpoint bound4;
	struct socks_address bound;
	uint8_t code;
	size_t len = 0;
	bool good;
	ASSERT(socks4_reply_read(in, &reply4, &bound4) != PARSE_MORE || in.len < SOCKS4_REPLY_LEN);
	enum parse p = socks5_reply_read(in, &code, &bound, &len);
	ASSERT(p != PARSE_MORE || in.len < SOCKS5_REQUEST_MAX);
	ASSERT(p != PARSE_DONE || len <= in.len);
	ASSERT(socks5_choice_read(in, &code) != PARSE_MORE || in.len < SOCKS5_CHOICE_LEN);
	ASSERT(socks5_status_read(in, &good) != PARSE_MORE || in.len < SOCKS5_STATUS_LEN);
}

static void datagram(struct span in)
{
	uint8_t room[SOCKS5_REQUEST_MAX];
	struct socks_address a;
	struct span rest;
	struct writer w = writer_of(room, sizeof(room));
	if (socks5_datagram_read(in, &a, &rest))
		return;
	socks5_datagram_write(&w, &a);
	ASSERT(!w.bad && w.pos + rest.len == in.len && memcmp(room, in.data, w.pos) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	request4(in);
	opening5(in);
	request5(in);
	answers(in);
	datagram(in);
	return 0;
}
