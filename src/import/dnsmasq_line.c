#include "import/dnsmasq_line.h"

#include "base/writer.h"
#include "import/site.h"
#include "proto/dhcp/option.h"
#include "proto/dhcp6/option.h"

void dnsmasq_line_split(struct span line, struct span *ret_word, struct span *ret_value)
{
	bool quoted = false;
	size_t end = 0;

	*ret_word = *ret_value = (struct span){0};
	/* A comment begins the line or follows a blank, and not inside quotes. */
	for (; end < line.len; end++) {
		uint8_t c = line.data[end];
		if (c == '"')
			quoted = !quoted;
		if (c == '#' && !quoted &&
		    (end == 0 || line.data[end - 1] == ' ' || line.data[end - 1] == '\t'))
			break;
	}
	line = span_sub(line, 0, end);
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	size_t at = span_find(line, '=');
	*ret_word = span_trim(span_sub(line, 0, at));
	if (at < line.len)
		*ret_value = span_trim(span_sub(line, at + 1, line.len));
	if (ret_value->len >= 2 && ret_value->data[0] == '"' &&
	    ret_value->data[ret_value->len - 1] == '"')
		*ret_value = span_sub(*ret_value, 1, ret_value->len - 2);
}

struct dnsmasq_list dnsmasq_list_of(struct span value)
{
	struct dnsmasq_list l = {.rest = value};
	dnsmasq_list_next(&l);
	return l;
}

/* Up to a comma that is not inside quotes. */
static size_t item_len(struct span text)
{
	bool quoted = false;
	size_t n = 0;

	for (; n < text.len && (quoted || text.data[n] != ','); n++)
		if (text.data[n] == '"')
			quoted = !quoted;
	return n;
}

void dnsmasq_list_next(struct dnsmasq_list *l)
{
	size_t n = item_len(l->rest);

	l->item = span_trim(span_sub(l->rest, 0, n));
	l->rest = span_sub(l->rest, n + 1, l->rest.len);
	l->quoted =
		l->item.len >= 2 && l->item.data[0] == '"' && l->item.data[l->item.len - 1] == '"';
	if (l->quoted)
		l->item = span_sub(l->item, 1, l->item.len - 2);
}

struct span dnsmasq_list_rest(const struct dnsmasq_list *l)
{
	if (!l->rest.len)
		return l->item;
	if (!l->item.len)
		return l->rest;
	return span_of(l->item.data, (size_t)(l->rest.data + l->rest.len - l->item.data));
}

bool dnsmasq_prefix(struct span item, const char *prefix, struct span *ret_rest)
{
	size_t n = strlen(prefix);

	if (!span_is(span_sub(item, 0, n), prefix))
		return false;
	*ret_rest = span_sub(item, n, item.len);
	return true;
}

struct option_name {
	const char *name;
	unsigned code;
};

/* As `dnsmasq --help dhcp` lists them. */
static const struct option_name names[] = {
	{"netmask", 1},
	{"time-offset", 2},
	{"router", 3},
	{"dns-server", 6},
	{"log-server", 7},
	{"lpr-server", 9},
	{"hostname", 12},
	{"boot-file-size", 13},
	{"domain-name", 15},
	{"swap-server", 16},
	{"root-path", 17},
	{"extension-path", 18},
	{"ip-forward-enable", 19},
	{"non-local-source-routing", 20},
	{"policy-filter", 21},
	{"max-datagram-reassembly", 22},
	{"default-ttl", 23},
	{"mtu", 26},
	{"all-subnets-local", 27},
	{"broadcast", 28},
	{"router-discovery", 31},
	{"router-solicitation", 32},
	{"static-route", 33},
	{"trailer-encapsulation", 34},
	{"arp-timeout", 35},
	{"ethernet-encap", 36},
	{"tcp-ttl", 37},
	{"tcp-keepalive", 38},
	{"nis-domain", 40},
	{"nis-server", 41},
	{"ntp-server", 42},
	{"vendor-encap", 43},
	{"netbios-ns", 44},
	{"netbios-dd", 45},
	{"netbios-nodetype", 46},
	{"netbios-scope", 47},
	{"x-windows-fs", 48},
	{"x-windows-dm", 49},
	{"requested-address", 50},
	{"vendor-class", 60},
	{"nis+-domain", 64},
	{"nis+-server", 65},
	{"tftp-server", 66},
	{"bootfile-name", 67},
	{"mobile-ip-home", 68},
	{"smtp-server", 69},
	{"pop3-server", 70},
	{"nntp-server", 71},
	{"irc-server", 74},
	{"user-class", 77},
	{"client-arch", 93},
	{"client-interface-id", 94},
	{"client-machine-id", 97},
	{"posix-timezone", 100},
	{"tzdb-timezone", 101},
	{"ipv6-only", 108},
	{"captive-portal", 114},
	{"domain-search", 119},
	{"sip-server", 120},
	{"classless-static-route", 121},
	{"vendor-id-encap", 125},
	{"tftp-server-address", 150},
};

