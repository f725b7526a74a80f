#include "service/forward-proxy/pac/pac.h"

#include "base/writer.h"

#include <assert.h>

/* Bits of an address: 32 or 128 of them, "" for a name. What is IPv4-mapped is the IPv4 address. */
static const char script_addresses[] =
	"function gatehouseBinary(number, width) {\n"
	"\tvar text = number.toString(2);\n"
	"\twhile (text.length < width) text = '0' + text;\n"
	"\treturn text;\n"
	"}\n"
	"function gatehouseBits4(host) {\n"
	"\tvar parts = host.split('.'), bits = '', i;\n"
	"\tif (parts.length != 4) return '';\n"
	"\tfor (i = 0; i < 4; i++) {\n"
	"\t\tif (!/^[0-9]{1,3}$/.test(parts[i]) || Number(parts[i]) > 255) return '';\n"
	"\t\tbits += gatehouseBinary(Number(parts[i]), 8);\n"
	"\t}\n"
	"\treturn bits;\n"
	"}\n"
	"function gatehouseGroups(text) {\n"
	"\tvar groups = text == '' ? [] : text.split(':'), bits = '', i;\n"
	"\tfor (i = 0; i < groups.length; i++) {\n"
	"\t\tif (i == groups.length - 1 && groups[i].indexOf('.') >= 0) {\n"
	"\t\t\tbits += gatehouseBits4(groups[i]) || 'x';\n"
	"\t\t} else if (/^[0-9a-f]{1,4}$/.test(groups[i])) {\n"
	"\t\t\tbits += gatehouseBinary(parseInt(groups[i], 16), 16);\n"
	"\t\t} else {\n"
	"\t\t\tbits += 'x';\n"
	"\t\t}\n"
	"\t}\n"
	"\treturn bits;\n"
	"}\n"
	"function gatehouseBits(host) {\n"
	"\tvar halves, left, right, mapped = gatehouseBinary(65535, 96);\n"
	"\tif (host.indexOf(':') < 0) return gatehouseBits4(host);\n"
	"\thalves = host.split('%')[0].split('::');\n"
	"\tif (halves.length > 2) return '';\n"
	"\tleft = gatehouseGroups(halves[0]);\n"
	"\tright = halves.length == 2 ? gatehouseGroups(halves[1]) : '';\n"
	"\tif (halves.length == 2) while (left.length + right.length < 128) left += '0';\n"
	"\tleft += right;\n"
	"\tif (left.length != 128 || left.indexOf('x') >= 0) return '';\n"
	"\treturn left.indexOf(mapped) == 0 ? left.substring(96) : left;\n"
	"}\n";

/* Keys begin with '=', so that no name is one that every object has. */
static const char script_find[] =
	"function gatehouseIsDirect(host) {\n"
	"\tvar bits = gatehouseBits(host), dot, i;\n"
	"\tif (bits != '') {\n"
	"\t\tbits = bits.length + ':' + bits;\n"
	"\t\tfor (i = 0; i < gatehousePrefixes.length; i++)\n"
	"\t\t\tif (bits.indexOf(gatehousePrefixes[i]) == 0) return true;\n"
	"\t\treturn false;\n"
	"\t}\n"
	"\tif (host.indexOf(':') >= 0) return false;\n"
	"\tif (gatehousePlain && host.indexOf('.') < 0) return true;\n"
	"\tif (gatehouseNames['=' + host] == 1) return true;\n"
	"\tfor (dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1))\n"
	"\t\tif (gatehouseBelow['=' + host.substring(dot + 1)] == 1) return true;\n"
	"\treturn false;\n"
	"}\n"
	"function FindProxyForURL(url, host) {\n"
	"\thost = String(host).toLowerCase().replace(/^\\[|\\]$/g, '').replace(/\\.$/, '');\n"
	"\treturn gatehouseIsDirect(host) ? 'DIRECT' : gatehouseProxies;\n"
	"}\n";

