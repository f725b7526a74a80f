#include "config/value.h"

#include "base/nearest.h"
#include "base/writer.h"
#include "config/units.h"
#include "proto/dns/name.h"
#include "proto/ip/prefix.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct one {
	const struct config_values *v;
	const struct config_key *key;
	struct span text;
	void *into;
	struct config_complaint *why;
};

__attribute__((format(printf, 2, 3))) static enum err refuse(const struct one *o,
							     const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(o->why->message, sizeof(o->why->message), format, args);
	va_end(args);
	return ERR_FORMAT;
}

__attribute__((format(printf, 2, 3))) static void suggest(const struct one *o, const char *format,
							  ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(o->why->suggestion, sizeof(o->why->suggestion), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(o->why->suggestion))
		o->why->suggestion[0] = '\0';
}

static enum err refuse_bounds(const struct one *o)
{
	return refuse(o, "is out of bounds");
}

static enum err read_bool(const struct one *o)
{
	static const char *const words[] = {"off", "on", "no", "yes", "false", "true"};
	struct nearest near = nearest_to((const char *)o->text.data);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_is(o->text, words[i])) {
			*(bool *)o->into = i % 2 == 1;
			return OK;
		}
		nearest_offer(&near, words[i]);
	}
	if (near.word)
		suggest(o, "%s", near.word);
	return ERR_FORMAT;
}

static void store_integer(void *into, size_t width, int64_t value)
{
	switch (width) {
	case 1: *(uint8_t *)into = (uint8_t)value; break;
	case 2: *(uint16_t *)into = (uint16_t)value; break;
	case 4: *(uint32_t *)into = (uint32_t)value; break;
	default: *(uint64_t *)into = (uint64_t)value; break;
	}
}

static enum err read_integer(const struct one *o)
{
	struct config_bounds b = config_key_bounds(o->key);
	bool negative = o->text.len > 1 && o->text.data[0] == '-';
	struct span digits = span_sub(o->text, negative, o->text.len);
	uint64_t n;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return ERR_FORMAT;
	}
	if (digits.len == 0)
		return ERR_FORMAT;
	if (digits.len > 1 && digits.data[0] == '0')
		return refuse(o, "begins with a 0: is it octal? write it without");
	if (!span_to_u64(digits, INT64_MAX, &n))
		return refuse_bounds(o);
	int64_t value = negative ? -(int64_t)n : (int64_t)n;
	if (value < b.min || value > b.max)
		return refuse_bounds(o);
	store_integer(o->into, config_item_size(o->key), value);
	return OK;
}

static enum err store_bounded(const struct one *o, enum err err, uint64_t value)
{
	struct config_bounds b = config_key_bounds(o->key);
	if (err == ERR_LIMIT ||
	    (!err && (value > INT64_MAX || (int64_t)value < b.min || (int64_t)value > b.max)))
		return refuse_bounds(o);
	if (!err)
		*(uint64_t *)o->into = value;
	return err;
}

static enum err read_duration(const struct one *o)
{
	uint64_t value = 0, number;
	enum err err = config_duration_parse(o->text, &value);
	if (err && span_to_u64(o->text, INT64_MAX, &number)) {
		suggest(o, "%llus", (unsigned long long)number);
		return refuse(o, "lacks its unit");
	}
	return store_bounded(o, err, value);
}

static enum err read_size(const struct one *o)
{
	uint64_t value = 0;
	enum err err = config_size_parse(o->text, &value);
	/* Disk makers' and bit rates' units look alike; the one meant is asked for. */
	size_t n = o->text.len;
	if (err == ERR_FORMAT && n > 1 &&
	    (o->text.data[n - 1] == 'B' || o->text.data[n - 1] == 'b')) {
		struct span stem = span_sub(o->text, 0, n - 1);
		if (stem.data[stem.len - 1] == 'i')
			stem.len--;
		if (config_size_parse(stem, &value) == OK)
			suggest(o, "%.*s", (int)stem.len, (const char *)stem.data);
	}
	return store_bounded(o, err, value);
}

static enum err read_address(const struct one *o)
{
	return ip_address_parse(o->text, o->into);
}

/* What people write for an endpoint who have other programs in mind: an address of the web, a port
 * alone for all addresses. */
