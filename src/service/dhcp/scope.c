#include "service/dhcp/scope.h"

#include "base/arena.h"
#include "base/writer.h"
#include "proto/dhcp/code.h"
#include "proto/dhcp/suboption.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/conf_option.h"
#include "service/dhcp/pattern.h"

enum { VENDOR_VALUE_MAX = 4096 };

static void set_bit(uint64_t codes[4], uint8_t code)
{
	codes[code / 64] |= 1ULL << code % 64;
}

MUST static enum err copy_span(struct arena *a, struct span from, struct span *ret)
{
	const char *copy = arena_copy(a, from);

	if (!copy)
		return ENOMEM;
	*ret = span_of(copy, from.len);
	return OK;
}

static uint32_t seconds(uint64_t ms)
{
	return (uint32_t)((ms + 999) / 1000);
}

static void write_suboptions(const struct dhcp_vendor_conf *v, struct writer *w)
{
	const struct dhcp_option_conf *o = v->options.items;

	for (size_t i = 0; i < v->options.n; i++)
		dhcp_suboption_write(w, (uint8_t)o[i].code, o[i].data);
}

/* Option 125 of all enterprises here; empty: none. */
MUST static enum err enterprises(const struct dhcp_scope_conf *conf, struct arena *a,
				 struct span *ret)
{
	const struct dhcp_vendor_conf *v = conf->vendor.items;
	uint8_t buf[VENDOR_VALUE_MAX], data[UINT8_MAX];
	struct writer w = writer_of(buf, sizeof(buf));

	for (size_t i = 0; i < conf->vendor.n; i++) {
		struct writer sub = writer_of(data, sizeof(data));
		if (v[i].enterprise == 0)
			continue;
		write_suboptions(&v[i], &sub);
		if (!sub.bad) /* dhcp_check_vendor bounds it */
			dhcp_enterprise_write(&w, v[i].enterprise, writer_span(&sub));
	}
	if (w.bad)
		return ENOMEM;
	return w.pos ? copy_span(a, writer_span(&w), ret) : OK;
}

MUST static enum err add_vendor(const struct dhcp_vendor_conf *v, struct arena *a,
				struct dhcp_scope_vendor *ret)
{
	const char *const *texts = v->vendor_class.items;
	uint8_t buf[VENDOR_VALUE_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	struct dhcp_pattern *patterns = ARENA_ARRAY(a, struct dhcp_pattern, v->vendor_class.n);

	if (!patterns)
		return ENOMEM;
	for (size_t i = 0; i < v->vendor_class.n; i++)
		TRY(dhcp_pattern_compile(texts[i], a, &patterns[i]));
	write_suboptions(v, &w);
	TRY(writer_check(&w));
	ret->patterns = patterns;
	ret->patterns_n = v->vendor_class.n;
	return copy_span(a, writer_span(&w), &ret->value);
}

MUST static enum err add_vendors(const struct dhcp_scope_conf *conf, struct arena *a,
				 struct dhcp_scope *s)
{
	const struct dhcp_vendor_conf *v = conf->vendor.items;
	struct dhcp_scope_vendor *vendors =
		ARENA_ARRAY(a, struct dhcp_scope_vendor, conf->vendor.n);

	if (!vendors)
		return ENOMEM;
	for (size_t i = 0; i < conf->vendor.n; i++) {
		if (v[i].enterprise == 0)
			TRY(add_vendor(&v[i], a, &vendors[s->vendors_n++]));
	}
	s->vendors = vendors;
	return OK;
}

MUST static enum err add_options(const struct dhcp_scope_conf *conf, struct arena *a,
				 struct dhcp_scope *s)
{
	const struct dhcp_option_conf *o = conf->options.items;
	const struct span *by_code[256] = {NULL};
	struct span vendors = {0}, *values;
	unsigned n = 0;

	TRY(enterprises(conf, a, &vendors));
	if (vendors.len)
		by_code[DHCP_OPT_VENDOR_IDENTIFYING_OPTIONS] = &vendors;
	for (size_t i = 0; i < conf->options.n; i++)
		by_code[(uint8_t)o[i].code] = &o[i].data;
	values = ARENA_ARRAY(a, struct span, conf->options.n + 1);
	if (!values)
		return ENOMEM;
	for (unsigned code = 0; code < 256; code++) {
		if (code % 64 == 0)
			s->before[code / 64] = (uint8_t)n;
		if (!by_code[code])
			continue;
		set_bit(s->present, (uint8_t)code);
		TRY(copy_span(a, *by_code[code], &values[n++]));
	}
	s->values = values;
	return OK;
}

static void add_always(const struct dhcp_scope_conf *conf, struct dhcp_scope *s)
{
	const char *const *words = conf->always.items;
	uint8_t code;

	for (size_t i = 0; i < conf->always.n; i++) {
		if (dhcp_option_word(span_text(words[i]), &code) == OK)
			set_bit(s->always, code);
	}
}

static bool says_nothing(const struct dhcp_scope_conf *c)
{
	return c->options.n + c->always.n + c->vendor.n == 0 &&
	       !(c->lease_ms | c->lease_min_ms | c->lease_max_ms | c->renew_ms | c->rebind_ms) &&
	       c->next_server.family == 0 && !c->server_name && !c->boot_file;
}

enum err dhcp_scope_new(const struct dhcp_scope_conf *conf, struct arena *a,
			const struct dhcp_scope **ret)
{
	struct dhcp_scope *s;

	*ret = NULL;
	if (says_nothing(conf))
		return OK;
	s = ARENA_NEW(a, struct dhcp_scope);
	if (!s)
		return ENOMEM;
	TRY(add_options(conf, a, s));
	TRY(add_vendors(conf, a, s));
	add_always(conf, s);
	s->lease_s = seconds(conf->lease_ms);
	s->lease_min_s = seconds(conf->lease_min_ms);
	s->lease_max_s = seconds(conf->lease_max_ms);
	s->renew_s = seconds(conf->renew_ms);
	s->rebind_s = seconds(conf->rebind_ms);
	s->next_server = conf->next_server.family == 4 ? dhcp_conf_v4(&conf->next_server) : 0;
	if (conf->server_name)
		TRY(copy_span(a, span_text(conf->server_name), &s->server_name));
	if (conf->boot_file)
		TRY(copy_span(a, span_text(conf->boot_file), &s->boot_file));
	*ret = s;
	return OK;
}

const struct span *dhcp_scope_vendor(const struct dhcp_scope *s, struct span vendor_class)
{
	for (size_t i = 0; i < s->vendors_n; i++) {
		const struct dhcp_scope_vendor *v = &s->vendors[i];
		if (v->patterns_n == 0)
			return &v->value;
		for (size_t k = 0; k < v->patterns_n && vendor_class.len; k++) {
			if (dhcp_pattern_matches(&v->patterns[k], vendor_class))
				return &v->value;
		}
	}
	return NULL;
}
