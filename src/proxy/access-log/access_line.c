#include "proxy/access-log/access_line.h"

#include "base/decimal.h"
#include "base/writer.h"

struct moment {
	uint32_t year, month, day, hour, minute, second, ms;
};

/* The proleptic Gregorian calendar: days since 1970 to a date (years of 400, beginning in March).
 */
static struct moment moment_of(uint64_t time_ms)
{
	uint64_t seconds = time_ms / 1000, days = seconds / 86400 + 719468;
	uint32_t era = (uint32_t)(days / 146097), day = (uint32_t)(days % 146097);
	uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint32_t of_year = day - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * of_year + 2) / 153, rest = (uint32_t)(seconds % 86400);
	struct moment m = {
		.day = of_year - (153 * month + 2) / 5 + 1,
		.month = month < 10 ? month + 3 : month - 9,
		.year = year + era * 400,
		.hour = rest / 3600,
		.minute = rest / 60 % 60,
		.second = rest % 60,
		.ms = (uint32_t)(time_ms % 1000),
	};
	m.year += m.month <= 2;
	return m;
}

static void write_padded(struct writer *w, uint32_t n, unsigned width)
{
	uint32_t unit = 1;
	while (--width)
		unit *= 10;
	for (; unit; unit /= 10)
		write_u8(w, (uint8_t)('0' + n / unit % 10));
}

