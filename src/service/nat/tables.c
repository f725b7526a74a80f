#include "service/nat/tables_inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SWEEP_ROUND_MS = 2000, SWEEP_TURN_MS = 4, SWEEP_MIN = 64, TTL_ANSWERS_TENS = 10 };

/* --- addresses -------------------------------------------------------------------------------- */

void nat_address_map(const struct ip_address *a, uint8_t ret[16])
{
	size_t len = ip_address_len(a);
	memset(ret, 0, 16);
	if (len == 4)
		ret[10] = ret[11] = 0xff;
	for (size_t i = 0; i < len; i++)
		ret[16 - len + i] = a->bytes[i];
}

struct ip_address nat_address_unmap(const uint8_t mapped[16])
{
	struct ip_address a = ip_address_of(span_of(mapped, 16));
	return ip_address_unmap(&a);
}

__be32 nat_address_be32(const struct ip_address *a)
{
	__be32 r;
	memcpy(&r, a->bytes, sizeof(r));
	return r;
}

struct ip_address nat_address_of(__be32 address)
{
	return ip_address_of(span_of(&address, sizeof(address)));
}

/* --- notes ------------------------------------------------------------------------------------ */

static bool noted(const struct nat_tables *t, const struct nat_note *note)
{
	for (size_t i = 0; i < t->notes_n; i++)
		if (t->notes[i].line == note->line && strcmp(t->notes[i].text, note->text) == 0)
			return true;
	return false;
}

void nat_tables_note(struct nat_tables *t, uint32_t line, const char *format, ...)
{
	struct nat_note note = {.line = line};
	va_list args;
	va_start(args, format);
	(void)vsnprintf(note.text, sizeof(note.text), format, args);
	va_end(args);
	if (noted(t, &note))
		return;
	if (t->notes_n < NAT_NOTES_MAX)
		t->notes[t->notes_n++] = note;
	else
		t->notes_more++;
}

/* --- settings --------------------------------------------------------------------------------- */

/* Rounded up: a flow is never kept for less than was said. */
static uint32_t ticks(uint64_t ms)
{
	uint64_t tick = UINT64_C(1) << NAT_TICK_SHIFT;
	return (uint32_t)((ms * 1000000 + tick - 1) >> NAT_TICK_SHIFT);
}

static uint32_t log_flags(const struct nat_log_conf *c)
{
	bool on = nat_log_conf_on(c);
	return (on ? NAT_SETTING_LOG : 0) | (on && c->flows ? NAT_SETTING_LOG_FLOWS : 0);
}

uint32_t nat_build_host_flags(const struct nat_conf *c)
{
	static const uint32_t mapping[] = {0, NAT_HOST_MAP_ADDRESS,
					   NAT_HOST_MAP_ADDRESS | NAT_HOST_MAP_ENDPOINT};
	return mapping[c->mapping] |
	       (c->filtering == NAT_FILTERING_INDEPENDENT ? NAT_HOST_OPEN : 0U) |
	       (c->parity ? NAT_HOST_PARITY : 0U);
}

static void make_settings(const struct nat_build *b)
{
	const struct nat_conf *c = b->conf;
	struct nat_tables *t = b->t;
	struct nat_settings *s = &t->settings;
	/* One number for both sweeps: the larger table is gone through in one round too. */
	uint32_t most = c->limits.flows > c->limits.flows6 ? c->limits.flows : c->limits.flows6;
	uint32_t sweep = most / (SWEEP_ROUND_MS / SWEEP_TURN_MS);
	*s = (struct nat_settings){
		.idle = {[NAT_IDLE_TCP_OPENING] = ticks(c->timeouts.tcp_opening_ms),
			 [NAT_IDLE_TCP] = ticks(c->timeouts.tcp_ms),
			 [NAT_IDLE_TCP_CLOSING] = ticks(c->timeouts.tcp_closing_ms),
			 [NAT_IDLE_UDP] = ticks(c->timeouts.udp_ms),
			 [NAT_IDLE_UDP_DNS] = ticks(c->timeouts.dns_ms),
			 [NAT_IDLE_ICMP] = ticks(c->timeouts.icmp_ms),
			 [NAT_IDLE_OTHER] = ticks(c->timeouts.other_ms),
			 [NAT_IDLE_FRAGMENT] = ticks(c->timeouts.fragment_ms)},
		.flags = NAT_SETTING_FORWARDING | NAT_SETTING_ANSWER | log_flags(&c->log),
		.flows_max = c->limits.flows,
		.mappings_max = c->limits.flows,
		.host_flows_max = c->limits.host_flows,
		.host_flags = nat_build_host_flags(c),
		.block_n = (uint16_t)c->port_block,
		.events_s = (uint16_t)c->limits.events,
		.ttl_answers_s = TTL_ANSWERS_TENS,
		.sweep_n = sweep > SWEEP_MIN ? sweep : SWEEP_MIN,
		.sweep_ns = SWEEP_TURN_MS * 1000000,
	};
	err_ignore(nat_ports_parse(span_text(c->ports), &s->port_low, &s->port_high)); /* judged */
}

/* --- all -------------------------------------------------------------------------------------- */

static enum err make_all(struct nat_build *b, const struct nat_public *before)
{
	TRY(nat_build_rules(b));
	nat_build_publics(b, before);
	nat_build_sources(b);
	TRY(nat_build_forwards(b));
	make_settings(b);
	return OK;
}

enum err nat_tables_make(const struct nat_conf *conf, const struct nat_names *names,
			 const struct nat_net *net, const struct nat_public *before,
			 uint32_t publics_max, struct nat_tables *ret)
{
	struct nat_build *b = calloc(1, sizeof(*b));
	if (!b)
		return ENOMEM;
	b->conf = conf;
	b->names = names;
	b->net = net;
	b->publics_max = publics_max;
	b->t = ret;
	*ret = (struct nat_tables){.rates_n = 1};
	enum err e = make_all(b, before);
	free(b);
	return e;
}