static const struct option_name names6[] = {
	{"dns-server", 23},	{"domain-search", 24},
	{"sntp-server", 31},	{"information-refresh-time", 32},
	{"ntp-server", 56},	{"bootfile-url", 59},
	{"bootfile-param", 60}, {"sip-server-domain", 21},
	{"sip-server", 22},	{"nis-server", 27},
	{"nis+-server", 28},	{"nis-domain", 29},
	{"nis+-domain", 30},
};

static unsigned find(const struct option_name *table, size_t n, struct span name, unsigned max)
{
	uint64_t number;

	if (span_to_u64(name, max, &number))
		return (unsigned)number;
	for (size_t i = 0; i < n; i++)
		if (span_equal_nocase(name, span_text(table[i].name)) && table[i].code <= max)
			return table[i].code;
	return 0;
}

unsigned dnsmasq_option(struct span name)
{
	return find(names, sizeof(names) / sizeof(names[0]), name, 254);
}

unsigned dnsmasq_option6(struct span name)
{
	return find(names6, sizeof(names6) / sizeof(names6[0]), name, UINT16_MAX);
}

bool dnsmasq_option_is_text(bool six, unsigned code)
{
	if (six) {
		const struct dhcp6_option_info *info = dhcp6_option_by_code((uint16_t)code);
		return info && info->type == DHCP6_OPTION_TEXT;
	}
	const struct dhcp_option_info *info = dhcp_option_by_code((uint8_t)code);
	return info && info->type == DHCP_OPTION_TEXT;
}

struct span dnsmasq_unescaped(struct import_site *s, struct span text)
{
	static const char letters[] = "ntbre", octets[] = "\n\t\b\r\033";
	uint8_t out[1024];
	struct writer w = writer_of(out, sizeof(out));

	if (text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"')
		text = span_sub(text, 1, text.len - 2);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '\\' && i + 1 < text.len) {
			c = text.data[++i];
			const char *letter = c ? strchr(letters, c) : NULL;
			if (letter)
				c = (uint8_t)octets[letter - letters];
		}
		write_u8(&w, c);
	}
	return writer_check(&w) ? import_copy(s, text) : import_copy(s, writer_span(&w));
}

bool dnsmasq_is_dns(struct span word)
{
	static const char *const words[] = {
		"server",	   "address",
		"local",	   "cname",
		"host-record",	   "mx-host",
		"srv-host",	   "ptr-record",
		"txt-record",	   "port",
		"listen-address",  "no-resolv",
		"resolv-file",	   "no-hosts",
		"addn-hosts",	   "cache-size",
		"expand-hosts",	   "bogus-priv",
		"domain-needed",   "strict-order",
		"bind-interfaces", "stop-dns-rebind",
		"local-ttl",	   "neg-ttl",
		"dnssec",	   "rev-server",
		"auth-zone",	   "auth-server",
		"filterwin2k",	   "rebind-domain-ok",
		"all-servers",	   "bind-dynamic",
		"log-queries",	   "localise-queries",
		"interface-name",  "mx-target",
		"localmx",	   "naptr-record",
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_is(word, words[i]))
			return true;
	return false;
}
