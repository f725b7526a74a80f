#include "service/authority/tcp.h"

#include "base/writer.h"
#include "service/authority/zones.h"

void tcp_init(struct tcp_conversation *c)
{
	c->in_len = 0;
	c->out_at = 0;
	c->out_len = 0;
	c->bad = false;
	c->waits = false;
	c->transfer = (struct axfr){.part = AXFR_DONE};
}

void tcp_done(struct tcp_conversation *c)
{
	axfr_done(&c->transfer);
}

uint8_t *tcp_room(struct tcp_conversation *c, size_t *ret_len)
{
	*ret_len = c->bad ? 0 : sizeof(c->in) - c->in_len;
	return c->in + c->in_len;
}

void tcp_received(struct tcp_conversation *c, size_t len)
{
	ASSERT(len <= sizeof(c->in) - c->in_len);
	c->in_len += (uint32_t)len;
}

struct span tcp_output(const struct tcp_conversation *c)
{
	return span_of(c->out + c->out_at, c->out_len - c->out_at);
}

void tcp_sent(struct tcp_conversation *c, size_t len)
{
	ASSERT(len <= c->out_len - c->out_at);
	c->out_at += (uint32_t)len;
	if (c->out_at == c->out_len)
		c->out_at = c->out_len = 0;
}

bool tcp_can_write(const struct tcp_conversation *c)
{
	return c->out_len > 0 || c->transfer.part != AXFR_DONE;
}

bool tcp_is_idle(const struct tcp_conversation *c)
{
	return !tcp_can_write(c) && !c->waits;
}

/* Room for one whole answer behind what waits; NULL: not now. */
static uint8_t *out_room(struct tcp_conversation *c)
{
	if (c->out_at > 0 && c->out_len + 2 + ANSWER_TCP_MAX > sizeof(c->out)) {
		memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
		c->out_len -= c->out_at;
		c->out_at = 0;
	}
	return c->out_len + 2 + ANSWER_TCP_MAX > sizeof(c->out) ? NULL : c->out + c->out_len;
}

static void put_message(struct tcp_conversation *c, uint8_t *at, size_t len)
{
	put_u16(at, (uint16_t)len);
	c->out_len += (uint32_t)(2 + len);
}

void tcp_answer_update(struct tcp_conversation *c, struct span answer)
{
	uint8_t *at =
		out_room(c); /* it was there when the update was taken, and nothing came since */

	c->waits = false;
	if (at && answer.len && answer.len <= ANSWER_TCP_MAX) {
		memcpy(at + 2, answer.data, answer.len);
		put_message(c, at, answer.len);
	}
}

static void transfer_step(struct tcp_conversation *c, uint64_t now_s)
{
	uint8_t *at;

	while (c->transfer.part != AXFR_DONE && (at = out_room(c))) {
		size_t len = axfr_next(&c->transfer, at + 2, ANSWER_TCP_MAX, now_s);
		if (len)
			put_message(c, at, len);
	}
	if (c->transfer.part == AXFR_DONE)
		axfr_done(&c->transfer);
}

/* One query of len bytes. */
static void answer_one(struct tcp_conversation *c, const struct tcp_surroundings *x,
		       struct span packet, uint8_t *at)
{
	struct answer_facts facts;
	struct answer_input in = {
		.packet = packet,
		.client = x->client,
		.tcp = true,
		.now_s = x->now_s,
		.random = x->random,
	};
	size_t len = answer_make(x->zones, x->conf, &in, at + 2, ANSWER_TCP_MAX, &facts);

	if (facts.update) {
		c->waits = x->update(x->arg, packet, &facts);
		if (!c->waits)
			len = answer_update_write(packet, DNS_RCODE_SERVFAIL, &facts.tsig, x->now_s,
						  at + 2, ANSWER_TCP_MAX);
	}
	if (len)
		put_message(c, at, len);
	else if (facts.transfer)
		c->bad = axfr_begin(&c->transfer, zone_now(facts.transfer->zone), packet,
				    x->conf->edns_size, &facts.tsig);
	else if (!c->waits)
		c->bad = true; /* not a query: RFC 7766 8, nothing good follows */
	x->told(x->arg, &facts, len > 0 || facts.transfer || c->waits);
}

unsigned tcp_step(struct tcp_conversation *c, const struct tcp_surroundings *context)
{
	uint32_t at = 0;
	unsigned answered = 0;

	for (;;) {
		if (c->transfer.part != AXFR_DONE)
			transfer_step(c, context->now_s);
		bool free = c->transfer.part == AXFR_DONE && !c->bad && !c->waits;
		uint8_t *out = free ? out_room(c) : NULL;
		if (!out || c->in_len - at < 2)
			break;
		uint32_t len = (uint32_t)(c->in[at] << 8 | c->in[at + 1]);
		if (len > TCP_QUERY_MAX) {
			c->bad = true;
			break;
		}
		if (c->in_len - at < 2 + len)
			break;
		answer_one(c, context, span_of(c->in + at + 2, len), out);
		at += 2 + len;
		answered++;
	}
	if (at)
		memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
	return answered;
}
