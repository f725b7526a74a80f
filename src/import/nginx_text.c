#include "import/nginx_inner.h"

#include "base/writer.h"
#include "regex/regex.h"

static bool is_name(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

bool nginx_constant(const struct nginx_directive *at, struct span name, struct span *ret)
{
	for (; at; at = at->parent)
		for (struct nginx_directive *d = nginx_own(at, "set"); d; d = nginx_same(d)) {
			struct span to = nginx_arg(d, 0), value = nginx_arg(d, 1);
			if (!span_equal(span_sub(to, 1, to.len), name) ||
			    span_find(value, '$') < value.len)
				continue;
			*ret = value;
			return true;
		}
	return false;
}

/* The server's first name, its only port. */
static bool of_server(const struct nginx_directive *at, struct span name, struct span *ret)
{
	while (at && !span_is(at->name, "server"))
		at = at->parent;
	const struct nginx_directive *d = at ? nginx_own(at, "server_name") : NULL;
	if (!d || !span_is(name, "server_name"))
		return false;
	*ret = nginx_arg(d, 0);
	return ret->len && ret->data[0] != '~' && ret->data[0] != '*' && ret->data[0] != '.';
}

static bool variable(const struct nginx_directive *d, struct span name, const struct regex *regex,
		     struct writer *w)
{
	static const struct {
		const char *theirs, *ours;
	} all[] = {
		{"host", "{host}"},
		{"http_host", "{host}"},
		{"scheme", "{scheme}"},
		{"remote_addr", "{client}"},
		{"binary_remote_addr", "{client}"},
		{"remote_port", "{client-port}"},
		{"request_method", "{method}"},
		{"uri", "{path}"},
		{"document_uri", "{path}"},
		{"args", "{query}"},
		{"query_string", "{query}"},
		{"request_id", "{request-id}"},
		{"remote_user", "{user}"},
		{"ssl_protocol", "{tls}"},
		{"request_uri", "{path}?{query}"},
	};
	struct span value;
	uint64_t number;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (span_is(name, all[i].theirs)) {
			write_text(w, all[i].ours);
			return true;
		}
	if (regex && !span_to_u64(name, 8, &number))
		number = regex_group(regex, name);
	else if (!regex)
		number = 0;
	if (number && number <= 8 && number <= regex_groups(regex)) {
		write_format(w, "{%u}", (unsigned)number);
		return true;
	}
	if (!nginx_constant(d->parent, name, &value) && !of_server(d, name, &value))
		return false;
	write_span(w, value);
	return true;
}

/* Behind the dollar: the name, and *at past it. Empty: a dollar that stands for itself. */
static struct span name_at(struct span text, size_t *at)
{
	bool braces = *at < text.len && text.data[*at] == '{';
	size_t begin = *at + braces, end = begin;
	/* $1 is one digit. */
	bool digit = begin < text.len && text.data[begin] >= '1' && text.data[begin] <= '9';
	while (end < text.len && is_name(text.data[end]) && !(digit && !braces && end > begin))
		end++;
	if (end == begin || (braces && (end == text.len || text.data[end] != '}')))
		return (struct span){0};
	*at = end + braces;
	return span_sub(text, begin, end - begin);
}

bool nginx_text(struct nginx *n, struct nginx_directive *d, struct span text,
		const struct regex *regex, struct span *ret)
{
	uint8_t buf[NGINX_TEXT_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	for (size_t at = 0; at < text.len;) {
		uint8_t c = text.data[at++];
		struct span name = c == '$' ? name_at(text, &at) : (struct span){0};
		if (name.len && !variable(d, name, regex, &w)) {
			nginx_note(n->s, d, "there is no counterpart of $%.*s", SPAN(name));
			return false;
		}
		if (name.len)
			continue;
		write_u8(&w, c);
		if (c == '{')
			write_u8(&w, c);
	}
	if (w.bad) {
		nginx_note(n->s, d, "the text is too long");
		return false;
	}
	*ret = import_copy(n->s, writer_span(&w));
	return true;
}

bool nginx_path(struct nginx *n, struct nginx_directive *d, struct span text, struct span *ret)
{
	static const char plain[] = "-._~!$&'()*+,;=:@/";
	uint8_t buf[NGINX_TEXT_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	bool good = text.len && text.data[0] == '/';
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool dot = c == '.' && (i + 1 == text.len || text.data[i + 1] == '/' ||
					text.data[i + 1] == '.');
		good = good && !(i && text.data[i - 1] == '/' && (c == '/' || dot)) && c >= 0x20;
		if ((is_name(c) && c != 0) || (c && strchr(plain, c)))
			write_u8(&w, c);
		else
			write_format(&w, "%%%02X", c);
	}
	if (!good || w.bad) {
		nginx_note(n->s, d, "no request has the path %.*s here", SPAN(text));
		return false;
	}
	*ret = import_copy(n->s, writer_span(&w));
	return true;
}

struct span nginx_field(struct nginx *n, struct span name)
{
	uint8_t buf[NGINX_TEXT_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	for (size_t i = 0; i < name.len; i++)
		write_u8(&w, name.data[i] == '_' ? '-' : name.data[i]);
	return import_copy(n->s, writer_span(&w));
}

void nginx_note_condition(struct nginx *n, struct nginx_directive *d)
{
	nginx_note(n->s, d, "a condition that is not carried over, nor what stands in it");
}

void nginx_quote(struct writer *w, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '.')
			write_text(w, "[.]");
		else if (c && strchr("^$*+?()[]{}|\\", c))
			write_format(w, "\\%c", c);
		else
			write_u8(w, c);
	}
}

/* Numbers with units, one behind the other. */
static bool units_sum(struct span text, const char *const *names, const uint64_t *values, size_t n,
		      uint64_t bare, uint64_t *ret)
{
	uint64_t sum = 0;
	size_t at = 0;
	while (at < text.len) {
		size_t begin = at;
		while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
			at++;
		uint64_t number, unit = 0;
		if (!span_to_u64(span_sub(text, begin, at - begin), UINT32_MAX, &number))
			return false;
		begin = at;
		while (at < text.len && (text.data[at] | 0x20) >= 'a' &&
		       (text.data[at] | 0x20) <= 'z')
			at++;
		struct span name = span_sub(text, begin, at - begin);
		for (size_t i = 0; i < n; i++)
			if (span_equal_nocase(name, span_text(names[i])))
				unit = values[i];
		if (!unit && (name.len || at < text.len))
			return false;
		sum += number * (name.len ? unit : bare);
		if (begin == at && at < text.len)
			return false;
	}
	*ret = sum;
	return text.len > 0;
}

bool nginx_time_ms(struct span text, uint64_t *ret)
{
	static const char *const names[] = {"ms", "s", "m", "h", "d", "w"};
	static const uint64_t values[] = {1, 1000, 60000, 3600000, 86400000, 604800000};
	return units_sum(text, names, values, 6, 1000, ret);
}

bool nginx_size(struct span text, uint64_t *ret)
{
	static const char *const names[] = {"k", "m", "g"};
	static const uint64_t values[] = {1 << 10, 1 << 20, 1 << 30};
	return units_sum(text, names, values, 3, 1, ret);
}