static bool is_plain(uint8_t c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/* What would end the text, or make a line of it that nobody wrote, stands as its number. Bytes of
 * strangers need not be UTF-8, so those above ASCII do as well. */
static void write_escaped(struct writer *w, struct span s, const char *escape)
{
	static const char digits[] = "0123456789abcdef";
	s = span_sub(s, 0, ACCESS_VALUE_MAX);
	for (size_t i = 0; i < s.len;) {
		size_t plain = i;
		while (plain < s.len && is_plain(s.data[plain]))
			plain++;
		write_bytes(w, s.data + i, plain - i);
		if (plain < s.len) {
			write_text(w, escape);
			write_u8(w, (uint8_t)digits[s.data[plain] >> 4]);
			write_u8(w, (uint8_t)digits[s.data[plain] & 15]);
			plain++;
		}
		i = plain;
	}
}

struct ip_address access_client_shown(const struct ip_address *client, enum access_clients clients)
{
	struct ip_address a = *client;
	if (clients == ACCESS_CLIENTS_NONE)
		return (struct ip_address){0};
	for (size_t i = a.family == 4 ? 3 : 6; clients == ACCESS_CLIENTS_NETWORK && i < 16; i++)
		a.bytes[i] = 0;
	return a;
}

/* --- JSON --- */

static void member_text(struct writer *w, const char *name, struct span value)
{
	if (!value.len)
		return;
	write_text(w, ",\"");
	write_text(w, name);
	write_text(w, "\":\"");
	write_escaped(w, value, "\\u00");
	write_u8(w, '"');
}

static void member_number(struct writer *w, const char *name, uint64_t value)
{
	write_text(w, ",\"");
	write_text(w, name);
	write_text(w, "\":");
	write_decimal(w, value);
}

static void member_if(struct writer *w, const char *name, uint64_t value)
{
	if (value)
		member_number(w, name, value);
}

static void write_json_time(struct writer *w, uint64_t time_ms)
{
	struct moment m = moment_of(time_ms);
	write_padded(w, m.year, 4);
	write_u8(w, '-');
	write_padded(w, m.month, 2);
	write_u8(w, '-');
	write_padded(w, m.day, 2);
	write_u8(w, 'T');
	write_padded(w, m.hour, 2);
	write_u8(w, ':');
	write_padded(w, m.minute, 2);
	write_u8(w, ':');
	write_padded(w, m.second, 2);
	write_u8(w, '.');
	write_padded(w, m.ms, 3);
	write_u8(w, 'Z');
}

static const char *version_text(uint8_t version)
{
	switch (version) {
	case 1: return "TLS";
	case ACCESS_VERSION_TCP: return "TCP";
	case ACCESS_VERSION_UDP: return "UDP";
	case 4: return "SOCKS/4";
	case 5: return "SOCKS/5";
	case 10: return "HTTP/1.0";
	case 20: return "HTTP/2";
	default: return "HTTP/1.1";
	}
}

static void write_inspected(const struct access_line *l, struct writer *w)
{
	if (l->inspected)
		write_text(w, ",\"inspected\":true");
}

static void write_tls(const struct access_line *l, struct writer *w)
{
	if (!l->tls.len)
		return;
	member_text(w, "tls", l->tls);
	member_text(w, "cipher", l->cipher);
	member_text(w, "sni", l->server_name);
	member_text(w, "alpn", l->alpn);
	if (l->resumed)
		write_text(w, ",\"resumed\":true");
	member_text(w, "client_certificate", l->client_subject);
	member_text(w, "client_fingerprint", l->client_fingerprint);
}

static void write_json(const struct access_line *l, const struct ip_address *client,
		       struct writer *w)
{
	char address[IP_ADDRESS_TEXT_MAX];
	write_text(w, "{\"time\":\"");
	write_json_time(w, l->time_ms);
	write_u8(w, '"');
	if (client->family)
		member_text(w, "client", span_of(address, ip_address_format(client, address)));
	member_text(w, "id", l->id);
	member_text(w, "trace", l->trace);
	member_text(w, "method", l->method);
	member_text(w, "scheme", l->scheme);
	member_text(w, "host", l->host);
	member_text(w, "path", l->path);
	member_text(w, "listen", l->listen);
	member_text(w, "version", span_text(version_text(l->version)));
	member_number(w, "status", l->status);
	member_number(w, "request_bytes", l->request_bytes);
	member_number(w, "response_bytes", l->response_bytes);
	member_number(w, "duration_us", l->duration_us);
	member_if(w, "first_byte_us", l->first_byte_us);
	member_if(w, "connect_us", l->connect_us);
	member_if(w, "route", l->route);
	member_text(w, "pool", l->pool);
	member_text(w, "server", l->server);
	member_text(w, "cache", l->cache);
	if (l->tries > 1)
		member_number(w, "tries", l->tries);
	if (l->cause)
		member_text(w, "cause", span_text(l->cause));
	if (l->ended)
		member_text(w, "ended", span_text(l->ended));
	member_text(w, "detail", l->detail);
	member_text(w, "upstream", l->upstream);
	member_if(w, "upstream_status", l->upstream_status);
	member_text(w, "tunnel_sni", l->tunnel_name);
	member_text(w, "sni", l->passed_name);
	write_tls(l, w);
	write_inspected(l, w);
	member_text(w, "user", l->user);
	member_text(w, "referer", l->referer);
	member_text(w, "agent", l->agent);
	write_text(w, "}\n");
}

/* --- combined --- */

static void write_or_dash(struct writer *w, struct span s)
{
	if (s.len)
		write_escaped(w, s, "\\x");
	else
		write_u8(w, '-');
}

static void write_combined_time(struct writer *w, uint64_t time_ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct moment m = moment_of(time_ms);
	write_u8(w, '[');
	write_padded(w, m.day, 2);
	write_u8(w, '/');
	write_bytes(w, months + 3 * (m.month - 1), 3);
	write_u8(w, '/');
	write_padded(w, m.year, 4);
	write_u8(w, ':');
	write_padded(w, m.hour, 2);
	write_u8(w, ':');
	write_padded(w, m.minute, 2);
	write_u8(w, ':');
	write_padded(w, m.second, 2);
	write_text(w, " +0000]");
}

/* A blank inside of a user's name would shift the columns of whoever cuts at blanks. */
static struct span one_word(struct span s)
{
	return span_sub(s, 0, span_find(s, ' '));
}

static void write_combined(const struct access_line *l, const struct ip_address *client,
			   struct writer *w)
{
	char address[IP_ADDRESS_TEXT_MAX];
	size_t len = client->family ? ip_address_format(client, address) : 0;
	write_or_dash(w, span_of(address, len));
	write_text(w, " - ");
	write_or_dash(w, one_word(l->user));
	write_u8(w, ' ');
	write_combined_time(w, l->time_ms);
	write_text(w, " \"");
	write_or_dash(w, l->method);
	write_u8(w, ' ');
	write_or_dash(w, l->path);
	write_u8(w, ' ');
	write_text(w, l->version == 20 ? "HTTP/2.0" : version_text(l->version));
	write_text(w, "\" ");
	write_decimal(w, l->status);
	write_u8(w, ' ');
	write_decimal(w, l->response_bytes);
	write_text(w, " \"");
	write_or_dash(w, l->referer);
	write_text(w, "\" \"");
	write_or_dash(w, l->agent);
	write_text(w, "\"\n");
}

void access_line_write(const struct access_line *l, enum access_form form,
		       enum access_clients clients, struct writer *w)
{
	struct ip_address client = access_client_shown(&l->client, clients);
	if (form == ACCESS_JSON)
		write_json(l, &client, w);
	else
		write_combined(l, &client, w);
}
