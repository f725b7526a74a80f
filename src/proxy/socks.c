#include "proxy/socks.h"

#include "base/decimal.h"

void proxy_socks_answer(const struct proxy_socks *s, enum socks5_reply reply,
			const struct ip_endpoint *bound, struct writer *out)
{
	if (s->version == SOCKS5_VERSION)
		socks5_reply_write(out, reply, bound);
	else
		socks4_reply_write(
			out, reply == SOCKS5_SUCCEEDED ? SOCKS4_GRANTED : SOCKS4_REJECTED, bound);
}

static enum proxy_socks_took refuse(struct proxy_socks *s, enum socks5_reply reply,
				    struct writer *out)
{
	s->step = PROXY_SOCKS_OVER;
	proxy_socks_answer(s, reply, &(const struct ip_endpoint){0}, out);
	return PROXY_SOCKS_END;
}

static enum proxy_socks_took asked(struct proxy_socks *s, uint8_t command, struct writer *out)
{
	s->associates = command == SOCKS_ASSOCIATE && s->version == SOCKS5_VERSION && s->datagrams;
	if (command != SOCKS_CONNECT && !s->associates)
		return refuse(s, SOCKS5_COMMAND_UNSUPPORTED, out);
	s->step = PROXY_SOCKS_OVER;
	return PROXY_SOCKS_ASKED;
}

static enum proxy_socks_took request4(struct proxy_socks *s, struct span in, struct writer *out,
				      struct proxy_socks_message *ret)
{
	struct socks4_request q;
	switch (socks4_request_read(in, &q)) {
	case PARSE_MORE: return PROXY_SOCKS_MORE;
	case PARSE_BAD: return refuse(s, SOCKS5_FAILED, out);
	case PARSE_DONE: break;
	}
	ret->used = q.len;
	ret->to = q.to;
	return asked(s, q.command, out);
}

/* The best that both have; whoever may be anybody, and says who it is, is asked to prove it. */
static enum socks5_method method_of(const struct proxy_socks *s, const struct socks5_greeting *g)
{
	if (s->passwords && socks5_offers(g, SOCKS5_BY_PASSWORD))
		return SOCKS5_BY_PASSWORD;
	return socks5_offers(g, SOCKS5_NO_AUTHENTICATION) ? SOCKS5_NO_AUTHENTICATION
							  : SOCKS5_NONE_ACCEPTABLE;
}

static enum proxy_socks_took greeting(struct proxy_socks *s, struct span in, struct writer *out,
				      struct proxy_socks_message *ret)
{
	struct socks5_greeting g;
	switch (socks5_greeting_read(in, &g)) {
	case PARSE_MORE: return PROXY_SOCKS_MORE;
	case PARSE_BAD: s->step = PROXY_SOCKS_OVER; return PROXY_SOCKS_END;
	case PARSE_DONE: break;
	}
	ret->used = g.len;
	enum socks5_method method = method_of(s, &g);
	socks5_choice_write(out, method);
	if (method == SOCKS5_NONE_ACCEPTABLE) {
		s->step = PROXY_SOCKS_OVER;
		return PROXY_SOCKS_END;
	}
	s->step = method == SOCKS5_BY_PASSWORD ? PROXY_SOCKS_PASSWORD : PROXY_SOCKS_REQUEST;
	return PROXY_SOCKS_ON;
}

void proxy_socks_signed_in(struct proxy_socks *s, bool right, struct writer *out)
{
	s->step = right ? PROXY_SOCKS_REQUEST : PROXY_SOCKS_OVER;
	socks5_status_write(out, right);
}

static enum proxy_socks_took password(struct proxy_socks *s, struct span in, struct writer *out,
				      struct proxy_socks_message *ret)
{
	struct socks5_password q;
	switch (socks5_password_read(in, &q)) {
	case PARSE_MORE: return PROXY_SOCKS_MORE;
	case PARSE_BAD: proxy_socks_signed_in(s, false, out); return PROXY_SOCKS_END;
	case PARSE_DONE: break;
	}
	ret->used = q.len;
	ret->user = q.user;
	ret->password = q.password;
	s->step = PROXY_SOCKS_SIGN_IN;
	return PROXY_SOCKS_SAID;
}

static enum proxy_socks_took request5(struct proxy_socks *s, struct span in, struct writer *out,
				      struct proxy_socks_message *ret)
{
	struct socks5_request q;
	switch (socks5_request_read(in, &q)) {
	case PARSE_MORE: return PROXY_SOCKS_MORE;
	case PARSE_BAD: return refuse(s, q.fault, out);
	case PARSE_DONE: break;
	}
	ret->used = q.len;
	ret->to = q.to;
	return asked(s, q.command, out);
}

static enum proxy_socks_took opening(struct proxy_socks *s, struct span in, struct writer *out,
				     struct proxy_socks_message *ret)
{
	s->version = in.data[0];
	if (s->version == SOCKS4_VERSION && s->versions & PROXY_SOCKS_4)
		return request4(s, in, out, ret);
	if (s->version == SOCKS5_VERSION && s->versions & PROXY_SOCKS_5)
		return greeting(s, in, out, ret);
	s->step =
		PROXY_SOCKS_OVER; /* whoever speaks another protocol is not answered by this one */
	return PROXY_SOCKS_END;
}

enum proxy_socks_took proxy_socks_take(struct proxy_socks *s, struct span in, struct writer *out,
				       struct proxy_socks_message *ret)
{
	*ret = (struct proxy_socks_message){0};
	if (!in.len && s->step != PROXY_SOCKS_OVER)
		return PROXY_SOCKS_MORE;
	switch ((enum proxy_socks_step)s->step) {
	case PROXY_SOCKS_OPENING: return opening(s, in, out, ret);
	case PROXY_SOCKS_PASSWORD: return password(s, in, out, ret);
	case PROXY_SOCKS_REQUEST: return request5(s, in, out, ret);
	case PROXY_SOCKS_SIGN_IN:
	case PROXY_SOCKS_OVER: break;
	}
	return PROXY_SOCKS_END;
}

void proxy_socks_authority(const struct socks_address *to, struct writer *out)
{
	/* The text of an IPv6 address may come as a name. */
	bool brackets =
		to->name.len ? span_find(to->name, ':') < to->name.len : to->address.family == 6;
	write_text(out, brackets ? "[" : "");
	if (to->name.len)
		write_span(out, to->name);
	else
		ip_address_write(out, &to->address);
	write_text(out, brackets ? "]:" : ":");
	write_decimal(out, to->port);
}
