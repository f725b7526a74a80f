#include "service/reverse-proxy/guard/guard.h"

#include "base/writer.h"
#include "proxy/crowd.h"
#include "service/reverse-proxy/guard/state.h"

static bool in_prefixes(const struct ip_prefix *list, size_t n, const struct ip_address *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_prefix_contains(&list[i], a))
			return true;
	return false;
}

static bool in_countries(const uint16_t *list, size_t n, uint16_t country)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == country)
			return true;
	return false;
}

enum guard_answer guard_admits(const struct guard_rules *r, const struct ip_address *client,
			       uint16_t country)
{
	if (in_prefixes(r->deny, r->deny_n, client) ||
	    (r->allow_n && !in_prefixes(r->allow, r->allow_n, client)))
		return GUARD_DENIED;
	/* Unknown (0) is in no list. */
	if (in_countries(r->deny_countries, r->deny_countries_n, country) ||
	    (r->allow_countries_n &&
	     !in_countries(r->allow_countries, r->allow_countries_n, country)))
		return GUARD_DENIED;
	return GUARD_PASS;
}

/* ---- rates ---- */

/* The value of a cookie of that name in all Cookie fields (RFC 6265 4.2.1). */
static bool cookie_find(const struct guard_facts *f, const char *name, struct span *ret)
{
	struct span field;
	size_t at = 0;
	while (f->field(f->head, span_text("cookie"), &at, &field))
		while (field.len) {
			size_t end = span_find(field, ';');
			struct span one = span_trim(span_sub(field, 0, end));
			size_t equals = span_find(one, '=');
			field = span_sub(field, end + 1, field.len);
			if (equals < one.len && span_is(span_sub(one, 0, equals), name)) {
				*ret = span_sub(one, equals + 1, one.len);
				return true;
			}
		}
	return false;
}

static bool named_value(const struct guard_rate *rate, const struct guard_facts *f,
			struct span *ret)
{
	size_t at = 0;
	if (rate->key == GUARD_BY_FIELD)
		return f->field(f->head, span_text(rate->name), &at, ret) && ret->len;
	if (rate->key == GUARD_BY_COOKIE)
		return cookie_find(f, rate->name, ret) && ret->len;
	return false;
}

static void key_write(struct writer *w, const struct guard_rate *rate, const struct guard_facts *f)
{
	struct span value;
	uint8_t client[17];
	write_u32(w, rate->number);
	if (rate->shared) { /* gateways with other limits have other keys */
		write_u32(w, rate->requests);
		write_u32(w, rate->period_ms);
		write_u32(w, rate->burst);
	}
	if (rate->key == GUARD_BY_ROUTE) {
		write_u8(w, 'r');
		write_u32(w, f->route);
	} else if (named_value(rate, f, &value)) {
		write_u8(w, 'v');
		/* What is longer differs in its first bytes, or shares a bucket. */
		write_span(w, span_sub(value, 0, writer_left(w)));
	} else {
		write_u8(w, 'c');
		write_bytes(w, client, crowd_client_key(&f->client, client));
	}
}

static uint32_t to_seconds(uint64_t ms)
{
	return (uint32_t)((ms + 999) / 1000);
}

/* The tightest limit is what the client is told. False: one of them is spent. */
static bool rates_pass(const struct guard_rules *r, struct guard_state *s,
		       const struct guard_facts *f, struct guard_verdict *ret)
{
	for (size_t i = 0; i < r->rates_n; i++) {
		const struct guard_rate *rate = &r->rates[i];
		uint8_t buf[256];
		struct writer w = writer_of(buf, sizeof(buf));
		struct state_taken t;
		key_write(&w, rate, f);
		state_take(s, writer_span(&w),
			   &(struct state_bucket){rate->requests, rate->period_ms, rate->burst,
						  rate->shared},
			   f->now_ms, &t);
		if (t.taken && ret->has_rate && t.remaining >= ret->remaining)
			continue;
		ret->has_rate = true;
		ret->limit = rate->burst;
		ret->remaining = t.remaining;
		ret->reset_s = to_seconds(t.full_ms);
		ret->period_s =
			to_seconds((uint64_t)rate->period_ms * rate->burst / rate->requests);
		ret->retry_after_s = to_seconds(t.retry_ms);
		if (!t.taken)
			return false;
	}
	return true;
}

/* ---- basic authentication ---- */

static enum guard_answer basic_judge(const struct guard_rules *r, struct guard_state *s,
				     const struct guard_facts *f, struct guard_verdict *ret)
{
	struct auth_claim claim = {0};
	struct span value;
	size_t at = 0;
	enum auth_answer a = AUTH_NONE;
	if (f->field(f->head, span_text("authorization"), &at, &value))
		a = auth_judge(&r->basic.users, state_known(s), value, f->now_ms, &claim);
	ret->user = claim.user;
	ret->credentials = claim.credentials;
	return a == AUTH_RIGHT ? GUARD_PASS : a == AUTH_HASH ? GUARD_HASH : GUARD_SIGN_IN;
}

void guard_found_right(struct guard_state *s, const struct auth_user *user, struct span credentials,
		       uint64_t now_ms)
{
	auth_found_right(state_known(s), user, credentials, now_ms);
}

enum guard_answer guard_after_hash(const struct guard_rules *rules)
{
	return rules->has_forward ? GUARD_ASK : GUARD_PASS;
}

void guard_judge(const struct guard_rules *r, struct guard_state *s, const struct guard_facts *f,
		 struct guard_verdict *ret)
{
	*ret = (struct guard_verdict){.answer = guard_admits(r, &f->client, f->country)};
	if (ret->answer != GUARD_PASS)
		return;
	if (!rates_pass(r, s, f, ret)) {
		ret->answer = GUARD_LIMITED;
		return;
	}
	if (r->has_basic)
		ret->answer = basic_judge(r, s, f, ret);
	if (ret->answer == GUARD_PASS)
		ret->answer = guard_after_hash(r);
}