static void suggest_endpoint(const struct one *o)
{
	static const char *const schemes[] = {"http://", "https://"};
	bool ours = (o->key->flags & CONFIG_PORT_OPEN) || o->key->port;
	struct span rest = o->text;
	struct ip_endpoint e;
	uint64_t port;
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);
		if (rest.len >= n && memcmp(rest.data, schemes[i], n) == 0)
			rest = span_sub(rest, n, span_find(span_sub(rest, n, rest.len), '/'));
	}
	if (rest.len != o->text.len && ip_endpoint_parse(rest, o->key->port, &e) == OK)
		suggest(o, "%.*s", (int)rest.len, (const char *)rest.data);
	if (rest.len && rest.data[0] == '*')
		rest = span_sub(rest, 1, rest.len);
	if (rest.len && rest.data[0] == ':')
		rest = span_sub(rest, 1, rest.len);
	if (ours && span_to_u64(rest, UINT16_MAX, &port) && port)
		suggest(o, "0.0.0.0:%u", (unsigned)port);
}

static enum err read_endpoint(const struct one *o)
{
	enum err err = ip_endpoint_parse(o->text, o->key->port, o->into);
	struct ip_endpoint e;
	if (err && (o->key->flags & CONFIG_PORT_OPEN) && ip_endpoint_parse(o->text, 1, &e) == OK) {
		e.port = 0;
		*(struct ip_endpoint *)o->into = e;
		return OK;
	}
	if (err && o->key->port == 0 && ip_endpoint_parse(o->text, 1, &e) == OK)
		return refuse(o, "lacks its port");
	if (err)
		suggest_endpoint(o);
	return err;
}

static enum err read_prefix(const struct one *o)
{
	enum err err = ip_prefix_parse(o->text, o->into);
	struct ip_prefix masked;
	char text[IP_PREFIX_TEXT_MAX];
	if (err == ERR_REFUSED && ip_prefix_parse_masked(o->text, &masked) == OK) {
		(void)ip_prefix_format(&masked, text);
		suggest(o, "%s", text);
		return refuse(o, "has bits set behind its length");
	}
	return err;
}

static enum err read_range(const struct one *o)
{
	enum err err = ip_range_parse(o->text, o->into);
	return err == ERR_REFUSED ? refuse(o, "has bits set behind its length") : err;
}

static enum err read_port(const struct one *o)
{
	static const struct {
		const char *name;
		uint8_t number; /* IANA, Assigned Internet Protocol Numbers */
	} protocols[] = {{"tcp", 6}, {"udp", 17}, {"sctp", 132}};
	size_t slash = span_find(o->text, '/');
	struct span name = span_sub(o->text, slash + 1, o->text.len);
	uint64_t port;
	if (!span_to_u64(span_sub(o->text, 0, slash), UINT16_MAX, &port) || port == 0 ||
	    o->text.data[0] == '0')
		return ERR_FORMAT;
	if (slash == o->text.len) {
		suggest(o, "%llu/tcp", (unsigned long long)port);
		return refuse(o, "lacks its protocol");
	}
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (span_equal_nocase(name, span_text(protocols[i].name))) {
			*(struct config_port *)o->into = (struct config_port){
				.port = (uint16_t)port, .protocol = protocols[i].number};
			return OK;
		}
	}
	return ERR_FORMAT;
}

static enum err read_name(const struct one *o)
{
	/* As they are they would be octets of a label that no one meant. */
	for (size_t i = 0; i < o->text.len; i++) {
		if (o->text.data[i] >= 0x80)
			return refuse(o, "is not ASCII: write the name in its xn-- form");
		if (o->text.data[i] <= ' ' || o->text.data[i] == 0x7f)
			return refuse(o, "has a blank in it");
	}
	enum err err = dns_name_from_text(o->text, NULL, o->into);
	if (err == ERR_LIMIT)
		return refuse(o, "has a label over 63 octets, or over 255 octets in all");
	return err;
}

static enum err store_text(const struct one *o, struct span text)
{
	const char *copy = config_memory_text(o->v->memory, text);
	if (!copy)
		return ENOMEM;
	*(const char **)o->into = copy;
	return OK;
}

static enum err read_text(const struct one *o)
{
	struct config_bounds b = config_key_bounds(o->key);
	if ((int64_t)o->text.len < b.min)
		return refuse(o, o->text.len ? "is too short" : "is empty");
	if ((int64_t)o->text.len > b.max)
		return refuse(o, "is too long");
	return store_text(o, o->text);
}