/* What a name may have stands as it is; all else, which none has, as its number. */
static void write_escaped(struct writer *w, const char *text)
{
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || strchr("-_.:[] ;", c);
		if (plain)
			write_u8(w, c);
		else
			write_format(w, "\\x%02x", c);
	}
}

static void write_names(const struct pac *p, bool below, const char *variable, struct writer *w)
{
	bool first = true;
	write_format(w, "var %s = {", variable);
	for (size_t i = 0; i < p->direct_n; i++) {
		const struct access_place *place = &p->direct[i];
		if (place->prefix.address.family || place->below != below)
			continue;
		write_text(w, first ? "\n\t'=" : ",\n\t'=");
		write_escaped(w, place->name);
		write_text(w, "': 1");
		first = false;
	}
	write_text(w, first ? "};\n" : "\n};\n");
}

static void write_prefixes(const struct pac *p, struct writer *w)
{
	bool first = true;
	write_text(w, "var gatehousePrefixes = [");
	for (size_t i = 0; i < p->direct_n; i++) {
		const struct ip_prefix *prefix = &p->direct[i].prefix;
		if (!prefix->address.family)
			continue;
		write_format(w, "%s\n\t'%u:", first ? "" : ",",
			     prefix->address.family == 4 ? 32u : 128u);
		for (unsigned bit = 0; bit < prefix->bits; bit++)
			write_u8(w,
				 prefix->address.bytes[bit / 8] >> (7 - bit % 8) & 1 ? '1' : '0');
		write_text(w, "'");
		first = false;
	}
	write_text(w, first ? "];\n" : "\n];\n");
}

static void write_proxies(const struct pac *p, struct writer *w)
{
	static const char *const words[] = {
		[PAC_HTTPS] = "HTTPS", [PAC_HTTP] = "PROXY", [PAC_SOCKS5] = "SOCKS5"};
	char host[DESTINATION_TEXT_MAX + 1];
	write_text(w, "var gatehouseProxies = '");
	for (size_t i = 0; i < p->proxies_n; i++) {
		(void)destination_host_format(&p->proxies[i].at, host);
		write_text(w, i ? "; " : "");
		write_text(w, words[p->proxies[i].kind]);
		write_u8(w, ' ');
		write_escaped(w, host);
		write_format(w, ":%u", p->proxies[i].at.port);
	}
	write_text(w, p->fallback && p->proxies_n ? "; DIRECT" : p->proxies_n ? "" : "DIRECT");
	write_text(w, "';\n");
}

void pac_write(const struct pac *p, struct writer *w)
{
	write_text(w, "// Written by gatehouse from its configuration.\n");
	write_proxies(p, w);
	write_format(w, "var gatehousePlain = %s;\n", p->plain_names ? "true" : "false");
	write_names(p, false, "gatehouseNames", w);
	write_names(p, true, "gatehouseBelow", w);
	write_prefixes(p, w);
	write_text(w, script_addresses);
	write_text(w, script_find);
}

/* The longest place is a name of 253 octets, or 128 bits. */
static_assert(PAC_DIRECT_MAX * (DESTINATION_NAME_MAX + 16) + PAC_PROXIES_MAX * 300 + 4096 <=
		      PAC_SIZE_MAX,
	      "any configuration fits");

enum err pac_proxy_read(struct span text, struct pac_proxy *ret)
{
	static const struct {
		const char *scheme;
		enum pac_kind kind;
		uint16_t port;
	} kinds[] = {{"https://", PAC_HTTPS, 443},
		     {"http://", PAC_HTTP, 80},
		     {"socks5://", PAC_SOCKS5, 1080}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].scheme);
		struct pac_proxy p = {.kind = kinds[i].kind};
		if (!span_is(span_sub(text, 0, len), kinds[i].scheme))
			continue;
		TRY(destination_read(span_sub(text, len, text.len), kinds[i].port, &p.at));
		*ret = p;
		return OK;
	}
	return ERR_UNSUPPORTED;
}