/* path, or path in the folder of the configuration file. ret: of CONFIG_PATH_MAX octets. */
static enum err resolve_path(const struct one *o, struct span path, char *ret)
{
	const char *file = o->v->input->file_name, *slash = strrchr(file, '/');
	bool absolute = path.len && path.data[0] == '/';
	struct writer w = writer_of(ret, CONFIG_PATH_MAX);
	if (slash && !absolute)
		write_bytes(&w, file, (size_t)(slash - file) + 1);
	write_span(&w, path);
	write_u8(&w, 0);
	return w.bad ? refuse(o, "is too long") : OK;
}

static enum err read_path(const struct one *o)
{
	char path[CONFIG_PATH_MAX];
	if (o->text.len == 0)
		return refuse(o, "is empty");
	TRY(resolve_path(o, o->text, path));
	return store_text(o, span_text(path));
}

/* The content of the secret's file without the line end that editors add. */
static enum err load_secret(const struct one *o, struct span name, uint8_t *buf, struct span *ret)
{
	char path[CONFIG_PATH_MAX];
	size_t len;
	const struct config_input *input = o->v->input;
	if (name.len == 0 || !input->read_file)
		return refuse(o, "names no file that could be read");
	TRY(resolve_path(o, name, path));
	enum err err = input->read_file(input->arg, path, buf, CONFIG_SECRET_MAX, &len);
	if (err == ENOMEM)
		return err;
	if (err)
		return refuse(o, "is in a file that cannot be read, %.120s: %s", path,
			      err_text(err));
	if (len && buf[len - 1] == '\n')
		len--;
	if (len && buf[len - 1] == '\r')
		len--;
	*ret = span_of(buf, len);
	return OK;
}

static enum err read_secret(const struct one *o)
{
	static const char prefix[] = "file:";
	struct config_bounds b = config_key_bounds(o->key);
	uint8_t buf[CONFIG_SECRET_MAX];
	struct span value = o->text;
	enum err err = OK;
	if (span_equal(span_sub(value, 0, 5), span_text(prefix)))
		err = load_secret(o, span_sub(value, 5, value.len), buf, &value);
	if (!err && (int64_t)value.len < b.min)
		err = refuse(o, value.len ? "is too short" : "is empty");
	if (!err && (int64_t)value.len > b.max)
		err = refuse(o, "is too long");
	if (!err) {
		const char *copy = config_memory_text(o->v->memory, value);
		if (copy)
			*(struct span *)o->into = span_of(copy, value.len);
		else
			err = ENOMEM;
	}
	explicit_bzero(buf, sizeof(buf));
	return err;
}

static enum err read_choice(const struct one *o)
{
	const char *const *choices = o->key->choices;
	struct nearest near = nearest_to((const char *)o->text.data);
	bool yes = span_is(o->text, "true") || span_is(o->text, "yes");
	bool no = span_is(o->text, "false") || span_is(o->text, "no");
	for (int i = 0; choices[i]; i++) {
		if (span_is(o->text, choices[i])) {
			*(int *)o->into = i;
			return OK;
		}
		nearest_offer(&near, choices[i]);
	}
	for (size_t i = 0; choices[i]; i++) {
		if ((yes && strcmp(choices[i], "on") == 0) ||
		    (no && strcmp(choices[i], "off") == 0))
			near.word = choices[i];
	}
	if (near.word)
		suggest(o, "%s", near.word);
	return ERR_FORMAT;
}

enum err config_value_read(const struct config_values *v, const struct config_key *key,
			   struct span text, void *into, struct config_complaint *ret_why)
{
	static enum err (*const readers[])(const struct one *o) = {
		[CONFIG_BOOL] = read_bool,	   [CONFIG_INTEGER] = read_integer,
		[CONFIG_DURATION] = read_duration, [CONFIG_SIZE] = read_size,
		[CONFIG_ADDRESS] = read_address,   [CONFIG_ENDPOINT] = read_endpoint,
		[CONFIG_PREFIX] = read_prefix,	   [CONFIG_RANGE] = read_range,
		[CONFIG_PORT] = read_port,	   [CONFIG_NAME] = read_name,
		[CONFIG_TEXT] = read_text,	   [CONFIG_PATH] = read_path,
		[CONFIG_SECRET] = read_secret,	   [CONFIG_CHOICE] = read_choice,
	};
	ASSERT((size_t)key->type < sizeof(readers) / sizeof(readers[0]));
	struct config_complaint why = {0};
	const struct one o = {.v = v, .key = key, .text = text, .into = into, .why = &why};
	enum err err = readers[key->type](&o);
	if (err == OK || err == ENOMEM)
		return err;
	(void)config_key_phrase(key, why.expected);
	*ret_why = why;
	return ERR_FORMAT;
}
